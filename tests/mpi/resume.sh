#!/bin/bash
# A run that is stopped, or whose ranks or launcher are killed, and goes on with another number of ranks: the bytes of a
# run that never stopped, by the history's end?
#
# Moments are those at which the journal has grown by a share of its final size; who dies: ranks, rank 0, the launcher.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
write_long long.cfg 6000
slow_disk 15 # 261 rounds: four seconds at least for whatever is to be stopped
runs 0 'never stopped' "$dse" explore long.cfg --out whole --quiet
size=$(stat -c %s whole/journal)
bytes_of() { stat -c %s "$1/journal" 2>/dev/null || echo 0; }

# --- time limits, by way of 3, 2 and 1 ranks ------------------------------------------------------------------------------
runs 75 '3 ranks, --max-time 0.2' mpirun -q -n 3 "${slow[@]}" "$dse" explore long.cfg --out limit --max-time 0.2
holds '3 ranks: stopped' 'a["state"] == "stopped" and a["epoch"] == 1' limit/status.json
check '3 ranks: said once' test "$(grep -c 'stopped by --max-time' err)" -eq 1
before=$(bytes_of limit)
runs 75 '2 ranks go on' mpirun -q -n 2 "${slow[@]}" "$dse" resume limit --max-time 0.2
check '2 ranks: further, not done' test "$(bytes_of limit)" -gt "$before" -a "$(bytes_of limit)" -lt "$size"
holds '2 ranks: the second launch' 'a["state"] == "stopped" and a["epoch"] == 2' limit/status.json
runs 0 'one goes on alone' "$dse" resume limit
same_files '3 ranks, 2 ranks, alone' whole limit "${same_bytes[@]}"
runs 0 'complete already, on 3 ranks' mpirun -q -n 3 "$dse" explore long.cfg --out limit
check 'complete already, on 3 ranks: said once' test "$(grep -c complete err)" -eq 1
same_files 'complete already' whole limit front.csv journal

# --- a signal to the launcher reaches all ranks: 75 by way of USR1, which mpirun hands on ------------------------------------
mpirun -q -n 3 "${slow[@]}" "$dse" explore long.cfg --out signal --quiet >out 2>err &
launcher=$!
wait_for_bytes signal/journal $((size / 8))
kill -USR1 $launcher
status=0
wait $launcher || status=$?
check 'SIGUSR1: exit status 75' test $status -eq 75
holds 'SIGUSR1: stopped' 'a["state"] == "stopped"' signal/status.json
# SIGTERM to the launcher: its own status is 1 whatever the ranks return; the folder tells.
mpirun -q -n 2 "${slow[@]}" "$dse" explore long.cfg --out signal --quiet >out 2>err &
launcher=$!
wait_for_bytes signal/journal $(($(bytes_of signal) + size / 8))
kill -TERM $launcher
wait $launcher 2>/dev/null
check 'SIGTERM: not called complete' bash -c '! grep -q complete signal/status.json'
runs 0 'after signals, on 5 ranks' mpirun -q -n 5 "$dse" resume signal
same_files 'after signals' whole signal "${same_bytes[@]}"

# --- kills: each launch has another number of ranks and another victim ---------------------------------------------------------
killed=0
for history in '3 last' '2 first' '5 middle' '3 first' '2 launcher'; do
  read -r ranks victim <<<"$history"
  before=$(bytes_of killed)
  mpirun -q -n "$ranks" "${slow[@]}" "$dse" explore long.cfg --out killed --quiet >out 2>err &
  launcher=$!
  # The launch copies the journal first; what counts is what it adds.
  wait_for_bytes killed/journal $((before + size / 12))
  # Each rank knows its number; the launcher's children are in no order.
  pid=$launcher
  for child in $(pgrep -P $launcher); do
    number=$(tr '\0' '\n' <"/proc/$child/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
    case $victim-$number in
    "first-0" | "last-$((ranks - 1))" | "middle-$((ranks / 2))") pid=$child ;;
    esac
  done
  [[ $victim == launcher ]] || refute "$victim of $ranks ranks was found" test "$pid" -eq $launcher
  kill -KILL "$pid"
  status=0
  wait $launcher 2>/dev/null || status=$?
  check "$victim of $ranks killed: no success" test $status -ne 0
  check "$victim of $ranks killed: not called complete" bash -c '! grep -q complete killed/status.json 2>/dev/null'
  check "$victim of $ranks killed: what was finished is there" test "$(bytes_of killed)" -gt "$before"
  (($(bytes_of killed) < size)) && killed=$((killed + 1))
done
check 'four of five kills came in the midst' test $killed -ge 4
# At once: the ranks of a killed launcher may still be there, and must not write beside us.
runs 0 'after five kills, on 4 ranks' mpirun -q -n 4 "$dse" resume killed
same_files 'after five kills' whole killed "${same_bytes[@]}"
# (Five if the ranks whose launcher was killed last had come to the end before they noticed.)
holds 'after five kills: every launch has its epoch' 'a["epoch"] in (5, 6) and a["state"] == "complete"' killed/status.json
check 'after five kills: nothing half-written is left' test -z "$(find killed -name '*.tmp*')"
finish
