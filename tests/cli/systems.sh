#!/bin/bash
# Whole systems at the prompt: what a run leaves behind, what it says where nothing fits, which mistakes are said where,
# and which commands know one device alone. Whether the answers are right is tried in tests/property/dse.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cat >small.cfg <<'CFG'
workload = "bert-base"; batch = 8;
model = ["layers=4", "hidden=192", "heads=4", "vocab=512", "sequence=64"];
space = {
  tc_count = [1, 2]; tc_rows = [16, 64]; tc_cols = [32]; vc_count = [1]; vc_width = [64, 256]; glb_mib = [2];
  hbm_stacks = [1]; hbm_gib_per_stack = [1]; link_gbytes_per_s = [5, 100];
};
system = {
  devices = [2, 4]; tensor = [1, 2]; pipeline = [2]; microbatch = [1, 2]; schedule = ["1f1b", "zb_h1"];
  top_k = [1, 3];
};
search = { top_k = 5; seed = 2385; };
CFG

# --- a run ------------------------------------------------------------------------------------------------------------
runs 0 'a small system' "$dse" explore small.cfg --out small
prints 'a small system' 'whole systems, throughput against power'
prints 'a small system: the best in its strategy' 'strategy     t'
prints 'a small system: proven' 'proven optimal over all 16 designs'
holds 'summary.json: the best strategy' 'a["system"]["devices"] == a["system"]["tensor"] * a["system"]["pipeline"] *
  a["system"]["data"] * a["system"]["context"] and a["system"]["pipeline"] == 2 and
  abs(sum(a["system"]["parts_s"].values()) / a["system"]["iteration_s"] - 1) < 1e-9 and
  sum(a["system"]["memory"].values()) == a["system"]["memory_bytes"] and
  abs(8 / a["system"]["iteration_s"] / a["best"]["throughput_samples_per_s"] - 1) < 1e-12' small/summary.json
holds 'systems.csv: a front, fastest first, none slower than one design for all' '
  [int(r["rank"]) for r in a] == list(range(1, len(a) + 1)) and
  all(float(x["throughput_samples_per_s"]) > float(y["throughput_samples_per_s"]) and float(x["power_w"]) >
      float(y["power_w"]) for x, y in zip(a, a[1:])) and
  float(a[0]["throughput_samples_per_s"]) >= b["best"]["throughput_samples_per_s"] and
  float(a[0]["throughput_samples_per_s"]) == b["system"]["chosen_throughput_samples_per_s"] <=
  b["system"]["chosen_bound_samples_per_s"] * (1 + 1e-9) and len(a) == b["system"]["systems_on_the_front"]' \
  small/systems.csv small/summary.json
holds 'systems.csv: a row says what it is' 'all((r["kind"] == "heterogeneous") == (int(r["different_designs"]) > 1) and
  int(r["devices"]) == int(r["tensor"]) * int(r["context"]) * int(r["data"]) * int(r["pipeline"]) and
  int(r["microbatches"]) * int(r["microbatch"]) * int(r["data"]) == 8 and
  abs(sum(float(r[p + "_s"]) for p in ("compute", "collectives", "bubble", "data", "update", "overhead")) /
  float(r["iteration_s"]) - 1) < 1e-9 for r in a) and any(r["kind"] == "heterogeneous" for r in a)' small/systems.csv
holds 'stages.csv: equal stages once, loads above their bounds' 'all(int(r["stages"]) >= 1 and r["proven"] == "1" and
  float(r["load_s"]) >= float(r["bound_s"] or 0) * (1 - 1e-9) for r in a) and {r["first_stage"] for r in a} == {"0", "1"}' \
  small/stages.csv
holds 'k.csv: longer lists are not worse' '[r["k"] for r in a] == ["1", "3"] and
  all(float(r["heterogeneous_samples_per_s"]) >= float(r["homogeneous_samples_per_s"]) for r in a) and
  float(a[0]["heterogeneous_samples_per_s"]) <= float(a[1]["heterogeneous_samples_per_s"]) <=
  float(a[1]["bound_samples_per_s"]) * (1 + 1e-9)' small/k.csv
for file in systems stages k; do
  holds "columns.csv has every column of $file.csv" '[r["column"] for r in a if r["file"] == "'$file'.csv"] ==
    list(b[0])' small/columns.csv small/$file.csv
