#!/bin/sh
# Do all ranks hold the same bytes after map, fold, broadcast and agreement, on 1, 2, 3 and 5 ranks and without a
# launcher? Does everything end when one rank goes down? Programs: tests/unit/cluster/test_map.c. BUILD: build folder.
set -u
BUILD=${BUILD:-build/release}
program=$BUILD/tests/unit/cluster/test_map
passed=0
failed=0

if [ "${MPI:-yes}" = no ] || ! command -v mpirun > /dev/null; then
  echo 'skipped: built without MPI'
  echo '0 passed, 0 failed'
  exit 0
fi

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_odls_base_sigkill_timeout=0
# Open MPI leaks on its own account; leaks are looked for in the serial build.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

verdict() { # name, true or false
  if [ "$2" = true ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $1"
    cat "$folder"/*.err 2> /dev/null
  fi
}

# Runs a scenario on $1 ranks; output in $folder/$2-$1, status in $status.
launch() {
  timeout 300 mpirun -q -n "$1" "$program" --child "$2" > "$folder/$2-$1" 2> "$folder/$2-$1.err"
  status=$?
}

ok=false
"$program" --child same > "$folder/same-0" 2> "$folder/same-0.err" && [ "$(wc -l < "$folder/same-0")" -eq 15 ] && ok=true
verdict 'without a launcher' $ok
for n in 1 2 3 5; do
  launch $n same
  ok=false
  [ $status -eq 0 ] && cmp "$folder/same-0" "$folder/same-$n" && ok=true
  verdict "same bytes on $n ranks (status $status)" $ok
done

# Of two failing ranks the lower one is heard, everywhere, and its status is that of the job.
for n in 2 3 5; do
  launch $n error
  case $n in
    2) wanted=1 text="the last rank's disk is full" ;;
    *) wanted=2 text="run.cfg:2385: the middle rank's mistake" ;;
  esac
  # On two ranks the middle one is the last: both of its messages arrive, the first gives the status.
  ok=false
  [ $status -eq $wanted ] && grep -qF "$text" "$folder/error-$n" && ! grep -q DIFFERS "$folder/error-$n" && ok=true
  verdict "an error on one of $n ranks (status $status, wanted $wanted)" $ok
done

# A rank that goes down takes all along, soon (124 is our own time limit).
for scenario in abort bug; do
  launch 3 $scenario
  ok=false
  [ $status -ne 0 ] && [ $status -ne 124 ] && ! grep -q 'nobody noticed' "$folder/$scenario-3.err" && ok=true
  verdict "$scenario on one of 3 ranks (status $status)" $ok
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
