/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include "cli/complete.h"
#include "fake_engine.h"

static char *complete(const char *const *words) {
        char *text = NULL;
        size_t size, n = 0;
        FILE *f = open_memstream(&text, &size);
        while (words[n])
                n++;
        complete_words(f, words, n);
        fclose(f);
        return text;
}
#define COMPLETE(...) _cleanup_free_ char *text = complete((const char *const[]){ __VA_ARGS__, NULL })

static void test_verbs(void **state) {
        {
                COMPLETE("");
                assert_contains(text, "run\tRun a command in a new instance of an image\n");
                assert_contains(text, "image\tManage images\n");
                assert_null(strstr(text, "internal"));
        }
        {
                COMPLETE("st");
                assert_contains(text, "start\t");
                assert_contains(text, "stop\t");
                assert_null(strstr(text, "run\t"));
        }
        {
                COMPLETE("image", "i");
                assert_contains(text, "inspect\t");
                assert_contains(text, "import\t");
                assert_null(strstr(text, "history"));
        }
        {
                COMPLETE("system", "");
                assert_contains(text, "check\t");
                assert_null(strstr(text, "reap"));
        }
        COMPLETE("help", "ru");
        assert_string_equal(text, "run\tRun a command in a new instance of an image\n");
}

static void test_options(void **state) {
        {
                COMPLETE("run", "--na");
                assert_string_equal(text, "--name\tName of the instance (default: made up)\n");
        }
        {
                COMPLETE("run", "-");
                assert_contains(text, "--detach\t");
                assert_contains(text, "--help\t");
                assert_null(strstr(text, "--net\t")); /* hidden */
        }
        {
                COMPLETE("--ro");
                assert_contains(text, "--root\t");
        }
        {
                COMPLETE("run", "--isolation", "");
                assert_string_equal(text, "container\nvm\n");
        }
        {
                COMPLETE("run", "--isolation=v");
                assert_string_equal(text, "--isolation=vm\n");
        }
        COMPLETE("run", "-ite", "");
        assert_string_equal(text, "");
}

static void test_operands(void **state) {
        {
                COMPLETE("run", "-it", "--name", "x", "b");
                assert_string_equal(text, "box:latest\n");
        }
        {
                COMPLETE("run", "box", "");
                assert_string_equal(text, ":files\n");
        }
        {
                COMPLETE("run", "box", "--na"); /* belongs to the workload */
                assert_string_equal(text, ":files\n");
        }
        {
                COMPLETE("stop", "web", "w");
                assert_string_equal(text, "web\n");
        }
        {
                COMPLETE("--root", "/x", "stop", "");
                assert_string_equal(text, "web\n");
                assert_string_equal(fake.root, "/x");
        }
        {
                COMPLETE("logs", "web", ""); /* takes one name only */
                assert_string_equal(text, "");
        }
        {
                COMPLETE("load", "-i", "");
                assert_string_equal(text, ":files\n");
        }
        {
                COMPLETE("--root", "");
                assert_string_equal(text, ":dirs\n");
        }
        {
                COMPLETE("completion", "z");
                assert_string_equal(text, "zsh\n");
        }
        COMPLETE("nonsense", "");
        assert_string_equal(text, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verbs),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_operands),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
