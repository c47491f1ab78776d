/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_SHIM_ATTACH_CONNECT_H
#define SOUK_SHIM_ATTACH_CONNECT_H
#include "base/macro.h"

/**
 * attach_connect() - connect to the monitor and say hello
 * @patience_usec: how long to wait for a monitor that has not made its socket yet (its program is just being executed)
 * @pidfd:         borrowed: the workload; once it has ended the patience is short.  -EBADF: none
 * Return: socket (O_NONBLOCK), -ENOENT, -ECONNREFUSED, or another errno
 */
_must_check_ int attach_connect(int run_dir_fd, uint8_t hello_flags, uint64_t patience_usec, int pidfd);
#endif
