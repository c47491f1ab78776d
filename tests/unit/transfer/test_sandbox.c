/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox from inside: what code that took the worker over can still do.  Each trial is a process of its own, with
 * the worker's descriptors, that confines itself as the worker does and then misbehaves.
 */
#include "transfer/sandbox.h"

#include "base/file.h"
#include "base/str.h"
#include "transfer/transfer.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define KILLED (128 + SIGSYS)   /* what seccomp does */

static char dir[] = "/tmp/souk-sandbox.XXXXXX";
static long landlock;           /* the kernel's version of it */

/* ---- trials: 0, or 1 and what failed on stderr ----------------------------------------------------------------------
 */

#define MUST(x)                                                                                                        \
        do {                                                                                                           \
                if (!(x)) {                                                                                            \
                        dprintf(2, "line %d: %s: %m\n", __LINE__, #x);                                                 \
                        return 1;                                                                                      \
                }                                                                                                      \
        } while (0)

static void *thread_main(void *user) {
        *(int *) user = 1;
        return NULL;
}

static int works(void) {
        int fd = openat(FD_STAGING, "new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), done = 0;
        pthread_t thread;
        char c;
        MUST(fd >= 0 && write(fd, "x", 1) == 1 && pwrite(fd, "y", 1, 4096) == 1 && ftruncate(fd, 8192) == 0);
        MUST(fsync(fd) == 0 && pread(fd, &c, 1, 0) == 1 && c == 'x');
        MUST(renameat(FD_STAGING, "new", FD_STAGING, "old") == 0 && unlinkat(FD_STAGING, "old", 0) == 0);
        MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
        MUST(pthread_create(&thread, NULL, thread_main, &done) == 0 && pthread_join(thread, NULL) == 0 && done);
        return 0;
}

static int has_no_root(void) {
        MUST(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
        MUST(open("/proc/self/status", O_RDONLY) < 0 && errno == ENOENT);
        MUST(openat(FD_STAGING, "../outside", O_RDONLY) < 0 && errno == ENOENT);
        MUST(mkdirat(AT_FDCWD, "/new", 0700) < 0);
        return 0;
}

static int input_is_read_only(void) {
        MUST(openat(FD_INPUT, "private", O_RDONLY | O_CLOEXEC) >= 0); /* another user's */
        MUST(openat(FD_INPUT, "private", O_WRONLY | O_CLOEXEC) < 0);
        MUST(openat(FD_INPUT, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0);
        MUST(openat(FD_INPUT, "../outside", O_RDONLY) < 0);
        return 0;
}

static int tree_works(void) {
        MUST(mkdirat(FD_STAGING, "a", 0700) == 0 && mkdirat(FD_STAGING, "b", 0700) == 0);
        int fd = openat(FD_STAGING, "a/f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        MUST(fd >= 0 && fchown(fd, 1234, 5678) == 0 && fchmod(fd, 04755) == 0);
        MUST(linkat(FD_STAGING, "a/f", FD_STAGING, "b/g", 0) == 0); /* Landlock: between directories */
        MUST(symlinkat("/etc/passwd", FD_STAGING, "link") == 0);
        MUST(mknodat(FD_STAGING, "whiteout", S_IFCHR, makedev(0, 0)) == 0);
        return 0;
}

static int tree_opens_no_device(void) {
        MUST(mknodat(FD_STAGING, "null", S_IFCHR | 0666, makedev(1, 3)) == 0); /* layers may hold them */
        MUST(openat(FD_STAGING, "null", O_RDWR | O_CLOEXEC) < 0 && errno == EACCES);
        MUST(mknodat(FD_STAGING, "disk", S_IFBLK | 0666, makedev(7, 0)) == 0);
        MUST(openat(FD_STAGING, "disk", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
        MUST(symlinkat("/etc/passwd", FD_STAGING, "passwd") == 0);
        MUST(openat(FD_STAGING, "passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == ENOENT);
        return 0;
}

static int tree_reads_no_proc(void) {
        if (landlock < 2)
                return 0;
        MUST(open("/proc/1/environ", O_RDONLY) < 0 && errno == EACCES);
        MUST(open("/proc/sys/kernel/core_pattern", O_WRONLY) < 0 && errno == EACCES);
        MUST(open("/proc/self/root/etc/passwd", O_RDONLY) < 0);
        return 0;
}

static int memory_is_limited(void) {
        MUST(!malloc(5ULL << 30));
        return 0;
}

/* These do not return. */
static int opens_socket(void) {
        return socket(AF_INET, SOCK_STREAM, 0);
}
static int signals_another(void) {
        return kill(getppid(), 0);
}
static int signals_by_thread(void) {
        return (int) syscall(SYS_tgkill, 1, 1, 0);
}
static int runs_program(void) {
        char *const argv[] = { (char *) "true", NULL };
        return execve("/bin/true", argv, argv);
}
static int forks(void) {
        return fork();
}
static int forks_by_clone3(void) {
        struct {
                uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        } args = { .exit_signal = SIGCHLD };
        int r = (int) syscall(SYS_clone3, &args, sizeof(args));
        return r < 0 && errno == ENOSYS ? 0 : 1; /* refused, so that glibc falls back */
}
static int maps_code(void) {
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}
static int makes_code(void) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}
static int traces(void) {
        return (int) ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static int owns_descriptor(void) {
        return fcntl(FD_CHANNEL, F_SETOWN, getppid());
}
static int sets_limits(void) {
        return (int) syscall(SYS_prlimit64, getppid(), 0, NULL, NULL);
}
static int links(void) {
        return symlinkat("/etc/passwd", FD_STAGING, "link"); /* the EROFS driver has no use for it */
}
static int mounts(void) {
        return (int) syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}
static int changes_user(void) {
        return setuid(0);
}

static const struct trial {
        const char *name;
        int (*run)(void);
        unsigned flags;
        int status;
        bool seccomp;                   /* not there under sanitizers */
} trials[] = {
        { "works", works, 0, 0, false },
        { "has no root", has_no_root, 0, 0, false },
        { "input is read-only", input_is_read_only, SANDBOX_READ_ALL, 0, false },
        { "tree works", tree_works, SANDBOX_TREE, 0, false },
        { "tree opens no device", tree_opens_no_device, SANDBOX_TREE, 0, false },
        { "tree reads no /proc", tree_reads_no_proc, SANDBOX_TREE, 0, true },
        { "memory is limited", memory_is_limited, 0, 0, true },
        { "opens a socket", opens_socket, 0, KILLED, true },
        { "signals another", signals_another, 0, KILLED, true },
        { "signals another's thread", signals_by_thread, 0, KILLED, true },
        { "runs a program", runs_program, 0, KILLED, true },
        { "forks", forks, 0, KILLED, true },
        { "forks by clone3", forks_by_clone3, 0, 0, true },
        { "maps code", maps_code, 0, KILLED, true },
        { "makes code", makes_code, 0, KILLED, true },
        { "traces", traces, 0, KILLED, true },
        { "owns a descriptor", owns_descriptor, 0, KILLED, true },
        { "sets limits", sets_limits, 0, KILLED, true },
        { "links", links, 0, KILLED, true },
        { "mounts", mounts, SANDBOX_TREE, KILLED, true },
        { "changes user", changes_user, 0, KILLED, true },
};

static void child(const struct trial *t, int staging, int input, int sock) {
        struct souk_err err = {};
        signal(SIGSYS, SIG_DFL);
        if (dup2(sock, FD_CHANNEL) < 0 || dup2(input, FD_INPUT) < 0 || dup2(staging, FD_STAGING) < 0)
                _exit(100);
        if (sandbox_enter(t->flags, &err) < 0) {
                dprintf(2, "%s\n", err.msg);
                _exit(101);
        }
        _exit(t->run());
}

static int try_out(const struct trial *t) {
        _cleanup_close_ int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tree_remove(root, "staging"), 0);
        _cleanup_close_ int staging = dir_make_open(root, "staging", 0700), input = dir_make_open(root, "input", 0755);
        int pair[2], status;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        int high[] = { fd_move_high(dup(staging), 20), fd_move_high(dup(input), 20), fd_move_high(pair[1], 20) };
        pid_t pid = fork();
        if (pid == 0)
                child(t, high[0], high[1], high[2]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        for (size_t i = 0; i < ELEMENTSOF(high); i++)
                close(high[i]);
        close(pair[0]);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_trials(void **state) {
        if (geteuid() != 0)
                skip();
        for (size_t i = 0; i < ELEMENTSOF(trials); i++) {
#ifdef SANDBOX_SANITIZED
                if (trials[i].seccomp)
                        continue;
#endif
                int status = try_out(&trials[i]);
                if (status != trials[i].status)
                        fail_msg("%s: status %d, not %d", trials[i].name, status, trials[i].status);
        }
}

static int setup(void **state) {
        landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
        if (!mkdtemp(dir))
                return -1;
        _cleanup_close_ int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int input = dir_make_open(root, "input", 0755);
        _cleanup_close_ int outside = openat(root, "outside", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        _cleanup_close_ int private = openat(input, "private", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        return outside < 0 || private < 0 || (geteuid() == 0 && fchown(private, 4242, 4242) < 0) ? -1 : 0;
}

static int teardown(void **state) {
        return tree_remove(AT_FDCWD, dir);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_trials) };
        return cmocka_run_group_tests(tests, setup, teardown);
}
