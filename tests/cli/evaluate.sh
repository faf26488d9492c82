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

# --- parts, money -----------------------------------------------------------------------------------------------------
holds 'parts: a row each, that sum to the totals' 'set(a["breakdown"]) == {"tensor", "vector", "core_l2", "glb",
  "wiring", "hbm", "links", "misc", "fill"} and all(abs(sum(p[key]
  for p in a["breakdown"].values()) - total) < 1e-9 * total
  for key, total in (("area_mm2", a["area_mm2"]["total"]), ("tdp_w", a["tdp_w"]["total"]),
  ("energy_j", a["energy_j"]), ("energy_share", 1)))' design.json
holds 'parts: none is negative, memories are apart' 'all(v >= 0 for p in a["breakdown"].values() for v in p.values())
  and abs(a["breakdown"]["core_l2"]["area_mm2"] + a["breakdown"]["glb"]["area_mm2"] - a["area_mm2"]["sram"]) < 1e-9 and
  a["breakdown"]["core_l2"]["area_mm2"] > 0 and a["breakdown"]["fill"]["energy_j"] > 0' design.json
runs 0 'a dearer buffer' "$dse" evaluate small.cfg --design $design --json --set technology.shared_mm2_per_mib=1.2
cp out buffer.json
holds 'parts: memories are told apart' 'a["breakdown"]["core_l2"]["area_mm2"] == b["breakdown"]["core_l2"]["area_mm2"]
  and a["breakdown"]["glb"]["area_mm2"] > 1.1 * b["breakdown"]["glb"]["area_mm2"]' buffer.json design.json
holds 'levels of energy sum to it' 'abs(sum(a["energy_by_level_j"].values()) - a["energy_j"]) < 1e-9 * a["energy_j"]
  and a["energy_by_level_j"]["wires"] == 0 < a["energy_by_level_j"]["mac"]' design.json
holds 'money: the published formula' '
  abs(a["money"]["yield"] - (1 + a["money"]["die_mm2"] * .0015 / 3) ** -3) < 1e-12 and
  abs(a["money"]["die_usd"] * a["money"]["yield"] * a["money"]["dies_per_wafer"] - 9346) < 1e-6 and
  a["money"]["hbm_usd"] == 3 * 16 * 7 and abs(a["money"]["total_usd"] - a["money"]["die_usd"] - 336) < 1e-9 and
  abs(a["money"]["die_mm2"] - a["area_mm2"]["total"]) < 1e-9 and a["money"]["die_carbon_kg"] > 0' design.json
holds 'the band is told' '"leave-one-out" in a["model_band"]' design.json
runs 0 'spare cores' "$dse" evaluate small.cfg --design $design --json --set money.spare_cores=2
cp out spare.json
holds 'spare cores: more dies are good, nothing else moves' 'a["money"]["yield"] > b["money"]["yield"] and
  a["money"]["yield_without_spares"] == b["money"]["yield"] and a["money"]["die_usd"] < b["money"]["die_usd"] and
  all(a[k] == b[k] for k in b if k != "money")' spare.json design.json
runs 2 'as many spares as cores' "$dse" evaluate small.cfg --design $design --set money.spare_cores=4
says 'as many spares as cores' 'money.spare_cores: 4 cores of a die may be bad, but it has only 4'
runs 0 'a node without prices' "$dse" evaluate small.cfg --design $design,node_nm=4 --json
cp out unpriced.json
holds 'a node without prices: null, not 0' 'all(a["money"][k] is None for k in ("wafer_usd", "yield", "die_usd",
  "total_usd", "carbon_kg")) and a["money"]["dies_per_wafer"] > 0' unpriced.json
runs 0 'a node without prices, for people' "$dse" evaluate small.cfg --design $design,node_nm=4
prints 'a node without prices, for people' 'a good die unknown'
runs 0 'for people: the table' "$dse" evaluate small.cfg --design $design
for part in tensor vector core_l2 glb wiring hbm links misc fill total; do
  check "for people: a line for $part" grep -qE "^  $part( +[0-9.]+ +[0-9.]+ %){3}$" out
