/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading images that are as they should be: each kind of archive, compression, input, and what the store knows already. */
#include "fixture.h"

#include "base/proc.h"
#include "wire/image_config.h"

#define RIG struct rig *r = *state; if (!r) skip()

static void check_image(struct rig *r, const struct worker_image *i, size_t n_layers) {
        struct image_config config = {};
        struct image_manifest manifest = {};
        assert_int_equal(i->n_layers, n_layers);
        assert_int_equal(image_config_parse(i->config_text, i->config_len, "config", &config, &r->err), 0);
        assert_int_equal(image_manifest_parse(i->manifest_text, i->manifest_len, "manifest", &manifest, &r->err), 0);
        assert_true(digest_equal(&manifest.config.digest, &i->id));
        assert_int_equal(manifest.n_layers, n_layers);
        for (size_t k = 0; k < n_layers; k++) {
                assert_true(digest_equal(&config.diff_ids[k], &i->layers[k].diff_id));
                assert_true(digest_equal(&manifest.layers[k].digest, &i->layers[k].blob));
                assert_true(manifest.layers[k].size == i->layers[k].blob_bytes);
                assert_string_equal(manifest.layers[k].media_type, i->layers[k].media_type);
                assert_true(i->layers[k].known || staged(r, "layer", &i->layers[k].diff_id));
                assert_true(r->drop_blobs || i->layers[k].blob_known || staged(r, "blob", &i->layers[k].blob));
        }
        image_config_clear(&config);
        image_manifest_clear(&manifest);
}

static void check_one(struct rig *r, const char *name, size_t n_layers, const char *names) {
        must_load(r, name);
        assert_int_equal(r->n_images, 1);
        _cleanup_free_ char *joined = strv_join(r->images[0].names, " ");
        assert_string_equal(joined, names);
        check_image(r, &r->images[0], n_layers);
        _cleanup_strv_ char **files = staged_names(r);
        for (size_t i = 0; files[i]; i++) /* no spool, no part is left */
                assert_true(str_startswith(files[i], "layer.") || str_startswith(files[i], "blob."));
}

#define BOX "docker.io/library/box:1"

static void test_oci(void **state) {
        RIG;
        struct digest id[3];
        static const char *const kinds[] = { "plain", "gzip", "zstd" };
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                sh(r, "oci img-%s %s 3; pack img-%s %s.tar", kinds[k], kinds[k], kinds[k], kinds[k]);
                _cleanup_free_ char *dir = xasprintf("img-%s", kinds[k]), *archive = xasprintf("%s.tar", kinds[k]);
                check_one(r, dir, 3, BOX);
                id[k] = r->images[0].id;
                check_one(r, archive, 3, BOX);
                assert_true(digest_equal(&id[k], &r->images[0].id));
                assert_true(digest_equal(&id[k], &id[0])); /* the compression is the manifest's business, not the config's */
        }
        assert_true(r->progress > 0);
        assert_true(r->images[0].layers[1].stats.entries >= 4);
        assert_true(r->images[0].layers[1].stats.data_bytes > 0);
}

static void test_compressed_archive(void **state) {
        RIG;
        sh(r, "oci img gzip 2; pack img a.tar; gzip -c a.tar >a.tar.gz; zstd -q a.tar -o a.tar.zst; head -c 1000 a.tar | gzip >a.two; tail -c +1001 a.tar | gzip >>a.two");
        check_one(r, "a.tar.gz", 2, BOX);
        check_one(r, "a.tar.zst", 2, BOX);
        check_one(r, "a.two", 2, BOX); /* gzip members one after another */
}

