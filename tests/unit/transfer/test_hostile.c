/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives that are broken or hostile: each must be refused with the right code and a message that names what is wrong,
 * never crash the worker, and leave no finished file in staging but layers that were verified.
 */
#include "fixture.h"

#define RIG struct rig *r = *state; if (!r) skip()

/* An image that is broken by one of the filters of archives.sh: read as a layout and as an archive. */
struct broken {
        const char *settings;           /* shell assignments before "oci" */
        const char *after;              /* shell commands in the layout, or NULL */
        enum souk_code code;
        const char *words;
};

static void check_broken(struct rig *r, const struct broken *rows, size_t n, const char *maker) {
        for (size_t i = 0; i < n; i++) {
                sh(r, "rm -rf img a.tar; %s %s; cd img; L=$PWD; %s; cd ..; pack img a.tar", rows[i].settings, maker, rows[i].after ? rows[i].after : ":");
                if (!str_startswith(maker, "docker"))
                        must_fail(r, "img", rows[i].code, rows[i].words, NULL);
                must_fail(r, "a.tar", rows[i].code, rows[i].words, NULL);
        }
}

#define ZEROS "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define MANIFEST_PATH "blobs/sha256/$(jq -r .manifests[0].digest index.json | cut -c8-)"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"

static void test_manifests(void **state) {
        RIG;
        static const struct broken rows[] = {
                { "manifest='.layers[0].size += 1'", NULL, SOUK_CORRUPT, "were promised" },
                { "manifest='.layers[0].size = 18446744073709551616'", NULL, SOUK_CORRUPT, "image manifest" },
                { "manifest='.layers[0].digest = \"" ZEROS "\"'", NULL, SOUK_CORRUPT, "is missing" },
                { "manifest='.layers[0].digest = \"sha256:../../../../etc/passwd\"'", NULL, SOUK_CORRUPT, "$.layers[0].digest" },
                { "manifest='.layers[0].mediaType = \"application/x-rpm\\u001b[2J\"'", NULL, SOUK_UNSUPPORTED, "layer 1 " },
                { "manifest='.layers[0].mediaType = \"application/vnd.oci.image.layer.v1.tar+encrypted\"'", NULL, SOUK_UNSUPPORTED, "unknown media type" },
                { "manifest='.layers[0].mediaType = \"application/vnd.oci.image.layer.v1.tar+zstd\"'", NULL, SOUK_CORRUPT, "layer 1 " },
                { "manifest='.config.mediaType = \"application/vnd.wasm.config.v0+json\"'", NULL, SOUK_UNSUPPORTED, "not a container image" },
                { "manifest='.config.size = 3'", NULL, SOUK_CORRUPT, "image config" },
                { "manifest='.config.digest = \"" ZEROS "\"'", NULL, SOUK_CORRUPT, "is missing" },
                { "manifest='.layers += .layers'", NULL, SOUK_CORRUPT, "has 2 layers, but its config has 1 diff ids" },
                { "manifest='.layers = []'", NULL, SOUK_CORRUPT, "has 0 layers, but its config has 1" },
                { "manifest='.layers = null'", NULL, SOUK_CORRUPT, "$.layers" },
                { "manifest='.schemaVersion = 1'", NULL, SOUK_CORRUPT, "schemaVersion" },
                { "manifest='.mediaType = \"application/vnd.docker.distribution.manifest.v2+json\"'", NULL, SOUK_CORRUPT, "calls itself" },
                { "manifest='[.]'", NULL, SOUK_CORRUPT, "image manifest" },
                { "manifest='.layers = [range(600) as $i | .layers[0]]' config='.rootfs.diff_ids = [range(600) as $i | .rootfs.diff_ids[0]]'", NULL, SOUK_LIMIT,
                  "has 600 layers: the most is 500" },
        };
        check_broken(r, rows, ELEMENTSOF(rows), "oci img gzip 1");
}

