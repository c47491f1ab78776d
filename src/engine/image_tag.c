/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk tag: one more name for an image. */
#include "base/str.h"
#include "engine/engine.h"
#include "wire/ref.h"

int souk_image_tag(struct souk *s, const char *ref, const char *new_ref, struct souk_err *err) {
        struct store_image i = { 0 };
        struct image_ref parsed = { 0 };
        _cleanup_free_ char *full = NULL;
        bool has_digest;
        int r;

        r = image_ref_parse(new_ref, &parsed, err);
        if (r < 0)
                return r;
        has_digest = parsed.digest != NULL;
        full = image_ref_format(&parsed);
        image_ref_clear(&parsed);
        if (has_digest)
                return souk_err_set(err, SOUK_INVALID, -EINVAL,
                                    "'%s' names a digest: a new name is a repository and a tag, as in 'debian:mine'", new_ref);
        r = store_image_find(s->store, ref, &i, err);
        if (r < 0)
                return r;
        r = store_image_name_set(s->store, full, i.id, err);
        store_image_clear(&i);
        return r;
}
