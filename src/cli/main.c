/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The souk program. */
#include "cli.h"

#include <fcntl.h>

/* A caller may have closed 0..2: without this the store's files would get those numbers and be printed into. Read-only,
 * so that writing to a stream that was closed still fails. */
static void standard_fds_fill(void) {
        for (int fd = 0; fd < 3; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) /* takes the lowest free number */
                        abort();
}

int main(int argc, char **argv) {
        standard_fds_fill();
        return cli_finish(cli_main((const char *const *) argv));
}
