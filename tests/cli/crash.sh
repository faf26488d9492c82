#!/bin/bash
# A run that is killed at, or fails at, any single system call that it makes in its results folder: are its files in
# order then, and does the next launch end with the bytes of a run that was never disturbed?
#
# tests/fault/crash_points.py says which launches, which faults and what is judged; ALL=1 tries every way of failing at
# every call. The library's own cases come first: a fault that does nothing would make all the others pass. A thousand
# launches that sync 34 times each: where there is a disk in memory, they do it there.
#
# limit: 2700 s
[[ ! -d /dev/shm || ! -w /dev/shm ]] || export TMPDIR=/dev/shm
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
# shellcheck source=tests/fault/library.sh
source "$root/tests/fault/library.sh"
cd "$folder" || exit 1
# Three rounds: the shortest run with a first one, a last one, and one between.
cat >tiny.cfg <<'CFG'
workload = "bert-base";
batch = 4;
limits = { area_mm2 = 500.0; };
space = {
  tc_count = [1, 2]; tc_rows = [32, 64]; tc_cols = [64]; vc_count = [1]; vc_width = [256, 1024];
  glb_mib = [16]; hbm_stacks = [2, 4];
};
search = { algorithm = "random"; max_evaluations = 5; round_size = 2; prove = false; top_k = 3; seed = 2385; };
CFG

# --- the library: does each fault do what it says? --------------------------------------------------------------------
# The second record of the journal as the fault; exit status and size of the journal tell.
with() { # STATUS NAME HOW
  rm -rf fault
  DSE_FAULT="write:2:$3:*/journal" LD_PRELOAD=$library runs "$1" "the second record: $2" \
    "$dse" explore tiny.cfg --out fault --quiet
}
runs 0 'undisturbed' "$dse" explore tiny.cfg --out whole --quiet
read -r second third end < <(python3 -B -c 'import sys
sys.path.insert(0, sys.argv[1])
from journal_file import records
found = records(open("whole/journal", "rb").read())
print(found[1][0], found[2][0], found[-1][1])
' "$root/tests/fault")
check 'a journal of three records' test "$second" -lt "$third" -a "$third" -lt "$end"
journal_has() { check "$1" test "$(stat -c %s fault/journal)" -eq "$2"; }
with 137 'killed' kill
journal_has 'killed: nothing of it' "$second"
with 137 'torn' tear=23
journal_has 'torn: 23 bytes of it' $((second + 23))
with 1 'no space' ENOSPC
says 'no space: the reason' 'No space left on device'
says 'no space: which file' 'fault/journal'
journal_has 'no space: nothing of it' "$second"
with 1 'a broken disk' EIO
says 'a broken disk: the reason' 'Input/output error'
with 0 'cut short' short=23
check 'cut short: written all the same' cmp whole/journal fault/journal
with 0 'a lie' lie
journal_has 'a lie: it is missing' $((end - third + second))
begin=${EPOCHREALTIME/./}
with 0 'a slow disk' slow=700
check 'a slow disk: it is waited for' test $((${EPOCHREALTIME/./} - begin)) -ge 700000
check 'a slow disk: written all the same' cmp whole/journal fault/journal
with 99 'a word that is none' perish
rm -rf fault
DSE_FAULT='write:2385:kill:*/journal' LD_PRELOAD=$library runs 0 'a call that never comes' \
  "$dse" explore tiny.cfg --out fault --quiet
check 'a call that never comes: no fault' cmp whole/journal fault/journal
rm -rf fault
DSE_FAULT_TRACE=$folder/trace LD_PRELOAD=$library runs 0 'traced' "$dse" explore tiny.cfg --out fault --quiet
check 'traced: three records, each one write' test "$(grep -cP '^write\t.*/fault/journal\t' trace)" -eq 3

# --- every call -------------------------------------------------------------------------------------------------------
points_of() { # RUN.cfg OPTION...
  python3 -B "$root/tests/fault/crash_points.py" "$dse" "$library" "$1" "$folder/point" "${@:2}" >points 2>&1
  grep -v ' passed, ' points | sed "s/^/$1: /"
  if [[ $(tail -n 1 points) =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    verdict "$1: the crash points to their end" 1 <points
  fi
}
if [[ ${ALL:-0} == 0 ]]; then
  points_of tiny.cfg
else
  points_of tiny.cfg --all
  # The same through folds, whose records are of another kind.
  sed 's/^search = .*/search = { algorithm = "sweep"; round_size = 2; top_k = 3; seed = 2385; prove = false;\
    sweep = { block = 3; blocks_per_round = 2; first_evaluations = 2; }; };/' tiny.cfg >fold.cfg
  points_of fold.cfg --all
fi
finish
