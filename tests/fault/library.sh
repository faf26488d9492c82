#!/bin/bash
# Where is the library of tests/fault/fault.c, and can the program that is tested be run with it?
#
# Sourced after tests/cli/harness.sh: sets `library`, what LD_PRELOAD must say, or ends the script as skipped with the
# reason. `make` builds the library; without it, it is built here. A program with AddressSanitizer wants that runtime
# loaded first, so it stands in front.
# shellcheck disable=SC2154 # root, dse and folder are the harness's

[[ $(uname -s) == Linux ]] || skip_all 'faults are put in by LD_PRELOAD and /proc/self/fd, which is Linux'
library=$root/$BUILD/tests/fault.so
[[ $BUILD != /* ]] || library=$BUILD/tests/fault.so
if [[ ! -e $library || $root/tests/fault/fault.c -nt $library ]]; then
  library=$folder/fault.so
  "${CC:-cc}" -std=c17 -D_GNU_SOURCE -O1 -shared -fPIC -o "$library" "$root/tests/fault/fault.c" -ldl >"$folder/built" 2>&1 || {
    verdict 'the fault library builds' 1 <"$folder/built"
    finish
    exit 1
  }
fi
if nm -D "$dse" 2>/dev/null | grep -q __asan_init; then
  runtime=$(ldd "$dse" | awk '$1 ~ /^lib(clang_rt\.)?asan/ { print $3 }')
  [[ -n $runtime ]] || skip_all 'AddressSanitizer is linked statically and would not come first'
  library="$runtime $library"
fi
# A program that starts no more under the library, or on which it has no effect, would make every fault a success.
printf 'x' >"$folder/probe.cfg"
DSE_FAULT='open:1:EIO:*probe.cfg' LD_PRELOAD=$library "$dse" check "$folder/probe.cfg" >"$folder/probe.out" 2>&1
if ! grep -q 'Input/output error' "$folder/probe.out"; then
  [[ $library != *' '* ]] ||
    skip_all "the sanitizer does not bear LD_PRELOAD: $(head -n 1 "$folder/probe.out")"
  verdict 'the fault library has its effect on the program' 1 <"$folder/probe.out"
  finish
  exit 1
fi
