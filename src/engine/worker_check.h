/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_WORKER_CHECK_H
#define SOUK_ENGINE_WORKER_CHECK_H
/* What souk-transfer says, held against what can be known without it. */
#include "iface/worker.h"
#include "wire/transfer_msg.h"

struct worker_check {
        int staging_fd;
        enum layer_driver driver;
        struct worker_limits limits;
        bool keep_blobs;
        const struct worker_load *load; /* whom to ask what the store has; NULL: it has nothing */
};
/** worker_image_take() - from a message: strings and layers are moved */
void worker_image_take(struct transfer_image *from_take, struct worker_image *ret);
/**
 * worker_check_image() - texts hash to what they are called and name the layers that came; files of the right kind and
 * size are in staging; counts and sizes are within the limits.  Call when the worker is dead: it can write to staging.
 * Return: 0; -EPROTO, SOUK_INTERNAL.
 */
int worker_check_image(const struct worker_check *c, const struct worker_image *i, struct souk_err *err);
int worker_protocol_error(struct souk_err *err, const char *what);
#endif
