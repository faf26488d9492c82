#!/bin/bash
# What do the scripts share that use the program as its user does? A temporary folder, cases that are counted, and
# Python's word on the files that came out.
#
# Sourced: BUILD (build folder) and MPI (yes or no) come from scripts/run-tests; `finish` prints the last line. Run by
# itself it judges itself: each verdict must also be able to say no. Left out: which programs and which cases.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export LC_ALL=C BUILD=${BUILD:-build/release} MPI=${MPI:-yes}
# shellcheck disable=SC2034 # for the scripts that source this
root=$PWD
# shellcheck disable=SC2034 # for the scripts that source this
dse=$(realpath "$BUILD/bin/dse")

# Ranks on a small or shared machine, also as root and in containers; leaks are Open MPI's own.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_odls_base_sigkill_timeout=0
[[ $MPI == no ]] || export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"

passed=0 failed=0 status=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# Nothing of this script can run here, for a reason that scripts/run-tests shows.
skip_all() { # WHY
  echo "skipped: $1"
  echo '0 passed, 0 failed'
  exit 0
}

# A case with its name and its verdict; what is shown of a failed one comes from standard input.
verdict() { # NAME STATUS
  if (($2 == 0)); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $1"
    head -n 30 | cut -c 1-300 | sed 's/^/    /'
  fi
}

# A command that must succeed.
check() { # NAME COMMAND...
  local name=$1 answer=0
  shift
  "$@" >"$folder/check" 2>&1 </dev/null || answer=$?
  verdict "$name" "$answer" < <(echo "$ $*" && cat "$folder/check")
}

# A command that must fail.
refute() { # NAME COMMAND...
  local name=$1 answer=0
  shift
  "$@" >"$folder/check" 2>&1 </dev/null && answer=1
  verdict "$name" "$answer" < <(echo "$ $* # succeeded" && cat "$folder/check")
}

# A command that must end with this exit status; what it says stays in $folder/out and $folder/err. One that hangs is
# ended, but not one that other work on the machine makes slow.
runs() { # STATUS NAME COMMAND...
  local wanted=$1 name=$2
  shift 2
  status=0
  timeout -k 5 600 "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
  verdict "$name (exit status $wanted)" $((status != wanted)) \
    < <(echo "$ $* # exit status $status" && cat "$folder/err" "$folder/out")
}

# Text that the last run must have said on stderr (or stdout); that it must not have said.
says() { check "$1" grep -qF -- "$2" "$folder/err"; }
prints() { check "$1" grep -qF -- "$2" "$folder/out"; }
silent() { refute "$1: nothing on $2" test -s "$folder/$2"; }

# A Python expression that must be true of files: a, b, c, d are what they hold (JSON, a CSV's rows, otherwise bytes).
cat >"$folder/holds.py" <<'PYTHON'
import csv, json, sys
def load(path):
    if path.endswith(".bytes"): return open(path[:-6], "rb").read()
    if path.endswith(".csv"):
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, strict=True))
        assert rows and all(len(row) == len(rows[0]) for row in rows), path + ": ragged"
        return [dict(zip(rows[0], row)) for row in rows[1:]]
    if path.endswith(".jsonl"):
        with open(path, encoding="utf-8") as file: return [json.loads(line) for line in file]
    with open(path, encoding="utf-8") as file: return json.load(file)
names = dict(zip("abcd", map(load, sys.argv[2:])))
answer = eval(compile("(" + sys.argv[1] + ")", "expression", "eval"), {**names, "names": names})
if not answer:
    print("not true:", sys.argv[1])
    for name, value in names.items(): print(name, "=", str(value)[:1500])
sys.exit(0 if answer else 1)
PYTHON
holds() { # NAME EXPRESSION FILE...
  local name=$1
  shift
  check "$name" python3 "$folder/holds.py" "$@"
}

# Files of two folders that must be the same bytes.
same_files() { # NAME FOLDER FOLDER FILE...
  local name=$1 first=$2 second=$3 file
  shift 3
  for file in "$@"; do check "$name: $file" cmp "$first/$file" "$second/$file"; done
}

# What of a results folder is the same for any number of ranks and any history.
# shellcheck disable=SC2034 # for the scripts that source this
same_bytes=(front.csv topk.csv journal convergence.csv infeasible.csv columns.csv report.html trace-best.json run.cfg)

# --- runs of a run file: what flows with a results folder have in common ----------------------------------------------
# What a flow writes besides; whoever sources this says it anew.
files=()

# Settings that are refused before there is a folder.
refuses() { # RUN.cfg NAME MESSAGE SET...
  local file=$1 name=$2 message=$3 sets=()
  shift 3
  for set in "$@"; do sets+=(--set "$set"); done
  runs 2 "$name" "$dse" explore "$file" --out bad "${sets[@]}"
  says "$name" "$message"
  check "$name: no folder" test ! -e bad
}

