#!/bin/bash
# Under a launcher, is every message said exactly once, by name and without a launcher's page of text, and does the
# launcher hand on the exit status?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
cat >bad.cfg <<'CFG'
workload = "bert-base";
bach = 4;
limits = { area_mm2 = -3.5; tdp = 300.0; };
space = { tc_rows = [32, 64.5]; };
search = { top_k = 0; };
CFG

# A run on three ranks must end like one alone, with the same words on stderr, each line once.
like_alone() { # STATUS NAME ARGUMENT...
  local wanted=$1 name=$2
  shift 2
  runs "$wanted" "$name, alone" "$dse" "$@"
  cp err alone.err
  cp out alone.out
  check "$name: something is said" test -s alone.err
  runs "$wanted" "$name, on 3 ranks" timeout -k 5 300 mpirun -q -n 3 "$dse" "$@"
  check "$name, on 3 ranks: the same words, once" diff alone.err err
  check "$name, on 3 ranks: the same output" cmp alone.out out
}
like_alone 2 'a bad run file' explore bad.cfg --out never
check 'a bad run file: five messages' test "$(wc -l <err)" -eq 5
like_alone 2 'a bad run file, checked' check bad.cfg
like_alone 2 'a bad run file, evaluated' evaluate bad.cfg
like_alone 2 'an unknown key on the command line' explore small.cfg --set limits.tdp=3 --out never
like_alone 2 'an unknown workload' explore small.cfg --set 'workload="bert-bsae"' --out never
like_alone 2 'an unknown reference' explore small.cfg --set 'limits.reference="tpuv22"' --out never
like_alone 2 'an unknown key of the model' explore small.cfg --set 'model=["sequenze=3"]' --out never
like_alone 2 'an unknown design' evaluate small.cfg --design tc_row=3
like_alone 2 'a limit that is no number' explore small.cfg --max-time soon --out never
like_alone 2 'an unknown option' explore small.cfg --sed 3
like_alone 2 'an unknown command' exlpore small.cfg
like_alone 2 'a word missing' explore
like_alone 2 'an unknown list' list workload
like_alone 2 'an unknown model' show workload bert-bsae
like_alone 2 'no operators' cost --accelerator tpuv4
like_alone 1 'no such run file' explore none.cfg --out never
like_alone 1 'no such folder' resume never
check 'none of them leaves a folder' test ! -e never
touch file
like_alone 1 'no place to write' explore small.cfg --out file/x
like_alone 1 'no place in /proc' explore small.cfg --out /proc/nowhere
like_alone 3 'nothing fits' explore small.cfg --set limits.area_mm2=7.5 --out none
runs 3 'a design over a limit' mpirun -q -n 3 "$dse" evaluate small.cfg --set limits.area_mm2=7.5
prints 'a design over a limit' 'infeasible: limits.area_mm2'

runs 0 'a run' "$dse" explore small.cfg --out there --quiet
like_alone 2 'other settings there' explore small.cfg --out there --seed 77
python3 -c 'with open("there/journal", "r+b") as file:
    file.seek(2385); byte = file.read(1)[0]; file.seek(2385); file.write(bytes([byte ^ 0x55]))'
rm there/status.json
like_alone 1 'a damaged journal' resume there

# No room for rank 0's files in the midst (over TCP: shared memory is files, too): it says so once, all end, none waits.
write_long long.cfg 2000
cat >narrow <<'SH'
#!/bin/bash
[[ ${OMPI_COMM_WORLD_RANK:-0} != 0 ]] || ulimit -f 64
exec "$@"
SH
chmod +x narrow
runs 1 'no room, on 3 ranks' timeout -k 5 300 mpirun -q --mca pml ob1 --mca btl tcp,self -n 3 ./narrow \
  "$dse" explore long.cfg --out full
check 'no room, on 3 ranks: said once' test "$(grep -c 'full/' err)" -eq 1
runs 0 'room again, on 2 ranks' timeout -k 5 300 mpirun -q -n 2 "$dse" explore long.cfg --out full

# --- a rank on another footing than rank 0: its rank and host are named, no folder is made ----------------------------------------
# Rank 1 of 3 runs what STRANGER says; said once, status 1.
cat >apart <<'SH'
#!/bin/bash
if [[ ${OMPI_COMM_WORLD_RANK:-0} == 1 ]]; then exec "$STRANGER" "$@"; fi
exec "$DSE" "$@"
SH
chmod +x apart
apart() { # STRANGER NAME TEXT
  runs 1 "$2" env STRANGER="$1" DSE="$dse" timeout -k 5 300 mpirun -q -n 3 ./apart explore small.cfg --out never
  says "$2: who" "rank 1 on $(hostname)"
  says "$2: what" "$3"
  check "$2: said once" test "$(wc -l <err)" -eq 1
  check "$2: no folder" test ! -e never
}
mkdir -p bare/bin bare/share/dse other
cp "$dse" other/dse
echo >>other/dse # the same program, another file
apart "$PWD/other/dse" 'another program' 'runs another program'
cp "$dse" bare/bin/dse
cp -r "$root/workloads" "$root/arch" bare/share/dse/
models=bare/share/dse/workloads/models
runs 0 'a copy elsewhere, with equal models' env STRANGER="$PWD/bare/bin/dse" DSE="$dse" timeout -k 5 300 mpirun -q -n 3 ./apart \
  explore small.cfg --out equal --quiet
