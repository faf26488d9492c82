#!/bin/bash
# Does install-deps name and fetch what is missing, by each distribution's names? Without fetching anything: apt-get,
# dpkg-query, dnf and rpm are played by scripts that write down what they were asked for.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
script=$root/scripts/install-deps

for system in debian fedora; do
  runs 0 "print $system" "$script" print $system
  cp "$folder/out" "$folder/$system"
  check "$system: a name a line" test "$(wc -w <"$folder/$system")" = "$(wc -l <"$folder/$system")"
  check "$system: no name twice" test -z "$(sort "$folder/$system" | uniq -d)"
  runs 0 "print $system check" "$script" print $system check
  check "$system: check is more" test "$(wc -l <"$folder/out")" -gt "$(wc -l <"$folder/$system")"
  check "$system: check has a second compiler" grep -qx clang "$folder/out"
done
check 'Debian: development packages end in -dev' grep -qx libgsl-dev "$folder/debian"
refute 'Fedora: none does' grep -q -- '-dev$' "$folder/fedora"
check 'as many libraries here as there' test "$(grep -c -- '-dev$' "$folder/debian")" -le "$(grep -c -- '-devel$' "$folder/fedora")"
# What the Makefile asks pkg-config for must come from some package of each list.
for name in libconfig gsl jansson xxhash zlib protobuf-c glpk cmocka; do
  for system in debian fedora; do check "$system: $name" grep -qE "^(lib)?$name.*-dev" "$folder/$system"; done
done
runs 2 'an unknown word' "$script" everything
runs 2 'an unknown distribution' "$script" print plan9
says 'an unknown distribution' 'debian|fedora'

# --- a machine of each kind, on which all but two packages are there ----------------------------------------------------
play() { # NAME SCRIPT
  printf '#!/bin/bash\n%s\n' "$2" >"$folder/bin/$1"
  chmod +x "$folder/bin/$1"
}
machine() { # with the tools that a machine has anyway
  rm -rf "${folder:?}/bin"
  mkdir "$folder/bin"
  local tool
  for tool in bash env mktemp rm tail cat; do ln -s "$(command -v "$tool")" "$folder/bin/$tool"; done
  # shellcheck disable=SC2016 # for the script that is written
  play sudo 'exec "$@"'
  : >"$folder/asked"
}
machine
# shellcheck disable=SC2016 # for the scripts that are written
{
  play dpkg-query 'case ${*: -1} in libgsl-dev | clang) exit 1 ;; *) echo -n installed ;; esac'
  play apt-get 'echo "$*" >>'"$folder/asked"
}
runs 0 'on Debian' env PATH="$folder/bin" "$script"
prints 'on Debian: what was missing' 'Installing: libgsl-dev'
check 'on Debian: once, that alone' test "$(grep -c ' install .*libgsl-dev$' "$folder/asked")" = "$(wc -l <"$folder/asked")"
runs 0 'on Debian, check' env PATH="$folder/bin" "$script" check
check 'on Debian, check: clang too' grep -q ' install .* clang$' "$folder/asked"
# shellcheck disable=SC2016 # for the script that is written
play apt-get 'echo "$*" >>'"$folder/asked"'; exit 100'
runs 1 'on Debian, offline' env PATH="$folder/bin" "$script"
says 'on Debian, offline' 'apt-get could not install these packages: libgsl-dev'
machine
# shellcheck disable=SC2016 # for the scripts that are written
{
  play rpm 'case ${*: -1} in gsl-devel | clang) exit 1 ;; esac'
  play dnf 'echo "$*" >>'"$folder/asked"
}
runs 0 'on Fedora' env PATH="$folder/bin" "$script"
prints 'on Fedora: what was missing' 'Installing: gsl-devel'
check 'on Fedora: by dnf' grep -qx -- '-q install -y gsl-devel' "$folder/asked"
prints 'on Fedora: MPI is a module' 'module load mpi/openmpi'
machine
runs 0 'on anything else' env PATH="$folder/bin" "$script"
says 'on anything else' 'libgsl-dev'
finish
