/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor: wires the workload's streams (output.c, input.c), the log (logfile.c) and the attach socket
 * (attach_server.c) to one loop, and knows when it is all over:
 *
 *   RUNNING ---pidfd: waitid---> LINGERING ---streams at their end, or 500 ms---> ANNOUNCED ---all delivered---> DONE
 *
 * LINGERING  what is in the pipes is read; processes that outlived the workload may still write.
 * ANNOUNCED  the exit file is there and `souk wait` is answered.  After the 500 ms no more is read than was in the pipes
 *            then.  A slow foreground reader (a pager, a stopped terminal) may need any time for the rest.
 * DONE       attached clients get EXIT after their last output; monitor_run() returns.
 *
 * Cheap by laziness: a silent, short run makes an epoll, a socket and an exit file, nothing else; log file, buffers,
 * O_NONBLOCK and watches of the caller's streams come with the first byte that needs them.
 */
#include "shim/monitor.h"

#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach_server.h"
#include "shim/exit_file.h"
#include "shim/input.h"
#include "shim/output.h"
#include "shim/sigproxy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

#define LINGER_USEC 500000u
#define WAIT_ATTACH_USEC 5000000u
#define NUDGE_USEC 30000u

struct monitor {
        struct monitor_config *config;
        struct loop *loop;
        struct loop_source *pid_source;
        struct attach_server *server;
        struct log_file log;
        struct output out[2];
        struct input in;
        int peer_fd;            /* the terminal's other side: while we hold it, the master sees no hang-up */
        uint16_t rows, cols;    /* newest size that a client sent */
        int signal_fd;
        bool ended, lingered, announced, owner_missing, done;
        int status;
        int killed_by;          /* signal that was forwarded as SIGKILL: see sigproxy_would_be_lost() */
        uint64_t ended_at;      /* wall usec */
};

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void monitor_announce(struct monitor *m) {
        const struct monitor_config *c = m->config;
        m->announced = true;
        fault_point("monitor.before_exit_file");
        if (c->run_dir_fd >= 0) {
                int r = exit_file_write(c->run_dir_fd, m->status, m->ended_at);
                if (r < 0 && r != -ENOENT) /* ENOENT: the directory was removed under us */
                        log_warn("writing the exit status: %s", strerror(-r));
        }
        fault_point("monitor.after_exit_file");
        if (m->server)
                attach_server_exit_waiters(m->server, m->status);
}

static void monitor_check_end(struct monitor *m) {
        if (!m->ended || m->done)
                return;
        bool drained = m->out[0].fd < 0 && m->out[1].fd < 0;
        if (!m->announced && (drained || m->lingered))
                monitor_announce(m);
        for (int i = 0; i < 2; i++)
                if (m->out[i].chunk) /* held: not delivered whole */
                        return;
        if (!drained || m->owner_missing || (m->server && attach_server_exit(m->server, m->status) < 0))
                return;
        m->done = true;
        loop_stop(m->loop, 0);
}

/* The workload has ended, its reader takes its time, and the user has no more patience. */
static void monitor_abandon(struct monitor *m) {
        for (int i = 0; i < 2; i++)
                output_close(&m->out[i]);
        if (!m->announced)
                monitor_announce(m);
        if (m->server)
                (void) !attach_server_exit(m->server, m->status);
        m->done = true;
        loop_stop(m->loop, 0);
}

static int on_lingered(struct loop *loop, struct loop_source *s, void *user) {
        struct monitor *m = user;
        m->lingered = true;
        if (!m->owner_missing)
                for (int i = 0; i < 2; i++)
                        output_limit(&m->out[i]);
        monitor_check_end(m);
        return 0;
}

static int on_pidfd(struct loop *loop, struct loop_source *s, uint32_t events, void *user) {
        struct monitor *m = user;
        int r = proc_wait(m->config->pidfd, &m->status);
        if (r < 0)
                return r;
        loop_source_free(TAKE_PTR(m->pid_source));
        if (m->killed_by && m->status == 128 + SIGKILL)
                m->status = 128 + m->killed_by;
        m->ended = true;
        m->ended_at = now_wall_usec();
        m->peer_fd = fd_close(m->peer_fd);
        input_close(&m->in);
        monitor_check_end(m);
        return m->announced ? 0 : loop_add_timer(loop, LINGER_USEC, on_lingered, m, NULL);
}

