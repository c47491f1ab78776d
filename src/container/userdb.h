/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_USERDB_H
#define SOUK_CONTAINER_USERDB_H
/* User and group names of an image, looked up in its own files: untrusted text. */
#include "iface/machine_desc.h"
#include <souk/err.h>

#define USERDB_GROUPS_MAX 256
#define USERDB_HOME_MAX 1024
struct userdb_result {
        uint32_t uid, gid;
        uint32_t groups[USERDB_GROUPS_MAX];
        uint32_t n_groups;
        char home[USERDB_HOME_MAX];                 /* "/" when the user is not in the file */
};
/** userdb_lookup() - @p's user and groups in /etc/passwd and /etc/group below @root_fd.
 * SOUK_INVALID: a name that is not there */
int userdb_lookup(int root_fd, const struct machine_process *p, struct userdb_result *ret, struct souk_err *err);
#endif
