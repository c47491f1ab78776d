/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What store_check() finds and mends; and that after kill -9 at each fault point nothing is left that it does not find.  The
 * crashing part runs in this program executed again: test_check crash ROOT RUN.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>

static void make_path(const char *base, const char *path, bool directory) {
        _cleanup_free_ char *full = xasprintf("%s/%s", base, path);
        _cleanup_free_ char *parent = xstrndup(full, (size_t) (strrchr(full, '/') - full));

        assert_int_equal(dir_make_all(directory ? full : parent, 0700), 0);
        if (!directory) {
                _cleanup_close_ int fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

                assert_true(fd >= 0);
        }
}

static void test_garbage(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 2, "docker.io/library/box:latest");
        struct digest d = fake_digest("dead", 1);
        _cleanup_free_ char *layer = xasprintf("layers/%s.erofs", d.hex), *tree = xasprintf("layers/%s", d.hex);
        _cleanup_free_ char *other_driver = xasprintf("layers/%s/sub", a.layers[0].diff_id.hex);
        _cleanup_free_ char *blob = xasprintf("blobs/sha256/%s", d.hex), *inst = xasprintf("instances/%s/upper/x", d.hex);
        _cleanup_free_ char *run = xasprintf("i/%s/attach.sock", d.hex), *point = xasprintf("layers/%s", d.hex);
        _cleanup_strv_ char **lines = NULL;

        put_image(f, &a);
        make_path(f->root, layer, false);
        make_path(f->root, tree, true);
        make_path(f->root, other_driver, true);
        make_path(f->root, blob, false);
        make_path(f->root, "layers/stranger", false);
        make_path(f->root, inst, true);
        make_path(f->root, "tmp/0123456789abcdef/layer.x", false);
        make_path(f->run, run, false);
        make_path(f->run, point, true);
        assert_int_equal(check_count(f, false, &lines), 9);
        assert_true(strv_has_part(lines, "--repair removes it"));
        assert_int_equal(check_count(f, true, NULL), 0);
        assert_int_equal(check_count(f, false, NULL), 0);
        assert_true(store_image_whole(f->st, a.id));
        fake_image_clear(&a);
}

/* While a load goes on, content without a record may be its own. */
static void test_load_going_on(void **state) {
        struct fixture *f = *state;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *job = NULL;
        int lock;

        ok(f, store_staging_open(f->st, &fd, &lock, &job, &f->err));
        make_path(f->root, "layers/stranger", false);
        assert_int_equal(check_count(f, true, NULL), 0);
        assert_true(file_exists(f->st->root_fd, "layers/stranger"));
        store_staging_remove(f->st, job, lock);
        assert_int_equal(check_count(f, false, NULL), 1);
}

static void test_lost_content(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 2, "docker.io/library/box:latest");
        struct store_instance i = fake_instance(1, "one", a.id);
        _cleanup_free_ char *gone = NULL, *cut = NULL;
        _cleanup_strv_ char **lines = NULL;
        int64_t slot;

        put_image(f, &a);
        gone = xasprintf("%s/layers/%s.erofs", f->root, a.layers[0].diff_id.hex);
        cut = xasprintf("%s/layers/%s.erofs", f->root, a.layers[1].diff_id.hex);
        assert_int_equal(unlink(gone), 0);
        assert_int_equal(truncate(cut, 7), 0);
        ok(f, store_instance_insert(f->st, &i, false, &f->err));
        ok(f, store_instance_starting(f->st, i.id, true, &slot, &f->err));
        ok(f, store_instance_running(f->st, i.id, 1, 1, &f->err));
        assert_int_equal(check_count(f, true, &lines), 3);
        assert_true(strv_has_part(lines, "box:latest"));
        assert_true(strv_has_part(lines, "its writable layer is lost"));
        assert_false(store_layer_exists(f->st, &a.layers[0].diff_id));
        assert_false(store_layer_exists(f->st, &a.layers[1].diff_id));
        ok(f, store_instance_delete(f->st, i.id, &f->err));
        put_image(f, &a); /* loading it again mends it */
        assert_int_equal(check_count(f, false, NULL), 0);
        store_instance_clear(&i);
        fake_image_clear(&a);
}

/* ---- crashes ---- */

static int crash_body(struct store *st) {
        struct store_image a = fake_image("aa", 1, 2, "docker.io/library/box:latest");
        struct store_instance i = fake_instance(1, "one", a.id);
        struct fixture f = { .st = st };
        char **layers = NULL, **blobs = NULL;
        int fd;

        put_image(&f, &a);
        if (store_instance_insert(st, &i, true, NULL) < 0 || store_instance_dir_make(st, i.id, &fd, NULL) < 0 ||
            store_run_dir_make(st, i.id, NULL) < 0 || store_instance_running(st, i.id, 1, 1, NULL) < 0)
                return 1;
        store_run_dir_remove(st, i.id);
        if (store_instance_delete(st, i.id, NULL) < 0 || store_instance_dir_remove(st, i.id, NULL) < 0)
                return 1;
        if (store_image_delete(st, a.id, &layers, &blobs, NULL) < 0)
                return 1;
        store_layer_files_remove(st, layers);
        store_blob_files_remove(st, blobs);
        store_close(st);
        return 0;
}

static int crash_main(const char *root, const char *run) {
        struct store *st;

        return store_open(root, run, &st, NULL) < 0 ? 1 : crash_body(st);
}

static void crash_at(struct fixture *f, const char *point) {
        _cleanup_strv_ char **lines = NULL;
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                setenv("SOUK_FAULT", point, 1);
                execl("/proc/self/exe", "test_check", "crash", f->root, f->run, (char *) NULL);
                _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fail_msg("%s was not passed (status %x)", point, status);
        fixture_reopen(f);
        assert_int_equal(check_count(f, true, &lines), 0);
        print_message("%s: %zu mended\n", point, strv_len(lines));
        assert_int_equal(check_count(f, false, NULL), 0);
}

static void assert_works(struct fixture *f) {
        struct store_image b = fake_image("bb", 50, 2, "docker.io/library/after:latest");

        put_image(f, &b);
        assert_true(store_image_whole(f->st, b.id));
        fake_image_clear(&b);
}

static void test_crashes(void **state) {
        static const char *const points[] = {
                "store.schema", "store.staging_made", "store.layer_adopt", "store.layer_adopt:2", "store.blob_adopt",
                "store.image_put", "store.instance_insert", "store.instance_dir", "store.instance_deleted",
                "store.instance_dir_removed", "store.image_deleted", "store.retire", "store.retire:2",
        };

        for (size_t k = 0; k < ELEMENTSOF(points); k++) {
                void *inner;

                fixture_setup(&inner);
                crash_at(inner, points[k]);
                assert_works(inner);
                assert_int_equal(fixture_teardown(&inner), 0);
        }
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_garbage, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_load_going_on, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_lost_content, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_crashes, fixture_setup, fixture_teardown),
        };

        if (argc == 4 && streq(argv[1], "crash"))
                return crash_main(argv[2], argv[3]);
        return cmocka_run_group_tests_name("store/check", tests, NULL, NULL);
}
