/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image configurations, manifests, indexes, media types; and the instructions that change a configuration. */
#include "wire/image_config.h"

#include "base/buf.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define LAYER "application/vnd.oci.image.layer.v1.tar+gzip"
#define DESCRIPTOR(type, size) "{\"mediaType\":\"" type "\",\"digest\":\"" DIGEST "\",\"size\":" size "}"

static int config_parse(const char *text, struct image_config *c, struct souk_err *err) {
        return image_config_parse(text, strlen(text), "config X", c, err);
}

static void test_config(void **state) {
        struct image_config c = {};
        struct souk_err err = {};
        assert_int_equal(config_parse("{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-01-01T00:00:00Z\",\"author\":\"a\",\"unknown\":[1],"
                                      "\"config\":{\"User\":\"1:2\",\"WorkingDir\":\"/w\",\"StopSignal\":\"INT\",\"Env\":[\"A=1\"],\"Entrypoint\":[\"/e\"],"
                                      "\"Cmd\":[\"c\",\"\"],\"Volumes\":{\"/b\":{},\"/a\":{}},\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"k\":\"v\",\"a\":\"\"},"
                                      "\"ArgsEscaped\":true},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST "\",\"" DIGEST "\"]},"
                                      "\"history\":[{\"created_by\":\"x\",\"empty_layer\":true},{\"comment\":null}]}", &c, &err), 0);
        _cleanup_free_ char *volumes = strv_join(c.volumes, "|"), *labels = strv_join(c.labels, "|");
        assert_string_equal(c.architecture, "amd64");
        assert_string_equal(c.user, "1:2");
        assert_string_equal(c.working_dir, "/w");
        assert_string_equal(c.stop_signal, "INT");
        assert_int_equal(strv_len(c.cmd), 2);
        assert_string_equal(volumes, "/a|/b");
        assert_string_equal(labels, "a=|k=v");
        assert_true(c.args_escaped);
        assert_int_equal(c.n_diff_ids, 2);
        assert_string_equal(c.diff_ids[1].hex, HEX);
        assert_int_equal(c.n_history, 2);
        assert_true(c.history[0].empty_layer && !c.history[1].empty_layer);
        assert_null(c.history[1].comment);
        image_config_clear(&c);
        assert_int_equal(config_parse("{\"config\":null,\"rootfs\":{\"diff_ids\":null},\"history\":null}", &c, &err), 0); /* as Go writes what is empty */
        assert_int_equal(c.n_diff_ids, 0);
        image_config_clear(&c);
        assert_int_equal(config_parse("{\"config\":{\"Env\":null,\"Volumes\":null,\"Labels\":null},\"rootfs\":{}}", &c, &err), 0);
        image_config_clear(&c);
}

static void test_config_refused(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "", "not valid JSON" },
                { "[]", "expected an object" },
                { "{}", "$.rootfs: expected an object" },
                { "{\"rootfs\":[]}", "$.rootfs: expected an object" },
                { "{\"rootfs\":{\"diff_ids\":{}}}", "$.rootfs.diff_ids: expected an array" },
                { "{\"rootfs\":{\"diff_ids\":[\"" DIGEST "\",5]}}", "$.rootfs.diff_ids[1]" },
                { "{\"rootfs\":{\"diff_ids\":[\"sha512:00\"]}}", "$.rootfs.diff_ids[0]" },
                { "{\"rootfs\":{},\"os\":7}", "$.os: expected a string" },
                { "{\"rootfs\":{},\"config\":5}", "$.config: expected an object" },
                { "{\"rootfs\":{},\"config\":{\"Env\":[1]}}", "$.config.Env: expected an array of strings" },
                { "{\"rootfs\":{},\"config\":{\"Labels\":{\"a\":1}}}", "$.config.Labels" },
                { "{\"rootfs\":{},\"config\":{\"Cmd\":\"sh\"}}", "$.config.Cmd" },
                { "{\"rootfs\":{},\"config\":{\"ArgsEscaped\":1}}", "$.config.ArgsEscaped: expected true or false" },
                { "{\"rootfs\":{},\"history\":{}}", "$.history" },
                { "{\"rootfs\":{},\"history\":[{},7]}", "$.history[1]" },
                { "{\"rootfs\":{},\"history\":[{\"created\":[]}]}", "$.history[0].created" },
                { "{\"rootfs\":{},\"rootfs\":{}}", "not valid JSON" }, /* twice */
                { "{\"rootfs\":{}} x", "not valid JSON" },
                { "{\"rootfs\":{},\"os\":\"a\\u0000b\"}", "not valid JSON" },
                { "{\"rootfs\":{},\"os\":\"\xff\"}", "not valid JSON" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct image_config c = {};
                struct souk_err err = {};
                if (config_parse(rows[i].text, &c, &err) != -EBADMSG || err.code != SOUK_CORRUPT || !strstr(err.msg, rows[i].words) ||
                    !str_startswith(err.msg, "config X: "))
                        fail_msg("%s: %s", rows[i].text, err.msg);
        }
}

