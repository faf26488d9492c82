#!/bin/bash
# What do the cost providers say at the prompt? `systolic` gives SCALE-Sim's cycles and SRAM words on all 528 rows of the
# shared table and no memory slows it; `compat` gives the public lane cycles; `table` gives what a file says, and names
# every operator that the file leaves out before anything is searched. Each steers a whole search to a proven best.
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
      [(row["name"], row["cycles"], row["sram_a_words"], row["sram_b_words"], row["sram_c_words"], row["sram_bytes"],
        row["dataflow"]) for row in a] ==
      [(row["layer"], row["compute_cycles"], *(words := (row["sram_ifmap_reads"], row["sram_filter_reads"],
        row["sram_ofmap_writes"])), str(sum(map(int, words))), "'$dataflow'")
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

# --- table ------------------------------------------------------------------------------------------------------------
cat >"$folder/prices.csv" <<'CSV'
name,kind,m,n,k,elements,cores,cycles,dram_bytes
one,gemm,2385,77,33,,,12345,999
two,gemm,2385,77,33,,2,6789,888
relu,relu,,,,2385,,53,
CSV
printf 'name,kind,m,n,k,elements\ng,gemm,2385,77,33,\nr,relu,,,,2385\n' >"$folder/ops.csv"
price=(cost --ops "$folder/ops.csv" --accelerator tpuv4 --provider table)
runs 0 'table' "$dse" "${price[@]}" --set "cost.table=\"$folder/prices.csv\""
cp "$folder/out" "$folder/table.csv"
holds 'table: what the file says' '[(row["cycles"], row["dram_bytes"]) for row in a] ==
  [("12345", "999"), ("53", str(2 * 2 * 2385))]' "$folder/table.csv"
runs 0 'table, two cores' "$dse" "${price[@]}" --set "cost.table=\"$folder/prices.csv\"" --cores 2
cp "$folder/out" "$folder/table.csv"
holds 'table: two cores' '[row["cycles"] for row in a] == ["6789", "53"]' "$folder/table.csv"
printf 'g,gemm,2385,77,34,\n' >>"$folder/ops.csv"
runs 2 'table: an operator that it leaves out' "$dse" "${price[@]}" --set "cost.table=\"$folder/prices.csv\""
says 'table: its shape' \
  "prices.csv: cost.table: no row for kind=gemm phase=forward element_bytes=2 batch=1 m=2385 n=77 k=34"
runs 2 'table: no file' "$dse" "${price[@]}"
says 'table: no file' 'cost.table: is empty'
runs 1 'table: no such file' "$dse" "${price[@]}" --set "cost.table=\"$folder/absent.csv\""
sed 's/12345/12x/' "$folder/prices.csv" >"$folder/bad.csv"
runs 2 'table: a mistake' "$dse" "${price[@]}" --set "cost.table=\"$folder/bad.csv\""
says 'table: a mistake' 'bad.csv:2: cycles: "12x", a whole number'

# A file for a whole workload, put together from what the messages say is missing.
write_small "$folder/small.cfg"
by_table=(--set 'cost.provider="table"' --set "cost.table=\"$folder/all.csv\"")
printf 'kind,cycles\n' >"$folder/all.csv"
runs 2 'table: nothing in it' "$dse" explore "$folder/small.cfg" --out "$folder/table" "${by_table[@]}"
refute 'table: no folder while operators are missing' test -e "$folder/table"
cat >"$folder/rows.py" <<'PYTHON'
import csv, re, shlex, sys
rows = []
for line in open(sys.argv[1], encoding="utf-8"):
    shape = line.split(": no row for ", 1)[1]
    row = dict(word.split("=", 1) for word in shlex.split(shape))
    if row not in rows: rows.append(row)
columns = sorted({column for row in rows for column in row}) + ["cycles", "cores"]
with open(sys.argv[2], "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for i, row in enumerate(rows):
        writer.writerow({**row, "cycles": 10000 + 77 * i})
        writer.writerow({**row, "cycles": 6000 + 77 * i, "cores": 2})
print(len(rows))
PYTHON
check 'table: messages become rows' python3 "$folder/rows.py" "$folder/err" "$folder/all.csv"
runs 0 'table: nothing is missing' "$dse" check "$folder/small.cfg" "${by_table[@]}"
sed '$d' "$folder/all.csv" | sed '$d' >"$folder/less.csv"
runs 2 'table: the last is missing' "$dse" check "$folder/small.cfg" --set 'cost.provider="table"' \
  --set "cost.table=\"$folder/less.csv\""
check 'table: it alone is named' test "$(grep -c 'less.csv: cost.table: no row for kind=' "$folder/err")" -ge 1

# --- whole searches ---------------------------------------------------------------------------------------------------
for provider in systolic compat table; do
  runs 0 "$provider: a search" "$dse" explore "$folder/small.cfg" --out "$folder/$provider" "${by_table[@]}" \
    --set "cost.provider=\"$provider\""
  holds "$provider: the best is proven" 'a["proven_optimal"]' "$folder/$provider/summary.json"
done
refute 'providers differ' cmp "$folder/systolic/front.csv" "$folder/compat/front.csv"
# The table is part of the run: other prices in the same file are another run.
sed -i '2s/,[0-9]*,$/,9999,/' "$folder/all.csv"
runs 2 'table: other prices' "$dse" explore "$folder/small.cfg" --out "$folder/table" "${by_table[@]}"
if [[ $MPI != no ]]; then
  runs 0 'table: two ranks' mpirun -n 2 "$dse" explore "$folder/small.cfg" --out "$folder/table" --fresh "${by_table[@]}"
  runs 0 'table: one rank' "$dse" explore "$folder/small.cfg" --out "$folder/one" "${by_table[@]}"
  same_files 'table: one rank and two' "$folder/one" "$folder/table" "${same_bytes[@]}"
fi
runs 0 'the list of providers' "$dse" list providers
for provider in physical compat systolic table; do prints "the list: $provider" "$provider"; done
runs 2 'no such provider' "$dse" cost --ops $tables/ops.csv --accelerator tpuv4 --provider systolc
says 'no such provider' 'systolic'
finish
