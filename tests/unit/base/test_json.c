/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON: hostile text is refused before it costs anything, and tables fill and format structs. */
#include "test.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/str.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct inner {
        char *name;
        uint64_t size;
};
struct outer {
        char *string;
        bool yes;
        uint64_t u64;
        int64_t i64;
        uint32_t u32;
        double real;
        char **list, **map, **keys;
        struct digest digest;
        struct inner inner;
        json_t *raw;
};

static const struct json_field inner_fields[] = {
        { "name", JSON_KIND_STRING, offsetof(struct outer, inner.name), JSON_MANDATORY, NULL },
        { "size", JSON_KIND_U64, offsetof(struct outer, inner.size), 0, NULL },
        {},
};
#define FIELD(key, kind, member) { key, JSON_KIND_##kind, offsetof(struct outer, member), 0, NULL }
static const struct json_field fields[] = {
        FIELD("string", STRING, string), FIELD("yes", BOOL, yes),     FIELD("u64", U64, u64),
        FIELD("i64", I64, i64),          FIELD("u32", U32, u32),      FIELD("real", DOUBLE, real),
        FIELD("list", STRV, list),       FIELD("map", MAP, map),      FIELD("keys", KEYS, keys),
        FIELD("digest", DIGEST, digest), FIELD("raw", RAW, raw),
        {},
};

static void outer_clear(struct outer *o) {
        free(o->string);
        free(o->inner.name);
        strv_free(o->list);
        strv_free(o->map);
        strv_free(o->keys);
        json_decref(o->raw);
        *o = (struct outer){};
}

static json_t *parse(const char *text) {
        struct souk_err e = {};
        json_t *j = NULL;
        if (json_parse_text(text, strlen(text), "test", &j, &e) < 0)
                fail_msg("%s", e.msg);
        assert_non_null(j);
        return j;
}

static void refused(const char *text, size_t len) {
        struct souk_err e = {};
        json_t *j = NULL;
        assert_int_equal(json_parse_text(text, len, "the thing", &j, &e), -EBADMSG);
        assert_null(j);
        assert_int_equal(e.code, SOUK_CORRUPT);
        assert_non_null(str_startswith(e.msg, "the thing: "));
        assert_null(strpbrk(e.msg, "\n\x1b"));
}

static void test_refused(void **state) {
        static const char *const bad[] = {
                "", " ", "1", "\"a\"", "null", "{", "[", "]", "{}{}", "{} x", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}",
                "{\"a\":{\"b\":1,\"b\":1}}", "['a']", "[NaN]", "[1e999]", "[99999999999999999999]", "[\"\\u0000\"]",
                "{\"\\u0000\":1}", "{\"a\\u0000b\":1}", "[\"\x1b[31m\"]", "[\"\n\"]", "[\"\xff\"]", "[\"\xed\xa0\x80\"]", "[\"\\ud800\"]",
                "[\"unended", "[\"\\", "\xef\xbb\xbf{}", "[\x1b]", "// c\n{}", "[+1]", "[01]", "[.5]", "[tru]",
        };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                refused(bad[i], strlen(bad[i]));
        refused("{}\0", 3);
        refused("[\"a\0b\"]", 7);
        refused("[\0]", 3);
}

static char *nested(size_t depth, char open, char close) {
        char *text = xmalloc(2 * depth + 1);
        memset(text, open, depth);
        memset(text + depth, close, depth);
        text[2 * depth] = '\0';
        return text;
}

static void test_depth(void **state) {
        _cleanup_free_ char *most = nested(64, '[', ']'), *over = nested(65, '[', ']'), *huge = nested(1000000, '[', ']');
        json_decref(parse(most));
        refused(over, strlen(over));
        refused(huge, strlen(huge));
        refused(huge, strlen(huge) / 2);
        char objects[5 * 65 + 2 + 65 + 1] = "";
        for (int i = 0; i < 65; i++)
                strcat(objects, "{\"a\":");
        strcat(objects, "1");
        for (int i = 0; i < 65; i++)
                strcat(objects, "}");
        refused(objects, strlen(objects));
        char text[300];
        snprintf(text, sizeof(text), "[\"%.100s\\\"%.100s\", \"\\\\\"]", over, over); /* brackets in strings are text */
        json_decref(parse(text));
        json_t *wide = parse("[[[]],[[]],{\"a\":[],\"b\":{}}]");
        json_decref(wide);
}

