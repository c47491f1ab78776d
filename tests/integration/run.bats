#!/usr/bin/env bats
# souk run, flag by flag, as a user would.
load helpers

setup_file() { souk_setup_file; }
teardown_file() { souk_teardown_file; }

@test "output, arguments and status of the workload" {
  run souk run --rm box echo "a  b" c
  status_is 0; is "a  b c"
  run souk run --rm box sh -c 'exit 42'
  status_is 42
  run souk run --rm --init box sh -c 'kill -9 $$'
  status_is 137
}

@test "126, 127 and 125" {
  run souk run --rm box /no/such/program
  status_is 127; has "/no/such/program"
  run souk run --rm box nosuchprogram
  status_is 127; has 'executable file not found in $PATH'
  run souk run --rm box /etc/passwd
  status_is 126; has "/etc/passwd"
  run souk run --rm box /etc
  status_is 126
  run souk run --rm no-such-image true
  status_is 125; has "no-such-image"
  run souk run --rm --no-such-flag box true
  status_is 125; has "unknown"
  run souk run --rm --memroy 1g box true
  status_is 125; has "--memory"
}

@test "standard output and error stay apart" {
  souk run --rm box sh -c 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = out ]
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
}

@test "-i gives standard input, and nothing without it" {
  run bash -c 'echo hello | souk run --rm -i box cat'
  is hello
  run bash -c 'echo hello | souk run --rm box cat'
  status_is 0; is ""
}

