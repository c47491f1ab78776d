/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's side of attach.
 *
 * The kernel's socket buffer is each client's queue: nothing is queued in this process.  When a client's buffer is full
 *   - the owner (the foreground client): the chunk stays with the caller, which stops reading the workload;
 *   - any other: the chunk is skipped for it and counted; once its buffer has drained it is told how much is missing.
 * Clients that give input are not read while the workload's stdin is full, so that their senders block in turn.
 *
 * The socket gets its name when it already listens: for a client ENOENT means "not yet", ECONNREFUSED means "dead".
 */
#include "shim/attach_server.h"

#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_MAX 512u /* accepted at once; the rest waits in the backlog */

struct attach_client {
        struct attach_server *server;
        struct attach_client *next;
        struct loop_source *source;
        int fd;                 /* -EBADF: gone, memory is freed later */
        bool hello, wants_output, wants_input, owner;
        bool blocked;           /* the owner's buffer is full */
        bool sized;             /* has sent its first RESIZE */
        uint64_t skipped;       /* bytes of output since its buffer became full */
};

struct attach_server {
        struct loop *loop;
        struct loop_source *source;
        const struct attach_server_ops *ops;
        void *user;
        struct attach_client *clients, *gone;
        struct attach_client *first_input;
        unsigned n_clients;
        int fd;
        bool expect_owner, had_input, input_paused, listening_paused, exited;
        int status;
        uint8_t *buf;           /* ATTACH_MESSAGE_MAX, while there are clients */
};

static void client_update(struct attach_client *c) {
        uint32_t events = c->wants_input && c->server->input_paused ? 0 : EPOLLIN;
        if (c->blocked || c->skipped)
                events |= EPOLLOUT;
        /* EPOLLHUP cannot be masked: edge-triggered it is told once instead of for ever */
        if (c->source)
                (void) !loop_set_events(c->source, events ? events : EPOLLET);
}

static void server_accept_more(struct attach_server *s, bool more) {
        if (s->source && s->listening_paused == more) {
                s->listening_paused = !more;
                (void) !loop_set_events(s->source, more ? EPOLLIN : EPOLLET);
        }
}

/* The struct stays until the next accept: callers up the stack may hold it. */
static void client_drop(struct attach_client *c) {
        struct attach_server *s = c->server;
        if (c->fd < 0)
                return;
        loop_source_free(TAKE_PTR(c->source));
        c->fd = fd_close(c->fd);
        for (struct attach_client **p = &s->clients; *p; p = &(*p)->next)
                if (*p == c) {
                        *p = c->next;
                        break;
                }
        c->next = s->gone;
        s->gone = c;
        if (--s->n_clients == 0) {
                free(s->buf);
                s->buf = NULL;
        }
        server_accept_more(s, true);
        if (s->first_input == c) {
                s->first_input = NULL;
                s->ops->input_end(s->user);
        }
        if (c->owner)
                s->ops->owner_ready(s->user);
}

