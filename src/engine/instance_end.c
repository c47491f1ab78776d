/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop, kill, wait, remove, and the one place where an end is recorded: instance_reap().  See instance.h for the states. */
#include "engine/instance.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach.h"

#include <signal.h>

#define KILL_WAIT_USEC 10000000ULL
#define STATUS_LOST (128 + SIGKILL)

static void own_boot_id(char *ret, size_t size) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        ret[0] = '\0';
        if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &n) >= 0 && n >= 36 && size > 36) {
                memcpy(ret, text, 36);
                ret[36] = '\0';
        }
}

static char *proc_text(int pid, const char *name) {
        _cleanup_free_ char *path = xasprintf("/proc/%d/%s", pid, name);
        char *text = NULL;
        size_t n;
        return file_read(AT_FDCWD, path, 4096, &text, &n) >= 0 ? text : NULL;
}

/* Ended, its monitor gone, and process 1 does not reap: there are containers whose process 1 is no init.  (A zombie whose monitor
 * lives is that one's business; Souk itself may be process 1.) */
static bool is_forgotten(pid_t pid) {
        char state;
        int parent;
        _cleanup_free_ char *stat = proc_text(pid, "stat"), *init = NULL;
        const char *p = stat ? strrchr(stat, ')') : NULL;
        if (!p || sscanf(p + 1, " %c %d", &state, &parent) != 2 || state != 'Z' || parent != 1)
                return false;
        init = proc_text(1, "comm");
        return !init || !str_startswith(init, "souk");
}

/* Does the recorded process still run?  A pid alone would be believed after it was reused, or after a reboot. */
static bool process_is_there(const struct store_instance *i) {
        uint64_t start;
        if (i->pid <= 0 || proc_start_time((pid_t) i->pid, &start) < 0 || start != i->pid_start || is_forgotten((pid_t) i->pid))
                return false;
        char boot_id[37];
        own_boot_id(boot_id, sizeof(boot_id));
        return streq(boot_id, i->boot_id);
}

int instance_not_running(const struct store_instance *i, const char *to_do, struct souk_err *err) {
        return souk_err_set(err, SOUK_WRONG_STATE, -ESRCH, "instance '%s' is not running (%s): %s", i->name,
                            souk_state_name(i->state), to_do);
}

int instance_pidfd(const struct store_instance *i, struct souk_err *err) {
        if (i->state != SOUK_STATE_RUNNING)
                return instance_not_running(i, "start it first", err);
        _cleanup_close_ int fd = proc_pidfd_open((pid_t) i->pid);
        if (fd < 0 || !process_is_there(i)) /* in this order: the pidfd holds the number while it is checked */
                return souk_err_set(err, SOUK_WRONG_STATE, -ESRCH, "instance '%s' has just ended", i->name);
        return TAKE_FD(fd);
}

int instance_delete(struct souk *s, const char *id, struct souk_err *err) {
        /* The record first: a lock taken meanwhile would make the directory of a recorded instance anew. */
        int r = store_instance_delete(s->store, id, err);
        fault_point("engine.between_record_and_dir");
        return r < 0 ? r : store_instance_dir_remove(s->store, id, err);
}

/* The caller holds the lock; the record says RUNNING, or STARTING with nobody at work. */
static int reap_locked(struct souk *s, struct store_instance *i, int status, struct souk_err *err) {
        bool oom = false;
        uint64_t finished_at = now_wall_usec();
        const char *why = NULL;
        _cleanup_close_ int run_fd = store_run_dir_open(s->store, i->id, NULL);
        if (status < 0 && i->state == SOUK_STATE_STARTING) {
                status = 125;
                why = "the start was interrupted";
        } else if (status < 0 && (run_fd < 0 || exit_file_read(run_fd, &status, &finished_at) < 0)) {
                status = STATUS_LOST;
                why = "its monitor was killed, or the machine went down: the exit status is lost";
        }
        int r = container_backend.destroy(i->id, &oom, err);
        if (r < 0)
                return r;
        fault_point("engine.after_destroy");
        store_run_dir_remove(s->store, i->id);
        if (i->autoremove)
                return instance_delete(s, i->id, err);
        return store_instance_exited(s->store, i->id, status, oom, why, finished_at, err);
}

