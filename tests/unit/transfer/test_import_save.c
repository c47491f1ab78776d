/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Importing root file systems, saving images, exporting trees: what comes out is read again, by the worker and by others. */
#include "fixture.h"

#include "wire/image_config.h"

#define RIG struct rig *r = *state; if (!r) skip()

static void must_import(struct rig *r, const char *name, struct worker_image **ret) {
        if (rig_import(r, name, ret) < 0)
                fail_msg("%s: code %s: %s", name, souk_code_name(r->err.code), r->err.msg);
}

static void test_import(void **state) {
        RIG;
        static const char *const names[] = { "root.tar", "root.tar.gz", "root.tar.zst", "root" };
        struct digest diff_id[ELEMENTSOF(names)];
        sh(r, "mkdir -p root/etc; echo hi >root/etc/motd; ln root/etc/motd root/hard; ln -s etc/motd root/soft; det_tar root.tar root; gzip -k root.tar; zstd -q -k root.tar");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct worker_image *image = NULL;
                struct image_config config = {};
                r->name = "docker.io/library/mine:1";
                must_import(r, names[i], &image);
                assert_string_equal(image->names[0], "docker.io/library/mine:1");
                assert_int_equal(image->n_layers, 1);
                assert_true(staged(r, "layer", &image->layers[0].diff_id) && staged(r, "blob", &image->layers[0].blob));
                _cleanup_strv_ char **files = staged_names(r);
                assert_int_equal(strv_len(files), 2);
                assert_int_equal(image_config_parse(image->config_text, image->config_len, "config", &config, &r->err), 0);
                assert_string_equal(config.cmd[0], "x");
                assert_string_equal(config.history[0].comment, "made by a test");
                diff_id[i] = config.diff_ids[0];
                image_config_clear(&config);
                /* the blob is the layer, compressed */
                sh(r, "[ $(hex staging/blob.%s) = %s ] && [ $(gzip -dc staging/blob.%s | sha256sum | cut -c1-64) = %s ]", image->layers[0].blob.hex,
                   image->layers[0].blob.hex, image->layers[0].blob.hex, diff_id[i].hex);
                worker_images_free(image, 1);
        }
        assert_true(digest_equal(&diff_id[0], &diff_id[1]) && digest_equal(&diff_id[0], &diff_id[2]));
}

static void test_import_refused(void **state) {
        RIG;
        static const struct {
                const char *make, *name, *words;
                enum souk_code code;
        } rows[] = {
                { ": >empty", "empty", "empty", SOUK_CORRUPT },
                { "echo 'no archive at all' >text", "text", "", SOUK_CORRUPT },
                { "layer_tar 1 t.tar; head -c 2000 t.tar >cut", "cut", "", SOUK_CORRUPT },
                { "layer_tar 1 t.tar; gzip -c t.tar | head -c 120 >cut.gz", "cut.gz", "ends too early", SOUK_CORRUPT },
                { "echo x >f; tar -P -cf esc.tar --transform 's,^f$,../../escaped,' f", "esc.tar", "escaped", SOUK_CORRUPT },
                { "mkdir big; truncate -s 2M big/f; det_tar big.tar big", "big.tar", "", SOUK_LIMIT },
        };
        r->limits.max_layer_bytes = 1 << 20;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct worker_image *image = NULL;
                sh(r, "%s", rows[i].make);
                int k = rig_import(r, rows[i].name, &image);
                if (k >= 0 || r->err.code != rows[i].code || !strstr(r->err.msg, rows[i].words))
                        fail_msg("%s: %d, code %s: %s", rows[i].name, k, souk_code_name(r->err.code), r->err.msg);
                assert_null(image);
                assert_int_equal(staged_strangers(r, NULL), 0);
        }
}

