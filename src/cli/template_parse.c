/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Template text into nodes, by recursive descent over the characters.
 *
 *   list     = { text | "{{" action "}}" }
 *   action   = "if" pipeline | "with" pipeline | "range" [ $k [, $v] := ] pipeline | "else" [ "if" pipeline ] | "end" |
 * pipeline pipeline = command { "|" command }          the value so far becomes the next command's last argument
 *   command  = function { operand } | operand
 *   operand  = ( "." | "$" [name] | literal | "(" pipeline ")" ) { "." name }
 */
#include "template.h"

#include "base/str.h"

#include <ctype.h>

struct parser {
        const char *text, *p;
        unsigned depth;
        bool trim_next; /* the last action ended with -}} */
        struct souk_err *err;
};

enum list_end { END_OF_TEXT, END_ACTION, END_ELSE };

void expr_free(struct expr *e) {
        if (!e)
                return;
        for (size_t i = 0; i < e->n_args; i++)
                expr_free(e->args[i]);
        free(e->args);
        free(e->name);
        json_decref(e->literal);
        free(e);
}

void node_free(struct node *n) {
        while (n) {
                struct node *next = n->next;
                free(n->text);
                expr_free(n->expr);
                free(n->key_name);
                free(n->value_name);
                node_free(n->body);
                node_free(n->otherwise);
                free(n);
                n = next;
        }
}

void template_free(struct template *t) {
        if (t)
                node_free(t->nodes);
        free(t);
}

DEFINE_CLEANUP(struct expr, expr_free)
DEFINE_CLEANUP(struct node, node_free)

static int fail(struct parser *p, const char *what) {
        return souk_err_set(p->err, SOUK_USAGE, -EINVAL, "template: %s at character %zu", what,
                            (size_t) (p->p - p->text) + 1);
}

static int enter(struct parser *p) {
        return ++p->depth > TEMPLATE_DEPTH_MAX ? fail(p, "nested too deep") : 0;
}

static struct expr *expr_new(struct parser *p, enum expr_kind kind) {
        struct expr *e = xcalloc(1, sizeof(*e));
        e->kind = kind;
        e->position = (size_t) (p->p - p->text) + 1;
        return e;
}

static void expr_push(struct expr *e, struct expr *arg_take) {
        e->args = xreallocarray(e->args, e->n_args + 1, sizeof(*e->args));
        e->args[e->n_args++] = arg_take;
}

static void skip_space(struct parser *p) {
        p->p += strspn(p->p, " \t\r\n");
}

static size_t name_length(const char *s) {
        size_t n = 0;
        if (isdigit((unsigned char) s[0]))
                return 0;
        while (isalnum((unsigned char) s[n]) || s[n] == '_')
                n++;
        return n;
}

/* "}}" or " -}}" */
static bool at_close(const struct parser *p) {
        return (p->p[0] == '}' && p->p[1] == '}') || (p->p[0] == '-' && p->p[1] == '}' && p->p[2] == '}');
}

static int parse_close(struct parser *p) {
        skip_space(p);
        if (!at_close(p))
                return fail(p, *p->p ? "unexpected text" : "missing }}");
        p->trim_next = *p->p == '-';
        p->p += p->trim_next ? 3 : 2;
        return 0;
}

static int parse_pipeline(struct parser *p, struct expr **ret);

static int parse_string(struct parser *p, struct expr **ret) {
        char quote = *p->p;
        struct expr *e = expr_new(p, EXPR_LITERAL);
        _cleanup_(expr_freep) struct expr *guard = e;
        const char *start = ++p->p;
        _cleanup_free_ char *s = xmalloc(strlen(start) + 1);
        size_t n = 0;

        for (; *p->p && *p->p != quote; p->p++) {
                char c = *p->p;
                if (c == '\\' && quote == '"') {
                        c = *++p->p;
                        if (c == 'n' || c == 't')
                                c = c == 'n' ? '\n' : '\t';
                        else if (c != '"' && c != '\\')
                                return fail(p, "unknown escape in quoted text");
                }
                s[n++] = c;
        }
        if (*p->p != quote)
                return fail(p, "quoted text does not end");
        p->p++;
        e->literal = json_stringn(s, n);
        if (!e->literal)
                return fail(p, "quoted text is not UTF-8");
        *ret = TAKE_PTR(guard);
        return 0;
}

