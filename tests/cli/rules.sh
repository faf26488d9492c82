#!/bin/bash
# What does a user meet who says more of a space than lists, and wants something else than the usual front? Axes that
# follow from others, conditions between keys, ranges of objectives, die cost; and each mistake at its line.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
with() { sed "s|$1|$2|" small.cfg; }
refused() { # NAME TEXT; the file comes on standard input
  local name=$1 text=$2
  cat >one.cfg
  runs 2 "$name" "$dse" check one.cfg
  says "$name" "$text"
  silent "$name" out
}

# --- mistakes -----------------------------------------------------------------------------------------------------------
rule() { with 'vc_width = \[256, 1024\]' "vc_width = \"$1\""; }
refused 'a name that is not there' 'one.cfg:6: space.vc_width: unknown name tc_col; did you mean tc_cols?' < <(rule '= tc_col')
refused 'a cost in a rule' 'one.cfg:6: space.vc_width: unknown name area_mm2' < <(rule '= area_mm2')
refused 'half a rule' 'one.cfg:6: space.vc_width: a number or a name is expected, found the end' < <(rule '= 2 *')
refused 'no rule' "one.cfg:6: space.vc_width: the rule is missing behind '='" < <(rule '= ')
refused 'a rule of itself' 'one.cfg:6: space.vc_width: the rule depends on its own key' < <(rule '= vc_width + 1')
refused 'a circle' 'one.cfg:6: space.glb_mib: the rule depends on its own key' \
  < <(rule '= glb_mib' | sed 's|glb_mib = \[16, 64\]|glb_mib = "= vc_width"|')
refused 'no value for any design' 'space.vc_width: the rule gives no value from 1 to 1048576 for any design' \
  < <(rule '= tc_cols / 0')
refused 'no allowed value for any design' 'space.vc_width: the rule gives no value from 1' < <(rule '= -tc_cols')
refused 'a rule for a category' 'one.cfg:4: space.hbm_generation: "= 2" is no choice' \
  < <(with '^space = {' 'space = { hbm_generation = "= 2";')
refused 'a rule for operands' 'one.cfg:4: space.element_bytes: one value only' \
  < <(with '^space = {' 'space = { element_bytes = "= 2";')
limit() { with 'area_mm2 = 500.0;' "area_mm2 = 500.0; $1"; }
refused 'a condition of nothing' 'one.cfg:3: limits.constraints.[1]: unknown name tc_row; did you mean tc_rows?' \
  < <(limit 'constraints = ["tc_rows > 2", "tc_row > 2"];')
refused 'a condition by itself' 'one.cfg:3: limits.constraints: comparisons do not chain' \
  < <(limit 'constraints = "1 < tc_rows < 3";')
refused 'a range of nothing' 'one.cfg:3: limits.minimum.throughput: unknown key; did you mean throughput_samples_per_s?' \
  < <(limit 'minimum = { throughput = 3.0; };')
refused 'an empty range' 'one.cfg:3: limits.minimum.energy_j: exceeds limits.maximum' \
  < <(limit 'minimum = { energy_j = 3.0; }; maximum = { energy_j = 2.0; };')
refused 'a range below zero' 'one.cfg:3: limits.maximum.edp_js: -1 is out of range' < <(limit 'maximum = { edp_js = -1.0; };')
search() { with '^search = {' "search = { $1"; }
refused 'a front of nothing' 'one.cfg:8: search.front: an empty list' < <(search 'front = [];')
refused 'an objective twice' 'one.cfg:8: search.front: area stands twice' < <(search 'front = ["area", "tdp", "area"];')
refused 'an objective that is not there' 'one.cfg:8: search.front.[0]: "speed" is no choice' < <(search 'front = ["speed"];')
refused 'a price that nobody knows' 'space.node_nm: die cost is asked for, and wafers of 4 nm have no known price' \
  < <(search 'metric = "die_cost";' | sed 's|^space = {|space = { node_nm = [4, 5, 7];|')
refused 'a price at nobody s node' 'wafers of 22 nm have no known price' \
  < <(search 'front = ["die_cost"];' | sed '1s|^|cost = { provider = "compat"; };|')
runs 0 'a price that the user knows' "$dse" check small.cfg --set 'search.metric="die_cost"' --set 'space.node_nm=[3, 5]' \
  --set money.wafer_usd=20000.0 --set money.defects_per_mm2=0.002

