/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"
#include "layer/xattr.h"

#include <string.h>

static void check_text(const char *in, const char *out) {
        _cleanup_buf_ struct buf acl = BUF_INIT(0), text = BUF_INIT(0);
        mode_t mode;
        bool minimal;
        assert_int_equal(acl_from_text(in, strlen(in), &acl), 0);
        assert_int_equal(acl_check(acl.data, acl.len, &mode, &minimal), 0);
        assert_int_equal(acl_to_text(acl.data, acl.len, &text), 0);
        assert_string_equal(text.data, out);
}

static void test_acl_text(void **state) {
        check_text("user::rwx,group::r-x,other::r--", "user::rwx,group::r-x,other::r--");
        check_text("user::rwx\nuser:1000:r-x\ngroup::r-x\nmask::rwx\nother::---\n",
                   "user::rwx,user:1000:r-x,group::r-x,mask::rwx,other::---");
        /* star's fourth field wins over the name; order does not matter */
        check_text("other::r--,mask::rwx,group:wheel:rw-:10,user:lisa:r-x:502,group::r--,user::rw-",
                   "user::rw-,user:502:r-x,group::r--,group:10:rw-,mask::rwx,other::r--");
}

static void test_acl_text_refused(void **state) {
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                {"user:lisa:rwx", -EOPNOTSUPP},
                {"user:root:rwx", 0},
                {"user::rwxq", -EBADMSG},
                {"usr::rwx", -EBADMSG},
                {"user", -EBADMSG},
                {"mask:5:rwx", -EBADMSG},
                {"::", -EBADMSG},
                {"user:4294967295:r--", -EOPNOTSUPP},
                {"user:1:r--:2:3", -EBADMSG},
                {"user:99999999999:r--", -EOPNOTSUPP},
                {"", 0},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_buf_ struct buf b = BUF_INIT(0);
                assert_int_equal(acl_from_text(cases[i].text, strlen(cases[i].text), &b), cases[i].result);
        }
}

static void test_acl_check(void **state) {
        static const char good[] = "\2\0\0\0"
                                   "\1\0\7\0\377\377\377\377"
                                   "\4\0\5\0\377\377\377\377"
                                   "\40\0\4\0\377\377\377\377";
        mode_t mode;
        bool minimal;
        assert_int_equal(acl_check(good, 28, &mode, &minimal), 0);
        assert_int_equal(mode, 0754);
        assert_true(minimal);
        assert_int_equal(acl_check(good, 27, &mode, &minimal), -EBADMSG);
        assert_int_equal(acl_check(good, 20, &mode, &minimal), -EBADMSG); /* no "other" */
        assert_int_equal(acl_check(good, 3, &mode, &minimal), -EBADMSG);
        char bad[28];
        memcpy(bad, good, 28);
        bad[0] = 1;
        assert_int_equal(acl_check(bad, 28, &mode, &minimal), -EBADMSG);
        memcpy(bad, good, 28);
        bad[4] = 3;
        assert_int_equal(acl_check(bad, 28, &mode, &minimal), -EBADMSG);
        memcpy(bad, good, 28);
        bad[12] = 1; /* twice the owner */
        assert_int_equal(acl_check(bad, 28, &mode, &minimal), -EBADMSG);
}

static void test_list(void **state) {
        _cleanup_xattr_list_ struct xattr_list l = {0}, copy = {0};
        xattr_list_set(&l, "user.a", 6, "1", 1);
        xattr_list_set(&l, "user.bb", 6, "2", 1); /* six bytes of it */
        xattr_list_set(&l, "user.a", 6, "", 0);
        assert_int_equal(l.n, 2);
        assert_int_equal(xattr_list_get(&l, "user.a")->len, 0);
        assert_string_equal(l.v[1].name, "user.b");
        xattr_list_copy(&copy, &l);
        xattr_list_remove(&l, "user.a");
        assert_null(xattr_list_get(&l, "user.a"));
        assert_int_equal(copy.n, 2);
}

static void test_storable(void **state) {
        assert_true(xattr_is_storable("user.x"));
        assert_true(xattr_is_storable("security.capability"));
        assert_true(xattr_is_storable("trusted.x"));
        assert_true(xattr_is_storable("system.posix_acl_access"));
        assert_false(xattr_is_storable("trusted.overlay.opaque"));
        assert_false(xattr_is_storable("system.other"));
        assert_false(xattr_is_storable("com.apple.quarantine"));
        assert_false(xattr_is_storable("user."));
        assert_false(xattr_is_storable(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_acl_text),  cmocka_unit_test(test_acl_text_refused),
                cmocka_unit_test(test_acl_check), cmocka_unit_test(test_list),
                cmocka_unit_test(test_storable),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
