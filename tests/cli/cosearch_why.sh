#!/bin/bash
# Is what `dse why` advises of platforms enough, and is it needed? Random limits under which no platform is allowed: with a
# limit moved as it says a run finds one, with a hundredth of the way less it finds none (where the search itself was the
# judge, and so a heuristic and ten halvings, with half of the way less).
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
cat >co.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = { tc_count = [2, 4]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [2]; vc_width = [256]; glb_mib = [16];
          hbm_stacks = [1, 2]; };
tenancy = { task = "mix"; group_size = 7; seed = 77; cores = 3; samples = 100; final_samples = 300; };
co_search = { metric = "joint"; kinds = 2; };
search = { seed = 2385; };
CFG
cat >limits.py <<'PYTHON'
import json, random, subprocess, sys
dse, n, seed = sys.argv[1], int(sys.argv[2]), 2385
rng = random.Random(seed)
costs = {"tenancy.area_mm2": (10, 160), "tenancy.power_w": (10, 80), "co_search.money_usd": (100, 900)}
larger = {"tenancy.area_mm2": (200, 500), "tenancy.power_w": (150, 400), "co_search.money_usd": (900, 3000)}
def run(*words):
    return subprocess.run([dse, *words], capture_output=True, text=True, timeout=600)
def flags(sets):
    return [word for item in sets for word in ("--set", item)]
def explore(sets):
    return run("explore", "co.cfg", "--out", "run", "--fresh", "--quiet", *flags(sets)).returncode
done = tried = together = bad = 0
kinds = {}
while done < n and tried < 200:
    tried += 1
    kind = rng.choice(["costs", "costs", "makespan", "floor"])
    drawn = costs if kind == "costs" else larger
    sets = ["%s=%.4f" % (key, rng.uniform(*drawn[key])) for key in rng.sample(sorted(drawn), rng.choice([1, 2]))]
    if kind == "makespan": sets += ['co_search.metric="training"', "co_search.makespan_s=%.9f" % (10 ** rng.uniform(-5.5, -4))]
    if kind == "floor": sets += ['co_search.metric="tenants"', "co_search.training_floor=%.3f" % rng.uniform(150, 800)]
    answer = run("why", "co.cfg", "--json", *flags(sets))
    assert answer.returncode == 0, (sets, answer.stderr)
    own = json.loads(answer.stdout)["co_search"]
    code = explore(sets)
    if own["allowed"] != (code == 0):
        bad += 1
        print("seed", seed, "draw", tried, sets, "allowed:", own["allowed"], "exit status", code)
    if own["allowed"] or not own["relaxation"]: continue
    done += 1
    together += own["together"]
    moves = [own["relaxation"]] if own["together"] else [[item] for item in own["relaxation"]]
    for move in moves:
        key = "+".join(item["set"].split("=")[0] for item in move)
        kinds[key] = kinds.get(key, 0) + 1
        exact = kind == "costs" or key == "co_search.training_floor"
        if key == "tenancy.cores": less = ["tenancy.cores=%d" % (move[0]["to"] - 1)]
        else:
            part = 0.99 if exact else 0.5
            less = ["%s=%.12f" % (item["set"].split("=")[0], item["from"] + part * (item["to"] - item["from"])) for item in move]
        codes = explore(sets + [item["set"] for item in move]), explore(sets + less)
        if codes != (0, 3):
            bad += 1
            print("seed", seed, "draw", tried, sets, move, less, "exit statuses", codes)
print("%d settings of %d drawn, %d with limits together; %s" % (done, tried, together, kinds))
sys.exit(bad > 0 or done < n or together == 0 or len(kinds) < 6)
PYTHON
check 'random limits: what is advised is enough, and needed' python3 limits.py "$dse" 30
grep 'settings of' check || true # for the eye

runs 0 'a platform is allowed' "$dse" why co.cfg
prints 'a platform is allowed: the best' 'platforms: the best allowed is'
runs 0 'no device fits' "$dse" why co.cfg --set tenancy.area_mm2=5.0
prints 'no device fits: what helps' 'no platform is allowed; each of these limits helps alone:'
prints 'no device fits: to paste' '--set tenancy.area_mm2='
runs 0 'a large space' "$dse" why co.cfg --set search.bound_points=3
prints 'a large space: not looked through' 'more than search.bound_points designs'
runs 0 'two ranks say the same' "$dse" why co.cfg --json --set co_search.metric=training --set co_search.makespan_s=1e-5
if [[ $MPI == yes ]]; then
  cp out alone.json
  runs 0 'two ranks' mpirun -q -n 2 "$dse" why co.cfg --json --set co_search.metric=training --set co_search.makespan_s=1e-5
  check 'two ranks: the same bytes' cmp out alone.json
fi
finish
