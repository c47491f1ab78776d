/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the layer tests share: small tar archives built in memory, and layers that are imported from them and looked
 * into. */
#ifndef TEST_LAYER_FIXTURE_H
#define TEST_LAYER_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "iface/layer.h"

/* Appends one entry: header and data. Fields of the header can be set through the tarball before. */
struct tarball {
        struct buf b;
        unsigned mode; /* 0: 0644, of directories 0755 */
        uint64_t uid, gid;
        uint64_t mtime;
};
#define TARBALL_INIT                                                                                                   \
        { .b = BUF_INIT(256u << 20), .mtime = 1000000000 }
void tarball_raw(struct tarball *t, char type, const char *path, const char *link, uint64_t size);
void tarball_data(struct tarball *t, const void *p, size_t n); /* and padding */
void tarball_add(struct tarball *t, char type, const char *path, const char *link, const char *text);
void tarball_pax(struct tarball *t, const char *key, const void *value, size_t n); /* before an entry */
void tarball_end(struct tarball *t);
static inline void tarball_free(struct tarball *t) {
        buf_free(&t->b);
}
#define _cleanup_tarball_ __attribute__((cleanup(tarball_free)))
static inline void tarball_file(struct tarball *t, const char *path, const char *text) {
        tarball_add(t, '0', path, "", text);
}
static inline void tarball_dir(struct tarball *t, const char *path) {
        tarball_add(t, '5', path, "", "");
}
static inline void tarball_link(struct tarball *t, char type, const char *path, const char *target) {
        tarball_add(t, type, path, target, "");
}

/* Import from memory, in pieces of @piece bytes. */
int import_memory(enum layer_driver driver, int dst, const void *p, size_t n, size_t piece,
                  const struct layer_limits *limits, struct layer_stats *stats, struct souk_err *err);
/* Import into nothing that is kept; the result alone counts. */
int import_try(enum layer_driver driver, const void *p, size_t n, struct souk_err *err);

/* A temporary directory. */
struct place {
        char dir[64];
};
void place_make(struct place *p);
void place_remove(struct place *p); /* and whatever is mounted or stored in it */
/* Imports into the place and returns the path of the layer's root, mounted if need be: [borrowed until the next but one
 * call] */
const char *place_import(struct place *p, enum layer_driver driver, const void *tar, size_t n);
bool can_mount(void); /* root, and a kernel with file-backed EROFS */
int run_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif
