/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between the engine and its worker: each kind there and back, and what is refused. */
#include "wire/transfer_msg.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/socket.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C(s) ((char *) (uintptr_t) (s))

static void again(const struct transfer_msg *m, struct transfer_msg *ret) {
        int pair[2];
        struct souk_err err = {};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(transfer_send(pair[0], m, &err), 0);
        assert_int_equal(transfer_receive(pair[1], false, ret, &err), 1);
        close(pair[0]);
        assert_int_equal(ret->kind, m->kind);
        struct transfer_msg none = {};
        assert_int_equal(transfer_receive(pair[1], false, &none, &err), 0);
        close(pair[1]);
}

static void test_job(void **state) {
        struct transfer_msg m = { .kind = TRANSFER_JOB }, n = {};
        m.job = (struct transfer_job){ TRANSFER_VERSION, C("oci"), C("a:b"), C("tab\there"), C("{\"x\": \"\\\"\"}"), true, 7,
                                       1ULL << 40, 1ULL << 50, 10, 20, 30, 40 };
        again(&m, &n);
        assert_string_equal(n.job.format, "oci");
        assert_string_equal(n.job.name, "a:b");
        assert_string_equal(n.job.message, "tab\there");
        assert_string_equal(n.job.config, m.job.config);
        assert_true(n.job.keep_blobs);
        assert_int_equal(n.job.n_images, 7);
        assert_true(n.job.max_layer_bytes == 1ULL << 40 && n.job.max_image_bytes == 1ULL << 50 && n.job.max_entries == 10);
        assert_true(n.job.max_layers == 20 && n.job.max_images == 30 && n.job.max_ratio == 40);
        transfer_msg_clear(&n);
        m.job = (struct transfer_job){ .version = TRANSFER_VERSION };
        again(&m, &n);
        assert_null(n.job.format);
        assert_null(n.job.name);
        assert_false(n.job.keep_blobs);
        transfer_msg_clear(&n);
}

static void test_image(void **state) {
        struct transfer_layer layers[] = { { { A64 }, { B64 }, C("type"), 1, 2, 3, 4, false, true },
                                           { { B64 }, { A64 }, C("other"), 5, 6, 7, 8, true, false } };
        char *names[] = { C("docker.io/library/a:b"), C("localhost/c:d"), NULL };
        struct transfer_msg m = { .kind = TRANSFER_IMAGE }, n = {};
        m.image = (struct transfer_image){ names, C("{}\n"), C("[\t]"), C("mt"), { A64 }, { B64 }, layers, 2 };
        again(&m, &n);
        assert_int_equal(strv_len(n.image.names), 2);
        assert_string_equal(n.image.names[1], "localhost/c:d");
        assert_string_equal(n.image.config, "{}\n"); /* byte for byte: it has a digest */
        assert_string_equal(n.image.manifest, "[\t]");
        assert_string_equal(n.image.manifest_type, "mt");
        assert_string_equal(n.image.id.hex, A64);
        assert_string_equal(n.image.manifest_digest.hex, B64);
        assert_int_equal(n.image.n_layers, 2);
        assert_string_equal(n.image.layers[0].media_type, "type");
        assert_true(n.image.layers[1].blob_bytes == 5 && n.image.layers[1].data_bytes == 6);
        assert_true(n.image.layers[1].stored_bytes == 7 && n.image.layers[1].entries == 8);
        assert_true(n.image.layers[0].blob_known && !n.image.layers[0].known && n.image.layers[1].known);
        transfer_msg_clear(&n);
        m.kind = TRANSFER_SAVE;
        again(&m, &n);
        assert_string_equal(n.image.layers[1].blob.hex, A64);
        transfer_msg_clear(&n);
}