@test "five megabytes through a workload stay the same" {
  head -c 5242880 /dev/urandom >"$BATS_TEST_TMPDIR/in"
  souk run --rm -i box cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
  cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "a reader that is slow gets all, also of a workload that has ended" {
  for _ in 1 2 3 4 5; do
    run bash -c 'head -c 3000000 /dev/zero | souk run --rm -i box cat | (sleep 0.3; wc -c)'
    is 3000000
  done
  for _ in $(seq 30); do
    run bash -c 'head -c 1048576 /dev/zero | souk run --rm -i box cat | wc -c'
    is 1048576
  done
}

@test "a closed pipe ends the workload" {
  run bash -c 'timeout 20 souk run --rm box yes 2>/dev/null | head -n 2'
  status_is 0; [ "${#lines[@]}" -eq 2 ]
}

@test "--rm removes, without it the instance stays" {
  souk run --rm --name gone box true
  run souk inspect gone
  [ "$status" -ne 0 ]
  souk run --name stays box true
  run souk inspect -f '{{.State.Status}} {{.State.ExitCode}}' stays
  is "exited 0"
  souk rm stays
}

@test "-d prints the id; --cidfile keeps it" {
  run souk run -d --name d1 --cidfile "$BATS_TEST_TMPDIR/cid" box sleep 100
  status_is 0
  [ "${#output}" -eq 64 ]
  [ "$(cat "$BATS_TEST_TMPDIR/cid")" = "$output" ]
  running d1
  run souk run --rm --cidfile "$BATS_TEST_TMPDIR/cid" box true
  status_is 125; has "cid"
  souk rm -f d1
}

@test "a name is unique, and checked" {
  souk run -d --name taken box sleep 100
  run souk run --rm --name taken box true
  status_is 125; has "taken"
  run souk run --rm --name '-bad' box true
  status_is 125
  run souk run --rm --name 'a/b' box true
  status_is 125; has "name"
  souk rm -f taken
}

@test "-e, --env-file: environment" {
  printf '# comment\nFROM_FILE=yes=1\nTAKEN\n' >"$BATS_TEST_TMPDIR/env"
  TAKEN=host run souk run --rm -e A=1 -e TAKEN -e NOTHERE --env-file "$BATS_TEST_TMPDIR/env" box env
  has "A=1"; has "FROM_FILE=yes=1"; has "TAKEN=host"; hasnt NOTHERE; has "HOME=/root"; has "HOSTNAME="; has "PATH="
  printf 'BAD NAME=1\n' >"$BATS_TEST_TMPDIR/env"
  run souk run --rm --env-file "$BATS_TEST_TMPDIR/env" box env
  status_is 125; has "env:1"
}

@test "-w: working directory, made when missing" {
  run souk run --rm -w /tmp box pwd
  is /tmp
  run souk run --rm -w /made/for/me box pwd
  is /made/for/me
  run souk run --rm -w relative box pwd
  status_is 125
}

@test "-u: names, numbers, groups" {
  run souk run --rm box id -u
  is 0
  run souk run --rm -u app box sh -c 'id -u; id -g; echo $HOME'
  has 1000
  run souk run --rm -u 12345:54321 box sh -c 'echo $(id -u) $(id -g)'
  is "12345 54321"
  run souk run --rm -u nobodyknows box true
  status_is 125; has "nobodyknows"
  run souk run --rm -u app --group-add 77 --group-add root box id -G
  has 77; has 0
}

@test "--entrypoint" {
  run souk run --rm --entrypoint echo box a b
  is "a b"
  run souk run --rm --entrypoint '' box echo c
  is c
}

@test "-v: a directory, read-only, a file, made when missing" {
  mkdir "$BATS_TEST_TMPDIR/dir"; echo data >"$BATS_TEST_TMPDIR/dir/file"
  run souk run --rm -v "$BATS_TEST_TMPDIR/dir:/mnt" box cat /mnt/file
  is data
  souk run --rm -v "$BATS_TEST_TMPDIR/dir:/mnt" box sh -c 'echo new >/mnt/new && chown 5:6 /mnt/new'
  [ "$(cat "$BATS_TEST_TMPDIR/dir/new")" = new ]
  [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/dir/new")" = 5:6 ]
  run souk run --rm -v "$BATS_TEST_TMPDIR/dir:/mnt:ro" box sh -c 'echo x >/mnt/x'
  [ "$status" -ne 0 ]; has "Read-only"
  run souk run --rm -v "$BATS_TEST_TMPDIR/dir/file:/etc/motd" box cat /etc/motd
  is data
  souk run --rm -v "$BATS_TEST_TMPDIR/missing:/m" box true
  [ -d "$BATS_TEST_TMPDIR/missing" ]
  run souk run --rm -v named:/x box true
  status_is 125; has "not supported yet"
}

@test "--mount: bind and tmpfs" {
  mkdir "$BATS_TEST_TMPDIR/m"; echo m >"$BATS_TEST_TMPDIR/m/f"
  run souk run --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/m,dst=/m,readonly" box sh -c 'cat /m/f; touch /m/g'
  has m; has "Read-only"
  run souk run --rm --mount type=bind,src=/no/such/dir,dst=/m box true
  status_is 125; has "/no/such/dir"
  run souk run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700 box sh -c 'stat -c %a /t; grep " /t " /proc/mounts'
  has 700; has "size=1024k"
}

@test "--tmpfs keeps what the image has there" {
  run souk run --rm --tmpfs /etc:size=1m box sh -c 'grep -c root /etc/passwd; grep " /etc " /proc/mounts'
  has 1; has "tmpfs /etc tmpfs"
}

@test "--read-only and --shm-size" {
  run souk run --rm --read-only box sh -c 'touch /x; touch /dev/shm/y && echo shm-ok'
  has "Read-only"; has shm-ok
  run souk run --rm --shm-size 2m box grep /dev/shm /proc/mounts
  has "size=2048k"
}

@test "limits reach the control groups" {
  id=$(souk run -d -m 64m --pids-limit 33 --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 box sleep 100)
  [ "$(cgroup_file memory memory.limit_in_bytes memory.max "$id")" = 67108864 ]
  [ "$(cgroup_file pids pids.max pids.max "$id")" = 33 ]
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    [ "$(cat "/sys/fs/cgroup/souk/$id/cpu.max")" = "50000 100000" ]
  else
    [ "$(cat "/sys/fs/cgroup/cpu/souk/$id/cpu.cfs_quota_us")" = 50000 ]
    [ "$(cat "/sys/fs/cgroup/cpu/souk/$id/cpu.shares")" = 512 ]
  fi
  [ "$(cgroup_file cpuset cpuset.cpus cpuset.cpus "$id")" = 0 ]
  souk rm -f "$id"
}

@test "a workload over its memory limit is killed, and that is told" {
  run souk run --name oom -m 16m --memory-swap 16m box sh -c 'head -c 200m /dev/zero | tail'
  [ "$status" -ne 0 ]
  run souk inspect -f '{{.State.OOMKilled}}' oom
  is true
  souk rm oom
}

@test "--pids-limit stops a fork bomb" {
  run souk run --rm --pids-limit 10 box sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait'
  has "fork"
}

@test "wrong limits are refused by name" {
  run souk run --rm -m 1q box true
  status_is 125; has "--memory"
  run souk run --rm --memory-swap 1g box true
  status_is 125; has "--memory-swap"
  run souk run --rm --cpus 9999 box true
  status_is 125; has "--cpus"
  run souk run --rm --cpuset-cpus 9999 box true
  status_is 125; has "cpuset"
}

@test "--device" {
  run souk run --rm --device /dev/fuse:/dev/myfuse:r box sh -c 'ls -l /dev/myfuse'
  if [ -e /dev/fuse ]; then has "10, 229"; else status_is 125; fi
  run souk run --rm --device /no/such/device box true
  status_is 125; has "/no/such/device"
}

@test "--cap-add, --cap-drop, --privileged" {
  run souk run --rm box grep CapEff /proc/self/status
  has 00000000a80425fb
  run souk run --rm --cap-drop ALL box grep CapEff /proc/self/status
  has 0000000000000000
  run souk run --rm --cap-drop ALL --cap-add NET_ADMIN box grep CapEff /proc/self/status
  has 0000000000001000
  run souk run --rm --cap-add SYS_TIME box grep CapEff /proc/self/status
  has 00000000aa0425fb
  run souk run --rm --privileged box sh -c 'grep CapEff /proc/self/status; grep Seccomp: /proc/self/status'
  hasnt 00000000a80425fb; has "Seccomp:	0"
  run souk run --rm --cap-add NOSUCH box true
  status_is 125; has NOSUCH
}

@test "--security-opt" {
  run souk run --rm box grep -E 'Seccomp:|NoNewPrivs' /proc/self/status
  has "Seccomp:	2"; has "NoNewPrivs:	0"
  run souk run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges box grep -E 'Seccomp:|NoNewPrivs' /proc/self/status
  has "Seccomp:	0"; has "NoNewPrivs:	1"
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]}' >"$BATS_TEST_TMPDIR/p.json"
  run souk run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" box mkdir /x
  [ "$status" -ne 0 ]; has "Permission denied"
  echo '{"defaultAction":"NO"}' >"$BATS_TEST_TMPDIR/p.json"
  run souk run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" box true
  status_is 125; has "defaultAction"
}

