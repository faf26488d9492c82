#!/bin/bash
# dse sensitivity: do text, JSON, CSV and page say the same, the same on any number of ranks, and nothing that cannot be?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
few=(--samples 32 --draws 6)

runs 0 'sensitivity' "$dse" sensitivity small.cfg "${few[@]}" --csv one.csv --html one.html --json
silent 'sensitivity' err
cp out one.json
holds 'fields' '{"design", "metric", "value", "proven_optimal", "samples", "draws", "seed", "scale", "indices",
  "winner"} <= a.keys() and a["samples"] == 32 and a["draws"] == 6 and a["seed"] == 2385' one.json
holds 'three parts, all there' 'set(a["indices"]) == {"axes, box", "axes, allowed", "constants"} and
  all(p["none"] is None for p in a["indices"].values())' one.json
holds 'an index for every axis; constants of this node alone' '
  set(a["indices"]["axes, box"]["inputs"]) == set(a["indices"]["axes, allowed"]["inputs"]) ==
  {"tc_count", "tc_rows", "tc_cols", "vc_count", "vc_width", "glb_mib", "hbm_stacks"} and
  {"clock", "hbm_rate"} <= set(a["indices"]["constants"]["inputs"]) and
  not any(k in a["indices"]["constants"]["inputs"] for k in ("logic_5nm", "energy_28nm"))' one.json
holds 'n (d + 2) and n (d + 1) evaluations' 'a["indices"]["axes, box"]["evaluations"] == 32 * 9 and
  a["indices"]["axes, allowed"]["evaluations"] == 32 * 8 and a["indices"]["constants"]["evaluations"] ==
  32 * (len(a["indices"]["constants"]["inputs"]) + 2)' one.json
holds 'what cannot move area moves nothing of it' '
  a["indices"]["constants"]["inputs"]["clock"]["area_mm2"]["total"]["value"] == 0 and
  a["indices"]["constants"]["inputs"]["mac_area"]["area_mm2"]["total"]["value"] > 0 and
  a["indices"]["constants"]["inputs"]["mac_area"]["throughput_samples_per_s"]["total"]["value"] == 0' one.json
holds 'intervals hold their values, totals are not negative' 'all(e["low"] - 0.05 <= e["value"] <= e["high"] + 0.05
  for p in a["indices"].values() for i in p["inputs"].values() for o in i.values() for e in o.values()
  if e["value"] is not None) and all(o["total"]["value"] >= 0 for p in a["indices"].values()
  for i in p["inputs"].values() for k, o in i.items() if k != "die_cost_usd")' one.json
holds 'nobody asked for the price of dies' 'all(i["die_cost_usd"]["total"]["value"] is None
  for p in a["indices"].values() for i in p["inputs"].values())' one.json
holds 'winners: both ways, wins add up, all proven' '[w["limits"] for w in a["winner"]] == ["nominal", "drawn"] and
  all(sum(d["wins"] for d in w["designs"]) == w["feasible_draws"] == w["proven_draws"] == 6 for w in a["winner"])' \
  one.json
holds 'with nominal limits the winner fits always; regrets are not negative' '
  a["winner"][0]["designs"][0]["fits"] == 6 and a["winner"][0]["nominal_winner_breaks"] == {} and
  all(d["regret_median"] is None or 0 <= d["regret_median"] <= d["regret_95"] for w in a["winner"]
  for d in w["designs"]) and all(w["designs"][0]["design"] == a["design"] for w in a["winner"]) and
  all(w["designs"][0]["fits"] + sum(w["nominal_winner_breaks"].values()) == 6 for w in a["winner"])' one.json
runs 0 'explore finds the same winner' "$dse" explore small.cfg --out results --quiet
holds 'explore finds the same winner' 'a["best"]["axes"] == b["design"] and
  a["best"][b["metric"]] == b["value"]' results/summary.json one.json
holds 'the CSV says what the JSON says' 'all(
  float(r["total"]) == a["indices"][r["part"]]["inputs"][r["input"]][r["output"]]["total"]["value"] and
  float(r["first_low"]) == a["indices"][r["part"]]["inputs"][r["input"]][r["output"]]["first"]["low"]
  for r in b if r["total"]) and sum(r["part"] == "winner, drawn limits" for r in b) ==
  len(a["winner"][1]["designs"]) and len({r["part"] for r in b}) == 5' one.json one.csv
