#!/bin/bash
# Does a run's report say which axes matter, as `dse sensitivity` does, on any number of ranks, of whole systems with the
# degrees of their strategies, does a signal end it, and does it leave everything else as it is?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
title='Which axes matter within the limits'

runs 0 'a run' "$dse" explore small.cfg --out one --quiet
check 'its report says what moves it' grep -q "$title" one/report.html
check 'and where it comes from' grep -q "$("$dse" --version --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["commit"])')" one/report.html
check 'the settings digest is that of summary.json' grep -qF "$(sed -n 's/.*"settings_digest": "\(.*\)".*/\1/p' one/summary.json)" one/report.html
runs 0 'the same asked for by itself' "$dse" sensitivity small.cfg --samples 64 --draws 0 --json
cp out asked.json
cat >numbers.py <<'PYTHON'
# Are the table's numbers those of the JSON?
import json, re, sys
page = open(sys.argv[1], encoding="utf-8").read()
asked = json.load(open(sys.argv[2]))["indices"]["axes, allowed"]["inputs"]
table = page[page.index(sys.argv[3] + ": numbers</h2>"):]
table = table[:table.index("</table>")]
rows = [re.findall(r"<t[dh][^>]*>(?:<[^>]*>)*([^<]*)", row) for row in table.split("<tr")[2:]]
assert {row[0] for row in rows} == set(asked) and len(rows) == 7, rows
for name, first, low, high, total, *rest in rows:
    wanted = asked[name]["throughput_samples_per_s"]
    for cell, value in ((first, wanted["first"]["value"]), (low, wanted["first"]["low"]), (high, wanted["first"]["high"]),
                        (total, wanted["total"]["value"])):
        assert abs(float(cell) - value) <= 1e-5 * abs(value) + 1e-9, (name, cell, value)
totals = [float(row[4]) for row in rows]
assert totals == sorted(totals, reverse=True) and totals[0] > 0.1, totals
PYTHON
check 'with the same numbers, largest effects first' python3 numbers.py one/report.html asked.json "$title"

runs 0 'without' "$dse" explore small.cfg --out without --quiet --set report.sensitivity_samples=0
refute 'then the report says nothing of it' grep -q "$title" without/report.html
same_files 'nothing else changes' one without front.csv topk.csv journal convergence.csv infeasible.csv columns.csv \
  trace-best.json
holds 'nor do counts and digests' 'all(a[k] == b[k] for k in ("digest", "settings_digest", "evaluations", "best"))' \
  one/summary.json without/summary.json
runs 0 'another number of samples is the same run' "$dse" explore small.cfg --out one \
  --set report.sensitivity_samples=128
says 'which is complete' 'this run is complete; nothing to do'
cp one/report.html report.html
runs 0 'dse report computes them again' "$dse" report one
check 'to the same bytes' cmp report.html one/report.html
if [[ $MPI != no ]]; then
  runs 0 'on three ranks' mpirun -q -n 3 "$dse" explore small.cfg --out three --quiet
  same_files 'on three ranks' one three report.html journal front.csv
fi

runs 0 'a single design that limits allow' "$dse" explore small.cfg --out tight --quiet --set limits.area_mm2=124.9
check 'is said' grep -q "No Sobol' indices: limits allow only" <(sed "s/&#39;/'/g" tight/report.html)

# Of a system the degrees are inputs, too: those alone that strategies differ in.
cat >system.cfg <<'CFG'
workload = "bert-base";
batch = 4;
limits = { area_mm2 = 500.0; };
space = { tc_count = [1, 4]; tc_rows = [64, 128]; tc_cols = [64]; vc_count = [2]; vc_width = [256, 1024]; glb_mib = [16];
  hbm_stacks = [1, 4]; };
system = { devices = [4]; global_batch = 16; tensor = [1, 2, 4]; pipeline = [1, 2]; microbatch = [1, 4]; zero = [1];
  recompute = ["none", "full"]; kinds = "homogeneous"; };
CFG
runs 0 'a whole system' "$dse" explore system.cfg --out system --quiet
cat >inputs.py <<'PYTHON'
import re, sys
page = open(sys.argv[1], encoding="utf-8").read()
table = page[page.index("Which axes matter within the limits: numbers</h2>"):]
table = table[:table.index("</table>")]
rows = {row[0]: [float(x) for x in row[1:]] for row in
        (re.findall(r"<t[dh][^>]*>(?:<[^>]*>)*([^<]*)", row) for row in table.split("<tr")[2:])}
