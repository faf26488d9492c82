#!/bin/bash
# What is promised of the program as a whole, beside what the other scripts of this folder test: output under mpirun that
# goes to a file, every column and field explained, CSV that is read without options, fronts that are never half there,
# and commands that start no MPI outside of mpirun (scripts/startup measures how fast they are).
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
ln -s "$root/configs" configs
write_small small.cfg

# --- runs of every kind ----------------------------------------------------------------------------------------------
runs 0 'one device' "$dse" explore small.cfg --out one --quiet
runs 0 'several workloads' "$dse" explore configs/common-design.cfg --out several --quiet \
  --set 'space.tc_count=[1, 4]' --set 'space.vc_count=[2]' --set 'space.glb_mib=[16]'
runs 0 'many devices' "$dse" explore configs/llama2-7b.cfg --out many --quiet --shards
runs 0 'tenants' "$dse" explore configs/tenants.cfg --out tenants --quiet --set tenancy.samples=50 \
  --set tenancy.final_samples=100 --set tenancy.group_size=20 --set tenancy.cores=3
runs 3 'nothing feasible' "$dse" explore small.cfg --out none --quiet --set limits.area_mm2=20

# --- every column is in columns.csv, every field on the pages about them; CSV is what any reader takes -------------------
cat >explained.py <<'PYTHON'
import csv, glob, json, os, re, sys
folder = sys.argv[1]
page = "\n".join(open(path, encoding="utf-8").read() for path in sys.argv[2:])
named = set(re.findall(r"`([^`]+)`", page)) | {name.rstrip("[]") for name in re.findall(r"`([^`]+)`", page)}
with open(folder + "/columns.csv", newline="", encoding="utf-8") as file: rows = list(csv.DictReader(file))
known = {(row["file"], row["column"]) for row in rows} | {("columns.csv", name) for name in rows[0]}
bad = ["%s: %s: no meaning" % (row["file"], row["column"]) for row in rows if not row["meaning"]]
for path in sorted(glob.glob(folder + "/*.csv")):
    name = os.path.basename(path)
    data = open(path, "rb").read()
    if b"\r" in data or b"\0" in data or not data.endswith(b"\n"): bad.append(name + ": not plain lines")
    with open(path, newline="", encoding="utf-8") as file: table = list(csv.reader(file, strict=True))
    if any(len(row) != len(table[0]) for row in table): bad.append(name + ": ragged")
    if len(set(table[0])) != len(table[0]): bad.append(name + ": a column twice")
    bad += ["%s: %s: not in columns.csv" % (name, column) for column in table[0] if (name, column) not in known]
    numeric = [all(re.fullmatch(r"-?(\d+(\.\d*)?([eE][-+]?\d+)?)?", row[i]) for row in table[1:]) for i in range(len(table[0]))]
    for i, column in enumerate(table[0]):  # what is a number by its unit reads as one
        unit = next((row["unit"] for row in rows if (row["file"], row["column"]) == (name, column)), "")
        if unit and not numeric[i]: bad.append("%s: %s in %s is no number everywhere" % (name, column, unit))
designs = set()
with open(folder + "/columns.csv", newline="", encoding="utf-8") as file:
    columns = {row["column"] for row in csv.DictReader(file)}
