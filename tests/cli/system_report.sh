#!/bin/bash
# What do people see of a whole system? The text at the end of a run and of `dse evaluate`, the page with its chapter on
# the system, both traces, the objects of summary.json, and how far the stages' own searches are.
# (Answers of the search: systems.sh; pages as such: unit/results/test_report.)
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cat >system.cfg <<'RUN'
workload = "bert-large";
model = ["layers=6"];
batch = 64;
space = { tc_count = [2, 4, 8]; tc_rows = [128]; tc_cols = [128]; vc_count = [2, 8]; vc_width = [256, 512];
  glb_mib = [32, 64]; hbm_stacks = [1, 2, 4]; };
limits = { area_mm2 = 800.0; tdp_w = 500.0; reference = "tpuv4"; };
system = { devices = [16]; global_batch = 64; tensor = [2]; pipeline = [4]; microbatch = [1, 2]; top_k = [1, 10]; };
RUN

runs 0 'a run of a system' "$dse" explore system.cfg --out run
cp out run.txt
for file in systems.csv stages.csv k.csv trace-best.json trace-pipeline.json report.html; do
  check "there is $file" test -s "run/$file"
done

# --- in words -----------------------------------------------------------------------------------------------------------------
prints 'the front is of one design on all devices' 'one design on all devices: '
prints 'limits are of a device' 'of 500 a device'
prints 'strategies' ' strategies: '
prints 'the chosen system: devices' 'chosen: 16 devices, '
prints 'the chosen system: strategy' 'tensor 2 with sequence, pipeline 4, data 2, ZeRO 1; '
for word in throughput bound designs strategy iteration memory power area price energy; do
  check "the chosen system: $word" grep -qE "^  $word  *[^ ]" <(sed -n '/^chosen:/,$p' run.txt)
done
holds 'within 1 %, the one that draws least' '(lambda best, near: (lambda least: "less power: rank %s," % least["rank"] in
  b.decode() if float(least["power_w"]) < 0.99 * float(best["power_w"]) else b"less power" not in b)(
  min(near, key=lambda r: float(r["power_w"]))))(a[0], [r for r in a if float(r["throughput_samples_per_s"]) >=
  0.99 * float(a[0]["throughput_samples_per_s"])])' run/systems.csv run.txt.bytes
refute 'parts that are nothing are not told' grep -qE ' 0\.0( %)?[,;]' <(sed -n '/^chosen:/,$p' run.txt)
prints 'what k changes' 'heterogeneous_samples_per_s'
refute 'one k changes nothing' grep -q '^how many best designs' \
  <("$dse" explore system.cfg --out one --set 'system.top_k=[10]' 2>&1)
check 'the front of systems is not told twice' test "$(grep -c '^best by' run.txt)" = 1

# --- summary.json ---------------------------------------------------------------------------------------------------------------
holds 'summary.json: the chosen system is a row of systems.csv' '(lambda c, rows: any(
  float(r["throughput_samples_per_s"]) == c["throughput_samples_per_s"] and float(r["power_w"]) == c["power_w"] and
  r["designs"] == c["designs"] and r["kind"] == c["kind"] for r in rows))(a["system"]["chosen"], b)' \
  run/summary.json run/systems.csv
holds 'summary.json: by throughput the first' 'a["system"]["chosen"]["throughput_samples_per_s"] ==
  float(b[0]["throughput_samples_per_s"]) == a["system"]["chosen_throughput_samples_per_s"]' run/summary.json run/systems.csv
holds 'summary.json: the parts add up' 'all(abs(sum(s["parts_s"].values()) - s["iteration_s"]) < 1e-9 * s["iteration_s"] and
  sum(s["memory"].values()) == s["memory_bytes"] <= s["hbm_bytes"] for s in (a["system"], a["system"]["chosen"]))' \
  run/summary.json
holds 'summary.json: bound, gap, utilisation' '(lambda c: c["gap"] >= 0 and 0 < c["utilisation"] < 1 and
  abs(c["bound_samples_per_s"] / c["throughput_samples_per_s"] - 1 - c["gap"]) < 1e-5)(a["system"]["chosen"])' \
  run/summary.json
# What the model needs, whatever its split: forward, and twice that backward.
"$dse" show workload bert-large --set layers=6 --set batch=64 --json >whole.json
clock=$(sed -n '/^space = /,/^}/s/^ *clock_mhz = \[*\([0-9]*\).*/\1/p' run/run.cfg)
holds 'utilisation: of all MAC units, what the model needs' "(lambda c, need: c['different_designs'] > 1 or abs(need / (16 *
  int(c['designs'].split('tc_count=')[1].split(',')[0]) * 128 * 128 * $clock * 1e6 * c['iteration_s']) / c['utilisation'] - 1)
  < 0.02)(a['system']['chosen'], 3 * b['forward_flops'] / 2)" run/summary.json whole.json
runs 0 'by another metric' "$dse" explore system.cfg --out energy --set 'search.metric="energy"' --set limits.throughput_floor=0 \
  --set search.prove_front=false
holds 'by another metric another is chosen' 'a["system"]["chosen"]["energy_j"] == min(float(r["energy_j"]) for r in b)' \
  energy/summary.json energy/systems.csv

