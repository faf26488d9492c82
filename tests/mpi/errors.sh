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
  runs "$wanted" "$name, on 3 ranks" timeout -k 5 60 mpirun -q -n 3 "$dse" "$@"
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
runs 1 'no room, on 3 ranks' timeout -k 5 30 mpirun -q --mca pml ob1 --mca btl tcp,self -n 3 ./narrow \
  "$dse" explore long.cfg --out full
check 'no room, on 3 ranks: said once' test "$(grep -c 'full/' err)" -eq 1
runs 0 'room again, on 2 ranks' timeout -k 5 60 mpirun -q -n 2 "$dse" explore long.cfg --out full
finish
