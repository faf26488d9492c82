#!/bin/bash
# Which job on which core? `dse map tenancy` and `dse judge tenancy` as a user meets them: options do what they say, what
# is printed, published and judged is the same answer, and mistakes are said at their place. Whether answers are good is
# tried in tests/property/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
data=tests/data/tenancy

map() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "map tenancy $*" "$dse" map tenancy "$@"
  cp "$folder/out" "$folder/$file"
}

# --- one search ---------------------------------------------------------------------------------------------------------
map example.json $data/example --json
holds 'example: the optimum' 'a["value"] == 227 and a["unit"] == "cycles" and a["lower_bound"] <= 227 and a["seed"] == 0 and
  a["algorithm"] == "best" and a["samples"] <= 10000 and a["wall_s"] >= 0 and len(a["core"]) == 4 and
  abs(a["gap"] - (227 / a["lower_bound"] - 1)) < 1e-9' "$folder/example.json"
map example.csv $data/example
holds 'example: CSV and JSON say the same' 'len(a) == 1 and float(a[0]["value"]) == b["value"] and
  float(a[0]["lower_bound"]) == b["lower_bound"] and a[0]["binding"] == b["binding"]' "$folder/example.csv" \
  "$folder/example.json"
says 'example: in words' 'example: 227 cycles'

instance=$data/s6_recom_i3_bw16
map one.json $instance --algorithm magma --samples 3000 --seed 7 --json --out "$folder/answer.csv" \
  --keep "$folder/population.json" --report "$folder/page.html" --trace "$folder/trace.json"
holds 'samples: as asked' 'a["samples"] == 3000 and a["seed"] == 7 and a["algorithm"] == "magma"' "$folder/one.json"
runs 0 'judge the answer' "$dse" judge tenancy $instance "$folder/answer.csv" --json
cp "$folder/out" "$folder/judged.json"
holds 'judge: the value that was printed, to the last bit' 'a["valid"] and a["value"] == b["value"] and
  a["bw_util"] == b["bw_util"]' "$folder/judged.json" "$folder/one.json"
map again.json $instance --algorithm magma --samples 3000 --seed 7 --json
holds 'the same seed, the same answer' 'a["core"] == b["core"] and a["priority"] == b["priority"]' "$folder/one.json" \
  "$folder/again.json"
map other.json $instance --algorithm magma --samples 3000 --seed 8 --json
holds 'another seed, another answer' 'a["core"] != b["core"]' "$folder/one.json" "$folder/other.json"
check 'page: chart, profile and bound' grep -q 'Bandwidth needed.*' "$folder/page.html"
check 'page: what binds' grep -q 'what binds' "$folder/page.html"
refute 'page: asks for nothing' grep -qE 'src="http|href="http' "$folder/page.html"
holds 'trace: a bar a job' 'sum(e["ph"] == "X" for e in a["traceEvents"]) == 100' "$folder/trace.json"
map ours.json $instance --json
holds 'ours is better' 'a["value"] < b["value"] and a["gap"] < 0.1' "$folder/ours.json" "$folder/one.json"

# --- warm start ---------------------------------------------------------------------------------------------------------
map warm.json $instance --algorithm magma --samples 100 --warm "$folder/population.json" --json
map cold.json $instance --algorithm magma --samples 100 --json
holds 'a warm start is ahead' 'a["value"] < b["value"]' "$folder/warm.json" "$folder/cold.json"
echo '{"tenancy_population": 1}' >"$folder/bad.json"
runs 2 'a population that is none' "$dse" map tenancy $instance --warm "$folder/bad.json"
says 'a population that is none' 'bad.json'

# --- stopped and gone on ------------------------------------------------------------------------------------------------
keys=(--algorithm best --samples 3000000 --set islands=3 --set round_samples=20000 --json)
map whole.json $instance "${keys[@]}"
runs 0 'time limit' "$dse" map tenancy $instance "${keys[@]}" --time 0.05 --state "$folder/state"
runs 0 'goes on' "$dse" map tenancy $instance "${keys[@]}" --state "$folder/state"
cp "$folder/out" "$folder/gone.json"
holds 'stopped and gone on: the same answer' 'a["core"] == b["core"] and a["priority"] == b["priority"] and
  a["samples"] == b["samples"]' "$folder/whole.json" "$folder/gone.json"
runs 2 'state of another search' "$dse" map tenancy $instance --state "$folder/state"
says 'state of another search' 'another instance, algorithm, seed or settings'
head -c 1000 "$folder/state" >"$folder/short"
runs 2 'state cut off' "$dse" map tenancy $instance "${keys[@]}" --state "$folder/short"
says 'state cut off' 'damaged'
map timed.json $instance --time 3 --json
holds 'by time: more samples than by default' 'a["samples"] > 10000 and a["wall_s"] < 60' "$folder/timed.json"

# --- compared -----------------------------------------------------------------------------------------------------------
map table.csv $instance --algorithm best,random,magma --seeds 2 --samples 2000
holds 'table: best first' '[row["algorithm"] for row in a] == ["best", "magma", "random"] and a[0]["at_10000"] == "" and
  all(float(row["at_100"]) >= float(row["at_2000"]) == float(row["value"]) <= float(row["worst"]) for row in a)' \
  "$folder/table.csv"

# --- the judge ----------------------------------------------------------------------------------------------------------
runs 0 'judge: published answers' "$dse" judge tenancy $instance $instance/mappings.csv
cp "$folder/out" "$folder/published.csv"
holds 'judge: published values' 'len(a) == len(b) and all(float(p["value"]) == float(q["makespan_cycles"]) and
  float(p["core_util"]) == float(q["core_util"]) for p, q in zip(a, b))' "$folder/published.csv" $instance/mappings.csv
printf 'core,priority\n0 1 0 2,0 0 1 1\n' >"$folder/bad.csv"
runs 2 'judge: a core that is none' "$dse" judge tenancy $data/example "$folder/bad.csv"
says 'judge: a core that is none' 'bad.csv:2'
runs 2 'judge: no judge' "$dse" judge stages $data/example "$folder/bad.csv"

# --- mistakes -----------------------------------------------------------------------------------------------------------
runs 2 'no such algorithm' "$dse" map tenancy $instance --algorithm magna
says 'no such algorithm' 'did you mean magma?'
runs 2 'named twice' "$dse" map tenancy $instance --algorithm magma,magma
runs 2 'no such key' "$dse" map tenancy $instance --set iland=3
says 'no such key' 'did you mean'
runs 2 'no samples' "$dse" map tenancy $instance --samples 0
runs 2 'no time' "$dse" map tenancy $instance --time soon
runs 2 'an option of another problem' "$dse" map tenancy $instance --stages 3
runs 2 'not together' "$dse" map tenancy $instance --algorithm all --out "$folder/never"
refute 'not together: nothing written' test -e "$folder/never"
runs 1 'no such folder' "$dse" map tenancy "$folder/none"
mkdir "$folder/broken"
cp $data/example/instance.json "$folder/broken"
sed 's/^1,0,80,8/1,0,-80,8/' $data/example/jobs.csv >"$folder/broken/jobs.csv"
runs 2 'a negative latency' "$dse" map tenancy "$folder/broken"
says 'a negative latency' 'jobs.csv:4: latency_cycles'
sed 's/,8$/,nan/' $data/example/jobs.csv >"$folder/broken/jobs.csv"
runs 2 'a bandwidth that is no number' "$dse" map tenancy "$folder/broken"
says 'a bandwidth that is no number' 'jobs.csv:4: bw_bytes_per_cycle'

finish
