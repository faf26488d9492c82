#!/bin/bash
# `scripts/partition`: tables of searches at equal samples, what is said of them, and the check of a file of references, in
# small.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
compare=(scripts/partition --dse "$dse")

runs 0 'table' "${compare[@]}" table --only pd_gnmt-clone-bw32 --only chain_0 --samples 40 --seeds 3 --learnt-seeds 1 \
  --timing "$folder/timing.csv" --curves "$folder/curves.csv"
cp "$folder/out" "$folder/table.csv"
holds 'table: every search on every problem' 'len({(r["instance"], r["chips"], r["search"]) for r in a}) == len(a) and
  {r["search"] for r in a} >= {"random", "annealing", "genetic", "ours"} and {r["chips"] for r in a if r["instance"] != "chain_0"} == {"4", "8", "16"} and
  {r["held"] for r in a if r["instance"] == "chain_0"} == {"in"}' \
  "$folder/table.csv"
holds 'table: nobody beats the best known, which no bound does' 'all(float(r["over_best_percent"]) >= 0 and
  float(r["lower_bound_ms"]) <= float(r["best_known_ms"]) * (1 + 1e-12) <= float(r["value_ms"]) * (1 + 1e-9)
  for r in a)' "$folder/table.csv"
holds 'table: who is within 1 % was within 5 % before' 'all(not r["samples_to_1_percent"] or
  float(r["samples_to_5_percent"]) <= float(r["samples_to_1_percent"]) <= 40 for r in a)' "$folder/table.csv"
holds 'table: and none else' 'all(bool(r["samples_to_1_percent"]) == (float(r["over_best_percent"]) <= 1) for r in a)' \
  "$folder/table.csv"
holds 'curves: never upwards' 'all(float(x["over_best_percent"]) >= float(y["over_best_percent"])
  for x, y in zip(a, a[1:]) if x["search"] == y["search"] and x["chips"] == y["chips"])' "$folder/curves.csv"
runs 0 'summary' "${compare[@]}" summary "$folder/table.csv"
cp "$folder/out" "$folder/summary.csv"
holds 'summary: gains over oneself are none' 'all(float(r["gain_over_random_percent"]) == 0 for r in a
  if r["search"] == "random") and sum(int(r["problems"]) for r in a if r["search"] == "ours" and r["held"] != "all") == 4' "$folder/summary.csv"
runs 0 'plot' "${compare[@]}" plot "$folder/curves.csv"
check 'plot: a picture with a line a search' python3 -c '
import sys, xml.dom.minidom
page = xml.dom.minidom.parse(sys.argv[1])
assert len(page.getElementsByTagName("polyline")) in (7, 14)' "$folder/out"

runs 0 'reference' "${compare[@]}" reference tests/data/partition --only layer_bert24-clone-bw32 --timing "$folder/rows.csv"
cp "$folder/out" "$folder/reference.csv"
holds 'reference: every row, each equal and proven' 'len(a) > 20 and all(r["verdict"] == "equal" and
  r["proven"] == "yes" for r in a)' "$folder/reference.csv"
runs 0 'readme' "${compare[@]}" readme "$folder/table.csv" "$folder/timing.csv" "$folder/reference.csv" "$folder/rows.csv"
check 'readme: published beside ours' grep -q '6.11' "$folder/out"
check 'readme: never as ours' grep -q 'they are not' "$folder/out"
refute 'a word that is none' "${compare[@]}" tables

runs 0 'scale' scripts/partition-scale --dse "$dse" transformer --chips 4 --samples 5 --timing "$folder/scale-timing.csv"
cp "$folder/out" "$folder/scale.csv"
holds 'scale: a large graph, bound and value close to each other' 'len(a) == 1 and a[0]["operators"] == "103001" and
  int(a[0]["samples"]) <= 5 and 0 <= float(a[0]["gap_percent"]) < 1' "$folder/scale.csv"
runs 2 'scale: no such graph' scripts/partition-scale --dse "$dse" nothing
finish
