/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any JSON as a message from a worker that was taken over: refused, or a message that can be said again. */
#include "base/str.h"
#include "wire/transfer_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_again(const struct transfer_msg *m) {
        _cleanup_json_ json_t *j = transfer_msg_build(m);
        struct transfer_msg n = {};
        struct souk_err err = {};
        if (transfer_msg_parse(j, &n, &err) < 0 || n.kind != m->kind || n.image.n_layers != m->image.n_layers)
                abort();
        _cleanup_json_ json_t *k = transfer_msg_build(&n);
        if (!json_equal(j, k))
                abort();
        transfer_msg_clear(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        json_t *j = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES, NULL);
        struct transfer_msg m = {};
        struct souk_err err = {};
        if (json_is_object(j)) {
                int r = transfer_msg_parse(j, &m, &err);
                if (r < 0 && (err.code != SOUK_INTERNAL || r != -EPROTO || !err.msg[0]))
                        abort();
                if (r >= 0)
                        say_again(&m);
                transfer_msg_clear(&m);
        }
        json_decref(j);
        return 0;
}
