/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --format templates: any text, over a value with everything in it. */
#include "base/str.h"
#include "cli/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static json_t *value;
        if (!value)
                value = json_loads("{\"ID\":\"x\\u001b\",\"N\":3,\"Null\":null,\"L\":[\"a\",[1,2.5]],\"M\":{\"k\":"
                                   "\"v\",\"T\":true}}",
                                   0, NULL);

        _cleanup_free_ char *text = xstrndup((const char *) data, size);
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_buf_ struct buf out = BUF_INIT(TEMPLATE_OUTPUT_MAX);
        struct souk_err err = {};
        if (template_parse(text, &t, &err) >= 0)
                (void) !template_eval(t, value, TEMPLATE_TERMINAL, &out, &err);
        return 0;
}