# --- the page -------------------------------------------------------------------------------------------------------------------
page=run/report.html
check 'the page: title' grep -q '<title>Training bert-large on 16 accelerators</title>' $page
for text in '<section id="chapter"><h2>System</h2>' "Where an iteration&#39;s time goes" 'Memory of a device, by stage' \
  'Whole systems: throughput against power' 'Systems of the front' 'Stages, each searched by itself' \
  "How much the lists&#39; lengths matter" 'The chosen system&#39;s pipeline: 1f1b on 4 stages' \
  'On one device of the best design: backward pass of one layer of' 'not the whole iteration'; do
  check "the page: $text" grep -qF -e "$text" $page
done
refute 'the page: one block is not the iteration' grep -qE '<h2>One iteration of' $page
refute 'the page asks nobody for anything' grep -qE '(src|href)="?(https?:)?//' $page
check 'the page is below 2 MB' test "$(stat -c %s $page)" -lt 2000000
refute 'the page of one k has no table of it' grep -q 'lengths matter' one/report.html

# --- traces -----------------------------------------------------------------------------------------------------------------------
pipeline='[e for e in a["traceEvents"] if e["ph"] == "X"]'
holds 'trace-pipeline.json: every task once' "(lambda e, m: len(e) == 2 * 4 * min(m, 16) and
  len({(x['tid'], x['name']) for x in e}) == len(e))($pipeline, b['system']['chosen']['microbatches'])" \
  run/trace-pipeline.json run/summary.json
holds 'trace-pipeline.json: sorted, no overlap in a lane, nothing odd' "(lambda e: all(p['ts'] <= q['ts'] for p, q in zip(e, e[1:]))
  and all(x['dur'] > 0 and x['cat'] in ('forward', 'backward') for x in e) and all(
  all(p['ts'] + p['dur'] <= q['ts'] + 1e-9 for p, q in zip(l, l[1:])) for l in
  [[x for x in e if x['tid'] == t] for t in range(4)]))($pipeline)" run/trace-pipeline.json
# The pipeline ends before the iteration does: gradients and update follow.
holds 'trace-pipeline.json: ends within the iteration' "(lambda e, s: 0.5 * s < 1e-6 * max(x['ts'] + x['dur'] for x in e) <= s)(
  $pipeline, b['system']['chosen']['iteration_s'])" run/trace-pipeline.json run/summary.json
runs 0 'many microbatches' "$dse" explore system.cfg --out many --set system.global_batch=1024 --set 'system.microbatch=[1]'
holds 'of many microbatches some are drawn' "len($pipeline) == 2 * 4 * 16 and b['system']['chosen']['microbatches'] == 512" \
  many/trace-pipeline.json many/summary.json
check 'and the page says so' grep -q 'Drawn as it would be with 16 microbatches; an iteration has 512' many/report.html
holds 'trace-best.json is of a block' "a['traceEvents'][0]['args']['name'].startswith('On one device of the best design')" \
  run/trace-best.json
runs 0 'one stage' "$dse" explore system.cfg --out flat --set 'system.pipeline=[1]'
holds 'one stage: one lane' "{x['tid'] for x in $pipeline} == {0}" flat/trace-pipeline.json
runs 0 'no searches of stages' "$dse" explore system.cfg --out plain --set 'system.kinds="homogeneous"'
refute 'no searches of stages: no bound' grep -q '^  bound ' out
holds 'no searches of stages: no bound in summary.json' 'a["system"]["chosen"]["gap"] is None' plain/summary.json
runs 0 'one device' "$dse" explore system.cfg --out device --set 'system.devices=[1]' --set batch=4
holds 'without a system there are no tables of it' 'not [r for r in a if r["file"] in ("systems.csv", "stages.csv", "k.csv")]' \
  device/columns.csv
refute 'without a system: no trace of it' test -e device/trace-pipeline.json

# --- evaluate -----------------------------------------------------------------------------------------------------------------------
runs 0 'evaluate' "$dse" evaluate system.cfg --design tpuv4
for text in '  strategy     tensor 2 with sequence, pipeline 4' '  memory       ' '  a device     ' '  all devices  ' \
  'strategies by time:'; do
  prints "evaluate: $text" "$text"
done

# --- how far it is ------------------------------------------------------------------------------------------------------------------
# Every launch adds a round; some of them lie within the stages' own searches.
status=75 phases=''
for ((i = 0; i < 99 && status == 75; i++)); do
  "$dse" explore system.cfg --out steps --max-time 0 --quiet >/dev/null 2>&1
  status=$?
  phases+=" $(python3 -c 'import json; s = json.load(open("steps/status.json"))
print("%s:%s/%s" % (s["phase"], s["phase_done"], s["phase_total"]))')"
done
check 'launches of a round each come to the end' test $status = 0
check 'status.json tells of the stages' grep -qE 'stages:0/[1-9].* stages:[1-9]+/' <(echo "$phases")
for file in front.csv topk.csv systems.csv stages.csv k.csv report.html trace-best.json trace-pipeline.json journal; do
  check "launches of a round each: the same $file" cmp run/$file steps/$file
done
finish