static void test_pipe(void **state) {
        RIG;
        sh(r, "oci img gzip 2; pack img a.tar; gzip -c a.tar >a.tar.gz");
        static const char *const names[] = { "a.tar", "a.tar.gz" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int p[2], pidfd, status;
                assert_int_equal(pipe2(p, O_CLOEXEC), 0);
                _cleanup_free_ char *path = xasprintf("%s/%s", r->dir, names[i]);
                char *const argv[] = { (char *) "sh", (char *) "-c", (char *) "head -c 3 \"$0\"; tail -c +4 \"$0\"", path, NULL };
                struct proc_fd_map out = { p[1], 1 };
                assert_true(proc_spawn(&(struct proc_spawn){ .path = "sh", .argv = argv, .fds = &out, .n_fds = 1 }, &pidfd) > 0);
                close(p[1]);
                if (rig_load_fd(r, p[0]) < 0)
                        fail_msg("%s: %s", names[i], r->err.msg);
                assert_int_equal(proc_wait(pidfd, &status), 0);
                close(pidfd);
                close(p[0]);
                check_image(r, &r->images[0], 2);
                _cleanup_strv_ char **files = staged_names(r);
                assert_int_equal(strv_len(files), 4);
        }
}

static void test_docker(void **state) {
        RIG;
        sh(r, "docker d1 plain 3; pack d1 plain.tar; docker d2 gzip 2; pack d2 gzip.tar; docker d3 symlinks 2; pack d3 links.tar; gzip -c links.tar >links.tar.gz");
        check_one(r, "plain.tar", 3, BOX " docker.io/user/other:2");
        _cleanup_free_ char *manifest = xstrdup(r->images[0].manifest_text);
        check_one(r, "plain.tar", 3, BOX " docker.io/user/other:2");
        assert_string_equal(manifest, r->images[0].manifest_text); /* made, and the same each time */
        check_one(r, "gzip.tar", 2, BOX " docker.io/user/other:2");
        assert_string_equal(r->images[0].layers[0].media_type, "application/vnd.docker.image.rootfs.diff.tar.gzip");
        check_one(r, "links.tar", 3, BOX " docker.io/user/other:2");
        assert_true(digest_equal(&r->images[0].layers[0].diff_id, &r->images[0].layers[2].diff_id));
        check_one(r, "links.tar.gz", 3, BOX " docker.io/user/other:2");
}

/* A recent Docker: an OCI layout whose names are in manifest.json. */
static void test_docker_with_index(void **state) {
        RIG;
        sh(r, "index='del(.manifests[].annotations)' oci img gzip 1; c=$(jq -r .config.digest img/blobs/sha256/$(jq -r .manifests[0].digest img/index.json | cut -c8-) | cut -c8-);"
              "jq -nc --arg c blobs/sha256/$c '[{Config: $c, RepoTags: [\"box:9\"], Layers: []}]' >img/manifest.json; pack img a.tar");
        check_one(r, "a.tar", 1, "docker.io/library/box:9");
}

static void test_names(void **state) {
        RIG;
        sh(r, "index='del(.manifests[].annotations)' oci none gzip 1");
        check_one(r, "none", 1, "");
        r->name = "given:tag";
        check_one(r, "none", 1, "docker.io/library/given:tag");
        sh(r, "index='.manifests[0].annotations = {\"org.opencontainers.image.ref.name\": \"reg.example/a/b:c\"}' oci ref gzip 1");
        check_one(r, "ref", 1, "reg.example/a/b:c");
        sh(r, "index='.manifests[0].annotations = {\"org.opencontainers.image.ref.name\": \"latest\"}' oci tag gzip 1");
        check_one(r, "tag", 1, "docker.io/library/given:tag");
}

static void test_many_images(void **state) {
        RIG;
        sh(r, "oci img gzip 2; cp img/index.json i1; index='.manifests[0].annotations[\"io.containerd.image.name\"] = \"other:2\"' config='.author=\"b\"' oci img gzip 3;"
              "jq -s '.[0].manifests += .[1].manifests | .[0]' i1 img/index.json >i2; mv i2 img/index.json; pack img a.tar");
        must_load(r, "a.tar");
        assert_int_equal(r->n_images, 2);
        check_image(r, &r->images[0], 2);
        check_image(r, &r->images[1], 3);
        assert_string_equal(r->images[1].names[0], "docker.io/library/other:2");
        _cleanup_strv_ char **files = staged_names(r);
        assert_int_equal(strv_len(files), 6); /* shared layers are there once */
        sh(r, "docker d1 plain 1; cp d1/manifest.json m1; config='.author=\"b\"' docker d1 plain 2; jq -s 'add' m1 d1/manifest.json >m2; mv m2 d1/manifest.json; pack d1 d.tar");
        must_load(r, "d.tar");
        assert_int_equal(r->n_images, 2);
        check_image(r, &r->images[1], 2);
}

