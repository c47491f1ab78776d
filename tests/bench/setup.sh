# Shared by the benchmarks: a store of their own, removed at the end.  Figures are medians of one run, and ratios.
# shellcheck shell=sh
build=$(realpath "${1:-build}")
PATH=$build/src/cli:$PATH
SOUK_ROOT=$(mktemp -d /var/tmp/souk-bench.XXXXXX)
SOUK_RUN=$SOUK_ROOT/run
export PATH SOUK_ROOT SOUK_RUN
tidy() { souk system reset --all --force >/dev/null 2>&1 || true; rm -rf "$SOUK_ROOT"; }
trap tidy EXIT
trap 'exit 130' INT TERM
souk image box >/dev/null
medians() { jq -r '.results[] | "\(.median * 1e6 | round) \(.command)"' "$1"; }
# NAME=MICROSECONDS lines on stdin: each in ms and as a ratio to the one that is called "floor"
ratios() {
  awk -F= '{n[NR]=$1; v[NR]=$2; if ($1 == "floor") f=$2} END{for (i=1;i<=NR;i++) printf "  %-28s %9.3f ms   %6.2f x the floor\n", n[i], v[i]/1000, v[i]/f}'
}