assert set(rows) == {"tc_count", "tc_rows", "vc_width", "hbm_stacks", "tensor", "sequence", "pipeline", "microbatch",
                     "recompute"}, rows
assert rows["sequence"][3] == 0, "tensor alone decides it"
assert rows["tc_count"][3] > 0.1 and rows["recompute"][3] > 0.001 and rows["microbatch"][3] > 0, rows
assert all(low <= total <= high for _, _, _, total, low, high in rows.values()), rows
PYTHON
check 'its axes and degrees' python3 inputs.py system/report.html
check 'the degree that follows is named' grep -q 'data follows from devices' system/report.html
cp system/report.html report.html
runs 0 'dse report of a system' "$dse" report system
check 'a system: to the same bytes' cmp report.html system/report.html
# One design: its strategies alone move it; a metric of the device: designs alone.
runs 0 'a system of one design' "$dse" explore system.cfg --out single --quiet --set 'space.tc_count=[4]' \
  --set 'space.tc_rows=[64]' --set 'space.vc_width=[256]' --set 'space.hbm_stacks=[4]' --set search.prove_front=false
check 'one design: its degrees' grep -q 'Which axes matter within the limits: numbers' single/report.html
refute 'one design: no axis' grep -q '<td[^>]*>tc_rows' single/report.html
runs 0 'a system by TDP' "$dse" explore system.cfg --out tdp --quiet --set 'search.metric="tdp"'
cat >only.py <<'PYTHON'
import re, sys
page = open(sys.argv[1], encoding="utf-8").read()
table = page[page.index("Which axes matter within the limits: numbers</h2>"):]
table = table[:table.index("</table>")]
rows = {row[0]: float(row[4]) for row in
        (re.findall(r"<t[dh][^>]*>(?:<[^>]*>)*([^<]*)", row) for row in table.split("<tr")[2:])}
degrees = {"tensor", "sequence", "pipeline", "microbatch", "recompute"}
assert all((rows[name] == 0) == (name in degrees) for name in rows) and degrees < set(rows), rows
PYTHON
check 'no strategy moves the TDP of a device' python3 only.py tdp/report.html
if [[ $MPI != no ]]; then
  runs 0 'a system on three ranks' mpirun -q -n 3 "$dse" explore system.cfg --out system-three --quiet
  same_files 'a system on three ranks' system system-three report.html journal front.csv systems.csv
fi

# A signal among the samples: all that was searched is in the journal, and who goes on comes to the same bytes.
write_long long.cfg 230
many=(explore long.cfg --quiet --set report.sensitivity_samples=16384)
cat >stop.py <<'PYTHON'
"""Sends SIGTERM once the samples are under way; says how the run ended and in which phase."""
import json, os, signal, subprocess, sys, time
run = subprocess.Popen(sys.argv[2:], stderr=subprocess.DEVNULL)
def status():
    try:
        with open(sys.argv[1] + "/status.json", encoding="utf-8") as file: return json.load(file)
    except FileNotFoundError: return {"phase": ""}
while run.poll() is None and status()["phase"] != "importance":
    if status()["phase"]: run.send_signal(signal.SIGUSR2)
    time.sleep(0.02)
time.sleep(0.2)
run.send_signal(signal.SIGTERM)
print(run.wait(), status()["phase"], status()["state"], status()["reason"])
PYTHON
answer=$(python3 stop.py stopped "$dse" "${many[@]}" --out stopped)
check "a signal among the samples ($answer)" test "$answer" == '75 importance stopped signal SIGTERM'
check 'a signal among the samples: no report yet' test ! -e stopped/report.html
runs 0 'a signal among the samples: resumed' "$dse" resume stopped --quiet
runs 0 'never stopped' "$dse" "${many[@]}" --out never
same_files 'a signal among the samples' never stopped "${same_bytes[@]}"
runs 2 'too many samples' "$dse" explore small.cfg --out bad --set report.sensitivity_samples=65537
says 'too many samples' 'report.sensitivity_samples'
finish
