#!/bin/bash
# Which operator on which chip? `dse chips`, `dse map partition` and `dse judge partition` as a user meets them: what is
# printed, published and judged is the same answer, --set reaches every key, and mistakes are said at their place.
# Whether answers are good is tried in tests/property/search and tests/golden/search.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
data=tests/data/partition
example=$data/example/instance.json

map() { # FILE ARGUMENT...
  local file=$1
  shift
  runs 0 "map partition $*" "$dse" map partition "$@"
  cp "$folder/out" "$folder/$file"
}

# --- the worked example: by brute force 10 on three chips -----------------------------------------------------------------
map example.json $example --json --out "$folder/answer.csv" --report "$folder/page.html" --trace "$folder/trace.json"
holds 'example: the optimum, and every field' 'a["value"] == 10 and a["unit"] == "ms" and a["lower_bound"] == 10 and
  a["gap"] == 0 and a["proven_optimal"] and a["algorithm"] == "best" and a["instance"] == "example" and
  a["seed"] == 0 and a["wall_s"] >= 0 and 0 < a["samples"] <= 100000 and a["chips"] == 3 and a["chips_used"] == 3 and
  a["cost"] == "ring" and a["triangle"] == "none" and a["memory_bytes"] == 0 and a["throughput_per_s"] == 100 and
  max(a["load_ms"]) == 10 and len(a["load_ms"]) == 3 and len(a["assignment"]) == 6' "$folder/example.json"
holds 'example: the answer as printed' 'len(a) == 1 and a[0]["instance"] == "example" and
  [int(c) for c in a[0]["assignment"].split()] == b["assignment"] and float(a[0]["claim_ms"]) == 10 and
  a[0]["chips"] == "3" and a[0]["cost"] == "ring" and a[0]["triangle"] == "none" and a[0]["memory_bytes"] == "0"' \
  "$folder/answer.csv" "$folder/example.json"
says 'example: in words' 'example: 10 ms on 3 of 3 chips'
says 'example: proven' ': proven optimal'
check 'page: loads, graph, cuts' grep -q 'Load of each chip.*The graph in chips' <(tr '\n' ' ' <"$folder/page.html")
check 'page: what crosses' grep -q 'What crosses the cuts' "$folder/page.html"
refute 'page: asks for nothing' grep -qE 'src="http|href="http' "$folder/page.html"
holds 'trace: six samples on three chips' 'len({e["args"]["name"] for e in a["traceEvents"]
  if e["ph"] == "M" and e["name"] == "thread_name"}) == 3 and
  {e["name"] for e in a["traceEvents"] if e["ph"] == "X"} == {"sample %d" % s for s in range(1, 7)}' \
  "$folder/trace.json"
map example.csv $example
holds 'example: CSV and JSON say the same' 'len(a) == 1 and float(a[0]["value"]) == b["value"] and
  float(a[0]["lower_bound"]) == b["lower_bound"] and a[0]["proven_optimal"] == "yes"' \
  "$folder/example.csv" "$folder/example.json"
while IFS=, read -r chips cost triangle memory value _; do
  [[ $chips == chips ]] && continue
  sets=(--set "chips=$chips" --set "cost=$cost" --set "triangle=$triangle" --set "memory_bytes=$memory")
  if [[ $value == infeasible ]]; then
    runs 3 "example: $chips $cost $triangle $memory" "$dse" map partition $example "${sets[@]}"
    says "example: $chips $cost $triangle $memory: why" 'there is no partition'
  else
    map one.csv $example "${sets[@]}" --out "$folder/one_answer.csv"
    holds "example: $chips $cost $triangle $memory" "float(a[0]['value']) == $value and
      (a[0]['proven_optimal'] == 'yes' or '$triangle' == 'general')" "$folder/one.csv"
    runs 0 'example: valid, as the answer itself says what it is to' "$dse" judge partition $example \
      "$folder/one_answer.csv"
  fi
done <$data/example/expected.csv

# --- the judge ----------------------------------------------------------------------------------------------------------
runs 0 'judge our answer' "$dse" judge partition $example "$folder/answer.csv" --json
cp "$folder/out" "$folder/judged.json"
holds 'judge: valid, the value that was printed' 'a["valid"] and a["value"] == 10 and a["unit"] == "ms" and
  a["reason"] is None' "$folder/judged.json"
for name in layer_bert24-clone-bw32 op_bert_l-3-clone-bw32; do
  runs 0 "judge: answers to $name" "$dse" judge partition "$data/instances/$name.json" "$data/answers/$name.csv"
  cp "$folder/out" "$folder/judged.csv"
  holds "judge: $name, all valid, as claimed" 'len(a) == len(b) == 12 and all(row["valid"] == "yes" and
    abs(float(row["value"]) / float(claim["claim_ms"]) - 1) < 1e-8 and row["reason"] == ""
    for row, claim in zip(a, b))' "$folder/judged.csv" "$data/answers/$name.csv"
