#!/bin/bash
# Do the published tables hold together: claims, digests and commands say what the files say, samples give the rows that
# are published, and a row that differs is seen?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

check 'claims and digests are those of the tables' scripts/published-index --check
runs 0 'the parts' scripts/published --list
# Every table that is no list of seconds belongs to a part, and every file of a part is there.
missing=0
for file in results/published/*/*.csv; do
  name=$(basename "$file")
  case $name in *timing.csv | claims.csv | networks.csv) continue ;; esac
  case $file in */tenancy/ranks.csv | */tenancy/seconds.csv) continue ;; esac # seconds, and what hangs on them
  case $file in */performance/profile.csv) continue ;; esac                   # instructions, which the compiler decides
  awk -v part="$(basename "$(dirname "$file")")" -v name="$name" '
    /^[a-z]/ { mine = index($1, part "/") == 1; for (i = 2; mine && i <= NF; i++) found = found || $i == name }
    END { exit !found }' "$folder/out" || { echo "$file: of no part" && missing=1; }
done
check 'every table is of a part' test $missing -eq 0

quick=(opcost/tables search/compare-summary sharding/summary systems/k tenancy/compare)
runs 0 'samples' scripts/published --quick --dse "$dse" "${quick[@]}"
check 'samples: a line a part' test "$(grep -c ' rows .* same$' "$folder/out")" -eq ${#quick[@]}

cp -r results/published "$folder/changed"
sed -i '2s/[0-9]\(,[^,]*\)$/7\1x/' "$folder/changed/sharding/summary.csv"
sed -i '3d' "$folder/changed/sharding/summary.csv"
runs 1 'a changed table' scripts/published --quick --dse "$dse" --folder "$folder/changed" sharding/summary
check 'a changed table: the row is shown' grep -q '^    summary.csv: ' "$folder/out"
refute 'a changed table: its digest does not fit' scripts/published-index --check --folder "$folder/changed"
runs 0 'a part made anew' scripts/published --dse "$dse" --folder "$folder/changed" opcost
check 'a part made anew: the same' grep -q '^opcost/tables .* same$' "$folder/out"
runs 1 'no such part' scripts/published --quick nothing
says 'no such part' 'no part nothing; there are wham/successors'
finish
