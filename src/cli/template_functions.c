/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of templates, and how values become text. */
#include "template.h"

#include "base/str.h"

#include <ctype.h>
#include <math.h>

static int fail(struct souk_err *err, const char *function, const char *what) {
        return souk_err_set(err, SOUK_USAGE, -EINVAL, "template: %s: %s", function, what);
}

bool template_truth(const json_t *v) {
        switch (json_typeof(v)) {
        case JSON_OBJECT:
                return json_object_size(v) > 0;
        case JSON_ARRAY:
                return json_array_size(v) > 0;
        case JSON_STRING:
                return json_string_length(v) > 0;
        case JSON_INTEGER:
                return json_integer_value(v) != 0;
        case JSON_REAL:
                return fpclassify(json_real_value(v)) != FP_ZERO;
        case JSON_TRUE:
                return true;
        default:
                return false;
        }
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int map_text(const json_t *v, struct buf *out) {
        size_t n = 0;
        _cleanup_free_ const char **keys = xcalloc(json_object_size(v) + 1, sizeof(*keys));
        const char *key;
        json_t *value;
        json_object_foreach((json_t *) v, key, value) keys[n++] = key;
        qsort(keys, n, sizeof(*keys), compare_keys);

        int r = buf_printf(out, "map[");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = buf_printf(out, "%s%s:", i ? " " : "", keys[i]);
                if (r >= 0)
                        r = template_value_text(json_object_get(v, keys[i]), out);
        }
        return r < 0 ? r : buf_append(out, "]", 1);
}

int template_value_text(const json_t *v, struct buf *out) {
        int r;
        switch (json_typeof(v)) {
        case JSON_OBJECT:
                return map_text(v, out);
        case JSON_ARRAY:
                r = buf_append(out, "[", 1);
                for (size_t i = 0; r >= 0 && i < json_array_size(v); i++) {
                        r = i ? buf_append(out, " ", 1) : 0;
                        if (r >= 0)
                                r = template_value_text(json_array_get(v, i), out);
                }
                return r < 0 ? r : buf_append(out, "]", 1);
        case JSON_STRING:
                return buf_append(out, json_string_value(v), json_string_length(v));
        case JSON_INTEGER:
                return buf_printf(out, "%lld", (long long) json_integer_value(v));
        case JSON_REAL:
                return buf_printf(out, "%g", json_real_value(v));
        case JSON_TRUE:
        case JSON_FALSE:
                return buf_printf(out, "%s", json_is_true(v) ? "true" : "false");
        default:
                return buf_printf(out, "<no value>");
        }
}

/* ---- one function each ------------------------------------------------------------------------------------------- */

static int string_result(struct buf *b, json_t **ret, struct souk_err *err) {
        *ret = json_stringn(b->data ? b->data : "", b->len);
        return *ret ? 0 : fail(err, "text", "the result is not UTF-8");
}

static int do_json(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        char *text = json_dumps(args[0], JSON_COMPACT | JSON_ENCODE_ANY);
        if (!text)
                return fail(err, "json", "the value cannot be written as JSON");
        *ret = json_string(text);
        free(text);
        return 0;
}

static int do_index(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        json_t *v = args[0];
        for (size_t i = 1; i < n; i++) {
                if (json_is_object(v) && json_is_string(args[i])) {
                        v = json_object_get(v, json_string_value(args[i]));
                        if (!v) { /* Go's zero value of a map of strings */
                                *ret = json_string("");
                                return i + 1 < n ? fail(err, "index", "no such key") : 0;
                        }
                } else if (json_is_array(v) && json_is_integer(args[i])) {
                        json_int_t at = json_integer_value(args[i]);
                        v = at < 0 ? NULL : json_array_get(v, (size_t) at);
                        if (!v)
                                return fail(err, "index", "out of range");
                } else if (json_is_null(v))
                        break;
                else
                        return fail(err, "index", "needs a map and text, or a list and a number");
        }
        *ret = json_incref(v);
        return 0;
}

static int do_len(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        const json_t *v = args[0];
        if (!json_is_object(v) && !json_is_array(v) && !json_is_string(v) && !json_is_null(v))
                return fail(err, "len", "needs a list, a map or text");
        *ret = json_integer((json_int_t) (json_is_object(v)  ? json_object_size(v)
                                          : json_is_array(v) ? json_array_size(v)
                                                             : json_string_length(v)));
        return 0;
}

