/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as JSON into a struct of every kind of field: ends in a description or in values that can be written again. */
#include "base/digest.h"
#include "base/json.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct inner {
        char *s;
        uint32_t u32;
};
struct all {
        char *s, **strv, **map, **keys;
        bool b;
        uint64_t u64;
        int64_t i64;
        double d;
        struct digest digest;
        struct inner in;
        json_t *raw;
};
static const struct json_field inner_fields[] = {
        { .key = "s", .kind = JSON_KIND_STRING, .offset = offsetof(struct all, in.s) },
        { .key = "u", .kind = JSON_KIND_U32, .offset = offsetof(struct all, in.u32), .flags = JSON_MANDATORY },
        {},
};
static const struct json_field fields[] = {
        { .key = "s", .kind = JSON_KIND_STRING, .offset = offsetof(struct all, s) },
        { .key = "v", .kind = JSON_KIND_STRV, .offset = offsetof(struct all, strv) },
        { .key = "m", .kind = JSON_KIND_MAP, .offset = offsetof(struct all, map) },
        { .key = "k", .kind = JSON_KIND_KEYS, .offset = offsetof(struct all, keys) },
        { .key = "b", .kind = JSON_KIND_BOOL, .offset = offsetof(struct all, b) },
        { .key = "u", .kind = JSON_KIND_U64, .offset = offsetof(struct all, u64) },
        { .key = "i", .kind = JSON_KIND_I64, .offset = offsetof(struct all, i64) },
        { .key = "d", .kind = JSON_KIND_DOUBLE, .offset = offsetof(struct all, d) },
        { .key = "h", .kind = JSON_KIND_DIGEST, .offset = offsetof(struct all, digest) },
        { .key = "o", .kind = JSON_KIND_OBJECT, .fields = inner_fields },
        { .key = "r", .kind = JSON_KIND_RAW, .offset = offsetof(struct all, raw) },
        {},
};

static void clear(struct all *a) {
        free(a->s);
        strv_free(a->strv);
        strv_free(a->map);
        strv_free(a->keys);
        free(a->in.s);
        json_decref(a->raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *copy = xmemdup(data, size); /* exact size: reading past it is seen */
        _cleanup_json_ json_t *j = NULL;
        struct souk_err err = {};
        struct all a = {};
        int r = json_parse_text(copy, size, "input", &j, &err);
        if (r >= 0)
                r = json_dispatch(j, fields, "$", &a, &err);
        if (r < 0 && (err.errnum != r || err.code == SOUK_OK || !err.msg[0]))
                abort();
        if (r >= 0) {
                json_t *again = json_build(fields, &a);
                struct all b = {};
                _cleanup_free_ char *text = json_text(again, false);
                json_decref(again);
                if (json_parse_text(text, strlen(text), "again", &again, &err) < 0 || json_dispatch(again, fields, "$", &b, &err) < 0 ||
                    strv_len(a.strv) != strv_len(b.strv) || a.u64 != b.u64 || a.i64 != b.i64 || a.in.u32 != b.in.u32 || !digest_equal(&a.digest, &b.digest))
                        abort();
                json_decref(again);
                clear(&b);
        }
        clear(&a);
        return 0;
}