int instance_reap(struct souk *s, const char *id, int status, struct souk_err *err) {
        _cleanup_close_ int lock = store_instance_lock(s->store, id, true, err);
        if (lock == -ENOENT)
                return 0; /* removed meanwhile */
        if (lock < 0)
                return lock;
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int r = store_instance_find(s->store, id, &i, err);
        if (r == -ENOENT)
                return 0;
        if (r < 0 || (i.state != SOUK_STATE_RUNNING && i.state != SOUK_STATE_STARTING))
                return r;
        return reap_locked(s, &i, status, err);
}

int souk_reap(struct souk *s, const char *ref, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int r = store_instance_find(s->store, ref, &i, err);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (i.state == SOUK_STATE_RUNNING && process_is_there(&i))
                return souk_err_set(err, SOUK_WRONG_STATE, -EBUSY, "instance '%s' still runs", i.name);
        return instance_reap(s, i.id, -1, err);
}

/* A monitor that still drains output or is about to record the end itself. */
static bool monitor_is_there(struct souk *s, const char *id) {
        int status;
        _cleanup_close_ int run_fd = store_run_dir_open(s->store, id, NULL);
        return run_fd >= 0 && attach_wait(run_fd, 0, &status, NULL) == -ETIMEDOUT;
}

bool instance_is_stale(struct souk *s, const struct store_instance *i) {
        if (i->state == SOUK_STATE_RUNNING)
                return !process_is_there(i) && !monitor_is_there(s, i->id);
        if (i->state != SOUK_STATE_STARTING)
                return false;
        _cleanup_close_ int lock = store_instance_lock(s->store, i->id, false, NULL);
        return lock != -EAGAIN && lock != -EWOULDBLOCK;
}

int instance_refresh(struct souk *s, struct store_instance *i, struct souk_err *err) {
        if (!instance_is_stale(s, i))
                return 0;
        char id[DIGEST_HEX_LEN + 1];
        memcpy(id, i->id, sizeof(id));
        int r = instance_reap(s, id, -1, err);
        if (r < 0)
                return r;
        store_instance_clear(i);
        return store_instance_find(s->store, id, i, err);
}

int instance_find(struct souk *s, const char *ref, struct store_instance *ret, struct souk_err *err) {
        struct store_instance i = {};
        int r = store_instance_find(s->store, ref, &i, err);
        if (r >= 0)
                r = instance_refresh(s, &i, err);
        if (r < 0) {
                store_instance_clear(&i);
                return r;
        }
        *ret = i;
        return 0;
}

/* ---- verbs ------------------------------------------------------------------------------------------------------- */

/* Until the monitor says that it has ended; then the record is brought up to date.  -ETIMEDOUT */
static int wait_end(struct souk *s, const struct store_instance *i, uint64_t timeout_usec, int *ret_status, struct souk_err *err) {
        int status = -1, r = -ENOENT;
        _cleanup_close_ int run_fd = store_run_dir_open(s->store, i->id, NULL);
        if (run_fd >= 0)
                r = attach_wait(run_fd, timeout_usec, &status, NULL);
        if (r == -ETIMEDOUT)
                return r;
        if (r < 0 && process_is_there(i)) { /* no monitor, but alive: it is dying of its monitor's death */
                _cleanup_close_ int pidfd = instance_pidfd(i, NULL);
                if (pidfd >= 0)
                        (void) !proc_pidfd_signal(pidfd, SIGKILL);
        }
        bool known = r >= 0;
        r = instance_reap(s, i->id, known ? status : -1, err);
        if (r < 0)
                return r;
        if (!known) {
                _cleanup_(store_instance_clear) struct store_instance now = {};
                status = store_instance_find(s->store, i->id, &now, NULL) >= 0 ? now.exit_status : STATUS_LOST;
        }
        *ret_status = status;
        return 0;
}

