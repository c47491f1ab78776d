/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts that the host side makes and sends: what is bound, and file systems of namespaces that the child does not
 * own. */
#include "container/apply.h"

#include "base/file.h"
#include "base/str.h"
#include "sys/fs.h"

#include <stdio.h>

/* The ids on disk are the container's.  Where the file system cannot map them, the files appear as nobody's. */
static void map_source(struct apply *a, const struct machine_mount *m, int clone) {
        int r = fs_set_attr(clone, 0, 0, 0, a->userns_fd, m->recursive);
        if (r < 0 && m->recursive) /* a submount that cannot: the top is what matters */
                r = fs_set_attr(clone, 0, 0, 0, a->userns_fd, false);
        if (r < 0)
                apply_warn(a, "%s: its file system cannot map ids, its files appear to be nobody's in the container",
                           m->source ? m->source : m->target);
}

static uint64_t propagation(const struct machine_mount *m) {
        return m->propagation & (MS_SHARED | MS_SLAVE | MS_UNBINDABLE) ?
                       m->propagation & (MS_SHARED | MS_SLAVE | MS_UNBINDABLE) :
                       MS_PRIVATE;
}

int mounts_bind_source(struct apply *a, const struct step *s, struct souk_err *err) {
        const struct machine_mount *m = s->mount;
        const char *name = m->source ? m->source : m->target;
        if (m->source_fd < 0)
                return souk_err_set(err, SOUK_INVALID, -EBADF, "the mount at '%s' has no source", m->target);
        _cleanup_close_ int clone = fs_clone(m->source_fd, "", m->recursive);
        if (clone < 0)
                return souk_err_errno(err, clone, "binding '%s'", name);
        if (m->idmap && a->userns_fd >= 0)
                map_source(a, m, clone);
        uint64_t clear = m->attr & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
        int r = fs_set_attr(clone, m->attr, clear, propagation(m), -EBADF, m->recursive);
        if (r < 0)
                return souk_err_errno(err, r, "setting the options of the mount of '%s'", name);
        a->slots[s->slot] = TAKE_FD(clone);
        return 0;
}

/* In the namespaces to be joined this thread mounts what shows them; in its own, what shows the host's. */
int mounts_host_fs(struct apply *a, const struct step *s, struct souk_err *err) {
        static const char *const types[] = {
                [MACHINE_MOUNT_PROC] = "proc",
                [MACHINE_MOUNT_SYSFS] = "sysfs",
                [MACHINE_MOUNT_MQUEUE] = "mqueue",
                [MACHINE_MOUNT_KIND_MAX] = NULL,
        };
        struct joined joined;
        int fd = -EBADF, r = namespaces_join(apply_desc(a), &joined, err);
        if (r >= 0) {
                fd = fs_new(types[s->mount->kind], s->mount->options, s->mount->attr);
                if (fd < 0)
                        r = souk_err_errno(err, fd, "mounting %s for %s", types[s->mount->kind], s->mount->target);
        }
        int left = namespaces_leave(&joined, err);
        if (fd >= 0)
                a->slots[s->slot] = fd;
        return left < 0 ? left : r;
}

/* Clones of the instance's own directories: in a cgroup namespace they look like roots.  The names in the tmpfs of v1
 * are those of cgroup_shown_names(). */
int mounts_cgroup_fs(struct apply *a, const struct step *s, struct souk_err *err) {
        const struct cgroup *g = &a->cgroup;
        int fds[PLAN_CGROUP_SLOTS - 1], r = 0;
        if (apply_desc(a)->ns[MACHINE_NS_CGROUP].mode != MACHINE_NS_PRIVATE)
                return 0; /* the host's groups are not shown */
        const char *const *names = cgroup_shown_names();
        cgroup_shown(g, fds);
        if (names) {
                _cleanup_close_ int top =
                        fs_new("tmpfs", "mode=755,nr_inodes=16", s->mount->attr & ~(uint64_t) MOUNT_ATTR_RDONLY);
                if (top < 0)
                        return souk_err_errno(err, top, "making %s (tmpfs)", s->mount->target);
                for (size_t i = 0; names[i]; i++)
                        if (fds[i] >= 0 && mkdirat(top, names[i], 0755) < 0)
                                return souk_err_errno(err, errno, "making %s", s->mount->target);
                a->slots[s->slot] = TAKE_FD(top);
        }
        for (size_t i = 0; r >= 0 && i < PLAN_CGROUP_SLOTS - 1; i++) {
                if (fds[i] < 0)
                        continue;
                _cleanup_close_ int clone = fs_clone(fds[i], "", false);
                r = clone < 0 ? clone : fs_set_attr(clone, s->mount->attr, 0, MS_PRIVATE, -EBADF, false);
                if (r >= 0)
                        a->slots[s->slot + (names ? 1 : 0) + (int) i] = TAKE_FD(clone);
        }
        return r < 0 ? souk_err_errno(err, r, "cloning the mount of a control group") : 0;
}

int mounts_device_source(struct apply *a, const struct step *s, struct souk_err *err) {
        const struct machine_device *d = s->device;
        struct stat st;
        _cleanup_close_ int node = open(d->source ? d->source : d->path, O_PATH | O_CLOEXEC);
        if (node < 0 || fstat(node, &st) < 0)
                return souk_err_errno(err, errno, "device %s", d->source ? d->source : d->path);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return souk_err_set(err, SOUK_INVALID, -ENOTBLK, "device %s: not a device node",
                                    d->source ? d->source : d->path);
        _cleanup_close_ int clone = fs_clone(node, "", false);
        int r = clone < 0 ? clone : fs_set_attr(clone, 0, 0, MS_PRIVATE, -EBADF, false);
        if (r < 0)
                return souk_err_errno(err, r, "binding the device %s", d->path);
        a->slots[s->slot] = TAKE_FD(clone);
        return 0;
}
