#!/bin/bash
# Kills at random moments, up to five in a row, each launch on another number of ranks: do the results equal those of a
# run that was never disturbed, is no finished round evaluated again, and does nothing hang or call itself complete
# early?
#
#   KILLS=200 SEED=2385 tests/mpi/kill-random.sh [KILLS]
#
# Victims: a worker, rank 0, mpirun, all of them at once, and rank 0 in the midst of writing a record (tests/fault). The
# moment is when the journal has grown by a random share of what is missing, and a random pause later; or so long after
# the launch, whatever it does then. Half of the launches follow at once, while ranks whose launcher died may still
# write. Victims, rank counts and pauses are drawn from SEED; what the machine does in between is not, so a history is
# shown in full where it fails. Source: reliability §9. Left out: several nodes, and an end by signals (resume.sh).
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
kills=${1:-${KILLS:-20}} seed=${SEED:-2385}
[[ $MPI != no ]] || skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'there is no mpirun'
# shellcheck source=tests/fault/library.sh
source "$root/tests/fault/library.sh"
cd "$folder" || exit 1
RANDOM=$seed

limit_s=$patience_s # nothing may outlive its killers by that
rank_counts=(2 3 4 5 6 7 8)
victims=(worker first launcher all write)

# --- what is run: a name here, and write_NAME -------------------------------------------------------------------------
slow_disk 10 # 180 rounds and more: two seconds in which to find somebody to kill
histories=(rounds sweep)
write_rounds() { write_long "$1" 6000; }
# Some thousand schedules in 180 folds, after a guided beginning in rounds.
write_sweep() {
  write_long "$1" 6000
  sed -i 's/^search = .*/search = { algorithm = "sweep"; prove = false; round_size = 23; seed = 77; top_k = 13;\
    sweep = { block = 16; blocks_per_round = 17; first_evaluations = 460; }; };/' "$1"
}
for name in "${histories[@]}"; do
  "write_$name" "$name.cfg"
  runs 0 "$name: never disturbed" "$dse" explore "$name.cfg" --out "whole-$name" --quiet
done
((failed == 0)) || finish || exit 1

# --- watching ---------------------------------------------------------------------------------------------------------
# Whole records of a journal, and their bytes.
cat >rounds.py <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
from journal_file import good_bytes, records
try:
    with open(sys.argv[2], "rb") as file: journal = file.read()
except FileNotFoundError:
    journal = b""