static int end_by_kill(struct souk *s, const struct store_instance *i, int pidfd, struct souk_err *err) {
        int status;
        int r = container_backend.signal(i->id, pidfd, SIGKILL, err);
        if (r < 0 && r != -ESRCH)
                return r;
        r = wait_end(s, i, KILL_WAIT_USEC, &status, err);
        if (r == -ETIMEDOUT)
                return souk_err_set(err, SOUK_TIMEOUT, r, "instance '%s' did not end within 10 s of SIGKILL: a process of it "
                                    "is stuck in the kernel; try again later", i->name);
        return r;
}

int souk_stop(struct souk *s, const char *ref, uint64_t timeout_usec, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        struct instance_spec spec = {};
        int r = instance_find(s, ref, &i, err), status;
        if (r < 0 || i.state != SOUK_STATE_RUNNING)
                return r;
        r = instance_spec_parse(i.spec, &spec, err);
        if (r < 0)
                return r;
        int sig = signal_from_name(spec.stop_signal);
        uint64_t patience = timeout_usec == UINT64_MAX ? spec.stop_timeout_usec : timeout_usec;
        instance_spec_clear(&spec);
        _cleanup_close_ int pidfd = instance_pidfd(&i, NULL);
        if (pidfd < 0)
                return wait_end(s, &i, KILL_WAIT_USEC, &status, err);
        r = container_backend.signal(i.id, pidfd, sig > 0 ? sig : SIGTERM, err);
        if (r < 0 && r != -ESRCH)
                return r;
        r = wait_end(s, &i, patience, &status, err);
        return r == -ETIMEDOUT ? end_by_kill(s, &i, pidfd, err) : r;
}

int souk_kill(struct souk *s, const char *ref, int signal, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int r = instance_find(s, ref, &i, err);
        if (r < 0)
                return r;
        _cleanup_close_ int pidfd = instance_pidfd(&i, err);
        if (pidfd < 0)
                return pidfd;
        r = container_backend.signal(i.id, pidfd, signal, err);
        return r == -ESRCH ? souk_err_set(err, SOUK_WRONG_STATE, r, "instance '%s' has just ended", i.name) : r;
}

int souk_wait(struct souk *s, const char *ref, int *ret_status, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int r = instance_find(s, ref, &i, err);
        if (r < 0)
                return r;
        if (i.state == SOUK_STATE_RUNNING)
                return wait_end(s, &i, UINT64_MAX, ret_status, err);
        if (i.state != SOUK_STATE_EXITED)
                return instance_not_running(&i, "start it first", err);
        *ret_status = i.exit_status;
        return 0;
}

int souk_remove(struct souk *s, const char *ref, bool force, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int r = instance_find(s, ref, &i, err);
        if (r < 0)
                return r;
        if (i.state == SOUK_STATE_RUNNING) {
                if (!force)
                        return souk_err_set(err, SOUK_WRONG_STATE, -EBUSY,
                                            "instance '%s' is running: stop it first, or remove it with --force", i.name);
                _cleanup_close_ int pidfd = instance_pidfd(&i, NULL);
                r = pidfd < 0 ? instance_reap(s, i.id, -1, err) : end_by_kill(s, &i, pidfd, err);
                if (r < 0)
                        return r;
        }
        _cleanup_close_ int lock = store_instance_lock(s->store, i.id, true, err);
        if (lock < 0 && lock != -ENOENT)
                return lock;
        _cleanup_(store_instance_clear) struct store_instance now = {};
        r = store_instance_find(s->store, i.id, &now, NULL);
        if (r == -ENOENT)
                return 0; /* it removed itself (--rm) */
        if (r >= 0 && (now.state == SOUK_STATE_RUNNING || now.state == SOUK_STATE_STARTING))
                return souk_err_set(err, SOUK_WRONG_STATE, -EBUSY, "instance '%s' was started again meanwhile", i.name);
        store_run_dir_remove(s->store, i.id);
        return instance_delete(s, i.id, err);
}
