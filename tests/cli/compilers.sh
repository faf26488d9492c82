#!/bin/bash
# Does the compiler show in an answer? The program as built against one that another compiler built: the same signature,
# the same bytes of a search, a sweep and their journals, and each goes on with what the other began.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
case $BUILD in
*clang*) other=gcc ;;
*) other=clang ;;
esac
command -v $other >/dev/null || skip_all "there is no $other to compare with"
check "$other builds the program" make -s -j2 CC=$other MPI=no VARIANT=release BUILD="$folder/build" ROOT_BUILD="$folder/build" \
  "$folder/build/bin/dse"
theirs=$folder/build/bin/dse
cd "$folder" || exit 1
write_small small.cfg
write_long long.cfg 900

runs 0 'signature' "$dse" signature
cp out signature
runs 0 "signature, $other" "$theirs" signature
check "signature, $other" cmp signature out
for algorithm in guided sweep random; do
  file=small.cfg
  [[ $algorithm != random ]] || file=long.cfg
  runs 0 "$algorithm" "$dse" explore $file --out "$algorithm-ours" --set "search.algorithm=\"$algorithm\""
  runs 0 "$algorithm, $other" "$theirs" explore $file --out "$algorithm-theirs" --set "search.algorithm=\"$algorithm\""
  same_files "$algorithm, $other" "$algorithm-ours" "$algorithm-theirs" "${same_bytes[@]}"
done
runs 75 "begun by $other" "$theirs" explore long.cfg --out mixed --set 'search.algorithm="random"' --max-time 0
runs 0 "begun by $other, ended by ours" "$dse" resume mixed
same_files "begun by $other, ended by ours" random-ours mixed "${same_bytes[@]}"
finish
