#!/bin/bash
# Is the front of many results folders what Python makes of their files? Agreement with summary.json, refusals, folders
# of runs that go on, thousands of designs at once.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
runs 0 'a run' "$dse" explore small.cfg --out one --quiet
runs 0 'another space' "$dse" explore small.cfg --out two --quiet --set 'space.clock_mhz=[700]'
runs 0 'other objectives' "$dse" explore small.cfg --out other --quiet --set 'search.front=["throughput", "area"]'
runs 0 'other columns' "$dse" explore small.cfg --out priced --quiet --set search.metric=die_cost

# --- one folder: its own front, to the byte --------------------------------------------------------------------------
runs 0 'one folder' "$dse" front one
mv out one-front.csv
mv err one-front.txt
holds 'one folder: front.csv, with the folder before it' \
  '[{k: v for k, v in row.items() if k != "folder"} for row in a] == b and {row["folder"] for row in a} == {"one"}' \
  one-front.csv one/front.csv
holds 'one folder: the designs of summary.json' \
  '[row["design"] for row in a] == [design["design"] for design in b["front"]]' one-front.csv one/summary.json
check 'one folder: all of them' grep -qF "$(wc -l <one/front.csv | awk '{print $1 - 1 " of " $1 - 1}') designs are on the front" one-front.txt

# --- two folders: what brute force says --------------------------------------------------------------------------------
merged='
def lines(path):
    rows = list(csv.DictReader(open(path, newline="")))
    return [(path.split("/")[0], row["design"], float(row["throughput_samples_per_s"]), -float(row["energy_j"]),
             -float(row["area_mm2"]), -float(row["tdp_w"])) for row in rows]
'
cat >merged.py <<PYTHON
import csv, json, sys
$merged
rows = lines("one/front.csv") + lines("two/front.csv")
covers = lambda a, b: all(x >= y for x, y in zip(a[2:], b[2:]))
front = [b for i, b in enumerate(rows)
         if not any(covers(a, b) and (a[2:] != b[2:] or j < i) for j, a in enumerate(rows))]
front.sort(key=lambda row: [-value for value in row[2:]])
answer = json.load(open(sys.argv[1]))
assert [(row["folder"], row["design"]) for row in answer["front"]] == [row[:2] for row in front], "front"
assert answer["designs"] == len(rows) and len({row[0] for row in front}) == 2, "both folders have a part in it"
reference = [objective["reference"] for objective in answer["objectives"]]
assert reference[0] == 0 and all(abs(r - 1.1 * max(-row[3 + i] for row in rows)) < 1e-9 * r
                                 for i, r in enumerate(reference[1:])), "reference"
def volume(points):  # inclusion by slices along the last, no cleverness
    if not points: return 0
    if len(points[0]) == 1: return max(p[0] for p in points)
    cuts, total = sorted({p[-1] for p in points}), 0
    for low, high in zip([0] + cuts, cuts):
        total += (high - low) * volume([p[:-1] for p in points if p[-1] >= high])
    return total
gains = lambda some: [(row[2],) + tuple(reference[i] + row[2 + i] for i in (1, 2, 3)) for row in some]
for name, some, told in [("all", rows, answer["hypervolume"])] + [
        (f["folder"], [row for row in rows if row[0] == f["folder"]], f["hypervolume"]) for f in answer["folders"]]:
    wanted = volume(gains(some))
    assert abs(told - wanted) <= 1e-9 * wanted, (name, told, wanted)
for folder in answer["folders"]:
    assert folder["on_front"] == sum(row[0] == folder["folder"] for row in front) and folder["state"] == "complete"
PYTHON
runs 0 'two folders' "$dse" front one two --json
mv out two.json
check 'two folders: front, reference and volumes as Python has them' python3 merged.py two.json
runs 0 'two folders, as CSV' "$dse" front one two
mv out two.csv
holds 'two folders: CSV and JSON say the same' '[(r["folder"], r["design"]) for r in a] == [(r["folder"], r["design"]) for r in b["front"]]' \
  two.csv two.json
runs 0 'the same twice' "$dse" front one one --quiet
silent 'quiet' err
check 'the same twice: once' cmp out one-front.csv
runs 0 'the same twice, aloud' "$dse" front one one
says 'the same twice: the second is as good' "0 of its $(($(wc -l <one/front.csv) - 1)) designs (and $(($(wc -l <one/front.csv) - 1)) as good as designs of folders before)"
runs 0 'the same twice, as JSON' "$dse" front one one --json
mv out twice.json
holds 'the same twice: on the front, or as good' \
  '[(f["on_front"], f["as_good"]) for f in a["folders"]] == [(len(a["front"]), 0), (0, len(a["front"]))]' twice.json

# --- objectives and reference -------------------------------------------------------------------------------------------
runs 0 'two objectives' "$dse" front one other --objectives throughput,area_mm2 --reference 1,600 --json
mv out plane.json
holds 'two objectives: a staircase' \
  'all(x["area_mm2"] > y["area_mm2"] for x, y in zip(a["front"], a["front"][1:])) and [o["reference"] for o in a["objectives"]] == [1, 600]' \
  plane.json
