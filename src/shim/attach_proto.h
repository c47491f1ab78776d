/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of attach.h on the wire: SOCK_SEQPACKET, one type byte and a payload; integers are little-endian. */
#ifndef SOUK_SHIM_ATTACH_PROTO_H
#define SOUK_SHIM_ATTACH_PROTO_H
#include "base/macro.h"

#define ATTACH_SOCKET "attach.sock"
#define ATTACH_VERSION 1
#define ATTACH_PAYLOAD_MAX 32768u
#define ATTACH_MESSAGE_MAX (1 + ATTACH_PAYLOAD_MAX)

enum attach_type { /* numbers are for ever: a shim outlives upgrades */
        ATTACH_HELLO = 1,
        ATTACH_STDIN = 2,
        ATTACH_STDIN_EOF = 3,
        ATTACH_RESIZE = 4,
        ATTACH_STDOUT = 16,
        ATTACH_STDERR = 17,
        ATTACH_EXIT = 18,
        ATTACH_OVERRUN = 19,
};
enum attach_hello_flags { ATTACH_WANT_OUTPUT = 1, ATTACH_WANT_INPUT = 2 };

struct attach_message {
        enum attach_type type;
        const void *data;       /* STDIN, STDOUT, STDERR: borrowed from the received bytes */
        size_t len;
        uint8_t version, flags; /* HELLO */
        uint16_t rows, cols;    /* RESIZE */
        int32_t status;         /* EXIT */
        uint64_t bytes;         /* OVERRUN */
};

/** attach_message_parse() - 0; -EBADMSG malformed; -ENOMSG a type that this version does not know: skip it */
_must_check_ int attach_message_parse(const void *p, size_t n, struct attach_message *ret);
/** attach_send() - one message, never blocks, no SIGPIPE.  0, -EAGAIN, -EPIPE ... @n <= ATTACH_PAYLOAD_MAX */
_must_check_ int attach_send(int fd, enum attach_type type, const void *payload, size_t n);
_must_check_ int attach_send_hello(int fd, uint8_t flags);
_must_check_ int attach_send_resize(int fd, uint16_t rows, uint16_t cols);
_must_check_ int attach_send_exit(int fd, int32_t status);
_must_check_ int attach_send_overrun(int fd, uint64_t bytes);
/** attach_receive() - one message into @buf (ATTACH_MESSAGE_MAX), does not block.
 * Return: its length; 0 at the end; -EAGAIN; -EBADMSG when it is longer than the protocol allows. */
_must_check_ int attach_receive(int fd, void *buf);
#endif
