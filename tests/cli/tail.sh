#!/bin/bash
# The journal's last two records, cut at every offset and with a bit flipped in every byte: is a torn end cut and
# computed again, and damage before it refused with its offset and round, and never used?
#
# tests/fault/tail.py lays the damaged journals and judges. A fold's record is long: every eleventh byte of it, or all
# with ALL=1. Left out: larger journals and what is no journal (journal.sh).
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1

# A run file, and whatever it must hold besides: every kind of record has its turn.
tail_of() { # NAME STRIDE KEYS
  cat >"$1.cfg" <<CFG
workload = "bert-base";
batch = 4;
limits = { area_mm2 = 500.0; };
space = {
  tc_count = [1, 2]; tc_rows = [32, 64]; tc_cols = [64]; vc_count = [1]; vc_width = [256, 1024];
  glb_mib = [16]; hbm_stacks = [2, 4];
};
search = { top_k = 2; seed = 2385; prove = false; $3 };
CFG
  runs 0 "$1: the whole run" "$dse" explore "$1.cfg" --out "$1" --quiet
  python3 -B "$root/tests/fault/tail.py" "$dse" "$folder/tail" "$1" "$2" >tail.out 2>&1
  grep -v ' passed, ' tail.out | sed "s/^/$1: /"
  if [[ $(tail -n 1 tail.out) =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    verdict "$1: to its end" 1 <tail.out
  fi
}
stride=11
[[ ${ALL:-0} == 0 ]] || stride=1
tail_of designs 1 'algorithm = "random"; max_evaluations = 5; round_size = 1;'
tail_of folds $stride 'algorithm = "sweep"; sweep = { block = 2; blocks_per_round = 2; first_evaluations = 2; };
  round_size = 1;'
finish
