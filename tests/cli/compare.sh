#!/bin/bash
# Which searcher gets nearest with the fewest evaluations? `dse compare`: the table, its files, its page, its JSON; the
# same but for seconds with any number of ranks; tables of somebody else's points; mistakes, at their line.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
write_small "$folder/small.cfg"
points=tests/data/search/points.csv

# --- the table ----------------------------------------------------------------------------------------------------------
runs 0 'small' "$dse" compare "$folder/small.cfg" --seeds 3 --budget 90 --algorithms guided,random \
  --csv "$folder/small.csv" --html "$folder/small.html"
prints 'small: whose optimum' 'proven with'
prints 'small: the conclusion' 'is the first within 1 % of the proven optimum'
check 'small: a row a searcher' test "$(grep -c '^guided  \|^random  ' "$folder/out")" -eq 2
number='(lambda row, column: float(row[column]) if row[column] else float("inf"))'
holds 'seeds' '[(row["searcher"], row["seeds"]) for row in a] == [("guided", "1"), ("random", "3")]' "$folder/small.csv"
holds 'nearer takes longer; quartiles are in order' "all(
  $number(row, 'evaluations_10pct_median') <= $number(row, 'evaluations_5pct_median') <=
  $number(row, 'evaluations_1pct_median') <= $number(row, 'evaluations_optimum_median') and
  $number(row, 'evaluations_5pct_q1') <= $number(row, 'evaluations_5pct_median') <= $number(row, 'evaluations_5pct_q3')
  for row in a)" "$folder/small.csv"
holds 'guided gets there; shares are shares' 'a[0]["share_optimum"] == "1" and a[0]["times_guided_1pct"] == "1" and
  a[0]["regret_median"] == "0" and all(row["share_1pct"] in ("0", "1") or 0 < float(row["share_1pct"]) < 1
  for row in a)' "$folder/small.csv"
holds 'no seconds beside the results' 'not any("second" in name or name.endswith("_s_median") for name in a[0])' \
  "$folder/small.csv"
holds 'seconds in a file of their own' '[row["searcher"] for row in a] == ["guided", "random"] and
  all(float(row["evaluation_s_median"]) > 0 for row in a)' "$folder/small-timing.csv"
check 'the page has a curve a searcher' test "$(grep -c '<title>guided</title>\|<title>random</title>' \
  "$folder/small.html")" -eq 2
refute 'the page holds no seconds' grep -q 'CPU s' "$folder/small.html"

# The optimum is the best of all designs: the exhaustive search finds it, and nothing better.
runs 0 'small, exhaustive' "$dse" compare "$folder/small.cfg" --budget 1000 --algorithms exhaustive --json
cp "$folder/out" "$folder/exhaustive.jsonl"
runs 0 'small, explored' "$dse" explore "$folder/small.cfg" --out "$folder/explored" \
  --set search.algorithm=exhaustive --quiet
holds 'the optimum is that of dse explore' 'a[0]["optimum"] == b["best"]["throughput_samples_per_s"] and
  a[0]["proven_optimal"] and a[1]["share_optimum"] == 1 and a[1]["evaluations_optimum_median"] <= a[0]["points"]' \
  "$folder/exhaustive.jsonl" "$folder/explored/summary.json"

# A wrong optimum, given, is nobody's; the right one is as good as proven.
optimum=$(python3 -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())["optimum"])' \
  "$folder/exhaustive.jsonl")
runs 0 'an optimum out of reach' "$dse" compare "$folder/small.cfg" --budget 90 --algorithms guided --json \
  --optimum "$(python3 -c "print(2 * $optimum)")"
cp "$folder/out" "$folder/far.jsonl"
holds 'an optimum out of reach' 'not a[0]["proven_optimal"] and a[1]["share_10pct"] == 0 and
  abs(a[1]["regret_median"] - 0.5) < 1e-9 and a[1]["evaluations_10pct_median"] == ""' "$folder/far.jsonl"
runs 0 'the optimum given' "$dse" compare "$folder/small.cfg" --seeds 3 --budget 90 --algorithms guided,random \
  --csv "$folder/given.csv" --optimum "$optimum"
check 'the optimum given: the same table' cmp "$folder/small.csv" "$folder/given.csv"

# --- the front ----------------------------------------------------------------------------------------------------------
runs 0 'front' "$dse" compare "$folder/small.cfg" --seeds 2 --budget 1000 --algorithms exhaustive,random --front \
  --csv "$folder/front.csv"
holds 'all designs are all of the hypervolume, some are not more' 'float(a[0]["hypervolume_median"]) == 1 and
  0 < float(a[1]["hypervolume_median"]) <= 1' "$folder/front.csv"
holds 'without --front no hypervolume' 'all(row["hypervolume_median"] == "" for row in a)' "$folder/small.csv"

# By hand: the front is (10, 5) and (20, 8), the corner (9, 8.8); the first point alone has 3.8 of 11.8.
printf 'a,max:rate,min:cost\n1,10,5\n2,20,8\n3,8,9\n' >"$folder/three.csv"
runs 0 'front of three' "$dse" compare --table "$folder/three.csv" --budget 1 --algorithms exhaustive --front \
  --csv "$folder/three-out.csv"
holds 'front of three: a hypervolume by hand' 'abs(float(a[0]["hypervolume_median"]) - 3.8 / 11.8) < 1e-9' \
  "$folder/three-out.csv"

