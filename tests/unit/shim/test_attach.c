/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attach: clients of a monitor, with pipes and with terminals. */
#include "test.h"
#include "fixture.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach.h"
#include "shim/attach_connect.h"
#include "shim/attach_proto.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <souk/souk.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define DETACHED_STATUS 99
#define FAILED_STATUS 98

static void pause_ms(long ms) {
        nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static struct attach_config client(struct fixture *f) {
        return (struct attach_config){ .run_dir_fd = f->dir_fd, .in = -1, .out = -1, .err = -1, .pidfd = -EBADF };
}

static int attached(const struct attach_config *c) {
        struct souk_err err = {};
        int status = -1;
        if (attach_run(c, &status, &err) < 0)
                fail_msg("attach_run: %s", err.msg);
        return status;
}

static char *text_of(int fd) {
        struct buf b = {};
        lseek(fd, 0, SEEK_SET);
        assert_int_equal(fd_read_to_buf(fd, &b), 0);
        return buf_steal(&b);
}

#define BIG (5u << 20)

static void test_stdin_to_stdout(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ uint8_t *data = xmalloc(BIG);
        _cleanup_buf_ struct buf out = {};
        fill_random(data, BIG, 3);
        monitor_fork(f, ((const char *const[]){ "/bin/cat", NULL }), WITH_STDIN, true, true);
        struct attach_config c = client(f);
        c.in = write_fd_of(data, BIG);
        c.out = memfd_create("out", MFD_CLOEXEC);
        assert_int_equal(attached(&c), 0);
        monitor_join(f);
        lseek(c.out, 0, SEEK_SET);
        assert_int_equal(fd_read_to_buf(c.out, &out), 0);
        assert_int_equal(out.len, BIG);
        assert_true(hash_of(out.data, out.len) == hash_of(data, BIG));
        close(c.in);
        close(c.out);
}

/* The one who started it sees all, however late it comes. */
static void test_first_output(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("echo first; echo second >&2; exit 9"), 0, true, false);
        pause_ms(700);
        struct attach_config c = client(f);
        c.out = memfd_create("out", MFD_CLOEXEC);
        c.err = memfd_create("err", MFD_CLOEXEC);
        assert_int_equal(attached(&c), 9);
        _cleanup_free_ char *out = text_of(c.out), *err = text_of(c.err);
        assert_string_equal(out, "first\n");
        assert_string_equal(err, "second\n");
        close(c.out);
        close(c.err);
        monitor_join(f);
}

static void test_wait(void **state) {
        struct fixture *f = *state;
        int status = -1;
        struct stat st;
        assert_int_equal(attach_wait(f->dir_fd, 0, &status, NULL), -ENOENT);
        monitor_fork(f, sh("sleep 0.5; exit 77"), 0, false, false);
        assert_int_equal(attach_wait(f->dir_fd, 100000, &status, NULL), -ETIMEDOUT);
        assert_int_equal(attach_wait(f->dir_fd, 0, &status, NULL), -ETIMEDOUT);
        assert_int_equal(fstatat(f->dir_fd, "attach.sock", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(attach_wait(f->dir_fd, UINT64_MAX, &status, NULL), 0);
        assert_int_equal(status, 77);
        monitor_join(f);
        status = -1;
        assert_int_equal(attach_wait(f->dir_fd, UINT64_MAX, &status, NULL), 0);
        assert_int_equal(status, 77);
        struct attach_config c = client(f);
        assert_int_equal(attach_run(&c, &status, NULL), -ECONNREFUSED);
}

static void test_many_waiters(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("sleep 0.7; exit 5"), 0, false, false);
        pid_t pids[150];
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        int status = -1;
                        _exit(attach_wait(f->dir_fd, 10000000, &status, NULL) < 0 || status != 5);
                }
        }
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                int status;
                waitpid(pids[i], &status, 0);
                assert_int_equal(status, 0);
        }
        monitor_join(f);
}

/* ---- raw clients ------------------------------------------------------------------------------------------------- */

struct tally {
        uint64_t bytes, skipped;
        int exit_status;        /* -1: none came */
};

