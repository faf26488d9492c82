#!/bin/bash
# Do the job files under scripts/slurm carry real sweeps through a real Slurm to the bytes of a run that never stopped?
#
# On a throw-away cluster of three virtual nodes (tests/slurm/cluster.sh): a plain job, one by srun, and, all at the
# same time because Slurm looks at time limits only every 30 s: a chain that is warned, stops and starts again by
# itself; an array of such; a job that hits its time limit without a warning; one whose node dies. Slurm would let them
# wait more than two minutes before a second start; here they are hurried. VERBOSE=1 prints what happened, with times.
# Left out: several real nodes, other versions of Slurm than that installed.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"

[[ $MPI != no ]] || skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'there is no mpirun'
started=$(NODES=3 CPUS=8 tests/slurm/cluster.sh start 2>"$folder/why") ||
  skip_all "$(grep '^cluster.sh: ' "$folder/why" | tail -n 1)"
eval "$started"
begin_s=$SECONDS
watcher=
clean_up() {
  [[ ! $watcher ]] || kill "$watcher" 2>/dev/null
  cd "$root" && tests/slurm/cluster.sh stop
  rm -rf "$folder"
}
trap clean_up EXIT
# Also when the program that is interrupted with us ends in good order.
trap 'exit 130' INT
trap 'exit 143' TERM

# --- what happened, for people --------------------------------------------------------------------------------------
tell() { [[ ! ${VERBOSE:-} ]] || echo "$((SECONDS - begin_s)) s: $*"; }
# A line for each change of a job's state.
watch_jobs() {
  local -A last=()
  local line id state
  while sleep 0.3; do
    while IFS='|' read -r id state line; do
      [[ ${last[$id]:-} == "$state" ]] || tell "job $id ($line): $state"
      last[$id]=$state
    done < <(squeue -h -r -t all -S i -o '%i|%T|%j %N')
  done
}
if [[ ${VERBOSE:-} ]]; then
  sinfo --version
  watch_jobs &
  watcher=$!
fi

