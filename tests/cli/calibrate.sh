#!/bin/bash
# How far is the model from real chips? `dse calibrate`: every chip of the table with what is predicted of it, the
# averages, constants, sensitivities and laws behind it; products against measured ones; the published files are what the
# program prints; mistakes in either table, at their line and column.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
chips=arch/chips.csv

calibrate() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "calibrate $*" "$dse" calibrate "$@"
  cp "$folder/out" "$folder/$file"
  cp "$folder/err" "$folder/$file.err"
}

# --- chips --------------------------------------------------------------------------------------------------------------
calibrate chips.csv chips
cp $chips "$folder/table.csv"
holds 'every chip, for both quantities, in order' '[row["chip"] for row in a] == 2 * [row["chip"] for row in b] and
  [row["quantity"] for row in a] == len(b) * ["area"] + len(b) * ["tdp"]' "$folder/chips.csv" "$folder/table.csv"
holds 'real is what the table says' 'all(row["real"] == ("" if real == "UNKNOWN" else real) for row, real in
  zip(a, [row["die_mm2"] for row in b] + [row["tdp_W"] for row in b]))' "$folder/chips.csv" "$folder/table.csv"
holds 'errors are predicted/real - 1' 'all(abs(float(row[k + "_error_pct"]) -
  100 * (float(row[k]) / float(row["real"]) - 1)) < 0.11 for row in a if row["class"] != "skipped"
  for k in ("prior", "fit", "loo"))' "$folder/chips.csv"
holds 'a skipped chip has a reason and no prediction, every other has both figures and no reason' 'all(
  (row["class"] == "skipped") == (row["note"] != "") == (row["loo"] == "") == (row["fit"] == "") for row in a) and
  {row["chip"]: row["note"] for row in a if row["quantity"] == "tdp"}["MI250X"] == "no constants for this node"' \
  "$folder/chips.csv"
holds 'outside the class nothing is left out' 'all(row["loo"] == row["fit"] for row in a if row["class"] == "outside") and
  any(row["loo"] != row["fit"] for row in a)' "$folder/chips.csv"
holds 'dies that are published as bounds' '[row["chip"] for row in a if row["real_is"] == "at_most"] ==
  ["TPUv1", "TPUv2", "TPUv3", "TPUv4i"]' "$folder/chips.csv"
holds 'ten chips of the class for each quantity' 'all(sum(row["class"] == "hbm_training" and row["quantity"] == q
  for row in a) == 10 for q in ("area", "tdp"))' "$folder/chips.csv"
check 'skipped chips are named on stderr' grep -q 'skipped: .*MI250X (no constants for this node)' "$folder/chips.csv.err"
runs 0 'chips --quiet' "$dse" calibrate chips --quiet
silent 'chips --quiet' err

calibrate summary.csv chips --what summary
holds 'summary: means of the chips' 'all(abs(float(s["loo_error_pct"]) - sum(abs(float(row["loo_error_pct"])) for row in b
  if (row["quantity"], row["class"]) == (s["quantity"], s["class"])) / int(s["n"])) < 0.11 for s in a) and len(a) == 4' \
  "$folder/summary.csv" "$folder/chips.csv"
holds 'left out, dies are met within 8 % and TDPs within 10 %' '{s["quantity"]: float(s["loo_error_pct"]) <= limit for s in a
  for limit in [8 if s["quantity"] == "area" else 10] if s["class"] == "hbm_training"} == {"area": True, "tdp": True}' \
  "$folder/summary.csv"
holds 'one-sided means leave out dies below their bounds' 'all(abs(float(s["loo_error_one_sided_pct"]) -
  sum(abs(float(row["loo_error_pct"])) for row in b if (row["quantity"], row["class"]) == (s["quantity"], s["class"]) and
  not (row["real_is"] == "at_most" and float(row["loo_error_pct"]) < 0)) / int(s["n"])) < 0.11 for s in a)' \
  "$folder/summary.csv" "$folder/chips.csv"
calibrate specification.csv chips --law specification --what summary
holds 'the law of the specification: its averages within half a point' 'all(abs(float(s[k]) - wanted[i]) <= 0.5 for s, wanted in
  [(a[0], (12.5, 4.5, 8.6)), (a[2], (9.3, 7.2, 10.0))] for i, k in
  enumerate(("prior_error_pct", "fit_error_pct", "loo_error_pct")))' "$folder/specification.csv"