# --- a run ---------------------------------------------------------------------------------------------------------------
{ rule '= 4 * tc_cols' | sed 's|area_mm2 = 500.0;|& constraints = ["tc_rows >= tc_cols", "tdp_w < 250"];|'; } >ruled.cfg
runs 0 'check --print' "$dse" check ruled.cfg --print
cp out printed.cfg
prints '--print: the rule' 'vc_width = "= 4 * tc_cols";'
prints '--print: the conditions' 'constraints = ["tc_rows >= tc_cols", "tdp_w < 250"];'
runs 0 'check --print of it' "$dse" check printed.cfg --print
check '--print of it: the same bytes' cmp out printed.cfg
runs 0 'explore' "$dse" explore ruled.cfg --out ruled
holds 'the rule and the conditions hold' \
  'len(a) > 3 and all(int(r["vc_width"]) == 4 * int(r["tc_cols"]) and int(r["tc_rows"]) >= int(r["tc_cols"])
    and float(r["tdp_w"]) < 250 for r in a)' ruled/front.csv
holds 'conditions are counted' 'any(r["limit"] == "limits.constraints" and int(r["designs"]) >= 24 for r in a)' \
  ruled/infeasible.csv
holds 'a rule is no axis' 'a["points"] == 144 and "vc_width" not in a["best"]["axes"]' ruled/summary.json
# What the report says of a design is that design: the rule fills what --design leaves out.
axes=$(python3 -c 'import json; print(json.load(open("ruled/summary.json"))["best"]["axes"])')
runs 0 'evaluate the best' "$dse" evaluate ruled/run.cfg --design "$axes" --json
cp out best.json
holds 'it is the best' 'a["design"] == b["best"]["design"]' best.json ruled/summary.json
runs 0 'evaluate with a width of its own' "$dse" evaluate ruled/run.cfg --design "$axes,vc_width=96" --json
cp out other.json
holds 'what is given stays' 'a["design"] != b["design"]' best.json other.json
runs 3 'evaluate against a condition' "$dse" evaluate ruled.cfg --design tc_rows=32,tc_cols=128
prints 'evaluate against a condition' 'infeasible: limits.constraints, exceeded by 1 broken'

# --- ranges, prices, another front ------------------------------------------------------------------------------------
runs 0 'explore without ranges' "$dse" explore small.cfg --out plain
holds 'without a wish there is no price' '"die_cost_usd" not in a[0] and "die_cost_usd" not in b["best"]
  and not any("limits.m" in r["limit"] and "memory" not in r["limit"] or "constraints" in r["limit"] for r in c)' \
  plain/front.csv plain/summary.json plain/infeasible.csv
sed 's|area_mm2 = 500.0;|& minimum = { throughput_samples_per_s = 100.0; }; maximum = { die_cost_usd = 60.0; };|
  s|^search = {|& front = ["die_cost", "throughput", "energy"];|' small.cfg >ranged.cfg
runs 0 'explore with ranges' "$dse" explore ranged.cfg --out ranged
prints 'the front says what spans it' 'Pareto front over die cost, throughput and energy'
prints 'the price is told' 'die cost'
holds 'ranges hold' 'len(a) > 1 and all(float(r["throughput_samples_per_s"]) >= 100 and float(r["die_cost_usd"]) <= 60
  for r in a)' ranged/front.csv
holds 'the first objective orders the front' \
  'sorted(float(r["die_cost_usd"]) for r in a) == [float(r["die_cost_usd"]) for r in a]' ranged/front.csv
holds 'ranges are counted' 'any(r["limit"] == "limits.maximum.die_cost_usd" and int(r["designs"]) > 0 for r in a)
  and any(r["limit"] == "limits.minimum.throughput_samples_per_s" and int(r["designs"]) > 0 for r in a)' \
  ranged/infeasible.csv
holds 'the front is proven' 'a["front_complete"] and a["proven_optimal"]' ranged/summary.json
axes=$(python3 -c 'import json; print(json.load(open("ranged/summary.json"))["best"]["axes"])')
runs 0 'the price of the best' "$dse" evaluate ranged.cfg --design "$axes" --json
cp out best.json
holds 'it is that of dse evaluate' 'a["money"]["die_usd"] == b["best"]["die_cost_usd"]' best.json ranged/summary.json
runs 2 'other prices are another run' "$dse" explore ranged.cfg --out ranged --set money.clustering=4.0
runs 0 'where nobody asks they are not' "$dse" explore small.cfg --out plain --set money.clustering=4.0
runs 3 'a range that nothing meets' "$dse" explore small.cfg --out none --set limits.maximum.energy_j=0.001
says 'a range that nothing meets' 'limits.maximum.energy_j binds for'
finish
