#!/bin/bash
# Which layer on which board? `dse layers`, `dse map placement` and `dse judge placement` as a user meets them: problems
# are those of the tables, what is printed, published and judged is the same answer, and mistakes are said at their place.
# Whether answers are good is tried in tests/property/search and tests/golden/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
data=tests/data/placement

map() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "map placement $*" "$dse" map placement "$@"
  cp "$folder/out" "$folder/$file"
}
layers() { # NAME ARGUMENT...
  local name=$1
  shift
  runs 0 "layers $name" "$dse" layers configs/placement.cfg --out "$folder/$name" "$@"
}

# --- a problem that a hand can solve ------------------------------------------------------------------------------------
# Two chains of two layers, each a second a layer on the board of its own and two on the other: 1 s in, 2 · 1 s of
# computation, ½ s out.
map pair.json $data/pair.json --json --out "$folder/answer.csv" --report "$folder/page.html" --trace "$folder/trace.json"
holds 'pair: the optimum' 'a["value"] == 3.5 and a["makespan_s"] == 3.5 and a["unit"] == "s" and
  a["lower_bound"] <= 3.5 and abs(a["gap"] - (3.5 / a["lower_bound"] - 1)) < 1e-9 and a["energy_j"] == 49 and
  abs(a["communication"] - 3 / 7) < 1e-12 and a["algorithm"] == "best" and a["seed"] == 0 and a["wall_s"] >= 0 and
  a["samples"] <= 400000 and a["proven_optimal"] and a["gap"] <= 1e-9' "$folder/pair.json"
map rules.json $data/pair.json --json --set objective=energy --set best.hot=2
holds 'pair: of another objective' 'a["value"] == 36 and a["unit"] == "J" and a["proven_optimal"]' "$folder/rules.json"
map rules.json $data/pair.json --json --set timing=delay
holds 'pair: by another rule' 'a["value"] == 2 and a["unit"] == "s"' "$folder/rules.json"
runs 0 'pair: the judge by another rule' "$dse" judge placement $data/pair.json $data/pair.csv --set objective=energy
prints 'pair: the judge by another rule' 'yes,49,J'
runs 2 'a key that is none' "$dse" map placement $data/pair.json --set timng=delay
says 'a key that is none' 'timng: is no key of the problem; did you mean timing?'
runs 2 'a table' "$dse" map placement $data/pair.json --set layers=3
says 'a table' 'layers: is no key of the problem'
check 'page: what a rule takes' grep -qF 'a list rule takes</dt><dd>3.5 s, the same (heft)' "$folder/page.html"
holds 'pair: each chain on its board' '{row["layer"]: row["device"] for row in a["layers"]} ==
  {"x1": "A", "x2": "A", "y1": "B", "y2": "B"} and all(row["pinned"] for row in a["layers"])' "$folder/pair.json"
holds 'pair: the answer as printed' 'len(a) == 4 and all(any(row["layer"] == one["layer"] and
  row["device"] == one["device"] and int(row["position"]) == one["position"] and float(row["end_s"]) == one["end_s"]
  for one in b["layers"]) for row in a)' "$folder/answer.csv" "$folder/pair.json"
map pair.csv $data/pair.json
holds 'pair: CSV and JSON say the same' 'len(a) == 1 and float(a[0]["value"]) == b["value"] and
  float(a[0]["lower_bound"]) == b["lower_bound"] and float(a[0]["communication"]) == b["communication"]' \
  "$folder/pair.csv" "$folder/pair.json"
says 'pair: in words' 'pair: 3.5 s'
says 'pair: energy and communication in words' 'energy 49 J, communication 42.9 %'
says 'pair: a line a device' "A            $(printf '#%.0s' {1..64}) 2 layers, 100 % busy"
check 'page: chart and profile' grep -q 'Devices at work.*' "$folder/page.html"
check 'page: every device' grep -q 'of them pinned' "$folder/page.html"
refute 'page: asks for nothing' grep -qE 'src="http|href="http' "$folder/page.html"
holds 'trace: a bar a layer' 'sum(e["ph"] == "X" for e in a["traceEvents"]) == 4' "$folder/trace.json"

# --- the judge ----------------------------------------------------------------------------------------------------------
runs 0 'judge our answer' "$dse" judge placement $data/pair.json "$folder/answer.csv" --json
cp "$folder/out" "$folder/judged.json"
holds 'judge: valid, the value that was printed' 'a["valid"] and a["value"] == 3.5 and a["reason"] is None and
  a["energy_j"] == 49' "$folder/judged.json"
sed 's/^x2,A,1,1,2,3.5/x2,A,1,1,1.5,3/' $data/pair.csv >"$folder/early.csv"
runs 3 'judge: too early' "$dse" judge placement $data/pair.json "$folder/early.csv"
says 'judge: what, and by how much' 'precedence x1>x2 0.5 s'
cp "$folder/out" "$folder/early_judged.csv"
holds 'judge: no, and what it truly takes' 'a[0]["valid"] == "no" and float(a[0]["value"]) == 3.5' \
  "$folder/early_judged.csv"
