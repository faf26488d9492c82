#!/bin/bash
# What do the tables and the law of WHAM's public successors give beside ours? `dse calibrate estimates` and
# `placements`: every public row, the placements by their law, the published files, and mistakes by name.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
table=tests/data/wham/nest_tpuv4_estimates.csv graphs=tests/data/wham/graphs

calibrate() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "calibrate $*" "$dse" calibrate "$@"
  cp "$folder/out" "$folder/$file"
  cp "$folder/err" "$folder/$file.err"
}

# --- estimates ----------------------------------------------------------------------------------------------------------
calibrate rows.csv estimates --table $table
cp $table "$folder/table.csv"
holds 'a row each, in order, with what is published' '[(r["graph"], r["op_id"], r["unit"], r["cores"]) for r in a] ==
  [(t["graph"], t["op_id"], t["unit"], t["cores"]) for t in b] and all(float(r["published_forward"]) ==
  float(t["fwd_cycles"]) and float(r["published_backward"]) == float(t["bwd_cycles"]) for r, t in zip(a, b))' \
  "$folder/rows.csv" "$folder/table.csv"
holds 'vector rows are equal' 'all(r["verdict"] == "equal" and r["forward"] == r["published_forward"] and r["backward"] ==
  r["published_backward"] for r in a if r["unit"] == "VC") and sum(r["unit"] == "VC" for r in a) == 352' "$folder/rows.csv"
holds 'lists of followers and products are theirs' 'all(r["followers_equal"] == "yes" for r in a if r["unit"] != "AR") and
  all(r["shape_equal"] == "yes" for r in a if r["unit"] == "TC")' "$folder/rows.csv"
holds 'links: by law where there is one, else said to be unknown' 'sum(r["verdict"] == "equal" for r in a
  if r["unit"] == "AR") == 8 and all(r["note"].startswith("not modelled") for r in a if r["verdict"] == "different")' \
  "$folder/rows.csv"
calibrate summary.csv estimates --table $table --what summary
holds 'summary: of the rows' '{s["unit"]: (int(s["rows"]), int(s["rows_equal"])) for s in a if s["op"] == "all"} ==
  {u: (sum(r["unit"] == u for r in b), sum(r["unit"] == u and r["verdict"] == "equal" for r in b))
  for u in ("TC", "VC", "AR")}' "$folder/summary.csv" "$folder/rows.csv"
holds 'summary: medians of the ratios' 'all(abs(float(s["ratio_median"]) - __import__("statistics").median(
  float(r[k + "_ratio"]) for r in b if r["op"] == s["op"] and r["unit"] == "TC" and (r["cores"] == "1") ==
  (s["cores"] == "one") for k in ("forward", "backward"))) < 1e-4 * float(s["ratio_median"])
  for s in a if s["unit"] == "TC" and s["op"] != "all")' "$folder/summary.csv" "$folder/rows.csv"
check 'what is equal is said on stderr' grep -qx 'VC: 352 of 352 rows equal, followers of 352 rows' "$folder/summary.csv.err"
calibrate graphs.csv estimates --table $table --what graphs
holds 'graphs: no operator is missing on either side' 'len(a) == 4 and all(g["operators"] == g["operators_equal"] and
  g["missing"] == "0" for g in a)' "$folder/graphs.csv"
calibrate all.json estimates --table $table --json
holds 'JSON: the same rows' 'len(a["rows"]) == 448 and set(a) == {"rows", "summary", "graphs"} and
  a["rows"][0]["layer"] == -1' "$folder/all.json"
# What is priced wrongly is seen: another width of lanes.
calibrate narrow.csv estimates --table $table --design nvdla_large --what summary
holds 'another design is another price' 'all(int(s["rows_equal"]) < 300 for s in a if s["op"] == "all" and s["unit"] == "VC")' \
  "$folder/narrow.csv"

# Rows that cannot be compared say why, and the others are.
python3 - $table >"$folder/odd.csv" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8")))
head, row = rows[0], rows[1]
def changed(**cells): return [cells.get(name, cell) for name, cell in zip(head, row)]
csv.writer(sys.stdout, lineterminator="\n").writerows(
    [head, row, changed(graph="absent"), changed(graph="../graphs/llama2_mbs_1_sl_4096"), changed(setup="h7"),
     changed(op_id="99999"), changed(op="Mul"), changed(fused_ops="Add ~~ [] ~~ [[1]]"), changed(fwd_cycles="2")])
PYTHON
calibrate odd-rows.csv estimates --table "$folder/odd.csv" --graphs $graphs
holds 'rows that cannot be compared' '[(r["verdict"], r["note"][:14]) for r in a] == [("equal", ""),
  ("skipped", "no file of thi"), ("skipped", "no file of thi"), ("skipped", "no design of t"),
  ("skipped", "the fused grap"), ("skipped", "the graph'\''s op"), ("equal", ""), ("different", "")]' "$folder/odd-rows.csv"
holds 'another list of followers is seen' '[r["followers_equal"] for r in a if r["verdict"] != "skipped"] ==
  ["yes", "no", "yes"]' "$folder/odd-rows.csv"
check 'a graph that is not there is named' grep -q 'no file of graph absent' "$folder/odd-rows.csv.err"

# --- placements ---------------------------------------------------------------------------------------------------------
calibrate placements.csv placements --graphs $graphs --table $table --head layer
holds 'the published degree of six stages' '[(r["data"], r["microbatches"], r["fits"]) for r in a if r["rule"] == "published"
  and r["hbm_gib"] == "64"] == [("164", "25", "yes")]' "$folder/placements.csv"
