#!/bin/sh
# install.sh BUILT PREFIX: puts the header and the libraries that cargo made in BUILT under PREFIX (below DESTDIR, if that is
# set), with what pkg-config and CMake need to find them. What is installed may be moved as a whole.
#
# LIBDIR is the folder of the libraries, below PREFIX: lib, unless it is set. CARGO_BUILD_TARGET is what BUILT was built for,
# if that is another machine.
set -eu

fail() { echo "install.sh: $1" >&2; exit 1; }

built=$1
case $2 in /*) prefix=$2 ;; *) prefix=$PWD/$2 ;; esac
prefix=${prefix%/}
libdir=${LIBDIR:-lib}
case $libdir in
  "$prefix"/*) libdir=${libdir#"$prefix"/} ;;
  /*) fail "LIBDIR is $libdir, and must lie below PREFIX, $prefix" ;;
esac
libdir=${libdir%/}
here=$(cd "$(dirname "$0")" && pwd)
header=$here/../../../include/ssecast.h
root=${DESTDIR:-}$prefix
lib=$root/$libdir
# From the folder of the libraries to PREFIX.
up=$(echo "$libdir" | sed 's|[^/][^/]*|..|g')

stated() { sed -n "s/^#define SSECAST_VERSION_$1 \"*\([0-9a-z.-]*\)\"*$/\1/p" "$header"; }
version=$(stated STRING) major=$(stated MAJOR) minor=$(stated MINOR)
# Before 1.0 another minor version may be another interface: see build.rs.
if [ "$major" = 0 ]; then interface=0.$minor; else interface=$major; fi

# What a program that links the static library links besides: the answer of
# `cargo rustc -p ssecast-c --crate-type staticlib --target … -- --print native-static-libs`, without what every C compiler
# links by itself, in the form that it has for -static too: libgcc_s, libgcc_eh and libc.
target=${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
shared=libssecast.so.$version soname=libssecast.so.$interface link=libssecast.so
case $target in
  *-apple-*)
    shared=libssecast.$version.dylib soname=libssecast.$interface.dylib link=libssecast.dylib
    static='-framework Security -framework CoreFoundation -liconv' ;;
  *-linux-gnu*) static='-lutil -lrt -lpthread -lm -ldl' ;;
  *-linux-musl*) static='' ;;
  *-windows-*) fail "the C library is for Unix, and $target is none" ;;
  *) static='-lutil -lrt -lpthread -lm' ;;
esac

fill() {
  sed -e "s|@up@|$up|g" -e "s|@libdir@|$libdir|g" -e "s|@version@|$version|g" -e "s|@major@|$major|g" -e "s|@minor@|$minor|g" \
    -e "s|@shared@|$shared|g" -e "s|@soname@|$soname|g" -e "s|@static@|$static|g" "$here/$1" > "$2"
}

mkdir -p "$root/include" "$lib/pkgconfig" "$lib/cmake/ssecast"
install -m 644 "$header" "$root/include/ssecast.h"
install -m 644 "${header}pp" "$root/include/ssecast.hpp"
install -m 755 "$built/$link" "$lib/$shared"
install -m 644 "$built/libssecast.a" "$lib/libssecast.a"
ln -sf "$shared" "$lib/$soname"
ln -sf "$soname" "$lib/$link"
fill ssecast.pc.in "$lib/pkgconfig/ssecast.pc"
fill ssecastConfig.cmake.in "$lib/cmake/ssecast/ssecastConfig.cmake"
fill ssecastConfigVersion.cmake.in "$lib/cmake/ssecast/ssecastConfigVersion.cmake"
echo "installed ssecast $version for $target under $root"
