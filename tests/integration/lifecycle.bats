#!/usr/bin/env bats
# create start stop kill rm ps logs exec attach wait inspect export, and what the records say in between.
load helpers

setup_file() { souk_setup_file; }
teardown_file() { souk_teardown_file; }

@test "create, start, wait, logs, start again, rm" {
  run souk create --name c1 box sh -c 'echo run >>/count; wc -l </count; exit 3'
  status_is 0
  run souk ps -a --filter name=c1
  has Created
  souk start c1
  run souk wait c1
  is 3
  run souk logs c1
  is 1
  run souk start -a c1
  status_is 3; has 2
  run souk logs c1
  has 1; has 2
  souk rm c1
  gone c1
}

@test "the writable layer stays between starts, and apart from others" {
  souk create --name w1 box sh -c 'test -e /mine && echo again; touch /mine'
  souk start -a w1
  run souk start -a w1
  is again
  run souk run --rm box ls /mine
  [ "$status" -ne 0 ]
  souk rm w1
}

@test "ps: running ones, all, quiet, filters, formats" {
  souk run -d --name p1 box sleep 100
  souk create --name p2 box true
  run souk ps
  has p1; hasnt p2; has "INSTANCE ID"; has "Up "
  run souk ps -a
  has p1; has p2
  run souk ps -aq
  [ "${#lines[@]}" -eq 2 ]
  run souk ps -a --filter status=created --format '{{.Names}}'
  is p2
  run souk ps --format json
  echo "$output" | jq -e '.Names == "p1"'
  run souk ps --filter nonsense=1
  [ "$status" -ne 0 ]; has nonsense
  souk rm -f p1 p2
}

@test "stop: signal, then the hard way; of what does not run" {
  souk run -d --name s1 box sh -c 'trap "exit 7" TERM; while true; do sleep 0.1; done'
  eventually souk exec s1 true
  souk stop s1
  run souk inspect -f '{{.State.ExitCode}}' s1
  is 7
  souk stop s1
  souk run -d --name s2 box sleep 100
  souk stop -t 1 s2
  run souk inspect -f '{{.State.ExitCode}}' s2
  is 137
  run souk stop nosuch
  [ "$status" -ne 0 ]; has nosuch
  souk rm s1 s2
}

@test "kill sends any signal" {
  souk run -d --name k1 box sh -c 'trap "echo usr1" USR1; echo up; while true; do sleep 0.1; done'
  eventually sh -c 'souk logs k1 | grep up'
  souk kill -s USR1 k1
  eventually sh -c 'souk logs k1 | grep usr1'
  souk kill k1
  eventually exited k1
  run souk kill k1
  [ "$status" -ne 0 ]; has "not running"
  souk rm k1
}

@test "rm of a running instance needs --force" {
  souk run -d --name r1 box sleep 100
  run souk rm r1
  [ "$status" -ne 0 ]; has force
  run souk rm nosuch
  [ "$status" -ne 0 ]; has nosuch
  souk rm -f r1
  gone r1
}

@test "ids can be shortened, and are ambiguous when too short" {
  id=$(souk run -d box sleep 100)
  run souk inspect -f '{{.Id}}' "${id:0:12}"
  is "$id"
  souk rm -f "${id:0:10}"
}

@test "logs: streams, tail, follow, since, timestamps" {
  souk run --name l1 box sh -c 'for i in 1 2 3 4 5; do echo line $i; done; echo oops >&2'
  run souk logs --tail 2 l1
  has oops; hasnt "line 3"
  souk logs l1 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 5 ]
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = oops ]
  run souk logs -t --tail 1 l1
  [[ "$output" =~ ^20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T ]]
  run souk logs --since 2000-01-01T00:00:00Z l1
  has "line 1"
  run souk logs --until 2000-01-01T00:00:00Z l1
  is ""
  souk run -d --name l2 box sh -c 'sleep 0.5; echo late; sleep 0.5; echo later'
  run timeout 20 souk logs -f l2
  status_is 0; has late; has later
  souk rm l1 l2
}

@test "logs are capped" {
  souk run -d --name yes box sh -c 'yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 60000000'
  eventually exited yes
  id=$(souk inspect -f '{{.Id}}' yes)
  [ "$(cat "$SOUK_ROOT/instances/$id"/log* | wc -c)" -le $((31 * 1024 * 1024)) ]
  souk rm yes
}

