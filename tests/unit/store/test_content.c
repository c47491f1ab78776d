/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include <sys/wait.h>

static void make_file(int dirfd, const char *name, off_t size) {
        _cleanup_close_ int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, size), 0);
}

static bool exists(struct fixture *f, const char *path) {
        _cleanup_free_ char *full = xasprintf("%s/%s", f->root, path);

        return access(full, F_OK) == 0;
}

/* Staging of a job that was killed goes away with the next job; that of a living one stays. */
static void test_staging(void **state) {
        struct fixture *f = *state;
        _cleanup_close_ int live_fd = -EBADF, fd = -EBADF;
        _cleanup_free_ char *live = NULL, *job = NULL, *path = NULL, *live_path = NULL;
        int live_lock, lock, status, out[2];
        char dead[32] = "tmp/";
        pid_t pid;

        assert_int_equal(pipe(out), 0);
        ok(f, store_staging_open(f->st, &live_fd, &live_lock, &live, &f->err));
        make_file(live_fd, "layer.x", 10);
        pid = fork();
        if (pid == 0) {
                int dead_fd, dead_lock;
                char *name;

                fd_close(live_lock);
                if (store_staging_open(f->st, &dead_fd, &dead_lock, &name, NULL) < 0)
                        _exit(1);
                make_file(dead_fd, "layer.y", 10);
                (void) !write(out[1], name, strlen(name));
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(read(out[0], dead + 4, 16), 16);
        assert_true(exists(f, dead));
        assert_int_equal(check_count(f, false, NULL), 1);
        ok(f, store_staging_open(f->st, &fd, &lock, &job, &f->err));
        assert_false(exists(f, dead));
        live_path = xasprintf("tmp/%s/layer.x", live);
        assert_true(exists(f, live_path));
        path = xasprintf("tmp/%s", job);
        assert_true(exists(f, path));
        store_staging_remove(f->st, job, lock);
        assert_false(exists(f, path));
        assert_int_equal(check_count(f, true, NULL), 0);
        assert_true(exists(f, live_path));
        store_staging_remove(f->st, live, live_lock);
        assert_false(exists(f, live_path));
        close(out[0]);
        close(out[1]);
}

static void test_adopt_refuses(void **state) {
        struct fixture *f = *state;
        struct digest d = fake_digest("aa", 1);
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *job = NULL, *name = xasprintf("layer.%s", d.hex);
        int lock;

        ok(f, store_staging_open(f->st, &fd, &lock, &job, &f->err));
        assert_int_equal(store_layer_adopt(f->st, fd, &d, LAYER_DRIVER_EROFS, &f->err), -ENOENT);
        assert_int_equal(symlinkat("/etc/passwd", fd, name), 0);
        assert_true(store_layer_adopt(f->st, fd, &d, LAYER_DRIVER_EROFS, &f->err) < 0);
        assert_int_equal(unlinkat(fd, name, 0), 0);
        assert_int_equal(mkfifoat(fd, name, 0600), 0);
        assert_int_equal(store_layer_adopt(f->st, fd, &d, LAYER_DRIVER_EROFS, &f->err), -EBADMSG);
        assert_int_equal(unlinkat(fd, name, 0), 0);
        make_file(fd, name, 10);
        assert_int_equal(store_layer_adopt(f->st, fd, &d, LAYER_DRIVER_TREE, &f->err), -EBADMSG);
        store_staging_remove(f->st, job, lock);
        assert_int_equal(check_count(f, false, NULL), 0);
}

/* What an earlier load left without a record gives way, files and trees alike. */
static void test_adopt_over_rubbish(void **state) {
        struct fixture *f = *state;
        struct digest d = fake_digest("aa", 1);

        for (int driver = 0; driver < LAYER_DRIVER_MAX; driver++) {
                _cleanup_free_ char *job = NULL, *name = xasprintf("layer.%s", d.hex);
                _cleanup_free_ char *old = xasprintf("%s/layers/%s%s", f->root, d.hex, driver ? "" : ".erofs");
                _cleanup_free_ char *inside = xasprintf("%s/rubbish", old);
                _cleanup_close_ int fd = -EBADF;
                int lock;

                ok(f, store_staging_open(f->st, &fd, &lock, &job, &f->err));
                if (driver == LAYER_DRIVER_TREE) {
                        ok(f, dir_make_all(inside, 0700));
                        assert_int_equal(mkdirat(fd, name, 0755), 0);
                } else {
                        _cleanup_free_ char *dir = xasprintf("%s/layers", f->root);

                        ok(f, dir_make_all(dir, 0700));
                        make_file(AT_FDCWD, old, 3);
                        make_file(fd, name, 10);
                }
                ok(f, store_layer_adopt(f->st, fd, &d, driver, &f->err));
                assert_int_equal(access(inside, F_OK), -1);
                store_staging_remove(f->st, job, lock);
        }
}

static void test_instance_dirs(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 1, NULL);
        struct store_instance i = fake_instance(1, "one", a.id);
        int fd, lock, other;
        struct stat sb;

        put_image(f, &a);
        ok(f, store_instance_insert(f->st, &i, false, &f->err));
        umask(077);
        ok(f, store_instance_dir_make(f->st, i.id, &fd, &f->err));
        umask(022);
        assert_int_equal(fstatat(fd, "upper", &sb, 0), 0);
        assert_int_equal(sb.st_mode & 07777, 0755);
        make_file(fd, "upper/file", 10);
        close(fd);
        lock = ok(f, store_instance_lock(f->st, i.id, true, &f->err));
        assert_int_equal(store_instance_lock(f->st, i.id, false, &f->err), -EAGAIN);
        close(lock);
        lock = ok(f, store_instance_lock(f->st, i.id, false, &f->err));
        fd = ok(f, store_run_dir_make(f->st, i.id, &f->err));
        close(fd);
        assert_int_equal(check_count(f, false, NULL), 0);
        store_run_dir_remove(f->st, i.id);
        assert_true(store_run_dir_open(f->st, i.id, &f->err) < 0);
        ok(f, store_instance_dir_remove(f->st, i.id, &f->err));
        close(lock);
        lock = ok(f, store_instance_lock(f->st, i.id, false, &f->err)); /* a lost directory does not stop `rm` */
        ok(f, store_instance_delete(f->st, i.id, &f->err));
        ok(f, store_instance_dir_remove(f->st, i.id, &f->err));
        close(lock);
        other = store_instance_lock(f->st, i.id, true, &f->err);
        assert_int_equal(other, -ENOENT);
        assert_int_equal(f->err.code, SOUK_INSTANCE_NOT_FOUND);
        store_instance_clear(&i);
        fake_image_clear(&a);
}