static void test_size(void **state) {
        _cleanup_free_ char *text = xmalloc(JSON_TEXT_MAX + 1);
        struct souk_err e = {};
        json_t *j = NULL;
        memset(text, ' ', JSON_TEXT_MAX + 1);
        text[0] = '[';
        text[JSON_TEXT_MAX - 1] = ']';
        assert_int_equal(json_parse_text(text, JSON_TEXT_MAX + 1, "big", &j, &e), -EFBIG);
        assert_int_equal(e.code, SOUK_LIMIT);
        assert_int_equal(json_parse_text(text, JSON_TEXT_MAX, "big", &j, NULL), 0);
        json_decref(j);
}

static void test_dispatch(void **state) {
        _cleanup_json_ json_t *j = parse("{\"string\":\"a\",\"yes\":true,\"u64\":9223372036854775807,\"i64\":-5,\"u32\":4294967295,"
                                         "\"real\":1.5,\"list\":[\"x\",\"\"],\"map\":{\"b\":\"2\",\"a\":\"1=1\"},\"keys\":{\"/z\":{},\"/a\":{}},"
                                         "\"digest\":\"sha256:" HEX "\",\"raw\":[1],\"unknown\":{}}");
        struct outer o = {};
        struct souk_err e = {};
        assert_int_equal(json_dispatch(j, fields, "$", &o, &e), 0);
        assert_string_equal(o.string, "a");
        assert_true(o.yes);
        assert_true(o.u64 == INT64_MAX && o.i64 == -5 && o.u32 == UINT32_MAX && o.real == 1.5);
        assert_int_equal(strv_len(o.list), 2);
        assert_string_equal(o.list[1], "");
        assert_string_equal(o.map[0], "a=1=1");
        assert_string_equal(o.map[1], "b=2");
        assert_string_equal(o.keys[0], "/a");
        assert_string_equal(o.keys[1], "/z");
        assert_string_equal(o.digest.hex, HEX);
        assert_int_equal(json_array_size(o.raw), 1);
        _cleanup_json_ json_t *back = json_build(fields, &o);
        json_object_del(j, "unknown");
        assert_true(json_equal(j, back));
        assert_int_equal(json_dispatch(j, fields, "$", &o, &e), 0); /* a second time: nothing leaks */
        outer_clear(&o);
}

