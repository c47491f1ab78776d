/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attach client: the user's streams <-> the monitor's socket.
 *
 * Nothing blocks but poll(): the user's streams are shared with other processes and are not set to O_NONBLOCK; poll() is
 * asked first and at most PIPE_BUF bytes are written, so that a signal, or the end of the reader, is always noticed.
 *
 * Signals come through a signalfd.  With the terminal in raw mode: TERM, HUP, INT, QUIT restore it and then take
 * their course; TSTP restores it and stops; CONT takes it again and sends the size.  With sig_proxy they go to the workload.
 * The output is read until EXIT, which is the monitor's last message: nothing that the workload wrote is lost.
 */
#include "shim/attach.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach_connect.h"
#include "shim/attach_proto.h"
#include "shim/attach_terminal.h"
#include "shim/detach_keys.h"
#include "shim/sigproxy.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <souk/souk.h>

#define PATIENCE_USEC 5000000u
#define TYPED_BYTES 16384u

struct client {
        const struct attach_config *config;
        int sock, signal_fd;
        int in;                         /* -EBADF at its end */
        int out, err;
        bool workload_reads;            /* the socket takes input */
        bool done;                      /* *status is set */
        int status;
        struct attach_terminal terminal;
        struct detach_keys keys;
        sigset_t old_mask;
        uint8_t *message;               /* ATTACH_MESSAGE_MAX: from the monitor */
        uint8_t *typed;                 /* to the monitor: ... */
        size_t typed_len;               /* ... what the socket has not taken */
        bool eof_wanted, size_wanted;   /* to send when the socket takes it */
};

/* ---- to the monitor ---------------------------------------------------------------------------------------------- */

static bool socket_is_full(struct client *k, int r) {
        if (r < 0 && r != -EAGAIN && r != -ENOBUFS)
                k->workload_reads = false; /* it has gone; its last messages can still be read */
        return r == -EAGAIN || r == -ENOBUFS;
}

static bool terminal_size(const struct client *k, struct winsize *ret) {
        return (ioctl(k->out, TIOCGWINSZ, ret) == 0 || ioctl(k->config->in, TIOCGWINSZ, ret) == 0) && ret->ws_row && ret->ws_col;
}

static void send_pending(struct client *k) {
        struct winsize ws;
        if (k->size_wanted && k->workload_reads) {
                k->size_wanted = terminal_size(k, &ws) && socket_is_full(k, attach_send_resize(k->sock, ws.ws_row, ws.ws_col));
                if (k->size_wanted)
                        return;
        }
        if (k->typed_len && k->workload_reads) {
                if (socket_is_full(k, attach_send(k->sock, ATTACH_STDIN, k->typed, k->typed_len)))
                        return;
                k->typed_len = 0;
        }
        if (k->eof_wanted && k->workload_reads)
                k->eof_wanted = socket_is_full(k, attach_send(k->sock, ATTACH_STDIN_EOF, NULL, 0));
}

static bool has_pending(const struct client *k) {
        return k->workload_reads && (k->typed_len || k->eof_wanted || k->size_wanted);
}

static void read_input(struct client *k) {
        uint8_t chunk[TYPED_BYTES];
        ssize_t n = read(k->in, chunk, sizeof(chunk));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                k->in = -EBADF;
                k->eof_wanted = true;
        } else if (detach_keys_filter(&k->keys, chunk, (size_t) n, k->typed, &k->typed_len)) {
                k->done = true;
                k->status = SOUK_EXIT_DETACHED;
        }
        send_pending(k);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void terminal_take(struct client *k) {
        (void) !attach_terminal_raw(&k->terminal);
        k->size_wanted = true;
        send_pending(k);
}