static void test_configs(void **state) {
        RIG;
        static const struct broken rows[] = {
                { "config='.rootfs.diff_ids[0] = \"" ZEROS "\"'", NULL, SOUK_DIGEST_MISMATCH, "the diff id differs" },
                { "config='.rootfs.diff_ids += .rootfs.diff_ids'", NULL, SOUK_CORRUPT, "has 1 layers, but its config has 2" },
                { "config='.rootfs.diff_ids[0] = 7'", NULL, SOUK_CORRUPT, "$.rootfs.diff_ids[0]" },
                { "config='del(.rootfs)'", NULL, SOUK_CORRUPT, "$.rootfs" },
                { "config='.config.Env = \"A=1\"'", NULL, SOUK_CORRUPT, "$.config.Env" },
                { "config='.config.Cmd = [\"a\\u0000b\"]'", NULL, SOUK_CORRUPT, "image config" },
                { "config='.history = [range(30000) as $i | {}]'", NULL, SOUK_CORRUPT, "$.history" },
                { "config='.author = \"x\" * 5000000'", NULL, SOUK_LIMIT, "image config" },
        };
        check_broken(r, rows, ELEMENTSOF(rows), "oci img gzip 1");
}

static void test_indexes(void **state) {
        RIG;
        static const struct broken rows[] = {
                { "index='.manifests = []'", NULL, SOUK_CORRUPT, "index.json: holds no image" },
                { "index='.manifests = {}'", NULL, SOUK_CORRUPT, "$.manifests" },
                { "index='.manifests[0].mediaType = \"text/html\"'", NULL, SOUK_UNSUPPORTED, "unknown media type 'text/html'" },
                { "index='.manifests[0].size = 1'", NULL, SOUK_CORRUPT, "1 were promised" },
                { "index='.manifests[0].annotations[\"io.containerd.image.name\"] = \"../../Etc\"'", NULL, SOUK_INVALID, "image name" },
                { "index='.manifests = [range(2000) as $i | .manifests[0]]'", NULL, SOUK_LIMIT, "holds 2000 images" },
                { "", "sed -i 's/{/{\"schemaVersion\":2,/' index.json", SOUK_CORRUPT, "index.json: not valid JSON" }, /* the key stands twice */
                { "", "printf x >>index.json", SOUK_CORRUPT, "index.json: not valid JSON" },
                { "", "{ printf '{\"a\":'; for i in $(seq 200000); do printf '['; done; } >index.json", SOUK_CORRUPT, "index.json: nested deeper than 64" },
                { "", ": >index.json", SOUK_CORRUPT, "index.json" },
                { "", "head -c 5000000 /dev/zero | tr '\\0' ' ' >index.json", SOUK_LIMIT, "index.json" },
                { "", "rm oci-layout", SOUK_CORRUPT, "no oci-layout" },
                { "", "echo '{\"imageLayoutVersion\":\"2.0.0\"}' >oci-layout", SOUK_UNSUPPORTED, "imageLayoutVersion '2.0.0'" },
                { "", "echo '[]' >oci-layout", SOUK_UNSUPPORTED, "imageLayoutVersion" },
                { "", "rm index.json", SOUK_CORRUPT, "neither index.json nor manifest.json" },
                { "", "sed -i 's/amd64/amd65/' blobs/sha256/*", SOUK_DIGEST_MISMATCH, "image config" },
                { "", "sed -i 's/gzip/gzzp/' blobs/sha256/*", SOUK_DIGEST_MISMATCH, "image manifest" },
                { "", "rm " MANIFEST_PATH, SOUK_CORRUPT, "is missing" },
                /* an index that names itself: no file can hold its own digest */
                { "", "jq -c '.manifests[0].mediaType = \"" OCI_INDEX "\"' index.json >x.json; cp x.json " MANIFEST_PATH
                      "; jq -c --argjson s $(stat -c %s x.json) '.manifests[0].size = $s' x.json >index.json; rm x.json", SOUK_DIGEST_MISMATCH, "image index" },
                { "", "for i in 1 2 3 4 5 6; do mv index.json x.json; s=$(stat -c %s x.json); d=$(blob . x.json); jq -nc --arg d sha256:$d --argjson s $s "
                      "'{schemaVersion: 2, manifests: [{mediaType: \"" OCI_INDEX "\", digest: $d, size: $s}]}' >index.json; done", SOUK_CORRUPT, "indexes within indexes" },
        };
        check_broken(r, rows, ELEMENTSOF(rows), "oci img gzip 1");
}

