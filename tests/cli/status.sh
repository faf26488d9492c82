#!/bin/bash
# What do people see of a run while it goes on? `dse status` of running, stopped, failed, complete and killed sweeps, which
# must not disturb them; whole files for whoever reads along; a moving line on a terminal, a line a minute elsewhere.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
write_long long.cfg 4000
slow_disk 5 # a second at least for 4,600 evaluations, nine for 40,000

# Runs a command on a terminal of so many columns and keeps what comes out of it; exit status that of the command.
cat >terminal.py <<'PYTHON'
import fcntl, os, pty, struct, subprocess, sys, termios
columns, path, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
ours, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
os.close(theirs)
with open(path, "wb", buffering=0) as file:
    while True:
        try: data = os.read(ours, 65536)
        except OSError: break
        if not data: break
        file.write(data)
sys.exit(run.wait())
PYTHON

# --- a line a minute, the first after ten seconds: looked at in the end. Under a launcher stderr is no terminal of ours -----
launcher=()
[[ $MPI == no ]] || launcher=(mpirun -q -n 1)
(
  cd "$folder" || exit 1
  env TERM="$([[ $MPI == no ]] && echo dumb || echo xterm)" python3 terminal.py 90 plain.txt timeout 600 "${launcher[@]}" "${slow[@]}" "$dse" explore long.cfg --out plain --max-time 11.5 \
    --set search.max_evaluations=1000000 --set 'space.clock_mhz=[940, 1000, 1100, 1200, 1300, 1513]'
) &
plain=$!

# --- a run that is complete, stopped, failed ------------------------------------------------------------------------------------
runs 0 'a run' "$dse" explore small.cfg --out complete --quiet
runs 75 'a part of a run' "$dse" explore long.cfg --out stopped --max-time 0 --quiet
# shellcheck disable=SC2016 # the inner shell expands it
runs 1 'a run without room' bash -c 'ulimit -f 64; exec "$1" explore long.cfg --out failed --quiet' - "$dse"
files() { (cd "$1" && find . -exec stat -c '%n %i %s %Y.%Z' {} + | sort); }
for state in complete stopped failed; do
  files $state >before
  runs 0 "$state" "$dse" status $state
  silent "$state" err
  check "$state: in the first line" grep -q "^$state: $state" out
  runs 0 "$state, as JSON" "$dse" status $state --json
  mv out $state.jsonl
  files $state >after
  check "$state: nothing is touched" diff before after
done
runs 0 'what next' "$dse" status complete
prints 'what next: complete' 'open complete/report.html'
runs 0 'what next' "$dse" status stopped
prints 'what next: stopped' 'dse resume stopped'
prints 'why: stopped' '(--max-time)'
runs 0 'what next' "$dse" status failed
prints 'what next: failed' 'dse resume failed'
prints 'why: failed' 'failed/'
holds 'complete, as JSON' 'len(a) == 1 and all(a[0][k] == b[k] for k in b if k not in ("journal_bytes",)) and a[0]["gap"] == 0
  and a[0]["lower_bound"] == a[0]["best"] and a[0]["locked"] is False and a[0]["holder"] is None and
  a[0]["journal_rounds"] == a[0]["round"] > 0 and 0 <= a[0]["commit_age_s"] < 600' complete.jsonl complete/status.json
holds 'stopped, as JSON' 'a[0]["state"] == "stopped" and a[0]["round"] == a[0]["journal_rounds"] == 1 and a[0]["evaluations"] == 23
  and a[0]["evaluations_max"] == 4000 and a[0]["eta_s"] is None and a[0]["next"] == "dse resume stopped"' stopped.jsonl
check 'journal_bytes are the bytes of the journal' grep -q "\"journal_bytes\":$(stat -c %s stopped/journal)[,}]" stopped.jsonl
runs 0 'from within' bash -c "cd stopped && $dse status ."
prints 'from within' '.: stopped'