check 'a constant on its bound is named' grep -q '^fill_fraction sits on its low bound' "$folder/specification.csv.err"

calibrate constants.csv chips --what constants
holds 'constants: within their ranges, and those that are held at their priors' 'all(float(row["low"]) <= float(row["value"])
  <= float(row["high"]) for row in a if row["role"] != "unused") and all(row["value"] == row["prior"] for row in a
  if row["role"] == "held") and sum(row["role"] == "fitted" for row in a) == 5' "$folder/constants.csv"
holds 'shipped constants are the fitted ones' 'all(abs(float(row["shipped"]) / float(row["value"]) - 1) < 0.005 for row in a
  if row["role"] != "unused")' "$folder/constants.csv"
calibrate sensitivity.csv chips --what sensitivity
holds 'sensitivity: up and down of each; area constants do not move TDP' 'len(a) == 2 * len({row["constant"] for row in a}) and
  all(float(row["tdp_change_pct"]) == 0 != float(row["area_change_pct"]) for row in a if row["constant"] == "mac_um2") and
  all(float(row["area_change_pct"]) == 0 != float(row["tdp_change_pct"]) for row in a if row["constant"] == "mac_pj") and
  {float(row["change_pct"]) for row in a} == {20, -20}' "$folder/sensitivity.csv"
calibrate all.json chips --json
holds 'JSON: the same rows, numbers as numbers' '[row["chip"] for row in a["chips"]] == [row["chip"] for row in b] and
  all((p["loo"] is None) == (q["loo"] == "") and (p["loo"] is None or p["loo"] == float(q["loo"]))
  for p, q in zip(a["chips"], b)) and set(a) == {"chips", "summary", "constants", "sensitivity"}' \
  "$folder/all.json" "$folder/chips.csv"
calibrate set.csv chips --set technology.misc_w=80.0 --what summary
refute '--set technology.…: other constants matter' cmp "$folder/set.csv" "$folder/summary.csv"

if [[ $MPI != no ]]; then
  runs 0 'two ranks say it once' mpirun -n 2 "$dse" calibrate chips
  check 'two ranks say it once' cmp "$folder/out" "$folder/chips.csv"
fi

# Nodes: what the table has, and what the program says it knows.
runs 0 'list nodes' "$dse" list nodes --json
cp "$folder/out" "$folder/nodes.jsonl"
holds 'nodes' '[row["name"] for row in a] == ["28", "16", "14", "12", "7", "5", "4", "3"]' "$folder/nodes.jsonl"

# --- published ----------------------------------------------------------------------------------------------------------
check 'published files are what the program prints' scripts/calibration --dse "$dse" --check
cp -r results/published/chips "$folder/published"
sed -i '2s/[1-9]/0/' "$folder/published/laws.csv"
refute 'published files: a difference is seen' scripts/calibration --dse "$dse" --out "$folder/published" --check

# --- ops ----------------------------------------------------------------------------------------------------------------
calibrate ops.csv ops
holds 'ops: errors, and never above the peak of the part' 'all(abs(float(row["error_pct"]) -
  100 * (float(row["predicted_tflops"]) / float(row["measured_tflops"]) - 1)) < 0.11 and
  float(row["predicted_tflops"]) <= 1.0001 * float(row["our_peak_tflops"]) for row in a if row["note"] == "") and
  [row["note"] for row in a if row["part"] == "UNKNOWN"] == ["part unknown"] and len(a) == 6' "$folder/ops.csv"
calibrate ideal.csv ops --set 'cost.array_overlap="ideal"'
holds 'ops: --set cost.… counts' 'a != b and [row["part"] for row in a] == [row["part"] for row in b]' \
  "$folder/ops.csv" "$folder/ideal.csv"
calibrate ops.json ops --json
holds 'ops: JSON' 'len(a["ops"]) == 6 and a["summary"][0]["n"] == 5' "$folder/ops.json"

# --- mistakes -----------------------------------------------------------------------------------------------------------
change() { # COLUMN VALUE: of the second chip, in a table of its own
  python3 - "$chips" "$1" "$2" >"$folder/bad.csv" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
rows[2][rows[0].index(sys.argv[2])] = sys.argv[3]
csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
PYTHON
}
while IFS='|' read -r column value text; do
  change "$column" "$value"
  runs 2 "$column = $value" "$dse" calibrate chips --table "$folder/bad.csv"
  says "$column = $value" "bad.csv:3: $text"
  silent "$column = $value" out
