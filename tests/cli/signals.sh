#!/bin/bash
# A signal at any moment of a run: while it is prepared, before its first round, within a round, while the journal is
# replayed, while the space is bounded, while the last files are written, while it waits for the folder's lock. Does it
# leave, with the status and the files that the moment asks for, and does the run go on to the same bytes? And do the other
# signals do what they are for? How long it takes: tests/bench/signal-latency.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_long long.cfg 4000
slow_disk 15
runs 0 'never stopped' "$dse" explore long.cfg --out whole --quiet

# Starts a run in the background: its process is $pid. A shell starts background jobs deaf to INT; a user's are not.
start() {
  env --default-signal=INT "$@" >out 2>err </dev/null &
  pid=$!
}
# Ends the started run: exit status in $status, from the signal on it took $took_ms.
signal_and_wait() { # SIGNAL
  local start=${EPOCHREALTIME/./}
  kill -"$1" "$pid"
  status=0
  wait "$pid" || status=$?
  took_ms=$(((${EPOCHREALTIME/./} - start) / 1000))
}
leaves() { # NAME STATUS
  verdict "$1: exit status $2" $((status != $2)) < <(echo "exit status $status" && cat err)
  ends_at_last "$1" "$took_ms"
}
field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1] + "/status.json"))[sys.argv[2]])' "$@"; }

# --- while it is prepared: nothing is touched -----------------------------------------------------------------------------
start "$dse" explore long.cfg --out never --set 'model=["layers=3000"]' --set limits.memory=false --set search.round_size=1
await catches "$pid"
signal_and_wait USR1
leaves 'prepared' 75
says 'prepared: why' 'stopped by signal SIGUSR1 before the first round; nothing was written'
check 'prepared: said once' test "$(wc -l <err)" -eq 1
check 'prepared: no folder' test ! -e never

# --- before the first round's end, and within a later one: it is dropped ----------------------------------------------------
start "$dse" explore long.cfg --out first --set search.round_size=40000 --set search.max_evaluations=40000
await test -s first/status.json
sleep 0.1
signal_and_wait TERM
leaves 'the first round' 75
says 'the first round: why' 'stopped by signal SIGTERM after 0 evaluations'
holds 'the first round: nothing of it' \
  'a["state"] == "stopped" and a["reason"] == "signal SIGTERM" and a["round"] == 0 and a["eta_s"] is None' first/status.json
check 'the first round: an empty journal' test "$(stat -c %s first/journal)" -eq 64
# The second round may be over before the signal comes: then the moment is missed, and tried again.
for ((attempt = 1; attempt <= 5; attempt++)); do
  start "$dse" explore long.cfg --out first --set search.round_size=4000 --set search.max_evaluations=8000 --fresh
  wait_for_bytes first/journal 64
  signal_and_wait XCPU
  ! grep -q '"round": 1,' first/status.json || break
done
leaves 'the second round' 75
holds 'the second round: it is dropped' 'a["round"] == 1 and a["evaluations"] == 4000 and len(b) > 0' first/status.json first/front.csv
runs 0 'the second round: again' "$dse" resume first --quiet
runs 0 'the same, never stopped' "$dse" explore long.cfg --out wide --set search.round_size=4000 --set search.max_evaluations=8000 --quiet
same_files 'dropped rounds' wide first "${same_bytes[@]}"

# --- --max-time drops a round that is under way, if the launch has added one ---------------------------------------------------
# A limit behind the first round, and well before the sixteenth, which is the last.
slow_disk 200
begin=${EPOCHREALTIME/./}
runs 75 'a round for --max-time 0' "${slow[@]}" "$dse" explore long.cfg --out limit --set search.round_size=1500 --fresh --max-time 0
holds 'a round for --max-time 0' 'a["round"] == 1' limit/status.json
limit=$(awk -v us=$((${EPOCHREALTIME/./} - begin)) 'BEGIN { printf "%.3f", 1.3e-6 * us }')
runs 75 '--max-time within a later round' "${slow[@]}" "$dse" explore long.cfg --out limit --set search.round_size=1500 --fresh \
  --set search.max_evaluations=40000 --max-time "$limit"
holds '--max-time within a later round: it is dropped' '1 <= a["round"] < 16 and a["evaluations"] == 1500 * a["round"] and
  a["reason"] == "--max-time"' limit/status.json

# --- while it is replayed: no reader sees less than before ------------------------------------------------------------------
slow_disk 40 # 174 rounds: seven seconds
for signal in HUP INT; do
  start "${slow[@]}" "$dse" explore long.cfg --out replay --quiet
  await test -s replay/journal && wait_for_bytes replay/journal $(($(stat -c %s replay/journal) + 90000))
  signal_and_wait $signal
  leaves "within rounds, SIG$signal" 75
  before=$(field replay evaluations) epoch=$(field replay epoch)
  start "${slow[@]}" "$dse" explore long.cfg --out replay --quiet
  await grep -q "\"epoch\": $((epoch + 1))" replay/status.json
  check "replayed: status.json tells what was" test "$(field replay evaluations)" -ge "$before"
  signal_and_wait $signal
  leaves "replayed, SIG$signal" 75
  holds "replayed, SIG$signal: nothing is lost" "a['evaluations'] >= $before and a['state'] == 'stopped' and
    a['reason'] == 'signal SIG$signal'" replay/status.json
  check "replayed, SIG$signal: nothing is lost" test "$(tail -n +2 replay/convergence.csv | wc -l)" -eq "$(field replay round)"
