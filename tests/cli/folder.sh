#!/bin/bash
# Whose is a results folder? One that another launch is writing is never moved from under it, one whose journal was
# deleted is never overwritten by a run of other settings. And does a run stop in the midst of the proof, where no round
# ends for long, without its chain of launches going round in circles?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
write_long long.cfg 4000
slow_disk 15

# --- --fresh while somebody writes there ------------------------------------------------------------------------------
"${slow[@]}" "$dse" explore long.cfg --out busy --quiet >/dev/null 2>&1 &
holder=$!
wait_for_bytes busy/journal 5000
kill -STOP $holder
runs 1 '--fresh of a folder in use' "$dse" explore small.cfg --out busy --fresh
says '--fresh of a folder in use: who has it' "pid $holder"
check '--fresh of a folder in use: nothing is moved' test ! -e busy.old-1
kill -CONT $holder
kill -TERM $holder
wait $holder
runs 0 '--fresh when it is free' "$dse" explore small.cfg --out busy --fresh --quiet
holds 'the old folder is as its launch left it' 'a["state"] == "stopped" and b["state"] == "complete"' \
  busy.old-1/status.json busy/status.json
check 'the old folder: no summary of another run' test ! -e busy.old-1/summary.json
runs 0 'the old folder goes on under its new name' "$dse" resume busy.old-1 --max-time 100 --quiet

# --- a journal that was deleted ---------------------------------------------------------------------------------------
cp busy/summary.json before.json
rm busy/journal
runs 2 'other settings, no journal' "$dse" explore small.cfg --out busy --set batch=3
says 'other settings, no journal: which' 'batch: 4 there, 3 now'
check 'other settings, no journal: nothing is overwritten' cmp before.json busy/summary.json
runs 0 'the same settings, no journal' "$dse" explore small.cfg --out busy
says 'the same settings, no journal' 'complete'

# --- a folder of somebody else's ----------------------------------------------------------------------------------------
mkdir other
echo '2385 words' >other/report.html
cp other/report.html words
runs 2 'a folder with a report of another kind' "$dse" explore small.cfg --out other
says 'a folder with a report of another kind: which file' 'report.html there would be overwritten'
check 'a folder with a report of another kind: left as it was' cmp words other/report.html
mkdir empty
touch empty/notes
runs 0 'a folder with files that are not in the way' "$dse" explore small.cfg --out empty --quiet

# --- stopped within the proof's bounds ----------------------------------------------------------------------------------
cat >wide.cfg <<'CFG'
workload = "dlrm-criteo";
batch = 64;
limits = { memory = false; };
space = { clock_mhz = [940, 1513]; };
search = { prove_front = false; seed = 2385; bound_points = 100000000; };
CFG
runs 0 'a wide space' "$dse" explore wide.cfg --out whole --quiet
runs 0 'a wide space, searched alone' "$dse" explore wide.cfg --out searched --quiet --set search.prove=false
size=$(stat -c %s searched/journal)
"$dse" explore wide.cfg --out stopped --quiet >/dev/null 2>&1 &
pid=$!
wait_for_bytes stopped/journal $((size - 1))
kill -TERM $pid
status=0
wait $pid || status=$?
verdict 'a signal within the proof: exit status 75' $((status != 75)) </dev/null
# The best may be proven by then; exclusions are still being counted.
holds 'a signal within the proof: no more is claimed' 'a["state"] == "stopped" and (a["lower_bound"] or a["best"]) >= a["best"]' \
  stopped/status.json
runs 0 'a signal within the proof: resumed' "$dse" resume stopped --quiet
same_files 'a signal within the proof' whole stopped "${same_bytes[@]}"
launches=0
while ((launches < 40)); do
  launches=$((launches + 1))
  status=0
  "$dse" explore wide.cfg --out chain --max-time 0.05 --quiet >/dev/null 2>&1 || status=$?
  [[ $status == 75 ]] || break
done
check "launches shorter than the proof, $launches of them: done at last" test "$status" -eq 0 -a "$launches" -gt 1
same_files 'launches shorter than the proof' whole chain "${same_bytes[@]}"
finish
