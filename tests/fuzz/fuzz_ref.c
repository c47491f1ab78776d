/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a reference: what is taken is canonical, survives another round, and can be typed as it is shown. */
#include "base/str.h"
#include "wire/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = xstrndup((const char *) data, size), *full = NULL, *again = NULL, *from_familiar = NULL;
        _cleanup_free_ char *repository = NULL, *tag = NULL;
        struct souk_err err = {};
        int r = image_ref_normalize(text, &full, &err);
        if (r < 0) {
                if (full || err.errnum != r || err.code != SOUK_INVALID || !err.msg[0])
                        abort();
                return 0;
        }
        _cleanup_free_ char *familiar = image_ref_familiar(full);
        image_ref_split(full, &repository, &tag);
        if (image_ref_normalize(full, &again, &err) < 0 || !streq(again, full) || image_ref_normalize(familiar, &from_familiar, &err) < 0 ||
            !streq(from_familiar, full) || strstr(repository, "..") || strpbrk(full, " \t\n\\"))
                abort();
        return 0;
}
