#!/bin/bash
# Is what `dse why --platform` advises enough for a platform to win, and is it needed? Platforms of a run's table, and ones
# beyond its limits, under each metric: with a limit, price or weight moved as it says a run has none better; with a
# hundredth of the way less it has.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cat >co.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = { tc_count = [2, 4]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [2]; vc_width = [256]; glb_mib = [16];
          hbm_stacks = [1, 2]; };
tenancy = { task = "mix"; group_size = 7; seed = 77; cores = 4; area_mm2 = 620.0; power_w = 510.0; samples = 100; final_samples = 300; };
co_search = { metric = "joint"; kinds = 2; money_usd = 1000.0; front = true; };
money = { wafer_usd = 9346.0; };
search = { seed = 2385; };
CFG
cat >win.py <<'PYTHON'
import csv, json, random, subprocess, sys
dse, seed, rng = sys.argv[1], 2385, random.Random(2385)
def run(*words):
    return subprocess.run([dse, *words], capture_output=True, text=True, timeout=600)
def flags(sets):
    return [word for item in sets for word in ("--set", item)]
def best(sets):
    done = run("explore", "co.cfg", "--out", "run", "--fresh", "--quiet", *flags(sets))
    assert done.returncode in (0, 3), done.stderr
    return next(csv.DictReader(open("run/cosearch.csv"))) if done.returncode == 0 else None
def key(text):
    return sorted(text.split(" + "))
metrics = [[], ["co_search.weight=0.1"], ['co_search.metric="training"', "co_search.makespan_s=4.95e-5"],
           ['co_search.metric="tenants"', "co_search.training_floor=200"]]
kinds, n_behind, n_wins, n_let_in, bad = {}, 0, 0, 0, 0
for sets in metrics:
    best(sets)
    rows = [r["designs"] for r in csv.DictReader(open("run/cosearch.csv"))]
    names = [r["design"] for r in csv.DictReader(open("run/cosearch-designs.csv"))]
    asked = rows[:1] + rng.sample(rows[1:], min(2, len(rows) - 1)) + ["%d x %s" % (rng.randint(2, 6), rng.choice(names)), "1 x " + rng.choice(names)]
    for text in asked:
        answer = run("why", "co.cfg", "--platform", text, "--json", *flags(sets))
        assert answer.returncode == 0, answer.stderr
        own = json.loads(answer.stdout)["platform"]
        needs = [item["set"] for item in own["needs"]]
        n_let_in += not own["allowed"]
        if own["allowed"] == bool(needs) or own["wins"] == (own["behind"] is not None):
            bad += 1
            print(sets, text, own)
        if text == rows[0] and not own["wins"]: # what a run found best, found best
            bad += 1
            print("the winner does not win", sets, own)
        if own["wins"]:
            n_wins += 1
            found = best(sets + needs)
            if found is None or float(found["value"]) > own["value"] * (1 + 1e-9):
                bad += 1
                print("something better", sets, text, own, found)
            continue
        n_behind += 1
        for move in own["moves"]:
            name = move["set"].split("=")[0]
            kinds[name] = kinds.get(name, 0) + 1
            found = best(sets + needs + [move["set"]])
            weighed = json.loads(run("why", "co.cfg", "--platform", text, "--json", *flags(sets + needs + [move["set"]])).stdout)["platform"]
            if found is None or float(found["value"]) > weighed["value"] * (1 + 1e-9) or not weighed["wins"]:
                bad += 1
                print("not enough", sets, text, move, found)
            if not move["from"] > 0: continue
            to = move["to"] + 0.01 * (move["from"] - move["to"])
            less = ["%s=%d" % (name, move["to"] + 1)] if name == "tenancy.cores" else ["%s=%.12f" % (name, to)]
            weighed = json.loads(run("why", "co.cfg", "--platform", text, "--json", *flags(sets + needs + less)).stdout)["platform"]
            if weighed["wins"]:
                bad += 1
                print("not needed", sets, text, move, less)
print("%d win, %d behind, %d let in; moves %s" % (n_wins, n_behind, n_let_in, kinds))
sys.exit(bad > 0 or n_wins < 4 or n_behind < 6 or n_let_in < 1 or len(kinds) < 3)
PYTHON
check 'platforms under each metric: what is advised is enough, and needed' python3 win.py "$dse"
grep 'moves {' check || true # for the eye

runs 0 'a run' "$dse" explore co.cfg --out all
winner=$(python3 -c 'import csv; print(next(csv.DictReader(open("all/cosearch.csv")))["designs"])')
runs 0 'the winner' "$dse" why co.cfg --platform "$winner"
prints 'the winner wins' '  it wins: value '
runs 0 'by keys' "$dse" why co.cfg --platform '7 x tc_count=4,tc_rows=128,hbm_stacks=2'
prints 'by keys: what it needs' 'to be allowed it needs'
prints 'by keys: to paste' '--set tenancy.cores=7'
runs 0 'of a folder' "$dse" why all --platform "$winner"
prints 'of a folder' '  it wins: value '
runs 0 'a limit of a device' "$dse" why co.cfg --platform '1 x tc_count=4,tc_rows=128,hbm_stacks=2' --set limits.area_mm2=100.0
prints 'a limit of a device' 'breaks limits.area_mm2 by'
for text in '3' 'x' '0 x tc_count=2' '2 y tc_count=2' '300 x tc_count=2' '1 x '; do
  runs 2 "no platform: '$text'" "$dse" why co.cfg --platform "$text"
  says "no platform: '$text'" '--platform: '
done
runs 2 'no such design' "$dse" why co.cfg --platform '2 x 0123456789abcdef'
says 'no such design' '--platform: no design of the space is 0123456789abcdef'
runs 2 'twice' "$dse" why co.cfg --platform '1 x tc_count=2,hbm_stacks=1 + 2 x tc_count=2,hbm_stacks=1'
says 'twice' 'is named twice'
runs 2 'a large space' "$dse" why co.cfg --platform "$winner" --set search.bound_points=3
says 'a large space' 'more than search.bound_points designs'
runs 2 'no co-search' "$dse" why co.cfg --platform "$winner" --set co_search.metric=none
says 'no co-search' 'the run file has no co-search'
if [[ $MPI == yes ]]; then
  runs 0 'alone' "$dse" why co.cfg --json --platform "$winner" --set co_search.weight=0.9
  cp out alone.json
  runs 0 'two ranks' mpirun -q -n 2 "$dse" why co.cfg --json --platform "$winner" --set co_search.weight=0.9
  check 'two ranks: the same bytes' cmp out alone.json
fi
finish