static void test_limits(void **state) {
        struct image_config c = {};
        struct souk_err err = {};
        _cleanup_buf_ struct buf b = {};
        buf_add(&b, "{\"rootfs\":{\"diff_ids\":[");
        for (int i = 0; i < 20001; i++)
                buf_add(&b, i ? ",\"" DIGEST "\"" : "\"" DIGEST "\"");
        buf_add(&b, "]}}");
        assert_int_equal(config_parse(b.data, &c, &err), -E2BIG);
        assert_int_equal(err.code, SOUK_LIMIT);
        buf_reset(&b);
        for (int i = 0; i < 100000; i++)
                buf_add(&b, "[");
        assert_int_equal(config_parse(b.data, &c, &err), -EBADMSG);
        assert_non_null(strstr(err.msg, "deeper than"));
        _cleanup_free_ char *big = xmalloc(JSON_TEXT_MAX + 2);
        memset(big, ' ', JSON_TEXT_MAX + 1);
        assert_int_equal(image_config_parse(big, JSON_TEXT_MAX + 1, "config X", &c, &err), -EFBIG);
        assert_int_equal(err.code, SOUK_LIMIT);
}

static void test_manifest(void **state) {
        struct image_manifest m = {};
        struct souk_err err = {};
        const char *text = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":" DESCRIPTOR("c", "5")
                           ",\"layers\":[" DESCRIPTOR(LAYER, "6") "," DESCRIPTOR(LAYER, "9007199254740993") "]}";
        assert_int_equal(image_manifest_parse(text, strlen(text), "manifest", &m, &err), 0);
        assert_string_equal(m.media_type, "application/vnd.oci.image.manifest.v1+json");
        assert_string_equal(m.config.media_type, "c");
        assert_int_equal(m.n_layers, 2);
        assert_true(m.layers[1].size == 9007199254740993u); /* not through a double */
        assert_string_equal(m.layers[0].digest.hex, HEX);
        image_manifest_clear(&m);
}

static void test_manifest_refused(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "[]", "schemaVersion" },
                { "{\"schemaVersion\":1}", "$.schemaVersion" },
                { "{\"schemaVersion\":2}", "$.config" },
                { "{\"schemaVersion\":2,\"config\":" DESCRIPTOR("c", "5") "}", "$.layers: expected an array" },
                { "{\"schemaVersion\":2,\"config\":" DESCRIPTOR("c", "-1") ",\"layers\":[]}", "$.config.size" },
                { "{\"schemaVersion\":2,\"config\":" DESCRIPTOR("c", "1.5") ",\"layers\":[]}", "$.config.size" },
                { "{\"schemaVersion\":2,\"config\":" DESCRIPTOR("c", "99999999999999999999") ",\"layers\":[]}", "not valid JSON" },
                { "{\"schemaVersion\":2,\"config\":" DESCRIPTOR("c", "5") ",\"layers\":[{\"mediaType\":\"x\",\"size\":1}]}", "$.layers[0].digest: is missing" },
                { "{\"schemaVersion\":2,\"config\":" DESCRIPTOR("c", "5") ",\"layers\":[{\"mediaType\":null,\"size\":1}]}", "$.layers[0].mediaType" },
                { "{\"schemaVersion\":2,\"mediaType\":5,\"config\":" DESCRIPTOR("c", "5") ",\"layers\":[]}", "$.mediaType: expected a string" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct image_manifest m = {};
                struct souk_err err = {};
                if (image_manifest_parse(rows[i].text, strlen(rows[i].text), "manifest M", &m, &err) != -EBADMSG || err.code != SOUK_CORRUPT ||
                    !strstr(err.msg, rows[i].words) || !str_startswith(err.msg, "manifest M: "))
                        fail_msg("%s: %s", rows[i].text, err.msg);
        }
}

static void test_index(void **state) {
        struct image_index x = {};
        struct souk_err err = {};
        const char *text = "{\"manifests\":[{\"mediaType\":\"m\",\"digest\":\"" DIGEST "\",\"size\":1,\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\","
                           "\"io.containerd.image.name\":\"docker.io/library/box:v1\"},\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}}]}";
        assert_int_equal(image_index_parse(text, strlen(text), "index", &x, &err), 0);
        assert_int_equal(x.n_manifests, 1);
        assert_string_equal(x.manifests[0].ref_name, "v1");
        assert_string_equal(x.manifests[0].image_name, "docker.io/library/box:v1");
        assert_string_equal(x.manifests[0].platform_variant, "v8");
        image_index_clear(&x);
        static const char *const bad[] = { "{}", "{\"manifests\":{}}", "{\"manifests\":[[]]}", "{\"manifests\":[{}]}", "null" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(image_index_parse(bad[i], strlen(bad[i]), "index", &x, &err), -EBADMSG);
                assert_int_equal(err.code, SOUK_CORRUPT);
        }
}

