#!/bin/bash
# What do single operators cost? The CSV and JSON of `dse cost` on sixteen real layers, in their order, never below their
# bounds; settings that must and must not matter; mistakes in either file, at their line.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
ops=tests/data/opcost/ops.csv

cost() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "cost $*" "$dse" cost --ops "$ops" "$@"
  silent "cost $*" err
  cp "$folder/out" "$folder/$file"
}

cost tpuv4.csv --accelerator tpuv4
cp $ops "$folder/ops.csv"
holds 'a row an operator, in order' '[row["name"] for row in a] == [row["name"] for row in b] and len(a) > 9' \
  "$folder/tpuv4.csv" "$folder/ops.csv"
sane='all(int(row["cycles"]) >= int(row["bound_cycles"]) > 0 and float(row["energy_pj"]) > 0 and
  int(row["dram_bytes"]) > 0 and 0 < float(row["utilisation"]) <= 1 for row in a)'
holds 'cycles are at least bound_cycles' "$sane" "$folder/tpuv4.csv"
cost tpuv4.jsonl --accelerator tpuv4 --json
holds 'JSON: fields' 'all({"name", "kind", "cycles", "bound_cycles", "utilisation", "sram_bytes", "dram_bytes",
  "energy_pj"} <= row.keys() for row in a)' "$folder/tpuv4.jsonl"
holds 'JSON and CSV say the same' 'len(a) == len(b) and all(p["cycles"] == int(q["cycles"]) and
  p["dram_bytes"] == int(q["dram_bytes"]) and p["energy_pj"] == float(q["energy_pj"]) for p, q in zip(a, b))' \
  "$folder/tpuv4.jsonl" "$folder/tpuv4.csv"

# Bytes from memory: every operand at least once.
holds 'dram_bytes: every operand at least once' 'all(int(p["dram_bytes"]) >= int(q["element_bytes"]) * (
  int(q["m"]) * int(q["k"]) + int(q["k"]) * int(q["n"]) + int(q["m"]) * int(q["n"])) for p, q in zip(a, b)
  if q["kind"] == "gemm")' "$folder/tpuv4.csv" "$folder/ops.csv"

# --- settings -----------------------------------------------------------------------------------------------------------
for part in tpuv2 v100 h100 nvdla_like; do
  cost part.csv --accelerator $part
  holds "$part: cycles are at least bound_cycles" "$sane" "$folder/part.csv"
done
for dataflow in ws os is; do
  cost $dataflow.csv --accelerator tpuv4 --set "cost.dataflow=\"$dataflow\""
  holds "$dataflow alone is not faster than the best of all" 'all(int(p["cycles"]) <= int(q["cycles"]) and
    q["dataflow"] in ("vector", "'$dataflow'") for p, q in zip(a, b))' "$folder/tpuv4.csv" "$folder/$dataflow.csv"
done
cost none.csv --accelerator tpuv4 --set 'cost.array_overlap="none"'
cost ideal.csv --accelerator tpuv4 --set 'cost.array_overlap="ideal"'
holds 'overlap: ideal <= double <= none' 'all(int(p["cycles"]) <= int(q["cycles"]) <= int(r["cycles"])
  for p, q, r in zip(a, b, c)) and a != b and b != c' "$folder/ideal.csv" "$folder/tpuv4.csv" "$folder/none.csv"
cost cores.csv --accelerator tpuv4 --cores 2
holds 'two cores are not slower than one' 'all(int(q["cycles"]) <= int(p["cycles"]) for p, q in zip(a, b)) and
  {row["cores"] for row in b} == {"2"}' "$folder/tpuv4.csv" "$folder/cores.csv"
cost compat.csv --accelerator tpuv2_like --provider compat
holds 'compat costs, too' 'all(int(row["cycles"]) > 0 for row in a)' "$folder/compat.csv"

