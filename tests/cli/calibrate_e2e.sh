#!/bin/bash
# Does `dse calibrate e2e` tell the time of training runs? Every unit, blank fields, machines and models that nobody
# knows, hostile tables; parts of the report agree with each other; the fit, its file, and the same bytes on two ranks.
# The runs are invented: small models on real machines.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

e2e() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "calibrate e2e $*" "$dse" calibrate e2e "$@"
  cp "$folder/out" "$folder/$file"
  cp "$folder/err" "$folder/$file.err"
}

columns=id,group,hardware,model,n_devices,layers,hidden,heads,ffn,vocab,seq,precision,TP,PP,VP_or_interleave,DP,micro_batch,global_batch_seq,recompute,sharding,metric,measured_value,unit,peak_TFLOPS_dense_used,measured_mem_GB,note
cat >"$folder/runs.csv" <<RUNS
$columns
u1,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,ZeRO-1,iteration time,0.0125,s,312,5.5,
u2,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,ZeRO-1,TFLOP/s/GPU,128,TFLOP/s,312,,
u3,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,full,ZeRO-1,TFLOP/s/GPU (counts recompute),120,TFLOP/s,312,,
u4,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,ZeRO-1,tokens/s/GPU,320000,tok/s,312,,
u5,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,ZeRO-1,seq/s (all),5200,seq/s,312,,
u6,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,ZeRO-1,MFU,44,%,312,,
u7,units,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,ZeRO-1,GPU-hours per 1e12 tokens,850,h,312,,
i1,images,V100-16GB,ResNet-18,1,,,,,,,AMP,1,1,,1,64,,,,throughput,4500,img/s,,,
i2,images,V100-16GB,ResNet-18,1,,,,,,,FP32,1,1,,1,64,,,,throughput,900,img/s,,,
b1,blanks,H100 SXM,GPT tiny,8,4,1024,16,4096,5120,512,,,,,,,64,,,,0.005,s,,,
b2,blanks,H100 SXM,GPT tiny,8,4,1024,16,4096,5120,512,fp8,1,1,,8,8,,,,seq/s (all),12000,seq/s,,,
b3,blanks,H100 SXM,GPT tiny,8,4,1024,16,4096,5120,512,bf16,1,1,,8,8,64,,,seq/s (all),10000,seq/s,,,lower bound: the time includes evaluation
n1,nowhere,Abacus,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,,iteration time,0.05,s,,,
n2,nowhere,A100,Turing machine,8,,,,,,,bf16,2,2,,2,4,64,none,,iteration time,0.05,s,,,
n3,nowhere,A100,GPT tiny,8,4,1024,16,4096,5120,512,bf16,4,2,,2,4,64,none,,iteration time,0.05,s,,,
n4,nowhere,A100,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,,distance,0.05,furlong,,,
n5,nowhere,A100,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,,iteration time,0.05,s,,,sliding window of 64
n6,nowhere,A100,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,,2,4,64,none,,iteration time,,s,,,
n7,nowhere,A100,GPT tiny,8,4,1024,17,4096,5120,512,bf16,2,2,,2,4,64,none,,iteration time,0.05,s,,,
RUNS

# --- predictions --------------------------------------------------------------------------------------------------------
e2e rows.csv "$folder/runs.csv"
holds 'every run that can be expressed, in order' '[row["id"] for row in a] ==
  ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "i1", "i2", "b1", "b2", "b3"]' "$folder/rows.csv"
holds 'ratios are predicted over measured' 'all(abs(float(row["ratio"]) * float(row["measured_s"]) /
  float(row["predicted_s"]) - 1) < 1e-3 and float(row["predicted_s"]) > 0 for row in a)' "$folder/rows.csv"
holds 'the same strategy takes the same time, whatever its unit' 'len({row["predicted_s"] for row in a
  if row["id"] in ("u1", "u2", "u4", "u5", "u6", "u7")}) == 1' "$folder/rows.csv"
holds 'recomputation takes longer' '{row["id"]: float(row["predicted_s"]) for row in a}["u3"] >
  {row["id"]: float(row["predicted_s"]) for row in a}["u1"]' "$folder/rows.csv"
