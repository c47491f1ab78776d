/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child's steps that concern file systems: see child.c for the rules. */
#include "container/child.h"

#include "base/str.h"
#include "sys/fs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static bool is_fs(int fd, long magic) {
        struct statfs s;
        return fstatfs(fd, &s) == 0 && (long) s.f_type == magic;
}

static int root_fd(const struct child *c) {
        return c->fds[0];
}

/* ---- mounts ------------------------------------------------------------------------------------------------------ */

int child_new_fs(struct child *c, const struct step *s) {
        static const char *const types[] = {
                [MACHINE_MOUNT_TMPFS] = "tmpfs",   [MACHINE_MOUNT_PROC] = "proc",     [MACHINE_MOUNT_SYSFS] = "sysfs",
                [MACHINE_MOUNT_MQUEUE] = "mqueue", [MACHINE_MOUNT_DEVPTS] = "devpts", [MACHINE_MOUNT_KIND_MAX] = NULL,
        };
        const struct machine_mount *m = s->mount;
        uint64_t attr = m->copy_up ? m->attr & ~(uint64_t) MOUNT_ATTR_RDONLY : m->attr;
        return c->fds[s->slot] = fs_new(types[m->kind], m->options, attr);
}

/* procfs, sysfs and cgroups must be where their names say, not where a symlink of the image leads. */
static int open_exact(struct child *c, const char *target) {
        struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
        for (int tries = 0;; tries++) {
                int fd = (int) syscall(SYS_openat2, root_fd(c), target + 1, &how, sizeof(how));
                if (fd >= 0 || errno != ENOENT || tries > 0)
                        return fd < 0 ? -errno : fd;
                int made = fs_make_in(root_fd(c), target, true);
                if (made < 0)
                        return made;
                close(made);
        }
}

static bool is_exact(const struct machine_mount *m) {
        return m->kind == MACHINE_MOUNT_PROC || m->kind == MACHINE_MOUNT_SYSFS || m->kind == MACHINE_MOUNT_CGROUP;
}