static struct tally read_all(int sock) {
        static uint8_t buf[ATTACH_MESSAGE_MAX];
        struct tally t = { .exit_status = -1 };
        for (;;) {
                struct attach_message m;
                struct pollfd p = { .fd = sock, .events = POLLIN };
                assert_int_equal(poll(&p, 1, 10000), 1);
                int n = attach_receive(sock, buf);
                if (n <= 0)
                        return t;
                assert_int_equal(attach_message_parse(buf, (size_t) n, &m), 0);
                if (m.type == ATTACH_STDOUT || m.type == ATTACH_STDERR)
                        t.bytes += m.len;
                else if (m.type == ATTACH_OVERRUN)
                        t.skipped += m.bytes;
                else if (m.type == ATTACH_EXIT)
                        t.exit_status = m.status;
        }
}

static int raw_client(struct fixture *f, uint8_t flags) {
        int sock = attach_connect(f->dir_fd, flags, 5000000, -EBADF);
        assert_true(sock >= 0);
        return sock;
}

/* A stopped client stops nobody; it is told how much it missed. */
static void test_slow_client(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("sleep 0.3; head -c 3000000 /dev/zero; sleep 0.5; echo end"), 0, false, false);
        int slow = raw_client(f, ATTACH_WANT_OUTPUT), fast = raw_client(f, ATTACH_WANT_OUTPUT);
        struct tally t = read_all(fast);
        assert_int_equal(t.bytes + t.skipped, 3000004);
        assert_int_equal(t.exit_status, 0);
        monitor_join(f);
        t = read_all(slow);
        assert_true(t.bytes < 1000000);
        close(slow);
        close(fast);
}

static void test_slow_client_recovers(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("sleep 0.3; head -c 3000000 /dev/zero; sleep 1.2; echo end; exit 3"), 0, false, false);
        int slow = raw_client(f, ATTACH_WANT_OUTPUT);
        pause_ms(700);
        struct tally t = read_all(slow);
        assert_true(t.skipped > 1000000);
        assert_int_equal(t.bytes + t.skipped, 3000004);
        assert_int_equal(t.exit_status, 3);
        close(slow);
        monitor_join(f);
}

/* The foreground client is waited for. */
static void test_slow_owner(void **state) {
        struct fixture *f = *state;
        int status;
        monitor_fork(f, sh("head -c 2000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 6"), 0, true, false);
        int owner = raw_client(f, ATTACH_WANT_OUTPUT), other = raw_client(f, ATTACH_WANT_OUTPUT);
        assert_int_equal(attach_wait(f->dir_fd, 800000, &status, NULL), -ETIMEDOUT); /* the workload waits, too */
        struct tally t = read_all(owner);
        assert_int_equal(t.bytes, 3000000);
        assert_int_equal(t.skipped, 0);
        assert_int_equal(t.exit_status, 6);
        monitor_join(f);
        close(owner);
        close(other);
}

static void test_owner_goes(void **state) {
        struct fixture *f = *state;
        int status = -1;
        monitor_fork(f, sh("head -c 3000000 /dev/zero; exit 6"), 0, true, false);
        int owner = raw_client(f, ATTACH_WANT_OUTPUT);
        pause_ms(200);
        close(owner); /* as if killed */
        assert_int_equal(attach_wait(f->dir_fd, 5000000, &status, NULL), 0);
        assert_int_equal(status, 6);
        monitor_join(f);
}

/* Nobody comes: 5 s, then it goes on. */
static void test_owner_never_comes(void **state) {
        struct fixture *f = *state;
        int status = -1;
        monitor_fork(f, sh("head -c 300000 /dev/zero; exit 2"), 0, true, false);
        assert_int_equal(attach_wait(f->dir_fd, 15000000, &status, NULL), 0);
        assert_int_equal(status, 2);
        monitor_join(f);
}

