#!/bin/bash
# A sweep folds its space block by block on whoever is there: is it the answer of the exhaustive search, the same bytes
# on any number of ranks and after any interruption, in memory that does not grow with the space?
#
# Left out: hundreds of kills (kill-random.sh), and 10^8 designs (scripts/nightly sweep).
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
[[ $MPI != no ]] || skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'there is no mpirun'
cd "$folder" || exit 1

# Some sixty folds, after a guided beginning in lists of evaluations: both kinds of rounds are in the journal.
write_long sweep.cfg 0
sed -i 's/^search = .*/search = { algorithm = "sweep"; round_size = 23; seed = 77; top_k = 13;\
  sweep = { block = 16; blocks_per_round = 10; first_evaluations = 100; }; };/; s/glb_mib = [^;]*/glb_mib = [16]/' sweep.cfg

# Where the records of a journal end, one a line.
cat >ends.py <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
from journal_file import records
with open(sys.argv[2], "rb") as file:
    for _, end, _ in records(file.read()): print(end)
PYTHON
ends_of() { python3 ends.py "$root/tests/fault" "$1/journal"; }

# --- any number of ranks ----------------------------------------------------------------------------------------------
# What is visited, in which rounds, and how much of it bounds leave out, is the same for every launch.
for score in schedule bound; do
  set="search.score=\"$score\""
  runs 0 "$score, alone" "$dse" explore sweep.cfg --out "$score-0" --set "$set"
  check "$score: it is proven" grep -q 'proven optimal over all 10080 designs' out
  check "$score: some rounds, of which none is large" test "$(ends_of "$score-0" | wc -l)" -ge 60
  for ranks in 1 2 3 5 8; do
    runs 0 "$score, $ranks ranks" mpirun -q -n $ranks "$dse" explore sweep.cfg --out "$score-$ranks" --set "$set" --quiet
    same_files "$score, $ranks ranks" "$score-0" "$score-$ranks" "${same_bytes[@]}"
  done
  holds "$score: on 8 ranks each round was folded once, every block by somebody" '
    [int(r["tasks"]) for r in a if r["what"] == "round"][-63:] == 63 * [160] and
    sum(int(r["tasks"]) for r in a if r["what"] == "block_duration") == 63 * 10' "$score-8/timing.csv"
done
refute 'scores by schedules and by bounds are two answers' cmp -s schedule-0/front.csv bound-0/front.csv

# --- the truth: every design evaluated ----------------------------------------------------------------------------------
# Top-k and front in full, but for who found a design when. The larger space is scored by bounds alone, which is quick.
cat >same.py <<'PYTHON'
import csv, sys
def rows(path, *without):
    with open(path, newline="") as file:
        return [{k: v for k, v in row.items() if k not in without} for row in csv.DictReader(file)]
found = ("found_by", "found_at_evaluation")
assert all(column in rows(path)[0] for path in sys.argv[1:3] for column in found)
assert {row["found_by"] for row in rows(sys.argv[1])} <= {"guided", "sweep"}
assert {row["found_by"] for row in rows(sys.argv[2])} == {"exhaustive"}
assert rows(sys.argv[1], *found) == rows(sys.argv[2], *found) and len(rows(sys.argv[1])) > 5
PYTHON
write_small small.cfg
sed -i 's/top_k = 7/top_k = 17; round_size = 19; sweep = { block = 5; blocks_per_round = 3; first_evaluations = 0; }/; s/500.0/250.0/' small.cfg
for history in 'small schedule' 'small bound' 'sweep bound'; do
  read -r name score <<<"$history"
  set="search.score=\"$score\""
  runs 0 "$history, exhaustive" mpirun -q -n 2 "$dse" explore "$name.cfg" --out "exhaustive-$name-$score" --quiet \
    --set "$set" --set 'search.algorithm="exhaustive"' --set search.round_size=1000
  runs 0 "$history, swept" mpirun -q -n 3 "$dse" explore "$name.cfg" --out "swept-$name-$score" --quiet \
    --set "$set" --set 'search.algorithm="sweep"'
  for file in topk front; do
    check "$history: $file.csv" python3 same.py {swept,exhaustive}-"$name-$score/$file.csv"
  done
  holds "$history: summary.json" 'a["best"] == b["best"] and a["proven_optimal"] and a["evaluations"] < b["evaluations"]' \
    {swept,exhaustive}-"$name-$score/summary.json"
  holds "$history: what excludes designs, which a sweep does not evaluate" '
    [{**r, "evaluated": 0} for r in a] == [{**r, "evaluated": 0} for r in b] and
    sum(int(r["designs"]) for r in a) > 0 == sum(int(r["evaluated"]) for r in a)' \
    {swept,exhaustive}-"$name-$score/infeasible.csv"
done

