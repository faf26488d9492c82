#!/bin/bash
# One design in full: are its JSON numbers consistent with one another, and is the schedule that it writes one that cores
# can run?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
design=tc_count=4,tc_rows=128,tc_cols=64,vc_count=2,vc_width=512,glb_mib=32,hbm_stacks=3

runs 0 'evaluate' "$dse" evaluate small.cfg --design $design --json --schedule schedule.csv
silent 'evaluate' err
cp out design.json
holds 'fields' '{"design", "workload", "feasible", "reason", "throughput_samples_per_s", "iteration_s", "cycles",
  "bound_cycles", "floor_cycles", "critical_path_cycles", "list_cycles", "hbm_cycles", "energy_j", "memory_bytes",
  "hbm_traffic_bytes", "binding", "area_mm2", "tdp_w"} <= a.keys()' design.json
holds 'bounds are below, parts are within' '0 < a["floor_cycles"] <= a["bound_cycles"] <= a["cycles"] and
  a["list_cycles"] <= a["cycles"] and a["hbm_cycles"] <= a["cycles"] and a["critical_path_cycles"] <= a["list_cycles"]' \
  design.json
holds 'time is cycles over clock' 'abs(a["iteration_s"] * 940e6 - a["cycles"]) < 1 and
  abs(a["throughput_samples_per_s"] * a["iteration_s"] - 4) < 1e-9' design.json
for part in area_mm2 tdp_w; do
  holds "the parts of $part sum to its total" "abs(sum(v for k, v in a['$part'].items() if k != 'total') -
    a['$part']['total']) < 1e-9 * a['$part']['total'] and min(a['$part'].values()) >= 0" design.json
done
holds 'feasible' 'a["feasible"] == True and a["reason"] == "feasible" and a["excess"] == 0' design.json
runs 0 'evaluate for people' "$dse" evaluate small.cfg --design $design
prints 'evaluate for people: the same time' "$(python3 -c 'import json
print("%.6g s, %d cycles" % ((lambda d: (d["iteration_s"], d["cycles"]))(json.load(open("design.json")))))')"
refute 'no escape codes, no carriage returns' grep -q $'[\033\r]' out err

# --- the schedule -----------------------------------------------------------------------------------------------------
# From the CSV alone: no core is the lowest of two operators at once, and never are more cores in use than there are.
cat >judge.py <<'PYTHON'
import csv, json, sys
n_cores = {"tensor_core": int(sys.argv[3]), "vector_core": int(sys.argv[4])}
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
design = json.load(open(sys.argv[2]))
last, lanes, steps = 0, {}, {}
for row in rows:
    start, finish = int(row["start_cycles"]), int(row["finish_cycles"])
    assert finish >= start, row
    last = max(last, finish)
    assert (row["class"] in ("tensor", "both")) == bool(row["tensor_core"]), row
    assert (row["class"] in ("vector", "both")) == bool(row["vector_core"]), row
    for kind, n in n_cores.items():
        if row[kind] == "" or finish == start: continue
        assert int(row[kind]) + int(row["cores"]) <= n, row
        lanes.setdefault((kind, int(row[kind])), []).append((start, finish))
        steps.setdefault(kind, []).extend([(finish, -int(row["cores"])), (start, int(row["cores"]))])
for lane, spans in lanes.items():
    spans.sort()
    for (_, finish), (start, _) in zip(spans, spans[1:]): assert start >= finish, (lane, start, finish)
for kind, changes in steps.items():
    in_use = 0
    for at, change in sorted(changes):
        in_use += change
        assert in_use <= n_cores[kind], (kind, at, in_use)
assert last == design["list_cycles"], (last, design["list_cycles"])
assert len(rows) > 100 and len(lanes) > 1
phases = {row["phase"] for row in rows}
assert {"forward", "backward-data", "backward-weight", "update"} <= phases, phases
assert any(int(row["mobility_cycles"]) == 0 for row in rows), "no critical operator"
PYTHON
check 'the schedule: one operator a core, ends at list_cycles' python3 judge.py schedule.csv design.json 4 2
sed '2,$s/^\([^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*,[^,]*\),[0-9]*,/\1,0,/' schedule.csv >broken.csv
refute 'the judge says no to a broken one' python3 judge.py broken.csv design.json 4 2
runs 0 'the same schedule again' "$dse" evaluate small.cfg --design $design --schedule again.csv --quiet
check 'the same schedule again' cmp schedule.csv again.csv
for spread in off power_of_two; do
  for workload in resnet18 gnmt4 mixtral-8x7b; do
    "$dse" evaluate small.cfg --design $design --json --schedule other.csv --set "schedule.spread=\"$spread\"" \
      --set "workload=\"$workload\"" --set limits.memory=false >other.json 2>/dev/null
    check "the schedule of $workload, spread $spread" python3 judge.py other.csv other.json 4 2
  done
done
# More cores never lengthen the floor; one core of each kind does all, one after the other.
runs 0 'one core' "$dse" evaluate small.cfg --json --schedule one.csv \
  --design tc_count=1,tc_rows=128,tc_cols=64,vc_count=1,vc_width=512,glb_mib=32,hbm_stacks=3
cp out one.json
check 'the schedule on one core' python3 judge.py one.csv one.json 1 1
holds 'four cores are faster than one, and within their floors' 'a["cycles"] < b["cycles"] and
  a["floor_cycles"] <= b["floor_cycles"] and a["area_mm2"]["total"] > b["area_mm2"]["total"]' design.json one.json

# --- limits and mistakes ----------------------------------------------------------------------------------------------
runs 3 'a design over a limit' "$dse" evaluate small.cfg --design $design --json --set limits.area_mm2=77
cp out over.json
holds 'over a limit: which, by how much, its numbers all the same' 'a["feasible"] == False and
  a["reason"] == "limits.area_mm2" and abs(a["excess"] - (a["area_mm2"]["total"] - 77)) < 1e-9 and
  a["cycles"] == b["cycles"]' over.json design.json
runs 3 'for people' "$dse" evaluate small.cfg --design $design --set limits.area_mm2=77
prints 'for people: infeasible' 'infeasible: limits.area_mm2, exceeded by'
runs 0 'a catalogue design' "$dse" evaluate small.cfg --design tpuv2 --json --set limits.tdp_w=2385 \
  --set limits.area_mm2=2385 --set limits.w_per_mm2=23.85
cp out tpu.json
runs 0 'the reference is the default' "$dse" evaluate small.cfg --json --set limits.tdp_w=2385 \
  --set limits.area_mm2=2385 --set limits.w_per_mm2=23.85
check 'the reference is the default' cmp out tpu.json
refused() { # NAME TEXT DESIGN
  runs 2 "$1" "$dse" evaluate small.cfg --design "$3"
  says "$1" "$2"
  silent "$1" out
}
refused 'no such key' 'tc_row: unknown key; did you mean tc_rows?' tc_row=128
refused 'no number' '--design: tc_rows: ' tc_rows=many
refused 'no value' "no '='" tc_rows=128,tc_cols
refused 'out of range' 'out of range' tc_rows=0
refused 'no such part' 'did you mean tpuv2' tpuv22
refused 'no core' 'no core at all' tc_count=0,vc_count=0
refused 'no such node' 'node_nm' node_nm=6
runs 1 'no place for the schedule' "$dse" evaluate small.cfg --design $design --schedule none/schedule.csv
says 'no place for the schedule' 'none/'
finish