# --- a running one, looked at again and again; then killed -------------------------------------------------------------------------
"${slow[@]}" "$dse" explore long.cfg --out busy --quiet --set search.max_evaluations=40000 >/dev/null 2>&1 &
pid=$!
wait_for_bytes busy/journal 5000
runs 0 'running' "$dse" status busy
prints 'running' 'busy: running, launch 1'
prints 'running: who' "pid $pid"
runs 0 'running, as JSON' "$dse" status busy --json
cp out running.jsonl
holds 'running, as JSON' "a[0]['state'] == 'running' and a[0]['locked'] and a[0]['holder'].endswith('pid $pid') and
  a[0]['journal_rounds'] > a[0]['round'] >= 0 and a[0]['commit_age_s'] < 60" running.jsonl
# The journal is counted on from what status.json says, to the same number.
kill -USR2 $pid
await grep -q '"round": [1-9]' busy/status.json
kill -STOP $pid
python3 - busy/journal >counted <<'PYTHON'
import struct, sys
data, at, n = open(sys.argv[1], "rb").read(), 64, 0
while at + 20 <= len(data):
    size = 20 + struct.unpack_from("<I", data, at + 4)[0]
    at += (size + 7) // 8 * 8
    n += at <= len(data)
print(n)
PYTHON
runs 0 'held still' "$dse" status busy --json
cp out still.jsonl
holds 'held still: all rounds are counted' "a[0]['journal_rounds'] == $(cat counted) >= b['journal_rounds'] > 0 and
  b['phase'] == 'search' and b['evaluations_per_s'] > 0" still.jsonl busy/status.json
kill -CONT $pid
# Looking does not keep the lock from anybody: the run ends and another takes over while it is looked at all the time.
(while [[ ! -e enough ]]; do "$dse" status busy >/dev/null; done) &
looker=$!
kill -KILL $pid
wait $pid 2>/dev/null
runs 75 'goes on while it is looked at' "$dse" resume busy --quiet --max-time 0
touch enough
wait $looker
"${slow[@]}" "$dse" resume busy --quiet >/dev/null 2>&1 &
pid=$!
await grep -q '"epoch": 3' busy/status.json
kill -KILL $pid
wait $pid 2>/dev/null
runs 0 'killed' "$dse" status busy
prints 'killed: noticed' 'busy: died (killed, resumable), launch 3'
prints 'killed: what next' 'dse resume busy'
rm busy/status.json
printf '\xd5torn' >>busy/journal
runs 0 'killed before it said anything' "$dse" status busy --json
cp out died.jsonl
holds 'killed before it said anything' "a[0]['state'] == 'died' and a[0]['journal_rounds'] >= $(cat counted)" died.jsonl
# Quick, with a journal of thousands of rounds too, counted anew or not: what status takes is not to read designs.
runs 0 'many rounds' "$dse" explore long.cfg --out many --quiet --set search.round_size=1 --set search.max_evaluations=3000
cp many/journal journal
took_ms=$(for _ in {1..10}; do cpu_ms "$dse" status many --json; done | awk '{ n += $1 } END { print n }')
check "ten of many rounds in a second of a processor ($took_ms ms)" test "$took_ms" -lt 1000
rm many/status.json
took_ms=$(for _ in {1..10}; do cpu_ms "$dse" status many --json; done | awk '{ n += $1 } END { print n }')
check "ten of many rounds, counted, in a second of a processor ($took_ms ms)" test "$took_ms" -lt 1000
runs 0 'many rounds, counted' "$dse" status many --json
holds 'many rounds' 'a["journal_rounds"] == 3000' out

