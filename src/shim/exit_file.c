/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exit status on disk: see exit_file.h. */
#include "shim/exit_file.h"

#include "base/file.h"
#include "base/str.h"
#include "shim/attach.h"

#include <inttypes.h>
#include <stdio.h>

int exit_file_write(int run_dir_fd, int status, uint64_t wall_usec) {
        char text[48];
        int n = snprintf(text, sizeof(text), "%d %" PRIu64 "\n", status, wall_usec);
        return file_replace(run_dir_fd, EXIT_FILE, 0600, text, (size_t) n);
}

int exit_file_read(int run_dir_fd, int *ret_status, uint64_t *ret_wall_usec) {
        char text[64];
        _cleanup_close_ int fd = openat(run_dir_fd, EXIT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        char *space = strchr(text, ' '), *end = strchr(text, '\n');
        uint32_t status;
        uint64_t at;
        if (!space || !end)
                return -EBADMSG;
        *space = *end = '\0';
        if (str_to_u32(text, &status) < 0 || str_to_u64(space + 1, &at) < 0 || status > 255)
                return -EBADMSG;
        *ret_status = (int) status;
        if (ret_wall_usec)
                *ret_wall_usec = at;
        return 0;
}
