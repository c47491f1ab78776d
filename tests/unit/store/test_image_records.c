/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#define BOX "docker.io/library/box:latest"

static void assert_finds(struct fixture *f, const char *ref, const char *id) {
        struct store_image i = { 0 };

        ok(f, store_image_find(f->st, ref, &i, &f->err));
        assert_string_equal(i.id, id);
        store_image_clear(&i);
}

static void assert_missing(struct fixture *f, const char *ref, enum souk_code code, const char *part) {
        struct store_image i = { 0 };

        assert_true(store_image_find(f->st, ref, &i, &f->err) < 0);
        assert_int_equal(f->err.code, code);
        if (!strstr(f->err.msg, part))
                fail_msg("'%s' is not in: %s", part, f->err.msg);
}

static void test_find(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("abcd1", 1, 3, BOX), b = fake_image("abcd2", 10, 1, "localhost:5000/team/app:v1");
        _cleanup_free_ char *by_digest = NULL;

        put_image(f, &a);
        put_image(f, &b);
        assert_finds(f, "box", a.id);
        assert_finds(f, "box:latest", a.id);
        assert_finds(f, BOX, a.id);
        assert_finds(f, "localhost:5000/team/app:v1", b.id);
        assert_finds(f, "abcd1", a.id);
        assert_finds(f, b.id, b.id);
        by_digest = xasprintf("sha256:%s", a.id);
        assert_finds(f, by_digest, a.id);
        free(by_digest);
        by_digest = xasprintf("box@sha256:%s", a.manifest_digest.hex);
        assert_finds(f, by_digest, a.id);
        assert_missing(f, "abcd", SOUK_INVALID, "ambiguous");
        assert_missing(f, "abc", SOUK_IMAGE_NOT_FOUND, "souk load");
        assert_missing(f, "box:2", SOUK_IMAGE_NOT_FOUND, "box:latest");
        assert_missing(f, "Upper", SOUK_INVALID, "");
        fake_image_clear(&a);
        fake_image_clear(&b);
}

static void test_name_wins_over_id(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("abcd1", 1, 1, NULL), b = fake_image("ff", 2, 1, "docker.io/library/abcd1:latest");

        put_image(f, &a);
        put_image(f, &b);
        assert_finds(f, "abcd1", b.id);
        assert_finds(f, "sha256:abcd1", a.id);
        fake_image_clear(&a);
        fake_image_clear(&b);
}

static void test_round_trip(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 3, BOX), got = { 0 }, *list;
        size_t n;

        put_image(f, &a);
        fixture_reopen(f);
        ok(f, store_image_get(f->st, a.id, false, &got, &f->err));
        assert_string_equal(got.config_text, a.config_text);
        assert_int_equal(got.config_len, a.config_len);
        assert_string_equal(got.manifest_text, a.manifest_text);
        assert_string_equal(got.manifest_digest.hex, a.manifest_digest.hex);
        assert_int_equal(got.created_at, a.created_at);
        assert_true(got.added_at > 0);
        assert_string_equal(got.names[0], BOX);
        assert_int_equal(got.n_layers, 3);
        for (size_t k = 0; k < 3; k++) {
                assert_string_equal(got.layers[k].diff_id.hex, a.layers[k].diff_id.hex);
                assert_string_equal(got.layers[k].blob.hex, a.layers[k].blob.hex);
                assert_string_equal(got.layers[k].media_type, a.layers[k].media_type);
                assert_int_equal(got.layers[k].stored_bytes, a.layers[k].stored_bytes);
                assert_true(store_layer_exists(f->st, &a.layers[k].diff_id));
                assert_true(store_blob_exists(f->st, &a.layers[k].blob));
        }
        assert_true(store_image_whole(f->st, a.id));
        store_image_clear(&got);
        ok(f, store_image_list(f->st, &list, &n, &f->err));
        assert_int_equal(n, 1);
        assert_int_equal(list[0].n_layers, 3);
        store_image_clear(&list[0]);
        free(list);
        fake_image_clear(&a);
}

static void test_names_move(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 1, BOX), b = fake_image("bb", 2, 1, BOX), got = { 0 };

        put_image(f, &a);
        put_image(f, &b);
        assert_finds(f, "box", b.id);
        ok(f, store_image_get(f->st, a.id, false, &got, &f->err));
        assert_null(got.names);
        store_image_clear(&got);
        ok(f, store_image_name_set(f->st, "docker.io/library/old:1", a.id, &f->err));
        assert_finds(f, "old:1", a.id);
        ok(f, store_image_name_delete(f->st, "docker.io/library/old:1", &f->err));
        assert_int_equal(store_image_name_delete(f->st, "docker.io/library/old:1", &f->err), -ENOENT);
        assert_int_equal(store_image_name_set(f->st, BOX, fake_digest("cc", 0).hex, &f->err), -ENOENT);
        fake_image_clear(&a);
        fake_image_clear(&b);
}