# --- ranks --------------------------------------------------------------------------------------------------------------
if [[ $MPI != no ]]; then
  for ranks in 2 3; do
    runs 0 "$ranks ranks" mpirun -q -n $ranks "$dse" compare "$folder/small.cfg" --seeds 3 --budget 90 \
      --algorithms guided,random --csv "$folder/ranks.csv" --html "$folder/ranks.html"
    check "$ranks ranks: the same table" cmp "$folder/small.csv" "$folder/ranks.csv"
    check "$ranks ranks: the same page" cmp "$folder/small.html" "$folder/ranks.html"
    check "$ranks ranks: said once" test "$(grep -c 'is the first within' "$folder/out")" -eq 1
  done
fi

# --- everybody ----------------------------------------------------------------------------------------------------------
runs 0 'everybody' "$dse" compare "$folder/small.cfg" --seeds 2 --budget 40 --json
cp "$folder/out" "$folder/all.jsonl"
runs 0 'list' "$dse" list algorithms --json
cp "$folder/out" "$folder/algorithms.jsonl"
holds 'every algorithm, but those that cannot' '{row["searcher"].split("/")[0] for row in a[1:]} ==
  {row["name"] for row in b if "/" not in row["name"]} - {"sweep", "exhaustive"} and a[0]["budget"] == 40' \
  "$folder/all.jsonl" "$folder/algorithms.jsonl"
holds 'no searcher twice' 'len({row["searcher"] for row in a[1:]}) == len(a) - 1' "$folder/all.jsonl"

# --- a table ------------------------------------------------------------------------------------------------------------
runs 0 'points' "$dse" compare --table $points --seeds 4 --budget 110 --algorithms guided,random --csv "$folder/points.csv"
prints 'points: its optimum' "rate $(python3 -c "
import csv
print('%.6g' % max(float(row['max:rate']) for row in csv.DictReader(open('$points')) if row['max:rate']))")"
holds 'points: random finds it among 120' 'a[1]["share_10pct"] == "1"' "$folder/points.csv"
runs 0 'points, cost' "$dse" compare --table $points --metric cost --budget 110 --algorithms random --json
prints 'points, cost: least' '"optimum": 19.0'
runs 0 'points, a key of a searcher' "$dse" compare --table $points --budget 50 --algorithms guided \
  --set search.guided.polish_designs=0
printf 'a,b,max:x\n1,2,3\n1,3,-4\n,5,6\n1,2,7\n' >"$folder/bad.csv"
runs 2 'a bad table' "$dse" compare --table "$folder/bad.csv"
says 'a bad table: empty' 'bad.csv:4: a: "" is empty, give every axis a value'
printf 'a,b,max:x\n1,2,3\n1,3,-4\n1,2,7\n' >"$folder/bad.csv"
runs 2 'a bad table' "$dse" compare --table "$folder/bad.csv"
says 'a bad table: negative' 'bad.csv:3: max:x: "-4" is negative'
says 'a bad table: twice' 'bad.csv:4: the axes have the values of an earlier row'
printf 'a,infeasible,max:x\n1,no,\n2,no,\n' >"$folder/none.csv"
runs 3 'nothing feasible in a table' "$dse" compare --table "$folder/none.csv"

# --- mistakes -----------------------------------------------------------------------------------------------------------
runs 2 'nothing to compare on' "$dse" compare
runs 2 'two things to compare on' "$dse" compare "$folder/small.cfg" --table $points
runs 1 'no such table' "$dse" compare --table "$folder/absent.csv"
runs 2 'no such searcher' "$dse" compare "$folder/small.cfg" --algorithms guided,gided
says 'no such searcher' '--algorithms: no searcher "gided", allowed are guided'
runs 2 'a fold is no searcher' "$dse" compare "$folder/small.cfg" --algorithms sweep
runs 2 'no seeds, no budget' "$dse" compare "$folder/small.cfg" --seeds 0 --budget 0
says 'no seeds' '--seeds: from 1 to'
says 'no budget' '--budget: from 1 to'
runs 2 'no such metric' "$dse" compare --table $points --metric speed
says 'no such metric' '--metric: no objective "speed" in the table, it has rate, cost'
runs 2 'a key that a table has not' "$dse" compare --table $points --set limits.tdp_w=7
says 'a key that a table has not' 'limits.tdp_w: with --table only keys of the group search'
runs 2 'an optimum that is none' "$dse" compare "$folder/small.cfg" --optimum best
runs 2 'front and optimum' "$dse" compare "$folder/small.cfg" --optimum 7 --front
runs 3 'nothing feasible' "$dse" compare "$folder/small.cfg" --set limits.area_mm2=1
runs 1 'a folder that is not there' "$dse" compare "$folder/small.cfg" --seeds 1 --budget 5 --algorithms random \
  --csv "$folder/absent/x.csv"

# --- the eleven networks ------------------------------------------------------------------------------------------------
runs 0 'scripts/compare' scripts/compare --dse "$dse" --out "$folder/published" --budget 60 --seeds 2 \
  --config configs/quickstart.cfg --metric throughput --algorithms guided,random resnet18 bert-base
holds 'scripts/compare: networks x searchers' '[(row["network"], row["searcher"]) for row in a] ==
  [(n, s) for n in ("resnet18", "bert-base") for s in ("guided", "random")]' \
  "$folder/published/compare-quickstart-throughput.csv"
holds 'scripts/compare: guided is once guided' '{row["searcher"] for row in a} == {"guided", "random"} and
  [float(row["times_guided_1pct"]) for row in a if row["searcher"] == "guided"] == [1] and
  all(row["networks"] == "2" for row in a)' "$folder/published/compare-summary.csv"
check 'scripts/compare: seconds apart' test -s "$folder/published/compare-summary-timing.csv"
finish