/* A tmpfs over a directory of the image starts with what the image has there, and with its mode and owner. */
static int fill_from_image(struct child *c, const struct machine_mount *m, int mount_fd) {
        _cleanup_close_ int from = fs_open_in(root_fd(c), m->target, O_RDONLY | O_DIRECTORY);
        _cleanup_close_ int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        if (from == -ENOENT)
                return 0;
        if (from < 0 || to < 0 || fstat(from, &st) < 0)
                return from < 0 ? from : -errno;
        int r = copy_up_directory(from, to);
        if (r >= 0 && !(m->options && strstr(m->options, "mode=")))
                r = child_check(fchmod(to, st.st_mode & 07777));
        if (r >= 0 && !(m->options && strstr(m->options, "uid=")))
                r = child_check(fchown(to, st.st_uid, st.st_gid));
        if (r >= 0 && m->attr & MOUNT_ATTR_RDONLY)
                r = fs_set_attr(mount_fd, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        return r;
}

int child_mount(struct child *c, const struct step *s) {
        const struct machine_mount *m = s->mount;
        int fd = c->fds[s->slot];
        int r = m->copy_up ? fill_from_image(c, m, fd) : 0;
        if (r < 0)
                return r;
        if (s->base >= 0) /* a directory that the host side has made in /dev */
                return fs_attach_at(fd, c->fds[s->base], s->path);
        bool directory = m->kind != MACHINE_MOUNT_BIND || m->source_is_dir;
        _cleanup_close_ int target =
                is_exact(m) ? open_exact(c, m->target) : fs_make_in(root_fd(c), m->target, directory);
        return target < 0 ? target : fs_attach(fd, target);
}

/* v2: the one tree; v1: a small tmpfs with a directory for each hierarchy. */
int child_mount_cgroup(struct child *c, const struct step *s) {
        int top = c->fds[s->slot];
        _cleanup_close_ int target = top < 0 ? -EBADF : open_exact(c, s->mount->target);
        if (top < 0)
                return 0; /* there are none to show */
        int r = target < 0 ? target : fs_attach(top, target);
        for (int i = 1; r >= 0 && c->cgroup_names && i < PLAN_CGROUP_SLOTS; i++)
                if (c->fds[s->slot + i] >= 0)
                        r = fs_attach_at(c->fds[s->slot + i], top, c->cgroup_names[i - 1]);
        if (r >= 0 && c->cgroup_names && s->mount->attr & MOUNT_ATTR_RDONLY)
                r = fs_set_attr(top, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, false);
        return r;
}

int child_pivot(struct child *c) {
        /* A root of our own over the old one; then nothing of the host is reachable by name. */
        _cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (slash < 0)
                return -errno;
        /* A mount namespace of another user namespace is a slave from its beginning. */
        if (!c->new_user && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return -errno;
        int r = fs_attach(root_fd(c), slash);
        if (r < 0)
                return r;
        if (fchdir(root_fd(c)) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
                return -errno;
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* ---- devices and the terminal ------------------------------------------------------------------------------------ */

/* A node of the host, where /dev is not of our own making. */
int child_device(struct child *c, const struct step *s) {
        const struct machine_device *d = s->device;
        _cleanup_close_ int target = fs_make_in(root_fd(c), d->path, false);
        return target < 0 ? target : fs_attach(c->fds[s->slot], target);
}

static int open_ptmx(struct child *c) {
        int slot = c->plan->pts_slot;
        int fd = slot >= 0 ? openat(c->fds[slot], "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) :
                             fs_open_in(root_fd(c), "dev/pts/ptmx", O_RDWR | O_NOCTTY);
        return fd < 0 && slot >= 0 ? -errno : fd;
}

static int bind_console(struct child *c) {
        _cleanup_close_ int node = fs_clone(c->console_fd, "", false);
        if (node < 0)
                return node;
        if (c->plan->dev_slot >= 0)
                return fs_attach_at(node, c->fds[c->plan->dev_slot], "console");
        _cleanup_close_ int target = fs_make_in(root_fd(c), "dev/console", false);
        return target < 0 ? target : fs_attach(node, target);
}

/* Nothing here is looked up by a path that the image could bend: the pair comes from one descriptor. */
int child_console(struct child *c) {
        const struct machine_process *p = &child_desc(c)->process;
        struct winsize ws = { .ws_row = p->rows, .ws_col = p->cols };
        int unlock = 0;
        _cleanup_close_ int master = open_ptmx(c);
        if (master < 0)
                return master;
        if (!is_fs(master, DEVPTS_SUPER_MAGIC))
                return -ENOTTY;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        c->console_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (c->console_fd < 0)
                return -errno;
        if (ws.ws_row && ioctl(master, TIOCSWINSZ, &ws) < 0)
                return -errno;
        if (c->go.uid != 0 && fchown(c->console_fd, c->go.uid, (gid_t) -1) < 0)
                return -errno;
        int r = c->join_pidfd < 0 ? bind_console(c) : 0;
        return r < 0 ? r : child_send(c, CHILD_CONSOLE, master);
}

/* ---- what is hidden ---------------------------------------------------------------------------------------------- */

/* One empty directory for all that are masked; made while the host side is still at work. */
int child_prepare_empty(struct child *c) {
        if (!child_desc(c)->masked_paths || !child_desc(c)->masked_paths[0] || c->join_pidfd >= 0)
                return 0;
        return c->empty_fd = fs_new("tmpfs", "nr_inodes=1,mode=555",
                                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* A clone of /dev/null, which is what it says (CVE-2025-31133: one that was swapped for a symlink). */
static int clone_null(struct child *c) {
        struct stat st;
        int dev = c->plan->dev_slot;
        _cleanup_close_ int null = dev >= 0 ? openat(c->fds[dev], "null", O_PATH | O_NOFOLLOW | O_CLOEXEC) :
                                              fs_open_in(root_fd(c), "dev/null", O_PATH | O_NOFOLLOW);
        if (null < 0 || fstat(null, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                return -ENODEV;
        return fs_clone(null, "", false);
}

/* The path of a step as an O_PATH descriptor that no symlink of the image led to.  -ENOENT: not there */
static int open_hidden(struct child *c, const struct step *s) {
        int fd;
        if (s->base >= 0) {
                fd = openat(c->fds[s->base], s->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                return fd < 0 ? -errno : fd;
        }
        fd = fs_open_in(root_fd(c), s->path, O_PATH);
        if (fd >= 0 && str_startswith(s->path, "/proc/") && !is_fs(fd, PROC_SUPER_MAGIC)) {
                close(fd);
                return -EXDEV;
        }
        return fd;
}

static bool is_missing(int r) {
        return r == -ENOENT || r == -ENOTDIR;
}

int child_mask(struct child *c, const struct step *s) {
        struct stat st;
        _cleanup_close_ int target = open_hidden(c, s);
        if (target < 0)
                return is_missing(target) ? 0 : target;
        if (fstat(target, &st) < 0)
                return -errno;
        /* The first directory gets the empty file system itself, the others clones: an older kernel clones only what is attached. */
        if (S_ISDIR(st.st_mode) && !c->empty_attached) {
                int r = fs_attach(c->empty_fd, target);
                c->empty_attached = r >= 0;
                return r;
        }
        _cleanup_close_ int cover = S_ISDIR(st.st_mode) ? fs_clone(c->empty_fd, "", false) : clone_null(c);
        return cover < 0 ? cover : fs_attach(cover, target);
}

int child_readonly_path(struct child *c, const struct step *s) {
        _cleanup_close_ int target = open_hidden(c, s);
        if (target < 0)
                return is_missing(target) ? 0 : target;
        _cleanup_close_ int clone = fs_clone(target, "", true);
        int r = clone < 0 ? clone : fs_set_attr(clone, MOUNT_ATTR_RDONLY, 0, 0, -EBADF, true);
        return r < 0 ? r : fs_attach(clone, target);
}

/* Through the descriptor of our own procfs, before it is attached: nothing can stand in its way (CVE-2025-52881). */
int child_sysctl(struct child *c, const struct step *s) {
        struct open_how how = { .flags = O_WRONLY | O_CLOEXEC,
                                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
        _cleanup_close_ int fd = (int) syscall(SYS_openat2, c->fds[s->base], s->path, &how, sizeof(how));
        if (fd < 0)
                return -errno;
        if (!is_fs(fd, PROC_SUPER_MAGIC))
                return -EXDEV;
        size_t n = strlen(s->value);
        return write(fd, s->value, n) == (ssize_t) n ? 0 : -errno;
}