done
widths=$(sed -n '/^  part /,/^  total /p' out | awk '{print length}' | uniq | wc -l)
check 'for people: columns are aligned' test "$widths" = 1
prints 'for people: money' 'money: '
runs 0 'split' "$dse" evaluate small.cfg --design $design --json --set 'cost.energy_detail="split"'
cp out split.json
holds 'split: memories and wires pay for what they move' 'all(a["energy_by_level_j"][k] > 0 ==
  b["energy_by_level_j"][k] for k in ("registers", "l2", "glb", "wires"))
  and a["energy_by_level_j"]["mac"] < b["energy_by_level_j"]["mac"] and
  all(a["energy_by_level_j"][k] == b["energy_by_level_j"][k] for k in ("idle", "hbm", "lanes", "leakage", "misc")) and
  abs(sum(a["energy_by_level_j"].values()) / a["energy_j"] - 1) < 1e-9 and .5 < a["energy_j"] / b["energy_j"] < 2' split.json design.json
runs 0 'compat: parts without TDP' "$dse" evaluate small.cfg --design $design --json --set 'cost.provider="compat"'
cp out compat.json
holds 'compat: parts without TDP, area at 22 nm has no price' '
  abs(sum(p["area_mm2"] for p in a["breakdown"].values()) - a["area_mm2"]["total"]) < 1e-9
  and a["breakdown"]["core_l2"]["area_mm2"] > 0 and a["money"]["die_usd"] is None and
  all(p["tdp_w"] == 0 for p in a["breakdown"].values()) and a["model_band"] is None' compat.json

# --- uncertainty ------------------------------------------------------------------------------------------------------
outputs='("area_mm2", "tdp_w", "iteration_s", "throughput_samples_per_s", "throughput_per_tdp", "energy_j")'
draw() { runs 0 "uncertainty $*" "$dse" evaluate small.cfg --design $design --json "$@"; }
draw --uncertainty 256 --seed 77
cp out drawn.json
holds 'uncertainty: the rest is as without' 'all(a[k] == b[k] for k in b)' drawn.json design.json
holds 'uncertainty: quantiles are in order and hold the nominal value' '
  set(a["uncertainty"]["outputs"]) == set('"$outputs"') and all(o["low_5"] < o["median"] < o["high_95"]
  and o["low_5"] <= o["nominal"] <= o["high_95"]
  for o in a["uncertainty"]["outputs"].values())' drawn.json
holds 'uncertainty: the nominal values are the design'"'"'s' 'a["uncertainty"]["outputs"]["area_mm2"]["nominal"] ==
  a["area_mm2"]["total"] and a["uncertainty"]["outputs"]["iteration_s"]["nominal"] == a["iteration_s"] and
  a["uncertainty"]["outputs"]["tdp_w"]["nominal"] == a["tdp_w"]["total"] and
  a["uncertainty"]["outputs"]["energy_j"]["nominal"] == a["energy_j"]' drawn.json
draw --uncertainty 1024 --seed 77
cp out many.json
holds 'uncertainty: which constant, with the sign it must have' '(lambda o: all(v["moved_most_by"] ==
  max(v["rank_correlation"], key=lambda k: abs(v["rank_correlation"][k])) and
  .2 < abs(v["rank_correlation"][v["moved_most_by"]]) <= 1 for v in o.values()) and all(
  sign * o[k]["rank_correlation"][c] > .05 for k, sign, cs in (
  ("area_mm2", 1, ("mac_area", "lane_area", "glb_area", "wiring", "hbm_area", "link_area")),
  ("area_mm2", -1, ("fill",)),
  ("tdp_w", 1, ("mac_energy", "lane_energy", "hbm_energy", "leakage", "link_energy")), ("tdp_w", -1, ("supply",)),
  ("energy_j", 1, ("mac_energy", "leakage", "hbm_energy")), ("iteration_s", 1, ("softmax_cycles",)),
  ("throughput_samples_per_s", 1, ("clock", "lane_rate"))) for c in cs))(a["uncertainty"]["outputs"])' many.json
runs 0 'uncertainty of a design with little memory' "$dse" evaluate small.cfg --json --uncertainty 256 \
  --design tc_count=8,tc_rows=128,tc_cols=64,vc_count=8,vc_width=512,glb_mib=16,hbm_stacks=1 --set limits.w_per_mm2=2
cp out starved.json
holds 'uncertainty: little memory, its rate counts' 'a["binding"] == "hbm_bandwidth" and
  a["uncertainty"]["outputs"]["iteration_s"]["moved_most_by"] == "hbm_rate"' starved.json
