#!/usr/bin/env bats
# What a workload must not see or do.
load helpers

setup_file() {
  souk_setup_file
  export SYSCALLS=$BATS_FILE_TMPDIR/syscalls
  cc -static -O1 -D_GNU_SOURCE -o "$SYSCALLS" "$BATS_TEST_DIRNAME/syscalls.c"
}
teardown_file() { souk_teardown_file; }

@test "two instances have different id ranges, away from real users" {
  a=$(souk run -d box sleep 100) b=$(souk run -d box sleep 100)
  ra=$(souk exec "$a" awk '{print $2}' /proc/self/uid_map) rb=$(souk exec "$b" awk '{print $2}' /proc/self/uid_map)
  [ "$ra" -ge 1879048192 ]; [ "$rb" -ge 1879048192 ]; [ "$ra" -ne "$rb" ]
  pid=$(souk inspect -f '{{.State.Pid}}' "$a")
  [ "$(stat -c %u "/proc/$pid")" -eq "$ra" ]
  souk rm -f "$a" "$b"
}

@test "files on disk have the instance's own ids" {
  souk run --name own box sh -c 'touch /as-root; touch /as-app; chown 1000:1000 /as-app'
  id=$(souk inspect -f '{{.Id}}' own)
  [ "$(stat -c %u "$SOUK_ROOT/instances/$id/upper/as-root")" = 0 ]
  [ "$(stat -c %u:%g "$SOUK_ROOT/instances/$id/upper/as-app")" = 1000:1000 ]
  souk rm own
}

@test "no descriptor of the host is in the workload" {
  run bash -c 'exec 7</etc/passwd 8</; souk run --rm box sh -c "ls /proc/self/fd | tr \"\n\" \" \""'
  is "0 1 2 3 "
  souk run -d --name fds box sleep 100
  run bash -c 'exec 7</etc/passwd 8</; souk exec fds sh -c "ls /proc/self/fd | tr \"\n\" \" \""'
  is "0 1 2 3 "
  souk rm -f fds
}

@test "CVE-2024-21626: no working directory outside the root" {
  for n in 3 4 5 6 7 8 9 10; do
    run souk run --rm -w "/proc/self/fd/$n" box cat /etc/shadow
    [ "$status" -ne 0 ]
    run souk run --rm -w "/proc/self/fd/$n/../../.." box ls /
    [ "$status" -ne 0 ] || hasnt boot
  done
}

@test "CVE-2019-5736: the engine's own program cannot be executed or opened through /proc" {
  run souk run --rm box /proc/self/exe
  status_is 126
  ln -s /proc/self/exe "$BATS_TEST_TMPDIR/evil"
  run souk run --rm -v "$BATS_TEST_TMPDIR:/e" box /e/evil
  [ "$status" -ge 125 ]
  run souk run --rm --init box sh -c 'readlink /proc/1/exe; cat /proc/1/exe | head -c 1'
  hasnt souk
  souk run -d --name exe box sleep 100
  run souk exec exe /proc/self/exe
  status_is 126
  souk rm -f exe
}

@test "CVE-2025-31133: a masked path is not a way to write" {
  run souk run --rm box sh -c 'ls -l /proc/keys; cat /proc/keys | wc -c; echo x >/proc/sys/kernel/core_pattern'
  has "1,   3"; has "Read-only"
  mkdir -p "$BATS_TEST_TMPDIR/img/bin" "$BATS_TEST_TMPDIR/img/dev"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/img/bin/busybox"; ln -s busybox "$BATS_TEST_TMPDIR/img/bin/sh"
  ln -s /proc/sys/kernel/core_pattern "$BATS_TEST_TMPDIR/img/dev/null"
  souk import "$BATS_TEST_TMPDIR/img" evil:null
  run souk run --rm evil:null /bin/sh -c '/bin/busybox ls -l /dev/null; echo x >/proc/sys/kernel/core_pattern'
  has "1,   3"; has "Read-only"
  souk rmi evil:null
}

@test "CVE-2025-52881: /proc and /sys of an image that are symlinks are refused" {
  mkdir -p "$BATS_TEST_TMPDIR/p/bin" "$BATS_TEST_TMPDIR/p/elsewhere"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/p/bin/busybox"
  ln -s elsewhere "$BATS_TEST_TMPDIR/p/proc"
  souk import "$BATS_TEST_TMPDIR/p" evil:proc
  run souk run --rm evil:proc /bin/busybox ls /elsewhere
  status_is 125; has proc
  souk rmi evil:proc
}

