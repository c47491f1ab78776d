#!/bin/sh
# How long does a container take, from fork to the end of a static `true`?  Against the floor (only the kernel's work) and peers.
set -eu
here=$(dirname "$0")
# shellcheck source=tests/bench/setup.sh
. "$here/setup.sh"
souk run --rm box true
layer=$(find "$SOUK_RUN/layers" -mindepth 1 -maxdepth 1 | head -n 1)
scratch=$SOUK_ROOT/scratch
mkdir -p "$scratch" "$SOUK_ROOT/bundle/rootfs"
souk create --name src box true >/dev/null
souk export src | tar -xf - -C "$SOUK_ROOT/bundle/rootfs"
souk rm src >/dev/null
set -- -n floor "$build/tests/bench/floor $layer $scratch /bin/true" -n "souk run" "souk run --rm --network none box true"
if command -v bwrap >/dev/null; then set -- "$@" -n bubblewrap "bwrap --unshare-all --ro-bind $SOUK_ROOT/bundle/rootfs / --proc /proc --dev /dev /bin/true"; fi
bundle() { (cd "$SOUK_ROOT/bundle" && rm -f config.json && "$1" spec && jq '.process.args=["true"] | .process.terminal=false' config.json >c && mv c config.json); }
if command -v runc >/dev/null; then bundle runc; set -- "$@" -n runc "runc run --bundle $SOUK_ROOT/bundle souk-bench"; fi
# Debian 12's crun refuses hybrid control groups: it runs where the v2 tree is not mounted, and all with it
if command -v crun >/dev/null; then [ -f "$SOUK_ROOT/bundle/config.json" ] || bundle crun; set -- "$@" -n crun "crun run --bundle $SOUK_ROOT/bundle souk-bench-c"; fi
if podman image exists box 2>/dev/null; then set -- "$@" -n podman "podman run --rm --network none box true"; fi
cat >"$SOUK_ROOT/runner" <<'END'
umount /sys/fs/cgroup/unified 2>/dev/null || true
exec hyperfine -N --warmup 10 --runs "${RUNS:-200}" --export-json "$OUT" "$@" >/dev/null
END
OUT=$SOUK_ROOT/out unshare -m sh "$SOUK_ROOT/runner" "$@" 2>"$SOUK_ROOT/err" || { cat "$SOUK_ROOT/err"; exit 1; }
echo "start of a container (median of ${RUNS:-200})"
jq -r '.results[] | "\(.command)=\(.median * 1e6)"' "$SOUK_ROOT/out" | ratios
