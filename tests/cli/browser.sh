#!/bin/bash
# Are the pages that people see fit for them? Every kind of report is opened in headless Chromium, light, dark, on a phone
# and on paper, and clicked through (tests/browser/look.py); names that mean harm do none.
#
# KEEP=FOLDER keeps the screenshots. Left out: other browsers; whether it looks good, which people judge.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
for name in chromium chromium-browser google-chrome none; do
  [[ $name != none ]] || skip_all 'there is no Chromium'
  command -v $name >/dev/null && break
done
cd "$folder" || exit 1
[[ ! ${KEEP:-} ]] || mkdir -p "$KEEP"

# What look.py counts is counted here.
look() { # NAME ARGUMENT...
  local name=$1 last
  shift
  timeout -k 5 600 python3 "$root/tests/browser/look.py" "$@" ${KEEP:+--pictures "$KEEP"} >"$folder/out" 2>"$folder/err"
  last=$(tail -n 1 "$folder/out")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    head -n -1 "$folder/out" | sed "s/^/$name: /"
  else
    verdict "$name" 1 < <(cat "$folder/out" "$folder/err")
  fi
}
names() { python3 "$root/tests/browser/names.py" "$@"; }

# --- a run on one device: everything is used, and the line on the panel computes the design again ------------------------
runs 0 'the quick start' "$dse" explore "$root/configs/quickstart.cfg" --out quick --quiet
look quick quick/report.html --front quick/front.csv --command commands
check 'commands were shown' test -s commands
while IFS=$'\t' read -r command row; do
  [[ $command =~ ^dse\ evaluate\ run.cfg\ --design\ [a-z0-9_=,.]+$ ]] || verdict "a command to paste: $command" 1 </dev/null
  (cd quick && eval "'$dse'${command#dse} --json") >again.json 2>/dev/null
  echo "$row" >row.json
  holds "$command" 'abs(a["throughput_samples_per_s"] / float(b["throughput_samples_per_s"]) - 1) < 1e-9 and
    abs(a["area_mm2"]["total"] / float(b["area_mm2"]) - 1) < 1e-9' again.json row.json
done < <(head -n 1 commands)

# --- a system, tenants ---------------------------------------------------------------------------------------------------
cat >system.cfg <<'CFG'
workload = "llama2-7b";
space = { tc_count = [8, 16]; tc_rows = [128]; tc_cols = [128]; vc_count = [8, 16]; vc_width = [1024];
  glb_mib = [64, 128]; hbm_stacks = [4, 6]; };
limits = { area_mm2 = 900.0; tdp_w = 700.0; reference = "tpuv4"; };
system = { devices = [64]; global_batch = 256; tensor = [4, 8]; pipeline = [4]; microbatch = [1, 2]; };
CFG
cat >tenants.cfg <<'CFG'
workload = "bert-base"; batch = 4;
space = { tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64, 128]; vc_count = [1, 2]; vc_width = [256];
  glb_mib = [16]; hbm_stacks = [1, 2]; };
tenancy = { task = "vision"; group_size = 23; seed = 77; from = "front"; designs = 3; cores = 3; area_mm2 = 620.0;
  power_w = 510.0; bandwidth_bytes_per_cycle = 600; samples = 300; final_samples = 700; };
search = { top_k = 5; seed = 2385; };
CFG
for kind in system tenants; do
  runs 0 "$kind" "$dse" explore $kind.cfg --out $kind --quiet
  look $kind $kind/report.html --front $kind/front.csv
done

# --- other commands' pages -------------------------------------------------------------------------------------------------
data=$root/tests/data
mkdir pages
runs 0 placement "$dse" map placement "$data/placement/pair.json" --report pages/placement.html
runs 0 sharding "$dse" map sharding "$data/sharding/t14.json" --report pages/sharding.html
runs 0 partition "$dse" map partition "$data/partition/example/instance.json" --samples 500 --report pages/partition.html
runs 0 tenancy "$dse" map tenancy "$data/tenancy/s6_recom_i3_bw16" --samples 500 --report pages/tenancy.html
runs 0 compare "$dse" compare --table "$data/search/points.csv" --html pages/compare.html
write_small small.cfg
runs 0 sensitivity "$dse" sensitivity small.cfg --samples 16 --draws 2 --html pages/sensitivity.html
look pages pages/*.html

# --- names that mean harm --------------------------------------------------------------------------------------------------
mkdir hostile
names "$data/placement/pair.json" hostile/pair.json hostile/pair.txt name
runs 0 'hostile devices' "$dse" map placement hostile/pair.json --report hostile/placement.html
look 'hostile devices' hostile/placement.html --must-show hostile/pair.txt --briefly
names "$data/sharding/t14.json" hostile/t14.json hostile/t14.txt word:name word:group
runs 0 'hostile boards' "$dse" map sharding hostile/t14.json --report hostile/sharding.html
look 'hostile boards' hostile/sharding.html --must-show hostile/t14.txt --briefly
runs 0 'a graph' "$dse" show workload resnet18 --graph graph.json
names graph.json hostile/graph.json hostile/graph.txt name model
cat >hostile.cfg <<'CFG'
workload = "hostile/graph.json";
space = { tc_count = [1, 2]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [1, 2]; vc_width = [256]; glb_mib = [16]; };
CFG
runs 0 'hostile operators' "$dse" explore hostile.cfg --out hostile/run --quiet
look 'hostile operators' hostile/run/report.html --must-show hostile/graph.txt --briefly

finish
