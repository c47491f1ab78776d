/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real mounts: needs root and mkfs.erofs. */
#include "fixture.h"

#include "base/proc.h"
#include "store/mount.h"

#include <sys/mount.h>
#include <sys/vfs.h>

static bool can_mount(void) {
        if (geteuid() != 0) {
                print_message("skipped: mounting needs root\n");
                return false;
        }
        if (!erofs_is_supported()) {
                print_message("skipped: this kernel has no EROFS\n");
                return false;
        }
        if (system("command -v mkfs.erofs >/dev/null") != 0) {
                print_message("skipped: mkfs.erofs (erofs-utils) is not installed\n");
                return false;
        }
        return true;
}

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...) {
        char command[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(command, sizeof(command), fmt, ap);
        va_end(ap);
        assert_int_equal(system(command), 0);
}

/* An image of two real layers, each with a file `number`. */
static struct store_image real_image(struct fixture *f) {
        struct store_image i = fake_image("aa", 1, 2, "docker.io/library/box:latest");

        put_image(f, &i);
        for (size_t k = 0; k < i.n_layers; k++)
                run("cd %s && mkdir -p tree && echo %zu > tree/number && rm -f root/layers/%s.erofs && "
                    "mkfs.erofs --quiet root/layers/%s.erofs tree >/dev/null 2>&1 && rm -r tree",
                    f->dir, k, i.layers[k].diff_id.hex, i.layers[k].diff_id.hex);
        return i;
}

static void assert_layers(struct fixture *f, const struct store_image *i) {
        int *fds;

        ok(f, store_layers_open(f->st, i->layers, i->n_layers, &fds, &f->err));
        for (size_t k = 0; k < i->n_layers; k++) {
                _cleanup_free_ char *text = NULL;
                size_t n;

                ok(f, file_read(fds[k], "number", 10, &text, &n));
                assert_int_equal(text[0], '0' + (int) k);
                assert_int_equal(openat(fds[k], "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
                assert_int_equal(errno, EROFS);
                close(fds[k]);
        }
        free(fds);
}

static size_t count_mounts(struct fixture *f) {
        _cleanup_free_ char *text = NULL, *part = xasprintf("%s/layers/", f->run);
        size_t n, count = 0;

        ok(f, file_read(AT_FDCWD, "/proc/self/mounts", 4u << 20, &text, &n));
        for (const char *p = text; (p = strstr(p, part)); p++)
                count++;
        return count;
}

static void test_mount(void **state) {
        struct fixture *f = *state;
        struct store_image i;
        uint64_t t0;

        if (!can_mount())
                skip();
        i = real_image(f);
        assert_layers(f, &i);
        assert_int_equal(count_mounts(f), 2);
        t0 = now_usec();
        for (int n = 0; n < 100; n++)
                assert_layers(f, &i);
        print_message("opening two mounted layers and a file in each: %llu us\n", (unsigned long long) (now_usec() - t0) / 100);
        assert_int_equal(count_mounts(f), 2);
        fixture_reopen(f);
        assert_layers(f, &i);
        ok(f, store_layers_unmount(f->st, NULL, &f->err));
        assert_int_equal(count_mounts(f), 0);
        assert_layers(f, &i);
        fake_image_clear(&i);
}

static void test_unmount_spares_used(void **state) {
        struct fixture *f = *state;
        struct store_instance inst;
        struct store_image i;
        int64_t slot;
        int *fds;

        if (!can_mount())
                skip();
        i = real_image(f);
        inst = fake_instance(1, "one", i.id);
        ok(f, store_layers_open(f->st, i.layers, 2, &fds, &f->err));
        ok(f, store_layers_unmount(f->st, NULL, &f->err));
        assert_int_equal(count_mounts(f), 2); /* somebody is about to use them */
        close(fds[0]);
        close(fds[1]);
        free(fds);
        ok(f, store_instance_insert(f->st, &inst, false, &f->err));
        ok(f, store_instance_starting(f->st, inst.id, true, &slot, &f->err));
        ok(f, store_layers_unmount(f->st, NULL, &f->err));
        assert_int_equal(count_mounts(f), 2); /* an instance does */
        ok(f, store_instance_exited(f->st, inst.id, 0, false, NULL, 0, &f->err));
        ok(f, store_layers_unmount(f->st, NULL, &f->err));
        assert_int_equal(count_mounts(f), 0);
        store_instance_clear(&inst);
        fake_image_clear(&i);
}

static void test_covered_mount_point(void **state) {
        struct fixture *f = *state;
        struct store_image i;

        if (!can_mount())
                skip();
        i = real_image(f);
        assert_layers(f, &i);
        run("mount -t tmpfs tmpfs %s/layers/%s", f->run, i.layers[0].diff_id.hex);
        run("umount %s/layers/%s", f->run, i.layers[1].diff_id.hex);
        assert_layers(f, &i);
        assert_int_equal(count_mounts(f), 2);
        fake_image_clear(&i);
}

static void test_loop_device(void **state) {
        struct fixture *f = *state;
        struct store_image i;

        if (!can_mount())
                skip();
        if (access("/dev/loop-control", R_OK | W_OK) < 0) {
                print_message("skipped: no loop devices\n");
                skip();
        }
        i = real_image(f);
        setenv("SOUK_LAYER_MOUNT", "loop", 1);
        assert_layers(f, &i);
        unsetenv("SOUK_LAYER_MOUNT");
        assert_int_equal(count_mounts(f), 2);
        run("grep -q '^/dev/loop.*%s' /proc/self/mounts", f->run);
        ok(f, store_layers_unmount(f->st, NULL, &f->err));
        run("! losetup -a 2>/dev/null | grep -q '%s'", f->root); /* autoclear */
        fake_image_clear(&i);
}

static void test_bad_layers(void **state) {
        struct fixture *f = *state;
        struct store_image i;
        int *fds;

        if (!can_mount())
                skip();
        i = real_image(f);
        run("truncate -s 0 %s/layers/%s.erofs && truncate -s 4096 %s/layers/%s.erofs", f->root, i.layers[0].diff_id.hex,
            f->root, i.layers[0].diff_id.hex);
        assert_true(store_layers_open(f->st, i.layers, 2, &fds, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_CORRUPT);
        assert_non_null(strstr(f->err.msg, i.layers[0].diff_id.hex));
        run("rm %s/layers/%s.erofs", f->root, i.layers[0].diff_id.hex);
        assert_true(store_layers_open(f->st, i.layers, 2, &fds, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_NOT_FOUND);
        assert_non_null(strstr(f->err.msg, "load the image again"));
        fake_image_clear(&i);
}

static void test_remove_unmounts(void **state) {
        struct fixture *f = *state;
        char **layers = NULL, **blobs = NULL;
        struct store_image i;

        if (!can_mount())
                skip();
        i = real_image(f);
        assert_layers(f, &i);
        ok(f, store_image_delete(f->st, i.id, &layers, &blobs, &f->err));
        assert_int_equal(check_count(f, false, NULL), 2 + 2 + 2); /* mounts, layers, blobs: as after a crash here */
        store_layer_files_remove(f->st, layers);
        store_blob_files_remove(f->st, blobs);
        assert_int_equal(count_mounts(f), 0);
        assert_int_equal(check_count(f, false, NULL), 0);
        strv_free(layers);
        strv_free(blobs);
        fake_image_clear(&i);
}

static void test_tree(void **state) {
        struct fixture *f = *state;
        struct store_image i = fake_image("aa", 1, 2, NULL);
        int *fds;

        i.layers[0].driver = i.layers[1].driver = LAYER_DRIVER_TREE;
        run("mkdir -p %s/layers/%s %s/layers/%s", f->root, i.layers[0].diff_id.hex, f->root, i.layers[1].diff_id.hex);
        ok(f, store_layers_open(f->st, i.layers, 2, &fds, &f->err));
        close(fds[0]);
        close(fds[1]);
        free(fds);
        run("rmdir %s/layers/%s", f->root, i.layers[1].diff_id.hex);
        assert_int_equal(store_layers_open(f->st, i.layers, 2, &fds, &f->err), -ENOENT);
        fake_image_clear(&i);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_mount, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_unmount_spares_used, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_covered_mount_point, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_loop_device, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_bad_layers, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_remove_unmounts, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_tree, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("store/layer_mounts", tests, NULL, NULL);
}