print(len(records(journal)), good_bytes(journal))
PYTHON
rounds_of() { python3 -B rounds.py "$root/tests/fault" "$1/journal"; }
bytes_of() { stat -c %s "$1/journal" 2>/dev/null || echo 0; }
# A dead process that nobody waits for is no life.
is_alive() { [[ $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) == [!Z] ]]; }
any_alive() {
  local pid
  for pid in "$@"; do is_alive "$pid" && return 0; done
  return 1
}
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# The ranks' process ids, in their order, into the array `ranks`: as soon as all n are there.
find_ranks() { # LAUNCHER N
  local child number until_ms=$(($(now_ms) + 60000))
  while ((ranks_found < $2 && $(now_ms) < until_ms)) && is_alive "$1"; do
    ranks=() ranks_found=0
    for child in $(pgrep -P "$1"); do
      number=$({ tr '\0' '\n' <"/proc/$child/environ"; } 2>/dev/null | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
      [[ -n $number ]] && ranks[number]=$child && ranks_found=$((ranks_found + 1))
    done
    ((ranks_found == $2)) || sleep 0.02
  done
}
# Waits until the journal is so long (or the run over), then so many milliseconds more.
wait_for_moment() { # FOLDER BYTES MS
  while (($(bytes_of "$1") < $2)) && is_alive "$launcher"; do sleep 0.003; done
  sleep "$(printf '0.%03d' "$3")"
}

# --- one launch that is killed ----------------------------------------------------------------------------------------
history=() # what was done in this chain, for those who read a failure
declare -A done_by
n_done=0 n_survived=0 slowest_ms=0
kill_one() { # NAME FOLDER VICTIM N
  local name=$1 out=$2 victim=$3 n=$4 size before target pause
  local -a command=("${slow[@]}" "$dse" explore "$name.cfg" --out "$out")
  size=$(stat -c %s "whole-$name/journal")
  before=$(bytes_of "$out")
  target=$((before + 1 + (size > before ? RANDOM * (size - before) / 32768 / 3 : 0))) pause=$((RANDOM % 60))
  # One in four, of those that need no rank to be there: anywhere between the launch and the midst of the work.
  if [[ $victim == launcher || $victim == all ]] && ((RANDOM % 4 == 0)); then target=0 pause=$((RANDOM % 700)); fi
  if [[ $victim == write ]]; then
    command=(env "LD_PRELOAD=$library" "DSE_FAULT=write:$((1 + RANDOM % 40)):tear=$((RANDOM % 400)):*/$out/journal"
      "$dse" explore "$name.cfg" --out "$out")
    target=$((size + 1)) pause=0
  fi
  history+=("$victim of $n ranks, from $before bytes, at $target and $pause ms")
  mpirun -q -n "$n" "${command[@]}" >out 2>err &
  launcher=$!
  ranks=() ranks_found=0
  ((target == 0)) || find_ranks $launcher "$n"
  wait_for_moment "$out" $target $pause
  ((target > 0)) || find_ranks_now
  local -a pids=("$launcher" "${ranks[@]}") dying=("$launcher")
  local at_ms in_time=1 took_ms
  at_ms=$(now_ms)
  case $victim in
  worker) dying=("${ranks[1 + RANDOM % (n - 1)]:-0}") ;;
  first) dying=("${ranks[0]:-0}") ;;
  all) dying=("${pids[@]}") ;;
  esac
  is_alive "$launcher" || in_time=0
  ((dying[0] != 0)) || in_time=0 # the ranks were not there in time
  [[ $victim == write ]] || ((!in_time)) || kill -KILL "${dying[@]}" 2>/dev/null || in_time=0
  while any_alive "$launcher" && (($(now_ms) - at_ms < limit_s * 1000)); do sleep 0.01; done
  check_gone "$launcher"
  status=0
  wait "$launcher" 2>/dev/null || status=$?
  # A write that tears ends its own launch, at whatever time.
  [[ $victim == write ]] && in_time=1
  if ((status == 0)) || ((!in_time)); then
    history+=('  too late: it was over')
    ((status != 0)) || check "$name: success is a complete folder" grep -q '"complete"' "$out/status.json"
    return 1
  fi
  if ((RANDOM % 2)); then # else the next launch comes at once
    # With those of the launch before, for whose lock this one may have waited until it was killed.
    while any_alive "${pids[@]}" "${left[@]}" && (($(now_ms) - at_ms < limit_s * 1000)); do sleep 0.01; done
    took_ms=$(($(now_ms) - at_ms))
    ((victims_gone = 1, slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms))
    check_gone "${pids[@]}" "${left[@]}"
  fi
  left+=("${pids[@]}")
  n_done=$((n_done + 1))
  done_by[$victim]=$((${done_by[$victim]:-0} + 1))
}
# Whoever is there in this instant.
find_ranks_now() {
  local child
  ranks=()
  for child in $(pgrep -P "$launcher"); do ranks+=("$child"); done
}
# A hang is a failure, and is ended.
check_gone() {
  local pid stuck=0
  for pid in "$@"; do
    is_alive "$pid" || continue
    stuck=1
    kill -KILL "$pid"
  done
  verdict "nothing outlives its killers by $limit_s s" $stuck < <(printf '%s\n' "seed $seed" "${history[@]}")
}