done
for name in layer_bert24-clone-bw32 layer_bert24-bw32 op_bert_l-3-clone-bw32; do
  runs 3 "judge: answers to refuse, $name" "$dse" judge partition "$data/instances/$name.json" "$data/answers/reject.csv"
  cp "$folder/out" "$folder/judged.csv"
  holds "judge: $name, each for its reason" 'len(a) > 0 and all(row["valid"] == "no" and row["value"] == "" and
    any(word in row["reason"] for word in b[int(row["line"]) - 2]["why"].replace("chip range", "range").split(" or "))
    for row in a)' "$folder/judged.csv" $data/answers/reject.csv
done
printf 'instance,chips,cost,triangle,memory_bytes,claim_ms,assignment\n' >"$folder/mixed.csv"
printf 'example,,,,,9,1 1 2 2 3 3\nexample,,,general,,,1 1 2 2 3 3\n,,p2p,,,9,1 1 2 2 3 3\nother,,,,,,1\n' \
  >>"$folder/mixed.csv"
runs 3 'judge: one of three' "$dse" judge partition $example "$folder/mixed.csv"
cp "$folder/out" "$folder/judged.csv"
says 'judge: how many' '1 of 3 answers are not valid; line 3: triangle'
holds 'judge: rows override the instance, a wrong claim is a remark' '[row["valid"] for row in a] == ["yes", "no", "yes"]
  and float(a[0]["value"]) == 10 and "claim" in a[0]["reason"] and "1" in a[1]["reason"] and
  float(a[2]["value"]) == 9 and a[2]["reason"] == ""' "$folder/judged.csv"
runs 0 'judge: cells count before --set' "$dse" judge partition $example "$folder/answer.csv" --set triangle=path
printf 'assignment\n1 1 2 2 3 3\n' >"$folder/bare.csv"
runs 3 'judge: --set, where the row says nothing' "$dse" judge partition $example "$folder/bare.csv" --set triangle=path
says 'judge: which edge' 'triangle: edge 0,4 leads from chip 1 to chip 3'
printf 'assignment\n1 1 x\n' >"$folder/letters.csv"
runs 2 'judge: no list of chips' "$dse" judge partition $example "$folder/letters.csv"
says 'judge: its line' 'letters.csv:2: assignment'

# --- searches -----------------------------------------------------------------------------------------------------------
bert=$data/instances/op_bert_l-3-clone-bw32.json
map all.csv $bert --algorithm all --samples 300 --set chips=4
holds 'all: best first, none below the bound, none better than ours' 'len(a) >= 6 and
  all(float(row["value"]) >= float(row["lower_bound"]) * (1 - 1e-9) for row in a if row["value"]) and
  min(float(row["value"]) for row in a if row["value"]) >=
  0.999999999 * float([row for row in a if row["algorithm"] == "best"][0]["value"]) and
  len({row["lower_bound"] for row in a}) == 1' "$folder/all.csv"
map some.csv $bert --algorithm random,greedy --samples 50
holds 'some: two rows' '{row["algorithm"] for row in a} == {"random", "greedy"}' "$folder/some.csv"
map again.json $bert --samples 400 --seed 3 --algorithm anneal --json
map same.json $bert --samples 400 --seed 3 --algorithm anneal --json
map other.json $bert --samples 400 --seed 4 --algorithm anneal --json
holds 'the same seed, the same answer; another, another' 'a["assignment"] == b["assignment"] and
  a["samples"] == b["samples"] == 400 and a["assignment"] != c["assignment"]' "$folder/again.json" "$folder/same.json" \
  "$folder/other.json"
map timed.csv $bert --time 0.2 --algorithm random
holds 'by time: searches that grow' 'float(a[0]["wall_s"]) < 60 and int(a[0]["samples"]) > 0' "$folder/timed.csv"
map path.csv $data/instances/layer_bert24-bw32.json --set triangle=path
says 'a node that blocks is said' 'more than half of all work lies between node'
holds 'and costs what is published' 'abs(float(a[0]["value"]) - 43.4171406) < 1e-6' "$folder/path.csv"
map cloned.csv $data/instances/layer_bert24-bw32.json --set triangle=path --set clone=true --set chips=16
holds 'cloned it does not' 'abs(float(a[0]["value"]) - 7.43614063) < 1e-6' "$folder/cloned.csv"

runs 0 'linear program' "$dse" map partition $example --lp "$folder/example.lp" --samples 100
check 'linear program: rows and binaries' grep -qi 'binar\|general' "$folder/example.lp"
runs 1 'linear program: nowhere' "$dse" map partition $example --lp "$folder/none/example.lp"

