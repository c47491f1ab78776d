# Shared by the suites: a store of their own for each file, removed at its end, and a look at what is left.
# shellcheck shell=bash

souk_setup_file() {
  SOUK_ROOT=$(mktemp -d /tmp/souk-t.XXXXXX)
  SOUK_RUN=$SOUK_ROOT/run
  PATH=${SOUK_BUILD:?run through tests/run}/src/cli:$PATH
  export SOUK_ROOT SOUK_RUN PATH
  souk image box
}

souk_teardown_file() {
  souk system reset --all --force
  "$BATS_TEST_DIRNAME"/../leftovers "$SOUK_ROOT"
  rm -rf "$SOUK_ROOT"
  [ ! -e "$SOUK_ROOT" ]
}

# Until COMMAND succeeds; fails after 20 s: the time is a limit, never a measure.
eventually() {
  local i
  for i in $(seq 200); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "still not so after 20 s: $*"
  return 1
}

running() { [ "$(souk inspect -f '{{.State.Status}}' "$1")" = running ]; }
exited() { [ "$(souk inspect -f '{{.State.Status}}' "$1")" = exited ]; }
gone() { ! souk inspect "$1"; }

# The assertion says what it saw.
has() { [[ "$output" == *"$1"* ]] || { printf 'expected to find: %s\nin: %s\n' "$1" "$output"; return 1; }; }
hasnt() { [[ "$output" != *"$1"* ]] || { printf 'did not expect: %s\nin: %s\n' "$1" "$output"; return 1; }; }
is() { [ "$output" = "$1" ] || { printf 'expected: %s\ngot:      %s\n' "$1" "$output"; return 1; }; }
status_is() { [ "$status" -eq "$1" ] || { printf 'expected status %s, got %s: %s\n' "$1" "$status" "$output"; return 1; }; }

cgroup_file() { # V1-CONTROLLER V1-FILE V2-FILE ID
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat "/sys/fs/cgroup/souk/$4/$3"; else cat "/sys/fs/cgroup/$1/souk/$4/$2"; fi
}
