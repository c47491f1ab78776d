#!/bin/sh
# souk exec against the floor: setns, control groups, fork, exec, wait.
set -eu
# shellcheck source=tests/bench/setup.sh
. "$(dirname "$0")/setup.sh"
id=$(souk run -d --name bench box sleep 100000)
pid=$(souk inspect -f '{{.State.Pid}}' bench)
hyperfine -N --warmup 10 --runs "${RUNS:-200}" --export-json "$SOUK_ROOT/out" -n floor "$build/tests/bench/execfloor $pid $id /bin/true" \
  -n "souk exec" "souk exec bench /bin/true" >/dev/null
souk rm -f bench >/dev/null
echo "exec in a running container (median of ${RUNS:-200})"
jq -r '.results[] | "\(.command)=\(.median * 1e6)"' "$SOUK_ROOT/out" | ratios
