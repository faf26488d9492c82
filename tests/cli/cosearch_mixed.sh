#!/bin/bash
# Co-search of systems of several designs: is none worse than of one kind, is each platform a node of the system that it
# says, do bounds leave out no winner, do the judge and systems.csv agree, and does a run survive being stopped? (Offers
# to the search over platforms: property/search/test_joint; ranks: mpi/cosearch_mixed.sh.)
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_mixed_cosearch co.cfg 'group_size = 7; samples = 200; final_samples = 500;' 'weight = 0.6;' ''
files=(cosearch.csv cosearch-designs.csv mapping.csv systems.csv trace-tenancy.json tenancy/instance.json tenancy/jobs.csv)

runs 0 'a run' "$dse" explore co.cfg --out run
for word in 'its system' 'layers by stage' 'of systems of several designs among the'; do prints "in words: $word" "$word"; done
runs 0 'of one kind' "$dse" explore co.cfg --out one --set co_search.mixed=false
holds 'of one kind: no system in the table' '"stages" not in a[0] and all(r["kinds"] == "1" for r in a)' one/cosearch.csv
holds 'two kinds win, and what one reaches is still there' 'float(a[0]["value"]) > float(b[0]["value"]) and a[0]["kinds"] == "2"
  and any(r["designs"] == b[0]["designs"] and float(r["value"]) == float(b[0]["value"]) for r in a)' run/cosearch.csv one/cosearch.csv
holds 'as many evaluations' 'a["evaluations"] == b["evaluations"] and a["co_search"]["training_evaluations"] ==
  b["co_search"]["training_evaluations"]' run/summary.json one/summary.json

# --- the tables -------------------------------------------------------------------------------------------------------
counts='[{p.split(" x ")[1]: int(p.split(" x ")[0]) for p in r["designs"].split(" + ")} for r in a]'
holds 'area, power, money: sums over devices, within the limits' "all(abs(sum(n * float(d[k][of]) for k, n in c.items()) -
  float(r[of])) < 1e-6 * float(r[of]) and float(r['tdp_w']) <= 700 for d in [{r['design']: r for r in b}]
  for r, c in zip(a, $counts) for of in ('area_mm2', 'tdp_w') if r[of])" run/cosearch.csv run/cosearch-designs.csv
holds 'value: of both, none above its bound, the best first' 'all(abs(float(r["training_throughput"]) ** 0.6 *
  float(r["jobs_per_s"]) ** 0.4 / float(r["value"]) - 1) < 1e-9 and float(r["value"]) <= float(r["value_bound"]) and
  float(r["makespan_cycles"]) >= float(r["lower_bound_cycles"]) * (1 - 1e-9) for r in a) and
  all(float(x["value"]) >= float(y["value"]) for x, y in zip(a, a[1:]))' run/cosearch.csv
stages='[(int(s.split(":")[0].split("-")[1]) - int(s.split(":")[0].split("-")[0]) + 1, s.split(": ")[1])
  for s in r["stages"].split("; ")]'
holds 'a node has the devices of its system, or an equal part of them' "all(sum(n for n, k in s) == 3 and
  len({2 * sum(n for n, k in s if k == d[name]['axes']) / count for name, count in c.items()}) == 1
  for d in [{r['design']: r for r in b}] for r, c in zip(a, $counts) if r['kinds'] == '2' for s in [$stages])" \
  run/cosearch.csv run/cosearch-designs.csv
holds 'every layer on a stage' 'any(r["layers"] for r in a) and len({sum(map(int, r["layers"].split())) for r in a if r["layers"]}) == 1 and
  all((r["layers"] == "") == (r["stages"] == "") for r in a)' run/cosearch.csv
holds 'a system that is on the front, too, trains alike' '(lambda t: len(t) > 0 and all(x == y for x, y in t))([
  (float(r["training_throughput"]), float(s["throughput_samples_per_s"])) for r in a for s in b
  if r["stages"] == s["designs"] and r["layers"] == s["layers"] and r["stages"]])' run/cosearch.csv run/systems.csv
holds 'summary.json: what became of them' '(lambda t: t["best"]["value"] == float(b[0]["value"]) and t["best"]["stages"] ==
  b[0]["stages"] and t["platforms"] == t["platforms_mapped"] + t["platforms_beaten_by_bounds"] and t["platforms_mapped"] == len(b)
  and t["systems_made"] > t["systems_offered"] > 0 and t["platforms_beaten_by_bounds"] > 0 and not t["proven_optimal"] and
  t["bound"] >= t["best"]["value"])(a["co_search"])' run/summary.json run/cosearch.csv