done
runs 0 'replayed: resumed' "$dse" resume replay --quiet
same_files 'replayed' whole replay "${same_bytes[@]}"

# --- while the space is bounded: folder.sh has what becomes of the proof; here, how long it takes ---------------------------
cat >wide.cfg <<'CFG'
workload = "dlrm-criteo";
batch = 64;
limits = { memory = false; };
space = { clock_mhz = [940, 1513]; };
search = { algorithm = "random"; max_evaluations = 23; round_size = 23; prove_front = false; seed = 2385;
  bound_points = 100000000; };
CFG
start "$dse" explore wide.cfg --out bounds --quiet
wait_for_bytes bounds/journal 64
sleep 0.1
signal_and_wait TERM
leaves 'bounded' 75
holds 'bounded' 'a["state"] == "stopped" and a["round"] >= 1 and (a["lower_bound"] or a["best"]) >= a["best"]' bounds/status.json

# --- while the last files are written: it finishes ---------------------------------------------------------------------------
cat >at_the_end.py <<'PYTHON'
"""Sends SIGTERM as soon as status.json tells that the last files are being written; says whether it could."""
import json, os, signal, subprocess, sys
run = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
sent = False
while run.poll() is None and not sent:
    try:
        with open(sys.argv[1] + "/status.json", encoding="utf-8") as file: status = json.load(file)
    except OSError: continue
    if status["phase"] == "write" and status["state"] == "running":
        run.send_signal(signal.SIGTERM)
        sent = True
print("sent" if sent else "missed", "exit", run.wait())
PYTHON
answer=
for ((i = 0; i < 20; i++)); do
  rm -rf writing
  answer=$(python3 at_the_end.py writing "$dse" explore long.cfg --out writing --quiet --set search.max_evaluations=230)
  [[ $answer != sent* ]] || break
done
check "the last files: a signal came while they were written ($answer)" test "${answer%% *}" == sent
check 'the last files: they are all written' test "$answer" == 'sent exit 0'
holds 'the last files: complete' 'a["state"] == "complete"' writing/status.json

# --- a second signal leaves at once: here while the first one waits for the lock ------------------------------------------------
start "$dse" explore long.cfg --out busy --quiet --set search.max_evaluations=40000
holder=$pid
wait_for_bytes busy/journal 5000
kill -STOP "$holder"
start "$dse" explore long.cfg --out busy --set search.max_evaluations=40000
await catches "$pid"
sleep 0.5
kill -TERM "$pid"
sleep 0.1
signal_and_wait TERM
leaves 'the second signal' 75
check 'the second signal: the folder is not touched' grep -q '"epoch": 1' busy/status.json
kill -CONT "$holder"
pid=$holder
signal_and_wait TERM
leaves 'the holder after all that' 75

# --- SIGUSR2 publishes now; SIGPIPE harms nobody ---------------------------------------------------------------------------------
# By itself it publishes after ten seconds: on a machine that is busy enough the signal may come too late to say more.
slow_disk 1000 # six rounds
for ((attempt = 1; attempt <= 5; attempt++)); do
  SECONDS=0
  start "${slow[@]}" "$dse" explore long.cfg --out asked --set search.max_evaluations=40000 --set search.round_size=4000 --fresh
  wait_for_bytes asked/journal 64
  sleep 0.3
  before=$(ls asked)
  kill -USR2 "$pid"
  await test -s asked/front.csv -a -s asked/columns.csv
  ((SECONDS >= 9 && attempt < 5)) || break
  signal_and_wait TERM
done
((SECONDS >= 9)) || refute 'nothing published unasked' grep -qx front.csv <<<"$before"
check "SIGUSR2: a front, although no round ended ($SECONDS s)" test -s asked/front.csv
await grep -q '"round": [1-9]' asked/status.json
holds 'SIGUSR2: status.json' 'a["state"] == "running" and a["phase"] == "search" and a["evaluations"] == 4000 * a["round"] > 0 and
  a["evaluations_max"] == 40000' asked/status.json
holds 'SIGUSR2: the front is that of the finished rounds' 'len(a) > 0' asked/front.csv
signal_and_wait TERM
leaves 'after SIGUSR2' 75
# shellcheck disable=SC2016 # the inner shell expands it
runs 75 'nobody reads stderr' bash -c '"$1" explore long.cfg --out piped --max-time 0 2> >(exec true)' - "$dse"

# --- SIGCONT syncs the journal now -------------------------------------------------------------------------------------------------
if strace -o /dev/null true 2>/dev/null; then
  slow_disk 15
  ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=fdatasync,rt_sigreturn -e signal=cont "${slow[@]}" "$dse" explore long.cfg --out continued --quiet \
    --set search.max_evaluations=40000 2>err &
  tracer=$!
  wait_for_bytes continued/journal 5000
  pid=$(field continued pid)
  kill -CONT "$pid"
  await grep -q 'SIGCONT' trace
  kill -TERM "$pid"
  status=0
  wait $tracer || status=$?
  verdict 'SIGCONT: the run goes on' $((status != 75)) <err
  check 'SIGCONT: its handler syncs' bash -c 'grep -A 1 -m 1 "SIGCONT" trace | tail -n 1 | grep -q "fdatasync([0-9]*) *= 0"'
else
  echo 'skipped: SIGCONT, which takes strace and the right to trace'
fi
finish
