/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounting one EROFS file.
 *
 * Linux 6.12 and later mount the file itself: no loop device, no second copy in the page cache.  Older kernels say
 * ENOTBLK; then a loop device with LO_FLAGS_AUTOCLEAR stands in between, which the kernel frees with the mount.  Nothing
 * but read-only is asked of the mount: setuid programs and device nodes belong to an image, and what a workload may do
 * with them is decided by its user namespace, capabilities and device cgroup.
 */
#include "store/mount.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define LOOP_ATTEMPTS 32

/* The kernel's own words about a failed mount, from the file system context; "" when it said nothing. */
static void context_read_log(int fs_fd, char *buf, size_t size) {
        ssize_t n = read(fs_fd, buf, size - 1);

        if (n < 0)
                n = 0;
        while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
                n--;
        buf[n] = '\0';
}

/* fsopen to fsmount.  Return: mount fd or negative errno; @log gets the kernel's words. */
static int erofs_mount_source(const char *source, char *log, size_t log_size) {
        _cleanup_close_ int fs_fd = fsopen("erofs", FSOPEN_CLOEXEC);
        int fd;

        log[0] = '\0';
        if (fs_fd < 0)
                return -errno;
        if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
            fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
            fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
                int r = -errno;

                context_read_log(fs_fd, log, log_size);
                return r;
        }
        fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
        return fd < 0 ? -errno : fd;
}

/* Tie @file_fd to the loop device, in one step (5.8) or in two. */
static int loop_bind(int loop_fd, int file_fd) {
        struct loop_config c = {
                .fd = (uint32_t) file_fd,
                .block_size = 4096,
                .info = { .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR },
        };

        if (ioctl(loop_fd, LOOP_CONFIGURE, &c) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOTTY)
                return -errno;
        if (ioctl(loop_fd, LOOP_SET_FD, file_fd) < 0)
                return -errno;
        if (ioctl(loop_fd, LOOP_SET_STATUS64, &c.info) < 0) {
                int r = -errno;

                ioctl(loop_fd, LOOP_CLR_FD, 0);
                return r;
        }
        return 0;
}

static int loop_open(int n, char *path, size_t path_size) {
        int fd;

        snprintf(path, path_size, "/dev/loop%d", n);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* A free loop device tied to the file: others look for one at the same time, so try again when it was taken. */
static int loop_attach(int file_fd, char *path, size_t path_size, struct souk_err *err) {
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

        if (control < 0)
                return souk_err_errno(err, errno, "open /dev/loop-control (this kernel mounts EROFS from loop devices only)");
        for (int attempt = 0; attempt < LOOP_ATTEMPTS; attempt++) {
                _cleanup_close_ int fd = -EBADF;
                int n, r;

                n = ioctl(control, LOOP_CTL_GET_FREE);
                if (n < 0)
                        return souk_err_errno(err, errno, "find a free loop device");
                fd = loop_open(n, path, path_size);
                if (fd < 0)
                        return souk_err_errno(err, fd, "open loop device '%s'", path);
                r = loop_bind(fd, file_fd);
                if (r == 0)
                        return TAKE_FD(fd);
                if (r != -EBUSY)
                        return souk_err_errno(err, r, "set up loop device '%s'", path);
        }
        return souk_err_set(err, SOUK_CONFLICT, -EBUSY, "no loop device could be had in %d attempts: try again", LOOP_ATTEMPTS);
}

static int erofs_error(int r, const char *path, const char *log, struct souk_err *err) {
        if (r == -ENODEV)
                return souk_err_set(err, SOUK_UNSUPPORTED, r,
                                    "this kernel has no EROFS (CONFIG_EROFS_FS): load its module, or set "
                                    "SOUK_LAYER_DRIVER=tree and load the image again");
        if (r == -ENOENT)
                return souk_err_set(err, SOUK_NOT_FOUND, r,
                                    "layer file '%s' is missing: load the image again; 'souk system check' lists what else "
                                    "is lost",
                                    path);
        if (r == -EINVAL || r == -EUCLEAN)
                return souk_err_set(err, SOUK_CORRUPT, r,
                                    "layer file '%s' is damaged (%s): remove the image and load it again", path,
                                    log[0] ? log : "the kernel does not take it");
        return souk_err_errno(err, r, "mount layer file '%s'%s%s", path, log[0] ? ": " : "", log);
}

static int erofs_mount_loop(const char *path, struct souk_err *err) {
        _cleanup_close_ int file_fd = -EBADF, loop_fd = -EBADF;
        char loop_path[32], log[256];
        int r;

        file_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (file_fd < 0)
                return erofs_error(-errno, path, "", err);
        loop_fd = loop_attach(file_fd, loop_path, sizeof(loop_path), err);
        if (loop_fd < 0)
                return loop_fd;
        r = erofs_mount_source(loop_path, log, sizeof(log));
        return r < 0 ? erofs_error(r, path, log, err) : r;
}

int erofs_mount_file(const char *path, struct souk_err *err) {
        const char *way = getenv("SOUK_LAYER_MOUNT");
        char log[256];
        int r;

        if (way && streq(way, "loop"))
                return erofs_mount_loop(path, err);
        r = erofs_mount_source(path, log, sizeof(log));
        if (r == -ENOTBLK)
                return erofs_mount_loop(path, err);
        return r < 0 ? erofs_error(r, path, log, err) : r;
}

bool erofs_is_supported(void) {
        _cleanup_close_ int fd = fsopen("erofs", FSOPEN_CLOEXEC); /* also loads the module */

        return fd >= 0;
}
