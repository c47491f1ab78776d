/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a record of a specification: what is taken is written the same again. */
#include "wire/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = xstrndup((const char *) data, size);
        struct instance_spec s = {}, again = {};
        struct souk_err err = {};
        int r = instance_spec_parse(text, &s, &err);
        if (r < 0) {
                if (err.errnum != r || err.code == SOUK_OK || !err.msg[0])
                        abort();
                return 0;
        }
        _cleanup_free_ char *first = instance_spec_format(&s);
        if (instance_spec_parse(first, &again, &err) < 0)
                abort();
        _cleanup_free_ char *second = instance_spec_format(&again);
        if (!streq(first, second))
                abort();
        strv_free(instance_spec_args(&s));
        instance_spec_clear(&s);
        instance_spec_clear(&again);
        return 0;
}
