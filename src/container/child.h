/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_CHILD_H
#define SOUK_CONTAINER_CHILD_H
/*
 * The protocol between the host side (apply.c) and the child, over one SOCK_SEQPACKET pair that the exec closes:
 *   host -> child   'm'                      the id maps are written
 *   host -> child   'c'                      it is in its control groups
 *   host -> child   struct child_go + fds    user and groups; fds: the root, then the mounts of the plan's slots
 *   child -> host   struct child_report      CONSOLE + fd of the terminal's master; or FAILED: step and errno
 *   end of file                              the program was executed
 */
#include "container/plan.h"
#include "container/userdb.h"

struct child_go {
        uint32_t uid, gid, n_groups;
        uint32_t groups[USERDB_GROUPS_MAX];
        char home[sizeof("HOME=") + 256]; /* "HOME=/root", or "" when the environment has one */
};
enum child_report_kind { CHILD_CONSOLE = 1, CHILD_FAILED };
struct child_report {
        int32_t kind, step, errnum;
};

#define CHILD_CGROUP_TREES 5

/* What the child works on; made by the host side before the clone, so that the child allocates nothing. */
struct child {
        const struct machine_plan *plan;
        size_t first;                   /* of the child's steps */
        int sock;                       /* the child's end */
        int *step_fds;                  /* a detached mount for a step that needs one; -EBADF */
        char **envp;                    /* one slot free before the NULL */
        size_t n_env;
        bool new_user;                  /* a user namespace of its own: wait for the maps */
        int unshare_flags;              /* namespaces that the child makes itself, while the host side is at work */
        bool unshare_cgroup;            /* only once it is in its control groups: they become the root of what it sees */
        /* exec: join these instead of having been cloned into new ones */
        int join_pidfd;
        int join_flags;
        bool cgroup_v2;
        int cgroup_trees[CHILD_CGROUP_TREES];
        /* the child's own state */
        int root_fd, console_fd;
        struct child_go go;
        char program[4096];
        size_t step;
};
/** child_main() - from clone to exec; never returns */
_Noreturn void child_main(struct child *c);
/** init_main() - PID 1 of --init: forwards signals to @pid, reaps, exits as it did */
_Noreturn void init_main(pid_t pid);
#endif
