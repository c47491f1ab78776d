/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include "base/proc.h"
#include "store/db.h"

#include <sys/wait.h>

#define CYCLES 400
#define OPENERS 16

static void setup_image(struct fixture *f, char id[DIGEST_HEX_LEN + 1]) {
        struct store_image a = fake_image("aa", 1, 1, "docker.io/library/box:latest");

        put_image(f, &a);
        memcpy(id, a.id, DIGEST_HEX_LEN + 1);
        fake_image_clear(&a);
}

static void overwrite(struct fixture *f, const char *name, const char *with, off_t at, off_t n) {
        _cleanup_free_ char *path = xasprintf("%s/%s", f->root, name);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        for (off_t i = 0; i < n; i += (off_t) strlen(with))
                assert_true(pwrite(fd, with, strlen(with), at + i) > 0);
}

static void assert_damaged(struct fixture *f) {
        struct store_image *v;
        size_t n;
        int r = store_image_list(f->st, &v, &n, &f->err);

        assert_int_equal(r, -EBADMSG);
        assert_int_equal(f->err.code, SOUK_CORRUPT);
        assert_non_null(strstr(f->err.msg, f->root));
        assert_non_null(strstr(f->err.msg, "backup"));
}

static void test_not_a_database(void **state) {
        struct fixture *f = *state;

        overwrite(f, "db.sqlite", "this is no database. ", 0, 8192);
        assert_damaged(f);
}

static void test_damaged(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];

        setup_image(f, image);
        ok(f, db_open(f->st, &f->err));
        assert_int_equal(sqlite3_wal_checkpoint_v2(f->st->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
        store_close(f->st);
        overwrite(f, "db.sqlite", "\xff\x13rubbish", 4096, 9 * 4096);
        f->st = NULL;
        fixture_reopen(f);
        assert_damaged(f);
}

static void test_newer_schema(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1];
        struct store_image *v;
        size_t n;

        setup_image(f, image);
        ok(f, db_exec(f->st, "PRAGMA user_version = 999", &f->err));
        fixture_reopen(f);
        assert_int_equal(store_image_list(f->st, &v, &n, &f->err), -EOPNOTSUPP);
        assert_int_equal(f->err.code, SOUK_UNSUPPORTED);
        assert_non_null(strstr(f->err.msg, "newer Souk"));
        assert_non_null(strstr(f->err.msg, "999"));
}

static void test_relative_path(void **state) {
        struct fixture *f = *state;
        struct store *st;

        assert_int_equal(store_open("somewhere", f->run, &st, &f->err), -EINVAL);
        assert_non_null(strstr(f->err.msg, "'somewhere'"));
}

/* Many processes find no database and make it at once. */
static void test_first_use_by_many(void **state) {
        struct fixture *f = *state;
        pid_t pids[OPENERS];

        store_close(f->st);
        f->st = NULL;
        for (unsigned k = 0; k < OPENERS; k++) {
                pids[k] = fork();
                if (pids[k] == 0) {
                        struct souk_err err = { 0 };
                        struct store *st;
                        int r = store_open(f->root, f->run, &st, &err);

                        if (r == 0)
                                r = db_open(st, &err);
                        if (r < 0)
                                fprintf(stderr, "opener %u: %s\n", k, err.msg);
                        store_close(st);
                        _exit(r < 0);
                }
        }
        for (unsigned k = 0; k < OPENERS; k++) {
                int status;

                assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
                assert_int_equal(status, 0);
        }
        fixture_reopen(f);
        assert_int_equal(check_count(f, false, NULL), 0);
}

static int by_value(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

/* What the records of one `souk run --rm` cost, the store opened anew each time; and the log must not grow. */
static void test_cost_of_a_run(void **state) {
        struct fixture *f = *state;
        char image[DIGEST_HEX_LEN + 1], spec[2500];
        _cleanup_free_ uint64_t *cost = xcalloc(CYCLES, sizeof(*cost));
        _cleanup_free_ char *wal = xasprintf("%s/db.sqlite-wal", f->root);
        uint64_t sum = 0;
        off_t longest = 0;
        struct stat sb;

        setup_image(f, image);
        memset(spec, 'x', sizeof(spec));
        spec[sizeof(spec) - 1] = '\0';
        for (unsigned k = 0; k < CYCLES; k++) {
                struct store_instance i = fake_instance(k, NULL, image);
                struct store_image found = { 0 };
                uint64_t t0;

                free(i.spec);
                i.spec = xstrdup(spec);
                i.state = SOUK_STATE_STARTING;
                random_hex(i.id, DIGEST_HEX_LEN);
                store_close(f->st);
                t0 = now_usec();
                ok(f, store_open(f->root, f->run, &f->st, &f->err));
                ok(f, store_image_find(f->st, "box", &found, &f->err));
                ok(f, store_instance_insert(f->st, &i, true, &f->err));
                ok(f, store_instance_running(f->st, i.id, 1234, 5678, &f->err));
                ok(f, store_instance_delete(f->st, i.id, &f->err));
                store_close(f->st);
                cost[k] = now_usec() - t0;
                sum += cost[k];
                f->st = NULL;
                store_image_clear(&found);
                store_instance_clear(&i);
                if (stat(wal, &sb) == 0 && sb.st_size > longest)
                        longest = sb.st_size;
        }
        qsort(cost, CYCLES, sizeof(*cost), by_value);
        print_message("records of one run: median %llu us, mean %llu us, 95%% %llu us; log at most %lld KiB\n",
                      (unsigned long long) cost[CYCLES / 2], (unsigned long long) sum / CYCLES,
                      (unsigned long long) cost[CYCLES * 95 / 100], (long long) longest / 1024);
        assert_true(longest < 1 << 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_not_a_database, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_damaged, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_newer_schema, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_relative_path, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_first_use_by_many, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_cost_of_a_run, fixture_setup, fixture_teardown),
        };

        return cmocka_run_group_tests_name("store/db", tests, NULL, NULL);
}
