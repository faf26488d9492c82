#!/bin/bash
# Tenants of a run: are all platforms within the limits accounted for, is each row what it says, does the judge agree
# with the mapping, and does it survive being stopped? (Compositions and bounds: property/search/test_tenancy_compose;
# ranks: mpi/tenants.sh.)
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cat >tenants.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = {
  tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64, 128]; vc_count = [1, 2]; vc_width = [256]; glb_mib = [16];
  hbm_stacks = [1, 2];
};
tenancy = {
  task = "vision"; group_size = 23; seed = 77; from = "front"; designs = 3; cores = 3;
  area_mm2 = 620.0; power_w = 510.0; bandwidth_bytes_per_cycle = 600; samples = 300; final_samples = 700;
};
search = { top_k = 5; seed = 2385; };
CFG
files=(tenancy.csv mapping.csv trace-tenancy.json tenancy/instance.json tenancy/jobs.csv)

runs 0 'a run' "$dse" explore tenants.cfg --out run
prints 'in words: the jobs' 'tenants: 23 jobs of vision on platforms of 3 designs with one memory of 600 bytes/cycle'
for word in 'best by the search' 'best of one design' 'best of all' 'bound of all' 'what binds'; do
  prints "in words: $word" "  $word "
done
for file in "${files[@]}"; do check "there is $file" test -s "run/$file"; done

# --- the table --------------------------------------------------------------------------------------------------------
holds 'rows by makespan, none below its bound' 'len(a) > 3 and [int(r["platform"]) for r in a] == list(range(1, len(a) + 1)) and
  all(float(x["makespan_cycles"]) <= float(y["makespan_cycles"]) for x, y in zip(a, a[1:])) and
  all(float(r["makespan_cycles"]) >= float(r["lower_bound_cycles"]) * (1 - 1e-9) and abs(max(0,
  float(r["makespan_cycles"]) / float(r["lower_bound_cycles"]) - 1) - float(r["gap"])) < 1e-12 for r in a)' run/tenancy.csv
counts='[{p.split(" x ")[1]: int(p.split(" x ")[0]) for p in r["designs"].split(" + ")} for r in a]'
holds 'area, power, cores: sums over the designs, within the limits' "all(int(r['cores']) == sum(c.values()) <= 3 and
  len(c) == int(r['different_designs']) and
  abs(sum(n * float(d[k]['area_mm2']) for k, n in c.items()) - float(r['area_mm2'])) < 1e-6 and float(r['area_mm2']) <= 620 and
  abs(sum(n * float(d[k]['tdp_w']) for k, n in c.items()) - float(r['tdp_w'])) < 1e-6 and float(r['tdp_w']) <= 510
  for d in [{r['design']: r for r in b}] for r, c in zip(a, $counts))" run/tenancy.csv run/front.csv
holds 'training throughput of one design, beside the makespan' "all((r['training_throughput'] == '') == (len(c) > 1) and
  (len(c) > 1 or float(r['training_throughput']) == float(d[list(c)[0]]['throughput_samples_per_s']))
  for d in [{r['design']: r for r in b}] for r, c in zip(a, $counts))" run/tenancy.csv run/front.csv
holds 'the front of makespan, area, energy' '(lambda w: all((r["on_front"] == "1") or any(all(p <= q for p, q in
  zip(w[k], w[i])) for k in range(len(a)) if k != i) for i, r in enumerate(a)) and not any(r["on_front"] == "1" and
  any(w[k] != w[i] and all(p <= q for p, q in zip(w[k], w[i])) for k in range(len(a))) for i, r in enumerate(a)))(
  [tuple(float(r[x]) for x in ("makespan_cycles", "area_mm2", "energy_j")) for r in a])' run/tenancy.csv
holds 'each winner once' 'all(sum(r[k] == "1" for r in a) == 1 for k in ("best_by_search", "best_of_one_design", "best")) and
  a[0]["best"] == "1" and next(r for r in a if r["different_designs"] == "1")["best_of_one_design"] == "1" and
  b[0]["design"] in next(r for r in a if r["best_by_search"] == "1")["designs"]' run/tenancy.csv run/topk.csv
