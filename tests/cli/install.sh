#!/bin/bash
# Does an installation work: every file in its place, found wherever the whole is moved to, from any folder; the library
# from C and C++ by pkg-config; and is nothing left once it is removed?
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
made=$BUILD/packaging
prefix=$(sed -n 's/^prefix=//p' "$made/dse.pc")
version=$("$dse" --version | sed -n 's/^dse //p')
stage=$folder/stage
share=$prefix/share

# As make install calls it, without making anything anew while other tests use what is built.
place() { # [remove|list]
  DESTDIR=$stage BUILD=$BUILD VERSION=$version bindir=$prefix/bin libdir=$prefix/lib includedir=$prefix/include \
    datadir=$share mandir=$share/man docdir=$share/doc/dse bashdir=$share/bash-completion/completions \
    zshdir=$share/zsh/site-functions fishdir=$share/fish/vendor_completions.d moduledir=$share/modulefiles \
    packaging/install "$@"
}
check 'install' place
place list | sort >"$folder/listed"
(cd "$stage" && find . -type f -printf '/%P\n') | sort >"$folder/there"
check 'what is listed is there, and no more' cmp "$folder/listed" "$folder/there"
while read -r file; do check "installed: $file" test -s "$stage$prefix/$file"; done <<FILES
bin/dse
lib/libdse.a
lib/pkgconfig/dse.pc
include/dse/dse.h
share/man/man1/dse.1
share/bash-completion/completions/dse
share/zsh/site-functions/_dse
share/fish/vendor_completions.d/dse.fish
share/modulefiles/dse/$version
share/dse/configs/quickstart.cfg
share/doc/dse/README.md
share/doc/dse/docs/install.md
share/doc/dse/examples/front.c
share/dse/scripts/slurm/run.sbatch
FILES
refute 'nothing has a place left open' grep -rlE '@[A-Z]+@' "$stage$share/modulefiles" "$stage$prefix/lib/pkgconfig"

# --- moved, and run from elsewhere -------------------------------------------------------------------------------------
mv "$stage$prefix" "$folder/moved here"
moved=$folder/moved\ here
cd / || exit 1
program=$moved/bin/dse
runs 0 'version' "$program" --version
prints 'its data lies beside it' "data $moved/share/dse"
runs 0 'a model' "$program" show workload bert-large
runs 0 'a part' "$program" evaluate "$moved/share/dse/configs/quickstart.cfg" --design tpuv4 --set limits.area_mm2=900 \
  --set limits.tdp_w=900
runs 0 'chips' "$program" calibrate chips --quiet
runs 0 'boards' "$program" list boards
runs 0 'layers' "$program" list layers
write_small "$folder/small.cfg"
runs 0 'a run' "$program" explore "$folder/small.cfg" --out "$folder/installed"
runs 0 'the same of the build tree' "$dse" explore "$folder/small.cfg" --out "$folder/built"
same_files 'installed or not' "$folder/built" "$folder/installed" "${same_bytes[@]}"
for file in "$moved"/share/dse/configs/*.cfg; do
  case ${file##*/} in # what these describe is not for explore
  chips.cfg | tenancy.cfg | placement.cfg | sharding.cfg) continue ;;
  esac
  check "ready: ${file##*/}" "$program" check "$file"
done
ln -s "$program" "$folder/link"
runs 0 'by a link' "$folder/link" --version
prints 'by a link: the data of what it points to' "data $moved/share/dse"
if command -v mandoc >/dev/null; then
  check 'man page' mandoc -T lint -W error "$moved/share/man/man1/dse.1"
fi
if command -v man >/dev/null; then
  man -M "$moved/share/man" dse >"$folder/page" 2>/dev/null </dev/null
  check 'man finds it' grep -q 'design-space' "$folder/page"
fi

