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

# One of them, and a fragment of a run file to paste.
runs 0 'list keys limits' "$dse" list keys limits
{ echo 'workload = "bert-base";' && cat "$folder/out"; } >"$folder/pasted.cfg"
prints 'list keys limits: a commented group' '  # largest die area; unit mm2; 0.001 to 1000000'
runs 0 'list keys sharding' "$dse" list keys sharding
prints 'list keys sharding: a list of groups within it' "its keys: dse list keys 'sharding.designs.[N]'"
prints 'list keys sharding: left to its default' '  # designs = ( { } );'
runs 0 'list keys search.guided' "$dse" list keys search.guided
prints 'list keys search.guided: both groups are opened' '  guided = {'
cat "$folder/out" >>"$folder/pasted.cfg"
for group in training space schedule cost network technology money system tenancy; do
  "$dse" list keys $group >>"$folder/pasted.cfg"
done
runs 0 'pasted groups' "$dse" check "$folder/pasted.cfg"
"$dse" check "$folder/pasted.cfg" --print >"$folder/printed"
echo 'workload = "bert-base";' >"$folder/bare.cfg"
"$dse" check "$folder/bare.cfg" --print >"$folder/defaults"
check 'pasted groups are the defaults' cmp "$folder/defaults" "$folder/printed"
runs 0 'list keys limits.tdp_w' "$dse" list keys limits.tdp_w
check 'list keys limits.tdp_w: that line alone' test "$(wc -l <"$folder/out")" -eq 1
prints 'list keys limits.tdp_w: its range' '[w, 0.001 to 1000000, default 300.0]'
runs 0 'list algorithms anneal' "$dse" list algorithms anneal
prints 'list algorithms anneal: its group' '  anneal = {'
runs 0 'list catalogue tpuv4' "$dse" list catalogue tpuv4
prints 'list catalogue tpuv4: the file' 'clock_mhz = 1050;'
runs 0 'list networks dgx-a100' "$dse" list networks dgx-a100
prints 'list networks dgx-a100: to paste' 'network = { preset = "dgx-a100"; };'
runs 0 'list catalogue tpuv4 --json' "$dse" list catalogue tpuv4 --json
check 'list catalogue tpuv4 --json: one object' test "$(wc -l <"$folder/out")" -eq 1
runs 2 'list workloads bert-bsae' "$dse" list workloads bert-bsae
says 'list workloads bert-bsae: nearest' 'no "bert-bsae"; did you mean bert-base?'
runs 2 'list keys limits.tpd_w' "$dse" list keys limits.tpd_w
says 'list keys limits.tpd_w: nearest' 'did you mean limits.tdp_w?'
runs 2 'a name that is a path' "$dse" list catalogue ../catalogue/tpuv4

runs 2 'list workload' "$dse" list workload
says 'list workload: nearest' 'did you mean workloads?'
runs 2 'list xylophones' "$dse" list xylophones
silent 'list xylophones' out
finish