# --- jobs -----------------------------------------------------------------------------------------------------------
# A field of a job as Slurm shows it.
field() { scontrol show job "$1" 2>/dev/null | grep -oE "(^| )$2=[^ ]*" | head -n 1 | cut -d= -f2; }
is() { [[ $(field "$1" "$2") == "$3" ]]; } # JOB FIELD VALUE
# Waits until a command succeeds; false after so many seconds, or when the whole test has lasted 800 s.
wait_for() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end && SECONDS < begin_s + 800)) || return 1
    sleep 0.2
  done
}
submit() { sbatch --parsable "$@" 2>"$folder/err" || cat "$folder/err" >&2; }
ended() { [[ $(field "$1" JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$ ]]; }
started_again() { (($(field "$1" Restarts) > 0)) && is "$1" JobState PENDING; }
# To the end, without Slurm's wait before each further start.
hurried_to_end() { # JOB...
  local job all=0
  for job in "$@"; do
    ended "$job" && continue
    all=1
    ! started_again "$job" || scontrol update jobid="$job" starttime=now 2>/dev/null
  done
  return $all
}
complete() { # NAME JOB REFERENCE DIR
  check "$1: ended" wait_for 150 ended "$2"
  check "$1: COMPLETED" is "$2" JobState COMPLETED
  holds "$1: complete" 'a["state"] == "complete"' "$4/status.json"
  same_files "$1" "$3" "$4" "${same_bytes[@]}"
}

# --- the problem: 195 rounds that take 0.26 s each as long as the pace says so --------------------------------------
cd "$folder" || exit 1
mkdir -p checkout/scripts checkout/build 'another place' configs
cp -r "$root/scripts/slurm" checkout/scripts
ln -s "$dse" checkout/build/dse
jobs=$folder/checkout/scripts/slurm
write_long long.cfg 4500
for seed in 78 79; do sed "s/seed = 77/seed = $seed/" long.cfg >"configs/seed-$seed.cfg"; done
printf '%s\n' configs/seed-78.cfg configs/seed-79.cfg >list
cc -shared -fPIC -D_GNU_SOURCE -o pace.so "$root/tests/slurm/pace.c" -ldl || exit 1
cat >paced <<SH
#!/bin/bash
export LD_PRELOAD=$folder/pace.so PACE_MS=\$(cat $folder/pace) ASAN_OPTIONS="\$ASAN_OPTIONS:verify_asan_link_order=0"
exec $dse "\$@"
SH
# The sweep that cannot advance.
printf '#!/bin/bash\nexit 75\n' >stuck
chmod +x paced stuck
echo 260 >pace
unset DSE LAUNCHER
export SBATCH_EXPORT=ALL

# --- all that must be waited for, at once ---------------------------------------------------------------------------
node_job=$(DSE=$folder/paced submit -J node --exclusive -n 2 "$jobs/chain.sbatch" long.cfg node)
chain=$(DSE=$folder/paced submit -J chain -n 2 -t 2 "$jobs/chain.sbatch" long.cfg chain)
array=$(DSE=$folder/paced submit -J array -n 1 -t 2 --array=1-3 "$jobs/array.sbatch" list array)
end_s=$((EPOCHSECONDS + 20)) # as newer versions of Slurm say; no other end is in sight
clock=$(DSE=$folder/paced SLURM_JOB_END_TIME=$end_s submit -J clock -n 1 "$jobs/chain.sbatch" long.cfg clock)
soft=$(DSE=$folder/paced submit -J soft -n 1 "$jobs/chain.sbatch" long.cfg soft)
cancelled=$(DSE=$folder/paced submit -J cancelled -n 1 "$jobs/chain.sbatch" long.cfg cancelled)
hit=$(DSE=$folder/paced PACE_DEAF=1 submit -J hit -n 2 -t 60 --requeue "$jobs/run.sbatch" long.cfg hit)
for dir in node chain array/seed-78 array/seed-79 hit clock soft cancelled; do
  check "$dir: begins" wait_for_bytes "$dir/journal" 2000
done
# Its time is up now, earlier than it could know.
check 'hit: a shorter time limit' scontrol update jobid="$hit" endtime="$(date -d '+1 second' +%FT%T)"

# --- a node dies: its daemon and all of the job, at once, by SIGKILL ------------------------------------------------
node=$(field "$node_job" NodeList)
tell "node $node is killed, journal of its job $(stat -c %s node/journal) bytes"
check 'node: is killed' "$root/tests/slurm/cluster.sh" kill "$node"
check 'node: nothing of its job goes on' test -z \
  "$(find /proc/[0-9]*/fd -lname "$folder/node/journal" 2>/dev/null)"

# --- a user's hand --------------------------------------------------------------------------------------------------
check 'soft: the warning by hand' scancel --batch --signal=USR1 "$soft"
check 'soft: back in the queue' wait_for 120 started_again "$soft"
holds 'soft: stopped' 'a["state"] == "stopped"' soft/status.json
check 'cancelled: scancel' scancel "$cancelled"
check 'cancelled: ended' wait_for 120 is "$cancelled" JobState CANCELLED
refute 'cancelled: not called complete' grep -q complete cancelled/status.json

# --- meanwhile: what ends by itself ---------------------------------------------------------------------------------
for name in '' seed-78 seed-79; do
  runs 0 "never stopped ${name:-long}" "$dse" explore "${name:+configs/}${name:-long}.cfg" \
    --out "whole${name:+-$name}" --quiet
done
# From another folder, the program being that of the checkout.
plain=$(cd 'another place' && submit -J plain -n 3 -t 5 "$jobs/run.sbatch" ../long.cfg)
complete 'plain' "$plain" whole 'another place/results-long'
holds 'plain: on three ranks' 'a["ranks"] == 3' 'another place/results-long/summary.json'
check 'plain: with a time limit' grep -qE -- '--max-time (270|2[0-6][0-9]|1?[0-9]{1,2})$' "another place/plain-$plain.log"
# By srun, the program being that in PATH.
srun_job=$(PATH=$(dirname "$dse"):$PATH LAUNCHER=srun submit -J srun -n 3 "$jobs/chain.sbatch" long.cfg by-srun)
complete 'srun' "$srun_job" whole by-srun
holds 'srun: on three ranks' 'a["ranks"] == 3' by-srun/summary.json
# Complete already: nothing is done again.
again=$(LAUNCHER=srun submit -J again -n 2 "$jobs/run.sbatch" long.cfg by-srun)
complete 'complete already' "$again" whole by-srun
holds 'complete already: no further launch' 'a["epoch"] == 1' by-srun/status.json
# Ends that must not lead to another start.
stuck=$(DSE=$folder/stuck submit -J stuck -n 1 "$jobs/chain.sbatch" long.cfg stuck-results)
check 'stuck: ended' wait_for 120 ended "$stuck"
check 'stuck: no other start' is "$stuck" Restarts 0
check 'stuck: exit status 75' is "$stuck" ExitCode 75:0
check 'stuck: says why' grep -q 'no point in another start' "stuck-$stuck.log"
wrong=$(submit -J wrong -n 2 "$jobs/chain.sbatch" long.cfg wrong --set limits.tdp=3)
check 'a wrong key: ended' wait_for 120 ended "$wrong"
check 'a wrong key: no other start' is "$wrong" Restarts 0
check 'a wrong key: exit status 2' is "$wrong" ExitCode 2:0
check 'a wrong key: says which' grep -q 'limits.tdp' "wrong-$wrong.log"
check 'array: no third run file' wait_for 120 is "${array}_3" ExitCode 2:0
check 'array: says so' grep -q 'no run file of number 3' "array-$array-3.log"
unknown=$(LAUNCHER=prun submit -J unknown -n 1 "$jobs/run.sbatch" long.cfg unknown)
check 'an unknown launcher: exit status 2' wait_for 120 is "$unknown" ExitCode 2:0

# --- Slurm notices --------------------------------------------------------------------------------------------------
check 'hit: killed at its time limit' wait_for 180 is "$hit" JobState TIMEOUT
for job in "$chain" "${array}_1" "${array}_2" "$clock" "$node_job"; do
  check "$(field "$job" JobName) $job: back in the queue" wait_for 180 started_again "$job"
done
for dir in node chain array/seed-78 array/seed-79 hit; do
  before=$(stat -c %s "$dir/journal")
  check "$dir: in the midst" test "$before" -gt 2000 -a "$before" -lt "$(stat -c %s whole/journal)"
  refute "$dir: not called complete" grep -q complete "$dir/status.json"
done
# The warned stop in good order; the killed have no time for that.
for dir in chain array/seed-78 array/seed-79; do
  holds "$dir: stopped by the warning" 'a["state"] == "stopped" and
    ("signal 10" in a["reason"] or "USR1" in a["reason"])' "$dir/status.json"
done
holds 'clock: stopped by its own clock' 'a["state"] == "stopped" and a["reason"] == "--max-time"' clock/status.json
check 'clock: less than the time that is left' grep -qE -- '--max-time (1[0-8]|[0-9])([^0-9]|$)' "clock-$clock.log"
check 'cancelled: no other start' is "$cancelled" Restarts 0
check 'clock: scancel' scancel "$clock"
for dir in hit node; do refute "$dir: no word of a stop" grep -q stopped "$dir/status.json"; done
for log in "chain-$chain" "array-$array-1" "array-$array-2"; do
  check "$log: was warned" grep -q ': warned$' "$log.log"
  refute "$log: no page of text by the launcher" grep -q 'non-zero exit code' "$log.log"
  check "$log: exit status 75" grep -q 'exit status 75, journal' "$log.log"
done
refute "node: was not warned" grep -qE ': warned|exit status' "node-$node_job.log"

# --- and all go on to the end ---------------------------------------------------------------------------------------
echo 0 >pace
check 'hit: requeued' scontrol requeue "$hit"
# The same line goes on with what was cancelled.
cancelled=$(DSE=$folder/paced submit -J cancelled -n 1 "$jobs/chain.sbatch" long.cfg cancelled)
check 'all end' wait_for 300 hurried_to_end "$cancelled" "$soft" "$chain" "${array}_1" "${array}_2" "$hit" "$node_job"
complete 'chain' "$chain" whole chain
complete 'array, first' "${array}_1" whole-seed-78 array/seed-78
complete 'array, second' "${array}_2" whole-seed-79 array/seed-79
complete 'hit' "$hit" whole hit
complete 'node' "$node_job" whole node
complete 'soft' "$soft" whole soft
complete 'cancelled' "$cancelled" whole cancelled
check 'array: one folder a run file' test "$(ls array)" == $'seed-78\nseed-79'
for dir in chain array/seed-78 array/seed-79 hit node; do
  holds "$dir: the second launch or a later one" 'a["epoch"] >= 2' "$dir/status.json"
done
for log in chain-"$chain" array-"$array"-1 array-"$array"-2 hit-"$hit" node-"$node_job" soft-"$soft" \
  cancelled-"$cancelled"; do
  check "$log: went on where it stopped" grep -q 'finished rounds' "$log.log"
done
check 'chain: the second start says so' grep -q "start 1 of job $chain" "chain-$chain.log"
check 'array: the second start is that of its own job' grep -q "start 1 of job ${array}_1," "array-$array-1.log"
refute 'node: on another node' is "$node_job" NodeList "$node"
if [[ ${VERBOSE:-} ]]; then
  sleep 1
  for log in chain-"$chain" array-"$array"-1 node-"$node_job" clock-"$clock"; do
    echo "--- $log.log"
    grep 'chain.sbatch:\|slurmstepd\|stopped by\|finished rounds\|evaluations (' "$log.log" | sed "s|$folder/||g"
  done
  echo "--- hit-$hit.log"
  grep '^+\|slurmstepd\|finished rounds\|evaluations (' "hit-$hit.log" | sed "s|$folder/||g"
fi
finish