# A run whose journal lost its end, and what was written behind it: goes on to the same bytes.
goes_on_after_cuts() { # FOLDER FILE_BEHIND...
  local whole=$1 size bytes
  size=$(stat -c %s "$whole/journal")
  shift
  for bytes in 1 $((size / 2)); do
    cp -r "$whole" cut
    truncate -s $((size - bytes)) cut/journal
    sed -i 's/"state": "complete"/"state": "running"/' cut/status.json
    (cd cut && rm -r "$@")
    runs 0 "$bytes bytes cut off the journal" "$dse" resume cut
    same_files "$bytes bytes cut off" "$whole" cut "${same_bytes[@]}" "${files[@]}"
    rm -r cut
  done
}

# What `dse report` shows of a run whose journal ends with any of its rounds: a page of what there is, or that there is
# nothing yet; never more than a run knows in its midst.
reports_in_its_midst() { # FOLDER
  local whole=$1 n=0 end
  for end in $(python3 -B -c 'import sys
sys.path.insert(0, sys.argv[1])
from journal_file import records
for _, end, _ in records(open(sys.argv[2], "rb").read()): print(end)' "$root/tests/fault" "$whole/journal"); do
    rm -rf midst && mkdir midst && cp "$whole/run.cfg" midst
    head -c "$end" "$whole/journal" >midst/journal
    n=$((n + 1)) status=0
    "$dse" report midst >out 2>err </dev/null || status=$?
    verdict "after $n rounds: a report, or nothing feasible yet" $((status != 0 && status != 3)) \
      < <(echo "exit status $status" && cat err)
    ((status == 0)) || continue
    prints "after $n rounds: it has not ended" 'of a run that has not ended'
    check "after $n rounds: no files of an end" test ! -e midst/mapping.csv -a ! -e midst/summary.json
  done
  check 'reports of some rounds' test "$n" -gt 3
  rm -rf midst
}

# 1, 2, 3 and 5 ranks come to the bytes of folder `whole`.
same_on_ranks() { # RUN.cfg
  local ranks
  for ranks in 1 2 3 5; do
    runs 0 "$ranks ranks" mpirun -q -n "$ranks" "$dse" explore "$1" --out "on-$ranks"
    same_files "$ranks ranks" whole "on-$ranks" "${files[@]}"
    holds "$ranks ranks: summary.json but for times and ranks" 'all(a[k] == b[k] for k in a
      if k not in ("wall_s", "evaluations_per_s", "ranks"))' whole/summary.json "on-$ranks/summary.json"
  done
}

# Stopped after every round that a launch adds, and then left alone.
same_after_stops() { # RUN.cfg
  local launch
  for ((launch = 0; launch < 4; launch++)); do
    mpirun -q -n 2 "$dse" explore "$1" --out stopped --quiet --max-time 0 >out 2>err </dev/null
  done
  runs 0 'stopped again and again: goes on' mpirun -q -n 3 "$dse" explore "$1" --out stopped
  same_files 'stopped again and again' whole stopped "${files[@]}"
}

# Other work may slow a machine down tenfold, and disks more than that. So nothing here is ever too slow: what is asked is
# whether a thing happens at all before patience ends. How fast it happens is asked by tests/bench and scripts/startup.
patience_s=180
# Waits until a command succeeds.
await() { # COMMAND...
  local until=$((SECONDS + ${patience_s:?}))
  until "$@" 2>/dev/null; do
    if ((SECONDS >= until)); then
      echo "    waited in vain for: $*"
      return 1
    fi
    sleep 0.01
  done
}
has_bytes() { (($(stat -c %s "$1" 2>/dev/null || echo 0) > $2)); }
wait_for_bytes() { await has_bytes "$@"; } # FILE BYTES: until it has grown beyond them
ends_at_last() { check "$1: does not hang ($2 ms)" test "$2" -lt $((1000 * patience_s)); } # NAME MILLISECONDS
# Does the program catch SIGUSR1 (number 10) by now? The shell that is to become it may, too: not yet.
catches() { # PID
  local mask
  [[ $(readlink "/proc/$1/exe") == */dse ]] || return 1
  mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
  (((0x${mask:-0} >> 9) & 1))
}
# The process of a rank of a launcher; the launcher's children are in no order.
rank_pid() { # LAUNCHER RANK
  local child
  for child in $(pgrep -P "$1"); do
    if tr '\0' '\n' 2>/dev/null <"/proc/$child/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$2"; then echo "$child"; fi
  done
}
# The processor's milliseconds, user and system, of a command whose output does not matter: twice as many at most beside
# other work.
cpu_ms() { # COMMAND...
  local TIMEFORMAT='%U %S'
  { time "$@" >/dev/null 2>&1 </dev/null; } 2>&1 | awk '{ printf "%d\n", 1000 * ($1 + $2) }'
}