static void gone_free(struct attach_server *s) {
        for (struct attach_client *c = s->gone, *next; c; c = next) {
                next = c->next;
                free(c);
        }
        s->gone = NULL;
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

static void client_hello(struct attach_client *c, const struct attach_message *m) {
        struct attach_server *s = c->server;
        if (c->hello || m->version < 1) {
                client_drop(c);
                return;
        }
        c->hello = true;
        c->wants_output = m->flags & ATTACH_WANT_OUTPUT;
        c->wants_input = m->flags & ATTACH_WANT_INPUT;
        if (c->wants_input && !s->had_input) {
                s->had_input = true;
                s->first_input = c;
        }
        if (!c->wants_output && s->exited) {
                (void) !attach_send_exit(c->fd, s->status);
                client_drop(c);
                return;
        }
        client_update(c);
        if (c->wants_output && s->expect_owner) {
                s->expect_owner = false;
                c->owner = true;
                s->ops->owner_ready(s->user);
        }
}

static void client_message(struct attach_client *c, const void *p, size_t n) {
        struct attach_server *s = c->server;
        struct attach_message m;
        int r = attach_message_parse(p, n, &m);
        if (r == -ENOMSG)
                return;
        if (r < 0 || (!c->hello && m.type != ATTACH_HELLO)) {
                client_drop(c);
                return;
        }
        switch (m.type) {
        case ATTACH_HELLO:
                client_hello(c, &m);
                break;
        case ATTACH_STDIN:
                if (c->wants_input)
                        s->ops->input(s->user, m.data, m.len);
                break;
        case ATTACH_STDIN_EOF:
                if (s->first_input == c) {
                        s->first_input = NULL;
                        s->ops->input_end(s->user);
                }
                break;
        case ATTACH_RESIZE:
                s->ops->resize(s->user, m.rows, m.cols, !c->sized && !c->owner);
                c->sized = true;
                break;
        default: /* ours to send */
                client_drop(c);
        }
}

static void client_writable(struct attach_client *c) {
        if (c->skipped && attach_send_overrun(c->fd, c->skipped) == 0)
                c->skipped = 0;
        bool was_blocked = c->blocked;
        c->blocked = false;
        client_update(c);
        if (was_blocked)
                c->server->ops->owner_ready(c->server->user);
}

static int client_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user) {
        struct attach_client *c = user;
        struct attach_server *s = c->server;
        if (events & EPOLLOUT)
                client_writable(c);
        if (c->fd < 0 || (c->wants_input && s->input_paused))
                return 0;
        if (events & EPOLLIN) {
                if (!s->buf)
                        s->buf = xmalloc(ATTACH_MESSAGE_MAX);
                int n = attach_receive(c->fd, s->buf);
                if (n > 0)
                        client_message(c, s->buf, (size_t) n);
                else if (n != -EAGAIN)
                        client_drop(c);
        } else if (events & (EPOLLHUP | EPOLLERR))
                client_drop(c);
        return 0;
}

/* ---- the socket -------------------------------------------------------------------------------------------------- */

static struct attach_client *client_new(struct attach_server *s, int fd_take) {
        struct attach_client *c = xcalloc(1, sizeof(*c));
        c->server = s;
        c->fd = fd_take;
        c->next = s->clients;
        s->clients = c;
        s->n_clients++;
        return c;
}

static bool peer_is_allowed(int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static int server_io(struct loop *loop, struct loop_source *source, uint32_t events, void *user) {
        struct attach_server *s = user;
        gone_free(s);
        if (s->n_clients >= CLIENTS_MAX) {
                server_accept_more(s, false); /* until somebody leaves */
                return 0;
        }
        _cleanup_close_ int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                        server_accept_more(s, s->n_clients == 0);
                return 0;
        }
        if (!peer_is_allowed(fd))
                return 0;
        struct attach_client *c = client_new(s, TAKE_FD(fd));
        if (loop_add_io(loop, c->fd, EPOLLIN, client_io, c, &c->source) < 0)
                client_drop(c);
        return 0;
}

static int socket_address(int run_dir_fd, const char *name, struct sockaddr_un *ret) {
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", run_dir_fd, name);
        return n < (int) sizeof(ret->sun_path) ? 0 : -ENAMETOOLONG;
}

