#!/bin/bash
# Co-search of systems of several designs on many ranks: stages searched, systems made, platforms bounded and mapped on 1,
# 2, 3 and 5 ranks give the same bytes, also where a launch was stopped among them and others went on.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
cat >co.cfg <<'CFG'
workload = "gnmt4"; model = ["hidden=256", "vocab=4096"];
space = { tc_count = [1, 2, 4]; tc_rows = [64]; tc_cols = [64]; vc_count = [1, 2, 4]; vc_width = [256]; glb_mib = [16]; hbm_stacks = [1, 2]; };
system = {
  devices = [6]; global_batch = 96; tensor = [1]; pipeline = [3]; microbatch = [4]; schedule = ["1f1b"]; zero = [1];
  recompute = ["selective"]; money_usd = 860.0; kinds = "joint";
};
tenancy = { task = "mix"; group_size = 19; seed = 77; cores = 6; power_w = 700.0; samples = 300; final_samples = 1000; };
co_search = { metric = "joint"; kinds = 3; mixed = true; front = true; };
search = { top_k = 5; seed = 2385; round_size = 5; };
CFG
files=("${same_bytes[@]}" cosearch.csv cosearch-designs.csv mapping.csv systems.csv stages.csv trace-tenancy.json
  tenancy/instance.json tenancy/jobs.csv)
runs 0 'alone' "$dse" explore co.cfg --out whole
holds 'alone: several rounds of platforms, a winner of several designs, some out by bounds' '
  a["co_search"]["platforms_mapped"] > 8 and a["co_search"]["platforms_beaten_by_bounds"] > 0 and
  len(a["co_search"]["best"]["designs"]) > 1' whole/summary.json
same_on_ranks co.cfg
same_after_stops co.cfg

# Killed in its midst: the journal has what was trained, the rest is done again.
mpirun -q -n 2 "$dse" explore co.cfg --out killed --quiet >out 2>err </dev/null &
wait_for_bytes killed/journal 0
sleep 0.2
kill -TERM $!
wait $!
runs 0 'killed: 3 ranks go on' mpirun -q -n 3 "$dse" explore co.cfg --out killed
same_files 'killed' whole killed "${files[@]}"
finish
