#!/bin/bash
# Co-search: are all platforms within the limits accounted for, is the best what looking at every platform finds, is each
# row what it says, do the judge and dse evaluate agree with the winner, and does a run survive being stopped? (The search
# over stated platforms: property/search/test_joint; ranks: mpi/cosearch.sh.)
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cat >co.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = { tc_count = [2, 4]; tc_rows = [64, 128]; tc_cols = [64, 128]; vc_count = [2]; vc_width = [256]; glb_mib = [16]; hbm_stacks = [1, 2]; };
tenancy = {
  task = "mix"; group_size = 7; seed = 77; designs = 2; cores = 4; area_mm2 = 620.0; power_w = 510.0;
  samples = 300; final_samples = 700;
};
co_search = { metric = "joint"; weight = 0.6; money_usd = 4000.0; };
search = { top_k = 5; seed = 2385; };
CFG
files=(cosearch.csv cosearch-designs.csv mapping.csv trace-tenancy.json tenancy/instance.json tenancy/jobs.csv)

runs 0 'a run' "$dse" explore co.cfg --out run
prints 'in words: the jobs' 'co-search: 7 jobs of mix on platforms of 16 designs, by throughput^0.6 · (jobs a second)^0.4'
for word in 'best platform' 'it trains' 'its tenants end after'; do prints "in words: $word" "  $word "; done
for file in "${files[@]}"; do check "there is $file" test -s "run/$file"; done

# --- the tables -------------------------------------------------------------------------------------------------------
counts='[{p.split(" x ")[1]: int(p.split(" x ")[0]) for p in r["designs"].split(" + ")} for r in a]'
sums="all(abs(sum(n * float(d[k][of]) for k, n in c.items()) - float(r[of])) < 1e-6 * float(r[of]) and float(r[of]) <= most
  for d in [{r['design']: r for r in b}] for r, c in zip(a, $counts)
  for of, most in (('area_mm2', 620), ('tdp_w', 510), ('money_usd', 4000), ('training_throughput', 1e9)))"
holds 'area, power, money, training: sums over devices, within the limits' "$sums" run/cosearch.csv run/cosearch-designs.csv
holds 'value: of both, none above its bound, the best first' 'len(a) > 2 and all(abs(float(r["training_throughput"]) ** 0.6 *
  float(r["jobs_per_s"]) ** 0.4 / float(r["value"]) - 1) < 1e-9 and abs(7e9 / float(r["makespan_cycles"]) /
  float(r["jobs_per_s"]) - 1) < 1e-9 and float(r["value"]) <= float(r["value_bound"]) and float(r["makespan_cycles"]) >=
  float(r["lower_bound_cycles"]) * (1 - 1e-9) for r in a) and all(float(x["value"]) >= float(y["value"])
  for x, y in zip(a, a[1:])) and [int(r["best"]) for r in a] == [1] + [0] * (len(a) - 1)' run/cosearch.csv
holds 'the front of throughput and makespan' '(lambda w: all((r["on_front"] == "1") == (not any(w[k] != w[i] and
  w[k][0] >= w[i][0] and w[k][1] <= w[i][1] for k in range(len(a))) and w[i] not in w[:i]) for i, r in enumerate(a)))(
  [(float(r["training_throughput"]), float(r["makespan_cycles"])) for r in a])' run/cosearch.csv
holds 'columns.csv has every column' 'all([r["column"] for r in a if r["file"] == f] == list(t[0])
  for f, t in (("cosearch.csv", b), ("cosearch-designs.csv", c)))' run/columns.csv run/cosearch.csv run/cosearch-designs.csv
holds 'summary.json: the winner, and what became of the others' '(lambda t: t["best"]["value"] == float(b[0]["value"]) and
  t["gap"] == t["bound"] / t["best"]["value"] - 1 and t["platforms"] == t["platforms_mapped"] +
  t["platforms_beaten_by_bounds"] and t["platforms_mapped"] == len(b) and t["platforms_beaten_by_bounds"] > 0 and
  t["training_evaluations"] == a["evaluations"] and t["mapping"]["makespan_cycles"] == t["best"]["makespan_cycles"] and
  len(t["front"]) == sum(r["on_front"] == "1" for r in b))(a["co_search"])' run/summary.json run/cosearch.csv
