/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"
#include "base/file.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "layer/tar_format.h"

static void append(struct tarball *t, const void *p, size_t n) {
        if (buf_append(&t->b, p, n) < 0)
                abort();
}

static void octal(char *field, size_t size, uint64_t v) {
        if (v >> (3 * (size - 1)) == 0) {
                for (size_t i = size - 1; i-- > 0; v >>= 3)
                        field[i] = (char) ('0' + (v & 7));
                return;
        }
        for (size_t i = size; i-- > 0; v >>= 8) /* GNU's base 256 */
                field[i] = (char) (v & 0xff);
        field[0] |= (char) 0x80;
}

void tarball_raw(struct tarball *t, char type, const char *path, const char *link, uint64_t size) {
        struct tar_header h = {.typeflag = type};
        memcpy(h.name, path, MIN(strlen(path), sizeof(h.name)));
        memcpy(h.linkname, link, MIN(strlen(link), sizeof(h.linkname)));
        memcpy(h.magic, "ustar", 6);
        memcpy(h.version, "00", 2);
        octal(h.mode, sizeof(h.mode), t->mode ? t->mode : type == '5' ? 0755 : 0644);
        octal(h.uid, sizeof(h.uid), t->uid);
        octal(h.gid, sizeof(h.gid), t->gid);
        octal(h.size, sizeof(h.size), size);
        octal(h.mtime, sizeof(h.mtime), t->mtime);
        if (type == '3' || type == '4') {
                octal(h.devmajor, sizeof(h.devmajor), 1);
                octal(h.devminor, sizeof(h.devminor), 3);
        }
        unsigned sum = 0;
        memset(h.chksum, ' ', sizeof(h.chksum));
        for (size_t i = 0; i < sizeof(h); i++)
                sum += ((unsigned char *) &h)[i];
        octal(h.chksum, 7, sum);
        append(t, &h, sizeof(h));
}

void tarball_data(struct tarball *t, const void *p, size_t n) {
        static const char zeros[TAR_BLOCK];
        if (n)
                append(t, p, n);
        append(t, zeros, -n & (TAR_BLOCK - 1));
}

void tarball_add(struct tarball *t, char type, const char *path, const char *link, const char *text) {
        size_t n = strlen(path);
        if (n > 100) {
                tarball_raw(t, 'L', "././@LongLink", "", n + 1);
                tarball_data(t, path, n + 1);
        }
        if (strlen(link) > 100) {
                tarball_raw(t, 'K', "././@LongLink", "", strlen(link) + 1);
                tarball_data(t, link, strlen(link) + 1);
        }
        tarball_raw(t, type, path, link, strlen(text));
        tarball_data(t, text, strlen(text));
}

void tarball_pax(struct tarball *t, const char *key, const void *value, size_t n) {
        struct buf b = BUF_INIT(16u << 20);
        size_t len = strlen(key) + n + 3, digits = 1;
        for (char text[24];;) {
                size_t d = (size_t) snprintf(text, sizeof(text), "%zu", len + digits);
                if (d == digits)
                        break;
                digits = d;
        }
        if (buf_printf(&b, "%zu %s=", len + digits, key) < 0 || buf_append(&b, value, n) < 0 ||
            buf_append(&b, "\n", 1) < 0)
                abort();
        tarball_raw(t, 'x', "PaxHeader", "", b.len);
        tarball_data(t, b.data, b.len);
        buf_free(&b);
}

void tarball_end(struct tarball *t) {
        static const char zeros[2 * TAR_BLOCK];
        append(t, zeros, sizeof(zeros));
}

struct memory {
        const char *p;
        size_t left, piece;
        char *copy; /* each piece in memory of its own, so that a sanitizer sees a read past it or after it */
};

static int memory_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct memory *m = user;
        size_t n = MIN(m->left, m->piece);
        free(m->copy);
        m->copy = xmalloc(n);
        memcpy(m->copy, m->p, n);
        *ret_p = m->copy;
        *ret_n = n;
        m->p += n;
        m->left -= n;
        return n > 0;
}

int import_memory(enum layer_driver driver, int dst, const void *p, size_t n, size_t piece,
                  const struct layer_limits *limits, struct layer_stats *stats, struct souk_err *err) {
        static const struct layer_limits wide = {.max_bytes = 1ull << 40, .max_entries = 1000000};
        struct memory m = {p, n, piece, NULL};
        struct layer_source src = {memory_next, &m};
        int r = layer_import(driver, dst, &src, limits ? limits : &wide, stats, err);
        free(m.copy);
        return r;
}

