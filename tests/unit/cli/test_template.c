/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "base/str.h"
#include "cli/template.h"

static const char document[] =
        "{\"Name\":\"web\",\"N\":3,\"Pi\":1.5,\"Yes\":true,\"No\":false,\"Null\":null,\"Empty\":[],"
        "\"State\":{\"Status\":\"running\",\"Pid\":42},"
        "\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"com.x\":\"y\",\"tier\":\"front\"}},"
        "\"Nested\":[{\"K\":\"a\"},{\"K\":\"b\"}],\"Evil\":\"\\u001b[31m\\nred\",\"Word\":\"h\\u00e9llo\"}";

static json_t *value;

static int setup(void **state) {
        value = json_loads(document, 0, NULL);
        return value ? 0 : -1;
}
static int teardown(void **state) {
        json_decref(value);
        return 0;
}

static int eval(const char *text, enum template_text mode, struct buf *out, struct souk_err *err) {
        _cleanup_(template_freep) struct template *t = NULL;
        int r = template_parse(text, &t, err);
        return r < 0 ? r : template_eval(t, value, mode, out, err);
}

static void test_good(void **state) {
        static const char *const cases[][2] = {
                { "plain { } }} text", "plain { } }} text" },
                { "{{.Name}}", "web" },
                { "a{{ .Name }}b{{.N}}", "awebb3" },
                { "{{.State.Status}} {{.State.Pid}}", "running 42" },
                { "{{.Pi}} {{.Yes}} {{.No}} {{.Null}}", "1.5 true false <no value>" },
                { "{{.Config.Env}}", "[A=1 B=2]" },
                { "{{.Config.Labels}}", "map[com.x:y tier:front]" },
                { "{{.Config.Labels.tier}} {{.Config.Labels.nope}}", "front <no value>" },
                { "{{json .State}}", "{\"Status\":\"running\",\"Pid\":42}" },
                { "{{.State | json}}", "{\"Status\":\"running\",\"Pid\":42}" },
                { "{{json .Name}} {{json .Null}}", "\"web\" null" },
                { "{{index .Config.Labels \"com.x\"}}", "y" },
                { "{{index .Config.Labels \"nope\"}}.", "." },
                { "{{index .Config.Env 1}}", "B=2" },
                { "{{(index .Nested 1).K}}", "b" },
                { "{{json (index .Nested 0)}}", "{\"K\":\"a\"}" },
                { "{{range .Config.Env}}<{{.}}>{{end}}", "<A=1><B=2>" },
                { "{{range $i, $e := .Config.Env}}{{$i}}:{{$e}} {{end}}", "0:A=1 1:B=2 " },
                { "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "com.x=y;tier=front;" },
                { "{{range $v := .Nested}}{{$v.K}}{{$.Name}}{{end}}", "awebbweb" },
                { "{{range .Empty}}x{{else}}none{{end}}", "none" },
                { "{{range .Nested}}{{range .}}{{.}}{{end}}{{end}}", "ab" },
                { "{{if .Yes}}y{{else}}n{{end}}{{if .No}}y{{else}}n{{end}}", "yn" },
                { "{{if .Empty}}a{{else if .Null}}b{{else if .N}}c{{else}}d{{end}}", "c" },
                { "{{if and .Yes (not .No)}}ok{{end}}", "ok" },
                { "{{if or .No .Null}}a{{else}}b{{end}}", "b" },
                { "{{if eq .Name \"db\" \"web\"}}1{{end}}{{if ne .N 3}}2{{end}}", "1" },
                { "{{with .State}}{{.Pid}}{{end}}{{with .Null}}x{{else}}y{{end}}", "42y" },
                { "{{len .Config.Env}} {{len .Name}}", "2 3" },
                { "{{join .Config.Env \", \"}}", "A=1, B=2" },
                { "{{join (split \"a.b.c\" \".\") \"-\"}}", "a-b-c" },
                { "{{upper .Name}}{{.Name | upper | lower}}", "WEBweb" },
                { "{{truncate .Word 2}}", "h\303\251" },
                { "{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n" },
                { "{{\"a\\\"b\\n\"}}{{`raw\\n`}}", "a\"b\nraw\\n" },
                { "a  {{- .Name -}}  b", "awebb" },
                { "a {{ -5 }} {{true}} {{nil}}", "a -5 true <no value>" },
                { "{{index .Null \"x\"}}", "<no value>" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_buf_ struct buf b = BUF_INIT(0);
                struct souk_err err = {};
                if (eval(cases[i][0], TEMPLATE_RAW, &b, &err) < 0)
                        fail_msg("%s: %s", cases[i][0], err.msg);
                assert_string_equal(b.data, cases[i][1]);
        }
}

static void test_errors(void **state) {
        static const char *const cases[][2] = {
                { "{{.Naem}}", "no field '.Naem' (did you mean '.Name'?)" },
                { "{{.State.Zzzzz}}", "no field '.Zzzzz'" },
                { "{{.Name.X}}", "the value there has no fields" },
                { "{{.Name", "missing }}" },
                { "{{", "unexpected text" },
                { "{{}}", "a value is missing" },
                { "{{printf \"%s\" .}}", "unknown function 'printf' at character 3 (known: and, eq, index" },
                { "{{.Name .N}}", "this is not a function" },
                { "{{json}}", "too few arguments" },
                { "{{json . .}}", "too many arguments" },
                { "{{if .Yes}}x", "missing {{end}}" },
                { "{{end}}", "{{end}} without a beginning" },
                { "{{else}}", "{{else}} without {{if}}" },
                { "{{if .Yes}}a{{else}}b{{else}}c{{end}}", "a second else" },
                { "{{$x}}", "undefined variable '$x'" },
                { "{{\"abc}}", "quoted text does not end" },
                { "{{\"\\q\"}}", "unknown escape" },
                { "{{(.Name}}", "missing )" },
                { "{{.Name | }}", "a function must follow '|'" },
                { "{{.Name | .N}}", "a function must follow '|'" },
                { "{{range .Name}}{{end}}", "range needs a list or a map" },
                { "{{range $a, $b}}{{end}}", "expected :=" },
                { "{{index .Config.Env 9}}", "out of range" },
                { "{{index .Config.Env -1}}", "out of range" },
                { "{{index .Name \"x\"}}", "needs a map and text" },
                { "{{len .N}}", "len: needs" },
                { "{{upper .N}}", "upper: needs text" },
                { "{{.Name.}}", "a field's name is missing" },
                { "{{1.5}}", "malformed number" },
                { "{{/* no comments */}}", "unexpected text" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_buf_ struct buf b = BUF_INIT(0);
                struct souk_err err = {};
                if (eval(cases[i][0], TEMPLATE_RAW, &b, &err) >= 0)
                        fail_msg("%s was accepted", cases[i][0]);
                assert_int_equal(err.code, SOUK_USAGE);
                assert_contains(err.msg, cases[i][1]);
        }
}

static void test_limits(void **state) {
        _cleanup_buf_ struct buf text = BUF_INIT(0), out = BUF_INIT(TEMPLATE_OUTPUT_MAX);
        struct souk_err err = {};
        for (int i = 0; i < 40; i++)
                buf_add(&text, "{{if .Yes}}");
        assert_true(eval(text.data, TEMPLATE_RAW, &out, &err) < 0);
        assert_contains(err.msg, "nested too deep");

        buf_reset(&text);
        for (int i = 0; i < 25; i++) /* 2^25 rounds */
                buf_add(&text, "{{range $.Config.Env}}");
        for (int i = 0; i < 25; i++)
                buf_add(&text, "{{end}}");
        err = (struct souk_err){};
        assert_true(eval(text.data, TEMPLATE_RAW, &out, &err) < 0);
        assert_int_equal(err.code, SOUK_LIMIT);

        buf_reset(&text);
        while (text.len <= TEMPLATE_TEXT_MAX)
                buf_add(&text, "xxxxxxxxxxxxxxxx");
        assert_true(eval(text.data, TEMPLATE_RAW, &out, &err) < 0);
        assert_int_equal(err.code, SOUK_LIMIT);
}

static void test_terminal(void **state) {
        static const struct {
                enum template_text mode;
                const char *expect;
        } cases[] = {
                { TEMPLATE_RAW, "\033[31m\nred" },
                { TEMPLATE_TERMINAL, "\\x1b[31m\nred" },
                { TEMPLATE_CELL, "\\x1b[31m\\x0ared" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_buf_ struct buf b = BUF_INIT(0);
                struct souk_err err = {};
                assert_int_equal(eval("{{.Evil}}", cases[i].mode, &b, &err), 0);
                assert_string_equal(b.data, cases[i].expect);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_terminal),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
