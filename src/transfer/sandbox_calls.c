/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of souk-transfer: a list of what is allowed, the rest kills the process.  No call on it starts a
 * program or a process (clone makes threads only: what outlives the worker could change staged files after they were
 * checked), maps memory that can be run, opens a socket, or reaches another process.
 */
#include "transfer/sandbox.h"

#include "base/macro.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>

/* clang-format off */
static const int calls[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(readv), SCMP_SYS(writev),
        SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(pipe2),
        SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(readlinkat),
        SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getdents64), SCMP_SYS(fadvise64), SCMP_SYS(readahead),
        SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(copy_file_range),
        SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
        SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlinkat), SCMP_SYS(mkdirat),
        SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr), SCMP_SYS(lgetxattr), SCMP_SYS(llistxattr), SCMP_SYS(getxattr),
        SCMP_SYS(listxattr),
        SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
        SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
        SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
        SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getrandom), SCMP_SYS(uname),
        /* not every clock is in the vDSO */
        SCMP_SYS(sysinfo), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_getres),
        SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
        SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
};
static const int tree_calls[] = {
        SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(lchown), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(mknodat),
        SCMP_SYS(symlinkat), SCMP_SYS(linkat), SCMP_SYS(utimensat), SCMP_SYS(fsetxattr), SCMP_SYS(lsetxattr),
        SCMP_SYS(umask),
};
/* clang-format on */
static const unsigned file_commands[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC, F_SETPIPE_SZ };

#ifdef __s390x__
#define CLONE_FLAGS_ARG 1
#else
#define CLONE_FLAGS_ARG 0
#endif

static int allow_with_arguments(scmp_filter_ctx ctx) {
        uint64_t no_exec = PROT_EXEC, pid = (uint64_t) getpid();
        int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                 SCMP_CMP64(CLONE_FLAGS_ARG, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
        if (r >= 0) /* glibc then makes threads by clone, whose flags can be seen */
                r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (r >= 0)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                     SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, no_exec, 0));
        if (r >= 0)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                     SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, no_exec, 0));
        if (r >= 0) /* abort() */
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_CMP64(0, SCMP_CMP_EQ, pid));
        if (r >= 0) /* fault points */
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, SCMP_CMP64(0, SCMP_CMP_EQ, pid));
        if (r >= 0) /* of itself, to read */
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_CMP64(0, SCMP_CMP_EQ, 0),
                                     SCMP_CMP64(2, SCMP_CMP_EQ, 0));
        if (r >= 0) /* stdio asks whether stderr is a terminal */
                r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
        for (size_t i = 0; i < ELEMENTSOF(file_commands) && r >= 0; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                     SCMP_CMP64(1, SCMP_CMP_EQ, (uint64_t) file_commands[i]));
        return r;
}

int sandbox_filter_calls(unsigned flags, struct souk_err *err) {
#ifdef SANDBOX_SANITIZED
        return 0;
#endif
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = ctx ? allow_with_arguments(ctx) : -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(calls) && r >= 0; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
        for (size_t i = 0; flags & SANDBOX_TREE && i < ELEMENTSOF(tree_calls) && r >= 0; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, tree_calls[i], 0);
        if (r >= 0)
                r = seccomp_load(ctx);
        seccomp_release(ctx);
        return r < 0 ? souk_err_errno(err, r, "the seccomp filter") : 0;
}
