#!/bin/bash
# Can somebody else's reader make sense of every trace? Python's JSON: valid, sorted, no two bars at once in a lane, the
# end is the makespan, arrows join bars that are there, counters end at nothing, and there is a reason for every wait.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
ln -s "$root/configs" configs
cat >read.py <<'PYTHON'
import json, sys
path, wanted_us, tolerance = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
needs = sys.argv[4:]
trace = json.load(open(path, encoding="utf-8"))
events, names = trace["traceEvents"], {}
assert len(events) <= 200000, "too many events"
assert trace["otherData"]["note"], "says nothing of what was cut"
last, free, bars, flows, counters = -1.0, {}, {}, {}, {}
for event in events:
    lane = event["pid"], event["tid"]
    if event["ph"] == "M":
        names.setdefault((event["name"], lane), event["args"])
        continue
    assert event["ts"] >= last - 1e-9, "not sorted: %s" % event
    last = event["ts"]
    if event["ph"] == "X":
        assert event["ts"] >= free.get(lane, 0) - 1e-6, "overlap: %s" % event
        free[lane] = event["ts"] + event["dur"]
        bars.setdefault(lane, []).append((event["ts"], free[lane], event["args"]["critical"]))
        assert event["args"]["phase"] == event["cat"] and event["name"], event
        if "notes" in needs: assert event["args"]["waits_for"] and event["args"]["waited_us"] >= 0, event
    elif event["ph"] in "sf":
        flows.setdefault(event["id"], []).append((event["ph"], lane, event["ts"]))
    elif event["ph"] == "C":
        assert event["args"]["value"] >= 0
        counters.setdefault((event["pid"], event["name"]), []).append(event["args"]["value"])
    else: raise AssertionError("unknown: %s" % event)
end = max(free.values())
assert abs(end - wanted_us) <= tolerance * wanted_us, "ends at %r µs, wanted %r" % (end, wanted_us)
for lane in bars:
    assert ("thread_name", lane) in names, "a lane without a name"
    assert any(what == "process_name" and at[0] == lane[0] for what, at in names), "a chip without a name"
for id, ends in flows.items():
    assert sorted(kind for kind, _, _ in ends) == ["f", "s"], "an arrow without both ends: %s" % ends
    for _, lane, at in ends:
        assert any(start - 1e-6 <= at <= finish + 1e-6 and critical for start, finish, critical in bars[lane]), ends
if "arrows" in needs: assert flows, "no arrows"
if "chips" in needs: assert len({pid for pid, _ in bars}) > 1, "one process"
if "tiles" in needs: assert any("tile" in e["args"] for e in events if e["ph"] == "X"), "no tiles"
if "counters" in needs:
    assert counters and all(max(values) > 0 and values[-1] == 0 for values in counters.values()), counters.keys()
PYTHON
# What the makespan is, in µs, by another file of the same run.
us_of() { # EXPRESSION FILE
  python3 -c 'import csv, json, sys
a = json.load(open(sys.argv[2])) if sys.argv[2].endswith("json") else list(csv.DictReader(open(sys.argv[2], newline="")))
print(repr(float(eval(sys.argv[1]))))' "$@"
}
write_small small.cfg
runs 0 'one device' "$dse" explore small.cfg --out one --quiet
check 'one device: its schedule' python3 read.py one/trace-best.json \
  "$(us_of 'float(a[0]["iteration_s"]) * 1e6' one/topk.csv)" 1e-6 notes arrows tiles counters
runs 0 'many devices' "$dse" explore configs/llama2-7b.cfg --out many --quiet --set 'system.devices=[64]' \
  --set system.kinds=homogeneous --set 'system.pipeline=[4]' --set 'system.tensor=[1]'
check 'many devices: the schedule of a block' python3 read.py many/trace-best.json \
  "$(us_of 'max(e["ts"] + e["dur"] for e in a["traceEvents"] if e["ph"] == "X")' many/trace-best.json)" 0 notes arrows
holds 'many devices: the pipeline ends within the iteration' \
  '(lambda end, all: 0.5 * all <= end <= all * 1.000001)(max(e["ts"] + e["dur"] for e in a["traceEvents"] if e["ph"] == "X") * 1e-6,
   float(b[0]["iteration_s"]))' many/trace-pipeline.json many/systems.csv
check 'many devices: the pipeline' python3 read.py many/trace-pipeline.json \
  "$(us_of 'max(e["ts"] + e["dur"] for e in a["traceEvents"] if e["ph"] == "X")' many/trace-pipeline.json)" 0 \
  notes arrows counters chips
runs 0 'tenants' "$dse" explore configs/tenants.cfg --out tenants --quiet --set tenancy.samples=50 \
  --set tenancy.final_samples=100 --set tenancy.group_size=20 --set tenancy.cores=3
check 'tenants: queues of the best platform' python3 read.py tenants/trace-tenancy.json \
  "$(us_of 'float(a[0]["makespan_cycles"]) / 1e3' tenants/tenancy.csv)" 1e-6 chips
# Problems that come from elsewhere, each answered once.
while IFS='|' read -r what instance value chips; do
  runs 0 "$what" "$dse" map "$what" "$root/$instance" --json --trace "$what.trace.json" --out "$what.csv"
  mv out "$what.json"
  check "$what: its bars" python3 read.py "$what.trace.json" "$(us_of "$value" "$what.json")" 1e-6 "$chips"
done <<'PROBLEMS'
placement|tests/data/placement/pair.json|a["value"] * 1e6|chips
sharding|tests/data/sharding/t14.json|a["value"] * 1e6|one set
partition|tests/data/partition/example/instance.json|max(e["ts"] + e["dur"] for e in json.load(open("partition.trace.json"))["traceEvents"] if e["ph"] == "X")|chips
PROBLEMS
finish
