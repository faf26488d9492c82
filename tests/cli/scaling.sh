#!/bin/bash
# Does the simulation of many ranks agree with what is known without it? Equal tasks on a network that costs nothing, a
# counter that is too slow, a tail that is one long task, rounds that are too small; and does it refuse what it cannot
# read, at its place? How it compares with real runs is in docs/scaling.md.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
scaling=$root/scripts/scaling
runs_scaling() { # NAME FILE ARGUMENT...: its table as table.csv
  local name=$1
  shift
  runs 0 "$name" python3 "$scaling" "$@"
  cp out table.csv
}
write_timing() { # FILE "number,tasks,seconds" of durations...
  local file=$1 row
  shift
  echo 'what,number,tasks,seconds,waiting_s,messages,peak_bytes' >"$file"
  for row in "$@"; do echo "duration,$row,,," >>"$file"; done
}

write_timing equal.csv 80,1000,1
runs_scaling 'equal tasks' equal.csv --network ideal --ranks 2,4,16 --per-rank 64 --control-us 0
holds 'equal tasks: nothing is lost but the last task of some' \
  'len(a) == 3 and all(63 / 65 < float(r["efficiency"]) <= 1.0005 for r in a)' table.csv
holds 'equal tasks: as long as they are' 'all(float(r["task_s"]) == 0.001 for r in a)' table.csv
runs_scaling 'one task a rank' equal.csv --network ideal --ranks 16 --per-rank 1 --control-us 0
holds 'one task a rank: no message, no loss' \
  'float(a[0]["answers_per_s"]) == 0 and float(a[0]["efficiency"]) > 0.99' table.csv
runs_scaling 'a task too many' equal.csv --network ideal --ranks 16 --tasks 17 --control-us 0
holds 'a task too many: two rounds of time, 17 of 32 used' 'abs(float(a[0]["efficiency"]) - 17 / 32) < 0.01' table.csv

# One task in a thousand takes as long as a rank's whole share.
write_timing stray.csv 80,999,0.999 120,1,1
runs_scaling 'a stray' stray.csv --network ideal --ranks 16 --per-rank 1000 --control-us 0
holds 'a stray: the round lasts at least as long as it' 'float(a[0]["round_s"]) >= 1 and a[0]["limited_by"] == "tail"' \
  table.csv

# Tasks of a microsecond: whoever can be answered only 21,000 times a second cannot use thousands of ranks.
write_timing tiny.csv 40,1000000,1
runs_scaling 'tiny tasks' tiny.csv --network tcp --ranks 4096 --per-rank 64 --control-us 0
holds 'tiny tasks: the counter limits, at its rate' \
  'a[0]["limited_by"] == "counter" and 15000 < float(a[0]["answers_per_s"]) <= 21000 and float(a[0]["efficiency"]) < 0.1' \
  table.csv
runs_scaling 'replicated control' equal.csv --network ideal --ranks 1024 --per-rank 64 --control-us 10
holds 'replicated control: 10 us a record on every rank limits 1024 ranks' \
  'a[0]["limited_by"] == "control" and float(a[0]["efficiency"]) < 0.12' table.csv

runs_scaling 'larger rounds' equal.csv --network slingshot --ranks 16 --per-rank 4
small=$(cut -d, -f7 table.csv | tail -n 1)
runs_scaling 'larger rounds' equal.csv --network slingshot --ranks 16 --per-rank 512 --least
holds "larger rounds: better than $small" "float(a[0]['efficiency']) > $small" table.csv
least=$(tail -n 1 table.csv | sed 's/.*,//')
check 'the least round is found' test "${least:-0}" -gt 0
runs_scaling 'the least round' equal.csv --network slingshot --ranks 16 --per-rank "$least"
holds 'the least round keeps 90 percent' 'float(a[0]["efficiency"]) >= 0.9' table.csv
if ((least > 1)); then
  runs_scaling 'half the least round' equal.csv --network slingshot --ranks 16 --per-rank $((least / 2))
  holds 'half the least round does not' 'float(a[0]["efficiency"]) < 0.9' table.csv
fi
cp table.csv before.csv
runs_scaling 'the same again' equal.csv --network slingshot --ranks 16 --per-rank $((least / 2 > 0 ? least / 2 : 1))
check 'the same again' cmp before.csv table.csv

# What a run writes is read: evaluations, and blocks of a sweep.
write_small small.cfg
runs 0 'a run' "$dse" explore small.cfg --out run --quiet --set search.algorithm=sweep --set search.sweep.block=16
runs_scaling 'a run, played' run/timing.csv --ranks 16,16384 --per-rank 8
holds 'a run, played: both modes' '[r["mode"] for r in a] == ["map", "map", "fold", "fold"] and
  all(0 < float(r["efficiency"]) <= 1.0005 for r in a)' table.csv
runs 0 'a run of evaluations alone' "$dse" explore small.cfg --out alone --quiet --set 'search.algorithm="random"' \
  --set search.prove=false --set search.bound_points=1
runs_scaling 'compared' alone/timing.csv --compare
holds 'compared: one rank, nothing lost in the play' 'a[0]["ranks"] == "1" and 0.5 < float(a[0]["played_efficiency"]) <= 1.0005' \
  table.csv
