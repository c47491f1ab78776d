/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Confinement, before the first untrusted byte is read.  What is assumed: whoever wrote the archive runs code here.
 *
 *   mounts        staging and an input directory become detached mounts of their own: no device is ever opened through
 *                 them, and the input is read-only
 *   namespaces    no network, no System V IPC, and an empty read-only root: files are reached by given descriptors only
 *   Landlock      what may be done below staging; signals and abstract sockets stay inside (kernel 6.12)
 *   capabilities  none; unpacking a tree keeps those that it needs, reading a directory the one that reads all
 *   limits        memory, files, no core dump; not dumpable, dies with its parent
 *   seccomp       the calls that this program makes, see sandbox_calls.c
 *
 * It stays uid 0, so that staged files are root's: neither its files (empty root, Landlock) nor its processes (no kill,
 * no ptrace, no prlimit of others) can be reached with that.  A kernel without Landlock has the others, which are not
 * optional.  The tree driver keeps CAP_SYS_ADMIN, which writing trusted.overlay.opaque takes: the filter holds the rest
 * of what it would allow.
 */
#include "transfer/sandbox.h"

#include "base/file.h"
#include "sys/fs.h"
#include "transfer/transfer.h"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define MEMORY_MAX_BYTES (4ULL << 30) /* private and writable: what a layer of ten million entries takes */
#define FILES_MAX 1024

static int limit(int resource, rlim_t value) {
        struct rlimit now, wanted = { value, value };
        if (getrlimit((__rlimit_resource_t) resource, &now) < 0)
                return -errno;
        if (now.rlim_max < value)
                wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
        return setrlimit((__rlimit_resource_t) resource, &wanted) < 0 ? -errno : 0;
}

static int limit_resources(struct souk_err *err) {
        int r = limit(RLIMIT_CORE, 0);
        if (r >= 0)
                r = limit(RLIMIT_NOFILE, FILES_MAX);
#ifndef SANDBOX_SANITIZED
        if (r >= 0)
                r = limit(RLIMIT_DATA, MEMORY_MAX_BYTES);
#endif
        return r < 0 ? souk_err_errno(err, r, "limiting memory and files") : 0;
}

/*
 * @fd becomes a mount of its own with @attr; the number stays.  -EINVAL is no failure where the caller says so: a
 * descriptor of a detached mount cannot be cloned by older kernels.
 */
static int remount(int fd, uint64_t attr, bool recursive) {
        _cleanup_close_ int tree = fs_clone(fd, "", recursive);
        if (tree < 0)
                return tree;
        int r = fs_set_attr(tree, attr, 0, 0, -EBADF, recursive);
        if (r < 0)
                return r;
        _cleanup_close_ int root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return root < 0 || dup2(root, fd) < 0 ? -errno : 0;
}

/* Before the mount namespace is left: only mounts of one's own can be cloned. */
static int remount_given(unsigned flags, struct souk_err *err) {
        uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        int r = remount(FD_STAGING, attr, false);
        if (r < 0 && (flags & SANDBOX_TREE || (r != -EINVAL && r != -ENOSYS)))
                return souk_err_errno(err, r, "making the staging directory a mount without devices");
        r = flags & SANDBOX_READ_ALL ? remount(FD_INPUT, attr | MOUNT_ATTR_RDONLY, true) : 0;
        return r < 0 && r != -EINVAL && r != -ENOSYS ? souk_err_errno(err, r, "making the input read-only") : 0;
}

/* Objects of unpacked trees that cannot be opened are reached by /proc/self/fd: /proc is there for those, and Landlock
 * lets nothing of it be opened. */