/* Whoever waits for the lock of an instance that is removed learns that it is gone. */
static void test_lock_of_removed(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 1, NULL);
        struct store_instance i = fake_instance(1, "one", a.id);
        int fd, lock, status;
        pid_t pid;

        put_image(f, &a);
        ok(f, store_instance_insert(f->st, &i, false, &f->err));
        ok(f, store_instance_dir_make(f->st, i.id, &fd, &f->err));
        close(fd);
        lock = ok(f, store_instance_lock(f->st, i.id, true, &f->err));
        store_close(f->st);
        f->st = NULL;
        pid = fork();
        if (pid == 0) {
                struct souk_err err = { 0 };
                struct store *st;

                close(lock);
                if (store_open(f->root, f->run, &st, &err) < 0)
                        _exit(1);
                _exit(store_instance_lock(st, i.id, true, &err) == -ENOENT && err.code == SOUK_INSTANCE_NOT_FOUND ? 0 : 2);
        }
        fixture_reopen(f);
        usleep(50000);
        ok(f, store_instance_delete(f->st, i.id, &f->err));
        ok(f, store_instance_dir_remove(f->st, i.id, &f->err));
        close(lock);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        store_instance_clear(&i);
        fake_image_clear(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_staging, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_adopt_refuses, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_adopt_over_rubbish, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_instance_dirs, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_lock_of_removed, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("store/content", tests, NULL, NULL);
}
