#!/usr/bin/env bats
# Terminals, as people use them: through tmux.
load helpers

setup_file() {
  souk_setup_file
  TMUX_SOCKET=$BATS_FILE_TMPDIR/tmux
  export TMUX_SOCKET
  tm -f /dev/null new-session -d -x 90 -y 30 -s t "env PS1='host> ' bash --norc --noprofile"
  eventually screen_has 'host>'
}
teardown_file() {
  tm kill-server || true
  souk_teardown_file
}

tm() { tmux -S "$TMUX_SOCKET" "$@"; }
screen() { tm capture-pane -p -t t -S -200; }
screen_has() { screen | grep -q -- "$1"; }
type_line() { tm send-keys -t t -l "$1"; tm send-keys -t t Enter; }
fresh() { tm send-keys -t t -R; tm clear-history -t t; type_line clear; }

@test "run -it: a terminal of the right size, and it is given back" {
  fresh
  type_line 'souk run --rm -it --name t1 box sh'
  eventually screen_has '/ #'
  type_line 'tty; stty size; echo TERM=$TERM'
  eventually screen_has '/dev/pts/0'
  eventually screen_has '30 90'
  eventually screen_has 'TERM='
  type_line 'exit 3'
  eventually screen_has 'host>'
  type_line 'echo "status $?"; stty -a | grep -o " icanon"'
  eventually screen_has 'status 3'
  eventually screen_has 'icanon'
}

@test "a resize reaches the workload" {
  fresh
  type_line 'souk run --rm -it box sh'
  eventually screen_has '/ #'
  tm resize-window -t t -x 70 -y 20
  sleep 0.3
  eventually sh -c "tmux -S $TMUX_SOCKET send-keys -t t 'stty size' Enter; sleep 0.3; tmux -S $TMUX_SOCKET capture-pane -p -t t | grep -q '20 70'"
  type_line exit
  eventually screen_has 'host>'
  tm resize-window -t t -x 90 -y 30
}

@test "Ctrl-C goes to the workload" {
  fresh
  type_line 'souk run --rm -it box sh'
  eventually screen_has '/ #'
  type_line 'sleep 1000; echo "slept $?"'
  sleep 0.5
  tm send-keys -t t C-c
  sleep 0.3
  type_line 'echo still-$((40+2))'
  eventually screen_has 'still-42'
  type_line exit
  eventually screen_has 'host>'
}

@test "detach keys leave it running; attach comes back" {
  fresh
  type_line 'souk run -it --name t2 box sh'
  eventually screen_has '/ #'
  tm send-keys -t t C-p C-q
  eventually screen_has 'host>'
  running t2
  fresh
  type_line 'souk attach t2'
  sleep 0.3
  type_line 'echo back-$((1+1))'
  eventually screen_has 'back-2'
  type_line exit
  eventually exited t2
  souk rm t2
}

@test "exec -it" {
  souk run -d --name t3 box sleep 1000
  fresh
  type_line 'souk exec -it t3 sh'
  eventually screen_has '/ #'
  type_line 'tty; exit 4'
  eventually screen_has '/dev/pts/'
  eventually screen_has 'host>'
  type_line 'echo "status $?"'
  eventually screen_has 'status 4'
  souk rm -f t3
}

@test "output of a short run with a terminal is never lost" {
  for _ in $(seq 10); do
    run script -qec 'souk run --rm -t box echo all-of-it' /dev/null
    has all-of-it
  done
}

@test "help in a terminal: short, grouped, and a hint for a typing error" {
  run souk
  has run; has images
  run souk rnu
  [ "$status" -ne 0 ]; has run
  run souk run --help
  status_is 0; has "--memory"
}