sed -i 's/^layers = 12;/layers = 11;/; /^check/,/^};/d' $models/bert-base.cfg
apart "$PWD/bare/bin/dse" 'another model file' 'sees another problem'
rm $models/bert-base.cfg
apart "$PWD/bare/bin/dse" 'a model file missing' 'but not rank 0'
says 'a model file missing: which' 'bert-base'
rm -r bare/share/dse/arch
cp "$root"/workloads/models/bert-base.cfg $models/
apart "$PWD/bare/bin/dse" 'the catalogue missing' 'but not rank 0'

# --- the folder in the midst of a run: on 3 ranks, one message, all end -----------------------------------------------------------
# Starts a run on 3 ranks whose rank 0 is $first, and waits until it is well under way: of 1,740 rounds.
slow_disk 5
begin() { # FOLDER
  mpirun -q -n 3 "${slow[@]}" "$dse" explore long.cfg --out "$1" --set search.max_evaluations=40000 >out 2>err </dev/null &
  launcher=$!
  wait_for_bytes "$1/journal" 20000
  first=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1] + "/status.json"))["pid"])' "$1")
}
ends() { # STATUS NAME
  local watchdog
  (sleep "$patience_s" && kill -KILL $launcher) 2>/dev/null &
  watchdog=$!
  status=0
  wait $launcher || status=$?
  kill $watchdog 2>/dev/null
  verdict "$2: exit status $1" $((status != $1)) < <(echo "exit status $status" && cat err)
}
begin gone
rm -rf gone
ends 1 'the folder is removed'
check 'the folder is removed: said once' test "$(grep -c 'removed' err)" -eq 1 -a "$(wc -l <err)" -eq 1
check 'the folder is removed: it stays so' test ! -e gone
begin moved
mv moved elsewhere
mkdir moved
kill -USR2 "$first" # looks at once, not after ten seconds
ends 1 'the folder is replaced'
says 'the folder is replaced: what' 'the results folder was replaced during the run'
check 'the folder is replaced: said once' test "$(wc -l <err)" -eq 1
check 'the folder is replaced: the new one stays empty' test -z "$(ls -A moved)"
runs 75 'the folder is replaced: the old one goes on' mpirun -q -n 2 "$dse" resume elsewhere --max-time 0
# A later launch, where locks do not work: it has raised the epoch, and perhaps put its journal in place.
raise_epoch() { # FOLDER
  python3 -c 'import json, os, sys
path = sys.argv[1] + "/status.json"
status = json.load(open(path)); status["epoch"] += 1
json.dump(status, open(path + ".new", "w")); os.rename(path + ".new", path)' "$1"
}
all_but_journal() { (cd "$1" && find . -type f ! -name journal -exec sha256sum {} + | sort); }
for taken in epoch journal; do
  begin $taken
  kill -STOP "$first"
  raise_epoch $taken
  all_but_journal $taken >before
  if [[ $taken == journal ]]; then
    cp journal/journal journal/copy
    mv journal/copy journal/journal
    all_but_journal $taken >before
    cp journal/journal theirs
  fi
  kill -CONT "$first"
  [[ $taken == journal ]] || kill -USR2 "$first"
  ends 75 "a later launch ($taken)"
  silent "a later launch ($taken)" err
  all_but_journal $taken >after
  check "a later launch ($taken): nothing is touched" diff before after
done
check 'a later launch (journal): nothing is touched' cmp theirs journal/journal

# --- a folder in use ------------------------------------------------------------------------------------------------------------
begin used
kill -STOP "$first"
runs 1 'a folder in use, on 2 ranks' mpirun -q -n 2 "$dse" explore long.cfg --out used --set search.max_evaluations=40000
says 'a folder in use: by whom' "pid $first"
check 'a folder in use: said once' test "$(wc -l <err)" -eq 1
kill -CONT "$first"
kill -USR1 $launcher
ends 75 'a folder in use: its holder'

# --- an error after the beginning is the folder's last word ----------------------------------------------------------------------
runs 1 'no room once more' timeout -k 5 300 mpirun -q --mca pml ob1 --mca btl tcp,self -n 3 ./narrow \
  "$dse" explore long.cfg --out failed
holds 'no room once more: status.json' 'a["state"] == "failed" and "failed/journal" in a["reason"] and a["round"] > 0' failed/status.json
check 'no room once more: log.txt' grep -q 'ERROR.*failed/journal' failed/log.txt
finish