sed 's/^y2,B,1/y3,B,1/' $data/pair.csv >"$folder/unknown.csv"
runs 2 'judge: an answer with a layer that is none' "$dse" judge placement $data/pair.json "$folder/unknown.csv"
says 'judge: its line' 'unknown.csv:5'

# --- networks on boards -------------------------------------------------------------------------------------------------
layers boards --json --set 'placement.models=["mocap", "facebag"]' --set 'placement.link_gbytes_per_s=[0.125, 0.3]'
cp "$folder/out" "$folder/list.json"
holds 'layers: a problem a network and link' '[row["file"].rsplit("/", 1)[1] for row in a] ==
  ["mocap_0125.json", "mocap_0300.json", "facebag_0125.json", "facebag_0300.json"] and
  [row["layers"] for row in a] == [15, 15, 53, 53] and all(row["devices"] == 12 for row in a) and
  a[1]["link_bytes_per_s"] == 3e8' "$folder/list.json"
holds 'layers: costs in every digit' '[(r[0], r[1], r[2]) for r in sorted(a["costs"]["rows"])] ==
  sorted((r["layer"], r["class"], float(r["compute_s"])) for r in b)' "$folder/boards/mocap_0125.json" \
  $data/boards/mocap_costs.csv
mocap=$folder/boards/mocap_0125.json
map first.csv "$mocap" --algorithm h2h-step1
map table.csv "$mocap" --algorithm h2h-step1,h2h-step4,best --samples 5000
holds 'table: best first, none below the bound' '[row["algorithm"] for row in a] == ["best", "h2h-step4", "h2h-step1"] and
  all(float(row["value"]) >= float(row["lower_bound"]) * (1 - 1e-9) for row in a) and
  float(a[2]["value"]) == float(b[0]["value"])' "$folder/table.csv" "$folder/first.csv"
map steps.csv "$mocap" --algorithm h2h-step1,h2h-step2,h2h-step3,h2h-step4
holds 'steps: latency and energy as given' 'len(a) == 4 and all(
  abs(float(row["value"]) / float(said[row["algorithm"][4:] + "_s"]) - 1) < 1e-12 and
  abs(float(row["energy_j"]) / float(said[row["algorithm"][4:] + "_j"]) - 1) < 1e-12
  for said in b if said["problem"] == "mocap_0125" for row in a)' "$folder/steps.csv" $data/boards/expected.csv
map all.csv "$mocap" --algorithm all --samples 1000
holds 'all: nobody is better than ours' 'a[0]["value"] and len(a) > 8 and
  min(float(row["value"]) for row in a if row["value"]) >=
  0.999999999 * float([row for row in a if row["algorithm"] == "best"][0]["value"])' "$folder/all.csv"
map again.json "$mocap" --samples 2000 --seed 3 --json
map same.json "$mocap" --samples 2000 --seed 3 --json
holds 'the same seed, the same answer' 'a["layers"] == b["layers"] and a["samples"] == b["samples"]' \
  "$folder/again.json" "$folder/same.json"
map timed.csv "$mocap" --time 0.2
holds 'by time: searches that grow' 'float(a[0]["wall_s"]) < 60 and int(a[0]["samples"]) > 0 and
  float(a[0]["value"]) <= float(b[0]["value"])' "$folder/timed.csv" "$folder/first.csv"
runs 0 'linear program' "$dse" map placement $data/pair.json --lp "$folder/pair.lp" --samples 100
check 'linear program: rows and binaries' grep -qi 'binar\|general' "$folder/pair.lp"

# --- latency and energy against each other ------------------------------------------------------------------------------
map front_table.csv "$mocap" --front makespan,energy --slacks 0,0.2,4 --samples 20000 --out "$folder/front.csv"
holds 'front: faster costs more' 'len(a) > 1 and all(float(p["makespan_s"]) < float(q["makespan_s"]) and
  float(p["energy_j"]) > float(q["energy_j"]) for p, q in zip(a, a[1:])) and
  all(float(p["makespan_s"]) <= (1 + float(p["slack"])) * float(a[0]["makespan_s"]) * (1 + 1e-9) for p in a)' \
  "$folder/front_table.csv"
cp "$folder/front_table.csv" "$folder/points.csv"
runs 0 'front: the last answer is valid' "$dse" judge placement "$mocap" \
  "$folder/front-$(($(wc -l <"$folder/points.csv") - 1)).csv" --json
cp "$folder/out" "$folder/judged.json"
holds 'front: and what was printed' 'abs(a["energy_j"] - float(b[-1]["energy_j"])) <= 1e-9 * a["energy_j"]' \
  "$folder/judged.json" "$folder/points.csv"
runs 2 'front: of what' "$dse" map placement "$mocap" --front makespan
says 'front: of what' '--front makespan: makespan,energy is allowed'
runs 2 'front: slacks' "$dse" map placement "$mocap" --front makespan,energy --slacks 0.2,0.1
says 'front: slacks' '--slacks 0.2,0.1: numbers from 0, ascending'
runs 2 'slacks without a front' "$dse" map placement "$mocap" --slacks 0.2
says 'slacks without a front' '--slacks: only with --front'

