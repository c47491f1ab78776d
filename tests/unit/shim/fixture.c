/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"
#include "fixture.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

int fixture_setup(void **state) {
        struct fixture *f = xcalloc(1, sizeof(*f));
        strcpy(f->dir, "/tmp/souk-test-shim.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->dir_fd >= 0);
        *state = f;
        return 0;
}

int fixture_teardown(void **state) {
        struct fixture *f = *state;
        if (f->monitor > 0) {
                kill(f->monitor, SIGKILL);
                waitpid(f->monitor, NULL, 0);
        }
        close(f->dir_fd);
        assert_int_equal(tree_remove(AT_FDCWD, f->dir), 0);
        free(f);
        return 0;
}

void config_init(struct monitor_config *c) {
        *c = (struct monitor_config){
                .pidfd = -EBADF, .in_fd = -EBADF, .out_fd = -EBADF, .err_fd = -EBADF, .run_dir_fd = -EBADF,
                .log_dir_fd = -EBADF, .fg_in = -EBADF, .fg_out = -EBADF, .fg_err = -EBADF,
        };
}

static void child_exec(const char *const *argv, int in, int out, int err, bool terminal) {
        signal(SIGPIPE, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* as the engine has it: the monitor's death ends the workload */
        setsid();
        if (terminal)
                ioctl(in, TIOCSCTTY, 0);
        if (in < 0)
                in = open("/dev/null", O_RDONLY);
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        close_range(3, ~0U, 0);
        execv(argv[0], (char *const *) argv);
        _exit(127);
}

void workload_start(const char *const *argv, int flags, struct monitor_config *c) {
        int in[2] = { -1, -1 }, out[2], err[2];
        if (flags & WITH_TERMINAL) {
                struct winsize ws = { .ws_row = 24, .ws_col = 80 };
                assert_int_equal(openpty(&out[0], &out[1], NULL, NULL, &ws), 0);
                fcntl(out[0], F_SETFD, FD_CLOEXEC);
                in[0] = err[1] = out[1];
        } else {
                assert_int_equal(pipe2(out, O_CLOEXEC), 0);
                assert_int_equal(pipe2(err, O_CLOEXEC), 0);
                if (flags & WITH_STDIN)
                        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        }
        if (flags & WITH_NEWPID)
                assert_int_equal(unshare(CLONE_NEWPID), 0);
        pid_t pid = fork();
        if (pid == 0)
                child_exec(argv, in[0], out[1], err[1], flags & WITH_TERMINAL);
        assert_true(pid > 0);
        close(out[1]);
        if (!(flags & WITH_TERMINAL)) {
                close(err[1]);
                if (in[0] >= 0)
                        close(in[0]);
        }
        c->pid = pid;
        c->pidfd = proc_pidfd_open(pid);
        c->terminal = flags & WITH_TERMINAL;
        if (c->terminal)
                c->in_fd = out[0];
        else {
                c->in_fd = flags & WITH_STDIN ? in[1] : -EBADF;
                c->out_fd = out[0];
                c->err_fd = err[0];
        }
}

/* A process that reads a pipe to its end into a memory file: what a shell's `| cat > file` does. */
struct collector {
        pid_t pid;
        int write_fd, result_fd;
};

static void collect_start(struct collector *k) {
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        k->write_fd = p[1];
        k->result_fd = memfd_create("collected", MFD_CLOEXEC);
        k->pid = fork();
        if (k->pid == 0) {
                char chunk[65536];
                ssize_t n;
                dup2(p[0], 0);
                dup2(k->result_fd, 1);
                close_range(3, ~0U, 0); /* the write ends of this and of others */
                while ((n = read(0, chunk, sizeof(chunk))) > 0)
                        if (fd_write_all(1, chunk, (size_t) n) < 0)
                                _exit(1);
                _exit(0);
        }
        close(p[0]);
}

static void collect_end(struct collector *k, struct buf *ret) {
        int status;
        close(k->write_fd);
        assert_int_equal(waitpid(k->pid, &status, 0), k->pid);
        assert_int_equal(status, 0);
        lseek(k->result_fd, 0, SEEK_SET);
        if (ret)
                assert_int_equal(fd_read_to_buf(k->result_fd, ret), 0);
        close(k->result_fd);
}

int foreground_run(struct fixture *f, const char *const *argv, int fg_in, struct buf *out, struct buf *err) {
        struct monitor_config c;
        struct collector k[2];
        struct souk_err se = {};
        int status = -1;
        config_init(&c);
        collect_start(&k[0]);
        collect_start(&k[1]);
        workload_start(argv, fg_in >= 0 ? WITH_STDIN : 0, &c);
        c.run_dir_fd = c.log_dir_fd = f->dir_fd;
        c.fg_in = fg_in;
        c.fg_out = k[0].write_fd;
        c.fg_err = k[1].write_fd;
        if (monitor_run(&c, &status, &se) < 0)
                fail_msg("monitor_run: %s", se.msg);
        close(c.pidfd);
        collect_end(&k[0], out);
        collect_end(&k[1], err);
        return status;
}

void monitor_fork(struct fixture *f, const char *const *argv, int flags, bool wait_attach, bool stdin_once) {
        f->monitor = fork();
        assert_true(f->monitor >= 0);
        if (f->monitor > 0)
                return;
        struct monitor_config c;
        struct souk_err se = {};
        int status = -1;
        config_init(&c);
        workload_start(argv, flags, &c);
        c.run_dir_fd = c.log_dir_fd = f->dir_fd;
        c.wait_attach = wait_attach;
        c.stdin_once = stdin_once;
        int r = monitor_run(&c, &status, &se);
        if (r < 0)
                dprintf(2, "monitor_run: %s\n", se.msg);
        _exit(r < 0);
}

void shim_fork(struct fixture *f, const char *const *argv, int flags, const char *letters, const char *const *on_exit) {
        f->monitor = fork();
        assert_true(f->monitor >= 0);
        if (f->monitor > 0)
                return;
        struct monitor_config c;
        char fds[128], pid[16];
        const char *args[16] = { "souk-shim", "test" };
        config_init(&c);
        workload_start(argv, flags, &c);
        const int keep[] = { c.pidfd, c.in_fd, c.out_fd, c.err_fd, f->dir_fd };
        for (size_t i = 0; i < ELEMENTSOF(keep); i++)
                if (keep[i] >= 0)
                        fcntl(keep[i], F_SETFD, 0);
        snprintf(pid, sizeof(pid), "%d", c.pid);
        snprintf(fds, sizeof(fds), "%d,%d,%d,%d,%d,%d", c.pidfd, c.in_fd, c.out_fd, c.err_fd, f->dir_fd, f->dir_fd);
        args[2] = pid;
        args[3] = fds;
        args[4] = "0,0";
        args[5] = letters;
        for (size_t i = 0; on_exit && on_exit[i] && i < 9; i++)
                args[6 + i] = on_exit[i];
        execv(SHIM_PROGRAM, (char *const *) args);
        _exit(126);
}

void monitor_join(struct fixture *f) {
        int status;
        assert_int_equal(waitpid(f->monitor, &status, 0), f->monitor);
        f->monitor = 0;
        assert_int_equal(status, 0);
}

int write_fd_of(const void *p, size_t n) {
        char path[] = "/tmp/souk-test-shim-file.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);
        assert_true(fd >= 0);
        unlink(path);
        assert_int_equal(fd_write_all(fd, p, n), 0);
        lseek(fd, 0, SEEK_SET);
        return fd;
}

uint64_t hash_of(const void *p, size_t n) {
        uint64_t h = 0xcbf29ce484222325u;
        for (size_t i = 0; i < n; i++)
                h = (h ^ ((const uint8_t *) p)[i]) * 0x100000001b3u;
        return h;
}

void fill_random(uint8_t *p, size_t n, uint64_t seed) {
        for (size_t i = 0; i < n; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                p[i] = (uint8_t) (seed >> 33);
        }
}

bool wait_for(bool (*condition)(void *user), void *user) {
        for (int i = 0; i < 1000; i++) {
                if (condition(user))
                        return true;
                nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        }
        return false;
}
