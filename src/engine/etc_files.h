/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_ETC_FILES_H
#define SOUK_ENGINE_ETC_FILES_H
#include "wire/spec.h"
/** etc_files_write() - hosts, hostname and resolv.conf of an instance into its directory, when they are not there yet */
int etc_files_write(int dir_fd, const struct instance_spec *s, struct souk_err *err);
#endif
