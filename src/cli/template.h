/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CLI_TEMPLATE_H
#define SOUK_CLI_TEMPLATE_H
/*
 * The part of Go's text/template that Docker users write after --format, over JSON values:
 *
 *   {{.A.B}} {{json .X}} {{index .X "key" 0}} {{.X | json}} {{json (index .X 0)}} {{- trimmed -}}
 *   {{if .X}}..{{else if eq .Y "z"}}..{{else}}..{{end}}  {{range .X}}..{{else}}..{{end}}  {{range $k, $v := .X}}
 *   {{with .X}}..{{end}}  $ (the whole value), $name, "text", numbers, true, false, nil
 *
 * Anything else is an error that says where.  A name that starts with a capital letter is a field: when it is missing,
 * that is an error; any other name is a key of a map (a label): missing, it prints "<no value>", as with Go.
 */
#include "base/buf.h"

#include <jansson.h>
#include <souk/err.h>

enum template_text {
        TEMPLATE_RAW,      /* values as they are: a pipe or a file */
        TEMPLATE_TERMINAL, /* control bytes of values are escaped, but for newline and tab */
        TEMPLATE_CELL,     /* all control bytes are escaped: columns stay in line */
};

struct template;
/** template_parse() - compile.  Return: 0 or -EINVAL with SOUK_USAGE.  @ret [owned] */
_must_check_ int template_parse(const char *text, struct template **ret, struct souk_err *err);
void template_free(struct template *t);
DEFINE_CLEANUP(struct template, template_free)
/** template_eval() - append the text of @t over @value.  Errors: SOUK_USAGE for what the value does not have,
 * SOUK_LIMIT */
_must_check_ int template_eval(const struct template *t, json_t *value, enum template_text mode, struct buf *out,
                               struct souk_err *err);

/* ---- between template_parse.c, template_eval.c and template_functions.c -------------------------------------------
 */

enum expr_kind { EXPR_DOT, EXPR_ROOT, EXPR_VARIABLE, EXPR_LITERAL, EXPR_FIELD, EXPR_CALL };
struct template_function;
struct expr {
        enum expr_kind kind;
        char *name; /* FIELD, VARIABLE */
        json_t *literal;
        const struct template_function *function;
        struct expr **args; /* CALL: its arguments; FIELD: args[0] is the base */
        size_t n_args;
        size_t position; /* in the text, for messages */
};
void expr_free(struct expr *e);

enum node_kind { NODE_TEXT, NODE_OUTPUT, NODE_IF, NODE_RANGE, NODE_WITH };
struct node {
        enum node_kind kind;
        char *text;
        struct expr *expr;
        char *key_name, *value_name; /* RANGE: variables, without '$' */
        struct node *body, *otherwise, *next;
};
void node_free(struct node *n);

struct template {
        struct node *nodes;
};

/* A function over values.  @ret: a new reference. */
struct template_function {
        const char *name;
        size_t min_args, max_args;
        int (*call)(json_t *const *args, size_t n, json_t **ret, struct souk_err *err);
};
const struct template_function *template_function_find(const char *name, size_t len);
char *template_function_names(void); /* "and, eq, ..." [owned] */
bool template_truth(const json_t *v);
/** template_value_text() - as Go prints it: text bare, lists [a b], maps map[k:v], nothing "<no value>" */
_must_check_ int template_value_text(const json_t *v, struct buf *out);

#define TEMPLATE_TEXT_MAX   (64u << 10)
#define TEMPLATE_DEPTH_MAX  32
#define TEMPLATE_STEPS_MAX  1000000 /* nodes and expressions evaluated */
#define TEMPLATE_OUTPUT_MAX (16u << 20)
#endif
