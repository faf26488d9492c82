#!/bin/bash
# A journal that was torn or damaged: is a torn tail cut and computed again, damage before it refused with its place, and
# salvage on to the same bytes?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
cd "$folder" || exit 1
write_long long.cfg 690
runs 0 'the whole run' "$dse" explore long.cfg --out whole --quiet
size=$(stat -c %s whole/journal)
check 'a journal of thirty rounds and more' test "$(wc -l <whole/convergence.csv)" -gt 30

# A folder as a crash left it: the settings, and this journal.
crashed() { # FOLDER
  rm -rf "$1" && mkdir "$1" && cp whole/run.cfg whole/journal "$1"
}
flip() { # FILE OFFSET
  python3 -c 'import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2])); byte = file.read(1)[0]
    file.seek(int(sys.argv[2])); file.write(bytes([byte ^ 0x55]))' "$@"
}

# --- torn tails: every length of the last record's end, its head, the middle of the file, the header -------------------
for cut in 1 2 3 7 8 9 23 100 $((size / 2)) $((size - 2385)) $((size - 65)) $((size - 64)) $((size - 63)) $((size - 1)) \
  "$size"; do
  crashed torn
  truncate -s -"$cut" torn/journal
  runs 0 "cut by $cut bytes" "$dse" resume torn
  same_files "cut by $cut bytes" whole torn journal front.csv topk.csv
done
crashed torn
truncate -s -9 torn/journal
runs 0 'a torn tail' "$dse" resume torn
says 'a torn tail: said, with its place' 'torn by a crash and are cut'
# shellcheck disable=SC2016 # awk's own variables
check 'a torn tail: offset within the file' awk -v size="$size" 'match($0, /at offset [0-9]+/) {
  at = substr($0, RSTART + 10, RLENGTH - 10); found = at > 64 && at < size } END { exit !found }' err
crashed torn
head -c 77 /dev/urandom >>torn/journal
runs 0 'noise behind the end' "$dse" resume torn
same_files 'noise behind the end' whole torn journal front.csv topk.csv

# --- damage before the tail --------------------------------------------------------------------------------------------
for offset in 70 $((size / 7)) $((size / 2)) $((size * 3 / 4)); do
  crashed damaged
  flip damaged/journal "$offset"
  cp damaged/journal as-found
  runs 1 "a flipped byte at $offset" "$dse" resume damaged
  says "a flipped byte at $offset: which file" 'damaged/journal'
  check "a flipped byte at $offset: two offsets, around it" python3 -c 'import re, sys
offsets = sorted(int(n) for n in re.findall(r"offset (\d+)|(?:and|at|byte) (\d+)", open("err").read()) for n in n if n)
assert len(offsets) >= 2 and offsets[0] <= int(sys.argv[1]) < offsets[-1], (offsets, open("err").read())' "$offset"
  says "a flipped byte at $offset: what next" '--salvage'
  check "a flipped byte at $offset: the journal is as it was" cmp as-found damaged/journal
  check "a flipped byte at $offset: no results are made of it" test ! -e damaged/summary.json
  runs 1 "a flipped byte at $offset: explore refuses, too" "$dse" explore long.cfg --out damaged
  runs 0 "a flipped byte at $offset: salvage" "$dse" resume damaged --salvage
  same_files "a flipped byte at $offset: salvage" whole damaged "${same_bytes[@]}"
  check "a flipped byte at $offset: the rest is kept" test -s damaged/journal.damaged
done
# A byte of the last record is a torn tail.
crashed damaged
flip damaged/journal $((size - 23))
runs 0 'a flipped byte in the last record' "$dse" resume damaged
same_files 'a flipped byte in the last record' whole damaged journal front.csv topk.csv
# The header: another mark, version, digest, seed.
for offset in 0 9 17 33; do
  crashed damaged
  flip damaged/journal $offset
  status=0
  "$dse" resume damaged >out 2>err || status=$?
  check "a flipped byte at $offset of the header is refused" test $status -eq 1 -o $status -eq 2
  check "a flipped byte at $offset of the header: nothing is made of it" test ! -e damaged/front.csv
  runs 0 "a flipped byte at $offset of the header: salvage" "$dse" resume damaged --salvage
  same_files "a flipped byte at $offset of the header: salvage" whole damaged journal front.csv
done
# Places drawn at random: never used in silence (the seed is 2385).
python3 -c 'import random
random.seed(2385)
for _ in range(40): print(random.randrange(64, '"$size"'))' >places
answer=0
while read -r offset; do
  crashed drawn
  flip drawn/journal "$offset"
  status=0
  "$dse" resume drawn --quiet >out 2>err || status=$?
  if ((status == 0)); then
    cmp whole/journal drawn/journal >>report 2>&1 || answer=1
  elif ((status != 1)); then
    echo "offset $offset: status $status" >>report
    answer=1
  fi
done <places
verdict 'forty flipped bytes: repaired or refused' $answer < <(cat report 2>/dev/null)

# --- what is no journal ---------------------------------------------------------------------------------------------------
for what in empty text folder; do
  rm -rf odd && mkdir odd && cp whole/run.cfg odd
  case $what in
  empty) : >odd/journal ;;
  text) echo 'a note of mine' >odd/journal ;;
  folder) mkdir odd/journal ;;
  esac
  status=0
  "$dse" resume odd >out 2>err || status=$?
  if [[ $what == empty ]]; then
    check 'an empty journal is a new one' cmp whole/journal odd/journal
  else
    check "a journal that is a $what: refused" test $status -eq 1 -o $status -eq 2
    says "a journal that is a $what: named" 'odd/journal'
    [[ $what == folder ]] || check 'a journal that is a text: not overwritten' grep -q 'a note of mine' odd/journal
  fi
done
finish