@test "CVE-2025-52565: /dev, /dev/console and /dev/pts of an image that are symlinks are no way to write" {
  for name in dev dev/console dev/pts dev/shm; do
    rm -rf "$BATS_TEST_TMPDIR/d"
    mkdir -p "$BATS_TEST_TMPDIR/d/bin" "$BATS_TEST_TMPDIR/d/etc" "$(dirname "$BATS_TEST_TMPDIR/d/$name")"
    cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/d/bin/busybox"
    ln -s /proc/sys/kernel "$BATS_TEST_TMPDIR/d/$name"
    souk import "$BATS_TEST_TMPDIR/d" evil:dev
    before=$(cat /proc/sys/kernel/core_pattern)
    run souk run --rm -t evil:dev /bin/busybox sh -c 'echo "|x" >/proc/sys/kernel/core_pattern; echo "|x" >/dev/core_pattern; true'
    same "$(cat /proc/sys/kernel/core_pattern)" "$before"
    souk rmi evil:dev
  done
}

@test "nothing is mounted over /proc, which would uncover or forge what is there" {
  mkdir "$BATS_TEST_TMPDIR/fake"; echo forged >"$BATS_TEST_TMPDIR/fake/file"
  for target in /proc /proc/sys /proc/self/attr /proc/keys /x/../proc; do
    run souk run --rm -v "$BATS_TEST_TMPDIR/fake:$target" box true
    status_is 125; has "/proc"
    run souk run --rm --tmpfs "$target" box true
    status_is 125; has "/proc"
  done
  run souk run --rm -v "$BATS_TEST_TMPDIR/fake/file:/proc/meminfo:ro" box cat /proc/meminfo
  is forged
}

@test "read-only paths are not written, not even by the host's root" {
  for path in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/bus/x /proc/fs/x /proc/irq/x; do
    run souk run --rm --userns host box sh -c "echo x >$path"
    fails
  done
}

@test "no-new-privileges: a set-user-id program gives nothing" {
  mkdir -p "$BATS_TEST_TMPDIR/su/bin"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/su/bin/busybox"
  printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%%d %%d\\n", getuid(), geteuid()); return 0; }\n' >"$BATS_TEST_TMPDIR/ids.c"
  cc -static -o "$BATS_TEST_TMPDIR/su/bin/ids" "$BATS_TEST_TMPDIR/ids.c"
  chmod 4755 "$BATS_TEST_TMPDIR/su/bin/ids"
  souk import "$BATS_TEST_TMPDIR/su" suid:1
  run souk run --rm -u 1000 suid:1 /bin/ids
  is "1000 0"
  run souk run --rm -u 1000 --security-opt no-new-privileges suid:1 /bin/ids
  is "1000 1000"
  souk rmi suid:1
}

@test "the engine's own environment and files are not shown" {
  run souk run --rm box sh -c 'tr "\0" "\n" </proc/1/environ; ls -l /proc/1/fd /proc/1/cwd /proc/1/root'
  hasnt SOUK_; hasnt BATS; hasnt "$SOUK_ROOT"
}

@test "symlinks of an image lead nowhere on the host" {
  mkdir -p "$BATS_TEST_TMPDIR/s/bin"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/s/bin/busybox"; ln -s busybox "$BATS_TEST_TMPDIR/s/bin/sh"
  ln -s /etc "$BATS_TEST_TMPDIR/s/dir"; ln -s ../../../../../../etc "$BATS_TEST_TMPDIR/s/up"
  souk import "$BATS_TEST_TMPDIR/s" evil:links
  mkdir "$BATS_TEST_TMPDIR/src"; touch "$BATS_TEST_TMPDIR/src/mark"
  run souk run --rm -v "$BATS_TEST_TMPDIR/src:/dir/sub" -v "$BATS_TEST_TMPDIR/src:/up/sub2" evil:links /bin/busybox ls /etc/sub /etc/sub2
  status_is 0; has mark
  [ ! -e /etc/sub ]; [ ! -e /etc/sub2 ]
  souk rmi evil:links
}

