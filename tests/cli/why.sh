#!/bin/bash
# Is what `dse why` advises enough, and is it needed? Fifty random settings under which nothing is feasible: with the
# limits moved as it says a run finds a design, with a hundredth less it finds none. And what it says of winners and of
# single designs.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg

# --- fifty random settings ----------------------------------------------------------------------------------------------
cat >fifty.py <<'PYTHON'
import json, random, subprocess, sys
dse, n, seed = sys.argv[1], int(sys.argv[2]), 2385
rng = random.Random(seed)
draws = {  # limits that some designs of the space keep and some do not, alone or with others
    "limits.area_mm2": (20, 260), "limits.tdp_w": (10, 150), "limits.w_per_mm2": (0.05, 0.6),
    "technology.reticle_mm2": (20, 260), "limits.throughput_floor": (0.2, 4), "limits.maximum.energy_j": (0.5, 6),
    "limits.minimum.throughput_samples_per_s": (40, 400), "limits.maximum.edp_js": (0.02, 1),
    "limits.maximum.area_mm2": (20, 260), "limits.minimum.throughput_per_tdp": (0.3, 3), "limits.maximum.die_cost_usd": (2, 40),
}
def run(*words):
    return subprocess.run([dse, *words], capture_output=True, text=True, timeout=600)
def explore(sets):
    words = [word for item in sets for word in ("--set", item)]
    return run("explore", "small.cfg", "--out", "run", "--fresh", "--quiet", *words).returncode
done = tried = jointly = helpless = 0
kinds, bad = {}, 0
while done < n and tried < 4000:
    tried += 1
    keys = rng.sample(sorted(draws), rng.choice([1, 2, 2, 3]))
    sets = ["%s=%.6f" % (key, rng.uniform(*draws[key])) for key in keys]
    words = [word for item in sets for word in ("--set", item)]
    answer = run("why", "small.cfg", "--json", *words)
    assert answer.returncode == 0, (sets, answer.stderr)
    why = json.loads(answer.stdout)
    if why["feasible"]: continue
    if not why["relaxation"]:
        helpless += 1
        continue
    done += 1
    jointly += len(why["relaxation"]) > 1
    for item in why["relaxation"]: kinds[item["set"].split("=")[0]] = kinds.get(item["set"].split("=")[0], 0) + 1
    enough = [item["set"] for item in why["relaxation"]]
    less = ["%s=%.12f" % (item["set"].split("=")[0], item["from"] + 0.99 * (item["to"] - item["from"]))
            for item in why["relaxation"]]
    codes = explore(sets), explore(sets + enough), explore(sets + less)
    if codes != (3, 0, 3):
        bad += 1
        print("seed", seed, "draw", tried, sets, enough, less, "exit statuses", codes)
print("%d settings of %d drawn, %d with several limits; %d others without advice; %s" % (done, tried, jointly, helpless, kinds))
sys.exit(bad > 0 or done < n or len(kinds) < 5 or jointly == 0)
PYTHON
check 'fifty: what is advised is enough, and needed' python3 fifty.py "$dse" 50
grep 'settings of' check || true # for the eye

# --- memory, conditions, whole systems: the same promise, checked on random settings --------------------------------------
cat >more.py <<'PYTHON'
import json, random, subprocess, sys
dse, seed = sys.argv[1], 2385
rng = random.Random(seed)
def run(*words):
    return subprocess.run([dse, *words], capture_output=True, text=True, timeout=600)
def explore(file, sets):
    words = [word for item in sets for word in ("--set", item)]
    return run("explore", file, "--out", "run", "--fresh", "--quiet", *words).returncode
cases = []
for _ in range(4):
    cases.append(("small.cfg", "memory", ["batch=%d" % rng.randrange(200, 3000)]))
    least = rng.randrange(200, 400) / 10
    cases.append(("small.cfg", "constraints", ['limits.constraints=["area_mm2 < %.1f", "tc_count < 1000"]' % least]))
    cases.append(("system.cfg", "power_w", ["system.power_w=%.1f" % rng.uniform(50, 700)]))
    cases.append(("system.cfg", "money_usd", ["system.money_usd=%.1f" % rng.uniform(50, 2500)]))
bad, seen = 0, {}
for file, kind, sets in cases:
    answer = run("why", file, "--json", *[word for item in sets for word in ("--set", item)])
    assert answer.returncode == 0, (sets, answer.stderr)
    why = json.loads(answer.stdout)
    if why["feasible"]: continue
    if len(why["relaxation"]) != 1:
        print("seed", seed, sets, "no single relaxation", why["relaxation"]); bad += 1; continue
    item = why["relaxation"][0]
    key = item["set"].split("=")[0]
    less = {"memory": "%s=[%s]" % (key, int(item["to"] or 2) - 1), "constraints": sets[0]}.get(
        kind, "%s=%.9f" % (key, (item["from"] or 0) + 0.99 * ((item["to"] or 0) - (item["from"] or 0))))
    codes = explore(file, sets), explore(file, sets + [item["set"]]), explore(file, sets + [less])
    seen[kind] = seen.get(kind, 0) + 1
    if codes != (3, 0, 3) or not {"memory": "gib", "constraints": "constraints"}.get(kind, kind) in key:
        bad += 1
        print("seed", seed, sets, item, less, "exit statuses", codes)
