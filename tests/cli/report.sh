#!/bin/bash
# Does `dse report` make again what the run had made? The same bytes for one device, several workloads, a whole system and
# tenants, on any number of ranks; of a run in its midst what it has found; words where there is nothing to picture.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small one.cfg
cat >several.cfg <<'CFG'
workloads = ({ workload = "bert-base"; batch = 4; }, { workload = "resnet18"; batch = 16; });
limits = { area_mm2 = 500.0; };
space = { tc_count = [1, 2]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [1, 2]; vc_width = [256]; glb_mib = [16]; };
CFG
cat >system.cfg <<'CFG'
workload = "bert-large";
model = ["layers=6"];
batch = 64;
space = { tc_count = [2, 4, 8]; tc_rows = [128]; tc_cols = [128]; vc_count = [2, 8]; vc_width = [256];
  glb_mib = [32, 64]; hbm_stacks = [1, 2, 4]; };
limits = { area_mm2 = 800.0; tdp_w = 500.0; reference = "tpuv4"; };
system = { devices = [16]; global_batch = 64; tensor = [2]; pipeline = [4]; microbatch = [1, 2]; top_k = [1, 5]; };
CFG
cat >tenants.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = { tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64, 128]; vc_count = [1, 2]; vc_width = [256];
  glb_mib = [16]; hbm_stacks = [1, 2]; };
tenancy = { task = "vision"; group_size = 23; seed = 77; from = "front"; designs = 3; cores = 3; area_mm2 = 620.0;
  power_w = 510.0; bandwidth_bytes_per_cycle = 600; samples = 300; final_samples = 700; };
search = { top_k = 5; seed = 2385; };
CFG
sed 's/^search = .*/search = { algorithm = "sweep"; };/' one.cfg >sweep.cfg

for kind in one several sweep system tenants; do
  runs 0 "$kind: a run" "$dse" explore $kind.cfg --out $kind --quiet
  rm -rf was
  cp -r $kind was
  rm -f $kind/report.html $kind/trace-*.json
  runs 0 "$kind: its report again" "$dse" report $kind
  prints "$kind: which" "$kind/report.html"
  silent "$kind" err
  check "$kind: everything is as the run had made it" diff -r was $kind
done
check 'a system has a second trace' test -s system/trace-pipeline.json
check 'tenants have a third one' test -s tenants/trace-tenancy.json
rm one/report.html
if [[ $MPI != no ]]; then
  runs 0 'on three ranks' mpirun -q -n 3 "$dse" report one --json
  mv out ranks.json
  holds 'on three ranks: JSON' 'a["report"] == "one/report.html" and not a["unfinished"] and a["rounds"] > 0 and a["evaluations"] == b["evaluations"]' \
    ranks.json one/summary.json
  check 'on three ranks: the same bytes' cmp one/report.html <("$dse" explore one.cfg --out again --quiet >/dev/null && cat again/report.html)
fi

# --- a run in its midst -----------------------------------------------------------------------------------------------
write_long long.cfg 3000
slow_disk 15 # 131 rounds
runs 75 'a part of a run' "${slow[@]}" "$dse" explore long.cfg --out long --max-time 0.5 --quiet
cp -r long before
runs 0 'its report' "$dse" report long
prints 'its report: what it is of' 'of a run that has not ended ('
prints 'its report: what next' 'dse resume long goes on'
check 'its report says so' grep -q 'the run has not ended: the best of' long/report.html
refute 'nothing of it sounds proven' grep -q 'no design of the space is better' long/report.html
check 'nothing else is touched' diff -r -x report.html -x 'trace-*.json' before long
runs 0 'resumed' "$dse" resume long --quiet
runs 0 'not stopped' "$dse" explore long.cfg --out whole --quiet
same_files 'a report in the midst changes nothing' long whole report.html trace-best.json front.csv journal

# A run that goes on is not disturbed.
"${slow[@]}" "$dse" explore long.cfg --out going --quiet >/dev/null 2>&1 &
run=$!
wait_for_bytes going/journal 60000
runs 0 'of a run that goes on' "$dse" report going
wait $run
same_files 'the run that went on' going whole report.html front.csv journal

# --- nothing to picture -------------------------------------------------------------------------------------------------
runs 3 'a run without answer' "$dse" explore one.cfg --out none --quiet --set limits.area_mm2=20
runs 3 'no report of it' "$dse" report none
says 'no report of it' 'none: nothing feasible, so there is nothing to picture'
refute 'no report of it: no file' test -e none/report.html
mkdir empty
runs 1 'an empty folder' "$dse" report empty
says 'an empty folder' 'empty: no run.cfg there'
cp one/run.cfg empty/
runs 1 'a folder without journal' "$dse" report empty
says 'a folder without journal' 'empty/journal: cannot be read'
cp -r one changed
sed -i 's/^  seed = .*/  seed = 1;/' changed/run.cfg
runs 2 'settings that are not the journal'"'"'s' "$dse" report changed
runs 2 '--set' "$dse" report one --set search.seed=3
says '--set' '--set: takes none'
cp -r one damaged
printf '\xff' | dd of=damaged/journal bs=1 seek=400 conv=notrunc status=none
mkdir temporary # of our own: other runs on this machine may leave theirs in the common one
TMPDIR=$folder/temporary runs 1 'a damaged journal' "$dse" report damaged
says 'a damaged journal: which' 'damaged/journal: the journal is damaged'
says 'a damaged journal: what next' 'dse resume damaged --salvage'
refute 'a damaged journal: no word of the copy' grep -q dse-report "$folder/err"
check 'a damaged journal stays as it is' test "$(find damaged -name 'journal*' | wc -l)" -eq 1
check 'no copy of a journal is left' test -z "$(ls temporary)"
finish
