/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as what the other end of the channel says: messages, or a refusal, and then the end. */
#include "base/file.h"
#include "base/str.h"
#include "wire/channel.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        int pair[2], r;
        if (size > 100000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) /* fits into the socket's buffer */
                return 0;
        if (fd_write_all(pair[0], data, size) < 0)
                abort();
        close(pair[0]);
        do {
                json_t *m = NULL;
                r = channel_receive(pair[1], false, &m);
                if ((r > 0) != (m != NULL) || (m && !json_is_object(m)) || (r < 0 && r != -EBADMSG))
                        abort();
                json_decref(m);
        } while (r > 0);
        close(pair[1]);
        return 0;
}
