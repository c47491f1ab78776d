/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings and inspected objects in the shape that --format asks for. */
#include "format.h"

#include "base/buf.h"
#include "base/str.h"
#include "template.h"

#define TABLE_COLUMN_MIN 10
#define TABLE_PADDING    3

static enum template_text mode_for(FILE *out) {
        int fd = fileno(out);
        return fd >= 0 && isatty(fd) ? TEMPLATE_TERMINAL : TEMPLATE_RAW;
}

/* \t and \n as people type them in a shell's quotes */
static char *unescape(const char *s) {
        char *out = xmalloc(strlen(s) + 1), *o = out;
        for (; *s; s++) {
                if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n'))
                        *o++ = *++s == 't' ? '\t' : '\n';
                else
                        *o++ = *s;
        }
        *o = '\0';
        return out;
}

static int parse(const char *text, struct template **ret, struct souk_err *err) {
        _cleanup_free_ char *plain = unescape(text);
        return template_parse(plain, ret, err);
}

/* Return: the template after "table", or NULL when @format is no table. */
static const char *table_of(const char *format, const char *fallback) {
        const char *rest = format ? str_startswith(format, "table") : "";
        if (!rest || (*rest && *rest != ' '))
                return NULL;
        rest += strspn(rest, " ");
        return *rest ? rest : fallback;
}

int format_check(const char *format, struct souk_err *err) {
        _cleanup_(template_freep) struct template *t = NULL;
        if (!format || streq(format, "json"))
                return 0;
        const char *table = table_of(format, "");
        return parse(table ? table : format, &t, err);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static size_t text_width(const char *s) {
        size_t n = 0;
        for (; *s; s++)
                n += (*s & 0xc0) != 0x80; /* bytes that begin a character */
        return n;
}

/* @lines: cells separated by tabs.  Columns are as wide as their widest cell. */
static void print_aligned(FILE *out, char **lines) {
        size_t widths[64] = {};
        for (char **l = lines; l && *l; l++) {
                _cleanup_strv_ char **cells = str_split(*l, '\t');
                for (size_t i = 0; cells[i] && cells[i + 1] && i < ELEMENTSOF(widths); i++)
                        widths[i] = MAX(widths[i], text_width(cells[i]) + TABLE_PADDING);
        }
        for (char **l = lines; l && *l; l++) {
                _cleanup_strv_ char **cells = str_split(*l, '\t');
                for (size_t i = 0; cells[i]; i++) {
                        size_t width = text_width(cells[i]);
                        size_t column = i < ELEMENTSOF(widths) ? MAX(widths[i], (size_t) TABLE_COLUMN_MIN) : 0;
                        fputs(cells[i], out);
                        if (cells[i + 1])
                                fprintf(out, "%*s", (int) (column > width ? column - width : 0), "");
                }
                fputc('\n', out);
        }
}

static json_t *header_row(const struct format_column *columns) {
        json_t *row = json_object();
        for (; columns->field; columns++)
                json_object_set_new(row, columns->field, json_string(columns->header));
        return row;
}

static int table_line(const struct template *t, json_t *row, char ***lines, struct souk_err *err) {
        struct buf b = BUF_INIT(TEMPLATE_OUTPUT_MAX);
        int r = template_eval(t, row, TEMPLATE_CELL, &b, err);
        if (r < 0)
                buf_free(&b);
        else
                strv_push_take(lines, buf_steal(&b));
        return r;
}

static int print_table(FILE *out, const struct format_listing *l, const char *text, json_t *rows,
                       struct souk_err *err) {
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_strv_ char **lines = NULL;
        int r = parse(text, &t, err);
        if (r < 0)
                return r;
        json_t *header = header_row(l->columns);
        r = table_line(t, header, &lines, err);
        json_decref(header);
        for (size_t i = 0; r >= 0 && i < json_array_size(rows); i++)
                r = table_line(t, json_array_get(rows, i), &lines, err);
        if (r >= 0)
                print_aligned(out, lines);
        return r < 0 ? r : 0;
}

/* ---- the other shapes -------------------------------------------------------------------------------------------- */

static int print_json_lines(FILE *out, json_t *rows) {
        for (size_t i = 0; i < json_array_size(rows); i++) {
                char *text = json_dumps(json_array_get(rows, i), JSON_COMPACT);
                fprintf(out, "%s\n", text ? text : "{}");
                free(text);
        }
        return 0;
}

static int print_template(FILE *out, const char *text, json_t *rows, struct souk_err *err) {
        _cleanup_(template_freep) struct template *t = NULL;
        int r = parse(text, &t, err);
        for (size_t i = 0; r >= 0 && i < json_array_size(rows); i++) {
                _cleanup_buf_ struct buf b = BUF_INIT(TEMPLATE_OUTPUT_MAX);
                r = template_eval(t, json_array_get(rows, i), mode_for(out), &b, err);
                if (r >= 0) {
                        fwrite(b.data ? b.data : "", 1, b.len, out);
                        fputc('\n', out);
                }
        }
        return r < 0 ? r : 0;
}

int format_rows(FILE *out, const struct format_listing *l, const char *format, json_t *rows, struct souk_err *err) {
        const char *table = table_of(format, l->table);
        if (table)
                return print_table(out, l, table, rows, err);
        if (streq(format, "json"))
                return print_json_lines(out, rows);
        return print_template(out, format, rows, err);
}

int format_objects(FILE *out, const char *format, json_t *objects, struct souk_err *err) {
        if (format && !streq(format, "json"))
                return print_template(out, format, objects, err);
        if (format)
                return print_json_lines(out, objects);
        if (json_array_size(objects) == 0) { /* as Docker prints it */
                fputs("[]\n", out);
                return 0;
        }
        char *text = json_dumps(objects, JSON_INDENT(4));
        fprintf(out, "%s\n", text ? text : "[]");
        free(text);
        return 0;
}