/* ---- callbacks of the parts -------------------------------------------------------------------------------------- */

static void on_output_changed(void *user) {
        monitor_check_end(user);
}

static void on_input_full(void *user, bool full) {
        struct monitor *m = user;
        if (m->server)
                attach_server_pause_input(m->server, full);
}

static void on_client_input(void *user, const void *p, size_t n) {
        struct monitor *m = user;
        input_write(&m->in, p, n);
}

static void on_client_input_end(void *user) {
        struct monitor *m = user;
        if (m->config->stdin_once)
                input_end(&m->in);
}

static void owner_came_or_not(struct monitor *m) {
        if (!m->owner_missing)
                return;
        m->owner_missing = false;
        for (int i = 0; i < 2; i++) {
                output_resume(&m->out[i]);
                if (m->lingered)
                        output_limit(&m->out[i]);
        }
}

static void on_owner_ready(void *user) {
        struct monitor *m = user;
        owner_came_or_not(m);
        for (int i = 0; i < 2; i++)
                output_owner_ready(&m->out[i]);
        monitor_check_end(m);
}

static int on_owner_late(struct loop *loop, struct loop_source *s, void *user) {
        owner_came_or_not(user);
        monitor_check_end(user);
        return 0;
}

static void terminal_resize(struct monitor *m, uint16_t rows, uint16_t cols) {
        struct winsize ws = { .ws_row = rows, .ws_col = cols };
        if (m->in.fd >= 0)
                (void) !ioctl(m->in.fd, TIOCSWINSZ, &ws);
}

static int on_nudged(struct loop *loop, struct loop_source *s, void *user) {
        struct monitor *m = user;
        terminal_resize(m, m->rows, m->cols);
        return 0;
}

/* The kernel tells a workload only about a size that differs.  One who attaches wants to see the screen, so the size
 * changes by one row and, a moment later (an application that compares sizes must see both), back. */
static void on_client_resize(void *user, uint16_t rows, uint16_t cols, bool nudge) {
        struct monitor *m = user;
        struct winsize now;
        if (!m->config->terminal || m->in.fd < 0 || rows == 0 || cols == 0)
                return;
        m->rows = rows;
        m->cols = cols;
        nudge = nudge && ioctl(m->in.fd, TIOCGWINSZ, &now) == 0 && now.ws_row == rows && now.ws_col == cols &&
                loop_add_timer(m->loop, NUDGE_USEC, on_nudged, m, NULL) >= 0;
        terminal_resize(m, rows < UINT16_MAX ? rows + nudge : rows - nudge, cols);
}

static int on_signal(struct loop *loop, struct loop_source *s, uint32_t events, void *user) {
        struct monitor *m = user;
        for (int sig; (sig = sigproxy_next(m->signal_fd)) > 0;) {
                if (m->ended) {
                        if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM)
                                monitor_abandon(m);
                        continue;
                }
                bool lost = sigproxy_would_be_lost(m->config->pid, sig);
                if (lost && !m->killed_by)
                        m->killed_by = sig;
                (void) !proc_pidfd_signal(m->config->pidfd, lost ? SIGKILL : sig);
        }
        return 0;
}

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

static const struct attach_server_ops server_ops = {
        .input = on_client_input,
        .input_end = on_client_input_end,
        .resize = on_client_resize,
        .owner_ready = on_owner_ready,
};

