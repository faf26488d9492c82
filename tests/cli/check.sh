#!/bin/bash
# Is every mistake of a run file named, at its line, all at once, before anything is written? And is what the program
# calls right, and prints as resolved, right and the same?
#
# In bad.cfg a mistake is a line with `#> what must be said there`; every message must be such a line's, and no more.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"

cat >"$folder/bad.cfg" <<'CFG'
workload = bert;                     #> workload: bert is no value
batch = 99999999999;                 #> batch: 99999999999 does not fit 32 bits; write 99999999999L
bach = 4;                            #> bach: unknown key; did you mean batch?
model = [3];                         #> model.[0]: a text in quotes is expected
tc_rows = [32];                      #> tc_rows: unknown key here; it belongs in group space
training = {
  optimizer = "adamm";               #> training.optimizer: "adamm" is no choice; did you mean "adam"?
  optimiser = "adam";                #> training.optimiser: unknown key; did you mean optimizer?
  update = true;
  gradient_bytes = 9;                #> training.gradient_bytes: 9 is out of range; allowed are 2 to 4
};
space = {
  tc_count = "1..64 x";              #> space.tc_count: "1..64 x" is no range
  tc_rows = [32, 64.5];              #> space.tc_rows.[1]: 64.5 is not whole
  tc_cols = 64 MiB;                  #> space.tc_cols: MiB stands behind a number; a quantity is written in quotes
  tc_cols = [64];                    #> space.tc_cols: is given twice; the first one is in line 15
  vc_count = ["one"];                #> space.vc_count.[0]: "one" is no number
  vc_width = [256, 1024];
  glb_mib = "16..4 x2";              #> space.glb_mib: "16..4 x2" is an empty range
  hbm_generation = ["5"];            #> space.hbm_generation.[0]: "5" is no choice; allowed: "2", "2e", "3", "3e"
  hbm_stacks = [-1];                 #> space.hbm_stacks.[0]: -1 is negative
  clock = 940;                       #> space.clock: unknown key; did you mean clock_mhz?
  node_nm = [0x1FFFFFFFFF];          #> space.node_nm.[0]: 0x1FFFFFFFFF does not fit 32 bits
};
limits = {
  area_mm2 = -3.5;                   #> limits.area_mm2: -3.5 is out of range; allowed are 0.001 to 1000000 mm2
  tdp_w = 1e400;                     #> limits.tdp_w: 1e400 is too large
  memory = "yes";                    #> limits.memory: true or false is expected
  throughput_floor = 2e-400;         #> limits.throughput_floor: 2e-400 is too small
  tpd_w = 250.0;                     #> limits.tpd_w: unknown key; did you mean tdp_w?
  reference = 7;                     #> limits.reference: a text in quotes is expected
  w_per_mm2 = [1.0];                 #> limits.w_per_mm2: a number is expected, found a list
};
search = {
  algorithm = 3;                     #> search.algorithm: a text in quotes is expected
  metric = "speed";                  #> search.metric: "speed" is no choice
  top_k = 0;                         #> search.top_k: 0 is out of range; allowed are 1 to 10000
  seed = 99999999999999999999L;      #> search.seed: 99999999999999999999L
  eps = 1.5;                         #> search.eps: 1.5 is out of range
  prove = 1;                         #> search.prove: true or false is expected
  round_size = 10000000;             #> search.round_size: 10000000 is out of range
  gap_target = nan;                  #> search.gap_target: nan is no value
  guided = { dim_hysteresi = 3; };   #> search.guided.dim_hysteresi: unknown key; did you mean dim_hysteresis?
};
schedule = 3;                        #> schedule: a group { ... } is expected
costs = { provider = "physical"; };  #> costs: unknown key; did you mean cost?
CFG
sed -n '/#>/{=;s/.*#> //;p}' "$folder/bad.cfg" | paste -d ' ' - - >"$folder/wanted"
n_wanted=$(wc -l <"$folder/wanted")
check 'at least twenty mistakes' test "$n_wanted" -ge 20
(cd "$folder" && "$dse" check bad.cfg >out.bad 2>err.bad)
verdict 'bad.cfg: exit status 2' $(($? != 2)) <"$folder/err.bad"
check 'bad.cfg: nothing on stdout' test ! -s "$folder/out.bad"
while read -r line text; do
  check "bad.cfg:$line: $text" grep -qF -- "bad.cfg:$line: $text" "$folder/err.bad"
