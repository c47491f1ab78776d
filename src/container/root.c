/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root and /dev, as detached mounts.
 *
 * A user namespace needs one trick (DESIGN section 5): the overlay is made with the credentials of whoever calls
 * fsopen; with ids that the map does not hold it would silently come up read-only.  So the file system ids are the
 * mapped root's while it is made, and the capabilities that this change drops are taken back.  /dev is a tmpfs of the
 * host's user namespace, because only there a device node can be opened; with the same trick it belongs to the
 * container's root.
 */
#include "container/apply.h"

#include "base/file.h"
#include "base/str.h"
#include "sys/fs.h"
#include "wire/channel.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* ---- as the container's root ------------------------------------------------------------------------------------- */

struct owner {
        struct __user_cap_data_struct caps[2];
        uid_t uid;
        gid_t gid;
        mode_t mask;
        bool changed;
};

static int set_capabilities(const struct owner *o) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        return syscall(SYS_capset, &h, o->caps) < 0 ? -errno : 0;
}

static void owner_leave(struct owner *o) {
        if (!o->changed)
                return;
        umask(o->mask);
        setfsuid(o->uid);
        setfsgid(o->gid);
        (void) !set_capabilities(o);
}

static int owner_enter(const struct machine_desc *d, struct owner *o, struct souk_err *err) {
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        *o = (struct owner){};
        if (syscall(SYS_capget, &h, o->caps) < 0)
                return souk_err_errno(err, errno, "reading the own capabilities");
        bool mapped = d->ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE;
        uid_t uid = mapped ? idmap_outside(d->uid_map, d->n_uid_map, 0) : geteuid();
        gid_t gid = mapped ? idmap_outside(d->gid_map, d->n_gid_map, 0) : getegid();
        o->mask = umask(0);
        o->gid = (gid_t) setfsgid(gid);
        o->uid = (uid_t) setfsuid(uid);
        o->changed = true;
        int r = set_capabilities(o);
        return r < 0 ? souk_err_errno(err, r, "keeping the own capabilities") : 0;
}

/* ---- overlay ----------------------------------------------------------------------------------------------------- */

static int idmapped_clone(int fd, const char *path, int userns_fd, struct souk_err *err) {
        _cleanup_close_ int clone = fs_clone(fd, path, false);
        if (clone < 0)
                return souk_err_errno(err, clone, "cloning the mount of a layer");
        int r = userns_fd < 0 ? 0 : fs_set_attr(clone, 0, 0, 0, userns_fd, false);
        if (r < 0)
                return souk_err_set(err, SOUK_UNSUPPORTED, r,
                                    "this kernel cannot map the ids of a layer's file system (%s): use --userns host",
                                    strerror(-r));
        return TAKE_FD(clone);
}

static int set_fd(int fs, const char *key, int fd, struct souk_err *err) {
        char path[32];
        int r = fsconfig(fs, FSCONFIG_SET_STRING, key, fd_path(fd, path, sizeof(path)), 0);
        return r < 0 ? souk_err_errno(err, errno, "overlay: setting %s", key) : 0;
}

/* One by one where the kernel has that (6.5), else in one string, of which fsconfig takes 255 bytes. */
static int set_lowers(int fs, const int *fds, size_t n, bool one_by_one, struct souk_err *err) {
        char path[32], all[256];
        size_t i = n, len = 0;
        for (; one_by_one && i > 0; i--)
                if (fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", fd_path(fds[i - 1], path, sizeof(path)), 0) < 0)
                        return souk_err_errno(err, errno, "overlay: adding layer %zu", i);
        for (; i > 0 && len < sizeof(all); i--)
                len += (size_t) snprintf(all + len, sizeof(all) - len, "%s%s", len ? ":" : "",
                                         fd_path(fds[i - 1], path, sizeof(path)));
        if (len >= sizeof(all))
                return souk_err_set(
                        err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                        "an image of %zu layers needs a kernel whose overlayfs has 'lowerdir+' (6.5 or later)", n);
        return !one_by_one && fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", all, 0) < 0 ?
                       souk_err_errno(err, errno, "overlay: setting the layers") :
                       0;
}

static int overlay_try(const int *lowers, size_t n, int upper, int work, bool discard, bool one_by_one, struct souk_err *err) {
        _cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return souk_err_errno(err, errno, "overlayfs");
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0);
        int r = set_lowers(fs, lowers, n, one_by_one, err);
        if (r >= 0 && upper >= 0)
                r = set_fd(fs, "upperdir", upper, err);
        if (r >= 0 && upper >= 0)
                r = set_fd(fs, "workdir", work, err);
        if (discard && upper >= 0) /* 5.10; else the end writes back all of the file system that the upper is on */
                (void) fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
        if (r < 0)
                return r;
        int fd = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -1 : fsmount(fs, FSMOUNT_CLOEXEC, 0);
        return fd < 0 ? souk_err_errno(err, errno, "mounting the root (overlay)") : fd;
}

