#!/bin/bash
# 64 at once; then many alive together: is the last start slower than the first, and what does a shim cost?
set -eu
# shellcheck source=tests/bench/setup.sh
. "$(dirname "$0")/setup.sh"
n=${MANY:-500}
t=$(date +%s%N)
for _ in $(seq 64); do souk run --rm box true & done
wait
t=$((($(date +%s%N) - t) / 1000))
echo "64 x souk run --rm at once: $((t / 1000)) ms, $((t / 64)) us each"
one() { local t; t=$(date +%s%N); souk run -d --label bench box sleep 100000 >/dev/null; echo $((($(date +%s%N) - t) / 1000)); }
median() { sort -n | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
for _ in $(seq "$n"); do one; done >"$SOUK_ROOT/times"
first=$(head -n 20 "$SOUK_ROOT/times" | median) last=$(tail -n 20 "$SOUK_ROOT/times" | median)
echo "$n alive together: souk run -d took $first us at first, $last us at last: $(awk "BEGIN{printf \"%.2f\", $last / $first}") x"
for p in $(pgrep -x souk-shim | head -n 50); do
  tr '\0' '\n' <"/proc/$p/environ" | grep -qx "SOUK_ROOT=$SOUK_ROOT" && awk '/^Private_/{s+=$2} END{print s}' "/proc/$p/smaps_rollup"
done | median >"$SOUK_ROOT/private"
echo "private memory of a shim: $(cat "$SOUK_ROOT/private") KiB"
t=$(date +%s%N)
souk ps -q --filter label=bench | xargs souk rm -f >/dev/null
echo "removing all: $((($(date +%s%N) - t) / 1000000)) ms"
