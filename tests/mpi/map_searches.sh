#!/bin/bash
# Is what dse map searches for the same on any number of ranks? For placements, shardings and partitions: answer, page
# and trace of 1, 2 and 3 ranks; a table of every algorithm; a clock that runs out on several ranks; signals, also to one
# rank alone. (Mappings of jobs, which go on from a file: tenancy.sh.)
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
[[ $MPI == no ]] && skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'no mpirun'

# What a problem's cases are: `one` is searched with `keys`, `small` compared; `bare` columns of a table are in front of
# the seconds; --out gets `out`, which makes `files`.
of_placement() {
  one=tests/data/placement/boards/vlocnet_0125.json small=tests/data/placement/pair.json keys=(--algorithm magma-like --samples 600 --seed 5)
  bare=13 out=answer.csv files=(answer.csv) few=(--samples 300)
  none=("$folder/hard.json") no_status=2 no_answer='hard memory cannot be met' no_end=(--algorithm random)
}
of_sharding() {
  one=tests/data/sharding/t14.json small=$one keys=(--algorithm ga2 --samples 600 --seed 5)
  bare=17 out='' files=(sets.csv strategies.csv) few=(--samples 300)
  none=("$folder/small.json" --algorithm baseline) no_status=3 no_answer='finds no sharding' no_end=(--algorithm random)
}
of_partition() {
  one=tests/data/partition/instances/pd_nasnetamobile-bw32.json
  small=tests/data/partition/instances/pd_gnmt-bw32.json
  keys=(--samples 3000 --seed 5 --set best.first_pairs=200000 --set best.last_pairs=400000)
  bare=14 out=answer.csv files=(answer.csv) few=(--samples 200)
  none=("$small" --set memory_bytes=1000) no_status=3 no_answer='there is no partition' no_end=("${keys[@]:4}")
}
sed 's/"preset": "h2h"/"preset": "h2h", "memory": "hard"/; s/"dram_bytes": 1000/"dram_bytes": 150/' \
  tests/data/placement/pair.json >"$folder/hard.json"
sed 's/"dram_bytes": 1000000000/"dram_bytes": 1000/' tests/data/sharding/t14.json >"$folder/small.json"

same_on_ranks() { # PROBLEM
  local ranks made
  made=$folder/$1-alone
  mkdir "$made"
  runs 0 "$1 without a launcher" "$dse" map "$1" "$one" "${keys[@]}" --out "$made/$out" --report "$made/page.html" \
    --trace "$made/trace.json"
  for ranks in 1 2 3; do
    made=$folder/$1-$ranks
    mkdir "$made"
    runs 0 "$1 on $ranks ranks" mpirun -q -n $ranks "$dse" map "$1" "$one" "${keys[@]}" --out "$made/$out" \
      --report "$made/page.html" --trace "$made/trace.json"
    same_files "$1 on $ranks ranks" "$folder/$1-alone" "$made" "${files[@]}" page.html trace.json
  done
}

compared() { # PROBLEM
  local ranks
  runs 0 "$1 compared alone" "$dse" map "$1" "$small" --algorithm all "${few[@]}"
  cut -d, -f1-"$bare" "$folder/out" >"$folder/compared-1.csv"
  for ranks in 2 3; do
    runs 0 "$1 compared on $ranks ranks" mpirun -q -n $ranks "$dse" map "$1" "$small" --algorithm all "${few[@]}"
    cut -d, -f1-"$bare" "$folder/out" >"$folder/compared-$ranks.csv"
    check "$1 compared on $ranks ranks: the same table but for seconds" cmp "$folder/compared-1.csv" \
      "$folder/compared-$ranks.csv"
  done
}

# A mistake is said once; what nobody can do, likewise.
said_once() { # PROBLEM
  runs 2 "$1: a mistake on three ranks" mpirun -q -n 3 "$dse" map "$1" "$small" --algorithm bset
  check "$1: a mistake on three ranks: once" test "$(grep -c 'no algorithm' "$folder/err")" -eq 1
  runs "$no_status" "$1: nothing fits, on three ranks" mpirun -q -n 3 "$dse" map "$1" "${none[@]}"
  check "$1: nothing fits, on three ranks: once" test "$(grep -c "$no_answer" "$folder/err")" -eq 1
}

by_time() { # PROBLEM
  runs 0 "$1 by time on two ranks" mpirun -q -n 2 "$dse" map "$1" "$one" --time 0.3 "${no_end[@]}"
  cp "$folder/out" "$folder/timed.csv"
  holds "$1 by time on two ranks: there is an answer" \
    'float(a[0]["value"]) > 0 and float(a[0]["wall_s"]) < 100' "$folder/timed.csv"
}

# A signal ends it soon, with what was found until then; also if of two ranks one gets it.
stopped() { # PROBLEM
  local process rank answer=0
  "$dse" map "$1" "$one" --samples 1000000000 "${no_end[@]}" --quiet >"$folder/out" 2>"$folder/err" &
  process=$!
  await catches $process
  sleep 0.5
  kill -TERM $process
  wait $process || answer=$?
  check "$1, a signal: status 75" test $answer -eq 75
  says "$1, a signal: what there is" "the best $1 until then"
  answer=0
  mpirun -q -n 2 timeout -k 5 300 "$dse" map "$1" "$one" --time 200 "${no_end[@]}" --quiet >"$folder/out" 2>"$folder/err" &
  process=$!
  rank_searches() { rank=$(pgrep -P "$(rank_pid "$process" 1)") && catches "$rank"; } # of timeout
  await rank_searches
  sleep 0.5
  kill -USR1 "$rank"
  wait $process || answer=$?
  check "$1, a signal to one of two ranks: status 75" test $answer -eq 75
  says "$1, a signal to one of two ranks: what there is" "stopped by signal SIGUSR1: the best $1 until then"
}

for problem in placement sharding partition; do
  of_$problem
  same_on_ranks $problem
  compared $problem
  said_once $problem
  by_time $problem
  stopped $problem
done

finish
