/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "base/file.h"
#include "cli/archive_io.h"

static char dir[] = "/tmp/souk-archive-XXXXXX";

static int setup(void **state) {
        return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}
static int teardown(void **state) {
        return chdir("/") < 0 ? -1 : tree_remove(AT_FDCWD, dir);
}

static void assert_file(const char *path, const char *expect) {
        _cleanup_free_ char *text = NULL;
        assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL), 0);
        assert_string_equal(text, expect);
}

static void write_out(const char *path, const char *text, bool commit) {
        _cleanup_(archive_output_abandon) struct archive_output out = { .fd = -EBADF };
        struct souk_err err = {};
        assert_int_equal(archive_output_open(path, &out, &err), 0);
        assert_int_equal(fd_write_all(out.fd, text, strlen(text)), 0);
        if (commit)
                assert_int_equal(archive_output_commit(&out, &err), 0);
}

static void test_output(void **state) {
        write_out("a.tar", "one", true);
        assert_file("a.tar", "one");
        write_out("a.tar", "half", false); /* a failure leaves the old one, and nothing else */
        assert_file("a.tar", "one");
        assert_int_equal(symlink("a.tar", "link"), 0);
        write_out("link", "two", true);
        assert_file("a.tar", "two");
        struct stat st;
        assert_int_equal(lstat("link", &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        write_out("/dev/null", "three", true); /* in place */
        assert_int_equal(lstat("/dev/null", &st), 0);
        assert_true(S_ISCHR(st.st_mode));
}

static void test_output_errors(void **state) {
        struct archive_output out;
        struct souk_err err = {};
        assert_true(archive_output_open("no/such/file", &out, &err) < 0);
        assert_contains(err.msg, "cannot write 'no/such/file'");
        archive_output_abandon(&out);
}

static void test_input(void **state) {
        struct souk_err err = {};
        _cleanup_(archive_input_closep) int directory = archive_input_open(".", "how", &err);
        assert_true(directory >= 0);
        int missing = archive_input_open("missing.tar", "how", &err);
        assert_true(missing < 0);
        assert_contains(err.msg, "cannot open 'missing.tar'");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_output),
                cmocka_unit_test(test_output_errors),
                cmocka_unit_test(test_input),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