# What others take of the processor between two tasks is lost to the run, so that its own share is put down here: all
# of the rounds' time was spent in tasks but a twentieth.
cat >twentieth.py <<'PYTHON'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
rounds_s = sum(float(row["seconds"]) for row in rows if row["what"] == "round")
scale = 0.95 * rounds_s / sum(float(row["seconds"]) for row in rows if row["what"] == "duration")
for row in rows:
    if row["what"] == "duration": row["seconds"] = repr(float(row["seconds"]) * scale)
    if row["what"] == "rank": row["seconds"] = repr(0.95 * rounds_s)
writer = csv.DictWriter(sys.stdout, rows[0].keys(), lineterminator="\n")
writer.writeheader()
writer.writerows(rows)
PYTHON
python3 twentieth.py alone/timing.csv >twentieth.csv
runs_scaling 'compared: one rank that lost a twentieth' twentieth.csv --compare
holds 'compared: as measured' 'abs(float(a[0]["measured_efficiency"]) - 0.95) < 0.0005' table.csv
if [[ $MPI != no ]]; then
  # Others may take the processors, which makes a run slower than its play, hardly quicker. How often rank 0 answers is
  # a matter of who comes first: once a round and rank at least, and at most as often as if it did no task itself.
  runs 0 'two ranks' mpirun -q -n 2 "$dse" explore small.cfg --out two --quiet --set 'search.algorithm="random"' \
    --set search.prove=false --set search.bound_points=1 --set search.round_size=200
  runs_scaling 'two ranks compared' two/timing.csv --compare --network node
  holds 'two ranks: no better than played' \
    'float(a[0]["measured_efficiency"]) < float(a[0]["played_efficiency"]) + 0.15' table.csv
  holds 'two ranks: as many answers as tasks can be handed out in' \
    'int(a[0]["rounds"]) <= int(a[0]["measured_answers"]) <= 2 * (int(a[0]["played_answers"]) + 2 * int(a[0]["rounds"]))' table.csv
fi

# Blocks of eight times the designs take eight times as long, but are more alike.
write_timing spread.csv 60,1000,0.05 80,1000,1
runs_scaling 'single blocks' spread.csv --network ideal --ranks 64 --per-rank 8 --scale 8 --control-us 0
cp table.csv scaled.csv
runs_scaling 'groups of eight' spread.csv --network ideal --ranks 64 --per-rank 8 --group 8 --control-us 0
holds 'groups of eight: as long, less of a tail' 'abs(float(a[0]["task_s"]) / float(b[0]["task_s"]) - 1) < 0.02 and
  float(a[0]["efficiency"]) > float(b[0]["efficiency"])' table.csv scaled.csv

# Rank 0 answers 21,000 times a second, and the program that counts on 200,000 hands out chunks too small for that.
runs_scaling 'counting on too much' equal.csv --network tcp --ranks 1024 --per-rank 1024 --control-us 0 --answer-us 5
cp table.csv hopeful.csv
runs_scaling 'counting on what there is' equal.csv --network tcp --ranks 1024 --per-rank 1024 --control-us 0 --answer-us 50
holds 'counting on what there is: larger chunks, better' \
  'float(a[0]["efficiency"]) > float(b[0]["efficiency"]) + 0.1' table.csv hopeful.csv

# Records are kept by all: tasks of a millisecond allow no 90 percent on 1,024 ranks, however large the round.
runs_scaling 'no round is large enough' equal.csv --ranks 1024 --least
holds 'no round is large enough: said so' 'a[0]["least_tasks_per_rank"] == ""' table.csv
says 'no round is large enough: why' 'What all ranks do alike for each record allows 90 % for tasks from'

refuses() { # NAME TEXT FILE ARGUMENT...
  local name=$1 text=$2
  shift 2
  runs 2 "$name" python3 "$scaling" "$@"
  says "$name: where and why" "$text"
}
refuses 'no file' 'none.csv: ' none.csv
printf 'a,b\n1,2\n' >columns.csv
refuses 'other columns' 'columns.csv:1: what: no such column' columns.csv
write_timing bad.csv 80,1000,1 81,many,1
refuses 'tasks that are no number' 'bad.csv:3: tasks: "many" is no number' bad.csv
write_timing bad.csv 80,0,1
refuses 'no tasks' 'bad.csv:2: tasks: ' bad.csv
write_timing bad.csv 80,10,soon
refuses 'seconds that are no number' 'bad.csv:2: seconds: "soon" is no number' bad.csv
write_timing bad.csv 80,10,nan
refuses 'no time' 'bad.csv:2: seconds: nan is no time' bad.csv
echo 'lunch,1,2,3,,,' >>equal.csv
refuses 'rows of another kind' 'equal.csv:3: what: "lunch" is none of' equal.csv
write_timing equal.csv 80,1000,1
write_timing bad.csv 80,10
refuses 'a torn row' 'bad.csv:2: 7 columns expected' bad.csv
write_timing bad.csv
refuses 'no durations' 'bad.csv: no durations' bad.csv
write_timing bad.csv 80,10,-1
refuses 'a negative time' 'bad.csv:2: seconds: ' bad.csv
refuses 'nothing to compare' '--compare needs' equal.csv --compare
refuses 'no blocks' 'no durations for --mode fold' equal.csv --mode fold
finish