/* The image in staging as a job to save it. */
static int save(struct rig *r, const struct worker_image *i, enum souk_archive_format format, const char *name) {
        _cleanup_free_ struct digest *ids = xcalloc(i->n_layers, sizeof(*ids));
        _cleanup_free_ int *fds = xcalloc(i->n_layers, sizeof(*fds));
        _cleanup_free_ uint64_t *bytes = xcalloc(i->n_layers, sizeof(*bytes));
        _cleanup_strv_ char **types = NULL;
        for (size_t k = 0; k < i->n_layers; k++) {
                _cleanup_free_ char *blob = xasprintf("staging/blob.%s", i->layers[k].blob.hex);
                ids[k] = i->layers[k].diff_id;
                fds[k] = openat(r->dir_fd, blob, O_RDONLY | O_CLOEXEC);
                assert_true(fds[k] >= 0);
                bytes[k] = i->layers[k].blob_bytes;
                strv_push(&types, i->layers[k].media_type);
        }
        struct worker_save_image image = {
                .names = i->names, .config_text = i->config_text, .config_len = i->config_len, .manifest_text = i->manifest_text, .manifest_len = i->manifest_len,
                .manifest_media_type = i->manifest_media_type, .diff_ids = ids, .blob_fds = fds, .blob_bytes = bytes, .blob_media_types = types, .n_layers = i->n_layers,
        };
        _cleanup_close_ int out = openat(r->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int k = worker_save(&(struct worker_save){ .output_fd = out, .format = format, .images = &image, .n_images = 1 }, &r->err);
        for (size_t n = 0; n < i->n_layers; n++)
                close(fds[n]);
        return k;
}

static void test_save(void **state) {
        RIG;
        static const char *const kinds[] = { "plain", "gzip", "zstd" };
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                sh(r, "rm -rf img; oci img %s 3", kinds[i]);
                must_load(r, "img");
                struct digest id = r->images[0].id, manifest = r->images[0].manifest_digest;
                assert_int_equal(save(r, &r->images[0], SOUK_ARCHIVE_OCI, "o.tar"), 0);
                assert_int_equal(save(r, &r->images[0], SOUK_ARCHIVE_OCI, "o2.tar"), 0);
                assert_int_equal(save(r, &r->images[0], SOUK_ARCHIVE_DOCKER, "d.tar"), 0);
                sh(r, "cmp o.tar o2.tar; tar -tf o.tar >/dev/null; tar -tf d.tar >/dev/null");
                must_load(r, "o.tar");
                assert_true(digest_equal(&r->images[0].id, &id) && digest_equal(&r->images[0].manifest_digest, &manifest));
                assert_string_equal(r->images[0].names[0], "docker.io/library/box:1");
                must_load(r, "d.tar");
                assert_true(digest_equal(&r->images[0].id, &id));
                assert_string_equal(r->images[0].names[0], "docker.io/library/box:1");
                sh(r, "skopeo inspect --config oci-archive:o.tar >o.json; skopeo inspect --config docker-archive:d.tar >d.json;"
                      "[ \"$(jq -c .rootfs o.json)\" = \"$(jq -c .rootfs d.json)\" ]");
        }
        sh(r, "rm -rf x; mkdir x; tar -C x -xf o.tar; cp x/index.json i.json; skopeo copy -q --insecure-policy oci-archive:o.tar dir:copied >&2; [ -f copied/manifest.json ]");
}

static void test_save_refused(void **state) {
        RIG;
        sh(r, "oci img gzip 2");
        must_load(r, "img");
        struct worker_image *i = &r->images[0];
        free(i->layers[1].media_type);
        i->layers[1].media_type = xstrdup("application/x-unknown");
        assert_true(save(r, i, SOUK_ARCHIVE_DOCKER, "d.tar") < 0);
        assert_true(r->err.msg[0] != '\0');
        free(i->layers[1].media_type);
        i->layers[1].media_type = xstrdup("application/vnd.oci.image.layer.v1.tar+gzip");
        sh(r, "truncate -s 50 staging/blob.%s", i->layers[1].blob.hex); /* a blob that was damaged in the store */
        assert_true(save(r, i, SOUK_ARCHIVE_DOCKER, "d.tar") < 0);
        assert_int_equal(r->err.code, SOUK_CORRUPT);
}

/* The store's blob has one other byte: no archive is said to be good. */
static void test_save_damaged(void **state) {
        RIG;
        static const char *const kinds[] = { "plain", "gzip", "zstd" };
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                for (int format = SOUK_ARCHIVE_DOCKER; format <= SOUK_ARCHIVE_OCI; format++) {
                        sh(r, "rm -rf img; oci img %s 2", kinds[i]);
                        must_load(r, "img");
                        const struct worker_image *image = &r->images[0];
                        sh(r, "printf '\\377' | dd of=staging/blob.%s bs=1 seek=%d conv=notrunc status=none", image->layers[1].blob.hex, i ? 60 : 600);
                        assert_true(save(r, image, (enum souk_archive_format) format, "damaged.tar") < 0);
                        assert_true(r->err.code == SOUK_DIGEST_MISMATCH || r->err.code == SOUK_CORRUPT);
                }
}

static void test_full(void **state) {
        RIG;
        sh(r, "oci img gzip 1");
        must_load(r, "img");
        sh(r, "ln -s /dev/full full");
        assert_true(save(r, &r->images[0], SOUK_ARCHIVE_OCI, "full") < 0);
        assert_int_equal(r->err.code, SOUK_NO_SPACE);
}

static void test_export(void **state) {
        RIG;
        sh(r, "mkdir -p root/d/e; echo x >root/d/f; chmod 0 root/d/f; ln -s /etc root/link; ln root/d/f root/hard; mknod root/null c 1 3; mkfifo root/fifo");
        _cleanup_close_ int root = openat(r->dir_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int out = openat(r->dir_fd, "x.tar", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (worker_export(root, out, &r->err) < 0)
                fail_msg("%s", r->err.msg);
        sh(r, "mkdir y; tar -C y -xf x.tar; diff <(cd root; find . -printf '%%P %%y %%m %%l %%n\\n' | sort) <(cd y; find . -printf '%%P %%y %%m %%l %%n\\n' | sort); cmp root/d/f y/d/f");
}

int main(void) {
        #define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        const struct CMUnitTest tests[] = {
                T(test_import), T(test_import_refused), T(test_save), T(test_save_refused), T(test_save_damaged), T(test_full), T(test_export),
        };
        return cmocka_run_group_tests_name("import_save", tests, NULL, NULL);
}
