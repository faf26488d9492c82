#!/bin/bash
# A real Slurm on this machine alone: own folder, key and ports, only the loopback, no systemd, no cgroups.
#
#   . <(tests/slurm/cluster.sh start)     starts it and sets SLURM_CONF, with which sbatch, squeue … find it
#   tests/slurm/cluster.sh kill NODE      a node dies: its daemon and its jobs' processes, by SIGKILL
#   tests/slurm/cluster.sh stop           ends it, its jobs and their processes, and removes the folder
#
# NODES (default 2) virtual nodes n1, n2, … of CPUS (8) processors each: more than there are, for nothing is bound to
# any. Debian: slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge. Source of each setting: the man page
# slurm.conf(5) of 22.05. Left out: accounting, cgroups and a network. KEEP=1 keeps the folder with the logs.
set -euo pipefail
export LC_ALL=C

say() { echo "cluster.sh: $*" >&2; }

# The processes of this cluster, or of one node: daemons have its logs open, jobs its settings in their environment.
processes() { # [NODE]
  find /proc/[0-9]*/fd -lname "$base/${1:+slurmd.$1.log}*" 2>/dev/null | cut -d/ -f3 || true
  grep -lzxF "SLURM_CONF=$base/slurm.conf" /proc/[0-9]*/environ 2>/dev/null |
    xargs -r grep -lzE "^SLURMD_NODENAME=${1:-.}" 2>/dev/null | cut -d/ -f3 || true
}

# The folder of the cluster that SLURM_CONF names, if it is one of ours.
find_base() {
  base=$(dirname "${SLURM_CONF:?start sets it}")
  [[ -f $base/is-a-test-cluster ]] || { say "$base is no cluster of mine" && exit 2; }
}

kill_node() { # NODE
  local pid i
  find_base
  [[ $(processes "$1") ]] || { say "there is no node $1" && exit 2; }
  for ((i = 0; i < 30; i++)); do
    for pid in $(processes "$1"); do kill -KILL "$pid" 2>/dev/null || true; done
    [[ $(processes "$1") ]] || return 0
    sleep 0.1
  done
  say "node $1 lives" && exit 1
}

stop() {
  local pid i
  find_base
  # Daemons first, so that nothing is started again; then what they had started.
  for signal in TERM KILL; do
    for pid in $(processes); do kill -$signal "$pid" 2>/dev/null || true; done
    for ((i = 0; i < 30; i++)); do
      [[ $(processes) ]] || break 2
      sleep 0.1
    done
  done
  if [[ ${KEEP:-} ]]; then say "kept $base"; else rm -rf "$base"; fi
}

# Ten ports in a row that nobody listens on, below those that the kernel hands out.
free_ports() {
  local first port
  while :; do
    first=$((10000 + RANDOM % 2000 * 10))
    for ((port = first; port < first + 10; port++)); do
      (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
    done
    echo $first && return
  done
}

settings() { # FIRST_PORT
  local i user host
  user=$(id -un) host=$(hostname -s)
  cat <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$1
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$base/munge.socket
CredType=cred/munge
StateSaveLocation=$base/state
SlurmdSpoolDir=$base/spool/%n
SlurmctldPidFile=$base/slurmctld.pid
SlurmdPidFile=$base/slurmd.%n.pid
SlurmctldLogFile=$base/slurmctld.log
SlurmdLogFile=$base/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
MpiDefault=none
# A job is started again only if its own file says so.
JobRequeue=0
ReturnToService=2
# A killed job's processes have a second, a silent node a quarter of a minute.
KillWait=1
SlurmdTimeout=15
CONF
  for ((i = 1; i <= nodes; i++)); do
    echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$(($1 + i)) CPUs=$cpus RealMemory=1000 State=UNKNOWN"
  done
  echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP"
}

# Starts the daemons (apart, so that an interrupt from the keyboard is not theirs) and waits until every node is there (10 s); false if not.
daemons() {
  local i
  settings "$(free_ports)" >"$SLURM_CONF"
  setsid slurmctld -D >"$base/slurmctld.out" 2>&1 </dev/null &
  for ((i = 1; i <= nodes; i++)); do setsid slurmd -D -N "n$i" >"$base/slurmd.n$i.out" 2>&1 </dev/null & done
  for ((i = 0; i < 100; i++)); do
    (($(sinfo -h -N -t idle 2>/dev/null | wc -l) == nodes)) && return
    sleep 0.1
  done
  return 1
}

start() {
  local command nodes=${NODES:-2} cpus=${CPUS:-8} attempt
  for command in munged slurmctld slurmd sinfo; do
    command -v $command >/dev/null || { say "$command is not installed" && exit 1; }
  done
  base=$(mktemp -d /tmp/slurm.XXXXXX) # short: a socket's name has 107 bytes at most
  export SLURM_CONF=$base/slurm.conf
  trap 'KEEP="" stop' EXIT
  # munged refuses a socket where others might write.
  chmod 755 "$base"
  touch "$base/is-a-test-cluster"
  mkdir -p "$base/state"
  (umask 077 && head -c 128 /dev/urandom >"$base/munge.key")
  for ((attempt = 1; attempt <= nodes; attempt++)); do mkdir -p "$base/spool/n$attempt"; done
  setsid munged --foreground --key-file="$base/munge.key" --socket="$base/munge.socket" --pid-file="$base/munged.pid" \
    --seed-file="$base/munged.seed" --log-file="$base/munged.log" >"$base/munged.out" 2>&1 </dev/null &
  # Somebody else may have taken the ports in between: then others.
  for attempt in 1 2 3; do
    daemons && trap - EXIT && echo "export SLURM_CONF=$SLURM_CONF" && return
    for command in $(jobs -p | tail -n +2); do kill -KILL "$command" 2>/dev/null || true; done
  done
  local why
  why=$(cat "$base"/*.out "$base"/*.log | grep -i fatal | tail -n 1 || true)
  say "Slurm did not start: ${why:-its nodes did not answer in 10 s}"
  exit 1
}

case ${1:-} in
start) start ;;
kill) kill_node "$2" ;;
stop) stop ;;
*) say "usage: $0 start|kill NODE|stop" && exit 2 ;;
esac
