#!/bin/bash
# Where two options, or an option and the world, do not go together: is it said, instead of an answer that is wrong?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_small small.cfg

# Operators of a run have one size of elements; a design for another one would pair its area with their traffic.
design=tc_count=3,tc_rows=64,tc_cols=64,vc_count=2,vc_width=256,glb_mib=17,hbm_stacks=2
runs 2 'a design for other elements' "$dse" evaluate small.cfg --design $design,element_bytes=1
says 'a design for other elements: what to write' 'space.element_bytes=[1]'
"$dse" evaluate small.cfg --design $design,element_bytes=2 --json >two.json
"$dse" evaluate small.cfg --design $design,element_bytes=1 --set 'space.element_bytes=[1]' --json >one.json
holds 'a run of such elements: smaller arrays, less traffic' 'b["area_mm2"]["tensor"] < a["area_mm2"]["tensor"] and
  b["hbm_traffic_bytes"] < a["hbm_traffic_bytes"]' two.json one.json

# A full disk behind a pipe is no success.
for words in --help --version --man 'list keys' 'list --help'; do
  # shellcheck disable=SC2016,SC2086 # the inner shell expands it; words are words
  runs 1 "$words to a full device" bash -c 'exec "$@" >/dev/full' - "$dse" $words
done

# Names are anybody's: what a terminal would obey, or read from right to left, reaches it as bytes to look at.
python3 - "$root/tests/data/placement/pair.json" hostile.json <<'PYTHON'
import json, sys
problem = json.load(open(sys.argv[1]))
problem["name"] += "\u202e"
json.dump(problem, open(sys.argv[2], "w"))
PYTHON
runs 0 'a name that turns the line' "$dse" map placement hostile.json
says 'a name that turns the line: as bytes' 'pair\xE2\x80\xAE'
check 'a name that turns the line: nothing else' python3 - out err <<'PYTHON'
import re, sys
text = "".join(open(name, encoding="utf-8").read() for name in sys.argv[1:])
sys.exit(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", text) is not None)
PYTHON
finish
