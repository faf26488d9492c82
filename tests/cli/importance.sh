#!/bin/bash
# Does a run's report say which axes matter, as `dse sensitivity` does, on any number of ranks, and does it leave
# everything else as it is?
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
runs 0 'a whole system' "$dse" explore small.cfg --out system --quiet --set 'system.devices=[4]'
refute 'of a system there are none' grep -q "$title" system/report.html
runs 2 'too many samples' "$dse" explore small.cfg --out bad --set report.sensitivity_samples=65537
says 'too many samples' 'report.sensitivity_samples'
finish
