#!/usr/bin/env bats
# The same programs under another kernel, on pure control groups v2, in a guest (QEMU's own emulation: slow, everywhere).
load ../integration/helpers

setup_file() {
  G=$BATS_FILE_TMPDIR
  export G
  if ! command -v qemu-system-x86_64 >/dev/null; then echo "qemu-system-x86_64 is not installed" >"$G/skip"
  elif [ "$(uname -m)" != x86_64 ]; then echo "the guest is made for x86_64" >"$G/skip"
  elif ! why=$(bash "$BATS_TEST_DIRNAME/make-guest" "$SOUK_BUILD" "$G" 2>&1); then echo "${why:-the guest cannot be made}" | tail -n 1 >"$G/skip"
  else
    timeout -k 5 600 qemu-system-x86_64 -M pc -cpu max -accel tcg -m 1024 -smp 2 -nographic -no-reboot -kernel "$G/vmlinuz" -initrd "$G/initramfs" \
      -append "console=ttyS0 quiet panic=-1" -drive "file=$G/disk,format=raw,if=none,id=d" -device nvme,drive=d,serial=souk </dev/null >"$G/serial" 2>&1 || true
    tr -d '\r' <"$G/serial" >"$G/console"
  fi
}

@test "the guest comes up and ends" {
  [ ! -e "$G/skip" ] || skip "$(cat "$G/skip")"
  grep -aq '^GUEST done' "$G/console" || { tail -n 60 "$G/console"; return 1; }
}

@test "every check in the guest holds" {
  [ ! -e "$G/skip" ] || skip "$(cat "$G/skip")"
  wanted=$(grep -c '^check "' "$BATS_TEST_DIRNAME/guest-init")
  held=$(grep -ac '^GUEST ok' "$G/console")
  [ "$held" -eq "$wanted" ] || { echo "$held of $wanted"; grep -aE '^(GUEST|HANGS)' "$G/console"; return 1; }
}

@test "it was another kernel, on control groups v2" {
  [ ! -e "$G/skip" ] || skip "$(cat "$G/skip")"
  grep -a 'GUEST kernel' "$G/console"
  grep -aq 'GUEST layout.*v2' "$G/console"
}
