#!/bin/bash
# Can an ONNX file be shown, trained in a run file, and refused with a sentence?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cp "$root"/tests/data/onnx/{resnet50,bert_base}.onnx . || exit 1

runs 0 'show' "$dse" show workload resnet50.onnx --json
cp out resnet.json
holds 'show: the counts of the exporter' 'a["parameters"] == 25530472 and a["forward_flops"] == 2 * 4089184256 and
  a["onnx"]["operator_set"] == 14 and a["onnx"]["nodes"] == 169 and a["onnx"]["unknown"] == []' resnet.json
runs 0 'show, strict: every operator is known' "$dse" show workload bert_base.onnx --strict --training
prints 'show: the symbol of an input' 'input_ids [batch=1,512]'
prints 'show: what was merged' 'into 25 norms and 12 activations'
runs 0 'show, batch' "$dse" show workload bert_base.onnx --set batch=32 --json
cp out bert.json
holds 'show, batch: 32 times the products' 'a["forward_flops"] == 32 * 2 * 48318971904' bert.json
runs 2 'an unknown symbol' "$dse" show workload bert_base.onnx --set length=7
runs 1 'no such file' "$dse" show workload none.onnx
head -c 9000 resnet50.onnx >cut.onnx
runs 2 'a file that is cut off' "$dse" show workload cut.onnx
check 'a file that is cut off: no message of the parser' grep -q 'this is no complete ONNX file' err


# Another batch than the export's, where the file holds the number; the shapes that it states; what is written out.
cp "$root"/tests/data/onnx/{vit_b_16,light/swiglu_function,nodes/{qlinearconv,nonzero_example,if}}.onnx . || exit 1
runs 0 'another batch' "$dse" show workload vit_b_16.onnx --set batch=8 --json
cp out vit.json
holds 'another batch: 8 times the products, the same weights' 'a["forward_flops"] == 8 * 2 * 17563828224 and
  a["parameters"] == 86567656 and a["onnx"]["outputs"][0].endswith("[8,1000]")' vit.json
runs 0 'a function of the file' "$dse" show workload swiglu_function.onnx --strict
prints 'a function of the file: said' 'written out      1 nodes: If, Loop, Scan or functions of the file'
runs 0 'a quantised model' "$dse" show workload qlinearconv.onnx
prints 'a quantised model: named so' 'operator set 10, quantised'
runs 0 'a shape that depends on the data' "$dse" show workload nonzero_example.onnx
prints 'a shape that depends on the data: as the file says' 'stated shapes    1 nodes'
runs 0 'a branch that depends on the data' "$dse" show workload if.onnx
prints 'a branch that depends on the data: said' 'unknown branches 1'
runs 2 'tensor parallel: refused' "$dse" show workload bert_base.onnx --set split.tensor=8
check 'tensor parallel: the reason' grep -q "nothing says how this graph's operators split" err
runs 0 'blocks' "$dse" show workload bert_base.onnx --blocks

# The judge of anybody's files, on ours.
check 'check: every shape is as stated' env DSE="$dse" "$root/scripts/onnx" check "$root/tests/data/onnx/nodes"
check 'count: as counted by another reader' env DSE="$dse" "$root/scripts/onnx" count \
  "$root"/tests/data/onnx/{resnet50,mobilenet_v3_large}.onnx "$root"/tests/data/onnx/light/light_*.onnx

cat >run.cfg <<'CFG'
workload = "resnet50.onnx"; batch = 8;
limits = { area_mm2 = 500.0; };
space = { tc_count = [1, 2]; tc_rows = [64]; tc_cols = [64, 128]; vc_count = [1]; vc_width = [256]; hbm_stacks = [2, 4]; };
search = { top_k = 3; seed = 2385; };
CFG
runs 0 'explore' "$dse" explore run.cfg --out run
holds 'explore: an answer' 'a["best"] is not None and a["proven_optimal"]' run/summary.json
finish