holds 'fixed strategies' '{(r["graph"].split("_")[0], r["depth"], r["data"]) for r in a if r["rule"] == "fixed" and
  r["depth"]} == {("bertlarge", "8", "128"), ("llama2", "8", "128")} and all("another tensor width" in r["note"]
  for r in a if r["rule"] == "fixed" and r["depth"] == "")' "$folder/placements.csv"
holds 'nothing is better than the best that fits' 'all(float(r["over_best_pct"]) >= 0 for r in a if r["fits"] == "yes") and
  all(r["over_best_pct"] == "0" for r in a if r["rule"] == "best" and r["depth"])' "$folder/placements.csv"
holds 'layers of all stages are the network' 'all(sum(map(int, r["layers"].split())) == 33 for r in a if
  r["graph"].startswith("llama2") and r["layers"])' "$folder/placements.csv"
calibrate depths.csv placements --graphs $graphs --table $table --head layer --what depths
holds 'six stages are the least that fit 64 GiB' 'min(int(r["depth"]) for r in a if (r["graph"], r["hbm_gib"]) ==
  ("llama2_mbs_1_sl_4096", "64")) == 6' "$folder/depths.csv"
holds 'the law, as written' 'all(abs(float(r["iteration_s"]) / ((int(r["microbatches"]) + int(r["depth"]) - 1) *
  float(r["max_load_s"]) + float(r["sync_s"])) - 1) < 1e-4 and int(r["devices"]) == int(r["depth"]) * int(r["data"]) *
  int(r["tensor"]) <= 1024 for r in a)' "$folder/depths.csv"
calibrate layers.csv placements --graphs $graphs --what layers
holds 'a head is once, behind the layers' '[(r["layer"], r["times"]) for r in a if r["graph"] == "llama2_mbs_1_sl_4096"] ==
  [("-1", "1"), ("0", "32"), ("1", "1")] and sum(int(r["parameter_bytes"]) * int(r["times"]) for r in a
  if r["graph"] == "llama2_mbs_1_sl_4096") == 2 * 6738415616' "$folder/layers.csv"
calibrate one.csv placements --graphs $graphs --hbm-gib 48 --devices 256 --batch 512 --stash outputs --what depths
holds 'one capacity, fewer devices' 'a and {r["hbm_gib"] for r in a} == {"48"} and all(int(r["devices"]) <= 256 for r in a)' \
  "$folder/one.csv"

# --- published ----------------------------------------------------------------------------------------------------------
check 'published files are what the program prints' scripts/successors --dse "$dse" --check
cp -r results/published/wham "$folder/published"
sed -i '2s/[1-9]/0/' "$folder/published/nest-depths.csv"
refute 'published files: a difference is seen' scripts/successors --dse "$dse" --out "$folder/published" --check
if [[ $MPI != no ]]; then
  runs 0 'two ranks say it once' mpirun -n 2 "$dse" calibrate estimates --table $table
  check 'two ranks say it once' cmp "$folder/out" "$folder/rows.csv"
fi

# --- mistakes -----------------------------------------------------------------------------------------------------------
runs 2 'estimates without a table' "$dse" calibrate estimates
says 'estimates without a table' '--table'
runs 2 'placements without graphs' "$dse" calibrate placements
says 'placements without graphs' '--graphs'
runs 1 'no such table' "$dse" calibrate estimates --table "$folder/absent.csv"
runs 1 'no such folder' "$dse" calibrate placements --graphs "$folder/absent"
says 'no such folder' 'cannot list the graphs'
mkdir "$folder/empty" "$folder/bad"
runs 2 'no graph in the folder' "$dse" calibrate placements --graphs "$folder/empty"
says 'no graph in the folder' 'there is no graph'
runs 2 'no row to compare' "$dse" calibrate estimates --table $table --graphs "$folder/empty"
says 'no row to compare' 'no row is about an operator'
echo '{"nodes": [{"id": 1, "op": "frob"}], "edges": []}' >"$folder/bad/llama2_mbs_1_sl_4096.json"
for what in "estimates --table $table" placements; do
  # shellcheck disable=SC2086 # two words
  runs 2 "a bad graph: $what" "$dse" calibrate $what --graphs "$folder/bad"
  says "a bad graph: $what" 'unknown op'
  silent "a bad graph: $what" out
done
runs 0 'an export' "$dse" show workload bert-base --graph "$folder/bad/llama2_mbs_1_sl_4096.json"
runs 2 'an export is no trace' "$dse" calibrate placements --graphs "$folder/bad"
says 'an export is no trace' 'is an export of this program'
sed '5s/VC/XC/' $table >"$folder/bad.csv"
runs 2 'a bad unit' "$dse" calibrate estimates --table "$folder/bad.csv" --graphs $graphs
says 'a bad unit' 'bad.csv:5: unit: "XC", TC, VC or AR was expected'
runs 2 'a bad unit: placements' "$dse" calibrate placements --graphs $graphs --table "$folder/bad.csv"
while IFS='|' read -r arguments text; do
  # shellcheck disable=SC2086 # two words
  runs 2 "placements $arguments" "$dse" calibrate placements --graphs $graphs $arguments
  says "placements $arguments" "$text"
  silent "placements $arguments" out
done <<'WANTED'
--stash all|--stash: "all", allowed are inputs, outputs
--head twice|--head: "twice", allowed are once, layer
--devices 0|--devices: 1 to
--batch x|batch
--hbm-gib 0|--hbm-gib: 1 to
--link-mbytes-per-s 0|--link-mbytes-per-s: 1 to
--design tpuv5_like|tpuv
--what depth|did you mean depths?
WANTED
runs 2 'no such design' "$dse" calibrate estimates --table $table --design tpuv5_like
finish
