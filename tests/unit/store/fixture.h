/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H
/* A store of its own below /tmp for each test, and content made up for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "store/store.h"

struct fixture {
        char dir[64], root[80], run[80];
        struct store *st;
        struct souk_err err;
};
int fixture_setup(void **state);
int fixture_teardown(void **state); /* unmounts and removes everything */
void fixture_reopen(struct fixture *f);

/** ok() - the call succeeded, else the test fails with its message */
#define ok(f, call) fixture_ok(f, (call), #call, __FILE__, __LINE__)
int fixture_ok(struct fixture *f, int r, const char *what, const char *file, int line);

/** fake_digest() - 64 hex digits: a prefix, zeros, and a number at the end */
struct digest fake_digest(const char *prefix, unsigned n);
/** fake_image() - an image of @n_layers layers, ids made of @id and @first; content is not staged.  Free with fake_image_clear() */
struct store_image fake_image(const char *id, unsigned first_layer, size_t n_layers, const char *name);
void fake_image_clear(struct store_image *i);
/** put_image() - stage, adopt and record it */
void put_image(struct fixture *f, const struct store_image *i);
/** fake_instance() - created, of @image_id; clear with store_instance_clear() */
struct store_instance fake_instance(unsigned n, const char *name, const char *image_id);

/** check_count() - store_check(): findings; texts in *ret (may be NULL) */
int check_count(struct fixture *f, bool repair, char ***ret);
/** strv_has_part() - some string contains @part */
bool strv_has_part(char *const *v, const char *part);
#endif