# The six lines of cli.md: a bare array, such as a row of hardware.csv.
cat >"$folder/array.cfg" <<'CFG'
accelerator = {
  tc_count = 1; tc_rows = 16; tc_cols = 16; vc_count = 1; vc_width = 16;
  glb_kib = 96; clock_mhz = 1000; element_bytes = 1;
  hbm_bytes_per_cycle = 8.0;
};
CFG
cost array.csv --accelerator "$folder/array.cfg"
holds 'a bare array: cycles are at least bound_cycles' "$sane" "$folder/array.csv"
cost wide.csv --accelerator "$folder/array.cfg" --set accelerator.hbm_bytes_per_cycle=16.0
holds '--set accelerator.…: a faster memory never hurts' 'all(int(q["cycles"]) <= int(p["cycles"])
  for p, q in zip(a, b)) and a != b' "$folder/array.csv" "$folder/wide.csv"

# A gemm and the same as a 1 x 1 convolution have the same work; only what a row needs must be there.
cat >"$folder/two.csv" <<'CSV'
name,kind,batch,m,n,k,c,h,w,r,s,stride,pad,groups,elements,element_bytes
matrix,gemm,1,2385,77,33,,,,,,,,,,2
"a name, quoted",relu,,,,,,,,,,,,,2385,2
CSV
ops=$folder/two.csv cost two.out.csv --accelerator tpuv4
holds 'two rows' '[row["name"] for row in a] == ["matrix", "a name, quoted"] and a[1]["dataflow"] == "vector" and
  int(a[0]["dram_bytes"]) >= 2 * (2385 * 33 + 33 * 77 + 2385 * 77) and int(a[1]["dram_bytes"]) == 2 * 2 * 2385' \
  "$folder/two.out.csv"

# --- every kind, in every pass ------------------------------------------------------------------------------------------
cat >"$folder/kinds.csv" <<'CSV'
name,kind,phase,batch,m,n,k,c,h,w,r,s,stride,pad,output_pad,dilation,groups,causal,elements,operands,second,bytes,ranks,element_bytes
forward,gemm,,1,2385,77,33,,,,,,,,,,,,,,,,,2
data,gemm,backward-data,1,2385,77,33,,,,,,,,,,,,,,,,,2
same as data,gemm,forward,1,2385,33,77,,,,,,,,,,,,,,,,,2
weight,gemm,backward-weight,1,2385,77,33,,,,,,,,,,,,,,,,,2
strided,conv,backward-data,4,,,24,32,57,57,3,3,2,1,,,,,,,,,,2
its mirror,transposed_conv,forward,4,,,32,24,29,29,3,3,2,1,,,,,,,,,,2
dilated,conv,,4,,,24,32,57,57,3,3,1,2,,2,2,,,,,,,2
filters,conv,backward-weight,4,,,24,32,57,57,3,3,2,1,,,,,,,,,,2
channels,depthwise,backward-weight,4,,,,32,57,57,3,3,2,1,,,,,,,,,,2
heads,attention,,32,512,384,64,,,,,,,,,,4,,,,,,,2
heads back,attention,backward-data,32,512,384,64,,,,,,,,,,4,,,,,,,2
causal,attention,,32,2048,,128,,,,,,,,,,4,1,,,,,,2
square,attention,,32,2048,,128,,,,,,,,,,4,0,,,,,,2
cell,gru_cell,,,,,,,,,,,,,,,,,2385,,,,,2
rows,softmax,backward-data,,,45,,,,,,,,,,,,,2385,,,,,2
pool,max_pool,,,,,,,,,3,,2,,,,,,2385,,,,,2
pair,add,,,,,,,,,,,,,,,,,2385,2,45,,,2
sum,reduce,,,,45,,,,,,,,,,,,,2385,,,,,2
table,embedding,backward-weight,,,45,,,,,,,,,,,,,2385,,,,,2
update,adam,,,,,,,,,,,,,,,,,2385,,,,,2
ring,all_reduce,,,,,,,,,,,,,,,,,,,,1000000,8,2
vector,gemm,,1,1,4096,512,,,,,,,,,,,,,,,,,2
CSV
ops=$folder/kinds.csv cost kinds.out.csv --accelerator tpuv4
holds 'all kinds: cycles are at least bound_cycles, bytes at least the bandwidth' 'len(a) == 22 and all(
  int(row["cycles"]) >= int(row["bound_cycles"]) > 0 and int(row["dram_bytes"]) > 0 for row in a)' \
  "$folder/kinds.out.csv"