holds 'units: what they say in seconds' '{row["id"]: float(row["measured_s"]) for row in a}["u1"] == 0.0125 and
  all(abs(s / w - 1) < 1e-3 for s, w in zip([float(row["measured_s"]) for row in a if row["id"] in ("u4", "u5", "u7")],
  [64 * 512 / 2560000, 64 / 5200, 850 * 3600 * 64 * 512 / 8e12]))' "$folder/rows.csv"
# 3 x (2·512·(4·12·1024² + 5120·1024) + 4·4·512²·1024) FLOP a sequence
holds 'units: FLOP' 'all(abs(float(row["measured_s"]) * 8 * rate / (64 * 3 * (2 * 512 * (4 * 12 * 1024**2 + 5120 * 1024)
  + 4 * 4 * 512**2 * 1024)) - 1) < 1e-3 for row in a for i, rate in (("u2", 128e12), ("u6", 0.44 * 312e12))
  if row["id"] == i)' "$folder/rows.csv"
holds 'published fields are used, others named' '{row["id"]: row["assumed"] for row in a} == dict(
  {f"u{i}": "" for i in range(1, 8)}, i1="global_batch_seq", i2="global_batch_seq",
  b1="precision degrees micro_batch recompute", b2="global_batch_seq recompute", b3="recompute") and
  all(row["strategy"].startswith("t2") and " p2 d2 b4 1f1b " in row["strategy"] for row in a if row["id"] == "u1")' \
  "$folder/rows.csv"
holds '32 bits take longer than 16, 8 less' '(lambda s: s["i2"] > 1.5 * s["i1"] and s["b2"] < s["b3"])(
  {row["id"]: float(row["predicted_s"]) for row in a})' "$folder/rows.csv"
holds 'parts of the time add up' 'all(abs(sum(float(row[k + "_pct"]) for k in ("compute", "collectives", "bubble", "data",
  "update", "overhead")) - 100) < 0.5 for row in a)' "$folder/rows.csv"
holds 'bounds are marked' '[row["id"] for row in a if row["note"] == "bound"] == ["b3"]' "$folder/rows.csv"
check 'the summary' grep -q '^12 of 19 runs: median error' "$folder/rows.csv.err"
check 'columns that are not there' grep -q 'columns that are not there.*kv_heads' "$folder/rows.csv.err"

e2e missing.csv "$folder/runs.csv" --what not_modelled
holds 'what cannot be expressed has a reason' '[row["id"] for row in a] == [f"n{i}" for i in range(1, 8)] and
  a[0]["reason"] == "hardware unknown" and a[4]["reason"].startswith("sliding-window attention of unknown width, up to 7 %") and
  a[5]["reason"] == "nothing was measured" and all(row["reason"] for row in a)' "$folder/missing.csv"

# --- the other parts ----------------------------------------------------------------------------------------------------
e2e all.json "$folder/runs.csv" --json
holds 'JSON: every part' 'set(a) == {"rows", "groups", "overall", "sweeps", "memory", "constants", "not_modelled"} and
  [row["id"] for row in a["rows"]] == [row["id"] for row in b]' "$folder/all.json" "$folder/rows.csv"
holds 'groups: their rows' 'all(g["n"] == sum(row["group"] == g["group"] for row in a["rows"]) and
  (g["n"] == 0 or abs(g["mean_error_pct"] - sum(abs(100 * (row["ratio"] - 1)) for row in a["rows"]
  if row["group"] == g["group"]) / g["n"]) < 0.2) for g in a["groups"])' "$folder/all.json"
holds 'groups: stated and assumed apart' '{g["group"]: (g["stated_n"], g["assumed_n"], g["bounds"], g["not_modelled"])
  for g in a["groups"]} == dict(units=(7, 0, 0, 0), images=(0, 2, 0, 0), blanks=(0, 3, 1, 0), nowhere=(0, 0, 0, 7))' \
  "$folder/all.json"
holds 'overall: with and without bounds' '[(row["runs"], row["n"]) for row in a["overall"]] ==
  [("all", 12), ("steady", 11), ("stated", 7)]' "$folder/all.json"
holds 'memory where it was measured' '[row["id"] for row in a["memory"]] == ["u1"] and abs(a["memory"][0]["error_pct"] -
  100 * (a["memory"][0]["predicted_gb"] / 5.5 - 1)) < 0.2' "$folder/all.json"