static int make_root(unsigned flags, int proc) {
        int root = fs_new("tmpfs", "mode=555,size=4k,nr_inodes=4",
                          MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (root < 0 || !flags)
                return root;
        int r = mkdirat(root, "proc", 0555) < 0 ? -errno : 0;
        _cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (r >= 0)
                r = fs_attach(root, slash);
        if (r >= 0) {
                _cleanup_close_ int at = openat(root, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
                r = fs_attach(proc, at);
        }
        if (r < 0)
                close(root);
        return r < 0 ? r : root;
}

static int enter_root(unsigned flags, struct souk_err *err) {
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
                return souk_err_errno(err, errno, "unshare");
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return souk_err_errno(err, errno, "making the mounts private");
        _cleanup_close_ int proc = flags ? fs_clone(AT_FDCWD, "/proc", false) : -EBADF;
        if (flags && proc < 0)
                return souk_err_errno(err, proc, "/proc");
        _cleanup_close_ int root = make_root(flags, proc);
        int r = root < 0 ? root : 0;
        if (r >= 0 && !flags) {
                _cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                r = fs_attach(root, slash);
        }
        if (r >= 0 && (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
                       chdir("/") < 0))
                r = -errno;
        if (r >= 0)
                r = fs_set_attr(root, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        return r < 0 && r != -ENOSYS ? souk_err_errno(err, r, "entering an empty root") : 0;
}

static int drop_capabilities(unsigned flags, struct souk_err *err) {
        uint64_t keep = 0;
        if (flags & SANDBOX_TREE)
                keep |= 1ULL << CAP_CHOWN | 1ULL << CAP_MKNOD | 1ULL << CAP_FOWNER | 1ULL << CAP_DAC_OVERRIDE |
                        1ULL << CAP_SETFCAP | 1ULL << CAP_FSETID | 1ULL << CAP_SYS_ADMIN;
        if (flags & SANDBOX_READ_ALL)
                keep |= 1ULL << CAP_DAC_READ_SEARCH;
        for (int cap = 0; cap < 64; cap++)
                if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
                        break; /* that was the last one */
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2] = { { (uint32_t) keep, (uint32_t) keep, 0 },
                                               { (uint32_t) (keep >> 32), (uint32_t) (keep >> 32), 0 } };
        return syscall(SYS_capset, &h, d) < 0 ? souk_err_errno(err, errno, "dropping capabilities") : 0;
}

/* ---- Landlock ---------------------------------------------------------------------------------------------------- */

/* What newer kernels have than the headers that this is built with. */
#define LL_FS_V1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define LL_FS_REFER (1ULL << 13)     /* 2 */
#define LL_FS_TRUNCATE (1ULL << 14)  /* 3 */
#define LL_NET_TCP 3ULL              /* 4: bind, connect */
#define LL_FS_IOCTL_DEV (1ULL << 15) /* 5 */
#define LL_SCOPE_ALL 3ULL            /* 6: abstract sockets, signals */
struct ruleset {
        uint64_t fs, net, scoped;
};

static int add_rule(int ruleset, int fd, uint64_t access) {
        struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
        return (int) syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int restrict_files(unsigned flags, struct souk_err *err) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (abi < (flags & SANDBOX_TREE ? 2 : 1)) /* the first version refuses all links between directories */
                return 0;
        struct ruleset attr = {
                .fs = LL_FS_V1 | (abi >= 2 ? LL_FS_REFER : 0) | (abi >= 3 ? LL_FS_TRUNCATE : 0) |
                      (abi >= 5 ? LL_FS_IOCTL_DEV : 0),
                .net = LL_NET_TCP,
                .scoped = LL_SCOPE_ALL,
        };
        size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? offsetof(struct ruleset, scoped) : sizeof(attr.fs);
        uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
        uint64_t write = read | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                         LANDLOCK_ACCESS_FS_REMOVE_FILE | LL_FS_TRUNCATE;
        if (flags & SANDBOX_TREE)
                write = attr.fs & ~(LANDLOCK_ACCESS_FS_EXECUTE | LL_FS_IOCTL_DEV);
        _cleanup_close_ int ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        if (ruleset < 0)
                return souk_err_errno(err, errno, "Landlock");
        if (add_rule(ruleset, FD_STAGING, write & attr.fs) < 0)
                return souk_err_errno(err, errno, "Landlock: staging");
        if (flags & SANDBOX_READ_ALL && add_rule(ruleset, FD_INPUT, read) < 0)
                return souk_err_errno(err, errno, "Landlock: input");
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? souk_err_errno(err, errno, "Landlock") : 0;
}

int sandbox_enter(unsigned flags, struct souk_err *err) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return souk_err_errno(err, errno, "prctl");
        int r = limit_resources(err);
        if (r >= 0)
                r = remount_given(flags, err);
        if (r >= 0)
                r = enter_root(flags, err);
        if (r >= 0)
                r = restrict_files(flags, err);
        if (r >= 0)
                r = drop_capabilities(flags, err);
        if (r >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) /* again: new credentials may forget it */
                r = souk_err_errno(err, errno, "prctl");
        return r < 0 ? r : sandbox_filter_calls(flags, err);
}
