#!/usr/bin/env bats
# kill -9 at each fault point: afterwards `souk system check` says what is amiss, --repair mends it, and all goes on.
load helpers

setup_file() { souk_setup_file; }
teardown_file() { souk_teardown_file; }

# A child of the dead command holds its lock until it has noticed the death: till then there is nothing to mend.
mended() { souk system check --repair && souk system check; }

# The command dies at POINT; check, repair, check again; then a run works.
crash() { # POINT COMMAND...
  local point=$1
  shift
  SOUK_FAULT=$point run timeout 30 "$@" </dev/null
  [ "$status" -ne 0 ] || { echo "$point: the command did not die: $output"; return 1; }
  eventually mended || { echo "$point: $(souk system check)"; return 1; }
  run souk run --rm box echo alive
  [ "$output" = alive ] || { echo "$point: $output"; return 1; }
}

@test "run in the foreground dies at each step" {
  for point in engine.after_record engine.after_dirs container.after_clone container.after_cgroup container.before_go engine.after_apply \
      engine.before_reap engine.after_destroy engine.between_record_and_dir store.instance_dir store.instance_insert store.instance_deleted \
      store.instance_dir_removed; do
    crash "$point" souk run --rm --name victim box true
    run souk ps -aq
    is ""
  done
}

@test "run without --rm leaves a record that says what happened" {
  for point in engine.after_dirs container.before_go engine.after_apply; do
    crash "$point" souk run --name victim box true
    run souk inspect -f '{{.State.Status}}' victim
    is exited
    souk rm victim
  done
}

@test "run -d dies at each step" {
  for point in engine.before_commit engine.before_shim_exec; do
    SOUK_FAULT=$point run timeout 30 souk run -d --name victim box sleep 1000
    eventually souk system check --repair
    souk rm -f victim || true
    run souk ps -aq
    is ""
  done
}

@test "create and rm die" {
  crash engine.before_record souk create --name victim box true
  souk create --name victim box true
  crash engine.between_record_and_dir souk rm victim
  run souk ps -aq
  is ""
}

@test "the first use of a store dies; the second makes it" {
  SOUK_ROOT=$SOUK_ROOT/first SOUK_RUN=$SOUK_ROOT/first/run SOUK_FAULT=store.schema run souk ps
  fails
  SOUK_ROOT=$SOUK_ROOT/first SOUK_RUN=$SOUK_ROOT/first/run run souk ps
  status_is 0
  rm -rf "$SOUK_ROOT/first"
}

@test "mounting a layer dies" {
  souk system reset
  crash store.layer_mount souk run --rm box true
}

@test "rmi dies after its record has gone" {
  mkdir "$BATS_TEST_TMPDIR/rmi"; echo y >"$BATS_TEST_TMPDIR/rmi/y"
  souk import "$BATS_TEST_TMPDIR/rmi" going:1
  crash store.image_deleted souk rmi going:1
  run souk images -q going
  is ""
}

@test "the engine is killed anywhere in a start, a hundred times" {
  for i in $(seq 100); do
    souk run --rm box true >/dev/null 2>&1 &
    pid=$!
    sleep "0.00$((i % 10))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" || true
  done
  eventually souk system check --repair
  run souk system check
  status_is 0
  run souk ps -aq
  is ""
}

@test "a shim that is killed takes its workload with it, and the record learns of it" {
  souk run -d --name victim box sleep 1000
  inner=$(souk inspect -f '{{.State.Pid}}' victim)
  shim=$(awk '/^PPid/{print $2}' "/proc/$inner/status")
  kill -9 "$shim"
  eventually sh -c "! kill -0 $inner"
  eventually exited victim
  run souk inspect -f '{{.State.ExitCode}} {{.State.Error}}' victim
  has 137; has monitor
  run souk system check
  status_is 0
  souk start victim
  running victim
  souk rm -f victim
}

@test "a shim dies around writing the exit status" {
  for point in monitor.before_exit_file monitor.after_exit_file; do
    SOUK_FAULT=$point souk run -d --name victim box true
    eventually exited victim
    eventually souk system check --repair
    souk rm victim
  done
}

@test "load and import die at each step; a second try works" {
  souk save -o "$BATS_TEST_TMPDIR/box.tar" box
  mkdir "$BATS_TEST_TMPDIR/d"; echo x >"$BATS_TEST_TMPDIR/d/x"
  for point in store.staging_made store.layer_adopt store.blob_adopt store.image_put; do
    crash "$point" souk import "$BATS_TEST_TMPDIR/d" crashed:1
    souk import "$BATS_TEST_TMPDIR/d" crashed:1
    crash store.retire souk rmi crashed:1
    souk rmi crashed:1 || true
  done
  run souk system check
  status_is 0
}

@test "the unpacker is killed: the message says so, nothing is left" {
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  souk load -i "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/out" 2>&1 &
  pid=$!
  exec 9>"$BATS_TEST_TMPDIR/pipe"
  eventually pgrep -P "$pid" souk-transfer
  kill -9 "$(pgrep -P "$pid" souk-transfer)"
  status=0
  wait "$pid" || status=$?
  exec 9>&-
  [ "$status" -ne 0 ]
  grep -q killed "$BATS_TEST_TMPDIR/out"
  run souk system check
  status_is 0
}

@test "files that belong to nothing are found and removed" {
  mkdir -p "$SOUK_ROOT/instances/$(printf '0%.0s' $(seq 64))/upper" "$SOUK_ROOT/tmp/dead"
  touch "$SOUK_ROOT/layers/$(printf 'a%.0s' $(seq 64)).erofs"
  run souk system check
  [ "$status" -ne 0 ]; has "found:"
  run souk system check --repair
  status_is 0; has "repaired:"
  run souk system check
  status_is 0
}

@test "a damaged layer is told by name" {
  souk system reset
  layer=$(ls "$SOUK_ROOT"/layers/*.erofs | head -n 1)
  cp "$layer" "$BATS_TEST_TMPDIR/good"
  truncate -s 1000 "$layer"
  run souk system check
  [ "$status" -ne 0 ]; has layer
  run souk run --rm box true
  status_is 125; has "$(basename "$layer")"
  cp "$BATS_TEST_TMPDIR/good" "$layer"
  run souk run --rm box echo well
  is well
}

@test "a damaged database is told by name" {
  mkdir "$BATS_TEST_TMPDIR/store"
  head -c 8192 /dev/urandom >"$BATS_TEST_TMPDIR/store/db.sqlite"
  SOUK_ROOT=$BATS_TEST_TMPDIR/store SOUK_RUN=$BATS_TEST_TMPDIR/store/run run souk ps
  [ "$status" -ne 0 ]; has db.sqlite
}
