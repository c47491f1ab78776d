/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's device nodes, for privileged instances. */
#include "container/container.h"

#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <sys/sysmacros.h>

struct list {
        struct machine_device *v;
        size_t n;
};

/* Directories that are file systems of the instance's own, and what it gets anew. */
static bool is_skipped(const char *path) {
        static const char *const skipped[] = { "/dev/pts",     "/dev/shm", "/dev/mqueue",
                                               "/dev/console", "/dev/fd",  "/dev/ptmx" };
        for (size_t i = 0; i < ELEMENTSOF(skipped); i++)
                if (streq(path, skipped[i]))
                        return true;
        return false;
}

static int walk(struct list *list, const char *path, unsigned depth) {
        DIR *d = opendir(path);
        if (!d)
                return -errno;
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;
                _cleanup_free_ char *full = xasprintf("%s/%s", path, e->d_name);
                if (e->d_name[0] == '.' || is_skipped(full) || lstat(full, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode) && depth < 8)
                        (void) walk(list, full, depth + 1); /* a directory that vanishes holds nothing */
                if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                        continue;
                list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
                list->v[list->n++] = (struct machine_device){
                        .path = full,
                        .source = full,
                        .type = S_ISCHR(st.st_mode) ? 'c' : 'b',
                        .major = major(st.st_rdev),
                        .minor = minor(st.st_rdev),
                        .mode = st.st_mode & 07777,
                        .uid = st.st_uid,
                        .gid = st.st_gid,
                };
                full = NULL; /* the list's now */
        }
        closedir(d);
        return 0;
}

ssize_t container_host_devices(struct machine_device **ret) {
        struct list list = {};
        int r = walk(&list, "/dev", 0);
        if (r < 0)
                return r;
        *ret = list.v;
        return (ssize_t) list.n;
}

void container_devices_free(struct machine_device *v, size_t n) {
        for (size_t i = 0; i < n; i++)
                free((char *) (uintptr_t) v[i].path);
        free(v);
}
