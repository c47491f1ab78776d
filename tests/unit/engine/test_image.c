/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images through the public interface, with a worker that answers from memory (fake_worker.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_worker.h"

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"

#include <signal.h>
#include <sys/stat.h>

struct fixture {
        char dir[64], root[80], run[80];
        struct souk *souk;
        struct souk_err err;
        unsigned images, layers, cached;
};

static int setup(void **state) {
        struct fixture *f = xcalloc(1, sizeof(*f));

        snprintf(f->dir, sizeof(f->dir), "/tmp/souk-image-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->root, sizeof(f->root), "%s/root", f->dir);
        snprintf(f->run, sizeof(f->run), "%s/run", f->dir);
        setenv("SOUK_LAYER_DRIVER", "erofs", 1);
        assert_int_equal(souk_open(&(struct souk_options){ f->root, f->run }, &f->souk, &f->err), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        int r;

        souk_close(f->souk);
        fake_worker_reset();
        r = tree_remove(AT_FDCWD, f->dir);
        free(f);
        return r;
}

static int ok_at(struct fixture *f, int r, const char *what, int line) {
        if (r < 0) {
                fprintf(stderr, "line %d: %s: %d: %s\n", line, what, r, f->err.msg);
                _fail(__FILE__, line);
        }
        return r;
}
#define ok(f, call) ok_at(f, (call), #call, __LINE__)

static void fails_at(struct fixture *f, int r, enum souk_code code, const char *part, int line) {
        if (r >= 0 || f->err.code != code || !strstr(f->err.msg, part)) {
                fprintf(stderr, "line %d: %d, %s: %s\n", line, r, souk_code_name(f->err.code), f->err.msg);
                _fail(__FILE__, line);
        }
}
#define fails(f, call, code, part) fails_at(f, (call), code, part, __LINE__)

static void progress(const struct souk_progress *p, void *user) {
        struct fixture *f = user;

        if (p->kind == SOUK_PROGRESS_IMAGE && p->finished) {
                f->images++;
                f->cached += p->cached;
        }
}

static char **load(struct fixture *f, const struct fake_image *v, size_t n) {
        char **names = NULL;

        fake_worker_reset();
        fake_worker.images = v;
        fake_worker.n_images = n;
        ok(f, souk_image_load(f->souk, &(struct souk_load_request){ .fd = 0, .progress = progress, .user = f }, &names, &f->err));
        return names;
}

static void assert_no_staging(struct fixture *f) {
        _cleanup_free_ char *command = xasprintf("test -z \"$(ls %s/tmp)\"", f->root);

        assert_int_equal(system(command), 0);
}

static void add_instance(struct fixture *f, const char *name, const char *image_id, struct store_instance *ret) {
        *ret = (struct store_instance){ .name = xstrdup(name), .image_ref = xstrdup("box"), .spec = xstrdup("{}"), .slot = -1 };
        memcpy(ret->id, fake_digest("77", (unsigned) strlen(name)).hex, sizeof(ret->id));
        memcpy(ret->image_id, image_id, sizeof(ret->image_id));
        ok(f, store_instance_insert(f->souk->store, ret, false, &f->err));
}

#define BOX "docker.io/library/box:latest"
#define BOX2 "docker.io/library/box:2"
#define APP "localhost:5000/team/app:v1"

/* two images that share a layer (2), and one without a name */
static const struct fake_image three[] = {
        { .id = "aaaa", .names = { BOX, BOX2 }, .first_layer = 1, .n_layers = 2 },
        { .id = "bbbb", .names = { APP }, .first_layer = 2, .n_layers = 3 },
        { .id = "cccc", .first_layer = 9, .n_layers = 1 },
};

static void test_load(void **state) {
        struct fixture *f = *state;
        struct souk_image *v;
        char **names = load(f, three, 3);
        size_t n;

        assert_int_equal(strv_len(names), 4);
        assert_string_equal(names[0], BOX);
        assert_string_equal(names[2], APP);
        assert_non_null(str_startswith(names[3], "sha256:cccc"));
        souk_strv_free(names);
        assert_int_equal(f->images, 4);
        assert_int_equal(f->cached, 0);
        assert_no_staging(f);
        ok(f, souk_images(f->souk, NULL, &v, &n, &f->err));
        assert_int_equal(n, 3);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(v[i].size, 4096 * v[i].n_layers);
                assert_int_equal(v[i].created_at, 1767323045000000);
        }
        souk_images_free(v, n);
        names = load(f, three, 3); /* all of it is there */
        souk_strv_free(names);
        assert_int_equal(fake_worker.n_staged, 0);
        assert_int_equal(f->cached, 4);
}

static void test_load_fails(void **state) {
        struct fixture *f = *state;
        const struct souk_load_request request = { .fd = 0 };
        struct souk_image *v;
        char **names = NULL;
        size_t n;

        fake_worker.images = three;
        fake_worker.n_images = 3;
        fake_worker.fail = -EBADMSG;
        fails(f, souk_image_load(f->souk, &request, &names, &f->err), SOUK_CORRUPT, "damaged");
        fake_worker.fail = 0;
        fake_worker.raise = SIGTERM;
        fails(f, souk_image_load(f->souk, &request, &names, &f->err), SOUK_INTERRUPTED, "nothing was changed");
        fails(f, souk_image_load(f->souk, &(struct souk_load_request){ .fd = 0, .tag = "Not A Name" }, &names, &f->err),
              SOUK_INVALID, "");
        ok(f, souk_images(f->souk, NULL, &v, &n, &f->err));
        assert_int_equal(n, 0);
        souk_images_free(v, n);
        assert_no_staging(f);
}

/* Something of an image got lost: loading it again brings it back. */
static void test_load_mends(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *layer = xasprintf("%s/layers/%s.erofs", f->root, fake_digest("1a", 1).hex);

        souk_strv_free(load(f, three, 1));
        assert_int_equal(truncate(layer, 1), 0);
        souk_strv_free(load(f, three, 1));
        assert_int_equal(fake_worker.n_staged, 1);
        assert_true(store_image_whole(f->souk->store, fake_digest("aaaa", 0).hex));
}

static size_t count_images(struct fixture *f, const char *filter) {
        struct souk_image *v;
        size_t n;

        ok(f, souk_images(f->souk, filter, &v, &n, &f->err));
        souk_images_free(v, n);
        return n;
}

static void test_list(void **state) {
        struct fixture *f = *state;
        struct store_instance i;
        struct souk_image *v;
        size_t n;

        souk_strv_free(load(f, three, 3));
        assert_int_equal(count_images(f, "box"), 1);
        assert_int_equal(count_images(f, "box:2"), 1);
        assert_int_equal(count_images(f, "bo*:lat*"), 1);
        assert_int_equal(count_images(f, "localhost:5000/team/app"), 1);
        assert_int_equal(count_images(f, "docker.io/library/box"), 1);
        assert_int_equal(count_images(f, "bo"), 0);
        add_instance(f, "one", fake_digest("aaaa", 0).hex, &i);
        ok(f, souk_images(f->souk, "box:2", &v, &n, &f->err));
        assert_int_equal(v[0].n_instances, 1);
        assert_int_equal(strv_len(v[0].names), 1); /* only the names that match */
        souk_images_free(v, n);
        store_instance_clear(&i);
}

static void test_tag(void **state) {
        struct fixture *f = *state;

        souk_strv_free(load(f, three, 3));
        ok(f, souk_image_tag(f->souk, "box", "mine:1", &f->err));
        ok(f, souk_image_tag(f->souk, "cccc", "third", &f->err));
        assert_int_equal(count_images(f, "mine"), 1);
        assert_int_equal(count_images(f, "third:latest"), 1);
        fails(f, souk_image_tag(f->souk, "nothing", "x", &f->err), SOUK_IMAGE_NOT_FOUND, "'nothing'");
        fails(f, souk_image_tag(f->souk, "box", "BAD", &f->err), SOUK_INVALID, "");
        fails(f, souk_image_tag(f->souk, "box", "a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &f->err),
              SOUK_INVALID, "digest");
}

static void test_remove(void **state) {
        struct fixture *f = *state;
        struct store_instance i;
        char **lines = NULL;

        souk_strv_free(load(f, three, 3));
        fails(f, souk_image_remove(f->souk, "aaaa", false, &lines, &f->err), SOUK_CONFLICT, "2 names");
        ok(f, souk_image_remove(f->souk, "box", false, &lines, &f->err));
        assert_int_equal(strv_len(lines), 1);
        assert_string_equal(lines[0], "Untagged: box:latest");
        souk_strv_free(lines);
        add_instance(f, "one", fake_digest("aaaa", 0).hex, &i);
        fails(f, souk_image_remove(f->souk, "box:2", true, &lines, &f->err), SOUK_CONFLICT, "one");
        ok(f, store_instance_delete(f->souk->store, i.id, &f->err));
        ok(f, souk_image_remove(f->souk, "box:2", false, &lines, &f->err));
        assert_int_equal(strv_len(lines), 3); /* name, image, and the one layer that is not shared */
        assert_true(strv_has(lines, "Untagged: box:2"));
        souk_strv_free(lines);
        assert_true(store_image_whole(f->souk->store, fake_digest("bbbb", 0).hex));
        ok(f, souk_image_tag(f->souk, "bbbb", "second", &f->err));
        ok(f, souk_image_remove(f->souk, "bbbb", true, &lines, &f->err));
        assert_int_equal(strv_len(lines), 2 + 1 + 3);
        souk_strv_free(lines);
        assert_int_equal(count_images(f, NULL), 1);
        store_instance_clear(&i);
}

static void test_prune(void **state) {
        struct fixture *f = *state;
        struct store_instance i;
        char **lines = NULL;
        uint64_t bytes = 0;

        souk_strv_free(load(f, three, 3));
        ok(f, souk_image_prune(f->souk, false, &lines, &bytes, &f->err));
        assert_int_equal(count_images(f, NULL), 2);
        assert_int_equal(bytes, 4096 + 100);
        souk_strv_free(lines);
        add_instance(f, "one", fake_digest("aaaa", 0).hex, &i);
        ok(f, souk_image_prune(f->souk, true, &lines, &bytes, &f->err));
        assert_int_equal(count_images(f, NULL), 1); /* the used one */
        assert_int_equal(bytes, 2 * (4096 + 100)); /* layers 3 and 4; 2 is shared */
        souk_strv_free(lines);
        store_instance_clear(&i);
}

static void test_save(void **state) {
        struct fixture *f = *state;
        static const char *const refs[] = { "box", "box:2", APP, "cccc", NULL }, *const unknown[] = { "box", "nothing", NULL };
        _cleanup_free_ char *blob = xasprintf("%s/blobs/sha256/%s", f->root, fake_digest("b10b", 9).hex);

        souk_strv_free(load(f, three, 3));
        fake_worker_reset();
        ok(f, souk_image_save(f->souk, refs, 1, SOUK_ARCHIVE_OCI, &f->err));
        assert_int_equal(fake_worker.n_saved, 3);
        assert_int_equal(fake_worker.n_saved_names, 3);
        assert_int_equal(fake_worker.n_saved_layers, 2 + 3 + 1);
        assert_int_equal(fake_worker.format, SOUK_ARCHIVE_OCI);
        fails(f, souk_image_save(f->souk, unknown, 1, SOUK_ARCHIVE_DOCKER, &f->err), SOUK_IMAGE_NOT_FOUND, "nothing");
        assert_int_equal(truncate(blob, 7), 0);
        fails(f, souk_image_save(f->souk, refs, 1, SOUK_ARCHIVE_DOCKER, &f->err), SOUK_CORRUPT, "load it again");
        assert_int_equal(unlink(blob), 0);
        fails(f, souk_image_save(f->souk, refs, 1, SOUK_ARCHIVE_DOCKER, &f->err), SOUK_NOT_FOUND, "load the image again");
}

static void test_inspect(void **state) {
        struct fixture *f = *state;
        struct souk_history *h;
        _cleanup_json_ json_t *j = NULL;
        _cleanup_free_ char *text = NULL;
        size_t n;

        souk_strv_free(load(f, three, 3));
        ok(f, souk_image_inspect(f->souk, "box", &text, &f->err));
        ok(f, json_parse_text(text, strlen(text), "inspect", &j, &f->err));
        assert_non_null(str_startswith(json_string_value(json_object_get(j, "Id")), "sha256:aaaa"));
        assert_int_equal(json_array_size(json_object_get(j, "RepoTags")), 2);
        assert_int_equal(json_array_size(json_object_get(j, "RepoDigests")), 1);
        assert_string_equal(json_string_value(json_object_get(j, "Architecture")), "amd64");
        assert_int_equal(json_integer_value(json_object_get(j, "Size")), 8192);
        assert_int_equal(json_array_size(json_object_get(json_object_get(j, "RootFS"), "Layers")), 2);
        assert_int_equal(json_array_size(json_object_get(json_object_get(j, "Config"), "Cmd")), 1);
        assert_string_equal(json_string_value(json_object_get(json_object_get(j, "GraphDriver"), "Name")), "erofs");

        /* two entries, one of them without a layer; the second layer has no entry */
        ok(f, souk_image_history(f->souk, "box", &h, &n, &f->err));
        assert_int_equal(n, 3);
        assert_non_null(h[0].id);
        assert_null(h[1].id);
        assert_int_equal(h[0].size, 4096);
        assert_string_equal(h[1].created_by, "ENV a=b");
        assert_int_equal(h[1].size, 0);
        assert_string_equal(h[2].created_by, "ADD root");
        assert_int_equal(h[2].size, 4096);
        souk_history_free(h, n);
}

static int empty_input(void) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void test_import(void **state) {
        struct fixture *f = *state;
        static const char *const changes[] = { "CMD [\"sleep\", \"1\"]", "ENV A=b", NULL }, *const bad[] = { "FROM x", NULL };
        _cleanup_close_ int fd = empty_input();
        _cleanup_free_ char *id = NULL;
        struct souk_import_request r = { .fd = fd, .name = "mine", .changes = changes };

        ok(f, souk_image_import(f->souk, &r, &id, &f->err));
        assert_non_null(str_startswith(id, "sha256:1111"));
        assert_string_equal(fake_worker.name, "docker.io/library/mine:latest");
        assert_non_null(strstr(fake_worker.config_text, "\"Cmd\":[\"sleep\",\"1\"]"));
        assert_non_null(strstr(fake_worker.config_text, "\"A=b\""));
        assert_non_null(strstr(fake_worker.config_text, "\"os\":\"linux\""));
        assert_non_null(strstr(fake_worker.config_text, "PATH=/usr/local/sbin"));
        assert_int_equal(count_images(f, "mine"), 1);
        r.changes = bad;
        fails(f, souk_image_import(f->souk, &r, NULL, &f->err), SOUK_INVALID, "FROM");
        assert_no_staging(f);
}

/* ---- box ---- */

static const char *tar_find(const char *name) {
        for (size_t at = 0; at + 512 <= fake_worker.input_len;) {
                const char *h = fake_worker.input + at;

                if (streq(h, name))
                        return h;
                at += 512 + ALIGN_UP((size_t) strtoull(h + 124, NULL, 8), 512);
        }
        return NULL;
}

static void test_box(void **state) {
        struct fixture *f = *state;
        int r = souk_image_box(f->souk, &f->err);

        if (r == -ENOENT) {
                assert_non_null(strstr(f->err.msg, "busybox-static"));
                print_message("skipped: no static busybox on this machine\n");
                skip();
        }
        assert_int_equal(ok(f, r), 1);
        assert_string_equal(fake_worker.name, BOX);
        assert_int_equal(fake_worker.input_len % 512, 0);
        assert_non_null(tar_find("bin/busybox"));
        assert_non_null(tar_find("bin/sh"));
        assert_string_equal(tar_find("bin/sh") + 157, "busybox");
        assert_non_null(tar_find("etc/passwd"));
        assert_string_equal(tar_find("tmp/") + 100, "0001777");
        assert_int_equal(ok(f, souk_image_box(f->souk, &f->err)), 0);
}

/* ---- bootstrap, with a mmdebstrap of our own ---- */

static void fake_mmdebstrap(struct fixture *f, const char *script) {
        _cleanup_free_ char *dir = xasprintf("%s/bin", f->dir), *path = xasprintf("%s/mmdebstrap", dir);
        _cleanup_free_ char *search = xasprintf("%s:/usr/bin:/bin", dir), *text = xasprintf("#!/bin/sh\n%s\n", script);
        _cleanup_close_ int fd = -EBADF;

        ok(f, dir_make_all(dir, 0700));
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        assert_true(fd >= 0);
        ok(f, fd_write_all(fd, text, strlen(text)));
        setenv("PATH", search, 1);
}

static void test_bootstrap(void **state) {
        struct fixture *f = *state;
        static const char *const packages[] = { "nginx", "libstdc++6", NULL }, *const bad[] = { "--hook=x", NULL };
        _cleanup_free_ char *path = xstrdup(getenv("PATH")), *id = NULL;

        fails(f, souk_image_bootstrap(f->souk, "ubuntu:noble", NULL, NULL, true, NULL, &f->err), SOUK_UNSUPPORTED, "debian:bookworm");
        fails(f, souk_image_bootstrap(f->souk, "debian:--hook", NULL, NULL, true, NULL, &f->err), SOUK_INVALID, "--hook");
        fails(f, souk_image_bootstrap(f->souk, "debian:sid", NULL, bad, true, NULL, &f->err), SOUK_INVALID, "--hook");
        fake_mmdebstrap(f, "for a; do echo \"arg $a\"; done");
        ok(f, souk_image_bootstrap(f->souk, "debian:sid", NULL, packages, true, &id, &f->err));
        assert_string_equal(fake_worker.name, "docker.io/library/debian:sid");
        assert_non_null(strstr(fake_worker.input, "arg --include=nginx\narg --include=libstdc++6\narg sid\narg -\n"));
        assert_non_null(strstr(fake_worker.config_text, "\"souk.bootstrap.packages\":\"nginx libstdc++6\""));
        assert_int_equal(count_images(f, "debian:sid"), 1);

        fake_worker_reset();
        fake_mmdebstrap(f, "echo half a tar; echo 'I: going on' >&2; echo 'E: no such suite' >&2; exit 7");
        fails(f, souk_image_bootstrap(f->souk, "debian:none", NULL, NULL, true, NULL, &f->err), SOUK_NOT_FOUND,
              "status 7: E: no such suite");
        assert_int_equal(count_images(f, "debian"), 1);

        /* an interruption ends it, and what it runs, at once */
        fake_worker_reset();
        fake_worker.raise = SIGTERM;
        fake_mmdebstrap(f, "exec 1>&-; (sleep 60); exit 1");
        fails(f, souk_image_bootstrap(f->souk, "debian:sid", NULL, NULL, true, NULL, &f->err), SOUK_INTERRUPTED, "nothing was changed");

        setenv("PATH", "/nonexistent", 1);
        fails(f, souk_image_bootstrap(f->souk, "debian:sid", NULL, NULL, true, NULL, &f->err), SOUK_NOT_FOUND, "scripts/deps");
        setenv("PATH", path, 1);
        assert_no_staging(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_load, setup, teardown),
                cmocka_unit_test_setup_teardown(test_load_fails, setup, teardown),
                cmocka_unit_test_setup_teardown(test_load_mends, setup, teardown),
                cmocka_unit_test_setup_teardown(test_list, setup, teardown),
                cmocka_unit_test_setup_teardown(test_tag, setup, teardown),
                cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
                cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
                cmocka_unit_test_setup_teardown(test_save, setup, teardown),
                cmocka_unit_test_setup_teardown(test_inspect, setup, teardown),
                cmocka_unit_test_setup_teardown(test_import, setup, teardown),
                cmocka_unit_test_setup_teardown(test_box, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bootstrap, setup, teardown),
        };

        return cmocka_run_group_tests_name("engine/image", tests, NULL, NULL);
}
