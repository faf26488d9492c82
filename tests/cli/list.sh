#!/bin/bash
# What is there to choose from? `dse list`: every kind lists, as text and as JSON lines, and what it names exists.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

runs 0 'list' "$dse" list
silent 'list' err
mapfile -t kinds < <(awk '{ print $1 }' "$folder/out")
check 'there are kinds' test ${#kinds[@]} -ge 7
runs 0 'list --json' "$dse" list --json
cp "$folder/out" "$folder/kinds.jsonl"
holds 'list --json' 'len(a) > 6 and all(row["kind"] == "list" and row["doc"] for row in a)' "$folder/kinds.jsonl"

for kind in "${kinds[@]}"; do
  runs 0 "list $kind" "$dse" list "$kind"
  silent "list $kind" err
  cp "$folder/out" "$folder/text"
  runs 0 "list $kind --json" "$dse" list "$kind" --json
  cp "$folder/out" "$folder/$kind.jsonl"
  holds "list $kind --json" 'len(a) > 0 and all(row["name"] and "doc" in row for row in a)' "$folder/$kind.jsonl"
  holds "list $kind: no name twice" 'len({row["name"] for row in a}) == len(a)' "$folder/$kind.jsonl"
  cp "$folder/text" "$folder/text.bytes"
  holds "list $kind: text and JSON name the same" 'all(row["name"].encode() in b for row in a)' \
    "$folder/$kind.jsonl" "$folder/text.bytes.bytes"
done

# What is listed is what there is.
basename -s .cfg workloads/models/*.cfg | sort >"$folder/models"
python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.loads(line)["name"])' "$folder/workloads.jsonl" | sort >"$folder/listed"
check 'every model file is listed' cmp "$folder/models" "$folder/listed"
basename -s .cfg arch/catalogue/*.cfg | sort >"$folder/parts"
python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.loads(line)["name"])' "$folder/catalogue.jsonl" | sort >"$folder/listed"
check 'every catalogue file is listed' cmp "$folder/parts" "$folder/listed"
sed -n 's/^PIPELINE(\(.*\))$/\1/p' arch/pipelines.def >"$folder/schedules"
python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.loads(line)["name"])' "$folder/pipelines.jsonl" >"$folder/listed"
check 'every schedule of a pipeline is listed' cmp "$folder/schedules" "$folder/listed"

# A key has unit, range and default: the three that a newcomer meets first.
while read -r key text; do
  check "list keys: $key" grep -qE "^ *$key .*\[$text\]" <("$dse" list keys)
done <<'KEYS'
limits.area_mm2 mm2, .* to .*, default [0-9.]+
limits.tdp_w w, .* to .*, default [0-9.]+
search.metric -, throughput\|energy\|.*, default "throughput"
batch samples, 1 to [0-9]+, default 1
workload -, default none: required
KEYS
# Every key of a resolved run file is listed.
runs 0 'keys of a run file' "$dse" check configs/quickstart.cfg --print
python3 - "$folder/out" "$folder/keys.jsonl" >"$folder/unlisted" <<'PYTHON'
import json, re, sys
known = {json.loads(line)["name"].split(".")[-1] for line in open(sys.argv[2])}
print(*[m[1] for m in re.finditer(r"^\s*(\w+) = [^{]*;", open(sys.argv[1]).read(), re.M) if m[1] not in known])
PYTHON
check 'every key of a run file is listed' test -z "$(tr -d '\n' <"$folder/unlisted")"

runs 2 'list workload' "$dse" list workload
says 'list workload: nearest' 'did you mean workloads?'
runs 2 'list xylophones' "$dse" list xylophones
silent 'list xylophones' out
finish
