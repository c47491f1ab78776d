/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "base/str.h"
#include "cli/format.h"

static const struct format_column columns[] = {
        { "ID", "INSTANCE ID" }, { "Names", "NAMES" }, { "State", "STATE" }, {}
};
static const struct format_listing listing = { columns, "{{.ID}}\t{{.Names}}" };

static json_t *rows(void) {
        return json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "ID", "0123456789ab", "Names", "web", "State", "running",
                         "ID", "ff", "Names", "evil\033[1m\tname", "State", "exited");
}

static char *print(const char *format, json_t *objects, int expect) {
        char *text = NULL;
        size_t n;
        struct souk_err err = {};
        FILE *f = open_memstream(&text, &n);
        assert_int_equal(objects ? format_objects(f, format, objects, &err) : 0, objects ? expect : 0);
        if (!objects) {
                json_t *r = rows();
                assert_int_equal(format_rows(f, &listing, format, r, &err), expect);
                json_decref(r);
        }
        fclose(f);
        return text;
}

static void check(const char *format, const char *expect) {
        _cleanup_free_ char *text = print(format, NULL, 0);
        assert_string_equal(text, expect);
}

static void test_table(void **state) {
        const char *expect = "INSTANCE ID    NAMES\n"
                             "0123456789ab   web\n"
                             "ff             evil\\x1b[1m\\x09name\n";
        check(NULL, expect);
        check("table", expect);
        check("table {{.State}}\\t{{.ID}}", "STATE     INSTANCE ID\nrunning   0123456789ab\nexited    ff\n");
        check("table {{.Names}}", "NAMES\nweb\nevil\\x1b[1m\\x09name\n");
}

static void test_json(void **state) {
        check("json", "{\"ID\":\"0123456789ab\",\"Names\":\"web\",\"State\":\"running\"}\n"
                      "{\"ID\":\"ff\",\"Names\":\"evil\\u001B[1m\\tname\",\"State\":\"exited\"}\n");
}

static void test_template(void **state) {
        check("{{.ID}}", "0123456789ab\nff\n");
        check("{{.ID}}\\t{{.State}}\\n", "0123456789ab\trunning\n\nff\texited\n\n");
        check("tables {{.ID}}", "tables 0123456789ab\ntables ff\n"); /* no table */
}

static void test_objects(void **state) {
        json_t *none = json_array(), *some = json_pack("[{s:{s:s}}]", "State", "Status", "running");
        _cleanup_free_ char *a = print(NULL, none, 0), *b = print(NULL, some, 0),
                            *c = print("{{.State.Status}}", some, 0), *d = print("json", some, 0);
        assert_string_equal(a, "[]\n");
        assert_string_equal(
                b, "[\n    {\n        \"State\": {\n            \"Status\": \"running\"\n        }\n    }\n]\n");
        assert_string_equal(c, "running\n");
        assert_string_equal(d, "{\"State\":{\"Status\":\"running\"}}\n");
        json_decref(none);
        json_decref(some);
}

static void test_errors(void **state) {
        free(print("{{.Nope}}", NULL, -EINVAL));
        free(print("table {{.Nope}}", NULL, -EINVAL));
        struct souk_err err = {};
        assert_int_equal(format_check(NULL, &err), 0);
        assert_int_equal(format_check("json", &err), 0);
        assert_int_equal(format_check("table", &err), 0);
        assert_int_equal(format_check("table {{.X}}", &err), 0);
        assert_int_equal(format_check("{{.X", &err), -EINVAL);
        assert_int_equal(format_check("table {{.X", &err), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),   cmocka_unit_test(test_json),   cmocka_unit_test(test_template),
                cmocka_unit_test(test_objects), cmocka_unit_test(test_errors),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
