#!/bin/bash
# Does the number of ranks ever show in an answer? Serial, and under a launcher on 1, 2, 3, 5 and 8 ranks: the same bytes for
# every search, the same signature, the same table on the screen.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/../cli/harness.sh"
cd "$folder" || exit 1
write_small small.cfg
write_long long.cfg 300
sed -i 's/prove = false/prove_evaluations = 77/' long.cfg

for algorithm in guided exact random exhaustive sweep; do
  file=long.cfg
  [[ $algorithm == random || $algorithm == sweep ]] || file=small.cfg
  runs 0 "$algorithm, alone" "$dse" explore $file --out "$algorithm-0" --set "search.algorithm=\"$algorithm\"" \
    --set search.round_size=13
  grep -v 'evaluations (.* rank' out >"$algorithm.screen"
  for ranks in 1 2 3 5 8; do
    runs 0 "$algorithm, $ranks ranks" mpirun -q -n $ranks "$dse" explore $file --out "$algorithm-$ranks" \
      --set "search.algorithm=\"$algorithm\"" --set search.round_size=13
    same_files "$algorithm, $ranks ranks" "$algorithm-0" "$algorithm-$ranks" "${same_bytes[@]}"
    holds "$algorithm, $ranks ranks: summary.json but for times and ranks" 'b["ranks"] == '$ranks' and
      all(a[k] == b[k] for k in a if k not in ("wall_s", "evaluations_per_s", "ranks"))' \
      "$algorithm-0/summary.json" "$algorithm-$ranks/summary.json"
    holds "$algorithm, $ranks ranks: all have worked or waited, each task is timed" '
      [r["number"] for r in a if r["what"] == "rank"] == [str(i) for i in range('$ranks')] and
      sum(int(r["tasks"]) for r in a if r["what"] == "rank") ==
      sum(int(r["tasks"]) for r in a if r["what"].endswith("duration"))' "$algorithm-$ranks/timing.csv"
    check "$algorithm, $ranks ranks: one report" cmp "$algorithm.screen" <(grep -v 'evaluations (.* rank' out)
    refute "$algorithm, $ranks ranks: no escape codes, no carriage returns" grep -q $'[\033\r]' err out
  done
done

# One common design for several workloads.
sed '/^workload = /d; s/^batch = 4;/workloads = ( { workload = "resnet18"; }, { workload = "bert-base"; batch = 4; } );/' \
  small.cfg >list.cfg
runs 0 'several workloads, alone' "$dse" explore list.cfg --out list-0
for ranks in 1 2 3; do
  runs 0 "several workloads, $ranks ranks" mpirun -q -n $ranks "$dse" explore list.cfg --out "list-$ranks"
  same_files "several workloads, $ranks ranks" list-0 "list-$ranks" "${same_bytes[@]}" workloads.csv
done

runs 0 'signature alone' "$dse" signature
cp out signature
check 'a signature is 32 hexadecimal digits' grep -qE '^[0-9a-f]{32}$' signature
for ranks in 1 2 3; do
  runs 0 "signature on $ranks ranks" mpirun -q -n $ranks "$dse" signature
  check "signature on $ranks ranks" cmp signature out
done
# Without fused multiply-add and wide vectors in the C library, too.
GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4 runs 0 'signature on an older processor' "$dse" signature
check 'signature on an older processor' cmp signature out

# A single answer on many ranks: said once.
design=tc_count=4,tc_rows=128,tc_cols=64,vc_count=2,vc_width=512,glb_mib=32,hbm_stacks=3
runs 0 'evaluate alone' "$dse" evaluate small.cfg --design $design --json --schedule alone.csv
cp out alone.json
runs 0 'evaluate on 3 ranks' mpirun -q -n 3 "$dse" evaluate small.cfg --design $design --json --schedule ranks.csv
check 'evaluate on 3 ranks: one schedule, the same' cmp alone.csv ranks.csv
check 'evaluate on 3 ranks: one answer, the same' cmp alone.json out
runs 0 'check on 3 ranks' mpirun -q -n 3 "$dse" check small.cfg
check 'check on 3 ranks: one answer' test "$(wc -l <out)" -eq 1
for command in 'list keys --json' 'show workload bert-base --json' 'list algorithms'; do
  read -r -a words <<<"$command"
  "$dse" "${words[@]}" >alone.txt
  runs 0 "$command on 2 ranks" mpirun -q -n 2 "$dse" "${words[@]}"
  check "$command on 2 ranks: said once" cmp alone.txt out
done
finish
