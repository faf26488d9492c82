#!/bin/bash
# Does the signature cover every flow, and does a difference say where it is?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

flows=$(grep -c '^SIGNATURE_FLOW' dse/signature/signature_flows.def)
runs 0 'signature, JSON' "$dse" signature --json
cp "$folder/out" "$folder/whole.json"
check 'a digest for every flow' test "$(jq '.flows | length' "$folder/whole.json")" -eq "$flows"
check 'all of them different' test "$(jq -r '.flows[]' "$folder/whole.json" | sort -u | wc -l)" -eq "$flows"
runs 0 'signature, with its parts' "$dse" signature --verbose
check 'the same signature' test "$(cat "$folder/out")" = "$(jq -r .signature "$folder/whole.json")"
check 'the same parts' diff <(awk '{ print $2, $1 }' "$folder/err") \
  <(jq -r '.flows | to_entries[] | .key + " " + .value' "$folder/whole.json")
runs 0 'signature, quiet' "$dse" signature --quiet
check 'nothing but the signature' test "$(wc -c <"$folder/out")" -eq 33
silent 'signature, quiet' err

# Every problem of dse map must have a flow.
mapfile -t problems < <(sed -n 's/^MAP_PROBLEM(\(.*\))$/\1/p' dse/map/map_problems.def)
for problem in "${problems[@]}"; do
  check "a flow for map $problem" grep -q "\"map_$problem\"" "$folder/whole.json"
done

# A program beside other data: what reads them differs, nothing else does.
mkdir -p "$folder/other/bin" "$folder/other/share/dse/search/partition"
cp "$dse" "$folder/other/bin/dse"
cp -r workloads arch configs "$folder/other/share/dse/"
cp -r search/partition/weights "$folder/other/share/dse/search/partition/"
runs 0 'the same data elsewhere' "$folder/other/bin/dse" signature --json
check 'the same data elsewhere: the same signature' cmp "$folder/whole.json" "$folder/out"
sed -i 's/source_length = [0-9]*/source_length = 23/' "$folder/other/share/dse/workloads/models/gnmt4.cfg"
runs 0 'another model' "$folder/other/bin/dse" signature --json
check 'another model: its flows alone differ' test \
  "$(jq -rs '.[0].flows as $a | .[1].flows | to_entries[] | select($a[.key] != .value) | .key' \
    "$folder/whole.json" "$folder/out" | xargs)" = 'explore_recurrent explore_mixed'
refute 'another model: another signature' test "$(jq .signature "$folder/out")" = "$(jq .signature "$folder/whole.json")"

runs 2 'no settings' "$dse" signature --set seed=7
says 'no settings' 'takes none, its runs are fixed'
finish