# Every choice of up to three cores of three designs, counted in a plain loop; none is left out of the first round.
holds 'no platform is forgotten' '(lambda d, t: t["platforms_mapped"] + t["platforms_beaten_by_bounds"] == t["platforms"] ==
  sum(0 < sum(y) <= 3 and sum(n * float(r["area_mm2"]) for n, r in zip(y, d)) <= 620 and
  sum(n * float(r["tdp_w"]) for n, r in zip(y, d)) <= 510
  for y in [(i // 16, i // 4 % 4, i % 4) for i in range(64)]) and t["platforms_mapped"] == len(c) and
  t["platforms_beaten_by_bounds"] == 0)(
  [b[i] for i in range(3)], a["tenancy"])' run/summary.json run/front.csv run/tenancy.csv
holds 'summary.json: the winners are rows' '(lambda t: float(b[0]["makespan_cycles"]) == t["best"]["makespan_cycles"] and
  t["lower_bound_of_all_cycles"] <= t["best"]["makespan_cycles"] * (1 + 1e-9) and t["best"]["makespan_cycles"] <=
  t["best_of_one_design"]["makespan_cycles"] <= t["best_by_search"]["makespan_cycles"] and len(t["front"]) ==
  sum(r["on_front"] == "1" for r in b) and abs(t["best_of_one_design"]["makespan_cycles"] /
  t["best"]["makespan_cycles"] - 1 - t["gain_over_one_design"]) < 1e-12 and t["reason"] is None)(a["tenancy"])' \
  run/summary.json run/tenancy.csv
holds 'summary.json: no row ends before the bound of all' 'all(float(r["makespan_cycles"]) >=
  a["tenancy"]["lower_bound_of_all_cycles"] * (1 - 1e-9) for r in b)' run/summary.json run/tenancy.csv
holds 'columns.csv has every column' '[r["column"] for r in a if r["file"] == "tenancy.csv"] == list(b[0])' run/columns.csv \
  run/tenancy.csv

# --- the mapping ------------------------------------------------------------------------------------------------------
runs 0 'the judge reads it' "$dse" judge tenancy run/tenancy run/mapping.csv
cp out judged.csv
holds 'the judge agrees' 'a[0]["valid"] == "yes" and float(a[0]["value"]) == float(b[0]["makespan_cycles"])' judged.csv \
  run/tenancy.csv
holds 'energy: of the jobs, and of cores that wait' '(lambda e, s: 0 < s <= s * 1.0000001 <= e * 1.0000001 and e < 2 * s)(
  float(c[0]["energy_j"]), sum(1e-9 * float(r["energy_nj"]) for r in a
  for core in [b[0]["core"].split()] if core[int(r["job"])] == r["accel"]))' run/tenancy/jobs.csv run/mapping.csv \
  run/tenancy.csv
runs 0 'another search on the same instance' "$dse" map tenancy run/tenancy --samples 300
cp out mapped.csv
holds 'another search: not below our bound' 'float(a[0]["value"]) >= float(b[0]["lower_bound_cycles"]) * (1 - 1e-9)' \
  mapped.csv run/tenancy.csv
holds 'trace: a bar a job' 'sum(e["ph"] == "X" for e in a["traceEvents"]) == 23' run/trace-tenancy.json
for text in '<h2>Tenants</h2>' 'Platforms: makespan against area' 'Platforms that were mapped' \
  'queues of the best platform&#39;s cores' 'Bandwidth needed' 'Lower bounds' 'end soonest on'; do
  check "the page: $text" grep -qF -e "$text" run/report.html
done

# --- other settings -----------------------------------------------------------------------------------------------------
runs 0 'again: nothing to do' "$dse" explore tenants.cfg --out run
says 'again: nothing to do' 'complete'
runs 2 'other tenants there' "$dse" explore tenants.cfg --out run --set tenancy.group_size=24
says 'other tenants there' 'tenancy.group_size: 23 there, 24 now'
runs 0 'its own run.cfg' "$dse" explore run/run.cfg --out copy
same_files 'its own run.cfg' run copy "${same_bytes[@]}" "${files[@]}"
runs 0 'nobody' "$dse" explore tenants.cfg --out nobody --set 'tenancy.task=""'
holds 'nobody: the same search' 'a == b and "tenancy" not in c' run/front.csv nobody/front.csv nobody/summary.json
refute 'nobody: no table' test -e nobody/tenancy.csv
runs 0 'more designs than may be mixed' "$dse" explore tenants.cfg --out few --set tenancy.compositions=4
prints 'more designs than may be mixed: said' 'only the first 1 of 3 designs were mixed'
holds 'more designs than may be mixed: all alone, none below the bound of all' 'len({r["designs"].split(" x ")[1] for r in a
  if r["different_designs"] == "1"}) == 3 and all(float(r["makespan_cycles"]) >=
  b["tenancy"]["lower_bound_of_all_cycles"] * (1 - 1e-9) for r in a)' few/tenancy.csv few/summary.json
