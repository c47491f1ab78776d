/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include <sys/mount.h>

#define LAYER_BYTES 4096

void fixture_reopen(struct fixture *f) {
        store_close(f->st);
        f->st = NULL;
        ok(f, store_open(f->root, f->run, &f->st, &f->err));
}

int fixture_setup(void **state) {
        struct fixture *f = xcalloc(1, sizeof(*f));

        snprintf(f->dir, sizeof(f->dir), "/tmp/souk-store-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->root, sizeof(f->root), "%s/root", f->dir);
        snprintf(f->run, sizeof(f->run), "%s/run", f->dir);
        fixture_reopen(f);
        *state = f;
        return 0;
}

int fixture_teardown(void **state) {
        struct fixture *f = *state;
        int r;

        if (f->st)
                (void) store_layers_unmount(f->st, NULL, NULL);
        store_close(f->st);
        r = tree_remove(AT_FDCWD, f->dir);
        if (r < 0)
                fprintf(stderr, "left behind: %s: %s\n", f->dir, strerror(-r));
        free(f);
        return r;
}

int fixture_ok(struct fixture *f, int r, const char *what, const char *file, int line) {
        if (r < 0) {
                fprintf(stderr, "%s:%d: %s: %d: %s\n", file, line, what, r, f->err.msg);
                _fail(file, line);
        }
        return r;
}

struct digest fake_digest(const char *prefix, unsigned n) {
        struct digest d;
        char number[16];

        memset(d.hex, '0', DIGEST_HEX_LEN);
        d.hex[DIGEST_HEX_LEN] = '\0';
        memcpy(d.hex, prefix, strlen(prefix));
        snprintf(number, sizeof(number), "%08x", n);
        memcpy(d.hex + DIGEST_HEX_LEN - 8, number, 8);
        return d;
}

struct store_image fake_image(const char *id, unsigned first_layer, size_t n_layers, const char *name) {
        struct store_image i = {
                .manifest_digest = fake_digest("fa", first_layer),
                .manifest_text = xstrdup("{\"manifest\":1}"),
                .manifest_media_type = xstrdup("application/vnd.oci.image.manifest.v1+json"),
                .config_text = xstrdup("{\"config\":1}"),
                .created_at = 1000000,
                .layers = xcalloc(n_layers + 1, sizeof(*i.layers)),
                .n_layers = n_layers,
        };
        struct digest d = fake_digest(id, 0);

        memcpy(i.id, d.hex, sizeof(i.id));
        i.manifest_len = strlen(i.manifest_text);
        i.config_len = strlen(i.config_text);
        if (name)
                strv_push(&i.names, name);
        for (size_t k = 0; k < n_layers; k++)
                i.layers[k] = (struct store_layer){
                        .diff_id = fake_digest("1a", first_layer + (unsigned) k),
                        .blob = fake_digest("b10b", first_layer + (unsigned) k),
                        .blob_bytes = 100,
                        .media_type = xstrdup("application/vnd.oci.image.layer.v1.tar+gzip"),
                        .data_bytes = 1000,
                        .stored_bytes = LAYER_BYTES,
                        .driver = LAYER_DRIVER_EROFS,
                };
        return i;
}

void fake_image_clear(struct store_image *i) {
        store_image_clear(i);
}

static void stage_file(int dir_fd, const char *kind, const char *hex, off_t size) {
        _cleanup_free_ char *name = xasprintf("%s.%s", kind, hex);
        _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, size), 0);
}

void put_image(struct fixture *f, const struct store_image *i) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *job = NULL;
        int lock = -EBADF;

        ok(f, store_staging_open(f->st, &fd, &lock, &job, &f->err));
        for (size_t k = 0; k < i->n_layers; k++) {
                stage_file(fd, "layer", i->layers[k].diff_id.hex, LAYER_BYTES);
                stage_file(fd, "blob", i->layers[k].blob.hex, 100);
                ok(f, store_layer_adopt(f->st, fd, &i->layers[k].diff_id, LAYER_DRIVER_EROFS, &f->err));
                ok(f, store_blob_adopt(f->st, fd, &i->layers[k].blob, &f->err));
        }
        ok(f, store_image_put(f->st, i, &f->err));
        store_staging_remove(f->st, job, lock);
}

struct store_instance fake_instance(unsigned n, const char *name, const char *image_id) {
        char key[16];
        struct store_instance i = { .name = xstrdup(name), .image_ref = xstrdup("box"), .spec = xstrdup("{}"), .slot = -1 };
        struct digest d;

        snprintf(key, sizeof(key), "%08x", n * 2654435761u);
        d = fake_digest(key, n);
        memcpy(i.id, d.hex, sizeof(i.id));
        memcpy(i.image_id, image_id, sizeof(i.image_id));
        return i;
}

struct lines {
        char **v;
};

static void collect(void *user, bool repaired, const char *fmt, ...) {
        struct lines *l = user;
        char text[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        strv_pushf(&l->v, "%s: %s", repaired ? "repaired" : "found", text);
}

int check_count(struct fixture *f, bool repair, char ***ret) {
        struct lines l = { 0 };
        int left = ok(f, store_check(f->st, repair, collect, &l, &f->err)), n = (int) strv_len(l.v);

        if (!repair)
                assert_int_equal(left, n);
        if (ret)
                *ret = l.v;
        else {
                for (char **line = l.v; line && *line; line++)
                        print_message("  %s\n", *line);
                strv_free(l.v);
        }
        return repair ? left : n;
}

bool strv_has_part(char *const *v, const char *part) {
        for (; v && *v; v++)
                if (strstr(*v, part))
                        return true;
        return false;
}
