/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_ENV_FILE_H
#define SOUK_WIRE_ENV_FILE_H
/* Docker's --env-file: lines of NAME=VALUE or NAME, comments, no quoting. */
#include "base/str.h"
#include <souk/err.h>

/** env_file_parse() - add the file's assignments to *env; a NAME alone takes the caller's value, or nothing.
 * SOUK_INVALID names file and line. */
int env_file_parse(const char *text, size_t len, const char *what, char *const *caller_env, char ***env,
                   struct souk_err *err);
#endif
