/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CLI_FORMAT_H
#define SOUK_CLI_FORMAT_H
/*
 * --format: "table", "table TEMPLATE", "json" (one object per line), or TEMPLATE; a listing is a vector of rows, each a
 * JSON object of strings.  The default table is a template too, so there is one way to print a listing.
 */
#include "base/macro.h"

#include <jansson.h>
#include <stdio.h>
#include <souk/err.h>

struct format_column {
        const char *field;  /* "ID" */
        const char *header; /* "INSTANCE ID" */
};
struct format_listing {
        const struct format_column *columns; /* ends with a NULL field; every field of a row is here */
        const char *table;                   /* the default: "{{.ID}}\t{{.Names}}" */
};
/** format_rows() - print @rows (array of objects) to @out.  @format: NULL is "table" */
_must_check_ int format_rows(FILE *out, const struct format_listing *l, const char *format, json_t *rows,
                             struct souk_err *err);
/** format_objects() - inspect: an array of objects as indented JSON, or @format for each of them on a line */
_must_check_ int format_objects(FILE *out, const char *format, json_t *objects, struct souk_err *err);
/** format_check() - is the text after --format valid?  Before any work is done for it.  NULL is. */
_must_check_ int format_check(const char *format, struct souk_err *err);

/** row_set() - row[field] = text, whatever bytes @text has; NULL is "" */
void row_set(json_t *row, const char *field, const char *text);
void row_setf(json_t *row, const char *field, const char *fmt, ...) _printf_(3, 4);
/* Columns.  All [owned]. */
char *column_ago(uint64_t at_usec, uint64_t now_usec); /* "3 seconds ago"; "N/A" for 0 */
char *column_time(uint64_t at_usec);                   /* "2026-12-01 14:06:34 +0000 UTC"; "" for 0 */
char *column_size(uint64_t bytes);
char *column_ellipsis(const char *text, size_t max); /* at most @max characters, the last one "…" */
char *column_id(const char *id, bool whole);         /* "sha256:0123..." -> "0123456789ab" */
char *name_familiar(const char *ref);                /* "docker.io/library/box:latest" -> "box:latest" */
/** name_split() - "box:latest" -> "box", "latest"; "box@sha256:..." -> "box", NULL and the digest */
void name_split(const char *familiar, char **ret_repository, char **ret_tag, char **ret_digest);
#endif