# What the folder holds after a kill, judged by what it held before.
judge_kill() { # NAME FOLDER
  local name=$1 out=$2 whole=whole-$1 n n_bytes wrong='' told
  # What the launch found must be all that the one before had finished, unless that one wrote on meanwhile.
  told=$(sed -n 's/.*going on after \([0-9]*\) finished rounds.*/\1/p' err)
  if [[ -n $told ]]; then
    ((told >= rounds)) || wrong="only $told of $rounds finished rounds were found again"
    ((!gone_before || told == rounds)) || wrong="$told rounds were found where $rounds had been finished"
  fi
  read -r n n_bytes < <(rounds_of "$out")
  ((n >= rounds)) || wrong="the journal went from $rounds rounds to $n"
  cmp -s -n "$n_bytes" "$out/journal" "$whole/journal" || ((n_bytes == 0)) ||
    wrong='the journal is no beginning of the whole one'
  # Ranks without a launcher may come to the end; then it must be the end.
  if grep -qs '"complete"' "$out/status.json"; then
    local file
    for file in "${same_bytes[@]}"; do
      cmp -s "$out/$file" "$whole/$file" || wrong="called complete, but $file is not"
    done
  fi
  rounds=$n
  [[ -z $wrong ]] && n_survived=$((n_survived + 1))
  verdict "$name, a kill: ${wrong:-in order}" "$([[ -n $wrong ]] && echo 1 || echo 0)" \
    < <(printf '%s\n' "seed $seed" "${history[@]}" && cat err)
}

# --- chains -----------------------------------------------------------------------------------------------------------
turn=0 n_chains=0
next_victim() { # into `victim`: all kinds equally often, in random order
  local i other held
  if ((turn % ${#victims[@]} == 0)); then
    for ((i = ${#victims[@]} - 1; i > 0; i--)); do
      other=$((RANDOM % (i + 1))) held=${victims[i]}
      victims[i]=${victims[other]} victims[other]=$held
    done
  fi
  victim=${victims[turn % ${#victims[@]}]}
  turn=$((turn + 1))
}
next_n() { # into `n`: another number of ranks than before
  local before=$n
  while ((n == before)); do n=${rank_counts[RANDOM % ${#rank_counts[@]}]}; done
}

n=0
while ((n_done < kills && n_chains < kills + 20 && failed == 0)); do
  name=${histories[n_chains % ${#histories[@]}]} out=chain-$n_chains
  n_chains=$((n_chains + 1))
  history=("chain $n_chains, $name") rounds=0 gone_before=0 left=()
  for ((link = 0; link < 5 && n_done < kills; link++)); do
    next_victim
    next_n
    victims_gone=0
    kill_one "$name" "$out" "$victim" "$n" || break
    judge_kill "$name" "$out"
    gone_before=$victims_gone
  done
  next_n
  history+=("to the end on $n ranks")
  line=("$dse" resume "$out")
  [[ -e $out/run.cfg ]] || line=("$dse" explore "$name.cfg" --out "$out")
  runs 0 "chain $n_chains, $name: to the end on $n ranks" mpirun -q -n "$n" "${line[@]}"
  good=$failed
  same_files "chain $n_chains, $name" "whole-$name" "$out" "${same_bytes[@]}"
  check "chain $n_chains: nothing half-written is left" test -z "$(find "$out" -name '*.tmp*')"
  if ! grep -q 'nothing to do' err; then
    # timing.csv holds the rounds that this launch evaluated: none of those that were there.
    holds "chain $n_chains: no finished round is evaluated again, each other one once" \
      "[int(r['number']) for r in a if r['what'] == 'round'] == list(range(int('$(
        sed -n 's/.*going on after \([0-9]*\) finished rounds.*/\1/p' err
      )' or 0), len(b)))" "$out/timing.csv" "$out/convergence.csv"
  fi
  holds "chain $n_chains: complete" 'a["state"] == "complete"' "$out/status.json"
  sums() { find "$1" -type f ! -name lock -exec sha256sum {} + | sort; }
  before=$(sums "$out")
  runs 0 "chain $n_chains: complete already" "$dse" resume "$out"
  check "chain $n_chains: complete already: nothing changes" test "$before" == "$(sums "$out")"
  check_gone "${left[@]}"
  ((failed == good)) || printf '    %s\n' "seed $seed" "${history[@]}"
  ((failed == 0)) && rm -rf "$out"
done
check "$kills kills" test $n_done -eq "$kills"
printf 'seed %d: %d kills in %d chains, %d survived (' "$seed" $n_done $n_chains $n_survived
for victim in "${victims[@]}"; do printf ' %s %d' "$victim" "${done_by[$victim]:-0}"; done
printf ' ); all gone at most %d ms after a kill\n' $slowest_ms
finish