# --- modality switching: pinned weights stay where they are --------------------------------------------------------------
map held.json $data/pair.json --algorithm h2h-step4 --json
printf 'layer,device,position,pinned\nx1,B,0,1\ngone,A,0,1\n' >"$folder/former.csv"
map switched.json $data/pair.json --algorithm h2h-step4 --held "$folder/former.csv" --json
holds 'held: x1 lies on B' '[row["device"] for row in a["layers"] if row["layer"] == "x1"] == ["A"] and
  [row["device"] for row in b["layers"] if row["layer"] == "x1"] == ["B"]' "$folder/held.json" "$folder/switched.json"
runs 2 'held: no answer' "$dse" map placement $data/pair.json --held tests/data/map/stages.csv
says 'held: no answer' 'columns layer, device and pinned'

# --- devices priced by our cost model, other rules ------------------------------------------------------------------------
layers priced --set 'placement.models=["cnn-lstm"]' --set placement.link_gbytes_per_s=1 \
  --set 'placement.accelerators=["2 x nvdla_like"]' --set 'placement.boards=["A9"]'
map priced.json "$folder/priced/cnn-lstm_1000.json" --samples 2000 --json
holds 'accelerators as devices: seconds and energy' '[d["name"] for d in a["devices"]] ==
  ["A9", "nvdla_like", "nvdla_like-2"] and a["costs"]["columns"] == ["layer", "class", "compute_s", "energy_j"] and
  all(row[2] > 0 and row[3] > 0 for row in a["costs"]["rows"]) and b["energy_j"] > 0' \
  "$folder/priced/cnn-lstm_1000.json" "$folder/priced.json"
layers shared --set 'placement.models=["cnn-lstm"]' --set placement.link_gbytes_per_s=1 \
  --set placement.timing=contention --set placement.host_out_gbytes_per_s=1
map shared.json "$folder/shared/cnn-lstm_1000.json" --samples 300 --json --out "$folder/shared.csv" \
  --report "$folder/shared.html"
runs 0 'contention: judged' "$dse" judge placement "$folder/shared/cnn-lstm_1000.json" "$folder/shared.csv"
holds 'contention: transfers' '{row["what"] for row in a} <= {"weight", "input", "output"} and
  sum(row["what"] == "input" for row in a) >= 3' "$folder/shared-transfers.csv"
check 'contention: channels on the page' grep -q 'A1 reads' "$folder/shared.html"
layers energy --set 'placement.models=["mocap"]' --set placement.link_gbytes_per_s=1 --set placement.objective=energy
map energy.json "$folder/energy/mocap_1000.json" --samples 2000 --json
holds 'least energy' 'a["unit"] == "J" and a["value"] == a["energy_j"] and a["value"] >= a["lower_bound"] * (1 - 1e-9)' \
  "$folder/energy.json"

# --- mistakes -------------------------------------------------------------------------------------------------------------
runs 2 'no such algorithm' "$dse" map placement $data/pair.json --algorithm bets
says 'no such algorithm' 'did you mean best?'
runs 2 'an option of another problem' "$dse" map placement $data/pair.json --max-nodes 3
says 'an option of another problem' '--max-nodes means nothing here'
runs 2 'a page of several searches' "$dse" map placement $data/pair.json --algorithm all --report "$folder/page.html"
says 'a page of several searches' '--report: not where searches are compared'
runs 2 'seconds that are none' "$dse" map placement $data/pair.json --time never
says 'seconds that are none' '--time never'
runs 2 'no folder' "$dse" layers configs/placement.cfg
says 'no folder' '--out FOLDER is needed'
runs 2 'no such network' "$dse" layers configs/placement.cfg --out "$folder/x" --set 'placement.models=["mocab"]'
says 'no such network' 'placement.models: no table of layers "mocab", did you mean mocap?'
runs 2 'no such board' "$dse" layers configs/placement.cfg --out "$folder/x" --set 'placement.boards=["A13"]'
says 'no such board' 'placement.boards: no board "A13"'
runs 2 'only boards for convolutions' "$dse" layers configs/placement.cfg --out "$folder/x" \
  --set 'placement.models=["mocap"]' --set 'placement.boards=["A1"]'
says 'only boards for convolutions' 'L01'
runs 0 'lists' "$dse" list boards
prints 'lists: boards' 'conv vector at 61.62 GOP/s'
runs 0 'lists' "$dse" list layers
prints 'lists: networks' '173 layers, 211 edges, 2 inputs'

# Small systems are proven as they come, without a key.
for name in star/bert24 star/bert3op dags/hsu; do
  runs 0 "proven: $name" "$dse" map placement "tests/data/placement/$name.json" --quiet --json
  cp "$folder/out" "$folder/proven.json"
  holds "proven: $name" 'a["proven_optimal"] and a["gap"] == 0' "$folder/proven.json"
done

finish
