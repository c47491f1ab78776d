/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors: what is set, derived, wrapped and cut. */
#include "test.h"

#include <errno.h>
#include <souk/err.h>
#include <string.h>

static void test_set(void **state) {
        struct souk_err e = {};
        assert_int_equal(souk_err_set(&e, SOUK_CONFLICT, -EBUSY, "image '%s': %d uses", "a", 2), -EBUSY);
        assert_int_equal(e.errnum, -EBUSY);
        assert_int_equal(e.code, SOUK_CONFLICT);
        assert_string_equal(e.msg, "image 'a': 2 uses");
        assert_int_equal(souk_err_set(NULL, SOUK_CONFLICT, -EBUSY, "nobody listens"), -EBUSY);
}

/* A failure must never look like a success to the caller, whatever errno was passed. */
static void test_set_is_always_negative(void **state) {
        struct souk_err e = {};
        assert_int_equal(souk_err_set(&e, SOUK_INTERNAL, 0, "x"), -EIO);
        assert_int_equal(e.errnum, -EIO);
        assert_int_equal(souk_err_set(&e, SOUK_INTERNAL, ENOENT, "x"), -ENOENT);
        assert_int_equal(souk_err_errno(&e, 0, "x"), -EIO);
        assert_int_equal(souk_err_errno(NULL, EPERM, "x"), -EPERM);
}

static void test_errno(void **state) {
        static const struct {
                int errnum;
                enum souk_code code;
        } rows[] = {
                { ENOSPC, SOUK_NO_SPACE }, { EDQUOT, SOUK_NO_SPACE }, { EPERM, SOUK_DENIED }, { EACCES, SOUK_DENIED },
                { EROFS, SOUK_DENIED }, { ENOSYS, SOUK_UNSUPPORTED }, { EOPNOTSUPP, SOUK_UNSUPPORTED },
                { ENOENT, SOUK_NOT_FOUND }, { EIO, SOUK_INTERNAL }, { EINVAL, SOUK_INTERNAL },
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct souk_err e = {};
                assert_int_equal(souk_err_errno(&e, rows[i].errnum, "open '%s'", "/x"), -rows[i].errnum);
                assert_int_equal(e.code, rows[i].code);
                assert_int_equal(souk_err_errno(&e, -rows[i].errnum, "open '%s'", "/x"), -rows[i].errnum);
                assert_int_equal(e.code, rows[i].code);
        }
        struct souk_err e = {};
        souk_err_errno(&e, -ENOENT, "open '%s'", "/x");
        assert_string_equal(e.msg, "open '/x': No such file or directory");
}

static void test_wrap(void **state) {
        struct souk_err e = {};
        assert_int_equal(souk_err_wrap(&e, "context"), -EIO);
        assert_string_equal(e.msg, "");
        assert_int_equal(souk_err_wrap(NULL, "context"), -EIO);
        souk_err_set(&e, SOUK_CORRUPT, -EBADMSG, "bad");
        assert_int_equal(souk_err_wrap(&e, "layer %d", 3), -EBADMSG);
        assert_string_equal(e.msg, "layer 3: bad");
        assert_int_equal(e.code, SOUK_CORRUPT);
        souk_err_wrap(&e, "%s", e.msg); /* the arguments may be the message itself */
        assert_string_equal(e.msg, "layer 3: bad: layer 3: bad");
        souk_err_set(&e, e.code, e.errnum, "<%s>", e.msg);
        assert_string_equal(e.msg, "<layer 3: bad: layer 3: bad>");
}

static void test_truncated(void **state) {
        struct souk_err e = {};
        char big[2000];
        memset(big, 'x', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        souk_err_set(&e, SOUK_INVALID, -EINVAL, "%s", big);
        assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
        souk_err_wrap(&e, "%s", big);
        souk_err_errno(&e, EIO, "%s", big);
        assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

static void test_codes(void **state) {
        for (int a = 0; a < SOUK_CODE_MAX; a++) {
                const char *name = souk_code_name((enum souk_code) a);
                assert_non_null(name);
                for (int b = 0; b < a; b++)
                        assert_string_not_equal(name, souk_code_name((enum souk_code) b));
                int status = souk_code_exit_status((enum souk_code) a), http = souk_code_http_status((enum souk_code) a);
                assert_true(a == SOUK_OK ? status == 0 : status >= 125 && status <= 127);
                assert_true(a == SOUK_OK ? http == 200 : http >= 400 && http < 600);
        }
        assert_string_equal(souk_code_name(SOUK_IMAGE_NOT_FOUND), "image-not-found");
        assert_int_equal(souk_code_exit_status(SOUK_COMMAND_NOT_FOUND), 127);
        assert_int_equal(souk_code_exit_status(SOUK_COMMAND_NOT_EXECUTABLE), 126);
        assert_int_equal(souk_code_http_status(SOUK_NAME_IN_USE), 409);
        assert_string_equal(souk_code_name((enum souk_code) 999), "internal");
        assert_int_equal(souk_code_exit_status((enum souk_code) 999), 125);
        assert_int_equal(souk_code_http_status((enum souk_code) 999), 500);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_set_is_always_negative),
                cmocka_unit_test(test_errno),
                cmocka_unit_test(test_wrap),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_codes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