holds 'two objectives: its area' \
  'abs(a["hypervolume"] - sum((x["throughput_samples_per_s"] - y) * (600 - x["area_mm2"]) for x, y in zip(a["front"], [x["throughput_samples_per_s"] for x in a["front"][1:]] + [1]))) < 1e-9 * a["hypervolume"]' \
  plane.json
while IFS='|' read -r what wanted command; do
  read -ra words <<<"$command"
  runs 2 "$what" "$dse" front "${words[@]}"
  says "$what" "$wanted"
  silent "$what" out
done <<'REFUSED'
other objectives|other: its front spans other objectives than that of one|one other
other columns|priced: other columns than in one|one priced
no objective|--objectives: clock_mhz: no objective of these folders|one --objectives clock_mhz
a misspelt objective|--objectives: thoughput: no objective of these folders; they have throughput_samples_per_s|one --objectives thoughput
twice|--objectives: area_mm2 stands twice|one --objectives area,area_mm2
too few numbers|--reference: 1: give 4 numbers|one --reference 1
too many numbers|more numbers than objectives|one --objectives area --reference 1,2
no number|give 1 numbers|one --objectives area --reference x
settings|--set: takes none|one --set a=b
REFUSED
runs 1 'no folder' "$dse" front one nowhere
says 'no folder' 'nowhere: no front.csv there'
cp -r one broken
sed -i '3s/^\([^,]*\),[^,]*/\1,much/' broken/front.csv
runs 2 'a broken number' "$dse" front broken
says 'a broken number' 'broken/front.csv:3: throughput_samples_per_s: "much" is no number'
cp -r one units
sed -i 's/^front.csv,area_mm2,mm2,min/front.csv,area_mm2,cm2,min/' units/columns.csv
runs 2 'another unit' "$dse" front one units
says 'another unit' 'units: area_mm2 is in another unit or sense'
cp -r one older
echo 'no_such_key = 3;' >>older/run.cfg
runs 2 'settings of another version' "$dse" front older
says 'settings of another version' 'name the --objectives'
runs 0 'then they are named' "$dse" front older --objectives throughput,energy,area,tdp --quiet
check 'then they are named: the same' cmp <(sed 's/^older,/one,/' out) one-front.csv

# --- while a run goes on: never half a file, and at the end what summary.json says -----------------------------------------
write_long long.cfg 3000
slow_disk 15
"${slow[@]}" "$dse" explore long.cfg --out long --quiet >long.txt 2>&1 &
run=$!
bad=0 asked=0
while kill -0 $run 2>/dev/null; do
  if [[ -e long/front.csv ]]; then # columns.csv was there before it
    asked=$((asked + 1))
    "$dse" front long --objectives throughput,area --quiet >polled.csv 2>polled.err || bad=$((bad + 1))
    tail -c 1 polled.csv | cmp -s - <(echo) || bad=$((bad + 1))
  fi
  [[ -e long/status.json ]] && kill -USR2 $run 2>/dev/null # publishes the front now
  sleep 0.05
done
wait $run
check "polled: never half a file ($asked times)" test $bad -eq 0 -a $asked -gt 0
runs 0 'at the end' "$dse" front long --volume --json
mv out long.json
holds 'at the end: the designs of summary.json' \
  '[row["design"] for row in a["front"]] == [design["design"] for design in b["front"]]' long.json long/summary.json

# --- thousands of designs, none of which beats another -----------------------------------------------------------------
mkdir many few
for of in many few; do cp one/columns.csv one/run.cfg one/status.json $of/; done
python3 - <<'PYTHON'
import csv, random
random.seed(2385)
rows = list(csv.DictReader(open("one/front.csv", newline="")))
for name, n in ("few", 1000), ("many", 10000):
    with open(name + "/front.csv", "w", newline="") as file:
        out = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        for i in range(n):
            row = dict(rows[0], design="%016x" % i, throughput_samples_per_s=10000 - i, area_mm2=500 - i / 25)
            out.writerow(dict(row, energy_j=random.random(), tdp_w=300 + random.random()))
PYTHON
for objectives in throughput,area throughput,area,energy throughput,area,energy,tdp; do
  runs 0 "many over $objectives" "$dse" front many --objectives $objectives
  cp out many.csv && cp err many.err
  check "many over $objectives: all of them" test "$(wc -l <many.csv)" -eq 10001
  # A tenth of them takes no more than its share: what grows with the square of their number would take ten times as much.
  few_ms=$(for _ in {1..10}; do cpu_ms "$dse" front few --objectives $objectives; done | awk '{ n += $1 } END { print n }')
  many_ms=$(cpu_ms "$dse" front many --objectives $objectives)
  check "many over $objectives: $many_ms ms, ten times a tenth of them $few_ms ms" test "$many_ms" -lt $((3 * few_ms))
done
check 'many: the volume is not computed unasked' grep -q 'no hypervolume of so many' many.err
finish
