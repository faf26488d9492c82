#!/bin/bash
# Co-search of systems of several designs on many ranks: stages searched, systems made, platforms bounded and mapped on 1,
# 2, 3 and 5 ranks give the same bytes, also where a launch was stopped among them and others went on.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
write_mixed_cosearch co.cfg 'group_size = 19; samples = 300; final_samples = 1000;' 'kinds = 3; front = true;' \
  'round_size = 5;'
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