done
# Shards within the tensor groups of the chosen system, stage by stage: priced, no slower than Megatron's rule, every
# column described.
runs 0 'shards' "$dse" explore small.cfg --out shards --shards --set 'system.tensor=[2]' --set 'system.devices=[4]'
says 'shards: a microbatch by both, and the gap' 'shards: a microbatch through all stages takes'
holds 'shards.csv: every layer once, on one of two stages, in order' 'len(a) > 40 and
  len({r["layer"] for r in a}) == len(a) and [r["stage"] for r in a] == sorted(r["stage"] for r in a) and
  {r["stage"] for r in a} == {"0", "1"} and a[0]["layer"].startswith("embedding") and
  {r["stage"] for r in a if r["layer"].startswith("layer0.")} == {"0"} and
  {r["stage"] for r in a if r["layer"].startswith("layer3.")} == {"1"}' shards/shards.csv
holds 'shards.csv: stages above their bounds, no slower than the rule, every layer split and priced' 'all(
  0 < float(r["stage_bound_s"]) <= float(r["stage_s"]) <= float(r["megatron_stage_s"]) and
  float(r["stage_s"]) <= float(r["stage_bound_s"]) * 1.1 and float(r["layer_s"]) > 0 and
  float(r["megatron_layer_s"]) > 0 and all(r[k].endswith(":2") for k in ("es", "megatron_es")) for r in a)' \
  shards/shards.csv
runs 0 'shards on slow links' "$dse" explore small.cfg --out slow-shards --shards --set 'system.tensor=[4]' --set \
  'system.devices=[8]' --set 'space.link_gbytes_per_s=[1]' --set \
  'model=["layers=4", "hidden=192", "heads=4", "vocab=512", "sequence=512"]'
holds 'on slow links shards that send less win' 'all(float(r["stage_s"]) < 0.9 * float(r["megatron_stage_s"]) for r in a)
  and any(r["es"] != r["megatron_es"] for r in a)' slow-shards/shards.csv
holds 'columns.csv has every column of shards.csv' '[r["column"] for r in a if r["file"] == "shards.csv"] ==
  list(b[0])' shards/columns.csv shards/shards.csv
runs 0 'no groups, no shards' "$dse" explore small.cfg --out no-groups --shards --set 'system.tensor=[1]' --set \
  'system.devices=[2]'
says 'no groups, no shards' 'tensor groups have one device'
refute 'no groups, no shards.csv' test -e no-groups/shards.csv
refute 'the report does not take a stage for the whole' grep -qE '"1 samples an iteration|, 1 samples an iteration' \
  small/report.html
runs 0 'again: nothing to do' "$dse" explore small.cfg --out small
says 'again: nothing to do' 'complete'
runs 0 'its own run.cfg' "$dse" explore small/run.cfg --out copy
same_files 'its own run.cfg' small copy "${same_bytes[@]}" systems.csv stages.csv k.csv
runs 0 'one design for all' "$dse" explore small.cfg --out one --set system.kinds='"homogeneous"'
holds 'one design for all' 'all(r["kind"] == "homogeneous" for r in a) and b == [] and c == []' one/systems.csv \
  one/stages.csv one/k.csv
runs 0 'at most one design' "$dse" explore small.cfg --out most --set system.max_designs=1
holds 'at most one design' 'all(r["different_designs"] == "1" for r in a)' most/systems.csv

# --- stopped in the stages' own searches, and gone on with --------------------------------------------------------------
# Their rounds come last in the journal: cut off, byte by byte of a round, they are computed again.
size=$(stat -c %s small/journal)
for bytes in 1 200 900; do
  cp -r small cut
  truncate -s $((size - bytes)) cut/journal
  sed -i 's/"state": "complete"/"state": "running"/' cut/status.json
  runs 0 "$bytes bytes cut off the journal" "$dse" resume cut
  same_files "$bytes bytes cut off" small cut "${same_bytes[@]}" systems.csv stages.csv k.csv
  rm -r cut
done
runs 75 'no time at all' "$dse" explore small.cfg --out slow --max-time 0.000001
runs 0 'goes on' "$dse" resume slow
same_files 'stopped and gone on' small slow "${same_bytes[@]}" systems.csv stages.csv k.csv