/* An index within the index: several platforms of one image, and attestations beside it. */
static void test_platforms(void **state) {
        RIG;
        sh(r, "oci img gzip 1; m=$(jq -c '.manifests[0]' img/index.json); a=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/');"
              "jq -nc --argjson m \"$m\" --arg a $a '{schemaVersion: 2, manifests: [($m | .platform = {os: \"unknown\", architecture: \"unknown\"}),"
              "($m | .platform = {os: \"linux\", architecture: \"s390x\"} | .digest = (\"sha256:\" + \"0\" * 64)), ($m | .platform = {os: \"linux\", architecture: $a})]}' >x.json;"
              "s=$(stat -c %%s x.json); d=$(blob img x.json); jq -nc --arg d sha256:$d --argjson s $s '{schemaVersion: 2, manifests: [{mediaType:"
              "\"application/vnd.oci.image.index.v1+json\", digest: $d, size: $s, annotations: {\"io.containerd.image.name\": \"" BOX "\"}}]}' >img/index.json");
        check_one(r, "img", 1, BOX);
        sh(r, "oci img2 gzip 1; m=$(jq -c '.manifests[0]' img2/index.json); jq -nc --argjson m \"$m\" '{schemaVersion: 2, manifests:"
              "[($m | .platform = {os: \"linux\", architecture: \"s390x\"})]}' >x.json; s=$(stat -c %%s x.json); d=$(blob img2 x.json);"
              "jq -nc --arg d sha256:$d --argjson s $s '{schemaVersion: 2, manifests: [{mediaType: \"application/vnd.oci.image.index.v1+json\", digest: $d, size: $s}]}' >img2/index.json");
        must_fail(r, "img2", SOUK_UNSUPPORTED, "has no image for linux/", NULL);
}

/* Some tools put the platforms of an image into the outermost index, and attestations beside it. */
static void test_outer_platforms(void **state) {
        RIG;
        static const char others[] =
                "oci img gzip 1; m=$(jq -c '.manifests[0]' img/index.json); a=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/'); z=$(printf '0%.0s' $(seq 64));"
                "plat() { jq -nc --argjson m \"$m\" --arg a \"$1\" --arg d \"sha256:$2\" '$m | .platform = {os: \"linux\", architecture: $a} | if $d != \"sha256:\" then .digest = $d else . end'; };";
        sh(r, "%s printf '{\"schemaVersion\":2,\"manifests\":[%%s,%%s,%%s]}' \"$(plat s390x $z)\" \"$(plat $a '')\" \"$(plat unknown $z)\" >img/index.json", others);
        check_one(r, "img", 1, BOX);
        sh(r, "rm -rf img; %s printf '{\"schemaVersion\":2,\"manifests\":[%%s,%%s]}' \"$(plat s390x $z)\" \"$(plat sparc $z)\" >img/index.json", others);
        must_fail(r, "img", SOUK_UNSUPPORTED, "has no image for linux/", NULL);
        sh(r, "rm -rf img; %s printf '{\"schemaVersion\":2,\"manifests\":[%%s]}' \"$(plat s390x '')\" >img/index.json", others);
        check_one(r, "img", 1, BOX); /* another platform's image alone is what was asked for */
}

/* One image, two entries: two names. */
static void test_listed_twice(void **state) {
        RIG;
        sh(r, "index='.manifests += [.manifests[0] | .annotations[\"io.containerd.image.name\"] = \"localhost/other:2\"]'; oci img gzip 2");
        check_one(r, "img", 2, BOX " localhost/other:2");
}

