#!/bin/bash
# Which boards, which designs, how is each layer split? `dse map sharding` and `dse judge sharding` as a user meets them:
# the worked chain of the reconstruction, answers that are printed, published and judged alike, and mistakes said at
# their place. Whether answers are good is tried in tests/property/search and tests/unit/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
data=tests/data/sharding

map() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "map sharding $*" "$dse" map sharding "$@"
  cp "$folder/out" "$folder/$file"
}

# --- the worked chain: 0.75776 ms on all four boards as D3, by hand and by trying all --------------------------------------
map chain.json $data/t14.json --algorithm exact --json --out "$folder/answer" --report "$folder/page.html" \
  --trace "$folder/trace.json"
holds 'chain: the optimum' 'abs(a["value"] - 0.75776e-3) < 1e-12 and a["unit"] == "s" and a["proven_optimal"] and
  a["gap"] <= 1e-9 and a["lower_bound"] <= a["value"] * (1 + 1e-9) and a["algorithm"] == "exact" and a["seed"] == 0 and
  a["wall_s"] >= 0 and a["samples"] > 0' "$folder/chain.json"
holds 'chain: one set of all boards as D3' 'len(a["sets"]) == 1 and a["sets"][0]["design"] == "D3" and
  a["sets"][0]["boards"] == ["b0", "b1", "b2", "b3"] and [row["layer"] for row in a["layers"]] == ["l1", "l2", "l3", "l4"]' \
  "$folder/chain.json"
says 'chain: in words' '4 layers on 4 boards as D3'
check 'page: where time goes' grep -q 'What each set does' "$folder/page.html"
check 'page: how layers are cut' grep -q 'H:2+W:2' "$folder/page.html"
check 'page: what it is' grep -q 'a reconstruction' "$folder/page.html"
refute 'page: asks for nothing' grep -qE 'src="http|href="http' "$folder/page.html"
holds 'trace: a bar a layer, one for what moves' 'sum(e["ph"] == "X" for e in a["traceEvents"]) == 5' "$folder/trace.json"
holds 'chain: the answer as printed' 'len(a) == 4 and all(row["es"] == one["es"] and row["ss"] == one["ss"] and
  float(row["start_s"]) == one["start_s"] and float(row["end_s"]) == one["end_s"]
  for row, one in zip(a, b["layers"]))' "$folder/answer-strategies.csv" "$folder/chain.json"
map chain.csv $data/t14.json --algorithm exact
holds 'chain: CSV and JSON say the same' 'len(a) == 1 and float(a[0]["value"]) == b["value"] and a[0]["sets"] == "1" and
  float(a[0]["reshard_s"]) == b["reshard_s"]' "$folder/chain.csv" "$folder/chain.json"
map fast.json $data/t14.json --algorithm exact --json --set intra_bytes_per_s=12e9 --set inter_bytes_per_s=6e9
holds 'keys of the problem: faster links' 'abs(a["value"] - 0.69888e-3) < 1e-12' "$folder/fast.json"
map overlap.json $data/t14.json --algorithm exact --json --set intra_bytes_per_s=12e9 --set inter_bytes_per_s=6e9 \
  --set overlap=true
holds 'keys of the problem: overlap' 'abs(a["value"] - 0.69632e-3) < 1e-12' "$folder/overlap.json"
map products.json $data/products.json --algorithm exact --json
holds 'products: D3 as good as D2' 'abs(a["value"] - 3.408172e-3) < 1e-12 or a["value"] < 3.408172e-3' \
  "$folder/products.json"

# --- the judge ----------------------------------------------------------------------------------------------------------
runs 0 'judge our answer' "$dse" judge sharding $data/t14.json "$folder/answer" --json
cp "$folder/out" "$folder/judged.json"
holds 'judge: valid, the value that was printed' 'a["valid"] and abs(a["value"] - 0.75776e-3) < 1e-12 and
  a["reason"] is None' "$folder/judged.json"
map folder.csv $data/t14.json --algorithm exact --out "$folder/deep/er/"
runs 0 'judge: a folder' "$dse" judge sharding $data/t14.json "$folder/deep/er"
runs 0 'judge: an answer of the repository' "$dse" judge sharding $data/t14.json $data/t14 --json
cp "$folder/out" "$folder/judged.json"
holds 'judge: all by columns' 'a["valid"] and abs(a["value"] - 0.811008e-3) < 1e-12' "$folder/judged.json"
runs 3 'judge: other links, other times' "$dse" judge sharding $data/t14.json $data/t14 --set inter_bytes_per_s=1e9 --json
cp "$folder/out" "$folder/judged.json"
holds 'judge: no, why, and what it truly takes' 'not a["valid"] and a["reason"] and
  abs(a["value"] - (0.69632e-3 + 28672 / 1e9)) < 1e-12' "$folder/judged.json"