holds 'uncertainty: as wide as constants are badly known' 'all(a["uncertainty"]["outputs"][k]["high_95"] >
  a["uncertainty"]["outputs"][k]["low_5"] * (1 + w) for k, w in (("area_mm2", .15), ("tdp_w", .2), ("energy_j", .2),
  ("iteration_s", .05)))' drawn.json
draw --uncertainty 256 --seed 77
check 'uncertainty: the same seed, the same bytes' cmp out drawn.json
if [[ $MPI == yes ]]; then
  for ranks in 1 2 3 5; do
    runs 0 "uncertainty on $ranks ranks" mpirun -q -n $ranks "$dse" evaluate small.cfg --design $design --json \
      --uncertainty 256 --seed 77
    check "uncertainty on $ranks ranks: the same bytes" cmp out drawn.json
  done
fi
draw --uncertainty 256 --seed 78
cp out other.json
holds 'uncertainty: another seed, other draws, nearly the same answer' 'all(a["uncertainty"]["outputs"][k] !=
  b["uncertainty"]["outputs"][k] and abs(a["uncertainty"]["outputs"][k]["median"] /
  b["uncertainty"]["outputs"][k]["median"] - 1) < .02 for k in '"$outputs"')' drawn.json other.json
draw --uncertainty 256 --seed 77 --uncertainty-scale 2
cp out wide.json
holds 'uncertainty: twice the ranges, a wider interval' 'all(o["low_5"] < p["low_5"] and o["high_95"] > p["high_95"]
  for o, p in ((a["uncertainty"]["outputs"][k], b["uncertainty"]["outputs"][k]) for k in '"$outputs"'))' \
  wide.json drawn.json
draw --uncertainty 23 --uncertainty-scale 0
cp out none.json
holds 'uncertainty: no range, no interval' 'all(abs(o[k] / o["nominal"] - 1) < 1e-6 for o in
  a["uncertainty"]["outputs"].values() for k in ("low_5", "median", "high_95"))' none.json
draw --uncertainty 1
cp out one.json
holds 'uncertainty: one draw' 'all(o["low_5"] == o["median"] == o["high_95"] and o["moved_most_by"] is None
  for o in a["uncertainty"]["outputs"].values()) and a["uncertainty"]["draws"] == 1' one.json
runs 0 'uncertainty for people' "$dse" evaluate small.cfg --design $design --uncertainty 77 --verbose
prints 'uncertainty for people: what was drawn' 'uncertainty of the constants: 77 draws, seed 2385'
check 'uncertainty for people: a line an output' test \
  "$(grep -cE '^  (area_mm2|tdp_w|iteration_s|throughput_.*|energy_j) .*\)$' out)" = 6
check 'uncertainty for people: all ranges with their sources' test \
  "$(grep -cE '^  [a-z_0-9]+ +[0-9.]+ +[0-9.]+  .+' out)" -ge 30
for node in 28 16 14 12 7 5 4 3; do
  row=$node
  ((node != 14 && node != 12)) || row=16
  draw --design "$design,node_nm=$node" --uncertainty 128 --set limits.area_mm2=23850 --set limits.tdp_w=2385 \
    --set limits.w_per_mm2=23.85 --set technology.reticle_mm2=23850
  cp out node.json
  holds "uncertainty at $node nm: this node's constants, and no other's" '(lambda area, tdp:
    {k for k in area if k.startswith(("logic_", "energy_"))} == (
    {"logic_'$row'nm", "energy_'$row'nm"} if '$node' != 7 else set()) and ('$node'
    == 7 or area["logic_'$row'nm"] > .05 and tdp["energy_'$row'nm"] > .05))(*(
    a["uncertainty"]["outputs"][k]["rank_correlation"] for k in ("area_mm2", "tdp_w")))' node.json
done
while read -r words; do
  read -ra split <<<"$words"
  runs 2 "refused: $words" "$dse" evaluate small.cfg --design $design "${split[@]}"
  silent "refused: $words" out
  check "refused: $words: in a line or two" test "$(wc -l <err)" -le 2
done <<'WORDS'
--uncertainty 0
--uncertainty 65537
--uncertainty many
--uncertainty -1
--uncertainty-scale 2
--uncertainty 23 --uncertainty-scale x
--uncertainty 23 --uncertainty-scale -1
--uncertainty 23 --seed x
--uncertainty 23 --set cost.provider="compat"
WORDS
runs 2 'no draws' "$dse" evaluate small.cfg --design $design --uncertainty 0
says 'no draws' '--uncertainty: 0 draws, allowed are 1 to 65536'

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