static void test_bad_messages(void **state) {
        struct fixture *f = *state;
        static const char *const bad[] = { "\x02" "before hello", "\x01", "\x01\x01", "\x10" "stdout from a client", "\x04" };
        int status = -1;
        monitor_fork(f, sh("sleep 1; exit 4"), WITH_STDIN, false, false);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                int sock = raw_client(f, ATTACH_WANT_OUTPUT | ATTACH_WANT_INPUT);
                if (i == 4)
                        assert_true(send(sock, "\x04\x01", 2, MSG_NOSIGNAL) > 0);
                else
                        (void) !send(sock, bad[i], i == 3 ? strlen(bad[i]) : strlen(bad[i]), MSG_NOSIGNAL);
                close(sock);
        }
        int sock = raw_client(f, ATTACH_WANT_OUTPUT), twice;
        assert_int_equal(attach_send_hello(sock, 1), 0);
        assert_int_equal(read_all(sock).exit_status, -1); /* dropped */
        close(sock);
        twice = raw_client(f, ATTACH_WANT_OUTPUT);
        assert_int_equal(send(twice, "\xf0 from the future", 17, MSG_NOSIGNAL), 17); /* skipped */
        assert_int_equal(read_all(twice).exit_status, 4);
        close(twice);
        assert_int_equal(attach_wait(f->dir_fd, 5000000, &status, NULL), 0);
        monitor_join(f);
}

static void test_several_give_input(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("read a; read b; echo $a $b; cat; exit 8"), WITH_STDIN, true, true);
        int one = raw_client(f, ATTACH_WANT_OUTPUT | ATTACH_WANT_INPUT), two = raw_client(f, ATTACH_WANT_OUTPUT | ATTACH_WANT_INPUT);
        assert_int_equal(attach_send(one, ATTACH_STDIN, "x\n", 2), 0);
        pause_ms(100);
        assert_int_equal(attach_send(two, ATTACH_STDIN, "y\n", 2), 0);
        assert_int_equal(attach_send(two, ATTACH_STDIN_EOF, NULL, 0), 0); /* not the first: nothing */
        pause_ms(100);
        assert_int_equal(attach_send(one, ATTACH_STDIN, "rest\n", 5), 0);
        close(one); /* the first has gone: end of file */
        struct tally t = read_all(two);
        assert_int_equal(t.bytes, 4 + 5);
        assert_int_equal(t.exit_status, 8);
        close(two);
        monitor_join(f);
}

static void test_monitor_killed(void **state) {
        struct fixture *f = *state;
        int status = -1;
        struct souk_err err = {};
        monitor_fork(f, sh("exec sleep 20"), 0, false, false);
        int sock = raw_client(f, ATTACH_WANT_OUTPUT);
        pid_t waiter = fork();
        if (waiter == 0) {
                struct attach_config c = client(f);
                _exit(attach_run(&c, &status, NULL) != -EPIPE);
        }
        pause_ms(200);
        kill(f->monitor, SIGKILL);
        assert_int_equal(read_all(sock).exit_status, -1);
        close(sock);
        waitpid(waiter, &status, 0);
        assert_int_equal(status, 0);
        waitpid(f->monitor, NULL, 0);
        f->monitor = 0;
        assert_int_equal(attach_wait(f->dir_fd, UINT64_MAX, &status, &err), -ECONNREFUSED);
        assert_int_equal(exit_file_read(f->dir_fd, &status, NULL), -ENOENT);
        /* another start in the same directory is not disturbed by what is left */
        monitor_fork(f, sh("sleep 0.2; exit 12"), 0, false, false);
        for (int i = 0; i < 100 && attach_wait(f->dir_fd, UINT64_MAX, &status, NULL) < 0; i++)
                pause_ms(10);
        assert_int_equal(status, 12);
        monitor_join(f);
}

static void test_closed_stdout(void **state) {
        struct fixture *f = *state;
        int p[2];
        monitor_fork(f, sh("exec sleep 20"), 0, true, false);
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        struct attach_config c = client(f);
        c.out = p[1];
        close(p[0]);
        assert_int_equal(attached(&c), SOUK_EXIT_DETACHED);
        close(p[1]);
}

/* ---- terminals --------------------------------------------------------------------------------------------------- */

/* A user at a terminal: attach_run() in a process whose controlling terminal is a pty; we hold the other side. */
struct user {
        int master, slave;
        pid_t pid;
        struct termios before;
        struct buf screen;
        bool output_only;
};