/* In a mount namespace of its own: attaches the clones, so that an older overlayfs takes them, and makes the overlay. */
static int attach_and_create(const int *lowers, size_t n, int parent, int upper, int work, bool discard) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        _cleanup_close_ int top = fs_new("tmpfs", "mode=700", 0);
        _cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = top < 0 ? top : slash < 0 ? -errno : fs_attach(top, slash);
        for (size_t i = 0; r >= 0 && i <= n; i++) {
                char name[16];
                int mount_fd = i < n ? lowers[i] : parent;
                if (mount_fd < 0)
                        continue;
                snprintf(name, sizeof(name), "%zu", i);
                r = mkdirat(top, name, 0700) < 0 ? -errno : 0;
                _cleanup_close_ int at = openat(top, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (r >= 0)
                        r = at < 0 ? -errno : fs_attach(mount_fd, at);
        }
        return r < 0 ? r : overlay_try(lowers, n, upper, work, discard, false, NULL);
}

/* Before 6.15 or so, overlayfs only takes mounts of the caller's mount namespace: a child makes one, and hands the overlay
 * back.  The overlay has clones of its own; those of the child end with it. */
static int overlay_by_child(const int *lowers, size_t n, int parent, int upper, int work, bool discard, struct souk_err *err) {
        int sock[2], r = -EIO, fd = -EBADF, status;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) < 0)
                return souk_err_errno(err, errno, "mounting the root: socketpair");
        pid_t pid = fork();
        if (pid == 0) {
                close(sock[0]);
                fd = attach_and_create(lowers, n, parent, upper, work, discard);
                r = fd < 0 ? fd : 0;
                if (fd_write_all(sock[1], &r, sizeof(r)) >= 0 && fd >= 0)
                        (void) !channel_send_fd(sock[1], fd);
                _exit(0);
        }
        int fork_errno = errno;
        close(sock[1]);
        if (pid < 0)
                r = -fork_errno;
        else if (fd_read_all(sock[0], &r, sizeof(r)) >= 0 && r >= 0)
                r = fd = channel_receive_fd(sock[0]);
        close(sock[0]);
        if (pid > 0)
                while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                        ;
        return r < 0 ? souk_err_errno(err, r, "mounting the root (overlay)") : fd;
}

/* An older overlayfs takes any option and says only at the end that it does not know one, or does not like a mount. */
static int overlay_create(const int *lowers, size_t n, int parent, int upper, int work, bool discard, struct souk_err *err) {
        int fd = overlay_try(lowers, n, upper, work, discard, true, err);
        if (fd == -EINVAL)
                fd = overlay_try(lowers, n, upper, work, discard, false, err);
        return fd == -EINVAL ? overlay_by_child(lowers, n, parent, upper, work, discard, err) : fd;
}