static int parse_number(struct parser *p, struct expr **ret) {
        char *end;
        struct expr *e = expr_new(p, EXPR_LITERAL);
        errno = 0;
        long long i = strtoll(p->p, &end, 10);
        e->literal = json_integer(i);
        if (errno || name_length(end) || *end == '.') {
                expr_free(e);
                return fail(p, "malformed number");
        }
        p->p = end;
        *ret = e;
        return 0;
}

static int parse_word(struct parser *p, struct expr **ret) {
        size_t n = name_length(p->p);
        json_t *value = n == 4 && memcmp(p->p, "true", 4) == 0    ? json_true()
                        : n == 5 && memcmp(p->p, "false", 5) == 0 ? json_false()
                        : n == 3 && memcmp(p->p, "nil", 3) == 0   ? json_null()
                                                                  : NULL;
        if (!value) {
                _cleanup_free_ char *names = template_function_names();
                return souk_err_set(p->err, SOUK_USAGE, -EINVAL,
                                    "template: unknown function '%.*s' at character %zu (known: %s)",
                                    (int) MIN(n, (size_t) 64), p->p, (size_t) (p->p - p->text) + 1, names);
        }
        *ret = expr_new(p, EXPR_LITERAL);
        (*ret)->literal = value;
        p->p += n;
        return 0;
}

static int parse_variable(struct parser *p, struct expr **ret) {
        size_t n = name_length(p->p + 1);
        struct expr *e = expr_new(p, n ? EXPR_VARIABLE : EXPR_ROOT);
        if (n)
                e->name = xstrndup(p->p + 1, n);
        p->p += 1 + n;
        *ret = e;
        return 0;
}

static int parse_parenthesis(struct parser *p, struct expr **ret) {
        p->p++;
        int r = enter(p);
        if (r < 0)
                return r;
        r = parse_pipeline(p, ret);
        p->depth--;
        if (r < 0)
                return r;
        skip_space(p);
        if (*p->p != ')') {
                expr_free(TAKE_PTR(*ret));
                return fail(p, "missing )");
        }
        p->p++;
        return 0;
}

/* An operand starts here?  Else the command ends. */
static bool at_operand(const struct parser *p) {
        char c = *p->p;
        return c == '.' || c == '$' || c == '"' || c == '`' || c == '(' || isalnum((unsigned char) c) || c == '_' ||
               (c == '-' && isdigit((unsigned char) p->p[1]));
}

static int parse_operand(struct parser *p, struct expr **ret) {
        _cleanup_(expr_freep) struct expr *e = NULL;
        int r = 0;
        char c = *p->p;

        if (c == '.') {
                e = expr_new(p, EXPR_DOT);
                if (!name_length(p->p + 1))
                        p->p++;
        } else if (c == '$')
                r = parse_variable(p, &e);
        else if (c == '"' || c == '`')
                r = parse_string(p, &e);
        else if (c == '(')
                r = parse_parenthesis(p, &e);
        else if (c == '-' || isdigit((unsigned char) c))
                r = parse_number(p, &e);
        else
                r = parse_word(p, &e);
        if (r < 0)
                return r;

        for (unsigned fields = 0; *p->p == '.'; fields++) {
                size_t n = name_length(p->p + 1);
                if (n == 0 || fields >= TEMPLATE_DEPTH_MAX)
                        return fail(p, n ? "too many fields" : "a field's name is missing");
                struct expr *field = expr_new(p, EXPR_FIELD);
                field->name = xstrndup(p->p + 1, n);
                expr_push(field, TAKE_PTR(e));
                e = field;
                p->p += 1 + n;
        }
        *ret = TAKE_PTR(e);
        return 0;
}

