/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file "exit" in the run directory: "STATUS WALL_USEC\n".  Its reader, exit_file_read(), is in attach.h. */
#ifndef SOUK_SHIM_EXIT_FILE_H
#define SOUK_SHIM_EXIT_FILE_H
#include "base/macro.h"

#define EXIT_FILE "exit"
_must_check_ int exit_file_write(int run_dir_fd, int status, uint64_t wall_usec);
#endif
