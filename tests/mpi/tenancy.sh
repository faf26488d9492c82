#!/bin/bash
# Is a mapping of jobs the same on any number of ranks, and after a kill? Answer, population and page of 1, 2, 3 and 5
# ranks, of a search that was killed and started again, of one that a signal stopped.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
[[ $MPI == no ]] && skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'no mpirun'
instance=tests/data/tenancy/s6_recom_i3_bw16
keys=(--samples 200000 --set islands=5 --set round_samples=4000 --set bounds=quick --seed 3)

map() { # RANKS NAME ARGUMENT...
  local ranks=$1 name=$2
  shift 2
  mkdir -p "$folder/$name"
  runs 0 "$name" mpirun -q -n "$ranks" "$dse" map tenancy $instance "${keys[@]}" --json --out "$folder/$name/answer.csv" \
    --keep "$folder/$name/population.json" --report "$folder/$name/page.html" "$@"
  cp "$folder/out" "$folder/$name/said.json"
}

mkdir "$folder/alone"
runs 0 'without a launcher' "$dse" map tenancy $instance "${keys[@]}" --json --out "$folder/alone/answer.csv" \
  --keep "$folder/alone/population.json" --report "$folder/alone/page.html"
cp "$folder/out" "$folder/alone/said.json"
holds 'all samples are used' 'a["samples"] == 200000 and a["islands"] == 5' "$folder/alone/said.json"
for ranks in 1 2 3 5; do
  map $ranks "ranks-$ranks"
  same_files "$ranks ranks" "$folder/alone" "$folder/ranks-$ranks" answer.csv population.json page.html
done

# Every algorithm on several ranks.
runs 0 'compared alone' "$dse" map tenancy $instance --algorithm all --seeds 2 --samples 300 --set bounds=quick
cut -d, -f1-12 "$folder/out" >"$folder/compared-1.csv"
runs 0 'compared on three ranks' mpirun -q -n 3 "$dse" map tenancy $instance --algorithm all --seeds 2 --samples 300 \
  --set bounds=quick
cut -d, -f1-12 "$folder/out" >"$folder/compared-3.csv"
check 'compared: the same table but for seconds' cmp "$folder/compared-1.csv" "$folder/compared-3.csv"

# Killed in its midst, started again on another number of ranks.
keys=(--samples 4000000 --set islands=5 --set round_samples=4000 --set bounds=quick --seed 3)
mpirun -q -n 2 "$dse" map tenancy $instance "${keys[@]}" --state "$folder/state" >/dev/null 2>&1 &
launcher=$!
check 'a state appears' wait_for_bytes "$folder/state" 0
pkill -KILL -f "^$dse map tenancy $instance .*--state $folder/state" || true
wait "$launcher" 2>/dev/null
runs 0 'stopped by time' mpirun -q -n 3 "$dse" map tenancy $instance "${keys[@]}" --state "$folder/state" --time 0.2
map 2 gone-on --state "$folder/state"
map 3 whole
same_files 'killed, stopped, gone on' "$folder/whole" "$folder/gone-on" answer.csv population.json page.html

# A signal ends it soon, with the status that says: again.
"$dse" map tenancy $instance --samples 100000000000 --state "$folder/other" --quiet >"$folder/out" 2>"$folder/err" &
process=$!
check 'a state appears again' wait_for_bytes "$folder/other" 0
kill -TERM $process
status=0
wait $process || status=$?
check 'a signal: status 75' test $status -eq 75
says 'a signal: how to go on' 'the same command goes on from'

finish
