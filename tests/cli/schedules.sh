#!/bin/bash
# How far from the shortest schedules are ours? The table of `dse schedules` on a few graphs: its gaps fall with effort
# and keep their targets, bounds lie below optima, GLPK agrees, and the same seed gives the same bytes.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
networks=vgg16,resnet18
few=(configs/quickstart.cfg --networks "$networks" --graphs 12 --nodes 3000 --model-ops 8)

runs 0 'schedules --csv' "$dse" schedules "${few[@]}" --csv --timing "$folder/timing.csv" --lp "$folder/last.lp"
silent 'schedules --csv' err
cp "$folder/out" "$folder/first.csv"
holds 'sets, and efforts in order' 'len({row["set"] for row in a}) == 8 and all([int(row["passes"]) for row in a
  if row["set"] == s] == [0, 1, 2, 4, 16] for s in {row["set"] for row in a})' "$folder/first.csv"
holds 'gaps of proven problems: none negative, one pass within a percent, the list not' '
  all(float(row["mean_gap_proven"] or 0) >= 0 for row in a) and
  all(float(row["mean_gap_proven"] or 0) < 0.01 for row in a if row["passes"] != "0") and
  any(float(row["mean_gap_proven"] or 0) > 0.01 for row in a if row["passes"] == "0")' "$folder/first.csv"
holds 'and none of them is more than 5 percent above' '
  all(float(row["worst_gap_proven"] or 0) <= 0.05 for row in a if row["passes"] != "0") and
  any(float(row["worst_gap_proven"] or 0) > 0.05 for row in a if row["passes"] == "0")' "$folder/first.csv"
holds 'bounds are below optima' 'all(0 <= float(row["bound_mean_gap"]) <= float(row["bound_worst_gap"]) < 1
  for row in a if row["bound_mean_gap"])' "$folder/first.csv"
holds 'GLPK was asked and agrees' 'sum(int(row["glpk_agrees"]) for row in a) > 0 and
  all(int(row["glpk_agrees"]) <= int(row["glpk"]) for row in a)' "$folder/first.csv"
holds 'a time for each row' 'len(a) == len(b) and all(float(row["schedule_us"]) > 0 for row in b)' \
  "$folder/first.csv" "$folder/timing.csv"
check 'the model is an LP file' grep -q '^Subject To' "$folder/last.lp"

runs 0 'schedules again' "$dse" schedules "${few[@]}" --csv
check 'same seed, same bytes' cmp "$folder/out" "$folder/first.csv"
runs 0 'schedules for people' "$dse" schedules "${few[@]}" --graphs 2 --nodes 300 --model-ops 0
check 'a table of quality and one of times' grep -q schedule_us "$folder/out"
runs 2 'a number is needed' "$dse" schedules configs/quickstart.cfg --graphs many
runs 2 'no such network' "$dse" schedules configs/quickstart.cfg --networks vgg
check 'which network' grep -q '"vgg" is a benchmark network' "$folder/err"
finish