static void user_attach(struct fixture *f, struct user *u, const char *keys, uint16_t rows) {
        struct winsize ws = { .ws_row = rows, .ws_col = 100 };
        if (u->master <= 0) {
                assert_int_equal(openpty(&u->master, &u->slave, NULL, NULL, &ws), 0);
                fcntl(u->master, F_SETFD, FD_CLOEXEC);
                assert_int_equal(tcgetattr(u->slave, &u->before), 0);
        }
        u->pid = fork();
        if (u->pid)
                return;
        int status = -1;
        setsid();
        ioctl(u->slave, TIOCSCTTY, 0);
        close(u->master);
        struct attach_config c = client(f);
        c.in = c.out = c.err = u->slave;
        if (u->output_only)
                c.in = -1;
        c.terminal = true;
        c.detach_keys = keys;
        int r = attach_run(&c, &status, NULL);
        _exit(r < 0 ? FAILED_STATUS : status == SOUK_EXIT_DETACHED ? DETACHED_STATUS : status);
}

static bool user_sees(struct user *u, const char *text) {
        for (int i = 0; i < 500; i++) {
                char chunk[4096];
                struct pollfd p = { .fd = u->master, .events = POLLIN };
                if (u->screen.data && strstr(u->screen.data, text))
                        return true;
                if (poll(&p, 1, 20) <= 0)
                        continue;
                ssize_t n = read(u->master, chunk, sizeof(chunk));
                if (n > 0)
                        assert_int_equal(buf_append(&u->screen, chunk, (size_t) n), 0);
        }
        print_message("screen: %s\n", u->screen.data ? u->screen.data : "(empty)");
        return false;
}

static void user_types(struct user *u, const char *text) {
        assert_int_equal(fd_write_all(u->master, text, strlen(text)), 0);
}

static bool is_raw(void *user) {
        struct user *u = user;
        struct termios t;
        return tcgetattr(u->slave, &t) == 0 && !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_oflag & OPOST);
}

static void assert_restored(struct user *u) {
        struct termios t;
        assert_int_equal(tcgetattr(u->slave, &t), 0);
        assert_int_equal(t.c_lflag, u->before.c_lflag);
        assert_int_equal(t.c_iflag, u->before.c_iflag);
        assert_int_equal(t.c_oflag, u->before.c_oflag);
}

static int user_leaves(struct user *u) {
        int status;
        assert_int_equal(waitpid(u->pid, &status, 0), u->pid);
        assert_restored(u);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void user_free(struct user *u) {
        close(u->master);
        close(u->slave);
        buf_free(&u->screen);
}

#define SHELL sh("PS1='ready> '; export PS1; exec sh -i")

static void test_terminal(void **state) {
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, SHELL, WITH_TERMINAL, "-tw", NULL);
        user_attach(f, &u, NULL, 33);
        assert_true(user_sees(&u, "ready> "));
        assert_true(is_raw(&u));
        user_types(&u, "stty size; tty\r");
        assert_true(user_sees(&u, "33 100\r\n/dev/pts/"));
        /* Ctrl-C is for the workload */
        user_types(&u, "sleep 30\r");
        pause_ms(200);
        buf_reset(&u.screen);
        user_types(&u, "\x03");
        assert_true(user_sees(&u, "ready> "));
        user_types(&u, "echo la''st output; exit 21\r");
        assert_int_equal(user_leaves(&u), 21);
        assert_true(user_sees(&u, "last output\r\n"));
        monitor_join(f);
        user_free(&u);
}

static void test_detach_and_attach(void **state) {
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, SHELL, WITH_TERMINAL, "-tw", NULL);
        user_attach(f, &u, "ctrl-p,ctrl-q", 24);
        assert_true(user_sees(&u, "ready> "));
        user_types(&u, "v=kept; echo do''ne\r");
        assert_true(user_sees(&u, "done\r\n"));
        user_types(&u, "\x10\x11");
        assert_int_equal(user_leaves(&u), DETACHED_STATUS);
        buf_reset(&u.screen);
        user_attach(f, &u, "x", 24);
        user_types(&u, "echo $v\r");
        assert_true(user_sees(&u, "kept\r\n"));
        struct winsize ws = { .ws_row = 50, .ws_col = 120 };
        assert_int_equal(ioctl(u.master, TIOCSWINSZ, &ws), 0);
        pause_ms(200);
        user_types(&u, "stty size\r");
        assert_true(user_sees(&u, "50 120\r\n"));
        user_types(&u, "x");
        assert_int_equal(user_leaves(&u), DETACHED_STATUS);
        user_attach(f, &u, "", 24);
        user_types(&u, "exit 3\r");
        assert_int_equal(user_leaves(&u), 3);
        monitor_join(f);
        user_free(&u);
}

