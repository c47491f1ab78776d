/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attach messages to and from bytes: see attach_proto.h. */
#include "shim/attach_proto.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static uint64_t get_le(const uint8_t *p, size_t n) {
        uint64_t v = 0;
        for (size_t i = 0; i < n; i++)
                v |= (uint64_t) p[i] << (8 * i);
        return v;
}

static void put_le(uint8_t *p, size_t n, uint64_t v) {
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t) (v >> (8 * i));
}

int attach_message_parse(const void *bytes, size_t n, struct attach_message *ret) {
        const uint8_t *p = bytes;
        if (n < 1 || n > ATTACH_MESSAGE_MAX)
                return -EBADMSG;
        struct attach_message m = { .type = p[0], .data = p + 1, .len = n - 1 };
        p++;
        switch (m.type) {
        case ATTACH_HELLO: /* a later version may append fields */
                if (m.len < 2)
                        return -EBADMSG;
                m.version = p[0];
                m.flags = p[1];
                break;
        case ATTACH_RESIZE:
                if (m.len != 4)
                        return -EBADMSG;
                m.rows = (uint16_t) get_le(p, 2);
                m.cols = (uint16_t) get_le(p + 2, 2);
                break;
        case ATTACH_EXIT:
                if (m.len != 4)
                        return -EBADMSG;
                m.status = (int32_t) get_le(p, 4);
                break;
        case ATTACH_OVERRUN:
                if (m.len != 8)
                        return -EBADMSG;
                m.bytes = get_le(p, 8);
                break;
        case ATTACH_STDIN:
        case ATTACH_STDOUT:
        case ATTACH_STDERR:
                if (m.len == 0)
                        return -EBADMSG;
                break;
        case ATTACH_STDIN_EOF:
                if (m.len != 0)
                        return -EBADMSG;
                break;
        default:
                return -ENOMSG;
        }
        *ret = m;
        return 0;
}

int attach_send(int fd, enum attach_type type, const void *payload, size_t n) {
        uint8_t t = (uint8_t) type;
        struct iovec iov[2] = { { &t, 1 }, { (void *) payload, n } };
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n ? 2 : 1 };
        ssize_t k;
        do
                k = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (k < 0 && errno == EINTR);
        return k < 0 ? -errno : 0; /* a packet goes whole or not at all */
}

int attach_send_hello(int fd, uint8_t flags) {
        return attach_send(fd, ATTACH_HELLO, (uint8_t[]){ ATTACH_VERSION, flags }, 2);
}

int attach_send_resize(int fd, uint16_t rows, uint16_t cols) {
        uint8_t p[4];
        put_le(p, 2, rows);
        put_le(p + 2, 2, cols);
        return attach_send(fd, ATTACH_RESIZE, p, sizeof(p));
}

int attach_send_exit(int fd, int32_t status) {
        uint8_t p[4];
        put_le(p, 4, (uint32_t) status);
        return attach_send(fd, ATTACH_EXIT, p, sizeof(p));
}

int attach_send_overrun(int fd, uint64_t bytes) {
        uint8_t p[8];
        put_le(p, 8, bytes);
        return attach_send(fd, ATTACH_OVERRUN, p, sizeof(p));
}

int attach_receive(int fd, void *buf) {
        for (;;) {
                ssize_t k = recv(fd, buf, ATTACH_MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);
                /* The peer closed with messages of ours unread: told once, before what it had sent to us. */
                if (k < 0 && (errno == EINTR || errno == ECONNRESET))
                        continue;
                if (k < 0)
                        return -errno;
                return (size_t) k > ATTACH_MESSAGE_MAX ? -EBADMSG : (int) k;
        }
}
