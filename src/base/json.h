/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON through jansson, with limits (size, depth, duplicate keys are errors) and dispatch tables: a struct is filled from
 * an object by a table of { key, kind, offset, flags }, so that every field has one line and errors name the JSON path.
 */
#ifndef SOUK_BASE_JSON_H
#define SOUK_BASE_JSON_H
#include "macro.h"
#include <jansson.h>
#include <souk/err.h>

#define JSON_TEXT_MAX (4u << 20) /* bytes: the limit that registries put on a manifest */

/** json_parse_text() - one document, nothing after it; depth <= 64; duplicate keys refused.
 * @what: for the message ("image config sha256:...").  Return: 0; -EBADMSG with SOUK_CORRUPT; -EFBIG with SOUK_LIMIT over
 * JSON_TEXT_MAX. @ret [owned] */
_must_check_ int json_parse_text(const char *text, size_t len, const char *what, json_t **ret, struct souk_err *reterr);
#define _cleanup_json_ _cleanup_(json_decrefp)

enum json_kind {
        JSON_KIND_STRING,   /* char *: owned copy; JSON null leaves it NULL; a string holding NUL is refused */
        JSON_KIND_BOOL,     /* bool */
        JSON_KIND_U64,      /* uint64_t */
        JSON_KIND_I64,      /* int64_t */
        JSON_KIND_U32,      /* uint32_t */
        JSON_KIND_DOUBLE,   /* double */
        JSON_KIND_STRV,     /* char **: array of strings; null is empty */
        JSON_KIND_MAP,      /* char **: object of strings, as sorted "key=value" */
        JSON_KIND_KEYS,     /* char **: the keys of an object (image config: Volumes, ExposedPorts) */
        JSON_KIND_DIGEST,   /* struct digest */
        JSON_KIND_OBJECT,   /* nested: .fields, into the struct at the offset */
        JSON_KIND_RAW,      /* json_t *: a new reference */
};
enum json_flags { JSON_MANDATORY = 1 }; /* missing is an error; so is null, but for a vector */
struct json_field {
        const char *key;
        enum json_kind kind;
        size_t offset;
        unsigned flags;
        const struct json_field *fields; /* for OBJECT; ends with a NULL key */
};
/** json_dispatch() - fill @out from object @j; unknown keys are ignored (OCI asks for that), wrong types are errors.
 * @path: "$" or "$.config", put in front of the key in messages. Owned members of @out are the caller's to free,
 * also on failure. */
_must_check_ int json_dispatch(json_t *j, const struct json_field *fields, const char *path, void *out, struct souk_err *reterr);
/** json_build() - the inverse: object from struct; NULL strings, empty vectors, false and unset digests are left out, and
 * so are strings that are not UTF-8: see str_is_utf8(). [owned] */
json_t *json_build(const struct json_field *fields, const void *in);
/** json_text() - text [owned]: compact, or indented by four when @pretty; keys in the order they were set */
char *json_text(const json_t *j, bool pretty);
json_t *json_from_strv(char *const *v);
#endif