static void test_media_types(void **state) {
        enum blob_compression c;
        assert_int_equal(media_type_compression("application/vnd.oci.image.layer.v1.tar", &c), 0);
        assert_int_equal(c, BLOB_PLAIN);
        assert_int_equal(media_type_compression("application/vnd.docker.image.rootfs.diff.tar.gzip", &c), 0);
        assert_int_equal(c, BLOB_GZIP);
        assert_int_equal(media_type_compression("application/vnd.oci.image.layer.v1.tar+zstd", &c), 0);
        assert_int_equal(c, BLOB_ZSTD);
        assert_int_equal(media_type_compression("application/vnd.oci.image.layer.v1.tar+encrypted", &c), -EOPNOTSUPP);
        assert_int_equal(media_type_compression("", &c), -EOPNOTSUPP);
        assert_true(media_type_is_index("application/vnd.docker.distribution.manifest.list.v2+json"));
        assert_true(media_type_is_manifest("application/vnd.docker.distribution.manifest.v2+json"));
        assert_false(media_type_is_manifest("application/vnd.docker.distribution.manifest.v1+prettyjws"));
        assert_false(media_type_is_index("application/vnd.oci.image.manifest.v1+json"));
}

/* Each row: instructions one after another, and what the "config" object is then. */
static void test_changes(void **state) {
        static const struct {
                const char *instructions, *result;
        } rows[] = {
                { "CMD [\"sh\", \"-c\", \"x\"]", "{\"Cmd\":[\"sh\",\"-c\",\"x\"]}" },
                { "cmd echo a  b", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo a  b\"]}" },
                { "ENTRYPOINT []", "{\"Entrypoint\":[]}" },
                { "ENV A=1 B=\"2 3\" C='4\"' D=5\\ 6", "{\"Env\":[\"A=1\",\"B=2 3\",\"C=4\\\"\",\"D=5 6\"]}" },
                { "ENV A the rest = all", "{\"Env\":[\"A=the rest = all\"]}" },
                { "ENV A=1|ENV AB=2|ENV A=3", "{\"Env\":[\"A=3\",\"AB=2\"]}" },
                { "LABEL a=1 b=|LABEL a=2", "{\"Labels\":{\"a\":\"2\",\"b\":\"\"}}" },
                { "EXPOSE 80 53/udp 9/sctp", "{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{},\"9/sctp\":{}}}" },
                { "VOLUME /a /b|VOLUME [\"/c d\"]", "{\"Volumes\":{\"/a\":{},\"/b\":{},\"/c d\":{}}}" },
                { "USER app:grp|WORKDIR /srv|STOPSIGNAL SIGQUIT", "{\"User\":\"app:grp\",\"WorkingDir\":\"/srv\",\"StopSignal\":\"SIGQUIT\"}" },
                { "  USER\t0", "{\"User\":\"0\"}" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_json_ json_t *config = json_object();
                _cleanup_strv_ char **list = str_split(rows[i].instructions, '|');
                struct souk_err err = {};
                for (size_t k = 0; list[k]; k++)
                        if (image_config_change(config, list[k], &err) < 0)
                                fail_msg("%s: %s", list[k], err.msg);
                _cleanup_free_ char *text = json_text(config, false);
                assert_string_equal(text, rows[i].result);
        }
}

static void test_changes_refused(void **state) {
        static const char *const rows[] = {
                "", "CMD", "USER ", "RUN x", "FROM scratch", "CMD [\"a\"", "CMD [1]", "CMD [\"a\"] b", "ENV A", "ENV =1", "ENV A=1 B", "ENV A=1 =2",
                "ENV A=\"open", "LABEL a='open", "LABEL x", "EXPOSE 0", "EXPOSE 65536", "EXPOSE 80/icmp", "EXPOSE x", "EXPOSE 80-90", "VOLUME [1]",
                "WORKDIR here", "STOPSIGNAL NOPE", "STOPSIGNAL 0", "USER \xff",
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_json_ json_t *config = json_object();
                struct souk_err err = {};
                if (image_config_change(config, rows[i], &err) != -EINVAL || err.code != SOUK_INVALID || !err.msg[0])
                        fail_msg("'%s': %s", rows[i], err.msg);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_config),   cmocka_unit_test(test_config_refused),   cmocka_unit_test(test_limits),
                cmocka_unit_test(test_manifest), cmocka_unit_test(test_manifest_refused), cmocka_unit_test(test_index),
                cmocka_unit_test(test_media_types), cmocka_unit_test(test_changes),       cmocka_unit_test(test_changes_refused),
        };
        return cmocka_run_group_tests_name("image_config", tests, NULL, NULL);
}
