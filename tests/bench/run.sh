#!/bin/sh
# All benchmarks, one after the other.  tests/bench/run.sh [BUILD-DIR]
set -eu
here=$(dirname "$0")
for name in start exec many load; do
  "$here/$name.sh" "${1:-build}"
  echo
done