@test "--userns: own by default, the host's on request" {
  run souk run --rm box cat /proc/self/uid_map
  hasnt 4294967295
  run souk run --rm --userns host box sh -c 'cat /proc/self/uid_map; touch /file; stat -c %u /file'
  has 4294967295
}

@test "--pid, --ipc, --uts" {
  run souk run --rm box sh -c 'echo $$'
  is 1
  run souk run --rm --pid host box sh -c 'echo $$'
  [ "$output" -gt 1 ]
  run souk run --rm --uts host box hostname
  is "$(hostname)"
  [ "$(souk run --rm --ipc host box readlink /proc/self/ns/ipc)" = "$(readlink /proc/self/ns/ipc)" ]
  [ "$(souk run --rm box readlink /proc/self/ns/ipc)" != "$(readlink /proc/self/ns/ipc)" ]
}

@test "--network none, host, container:NAME" {
  run souk run --rm --network none box sh -c 'ls /sys/class/net; ip addr show lo'
  has lo; has 127.0.0.1; hasnt eth
  [ "$(souk run --rm --network host box readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
  souk run -d --name net1 box sleep 100
  [ "$(souk run --rm --network container:net1 box readlink /proc/self/ns/net)" = "$(souk exec net1 readlink /proc/self/ns/net)" ]
  souk rm -f net1
  run souk run --rm --network container:net1 box true
  status_is 125; has net1
  run souk run --rm --network bridge box true
  status_is 125; has "no bridge networks yet"
}

@test "--hostname, --add-host, --dns" {
  run souk run --rm --hostname shop --add-host db:10.1.2.3 --dns 9.9.9.9 --dns-search example.org box sh -c 'hostname; cat /etc/hosts /etc/hostname /etc/resolv.conf'
  has shop; has "10.1.2.3	db"; has "nameserver 9.9.9.9"; has "search example.org"
}

@test "--label, --stop-signal, --stop-timeout in inspect" {
  souk run -d --name l1 --label a=b --label c --stop-signal INT --stop-timeout 3 box sleep 100
  run souk inspect -f '{{.Config.Labels.a}} {{.Config.StopSignal}} {{.Config.StopTimeout}}' l1
  is "b INT 3"
  run souk ps -q --filter label=a=b
  [ "${#lines[@]}" -eq 1 ]
  souk rm -f l1
}

@test "--init reaps and passes the status on" {
  run souk run --rm --init box sh -c 'echo $$; exit 5'
  status_is 5
  [ "$output" -gt 1 ]
  run souk run --rm --init box sh -c '(sleep 0.2 &) ; sleep 0.6; ps | grep -c "\[sleep\]" || true'
  has 0
}

@test "--ulimit and --sysctl" {
  run souk run --rm --ulimit nofile=100:200 box sh -c 'ulimit -n; ulimit -Hn'
  has 100; has 200
  run souk run --rm --sysctl net.core.somaxconn=77 box cat /proc/sys/net/core/somaxconn
  is 77
  run souk run --rm --sysctl kernel.panic=1 box true
  status_is 125; has kernel.panic
}

@test "--isolation vm is refused with the reason" {
  run souk run --rm --isolation vm box true
  status_is 125; has "not supported yet"
  run souk run --rm --isolation container box true
  status_is 0
}

@test "--dry-run prints the plan and starts nothing" {
  run souk run --dry-run --name plan -m 64m box echo hi
  status_is 0; has "clone: new namespaces"; has "memory=67108864"; has "execute echo hi"
  gone plan
}

@test "signals to the command reach the workload" {
  souk run --rm --name sig box sh -c 'trap "echo got; exit 9" TERM; echo up; while true; do sleep 0.1; done' >"$BATS_TEST_TMPDIR/out" &
  pid=$!
  eventually grep -q up "$BATS_TEST_TMPDIR/out"
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  status_is 9
  grep -q got "$BATS_TEST_TMPDIR/out"
}

@test "the image is the same after all that" {
  run souk run --rm box sh -c 'ls /file /made /x 2>&1; cat /etc/motd 2>&1'
  hasnt data
  souk system check
}