static int do_join(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        _cleanup_buf_ struct buf b = BUF_INIT(TEMPLATE_OUTPUT_MAX);
        if ((!json_is_array(args[0]) && !json_is_null(args[0])) || !json_is_string(args[1]))
                return fail(err, "join", "needs a list and a separator");
        for (size_t i = 0; i < json_array_size(args[0]); i++) {
                int r = i ? buf_append(&b, json_string_value(args[1]), json_string_length(args[1])) : 0;
                if (r >= 0)
                        r = template_value_text(json_array_get(args[0], i), &b);
                if (r < 0)
                        return souk_err_set(err, SOUK_LIMIT, r, "template: join: the text is too long");
        }
        return string_result(&b, ret, err);
}

static int do_split(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        const char *s = json_string_value(args[0]), *separator = json_string_value(args[1]);
        if (!s || str_empty(separator))
                return fail(err, "split", "needs text and a separator");
        *ret = json_array();
        for (const char *end; s; s = end ? end + strlen(separator) : NULL) {
                end = strstr(s, separator);
                json_array_append_new(*ret, json_stringn(s, end ? (size_t) (end - s) : strlen(s)));
        }
        return 0;
}

static int change_case(json_t *const *args, const char *function, int (*change)(int), json_t **ret,
                       struct souk_err *err) {
        if (!json_is_string(args[0]))
                return fail(err, function, "needs text");
        size_t n = json_string_length(args[0]);
        _cleanup_free_ char *s = xmemdup(json_string_value(args[0]), n + 1);
        for (size_t i = 0; i < n; i++)
                if (isascii(s[i]))
                        s[i] = (char) change(s[i]);
        *ret = json_stringn(s, n);
        return 0;
}
static int do_upper(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        return change_case(args, "upper", toupper, ret, err);
}
static int do_lower(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        return change_case(args, "lower", tolower, ret, err);
}

static int do_truncate(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        if (!json_is_string(args[0]) || !json_is_integer(args[1]) || json_integer_value(args[1]) < 0)
                return fail(err, "truncate", "needs text and a number");
        const char *s = json_string_value(args[0]);
        size_t len = json_string_length(args[0]), at = 0;
        for (json_int_t left = json_integer_value(args[1]); at < len && left > 0; left--)
                for (at++; at < len && (s[at] & 0xc0) == 0x80; at++)
                        ;
        *ret = json_stringn(s, at);
        return 0;
}

static int do_println(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        _cleanup_buf_ struct buf b = BUF_INIT(TEMPLATE_OUTPUT_MAX);
        int r = 0;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = i ? buf_append(&b, " ", 1) : 0;
                if (r >= 0)
                        r = template_value_text(args[i], &b);
        }
        if (r < 0 || (r = buf_append(&b, "\n", 1)) < 0)
                return souk_err_set(err, SOUK_LIMIT, r, "template: println: the text is too long");
        return string_result(&b, ret, err);
}

static int do_eq(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        bool equal = false;
        for (size_t i = 1; i < n; i++)
                equal |= json_equal(args[0], args[i]);
        *ret = json_boolean(equal);
        return 0;
}
static int do_ne(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        *ret = json_boolean(!json_equal(args[0], args[1]));
        return 0;
}
static int do_not(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        *ret = json_boolean(!template_truth(args[0]));
        return 0;
}
static int first_with(json_t *const *args, size_t n, bool truth, json_t **ret) {
        size_t i = 0;
        while (i + 1 < n && template_truth(args[i]) != truth)
                i++;
        *ret = json_incref(args[i]);
        return 0;
}
static int do_and(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        return first_with(args, n, false, ret);
}
static int do_or(json_t *const *args, size_t n, json_t **ret, struct souk_err *err) {
        return first_with(args, n, true, ret);
}

static const struct template_function functions[] = {
        { "and", 1, 16, do_and },          { "eq", 2, 16, do_eq },
        { "index", 2, 16, do_index },      { "join", 2, 2, do_join },
        { "json", 1, 1, do_json },         { "len", 1, 1, do_len },
        { "lower", 1, 1, do_lower },       { "ne", 2, 2, do_ne },
        { "not", 1, 1, do_not },           { "or", 1, 16, do_or },
        { "println", 0, 16, do_println },  { "split", 2, 2, do_split },
        { "truncate", 2, 2, do_truncate }, { "upper", 1, 1, do_upper },
};

const struct template_function *template_function_find(const char *name, size_t len) {
        for (size_t i = 0; i < ELEMENTSOF(functions); i++)
                if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
                        return &functions[i];
        return NULL;
}

char *template_function_names(void) {
        _cleanup_strv_ char **names = NULL;
        for (size_t i = 0; i < ELEMENTSOF(functions); i++)
                strv_push(&names, functions[i].name);
        return strv_join(names, ", ");
}
