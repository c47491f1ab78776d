/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_APPLY_H
#define SOUK_CONTAINER_APPLY_H
/* The host side of a start, shared by its files: what one apply or exec has in hand. */
#include "base/macro.h"
#include "container/cgroup.h"
#include "container/child.h"

struct apply {
        const struct machine_plan *plan;
        struct machine_run *run;
        struct child child;
        struct cgroup cgroup;
        bool cgroup_made;               /* to be removed again when this fails */
        int sock;                       /* the host's end */
        int userns_fd;
        int slots[PLAN_SENT_MAX];       /* mounts to send; 0: the root */
        int *late;                      /* detached mounts that nobody needs any more: see apply_close_late() */
        size_t n_late;
        struct child_go go;
        pid_t pid;
        int pidfd;
};
static inline const struct machine_desc *apply_desc(const struct apply *a) {
        return a->plan->desc;
}
void apply_init(struct apply *a, const struct machine_plan *plan, struct machine_run *run);
void apply_clear(struct apply *a);
/** apply_steps() - the steps of the host side, then the wait for the exec; undoes everything when it fails */
int apply_steps(struct apply *a, struct souk_err *err);
/** apply_close_late() - closing a detached mount waits for all CPUs (expedited RCU): that is done while the child
 * works */
void apply_close_late(struct apply *a, int fd_take);
/** apply_warn() - one line for run.warning; the first stays */
void apply_warn(struct apply *a, const char *fmt, ...) _printf_(2, 3);

/* clone.c */
struct joined {
        int own[MACHINE_NS_MAX];        /* namespaces to return to; -EBADF */
};
/** namespaces_join() - this thread enters those that are to be joined, for what is made meanwhile.  Always followed by
 * namespaces_leave(), also after a failure; -ENOTRECOVERABLE from that: this process is in the wrong namespace */
int namespaces_join(const struct machine_desc *d, struct joined *j, struct souk_err *err);
int namespaces_leave(struct joined *j, struct souk_err *err);
int clone_child(struct apply *a, uint64_t flags, int peer, struct souk_err *err);
int clone_map_ids(struct apply *a, struct souk_err *err);
uint32_t idmap_outside(const struct machine_idmap *map, size_t n, uint32_t inside);

/* root.c */
int root_make(struct apply *a, struct souk_err *err);
int root_make_dev(struct apply *a, const struct step *s, struct souk_err *err);

/* mounts.c */
int mounts_bind_source(struct apply *a, const struct step *s, struct souk_err *err);
int mounts_host_fs(struct apply *a, const struct step *s, struct souk_err *err);
int mounts_cgroup_fs(struct apply *a, const struct step *s, struct souk_err *err);
int mounts_device_source(struct apply *a, const struct step *s, struct souk_err *err);

/* exec.c */
int container_exec(const struct machine_desc *d, pid_t pid, int pidfd, const struct machine_process *p,
                   struct machine_run *run, struct souk_err *err);
int exec_find_user(struct apply *a, struct souk_err *err);
#endif
