/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files by descriptor, and the removal of trees: deep, hostile, and with mounts inside. */
#include "test.h"

#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

static char top_path[PATH_MAX];
static int top = -EBADF;

static int setup(void **state) {
        const char *tmp = getenv("TMPDIR");
        const char *fast = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* thousands of directories are made */
        snprintf(top_path, sizeof(top_path), "%s/souk-test-file.XXXXXX", tmp ? tmp : fast);
        if (!mkdtemp(top_path))
                return -1;
        top = open(top_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return top < 0 ? -1 : 0;
}

static int teardown(void **state) {
        top = fd_close(top);
        return tree_remove(AT_FDCWD, top_path);
}

static void make_file(const char *path, const char *text) {
        assert_int_equal(file_replace(top, path, 0600, text, strlen(text)), 0);
}

static void assert_file(const char *path, const char *text) {
        _cleanup_free_ char *is = NULL;
        assert_int_equal(file_read(top, path, 1000, &is, NULL), 0);
        assert_string_equal(is, text);
}

static size_t count_entries(int dirfd, const char *path) {
        DIR *d = fdopendir(openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        size_t n = 0;
        assert_non_null(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n - 2;
}

static size_t count_fds(void) {
        return count_entries(AT_FDCWD, "/proc/self/fd");
}

static void test_pipe(void **state) {
        int p[2];
        char text[8] = {};
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        assert_int_equal(fd_write_all(p[1], "abcdef", 6), 0);
        assert_int_equal(fd_write_all(p[1], "", 0), 0);
        assert_int_equal(fd_read_all(p[0], text, 4), 0);
        assert_string_equal(text, "abcd");
        assert_int_equal(fd_read_all(p[0], text, 0), 0);
        close(p[1]);
        assert_int_equal(fd_read_all(p[0], text, 4), -ENODATA);
        close(p[0]);
        assert_int_equal(fd_read_all(p[0], text, 1), -EBADF);
        assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
}

static void test_read_to_buf(void **state) {
        _cleanup_free_ char *big = xmalloc(100000);
        memset(big, 'x', 100000);
        assert_int_equal(file_replace(top, "big", 0600, big, 100000), 0);
        for (size_t max = 99999; max <= 100001; max++) {
                _cleanup_buf_ struct buf b = BUF_INIT(max);
                _cleanup_close_ int fd = openat(top, "big", O_RDONLY | O_CLOEXEC);
                assert_int_equal(fd_read_to_buf(fd, &b), max < 100000 ? -EFBIG : 0);
                if (max >= 100000)
                        assert_int_equal(b.len, 100000);
        }
}

static void test_flags(void **state) {
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        assert_int_equal(fd_set_cloexec(p[0], false), 0);
        assert_int_equal(fcntl(p[0], F_GETFD), 0);
        assert_int_equal(fd_set_cloexec(p[0], true), 0);
        assert_int_equal(fcntl(p[0], F_GETFD), FD_CLOEXEC);
        assert_int_equal(fd_set_nonblock(p[0], true), 0);
        assert_int_equal(fd_set_nonblock(p[0], true), 0);
        assert_int_equal(read(p[0], &(char){ 0 }, 1), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(fd_set_nonblock(p[0], false), 0);
        assert_int_equal(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
        close(p[0]);
        close(p[1]);
        assert_int_equal(fd_set_cloexec(-1, true), -EBADF);
        assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
}

static void test_move_high(void **state) {
        size_t before = count_fds();
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int high = fd_move_high(fd, 50);
        assert_true(high >= 50);
        assert_int_equal(fcntl(high, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        assert_int_equal(fd_move_high(high, 50), high);
        close(high);
        assert_int_equal(fd_move_high(-EBADF, 3), -EBADF);
        assert_int_equal(count_fds(), before);
}

static void test_read(void **state) {
        _cleanup_free_ char *text = NULL, *empty = NULL, *null = NULL;
        char *none = NULL;
        size_t len = 0;
        assert_int_equal(file_replace(top, "f", 0640, "a\0b", 3), 0);
        assert_int_equal(file_read(top, "f", 3, &text, &len), 0);
        assert_int_equal(len, 3);
        assert_memory_equal(text, "a\0b", 4);
        assert_int_equal(file_read(top, "f", 2, &none, &len), -EFBIG);
        assert_int_equal(file_read(top, "absent", 2, &none, NULL), -ENOENT);
        assert_int_equal(file_read(top, ".", 2, &none, NULL), -EISDIR);
        assert_null(none);
        make_file("empty", "");
        assert_int_equal(file_read(top, "empty", 10, &empty, &len), 0);
        assert_string_equal(empty, "");
        assert_int_equal(len, 0);
        assert_int_equal(file_read(AT_FDCWD, "/proc/self/stat", 4096, &null, &len), 0); /* st_size is 0 there */
        assert_true(len > 10);
}

static void test_write(void **state) {
        make_file("w", "");
        assert_int_equal(file_write(top, "w", "text"), 0);
        assert_file("w", "text");
        assert_int_equal(file_writef(top, "w", "%d-%s", 10, "x"), 0);
        assert_file("w", "10-x");
        assert_int_equal(file_write(top, "nothing", "x"), -ENOENT); /* never creates */
        assert_int_equal(file_write(AT_FDCWD, "/dev/full", "x"), -ENOSPC);
        _cleanup_close_ int fd = openat(top, "w", O_RDWR | O_CLOEXEC);
        assert_int_equal(fd_pwrite_all(fd, "YZ", 2, 3), 0);
        assert_file("w", "10-YZ");
}

static void test_replace(void **state) {
        struct stat st;
        mode_t old = umask(077);
        assert_int_equal(file_replace(top, "r", 0644, "one", 3), 0);
        umask(old);
        assert_int_equal(fstatat(top, "r", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0644); /* whatever the umask */
        _cleanup_close_ int reader = openat(top, "r", O_RDONLY | O_CLOEXEC);
        assert_int_equal(file_replace(top, "r", 0600, "two", 3), 0);
        char text[4] = {};
        assert_int_equal(fd_read_all(reader, text, 3), 0);
        assert_string_equal(text, "one");
        assert_file("r", "two");
        make_file("target", "kept");
        assert_int_equal(symlinkat("target", top, "link"), 0);
        make_file("link", "new"); /* replaces the link, not what it names */
        assert_file("target", "kept");
        assert_int_equal(mkdirat(top, "dir", 0700), 0);
        size_t n = count_entries(top, ".");
        assert_int_equal(file_replace(top, "dir", 0600, "x", 1), -EISDIR);
        assert_int_equal(file_replace(top, "absent/r", 0600, "x", 1), -ENOENT);
        assert_int_equal(count_entries(top, "."), n); /* no temporary stays */
}

static void test_dirs(void **state) {
        char path[PATH_MAX + 32];
        int fd = dir_make_open(top, "d", 0700);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        fd = dir_make_open(top, "d", 0700);
        assert_true(fd >= 0);
        close(fd);
        make_file("plain", "");
        assert_int_equal(dir_make_open(top, "plain", 0700), -ENOTDIR);
        assert_int_equal(symlinkat("d", top, "dlink"), 0);
        assert_true(dir_make_open(top, "dlink", 0700) < 0);
        assert_int_equal(dir_make_open(top, "absent/d", 0700), -ENOENT);
        snprintf(path, sizeof(path), "%s/x/y//z/", top_path);
        assert_int_equal(dir_make_all(path, 0700), 0);
        assert_int_equal(dir_make_all(path, 0700), 0);
        assert_true(file_exists(top, "x/y/z"));
        snprintf(path, sizeof(path), "%s/plain", top_path);
        assert_int_equal(dir_make_all(path, 0700), -ENOTDIR);
        snprintf(path, sizeof(path), "%s/plain/d", top_path);
        assert_int_equal(dir_make_all(path, 0700), -ENOTDIR);
        assert_int_equal(dir_make_all("/", 0700), 0);
        assert_int_equal(dir_make_all("", 0700), -ENOENT);
}

static void test_exists(void **state) {
        char path[32];
        assert_int_equal(symlinkat("/nonexistent", top, "dangling"), 0);
        assert_true(file_exists(top, "dangling"));
        assert_false(file_exists(top, "never"));
        assert_string_equal(fd_path(7, path, sizeof(path)), "/proc/self/fd/7");
}

static void test_tree(void **state) {
        size_t before = count_fds();
        mode_t without = geteuid() == 0 ? 0000 : 0700; /* root may all the same */
        assert_int_equal(mkdirat(top, "t", 0700), 0);
        make_file("outside", "kept");
        assert_int_equal(mkdirat(top, "outside.d", 0700), 0);
        make_file("outside.d/f", "kept");
        assert_int_equal(symlinkat("../outside", top, "t/link"), 0);
        assert_int_equal(symlinkat("../outside.d", top, "t/dirlink"), 0);
        assert_int_equal(mkfifoat(top, "t/fifo", 0600), 0);
        assert_int_equal(linkat(top, "outside", top, "t/hard", 0), 0);
        for (int i = 0; i < 3000; i++) {
                char name[64];
                snprintf(name, sizeof(name), "t/%d", i);
                if (i % 3)
                        make_file(name, "x");
                else
                        assert_int_equal(mkdirat(top, name, i % 2 ? without : 0700), 0);
        }
        assert_int_equal(mkdirat(top, "t/full", 0700), 0);
        make_file("t/full/f", "x");
        assert_int_equal(fchmodat(top, "t/full", without, 0), 0);
        assert_int_equal(tree_remove(top, "t"), 0);
        assert_false(file_exists(top, "t"));
        assert_int_equal(tree_remove(top, "t"), 0);
        assert_int_equal(tree_remove(top, "absent/t"), 0);
        assert_file("outside", "kept");
        assert_file("outside.d/f", "kept");
        assert_int_equal(symlinkat("outside.d", top, "l"), 0);
        assert_int_equal(tree_remove(top, "l"), 0); /* the link itself */
        assert_int_equal(tree_remove(top, "outside"), 0);
        assert_file("outside.d/f", "kept");
        assert_int_equal(tree_remove(top, "outside.d/f"), 0);
        assert_int_equal(tree_remove(top, "outside.d/"), 0);
        assert_int_equal(count_fds(), before);
}

static void test_tree_deep(void **state) {
        size_t before = count_fds();
        int fd = dir_make_open(top, "deep", 0700);
        for (int i = 0; i < 4096; i++) { /* far longer than PATH_MAX, and more levels than fds are allowed */
                assert_true(fd >= 0);
                close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
                close(dir_make_open(fd, "side", 0700));
                int next = dir_make_open(fd, "a-rather-long-name-for-a-directory", 0700);
                close(fd);
                fd = next;
        }
        close(fd);
        assert_int_equal(tree_remove(top, "deep"), 0);
        assert_false(file_exists(top, "deep"));
        assert_int_equal(count_fds(), before);
}

/* In a mount namespace of its own: returns what is wrong as an exit status, 77 to skip. */
static int mounts_in_child(void) {
        char path[PATH_MAX + 16];
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return 77;
        top = open(top_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the one opened before is in the other namespace */
        snprintf(path, sizeof(path), "%s/m/bind", top_path);
        char *data = xasprintf("%s/data", top_path);
        if (mount(data, path, NULL, MS_BIND, NULL) < 0) /* same file system: st_dev does not tell */
                return 77;
        if (tree_remove(top, "m") != -EXDEV || !file_exists(top, "data/precious"))
                return 1;
        if (file_exists(top, "m/file") || file_exists(top, "m/sub") || !file_exists(top, "m/bind/precious"))
                return 2; /* the rest is gone */
        if (tree_remove(top, "m/bind") != -EXDEV || !file_exists(top, "data/precious"))
                return 3;
        umount2(path, MNT_DETACH);
        if (mount("tmpfs", path, "tmpfs", 0, NULL) < 0 || mkdirat(top, "m/bind/in-tmpfs", 0700) < 0)
                return 77;
        if (tree_remove(top, "m") != -EXDEV || !file_exists(top, "m/bind/in-tmpfs"))
                return 4;
        umount2(path, MNT_DETACH);
        free(data);
        return tree_remove(top, "m") == 0 && !file_exists(top, "m") ? 0 : 5;
}

static void test_tree_mounts(void **state) {
        assert_int_equal(mkdirat(top, "data", 0700), 0);
        make_file("data/precious", "kept");
        assert_int_equal(mkdirat(top, "m", 0700), 0);
        assert_int_equal(mkdirat(top, "m/bind", 0700), 0);
        assert_int_equal(mkdirat(top, "m/sub", 0700), 0);
        make_file("m/file", "x");
        pid_t pid = fork();
        if (pid == 0)
                _exit(mounts_in_child());
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(status, 0);
        assert_file("data/precious", "kept");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pipe),      cmocka_unit_test(test_read_to_buf), cmocka_unit_test(test_flags),
                cmocka_unit_test(test_move_high), cmocka_unit_test(test_read),        cmocka_unit_test(test_write),
                cmocka_unit_test(test_replace),   cmocka_unit_test(test_dirs),        cmocka_unit_test(test_exists),
                cmocka_unit_test(test_tree),      cmocka_unit_test(test_tree_deep),   cmocka_unit_test(test_tree_mounts),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
