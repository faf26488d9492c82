#!/bin/bash
# Tenants on many ranks: platforms bounded and mapped on 1, 2, 3 and 5 ranks give the same bytes, also where a launch was
# stopped among them and others went on.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
cat >tenants.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = {
  tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64, 128]; vc_count = [1, 2]; vc_width = [256]; glb_mib = [16];
  hbm_stacks = [1, 2];
};
tenancy = {
  task = "mix"; group_size = 37; seed = 77; from = "front"; designs = 4; cores = 4; bandwidth_bytes_per_cycle = 900;
  samples = 300; final_samples = 20000;
};
search = { top_k = 5; seed = 2385; round_size = 5; };
CFG
files=("${same_bytes[@]}" tenancy.csv mapping.csv trace-tenancy.json tenancy/instance.json tenancy/jobs.csv)
runs 0 'alone' "$dse" explore tenants.cfg --out whole
holds 'alone: several rounds of platforms' 'a["tenancy"]["platforms_mapped"] > 32 and
  a["tenancy"]["platforms_beaten_by_bounds"] > 0' whole/summary.json
same_on_ranks tenants.cfg

same_after_stops tenants.cfg

# Killed among the platforms: the journal has the search, the rest is done again.
slow=(--set tenancy.samples=20000 --set tenancy.cores=3)
runs 0 'slower, alone' "$dse" explore tenants.cfg --out slow "${slow[@]}"
mpirun -q -n 2 "$dse" explore tenants.cfg --out killed --quiet "${slow[@]}" >out 2>err </dev/null &
wait_for_bytes killed/journal $(($(stat -c %s slow/journal) - 1))
sleep 0.2
kill -TERM $!
wait $!
refute 'killed: it had no time to end' test -e killed/tenancy.csv
runs 0 'killed: 3 ranks go on' mpirun -q -n 3 "$dse" resume killed
same_files 'killed' slow killed "${files[@]}"

runs 2 'a mistake, 2 ranks' mpirun -q -n 2 "$dse" explore tenants.cfg --out none --set tenancy.task=visio
check 'a mistake: said once' test "$(grep -c 'no task "visio"' err)" -eq 1
finish