holds 'sweeps: runs of one shape and machine' '[(row["group"], row["n"]) for row in a["sweeps"]] == [("units", 7)]' \
  "$folder/all.json"

e2e slow.csv "$folder/runs.csv" --set cost.matmul_efficiency=0.5
holds '--set: slower products' 'all(float(p["predicted_s"]) >= float(q["predicted_s"]) for p, q in zip(a, b)
  if p["id"] != "b1") and a != b' "$folder/slow.csv" "$folder/rows.csv"

e2e links.json "$folder/runs.csv" --set network.efficiency=0.25 --json
holds '--set: slower links' 'all(p["predicted_s"] >= q["predicted_s"] for p, q in zip(a["rows"], b["rows"])
  if p["id"] != "b1") and any(p["predicted_s"] > q["predicted_s"] for p, q in zip(a["rows"], b["rows"])) and
  [row["value"] for row in a["constants"] if row["constant"] == "network.efficiency"] == [0.25]' "$folder/links.json" \
  "$folder/all.json"
runs 2 '--set: levels belong to machines' "$dse" calibrate e2e "$folder/runs.csv" --set network.efficiency_inner=0.5
says '--set: levels belong to machines' 'network.efficiency_inner: unknown key'

# --- software: by model and source, not by group ------------------------------------------------------------------------
tiny=GPT\ tiny,8,4,1024,16,4096,5120,512
cat >"$folder/software.csv" <<RUNS
$columns,source
s1,megatron-lm,A100-80GB,$tiny,bf16,2,2,,2,4,64,none,ZeRO-1,iteration time,0.0125,s,312,,,
s2,megatron-lm,A100-80GB,$tiny,bf16,2,2,,2,4,64,none,ZeRO-1,iteration time,0.0125,s,312,,,Megatron-LM (arXiv 2104.04473)
s3,nemo,H100,$tiny,fp8,2,2,,2,4,64,none,ZeRO-1,iteration time,0.0125,s,989,,,
s4,nemo,H100,$tiny,fp8,2,2,,2,4,64,none,ZeRO-1,iteration time,0.0125,s,989,,,NVIDIA/NeMo docs (NeMo 24.07)
s5,torchtitan,H100,$tiny,fp8,1,1,,8,4,64,selective,FSDP,iteration time,0.0125,s,989,,,
s6,torchtitan,H100,$tiny,fp8,1,1,,8,4,64,selective,FSDP,iteration time,0.0125,s,989,,,pytorch/torchtitan@b5bcd76
s7,single-node,A100-80GB,BERT,1,4,1024,16,4096,5120,512,AMP,1,1,,1,4,,,,throughput,450,seq/s,312,,,
s8,single-node,A100-80GB,BERT,1,4,1024,16,4096,5120,512,AMP,1,1,,1,4,,,,throughput,450,seq/s,312,,,DeepLearningExamples BERT
s9,bigscience,A100-80GB SXM (JeanZay),$tiny,bf16,2,4,,1,1,64,none,ZeRO-1,iteration time,0.0125,s,312,,,
RUNS
e2e software-rows.csv "$folder/software.csv"
sed 's/^\(s[0-9]\),[a-z-]*,/\1,all the same,/' "$folder/software.csv" >"$folder/renamed.csv"
e2e renamed-rows.csv "$folder/renamed.csv"
holds 'names of groups say nothing' 'len(a) == 9 and {row["group"] for row in b} == {"all the same"} and
  [{**row, "group": ""} for row in a] == [{**row, "group": ""} for row in b]' "$folder/software-rows.csv" \
  "$folder/renamed-rows.csv"
holds 'names of software do' '(lambda s: s["s2"] > s["s1"] and s["s4"] < s["s3"] and s["s6"] > s["s5"] and
  s["s8"] != s["s7"])({row["id"]: float(row["predicted_s"]) for row in a})' "$folder/software-rows.csv"