static int start_streams(struct monitor *m) {
        struct monitor_config *c = m->config;
        m->in.loop = m->loop;
        m->in.terminal = c->terminal;
        m->in.full = on_input_full;
        m->in.user = m;
        m->in.fg = c->fg_in;
        for (int i = 0; i < 2; i++) {
                struct output *o = &m->out[i];
                o->loop = m->loop;
                o->server = &m->server;
                o->log = &m->log;
                o->changed = on_output_changed;
                o->user = m;
                o->stream = i == 0 ? LOG_STDOUT : LOG_STDERR;
                o->terminal = c->terminal;
                o->stopped = m->owner_missing;
                o->fg = i == 0 ? c->fg_out : c->fg_err;
        }
        if (c->terminal) {
                /* one number for each direction: each is watched for itself */
                m->in.fd = fcntl(m->out[0].fd, F_DUPFD_CLOEXEC, 3);
                if (m->in.fd < 0)
                        return -errno;
                m->peer_fd = ioctl(m->out[0].fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        }
        int r = output_start(&m->out[0]);
        if (r >= 0)
                r = output_start(&m->out[1]);
        return r < 0 ? r : input_start(&m->in);
}

static int start_signals(struct monitor *m, sigset_t *old_mask) {
        sigset_t set;
        sigemptyset(&set);
        sigproxy_add(&set);
        int fd = sigproxy_open(&set, old_mask);
        if (fd < 0)
                return fd;
        m->signal_fd = fd;
        return loop_add_io(m->loop, fd, EPOLLIN, on_signal, m, NULL);
}

static int monitor_start(struct monitor *m, sigset_t *old_mask) {
        struct monitor_config *c = m->config;
        int r = loop_new(&m->loop);
        if (r < 0)
                return r;
        m->owner_missing = c->wait_attach && c->run_dir_fd >= 0;
        if (c->run_dir_fd >= 0)
                r = attach_server_open(m->loop, c->run_dir_fd, c->wait_attach, &server_ops, m, &m->server);
        if (r >= 0 && c->sig_proxy)
                r = start_signals(m, old_mask);
        if (r >= 0)
                r = start_streams(m);
        if (r >= 0 && m->owner_missing)
                r = loop_add_timer(m->loop, WAIT_ATTACH_USEC, on_owner_late, m, NULL);
        return r < 0 ? r : loop_add_io(m->loop, c->pidfd, EPOLLIN, on_pidfd, m, &m->pid_source);
}

static void monitor_clear(struct monitor *m, const sigset_t *old_mask) {
        for (int i = 0; i < 2; i++)
                output_close(&m->out[i]);
        m->in.full = NULL;
        input_close(&m->in);
        log_file_close(&m->log);
        if (m->server)
                attach_server_close(m->server);
        m->peer_fd = fd_close(m->peer_fd);
        if (m->signal_fd >= 0) {
                m->signal_fd = fd_close(m->signal_fd);
                pthread_sigmask(SIG_SETMASK, old_mask, NULL);
        }
        if (m->loop)
                loop_free(m->loop);
}

int monitor_run(struct monitor_config *c, int *ret_status, struct souk_err *err) {
        struct monitor m = {
                .config = c,
                .log = LOG_FILE_INIT,
                .out = { OUTPUT_INIT, OUTPUT_INIT },
                .in = INPUT_INIT,
                .peer_fd = -EBADF,
                .signal_fd = -EBADF,
        };
        struct sigaction ignore = { .sa_handler = SIG_IGN }, old_pipe;
        sigset_t old_mask;
        m.out[0].fd = c->terminal ? TAKE_FD(c->in_fd) : TAKE_FD(c->out_fd);
        m.out[1].fd = TAKE_FD(c->err_fd);
        m.in.fd = c->terminal ? -EBADF : TAKE_FD(c->in_fd);
        log_file_init(&m.log, c->log_dir_fd, c->log_max_bytes, c->log_max_files);
        sigaction(SIGPIPE, &ignore, &old_pipe);
        int r = monitor_start(&m, &old_mask);
        if (r >= 0)
                r = loop_run(m.loop);
        unsigned lost = m.log.failures;
        monitor_clear(&m, &old_mask);
        sigaction(SIGPIPE, &old_pipe, NULL);
        if (lost)
                log_warn("part of the output could not be logged: is the disk full?");
        if (r < 0)
                return souk_err_errno(err, r, "monitoring process %d", c->pid);
        *ret_status = m.status;
        return 0;
}