/* The name of a directory in its parent. */
static int own_name(int fd, char *name, size_t size) {
        char link[32], path[4096];
        ssize_t n = readlink(fd_path(fd, link, sizeof(link)), path, sizeof(path) - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ENOENT;
        path[n] = '\0';
        const char *base = strrchr(path, '/');
        if (!base || !base[1] || strlen(base + 1) >= size)
                return -ENAMETOOLONG;
        strcpy(name, base + 1);
        return 0;
}

/* overlayfs wants upper and work on one mount: an idmapped clone of their parent.  Both are opened again below it;
 * the clone lives as long as the descriptor that is returned. */
static int open_upper(const struct machine_root *root, int userns_fd, int *upper, int *work, struct souk_err *err) {
        char upper_name[256], work_name[256];
        struct stat a, b;
        _cleanup_close_ int other = openat(root->work_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int parent = idmapped_clone(root->upper_fd, "..", userns_fd, err);
        if (parent < 0)
                return parent;
        if (other < 0 || fstat(other, &a) < 0 || fstat(parent, &b) < 0)
                return souk_err_errno(err, errno, "the directories of the writable layer");
        int r = a.st_ino != b.st_ino || a.st_dev != b.st_dev ? -EXDEV :
                                                               own_name(root->upper_fd, upper_name, sizeof(upper_name));
        if (r >= 0)
                r = own_name(root->work_fd, work_name, sizeof(work_name));
        if (r < 0)
                return souk_err_set(err, SOUK_INVALID, r,
                                    "the upper and the work directory of a container must be in one directory");
        *upper = openat(parent, upper_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        *work = openat(parent, work_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *upper < 0 || *work < 0 ? souk_err_errno(err, errno, "the directories of the writable layer") :
                                         TAKE_FD(parent);
}

static int make_overlay(struct apply *a, int userns_fd, struct souk_err *err) {
        const struct machine_desc *d = apply_desc(a);
        const struct machine_root *root = &d->root;
        _cleanup_free_ int *lowers = xcalloc(root->n_layers + 1, sizeof(int));
        _cleanup_close_ int upper = -EBADF, work = -EBADF;
        int parent = -EBADF;
        struct owner owner = {};
        size_t n = 0;
        int r = root->n_layers ? 0 : souk_err_set(err, SOUK_INVALID, -EINVAL, "the image has no layer");
        while (r >= 0 && n < root->n_layers) {
                r = lowers[n] = idmapped_clone(root->layer_fds[n], "", userns_fd, err);
                n += r >= 0;
        }
        if (r >= 0 && root->upper_fd >= 0)
                r = parent = open_upper(root, userns_fd, &upper, &work, err);
        if (r >= 0)
                r = owner_enter(d, &owner, err);
        if (r >= 0)
                r = overlay_create(lowers, n, parent, upper, work, root->discard_upper, err);
        owner_leave(&owner);
        for (size_t i = 0; i < n; i++)
                apply_close_late(a, lowers[i]);
        apply_close_late(a, parent);
        return r;
}

int root_make(struct apply *a, struct souk_err *err) {
        const struct machine_root *root = &apply_desc(a)->root;
        int userns = root->idmap_layers ? a->userns_fd : -EBADF;
        if (root->dir_fd < 0)
                return a->slots[0] = make_overlay(a, userns, err);
        _cleanup_close_ int clone = fs_clone(root->dir_fd, "", true); /* a bundle may have mounts of its own below */
        if (clone < 0)
                return souk_err_errno(err, clone, "binding the root directory");
        int r = fs_set_attr(clone, 0, 0, MS_PRIVATE, -EBADF, true);
        if (r >= 0 && userns >= 0)
                r = fs_set_attr(clone, 0, 0, 0, userns, false);
        if (r < 0)
                return souk_err_errno(err, r, "mapping the ids of the root directory");
        return a->slots[0] = TAKE_FD(clone);
}

/* ---- /dev -------------------------------------------------------------------------------------------------------- */

static int make_parents(int dev, const char *path) {
        char prefix[256];
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                size_t n = (size_t) (slash - path);
                if (n >= sizeof(prefix))
                        return -ENAMETOOLONG;
                memcpy(prefix, path, n);
                prefix[n] = '\0';
                if (mkdirat(dev, prefix, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

static int make_node(const struct machine_desc *d, int dev, const char *path, const struct machine_device *node) {
        mode_t type = node->type == 'b' ? S_IFBLK : node->type == 'p' ? S_IFIFO : S_IFCHR;
        int r = make_parents(dev, path);
        if (r < 0)
                return r;
        if (mknodat(dev, path, type | (node->mode & 07777), makedev(node->major, node->minor)) < 0)
                return errno == EEXIST ? 0 : -errno; /* asked for twice */
        if (!node->uid && !node->gid)
                return 0;
        bool mapped = d->ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE;
        uid_t uid = mapped ? idmap_outside(d->uid_map, d->n_uid_map, node->uid) : node->uid;
        gid_t gid = mapped ? idmap_outside(d->gid_map, d->n_gid_map, node->gid) : node->gid;
        return fchownat(dev, path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* What the child will mount over, so that it need not look. */
static int make_targets(const struct machine_desc *d, int dev) {
        for (size_t i = 0; i < d->n_mounts; i++) {
                const char *name = str_startswith(d->mounts[i].target, "/dev/");
                if (!name || strchr(name, '/') || d->mounts[i].kind == MACHINE_MOUNT_BIND)
                        continue;
                if (mkdirat(dev, name, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        if (d->process.terminal && mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
                return -errno;
        return 0;
}

static int make_links(int dev) {
        static const char *const links[][2] = {
                { "/proc/self/fd", "fd" },       { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
                { "/proc/self/fd/2", "stderr" }, { "pts/ptmx", "ptmx" },         { "/proc/kcore", "core" },
        };
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (symlinkat(links[i][0], dev, links[i][1]) < 0 && errno != EEXIST)
                        return -errno;
        return 0;
}

static int fill_dev(const struct machine_desc *d, int dev, struct souk_err *err) {
        int r = make_targets(d, dev);
        for (size_t i = 0; r >= 0 && i < d->n_devices; i++) {
                const char *path = str_startswith(d->devices[i].path, "/dev/");
                if (path && (r = make_node(d, dev, path, &d->devices[i])) < 0)
                        return souk_err_errno(err, r, "making the device %s", d->devices[i].path);
        }
        if (r >= 0)
                r = make_links(dev);
        return r < 0 ? souk_err_errno(err, r, "filling /dev") : 0;
}

int root_make_dev(struct apply *a, const struct step *s, struct souk_err *err) {
        const struct machine_desc *d = apply_desc(a);
        struct owner owner;
        int r = owner_enter(d, &owner, err);
        _cleanup_close_ int dev =
                r < 0 ? -EBADF : fs_new("tmpfs", s->mount->options, s->mount->attr & ~(uint64_t) MOUNT_ATTR_RDONLY);
        if (r >= 0)
                r = dev < 0 ? souk_err_errno(err, dev, "making /dev (tmpfs)") : fill_dev(d, dev, err);
        owner_leave(&owner);
        if (r < 0)
                return r;
        a->slots[s->slot] = TAKE_FD(dev);
        return 0;
}