static void test_layouts(void **state) {
        RIG;
        sh(r, "oci good gzip 1; echo secret >secret; s=$(hex secret)");
        sh(r, "cp -a good link; b=$(ls link/blobs/sha256 | head -n 1); mv link/blobs/sha256/$b away; ln -s ../../../away link/blobs/sha256/$b");
        must_fail(r, "link", SOUK_CORRUPT, "'blobs/sha256/", NULL);
        sh(r, "cp -a good dirlink; mv dirlink/blobs moved; ln -s ../moved dirlink/blobs");
        must_fail(r, "dirlink", SOUK_CORRUPT, "'blobs/sha256/", NULL);
        sh(r, "cp -a good notdir; rm -r notdir/blobs; : >notdir/blobs");
        must_fail(r, "notdir", SOUK_CORRUPT, "'blobs/sha256/", NULL);
        sh(r, "cp -a good fifo; rm fifo/index.json; mkfifo fifo/index.json"); /* whose writer never comes */
        must_fail(r, "fifo", SOUK_CORRUPT, "'index.json' of the layout is not a regular file", NULL);
        sh(r, "cp -a good isdir; rm isdir/index.json; mkdir isdir/index.json");
        must_fail(r, "isdir", SOUK_CORRUPT, "'index.json' of the layout is not a regular file", NULL);
        sh(r, "mkdir up; jq -nc '[{Config: \"../secret\", Layers: []}]' >up/manifest.json"); /* names lead nowhere else */
        must_fail(r, "up", SOUK_CORRUPT, "../secret", NULL);
        sh(r, "mkdir none");
        must_fail(r, "none", SOUK_CORRUPT, "neither index.json nor manifest.json", NULL);
}

static void test_docker(void **state) {
        RIG;
        static const struct broken rows[] = {
                { "manifest='.[0].Config = \"nothing.json\"'", NULL, SOUK_CORRUPT, "the config 'nothing.json', which is missing" },
                { "manifest='.[0].Layers[0] = \"nothing.tar\"'", NULL, SOUK_CORRUPT, "the layer 'nothing.tar', which is missing" },
                { "manifest='.[0].Layers[0] = \"../../../etc/passwd\"'", NULL, SOUK_CORRUPT, "which is missing" },
                { "manifest='.[0].Layers += .[0].Layers'", NULL, SOUK_CORRUPT, "has 2 layers, but its config has 1 diff ids" },
                { "manifest='.[0].Layers = [5]'", NULL, SOUK_CORRUPT, "$[0].Layers: expected an array of strings" },
                { "manifest='del(.[0].Layers)'", NULL, SOUK_CORRUPT, "$[0].Layers: is missing" },
                { "manifest='.[0].RepoTags = [\"Not A Name\"]'", NULL, SOUK_INVALID, "image name" },
                { "manifest='[]'", NULL, SOUK_CORRUPT, "manifest.json: expected an array" },
                { "manifest='{}'", NULL, SOUK_CORRUPT, "manifest.json: expected an array" },
                { "manifest='[7]'", NULL, SOUK_CORRUPT, "$[0]: expected an object" },
                { "manifest='[range(1001) as $i | .[0]]'", NULL, SOUK_LIMIT, "holds 1001 images" },
                { "", "sed -i 's/layer 1/layer 7/' */layer.tar", SOUK_DIGEST_MISMATCH, "the diff id differs" },
                { "", "d=$(echo */layer.tar); rm $d; ln -s ../loop $d; ln -s $d loop", SOUK_CORRUPT, "loop of links" },
                { "", "d=$(echo */layer.tar); rm $d; ln -s ../../../../etc/passwd $d", SOUK_CORRUPT, "which is missing" },
                { "", "d=$(echo */layer.tar); : >$d", SOUK_DIGEST_MISMATCH, "layer 1 " },
                { "config='.rootfs.diff_ids = [range(600) as $i | .rootfs.diff_ids[0]]' manifest='.[0].Layers = [range(600) as $i | .[0].Layers[0]]'", NULL,
                  SOUK_LIMIT, "has 600 layers" },
        };
        check_broken(r, rows, ELEMENTSOF(rows), "docker img plain 1");
}