# --- several; what is no results folder; what strangers wrote --------------------------------------------------------------------------
runs 0 'several' "$dse" status complete stopped failed busy
check 'several: a row each' test "$(grep -cE '^(complete +complete +100|stopped +stopped|failed +failed|busy +died)' out)" -eq 4
runs 0 'several, as JSON' "$dse" status complete stopped --json
cp out two.jsonl
holds 'several, as JSON: a line each' '[x["folder"] for x in a] == ["complete", "stopped"]' two.jsonl
runs 1 'one of them is missing' "$dse" status complete nowhere stopped
prints 'one of them is missing: the others are shown' 'stopped'
says 'one of them is missing' 'nowhere: no status.json and no journal there'
mkdir empty fifo
mkfifo fifo/status.json fifo/journal fifo/lock
runs 1 'an empty folder' "$dse" status empty
runs 1 'pipes' "$dse" status fifo
runs 2 'no folder named' "$dse" status
runs 2 '--set' "$dse" status complete --set batch=3
mkdir hostile
cp complete/journal hostile/
n=0
while IFS= read -r text; do
  n=$((n + 1))
  printf '%b' "$text" >hostile/status.json
  runs 0 "hostile status.json $n" "$dse" status hostile
  refute "hostile status.json $n: no control characters" grep -qP '[\x00-\x09\x0b-\x1f\x7f]' out
  runs 0 "hostile status.json $n, as JSON" "$dse" status hostile --json
  cp out hostile.jsonl
  holds "hostile status.json $n, as JSON" 'len(a) == 1 and a[0]["journal_rounds"] >= 0' hostile.jsonl
done <<'TEXTS'
{
[]
{"state": 7, "reason": {}, "epoch": "x", "best": "y", "round": -3, "journal_bytes": -1}
{"state": "complete", "state": "running"}
{"state": "run\\u001b[2Jning\\u0007", "reason": "\\u001b]0;x\\u0007", "unit": "\\u001b[31m", "best": 1.5}
{"state": "running", "epoch": 9223372036854775807, "journal_bytes": 9223372036854775807, "journal_rounds": 5}
{"state": "running", "eta_s": 1e308, "evaluations": 5, "evaluations_max": 1, "gap": 1e300, "lower_bound": 3}
\x00\xff\xfe
TEXTS
head -c 3000000 /dev/zero | tr '\0' '[' >hostile/status.json
runs 0 'three million brackets' "$dse" status hostile

# --- a reader during a run sees whole files only, and never less than before ---------------------------------------------------------
cat >poll.py <<'PYTHON'
"""Reads along while a run publishes again and again; then says how many different files it saw."""
import csv, io, json, os, signal, subprocess, sys, time
run = subprocess.Popen(sys.argv[2:])
seen, rounds, fronts, asked = set(), -1, 0, 0.0
while run.poll() is None:
    if time.monotonic() - asked > 0.03 and os.path.exists(sys.argv[1] + "/status.json"):
        run.send_signal(signal.SIGUSR2)
        asked = time.monotonic()
    for name in ("status.json", "front.csv", "topk.csv", "columns.csv"):
        try:
            with open(sys.argv[1] + "/" + name, encoding="utf-8", newline="") as file: text = file.read()
        except FileNotFoundError: continue
        assert text.endswith("\n"), name + " is not whole"
        if name == "status.json":
            status = json.loads(text)
            assert status["round"] >= rounds, "fewer rounds than before"
            rounds = status["round"]
        else:
            rows = list(csv.reader(io.StringIO(text), strict=True))
            assert rows and all(len(row) == len(rows[0]) for row in rows), name + " is ragged"
            fronts += name == "front.csv"
        seen.add((name, text))
print(len(seen), fronts, run.returncode)
sys.exit(0 if len(seen) >= 20 and fronts >= 20 and rounds > 0 and run.returncode == 0 else 1)
PYTHON
check 'a reader along the way' python3 poll.py polled "${slow[@]}" "$dse" explore long.cfg --out polled --quiet
runs 0 'never looked at' "$dse" explore long.cfg --out whole --quiet
same_files 'a reader along the way' whole polled "${same_bytes[@]}"

# --- a terminal: one line, written over and over ----------------------------------------------------------------------------------------
unlaunched=(env -u NO_COLOR -u OMPI_COMM_WORLD_SIZE -u PMI_RANK -u PMIX_RANK -u SLURM_STEP_ID TERM=xterm)
cat >lines.py <<'PYTHON'
"""Is it one moving line of at most so many columns, that has these words, and is gone in the end?"""
import re, sys
text, columns, words = open(sys.argv[1], "rb").read().decode("ascii"), int(sys.argv[2]), sys.argv[3:]
moving = re.findall(r"\r([^\r\n]*)\x1b\[K", text)
lines = [line for line in moving if line]
print(repr(text[:2000]))
assert len(lines) >= 2 and len(set(lines)) >= 2, "it does not move"
assert all(len(line) < columns for line in lines), "too long"
assert moving[-1] == "", "it is still there in the end"
for word in words: assert any(re.search(word, line) for line in lines), "nowhere: " + word
assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]", text), "other control characters"
PYTHON
for columns in 100 80 40; do
  words=('^search [0-9]+ %' 'best [0-9.]+' 'ETA ')
  ((columns < 80)) || words+=(' [0-9]+/40000' '[0-9]+/s')
  ((columns < 100)) || words+=('best [0-9.]+ samples/s')
  # The line knows a rate after some rounds: on a slow machine they take longer.
  for limit_s in 1.8 5 15 45; do
    runs 75 "$columns columns, $limit_s s" "${unlaunched[@]}" python3 terminal.py $columns line.txt "${slow[@]}" "$dse" explore \
      long.cfg --out line --fresh --max-time $limit_s --set search.max_evaluations=40000
    ! python3 lines.py line.txt $columns "${words[@]}" >/dev/null 2>&1 || break
  done
  check "$columns columns: one line" python3 lines.py line.txt $columns "${words[@]}"
