#!/usr/bin/env bats
# Many at once: no lost record, no lost output, nothing left.
load helpers

setup_file() { souk_setup_file; }
teardown_file() { souk_teardown_file; }
setup() { pids=(); } # a bare `wait` would wait for bats' own watchdog, too

@test "64 runs at once all succeed, each with its own output" {
  for i in $(seq 64); do
    (souk run --rm box echo "number $i" >"$BATS_TEST_TMPDIR/$i" 2>&1; echo $? >"$BATS_TEST_TMPDIR/$i.status") &
    pids+=($!)
  done
  wait "${pids[@]}" || true
  for i in $(seq 64); do
    [ "$(cat "$BATS_TEST_TMPDIR/$i")" = "number $i" ] || { cat "$BATS_TEST_TMPDIR/$i"; return 1; }
    [ "$(cat "$BATS_TEST_TMPDIR/$i.status")" = 0 ]
  done
  run souk ps -aq
  is ""
}

@test "many detached ones at once have different ranges and names" {
  for i in $(seq 24); do souk run -d --label many box sleep 1000 >"$BATS_TEST_TMPDIR/$i" & pids+=($!); done
  wait "${pids[@]}" || true
  [ "$(souk ps -q --filter label=many | wc -l)" -eq 24 ]
  for i in $(souk ps -q --filter label=many); do souk exec "$i" awk '{print $2}' /proc/self/uid_map; done | sort -u >"$BATS_TEST_TMPDIR/ranges"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/ranges")" -eq 24 ]
  souk rm -f $(souk ps -q --filter label=many)
  [ "$(souk ps -aq | wc -l)" -eq 0 ]
}

@test "the same name at once: one wins" {
  for i in $(seq 8); do (souk create --name same box true >/dev/null 2>&1; echo $? >"$BATS_TEST_TMPDIR/s$i") & pids+=($!); done
  wait "${pids[@]}" || true
  [ "$(grep -lx 0 "$BATS_TEST_TMPDIR"/s* | wc -l)" -eq 1 ]
  souk rm same
}

@test "start, stop and rm of one instance at once end well" {
  souk run -d --name busy box sleep 1000
  for i in 1 2 3 4; do
    souk stop -t 0 busy >/dev/null 2>&1 &
    pids+=($!)
    souk start busy >/dev/null 2>&1 &
    pids+=($!)
  done
  wait "${pids[@]}" || true
  souk rm -f busy
  gone busy
  run souk system check
  status_is 0
}

@test "several loads of one archive at once" {
  souk save -o "$BATS_TEST_TMPDIR/box.tar" box
  for i in 1 2 3 4 5 6; do
    (SOUK_ROOT=$SOUK_ROOT/second SOUK_RUN=$SOUK_ROOT/second/run souk load -q -i "$BATS_TEST_TMPDIR/box.tar" >/dev/null 2>&1; echo $? >"$BATS_TEST_TMPDIR/l$i") &
    pids+=($!)
  done
  wait "${pids[@]}" || true
  [ "$(cat "$BATS_TEST_TMPDIR"/l* | sort -u)" = 0 ]
  SOUK_ROOT=$SOUK_ROOT/second SOUK_RUN=$SOUK_ROOT/second/run souk system check
  SOUK_ROOT=$SOUK_ROOT/second SOUK_RUN=$SOUK_ROOT/second/run souk system reset --all --force
}