by_name='(lambda table: {row["name"]: row for row in table})'
price='("cycles", "bound_cycles", "sram_bytes", "dram_bytes", "energy_pj", "tile_m", "tile_n", "tile_k")'
holds 'the gradient of an operand is the product with the bounds turned' \
  "all($by_name(a)['data'][k] == $by_name(a)['same as data'][k] for k in $price)" "$folder/kinds.out.csv"
holds 'a transposed convolution is the input gradient of its mirror' \
  "all($by_name(a)['strided'][k] == $by_name(a)['its mirror'][k] for k in $price)" "$folder/kinds.out.csv"
holds 'attention moves Q, K, V and O once, backward all gradients and a number a row' "
  int($by_name(a)['heads']['dram_bytes']) == 2 * 64 * (2 * 32 * 512 + 2 * 8 * 384) and
  int($by_name(a)['heads back']['dram_bytes']) == 2 * 64 * (4 * 32 * 512 + 4 * 8 * 384) + 4 * 32 * 512" \
  "$folder/kinds.out.csv"
holds 'causal attention computes little more than half' "0.5 <= int($by_name(a)['causal']['cycles']) /
  int($by_name(a)['square']['cycles']) < 0.6" "$folder/kinds.out.csv"
holds 'phases and units are said' "[row['phase'] for row in a][:4] == ['forward', 'backward-data', 'forward',
  'backward-weight'] and $by_name(a)['update']['phase'] == 'update' and $by_name(a)['ring']['dataflow'] == 'link' and
  $by_name(a)['table']['kind'] == 'scatter' and int($by_name(a)['update']['dram_bytes']) == 28 * 2385" \
  "$folder/kinds.out.csv"
ops=$folder/kinds.csv cost kinds.tc.csv --accelerator tpuv4 --set 'cost.tensor_on="tc"'
holds 'a product of one row goes to the lanes, sooner; tensor_on = tc keeps it off them' "
  $by_name(a)['vector']['dataflow'] == 'vector' and $by_name(b)['vector']['dataflow'] != 'vector' and
  int($by_name(a)['vector']['cycles']) <= int($by_name(b)['vector']['cycles']) and
  $by_name(a)['forward'] == $by_name(b)['forward']" "$folder/kinds.out.csv" "$folder/kinds.tc.csv"
ops=$folder/kinds.csv cost kinds.cores.csv --accelerator tpuv4 --cores 2
holds 'two cores for every kind but collectives' 'all(int(q["cycles"]) <= int(p["cycles"]) and
  q["cores"] == ("1" if q["kind"] == "all_reduce" else "2") for p, q in zip(a, b))' \
  "$folder/kinds.out.csv" "$folder/kinds.cores.csv"
runs 2 'compat has no fused attention' "$dse" cost --ops "$folder/kinds.csv" --accelerator tpuv4 --provider compat
says 'compat has no fused attention' 'kinds.csv:11: kind: provider compat has no fused attention; allowed is physical'
check 'compat has no fused attention: four rows' test "$(wc -l <"$folder/err")" -eq 4
runs 0 'help' "$dse" cost --help
for column in phase dilation output_pad causal second ranks; do prints "help: $column" "$column"; done