# --- one design ---------------------------------------------------------------------------------------------------------
runs 0 'evaluate' "$dse" evaluate small.cfg --design tc_count=2,tc_rows=64
prints 'evaluate' 'strategies by time'
prints 'evaluate: memory of the fullest stage' '  memory  '
runs 0 'evaluate --json' "$dse" evaluate small.cfg --design tc_count=2,tc_rows=64 --json
cp out one.json
holds 'evaluate --json' 'a["reason"] == "feasible" and a["iteration_s"] == min(s["iteration_s"] for s in
  a["strategies"]) and [s["iteration_s"] for s in a["strategies"]] == sorted(s["iteration_s"] for s in
  a["strategies"]) and abs(8 / a["iteration_s"] - a["throughput_samples_per_s"]) < 1e-6' one.json
runs 2 'evaluate --uncertainty' "$dse" evaluate small.cfg --design tc_count=2 --uncertainty 3
says 'evaluate --uncertainty' 'of one device'
runs 3 'evaluate beyond a limit' "$dse" evaluate small.cfg --design tpuv4 --set limits.area_mm2=100.0
prints 'evaluate beyond a limit' 'breaks limits.area_mm2'
runs 3 'evaluate without links' "$dse" evaluate small.cfg --design link_gbytes_per_s=0
says 'evaluate without links' 'no links to talk over'

runs 0 'designs without links work alone' "$dse" explore small.cfg --out alone --set 'system.devices=[1,2]' \
  --set 'system.pipeline=[1]' --set 'space.link_gbytes_per_s=[0]' --set 'system.microbatch=[2]'
holds 'designs without links work alone' 'a["system"]["devices"] == 1 and a["proven_optimal"]' alone/summary.json

for schedule in zb_v interleaved; do
  runs 0 "$schedule: a single stage is tried, too" "$dse" explore small.cfg --out "$schedule" --quiet \
    --set "system.schedule=[\"$schedule\", \"1f1b\"]" --set 'system.pipeline=[1]' --set 'system.chunks=[2]'
  holds "$schedule: a single stage is tried, too" 'a["system"]["pipeline"] == a["system"]["chunks"] == 1 and
    a["system"]["schedule"] == "1f1b"' "$schedule/summary.json"
done

# --- nothing fits ---------------------------------------------------------------------------------------------------------
large=(--set 'model=["layers=4","hidden=8192","heads=4","vocab=512","sequence=64"]')
runs 3 'too little memory' "$dse" explore small.cfg --out none "${large[@]}"
says 'too little memory: which stage, how many bytes' 'bytes) more than a device'
says 'too little memory: which stage' 'GiB on stage '
holds 'too little memory: a folder like any other' 'a == [] and int(next(r["designs"] for r in b
  if r["limit"] == "limits.memory")) == 16 and c["state"] == "complete"' none/front.csv none/infeasible.csv \
  none/status.json
runs 3 'too little memory, one design' "$dse" evaluate small.cfg --design tc_count=2 "${large[@]}"
says 'too little memory, one design' 'on stage '
runs 0 'memory does not count' "$dse" explore small.cfg --out huge "${large[@]}" --set limits.memory=false
runs 3 'too little power' "$dse" explore small.cfg --out cold --set system.power_w=5.0
says 'too little power' 'system.power_w binds for 16 designs'
runs 3 'too little money' "$dse" explore small.cfg --out poor --set system.money_usd=5.0
says 'too little money' 'system.money_usd binds for'
power=$(python3 -c 'import csv; print(float(next(csv.DictReader(open("small/systems.csv")))["power_w"]) * 0.8)')
money=$(python3 -c 'import csv; print(float(next(csv.DictReader(open("small/systems.csv")))["money_usd"]) * 0.8)')
runs 0 'less power' "$dse" explore small.cfg --out power --set system.power_w="$power"
holds 'less power' "a and all(float(r['power_w']) <= $power for r in a)" power/systems.csv
runs 0 'less money' "$dse" explore small.cfg --out money --set system.money_usd="$money"
holds 'less money' "a and all(float(r['money_usd']) <= $money for r in a)" money/systems.csv

# --- layers and designs together -------------------------------------------------------------------------------------------
# A large head, so that layers have somewhere to move to; what both choices are worth stands beside each other.
headed=(--set 'model=["layers=6","hidden=192","heads=4","vocab=20000","sequence=64"]' --set 'system.pipeline=[4]'
  --set 'system.tensor=[1]' --set 'space.hbm_stacks=[1,2]')
