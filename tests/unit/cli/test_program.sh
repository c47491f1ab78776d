#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The program as a process, with the fake engine: streams that fail, the shells' completion scripts, the man pages.
# usage: test_program.sh SOUK MAN_DIR
set -u
souk=$1 man=$2 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
check() { # what, then a command that must succeed
        local what=$1
        shift
        if "$@"; then echo "ok: $what"; else echo "FAILED: $what"; failed=1; fi
}

"$souk" version >/dev/full 2>"$work/err"
check "a full disk is an error" test $? -eq 125
check "... and is told" grep -q "cannot write to standard output: No space left" "$work/err"
"$souk" version >&- 2>"$work/err"
check "a closed output is an error" test $? -eq 125
(trap '' PIPE; sleep 0.1; "$souk" help run 2>"$work/err"; echo $? >"$work/status") | true
check "a closed pipe is an error" test "$(cat "$work/status")" = 125
"$souk" ps <&- >"$work/out" 2>&1
check "a closed input does no harm" test $? -eq 0
"$souk" >"$work/out"
check "souk alone helps" grep -q "Start here" "$work/out"

for shell in bash zsh fish; do
        "$souk" completion $shell >"$work/$shell"
        if command -v $shell >/dev/null; then
                check "$shell accepts its script" $shell -n "$work/$shell"
        else
                echo "skipped: no $shell here to check its script"
        fi
done
complete_bash() {
        PATH=$work:$PATH bash -c '
                source "$1"
                COMP_LINE=$2 COMP_POINT=${#2}
                _souk
                printf "%s\n" "${COMPREPLY[@]}"' bash "$work/bash" "$1"
}
ln -s "$(realpath "$souk")" "$work/souk"
check "bash: a verb" test "$(complete_bash 'souk imag')" = $'images\nimage'
check "bash: an option" test "$(complete_bash 'souk run --dry')" = "--dry-run"
check "bash: a value after =" test "$(complete_bash 'souk run --isolation=v')" = "vm"
check "bash: a name" test "$(complete_bash 'souk stop ')" = "web"
check "bash: an image after its colon" test "$(complete_bash 'souk run box:la')" = "latest"

if command -v scdoc >/dev/null; then
        for page in $("$souk" internal docs --list); do
                tail=
                [ "$page" = souk ] && tail="--append=$man/souk.tail.scd"
                check "$page is good scdoc" bash -c '"$1" internal docs "$2" $3 | scdoc >/dev/null' bash "$souk" "$page" $tail
        done
else
        echo "skipped: no scdoc here to check the man pages"
fi
exit $failed
