#!/bin/bash
# Does the main job do what it promises? The results folder and what its files say, proofs against exhaustive search, the
# same bytes for the same seed, what happens on a folder that is there already, and runs in which nothing fits.
# (Stops, signals and full disks: stop.sh. Damaged journals: journal.sh. Ranks: tests/mpi.)
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg

# --- the folder -------------------------------------------------------------------------------------------------------
runs 0 'explore' "$dse" explore small.cfg --out first
cp out first.txt
for file in run.cfg summary.json front.csv topk.csv journal convergence.csv columns.csv report.html status.json \
  manifest.json timing.csv log.txt infeasible.csv trace-best.json; do
  check "there is $file" test -s "first/$file"
done
check 'nothing half-written is left' test -z "$(find first -name '*.tmp*' -o -name '.*' -type f)"
prints 'the end block names the folder' 'first/report.html'
prints 'the end block says that it is proven' 'proven optimal over all 288 designs'

for table in front topk convergence infeasible timing; do
  holds "columns.csv has every column of $table.csv" \
    "list(a[0]) == [row['column'] for row in b if row['file'] == '$table.csv']" first/$table.csv first/columns.csv
done
holds 'columns.csv knows no other file' 'len({row["file"] for row in a}) == 5' first/columns.csv
holds 'columns.csv: units, directions, sentences' 'all(row["meaning"] and row["better"] in ("", "min", "max") and
  (row["unit"] or not row["column"].endswith(("_s", "_j", "_w", "_mm2", "_bytes"))) for row in a)' first/columns.csv

holds 'summary.json: fields' '{"front", "evaluations", "evaluations_per_s", "best", "lower_bound", "gap",
  "proven_optimal", "seed", "ranks", "wall_s", "digest"} <= a.keys()' first/summary.json
holds 'summary.json: values' 'a["seed"] == 2385 and a["ranks"] == 1 and a["proven_optimal"] == True and a["gap"] == 0
  and a["points"] == 288 and 0 < a["feasible"] <= a["evaluations"] <= 288 and a["wall_s"] > 0 and
  len(a["digest"]) == 32' first/summary.json
holds 'summary.json: the front is front.csv' '[p["design"] for p in a["front"]] == [row["design"] for row in b]' \
  first/summary.json first/front.csv
holds 'status.json' '{"state", "reason", "epoch", "round", "evaluations", "best", "lower_bound", "gap", "eta_s"}
  <= a.keys() and a["state"] == "complete" and a["epoch"] == 1 and a["evaluations"] == b["evaluations"]' \
  first/status.json first/summary.json
holds 'manifest.json' '{"version", "commit", "compiler", "mpi", "settings_digest", "seed", "ranks", "host"} <= a.keys()' \
  first/manifest.json
holds 'trace-best.json opens in a viewer' 'len([e for e in a["traceEvents"] if e["ph"] == "X"]) > 100 and
  all(e["dur"] >= 0 and e["ts"] >= 0 for e in a["traceEvents"] if e["ph"] == "X")' first/trace-best.json
refute 'report.html asks nobody for anything' grep -qE '(src|href)="?(https?:)?//' first/report.html
check 'log.txt opens with version, seed, ranks' grep -qE 'dse [0-9.]+ .*1 ranks.*seed 2385' first/log.txt

# --- what the tables say ----------------------------------------------------------------------------------------------
better='lambda p, q: all(s * float(p[k]) >= s * float(q[k]) for k, s in (("throughput_samples_per_s", 1),
  ("energy_j", -1), ("area_mm2", -1), ("tdp_w", -1)))'
holds 'no design of the front is dominated' "(lambda over: not any(p is not q and over(p, q) for p in a for q in a))($better)" \
  first/front.csv
holds 'the front has several designs, none twice' 'len(a) > 6 and len({row["design"] for row in a}) == len(a)' \
  first/front.csv
holds 'the front is within the limits' 'all(float(row["area_mm2"]) <= 500 and float(row["tdp_w"]) <= 300 and
  float(row["tdp_w"]) / float(row["area_mm2"]) <= 1.1 for row in a)' first/front.csv
holds 'the front is sorted by throughput' 'a == sorted(a, key=lambda row: -float(row["throughput_samples_per_s"]))' \
  first/front.csv
holds 'no design is better than its own bound' 'all(float(row["throughput_samples_per_s"]) <=
  float(row["bound_throughput_samples_per_s"]) * (1 + 1e-12) and 0 <= float(row["gap"]) < 1 for row in a)' first/front.csv
holds 'throughput is batch over time' 'all(abs(float(row["throughput_samples_per_s"]) * float(row["iteration_s"]) - 4)
  < 1e-9 for row in a)' first/front.csv