done
"${unlaunched[@]}" python3 terminal.py 80 line.txt "$dse" explore long.cfg --out proof --set search.prove=true \
  --set 'search.algorithm="guided"' --set search.max_evaluations=30000 \
  --set 'space.clock_mhz=[940, 1000, 1100, 1200, 1300, 1513]' &
terminal=$!
for ((i = 0; i < 3600; i++)); do
  if grep -q '"lower_bound": [0-9]' proof/status.json 2>/dev/null; then break; fi
  pid=$(sed -n 's/.*"pid": \([0-9]*\),/\1/p' proof/status.json 2>/dev/null)
  [[ -z $pid ]] || kill -USR2 "$pid"
  sleep 0.05
done
# Until the line has moved, however slow the machine is; lines.py says so if it never does.
for ((i = 0; i < 3600; i++)); do
  frames=$(tr '\r' '\n' <line.txt | grep -a '^prove ' | sort -u | wc -l)
  ((frames < 2)) || break
  sleep 0.05
done
kill -TERM "$pid"
status=0
wait $terminal || status=$?
verdict 'a bounded space: stopped in its proof' $((status != 75)) <line.txt
check 'a bounded space: bound and gap' python3 lines.py line.txt 80 '^prove ' 'gap [0-9.]+ %'
holds 'a bounded space: status.json has the bound' 'a["phase"] == "prove" and a["lower_bound"] >= a["best"] and 0 <= a["gap"] < 1' \
  proof/status.json
for setting in NO_COLOR=1 TERM=dumb SLURM_STEP_ID=0; do
  runs 75 "$setting" "${unlaunched[@]}" env "$setting" python3 terminal.py 80 line.txt "${slow[@]}" "$dse" explore long.cfg --out line --fresh --max-time 1.2 --set search.max_evaluations=30000
  refute "$setting: no line moves" grep -q $'\033' line.txt
done
runs 75 '--quiet' "${unlaunched[@]}" python3 terminal.py 80 line.txt "${slow[@]}" "$dse" explore long.cfg --out line --fresh --max-time 1.2 --quiet --set search.max_evaluations=30000
check '--quiet: nothing' test ! -s line.txt

# --- the line after ten seconds -----------------------------------------------------------------------------------------------------------
status=0
wait $plain || status=$?
verdict 'elsewhere: exit status 75' $((status != 75)) <plain.txt
refute 'elsewhere: no line moves' grep -q $'\033' plain.txt
check 'elsewhere: one line after ten seconds' test \
  "$(grep -cE '^search [0-9]+ % [0-9]+/[0-9]+, [0-9.]+/s, best [0-9.]+ samples/s, ETA ' plain.txt)" -eq 1
holds 'status.json while it went on: at least every ten seconds' 'a["state"] == "stopped" and a["phase"] == "search"' plain/status.json
finish
