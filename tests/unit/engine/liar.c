/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A souk-transfer that was taken over: the name of its job says what it does.  It starts from an image that is all
 * right, staged as the real one would, and makes one thing wrong.
 */
#include "base/file.h"
#include "base/str.h"
#include "wire/channel.h"
#include "wire/sha256.h"
#include "wire/transfer_msg.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#define SOCK 3
#define STAGING 5
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define IS(s) streq(what, s)

static const char *what;

static void stage(const char *kind, const struct digest *d) {
        char name[100];
        snprintf(name, sizeof(name), "%s.%s", kind, d->hex);
        int fd = openat(STAGING, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || write(fd, "four", 4) != 4 || close(fd) < 0)
                abort();
}

static void replace(const char *kind, const struct digest *d) {
        char name[100];
        snprintf(name, sizeof(name), "%s.%s", kind, d->hex);
        if (IS("symlink"))
                (void) !unlinkat(STAGING, name, 0), (void) !symlinkat("/etc/passwd", STAGING, name);
        if (IS("directory"))
                (void) !unlinkat(STAGING, name, 0), (void) !mkdirat(STAGING, name, 0700);
        if (IS("fifo"))
                (void) !unlinkat(STAGING, name, 0), (void) !mknodat(STAGING, name, S_IFIFO | 0600, 0);
        if (IS("hard link"))
                (void) !linkat(STAGING, name, STAGING, "second", 0);
        if (IS("no layer") || IS("layer known"))
                (void) !unlinkat(STAGING, name, 0);
}

static char *config_of(const struct digest *diff_id) {
        return xasprintf("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}", diff_id->hex);
}

static void image(void) {
        struct digest diff_id = { "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" };
        struct digest blob = { "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" };
        struct transfer_layer layer = { diff_id, blob, (char *) LAYER_TYPE, 4, 3, 4, 1, false, false };
        char *names[] = { (char *) "docker.io/library/a:b", NULL };
        char *config = config_of(IS("other config") ? &blob : &diff_id);
        struct transfer_msg m = { .kind = TRANSFER_IMAGE };
        struct souk_err err;
        stage("layer", &diff_id);
        stage("blob", &blob);
        replace("layer", &diff_id);
        sha256_text(config, strlen(config), &m.image.id);
        char *manifest =
                xasprintf("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
                          "\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[{\"mediaType\":\"" LAYER_TYPE
                          "\",\"digest\":\"sha256:%s\",\"size\":%d}]}",
                          m.image.id.hex, strlen(config), IS("other manifest") ? diff_id.hex : blob.hex,
                          IS("other size") ? 5 : 4);
        sha256_text(manifest, strlen(manifest), &m.image.manifest_digest);
        m.image.names = names;
        m.image.config = config;
        m.image.manifest = manifest;
        m.image.manifest_type = (char *) (IS("manifest type") ? "text/html" : MANIFEST_TYPE);
        m.image.layers = &layer;
        m.image.n_layers = 1;
        if (IS("other id"))
                m.image.id = blob;
        if (IS("other digest"))
                m.image.manifest_digest = blob;
        if (IS("layer size"))
                layer.stored_bytes = 5;
        if (IS("too much data"))
                layer.data_bytes = 1ULL << 62;
        if (IS("too many entries"))
                layer.entries = 1ULL << 62;
        if (IS("layer known"))
                layer.known = true;
        if (IS("blob known"))
                layer.blob_known = true;
        if (IS("name"))
                names[0] = (char *) "docker.io/Library/../a:b";
        if (IS("short name"))
                names[0] = (char *) "a";
        for (int i = IS("many images") ? 2000 : 1; i > 0; i--)
                if (transfer_send(SOCK, &m, &err) < 0)
                        return;
}

static void last_word(void) {
        struct transfer_msg m = { .kind = TRANSFER_DONE };
        struct souk_err err;
        if (IS("failure") || IS("failure code")) {
                m.kind = TRANSFER_FAILED;
                m.failure = (struct transfer_failure){ IS("failure") ? SOUK_CORRUPT : 999, -EBADMSG,
                                                       (char *) "bad\033[2J\nnews" };
        }
        (void) !transfer_send(SOCK, &m, &err);
}

static void die(void) {
        static const struct {
                const char *name;
                int sig;
        } ways[] = { { "SIGKILL", SIGKILL }, { "SIGSYS", SIGSYS }, { "SIGBUS", SIGBUS }, { "SIGABRT", SIGABRT },
                     { "SIGSEGV", SIGSEGV }, { "SIGTERM", SIGTERM } };
        for (size_t i = 0; i < ELEMENTSOF(ways); i++)
                if (IS(ways[i].name)) {
                        signal(ways[i].sig, SIG_DFL);
                        raise(ways[i].sig);
                }
        if (IS("exit"))
                _exit(3);
}

static void rubbish(void) {
        static const char huge[] = "\xff\xff\xff\x7f{}", cut[] = "\x10\0\0\0{\"kind\":";
        if (IS("huge frame"))
                (void) !send(SOCK, huge, sizeof(huge) - 1, MSG_NOSIGNAL);
        if (IS("cut frame"))
                (void) !send(SOCK, cut, sizeof(cut) - 1, MSG_NOSIGNAL);
        _cleanup_json_ json_t *j = NULL;
        if (IS("order"))
                j = json_pack("{s:s,s:b}", "kind", "known", "known", 1);
        if (IS("question"))
                j = json_pack("{s:s,s:s}", "kind", "ask", "digest", "sha256:/etc/passwd");
        if (j)
                (void) !channel_send(SOCK, j);
}

int main(void) {
        struct transfer_msg job = {};
        struct souk_err err;
        if (transfer_receive(SOCK, false, &job, &err) <= 0)
                return 1;
        what = job.job.name ? job.job.name : "";
        die();
        rubbish();
        if (IS("silence"))
                pause();
        if (!IS("no image") && !IS("cut frame"))
                image();
        last_word();
        if (IS("stays"))
                pause(); /* it is ended */
        return 0;
}
