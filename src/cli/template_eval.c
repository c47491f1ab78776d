/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes over a value into text.  Time and output are bounded, whatever the template. */
#include "template.h"

#include "base/str.h"

#include <ctype.h>

struct variable {
        const char *name;
        json_t *value;
        const struct variable *outer;
};

struct evaluation {
        json_t *root;
        enum template_text mode;
        unsigned steps;
        struct buf *out;
        struct souk_err *err;
};

static void json_unref(json_t **j) {
        json_decref(*j);
}
#define _cleanup_value_ _cleanup_(json_unref)

static int step(struct evaluation *e) {
        if (++e->steps > TEMPLATE_STEPS_MAX || e->out->len > TEMPLATE_OUTPUT_MAX)
                return souk_err_set(e->err, SOUK_LIMIT, -EFBIG, "template: too much work");
        return 0;
}

static int missing_field(struct evaluation *e, const json_t *base, const struct expr *x) {
        const char *names[64], *key;
        size_t n = 0;
        json_t *value;
        json_object_foreach((json_t *) base, key, value) if (n < ELEMENTSOF(names)) names[n++] = key;
        const char *nearest = str_nearest(x->name, names, n);
        if (nearest)
                return souk_err_set(e->err, SOUK_USAGE, -EINVAL, "template: no field '.%s' (did you mean '.%s'?)",
                                    x->name, nearest);
        return souk_err_set(e->err, SOUK_USAGE, -EINVAL, "template: no field '.%s'", x->name);
}

static int eval_field(struct evaluation *e, json_t *base, const struct expr *x, json_t **ret) {
        json_t *v = json_object_get(base, x->name);
        if (v) {
                *ret = json_incref(v);
                return 0;
        }
        if (json_is_null(base) || (json_is_object(base) && !isupper((unsigned char) x->name[0]))) {
                *ret = json_null();
                return 0;
        }
        if (json_is_object(base))
                return missing_field(e, base, x);
        return souk_err_set(e->err, SOUK_USAGE, -EINVAL,
                            "template: '.%s' at character %zu: the value there has no fields", x->name, x->position);
}

static int eval_expr(struct evaluation *e, const struct expr *x, json_t *dot, const struct variable *vars,
                     json_t **ret);