static int check_arguments(struct parser *p, const struct expr *e, size_t position) {
        const struct template_function *f = e->function;
        if (e->n_args >= f->min_args && e->n_args <= f->max_args)
                return 0;
        return souk_err_set(p->err, SOUK_USAGE, -EINVAL, "template: '%s' at character %zu has too %s arguments",
                            f->name, position, e->n_args < f->min_args ? "few" : "many");
}

/* @piped_take: the value from the left of '|', or NULL */
static int parse_command(struct parser *p, struct expr *piped_take, struct expr **ret) {
        _cleanup_(expr_freep) struct expr *piped = piped_take, *e = NULL;

        skip_space(p);
        size_t n = name_length(p->p);
        const struct template_function *f = n ? template_function_find(p->p, n) : NULL;
        if (!f) {
                if (piped)
                        return fail(p, "a function must follow '|'");
                if (!at_operand(p))
                        return fail(p, at_close(p) ? "a value is missing" : "unexpected text");
                int r = parse_operand(p, &e);
                if (r < 0)
                        return r;
                skip_space(p);
                if (at_operand(p))
                        return fail(p, "unexpected argument: this is not a function");
                *ret = TAKE_PTR(e);
                return 0;
        }
        e = expr_new(p, EXPR_CALL);
        e->function = f;
        p->p += n;
        for (;;) {
                skip_space(p);
                if (at_close(p) || !at_operand(p))
                        break;
                struct expr *arg = NULL;
                int r = parse_operand(p, &arg);
                if (r < 0)
                        return r;
                expr_push(e, arg);
                if (e->n_args > TEMPLATE_DEPTH_MAX)
                        return fail(p, "too many arguments");
        }
        if (piped)
                expr_push(e, TAKE_PTR(piped));
        int r = check_arguments(p, e, e->position);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

static int parse_pipeline(struct parser *p, struct expr **ret) {
        struct expr *e = NULL;
        int r = parse_command(p, NULL, &e);
        unsigned stages = 0;
        while (r >= 0) {
                skip_space(p);
                if (*p->p != '|')
                        break;
                if (++stages > TEMPLATE_DEPTH_MAX) {
                        r = fail(p, "too many '|'");
                        break;
                }
                p->p++;
                struct expr *left = TAKE_PTR(e);
                r = parse_command(p, left, &e);
        }
        if (r < 0) {
                expr_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

static bool take_word(struct parser *p, const char *word) {
        size_t n = strlen(word);
        if (name_length(p->p) != n || memcmp(p->p, word, n) != 0)
                return false;
        p->p += n;
        skip_space(p);
        return true;
}

/* "$i, $v :=" or "$v :=" in front of a range's pipeline; otherwise nothing is consumed */
static int parse_declaration(struct parser *p, struct node *n) {
        const char *start = p->p;
        char *names[2] = {};
        size_t count = 0;

        while (*p->p == '$' && count < 2) {
                size_t len = name_length(p->p + 1);
                if (!len)
                        break;
                names[count++] = xstrndup(p->p + 1, len);
                p->p += 1 + len;
                skip_space(p);
                if (*p->p != ',')
                        break;
                p->p++;
                skip_space(p);
        }
        if (count == 0 || p->p[0] != ':' || p->p[1] != '=') {
                free(names[0]);
                free(names[1]);
                if (count == 2)
                        return fail(p, "expected :=");
                p->p = start;
                return 0;
        }
        p->p += 2;
        n->key_name = count == 2 ? names[0] : NULL;
        n->value_name = count == 2 ? names[1] : names[0];
        return 0;
}

static int parse_list(struct parser *p, struct node **ret, enum list_end *ret_end);

/* what follows the pipeline of if, range, with: }} list [else list] {{end}} */
static int parse_branches(struct parser *p, struct node *n) {
        enum list_end end;
        int r = parse_pipeline(p, &n->expr);
        if (r < 0 || (r = parse_close(p)) < 0 || (r = enter(p)) < 0)
                return r;
        r = parse_list(p, &n->body, &end);
        if (r < 0)
                return r;
        if (end == END_ELSE) {
                skip_space(p);
                if (take_word(p, "if")) { /* else if: a nested if that shares our end */
                        n->otherwise = xcalloc(1, sizeof(*n));
                        n->otherwise->kind = NODE_IF;
                        r = parse_branches(p, n->otherwise);
                        p->depth--;
                        return r;
                }
                if ((r = parse_close(p)) < 0 || (r = parse_list(p, &n->otherwise, &end)) < 0)
                        return r;
        }
        if (end != END_ACTION)
                return fail(p, end == END_ELSE ? "a second else" : "missing {{end}}");
        p->depth--;
        return parse_close(p);
}

static int parse_action(struct parser *p, struct node *n) {
        if (take_word(p, "if"))
                n->kind = NODE_IF;
        else if (take_word(p, "with"))
                n->kind = NODE_WITH;
        else if (take_word(p, "range")) {
                n->kind = NODE_RANGE;
                int r = parse_declaration(p, n);
                if (r < 0)
                        return r;
        } else {
                n->kind = NODE_OUTPUT;
                int r = parse_pipeline(p, &n->expr);
                return r < 0 ? r : parse_close(p);
        }
        return parse_branches(p, n);
}

/* Text up to the next "{{"; NULL when it is empty after trimming. */
static struct node *parse_text(struct parser *p) {
        if (p->trim_next)
                skip_space(p);
        p->trim_next = false;
        const char *end = strstr(p->p, "{{");
        size_t n = end ? (size_t) (end - p->p) : strlen(p->p);
        const char *start = p->p;
        p->p += n;
        if (end && end[2] == '-' && strchr(" \t\r\n", end[3]) && end[3]) /* {{- trims what is before it */
                while (n > 0 && strchr(" \t\r\n", start[n - 1]))
                        n--;
        if (n == 0)
                return NULL;
        struct node *node = xcalloc(1, sizeof(*node));
        node->kind = NODE_TEXT;
        node->text = xstrndup(start, n);
        return node;
}

static int parse_list(struct parser *p, struct node **ret, enum list_end *ret_end) {
        _cleanup_(node_freep) struct node *first = NULL;
        struct node **tail = &first;

        for (;;) {
                if ((*tail = parse_text(p)))
                        tail = &(*tail)->next;
                if (!*p->p) {
                        *ret_end = END_OF_TEXT;
                        break;
                }
                p->p += p->p[2] == '-' && p->p[3] && strchr(" \t\r\n", p->p[3]) ? 3 : 2;
                skip_space(p);
                bool is_end = take_word(p, "end");
                if (is_end || take_word(p, "else")) {
                        *ret_end = is_end ? END_ACTION : END_ELSE;
                        break;
                }
                struct node *n = *tail = xcalloc(1, sizeof(*n));
                tail = &n->next;
                int r = parse_action(p, n);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(first);
        return 0;
}

int template_parse(const char *text, struct template **ret, struct souk_err *err) {
        if (strlen(text) > TEMPLATE_TEXT_MAX)
                return souk_err_set(err, SOUK_LIMIT, -EFBIG, "template: longer than %u bytes", TEMPLATE_TEXT_MAX);
        _cleanup_(template_freep) struct template *t = xcalloc(1, sizeof(*t));
        struct parser p = { .text = text, .p = text, .err = err };
        enum list_end end;
        int r = parse_list(&p, &t->nodes, &end);
        if (r < 0)
                return r;
        if (end != END_OF_TEXT)
                return fail(&p, end == END_ACTION ? "{{end}} without a beginning" : "{{else}} without {{if}}");
        *ret = TAKE_PTR(t);
        return 0;
}
