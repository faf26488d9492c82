#!/bin/bash
# Does `dse jobs` write instances that say where they come from, and the same ones on any number of ranks?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
run=configs/tenancy.cfg

jobs() { # FOLDER ARGUMENT...
  local out=$1
  shift
  runs 0 "jobs $*" "$dse" jobs $run --out "$folder/$out" "$@"
}

jobs a
prints 'a line an instance' "S4_mix_i0_bw16: 100 jobs"
says 'what is left out' '665 layers to draw from'
check 'an instance for each bandwidth' \
  test "$(cd "$folder/a" && echo *)" = 'S4_mix_i0_bw1 S4_mix_i0_bw16 S4_mix_i0_bw256'
check 'bandwidth changes no job' cmp "$folder/a/S4_mix_i0_bw1/jobs.csv" "$folder/a/S4_mix_i0_bw256/jobs.csv"
holds 'instance.json' 'a["num_jobs"] == 100 and a["num_accels"] == 8 and a["system_bw_bytes_per_cycle"] == 16 and
  [x["style"] for x in a["accels"]] == 7 * ["dla"] + ["shi"] and {x["pes"] for x in a["accels"]} == {8192} and
  a["total_macs"] == sum(int(row["macs"]) for row in b if row["accel"] == "0")' \
  "$folder/a/S4_mix_i0_bw16/instance.json" "$folder/a/S4_mix_i0_bw16/jobs.csv"
holds 'jobs.csv' 'len(a) == 800 and {row["job"] for row in a} == {str(j) for j in range(100)} and
  {int(row["orig_row"]) for row in a} == set(range(100)) and
  all(abs(float(row["auc_bytes"]) / (float(row["bw_bytes_per_cycle"]) * int(row["latency_cycles"])) - 1) < 1e-12 and
    float(row["energy_nj"]) > 0 for row in a)' "$folder/a/S4_mix_i0_bw16/jobs.csv"
jobs b
check 'again: the same bytes' diff -r "$folder/a" "$folder/b"
if [[ $MPI == yes ]]; then
  runs 0 'on two ranks' mpirun -n 2 "$dse" jobs $run --out "$folder/c"
  check 'on two ranks: the same bytes' diff -r "$folder/a" "$folder/c"
fi
jobs other --set tenancy.seed=77
refute 'another seed, another draw' cmp -s "$folder/a/S4_mix_i0_bw16/jobs.csv" "$folder/other/S4_mix_i0_bw16/jobs.csv"

# As the public tables: MAESTRO's forms, one tile, the released sort (cores 7 to 2, then the place in the draw).
jobs compat --set tenancy.provider=compat --set tenancy.bandwidth_model=tile --set tenancy.sort=released \
  --set tenancy.platform=S5 --set tenancy.task=vision
holds 'compat: the rows say what the closed form says' 'all(
  int(row["latency_cycles"]) == 1 + -(-int(row["d0"]) // (int(row["num_pes"]) // 64)) * -(-int(row["d1"]) // 64)
    * (int(row["d2"]) - int(row["d4"]) + 1) * (int(row["d3"]) - int(row["d5"]) + 1)
    * (int(row["d4"]) * int(row["d5"]) + 1)
  for row in a if row["layer_type"] == "1" and row["style"] == "dla")' "$folder/compat/S5_vision_i0_bw16/jobs.csv"
holds 'compat: sorted as released' '(lambda job: [job[k] for k in sorted(job)] == sorted(job.values()))(
  {int(row["job"]): tuple(int(other["latency_cycles"]) for c in range(7, 1, -1) for other in a
    if other["job"] == row["job"] and other["accel"] == str(c)) + (int(row["orig_row"]),)
  for row in a if row["accel"] == "0"})' "$folder/compat/S5_vision_i0_bw16/jobs.csv"
holds 'compat: no energy is known' '"energy_nj" not in a[0] and all(row["cluster_size"] == "64" for row in a)' \
  "$folder/compat/S5_vision_i0_bw16/jobs.csv"

# Training: passes and updates are jobs.
jobs training --set tenancy.training=true --set tenancy.platform=S1 --set tenancy.bandwidth_bytes_per_cycle=7.5
holds 'training' '{row["phase"] for row in a} == {"forward", "backward-data", "backward-weight", "update"}' \
  "$folder/training/S1_mix_training_i0_bw7.5/jobs.csv"
jobs whole --set 'tenancy.models=["resnet18"]' --set tenancy.draw=whole --set tenancy.dependencies=true \
  --set tenancy.bandwidth_bytes_per_cycle=77
holds 'dependencies' 'len(b) == 8 * 21 and
  {row["succ"] for row in a} | {row["pred"] for row in a} == {row["job"] for row in b}' \
  "$folder/whole/S4_models_i0_bw77/edges.csv" "$folder/whole/S4_models_i0_bw77/jobs.csv"
jobs whole --set 'tenancy.models=["resnet18"]' --set tenancy.draw=whole --set tenancy.bandwidth_bytes_per_cycle=77
holds 'edges of an earlier instance are gone' 'a == []' "$folder/whole/S4_models_i0_bw77/edges.csv"

# Designs that a search found.
write_small "$folder/small.cfg"
runs 0 'explore' "$dse" explore "$folder/small.cfg" --out "$folder/found"
jobs found --set "tenancy.accelerators=[\"2 x $folder/found:1..3\"]" --set tenancy.bandwidth_bytes_per_cycle=77 --json
cp "$folder/out" "$folder/found.json"
holds 'found designs: JSON' 'len(a) == 1 and a[0]["jobs"] == 100 and a[0]["cores"] == 6 and a[0]["pairs"] == 600' \
  "$folder/found.json"
holds 'found designs' '[x["style"] for x in a["accels"]] == [b[k]["design"] for k in (0, 0, 1, 1, 2, 2)] and
  all(x["pes"] == int(b[x["id"] // 2]["tc_count"]) * int(b[x["id"] // 2]["tc_rows"]) * int(b[x["id"] // 2]["tc_cols"])
    for x in a["accels"])' "$folder/found/accelerators_mix_i0_bw77/instance.json" "$folder/found/topk.csv"

# Mistakes are said at their line; nothing is written.
sed 's/"S4"/"S7"/' $run >"$folder/wrong.cfg"
runs 2 'no such platform' "$dse" jobs "$folder/wrong.cfg" --out "$folder/none"
says 'no such platform' 'wrong.cfg:6: tenancy.platform: "S7" is no platform, did you mean S1?'
check 'no such platform: nothing is written' test ! -e "$folder/none"
runs 2 'no folder' "$dse" jobs $run
says 'no folder' '--out FOLDER is needed'
runs 2 'an unknown key' "$dse" jobs $run --out "$folder/none" --set tenancy.groupsize=7
says 'an unknown key' 'did you mean group_size?'
touch "$folder/file"
runs 1 'a file in the way' "$dse" jobs $run --out "$folder/file"
finish