/* One who attaches with the size that the terminal has already: the workload is made to redraw all the same. */
static void test_redraw(void **state) {
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, sh("trap 'stty size' WINCH; echo ready; while :; do sleep 0.01; done"), WITH_TERMINAL, "-tw", NULL);
        user_attach(f, &u, "x", 24);
        assert_true(user_sees(&u, "ready"));
        pause_ms(200);
        user_types(&u, "x");
        assert_int_equal(user_leaves(&u), DETACHED_STATUS);
        buf_reset(&u.screen);
        user_attach(f, &u, "x", 24);
        assert_true(user_sees(&u, "24 100\r\n")); /* on a busy machine the shell may see the two changes as one */
        user_types(&u, "x");
        assert_int_equal(user_leaves(&u), DETACHED_STATUS);
        kill(f->monitor, SIGKILL);
        user_free(&u);
}

static void test_client_signals(void **state) {
        static const int fatal[] = { SIGTERM, SIGHUP, SIGINT };
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, SHELL, WITH_TERMINAL, "-tw", NULL);
        for (size_t i = 0; i < ELEMENTSOF(fatal); i++) {
                user_attach(f, &u, NULL, 24);
                assert_true(wait_for(is_raw, &u));
                kill(u.pid, fatal[i]);
                assert_int_equal(user_leaves(&u), -fatal[i]);
        }
        user_attach(f, &u, NULL, 24);
        assert_true(wait_for(is_raw, &u));
        int status;
        kill(u.pid, SIGTSTP); /* an orphaned group is not stopped by TSTP: see below */
        pause_ms(100);
        if (waitpid(u.pid, &status, WUNTRACED | WNOHANG) == u.pid) {
                assert_true(WIFSTOPPED(status));
                assert_restored(&u);
                kill(u.pid, SIGCONT);
        }
        assert_true(wait_for(is_raw, &u));
        /* stopped by force, and somebody changed the mode meanwhile */
        kill(u.pid, SIGSTOP);
        waitpid(u.pid, &status, WUNTRACED);
        tcsetattr(u.slave, TCSANOW, &u.before);
        kill(u.pid, SIGCONT);
        assert_true(wait_for(is_raw, &u));
        user_types(&u, "exit 5\r");
        assert_int_equal(user_leaves(&u), 5);
        monitor_join(f);
        user_free(&u);
}

/* kill -9 of a client: the workload goes on. */
static void test_client_killed(void **state) {
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, SHELL, WITH_TERMINAL, "-tw", NULL);
        user_attach(f, &u, NULL, 24);
        assert_true(user_sees(&u, "ready> "));
        kill(u.pid, SIGKILL);
        waitpid(u.pid, NULL, 0);
        tcsetattr(u.slave, TCSANOW, &u.before);
        user_attach(f, &u, NULL, 24);
        user_types(&u, "exit 6\r");
        assert_int_equal(user_leaves(&u), 6);
        monitor_join(f);
        user_free(&u);
}

/* A workload that closes its terminal for a while, and opens it again. */
static void test_terminal_reopened(void **state) {
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, sh("t=$(tty); exec </dev/null >/dev/null 2>&1; sleep 0.3; exec >$t; echo back again; exit 2"), WITH_TERMINAL, "-tw", NULL);
        user_attach(f, &u, NULL, 24);
        assert_int_equal(user_leaves(&u), 2);
        assert_true(user_sees(&u, "back again"));
        monitor_join(f);
        user_free(&u);
}

static void test_terminal_big_output(void **state) {
        struct fixture *f = *state;
        shim_fork(f, sh("stty -onlcr; i=0; while [ $i -lt 300 ]; do printf %01000d $i; i=$((i+1)); done; exit 1"), WITH_TERMINAL, "-tw", NULL);
        struct attach_config c = client(f);
        c.terminal = true;
        c.out = memfd_create("out", MFD_CLOEXEC);
        assert_int_equal(attached(&c), 1);
        struct stat st;
        fstat(c.out, &st);
        assert_int_equal(st.st_size, 300000);
        close(c.out);
        monitor_join(f);
}

