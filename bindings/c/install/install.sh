#!/bin/sh
# install.sh BUILT PREFIX: puts the header and the libraries that cargo made in BUILT under PREFIX (below DESTDIR, if that is
# set), with what pkg-config and CMake need to find them.
set -eu

built=$1
case $2 in /*) prefix=$2 ;; *) prefix=$PWD/$2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
header=$here/../../../include/ssecast.h
root=${DESTDIR:-}$prefix

stated() { sed -n "s/^#define SSECAST_VERSION_$1 \"*\([0-9a-z.-]*\)\"*$/\1/p" "$header"; }
version=$(stated STRING) major=$(stated MAJOR) minor=$(stated MINOR)

# What a program that links the static library links besides: the answer of
# `cargo rustc -p ssecast-c --crate-type staticlib -- --print native-static-libs`.
case $(uname -s) in
  Darwin)
    shared=libssecast.$version.dylib soname=libssecast.$major.dylib link=libssecast.dylib
    static='-lSystem -lc -lm' ;;
  *)
    shared=libssecast.so.$version soname=libssecast.so.$major link=libssecast.so
    static='-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc' ;;
esac

fill() {
  sed -e "s|@prefix@|$prefix|g" -e "s|@version@|$version|g" -e "s|@major@|$major|g" -e "s|@minor@|$minor|g" \
    -e "s|@shared@|$shared|g" -e "s|@soname@|$soname|g" -e "s|@static@|$static|g" "$here/$1" > "$2"
}

mkdir -p "$root/include" "$root/lib/pkgconfig" "$root/lib/cmake/ssecast"
install -m 644 "$header" "$root/include/ssecast.h"
install -m 644 "${header}pp" "$root/include/ssecast.hpp"
install -m 755 "$built/$link" "$root/lib/$shared"
install -m 644 "$built/libssecast.a" "$root/lib/libssecast.a"
ln -sf "$shared" "$root/lib/$soname"
ln -sf "$soname" "$root/lib/$link"
fill ssecast.pc.in "$root/lib/pkgconfig/ssecast.pc"
fill ssecastConfig.cmake.in "$root/lib/cmake/ssecast/ssecastConfig.cmake"
fill ssecastConfigVersion.cmake.in "$root/lib/cmake/ssecast/ssecastConfigVersion.cmake"
echo "installed ssecast $version under $root"
