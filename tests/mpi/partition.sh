#!/bin/bash
# Is a partition the same on any number of ranks? Answer, page and trace of 1, 2 and 3 ranks, of every algorithm; a clock
# that runs out on several ranks; a signal.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
[[ $MPI == no ]] && skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'no mpirun'
instances=tests/data/partition/instances
open=$instances/pd_nasnetamobile-bw32.json
keys=(--samples 3000 --seed 5 --set best.first_pairs=200000 --set best.last_pairs=400000)

mkdir "$folder/alone"
runs 0 'without a launcher' "$dse" map partition $open "${keys[@]}" --json --out "$folder/alone/answer.csv" \
  --report "$folder/alone/page.html" --trace "$folder/alone/trace.json"
cp "$folder/out" "$folder/said.json"
holds 'nothing is proven, samples are used' 'a["samples"] <= 3000 and a["value"] > a["lower_bound"]' "$folder/said.json"
for ranks in 1 2 3; do
  mkdir "$folder/$ranks"
  runs 0 "$ranks ranks" mpirun -q -n $ranks "$dse" map partition $open "${keys[@]}" --json \
    --out "$folder/$ranks/answer.csv" --report "$folder/$ranks/page.html" --trace "$folder/$ranks/trace.json"
  same_files "$ranks ranks" "$folder/alone" "$folder/$ranks" answer.csv page.html trace.json
done

# Every algorithm on several ranks.
small=$instances/pd_gnmt-bw32.json
runs 0 'compared alone' "$dse" map partition $small --algorithm all --samples 200
cut -d, -f1-14 "$folder/out" >"$folder/compared-1.csv"
for ranks in 2 3; do
  runs 0 "compared on $ranks ranks" mpirun -q -n $ranks "$dse" map partition $small --algorithm all --samples 200
  cut -d, -f1-14 "$folder/out" >"$folder/compared-$ranks.csv"
  check "compared on $ranks ranks: the same table but for seconds" cmp "$folder/compared-1.csv" \
    "$folder/compared-$ranks.csv"
done

# A mistake is said once; what nobody can do, likewise.
runs 2 'a mistake on three ranks' mpirun -q -n 3 "$dse" map partition $small --algorithm bset
check 'a mistake on three ranks: once' test "$(grep -c 'no algorithm' "$folder/err")" -eq 1
runs 3 'nothing fits, on three ranks' mpirun -q -n 3 "$dse" map partition $small --set memory_bytes=1000
check 'nothing fits, on three ranks: once' test "$(grep -c 'there is no partition' "$folder/err")" -eq 1

# The clock of several ranks.
runs 0 'by time on two ranks' mpirun -q -n 2 "$dse" map partition $open --time 0.5 "${keys[@]:4}"
cp "$folder/out" "$folder/timed.csv"
holds 'by time on two ranks: there is an answer' 'float(a[0]["value"]) > 0 and float(a[0]["wall_s"]) < 100' \
  "$folder/timed.csv"

# A signal ends it soon, with what was found until then.
"$dse" map partition $open --samples 1000000000 --quiet >"$folder/out" 2>"$folder/err" &
process=$!
sleep 1
kill -TERM $process
status=0
wait $process || status=$?
check 'a signal: status 75' test $status -eq 75
says 'a signal: what there is' 'the best partition until then'

finish
