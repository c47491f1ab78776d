/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine makes of a worker that lies, dies or is silent: liar.c stands beside this program, as souk-transfer. */
#include "iface/worker.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/time.h>

static bool unknown(const struct digest *d, void *user) {
        return false;
}

static int load(const char *name, struct worker_image **ret, size_t *ret_n, struct souk_err *err) {
        char dir[] = "/tmp/souk-worker.XXXXXX";
        assert_non_null(mkdtemp(dir));
        _cleanup_close_ int staging = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
        struct worker_limits limits = worker_limits_default();
        const struct worker_load job = {
                .input_fd = input,
                .staging_fd = staging,
                .driver = LAYER_DRIVER_EROFS,
                .name = name,
                .keep_blobs = true,
                .limits = &limits,
                .layer_known = unknown,
                .blob_known = unknown,
        };
        int r = worker_load(&job, ret, ret_n, err);
        assert_int_equal(tree_remove(AT_FDCWD, dir), 0);
        return r;
}

static void test_honest(void **state) {
        static const char *const ways[] = { "honest", "stays" };
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                struct worker_image *images = NULL;
                struct souk_err err = {};
                size_t n = 0;
                if (load(ways[i], &images, &n, &err) < 0)
                        fail_msg("%s", err.msg);
                assert_int_equal(n, 1);
                assert_string_equal(images[0].names[0], "docker.io/library/a:b");
                assert_int_equal(images[0].layers[0].blob_bytes, 4);
                worker_images_free(images, n);
        }
}

static void test_liars(void **state) {
        static const struct {
                const char *what;
                enum souk_code code;
                const char *words;
        } rows[] = {
                { "other config", SOUK_INTERNAL, "config of other layers" },
                { "other manifest", SOUK_INTERNAL, "manifest of other layers" },
                { "other size", SOUK_INTERNAL, "manifest of other layers" },
                { "manifest type", SOUK_INTERNAL, "manifest that is none" },
                { "other id", SOUK_INTERNAL, "not its config's" },
                { "other digest", SOUK_INTERNAL, "not its manifest's" },
                { "layer size", SOUK_INTERNAL, "layer that is not there" },
                { "no layer", SOUK_INTERNAL, "layer that is not there" },
                { "symlink", SOUK_INTERNAL, "layer that is not there" },
                { "directory", SOUK_INTERNAL, "layer that is not there" },
                { "fifo", SOUK_INTERNAL, "layer that is not there" },
                { "hard link", SOUK_INTERNAL, "layer that is not there" },
                { "too much data", SOUK_INTERNAL, "beyond the limits" },
                { "too many entries", SOUK_INTERNAL, "beyond the limits" },
                { "layer known", SOUK_INTERNAL, "not in the store" },
                { "blob known", SOUK_INTERNAL, "not in the store" },
                { "name", SOUK_INTERNAL, "not a reference" },
                { "short name", SOUK_INTERNAL, "not a reference" },
                { "many images", SOUK_INTERNAL, "more than was allowed" },
                { "huge frame", SOUK_INTERNAL, "framing" },
                { "cut frame", SOUK_INTERNAL, "said something wrong" },
                { "order", SOUK_INTERNAL, "an order" },
                { "question", SOUK_INTERNAL, "$.digest" },
                { "failure code", SOUK_INTERNAL, "$.code" },
                { "failure", SOUK_CORRUPT, "bad\\x1b[2J\\x0anews" },
                { "exit", SOUK_INTERNAL, "status 3" },
                { "SIGSYS", SOUK_INTERNAL, "seccomp" },
                { "SIGBUS", SOUK_CORRUPT, "cut off" },
                { "SIGKILL", SOUK_LIMIT, "memory" },
                { "SIGABRT", SOUK_LIMIT, "memory" },
                { "SIGSEGV", SOUK_INTERNAL, "signal 11" },
                { "SIGTERM", SOUK_INTERRUPTED, "interrupted" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct worker_image *images = NULL;
                struct souk_err err = {};
                size_t n = 0;
                int r = load(rows[i].what, &images, &n, &err);
                if (r >= 0 || err.code != rows[i].code || !strstr(err.msg, rows[i].words))
                        fail_msg("%s: %d, %s: %s (wanted %s: %s)", rows[i].what, r, souk_code_name(err.code), err.msg,
                                 souk_code_name(rows[i].code), rows[i].words);
                assert_null(images);
        }
}

static void test_no_image(void **state) {
        struct worker_image *images = NULL;
        struct souk_err err = {};
        size_t n = 7;
        assert_int_equal(load("no image", &images, &n, &err), 0);
        assert_int_equal(n, 0);
}

static void on_alarm(int sig) {
}

/* A signal that the process handles ends the wait for a worker that says nothing, at once. */
static void test_interrupted(void **state) {
        struct sigaction sa = { .sa_handler = on_alarm }, saved;
        struct itimerval soon = { .it_value = { .tv_usec = 200000 } };
        struct worker_image *images = NULL;
        struct souk_err err = {};
        size_t n;
        sigaction(SIGALRM, &sa, &saved);
        uint64_t start = now_usec();
        setitimer(ITIMER_REAL, &soon, NULL);
        assert_int_equal(load("silence", &images, &n, &err), -EINTR);
        assert_int_equal(err.code, SOUK_INTERRUPTED);
        assert_true(now_usec() - start < 10000000);
        sigaction(SIGALRM, &saved, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_honest),
                cmocka_unit_test(test_liars),
                cmocka_unit_test(test_no_image),
                cmocka_unit_test(test_interrupted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
