#!/bin/bash
# Can weights be trained, and are they of use? `dse train policy` as a user meets it: the split is told, the curve is
# printed, the same seed gives the same bytes, training goes on from a file, what it writes is read by
# `dse map partition`, and mistakes are said. Whether it learns is tried in tests/property/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
data=tests/data/partition/instances
small=(--set graphs=10 --set width=16 --set layers=2 --set label_steps=40 --set updates=4 --set checks=2)
map=("$dse" map partition "$data/layer_bert24-clone-bw32.json" --algorithm policy --samples 60 --json)

train() { # STATUS NAME ARGUMENT...
  local wanted=$1 name=$2
  shift 2
  runs "$wanted" "train $name" "$dse" train policy --out "$folder/$name.weights" "$@"
  cp "$folder/out" "$folder/$name.csv"
}

train 0 one "${small[@]}" --seed 3
says 'the corpus' '10 graphs, 2 of them kept apart; corpus '
says 'families to learn from' 'residual: 2, to learn from'
says 'the family kept apart' 'long-skips: 2, kept apart'
holds 'the curve: a start, two looks a phase, ratios of what is no better than the optimum' '
  [(r["phase"], r["step"]) for r in a] ==
  [("start", "0"), ("labels", "20"), ("labels", "40"), ("ppo", "2"), ("ppo", "4")] and
  all(1 <= float(r["best_ratio"]) <= float(r["mean_ratio"]) for r in a[1:]) and a[0]["kept"] == "yes"' "$folder/one.csv"
train 0 two "${small[@]}" --seed 3
check 'the same seed: the same bytes' cmp "$folder/one.weights" "$folder/two.weights"
check 'the same seed: the same curve' cmp "$folder/one.csv" "$folder/two.csv"
train 0 other "${small[@]}" --seed 4
refute 'another seed: other weights' cmp "$folder/one.weights" "$folder/other.weights"
train 0 on "${small[@]}" --from "$folder/one.weights" --set label_steps=0 $data/layer_bert24-clone-bw32.json
says 'given graphs, at every number of chips' 'layer_bert24-clone-bw32: 5, to learn from'
refute 'training goes on' cmp "$folder/one.weights" "$folder/on.weights"
train 0 alone --set graphs=0 --set width=8 --set layers=1 --set label_steps=10 --set updates=1 --set checks=1 \
  $data/layer_bert24-clone-bw32.json
says 'nothing kept apart' '5 graphs, 0 of them kept apart'
runs 0 'train: JSON' "$dse" train policy --out "$folder/json.weights" "${small[@]}" --seed 3 --json
check 'train: JSON, a line a look' test "$(grep -c '"best_ratio"' "$folder/out")" -eq 5

# --- of use -------------------------------------------------------------------------------------------------------------
for mode in zeroshot finetune; do
  runs 0 "map: $mode" "${map[@]}" --set "policy.weights=\"$folder/one.weights\"" --set "policy.mode=$mode"
  cp "$folder/out" "$folder/$mode.json"
  holds "map: $mode" 'a["algorithm"] == "policy" and a["samples"] == 60 and a["value"] >= a["lower_bound"]' \
    "$folder/$mode.json"
done
runs 0 'map: from scratch' "${map[@]}" --set policy.mode=scratch --set policy.width=8 --set policy.refine_passes=2
runs 0 'map: what is shipped' "${map[@]}"
holds 'map: what is shipped is within 2 % of the optimum after 60 samples' 'a["value"] <= 1.02 * 14.44414063' "$folder/out"

runs 0 'map: the order alone' "${map[@]}" --set policy.mode=slice
holds 'map: the order alone, cut exactly: one sample, within 5 % of the optimum' 'a["samples"] == 1 and
  14.444140 <= a["value"] <= 1.05 * 14.44414063' "$folder/out"

# --- mistakes -----------------------------------------------------------------------------------------------------------
head -c 1000 "$folder/one.weights" >"$folder/cut.weights"
runs 2 'weights cut short' "${map[@]}" --set "policy.weights=\"$folder/cut.weights\""
says 'weights cut short' 'its checksum is not that of its content'
runs 1 'no weights' "${map[@]}" --set 'policy.weights="nowhere.weights"'
says 'no weights' 'nowhere.weights'
runs 2 'one pass alone' "${map[@]}" --set "policy.weights=\"$folder/one.weights\"" --set policy.refine_passes=2
says 'one pass alone' 'knows one pass'
runs 2 'train: what?' "$dse" train nothing --out "$folder/x"
says 'train: what?' 'policy is what can be trained, not nothing'
runs 2 'train: where to?' "$dse" train policy
says 'train: where to?' '--out FILE is needed'
train 2 width "${small[@]}" --set width=12
says 'train: width' 'a multiple of 8'
train 2 empty --set graphs=0
says 'train: no graph' 'there is no graph to learn from'
train 2 unknown --set graph=3
says 'train: unknown key' 'did you mean graphs?'

# --- a signal -----------------------------------------------------------------------------------------------------------
"$dse" train policy --out "$folder/stopped.weights" "${small[@]}" --set label_steps=1000000 --set checks=50000 \
  >"$folder/stopped.csv" 2>"$folder/stopped.err" &
pid=$!
await grep -q labels "$folder/stopped.err"
kill -TERM $pid
wait $pid
check 'a signal ends it with status 75' test $? -eq 75
runs 0 'with weights that are of use' "${map[@]}" --set "policy.weights=\"$folder/stopped.weights\""
finish