# --- the module --------------------------------------------------------------------------------------------------------
# Written for its prefix: taken to where it was moved.
modulefile=$folder/modules/dse/$version
mkdir -p "${modulefile%/*}"
sed "s|$prefix|$moved|g" "$moved/share/modulefiles/dse/$version" >"$modulefile"
try_module() { # COMMAND
  (
    export MANPATH=/usr/share/man
    eval "$(MODULEPATH=$folder/modules "$1" bash load dse)"
    [[ :$PATH: == *":$moved/bin:"* && :$PKG_CONFIG_PATH: == *":$moved/lib/pkgconfig:"* ]] &&
      [[ :$MANPATH: == *":$moved/share/man:"* ]] && [[ $(command -v dse) == "$program" ]]
  )
}
for command in /usr/lib/*/modulecmd.tcl /usr/share/lmod/lmod/libexec/lmod; do # Environment Modules, Lmod
  if [[ -x $command ]]; then check "module load: $command" try_module "$command"; fi
done

# --- the library -------------------------------------------------------------------------------------------------------
case $BUILD in
*asan* | *coverage*) ;; # it wants what it was made with
*)
  sed "s|^prefix=.*|prefix=$folder/plain|" "$moved/lib/pkgconfig/dse.pc" >"$folder/dse.pc"
  mv "$moved" "$folder/plain" # pkg-config cuts words at blanks
  cp "$folder/dse.pc" "$folder/plain/lib/pkgconfig/"
  moved=$folder/plain program=$moved/bin/dse
  export PKG_CONFIG_PATH=$moved/lib/pkgconfig
  read -ra flags <<<"$(pkg-config --cflags dse)"
  read -ra libraries <<<"$(pkg-config --libs --static dse)"
  check 'pkg-config: the version' test "$(pkg-config --modversion dse)" = "$version"
  check 'C: the example' cc -std=c17 -Wall -Wextra -Wpedantic -Werror "${flags[@]}" "$moved/share/doc/dse/examples/front.c" \
    "${libraries[@]}" -o "$moved/bin/front"
  runs 0 'C: the example runs' "$moved/bin/front"
  prints 'C: the example finds its front' '(proven)'
  check 'C: without MPI' test -z "$(ldd "$moved/bin/front" | grep -i mpi)"
  # The same through the program: what the example says of the best must be what dse explore says.
  cat >"$folder/example.cfg" <<'CFG'
workload = "resnet50"; batch = 32;
limits = { area_mm2 = 400.0; tdp_w = 250.0; };
space = { tc_count = "1..16 x2"; tc_rows = [64, 128]; tc_cols = [64, 128];
  vc_count = [1, 2, 4]; vc_width = [256, 512]; glb_mib = [16, 64]; hbm_stacks = [2, 4]; };
search = { max_evaluations = 1000; prove_evaluations = 1000; };
CFG
  cp "$folder/out" "$folder/said"
  runs 0 'the example by the program' "$program" explore "$folder/example.cfg" --out "$folder/example" --json
  python3 - "$folder/example" >"$folder/wanted" <<'PYTHON'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/front.csv")))
print("%d designs on the front, best %.6g samples/s (proven)" % (len(rows), float(rows[0]["throughput_samples_per_s"])))
for row in rows[:3]:
    print("%.1f samples/s, %.3g J an iteration, %.1f mm2, %.1f W" % tuple(
        float(row[name]) for name in ("throughput_samples_per_s", "energy_j", "area_mm2", "tdp_w")))
PYTHON
  while read -r line; do check "C says: $line" grep -qF -- "$line" "$folder/said"; done <"$folder/wanted"
  check 'there was something to compare' test "$(wc -l <"$folder/wanted")" -eq 4
  check 'C++: the example' g++ -x c++ -std=c++20 -Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers \
    "${flags[@]}" "$moved/share/doc/dse/examples/front.c" -x none "${libraries[@]}" -o "$moved/bin/front-cc"
  check 'C++: the example runs' "$moved/bin/front-cc"
  echo 'int error_add(void), say(void); int error_add(void) { return 1; } int say(void) { return 2; }
    #include <dse/dse.h>
    int main(void) { return dse_open(0) == 0 || error_add() + say() != 3; }' >"$folder/names.c"
  check 'names of ours do not meet names of a user' cc "${flags[@]}" "$folder/names.c" "${libraries[@]}" -o "$folder/names"
  check 'nor at run time' "$folder/names"
  nm -g --defined-only "$moved/lib/libdse.a" | awk 'NF == 3 { print $3 }' >"$folder/symbols"
  check 'only dse_ can be seen' test -z "$(grep -v '^dse_' "$folder/symbols")"
  ;;
esac

# --- and removed -------------------------------------------------------------------------------------------------------
cd "$root" || exit 1
rm -rf "$stage"
check 'install again' place
touch "$stage$share/doc/dse/of-somebody-else"
check 'uninstall' place remove
check 'what is not ours stays' test -e "$stage$share/doc/dse/of-somebody-else"
rm "$stage$share/doc/dse/of-somebody-else"
check 'all files are gone' test -z "$(find "$stage" -type f)"
check 'no folder of ours is left' test -z "$(find "$stage" -type d -name dse -not -path '*/doc/*')"
finish
