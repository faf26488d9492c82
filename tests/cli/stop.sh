#!/bin/bash
# A run that is stopped by a time limit, a signal, a kill or a full disk: does it say so, leave whole files, and go on to
# the bytes of a run that never stopped? And does a second launch keep off a folder that is in use?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_long long.cfg 4000
slow_disk 15 # 174 rounds: two and a half seconds at least for whatever is to be stopped

runs 0 'never stopped' "$dse" explore long.cfg --out whole --quiet
size=$(stat -c %s whole/journal)
evaluations() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["evaluations"])' "$1/status.json"; }

# --- the same folder twice at once (checked at the end: the second launch waits 10 s first) --------------------------
"${slow[@]}" "$dse" explore long.cfg --out busy --quiet >/dev/null 2>&1 &
holder=$!
wait_for_bytes busy/journal 5000
kill -STOP $holder
(
  "$dse" explore long.cfg --out busy >second.out 2>second.err
  echo $? >second.status
) &
second=$!

# --- time limits ------------------------------------------------------------------------------------------------------
runs 75 '--max-time 0' "$dse" explore long.cfg --out limit --max-time 0
says '--max-time 0: why, and what next' 'stopped by --max-time'
says '--max-time 0: what next' 'dse resume limit'
holds '--max-time 0: status.json' 'a["state"] == "stopped" and a["reason"] == "--max-time" and a["evaluations"] > 0 and
  a["epoch"] == 1' limit/status.json
holds '--max-time 0: a front so far' 'len(a) > 0' limit/front.csv
check '--max-time 0: no summary yet' test ! -e limit/summary.json
runs 75 '--max-time 0.4' "${slow[@]}" "$dse" resume limit --max-time 0.4
before=$(evaluations limit)
check '--max-time 0.4: further' test "$before" -gt 23
runs 75 '--max-time 0 once more' "$dse" resume limit --max-time 0
check '--max-time 0 once more: nothing lost' test "$(evaluations limit)" -ge "$before"
check '--max-time 0 once more: the journal is not shorter' test "$(stat -c %s limit/journal)" -gt 5000
holds '--max-time 0 once more: the third launch' 'a["epoch"] == 3' limit/status.json
runs 0 'resume' "$dse" resume limit
says 'resume: from where' 'finished rounds'
same_files 'stopped by time limits' whole limit "${same_bytes[@]}"
holds 'summary.json but for times' 'all(a[k] == b[k] for k in a if k not in ("wall_s", "evaluations_per_s", "ranks"))' \
  whole/summary.json limit/summary.json
# The same line starts and goes on, until it is done: each launch adds a round at least (of 4000 evaluations), and one
# more may be stopped behind the search.
runs 0 'larger rounds' "$dse" explore long.cfg --out rounds --quiet --set search.round_size=300
launches=0
while ((launches < 15)); do
  launches=$((launches + 1))
  status=0
  "${slow[@]}" "$dse" explore long.cfg --out chain --max-time 0.1 --quiet --set search.round_size=300 >/dev/null 2>&1 || status=$?
  [[ $status == 75 ]] || break
done
check "the same line, $launches launches: done at last" test "$status" -eq 0 -a "$launches" -gt 1
same_files "the same line, $launches launches" rounds chain "${same_bytes[@]}"

# --- signals: leaves, resumable --------------------------------------------------------------------------------
for signal in TERM INT USR1 HUP XCPU; do
  rm -rf signal
  # A shell starts background jobs deaf to INT; a user's are not.
  env --default-signal=INT "${slow[@]}" "$dse" explore long.cfg --out signal >out 2>err &
  pid=$!
  wait_for_bytes signal/journal 9000
  start=${EPOCHREALTIME/./}
  kill -$signal $pid
  status=0
  wait $pid || status=$?
  verdict "SIG$signal: exit status 75" $((status != 75)) <err
  ends_at_last "SIG$signal" $(((${EPOCHREALTIME/./} - start) / 1000))
  holds "SIG$signal: status.json" 'a["state"] == "stopped" and "signal" in a["reason"] and a["evaluations"] < 4000' \
    signal/status.json
  check "SIG$signal: unfinished" test "$(stat -c %s signal/journal)" -lt "$size"
done
runs 0 'resume after a signal' "$dse" resume signal
same_files 'after a signal' whole signal "${same_bytes[@]}"
# nohup stays in force.
env --ignore-signal=HUP "${slow[@]}" "$dse" explore long.cfg --out nohup --quiet >/dev/null 2>&1 &
pid=$!
wait_for_bytes nohup/journal 9000
kill -HUP $pid
status=0
wait $pid || status=$?
check 'SIGHUP under nohup: the run goes on' test $status -eq 0
same_files 'SIGHUP under nohup' whole nohup front.csv journal

# --- killed -------------------------------------------------------------------------------------------------------------
for ((kills = 1; kills <= 4; kills++)); do
  "${slow[@]}" "$dse" explore long.cfg --out killed --quiet >/dev/null 2>&1 &
  pid=$!
  wait_for_bytes killed/journal $((kills * size / 6))
  kill -KILL $pid
  wait $pid 2>/dev/null
  check "kill $kills: not called complete" bash -c '! grep -q complete killed/status.json 2>/dev/null'
  check "kill $kills: unfinished" test "$(stat -c %s killed/journal)" -lt "$size"
done
runs 0 'resume after four kills' "$dse" resume killed
same_files 'after four kills' whole killed "${same_bytes[@]}"
check 'after four kills: nothing half-written is left' test -z "$(find killed -name '*.tmp*')"

