/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON by dispatch tables over jansson: see json.h.  Nesting is limited by a scan before jansson's recursive parser runs. */
#include "base/json.h"

#include "base/digest.h"
#include "base/str.h"

#define DEPTH_MAX 64

/* Deepest nesting outside strings; malformed text is jansson's to find. */
static size_t text_depth(const char *text, size_t len) {
        size_t depth = 0, deepest = 0;
        bool in_string = false;
        for (size_t i = 0; i < len; i++) {
                char c = text[i];
                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"')
                        in_string = true;
                else if (c == '{' || c == '[') {
                        depth++;
                        deepest = MAX(deepest, depth);
                } else if ((c == '}' || c == ']') && depth > 0)
                        depth--;
        }
        return deepest;
}

int json_parse_text(const char *text, size_t len, const char *what, json_t **ret, struct souk_err *err) {
        json_error_t e;
        if (len > JSON_TEXT_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "%s: larger than %u bytes", what, JSON_TEXT_MAX);
        if (text_depth(text, len) > DEPTH_MAX)
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: nested deeper than %d levels", what, DEPTH_MAX);
        json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
        if (!j) {
                _cleanup_free_ char *safe = str_printable(e.text);
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: not valid JSON: line %d: %s", what, e.line, safe);
        }
        *ret = j;
        return 0;
}

static const char *const kind_names[] = {
        [JSON_KIND_STRING] = "a string",
        [JSON_KIND_BOOL] = "true or false",
        [JSON_KIND_U64] = "a whole number that is not negative",
        [JSON_KIND_I64] = "a whole number",
        [JSON_KIND_U32] = "a whole number below 2^32",
        [JSON_KIND_DOUBLE] = "a number",
        [JSON_KIND_STRV] = "an array of strings",
        [JSON_KIND_MAP] = "an object whose values are strings",
        [JSON_KIND_KEYS] = "an object",
        [JSON_KIND_DIGEST] = "a digest (sha256: and 64 hex digits)",
        [JSON_KIND_OBJECT] = "an object",
        [JSON_KIND_RAW] = "a value",
};
_Static_assert(ELEMENTSOF(kind_names) == JSON_KIND_RAW + 1, "a name for each kind");

static int wrong(const struct json_field *f, const char *path, struct souk_err *err) {
        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s.%s: expected %s", path, f->key, kind_names[f->kind]);
}

static int take_strv(json_t *v, char ***out) {
        size_t n = json_array_size(v);
        if (!json_is_array(v))
                return -EBADMSG;
        strv_free(*out);
        *out = xcalloc(n + 1, sizeof(char *));
        for (size_t i = 0; i < n; i++) {
                const char *s = json_string_value(json_array_get(v, i));
                if (!s)
                        return -EBADMSG;
                (*out)[i] = xstrdup(s);
        }
        return 0;
}

