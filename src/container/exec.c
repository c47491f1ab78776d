/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One more process in a running container.  This thread enters the container's pid namespace for its children,
 * clones, and returns: so that one clone is enough, and the process is our child.  The child enters the other
 * namespaces itself.
 */
#include "container/apply.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <sched.h>
#include <stdio.h>

/* The workload may open /dev/stdout anew (nginx's logs do): its pipe must be its user's. */
static void give_stdio(const struct machine_desc *d, uint32_t uid) {
        struct stat st;
        bool mapped = d->ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE;
        uid_t owner = mapped ? idmap_outside(d->uid_map, d->n_uid_map, uid) : uid;
        for (int i = 0; i < 3; i++) {
                int fd = d->process.stdio[i];
                if (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid != owner)
                        (void) !fchown(fd, owner, (gid_t) -1);
        }
}

/* The root of a running process.  Afterwards the process must still be the one that the pidfd means. */
static int open_running_root(pid_t pid, int pidfd, struct souk_err *err) {
        char path[40];
        snprintf(path, sizeof(path), "/proc/%d/root", pid);
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || proc_pidfd_signal(pidfd, 0) < 0)
                return souk_err_set(err, SOUK_WRONG_STATE, -ESRCH, "the container is not running any more");
        return TAKE_FD(fd);
}

int exec_find_user(struct apply *a, struct souk_err *err) {
        const struct machine_desc *d = apply_desc(a);
        struct userdb_result u;
        int r = userdb_lookup(a->slots[0], &d->process, &u, err);
        if (r < 0)
                return r;
        struct child_go *go = &a->go;
        go->uid = u.uid;
        go->gid = u.gid;
        go->n_groups = u.n_groups;
        memcpy(go->groups, u.groups, u.n_groups * sizeof(*u.groups));
        if (!env_get(d->process.envp, "HOME"))
                snprintf(go->home, sizeof(go->home), "HOME=%s", u.home);
        give_stdio(d, u.uid);
        return 0;
}

static int exec_prepared(struct apply *a, pid_t pid, int pidfd, struct souk_err *err) {
        if (cgroup_is_frozen(apply_desc(a)->id))
                return souk_err_set(err, SOUK_WRONG_STATE, -EAGAIN, "the container is paused: resume it first");
        a->slots[0] = open_running_root(pid, pidfd, err);
        if (a->slots[0] < 0)
                return a->slots[0];
        int r = cgroup_open(apply_desc(a)->id, &a->cgroup, err);
        int n = r < 0 ? r : cgroup_join_files(&a->cgroup, a->child.cgroup_fds, err);
        if (n < 0)
                return n;
        a->child.n_cgroup_fds = (size_t) n;
        a->child.join_pidfd = pidfd;
        bool own_pids = apply_desc(a)->ns[MACHINE_NS_PID].mode != MACHINE_NS_HOST;
        _cleanup_close_ int self = own_pids ? open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC) : -EBADF;
        if (own_pids && (self < 0 || setns(pidfd, CLONE_NEWPID) < 0))
                r = souk_err_errno(err, errno, "joining the container's pid namespace");
        if (r >= 0)
                r = apply_steps(a, err);
        if (self >= 0 && setns(self, CLONE_NEWPID) < 0 && r >= 0)
                r = souk_err_errno(err, errno, "returning into the own pid namespace");
        for (int i = 0; i < n; i++)
                close(a->child.cgroup_fds[i]);
        return r;
}

int container_exec(const struct machine_desc *d, pid_t pid, int pidfd, const struct machine_process *p,
                   struct machine_run *run, struct souk_err *err) {
        struct machine_desc changed = *d;
        struct machine_plan *plan;
        changed.process = *p;
        int r = container_plan_exec(&changed, &plan, err);
        if (r < 0)
                return r;
        struct apply *a = xmalloc(sizeof(*a));
        apply_init(a, plan, run);
        r = exec_prepared(a, pid, pidfd, err);
        apply_clear(a);
        free(a);
        container_plan_free(plan);
        return r;
}