static void test_dispatch_wrong(void **state) {
        static const char *const rows[][2] = {
                { "{\"string\":1}", "$.string: expected a string" },
                { "{\"yes\":1}", "$.yes: expected true or false" },
                { "{\"yes\":null}", "$.yes: expected true or false" },
                { "{\"u64\":-1}", "$.u64: expected a whole number that is not negative" },
                { "{\"u64\":1.0}", "$.u64: expected a whole number that is not negative" },
                { "{\"u64\":\"1\"}", "$.u64: expected a whole number that is not negative" },
                { "{\"i64\":1e3}", "$.i64: expected a whole number" },
                { "{\"u32\":4294967296}", "$.u32: expected a whole number below 2^32" },
                { "{\"u32\":-1}", "$.u32: expected a whole number below 2^32" },
                { "{\"real\":\"x\"}", "$.real: expected a number" },
                { "{\"list\":[\"a\",1]}", "$.list: expected an array of strings" },
                { "{\"list\":{}}", "$.list: expected an array of strings" },
                { "{\"list\":[null]}", "$.list: expected an array of strings" },
                { "{\"map\":{\"a\":\"b\",\"c\":1}}", "$.map: expected an object whose values are strings" },
                { "{\"map\":[]}", "$.map: expected an object whose values are strings" },
                { "{\"keys\":[\"a\"]}", "$.keys: expected an object" },
                { "{\"digest\":\"sha256:12\"}", "$.digest: expected a digest (sha256: and 64 hex digits)" },
                { "{\"digest\":\"sha512:" HEX HEX "\"}", "$.digest: expected a digest (sha256: and 64 hex digits)" },
                { "{\"digest\":null}", "$.digest: expected a digest (sha256: and 64 hex digits)" },
                { "[]", "$: expected an object" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_json_ json_t *j = parse(rows[i][0]);
                struct outer o = {};
                struct souk_err e = {};
                assert_int_equal(json_dispatch(j, fields, "$", &o, &e), -EBADMSG);
                assert_int_equal(e.code, SOUK_CORRUPT);
                assert_string_equal(e.msg, rows[i][1]);
                outer_clear(&o);
        }
}

static void test_dispatch_null(void **state) {
        _cleanup_json_ json_t *j = parse("{\"string\":null,\"list\":null,\"map\":null,\"keys\":null,\"raw\":null}");
        _cleanup_json_ json_t *empty = parse("{\"list\":[],\"map\":{},\"keys\":{}}");
        struct outer o = {};
        struct souk_err e = {};
        assert_int_equal(json_dispatch(j, fields, "$", &o, &e), 0);
        assert_true(!o.string && !o.list && !o.map && !o.keys && json_is_null(o.raw));
        outer_clear(&o);
        assert_int_equal(json_dispatch(empty, fields, "$", &o, &e), 0);
        assert_true(strv_len(o.list) == 0 && strv_len(o.map) == 0 && strv_len(o.keys) == 0);
        _cleanup_json_ json_t *built = json_build(fields, &o);
        assert_null(json_object_get(built, "list"));
        assert_null(json_object_get(built, "map"));
        assert_null(json_object_get(built, "keys"));
        assert_null(json_object_get(built, "string"));
        assert_null(json_object_get(built, "digest"));
        assert_null(json_object_get(built, "raw"));
        assert_non_null(json_object_get(built, "u64"));
        outer_clear(&o);
}

static int dispatch_nested(const char *text, struct outer *o, struct souk_err *e) {
        static const struct json_field nest[] = {
                { "inner", JSON_KIND_OBJECT, 0, 0, inner_fields },
                { "must", JSON_KIND_STRV, offsetof(struct outer, list), JSON_MANDATORY, NULL },
                {},
        };
        _cleanup_json_ json_t *j = parse(text);
        outer_clear(o);
        return json_dispatch(j, nest, "$", o, e);
}

static void test_dispatch_nested(void **state) {
        struct outer o = {};
        struct souk_err e = {};
        assert_int_equal(dispatch_nested("{\"inner\":{\"name\":\"n\",\"size\":5},\"must\":[]}", &o, &e), 0);
        assert_string_equal(o.inner.name, "n");
        assert_int_equal(o.inner.size, 5);
        assert_int_equal(dispatch_nested("{\"inner\":null,\"must\":null}", &o, &e), 0);
        assert_int_equal(dispatch_nested("{}", &o, &e), -EBADMSG);
        assert_string_equal(e.msg, "$.must: is missing");
        assert_int_equal(dispatch_nested("{\"inner\":{\"name\":\"n\",\"size\":\"5\"},\"must\":[]}", &o, &e), -EBADMSG);
        assert_string_equal(e.msg, "$.inner.size: expected a whole number that is not negative");
        assert_int_equal(dispatch_nested("{\"inner\":{},\"must\":[]}", &o, &e), -EBADMSG);
        assert_string_equal(e.msg, "$.inner.name: is missing");
        assert_int_equal(dispatch_nested("{\"inner\":{\"name\":null},\"must\":[]}", &o, &e), -EBADMSG); /* else it is NULL */
        assert_string_equal(e.msg, "$.inner.name: is missing");
        assert_int_equal(dispatch_nested("{\"inner\":[],\"must\":[]}", &o, &e), -EBADMSG);
        assert_string_equal(e.msg, "$.inner: expected an object");
        outer_clear(&o);
}

static void test_text(void **state) {
        static char a[] = "a", b[] = "b\"\n", bad[] = "\xff";
        _cleanup_json_ json_t *j = json_from_strv((char *[]){ a, b, bad, NULL });
        _cleanup_free_ char *text = json_text(j, false);
        assert_string_equal(text, "[\"a\",\"b\\\"\\n\",\"\"]");
        assert_null(json_from_strv(NULL));
        _cleanup_json_ json_t *o = parse("{\"z\":1,\"a\":[true]}");
        _cleanup_free_ char *pretty = json_text(o, true), *none = json_text(NULL, false);
        assert_string_equal(pretty, "{\n    \"z\": 1,\n    \"a\": [\n        true\n    ]\n}");
        assert_string_equal(none, "null");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),       cmocka_unit_test(test_depth),           cmocka_unit_test(test_size),
                cmocka_unit_test(test_dispatch),      cmocka_unit_test(test_dispatch_wrong),  cmocka_unit_test(test_dispatch_null),
                cmocka_unit_test(test_dispatch_nested), cmocka_unit_test(test_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
