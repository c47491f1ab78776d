/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_CHILD_H
#define SOUK_CONTAINER_CHILD_H
/*
 * The child, and the protocol between it and the host side (apply.c), over one SOCK_SEQPACKET pair that the exec
 * closes:
 *
 *   child -> host   'u'                      late user namespace: it has been made, map its ids
 *   host -> child   'm'                      the id maps are written
 *   host -> child   'c' + fds                control groups: files to write "0" to
 *   host -> child   struct child_go + fds    user and groups, the mounts of the slots that go.slots names
 *   child -> host   struct child_report      CONSOLE + fd: the master of the terminal
 *   child -> host   struct child_report      READY: all is set up, what is left is fork, filter and exec
 *   child -> host   struct child_report      FAILED: step and errno; then it exits
 *   end of file                              after READY: the program is executed; before: the child was killed
 *
 * An end of file on the child's side means that the host side died: the child exits.
 */
#include "container/plan.h"
#include "container/userdb.h"

struct child_go {
        uint32_t uid, gid, n_groups;
        uint32_t groups[USERDB_GROUPS_MAX];
        char home[sizeof("HOME=") + USERDB_HOME_MAX]; /* "HOME=/root", or "" when the environment has one */
        uint16_t n_slots, slots[PLAN_SENT_MAX];
};
enum child_report_kind { CHILD_CONSOLE = 1, CHILD_READY, CHILD_FAILED };
struct child_report {
        int32_t kind, step, errnum;
};

#define CHILD_CGROUPS_MAX 8

/* What the child works on; made by the host side before the clone, so that the child allocates nothing. */
struct child {
        const struct machine_plan *plan;
        int sock;                       /* the child's end */
        char **envp;                    /* one slot free before the NULL */
        size_t n_env;
        bool new_user, late_user;       /* a user namespace of its own; made by the child itself, after the clone */
        int join_pidfd;                 /* exec: the running container's first process */
        /* files to write "0" to; filled before the clone (exec), or received */
        int cgroup_fds[CHILD_CGROUPS_MAX];
        size_t n_cgroup_fds;
        bool cgroups_by_message;
        char *title;                    /* init: the memory of this program's arguments, which others can read */
        size_t title_size;
        const char *const *cgroup_names; /* of the directories of STEP_MOUNT_CGROUP; NULL: v2, one tree */
        /* the child's own state */
        int fds[PLAN_SLOTS_MAX];        /* mounts by slot; 0: the root */
        int console_fd, empty_fd;
        bool empty_attached;
        struct child_go go;
        char program[4096];
        size_t step;
};
/** child_main() - from clone to exec; never returns */
_Noreturn void child_main(struct child *c);

/* For the files of the child only.  Steps return 0 or a negative errno. */
static inline const struct machine_desc *child_desc(const struct child *c) {
        return c->plan->desc;
}
#define child_check(call) ((call) < 0 ? -errno : 0)
int child_send(struct child *c, enum child_report_kind kind, int fd);

/* child_fs.c */
int child_new_fs(struct child *c, const struct step *s);
int child_sysctl(struct child *c, const struct step *s);
int child_pivot(struct child *c);
int child_mount(struct child *c, const struct step *s);
int child_mount_cgroup(struct child *c, const struct step *s);
int child_device(struct child *c, const struct step *s);
int child_console(struct child *c);
int child_prepare_empty(struct child *c);
int child_mask(struct child *c, const struct step *s);
int child_readonly_path(struct child *c, const struct step *s);
/* copy_up.c: fills @to with what is in @from */
int copy_up_directory(int from, int to);

/* child_process.c */
int child_loopback(void);
int child_rlimits(struct child *c);
int child_workdir(struct child *c, const struct step *s);
int child_stdio(struct child *c);
int child_credentials(struct child *c);
int child_find_program(struct child *c);
int child_fork_init(struct child *c);
int child_seccomp(struct child *c);
int child_exec(struct child *c);

/** init_main() - PID 1 of --init: forwards signals to @pid, reaps, exits as it did */
_Noreturn void init_main(pid_t pid);
#endif
