/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "cli/progress.h"

static void feed(struct progress *p) {
        struct souk_progress e = {
                .kind = SOUK_PROGRESS_LAYER, .name = "sha256:0123456789abcdef", .done = 2000, .total = 10000
        };
        progress_event(&e, p);
        struct souk_progress cached = {
                .kind = SOUK_PROGRESS_LAYER, .name = "sha256:ffffffffffffffff", .finished = true, .cached = true
        };
        progress_event(&cached, p);
        e.done = 10000;
        e.finished = true;
        progress_event(&e, p);
        struct souk_progress image = { .kind = SOUK_PROGRESS_IMAGE, .name = "web:latest", .finished = true };
        progress_event(&image, p);
        e = (struct souk_progress){ .kind = SOUK_PROGRESS_LAYER,
                                    .name = "sha256:aaaaaaaaaaaaaaaa",
                                    .done = 1 }; /* never ends */
        progress_event(&e, p);
        progress_end(p);
}

static char *run(bool quiet, bool terminal) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        struct progress p;
        progress_init(&p, quiet, f);
        p.terminal = terminal;
        feed(&p);
        fclose(f);
        return text;
}

static void test_plain(void **state) {
        _cleanup_free_ char *text = run(false, false);
        assert_string_equal(text, "ffffffffffff  already there\n0123456789ab  loaded  10kB\n");
}

static void test_quiet(void **state) {
        _cleanup_free_ char *text = run(true, false);
        assert_string_equal(text, "");
}

static void test_terminal(void **state) {
        _cleanup_free_ char *text = run(false, true);
        assert_contains(text, "0123456789ab  loading  2kB / 10kB  20%\n");
        assert_contains(text, "\r\033[1A\033[Jffffffffffff  already there\n0123456789ab  loading");
        assert_contains(text, "0123456789ab  loaded  10kB\n");
        assert_string_equal(text + strlen(text) - 8, "\r\033[1A\033[J"); /* nothing half-done is left on the screen */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_quiet),
                cmocka_unit_test(test_terminal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