static void test_delete(void **state) {
        struct fixture *f = *state;
        /* layers 1 2 3 and 3 4 5: the third is shared */
        struct store_image a = fake_image("aa", 1, 3, BOX), b = fake_image("bb", 3, 3, NULL);
        struct store_instance i = fake_instance(1, "user", a.id);
        char **layers = NULL, **blobs = NULL;

        put_image(f, &a);
        put_image(f, &b);
        ok(f, store_instance_insert(f->st, &i, false, &f->err));
        assert_true(store_image_delete(f->st, a.id, &layers, &blobs, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_CONFLICT);
        assert_non_null(strstr(f->err.msg, "user"));
        ok(f, store_instance_delete(f->st, i.id, &f->err));
        ok(f, store_image_delete(f->st, a.id, &layers, &blobs, &f->err));
        assert_int_equal(strv_len(layers), 2);
        assert_int_equal(strv_len(blobs), 2);
        assert_false(strv_has(layers, a.layers[2].diff_id.hex));
        store_layer_files_remove(f->st, layers);
        store_blob_files_remove(f->st, blobs);
        assert_false(store_layer_exists(f->st, &a.layers[0].diff_id));
        assert_true(store_layer_exists(f->st, &b.layers[0].diff_id));
        assert_int_equal(check_count(f, false, NULL), 0);
        strv_free(layers);
        strv_free(blobs);
        store_instance_clear(&i);
        fake_image_clear(&a);
        fake_image_clear(&b);
}

/* A layer that the store said it had goes away before the image is recorded. */
static void test_layer_removed_meanwhile(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 1, BOX), b = fake_image("bb", 1, 1, "docker.io/library/other:latest");
        char **layers = NULL, **blobs = NULL;

        put_image(f, &a);
        assert_true(store_layer_exists(f->st, &b.layers[0].diff_id));
        ok(f, store_image_delete(f->st, a.id, &layers, &blobs, &f->err));
        store_layer_files_remove(f->st, layers);
        b.layers[0].stored_bytes = 0;
        assert_int_equal(store_image_put(f->st, &b, &f->err), -ESTALE);
        assert_int_equal(f->err.code, SOUK_CONFLICT);
        assert_missing(f, "other", SOUK_IMAGE_NOT_FOUND, "");
        strv_free(layers);
        strv_free(blobs);
        fake_image_clear(&a);
        fake_image_clear(&b);
}

/* A removal that was decided before the layer was recorded again must not take the file away. */
static void test_removal_overtaken(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 1, BOX);
        char **layers = NULL, **blobs = NULL;

        put_image(f, &a);
        ok(f, store_image_delete(f->st, a.id, &layers, &blobs, &f->err));
        put_image(f, &a);
        store_layer_files_remove(f->st, layers);
        store_blob_files_remove(f->st, blobs);
        assert_true(store_image_whole(f->st, a.id));
        strv_free(layers);
        strv_free(blobs);
        fake_image_clear(&a);
}

static void test_put_again(void **state) {
        struct fixture *f = *state;
        struct store_image a = fake_image("aa", 1, 1, BOX), b = fake_image("aa", 1, 1, "docker.io/library/again:1"), got = { 0 };
        _cleanup_free_ char *blob = NULL;

        put_image(f, &a);
        b.manifest_digest = fake_digest("99", 9);
        b.layers[0].blob = fake_digest("77", 7);
        ok(f, store_image_put(f->st, &b, &f->err)); /* whole: stays as it came */
        ok(f, store_image_get(f->st, a.id, false, &got, &f->err));
        assert_string_equal(got.manifest_digest.hex, a.manifest_digest.hex);
        assert_int_equal(strv_len(got.names), 2);
        store_image_clear(&got);
        blob = xasprintf("%s/blobs/sha256/%s", f->root, a.layers[0].blob.hex);
        assert_int_equal(unlink(blob), 0);
        assert_false(store_image_whole(f->st, a.id));
        put_image(f, &b); /* something was lost: replaced */
        ok(f, store_image_get(f->st, a.id, false, &got, &f->err));
        assert_string_equal(got.manifest_digest.hex, b.manifest_digest.hex);
        assert_string_equal(got.layers[0].blob.hex, b.layers[0].blob.hex);
        store_image_clear(&got);
        assert_int_equal(check_count(f, false, NULL), 0);
        fake_image_clear(&a);
        fake_image_clear(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_find, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_name_wins_over_id, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_round_trip, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_names_move, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_delete, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_layer_removed_meanwhile, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_removal_overtaken, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_put_again, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("store/image_records", tests, NULL, NULL);
}