# --- stopped and killed in the midst ------------------------------------------------------------------------------------
# Without pruning all rounds take as long, and some time on any machine: an end comes in the midst whenever it comes.
slow_disk 40
sed 's/first_evaluations/prune = false; first_evaluations/' sweep.cfg >midst.cfg
runs 0 'never stopped' "$dse" explore midst.cfg --out whole --quiet
mapfile -t ends < <(ends_of whole)
launch() { # RANKS [OPTION...]: in the background, unless it is to stop by itself
  mpirun -q -n "$1" "${slow[@]}" "$dse" explore midst.cfg --out midst "${@:2}" >out 2>err </dev/null &
  launcher=$!
}
# The process of a rank of the launcher, or nothing.
rank_process() { # RANK
  local child
  for child in $(pgrep -P "$launcher"); do
    { tr '\0' '\n' <"/proc/$child/environ"; } 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" && echo "$child"
  done
}
n_before=0
for history in '3 max-time' '5 usr1' '2 worker' '8 all' '3 first'; do
  read -r ranks victim <<<"$history"
  size_before=$(stat -c %s midst/journal 2>/dev/null || echo 0)
  if [[ $victim == max-time ]]; then
    launch "$ranks" --max-time 0.1
  else
    launch "$ranks"
    # (The launch copies the journal first: what counts is what it adds.)
    check "$history: it goes on" wait_for_bytes midst/journal $((ends[n_before + 3] - 1))
  fi
  mapfile -t children < <(pgrep -P $launcher)
  case $victim in
  usr1) kill -USR1 $launcher ;;
  worker) kill -KILL "$(rank_process 1)" ;;
  first) kill -KILL "$(rank_process 0)" ;;
  all) kill -KILL $launcher "${children[@]}" ;; # (without their launcher they would go on for a second or two)
  esac
  status=0
  wait $launcher 2>/dev/null || status=$?
  if [[ $victim == max-time || $victim == usr1 ]]; then
    check "$history: exit status 75" test $status -eq 75
    holds "$history: stopped" 'a["state"] == "stopped"' midst/status.json
  else
    check "$history: no success" test $status -ne 0
  fi
  ((n_before == 0)) || check "$history: no finished round again" grep -q "going on after $n_before finished rounds" err
  for pid in "${children[@]}"; do # who is killed last may be there a little longer than the launcher
    for ((i = 0; i < 1500; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.02
    done
  done
  n=$(ends_of midst | wc -l)
  check "$history: in the midst, after $n of ${#ends[@]} rounds" test "$n" -gt "$n_before" -a "$n" -lt ${#ends[@]}
  check "$history: the journal has grown" test "$(stat -c %s midst/journal)" -gt "$size_before"
  check "$history: what was finished is as in the undisturbed run" cmp -n "${ends[n - 1]}" whole/journal midst/journal
  n_before=$n
done
runs 0 'after five ends, on 4 ranks' mpirun -q -n 4 "$dse" resume midst
says 'after five ends: no finished round again' "going on after $n_before finished rounds"
same_files 'after five ends' whole midst "${same_bytes[@]}"
holds 'after five ends: only what was missing was folded, each round once' '
  [int(r["number"]) for r in a if r["what"] == "round"] == list(range('"$n_before"', len(b)))' \
  midst/timing.csv midst/convergence.csv

# --- another program's journal ------------------------------------------------------------------------------------------
# A fold that no fold of this space gives, with a checksum that fits: refused with its round, on all ranks, once.
cp -r midst foreign
python3 - foreign/journal <<'PYTHON'
import struct, sys, zlib
with open(sys.argv[1], "r+b") as file:
    journal = bytearray(file.read())
    at, end = 64, 0
    while True: # the first fold: kind 2
        n, = struct.unpack_from("<I", journal, at + 4)
        if journal[at + 20] == 2: break
        at += (20 + n + 7) // 8 * 8
    journal[at + 28] ^= 1 # the points visited
    body = bytes(journal[at + 20 : at + 20 + n])
    struct.pack_into("<I", journal, at + 16, zlib.crc32(body, zlib.crc32(journal[at + 4 : at + 16])))
    file.seek(0)
    file.write(journal)
PYTHON
# (A complete run has nothing to do: this one must look.)
sed -i 's/"complete"/"stopped"/' foreign/status.json
runs 1 'a fold of another space' mpirun -q -n 3 "$dse" resume foreign
says 'a fold of another space: where' 'holds what no sweep of this space gives'
check 'a fold of another space: said once' test "$(grep -c 'no sweep of this space' err)" -eq 1

# --- memory -----------------------------------------------------------------------------------------------------------
# A space, and one of ten times as many designs, on two ranks: what a rank needs is the answer, not the space.
write_large() { # FILE CLOCKS
  cat >"$1" <<CFG
workload = "bert-large";
batch = 16;
limits = { area_mm2 = 600.0; tdp_w = 300.0; };
space = {
  tc_count = "1..64 x2"; tc_rows = "4..256 x2"; tc_cols = "4..256 x2"; vc_count = "1..64 x2"; vc_width = "8..512 x2";
  glb_mib = [16, 32]; hbm_stacks = [2, 4, 6]; clock_mhz = [$2];
};
search = { algorithm = "sweep"; score = "bound"; sweep = { blocks_per_round = 64; }; };
CFG
}
write_large large.cfg 940
write_large larger.cfg '500, 550, 600, 650, 700, 750, 800, 850, 900, 940'
most='max(int(r["peak_bytes"]) for r in X if r["what"] == "rank")'
for name in large larger; do
  runs 0 "$name space" mpirun -q -n 2 "$dse" explore $name.cfg --out $name
done
check 'a million designs, every one visited' grep -qE '(over|of) all 1008420 designs' out
holds 'at most 200 MB a rank, and 10 times the designs take no 6 MB more' \
  "${most/X/b} <= 200e6 and ${most/X/b} - ${most/X/a} < 6e6" {large,larger}/timing.csv
finish
