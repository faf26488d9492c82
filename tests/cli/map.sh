#!/bin/bash
# What goes where, for tables from anywhere? `dse map`: its tables and JSON say the same, options do what they say, and
# mistakes are said at their line. Whether the answers are the best ones is tried in tests/property/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
data=tests/data/map

map() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "map $*" "$dse" map "$@"
  cp "$folder/out" "$folder/$file"
}

# --- stages -------------------------------------------------------------------------------------------------------------
map stages.csv stages $data/stages.csv
says 'stages: proven' 'bottleneck 11, proven; no partition is below 8.66667'
holds 'stages: a row a stage, every layer once' '[row["layers"] for row in a] == ["embedding block 0", "block 1 block 2",
  "block 3 head"] and [row["load"] for row in a] == ["7.5", "11", "9.5"] and
  [int(row["memory_bytes"]) for row in a] == [700 + 450 + 3 * 130, 900 + 2 * 240, 1150 + 210]' "$folder/stages.csv"
map stages.json stages $data/stages.csv --best 3 --json
holds 'stages: JSON' 'a["exact"] and a["partitions"][0] == {"bottleneck": 11, "stage_of": [0, 0, 1, 1, 2, 2]} and
  len(a["partitions"]) == 3 and abs(a["gap"] - (11 / (26 / 3) - 1)) < 1e-9' "$folder/stages.json"
map two.csv stages $data/graph.csv --stages 2
says 'graph: proven' 'proven'
map chain.csv stages $data/graph.csv --stages 2 --downsets 7
says 'graph: along a chain' 'not proven'
holds 'graph: the chain is not better' 'float(a[0]["bottleneck"]) <= float(b[0]["bottleneck"])' \
  "$folder/two.csv" "$folder/chain.csv"
runs 3 'too little memory' "$dse" map stages $data/stages.csv --memory 1500
says 'too little memory' 'no partition fits in memory: stage 0 lacks at least 40 bytes'
silent 'too little memory' out
runs 0 'just enough memory' "$dse" map stages $data/stages.csv --memory 1540
runs 3 'a byte too little' "$dse" map stages $data/stages.csv --memory 1539
says 'a byte too little' 'lacks at least 1 bytes'
runs 3 'too little memory, JSON' "$dse" map stages $data/stages.csv --memory 1500 --json
cp "$folder/out" "$folder/lacks.json"
holds 'too little memory, JSON' 'a["partitions"] == [] and a["tight_stage"] == 0 and a["excess_bytes"] == 40' \
  "$folder/lacks.json"
runs 3 'more stages than layers' "$dse" map stages $data/graph.csv --stages 8
says 'more stages than layers' '7 layers for 8 stages'

# --- systems ------------------------------------------------------------------------------------------------------------
map systems.csv systems $data/systems.csv
holds 'systems: the front' '[row["load"] for row in a] == ["8", "9", "10"] and
  [row["designs"] for row in a] == ["lanes small large", "small small large", "small small small"]' \
  "$folder/systems.csv"
says 'systems: one design for all' 'one design for all stages: least load 10, 25.00 % more'
map systems.json systems $data/systems.csv --json
holds 'systems: JSON and CSV say the same' 'a["proven"] and len(a["front"]) == len(b) and all(
  p["load"] == float(q["load"]) and p["costs"] == {"tdp_w": float(q["tdp_w"]), "usd": float(q["usd"])} and
  " ".join(p["designs"]) == q["designs"] for p, q in zip(a["front"], b))' "$folder/systems.json" "$folder/systems.csv"
map one.csv systems $data/systems.csv --max-designs 1
holds 'systems: one design' 'len(a) == 1 and a[0]["designs"] == "small small small"' "$folder/one.csv"
map two.csv systems $data/systems.csv --max-designs 2
holds 'systems: two designs' 'all(len(set(row["designs"].split())) <= 2 for row in a) and float(a[0]["tdp_w"]) == 560' \
  "$folder/two.csv"
previous=inf
for k in 1 2 3; do
  status=0
  "$dse" map systems $data/systems.csv --top-k $k --json >"$folder/k$k.json" 2>/dev/null || status=$?
  holds "systems: longer lists are not worse, $k" "min([p['load'] for p in a['front']], default=float('inf')) <= \
    float('$previous')" "$folder/k$k.json"
  previous=$(python3 -c 'import json, sys
print(min([p["load"] for p in json.load(open(sys.argv[1]))["front"]], default="inf"))' "$folder/k$k.json")
done
sed 's/600,12385/60,/' $data/systems.csv >"$folder/tight.csv"
runs 3 'systems: limits that nothing meets' "$dse" map systems "$folder/tight.csv"
says 'systems: limits that nothing meets' 'no system is within the limits'

# --- mistakes -----------------------------------------------------------------------------------------------------------
runs 2 'no such problem' "$dse" map stagse $data/stages.csv
says 'no such problem' 'did you mean stages?'
runs 2 'no file' "$dse" map stages
says 'no file' 'usage: dse map'
runs 1 'no such file' "$dse" map stages "$folder/none.csv"
runs 2 "an option of the other problem" "$dse" map stages $data/stages.csv --top-k 3
says "an option of the other problem" '--top-k means nothing here'
runs 2 '--set' "$dse" map stages $data/stages.csv --set batch=3
says '--set' '--set means nothing here'
runs 2 '--best 0' "$dse" map stages $data/stages.csv --best 0
says '--best 0' '--best: 1 to 1000 are allowed'
runs 2 '--stages that is no number' "$dse" map stages $data/graph.csv --stages many
says '--stages that is no number' '--stages: "many"'
runs 2 'stages unsaid' "$dse" map stages $data/graph.csv
says 'stages unsaid' 'graph.csv:1: kind: no rows of stages, and nobody says how many there are'
printf 'layer,load\na,1\nb,x\nb,-2\n' >"$folder/bad.csv"
runs 2 'mistakes in a table' "$dse" map stages "$folder/bad.csv" --stages 2
says 'mistakes in a table' 'bad.csv:3: load: "x"'
says 'mistakes in a table, all at once' 'bad.csv:4: load: "-2"'
silent 'mistakes in a table' out
runs 2 'mistakes in a table of designs' "$dse" map systems $data/stages.csv
says 'mistakes in a table of designs' 'stages.csv:1: stage: is missing'
finish