static int socket_listen(int run_dir_fd) {
        static const char temp[] = ATTACH_SOCKET "~";
        struct sockaddr_un a;
        int r = socket_address(run_dir_fd, temp, &a);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (fchmod(fd, 0600) < 0) /* before bind: the file is made with it */
                return -errno;
        if (bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0) {
                if (errno != EADDRINUSE || unlinkat(run_dir_fd, temp, 0) < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                        return -errno;
        }
        if (listen(fd, 128) < 0)
                return -errno;
        if (renameat2(run_dir_fd, temp, run_dir_fd, ATTACH_SOCKET, RENAME_NOREPLACE) < 0) {
                if (errno != EEXIST && errno != EINVAL)
                        return -errno;
                unlinkat(run_dir_fd, "exit", 0); /* of an earlier run that left its directory */
                if (renameat(run_dir_fd, temp, run_dir_fd, ATTACH_SOCKET) < 0)
                        return -errno;
        }
        return TAKE_FD(fd);
}

int attach_server_open(struct loop *loop, int run_dir_fd, bool expect_owner, const struct attach_server_ops *ops, void *user,
                       struct attach_server **ret) {
        struct attach_server *s = xcalloc(1, sizeof(*s));
        s->loop = loop;
        s->ops = ops;
        s->user = user;
        s->expect_owner = expect_owner;
        s->fd = run_dir_fd >= 0 ? socket_listen(run_dir_fd) : -EBADF; /* fuzzing has no socket */
        int r = run_dir_fd >= 0 && s->fd < 0 ? s->fd : 0;
        if (r >= 0 && s->fd >= 0)
                r = loop_add_io(loop, s->fd, EPOLLIN, server_io, s, &s->source);
        if (r < 0) {
                fd_close(s->fd);
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

void attach_server_close(struct attach_server *s) {
        static const struct attach_server_ops none;
        while (s->exited && s->fd >= 0) { /* who connected in the last moment */
                _cleanup_close_ int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0)
                        break;
                if (peer_is_allowed(fd))
                        (void) !attach_send_exit(fd, s->status);
        }
        s->ops = &none;
        s->first_input = NULL;
        loop_source_free(TAKE_PTR(s->source));
        while (s->clients) {
                s->clients->owner = false;
                client_drop(s->clients);
        }
        gone_free(s);
        fd_close(s->fd);
        free(s->buf);
        free(s);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static int client_send(struct attach_client *c, enum attach_type type, const void *p, size_t n) {
        if (c->skipped) {
                c->skipped += n;
                return 0;
        }
        int r = attach_send(c->fd, type, p, n);
        if (r == -EAGAIN || r == -ENOBUFS) {
                if (c->owner)
                        c->blocked = true;
                else
                        c->skipped = n;
                client_update(c);
                return c->owner ? -EAGAIN : 0;
        }
        if (r < 0)
                client_drop(c);
        return 0;
}

int attach_server_output(struct attach_server *s, enum attach_type type, const void *p, size_t n) {
        int r = 0;
        for (struct attach_client *c = s->clients, *next; c; c = next) {
                next = c->next;
                if (c->wants_output && client_send(c, type, p, n) < 0)
                        r = -EAGAIN;
        }
        return r;
}

int attach_server_owner_output(struct attach_server *s, enum attach_type type, const void *p, size_t n) {
        for (struct attach_client *c = s->clients; c; c = c->next)
                if (c->owner)
                        return client_send(c, type, p, n);
        return 0;
}

void attach_server_pause_input(struct attach_server *s, bool paused) {
        if (s->input_paused == paused)
                return;
        s->input_paused = paused;
        for (struct attach_client *c = s->clients; c; c = c->next)
                if (c->wants_input)
                        client_update(c);
}

void attach_server_exit_waiters(struct attach_server *s, int status) {
        s->exited = true;
        s->status = status;
        for (struct attach_client *c = s->clients, *next; c; c = next) {
                next = c->next;
                if (c->hello && !c->wants_output) {
                        (void) !attach_send_exit(c->fd, status);
                        client_drop(c);
                }
        }
}

int attach_server_exit(struct attach_server *s, int status) {
        s->exited = true;
        s->status = status;
        for (struct attach_client *c = s->clients; c; c = c->next) {
                if (!c->owner)
                        continue;
                int r = attach_send_exit(c->fd, status);
                if (r == -EAGAIN || r == -ENOBUFS) {
                        c->blocked = true;
                        client_update(c);
                        return -EAGAIN;
                }
        }
        for (struct attach_client *c = s->clients; c; c = c->next) {
                if (c->owner)
                        continue;
                if (c->skipped)
                        (void) !attach_send_overrun(c->fd, c->skipped);
                (void) !attach_send_exit(c->fd, status); /* whoever misses it finds the exit file */
        }
        return 0;
}

void attach_server_feed(struct attach_server *s, int client_fd_take, const void *p, size_t n) {
        struct attach_client *c = NULL;
        for (c = s->clients; c && c->fd != client_fd_take; c = c->next)
                ;
        gone_free(s);
        if (!c)
                c = client_new(s, client_fd_take);
        client_message(c, p, n);
}