@test "exec: status, environment, user, directory, input" {
  souk run -d --name e1 -e A=1 box sleep 100
  run souk exec e1 sh -c 'exit 5'
  status_is 5
  run souk exec -e B=2 -w /tmp -u app e1 sh -c 'echo $A$B $(pwd) $(id -u)'
  is "12 /tmp 1000"
  run bash -c 'echo in | souk exec -i e1 cat'
  is in
  run souk exec e1 nosuch
  status_is 127
  run souk exec e1 /etc/passwd
  status_is 126
  run souk exec -d e1 sh -c 'echo done >/tmp/detached'
  status_is 0
  eventually souk exec e1 test -s /tmp/detached
  run souk exec nosuch true
  [ "$status" -ne 0 ]; has nosuch
  run souk exec e1 sh -c 'readlink /proc/self/ns/net; readlink /proc/1/ns/net'
  [ "${lines[0]}" = "${lines[1]}" ]
  run souk exec e1 grep -E 'CapEff|Seccomp:' /proc/self/status
  has 00000000a80425fb; has "Seccomp:	2"
  run souk exec --privileged e1 grep CapEff /proc/self/status
  hasnt 00000000a80425fb
  souk stop -t 0 e1
  run souk exec e1 true
  [ "$status" -ne 0 ]; has "not running"
  souk rm e1
}

@test "attach sees the output and passes input on" {
  souk run -d -i --name a1 box sh -c 'while read x; do echo "got $x"; done; echo end'
  run bash -c '(echo one; sleep 1) | timeout 3 souk attach --sig-proxy=false a1'
  has "got one"
  souk rm -f a1
}

@test "a name that is not there is told by each verb" {
  for verb in logs wait attach start kill export; do
    run souk "$verb" nosuch
    fails; has nosuch
  done
}

@test "several on one command line; one that is wrong does not stop the others" {
  souk create --name m1 box true
  souk create --name m2 box true
  run souk start m1 nosuch m2
  fails; has m1; has m2; has nosuch
  run souk wait m1 m2
  is "0
0"
  run souk rm m1 nosuch m2
  fails; has nosuch
  gone m1; gone m2
}

@test "ps: --no-trunc, filters by name, image and status" {
  souk run --name f1 box sh -c 'exit 3' || true
  souk run --name f2 box true
  run souk ps -aq --filter status=exited
  [ "${#lines[@]}" -eq 2 ]
  run souk ps -a --filter ancestor=box --format '{{.Names}}'
  has f1; has f2
  run souk ps -a --filter name=f1 --format '{{.Names}} {{.Status}}'
  has "f1 Exited (3)"; hasnt f2
  run souk ps -aq --no-trunc
  [ "${#lines[0]}" -eq 64 ]
  souk rm f1 f2
}

@test "detached workloads outlive the command and its session" {
  setsid sh -c 'souk run -d --name s9 box sh -c "echo started; sleep 1000"' >/dev/null
  eventually sh -c 'souk logs s9 | grep started'
  running s9
  souk rm -f s9
}

@test "wait returns when an instance ends, also one with --rm" {
  souk run -d --name wt --rm box sh -c 'sleep 1; exit 4'
  run timeout 20 souk wait wt
  is 4
  eventually gone wt
}

@test "inspect has what people's templates ask for" {
  souk run -d --name i1 -v /tmp:/t:ro -m 32m box sleep 100
  souk inspect i1 | jq -e '.[0] | .State.Running and .HostConfig.Memory == 33554432 and .Mounts[0].Destination == "/t" and .Mounts[0].RW == false
    and .Config.Cmd == ["sleep", "100"] and .Path == "sleep" and (.State.Pid > 1)'
  run souk inspect nosuch
  [ "$status" -ne 0 ]; has nosuch
  souk rm -f i1
}

@test "export is a tar of the merged root" {
  souk run --name x1 box sh -c 'echo exported >/file; rm /etc/group'
  souk export x1 >"$BATS_TEST_TMPDIR/x.tar"
  tar tf "$BATS_TEST_TMPDIR/x.tar" >"$BATS_TEST_TMPDIR/list"
  grep -qx 'file\|./file' "$BATS_TEST_TMPDIR/list"
  grep -q 'bin/busybox' "$BATS_TEST_TMPDIR/list"
  not grep -q 'etc/group' "$BATS_TEST_TMPDIR/list"
  [ "$(tar xOf "$BATS_TEST_TMPDIR/x.tar" --wildcards '*file' | head -n 1)" = exported ]
  souk rm x1
}

@test "a start that failed is told by ps and inspect" {
  run souk run --name f1 box nosuch
  status_is 127
  run souk inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' f1
  has "exited 127"; has nosuch
  souk rm f1
}

@test "nothing is amiss after all that" {
  run souk system check
  status_is 0
  run souk ps -aq
  is ""
}
