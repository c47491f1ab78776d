/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests as text: see digest.h. */
#include "base/digest.h"

#include "base/str.h"

bool digest_is_hex(const char *s) {
        return strlen(s) == DIGEST_HEX_LEN && strspn(s, "0123456789abcdef") == DIGEST_HEX_LEN;
}

int digest_parse(const char *s, struct digest *ret) {
        const char *hex = str_startswith(s, "sha256:");
        if (!hex) {
                const char *colon = strchr(s, ':');
                return colon && colon > s ? -EOPNOTSUPP : -EINVAL;
        }
        if (!digest_is_hex(hex))
                return -EINVAL;
        memcpy(ret->hex, hex, sizeof(ret->hex));
        return 0;
}

const char *digest_format(const struct digest *d, char buf[DIGEST_STR_SIZE]) {
        memcpy(buf, "sha256:", 7);
        memcpy(buf + 7, d->hex, DIGEST_HEX_LEN + 1);
        return buf;
}

bool digest_equal(const struct digest *a, const struct digest *b) {
        return streq(a->hex, b->hex);
}