static int by_text(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int take_object(json_t *v, bool values, char ***out) {
        const char *key;
        json_t *item;
        size_t n = 0;
        if (!json_is_object(v))
                return -EBADMSG;
        strv_free(*out);
        *out = xcalloc(json_object_size(v) + 1, sizeof(char *));
        json_object_foreach(v, key, item) {
                if (values && !json_is_string(item))
                        return -EBADMSG;
                (*out)[n++] = values ? xasprintf("%s=%s", key, json_string_value(item)) : xstrdup(key);
        }
        qsort(*out, n, sizeof(char *), by_text);
        return 0;
}

static int take_integer(json_t *v, enum json_kind kind, void *out) {
        json_int_t n = json_integer_value(v);
        if (!json_is_integer(v) || (kind != JSON_KIND_I64 && n < 0) || (kind == JSON_KIND_U32 && n > UINT32_MAX))
                return -EBADMSG;
        if (kind == JSON_KIND_U32)
                *(uint32_t *) out = (uint32_t) n;
        else if (kind == JSON_KIND_U64)
                *(uint64_t *) out = (uint64_t) n;
        else
                *(int64_t *) out = n;
        return 0;
}

static int take_value(json_t *v, const struct json_field *f, const char *path, void *out, struct souk_err *err) {
        switch (f->kind) {
        case JSON_KIND_STRING:
                if (json_is_null(v))
                        return 0;
                if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
                        return -EBADMSG;
                free(*(char **) out);
                *(char **) out = xstrdup(json_string_value(v));
                return 0;
        case JSON_KIND_BOOL:
                if (!json_is_boolean(v))
                        return -EBADMSG;
                *(bool *) out = json_is_true(v);
                return 0;
        case JSON_KIND_U64:
        case JSON_KIND_I64:
        case JSON_KIND_U32:
                return take_integer(v, f->kind, out);
        case JSON_KIND_DOUBLE:
                if (!json_is_number(v))
                        return -EBADMSG;
                *(double *) out = json_number_value(v);
                return 0;
        case JSON_KIND_STRV:
                return json_is_null(v) ? 0 : take_strv(v, out);
        case JSON_KIND_MAP:
        case JSON_KIND_KEYS:
                return json_is_null(v) ? 0 : take_object(v, f->kind == JSON_KIND_MAP, out);
        case JSON_KIND_DIGEST:
                return json_is_string(v) && digest_parse(json_string_value(v), out) == 0 ? 0 : -EBADMSG;
        case JSON_KIND_OBJECT: {
                if (json_is_null(v))
                        return 0;
                if (!json_is_object(v))
                        return -EBADMSG;
                _cleanup_free_ char *deeper = xasprintf("%s.%s", path, f->key);
                return json_dispatch(v, f->fields, deeper, out, err) < 0 ? -ECANCELED : 0;
        }
        case JSON_KIND_RAW:
                json_decref(*(json_t **) out);
                *(json_t **) out = json_incref(v);
                return 0;
        }
        return -EBADMSG;
}

int json_dispatch(json_t *j, const struct json_field *fields, const char *path, void *out, struct souk_err *err) {
        if (!json_is_object(j))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s: expected an object", path);
        for (const struct json_field *f = fields; f->key; f++) {
                json_t *v = json_object_get(j, f->key);
                bool vector = f->kind == JSON_KIND_STRV || f->kind == JSON_KIND_MAP || f->kind == JSON_KIND_KEYS;
                if ((f->flags & JSON_MANDATORY) && (!v || (json_is_null(v) && !vector))) /* Go: null is an empty vector */
                        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "%s.%s: is missing", path, f->key);
                if (!v)
                        continue;
                int r = take_value(v, f, path, (char *) out + f->offset, err);
                if (r == -ECANCELED) /* described deeper down */
                        return -EBADMSG;
                if (r < 0)
                        return wrong(f, path, err);
        }
        return 0;
}

json_t *json_from_strv(char *const *v) {
        if (!v)
                return NULL;
        json_t *a = json_array();
        for (size_t i = 0; v[i]; i++) {
                json_t *s = json_string(v[i]);
                json_array_append_new(a, s ? s : json_string("")); /* not UTF-8 */
        }
        return a;
}

static json_t *build_object(char *const *v, bool values) {
        json_t *o = json_object();
        for (size_t i = 0; v[i]; i++) {
                const char *eq = values ? strchr(v[i], '=') : NULL;
                _cleanup_free_ char *key = eq ? xstrndup(v[i], (size_t) (eq - v[i])) : xstrdup(v[i]);
                json_object_set_new(o, key, values ? json_string(eq ? eq + 1 : "") : json_object());
        }
        return o;
}

static json_t *build_value(const struct json_field *f, const void *in) {
        char digest[DIGEST_STR_SIZE];
        char *const *strings;
        switch (f->kind) {
        case JSON_KIND_STRING:
                return *(char *const *) in ? json_string(*(char *const *) in) : NULL;
        case JSON_KIND_BOOL:
                return *(const bool *) in ? json_true() : NULL;
        case JSON_KIND_U64:
                return json_integer((json_int_t) *(const uint64_t *) in);
        case JSON_KIND_I64:
                return json_integer(*(const int64_t *) in);
        case JSON_KIND_U32:
                return json_integer(*(const uint32_t *) in);
        case JSON_KIND_DOUBLE:
                return json_real(*(const double *) in);
        case JSON_KIND_STRV:
                strings = *(char *const *const *) in;
                return strv_len(strings) ? json_from_strv(strings) : NULL;
        case JSON_KIND_MAP:
        case JSON_KIND_KEYS:
                strings = *(char *const *const *) in;
                return strv_len(strings) ? build_object(strings, f->kind == JSON_KIND_MAP) : NULL;
        case JSON_KIND_DIGEST:
                return str_empty(in) ? NULL : json_string(digest_format(in, digest));
        case JSON_KIND_OBJECT:
                return json_build(f->fields, in);
        case JSON_KIND_RAW:
                return json_incref(*(json_t *const *) in);
        }
        return NULL;
}

json_t *json_build(const struct json_field *fields, const void *in) {
        json_t *o = json_object();
        for (const struct json_field *f = fields; f->key; f++) {
                json_t *v = build_value(f, (const char *) in + f->offset);
                if (v)
                        json_object_set_new(o, f->key, v);
        }
        return o;
}

char *json_text(const json_t *j, bool pretty) {
        char *text = json_dumps(j, (pretty ? JSON_INDENT(4) : JSON_COMPACT) | JSON_ENCODE_ANY);
        return text ? text : xstrdup("null");
}