done <<'WANTED'
die_mm2|62x5|die_mm2: "62x5", a number from 0 to 1e9 or UNKNOWN was expected
die_mm2|-625|die_mm2: "-625"
die_mm2|0|die_mm2: "0", a number above 0 or UNKNOWN
die_mm2|nan|die_mm2: "nan"
tdp_W|1e99|tdp_W: "1e99"
tdp_W||tdp_W: ""
node_nm|16.5|node_nm: "16.5", a whole number from 1 to 1e9 or UNKNOWN was expected
n_dies|0|n_dies: "0"
format|bf17|format: "bf17", int8, bf16, fp16, fp32
mem_type|HBM9|mem_type: "HBM9", none, DDR3
chip|TPUv1|chip: "TPUv1", a name that no other row has
chip||chip: "", a name was expected
WANTED
# Unknown is no mistake: one chip less sets the constants.
change die_mm2 UNKNOWN
calibrate unknown.csv chips --table "$folder/bad.csv"
holds 'a chip whose die is unknown' 'sum(row["class"] == "hbm_training" for row in a) == 19 and
  a[1]["note"] == "die_mm2 unknown"' "$folder/unknown.csv"
change SM_count UNKNOWN
calibrate simt.csv chips --table "$folder/bad.csv"
holds 'a chip of which nobody knows whether it is a GPU' 'a[1]["note"] == "SM_count unknown"' "$folder/simt.csv"
change node_nm 10
calibrate node.csv chips --table "$folder/bad.csv"
holds 'a chip of a node without constants' 'a[1]["note"] == "no constants for this node"' "$folder/node.csv"
cut -d, -f 1-5,7- $chips >"$folder/bad.csv"
runs 2 'a column is missing' "$dse" calibrate chips --table "$folder/bad.csv"
says 'a column is missing' 'bad.csv:1: die_mm2: this column is missing'
head -n 1 $chips >"$folder/bad.csv"
runs 2 'no chips' "$dse" calibrate chips --table "$folder/bad.csv"
says 'no chips' 'there is no chip in it'
head -n 2 $chips >"$folder/bad.csv"
runs 2 'no chip to fit to' "$dse" calibrate chips --table "$folder/bad.csv"
says 'no chip to fit to' 'no chip with stacks of HBM has a known die_mm2'
python3 -c 'import sys; rows = open(sys.argv[1]).readlines(); print(rows[0] + 501 * rows[1], end="")' $chips >"$folder/bad.csv"
runs 2 'more chips than anybody has' "$dse" calibrate chips --table "$folder/bad.csv"
says 'more chips than anybody has' '500'
runs 1 'no such table' "$dse" calibrate chips --table "$folder/absent.csv"
says 'no such table' 'absent.csv'
runs 2 'no such law' "$dse" calibrate chips --law lane
says 'no such law' 'did you mean lanes?'
runs 2 'no such part' "$dse" calibrate chips --what summery
says 'no such part' 'did you mean summary?'
runs 2 'no such report' "$dse" calibrate chip
says 'no such report' 'did you mean chips?'
runs 2 'no report' "$dse" calibrate
runs 2 'no such setting' "$dse" calibrate chips --set technology.misc_v=3
says 'no such setting' 'did you mean misc_w?'
runs 2 'no such provider' "$dse" calibrate ops --provider fysical
says 'no such provider' 'did you mean physical?'
product() { # COLUMN VALUE
  python3 - arch/matmuls.csv "$1" "$2" >"$folder/bad.csv" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
rows[2][rows[0].index(sys.argv[2])] = sys.argv[3]
csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
PYTHON
}
while IFS='|' read -r column value; do
  product "$column" "$value"
  runs 2 "ops: $column = $value" "$dse" calibrate ops --table "$folder/bad.csv"
  says "ops: $column = $value" "bad.csv:3: $column: \"$value\","
  silent "ops: $column = $value" out
done <<'WANTED'
part|h1000
part|../catalogue/h100
m|0
n|-3
k|99999999999999999999
element_bytes|9
tflops|0
peak_tflops|fast
WANTED
finish