holds 'columns.csv has every column' 'all([r["column"] for r in a if r["file"] == f] == list(t[0])
  for f, t in (("cosearch.csv", b), ("cosearch-designs.csv", c)))' run/columns.csv run/cosearch.csv run/cosearch-designs.csv

# --- judged by others -------------------------------------------------------------------------------------------------
runs 0 'the judge reads it' "$dse" judge tenancy run/tenancy run/mapping.csv
cp out judged.csv
holds 'the judge agrees' 'a[0]["valid"] == "yes" and float(a[0]["value"]) == float(b[0]["makespan_cycles"])' judged.csv \
  run/cosearch.csv
holds 'cores by design' '(lambda s: [s[str(c)] for c in range(len(s))] == [k for p in b[0]["designs"].split(" + ")
  for n, k in [p.split(" x ")] for i in range(int(n))])({r["accel"]: r["style"] for r in a})' run/tenancy/jobs.csv \
  run/cosearch.csv

# --- every platform, other ways ---------------------------------------------------------------------------------------
runs 0 'all of them' "$dse" explore co.cfg --out all --set co_search.finalists=64 --set co_search.front=true
holds 'all of them: the same winner, mapped more often' 'float(a[0]["value"]) >= float(b[0]["value"]) and
  float(a[0]["value"]) <= float(b[0]["value_bound"]) * (1 + 1e-9) and len(a) > len(b)' all/cosearch.csv run/cosearch.csv
runs 0 'layers where they are' "$dse" explore co.cfg --out fixed --set 'system.kinds="heterogeneous"'
holds 'layers where they are: as even as can be, and no better' 'len({r["layers"] for r in a if r["stages"]}) == 1 and
  any(r["kinds"] == "2" for r in a) and float(a[0]["value"]) <= float(b[0]["value"]) * (1 + 1e-3)' fixed/cosearch.csv all/cosearch.csv
runs 0 'three kinds' "$dse" explore co.cfg --out three --set co_search.kinds=3
holds 'three kinds: no worse' 'float(a[0]["value"]) >= float(b[0]["value"]) * (1 - 1e-3) and
  all(int(r["kinds"]) <= 3 for r in a)' three/cosearch.csv run/cosearch.csv
runs 0 'half a system on a node' "$dse" explore co.cfg --out half --set tenancy.cores=3
holds 'half a system on a node' 'all(int(r["cores"]) <= 3 for r in a) and any(r["kinds"] == "2" for r in a)' half/cosearch.csv
runs 0 'a large space' "$dse" explore co.cfg --out large --set search.bound_points=3
prints 'a large space: said' 'among the '
runs 0 'tenants above a floor' "$dse" explore co.cfg --out floor --set 'co_search.metric="tenants"' --set co_search.training_floor=500
holds 'tenants above a floor' 'float(a[0]["training_throughput"]) >= 500 and float(a[0]["value"]) == float(a[0]["jobs_per_s"])' \
  floor/cosearch.csv
runs 3 'a floor that one kind does not reach' "$dse" explore co.cfg --out none --set 'co_search.metric="tenants"' \
  --set co_search.training_floor=20000 --set co_search.mixed=false
runs 0 'a floor that two kinds reach' "$dse" explore co.cfg --out high --set 'co_search.metric="tenants"' \
  --set co_search.training_floor=20000
holds 'a floor that two kinds reach' 'a[0]["kinds"] == "2" and float(a[0]["training_throughput"]) >= 20000 and float(a[0]["value"]) > 0' \
  high/cosearch.csv

# --- stopped and gone on ----------------------------------------------------------------------------------------------
runs 0 'its own run.cfg' "$dse" explore run/run.cfg --out copy
same_files 'its own run.cfg' run copy "${same_bytes[@]}" "${files[@]}"
goes_on_after_cuts run tenancy cosearch.csv mapping.csv
# Between its rounds a platform may lead whose jobs are not mapped for good.
reports_in_its_midst run

# --- mistakes -----------------------------------------------------------------------------------------------------------
refuses co.cfg 'of one kind alone' 'co_search.mixed: needs a group system with kinds = "heterogeneous" or "joint"' \
  'system.kinds="homogeneous"'
refuses co.cfg 'one after the other' 'co_search.mixed: systems of several designs are chosen in one search' \
  'co_search.way="sequential"'
finish