/* The signal's own action, as if it had not been caught. */
static void signal_default(struct client *k, int sig) {
        sigset_t one, mask;
        attach_terminal_restore(&k->terminal);
        sigemptyset(&one);
        sigaddset(&one, sig);
        raise(sig);
        pthread_sigmask(SIG_UNBLOCK, &one, &mask); /* delivered here */
        pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static int handle_signals(struct client *k) {
        for (int sig; (sig = sigproxy_next(k->signal_fd)) > 0;) {
                if (sig == SIGWINCH && k->config->terminal) {
                        k->size_wanted = true;
                        send_pending(k);
                } else if (sig == SIGCONT)
                        terminal_take(k);
                else if (sig == SIGTSTP) {
                        signal_default(k, sig);
                        terminal_take(k); /* continued */
                } else if (k->config->sig_proxy && k->config->pidfd >= 0)
                        (void) !proc_pidfd_signal(k->config->pidfd, sig);
                else {
                        signal_default(k, sig);
                        return -EINTR; /* the program handles it itself, and goes on */
                }
        }
        return 0;
}

static int start_signals(struct client *k) {
        const struct attach_config *c = k->config;
        static const int for_terminal[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT };
        sigset_t set;
        bool proxy = c->sig_proxy && c->pidfd >= 0;
        if (!proxy && !c->terminal)
                return 0;
        sigemptyset(&set);
        if (proxy)
                sigproxy_add(&set);
        if (c->terminal)
                sigaddset(&set, SIGWINCH);
        for (size_t i = 0; k->terminal.raw && i < ELEMENTSOF(for_terminal); i++)
                sigaddset(&set, for_terminal[i]);
        k->signal_fd = sigproxy_open(&set, &k->old_mask);
        return k->signal_fd < 0 ? k->signal_fd : 0;
}

/* ---- from the monitor -------------------------------------------------------------------------------------------- */

/* 0 when @fd can be written, or has an error that writing will tell */
static int wait_writable(struct client *k, int fd) {
        for (;;) {
                struct pollfd p[2] = { { .fd = fd, .events = POLLOUT }, { .fd = k->signal_fd, .events = POLLIN } };
                if (poll(p, k->signal_fd < 0 ? 1 : 2, -1) < 0) {
                        if (errno != EINTR)
                                return -errno;
                        continue;
                }
                if (p[1].revents) {
                        int r = handle_signals(k);
                        if (r < 0)
                                return r;
                }
                if (p[0].revents)
                        return 0;
        }
}

static int write_out(struct client *k, int fd, const uint8_t *p, size_t n) {
        while (n && fd >= 0) {
                int r = wait_writable(k, fd);
                if (r < 0)
                        return r;
                ssize_t w = write(fd, p, MIN(n, (size_t) PIPE_BUF));
                if (w < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (w > 0) {
                        p += w;
                        n -= (size_t) w;
                }
        }
        return 0;
}

/* Whoever read our output has gone: there is nothing left to be attached for. */
static int output_failed(struct client *k, int r, struct souk_err *err) {
        if (r == -EPIPE || r == -EIO) { /* EIO: the terminal was hung up */
                k->done = true;
                k->status = SOUK_EXIT_DETACHED;
                return 0;
        }
        return r == -EINTR ? souk_err_set(err, SOUK_INTERRUPTED, r, "interrupted") : souk_err_errno(err, r, "writing the workload's output");
}

static int handle_message(struct client *k, size_t n, struct souk_err *err) {
        struct attach_message m;
        char text[128];
        int r = attach_message_parse(k->message, n, &m);
        if (r < 0)
                return 0; /* of a later version */
        switch (m.type) {
        case ATTACH_STDOUT:
                r = write_out(k, k->out, m.data, m.len);
                break;
        case ATTACH_STDERR:
                r = write_out(k, k->err, m.data, m.len);
                break;
        case ATTACH_OVERRUN:
                snprintf(text, sizeof(text), "\r\nsouk: %" PRIu64 " bytes of output were skipped: this reader was too slow\r\n", m.bytes);
                r = write_out(k, k->err >= 0 ? k->err : k->out, (const uint8_t *) text, strlen(text));
                break;
        case ATTACH_EXIT:
                k->done = true;
                k->status = m.status;
                break;
        default:
                break;
        }
        return r < 0 ? output_failed(k, r, err) : 0;
}

static int read_monitor(struct client *k, struct souk_err *err) {
        int n = attach_receive(k->sock, k->message);
        if (n > 0)
                return handle_message(k, (size_t) n, err);
        if (n == -EAGAIN)
                return 0;
        if (exit_file_read(k->config->run_dir_fd, &k->status, NULL) == 0) { /* its EXIT did not get through */
                k->done = true;
                return 0;
        }
        return souk_err_set(err, SOUK_INTERNAL, -EPIPE, "the monitor died; the exit status is lost");
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static int attach_round(struct client *k, struct souk_err *err) {
        bool take_input = k->in >= 0 && k->workload_reads && !has_pending(k);
        struct pollfd p[4] = {
                { .fd = k->sock, .events = (short) (POLLIN | (has_pending(k) ? POLLOUT : 0)) },
                { .fd = take_input ? k->in : -1, .events = POLLIN },
                { .fd = k->signal_fd, .events = POLLIN },
                { .fd = k->out, .events = 0 }, /* POLLERR: the reader of our output has gone */
        };
        if (poll(p, ELEMENTSOF(p), -1) < 0)
                return errno == EINTR ? 0 : souk_err_errno(err, errno, "poll");
        if (p[2].revents && handle_signals(k) < 0)
                return souk_err_set(err, SOUK_INTERRUPTED, -EINTR, "interrupted");
        if (p[0].revents & POLLOUT)
                send_pending(k);
        if (p[1].revents && !has_pending(k))
                read_input(k);
        if (!k->done && (p[0].revents & (POLLIN | POLLHUP | POLLERR))) {
                int r = read_monitor(k, err);
                if (r < 0)
                        return r;
        }
        return !k->done && (p[3].revents & POLLERR) ? output_failed(k, -EPIPE, err) : 0;
}

static int client_start(struct client *k, struct souk_err *err) {
        const struct attach_config *c = k->config;
        uint8_t flags = ATTACH_WANT_OUTPUT | (c->in >= 0 ? ATTACH_WANT_INPUT : 0);
        int r = detach_keys_parse(c->detach_keys, &k->keys, err);
        if (r < 0)
                return r;
        k->sock = attach_connect(c->run_dir_fd, flags, PATIENCE_USEC, c->pidfd);
        if (k->sock < 0)
                return souk_err_errno(err, k->sock, "attach: the monitor is not there");
        bool typed = c->terminal && c->in >= 0 && isatty(c->in);
        if (!typed)
                k->keys.n = 0; /* data, not keys */
        k->terminal.fd = typed ? c->in : c->out;
        k->terminal.output_only = !typed;
        if (typed || (c->terminal && c->out >= 0 && isatty(c->out)))
                r = attach_terminal_raw(&k->terminal);
        if (r < 0)
                return souk_err_errno(err, r, "setting the terminal to raw mode");
        r = start_signals(k);
        if (r < 0)
                return souk_err_errno(err, r, "signalfd");
        k->size_wanted = c->terminal;
        send_pending(k);
        return 0;
}

int attach_run(const struct attach_config *c, int *ret_status, struct souk_err *err) {
        struct client k = {
                .config = c,
                .sock = -EBADF,
                .signal_fd = -EBADF,
                .in = c->in, .out = c->out, .err = c->err,
                .workload_reads = true,
        };
        struct sigaction ignore = { .sa_handler = SIG_IGN }, old_pipe;
        k.message = xmalloc(ATTACH_MESSAGE_MAX);
        k.typed = xmalloc(TYPED_BYTES + DETACH_KEYS_MAX);
        sigaction(SIGPIPE, &ignore, &old_pipe);
        int r = client_start(&k, err);
        while (r >= 0 && !k.done)
                r = attach_round(&k, err);
        attach_terminal_restore(&k.terminal);
        if (k.signal_fd >= 0) {
                close(k.signal_fd);
                pthread_sigmask(SIG_SETMASK, &k.old_mask, NULL);
        }
        sigaction(SIGPIPE, &old_pipe, NULL);
        fd_close(k.sock);
        free(k.message);
        free(k.typed);
        if (r >= 0)
                *ret_status = k.status;
        return r;
}
