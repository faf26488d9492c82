#!/bin/bash
# Do the Debian packages hold what they should, at Debian's places, with the libraries that the program needs? Packed
# from what is built here, without compiling it again; `make deb` compiles.
# shellcheck source=tests/cli/harness.sh
source "$(dirname "$0")/harness.sh"
for tool in dpkg-buildpackage dh dpkg-deb; do
  command -v $tool >/dev/null || skip_all "there is no $tool (apt-get install debhelper)"
done
case $BUILD in
*asan* | *coverage*) skip_all "packages are of a release" ;;
esac
version=$("$dse" --version | sed -n 's/^dse //p')
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

runs 0 'make deb' env DSE_BUILT="$(realpath "$BUILD")" BUILD="$folder" VERSION="$version" COMMIT=abc \
  MAINTAINER='Somebody Else <somebody@example.org>' packaging/deb
for package in dse libdse-dev; do
  file=$(ls "$folder/deb/${package}_$version"-1_*.deb)
  check "$package: there is one" test -s "$file"
  dpkg-deb -f "$file" >"$folder/$package.control"
  dpkg-deb -c "$file" | awk '{ print $6 }' >"$folder/$package.list"
  dpkg-deb -c "$file" >"$folder/$package.long"
  dpkg-deb -x "$file" "$folder/root"
  check "$package: its maintainer" grep -qx 'Maintainer: Somebody Else <somebody@example.org>' "$folder/$package.control"
  refute "$package: all is root's" grep -qv ' root/root ' "$folder/$package.long"
  refute "$package: nothing below /usr/local" grep -q '/usr/local' "$folder/$package.list"
done
for library in libc6 libconfig libgsl libjansson libglpk libprotobuf-c libxxhash zlib1g; do
  check "dse depends on $library" grep -q "^Depends:.*$library" "$folder/dse.control"
done
[[ $MPI == no ]] || check 'dse depends on MPI' grep -q '^Depends:.*\(openmpi\|mpich\)' "$folder/dse.control"
check 'libdse-dev depends on this very dse' grep -q "^Depends:.*dse (= $version-1)" "$folder/libdse-dev.control"
check 'libdse-dev depends on what dse.pc requires' grep -q '^Depends:.*libgsl-dev.*libprotobuf-c-dev' "$folder/libdse-dev.control"
while read -r package file; do
  check "$package: $file" grep -qxF "./usr/$file" "$folder/$package.list"
done <<FILES
dse bin/dse
dse share/man/man1/dse.1.gz
dse share/bash-completion/completions/dse
dse share/zsh/vendor-completions/_dse
dse share/fish/vendor_completions.d/dse.fish
dse share/dse/configs/quickstart.cfg
dse share/doc/dse/copyright
dse share/doc/dse/changelog.gz
libdse-dev include/dse/dse.h
libdse-dev lib/$triplet/libdse.a
libdse-dev lib/$triplet/pkgconfig/dse.pc
libdse-dev share/doc/libdse-dev/examples/front.c
FILES
check 'unpacked: its data' grep -qx "data $folder/root/usr/share/dse" <("$folder/root/usr/bin/dse" --version)
runs 0 'unpacked: a model' "$folder/root/usr/bin/dse" show workload resnet50
finish
