/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include "base/proc.h"

#include <sys/wait.h>

#define WRITERS 32
#define ROUNDS 8

static void setup_image(struct fixture *f, char id[DIGEST_HEX_LEN + 1]) {
        struct store_image a = fake_image("aa", 1, 1, "docker.io/library/box:latest");

        put_image(f, &a);
        memcpy(id, a.id, DIGEST_HEX_LEN + 1);
        fake_image_clear(&a);
}

static void test_life(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];
        struct store_instance i, got;
        int64_t slot;

        setup_image(f, image);
        i = fake_instance(1, "one", image);
        ok(f, store_instance_insert(f->st, &i, false, &f->err));
        assert_int_equal(i.slot, -1);
        ok(f, store_instance_starting(f->st, i.id, true, &slot, &f->err));
        assert_int_equal(slot, 0);
        assert_true(store_instance_starting(f->st, i.id, true, &slot, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_WRONG_STATE);
        ok(f, store_instance_running(f->st, i.id, 4321, 99, &f->err));
        ok(f, store_instance_find(f->st, "one", &got, &f->err));
        assert_int_equal(got.state, SOUK_STATE_RUNNING);
        assert_int_equal(got.pid, 4321);
        assert_int_equal(got.pid_start, 99);
        assert_int_equal(got.slot, 0);
        assert_int_equal(strlen(got.boot_id), 36);
        assert_string_equal(got.image_id, image);
        assert_string_equal(got.spec, "{}");
        store_instance_clear(&got);
        ok(f, store_instance_exited(f->st, i.id, 137, true, "killed", 5, &f->err));
        ok(f, store_instance_find(f->st, i.id, &got, &f->err));
        assert_int_equal(got.state, SOUK_STATE_EXITED);
        assert_int_equal(got.exit_status, 137);
        assert_true(got.oom_killed);
        assert_string_equal(got.error, "killed");
        assert_int_equal(got.slot, -1);
        assert_int_equal(got.pid, 0);
        assert_int_equal(got.finished_at, 5);
        store_instance_clear(&got);
        ok(f, store_instance_delete(f->st, i.id, &f->err));
        assert_true(store_instance_delete(f->st, i.id, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_INSTANCE_NOT_FOUND);
        store_instance_clear(&i);
}

static void test_names(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];
        struct store_instance a, b, c;

        setup_image(f, image);
        a = fake_instance(1, "one", image);
        b = fake_instance(2, "one", image);
        c = fake_instance(3, NULL, image);
        ok(f, store_instance_insert(f->st, &a, false, &f->err));
        assert_true(store_instance_insert(f->st, &b, true, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_NAME_IN_USE);
        assert_non_null(strstr(f->err.msg, "'one'"));
        ok(f, store_instance_insert(f->st, &c, false, &f->err));
        assert_non_null(strchr(c.name, '-'));
        store_instance_clear(&a);
        store_instance_clear(&b);
        store_instance_clear(&c);
}

static void test_image_gone(void **state) {
        struct fixture *f = *state;
        struct store_instance i = fake_instance(1, "one", fake_digest("dd", 0).hex);

        assert_true(store_instance_insert(f->st, &i, true, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_IMAGE_NOT_FOUND);
        store_instance_clear(&i);
}

static void test_lowest_slot(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];
        struct store_instance v[5];

        setup_image(f, image);
        for (unsigned k = 0; k < 5; k++) {
                char name[16];

                snprintf(name, sizeof(name), "i%u", k);
                v[k] = fake_instance(k + 1, name, image);
                v[k].state = SOUK_STATE_STARTING;
                if (k < 4) {
                        ok(f, store_instance_insert(f->st, &v[k], true, &f->err));
                        assert_int_equal(v[k].slot, k);
                }
        }
        ok(f, store_instance_exited(f->st, v[1].id, 0, false, NULL, 0, &f->err));
        ok(f, store_instance_insert(f->st, &v[4], true, &f->err));
        assert_int_equal(v[4].slot, 1);
        for (unsigned k = 0; k < 5; k++)
                store_instance_clear(&v[k]);
}

static void test_prefixes(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];
        struct store_instance a, b, got;

        setup_image(f, image);
        a = fake_instance(1, "a", image);
        b = fake_instance(2, "b", image);
        memcpy(a.id, "0123456789abcdef0", 17); /* alike beyond the digits that the key has */
        memcpy(b.id, "0123456789abcd1f1", 17);
        ok(f, store_instance_insert(f->st, &a, false, &f->err));
        ok(f, store_instance_insert(f->st, &b, false, &f->err));
        ok(f, store_instance_find(f->st, "0123456789abcdef", &got, &f->err));
        assert_string_equal(got.name, "a");
        store_instance_clear(&got);
        assert_true(store_instance_find(f->st, "0123", &got, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_INVALID);
        assert_true(store_instance_find(f->st, "0123456789abcdef1", &got, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_INSTANCE_NOT_FOUND);
        assert_true(store_instance_find(f->st, "nobody", &got, &f->err) < 0);
        assert_int_equal(f->err.code, SOUK_INSTANCE_NOT_FOUND);
        ok(f, store_instance_find(f->st, b.id, &got, &f->err));
        store_instance_clear(&got);
        store_instance_clear(&a);
        store_instance_clear(&b);
}

/* One of many processes at once; each round opens the store anew, as a `souk run` does. */
static int writer(const char *root, const char *run, const char *image, unsigned number) {
        for (unsigned round = 0; round < ROUNDS; round++) {
                struct store_instance i = fake_instance(number * 1000 + round, NULL, image);
                struct souk_err err = { 0 };
                struct store *st;
                int r;

                random_hex(i.id, DIGEST_HEX_LEN);
                i.state = SOUK_STATE_STARTING;
                r = store_open(root, run, &st, &err);
                if (r == 0)
                        r = store_instance_insert(st, &i, true, &err);
                if (r == 0)
                        r = store_instance_running(st, i.id, getpid(), 1, &err);
                if (r == 0 && round % 2)
                        r = store_instance_exited(st, i.id, 0, false, NULL, 0, &err);
                if (r == 0 && round % 2)
                        r = store_instance_delete(st, i.id, &err);
                store_instance_clear(&i);
                store_close(st);
                if (r < 0) {
                        fprintf(stderr, "writer %u: %s\n", number, err.msg);
                        return 1;
                }
        }
        return 0;
}

static void test_many_writers(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];
        _cleanup_free_ bool *seen = xcalloc(WRITERS * ROUNDS, 1);
        struct store_instance *v;
        pid_t pids[WRITERS];
        uint64_t t0;
        size_t n;

        setup_image(f, image);
        store_close(f->st);
        f->st = NULL;
        t0 = now_usec();
        for (unsigned k = 0; k < WRITERS; k++) {
                pids[k] = fork();
                if (pids[k] == 0)
                        _exit(writer(f->root, f->run, image, k));
        }
        for (unsigned k = 0; k < WRITERS; k++) {
                int status;

                assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
                assert_int_equal(status, 0);
        }
        print_message("%d writers, %d rounds each: %llu ms\n", WRITERS, ROUNDS, (unsigned long long) (now_usec() - t0) / 1000);
        fixture_reopen(f);
        ok(f, store_instance_list(f->st, &v, &n, &f->err));
        assert_int_equal(n, WRITERS * ROUNDS / 2);
        for (size_t k = 0; k < n; k++) {
                assert_in_range(v[k].slot, 0, WRITERS * ROUNDS - 1);
                assert_false(seen[v[k].slot]);
                seen[v[k].slot] = true;
                for (size_t m = 0; m < k; m++)
                        assert_string_not_equal(v[k].name, v[m].name);
        }
        for (size_t k = 0; k < n; k++)
                store_instance_clear(&v[k]);
        free(v);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_life, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_names, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_image_gone, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_lowest_slot, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_prefixes, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_many_writers, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("store/instance_records", tests, NULL, NULL);
}