done <"$folder/wanted"
check "bad.cfg: a message a mistake, $n_wanted in all" test "$(wc -l <"$folder/err.bad")" -eq "$n_wanted"
check 'bad.cfg: in the order of the file' sort -c -n -t : -k 2,2 "$folder/err.bad"
runs 2 'bad.cfg, --json' "$dse" check "$folder/bad.cfg" --json
cp "$folder/out" "$folder/bad.json"
holds 'bad.cfg, --json' "a['valid'] == False and a['messages'].count('bad.cfg:') >= $n_wanted" "$folder/bad.json"
for command in explore evaluate; do
  (cd "$folder" && "$dse" "$command" bad.cfg >out.same 2>err.same)
  verdict "$command bad.cfg: exit status 2" $(($? != 2)) <"$folder/err.same"
  check "$command bad.cfg says the same" cmp "$folder/err.bad" "$folder/err.same"
done
check 'explore bad.cfg leaves no folder' test -z "$(find "$folder" -mindepth 1 -type d)"

# --- one mistake a file: those that end the reading, and those that need several keys ---------------------------------
write_small "$folder/small.cfg"
cd "$folder" || exit 1
refused() { # NAME TEXT; the file comes on standard input
  local name=$1 text=$2
  cat >one.cfg
  runs 2 "$name" "$dse" check one.cfg
  says "$name" "$text"
  silent "$name" out
  runs 2 "explore: $name" "$dse" explore one.cfg --out never
  check "explore: $name: no folder" test ! -e never
}
with() { sed "s|$1|$2|" small.cfg; }
refused 'no algorithm of that name' 'one.cfg:8: search.algorithm: no algorithm "simplex", allowed are guided' \
  < <(sed 's|^search = {|& algorithm = "simplex";|' small.cfg)
refused 'an empty list' 'one.cfg:5: space.tc_cols: an empty list' < <(with 'tc_cols = \[64, 128\]' 'tc_cols = []')
refused 'values that do not ascend' 'one.cfg:5: space.tc_rows: values must ascend' < <(with '\[32, 64, 128\]' '[64, 32]')
refused 'a value twice' 'one.cfg:5: space.tc_rows: values must ascend' < <(with '\[32, 64, 128\]' '[64, 64]')
refused 'a node without constants' 'no constants for 10 nm' < <(with '^space = {' 'space = { node_nm = [7, 10];')
refused 'TDP of a provider without' 'search.metric: the cost provider has no TDP' \
  < <(with '^search = {' 'cost = { provider = "compat"; }; search = { metric = "tdp";')