@test "hostile /etc/passwd: a FIFO, a directory, a link to the host" {
  for kind in fifo dir link; do
    rm -rf "$BATS_TEST_TMPDIR/h"; mkdir -p "$BATS_TEST_TMPDIR/h/bin" "$BATS_TEST_TMPDIR/h/etc"
    cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/h/bin/busybox"
    case $kind in
      fifo) mkfifo "$BATS_TEST_TMPDIR/h/etc/passwd" ;;
      dir) mkdir "$BATS_TEST_TMPDIR/h/etc/passwd" ;;
      link) ln -s /proc/self/root/etc/passwd "$BATS_TEST_TMPDIR/h/etc/passwd" ;;
    esac
    souk import "$BATS_TEST_TMPDIR/h" evil:passwd
    run timeout 20 souk run --rm -u daemon evil:passwd /bin/busybox true
    status_is 125
    souk rmi evil:passwd
  done
}

@test "seccomp: calls that a container must not have are denied; unconfined takes the filter away" {
  souk run --rm -v "$SYSCALLS:/syscalls:ro" box /syscalls >"$BATS_TEST_TMPDIR/filtered"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/filtered")" -ge 25 ]
  not grep -vE ' EPERM$|^clone3 ENOSYS$' "$BATS_TEST_TMPDIR/filtered"
  run souk run --rm --security-opt seccomp=unconfined -v "$SYSCALLS:/syscalls:ro" box /syscalls
  has "keyctl ok"; has "unshare ok"; has "personality ok"; hasnt "clone3 ENOSYS"
  # the same in a workload that is entered, and not with all privileges
  souk run -d --name calls -v "$SYSCALLS:/syscalls:ro" box sleep 1000
  run souk exec calls /syscalls
  same "$output" "$(cat "$BATS_TEST_TMPDIR/filtered")"
  souk rm -f calls
}

@test "mounts, user namespaces and the host's devices are denied" {
  run souk run --rm box mount -t tmpfs x /tmp
  fails
  run souk run --rm box unshare -U true
  fails
  run souk run --rm box sh -c 'mknod /dev/sda b 8 0 && head -c 1 /dev/sda'
  [ "$status" -ne 0 ]
  run souk run --rm --userns host box sh -c 'mknod /sda b 8 0; head -c 1 /sda'
  [ "$status" -ne 0 ]; has "not permitted"
}

@test "devices: the default ones work, others do not" {
  run souk run --rm box sh -c 'head -c 4 /dev/zero | wc -c; echo x >/dev/null; head -c 1 /dev/urandom | wc -c; ls /dev'
  has 4; has 1; hasnt sda; hasnt kvm; hasnt mem
}

@test "/dev/stdout can be opened by root and by a user" {
  run souk run --rm box sh -c 'echo to-stdout >/dev/stdout'
  is to-stdout
  run souk run --rm -u app box sh -c 'echo as-app >/dev/stdout; echo err >/dev/stderr'
  has as-app; has err
}

@test "processes, mounts and cgroups of the host are not shown" {
  run souk run --rm box sh -c 'ls /proc | grep -c "^[0-9]"'
  [ "$output" -le 4 ]
  run souk run --rm box sh -c 'cat /proc/mounts; cat /proc/self/cgroup'
  hasnt "$SOUK_ROOT/instances"; hasnt /boot; hasnt souk/
}

@test "an ended engine takes its foreground workload with it" {
  souk run --rm --name orphan box sleep 1000 &
  pid=$!
  eventually running orphan
  inner=$(souk inspect -f '{{.State.Pid}}' orphan)
  kill -9 "$pid"
  eventually sh -c "! kill -0 $inner"
  eventually gone orphan
}

@test "the unpacker is confined: a compressed path escape stays inside" {
  mkdir "$BATS_TEST_TMPDIR/t"; echo evil >"$BATS_TEST_TMPDIR/t/f"
  tar -cf "$BATS_TEST_TMPDIR/up.tar" --transform 's,^f,../../../../../tmp/souk-escaped,' -C "$BATS_TEST_TMPDIR/t" -P f
  run souk import "$BATS_TEST_TMPDIR/up.tar" evil:up
  [ "$status" -ne 0 ]
  [ ! -e /tmp/souk-escaped ]
}

@test "records, which hold environments, are root's alone" {
  mkdir -m 755 "$BATS_TEST_TMPDIR/store"
  (umask 022; SOUK_ROOT=$BATS_TEST_TMPDIR/store SOUK_RUN=$BATS_TEST_TMPDIR/store/run souk ps -a)
  for f in "$BATS_TEST_TMPDIR"/store/db.sqlite*; do [ "$(stat -c %a "$f")" = 600 ] || { ls -l "$f"; return 1; }; done
}