runs 0 'a large head' "$dse" explore small.cfg --out headed "${headed[@]}"
runs 0 'joint' "$dse" explore small.cfg --out joint "${headed[@]}" --set 'system.kinds="joint"'
prints 'joint: what moving layers is worth' 'fastest: one design for all'
prints 'joint: the bound is of all layers and designs' 'designs of the space with any layers on a stage'
holds 'joint: no slower, under its bound, of all designs' '
  a["system"]["chosen"]["throughput_samples_per_s"] >= b["system"]["chosen"]["throughput_samples_per_s"] and
  a["system"]["chosen"]["throughput_samples_per_s"] == max(a["system"]["chosen"]["fastest_samples_per_s"].values()) <=
  a["system"]["chosen"]["bound_samples_per_s"] * (1 + 1e-9) and a["system"]["chosen"]["of_all_designs"] and
  "layers" not in b["system"]["chosen"]' joint/summary.json headed/summary.json
holds 'joint: systems.csv says where the layers are' 'all(sum(map(int, r["layers"].split())) == 8 and
  len(r["layers"].split()) == 4 for r in a) and "layers" not in b[0] and len({r["layers"] for r in a}) > 1' \
  joint/systems.csv headed/systems.csv
holds 'columns.csv has the layers, too' '[r["column"] for r in a if r["file"] == "systems.csv"] == list(b[0])' \
  joint/columns.csv joint/systems.csv
runs 0 'joint, at most two designs' "$dse" explore small.cfg --out two "${headed[@]}" --set 'system.kinds="joint"' \
  --set system.max_designs=2
holds 'joint, at most two designs' 'all(int(r["different_designs"]) <= 2 for r in a) and
  b["system"]["chosen"]["throughput_samples_per_s"] <= c["system"]["chosen"]["throughput_samples_per_s"]' \
  two/systems.csv two/summary.json joint/summary.json
runs 0 'joint, interleaved: layers stay' "$dse" explore small.cfg --out stay --set 'system.kinds="joint"' \
  --set 'system.schedule=["interleaved"]' --set 'system.chunks=[2]' --set 'system.microbatch=[1]'
holds 'joint, interleaved: layers stay' 'a["system"]["chosen"]["fastest_samples_per_s"]["joint"] == 0' stay/summary.json

# --- mistakes -------------------------------------------------------------------------------------------------------------
refuses small.cfg 'degrees that do not divide' 'must divide devices' 'system.tensor=[3]'
refuses small.cfg 'a batch that does not divide' 'the global batch (7)' system.global_batch=7 'system.microbatch=[2]'
refuses small.cfg 'heads that do not divide' 'heads' 'system.tensor=[4]' 'system.devices=[8]' 'model=["layers=4","hidden=180","heads=6"]'
refuses small.cfg 'more stages than layers' 'pipeline: ' 'system.pipeline=[64]' 'system.devices=[64]'
refuses small.cfg 'too many strategies' 'shorten the lists' "system.devices=[$(seq -s, 720 720 720000)]" \
  "system.microbatch=[$(seq -s, 1 200)]" "system.pipeline=[$(seq -s, 1 60)]" "system.global_batch=720720000"
refuses small.cfg 'tensor beyond its range' 'allowed' 'system.tensor=[1025]'
refuses small.cfg 'no devices' 'allowed' 'system.devices=[0]'
refuses small.cfg 'a million devices and a tensor degree of a thousand' 'system: ' 'system.devices=[1000000]' 'system.tensor=[1024]'
refuses small.cfg 'an unknown schedule' 'schedule' 'system.schedule=["zb"]'
refuses small.cfg 'an unknown price' 'system.money_usd is asked for' system.money_usd=1e9 'space.node_nm=[4]'
sed 's/devices = \[2, 4\]/devices = [2, 4/' small.cfg >broken.cfg
runs 2 'a broken list' "$dse" check broken.cfg
says 'a broken list: its line' 'broken.cfg:'
sed 's/tensor = \[1, 2\]/tensor = [0]/' small.cfg >zero.cfg
runs 2 'a degree of 0' "$dse" check zero.cfg
says 'a degree of 0: its line' 'zero.cfg:8'
sed '/^model/d; s/^workload = "bert-base"; batch = 8;/workloads = ( { workload = "bert-base"; }, { workload = "resnet18"; } );/' \
  small.cfg >list.cfg
runs 2 'several workloads' "$dse" explore list.cfg --out bad
says 'several workloads' 'of one workload only'
for command in compare sensitivity schedules; do
  runs 2 "$command" "$dse" "$command" small.cfg
  says "$command" "dse $command looks at one device"
done
runs 0 'check' "$dse" check small.cfg
finish