holds 'top-k: seven, in order, places 1 to 7' '[int(row["place"]) for row in a] == [1, 2, 3, 4, 5, 6, 7] and
  all(float(p["throughput_samples_per_s"]) >= float(q["throughput_samples_per_s"]) for p, q in zip(a, a[1:]))' \
  first/topk.csv
holds 'the best is the same everywhere' 'a["best"]["design"] == b[0]["design"] and c[0]["throughput_samples_per_s"] == b[0]["throughput_samples_per_s"] and
  d["best"] == a["best"]["throughput_samples_per_s"] == a["lower_bound"]' \
  first/summary.json first/topk.csv first/front.csv first/status.json
holds 'convergence: rounds from 0, evaluations and best never fall' '[int(row["round"]) for row in a] ==
  list(range(len(a))) and all(int(p["evaluations"]) < int(q["evaluations"]) and
  float(p["best"] or 0) <= float(q["best"]) for p, q in zip(a, a[1:])) and
  int(a[-1]["evaluations"]) == b["evaluations"] and float(a[-1]["best"]) == b["best"]["throughput_samples_per_s"]' \
  first/convergence.csv first/summary.json

# A row of the front is what `evaluate` says of its axes.
axes=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["best"]["axes"])' first/summary.json)
runs 0 'evaluate the best' "$dse" evaluate small.cfg --design "$axes" --json
cp out best.json
holds 'evaluate says the same of it' 'a["design"] == b["best"]["design"] and
  all(a[k] == b["best"][k] for k in ("throughput_samples_per_s", "energy_j")) and
  a["area_mm2"]["total"] == b["best"]["area_mm2"] and a["tdp_w"]["total"] == b["best"]["tdp_w"]' \
  best.json first/summary.json

# --- proofs -----------------------------------------------------------------------------------------------------------
for metric in throughput energy tdp throughput_per_tdp edp; do
  runs 0 "guided by $metric" "$dse" explore small.cfg --out "guided-$metric" --set "search.metric=\"$metric\""
  runs 0 "exhaustive by $metric" "$dse" explore small.cfg --out "all-$metric" --set "search.metric=\"$metric\"" \
    --set 'search.algorithm="exhaustive"'
  holds "the proven optimum by $metric is the exhaustive one" 'not a["proven_optimal"] or
    {**a["best"], "found_by": 0} == {**b["best"], "found_by": 0} or a["best"][a["metric"]] == b["best"][b["metric"]]' \
    "guided-$metric/summary.json" "all-$metric/summary.json"
  holds "exhaustive by $metric saw all and proves itself" 'a["evaluations"] == a["points"] == 288 and
    a["proven_optimal"] and a["gap"] == 0 and a["lower_bound"] == a["best"][a["metric"]]' "all-$metric/summary.json"
done
check 'the front of an exhaustive search holds the best by throughput' \
  grep -q "^$(sed -n '2s/,.*//p' first/front.csv)," all-energy/front.csv
# Without a proof the gap is real: the optimum lies between the best found and the bound. Budgets are looked at between
# rounds: with rounds of five, one of seven is ten evaluations.
random=(--set 'search.algorithm="random"' --set search.round_size=5 --set search.prove=false)
runs 0 'a short random search' "$dse" explore small.cfg --out short "${random[@]}" --set search.max_evaluations=7
holds 'the optimum lies within the stated gap' 'a["evaluations"] == 10 and not a["proven_optimal"] and a["gap"] > 0 and
  a["best"][a["metric"]] <= b["best"][b["metric"]] <= a["lower_bound"]' short/summary.json all-throughput/summary.json

# --- seeds ------------------------------------------------------------------------------------------------------------
runs 0 'the same seed again' "$dse" explore small.cfg --out second
same_files 'the same seed' first second "${same_bytes[@]}"
for seed in 1 23 23; do
  runs 0 "random, seed $seed" "$dse" explore small.cfg --out "random-$seed" --fresh --seed $seed \
    --set 'search.algorithm="random"' --set search.max_evaluations=50
done
same_files 'random, the same seed' random-23 random-23.old-1 "${same_bytes[@]}"
refute 'random, another seed' cmp -s random-1/topk.csv random-23/journal
refute 'random, another seed: other designs' cmp -s random-1/journal random-23/journal
holds 'random, another seed: says so' 'a["seed"] == 23' random-23/summary.json