static void test_not_archives(void **state) {
        RIG;
        sh(r, ": >empty; echo 'this is not an archive' >text; head -c 20000 /dev/urandom >random; head -c 1048576 /dev/zero >zeros; : | gzip >empty.gz;"
              "oci img gzip 1; pack img a.tar; xz -k a.tar; layer_tar 1 rootfs.tar; gzip -c rootfs.tar >rootfs.tar.gz; gzip -c a.tar >ok.gz; head -c 300 ok.gz >cut.gz;"
              "{ cat ok.gz; echo rubbish; } >behind.gz; { cat ok.gz; head -c 700 /dev/zero; } >padded.gz; mkdir d; tar -cf dirs.tar d");
        must_fail(r, "empty", SOUK_CORRUPT, "the archive is empty", NULL);
        must_fail(r, "empty.gz", SOUK_CORRUPT, "the archive is empty", NULL);
        must_fail(r, "text", SOUK_CORRUPT, "", NULL);
        must_fail(r, "random", SOUK_CORRUPT, "", NULL);
        must_fail(r, "zeros", SOUK_CORRUPT, "", NULL);
        must_fail(r, "a.tar.xz", SOUK_UNSUPPORTED, "xz", NULL);
        must_fail(r, "rootfs.tar", SOUK_CORRUPT, "souk import", NULL);
        must_fail(r, "rootfs.tar.gz", SOUK_CORRUPT, "souk import", NULL);
        must_fail(r, "dirs.tar", SOUK_CORRUPT, "not an image archive", NULL);
        must_fail(r, "cut.gz", SOUK_CORRUPT, "ends too early", NULL);
        must_fail(r, "behind.gz", SOUK_CORRUPT, "compressed stream", NULL);
        must_load(r, "padded.gz");
}

/* Cut anywhere: refused, or all that counts had come already. */
static void test_truncated(void **state) {
        RIG;
        sh(r, "oci img gzip 2; pack img o.tar; gzip -9 -c o.tar >o.gz; docker d plain 2; pack d d.tar; zstd -q d.tar -o d.zst");
        static const char *const names[] = { "o.tar", "o.gz", "d.tar", "d.zst" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct stat st;
                must_load(r, names[i]);
                struct digest id = r->images[0].id;
                _cleanup_strv_ char **good = staged_names(r);
                assert_int_equal(fstatat(r->dir_fd, names[i], &st, 0), 0);
                off_t step = st.st_size > 4000 ? 509 : 61; /* no divisor of a block's size */
                for (off_t n = st.st_size - 1; n > 0; n -= step) {
                        sh(r, "head -c %lld %s >cut", (long long) n, names[i]);
                        if (rig_load(r, "cut") >= 0) {
                                assert_int_equal(r->n_images, 1);
                                assert_true(digest_equal(&r->images[0].id, &id));
                        } else if (r->err.code != SOUK_CORRUPT && r->err.code != SOUK_DIGEST_MISMATCH)
                                fail_msg("%s cut at %lld: code %s: %s", names[i], (long long) n, souk_code_name(r->err.code), r->err.msg);
                        assert_int_equal(staged_strangers(r, good), 0);
                }
        }
}

