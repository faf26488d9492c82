#!/bin/bash
# What is in a network? `dse show workload`: its JSON fields and counts, graphs that go out and come back, the real traced
# graphs, and what is said of names and files that are none.
#
# Counts: BERT-Large 335,141,888 parameters (the published checkpoint without pooler's classifier, also in the traced
# graph's README); Mixtral 8x7B 46,702,792,704 (its card: 46.7 G); traced graphs: their files' own lengths.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
fields='{"ops", "edges", "parameters", "forward_flops", "backward_flops", "stash_bytes"} <= a.keys()'

show() { # FILE.json WHAT...
  local file=$1
  shift
  runs 0 "show $*" "$dse" show workload "$@" --json
  silent "show $*" err
  cp "$folder/out" "$folder/$file"
}

show bert.json bert-large
holds 'fields' "$fields" "$folder/bert.json"
holds 'bert-large' 'a["parameters"] == 335141888 == a["reference"]["parameters"]' "$folder/bert.json"
holds 'forward FLOP' 'a["forward_flops"] == a["reference"]["forward_flops"] > 0' "$folder/bert.json"
holds 'backward is twice forward' 'a["backward_flops"] == 2 * a["forward_flops"]' "$folder/bert.json"
show mixtral.json mixtral-8x7b
holds 'mixtral' 'a["parameters"] == 46702792704 and a["router_flops"] > 0' "$folder/mixtral.json"
holds 'mixtral forward FLOP, routers apart' 'a["forward_flops"] == a["reference"]["forward_flops"]' "$folder/mixtral.json"

# A batch scales work, not parameters; a model key changes the model.
show batch.json bert-large --set batch=5
holds 'batch' 'b["forward_flops"] == 5 * a["forward_flops"] and b["parameters"] == a["parameters"]' \
  "$folder/bert.json" "$folder/batch.json"
show short.json bert-large --set sequence=128
holds 'sequence' 'b["forward_flops"] < a["forward_flops"] / 3 and "reference" not in b' \
  "$folder/bert.json" "$folder/short.json"
show narrow.json bert-large --set element_bytes=1
holds 'element_bytes' 'b["stash_bytes"] < a["stash_bytes"]' "$folder/bert.json" "$folder/narrow.json"

# For people: the same numbers; --training shows the whole step.
runs 0 'show for people' "$dse" show workload bert-large
prints 'show for people: parameters' 335141888
cp "$folder/out" "$folder/forward.txt"
runs 0 'show --training' "$dse" show workload bert-large --training
refute 'show --training: other operators' cmp "$folder/forward.txt" "$folder/out"

# One device of a split: its share, and what all of them have more than one would.
show whole.json llama3-70b
show part.json llama3-70b --set split.tensor=8 --set split.sequence=true
holds 'split: a share of the work' '8 * b["forward_flops"] == a["forward_flops"] and "reference" not in b' \
  "$folder/whole.json" "$folder/part.json"
holds 'split: parameters' '8 * b["parameters"] == a["parameters"] + b["split"]["copied_parameters"]' \
  "$folder/whole.json" "$folder/part.json"
# Gathered before QKV and the first matrices, before the logits, again for their weight gradients, and backwards behind
# each part's end and the table.
holds 'split: collectives' 'a["split"]["collectives"]["all_gather"]["count"] == 3 * (2 * 80 + 1)' "$folder/part.json"
show experts.json mixtral-8x7b --set split.tensor=2 --set split.expert=4 --set split.data=4
holds 'split: routers apart' '2 * b["forward_flops"] == a["forward_flops"]' "$folder/mixtral.json" "$folder/experts.json"
runs 0 'show split for people' "$dse" show workload llama3-70b --set split.tensor=8
prints 'show split for people: what it is' 'one device of   tensor 8'

# The pieces of a network add up to it, and each layer of GPT-3 keeps 34sbh + 5as²b bytes, 34sbh and 2sbh under the three
# kinds of recomputation (arXiv 2205.05198).
show blocks.json gpt3-175b --blocks
holds 'blocks: three kinds' '[a["blocks"]["block_at"].count(b) for b in range(3)] == [1, 96, 1]' "$folder/blocks.json"
holds 'blocks: a layer' 'a["blocks"]["distinct"][1]["kept_bytes"] == {"none": 34 * 2048 * 12288 + 5 * 96 * 2048 ** 2,
  "selective": 34 * 2048 * 12288, "full": 2 * 2048 * 12288}' "$folder/blocks.json"
sums='all(sum(a["blocks"]["distinct"][b][k] for b in a["blocks"]["block_at"]) == a[k]
  for k in ("parameters", "forward_flops", "backward_flops")) and
  sum(a["blocks"]["distinct"][b]["kept_bytes"]["none"] for b in a["blocks"]["block_at"]) == a["stash_bytes"]'