int import_try(enum layer_driver driver, const void *p, size_t n, struct souk_err *err) {
        struct place place;
        place_make(&place);
        int dst = driver == LAYER_DRIVER_EROFS ? memfd_create("layer", MFD_CLOEXEC)
                                               : open(place.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *err = (struct souk_err){0};
        int r = import_memory(driver, dst, p, n, 3000, NULL, NULL, err);
        close(dst);
        place_remove(&place);
        return r;
}

/* Places that are in use: a failed test leaves its own, which goes at exit. */
static struct place live[16];

static void place_clear(const char *dir) {
        char path[128];
        snprintf(path, sizeof(path), "%s/mnt", dir);
        umount2(path, MNT_DETACH);
        snprintf(path, sizeof(path), "%s/other", dir);
        umount2(path, MNT_DETACH);
        if (tree_remove(AT_FDCWD, dir) < 0)
                fprintf(stderr, "left behind: %s\n", dir);
}

static void places_clear(void) {
        for (size_t i = 0; i < ELEMENTSOF(live); i++)
                if (live[i].dir[0])
                        place_clear(live[i].dir);
}

void place_make(struct place *p) {
        static bool registered;
        if (!registered)
                atexit(places_clear);
        registered = true;
        strcpy(p->dir, "/tmp/souk-test-layer-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        for (size_t i = 0; i < ELEMENTSOF(live); i++) {
                if (!live[i].dir[0]) {
                        live[i] = *p;
                        return;
                }
        }
}

void place_remove(struct place *p) {
        for (size_t i = 0; i < ELEMENTSOF(live); i++)
                if (strcmp(live[i].dir, p->dir) == 0)
                        live[i].dir[0] = '\0';
        place_clear(p->dir);
        assert_false(file_exists(AT_FDCWD, p->dir));
}

const char *place_import(struct place *p, enum layer_driver driver, const void *tar, size_t n) {
        static char roots[2][128];
        static unsigned turn;
        char image[128];
        char *root = roots[turn++ & 1];
        struct souk_err err = {0};
        bool erofs = driver == LAYER_DRIVER_EROFS;
        snprintf(root, sizeof(roots[0]), "%s/%s", p->dir, erofs ? "mnt" : "tree");
        snprintf(image, sizeof(image), "%s/image", p->dir);
        assert_int_equal(mkdir(root, 0755), 0);
        int dst = erofs ? open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
                        : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dst >= 0);
        if (import_memory(driver, dst, tar, n, 3000, NULL, NULL, &err) < 0)
                fail_msg("import: %s", err.msg);
        close(dst);
        if (erofs) {
                /* it recurses, with a large frame */
                assert_int_equal(run_shell("ulimit -s unlimited; fsck.erofs %s", image), 0);
                assert_int_equal(mount(image, root, "erofs", MS_RDONLY, NULL), 0);
        }
        return root;
}

bool can_mount(void) {
        static int known = -1;
        if (known >= 0)
                return known;
        struct tarball t = TARBALL_INIT;
        struct place p;
        char image[128], root[128];
        struct souk_err err;
        tarball_end(&t);
        place_make(&p);
        snprintf(image, sizeof(image), "%s/image", p.dir);
        snprintf(root, sizeof(root), "%s/mnt", p.dir);
        mkdir(root, 0755);
        int dst = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(import_memory(LAYER_DRIVER_EROFS, dst, t.b.data, t.b.len, 512, NULL, NULL, &err), 0);
        close(dst);
        known = geteuid() == 0 && mount(image, root, "erofs", MS_RDONLY, NULL) == 0;
        if (!known)
                fprintf(stderr, "cannot mount EROFS files here: needs root and Linux 6.12\n");
        place_remove(&p);
        tarball_free(&t);
        return known;
}

int run_shell(const char *fmt, ...) {
        char *command;
        va_list ap;
        va_start(ap, fmt);
        int n = vasprintf(&command, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        int r = system(command);
        if (r != 0)
                fprintf(stderr, "failed (%d): %s\n", r, command);
        free(command);
        return r;
}
