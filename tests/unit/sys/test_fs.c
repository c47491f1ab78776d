/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/fs.h"

#include "base/file.h"
#include "base/str.h"

#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/vfs.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static char dir[] = "/tmp/souk-test-fs-XXXXXX";
static int root;

static int setup(void **state) {
        assert_non_null(mkdtemp(dir));
        root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(root, "a", 0755), 0);
        assert_int_equal(mkdirat(root, "a/b", 0755), 0);
        assert_int_equal(symlinkat("/a/b", root, "absolute"), 0);
        assert_int_equal(symlinkat("../../../../etc", root, "a/up"), 0);
        assert_int_equal(symlinkat("/etc", root, "etc"), 0);
        assert_int_equal(symlinkat("loop", root, "loop"), 0);
        assert_int_equal(symlinkat("/new/deep", root, "dangling"), 0);
        assert_int_equal(symlinkat("../other", root, "a/relative"), 0);
        assert_int_equal(symlinkat("two", root, "one"), 0);
        assert_int_equal(symlinkat("one", root, "two"), 0);
        assert_int_equal(symlinkat("/proc/self/root", root, "magic"), 0);
        return 0;
}

static int teardown(void **state) {
        close(root);
        return tree_remove(AT_FDCWD, dir);
}

static ino_t inode(int fd) {
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        return st.st_ino;
}

static void test_open_in(void **state) {
        int b = fs_open_in(root, "/a/b", O_PATH), same = fs_open_in(root, "absolute", O_PATH),
            top = fs_open_in(root, "../../..", O_PATH);
        assert_true(b >= 0 && same >= 0 && top >= 0);
        assert_int_equal(inode(b), inode(same));
        assert_int_equal(inode(top), inode(root));
        assert_int_equal(fs_open_in(root, "etc", O_PATH), -ELOOP); /* inside, /etc is the link itself */
        assert_true(fs_open_in(root, "etc/passwd", O_PATH) < 0);
        assert_true(fs_open_in(root, "a/up", O_PATH) < 0);
        assert_int_equal(fs_open_in(root, "loop", O_PATH), -ELOOP);
        assert_true(fs_open_in(root, "magic", O_PATH) < 0);
        close(b);
        close(same);
        close(top);
}

static void assert_made(const char *path, bool directory, const char *where) {
        struct stat st;
        int fd = fs_make_in(root, path, directory);
        if (fd < 0)
                fail_msg("%s: %s", path, strerror(-fd));
        assert_int_equal(fstatat(root, where, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(S_ISDIR(st.st_mode), directory);
        assert_int_equal(inode(fd), st.st_ino);
        close(fd);
}

static void test_make_in(void **state) {
        assert_made("/x/y/z", true, "x/y/z");
        assert_made("x//f", false, "x/f");
        assert_made("x/f", false, "x/f"); /* once more */
        assert_made("absolute/c", true, "a/b/c");
        assert_made("../../out", true, "out");
        assert_made("dangling/file", false, "new/deep/file");
        assert_made("a/relative", true, "other");
        assert_made("x/../w/", true, "w");
        assert_true(fs_make_in(root, "loop/x", true) < 0);
        assert_true(fs_make_in(root, "one/x", true) < 0);
        assert_made("magic/x", true, "proc/self/root/x"); /* a path as any other, inside */
        assert_true(fs_make_in(root, "x/f/below", true) < 0);
        assert_false(file_exists(AT_FDCWD, "/out"));
        assert_false(file_exists(AT_FDCWD, "/new"));
}

static void test_long_names(void **state) {
        char name[6000];
        memset(name, 'n', sizeof(name));
        name[300] = '\0';
        assert_true(fs_make_in(root, name, true) < 0);
        for (size_t i = 0; i < sizeof(name); i++)
                name[i] = i % 2 ? 'd' : '/';
        name[sizeof(name) - 1] = '\0';
        assert_true(fs_make_in(root, name, true) < 0);
}

static void test_mounts(void **state) {
        if (geteuid() != 0)
                skip();
        struct statfs fs;
        int fd = fs_new("tmpfs", "size=64k,mode=711,nr_inodes=5", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        struct stat st;
        assert_true(fd >= 0);
        assert_int_equal(fstatfs(fd, &fs), 0);
        assert_int_equal(fs.f_type, TMPFS_MAGIC);
        assert_int_equal(fs.f_blocks * (uint64_t) fs.f_bsize, 65536);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0711);
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        int clone = fs_clone(fd, "", false);
        assert_true(clone >= 0);
        assert_int_equal(fs_set_attr(clone, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, -EBADF, false), 0);
        assert_true(mkdirat(clone, "e", 0755) < 0 && errno == EROFS);
        assert_int_equal(mkdirat(fd, "e", 0755), 0);
        close(clone);
        close(fd);
        assert_int_equal(fs_new("nosuchfs", NULL, 0), -ENODEV);
        assert_int_equal(fs_new("tmpfs", "nosuchoption=1", 0), -EINVAL);
        char options[2000];
        memset(options, 'x', sizeof(options));
        options[sizeof(options) - 1] = '\0';
        assert_int_equal(fs_new("tmpfs", options, 0), -E2BIG);
        assert_true(fs_clone(root, "nothing", false) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_open_in),
                cmocka_unit_test(test_make_in),
                cmocka_unit_test(test_long_names),
                cmocka_unit_test(test_mounts),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
