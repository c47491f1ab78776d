/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the worker says to the engine and asks it: one question and its answer at a time, from any thread. */
#include "transfer/transfer.h"

#include "wire/channel.h"

int transfer_tell(struct transfer *t, const struct transfer_msg *m, struct souk_err *err) {
        pthread_mutex_lock(&t->channel_lock);
        int r = transfer_send(FD_CHANNEL, m, err);
        pthread_mutex_unlock(&t->channel_lock);
        return r;
}

int transfer_ask(struct transfer *t, bool blob, const struct digest *d, bool *ret_known, struct souk_err *err) {
        const struct transfer_msg question = { .kind = TRANSFER_ASK, .ask = { blob, *d } };
        _cleanup_(transfer_msg_clear) struct transfer_msg answer = {};
        pthread_mutex_lock(&t->channel_lock);
        int r = transfer_send(FD_CHANNEL, &question, err);
        if (r >= 0)
                r = transfer_receive(FD_CHANNEL, false, &answer, err);
        pthread_mutex_unlock(&t->channel_lock);
        if (r < 0)
                return r;
        if (r == 0 || answer.kind != TRANSFER_KNOWN)
                return souk_err_set(err, SOUK_INTERNAL, -EPIPE, "the engine does not answer");
        *ret_known = answer.known;
        return 0;
}

int transfer_receive_fd(const char *what, struct souk_err *err) {
        int fd = channel_receive_fd(FD_CHANNEL);
        return fd < 0 ? souk_err_errno(err, fd, "receiving %s", what) : fd;
}