# --- models by name, and what has no strategy or no graph -------------------------------------------------------------
blank=,,,,,
cat >"$folder/named.csv" <<RUNS
$columns,EP
m1,named,H800,DeepSeek-V2-Lite,64$blank,4096,fp8,1,4,,,,,,ZeRO-1,tokens/s/GPU,9000,tok/s,,,multi-head latent attention,8
m2,named,H100,Llama2-70B LoRA,8$blank,8192,fp8,4,1,,2,1,8,,,seq/s (all),2,seq/s,,,,
m3,named,A100,T5-base,8$blank,512,bf16,1,1,,8,,,,,seq/s (all),1000,seq/s,,,,
m4,named,A100,DiT-XL/2,8$blank,,bf16,,,,,,,,,samples/s,900,samples/s,,,,
m5,named,A100,Swin-T,8$blank,,AMP,,,,,,,,,img/s,9000,img/s,,,,
r1,refused,A100,T5 41B,8$blank,512,bf16,,,,,,,,,seq/s (all),1000,seq/s,,,,
r2,refused,A100,DeepSeek-V2-Lite,64$blank,4096,bf16,1,4,,,,,,,tok/s,9000,tok/s,,,,7
r3,refused,A100,BERT-large,8$blank,512,bf16,3,,,,,,,,seq/s (all),1000,seq/s,,,,
r4,refused,A100,ResNet-50,8$blank,,bf16,1,2,,4,,,,,img/s,9000,img/s,,,,
r5,refused,A100,Llama2-70B LoRA,8$blank,8192,bf16,4,1,,2,1,8,,,MFU,40,%,,,,
r6,refused,H100,Mixture MoE,8,24,2048,16,,,2048,bf16,,,,,,,,,seq/s (all),1000,seq/s,,,,
RUNS
e2e named.json "$folder/named.csv" --json
holds 'models by name' '[row["id"] for row in a["rows"]] == ["m1", "m2", "m3", "m4", "m5"] and
  a["rows"][0]["strategy"].startswith("t1 p4 d16 x8 ") and " 1f1b " in a["rows"][0]["strategy"]' "$folder/named.json"
holds 'what is approximate is marked' '{row["id"]: row["note"] for row in a["rows"]} ==
  {"m1": None, "m2": "apart", "m3": None, "m4": None, "m5": None}' "$folder/named.json"
holds 'a reason for each of the others' '[(row["id"], row["reason"].split(":")[0]) for row in a["not_modelled"]] == [
  ("r1", "an encoder and a decoder that reads it"), ("r2", "expert"),
  ("r3", "no degrees beside those of its row make its 8 devices"), ("r4", "only transformers are split over devices"),
  ("r5", "FLOP of a model with adapters, which are counted in several ways"),
  ("r6", "its number of experts is unknown")]' "$folder/named.json"

# --- the fit ------------------------------------------------------------------------------------------------------------
e2e fit.json "$folder/runs.csv" --fit --constants matmul_efficiency,op_overhead_us --write "$folder/fit.cfg" --json
holds 'fitted: those two, within their bounds' '[row["constant"] for row in a["constants"] if row["role"] == "fitted"] ==
  ["cost.matmul_efficiency", "system.law.op_overhead_us"] and all(row["low"] <= row["value"] <= row["high"]
  for row in a["constants"]) and all(row["value"] == row["shipped"] for row in a["constants"] if row["role"] == "held")' \
  "$folder/fit.json"
holds 'the fit is better than what is shipped' 'sum(abs(row["ratio"] - 1) for row in a["rows"] if row["note"] != "bound")
  < sum(abs(row["ratio_before"] - 1) for row in a["rows"] if row["note"] != "bound")' "$folder/fit.json"
holds 'without its own group a run has another prediction; a bound has none' 'any(row["ratio_left_out"] != row["ratio"]
  for row in a["rows"] if row["note"] != "bound") and [row["ratio_left_out"] for row in a["rows"]
  if row["note"] == "bound"] == [None]' "$folder/fit.json"
holds 'overall: three sets of constants' '[row["constants"] for row in a["overall"]] ==
  3 * ["used"] + 3 * ["shipped"] + 3 * ["left_out"]' "$folder/fit.json"
e2e elsewhere.json "$folder/runs.csv" --fit --constants matmul_efficiency,op_overhead_us --json \
  --set cost.matmul_efficiency=0.41 --set system.law.op_overhead_us=9.5
holds 'it does not hang on the constants before it' 'all(p["value"] == q["value"] for p, q in zip(a["constants"],
  b["constants"]) if p["role"] == "fitted") and all(p["ratio"] == q["ratio"] and p["strategy"] == q["strategy"]
  for p, q in zip(a["rows"], b["rows"])) and any(p["ratio_before"] != q["ratio_before"] for p, q in
  zip(a["rows"], b["rows"]))' "$folder/elsewhere.json" "$folder/fit.json"