/* A terminal for the workload, no input from here: newlines are not made "\r\n" twice. */
static void test_terminal_output_only(void **state) {
        struct fixture *f = *state;
        struct user u = {};
        shim_fork(f, sh("echo one; echo two"), WITH_TERMINAL, "-tw", NULL);
        u.output_only = true;
        user_attach(f, &u, NULL, 24);
        assert_int_equal(user_leaves(&u), 0);
        assert_true(user_sees(&u, "two"));
        assert_string_equal(u.screen.data, "one\r\ntwo\r\n");
        monitor_join(f);
        user_free(&u);
}

/* ---- souk-shim --------------------------------------------------------------------------------------------------- */

static void test_on_exit(void **state) {
        struct fixture *f = *state;
        char script[400];
        snprintf(script, sizeof(script), "read status at < %s/exit; echo $status > %s/reaped; ls /proc/self/fd | wc -l >> %s/reaped", f->dir,
                 f->dir, f->dir);
        shim_fork(f, sh("echo hello; exit 33"), 0, "-", (const char *const[]){ "/bin/sh", "-c", script, NULL });
        monitor_join(f);
        _cleanup_free_ char *text = NULL, *log = NULL;
        assert_int_equal(file_read(f->dir_fd, "reaped", 64, &text, NULL), 0);
        assert_string_equal(text, "33\n4\n"); /* 0 1 2 and the directory itself */
        assert_int_equal(file_read(f->dir_fd, "log", 256, &log, NULL), 0);
        assert_non_null(strstr(log, "\"hello\\n\""));
}

static void test_shim_term(void **state) {
        struct fixture *f = *state;
        int status = -1;
        shim_fork(f, sh("trap 'exit 19' TERM; while :; do sleep 0.05; done"), 0, "-", NULL);
        assert_int_equal(attach_wait(f->dir_fd, 300000, &status, NULL), -ETIMEDOUT);
        kill(f->monitor, SIGHUP);
        kill(f->monitor, SIGINT);
        kill(f->monitor, SIGTERM);
        assert_int_equal(attach_wait(f->dir_fd, 5000000, &status, NULL), 0);
        assert_int_equal(status, 19);
        monitor_join(f);
}

static void test_shim_bad_argv(void **state) {
        pid_t pid = fork();
        int status;
        if (pid == 0) {
                dup2(open("/dev/null", O_WRONLY), 2);
                execl(SHIM_PROGRAM, "souk-shim", "x", "1", "a,b", "0,0", "-", NULL);
        }
        waitpid(pid, &status, 0);
        assert_int_equal(WEXITSTATUS(status), 125);
}

static void test_shim_is_small(void **state) {
        struct fixture *f = *state;
        char path[64], line[256];
        unsigned long clean = 0, dirty = 0;
        shim_fork(f, sh("yes | head -c 3000000; sleep 2"), 0, "-", NULL);
        pause_ms(1000);
        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", f->monitor);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
                sscanf(line, "Private_Clean: %lu", &clean);
                sscanf(line, "Private_Dirty: %lu", &dirty);
        }
        fclose(file);
        print_message("private memory of a shim: %lu KiB\n", clean + dirty);
#if !defined(__SANITIZE_ADDRESS__)
        assert_true(clean + dirty < 500);
#endif
        monitor_join(f);
}

#define test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_stdin_to_stdout), test(test_first_output), test(test_wait), test(test_many_waiters),
                test(test_slow_client), test(test_slow_client_recovers), test(test_slow_owner), test(test_owner_goes),
                test(test_owner_never_comes), test(test_bad_messages), test(test_several_give_input), test(test_monitor_killed),
                test(test_closed_stdout), test(test_terminal), test(test_detach_and_attach), test(test_redraw), test(test_client_signals),
                test(test_client_killed), test(test_terminal_reopened), test(test_terminal_big_output), test(test_terminal_output_only), test(test_on_exit),
                test(test_shim_term), test(test_shim_bad_argv), test(test_shim_is_small),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
