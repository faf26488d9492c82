#!/bin/bash
# Can other things than the makespan be asked for? `dse map tenancy` with objectives, fronts, dependencies, rules of
# sharing, arrivals and scenarios as a user meets them. Whether values and bounds are right is tried in
# tests/property/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
recom=tests/data/tenancy/s6_recom_i3_bw16

map() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "map tenancy $*" "$dse" map tenancy "$@"
  cp "$folder/out" "$folder/$file"
}

# Three tenants, deadlines and weights for the published jobs; cores that need more energy the higher their number.
instance=$folder/tenants
mkdir "$instance"
cp $recom/instance.json "$instance"
awk -F, -v OFS=, 'NR == 1 { print $0, "tenant", "deadline_cycles", "weight" }
  NR > 1 { $5 *= 1 + $2 / 4; print $0, substr("abc", $1 % 3 + 1, 1), ($1 % 4 == 0 ? "" : 200 * $1), 1 + $1 % 2 }' \
  $recom/jobs.csv >"$instance/jobs.csv"

# --- objectives ---------------------------------------------------------------------------------------------------------
for objective in makespan energy edp throughput tardiness missed mean_finish p95_finish p99_finish fairness jain; do
  map $objective.json "$instance" --samples 2000 --set objective=$objective --set static_nj_per_cycle=10 \
    --set bounds=quick --json --out "$folder/$objective.csv"
  holds "$objective: value, bound, figures" "a['objective'] == '$objective' and len(a['figures']) == 11 and
    a['figures']['$objective']['value'] == a['value'] and all(f['value'] >= f['bound'] * (1 - 1e-9) or
    name == 'throughput' and f['value'] <= f['bound'] for name, f in a['figures'].items())" "$folder/$objective.json"
  runs 0 "judge by $objective" "$dse" judge tenancy "$instance" "$folder/$objective.csv" --set objective=$objective \
    --set static_nj_per_cycle=10 --json
  cp "$folder/out" "$folder/judged.json"
  holds "$objective: the judge agrees" 'a["value"] == b["value"]' "$folder/judged.json" "$folder/$objective.json"
done
for objective in energy tardiness mean_finish p95_finish; do
  holds "$objective: who searches for it finds more of it" "a['figures']['$objective']['value'] <=
    b['figures']['$objective']['value']" "$folder/$objective.json" "$folder/makespan.json"
done
runs 0 'every algorithm searches for it' "$dse" map tenancy "$instance" --algorithm best,magma,ga,random --seeds 1 \
  --samples 400 --set objective=mean_finish --set bounds=quick
cp "$folder/out" "$folder/table.csv"
holds 'every algorithm searches for it: ours first' 'a[0]["algorithm"] == "best" and len(a) == 4 and
  all(float(row["value"]) >= float(row["lower_bound"]) for row in a)' "$folder/table.csv"
map limited.json "$instance" --samples 2000 --set objective=mean_finish --set makespan_slack=0.02 --set bounds=quick \
  --json
holds 'a limit on the makespan is kept' 'a["makespan_cycles"] <= 1.02 * b["makespan_cycles"] * 1.001 and
  a["value"] <= b["figures"]["mean_finish"]["value"]' "$folder/limited.json" "$folder/makespan.json"
runs 2 'nothing to search for' "$dse" map tenancy $recom --set objective=tardiness
says 'nothing to search for' 'jobs.csv has no column deadline_cycles'
runs 2 'no such objective' "$dse" map tenancy $recom --set objective=energie

# --- fronts -------------------------------------------------------------------------------------------------------------
map front.csv "$instance" --front makespan,mean_finish --samples 4000 --set bounds=quick --out "$folder/answers.csv" \
  --report "$folder/front.html"
holds 'front: one up, one down' 'len(a) > 3 and
  [float(r["makespan"]) for r in a] == sorted(float(r["makespan"]) for r in a) and
  [float(r["mean_finish"]) for r in a] == sorted((float(r["mean_finish"]) for r in a), reverse=True) and
  all(float(r["makespan"]) >= float(r["makespan_bound"]) for r in a)' "$folder/front.csv"
check 'front: the page' grep -q 'What can be had for what' "$folder/front.html"
runs 0 'front: judged' "$dse" judge tenancy "$instance" "$folder/answers.csv"
cp "$folder/out" "$folder/judged.csv"
holds 'front: the judge agrees' 'len(a) == len(b) and
  all(abs(float(p["value"]) / float(q["makespan"]) - 1) < 1e-9 for p, q in zip(a, b))' "$folder/judged.csv" \
  "$folder/front.csv"
map three.csv "$instance" --front makespan,energy,fairness --samples 2000 --set bounds=quick
runs 2 'front: one objective' "$dse" map tenancy "$instance" --front makespan
runs 2 'front: twice the same' "$dse" map tenancy "$instance" --front makespan,makespan
runs 2 'front: no such objective' "$dse" map tenancy "$instance" --front makespan,enery
says 'front: no such objective' 'did you mean energy?'
runs 2 'front: no time limit' "$dse" map tenancy "$instance" --front makespan,energy --time 1

# --- dependencies -------------------------------------------------------------------------------------------------------
chain=$folder/chain
cp -r "$instance" "$chain"
{
  echo pred,succ
  for job in $(seq 20 99); do echo $((job - 20)),"$job"; done
} >"$chain/edges.csv"
map free.json "$chain" --samples 3000 --set bounds=quick --json --out "$folder/free.csv"
map strict.json "$chain" --samples 3000 --set bounds=quick --set queue=strict --json --out "$folder/strict.csv"
holds 'dependencies: longer than without, not below the bound' 'a["value"] > c["value"] and b["value"] > c["value"] and
  a["value"] >= a["lower_bound"] and b["value"] >= b["lower_bound"]' "$folder/free.json" "$folder/strict.json" \
  "$folder/makespan.json"