# --- mistakes -----------------------------------------------------------------------------------------------------------
runs 2 'no such algorithm' "$dse" map partition $example --algorithm bset
says 'no such algorithm: which there is' 'did you mean best?'
runs 2 'no such key' "$dse" map partition $example --set chps=3
says 'no such key: which there is' 'did you mean chips?'
runs 2 'no such key of an algorithm' "$dse" map partition $example --set best.nonsense=3
runs 2 'samples' "$dse" map partition $example --samples 0
runs 2 'an option of one where several are compared' "$dse" map partition $example --algorithm all --out "$folder/no.csv"
says 'an option of one: which' '--out: not where searches are compared'
runs 2 'an option of another problem' "$dse" map partition $example --warm x
sed 's/^3,n3,4/3,n3,-4/' $data/example/nodes.csv >"$folder/nodes.csv"
cp $data/example/edges.csv "$folder/edges.csv"
cp $example "$folder/instance.json"
runs 2 'a negative number' "$dse" map partition "$folder/instance.json"
says 'a negative number: its line' 'nodes.csv:5: compute_ms: "-4"'
cp $data/example/nodes.csv "$folder/nodes.csv"
printf '4,1\n' >>"$folder/edges.csv"
runs 2 'a cycle' "$dse" map partition "$folder/instance.json"
says 'a cycle: its line' 'edges.csv:9: src,dst: 4,1 closes a cycle of 3 nodes'

# --- problems from networks on modules ----------------------------------------------------------------------------------
runs 0 'chips' "$dse" chips configs/chips.cfg --out "$folder/modules" --json
cp "$folder/out" "$folder/list.json"
holds 'chips: a problem a network' '[row["file"].rsplit("/", 1)[1] for row in a] ==
  ["resnet50_8xtpuv4i.json", "bert-large_sequence=128_8xtpuv4i.json"] and
  all(row["chips"] == 8 and row["link_bytes_per_s"] == 25e9 and row["memory_bytes"] == 144 * 2**20 and
  row["cost"] == "ring" for row in a) and a[0]["weight_bytes"] == 2 * 25557032' "$folder/list.json"
map resnet.json "$folder/modules/resnet50_8xtpuv4i.json" --json
holds 'chips: no faster than eight times one' 'b[0]["compute_ms"] / 8 <= a["value"] < b[0]["compute_ms"]' \
  "$folder/resnet.json" "$folder/list.json"
runs 0 'chips: training on a mesh' "$dse" chips configs/chips.cfg --out "$folder/modules" --json \
  --set chips.training=true --set 'chips.topology="mesh"' --set 'chips.models=["resnet50"]' \
  --set chips.link_gbytes_per_s=0 --set 'chips.store="hbm"' --set chips.in_flight=1
cp "$folder/out" "$folder/trained.json"
holds 'chips: a quarter of the links to each neighbour, p2p, about three times the work' 'len(a) == 1 and
  a[0]["link_bytes_per_s"] == 25e9 and a[0]["cost"] == "p2p" and a[0]["nodes"] == b[0]["nodes"] and
  a[0]["memory_bytes"] == 8 * 2**30 and a[0]["weight_bytes"] > 8 * b[0]["weight_bytes"] and
  a[0]["compute_ms"] > 2 * b[0]["compute_ms"]' "$folder/trained.json" "$folder/list.json"
map trained_answer.json "$folder/modules/resnet50_8xtpuv4i_training.json" --json
# A design that a search has found, and a file.
write_small "$folder/run.cfg"
runs 0 'a search for a chip' "$dse" explore "$folder/run.cfg" --out "$folder/found" --quiet
runs 0 'chips: the best design found' "$dse" chips configs/chips.cfg --out "$folder/modules" --json \
  --set "chips.accelerator=\"$folder/found:1\"" --set 'chips.models=["resnet18"]' --set 'chips.store="hbm"'
cp "$folder/out" "$folder/found.json"
map found_answer.json "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[0]["file"])' \
  "$folder/found.json")" --json
holds 'chips: with the memory of its stacks' 'a[0]["memory_bytes"] == int(b[0]["hbm_stacks"]) * 16 * 2**30 and
  a[0]["compute_ms"] > 0 and c["value"] > 0' "$folder/found.json" "$folder/found/topk.csv" "$folder/found_answer.json"
sed 's/link_gbytes_per_s = 100/link_gbytes_per_s = 0/' arch/catalogue/tpuv4i.cfg >"$folder/alone.cfg"
runs 2 'chips: without links' "$dse" chips configs/chips.cfg --out "$folder/none" --set chips.link_gbytes_per_s=0 \
  --set "chips.accelerator=\"$folder/alone.cfg\""
says 'chips: without links: what is missing' 'link_gbytes_per_s: '
runs 2 'chips: no such accelerator' "$dse" chips configs/chips.cfg --out "$folder/none" --set 'chips.accelerator="tpuv44"'
runs 2 'chips: no such network' "$dse" chips configs/chips.cfg --out "$folder/none" --set 'chips.network="dgx-a10"'
says 'chips: which there is' 'did you mean dgx-a100?'
runs 2 'chips: no folder' "$dse" chips configs/chips.cfg
says 'chips: no folder: which option' '--out FOLDER is needed'

finish