/* The worker is killed at each of its points: an error that says so, and at the most finished layers in staging. */
static void test_killed(void **state) {
        RIG;
        static const char *const points[] = { "transfer.confined", "transfer.layer_stored", "transfer.layer_stored:2", "transfer.before_image" };
        sh(r, "oci img gzip 3");
        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                setenv("SOUK_FAULT", points[i], 1);
                int k = rig_load(r, "img");
                unsetenv("SOUK_FAULT");
                if (k >= 0 || r->err.code != SOUK_LIMIT || !strstr(r->err.msg, "was killed"))
                        fail_msg("%s: %d, %s", points[i], k, r->err.msg);
                assert_null(r->images);
        }
        check_one(r, "img", 3, BOX);
}

static void test_known(void **state) {
        RIG;
        sh(r, "oci img gzip 2");
        check_one(r, "img", 2, BOX);
        strv_push(&r->known_layers, r->images[0].layers[0].diff_id.hex);
        strv_push(&r->known_blobs, r->images[0].layers[0].blob.hex);
        check_one(r, "img", 2, BOX);
        assert_true(r->images[0].layers[0].known && r->images[0].layers[0].blob_known && !r->images[0].layers[1].known);
        assert_false(staged(r, "layer", &r->images[0].layers[0].diff_id));
        assert_false(staged(r, "blob", &r->images[0].layers[0].blob));
        strv_free(TAKE_PTR(r->known_blobs)); /* the layer, but not the blob: that is checked and kept */
        check_one(r, "img", 2, BOX);
        assert_true(r->images[0].layers[0].known && !r->images[0].layers[0].blob_known);
        assert_true(staged(r, "blob", &r->images[0].layers[0].blob));
        r->drop_blobs = true;
        check_one(r, "img", 2, BOX);
        assert_false(staged(r, "blob", &r->images[0].layers[0].blob));
}

static void test_tree(void **state) {
        RIG;
        char *text;
        r->driver = LAYER_DRIVER_TREE;
        sh(r, "oci img zstd 2");
        check_one(r, "img", 2, BOX);
        _cleanup_free_ char *path = xasprintf("layer.%s/d/file2", r->images[0].layers[1].diff_id.hex);
        assert_int_equal(file_read(r->staging_fd, path, 100, &text, NULL), 0);
        assert_string_equal(text, "layer 2\n");
        free(text);
}

/* What other tools write. */
static void test_foreign(void **state) {
        RIG;
        sh(r, "oci img gzip 2; skopeo copy -q --insecure-policy oci:img docker-archive:d.tar:box:1 >&2 && skopeo copy -q --insecure-policy oci:img oci-archive:o.tar:box:1 >&2");
        check_one(r, "d.tar", 2, BOX);
        check_one(r, "o.tar", 2, BOX);
        sh(r, "umoci init --layout u && umoci new --image u:v1 && umoci unpack --image u:v1 b >/dev/null 2>&1 && echo x >b/rootfs/file && umoci repack --image u:v1 b >/dev/null 2>&1");
        must_load(r, "u");
        assert_int_equal(r->n_images, 1);
        check_image(r, &r->images[0], 1);
}

/* The same tar under two blobs: both are checked and kept, the layer is stored once. */
static void test_layer_twice(void **state) {
        RIG;
        sh(r, "oci a gzip 1; oci b zstd 1; cp a/blobs/sha256/* b/blobs/sha256/; "
              "l1=$(jq -c '.layers' a/blobs/sha256/$(jq -r .manifests[0].digest a/index.json | cut -c8-)); arg=$l1 config='.rootfs.diff_ids += .rootfs.diff_ids' "
              "manifest='.layers += ($x | fromjson)' oci b zstd 1");
        check_one(r, "b", 2, BOX);
        assert_true(digest_equal(&r->images[0].layers[0].diff_id, &r->images[0].layers[1].diff_id));
        assert_false(digest_equal(&r->images[0].layers[0].blob, &r->images[0].layers[1].blob));
}

int main(void) {
        #define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        const struct CMUnitTest tests[] = {
                T(test_oci), T(test_compressed_archive), T(test_pipe), T(test_docker), T(test_docker_with_index), T(test_names), T(test_many_images),
                T(test_platforms), T(test_outer_platforms), T(test_listed_twice), T(test_killed), T(test_known), T(test_tree), T(test_foreign), T(test_layer_twice),
        };
        return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
