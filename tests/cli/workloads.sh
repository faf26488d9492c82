#!/bin/bash
# Does a run file with several workloads end in one common design, shown workload by workload?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1

write_list() { # FILE WORKLOADS
  cat >"$1" <<CFG
workloads = ( $2 );
limits = { area_mm2 = 500.0; };
space = {
  tc_count = [1, 2, 4]; tc_rows = [32, 64, 128]; tc_cols = [64, 128];
  vc_count = [1, 2]; vc_width = [256, 1024]; glb_mib = [16, 64]; hbm_stacks = [2, 4];
};
search = { top_k = 7; seed = 2385; };
CFG
}
two='{ workload = "resnet18"; batch = 8; }, { workload = "bert-base"; batch = 4; weight = 3.0; }'
write_list two.cfg "$two"

runs 0 'check' "$dse" check two.cfg
for objective in geomean mean worst; do
  runs 0 "explore, $objective" "$dse" explore two.cfg --out $objective --set "search.objective=\"$objective\""
  prints "$objective: a proof" 'proven optimal over all 288 designs'
  prints "$objective: over how many" 'over 2 workloads:'
  check "$objective: a line a workload" grep -qE '^(resnet18 +8 +0.25|bert-base +4 +0.75) ' out
  holds "$objective: two rows, weights that add up, speed-ups over the reference" '
    [r["workload"] for r in a] == ["resnet18", "bert-base"] and sum(float(r["weight"]) for r in a) == 1 and
    all(abs(float(r["throughput_samples_per_s"]) / float(r["speedup"]) - w["reference_throughput_samples_per_s"])
        < 1e-9 * w["reference_throughput_samples_per_s"] for r, w in zip(a, b["workloads"])) and
    all(0 <= float(r["gap"]) < 1 for r in a)' $objective/workloads.csv $objective/summary.json
  check "$objective: the columns are explained" grep -q '^workloads.csv,speedup,' $objective/columns.csv
  check "$objective: the page has the table" grep -q 'The best design by workload' $objective/report.html
done
holds 'geomean: speed-ups to the power of their weights' '
  abs(float(a[0]["speedup"]) ** 0.25 * float(a[1]["speedup"]) ** 0.75 / b["best"]["geomean_speedup"] - 1) < 1e-12
  ' geomean/workloads.csv geomean/summary.json
holds 'mean: samples a second by weight' '
  abs((float(a[0]["throughput_samples_per_s"]) + 3 * float(a[1]["throughput_samples_per_s"])) / 4 /
      b["best"]["mean_throughput_samples_per_s"] - 1) < 1e-12' mean/workloads.csv mean/summary.json
holds 'worst: the least of the rows' 'min(float(r["speedup"]) for r in a) == b["best"]["worst_speedup"]' \
  worst/workloads.csv worst/summary.json
holds 'front.csv is in the unit of the objective' '"geomean_speedup" in a[0] and "worst_speedup" in b[0]' \
  geomean/front.csv worst/front.csv

# What each workload does, it does alone, too.
best=$(python3 -c 'import json; print(json.load(open("geomean/summary.json"))["best"]["axes"])')
"$dse" evaluate two.cfg --design "$best" --json >together.json
for number in 0 1; do
  [[ $number == 0 ]] && one='workload = "resnet18"; batch = 8;' || one='workload = "bert-base"; batch = 4;'
  sed "1s/.*/$one/" two.cfg >one.cfg
  runs 0 "evaluate, workload $number alone" "$dse" evaluate one.cfg --design "$best" --json
  cp out alone.json
  holds "workload $number: the same alone" 'all(a["workloads"]['$number'][key] == b[key] for key in
    ("throughput_samples_per_s", "iteration_s", "energy_j", "memory_bytes", "binding"))' together.json alone.json
done
holds 'evaluate: the score of the search' 'a["geomean_speedup"] == b["best"]["geomean_speedup"] and a["feasible"]' \
  together.json geomean/summary.json
runs 0 'evaluate for people' "$dse" evaluate two.cfg --design "$best"
check 'evaluate: a line a workload' grep -qE '^bert-base +4 +0.75 ' out
runs 0 'the reference is 1' "$dse" evaluate two.cfg --design tpuv2 --json --set limits.area_mm2=700.0
holds 'the reference is 1' 'a["geomean_speedup"] == 1 and [w["speedup"] for w in a["workloads"]] == [1, 1]' out
runs 2 'uncertainty of a list' "$dse" evaluate two.cfg --uncertainty 8
says 'uncertainty of a list: why not' '--uncertainty: takes a run file with one workload'

# The folder knows whose it is.
runs 0 'run.cfg runs again' "$dse" explore geomean/run.cfg --out again
same_files 'run.cfg runs again' geomean again "${same_bytes[@]}" workloads.csv
write_list three.cfg "$two, { workload = \"alexnet\"; }"
runs 2 'another list in the folder' "$dse" explore three.cfg --out geomean
says 'another list in the folder: how many' 'workloads: a list of 2 there, of 3 now'
runs 2 'another weight in the folder' "$dse" explore two.cfg --out geomean --set 'workloads.[1].weight=2'
says 'another weight in the folder: which' 'workloads.[1].weight: 3.0 there, 2.0 now'
write_small small.cfg
runs 0 'one workload' "$dse" explore small.cfg --out small
refute 'one workload: no workloads.csv' test -e small/workloads.csv
runs 2 'a list in the folder of one' "$dse" explore two.cfg --out small
says 'a list in the folder of one: how many' 'workloads: a list of 0 there, of 2 now'

# Mistakes: one that only the workload's own file shows, and one on the command line.
write_list wrong.cfg "$two, { workload = \"nonesuch\"; }"
runs 2 'no such workload' "$dse" check wrong.cfg
says 'no such workload: its name' "there is no model 'nonesuch'"
runs 2 'a workload beside the list' "$dse" check two.cfg --set workload=bert-base
says 'a workload beside the list: where to' 'workload: stands beside workloads'
runs 2 'an unknown objective' "$dse" check two.cfg --set search.objective=median
says 'an unknown objective: what there is' '"geomean", "mean", "worst"'
runs 0 'a list of one on the command line' "$dse" evaluate two.cfg --json --set limits.area_mm2=700.0 \
  --set 'workloads=( { workload = "bert-base"; batch = 4; } )'
runs 0 'the example' "$dse" check "$root/configs/common-design.cfg"
refute 'the keys of the list are documented' test -z "$("$dse" list keys | grep -F 'workloads.[N].weight')"

# The script, on a small space and two small networks.
runs 0 'scripts/common-design' "$root/scripts/common-design" --dse "$dse" --config "$folder/two.cfg" --out "$folder"
holds 'no common design beats a network'"'"'s own' 'len(a) == 2 and all(float(r[o + "_loss"]) >= 0 for r in a for o in
  ("geomean", "mean", "worst")) and [r["design"] for r in b] ==
  ["each its own", "common, best geomean", "common, best mean", "common, best worst"] and
  all(float(b[0][k]) >= float(r[k]) for r in b for k in ("geomean_speedup", "mean_throughput_samples_per_s",
  "worst_speedup")) and b[1]["geomean_speedup"] == max(r["geomean_speedup"] for r in b[1:]) and
  b[2]["mean_throughput_samples_per_s"] == max(r["mean_throughput_samples_per_s"] for r in b[1:]) and
  b[3]["worst_speedup"] == max(r["worst_speedup"] for r in b[1:])' common-design.csv common-design-choices.csv
finish
