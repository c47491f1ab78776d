/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a configuration, a manifest and an index; and as a Dockerfile's instruction. */
#include "base/str.h"
#include "wire/image_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int r, const struct souk_err *err) {
        if (r < 0 && (err->errnum != r || err->code == SOUK_OK || !err->msg[0]))
                abort();
}

static void change(const char *text, size_t size) {
        _cleanup_free_ char *instruction = xstrndup(text, size);
        _cleanup_json_ json_t *config = json_object();
        struct souk_err err = {};
        int r = image_config_change(config, instruction, &err);
        check(r, &err);
        if (r < 0)
                return;
        _cleanup_json_ json_t *whole = json_pack("{s:O,s:{}}", "config", config, "rootfs");
        _cleanup_free_ char *again = json_text(whole, false);
        struct image_config c = {};
        if (image_config_parse(again, strlen(again), "changed", &c, &err) < 0) /* it must still be a configuration */
                abort();
        image_config_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *copy = xmemdup(data, size);
        struct image_config c = {};
        struct image_manifest m = {};
        struct image_index x = {};
        struct souk_err err = {};
        check(image_config_parse(copy, size, "config", &c, &err), &err);
        check(image_manifest_parse(copy, size, "manifest", &m, &err), &err);
        check(image_index_parse(copy, size, "index", &x, &err), &err);
        for (size_t i = 0; i < m.n_layers; i++)
                if (!m.layers[i].media_type || !digest_is_hex(m.layers[i].digest.hex))
                        abort();
        image_config_clear(&c);
        image_manifest_clear(&m);
        image_index_clear(&x);
        change(copy, size);
        return 0;
}
