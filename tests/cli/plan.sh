#!/bin/bash
# Does `dse plan` say what the run then is? Against runs of the same files; nothing written; refusals as of `dse check`.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
ln -s "$root/configs" configs
write_small small.cfg
write_long long.cfg 500000
fields='{"points", "evaluations_max", "rounds", "bytes_per_rank", "bytes_disk", "core_s", "core_s_low", "core_s_high", "ranks_advised"}'
files() { find . ! -name out ! -name err ! -name check ! -name plan.json | sort; }
for file in small.cfg configs/wham.cfg; do
  before=$(files)
  runs 0 "$file: plan" "$dse" plan "$file" --json
  after=$(files)
  mv out plan.json
  silent "$file: plan" err
  check "$file: nothing is written" test "$before" = "$after"
  holds "$file: fields" "$fields <= set(a) and a['core_s_low'] <= a['core_s'] <= a['core_s_high'] and a['exact']" plan.json
  runs 0 "$file: the run" "$dse" explore "$file" --out run --fresh --quiet
  python3 -c 'import csv, sys
print(max(int(r["peak_bytes"] or 0) for r in csv.DictReader(open("run/timing.csv"))))' >peak.jsonl
  holds "$file: as it was planned" \
    'a["points"] == b["points"] and b["evaluations"] <= a["evaluations_max"] and a["rounds"] == len(c) and abs(a["bytes_per_rank"] / d[0] - 1) < 0.2' \
    plan.json run/summary.json run/convergence.csv peak.jsonl
  size=$(du -sb run | cut -f 1)
  holds "$file: on disk $size" "0.5 < a['bytes_disk'] / $size < 2" plan.json
done
runs 0 'a long one' "$dse" plan long.cfg --json
mv out long.json
took_ms=$(cpu_ms "$dse" plan long.cfg --json)
check "a long one: two seconds of a processor ($took_ms ms)" test "$took_ms" -lt 5000
holds 'a long one: an interval' 'not a["exact"] and a["core_s_low"] < a["core_s"] < a["core_s_high"] and a["core_s"] > 2' long.json
holds 'a long one: what is left of each part, and what nobody knows' 'set(a["core_s_left"]) <= {"search", "proof", "stages",
  "tenants", "importance"} and len(a["core_s_left"]) > 0 and (a["not_known"] is None or len(a["not_known"]) > 20) and
  a["core_s"] > sum(a["core_s_left"].values())' long.json
runs 0 'a long one, in words' "$dse" plan long.cfg
prints 'a long one: part by part' '  of it        '
runs 0 'in words' "$dse" plan small.cfg
for line in "points       $((3 * 3 * 2 * 2 * 2 * 2 * 2))" 'dse explore small.cfg --max-time' 'sbatch --ntasks=' 'MiB a rank'; do
  prints "in words: $line" "$line"
done
prints 'in words: the ranks' '  ranks  '
runs 3 'nothing feasible' "$dse" explore small.cfg --out none --quiet --set limits.area_mm2=20
runs 0 'nothing feasible is said' "$dse" plan small.cfg --set limits.area_mm2=20
prints 'what excludes' 'limits.area_mm2 excludes 100 %'
prints 'and whom to ask' 'nothing is feasible within these limits; dse why small.cfg'
refute 'nothing to paste' grep -q 'dse explore' out
runs 0 'nothing feasible, as JSON' "$dse" plan small.cfg --set limits.area_mm2=20 --json
mv out none.json
holds 'feasible or not' 'a["feasible"] is False and b["feasible"] is True' none.json plan.json
runs 2 'a mistake' "$dse" plan small.cfg --set limits.area=20
says 'a mistake' 'limits.area: unknown key'
if [[ $MPI != no ]]; then
  runs 0 'on two ranks' mpirun -q -n 2 "$dse" plan small.cfg --json
  mv out two.json
  holds 'on two ranks' 'a["points"] > 0 and a["exact"]' two.json
fi
finish