static int eval_call(struct evaluation *e, const struct expr *x, json_t *dot, const struct variable *vars,
                     json_t **ret) {
        json_t *args[TEMPLATE_DEPTH_MAX + 2];
        size_t n = 0;
        int r = 0;

        for (; n < x->n_args; n++) {
                r = eval_expr(e, x->args[n], dot, vars, &args[n]);
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = x->function->call(args, n, ret, e->err);
        while (n > 0)
                json_decref(args[--n]);
        return r;
}

/* @ret: a new reference, set on success only */
static int eval_expr(struct evaluation *e, const struct expr *x, json_t *dot, const struct variable *vars,
                     json_t **ret) {
        int r = step(e);
        if (r < 0)
                return r;
        switch (x->kind) {
        case EXPR_DOT:
                *ret = json_incref(dot);
                return 0;
        case EXPR_ROOT:
                *ret = json_incref(e->root);
                return 0;
        case EXPR_LITERAL:
                *ret = json_incref(x->literal);
                return 0;
        case EXPR_VARIABLE:
                for (const struct variable *v = vars; v; v = v->outer)
                        if (streq(v->name, x->name)) {
                                *ret = json_incref(v->value);
                                return 0;
                        }
                return souk_err_set(e->err, SOUK_USAGE, -EINVAL, "template: undefined variable '$%s'", x->name);
        case EXPR_FIELD: {
                _cleanup_value_ json_t *base = NULL;
                r = eval_expr(e, x->args[0], dot, vars, &base);
                return r < 0 ? r : eval_field(e, base, x, ret);
        }
        case EXPR_CALL:
                return eval_call(e, x, dot, vars, ret);
        }
        abort();
}

/* Escape what a terminal would obey, but for newline and tab. */
static int append_for_terminal(struct buf *out, const char *s) {
        int r = 0;
        while (r >= 0 && *s) {
                size_t n = strcspn(s, "\n\t");
                _cleanup_free_ char *piece = xstrndup(s, n), *safe = str_printable(piece);
                r = buf_append(out, safe, strlen(safe));
                s += n;
                for (; r >= 0 && (*s == '\n' || *s == '\t'); s++)
                        r = buf_append(out, s, 1);
        }
        return r;
}

static int output_value(struct evaluation *e, const json_t *v) {
        _cleanup_buf_ struct buf b = BUF_INIT(TEMPLATE_OUTPUT_MAX);
        int r = template_value_text(v, &b);
        if (r >= 0 && b.len > 0) {
                if (e->mode == TEMPLATE_RAW)
                        r = buf_append(e->out, b.data, b.len);
                else if (e->mode == TEMPLATE_TERMINAL)
                        r = append_for_terminal(e->out, b.data);
                else {
                        _cleanup_free_ char *safe = str_printable(b.data);
                        r = buf_append(e->out, safe, strlen(safe));
                }
        }
        return r < 0 ? souk_err_set(e->err, SOUK_LIMIT, r, "template: the output is too long") : 0;
}

static int eval_nodes(struct evaluation *e, const struct node *n, json_t *dot, const struct variable *vars);

static int eval_item(struct evaluation *e, const struct node *n, json_t *key_take, json_t *value,
                     const struct variable *vars) {
        _cleanup_value_ json_t *key = key_take;
        struct variable with_key = { n->key_name, key, vars };
        if (n->key_name)
                vars = &with_key;
        struct variable with_value = { n->value_name, value, vars };
        if (n->value_name)
                vars = &with_value;
        int r = step(e);
        return r < 0 ? r : eval_nodes(e, n->body, value, vars);
}

static int eval_range(struct evaluation *e, const struct node *n, json_t *list, json_t *dot,
                      const struct variable *vars) {
        int r = 0;
        if (!template_truth(list) && (json_is_array(list) || json_is_object(list) || json_is_null(list)))
                return eval_nodes(e, n->otherwise, dot, vars);
        if (json_is_array(list)) {
                for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
                        r = eval_item(e, n, json_integer((json_int_t) i), json_array_get(list, i), vars);
                return r;
        }
        if (!json_is_object(list))
                return souk_err_set(e->err, SOUK_USAGE, -EINVAL, "template: range needs a list or a map");
        const char *key;
        json_t *value;
        json_object_foreach(list, key, value) {
                r = eval_item(e, n, json_string(key), value, vars);
                if (r < 0)
                        break;
        }
        return r;
}

static int eval_node(struct evaluation *e, const struct node *n, json_t *dot, const struct variable *vars) {
        _cleanup_value_ json_t *v = NULL;
        int r = step(e);
        if (r < 0)
                return r;
        if (n->kind == NODE_TEXT)
                return buf_append(e->out, n->text, strlen(n->text)) < 0
                               ? souk_err_set(e->err, SOUK_LIMIT, -EFBIG, "template: the output is too long")
                               : 0;
        r = eval_expr(e, n->expr, dot, vars, &v);
        if (r < 0)
                return r;
        switch (n->kind) {
        case NODE_OUTPUT:
                return output_value(e, v);
        case NODE_IF:
                return eval_nodes(e, template_truth(v) ? n->body : n->otherwise, dot, vars);
        case NODE_WITH:
                return template_truth(v) ? eval_nodes(e, n->body, v, vars) : eval_nodes(e, n->otherwise, dot, vars);
        case NODE_RANGE:
                return eval_range(e, n, v, dot, vars);
        case NODE_TEXT:
                break;
        }
        abort();
}

static int eval_nodes(struct evaluation *e, const struct node *n, json_t *dot, const struct variable *vars) {
        int r = 0;
        for (; r >= 0 && n; n = n->next)
                r = eval_node(e, n, dot, vars);
        return r;
}

int template_eval(const struct template *t, json_t *value, enum template_text mode, struct buf *out,
                  struct souk_err *err) {
        struct evaluation e = { .root = value, .mode = mode, .out = out, .err = err };
        return eval_nodes(&e, t->nodes, value, NULL);
}
