#!/bin/sh
# Makes the reference of the C and C++ headers. Doxygen is in no language's registry: it is the system's.
set -e
if ! command -v doxygen >/dev/null && test "$(id -u)" = 0 && command -v apt-get >/dev/null; then
  echo 'installing doxygen with apt-get'
  apt-get update >/dev/null && apt-get install -y --no-install-recommends doxygen >/dev/null
fi
if ! command -v doxygen >/dev/null; then
  echo 'left out: the C reference. Install doxygen, and make docs again' >&2
  mkdir -p docs/.vitepress/dist/api/c
  echo '<!doctype html><title>ssecast</title><p>This reference was left out: there was no Doxygen. The header include/ssecast.h documents itself.' \
    >docs/.vitepress/dist/api/c/index.html
  exit 0
fi
mkdir -p docs/.vitepress/dist/api/c
doxygen docs/Doxyfile