def fields(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            free = path.endswith((".designs", "excluded_by_limit", "pruned_by_bound"))  # keys are names of designs, limits
            if not free and key not in named and key not in columns: bad.append("%s.%s: on no page" % (path, key))
            fields(inner, path + "." + key)
    elif isinstance(value, list):
        for inner in value: fields(inner, path)
for name in ("summary.json", "status.json", "manifest.json"):
    with open(folder + "/" + name, encoding="utf-8") as file: fields(json.load(file), name)
try:
    import pandas
    for path in glob.glob(folder + "/*.csv"): pandas.read_csv(path)
except ImportError: pass
print("\n".join(sorted(set(bad))))
sys.exit(bool(bad))
PYTHON
for kind in one several many tenants none; do
  check "$kind: every column and field is explained" python3 explained.py $kind "$root/docs/json.md" "$root/docs/systems.md"
done

# --- a reader that asks all the time never sees half a front ------------------------------------------------------------
# The run has more to do than it gets time for: it is stopped once enough was read, however fast the machine is.
cat >poll.py <<'PYTHON'
import csv, io, os, signal, subprocess, sys, time
command = sys.argv[2:]
run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seen, header, n, enough = set(), None, 0, False
while run.poll() is None:
    try:
        with open(sys.argv[1] + "/front.csv", newline="", encoding="utf-8") as file: text = file.read()
    except FileNotFoundError:  # the first is due after a minute, or when somebody asks
        if os.path.exists(sys.argv[1] + "/status.json"): run.send_signal(signal.SIGUSR2)
        time.sleep(0.02)
        continue
    if n == 0: assert open(sys.argv[1] + "/columns.csv", encoding="utf-8").read().endswith("\n"), "no columns.csv before it"
    assert text.endswith("\n"), "cut"
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert header in (None, rows[0]) and all(len(row) == len(rows[0]) for row in rows), "ragged"
    header = rows[0]
    seen.add(hash(text))
    n += 1
    if n >= 100 and len(seen) >= 5 and not enough:
        enough = True
        run.send_signal(signal.SIGTERM)
    elif n % 5 == 0: run.send_signal(signal.SIGUSR2)  # publish now
    time.sleep(0.002)
print(run.returncode, n, "reads,", len(seen), "versions")
sys.exit(run.returncode != 75 or not enough)
PYTHON
write_long long.cfg 40000
check 'polled: each version of front.csv is whole' python3 poll.py polled "$dse" explore long.cfg --out polled --quiet
for kind in polled one; do
  runs 0 "$kind: dse front on it" "$dse" front $kind --json
  mv out $kind.json
  holds "$kind: the same designs as in front.csv" '[row["design"] for row in a["front"]] == [row["design"] for row in b] != []' \
    $kind.json $kind/front.csv
done
holds 'one: agrees with summary.json' '[row["design"] for row in a["front"]] == [row["design"] for row in b["front"]]' \
  one.json one/summary.json

# --- outside of mpirun no MPI is started; under mpirun a file gets plain lines, and few ----------------------------
if [[ $MPI != no ]]; then
  # In a world where MPI_Init fails; a process that thinks it was launched with others meets it.
  nowhere=(env OMPI_MCA_ess=none_such OMPI_MCA_btl=none_such)
  for words in '--help' 'check small.cfg' 'status one' 'front one' 'why one' 'list workloads' 'explore --help'; do
    read -ra command <<<"$words"
    runs 0 "$words: without MPI" "${nowhere[@]}" "$dse" "${command[@]}"
  done
  runs 1 'launched by mpirun it would' "${nowhere[@]}" OMPI_COMM_WORLD_SIZE=1 "$dse" list workloads
  # Of a space that no machine gets through in the time: the 40,320 points of the file's own are.
  start=$SECONDS
  mpirun -q -n 2 "$dse" explore long.cfg --out lines --set search.max_evaluations=10000000 \
    --set 'space.glb_mib="1..256 +1"' >lines.txt 2>&1 </dev/null &
  launcher=$!
  await grep -qE '^search .*/s' lines.txt
  kill -USR1 $launcher
  status=0
  wait $launcher || status=$?
  check 'under mpirun, into a file' test $status -eq 75
  check 'no escape, no carriage return' python3 -c '
import sys
data = open("lines.txt", "rb").read()
sys.exit(b"\x1b" in data or b"\r" in data or b"\0" in data or not data.endswith(b"\n"))'
  lines=$(grep -cE '^search .*/s' lines.txt)
  check "a line after ten seconds, then one a minute: $lines with the last in $((SECONDS - start)) s" \
    test "$lines" -ge 1 -a "$lines" -le $((2 + (SECONDS - start) / 60 + 1))
fi
finish
