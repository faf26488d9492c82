#!/bin/bash
# Do the job files under scripts/pbs carry real sweeps to the bytes of a run that never stopped, as far as can be told
# without a PBS?
#
# Debian has none, so qsub and qstat are stand-ins below, written from the manual pages of OpenPBS and Torque: a job
# runs from a copy of its script, in the home folder, with no arguments and no variables but those of -v and PBS_*; a
# long line of `qstat -f` is broken with a tab. Left out: a server that schedules, kills at the limit and knows the nodes.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
[[ $MPI != no ]] || skip_all 'built without MPI'
command -v mpirun >/dev/null || skip_all 'there is no mpirun'
cd "$folder" || exit 1
mkdir -p pbs/queue home 'sub mission' configs
scripts=$root/scripts/pbs

# qsub puts a job into the queue: its script, its options a line each, its variables a line each.
cat >pbs/qsub <<'SH'
#!/bin/bash
set -euo pipefail
pbs=$(dirname "$0")
[[ ! -e $pbs/closed ]] || { echo 'qsub: Bad UID for job execution' >&2; exit 1; }
id=$(($(ls "$pbs/queue" | wc -l) + 1))
declare -A value=([-N]=x [-q]=workq)
resources=() array=1 variables=
take() { # OPTION VALUE
  case $1 in
  -l) resources+=("$2") ;;
  -W) [[ $2 =~ ^depend=afterany:([0-9]+)(\[[0-9]+\])?\.server$ && -d $pbs/queue/${BASH_REMATCH[1]} ]] ;;
  -J | -t) array=${2#1-} value[array]=$1 ;;
  -v) variables=$2 ;;
  -N | -q | -j | -r | -A) value[$1]=$2 ;;
  *) echo "qsub: illegal option $1" >&2; exit 2 ;;
  esac
}
given=("$@")
script=${given[-1]}
[[ -f $script ]] || { echo "qsub: $script: no such script (and no arguments)" >&2; exit 2; }
# What the line says wins over what the script says.
while read -r option rest; do take "$option" "$rest"; done < <(sed -n 's/^#PBS //p' "$script")
for ((i = 0; i < ${#given[@]} - 1; i += 2)); do take "${given[i]}" "${given[i + 1]}"; done
job=$pbs/queue/$id
mkdir "$job"
cp "$script" "$job/$id.SC"
chmod 500 "$job/$id.SC"
printf '%s\n' "${given[@]:0:${#given[@]}-1}" >"$job/line"
tr ',' '\n' <<<"$variables" >"$job/variables"
printf 'name=%q queue=%q account=%q array=%q kind=%q here=%q\n' "${value[-N]}" "${value[-q]}" "${value[-A]:-}" \
  "$array" "${value[array]:-}" "$PWD" >"$job/job"
printf '%s\n' "${resources[@]}" >"$job/resources"
echo "$id.server"
SH
# What is known of a job: its last -l of a kind, and that an hour of its time is over.
cat >pbs/qstat <<'SH'
#!/bin/bash
[[ $1 == -f && $2 =~ ^([0-9]+)(\[[0-9]+\])?\.server$ ]] || exit 2
job=$(dirname "$0")/queue/${BASH_REMATCH[1]}
source "$job/job"
echo "Job Id: $2"
echo "    Job_Name = $name"
[[ ! $account ]] || echo "    Account_Name = $account"
tac "$job/resources" | grep -m 1 '^walltime=' | sed 's/walltime=/    Resource_List.walltime = /'
tac "$job/resources" | grep -m 1 -E '^(nodes|select)=' |
  sed 's/=/ = /; s/^/    Resource_List./; s/:ppn/:pp\n\tn/; s/:mpi/\n\t&/'
echo '    resources_used.walltime = 01:00:00'
SH
chmod +x pbs/qsub pbs/qstat

# Runs a job of the queue as the node's daemon would; output in pbs/queue/ID/log(.INDEX), status in …/status(.INDEX).
run_job() { # ID
  # shellcheck disable=SC2034 # qstat tells the account
  local name='' queue='' account='' array='' kind='' here='' i pair own status
  # shellcheck disable=SC1090
  source "$folder/pbs/queue/$1/job"
  printf 'localhost\nlocalhost\n' >"$folder/pbs/nodes"
  for ((i = 1; i <= array; i++)); do
    own=("PBS_JOBID=$1.server" "PBS_JOBNAME=$name" "PBS_O_QUEUE=$queue" "PBS_O_WORKDIR=$here")
    case $kind in
    -J) own+=("PBS_ARRAY_INDEX=$i" "PBS_JOBID=$1[$i].server") ;;
    -t) own+=("PBS_ARRAYID=$i" "PBS_JOBID=$1[$i].server") ;;
    esac
    while read -r pair; do own+=("$pair"); done < <(grep . "$folder/pbs/queue/$1/variables")
    while read -r pair; do own+=("$pair"); done < <(env | grep -E '^(OMPI_|ASAN_OPTIONS)')
    status=0
    own+=("HOME=$folder/home" "PATH=$folder/pbs:$PATH" "PBS_NODEFILE=$folder/pbs/nodes")
    (cd "$folder/home" && env -i "${own[@]}" timeout -k 5 300 bash "$folder/pbs/queue/$1/$1.SC") >"$folder/pbs/queue/$1/log.$i" 2>&1 </dev/null || status=$?
    echo "$status" >"$folder/pbs/queue/$1/status.$i"
  done
}
jobs_queued() { find "$folder/pbs/queue" -mindepth 1 -maxdepth 1 | wc -l; }
# Submits and runs it and all that it submits; the first one's number is in $first, the last one's in $last.
submit() { # QSUB-ARGUMENT...
  local id
  id=$("$folder/pbs/qsub" "$@" 2>"$folder/err") || return 1
  first=${id%%.*} last=${id%%.*}
  while ((last <= $(jobs_queued))); do run_job "$last" && last=$((last + 1)); done
  last=$((last - 1))
}
ended_with() { [[ $(cat "$folder/pbs/queue/$1/status.${3:-1}") == "$2" ]]; } # ID STATUS [INDEX]

# --- 131 rounds of 25 ms at least, so that a limit of seconds comes in their midst ----------------------------------
write_long long.cfg 3000
for seed in 78 79; do sed "s/seed = 77/seed = $seed/" long.cfg >"configs/seed-$seed.cfg"; done
for name in '' seed-78 seed-79; do
  runs 0 "never stopped ${name:-long}" "$dse" explore "${name:+configs/}${name:-long}.cfg" \
    --out "whole${name:+-$name}" --quiet
done
cc -shared -fPIC -D_GNU_SOURCE -o pace.so "$root/tests/slurm/pace.c" -ldl || exit 1
cat >paced <<SH
#!/bin/bash
export LD_PRELOAD=$folder/pace.so PACE_MS=25 ASAN_OPTIONS="\$ASAN_OPTIONS:verify_asan_link_order=0"
exec $dse "\$@"
SH
printf '#!/bin/bash\nexit 75\n' >stuck
chmod +x paced stuck
hour_and() { echo "walltime=01:00:$1"; } # an hour is over

cd 'sub mission' || exit 1
# --- a plain job ----------------------------------------------------------------------------------------------------
check 'run: submitted' submit -l "$(hour_and 50)" -v "RUN=../long.cfg,DSE=$dse" "$scripts/run.pbs"
check 'run: exit status 0' ended_with "$first" 0
same_files 'run' ../whole results-long "${same_bytes[@]}"
holds 'run: on the two slots of its nodes' 'a["ranks"] == 2' results-long/summary.json
check 'run: the time that is left, less a tenth' grep -qE -- '--max-time (4[0-5]|[1-3]?[0-9])$' "../pbs/queue/$first/log.1"
check 'run: limit' submit -l "$(hour_and 01)" -v "RUN=../long.cfg,DIR=limited,DSE=$folder/paced" "$scripts/run.pbs"
check 'run: limit: exit status 75' ended_with "$first" 75
check 'run: limit: no other job' test "$first" -eq "$last"
holds 'run: limit: stopped' 'a["state"] == "stopped" and a["reason"] == "--max-time"' limited/status.json
check 'run: hours' submit -l walltime=10:00:00 -v "RUN=../long.cfg,DIR=limited,DSE=$dse" "$scripts/run.pbs"
check 'run: hours: a minute less' grep -q -- "--max-time $((9 * 3600 - 60))$" "../pbs/queue/$first/log.1"
same_files 'run: limit' ../whole limited "${same_bytes[@]}"
check 'run: no file named' submit "$scripts/run.pbs"
check 'run: no file named: says what to write' grep -q 'usage: qsub -v RUN=' "../pbs/queue/$first/log.1"

# --- a chain --------------------------------------------------------------------------------------------------------
check 'chain: submitted' submit -A project7 -q long -l nodes=2:ppn=1 -l "$(hour_and 02)" \
  -v "RUN=../configs/seed-78.cfg,DIR=chain,DSE=$folder/paced,OPTIONS=--seed 77" "$scripts/chain.pbs"
check 'chain: more than one job' test "$last" -gt "$first"
check 'chain: the first one stopped' ended_with "$first" 75
check 'chain: the last one is done' ended_with "$last" 0
check 'chain: all between stopped' bash -c "for ((i = $first; i < $last; i++)); do
  [[ \$(cat ../pbs/queue/\$i/status.1) == 75 ]] || exit 1; done"
same_files 'chain' ../whole chain "${same_bytes[@]}"
holds 'chain: a launch a job' "a['epoch'] == $((last - first + 1))" chain/status.json
check 'chain: the next one has all of its attributes' cmp <(printf '%s\n' -N dse -q long -l "$(hour_and 02)" \
  -W "depend=afterany:$first.server" -l nodes=2:ppn=1 -A project7 \
  -v "RUN=../configs/seed-78.cfg,DIR=chain,DSE=$folder/paced,OPTIONS=--seed 77") "../pbs/queue/$((first + 1))/line"
check 'chain: says which is next' grep -q "goes on as $((first + 1)).server" "../pbs/queue/$first/log.1"
check 'select: submitted' submit -l select=1:ncpus=2:mpiprocs=2 -l "$(hour_and 02)" \
  -v "RUN=../long.cfg,DIR=select,DSE=$folder/paced" "$scripts/chain.pbs"
check 'select: the next one too' grep -qx 'select=1:ncpus=2:mpiprocs=2' "../pbs/queue/$((first + 1))/line"
refute 'select: and not nodes' grep -q 'nodes=' "../pbs/queue/$((first + 1))/line"
same_files 'select' ../whole select front.csv journal
# Ends that must not lead to another job.
check 'stuck: submitted' submit -v "RUN=../long.cfg,DIR=stuck,DSE=$folder/stuck" "$scripts/chain.pbs"
check 'stuck: no other job' test "$first" -eq "$last"
check 'stuck: exit status 75' ended_with "$first" 75
check 'stuck: says why' grep -q 'no point in another start' "../pbs/queue/$first/log.1"
check 'a wrong option: submitted' submit -v "RUN=../long.cfg,DIR=wrong,DSE=$dse,OPTIONS=--set limits.tdp=3" \
  "$scripts/chain.pbs"
check 'a wrong option: no other job' test "$first" -eq "$last"
check 'a wrong option: exit status 2' ended_with "$first" 2
check 'a wrong option: says which' grep -q 'limits.tdp' "../pbs/queue/$first/log.1"
# Where the nodes may not submit.
id=$(../pbs/qsub -l "$(hour_and 01)" -v "RUN=../long.cfg,DIR=closed,DSE=$folder/paced" "$scripts/chain.pbs")
touch ../pbs/closed
run_job "${id%%.*}"
rm ../pbs/closed
check 'no further job is taken: says what to do' grep -q 'submit the same line again' "../pbs/queue/${id%%.*}/log.1"
check 'no further job is taken: exit status 75' ended_with "${id%%.*}" 75

# --- an array, in either dialect ------------------------------------------------------------------------------------
printf '../configs/%s\n' seed-78.cfg seed-79.cfg >list
check 'array: submitted' submit -J 1-3 -l walltime=2:00:00 \
  -v "RUNS=list,DIR=array,DSE=$dse,LAUNCHER=mpirun -q -n 1" "$scripts/array.pbs"
check 'array: exit status 0' ended_with "$first" 0 1
check 'array: exit status 0, second' ended_with "$first" 0 2
check 'array: no third run file' ended_with "$first" 2 3
check 'array: says so' grep -q 'no run file of number 3' "../pbs/queue/$first/log.3"
check 'array (Torque): submitted' submit -t 1-2 -l walltime=2:00:00 -v "RUNS=../configs,DSE=$dse" "$scripts/array.pbs"
check 'array (Torque): exit status 0' ended_with "$first" 0 1
check 'array (Torque): exit status 0, second' ended_with "$first" 0 2
for seed in 78 79; do
  same_files "array, $seed" ../whole-seed-$seed array/seed-$seed "${same_bytes[@]}"
  same_files "array (Torque), $seed" ../whole-seed-$seed results/seed-$seed front.csv journal
  holds "array, $seed: launcher" 'a["ranks"] == 1 and b["ranks"] == 2' {array,results}/seed-$seed/summary.json
done
check 'array: one folder a run file' test "$(ls array)" == $'seed-78\nseed-79'
finish