holds 'the page holds the sentence and asks for nothing' '
  a["winner"][0]["sentence"].split(",")[0].encode() in b and b"<svg" in b and b"src=" not in b.replace(b"-src ", b"") and
  b.count(b"<section") == b.count(b"</section>") >= 8' one.json one.html.bytes

runs 0 'for people' "$dse" sensitivity small.cfg "${few[@]}"
prints 'for people: the sentence' 'Among the designs that the nominal model allows, the winning design stays the best in'
prints 'for people: drawn limits' 'judged by the drawn constants, too'
prints 'for people: intervals' '95 % of a bootstrap'
refute 'no escape codes, no carriage returns' grep -q $'[\033\r]' out err

# --- the same again, and otherwise ------------------------------------------------------------------------------------
runs 0 'again' "$dse" sensitivity small.cfg "${few[@]}" --json
check 'the same bytes again' cmp out one.json
runs 0 'another seed' "$dse" sensitivity small.cfg "${few[@]}" --json --seed 7
refute 'another seed, other bytes' cmp out one.json
runs 0 'linear' "$dse" sensitivity small.cfg --samples 32 --draws 0 --json --linear
cp out linear.json
holds 'linear: other indices, no draws' 'b["winner"] == [] and b["scale_of_objectives"] == "linear" and
  a["indices"]["axes, box"]["inputs"]["tc_count"] != b["indices"]["axes, box"]["inputs"]["tc_count"]' \
  one.json linear.json
runs 0 'no width' "$dse" sensitivity small.cfg "${few[@]}" --scale 0 --json
cp out none.json
holds 'ranges of no width: nothing moves anything, the winner stays' '
  all(o["total"]["value"] is None for i in a["indices"]["constants"]["inputs"].values() for o in i.values()) and
  all(w["designs"][0]["wins"] == 6 and w["designs"][0]["regret_95"] == 0 for w in a["winner"])' none.json
runs 0 'draws alone' "$dse" sensitivity small.cfg --samples 0 --draws 2 --json
cp out draws.json
holds 'draws alone' 'all(p["none"] == "not asked for" for p in a["indices"].values()) and len(a["winner"]) == 2' draws.json
if [[ $MPI != no ]] && command -v mpirun >/dev/null; then
  for ranks in 2 3; do
    runs 0 "$ranks ranks" mpirun -q -n $ranks "$dse" sensitivity small.cfg "${few[@]}" --csv $ranks.csv \
      --html $ranks.html --json
    check "$ranks ranks: JSON" cmp out one.json
    check "$ranks ranks: CSV" cmp $ranks.csv one.csv
    check "$ranks ranks: page" cmp $ranks.html one.html
  done
fi

# --- what cannot be analysed ------------------------------------------------------------------------------------------
runs 0 'a provider without ranges' "$dse" sensitivity small.cfg "${few[@]}" --json --set 'cost.provider="compat"' \
  --set limits.memory=false --set 'limits.reference="tpuv2_like"'
cp out compat.json
holds 'a provider without ranges: axes alone' '"no ranges" in a["indices"]["constants"]["none"] and a["winner"] == [] and
  a["indices"]["axes, box"]["inputs"]["tc_rows"]["tdp_w"]["total"]["value"] is None and
  a["indices"]["axes, box"]["inputs"]["tc_rows"]["area_mm2"]["total"]["value"] > 0' compat.json
runs 3 'nothing feasible' "$dse" sensitivity small.cfg --set limits.area_mm2=1.0
says 'nothing feasible' 'no winning design'
runs 2 'too few samples' "$dse" sensitivity small.cfg --samples 3
says 'too few samples' '--samples: 3, allowed are 8 to 65536, and 0'
runs 2 'too few draws' "$dse" sensitivity small.cfg --draws 1
says 'too few draws' '--draws: 1, allowed are 2 to 65536'
runs 2 'a wrong scale' "$dse" sensitivity small.cfg --scale wide
says 'a wrong scale' '--scale: "wide", allowed are numbers from 0 to 4'
runs 1 'nowhere to write' "$dse" sensitivity small.cfg --samples 8 --draws 0 --csv nowhere/at/all.csv
cat >fixed.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = { tc_count = [2]; tc_rows = [64]; tc_cols = [128]; vc_count = [2]; vc_width = [256]; glb_mib = [16];
  hbm_stacks = [4]; };
CFG
runs 2 'no axis' "$dse" sensitivity fixed.cfg
says 'no axis' 'nothing to be moved by'
finish