mkdir "$folder/wrong"
sed 's/b2 b3/b2/' $data/t14-sets.csv >"$folder/wrong/sets.csv"
cp $data/t14-strategies.csv "$folder/wrong/strategies.csv"
runs 3 'judge: a board too few' "$dse" judge sharding $data/t14.json "$folder/wrong"
sed -i 's/^l2,0,W:4/l2,0,W:4+U:2/' "$folder/wrong/strategies.csv"
runs 2 'judge: a loop that is none' "$dse" judge sharding $data/t14.json "$folder/wrong"
says 'judge: its line' 'strategies.csv:3: es: "W:4+U:2"'
runs 1 'judge: no such file' "$dse" judge sharding $data/t14.json "$folder/nothing"

# --- searches against each other ------------------------------------------------------------------------------------------
map table.csv $data/t14.json --algorithm baseline,ga2,exact,all_cout --samples 3000
map best.json $data/t14.json --json
holds 'table: best first, none below the bound' 'len(a) == 4 and [row["algorithm"] for row in a][:2] == ["exact", "ga2"] and
  all(float(row["value"]) >= float(row["lower_bound"]) * (1 - 1e-9) for row in a) and
  float(a[1]["value"]) <= 1.02 * float(a[0]["value"])' "$folder/table.csv"
holds 'ours is the default, and as good' 'a["algorithm"] == "best" and a["value"] <= b["value"] * (1 + 1e-12)' \
  "$folder/best.json" "$folder/chain.json"
map all.csv $data/t14.json --algorithm all --samples 1000
holds 'all: the exact method first' 'len(a) >= 7 and min(float(row["value"]) for row in a if row["value"]) >=
  0.999999999 * float([row for row in a if row["algorithm"] == "exact"][0]["value"])' "$folder/all.csv"
map again.json $data/t14.json --algorithm ga2 --samples 500 --seed 3 --json
map same.json $data/t14.json --algorithm ga2 --samples 500 --seed 3 --json
holds 'the same seed, the same answer' 'a["layers"] == b["layers"] and a["samples"] == b["samples"]' \
  "$folder/again.json" "$folder/same.json"
map small.csv $data/t14.json --algorithm ga2 --set ga2.population=10 --set ga2.patience=2
holds 'keys of an algorithm' 'int(a[0]["samples"]) < 200' "$folder/small.csv"
map timed.csv $data/t14.json --algorithm random --time 0.2
holds 'by time: searches that grow' 'float(a[0]["wall_s"]) < 60 and int(a[0]["samples"]) > 0' "$folder/timed.csv"
map training.json $data/t14.json --algorithm exact --json --set training=true --out "$folder/training" \
  --report "$folder/training.html"
runs 0 'training: judged' "$dse" judge sharding $data/t14.json "$folder/training" --set training=true
check 'training: on the page' grep -q 'backward' "$folder/training.html"
holds 'training: three times the work, about' 'a["value"] > 2 * b["value"] and a["backward_s"] > 0' \
  "$folder/training.json" "$folder/chain.json"

# --- mistakes -------------------------------------------------------------------------------------------------------------
runs 2 'no such algorithm' "$dse" map sharding $data/t14.json --algorithm exacd
says 'no such algorithm' 'did you mean exact?'
runs 2 'an option of another problem' "$dse" map sharding $data/t14.json --algorithm exact --max-nodes 3
says 'an option of another problem' '--max-nodes means nothing here'
runs 2 'an answer of several searches' "$dse" map sharding $data/t14.json --algorithm all --out "$folder/x"
says 'an answer of several searches' '--out: not where searches are compared'
runs 2 'a key that is none' "$dse" map sharding $data/t14.json --set overlapp=true
says 'a key that is none' 'overlapp: is no key of the problem; did you mean overlap?'
runs 2 'a value that its key does not allow' "$dse" map sharding $data/t14.json --set intra_bytes_per_s=never
says 'a value that its key does not allow' 'intra_bytes_per_s: "never", a finite number above 0'
sed 's/"dram_bytes": 1000000000/"dram_bytes": 1000/' $data/t14.json >"$folder/small.json"
runs 3 'boards too small' "$dse" map sharding "$folder/small.json" --algorithm all_cout
says 'boards too small' 'finds no sharding that fits'
says 'boards too small' 'there is none: layer l1 alone needs'
runs 0 'lists' "$dse" list algorithms
prints 'lists: ours and theirs' 'sharding/ga2'

finish
