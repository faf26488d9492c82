#!/bin/bash
# A signal to the launcher, or to one rank alone, at random moments: do all ranks leave together, with the same status and
# reason, and does the run go on on other numbers of ranks to the bytes of one that never stopped?
#
# SIGNALS=N (default 8) moments on 8 ranks, SEED=N. How long it takes: tests/bench/signal-latency.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
write_long long.cfg 6000
slow_disk 250 # nine rounds: two seconds at least
runs 0 'never stopped' "$dse" explore long.cfg --out whole --quiet --set search.round_size=700
seed=${SEED:-$RANDOM} RANDOM=${SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed"

start() { # RANKS ARGUMENT...: the launcher is $launcher
  local ranks=$1
  shift
  mpirun -q -n "$ranks" "${slow[@]}" "$dse" "$@" >out 2>err </dev/null &
  launcher=$!
}
ended() { # the launcher's exit status in $status, the time since $sent_us in $took_ms
  status=0
  wait "$launcher" || status=$?
  took_ms=$(((${EPOCHREALTIME/./} - sent_us) / 1000))
}
pid_of() { rank_pid "$launcher" "$1"; } # RANK
is_there() { [[ -n $(pid_of "$1") ]]; } # RANK
is_gone() { ! is_there "$1"; }          # RANK

# --- random moments of one chain, start-up, replay and all; the launcher hands SIGUSR1 on --------------------------------------
stops=0
for ((i = 0; i < ${SIGNALS:-8}; i++)); do
  start 8 explore long.cfg --out chain --quiet --set search.round_size=700
  # Not before the ranks are there to catch it: until then it is the launcher's.
  await is_there 7
  # The first moment is within rounds, however long a machine takes to come to them.
  if ((i == 0)); then wait_for_bytes chain/journal 64; fi
  sleep 0.$((RANDOM % 9))
  sent_us=${EPOCHREALTIME/./}
  kill -USR1 "$launcher" 2>/dev/null
  ended
  [[ $status != 0 ]] || break # it was quicker
  # Before a rank's program has begun nothing can catch it: then it is killed, and the journal is all that counts.
  stops=$((stops + (status == 75)))
  check "moment $i: exit status 75 (is $status)" test "$status" -eq 75 -o ! -e chain/status.json
  ends_at_last "moment $i" "$took_ms"
  if [[ -e chain/status.json ]]; then
    refute "moment $i: not complete" grep -q complete chain/status.json
    refute "moment $i: nothing half-written" bash -c 'ls -A chain | grep -E "tmp"'
  fi
done
check "some of the moments stopped it ($stops)" test "$stops" -ge 1
runs 0 'after all that, on 3 ranks' mpirun -q -n 3 "$dse" explore long.cfg --out chain --quiet --set search.round_size=700
same_files 'after all that' whole chain "${same_bytes[@]}"

# --- to one rank alone: all stop, all know why ----------------------------------------------------------------------------------
for victim in 0 2; do
  rm -rf one
  start 3 explore long.cfg --out one --set search.round_size=700
  wait_for_bytes one/journal 100
  sent_us=${EPOCHREALTIME/./}
  kill -XCPU "$(pid_of $victim)"
  ended
  verdict "rank $victim alone: exit status 75" $((status != 75)) < <(echo "exit status $status" && cat err)
  ends_at_last "rank $victim alone" "$took_ms"
  holds "rank $victim alone: all know why" 'a["state"] == "stopped" and a["reason"] == "signal SIGXCPU" and a["ranks"] == 3' one/status.json
  check "rank $victim alone: said once" test "$(grep -c 'stopped by signal SIGXCPU' err)" -eq 1
done
# A time limit within a round: rank 0's clock may not be the one that struck.
runs 75 'a round' mpirun -q -n 3 "$dse" explore long.cfg --out one --fresh --set search.round_size=2000 --max-time 0
runs 75 'a limit within a round' mpirun -q -n 3 "${slow[@]}" "$dse" resume one --max-time 0.01
holds 'a limit within a round' 'a["round"] == 2 and a["reason"] == "--max-time"' one/status.json
runs 0 'a limit within a round: to the end' "$dse" resume one --quiet
runs 0 'a limit within a round: never stopped' "$dse" explore long.cfg --out wide --quiet --set search.round_size=2000
same_files 'a limit within a round' wide one "${same_bytes[@]}"

# --- SIGTERM to the launcher: its own status is 1, the folder tells -----------------------------------------------------------------
# So many seconds after it was asked to end, the launcher hands SIGTERM on; as many later it kills what is left, and may wait
# longer for what is gone. None, as elsewhere here, are too few; the run itself, of 76 rounds, must last longer.
OMPI_MCA_odls_base_sigkill_timeout=8 \
  start 3 explore long.cfg --out term --quiet --set search.round_size=300 --set search.max_evaluations=40000
wait_for_bytes term/journal 100
kill -TERM "$launcher"
await grep -q '"state": "stopped"' term/status.json
await is_gone 0
kill -KILL "$launcher" 2>/dev/null
wait "$launcher" 2>/dev/null
holds 'SIGTERM: stopped' 'a["state"] == "stopped" and a["reason"] == "signal SIGTERM"' term/status.json

# --- SIGUSR2 to the launcher: the front, now --------------------------------------------------------------------------------------
SECONDS=0
start 3 explore long.cfg --out asked --quiet --set search.round_size=700 --set search.max_evaluations=40000
wait_for_bytes asked/journal 100
sleep 0.2
before=$(ls asked) asked_s=$SECONDS # by itself it publishes after ten
kill -USR2 "$launcher"
await test -s asked/front.csv -a -s asked/columns.csv
((asked_s >= 9)) || refute 'SIGUSR2: nothing published unasked' grep -qx front.csv <<<"$before"
check 'SIGUSR2: the front' test -s asked/front.csv
sent_us=${EPOCHREALTIME/./}
kill -USR1 "$launcher"
ended
check 'SIGUSR2: the run went on' test $status -eq 75

# --- a second signal leaves at once: no rank can agree on anything while one of them is stopped -----------------------------------------
start 3 explore long.cfg --out twice --quiet --set search.round_size=700 --set search.max_evaluations=40000
wait_for_bytes twice/journal 100
stopped=$(pid_of 1)
kill -STOP "$stopped"
kill -USR1 "$launcher"
sleep 0.3
check 'one signal: the others wait for a stopped rank' kill -0 "$launcher"
sent_us=${EPOCHREALTIME/./}
kill -USR1 "$launcher"
(
  sleep 0.5
  kill -CONT "$stopped"
) 2>/dev/null &
ended
ends_at_last 'a second signal' "$took_ms"
check 'a second signal: not called stopped' grep -q '"running"' twice/status.json
runs 75 'a second signal: the journal is whole' mpirun -q -n 2 "$dse" resume twice --max-time 0
finish
