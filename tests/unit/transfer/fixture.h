/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory for archives, made by archives.sh, and the worker's jobs on them: the real program, confined as always. */
#ifndef TEST_TRANSFER_FIXTURE_H
#define TEST_TRANSFER_FIXTURE_H
#include "base/file.h"
#include "base/str.h"
#include "iface/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct rig {
        char dir[32];                   /* below /tmp */
        int dir_fd, staging_fd;
        struct worker_limits limits;
        enum layer_driver driver;
        bool drop_blobs;
        const char *name;
        char **known_layers, **known_blobs; /* hex */
        unsigned asked, progress;
        struct worker_image *images;
        size_t n_images;
        struct souk_err err;
};
int rig_setup(void **state);
int rig_teardown(void **state);
/* A shell in the directory, with archives.sh; must succeed. */
void sh(struct rig *r, const char *fmt, ...) _printf_(2, 3);
/* Into a new staging directory; results in r->images. */
int rig_load(struct rig *r, const char *name);
int rig_load_fd(struct rig *r, int fd);
int rig_import(struct rig *r, const char *name, struct worker_image **ret);
void rig_forget(struct rig *r);         /* images and staging */
bool staged(struct rig *r, const char *kind, const struct digest *d);
/* Entries of staging that are neither part-* nor in @allowed ("layer.<hex>"). */
size_t staged_strangers(struct rig *r, char *const *allowed);
char **staged_names(struct rig *r);     /* [owned] */
/* The load must fail with @code, its message hold @words, and nothing be in staging but what is in @allowed. */
void must_fail(struct rig *r, const char *name, enum souk_code code, const char *words, char *const *allowed);
void must_load(struct rig *r, const char *name);
#endif
