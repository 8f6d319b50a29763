#!/usr/bin/env bash
# `cargo test` with these arguments. Where REPORTS names a folder, each test's result is also written to a file in it: all test
# programs write to one pipe, as each of them would begin a file anew.
set -uo pipefail
if [ -z "${REPORTS:-}" ]; then exec cargo test "$@"; fi
results=$(mktemp "$REPORTS/rust-XXXXXX.results")
exec 3> >(cat >>"$results")
writer=$!
cargo test "$@" -- --logfile /dev/fd/3
status=$?
exec 3>&-
wait "$writer"
exit "$status"
