#!/bin/bash
# What do the cost providers say at the prompt? `systolic` gives SCALE-Sim's cycles and SRAM words on all 528 rows of the
# shared table and no memory slows it; `compat` gives the public lane cycles; both steer a whole search to a proven best.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
tables=tests/data/opcost

# --- systolic ---------------------------------------------------------------------------------------------------------
# A row of hardware.csv as an accelerator file.
array() { # ROW_NAME
  python3 - "$1" $tables/hardware.csv <<'PYTHON'
import csv, sys
with open(sys.argv[2], newline="", encoding="utf-8") as file:
    row = next(r for r in csv.DictReader(file) if r["hw"] == sys.argv[1])
print("accelerator = { tc_count = 1; tc_rows = %(rows)s; tc_cols = %(cols)s; vc_count = 1; vc_width = 16;\n"
      "  glb_kib = %(unified_kB)s; clock_mhz = 1000; element_bytes = 1; hbm_bytes_per_cycle = %(dram_bytes_per_cycle)s.0; };"
      % row)
PYTHON
}

cp $tables/systolic_closed_form.csv "$folder/scalesim.csv"
rows=0
for hardware in ws16_edge ws32 nvdla64x16 tpu128; do
  array $hardware >"$folder/$hardware.cfg"
  for dataflow in ws os is; do
    runs 0 "systolic, $hardware, $dataflow" "$dse" cost --ops $tables/ops.csv --accelerator "$folder/$hardware.cfg" \
      --provider systolic --set "cost.dataflow=\"$dataflow\""
    cp "$folder/out" "$folder/$hardware-$dataflow.csv"
    # One byte a word, so that sram_bytes are words.
    holds "systolic, $hardware, $dataflow: cycles and SRAM words of SCALE-Sim" '
      [(row["name"], int(row["cycles"]), int(row["sram_bytes"]), row["dataflow"]) for row in a] ==
      [(row["layer"], int(row["compute_cycles"]), sum(int(row["sram_" + words]) for words in
        ("ifmap_reads", "filter_reads", "ofmap_writes")), "'$dataflow'")
       for row in b if (row["hw"], row["dataflow"]) == ("'$hardware'", "'$dataflow'")] and len(a) == 44' \
      "$folder/$hardware-$dataflow.csv" "$folder/scalesim.csv"
    rows=$((rows + $(tail -n +2 "$folder/out" | wc -l)))
  done
  runs 0 "systolic, $hardware, all" "$dse" cost --ops $tables/ops.csv --accelerator "$folder/$hardware.cfg" \
    --provider systolic
  cp "$folder/out" "$folder/$hardware.csv"
  holds "systolic, $hardware: all is the best of ws, os, is" 'all(int(best["cycles"]) == min(int(each["cycles"])
    for each in three) for best, *three in zip(a, b, c, d))' "$folder/$hardware.csv" \
    "$folder/$hardware-ws.csv" "$folder/$hardware-os.csv" "$folder/$hardware-is.csv"
done
check 'systolic: 528 rows were compared' test "$rows" -eq 528

# Memory never stalls it, and depthwise convolutions stay on the array.
runs 0 'systolic, almost no bandwidth' "$dse" cost --ops $tables/ops.csv --accelerator "$folder/ws32.cfg" \
  --provider systolic --set accelerator.hbm_bytes_per_cycle=0.001 --set accelerator.glb_kib=1 \
  --set cost.glb_bytes_per_cycle=1
cp "$folder/out" "$folder/starved.csv"
holds 'systolic: no memory, same cycles' '[row["cycles"] for row in a] == [row["cycles"] for row in b]' \
  "$folder/starved.csv" "$folder/ws32.csv"
runs 0 'physical, almost no bandwidth' "$dse" cost --ops $tables/ops.csv --accelerator "$folder/ws32.cfg" \
  --set accelerator.hbm_bytes_per_cycle=0.001
cp "$folder/out" "$folder/physical.csv"
holds 'physical is stalled by it' 'all(int(p["cycles"]) > int(q["cycles"]) for p, q in zip(a, b))' \
  "$folder/physical.csv" "$folder/starved.csv"
holds 'systolic: never on lanes' '{row["dataflow"] for row in a} <= {"ws", "os", "is"} and
  {"gemm", "conv", "depthwise"} == {row["kind"] for row in a}' "$folder/ws32.csv"

# --- compat -----------------------------------------------------------------------------------------------------------
# 2,385 elements on 128 lanes take 19 strides; a pair of them, too.
cat >"$folder/lanes.csv" <<'CSV'
name,kind,elements,element_bytes
tanh,tanh,2385,2
sigmoid,sigmoid,2385,2
gelu,gelu,2385,2
exp,exp,2385,2
erf,erf,2385,2
dropout,dropout,2385,2
add,add,2385,2
div,div,2385,2
CSV
for cores in 1 2; do
  runs 0 "compat, lanes, $cores" "$dse" cost --ops "$folder/lanes.csv" --accelerator tpuv4_like --provider compat \
    --cores $cores
  cp "$folder/out" "$folder/lanes.out.csv"
  strides=$(((2385 + cores * 128 - 1) / (cores * 128)))
  holds "compat, lanes: cycles on $cores" '[int(row["cycles"]) for row in a] ==
    [cycles * '$strides' for cycles in (27, 12, 1, 15, 15, 2, 1, 10)]' "$folder/lanes.out.csv"
done

# --- whole searches ---------------------------------------------------------------------------------------------------
write_small "$folder/small.cfg"
for provider in systolic compat; do
  runs 0 "$provider: a search" "$dse" explore "$folder/small.cfg" --out "$folder/$provider" \
    --set "cost.provider=\"$provider\""
  holds "$provider: the best is proven" 'a["proven_optimal"]' "$folder/$provider/summary.json"
done
refute 'providers differ' cmp "$folder/systolic/front.csv" "$folder/compat/front.csv"
runs 0 'the list of providers' "$dse" list providers
for provider in physical compat systolic; do prints "the list: $provider" "$provider"; done
runs 2 'no such provider' "$dse" cost --ops $tables/ops.csv --accelerator tpuv4 --provider systolc
says 'no such provider' 'systolic'
finish
