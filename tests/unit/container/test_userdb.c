/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "container/userdb.h"

#include "base/file.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static char dir[] = "/tmp/souk-test-userdb-XXXXXX";
static int root;

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "daemon:x:1:1:daemon:/usr/sbin:\n"
                             "# comment\n\n:::::\n"
                             "1000:x:5:6:a number as a name:/five:\n"
                             "www:x:33:33::/var/www:/bin/sh:more:fields\n"
                             "short:x:7:8\n"
                             "nohome:x:9:9::relative:\n"
                             "minus:x:4294967295:1:::\n"
                             "big:x:2147483648:1:::\n"
                             "www:x:77:77:second of the same name:::\n";
static const char group[] =
        "root:x:0:\nadm:x:4:daemon,www\nwww:x:33:\ndocker:x:999:www\nbroken\nx:y\nmine:x:4294967295:www\nadm:x:5:nobody";

static int setup(void **state) {
        assert_non_null(mkdtemp(dir));
        root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(dir_make_open(root, "etc", 0755));
        assert_int_equal(file_replace(root, "etc/passwd", 0644, passwd, sizeof(passwd) - 1), 0);
        assert_int_equal(file_replace(root, "etc/group", 0644, group, sizeof(group) - 1), 0);
        return 0;
}

static int teardown(void **state) {
        close(root);
        return tree_remove(AT_FDCWD, dir);
}

static int lookup(const char *user, char *const *extra, struct userdb_result *u) {
        struct machine_process p = { .user = user, .extra_groups = extra };
        struct souk_err err = {};
        int r = userdb_lookup(root, &p, u, &err);
        assert_int_equal(r < 0, err.msg[0] != '\0');
        return r;
}

static void test_users(void **state) {
        static const struct {
                const char *user;
                uint32_t uid, gid;
                const char *home;
                uint32_t n_groups, last_group;
        } table[] = {
                { NULL, 0, 0, "/root", 1, 0 },          { "", 0, 0, "/root", 1, 0 },
                { "root", 0, 0, "/root", 1, 0 },        { "daemon", 1, 1, "/usr/sbin", 2, 4 },
                { "www", 33, 33, "/var/www", 3, 999 },  { "33", 33, 33, "/var/www", 3, 999 },
                { "1000", 5, 6, "/five", 1, 6 },        { "1001", 1001, 0, "/", 1, 0 },
                { "33:4", 33, 4, "/var/www", 1, 4 },    { "www:adm", 33, 4, "/var/www", 1, 4 },
                { "12:34", 12, 34, "/", 1, 34 },        { ":4", 0, 4, "/root", 1, 4 },
                { "www:", 33, 33, "/var/www", 3, 999 }, { "short", 7, 8, "/", 1, 8 },
                { "nohome", 9, 9, "/", 1, 9 },          { "2147483647", 2147483647, 0, "/", 1, 0 },
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                struct userdb_result u;
                if (lookup(table[i].user, NULL, &u) < 0)
                        fail_msg("%s", table[i].user);
                assert_int_equal(u.uid, table[i].uid);
                assert_int_equal(u.gid, table[i].gid);
                assert_string_equal(u.home, table[i].home);
                assert_int_equal(u.n_groups, table[i].n_groups);
                assert_int_equal(u.groups[u.n_groups - 1], table[i].last_group);
        }
}

static void test_unknown(void **state) {
        static const char *const users[] = {
                "nobody", "-1", "4294967295", "4294967296", "2147483648",     "minus", "big",
                "0x1",    " 1", "www:none",   "www:-1",     "www:4294967295", "1:2:3", "#",
        };
        struct userdb_result u;
        for (size_t i = 0; i < ELEMENTSOF(users); i++)
                if (lookup(users[i], NULL, &u) >= 0)
                        fail_msg("%s is uid %u", users[i], u.uid);
}

static void test_extra_groups(void **state) {
        char *extra[] = { (char *) (uintptr_t) "docker", (char *) (uintptr_t) "12", (char *) (uintptr_t) "12", NULL };
        char *bad[] = { (char *) (uintptr_t) "nogroup", NULL };
        struct userdb_result u;
        assert_int_equal(lookup("1", extra, &u), 0);
        assert_int_equal(u.n_groups, 4); /* 1, adm, docker, 12 */
        assert_true(lookup("1", bad, &u) < 0);
}

static void test_no_files(void **state) {
        struct userdb_result u;
        assert_int_equal(tree_remove(root, "etc"), 0);
        assert_int_equal(lookup("", NULL, &u), 0);
        assert_string_equal(u.home, "/root");
        assert_int_equal(lookup("5:6", NULL, &u), 0);
        assert_int_equal(u.uid, 5);
        assert_true(lookup("root", NULL, &u) >= 0 || u.uid == 0);
        assert_true(lookup("www", NULL, &u) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_extra_groups),
                cmocka_unit_test(test_no_files),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