# --- mistakes -----------------------------------------------------------------------------------------------------------
cat >"$folder/bad.csv" <<'CSV'
name,kind,batch,m,n,k,c,h,w,r,s,stride,pad,groups,elements,element_bytes
good,gemm,1,7,77,33,,,,,,,,,,2
no-m,gemm,1,,77,33,,,,,,,,,,2
kind,gemn,1,7,77,33,,,,,,,,,,2
letter,gemm,1,7x,77,33,,,,,,,,,,2
negative,gemm,1,-7,77,33,,,,,,,,,,2
zero,gemm,1,0,77,33,,,,,,,,,,2
huge,gemm,1,99999999999999999999,77,33,,,,,,,,,,2
filter,conv,1,,,64,64,5,5,7,7,1,0,,,2
groups,conv,1,,,64,64,56,56,3,3,1,1,7,,2
nothing,relu,,,,,,,,,,,,,,2
CSV
runs 2 'bad.csv' "$dse" cost --ops "$folder/bad.csv" --accelerator tpuv4
silent 'bad.csv' out
while read -r line text; do says "bad.csv:$line" "bad.csv:$line: $text"; done <<'WANTED'
3 m: ""
4 kind: unknown operator "gemn"; did you mean gemm?
5 m: "7x"
6 m: "-7"
7 m: "0"
8 m: "99999999999999999999"
9 r, s: the filter must fit
10 r, s: the filter must fit the padded input, and groups divide channels
11 elements: ""
WANTED
refute 'bad.csv:2 is good' grep -q 'bad.csv:2:' "$folder/err"
check 'bad.csv: a message a mistake' test "$(wc -l <"$folder/err")" -eq 9
printf 'name,kind,m,n,k,m\na,gemm,7,7,7,7\n' >"$folder/one.csv"
runs 2 'a column twice' "$dse" cost --ops "$folder/one.csv" --accelerator tpuv4
says 'a column twice' 'one.csv:1'
printf 'name,m,n,k\na,7,7,7\n' >"$folder/one.csv"
runs 2 'no kind at all' "$dse" cost --ops "$folder/one.csv" --accelerator tpuv4
says 'no kind at all' 'kind'
printf 'name,kind,m,n,k,element_bytes\na,gemm,7,7,7,300\n' >"$folder/one.csv"
runs 2 'elements of 300 bytes' "$dse" cost --ops "$folder/one.csv" --accelerator tpuv4
says 'elements of 300 bytes' 'one.csv:2: element_bytes'
printf 'name,kind,m,n,k\na,gemm,7,7\n' >"$folder/one.csv"
runs 2 'a ragged row' "$dse" cost --ops "$folder/one.csv" --accelerator tpuv4
says 'a ragged row' 'one.csv:2'
runs 1 'no such file' "$dse" cost --ops "$folder/absent.csv" --accelerator tpuv4
says 'no such file' 'absent.csv'
runs 2 'no operators' "$dse" cost --accelerator tpuv4
says 'no operators' '--ops'
runs 2 'no accelerator' "$dse" cost --ops $ops
says 'no accelerator' '--accelerator'
runs 2 'no such part' "$dse" cost --ops $ops --accelerator tpuv44
says 'no such part' 'did you mean tpuv4'
runs 1 'no such accelerator file' "$dse" cost --ops $ops --accelerator "$folder/none.cfg"
sed 's/tc_rows/tc_row/' "$folder/array.cfg" >"$folder/typo.cfg"
runs 2 'a mistake in the accelerator file' "$dse" cost --ops $ops --accelerator "$folder/typo.cfg"
says 'a mistake in the accelerator file' 'typo.cfg:2: accelerator.tc_row: unknown key; did you mean tc_rows?'
runs 2 'no such provider' "$dse" cost --ops $ops --accelerator tpuv4 --provider physicl
says 'no such provider' 'physical'
runs 2 'no such setting' "$dse" cost --ops $ops --accelerator tpuv4 --set cost.dataflo=3
says 'no such setting' '--set: cost.dataflo: unknown key; did you mean dataflow?'
runs 2 'cores that are no number' "$dse" cost --ops $ops --accelerator tpuv4 --cores two
finish
