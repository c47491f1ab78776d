#!/usr/bin/env bats
# What `make install` puts where, how it was linked, and that it works from there.
load helpers

setup_file() {
  souk_setup_file
  D=$BATS_FILE_TMPDIR/dest
  export D
  if grep -q 'b_lto.*true' <<<"$(meson introspect --buildoptions "$SOUK_BUILD" | jq -c '.[] | select(.name == "b_lto")')"; then
    DESTDIR=$D meson install -C "$SOUK_BUILD" --no-rebuild --quiet
  else
    echo "this is not the release build" >"$BATS_FILE_TMPDIR/skip"
  fi
}
teardown_file() { souk_teardown_file; }
setup() { if [ -e "$BATS_FILE_TMPDIR/skip" ]; then skip "$(cat "$BATS_FILE_TMPDIR/skip")"; fi; }

@test "programs, manual pages and completions are where they belong" {
  cd "$D/usr/local"
  [ -x bin/souk ]; [ -x libexec/souk/souk-shim ]; [ -x libexec/souk/souk-transfer ]
  [ -s share/man/man1/souk-run.1 ]; [ -s share/man/man7/souk-format.7 ]
  bash -n share/bash-completion/completions/souk
  [ -s share/zsh/site-functions/_souk ]; [ -s share/fish/vendor_completions.d/souk.fish ]
  [ "$(find . -type f -perm /022 | wc -l)" -eq 0 ]
}

@test "the programs are hardened: PIE, RELRO, immediate binding, no executable stack, stack protector, fortified calls" {
  for program in bin/souk libexec/souk/souk-shim libexec/souk/souk-transfer; do
    run readelf -W -h -l -d -s "$D/usr/local/$program"
    has "Type:                              DYN"; has GNU_RELRO; has NOW; has __stack_chk_fail; has _chk@
    hasnt "GNU_STACK      0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RWE"; hasnt TEXTREL
  done
}

@test "souk maps nothing but the C library: a start pays for each one" {
  run readelf -d "$D/usr/local/bin/souk"
  [ "$(grep -c NEEDED <<<"$output")" -le 2 ]
}

@test "it runs from where it is installed" {
  run unshare -m sh -c "mount --bind '$D/usr/local' /usr/local && SOUK_ROOT=$BATS_TEST_TMPDIR/r SOUK_RUN=$BATS_TEST_TMPDIR/r/run && export SOUK_ROOT SOUK_RUN &&
    /usr/local/bin/souk run --rm box echo installed; id=\$(/usr/local/bin/souk run -d box sleep 1000) && /usr/local/bin/souk exec \$id echo entered; /usr/local/bin/souk system reset --all --force"
  has installed; has entered
}
