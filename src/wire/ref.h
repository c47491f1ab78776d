/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_REF_H
#define SOUK_WIRE_REF_H
/*
 * Image references: [registry[:port]/]repository[:tag][@digest].  Short names are completed as Docker users expect:
 * "box" -> "docker.io/library/box:latest".  Spec: OCI distribution-spec 1.1 "Pulling manifests"; distribution reference
 * grammar.
 */
#include "base/digest.h"
#include <souk/err.h>

struct image_ref {
        char *registry;         /* "docker.io", "localhost:5000" */
        char *repository;       /* "library/box" */
        char *tag;              /* "latest"; NULL when only a digest was given */
        char *digest;           /* "sha256:..." or NULL */
};
void image_ref_clear(struct image_ref *r);
/** image_ref_parse() - SOUK_INVALID with what is wrong (upper case, bad character, too long ...) */
int image_ref_parse(const char *s, struct image_ref *ret, struct souk_err *err);
/** image_ref_format() - canonical full text [owned] */
char *image_ref_format(const struct image_ref *r);
/** image_ref_familiar() - short form for people: "box:latest", "localhost:5000/a:b" [owned]; takes full text */
char *image_ref_familiar(const char *full);
/** image_ref_split() - familiar repository and tag for listings, both [owned] */
void image_ref_split(const char *full, char **ret_repository, char **ret_tag);
/** image_ref_normalize() - parse and format in one call [owned] */
int image_ref_normalize(const char *s, char **ret_full, struct souk_err *err);
#endif
