/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Detach keys: see detach_keys.h.  As in Docker, what may become the sequence is held back until the next key decides. */
#include "shim/detach_keys.h"

#include "base/str.h"
#include "shim/attach.h"

static int key_parse(const char *s, uint8_t *ret) {
        if (strlen(s) == 1) {
                *ret = (uint8_t) s[0];
                return 0;
        }
        const char *ctrl = str_startswith(s, "ctrl-");
        if (!ctrl || strlen(ctrl) != 1)
                return -EINVAL;
        char c = *ctrl >= 'A' && *ctrl <= 'Z' ? (char) (*ctrl | 0x20) : *ctrl;
        if (!(c >= 'a' && c <= 'z') && !strchr("@[\\]^_", c))
                return -EINVAL;
        *ret = (uint8_t) (c & 0x1f);
        return 0;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct souk_err *err) {
        struct detach_keys d = {};
        if (!text)
                text = DETACH_KEYS_DEFAULT;
        _cleanup_strv_ char **keys = *text ? str_split(text, ',') : NULL;
        for (size_t i = 0; keys && keys[i]; i++) {
                if (d.n == DETACH_KEYS_MAX)
                        return souk_err_set(err, SOUK_USAGE, -EINVAL, "detach keys '%s': at most %d keys", text, DETACH_KEYS_MAX);
                if (key_parse(keys[i], &d.keys[d.n++]) < 0)
                        return souk_err_set(err, SOUK_USAGE, -EINVAL,
                                            "detach keys '%s': unknown key '%s'; give single characters, or ctrl- and one of a-z @ [ \\ ] ^ _",
                                            text, keys[i]);
        }
        *ret = d;
        return 0;
}

int attach_keys_check(const char *detach_keys, struct souk_err *err) {
        struct detach_keys d;
        return detach_keys_parse(detach_keys, &d, err);
}

/* @c does not continue the sequence: the longest end of (held keys + c) that begins it stays held, the rest goes out. */
static size_t mismatch(struct detach_keys *d, uint8_t c, uint8_t *out) {
        uint8_t held[DETACH_KEYS_MAX + 1];
        size_t n = d->matched + 1;
        memcpy(held, d->keys, d->matched);
        held[d->matched] = c;
        for (size_t drop = 1; drop <= n; drop++)
                if (memcmp(held + drop, d->keys, n - drop) == 0) {
                        memcpy(out, held, drop);
                        d->matched = n - drop;
                        return drop;
                }
        return 0; /* not reached: dropping all matches */
}

bool detach_keys_filter(struct detach_keys *d, const uint8_t *typed, size_t n, uint8_t *out, size_t *ret_n) {
        size_t len = 0;
        for (size_t i = 0; i < n; i++) {
                if (d->n == 0)
                        out[len++] = typed[i];
                else if (typed[i] != d->keys[d->matched])
                        len += mismatch(d, typed[i], out + len);
                else if (++d->matched == d->n) {
                        *ret_n = len;
                        return true;
                }
        }
        *ret_n = len;
        return false;
}