for text in '<h2>Co-search</h2>' 'Platforms: makespan against training' 'Designs of these platforms' 'Lower bounds' \
  'queues of the best platform&#39;s cores' 'Bandwidth needed' 'trains and serves best' 'together they train at' \
  'and for tenants</h1>'; do
  check "the page: $text" grep -qF -e "$text" run/report.html
done

# --- judged by others -------------------------------------------------------------------------------------------------
runs 0 'the judge reads it' "$dse" judge tenancy run/tenancy run/mapping.csv
cp out judged.csv
holds 'the judge agrees' 'a[0]["valid"] == "yes" and float(a[0]["value"]) == float(b[0]["makespan_cycles"])' judged.csv \
  run/cosearch.csv
holds 'cores by design' '(lambda s: [s[str(c)] for c in range(len(s))] == [k for p in b[0]["designs"].split(" + ")
  for n, k in [p.split(" x ")] for i in range(int(n))])({r["accel"]: r["style"] for r in a})' run/tenancy/jobs.csv \
  run/cosearch.csv
axes=$(python3 -c 'import csv; print(next(r["axes"] for r in csv.DictReader(open("run/cosearch-designs.csv")) if r["best"] != "0"))')
runs 0 'its design alone' "$dse" evaluate co.cfg --design "$axes" --json
cp out alone.json
holds 'dse evaluate trains as fast' 'next(float(r["training_throughput"]) for r in b if r["best"] != "0") ==
  a["throughput_samples_per_s"]' alone.json run/cosearch-designs.csv

# --- every platform ---------------------------------------------------------------------------------------------------
# With more finalists than there are platforms no bound can put one out: the same winner, and all are counted.
few=(--set 'space.tc_cols=[128]' --set 'space.hbm_stacks=[2]')
runs 0 'few, in the usual way' "$dse" explore co.cfg --out few "${few[@]}"
runs 0 'few, all of them' "$dse" explore co.cfg --out all "${few[@]}" --set co_search.finalists=64
holds 'all were mapped' 'len(b) == a["co_search"]["platforms"] < 64 and a["co_search"]["platforms_beaten_by_bounds"] == 0 and
  all(r["finalist"] == "1" for r in b)' all/summary.json all/cosearch.csv
holds 'the same winner, mapped less often' 'all(a[0][k] == b[0][k] for k in ("designs", "value", "makespan_cycles")) and
  len(a) < len(b)' few/cosearch.csv all/cosearch.csv
fits='lambda y: 0 < sum(y) <= 4 and all(sum(n * float(r[k]) for n, r in zip(y, b)) <= m for k, m in
  (("area_mm2", 620), ("tdp_w", 510), ("money_usd", 4000)))'