refused 'a workload that is not there' "did you mean 'bert-base'?" < <(with bert-base bert-bsae)
refused 'a model key that is not there' 'sequenze' < <(with '^batch = 4;' 'batch = 4; model = ["sequenze=128"];')
refused 'a model key without a value' 'model' < <(with '^batch = 4;' 'batch = 4; model = ["sequence"];')
refused 'a reference that is not there' 'tpuv22' < <(with '^limits = {' 'limits = { reference = "tpuv22";')
refused 'no workload' 'workload' < <(sed 1d small.cfg)
refused 'an empty file' 'workload' </dev/null
refused 'a brace that stays open' 'one.cfg:' < <(head -n 6 small.cfg)
refused 'an equals sign that is missing' 'one.cfg:' < <(sed '2s/=//' small.cfg)
refused 'a group that is closed twice' 'one.cfg:' < <(cat small.cfg && echo '};')
refused 'a control character' 'one.cfg:1:' < <(printf 'workload = "bert\001base";\n')
refused 'a NUL' 'one.cfg:1:' < <(printf 'workload = "bert\000base";\n')
refused 'brackets without end' 'one.cfg:1:' < <(printf 'workload = %s;\n' "$(printf '(%.0s' {1..2000})")
refused 'an include from elsewhere' 'one.cfg:1:' < <(echo '@include "../../../../../../../etc/passwd"')
refused 'an include by an absolute name' 'one.cfg:1:' < <(echo '@include "/etc/passwd"')
refused 'an include of itself' 'one.cfg:' < <(echo '@include "one.cfg"')
refused 'an include that is not there' 'one.cfg:1:' < <(echo '@include "none.cfg"')
refused 'a file of 2 MB' 'one.cfg' < <(head -c 2000000 /dev/zero | tr '\0' ' ')
head -c 100000 /dev/urandom >one.cfg
timeout 300 "$dse" check one.cfg >/dev/null 2>&1
verdict 'noise: exit status 2' $(($? != 2)) </dev/null
runs 2 'a model for a run file' "$dse" check tests/data/onnx/resnet50.onnx
says 'a model for a run file: what to write' 'is a model, not a run file; write a run file that says workload = "tests/data'
runs 1 'a file that is not there' "$dse" check none.cfg
says 'a file that is not there' 'none.cfg: cannot be opened'
runs 2 'a folder for a file' "$dse" check .
mkfifo pipe.cfg
runs 2 'a pipe for a file' timeout 300 "$dse" check pipe.cfg

# Mistakes on the command line are the command line's.
set_refused() { # VALUE TEXT
  runs 2 "--set $1" "$dse" check small.cfg --set "$1"
  says "--set $1" "$2"
}
set_refused 'limits.tdp=3.5' '--set: limits.tdp: unknown key; did you mean tdp_w?'
set_refused 'limits.tdp_w=many' '--set: limits.tdp_w:'
set_refused 'search.top_k=0' '--set: search.top_k: 0 is out of range'
set_refused 'search.algorithm="simplex"' 'no algorithm "simplex"'
set_refused 'space.tc_rows=[64, 32]' 'values must ascend'
set_refused 'network.sizes=[8, 4]' 'network.sizes: the last must be 0'
set_refused 'network.topology="torus3d"' 'network.topology: a torus3d of as many units as there are, give level 2 a size'
set_refused 'network.preset="dgx-a101"' 'network.preset:'
set_refused 'batch=99999999999' '--set: batch: 99999999999 does not fit 32 bits'
runs 2 'two mistakes on the command line' "$dse" check small.cfg --set a=1 --set batch=0
says 'the first of two' '--set: a: unknown key'
says 'the second of two' '--set: batch: 0 is out of range'

{ cat small.cfg && printf 'network = {\n  sizes = [8, 0];\n  latency_us = [1.0, 2.0, 3.0];\n};\n'; } >links.cfg
lines=$(wc -l <links.cfg)
runs 2 'lists of different lengths' "$dse" check links.cfg
says 'lists of different lengths' "links.cfg:$((lines - 1)): network.latency_us: 3 values for 2 levels"
says 'the default is one of them' 'network.gbytes_per_s: 3 values for 2 levels'

# --- what is right ----------------------------------------------------------------------------------------------------
for file in small.cfg "$root"/configs/*.cfg; do
  case $file in # of dse jobs, layers, shards, chips: see jobs.sh, placement.sh, shards.sh, partition.sh
    */tenancy.cfg | */placement.cfg | */sharding.cfg | */chips.cfg) continue ;;
  esac
  runs 0 "check $(basename "$file")" "$dse" check "$file"
  silent "check $(basename "$file")" err
