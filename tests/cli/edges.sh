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
finish