print(seen)
sys.exit(bad > 0 or len(seen) < 4)
PYTHON
cat >system.cfg <<'CFG'
workload = "gpt2-small";
batch = 1;
limits = { area_mm2 = 500.0; };
space = { tc_count = [1, 2]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [1, 2]; vc_width = [256]; glb_mib = [16];
          hbm_stacks = [1, 2]; };
system = { devices = [8, 16]; global_batch = 16; tensor = [1, 2]; pipeline = [1, 2]; microbatch = [1];
           kinds = "homogeneous"; };
network = { preset = "dgx-a100"; };
CFG
check 'memory, conditions, power and money of systems: enough, and needed' python3 more.py "$dse"

# --- counts ---------------------------------------------------------------------------------------------------------------
runs 3 'a run' "$dse" explore small.cfg --out none --quiet --set limits.tdp_w=60
runs 0 'its folder' "$dse" why none --json
mv out none.json
silent 'its folder' err
holds 'the counts of infeasible.csv' \
  'all(l["designs"] == int(r["designs"]) and l["alone"] == int(r["alone"]) and abs(l["nearest_miss"] - float(r["nearest_miss"])) < 1e-9
   for l in a["limits"] for r in b if r["limit"] == l["limit"]) and a["allowed"] == 0 and not a["feasible"]' none.json none/infeasible.csv
runs 0 'in words' "$dse" why small.cfg --set limits.tdp_w=60
prints 'in words: what helps' 'nothing is feasible; the single limit that helps, moved least:'
prints 'in words: to paste' '--set limits.tdp_w='

# --- a winner, and single designs --------------------------------------------------------------------------------------------
runs 0 'a run with designs' "$dse" explore small.cfg --out one --quiet
runs 0 'its winner' "$dse" why one --json
mv out one.json
holds 'its winner: as summary.json has it' \
  'a["feasible"] and a["winner"]["design"] == b["best"]["axes"] and a["winner"]["binding"] == b["best"]["binding"] and
   a["winner"]["throughput_samples_per_s"] == b["best"]["throughput_samples_per_s"]' one.json one/summary.json
holds 'its winner: no neighbour is better' \
  'len(a["winner"]["steps"]) >= 4 and all((s["throughput_samples_per_s"] or 0) <= a["winner"]["throughput_samples_per_s"] for s in a["winner"]["steps"])' \
  one.json
holds 'its winner: the critical path by phase' \
  '(lambda p: sum(p["phases"].values()) <= p["cycles"] and p["operators"] > 0 and set(p["phases"]) >= {"forward"} and len(p["longest"]) == 3)(a["winner"]["critical_path"])' \
  one.json
best=$(python3 -c 'import json; print(json.load(open("one/summary.json"))["best"]["axes"])')
runs 0 'the winner itself' "$dse" why one --design "$best"
prints 'the winner itself' 'it is on the front'
runs 0 'a small design' "$dse" why one --design tc_count=1,tc_rows=32,tc_cols=64,vc_count=2,vc_width=1024,glb_mib=64,hbm_stacks=4 --json
mv out small.json
holds 'a small design: by which it is dominated' \
  '(lambda w, r: any(x["design"] == w for x in b) and a["feasible"])(a["dominated_by"], b)' small.json one/front.csv
holds 'a small design: its bound is below the best found' \
  'a["pruned"]["bound"] < a["pruned"]["best"] and a["pruned"]["pruned"]' small.json
runs 0 'a large design' "$dse" why one --design tc_count=64,tc_rows=128,tc_cols=128 --json
mv out large.json
holds 'a large design: all that it breaks' \
  'not a["feasible"] and {"limits.area_mm2", "limits.tdp_w"} <= {x["limit"] for x in a["breaks"]} and all(x["excess"] > 0 for x in a["breaks"])' \
  large.json
runs 2 'a misspelt key' "$dse" why one --design tc_cout=3
says 'a misspelt key' 'did you mean tc_count?'
runs 1 'nothing there' "$dse" why nowhere.cfg
if [[ $MPI != no ]]; then
  runs 0 'on two ranks' mpirun -q -n 2 "$dse" why none --json
  check 'on two ranks: the same' cmp out none.json
fi
finish