# A space on which a run takes a blink, with a good dozen of designs on its front.
write_small() { # FILE
  cat >"$1" <<'CFG'
workload = "bert-base";
batch = 4;
limits = { area_mm2 = 500.0; };
space = {
  tc_count = [1, 2, 4]; tc_rows = [32, 64, 128]; tc_cols = [64, 128];
  vc_count = [1, 2]; vc_width = [256, 1024]; glb_mib = [16, 64]; hbm_stacks = [2, 4];
};
search = { top_k = 7; seed = 2385; };
CFG
}

# A run of seconds in hundreds of small rounds, to be stopped in their midst.
write_long() { # FILE EVALUATIONS
  cat >"$1" <<CFG
workload = "bert-large";
batch = 16;
limits = { area_mm2 = 900.0; tdp_w = 500.0; };
space = {
  tc_count = "1..64 x2"; tc_rows = [32, 64, 128, 256]; tc_cols = [32, 64, 128, 256];
  vc_count = "1..32 x2"; vc_width = "128..2048 x2"; glb_mib = [16, 32, 64, 128]; hbm_stacks = [2, 4, 6];
};
search = { algorithm = "random"; max_evaluations = $2; round_size = 23; prove = false; seed = 77; top_k = 13; };
CFG
}

# A co-search of small systems of several designs, of a second; with more keys of its groups.
write_mixed_cosearch() { # FILE TENANCY CO_SEARCH SEARCH
  cat >"$1" <<CFG
workload = "gnmt4"; model = ["hidden=256", "vocab=4096"];
space = { tc_count = [1, 2, 4]; tc_rows = [64]; tc_cols = [64]; vc_count = [1, 2, 4]; vc_width = [256]; glb_mib = [16]; hbm_stacks = [1, 2]; };
system = {
  devices = [6]; global_batch = 96; tensor = [1]; pipeline = [3]; microbatch = [4]; schedule = ["1f1b"]; zero = [1];
  recompute = ["selective"]; money_usd = 860.0; kinds = "joint";
};
tenancy = { task = "mix"; seed = 77; cores = 6; power_w = 700.0; $2 };
co_search = { metric = "joint"; mixed = true; $3 };
search = { top_k = 5; seed = 2385; $4 };
CFG
}

# Sets `slow`, words in front of a program whose journal lies on a slow disk: its runs last so many milliseconds a round
# at least, however fast the machine. Nothing where that cannot be done (sanitizers, which are slow enough).
# shellcheck disable=SC2034 # slow is for the scripts that source this
slow_disk() { # MILLISECONDS
  local library=$root/$BUILD/tests/fault.so
  [[ $BUILD != /* ]] || library=$BUILD/tests/fault.so
  slow=()
  if [[ -e $library ]] && ! nm -D "$dse" 2>/dev/null | grep -q __asan_init; then
    slow=(env "LD_PRELOAD=$library" "DSE_FAULT=write:1+:slow=$1:*/journal")
  fi
}

finish() {
  echo "$passed passed, $failed failed"
  ((failed == 0 && passed > 0))
}

# --- the harness's own cases: whatever is counted as passed below, the opposite must count as failed -----------------
# One verdict of the harness, in a subshell: its own count is the answer.
one() {
  passed=0 failed=0
  case $1 in
  "check true") check x true ;;
  "check false") check x false ;;
  "refute false") refute x false ;;
  "refute true") refute x true ;;
  "runs-3 exit 3") runs 3 x sh -c 'exit 3' ;;
  "runs-3 exit 2") runs 3 x sh -c 'exit 2' ;;
  "holds good") holds x 'a == [{"x": "1", "y": "two, three"}]' "$folder/good.csv" ;;
  "holds ragged") holds x 'True' "$folder/ragged.csv" ;;
  "says there") echo 'one word' >"$folder/err" && says x 'word' ;;
  "says absent") echo 'one word' >"$folder/err" && says x 'sword' ;;
  esac
  ((passed == 1 && failed == 0))
}
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'x,y\n1,"two, three"\n' >"$folder/good.csv"
  printf 'x,y\n1\n' >"$folder/ragged.csv"
  cases=(
    "check true" "check false"
    "refute false" "refute true"
    "runs-3 exit 3" "runs-3 exit 2"
    "holds good" "holds ragged"
    "says there" "says absent"
  )
  for ((i = 0; i < ${#cases[@]}; i += 2)); do
    answer=0
    (one "${cases[i]}") >/dev/null || answer=1
    verdict "${cases[i]}" "$answer" </dev/null
    answer=0
    (one "${cases[i + 1]}") >/dev/null && answer=1
    verdict "${cases[i + 1]}" "$answer" </dev/null
  done
  finish
fi