static void test_small(void **state) {
        struct transfer_msg m = { .kind = TRANSFER_ASK, .ask = { true, { A64 } } }, n = {};
        again(&m, &n);
        assert_true(n.ask.blob);
        assert_string_equal(n.ask.digest.hex, A64);
        transfer_msg_clear(&n);
        m = (struct transfer_msg){ .kind = TRANSFER_KNOWN, .known = true };
        again(&m, &n);
        assert_true(n.known);
        m = (struct transfer_msg){ .kind = TRANSFER_PROGRESS, .progress = { C(A64), 5, 10, true, true } };
        again(&m, &n);
        assert_true(n.progress.done == 5 && n.progress.total == 10 && n.progress.finished && n.progress.cached);
        transfer_msg_clear(&n);
        m = (struct transfer_msg){ .kind = TRANSFER_FAILED, .failure = { SOUK_CORRUPT, -EBADMSG, C("it's \"broken\"") } };
        again(&m, &n);
        assert_int_equal(n.failure.code, SOUK_CORRUPT);
        assert_int_equal(n.failure.errnum, -EBADMSG);
        assert_string_equal(n.failure.message, "it's \"broken\"");
        transfer_msg_clear(&n);
        m = (struct transfer_msg){ .kind = TRANSFER_DONE };
        again(&m, &n);
        transfer_msg_clear(&n);
}

static void test_refused(void **state) {
        static const char *const rows[][2] = {
                { "{}", "$.kind" },
                { "{\"kind\":\"jump\"}", "$.kind" },
                { "{\"kind\":7}", "$.kind" },
                { "{\"kind\":\"ask\"}", "$.digest" },
                { "{\"kind\":\"ask\",\"digest\":\"sha256:../../etc\"}", "$.digest" },
                { "{\"kind\":\"ask\",\"digest\":\"" A64 "\"}", "$.digest" },
                { "{\"kind\":\"progress\",\"name\":\"x\",\"done\":-1,\"total\":0}", "$.done" },
                { "{\"kind\":\"progress\",\"name\":\"" A64 "0\",\"done\":1,\"total\":0}", "$.name" },
                { "{\"kind\":\"failed\",\"code\":0,\"errnum\":-5,\"message\":\"m\"}", "$.code" },
                { "{\"kind\":\"failed\",\"code\":1000,\"errnum\":-5,\"message\":\"m\"}", "$.code" },
                { "{\"kind\":\"failed\",\"code\":1,\"errnum\":5,\"message\":\"m\"}", "$.errnum" },
                { "{\"kind\":\"failed\",\"code\":1,\"errnum\":-5000,\"message\":\"m\"}", "$.errnum" },
                { "{\"kind\":\"failed\",\"code\":1,\"errnum\":-5}", "$.message" },
                { "{\"kind\":\"save\",\"config\":\"\",\"manifest\":\"\",\"manifestType\":\"\"}", "$.layers" },
                { "{\"kind\":\"save\",\"config\":\"\",\"manifest\":\"\",\"manifestType\":\"\",\"layers\":[1]}", "$.layers[0]" },
                { "{\"kind\":\"save\",\"config\":null,\"manifest\":\"\",\"manifestType\":\"\",\"layers\":[]}", "$.config" },
                { "{\"kind\":\"image\",\"config\":\"\",\"manifest\":\"\",\"manifestType\":\"\",\"layers\":[]}", "$.id" },
                { "{\"kind\":\"job\",\"version\":2,\"maxLayerBytes\":1,\"maxImageBytes\":1,\"maxEntries\":1,\"maxLayers\":1,"
                  "\"maxImages\":1,\"maxRatio\":1}", "$.version" },
                { "{\"kind\":\"job\",\"version\":1}", "$.maxLayerBytes" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct transfer_msg m = {};
                struct souk_err err = {};
                _cleanup_json_ json_t *j = NULL;
                assert_int_equal(json_parse_text(rows[i][0], strlen(rows[i][0]), "row", &j, &err), 0);
                assert_int_equal(transfer_msg_parse(j, &m, &err), -EPROTO);
                assert_int_equal(err.code, SOUK_INTERNAL);
                if (!strstr(err.msg, rows[i][1]))
                        fail_msg("%s: %s", rows[i][0], err.msg);
                transfer_msg_clear(&m);
        }
}

static void test_too_many(void **state) {
        _cleanup_json_ json_t *j = json_pack("{s:s,s:s,s:s,s:s}", "kind", "save", "config", "", "manifest", "", "manifestType", "");
        json_t *layers = json_array();
        for (int i = 0; i < 20001; i++)
                json_array_append_new(layers, json_object());
        json_object_set_new(j, "layers", layers);
        struct transfer_msg m = {};
        struct souk_err err = {};
        assert_int_equal(transfer_msg_parse(j, &m, &err), -EPROTO);
        transfer_msg_clear(&m);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_job),   cmocka_unit_test(test_image),   cmocka_unit_test(test_small),
                cmocka_unit_test(test_refused), cmocka_unit_test(test_too_many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