holds 'blocks: the sum' "$sums" "$folder/blocks.json"
for model in resnet50 gnmt4 dlrm-criteo tests/data/wham/graphs/bertlarge_mbs_1_sl_512.json; do
  show blocks.json "$model" --blocks
  holds "blocks of $model: the sum" "$sums and len(a['blocks']['distinct']) > 2" "$folder/blocks.json"
done
runs 0 'show blocks for people' "$dse" show workload gpt3-175b --blocks --set split.tensor=8
prints 'show blocks for people: what they are' '3 blocks in 98 places'
runs 0 'show blocks of a fused kernel' "$dse" show workload gpt3-175b --blocks --set training.attention=fused --json
refute 'show blocks of a fused kernel: other bytes' cmp "$folder/blocks.json" "$folder/out"

# --- out and back -----------------------------------------------------------------------------------------------------
for model in bert-large mixtral-8x7b resnet50 gnmt4 dlrm-criteo mobilenet_v3_large; do
  runs 0 "export $model" "$dse" show workload "$model" --graph "$folder/$model.json" --json
  cp "$folder/out" "$folder/before.json"
  runs 0 "reload $model" "$dse" show workload "$folder/$model.json" --json
  cp "$folder/out" "$folder/after.json"
  holds "$model out and back" 'all(a[k] == b[k] for k in ("ops", "edges", "parameters", "stash_bytes",
    "training_ops", "training_edges"))' "$folder/before.json" "$folder/after.json"
  holds "$model out and back: FLOP" 'all(a["router_flops"] + a[k] == b["router_flops"] + b[k] or
    (k == "backward_flops" and a[k] == b[k]) for k in ("forward_flops", "backward_flops"))' \
    "$folder/before.json" "$folder/after.json"
  # Once more out: the same bytes, whatever the model's name was.
  runs 0 "export $model again" "$dse" show workload "$folder/$model.json" --graph "$folder/again.json"
  check "$model twice out" cmp "$folder/$model.json" "$folder/again.json"
done
runs 1 'export to nowhere' "$dse" show workload bert-base --graph "$folder/none/x.json"
check 'export to nowhere: nothing there' test ! -e "$folder/none"

# --- traced graphs: count operators and edges in the file itself ------------------------------------------------------
graphs=tests/data/wham/graphs
for graph in "$graphs"/*.json; do
  show traced.json "$graph"
  cp "$graph" "$folder/graph.json"
  holds "$(basename "$graph") fields" "$fields and min(a['ops'], a['edges'], a['parameters'], a['forward_flops']) > 0" \
    "$folder/traced.json"
done
show traced.json "$graphs/bertlarge_mbs_1_sl_512.json"
holds 'traced BERT-Large' 'a["ops"] == 1020 and a["edges"] == 1242 and a["parameters"] == 335141888' \
  "$folder/traced.json"
holds 'traced and generated BERT-Large agree' 'a["parameters"] == b["parameters"]' \
  "$folder/traced.json" "$folder/bert.json"
show one.json "$graphs/llama2_mbs_1_sl_4096.json"
show four.json "$graphs/llama2_mbs_4_sl_4096.json"
# (All but the tables of rotary angles, one product for any number of samples.)
holds 'four samples, four times the work' 'b["parameters"] == a["parameters"] and
  abs(b["forward_flops"] / a["forward_flops"] - 4) < 1e-6 and b["ops"] == a["ops"]' "$folder/one.json" "$folder/four.json"

# --- mistakes ---------------------------------------------------------------------------------------------------------
refused() { # NAME TEXT ARGUMENT...
  local name=$1 text=$2
  shift 2
  runs 2 "$name" "$dse" show "$@"
  says "$name" "$text"
  silent "$name" out
}
refused 'unknown workload' "did you mean 'bert-large'?" workload bert-lagre
refused 'unknown noun' 'write dse show workload' worklod bert-large
refused 'unknown model key' 'sequence' workload bert-large --set sequenze=3
refused 'batch of nothing' '--set: batch' workload bert-large --set batch=0
refused 'batch with a unit' '--set: batch' workload bert-large --set batch=5x
refused 'illegal split' '8 does not divide heads = 25, allowed are their divisors, or pad_heads' \
  workload gpt2-xl --set split.tensor=8
refused 'unknown degree' 'did you mean tensor?' workload gpt2-xl --set split.tensr=8
runs 1 'missing file' "$dse" show workload "$folder/none.json"
says 'missing file' "$folder/none.json"
head -c 2385 "$graphs/llama2_mbs_1_sl_4096.json" >"$folder/cut.json"
refused 'a file that is cut' "$folder/cut.json" workload "$folder/cut.json"
printf '{"nodes": [], "nodes": []}' >"$folder/twice.json"
refused 'a key that is there twice' "$folder/twice.json" workload "$folder/twice.json"
mkfifo "$folder/pipe.json"
runs 2 'a pipe for a file' timeout 300 "$dse" show workload "$folder/pipe.json"
runs 2 'a folder for a file' "$dse" show workload "$folder"/
finish
