#!/bin/bash
# Are trained weights, and what a policy that learns finds, the same on any number of ranks?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
[[ $MPI == no ]] && skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'no mpirun'
data=tests/data/partition/instances
keys=(--set graphs=20 --set width=16 --set layers=2 --set label_steps=30 --set updates=6 --set checks=2)

runs 0 'train, alone' "$dse" train policy --out "$folder/alone.weights" "${keys[@]}"
cp "$folder/out" "$folder/alone.csv"
for ranks in 1 2 3 5; do
  runs 0 "train, $ranks ranks" mpirun -q -n $ranks "$dse" train policy --out "$folder/$ranks.weights" "${keys[@]}"
  check "$ranks ranks: the same weights" cmp "$folder/alone.weights" "$folder/$ranks.weights"
  check "$ranks ranks: the same curve" cmp "$folder/alone.csv" "$folder/out"
done

for mode in scratch zeroshot finetune; do
  map=("$dse" map partition "$data/pd_gnmt-clone-bw32.json" --algorithm policy --samples 110 --set "policy.mode=$mode"
    --set "policy.weights=\"$folder/alone.weights\"")
  runs 0 "$mode, alone" "${map[@]}" --out "$folder/$mode-0.csv"
  for ranks in 2 3; do
    runs 0 "$mode, $ranks ranks" mpirun -q -n $ranks "${map[@]}" --out "$folder/$mode-$ranks.csv"
    check "$mode, $ranks ranks: the same answer" cmp "$folder/$mode-0.csv" "$folder/$mode-$ranks.csv"
  done
done
finish
