/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The merged root of an instance for reading: an overlay whose lowers are the instance's writable layer and then the image's
 * layers.  The writable layer is a lower here, so that this works beside the overlay of a running instance; nothing is
 * written, and the ids are those on disk: the instance's own.
 */
#include "base/file.h"
#include "base/str.h"
#include "store/store.h"

#include <sys/mount.h>

/* One call a lower where the kernel has it (6.5), else one "a:b:c" string of short /proc paths. */
static int overlay_lowers(int fs_fd, const int *fds, size_t n, bool one_by_one) {
        char path[40];
        for (size_t i = 0; one_by_one && i < n; i++)
                if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir+", fd_path(fds[i], path, sizeof(path)), 0) < 0)
                        return -errno;
        if (one_by_one)
                return 0;
        _cleanup_strv_ char **paths = NULL;
        for (size_t i = 0; i < n; i++)
                strv_push(&paths, fd_path(fds[i], path, sizeof(path)));
        _cleanup_free_ char *joined = strv_join(paths, ":");
        return fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir", joined, 0) < 0 ? -errno : 0;
}

static int overlay_try(const int *fds, size_t n, bool one_by_one) {
        _cleanup_close_ int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs_fd < 0)
                return -errno;
        int r = overlay_lowers(fs_fd, fds, n, one_by_one);
        if (r < 0)
                return r;
        int fd = fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -1 : fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
        return fd < 0 ? -errno : fd;
}

/* An overlayfs from before 6.5 takes any option, and says only at the end that it does not know one. */
static int overlay_mount(const int *fds, size_t n, struct souk_err *err) {
        int fd = overlay_try(fds, n, true);
        if (fd == -EINVAL)
                fd = overlay_try(fds, n, false);
        return fd < 0 ? souk_err_errno(err, fd, "mounting the merged root for reading (overlay)") : fd;
}

int store_merged_open(struct store *st, const char *id, const struct store_layer *layers, size_t n, struct souk_err *err) {
        _cleanup_close_ int dir = store_instance_dir_open(st, id, err);
        if (dir < 0)
                return dir;
        _cleanup_close_ int upper = openat(dir, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (upper < 0)
                return souk_err_errno(err, errno, "the writable layer of instance %.12s", id);
        if (n == 0) /* an overlay needs two */
                return TAKE_FD(upper);
        _cleanup_free_ int *layer_fds = NULL;
        int r = store_layers_open(st, layers, n, &layer_fds, err);
        if (r < 0)
                return r;
        _cleanup_free_ int *lowers = xcalloc(n + 1, sizeof(*lowers)); /* topmost first */
        lowers[0] = upper;
        for (size_t i = 0; i < n; i++)
                lowers[i + 1] = layer_fds[n - 1 - i];
        r = overlay_mount(lowers, n + 1, err);
        for (size_t i = 0; i < n; i++)
                fd_close(layer_fds[i]);
        return r;
}