check 'the file names its runs' grep -q 'u1 u2 .* b2' "$folder/fit.cfg"
check 'and not its bounds' bash -c "! grep -q b3 '$folder/fit.cfg'"
matmul=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["constants"][0]["value"])' "$folder/fit.json")
check 'and what it found' grep -q "matmul_efficiency = $matmul\(.0\)\?;" "$folder/fit.cfg"
if [[ $MPI != no ]]; then
  runs 0 'two ranks say the same' mpirun -n 2 "$dse" calibrate e2e "$folder/runs.csv" --fit --constants \
    matmul_efficiency,op_overhead_us --json
  check 'two ranks say the same' cmp "$folder/out" "$folder/fit.json"
fi

# --- mistakes -----------------------------------------------------------------------------------------------------------
change() { # COLUMN VALUE: of the first run, in a table of its own
  python3 - "$folder/runs.csv" "$1" "$2" >"$folder/bad.csv" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
rows[1][rows[0].index(sys.argv[2])] = sys.argv[3]
csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
PYTHON
}
while IFS='|' read -r column value text; do
  change "$column" "$value"
  runs 2 "$column = $value" "$dse" calibrate e2e "$folder/bad.csv"
  says "$column = $value" "bad.csv:2: $column: $text"
  silent "$column = $value" out
done <<'WANTED'
measured_value|fast|"fast", a number above 0, up to 1e15, or nothing was expected
measured_value|-1|"-1"
measured_value|inf|"inf"
n_devices|1e99|"1e99", a whole number from 1 to 1e9 or nothing was expected
layers|2.5|"2.5"
TP|0|"0"
id||"", a text was expected
WANTED
change id u2
runs 2 'two runs of one id' "$dse" calibrate e2e "$folder/bad.csv"
says 'two runs of one id' 'bad.csv:3: id: "u2", an id that no other row has'
# Odd but legal: reasons instead of predictions, never a crash.
while IFS='|' read -r column value; do
  change "$column" "$value"
  runs 0 "odd: $column = $value" "$dse" calibrate e2e "$folder/bad.csv" --what not_modelled
  check "odd: $column = $value" grep -q '^u1,' "$folder/out"
done <<'WANTED'
n_devices|1000000000
heads|999999937
hidden|1000000000
layers|1000000000
micro_batch|1000000000
global_batch_seq|63
TP|1000000000
recompute|now and then
sharding|ZeRO-9
precision|fp3
WANTED
cut -d, -f 1-21,23- "$folder/runs.csv" >"$folder/bad.csv"
runs 2 'a column is missing' "$dse" calibrate e2e "$folder/bad.csv"
says 'a column is missing' 'bad.csv:1: measured_value: this column is missing'
head -n 1 "$folder/runs.csv" >"$folder/bad.csv"
runs 2 'no runs' "$dse" calibrate e2e "$folder/bad.csv"
says 'no runs' 'there is no run in it'
head -n 3 "$folder/runs.csv" >"$folder/bad.csv"
runs 2 'too few runs to fit to' "$dse" calibrate e2e "$folder/bad.csv" --fit
says 'too few runs to fit to' '2 runs can be predicted'
runs 1 'no such table' "$dse" calibrate e2e "$folder/absent.csv"
runs 2 'no table' "$dse" calibrate e2e
says 'no table' 'FILE.csv is missing'
runs 2 'no such part' "$dse" calibrate e2e "$folder/runs.csv" --what row
says 'no such part' 'did you mean rows?'
runs 2 'no such constant' "$dse" calibrate e2e "$folder/runs.csv" --fit --constants speed
says 'no such constant' 'matmul_efficiency, hbm_efficiency'
runs 2 'too many constants' "$dse" calibrate e2e "$folder/runs.csv" --fit --constants \
  matmul_efficiency,hbm_efficiency,op_overhead_us,efficiency,overlap_share
says 'too many constants' 'at most 4 are fitted'
runs 2 'constants without a fit' "$dse" calibrate e2e "$folder/runs.csv" --constants matmul_efficiency
says 'constants without a fit' '--fit'
runs 2 'a file for chips' "$dse" calibrate chips "$folder/runs.csv"
says 'a file for chips' '--table'
finish