# --- a file that must not grow: what a full disk does to a write ---------------------------------------------------------
# shellcheck disable=SC2016 # the inner shell expands it
runs 1 'no room' bash -c 'ulimit -f 64; exec "$1" explore long.cfg --out full' - "$dse"
says 'no room: which file' 'full/'
holds 'no room: failed, and why' 'a["state"] == "failed" and "full/" in a["reason"]' full/status.json
check 'no room: in the log, too' grep -q 'ERROR explore: full/' full/log.txt
runs 0 'room again' "$dse" explore long.cfg --out full
same_files 'room again' whole full "${same_bytes[@]}"
# shellcheck disable=SC2016 # the inner shell expands it
runs 1 'no room at all' bash -c 'ulimit -f 0; exec "$1" explore long.cfg --out empty' - "$dse"
runs 0 'room after none' "$dse" explore long.cfg --out empty --quiet
same_files 'room after none' whole empty front.csv journal

# On a real small disk, and on one that must not be written at all.
if mkdir disk && mount -t tmpfs -o size=200k none disk 2>/dev/null; then
  trap 'umount "$folder/disk"; rm -rf "$folder"' EXIT
  runs 1 'a full disk' "$dse" explore long.cfg --out disk/full
  says 'a full disk: which file' 'disk/full/'
  says 'a full disk: why' 'No space left'
  check 'a full disk: said once' test "$(wc -l <err)" -eq 1
  check 'a full disk: not called complete' bash -c '! grep -q complete disk/full/status.json 2>/dev/null'
  mount -o remount,size=64m disk
  runs 0 'room on the disk again' "$dse" resume disk/full --quiet
  same_files 'room on the disk again' whole disk/full "${same_bytes[@]}"
  mount -o remount,ro disk
  before=$(cd disk && find . -type f -exec sha256sum {} + | sort)
  runs 1 'a folder on a read-only disk' "$dse" explore long.cfg --out disk/full --set search.max_evaluations=5000
  says 'a folder on a read-only disk: why' 'Read-only file system'
  check 'a folder on a read-only disk: said once' test "$(wc -l <err)" -eq 1
  runs 1 'no folder on a read-only disk' "$dse" explore long.cfg --out disk/new
  says 'no folder on a read-only disk: why' 'Read-only file system'
  runs 0 'read all the same' "$dse" status disk/full
  prints 'read all the same' 'disk/full: complete'
  check 'a read-only disk: as it was' test "$before" == "$(cd disk && find . -type f -exec sha256sum {} + | sort)"
  umount disk
  trap 'rm -rf "$folder"' EXIT
else
  echo 'skipped: full and read-only disks, which take the right to mount'
fi

# --- whose folder may it be? ---------------------------------------------------------------------------------------------
mkdir open
chmod 777 open
runs 2 'a folder for anybody' "$dse" explore long.cfg --out open
says 'a folder for anybody: why' 'anybody may write there'
check 'a folder for anybody: nothing in it' test -z "$(ls -A open)"
chmod 775 open
runs 75 'a folder for a group' "$dse" explore long.cfg --out open --max-time 0
# shellcheck disable=SC2016 # the inner shell expands it
runs 75 'a careless umask' bash -c 'umask 000; exec "$1" explore long.cfg --out careless --max-time 0' - "$dse"
check 'a careless umask: not for anybody' test "$(stat -c %a careless)" == 775
# What dead launches leave goes, and the log says so; what looks like it, stays.
touch open/{.tmp-0123456789abcdef,journal.tmp,lock.probe-2385,.tmp-mine,notes.tmp}
mkdir open/.tmp-fedcba9876543210
runs 75 'temporaries of dead launches' "$dse" explore long.cfg --out open --max-time 0
check 'temporaries of dead launches: they are gone' \
  test ! -e open/.tmp-0123456789abcdef -a ! -e open/journal.tmp -a ! -e open/lock.probe-2385
check 'temporaries of dead launches: others stay' test -e open/.tmp-mine -a -e open/notes.tmp -a -d open/.tmp-fedcba9876543210
check 'temporaries of dead launches: named in the log' \
  test "$(grep -cE 'INFO explore: removed (\.tmp-0123456789abcdef|journal\.tmp|lock\.probe-2385)' open/log.txt)" -eq 3
check 'the log has both launches and their ends' \
  test "$(grep -cE 'launch [12]: dse|stopped by --max-time' open/log.txt)" -eq 4
# Its journal tells at its next sync, the folder itself when files are to be published: whoever is first, nobody is second.
for notices in journal folder; do
  "${slow[@]}" "$dse" explore long.cfg --out removed --set search.max_evaluations=40000 >out 2>err &
  pid=$!
  wait_for_bytes removed/journal 20000
  rm -rf removed
  [[ $notices == journal ]] || kill -USR2 $pid
  status=0
  wait $pid || status=$?
  verdict "the folder is removed ($notices): exit status 1" $((status != 1)) <err
  check "the folder is removed ($notices): said once" test "$(grep -c removed err)" -eq 1 -a "$(wc -l <err)" -eq 1
  check "the folder is removed ($notices): it stays so" test ! -e removed
done

# --- the second launch has had its time ---------------------------------------------------------------------------------
wait $second
check 'a folder in use: exit status 1' test "$(cat second.status)" -eq 1
check 'a folder in use: who has it' grep -qE "busy.*$holder|$holder.*busy" second.err
kill -CONT $holder
status=0
wait $holder || status=$?
check 'a folder in use: its holder is not disturbed' test $status -eq 0
same_files 'a folder in use' whole busy "${same_bytes[@]}"
finish