done
runs 0 'check --json' "$dse" check small.cfg --json
cp out right.json
holds 'check --json' 'a["valid"] == True' right.json
runs 0 'check --set' "$dse" check small.cfg --set batch=2 --set 'model=["sequence=128"]' --set 'space.tc_rows="32..128 x2"'
{ printf '\357\273\277' && sed 's/$/\r/' small.cfg; } >dos.cfg
runs 0 'with a byte-order mark and CRLF' "$dse" check dos.cfg

# What --print prints is the same run: printed again it is the same bytes, explored it gives the same answer.
runs 0 'check --print' "$dse" check small.cfg --set search.seed=77 --print
cp out printed.cfg
check '--print: the key that was set' grep -q 'seed = 77' printed.cfg
runs 0 'check --print of it' "$dse" check printed.cfg --print
check '--print of it: the same bytes' cmp out printed.cfg
runs 0 'explore small.cfg' "$dse" explore small.cfg --seed 77 --out first
runs 0 'explore printed.cfg' "$dse" explore printed.cfg --out second
holds 'the same run' 'all(a[k] == b[k] for k in a if k not in ("wall_s", "evaluations_per_s"))' \
  first/summary.json second/summary.json
same_files 'the same run' first second "${same_bytes[@]}"
check 'run.cfg is what --print prints' cmp printed.cfg first/run.cfg

# An include gives what the file alone gives.
sed -n '/^space/,$p' small.cfg >rest.cfg
{ sed '/^space/,$d' small.cfg && echo '@include "rest.cfg"'; } >parts.cfg
runs 0 'explore parts.cfg' "$dse" explore parts.cfg --seed 77 --out third
same_files 'a file in parts' first third "${same_bytes[@]}"
sed -i 's/tc_rows/tc_row/' rest.cfg
runs 2 'a mistake in an included file' "$dse" check parts.cfg
says 'a mistake in an included file' 'rest.cfg:2: space.tc_row: unknown key; did you mean tc_rows?'
# What a file names and is not there is said beside its mistakes.
cat >"$folder/names.cfg" <<'CFG'
workload = "nowhere.onnx";
limits = { area = 400.0; reference = "tpuv44"; };
CFG
runs 2 'mistakes, and names of nothing' "$dse" check "$folder/names.cfg"
says 'mistakes, and names of nothing: a key' 'names.cfg:2: limits.area: unknown key'
says 'mistakes, and names of nothing: a file' 'nowhere.onnx: cannot be opened: No such file or directory'
says 'mistakes, and names of nothing: a reference' 'did you mean tpuv4?'
runs 2 'a mistake, and a model of no such name' "$dse" check "$folder/names.cfg" --set 'workload="resnet51"'
says 'a mistake, and a model of no such name' "did you mean 'resnet"
# Run files that make problems for dse map are checked by their makers; a search says whose they are.
for pair in chips:chips placement:layers sharding:shards tenancy:jobs; do
  file=$root/configs/${pair%:*}.cfg
  runs 0 "$pair" "$dse" check "$file"
  check "$pair: whose" grep -qF "nothing wrong; dse ${pair#*:} " out
  runs 2 "$pair: explore" "$dse" explore "$file" --out wrong
  says "$pair: explore" "has no workload to search designs for: dse ${pair#*:} "
done
runs 2 'a mistake for a maker' "$dse" check "$root/configs/chips.cfg" --set chips.n_cips=3
says 'a mistake for a maker' 'chips.n_cips: unknown key; did you mean n_chips?'
runs 0 'check --print for a maker' "$dse" check "$root/configs/chips.cfg" --set chips.n_chips=5 --print
cp out chips.cfg
runs 0 'check --print for a maker, of it' "$dse" check chips.cfg --print
check 'check --print for a maker, of it: the same bytes' cmp out chips.cfg
runs 2 'tenants without a workload' "$dse" check "$root/configs/tenancy.cfg" --set limits.tdp_w=300
says 'tenants without a workload' 'workload: is missing'
finish
