/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of environment variables. */
#include "wire/env_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char *caller[] = { (char *) "FROM=outside", (char *) "EMPTY=", NULL };

static int parse(const char *text, char ***env, struct souk_err *err) {
        return env_file_parse(text, strlen(text), "vars.env", caller, env, err);
}

static void test_lines(void **state) {
        struct souk_err err = {};
        _cleanup_strv_ char **env = NULL;
        strv_push(&env, "A=before");
        assert_int_equal(parse("\xef\xbb\xbf# comment\n\n  \t\n  LEAD=1\nA=after\nSPACES= a b \nQUOTED=\"x\"\nHASH=a#b\nEQ=a=b=c\nNONE=\n"
                               "FROM\nEMPTY\nNOT_THERE\r\nCRLF=v\r\nLAST=no newline", &env, &err), 0);
        _cleanup_free_ char *joined = strv_join(env, "|");
        assert_string_equal(joined, "A=after|LEAD=1|SPACES= a b |QUOTED=\"x\"|HASH=a#b|EQ=a=b=c|NONE=|FROM=outside|EMPTY=|CRLF=v|LAST=no newline");
}

static void test_nothing(void **state) {
        static const char *const texts[] = { "", "\n", "\xef\xbb\xbf", "#", "\r\n", "NOT_THERE" };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                struct souk_err err = {};
                _cleanup_strv_ char **env = NULL;
                assert_int_equal(parse(texts[i], &env, &err), 0);
                assert_int_equal(strv_len(env), 0);
        }
        struct souk_err err = {};
        _cleanup_strv_ char **env = NULL;
        assert_int_equal(env_file_parse("FROM\n", 5, "vars.env", NULL, &env, &err), 0); /* no environment to take it from */
        assert_null(env);
        assert_int_equal(env_file_parse("A=1B=2", 3, "vars.env", NULL, &env, &err), 0); /* not past its length */
        assert_string_equal(env[0], "A=1");
}

static void test_refused(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "A=1\n=x\n", "vars.env:2: there is no name" },
                { "A B=1", "vars.env:1: the name has white space" },
                { "\n\nA =1", "vars.env:3: the name has white space" },
                { "FROM ", "white space" },
                { "A\tB", "white space" },
                { "# fine\nA=\xff\n", "vars.env:2: is not valid UTF-8" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct souk_err err = {};
                _cleanup_strv_ char **env = NULL;
                assert_int_equal(parse(rows[i].text, &env, &err), -EINVAL);
                assert_int_equal(err.code, SOUK_INVALID);
                assert_non_null(strstr(err.msg, rows[i].words));
        }
        struct souk_err err = {};
        _cleanup_strv_ char **env = NULL;
        assert_int_equal(env_file_parse("A=1\0B=2\n", 8, "vars.env", caller, &env, &err), -EINVAL);
        assert_non_null(strstr(err.msg, "NUL"));
        assert_null(env);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_nothing), cmocka_unit_test(test_refused) };
        return cmocka_run_group_tests_name("env_file", tests, NULL, NULL);
}
