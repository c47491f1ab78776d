#!/usr/bin/env bats
# A real service from Debian's packages, the way somebody would run one.
load helpers

setup_file() { souk_setup_file; }
teardown_file() { souk_teardown_file; }

@test "nginx runs detached on the host's network, is limited, logs, is entered, stopped and removed" {
  [ -z "${SOUK_SANITIZED:-}" ] || skip "making the image takes long under sanitizers; the release build does it"
  command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
  souk image bootstrap --quiet --include nginx-light --name nginx:debian debian:bookworm
  port=$((20000 + RANDOM % 20000))
  mkdir -p "$BATS_FILE_TMPDIR/conf" "$BATS_FILE_TMPDIR/www"
  echo "hello from souk" >"$BATS_FILE_TMPDIR/www/index.html"
  printf 'daemon off;\nworker_processes 1;\nuser www-data;\nerror_log /dev/stderr;\nevents {}\nhttp { access_log /dev/stdout; server { listen 127.0.0.1:%s; root /www; } }\n' \
    "$port" >"$BATS_FILE_TMPDIR/conf/nginx.conf"
  id=$(souk run -d --name web --network host -m 128m --pids-limit 50 -v "$BATS_FILE_TMPDIR/conf/nginx.conf:/etc/nginx/nginx.conf:ro" \
    -v "$BATS_FILE_TMPDIR/www:/www:ro" nginx:debian nginx)
  eventually curl -fsS "http://127.0.0.1:$port/"
  [ "$(curl -fsS "http://127.0.0.1:$port/")" = "hello from souk" ]
  eventually sh -c 'souk logs web 2>&1 | grep -q "GET / HTTP"'
  [ "$(cgroup_file memory memory.limit_in_bytes memory.max "$id")" = 134217728 ]
  run souk exec web sh -c 'ps ax 2>/dev/null | grep -c nginx || ls /proc | grep -c "^[0-9]"'
  status_is 0
  run souk exec web cat /etc/debian_version
  has 12
  souk stop web
  not curl -fsS "http://127.0.0.1:$port/" 2>/dev/null
  souk rm web
  gone web
}

@test "apt works in it, and the image is the same afterwards" {
  [ -z "${SOUK_SANITIZED:-}" ] || skip "making the image takes long under sanitizers; the release build does it"
  command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
  before=$(sha256sum "$SOUK_ROOT"/layers/*.erofs)
  run souk run --rm nginx:debian sh -c 'dpkg --remove --force-all nginx-light >/dev/null 2>&1; useradd -m tester && su tester -c "touch ~/file" && stat -c %U /home/tester/file'
  has tester
  [ "$(sha256sum "$SOUK_ROOT"/layers/*.erofs)" = "$before" ]
}