/* One byte other than it was: refused, or of no meaning. */
static void test_flipped(void **state) {
        RIG;
        sh(r, "oci img gzip 1; pack img o.tar; oci img2 zstd 1; pack img2 z.tar; docker d plain 1; pack d d.tar");
        static const char *const names[] = { "o.tar", "z.tar", "d.tar" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char *text;
                size_t len;
                must_load(r, names[i]);
                struct digest id = r->images[0].id;
                _cleanup_strv_ char **good = staged_names(r);
                assert_int_equal(file_read(r->dir_fd, names[i], 1 << 20, &text, &len), 0);
                for (size_t at = 7; at < len; at += 101) {
                        text[at] ^= (char) (1 << at % 8);
                        assert_int_equal(file_replace(r->dir_fd, "flipped", 0600, text, len), 0);
                        text[at] ^= (char) (1 << at % 8);
                        if (rig_load(r, "flipped") >= 0) {
                                assert_int_equal(r->n_images, 1);
                                if (!str_startswith(names[i], "d")) /* nothing but its names protects a docker-archive's config */
                                        assert_true(digest_equal(&r->images[0].id, &id));
                                continue;
                        }
                        if (r->err.code != SOUK_CORRUPT && r->err.code != SOUK_DIGEST_MISMATCH && r->err.code != SOUK_UNSUPPORTED && r->err.code != SOUK_INVALID &&
                            r->err.code != SOUK_LIMIT)
                                fail_msg("%s, byte %zu: code %s: %s", names[i], at, souk_code_name(r->err.code), r->err.msg);
                        assert_int_equal(staged_strangers(r, good), 0);
                }
                free(text);
        }
}

/* Paths of a layer that lead out of it. */
static void test_escapes(void **state) {
        RIG;
        static const struct {
                const char *make, *words;
        } rows[] = {
                { "echo x >f; tar -P -cf t.tar --transform 's,^f$,../../escaped,' f", "escaped" },
                { "echo x >f; tar -P -cf t.tar --transform 's,^f$,a/../../escaped,' f", "escaped" },
                { "echo x >f; ln f g; tar -P -cf t.tar --transform 's,^f$,../../secret,RS' f g", "" },
        };
        sh(r, "echo secret >secret");
        for (int driver = 0; driver < LAYER_DRIVER_MAX; driver++)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        r->driver = (enum layer_driver) driver;
                        sh(r, "rm -rf img f g; %s; tar=t.tar oci img gzip 1", rows[i].make);
                        must_fail(r, "img", SOUK_CORRUPT, rows[i].words, NULL);
                        sh(r, "[ ! -e escaped ] && [ ! -e ../escaped ] && [ \"$(cat secret)\" = secret ]");
                }
        /* a symbolic link out, and a file through it: whatever it becomes, it is not outside */
        sh(r, "rm -rf img; mkdir -p outside e/s; echo x >e/s/f; ln -s $PWD/outside s; tar -cf t.tar s; tar -C e -rf t.tar s/f; tar=t.tar oci img gzip 1");
        for (int driver = 0; driver < LAYER_DRIVER_MAX; driver++) {
                r->driver = (enum layer_driver) driver;
                if (rig_load(r, "img") < 0)
                        assert_int_equal(r->err.code, SOUK_CORRUPT);
                sh(r, "[ -z \"$(ls outside)\" ]");
        }
}