holds 'no platform is forgotten' "(lambda fits: len(b) == 4 and len(a) == sum(fits(y) and sum(n > 0 for n in y) <= 2 and not any(
  y[d] > 0 and fits(y[:d] + (y[d] + 1,) + y[d + 1:]) for d in range(4))
  for y in [(i // 125, i // 25 % 5, i // 5 % 5, i % 5) for i in range(625)]))($fits)" all/cosearch.csv all/cosearch-designs.csv

# --- other ways, other metrics ----------------------------------------------------------------------------------------
runs 0 'one after the other' "$dse" explore co.cfg --out sequential --set 'co_search.way="sequential"'
holds 'one after the other: not better' 'float(a[0]["value"]) <= float(b[0]["value"]) and len(c) <= 2 and
  d["co_search"]["designs_looked_at"] == 2' sequential/cosearch.csv run/cosearch.csv sequential/cosearch-designs.csv \
  sequential/summary.json
prints 'one after the other: said' 'among platforms of the 2 best designs'
runs 0 'a front' "$dse" explore co.cfg --out front --set co_search.front=true
holds 'a front: complete, and of the same winner' 'a[0]["designs"] == b[0]["designs"] and
  sum(r["on_front"] == "1" for r in a) >= sum(r["on_front"] == "1" for r in b)' front/cosearch.csv run/cosearch.csv
middle=$(python3 -c 'import csv; w = sorted(float(r["makespan_cycles"]) for r in csv.DictReader(open("front/cosearch.csv")) if r["on_front"] == "1")
print(1e-9 * w[len(w) // 2])')
runs 0 'fast enough for tenants' "$dse" explore co.cfg --out training --set 'co_search.metric="training"' \
  --set "co_search.makespan_s=$middle"
holds 'fast enough for tenants: the fastest training of the front that keeps it' "float(a[0]['makespan_cycles']) <=
  1e9 * $middle * (1 + 1e-9) and float(a[0]['value']) == float(a[0]['training_throughput']) >=
  max(float(r['training_throughput']) for r in b if float(r['makespan_cycles']) <= 1e9 * $middle)" training/cosearch.csv \
  front/cosearch.csv
runs 0 'tenants above a floor' "$dse" explore co.cfg --out floor --set 'co_search.metric="tenants"' --set co_search.training_floor=300
holds 'tenants above a floor' 'float(a[0]["training_throughput"]) >= 300 and float(a[0]["value"]) ==
  float(a[0]["jobs_per_s"]) >= max(float(r["jobs_per_s"]) for r in b if float(r["training_throughput"]) >= 300)' \
  floor/cosearch.csv front/cosearch.csv
runs 3 'nothing is fast enough' "$dse" explore co.cfg --out none --set 'co_search.metric="training"' --set co_search.makespan_s=1e-9
says 'nothing is fast enough' 'co-search: no platform within the limits keeps what co_search.metric asks for'
holds 'nothing is fast enough: why' '"co_search.metric" in a["co_search"]["reason"]' none/summary.json
runs 3 'too small for one' "$dse" explore co.cfg --out small --set tenancy.area_mm2=5.0
says 'too small for one' 'co-search: no device of an allowed design fits'
runs 0 'few evaluations' "$dse" explore co.cfg --out short --set search.max_evaluations=3
holds 'few evaluations: some left out, and a bound for them' 'a["evaluations"] == 3 and
  a["co_search"]["platforms_left_out"] > 0 and not a["co_search"]["proven_optimal"] and a["co_search"]["bound"] >= b["co_search"]["best"]["value"]' short/summary.json \
  run/summary.json
# A space that is not looked through: what the run's own search finds, and its neighbours.
runs 0 'a large space' "$dse" explore co.cfg --out large --set search.bound_points=3
prints 'a large space: said' 'among the '
holds 'a large space: no better, not proven, and less is looked at' 'a["co_search"]["designs_allowed"] is None and
  not a["co_search"]["proven_optimal"] and a["co_search"]["best"]["value"] <= b["co_search"]["best"]["value"] * (1 + 1e-9) and
  a["co_search"]["designs_looked_at"] < 16' large/summary.json run/summary.json
runs 0 'a large space: its own run.cfg' "$dse" explore large/run.cfg --out large-again
same_files 'a large space: again' large large-again "${same_bytes[@]}" "${files[@]}"
runs 0 'a system' "$dse" explore co.cfg --out system --set 'system.devices=[2]' --set 'system.tensor=[1]' \
  --set 'system.pipeline=[1, 2]' --set 'system.microbatch=[2]' --set system.kinds=homogeneous
holds 'a system: one design on a platform, in its best strategy' 'all(r["kinds"] == "1" and r["strategy"] for r in a) and
  all(float(r["training_throughput"]) == float(d["training_throughput"]) for r in a for d in b
  if d["design"] == r["designs"].split(" x ")[1])' system/cosearch.csv system/cosearch-designs.csv

# --- stopped and gone on ----------------------------------------------------------------------------------------------
runs 0 'again: nothing to do' "$dse" explore co.cfg --out run
says 'again: nothing to do' 'complete'
runs 2 'another weight there' "$dse" explore co.cfg --out run --set co_search.weight=0.5
says 'another weight there' 'co_search.weight: 0.6 there, 0.5 now'
runs 0 'its own run.cfg' "$dse" explore run/run.cfg --out copy
same_files 'its own run.cfg' run copy "${same_bytes[@]}" "${files[@]}"
goes_on_after_cuts run tenancy cosearch.csv mapping.csv
runs 0 'small rounds' "$dse" explore co.cfg --out rounds --quiet --set search.round_size=5
reports_in_its_midst rounds

# --- mistakes -----------------------------------------------------------------------------------------------------------
refuses co.cfg 'no tenants' 'co_search.metric: needs tenants: name tenancy.task or tenancy.models' 'tenancy.task=""'
refuses co.cfg 'an unknown metric' 'co_search.metric' 'co_search.metric="joined"'
refuses co.cfg 'too many kinds' 'co_search.kinds: 5 is out of range' co_search.kinds=5
refuses co.cfg 'a sweep' 'search.algorithm: "sweep" folds the space' search.algorithm=sweep
refuses co.cfg 'a node without prices' 'co_search.money_usd is asked for' 'space.node_nm=[22]'
finish
