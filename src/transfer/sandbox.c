/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Confinement, before the first untrusted byte is read: no new privileges, namespaces without a network, an empty root
 * (files are reached by the descriptors that were given), no capabilities (the tree driver keeps those that unpacking needs, reading a directory the one that
 * reads all), Landlock on what is left of the file system, and a seccomp filter that knows only what this program does.
 * A kernel without Landlock has the others, which are not optional.
 */
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/str.h"
#include "sys/fs.h"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MEMORY_MAX_BYTES (8ULL << 30)   /* of address space: archives are mapped, so this is no limit on memory in use */
#define FILES_MAX 1024

static int limit_resources(struct souk_err *err) {
        struct rlimit none = { 0, 0 }, files = { FILES_MAX, FILES_MAX }, now;
        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return souk_err_errno(err, errno, "limiting core dumps");
        if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max > FILES_MAX && setrlimit(RLIMIT_NOFILE, &files) < 0)
                return souk_err_errno(err, errno, "limiting open files");
        return 0;
}

/*
 * An empty root, in a mount namespace of its own.  Unpacked trees are walked by O_PATH descriptors, whose attributes can
 * only be had through /proc/self/fd: there /proc is in it, and Landlock lets nothing of it be opened.
 */
static int enter_root(unsigned flags, struct souk_err *err) {
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
                return souk_err_errno(err, errno, "unshare");
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return souk_err_errno(err, errno, "making the mounts private");
        _cleanup_close_ int proc = flags ? fs_clone(AT_FDCWD, "/proc", false) : -EBADF;
        _cleanup_close_ int root = fs_new("tmpfs", "mode=555,size=4k,nr_inodes=4", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        _cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = flags && proc < 0 ? proc : root < 0 ? root : fs_attach(root, slash);
        if (r >= 0 && flags)
                r = mkdirat(root, "proc", 0555) < 0 ? -errno : 0;
        if (r >= 0 && flags) {
                _cleanup_close_ int at = openat(root, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                r = fs_attach(proc, at);
        }
        if (r >= 0 && (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0))
                r = -errno;
        if (r >= 0)
                r = fs_set_attr(root, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        return r < 0 ? souk_err_errno(err, r, "entering an empty root") : 0;
}

static int drop_capabilities(unsigned flags, struct souk_err *err) {
        uint64_t keep = 0;
        if (flags & SANDBOX_TREE)
                keep |= 1ULL << CAP_CHOWN | 1ULL << CAP_MKNOD | 1ULL << CAP_FOWNER | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_SETFCAP |
                        1ULL << CAP_FSETID | 1ULL << CAP_SYS_ADMIN; /* the last for trusted.overlay.opaque */
        if (flags & SANDBOX_READ_ALL)
                keep |= 1ULL << CAP_DAC_READ_SEARCH;
        for (int cap = 0; cap < 64; cap++)
                if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
                        break;
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2] = { { (uint32_t) keep, (uint32_t) keep, 0 }, { (uint32_t) (keep >> 32), (uint32_t) (keep >> 32), 0 } };
        if (syscall(SYS_capset, &h, d) < 0)
                return souk_err_errno(err, errno, "dropping capabilities");
        return 0;
}

static int add_rule(int ruleset, int fd, uint64_t access) {
        struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
        return (int) syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int restrict_files(unsigned flags, struct souk_err *err) {
        uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
        uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* of the first version */
        struct landlock_ruleset_attr attr = { .handled_access_fs = all };
        _cleanup_close_ int ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
        struct stat st;
        if (ruleset < 0)
                return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : souk_err_errno(err, errno, "Landlock");
        if (add_rule(ruleset, FD_STAGING, all & ~(uint64_t) LANDLOCK_ACCESS_FS_EXECUTE) < 0)
                return souk_err_errno(err, errno, "Landlock: staging");
        if (fstat(FD_INPUT, &st) == 0 && S_ISDIR(st.st_mode) && add_rule(ruleset, FD_INPUT, read) < 0)
                return souk_err_errno(err, errno, "Landlock: input");
        if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return souk_err_errno(err, errno, "Landlock");
        return 0;
}

static const int calls[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pwritev), SCMP_SYS(lseek),
        SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
        SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(fcntl), SCMP_SYS(pipe2), SCMP_SYS(fadvise64),
        SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlinkat), SCMP_SYS(mkdirat), SCMP_SYS(getdents64), SCMP_SYS(readlinkat), SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2), SCMP_SYS(copy_file_range), SCMP_SYS(openat2),
        SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr), SCMP_SYS(lgetxattr), SCMP_SYS(llistxattr), SCMP_SYS(getxattr), SCMP_SYS(listxattr),
        SCMP_SYS(futex), SCMP_SYS(clone), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(tgkill), SCMP_SYS(getpid), SCMP_SYS(gettid),
        SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
        SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(prlimit64),
        SCMP_SYS(restart_syscall), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(kill), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(ioctl),
};
static const int tree_calls[] = {
        SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(lchown), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(mknodat), SCMP_SYS(symlinkat), SCMP_SYS(linkat),
        SCMP_SYS(utimensat), SCMP_SYS(fsetxattr), SCMP_SYS(lsetxattr), SCMP_SYS(setxattr), SCMP_SYS(chmod), SCMP_SYS(chown), SCMP_SYS(umask), SCMP_SYS(removexattr),
};

static int filter_calls(unsigned flags, struct souk_err *err) {
#if defined(__SANITIZE_ADDRESS__)
        return 0; /* the sanitizers' runtime makes system calls of its own */
#endif
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = ctx ? 0 : -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(calls) && r >= 0; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
        for (size_t i = 0; flags & SANDBOX_TREE && i < ELEMENTSOF(tree_calls) && r >= 0; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, tree_calls[i], 0);
        if (r >= 0) /* glibc then makes threads by clone, whose flags can be seen */
                r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (r >= 0)
                r = seccomp_load(ctx);
        seccomp_release(ctx);
        return r < 0 ? souk_err_errno(err, r, "the seccomp filter") : 0;
}

int sandbox_enter(unsigned flags, struct souk_err *err) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return souk_err_errno(err, errno, "prctl");
        int r = limit_resources(err);
        if (r >= 0)
                r = enter_root(flags, err);
        if (r >= 0)
                r = restrict_files(flags, err);
        if (r >= 0)
                r = drop_capabilities(flags, err);
        return r < 0 ? r : filter_calls(flags, err);
}