static void test_bombs(void **state) {
        RIG;
        sh(r, "mkdir b; truncate -s 150M b/zeros; det_tar b.tar b; tar=b.tar oci gz gzip 1; tar=b.tar oci zs zstd 1; pack gz gz.tar; mkdir plain; tar=b.tar oci plain plain 1;"
              "pack plain p.tar; gzip -1 p.tar");
        r->limits.max_ratio = 100;
        must_fail(r, "gz", SOUK_LIMIT, "inflates to more than 100 times", NULL);
        must_fail(r, "zs", SOUK_LIMIT, "inflates to more than 100 times", NULL);
        must_fail(r, "gz.tar", SOUK_LIMIT, "layer 1 ", NULL);
        must_fail(r, "p.tar.gz", SOUK_LIMIT, "inflates to more than 100 times", NULL); /* the archive itself */
        r->limits = worker_limits_default();
        r->limits.max_layer_bytes = 1 << 20;
        must_fail(r, "gz", SOUK_LIMIT, "layer 1 ", NULL);
        must_fail(r, "plain", SOUK_LIMIT, "layer 1 ", NULL);
        r->limits = worker_limits_default();
        r->limits.max_image_bytes = 1 << 20;
        must_fail(r, "p.tar.gz", SOUK_LIMIT, "the archive inflates to more than", NULL);
        must_fail(r, "plain", SOUK_LIMIT, "layer 1 ", NULL);
        r->limits = worker_limits_default();
        must_load(r, "gz");
}

static void test_sums(void **state) {
        RIG;
        sh(r, "mkdir b; head -c 600000 /dev/urandom >b/x; det_tar b.tar b; tar=b.tar oci img gzip 1; oci many gzip 4");
        must_load(r, "many");
        _cleanup_strv_ char **good = staged_names(r);
        r->limits.max_entries = 3;
        must_fail(r, "many", SOUK_LIMIT, "layer ", good);
        r->limits = worker_limits_default();
        r->limits.max_layers = 3;
        must_fail(r, "many", SOUK_LIMIT, "has 4 layers: the most is 3", NULL);
        r->limits = worker_limits_default();
        r->limits.max_image_bytes = 20; /* each has less than that, all have more */
        must_fail(r, "many", SOUK_LIMIT, "more than 20 bytes of files", good);
}

/* A frame that wants a gigabyte to be inflated; a stream within whose promised end there is more. */
static void test_streams(void **state) {
        RIG;
        sh(r, "oci img zstd 1; head -c 300000000 /dev/zero | zstd -q --ultra --long=30 -c >long.zst");
        must_fail(r, "long.zst", SOUK_CORRUPT, "zstd", NULL);
        sh(r, "squeeze() { gzip -n -c $2 >$3; echo behind >>$3; }; oci behind gzip 1");
        must_fail(r, "behind", SOUK_CORRUPT, "layer 1 ", NULL);
        sh(r, "squeeze() { gzip -n -c $2 | head -c 100 >$3; }; oci cut gzip 1");
        must_fail(r, "cut", SOUK_CORRUPT, "ends too early", NULL);
        sh(r, "squeeze() { : >$3; }; oci none gzip 1");
        must_fail(r, "none", SOUK_CORRUPT, "layer 1 ", NULL);
}

/* The same layer under a second blob: that is looked at, too. */
static void test_second_blob(void **state) {
        RIG;
        sh(r, "oci a gzip 1; oci b zstd 1; l=$(jq -c '.layers' a/" "blobs/sha256/$(jq -r .manifests[0].digest a/index.json | cut -c8-)); h=$(echo $l | jq -r '.[0].digest' | cut -c8-);"
              "arg=$l config='.rootfs.diff_ids += .rootfs.diff_ids' manifest='.layers += ($x | fromjson)' oci b zstd 1; printf 'not what it was' >x;"
              "head -c $(stat -c %%s a/blobs/sha256/$h) /dev/urandom >b/blobs/sha256/$h");
        assert_true(rig_load(r, "b") < 0);
        assert_int_equal(r->err.code, SOUK_CORRUPT);
        assert_non_null(strstr(r->err.msg, "layer 2 "));
}

int main(void) {
        #define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        const struct CMUnitTest tests[] = {
                T(test_manifests), T(test_configs), T(test_indexes), T(test_layouts), T(test_docker), T(test_not_archives), T(test_truncated),
                T(test_flipped), T(test_escapes), T(test_bombs), T(test_sums), T(test_streams), T(test_second_blob),
        };
        return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
