#!/bin/bash
# Does every figure of scripts/figures come out as a PDF with something on it, from a results folder and from the
# published tables? And do its refusals say what is there?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
command -v gnuplot >/dev/null || skip_all 'gnuplot is not installed'
gnuplot -e 'set terminal pdfcairo' 2>/dev/null || skip_all 'gnuplot knows no pdfcairo'
cd "$folder" || exit 1
export BUILD
BUILD=$(dirname "$(dirname "$dse")")
write_small small.cfg
runs 0 'a run' "$dse" explore small.cfg --out one --quiet
runs 0 'a run of many devices' "$dse" explore "$root/configs/llama2-7b.cfg" --out many --quiet \
  --set 'system.pipeline=[4]' --set 'system.schedule=["1f1b"]'
runs 0 'all figures' "$root/scripts/figures/make" -r one -s many figures
check 'nothing to complain about' diff err /dev/null
# Text and lines, not an empty page: the content stream of an empty one is a few hundred bytes.
cat >drawn.py <<'PYTHON'
import re, sys, zlib
data = open(sys.argv[1], "rb").read()
assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF"), "no PDF"
streams = []
for match in re.finditer(rb"stream\r?\n(.*?)endstream", data, re.S):
    try: streams.append(zlib.decompress(match.group(1)))
    except zlib.error: pass
content = max((s for s in streams if b" m" in s or b" re" in s), key=len, default=b"")
marks = len(re.findall(rb"\b(?:S|s|f|f\*|B|B\*)\s", content))
assert len(content) > int(sys.argv[2]) and marks > 20 and b"/Font" in data, (len(content), marks)
PYTHON
n=0
for script in "$root"/scripts/figures/*.gp; do
  name=$(basename "$script" .gp)
  [[ $name != style ]] || continue
  n=$((n + 1))
  check "$name: drawn" python3 drawn.py "figures/$name.pdf" 2500
  check "$name: says what it shows and from which data" \
    test "$(head -n 5 "$script" | grep -oE 'Data:|\.csv|\?' | sort -u | wc -l)" -eq 3
  case $name in
  gantt | pipeline) ;; # set in what they share
  *) check "$name: axes have names" grep -q '^set ylabel ".*"' "$script" ;;
  esac
done
check 'there are ten' test "$n" -eq 10
runs 0 'one alone' "$root/scripts/figures/make" -r one other front
check 'one alone: no other' test "$(find other -name '*.pdf' | wc -l)" -eq 1
runs 2 'no such figure' "$root/scripts/figures/make" -r one other fronts
says 'no such figure' 'there are convergence front gantt'
runs 2 'no folder named' "$root/scripts/figures/make"
says 'no folder named' 'usage:'
finish
