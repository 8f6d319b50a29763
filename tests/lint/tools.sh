#!/bin/sh
# Says in one plain line per tool what is missing to build and test ssecast, and fails if anything is.

missing=0

say() {
  echo "ssecast: $1" >&2
  missing=1
}

# at_least 1.88.0 1.95.0: whether the second version is the first one or later.
at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$1" ]
}

# need name wanted how-to-install command...: runs the command and takes the first version number from what it prints.
need() {
  name=$1 wanted=$2 install=$3
  shift 3
  if ! command -v "$1" >/dev/null 2>&1; then
    say "$name is missing; install $install"
    return
  fi
  found=$("$@" 2>/dev/null | sed -n 's/[^0-9]*\([0-9][0-9]*\.[0-9][0-9.]*\).*/\1/p' | head -n 1)
  if [ -z "$found" ]; then
    say "'$*' does not run; install $install"
  elif ! at_least "$wanted" "$found"; then
    say "$name is $found, and $wanted or later is needed; install $install"
  fi
}

need cargo 1.88 'Rust 1.88 or later (rustup.rs)' cargo --version
need 'Node.js' 20.0 'Node.js 20 or later (nodejs.org)' node --version
need npm 9.0 'npm, which comes with Node.js' npm --version
need Python 3.11 'Python 3.11 or later (python.org)' python3 --version
need 'the C linker' 1.0 'a C compiler, for Rust to link with (Debian: build-essential; macOS: xcode-select --install)' cc --version

exit $missing