runs 0 'too small for one' "$dse" explore tenants.cfg --out small --set tenancy.area_mm2=5.0
prints 'too small for one' 'nothing was mapped: not one device'
holds 'too small for one: why' '"not one device" in a["tenancy"]["reason"] and b == []' small/summary.json small/tenancy.csv
refute 'too small for one: no mapping' test -e small/mapping.csv
runs 0 'training jobs of models' "$dse" explore tenants.cfg --out models --set 'tenancy.models=["resnet18", "gpt2-small sequence=20"]' \
  --set tenancy.training=true --set tenancy.from=topk --set tenancy.designs=2
holds 'training jobs of models' '{r["tenant"] for r in a} == {"resnet18", "gpt2-small sequence=20"} and
  len({r["phase"] for r in a}) > 2' models/tenancy/jobs.csv
# Wherever the winner has several copies of a design, its instance has, too.
for run in few models; do
  runs 0 "$run: the judge reads it" "$dse" judge tenancy $run/tenancy $run/mapping.csv
  cp out judged.csv
  holds "$run: the judge agrees" 'float(a[0]["value"]) == float(b[0]["makespan_cycles"])' judged.csv $run/tenancy.csv
  holds "$run: cores by design" '(lambda s: [s[str(c)] for c in range(len(s))] == [k for p in b[0]["designs"].split(" + ")
    for n, k in [p.split(" x ")] for i in range(int(n))])({r["accel"]: r["style"] for r in a})' $run/tenancy/jobs.csv \
    $run/tenancy.csv
done
# A system's devices are designs like any others; the page has both chapters.
runs 0 'tenants of a system' "$dse" explore tenants.cfg --out system --set 'system.devices=[2]' --set 'system.tensor=[1]' \
  --set 'system.pipeline=[2]' --set 'system.microbatch=[2]' --set system.kinds=homogeneous
for text in '<h2>System</h2>' '<section id="chapter-b"><h2>Tenants</h2>'; do
  check "tenants of a system: $text" grep -qF -e "$text" system/report.html
done
check 'tenants of a system: both tables' test -s system/systems.csv -a -s system/tenancy.csv
runs 0 'one design' "$dse" evaluate tenants.cfg --design tc_count=2

# --- stopped and gone on ----------------------------------------------------------------------------------------------
goes_on_after_cuts run tenancy tenancy.csv mapping.csv
runs 0 'small rounds' "$dse" explore tenants.cfg --out rounds --quiet --set search.round_size=5
reports_in_its_midst rounds
status=75
for ((i = 0; i < 40 && status == 75; i++)); do
  "$dse" explore tenants.cfg --out steps --max-time 0 --quiet >/dev/null 2>&1
  status=$?
done
check 'launches of a round each come to the end' test $status = 0
same_files 'launches of a round each' run steps "${same_bytes[@]}" "${files[@]}"
# A signal while platforms are mapped: some thousand of them, so that there is time.
slow=(--set tenancy.cores=9 --set tenancy.designs=6 --set tenancy.area_mm2=0.0 --set tenancy.power_w=0.0)
"$dse" explore tenants.cfg --out stopped --quiet "${slow[@]}" >/dev/null 2>&1 &
pid=$!
wait_for_bytes stopped/journal 0 # nobody catches signals before
mapping_began() { kill -USR2 $pid && grep -q '"phase": "tenants"' stopped/status.json; }
await mapping_began
kill -TERM $pid
wait $pid
check 'stopped among the platforms: exit status 75' test $? = 75
holds 'stopped among the platforms' 'a["state"] == "stopped" and a["phase"] == "tenants"' stopped/status.json

# --- mistakes -----------------------------------------------------------------------------------------------------------
refuses tenants.cfg 'an unknown task' 'tenancy.task: no task "visio", did you mean vision?' tenancy.task=visio
refuses tenants.cfg 'an unknown network' "there is no model 'nonet'" 'tenancy.models=["nonet"]'
refuses tenants.cfg 'too many pairs' 'tenancy.group_size: 1048576 jobs on 256 cores are more than' tenancy.group_size=1048576 tenancy.cores=256
refuses tenants.cfg 'a provider without bandwidth' 'does not tell time without stall from bytes' cost.provider=compat
refuses tenants.cfg 'no cores' 'tenancy.cores: 0 is out of range' tenancy.cores=0
refuses tenants.cfg 'a platform' 'tenancy.platform: unknown key' tenancy.platform=S4
finish
