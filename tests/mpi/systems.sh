#!/bin/bash
# Whole systems on many ranks: the same bytes on 1, 2, 3 and 5, also where a launch was stopped or killed in the stages'
# own searches and others went on.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
cat >small.cfg <<'CFG'
workload = "gpt2-xl"; batch = 8;
model = ["layers=5", "hidden=192", "heads=4", "vocab=512", "sequence=64"];
space = {
  tc_count = [1, 2, 4]; tc_rows = [8, 16, 64]; tc_cols = [32]; vc_count = [1, 2]; vc_width = [64, 256]; glb_mib = [2];
  hbm_stacks = [1]; hbm_gib_per_stack = [1]; link_gbytes_per_s = [5, 100];
};
system = {
  devices = [6]; tensor = [1, 2]; pipeline = [3]; microbatch = [1, 2]; schedule = ["1f1b", "zb_h1"]; zero = [1, 3];
  top_k = [1, 3];
};
search = { top_k = 5; seed = 2385; round_size = 3; };
CFG
files=("${same_bytes[@]}" systems.csv stages.csv k.csv)
runs 0 'alone' "$dse" explore small.cfg --out whole
same_on_ranks small.cfg

# Layers and designs together: the choice is each rank's own, and the same.
joint=(--set 'system.kinds="joint"' --set system.money_usd=400.0)
runs 0 'joint, alone' "$dse" explore small.cfg --out joint "${joint[@]}"
for ranks in 1 2 3 5; do
  runs 0 "joint, $ranks ranks" mpirun -q -n $ranks "$dse" explore small.cfg --out "joint-$ranks" "${joint[@]}"
  same_files "joint, $ranks ranks" joint "joint-$ranks" "${files[@]}"
done

# The stages' rounds are the last ones: whoever goes on does them again, wherever the journal was cut.
size=$(stat -c %s whole/journal)
for percent in 20 50 70 80 90 98; do
  cp -r whole cut
  truncate -s $((size * percent / 100)) cut/journal
  sed -i 's/"state": "complete"/"state": "running"/' cut/status.json
  rm -f cut/{systems,stages,k}.csv
  runs 0 "$percent % of the journal, 2 ranks go on" mpirun -q -n 2 "$dse" resume cut
  same_files "$percent % of the journal" whole cut "${files[@]}"
  rm -r cut
done

# Stopped again and again, and then left alone.
for ((launch = 0; launch < 8; launch++)); do
  mpirun -q -n 2 "$dse" explore small.cfg --out stopped --quiet --max-time 0.03 >out 2>err </dev/null
done
runs 0 'stopped again and again: goes on' mpirun -q -n 3 "$dse" explore small.cfg --out stopped
same_files 'stopped again and again' whole stopped "${files[@]}"

runs 0 'evaluate alone' "$dse" evaluate small.cfg --design tc_count=4 --json
cp out alone.json
runs 0 'evaluate on 3 ranks' mpirun -q -n 3 "$dse" evaluate small.cfg --design tc_count=4 --json
check 'evaluate on 3 ranks: one answer, the same' cmp alone.json out
runs 3 'nothing fits, 2 ranks' mpirun -q -n 2 "$dse" explore small.cfg --out none --set system.power_w=1.0
check 'nothing fits: said once' test "$(grep -c 'nothing feasible' err)" -eq 1
finish