# --- a folder that is there already -----------------------------------------------------------------------------------
sums() { find "$1" -type f ! -name lock -exec md5sum {} + | sort -k 2; }
sums first >before
runs 0 'complete already' "$dse" explore small.cfg --out first
says 'complete already' 'complete'
check 'complete already: nothing changed' cmp before <(sums first)
runs 0 'resume a complete run' "$dse" resume first
check 'resume a complete run: nothing changed' cmp before <(sums first)
runs 2 'other settings' "$dse" explore small.cfg --out first --set limits.tdp_w=250 --seed 77
says 'other settings: which' 'limits.tdp_w: 300.0 there, 250.0 now'
says 'other settings: and which' 'search.seed: 2385 there, 77 now'
says 'other settings: what next' '--fresh'
check 'other settings: no other key is named' test "$(grep -c ' there, ' err)" -eq 2
check 'other settings: nothing changed' cmp before <(sums first)
runs 0 'fresh' "$dse" explore small.cfg --out first --set limits.tdp_w=250 --fresh
says 'fresh: where the old results are' 'first.old-1'
check 'fresh: the old results are whole' cmp before <(cd first.old-1 && find . -type f ! -name lock -exec md5sum {} + |
  sed 's|\./|first/|' | sort -k 2)
check 'fresh: the new ones are new' grep -q 'tdp_w = 250' first/run.cfg
runs 0 'fresh again' "$dse" explore small.cfg --out first --fresh
check 'fresh again: nothing is ever deleted' test -s first.old-1/summary.json -a -s first.old-2/summary.json
same_files 'fresh with the first settings' first second "${same_bytes[@]}"
# A budget may grow: the run goes on, and is then that of the larger budget from the start.
runs 0 'a larger budget' "$dse" explore small.cfg --out short "${random[@]}" --set search.max_evaluations=50
holds 'a larger budget: used' 'a["evaluations"] == 50' short/summary.json
runs 0 'the larger budget alone' "$dse" explore small.cfg --out long "${random[@]}" --set search.max_evaluations=50
same_files 'a larger budget' short long "${same_bytes[@]}"
runs 0 'the default folder' "$dse" explore small.cfg
same_files 'the default folder is results-small' second results-small front.csv journal

# --- what is said, and where ------------------------------------------------------------------------------------------
runs 0 'json' "$dse" explore small.cfg --out json --json
cp out out.json
holds 'stdout is one JSON object: the summary' 'a.keys() == b.keys() and a["digest"] == b["digest"]' \
  out.json json/summary.json
refute 'no escape codes, no carriage returns' grep -q $'[\033\r]' err out
runs 0 'quiet' "$dse" explore small.cfg --out json --fresh --quiet
silent 'quiet' err
check 'quiet: the answer all the same' grep -q 'best by' out
refute 'the end block: no escape codes, no carriage returns' grep -q $'[\033\r]' first.txt
# shellcheck disable=SC2016 # the inner shell expands it
runs 1 'stdout is full' bash -c '"$1" list >/dev/full' - "$dse"

# --- nothing fits -----------------------------------------------------------------------------------------------------
while read -r key value unit; do
  runs 3 "nothing fits: $key" "$dse" explore small.cfg --out "none-$key" --set "limits.$key=$value"
  says "nothing fits: $key is named" "limits.$key binds for 288 designs (alone for 288)"
  miss=$(sed -n "s|.*limits.$key binds.* misses it by \([0-9.e+-]*\) $unit\$|\1|p" err)
  check "nothing fits: by how much of $key" test -n "$miss"
  holds "nothing fits: status.json says so" 'a["state"] == "complete" and "feasible" in a["reason"] and a["best"] is None' \
    "none-$key/status.json"
  relaxed=$(python3 -c 'import sys; print(repr(float(sys.argv[1]) + float(sys.argv[2])))' "$value" "$miss")
  runs 0 "raised by $miss $unit, something fits" "$dse" explore small.cfg --out "some-$key" --set "limits.$key=$relaxed"
  lowered=$(python3 -c 'import sys; print(repr(float(sys.argv[1]) + 0.999 * float(sys.argv[2])))' "$value" "$miss")
  runs 3 "raised by less, nothing fits" "$dse" explore small.cfg --out "less-$key" --set "limits.$key=$lowered"
done <<'LIMITS'
area_mm2 7.5 mm2
tdp_w 23.85 W
w_per_mm2 0.125 W/mm2
LIMITS
runs 3 'nothing is fast enough' "$dse" explore small.cfg --out none-floor --set limits.throughput_floor=77
says 'nothing is fast enough: the floor is named' 'limits.throughput_floor binds'
runs 3 'nothing fits, asked again' "$dse" explore small.cfg --out none-area_mm2 --set limits.area_mm2=7.5

# --- no place to write ------------------------------------------------------------------------------------------------
touch file
for place in file/x file /proc/nowhere/x /proc/x; do
  runs 1 "no place: $place" "$dse" explore small.cfg --out "$place"
  says "no place: $place is named" "${place%/x}"
  silent "no place: $place" out
done
runs 1 'no such run file' "$dse" explore none.cfg --out never
runs 1 'no such folder' "$dse" resume never
says 'no such folder' 'never: no run.cfg there'
check 'no such folder: none is made' test ! -e never
finish
