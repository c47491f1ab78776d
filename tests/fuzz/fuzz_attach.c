/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an attach client may send: the input is a list of messages, each after its length (one byte; 255: the rest).
 * Between them the server sends output, so that the client's state matters.  The rest of the input is also tried as
 * detach keys, and as what is typed against them.
 */
#include "base/str.h"
#include "shim/attach_proto.h"
#include "shim/attach_server.h"
#include "shim/detach_keys.h"

#include <fcntl.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_input(void *user, const void *p, size_t n) {
        if (n == 0 || n > ATTACH_PAYLOAD_MAX)
                abort();
        free(xmemdup(p, n)); /* a sanitizer sees a length that is too long */
}
static void on_end(void *user) {
        if (++*(int *) user > 1) /* told once */
                abort();
}
static void on_resize(void *user, uint16_t rows, uint16_t cols, bool nudge) {
}
static void on_ready(void *user) {
}
static const struct attach_server_ops ops = { on_input, on_end, on_resize, on_ready };

static void serve(const uint8_t *p, const uint8_t *end) {
        int pair[2], ended = 0, flags = *p++;
        struct attach_server *s;
        struct loop *loop;
        if (loop_new(&loop) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
            attach_server_open(loop, -EBADF, flags & 1, &ops, &ended, &s) < 0)
                abort();
        bool closed = false;
        while (p < end && !closed) {
                size_t n = *p++;
                n = n == 255 ? (size_t) (end - p) : MIN(n, (size_t) (end - p));
                uint8_t *message = xmemdup(p, n);
                attach_server_feed(s, pair[0], message, n);
                free(message);
                p += n;
                closed = fcntl(pair[0], F_GETFD) < 0;
                if (!closed && (flags & 2))
                        (void) !attach_server_output(s, ATTACH_STDOUT, "output", 6);
                if (!closed && (flags & 4))
                        attach_server_exit_waiters(s, 1);
                closed = fcntl(pair[0], F_GETFD) < 0;
        }
        attach_server_close(s);
        close(pair[1]);
        loop_free(loop);
}

static void type_keys(const uint8_t *data, size_t size) {
        struct detach_keys d;
        struct souk_err err;
        size_t n = MIN((size_t) 12, size), total = 0, k;
        char *text = xstrndup((const char *) data, n);
        if (detach_keys_parse(text, &d, &err) == 0) {
                uint8_t *out = xmalloc(size + DETACH_KEYS_MAX);
                for (size_t i = n; i < size; i += 3) {
                        if (detach_keys_filter(&d, data + i, MIN((size_t) 3, size - i), out, &k))
                                break;
                        total += k;
                        if (total + d.matched != MIN(i + 3, size) - n) /* sent or held back, nothing else */
                                abort();
                }
                free(out);
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 2)
                return 0;
        serve(data, data + size);
        type_keys(data, size);
        return 0;
}
