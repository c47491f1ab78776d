# Shared by the suites: a store of their own for each file, removed at its end, and a look at what is left.
# shellcheck shell=bash disable=SC2154  # output, status: by bats' run

souk_setup_file() {
  SOUK_ROOT=$(mktemp -d /tmp/souk-t.XXXXXX)
  SOUK_RUN=$SOUK_ROOT/run
  PATH=${SOUK_BUILD:?the build directory: run through tests/run, or set it}/src/cli:$PATH
  export SOUK_ROOT SOUK_RUN PATH
  souk image box
}

# First what the engine says is amiss, then everything is removed, then a look at the machine.
souk_teardown_file() {
  local amiss=0 ids id
  souk system check || amiss=1
  ids=$(souk ps -aq --no-trunc)
  souk system reset --all --force || amiss=1
  for id in $ids; do
    if ls -d /sys/fs/cgroup/souk/"$id" /sys/fs/cgroup/*/souk/"$id" 2>/dev/null; then echo "left behind: control groups of $id"; amiss=1; fi
  done
  "$BATS_TEST_DIRNAME"/../leftovers "$SOUK_ROOT" || amiss=1
  rm -rf "$SOUK_ROOT"
  [ ! -e "$SOUK_ROOT" ] || amiss=1
  return $amiss
}

# Until COMMAND succeeds; fails after 60 s: the time is a limit, never a measure.
eventually() {
  local _
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "still not so after 60 s: $*"
  return 1
}

running() { [ "$(souk inspect -f '{{.State.Status}}' "$1")" = running ]; }
exited() { [ "$(souk inspect -f '{{.State.Status}}' "$1")" = exited ]; }
gone() { ! souk inspect "$1"; }

# The assertions say what they saw.
has() { [[ "$output" == *"$1"* ]] || { printf 'expected to find: %s\nin: %s\n' "$1" "$output"; return 1; }; }
hasnt() { [[ "$output" != *"$1"* ]] || { printf 'did not expect: %s\nin: %s\n' "$1" "$output"; return 1; }; }
is() { [ "$output" = "$1" ] || { printf 'expected: %s\ngot:      %s\n' "$1" "$output"; return 1; }; }
status_is() { [ "$status" -eq "$1" ] || { printf 'expected status %s, got %s: %s\n' "$1" "$status" "$output"; return 1; }; }
fails() { [ "$status" -ne 0 ] || { printf 'expected a failure, got: %s\n' "$output"; return 1; }; }
same() { [ "$1" = "$2" ] || { printf 'expected the same: %s\nand:               %s\n' "$1" "$2"; return 1; }; }
# COMMAND fails: bash's own `! command` is no assertion in a test.
not() { if "$@"; then printf 'expected to fail: %s\n' "$*"; return 1; fi; }

cgroup_file() { # V1-CONTROLLER V1-FILE V2-FILE ID
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat "/sys/fs/cgroup/souk/$4/$3"; else cat "/sys/fs/cgroup/$1/souk/$4/$2"; fi
}