runs 0 'dependencies: strict queues judged' "$dse" judge tenancy "$chain" "$folder/strict.csv" --set queue=strict
printf 'core,priority\n' >"$folder/circle.csv"
{ seq -s ' ' 0 99 | sed 's/[0-9]\+/0/g' | tr -d '\n' && printf , && seq -s ' ' 100 -1 1; } >>"$folder/circle.csv"
runs 3 'dependencies: circular waiting' "$dse" judge tenancy "$chain" "$folder/circle.csv" --set queue=strict
prints 'dependencies: circular waiting' 'circular waiting: job'
runs 0 'dependencies: none is left behind where jobs may be skipped' "$dse" judge tenancy "$chain" "$folder/circle.csv"

# --- sharing ------------------------------------------------------------------------------------------------------------
for rule in maxmin critical weighted; do
  map $rule.json "$instance" --samples 2000 --set allocation=$rule --set bounds=quick --json
  holds "$rule: gain over sharing in proportion" 'a["value"] >= a["lower_bound"] and
    a["proportional"]["same_answer"] >= a["lower_bound"] and a["proportional"]["searched"] > 0 and
    b["proportional"] is None' "$folder/$rule.json" "$folder/makespan.json"
  says "$rule: in words" 'sharing in proportion: '
done

# --- arrivals -----------------------------------------------------------------------------------------------------------
awk 'BEGIN { print "arrival_cycles,job,model,deadline_cycles"
  for (i = 0; i < 40; i++) printf "%d,%s,%s,%d\n", 900 * i % 17000, i % 8 ? i * 7 % 100 : "", i % 8 ? "" : "b",
    900 * i % 17000 + 9000 }' >"$folder/models.csv"
awk 'BEGIN { print "arrival_cycles,job,deadline_cycles,tenant"
  for (i = 0; i < 40; i++) printf "%d,%d,%d,t%d\n", 900 * i % 17000, i * 7 % 100, 900 * i % 17000 + 4000, i % 2 }' \
  >"$folder/trace.csv"
map online.csv $recom --arrivals "$folder/trace.csv" --set remap_samples=200 --out "$folder/jobs.csv" \
  --report "$folder/online.html" --trace "$folder/online.json"
holds 'arrivals: latencies and bounds' 'len(a) == 1 and a[0]["arrivals"] == "40" and
  float(a[0]["p50_latency_cycles"]) <= float(a[0]["p95_latency_cycles"]) <= float(a[0]["p99_latency_cycles"]) and
  all(float(a[0][k]) >= 1 - 1e-9 for k in a[0] if k.endswith("_ratio")) and float(a[0]["samples_per_remap"]) <= 200' \
  "$folder/online.csv"
holds 'arrivals: nobody begins before it comes' 'len(a) == 40 and
  all(float(r["arrival_cycles"]) <= float(r["start_cycles"]) < float(r["end_cycles"]) for r in a) and
  max(float(r["end_cycles"]) for r in a) == float(b[0]["makespan_cycles"])' "$folder/jobs.csv" "$folder/online.csv"
holds 'arrivals: a bar a job' 'sum(e["ph"] == "X" for e in a["traceEvents"]) == 40' "$folder/online.json"
check 'arrivals: the page' grep -q 'Queues of the cores' "$folder/online.html"
map again.csv $recom --arrivals "$folder/trace.csv" --set remap_samples=200 --out "$folder/jobs-again.csv"
check 'arrivals: the same again' cmp "$folder/jobs.csv" "$folder/jobs-again.csv"
map period.csv $recom --arrivals "$folder/trace.csv" --set remap_samples=200 --set remap_every_cycles=5000
holds 'arrivals: fewer re-mappings by period' 'int(a[0]["remaps"]) < int(b[0]["remaps"])' "$folder/period.csv" \
  "$folder/online.csv"
map brought.csv "$instance" --arrivals "$folder/models.csv" --set remap_samples=50
holds 'arrivals: models bring all their jobs' 'int(a[0]["jobs"]) == 35 + 5 * 33' "$folder/brought.csv"
runs 2 'arrivals: no models here' "$dse" map tenancy $recom --arrivals "$folder/models.csv"
says 'arrivals: no models here' 'models.csv:1: model'
runs 2 'arrivals: samples are of re-mappings' "$dse" map tenancy $recom --arrivals "$folder/trace.csv" --samples 10

# --- scenarios ----------------------------------------------------------------------------------------------------------
map sure.json "$instance" --samples 3000 --set scenarios=6 --set sigma=0.2 --set bounds=quick --json
map mean.json "$instance" --samples 3000 --set scenarios=6 --set sigma=0.2 --set scenario_mean=true --set bounds=quick \
  --json
holds 'scenarios: mean and worst' 'a["spread"]["scenarios"] == 6 and a["spread"]["mean"] <= a["spread"]["worst"] and
  abs(b["spread"]["mean"] / b["value"] - 1) < 1e-9 and b["value"] >= b["lower_bound"] and
  b["value"] < a["spread"]["mean"]' "$folder/sure.json" "$folder/mean.json"
runs 2 'scenarios: none' "$dse" map tenancy "$instance" --set scenario_mean=true

finish
