/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CLI_CLI_H
#define SOUK_CLI_CLI_H
/*
 * The command line as tables.  A verb is one file with one const struct cli_verb; its options are tables of struct
 * cli_option, filled into the verb's own args struct by offset.  The parser, --help, the man pages and the shell
 * completions all read the same tables, so they cannot disagree.
 *
 *   main.c -> dispatch.c (global options, find the verb) -> parse.c (argv into args) -> cmd_VERB.c (run) -> souk.h
 */
#include "base/macro.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <souk/souk.h>

enum cli_kind {
        CLI_FLAG,     /* bool: --x, --x=false */
        CLI_TRI,      /* enum cli_tri: a flag that tells "not given" */
        CLI_STRING,   /* const char *, borrowed from argv */
        CLI_STRV,     /* strv: may be repeated; freed by cli_args_free() */
        CLI_CHOICE,   /* int: index into .choices */
        CLI_U64,      /* uint64_t */
        CLI_I64,      /* int64_t */
        CLI_BYTES,    /* uint64_t: "64m" */
        CLI_DURATION, /* uint64_t usec: "10", "1m30s" */
        CLI_KIND_MAX
};
enum cli_tri { CLI_UNSET, CLI_NO, CLI_YES };

enum cli_option_flags {
        CLI_OPTION_HIDDEN = 1, /* accepted, shown nowhere */
};

struct cli_option {
        const char *long_name;
        char short_name; /* 0: none */
        enum cli_kind kind;
        size_t offset;
        const char *metavar;  /* "NAME"; NULL for flags */
        const char *help;     /* one line, no full stop */
        const char *complete; /* values for the shell: "images", "instances", "running", "files", "dirs" or NULL */
        const char *const *choices; /* CLI_CHOICE: ends with NULL */
        unsigned flags;
};

/* Options that belong together.  A list of groups ends with a NULL table. */
struct cli_options {
        const char *heading; /* NULL: "Options" */
        const struct cli_option *table;
        size_t n;
};
#define CLI_OPTIONS(title, t) \
        { .heading = (title), .table = (t), .n = ELEMENTSOF(t) }

struct cli_example {
        const char *what, *command;
};

enum cli_topic { CLI_TOPIC_INSTANCES, CLI_TOPIC_IMAGES, CLI_TOPIC_SYSTEM, CLI_TOPIC_HIDDEN, CLI_TOPIC_MAX };

enum cli_verb_flags {
        CLI_VERB_STOP_AT_OPERAND = 1, /* what follows the first operand belongs to the workload */
};

struct cli_verb;
struct cli_call {
        const struct cli_verb *verb;
        const struct souk_options *engine; /* --root, --run */
        const void *args;
        const char *const *operands; /* ends with NULL */
        size_t n_operands;
};

struct cli_verb {
        const char *name;           /* the words after "souk": "run", "image history" */
        const char *const *aliases; /* other names, "image ls"; ends with NULL */
        enum cli_topic topic;
        unsigned flags;
        const char *synopsis;               /* what follows the name */
        const char *summary;                /* one line, no full stop */
        const char *description;            /* paragraphs separated by an empty line; may be NULL */
        const struct cli_example *examples; /* ends with a NULL command; may be NULL */
        const struct cli_options *options;  /* may be NULL */
        const void *defaults;               /* initial args; NULL: all zero */
        size_t args_size;
        size_t min_operands, max_operands;       /* CLI_ANY: no limit */
        const char *complete;                    /* what the operands are, as cli_option.complete */
        int (*run)(const struct cli_call *call); /* Return: exit status */
};
#define CLI_ANY SIZE_MAX

/* A word that only leads to verbs: "image" */
struct cli_group {
        const char *name, *summary;
        bool hidden;
};

/* verbs.c: the registry, in the order of the help */
extern const struct cli_verb *const cli_verbs[];
extern const size_t cli_n_verbs;
extern const struct cli_group cli_groups[];
extern const size_t cli_n_groups;
/** cli_verb_find() - by the first one or two words.  @ret_used: how many of them are the verb's name.  NULL: no such
 * verb */
const struct cli_verb *cli_verb_find(const char *const *words, size_t *ret_used);
const struct cli_group *cli_group_find(const char *word);
/** cli_verb_suggest() - the verb closest to what was typed.  @group: "image", or NULL for the top.  NULL: none is close
 */
const char *cli_verb_suggest(const char *word, const char *group);

/* parse.c */
struct cli_parsed {
        const char **operands; /* [owned] vector of borrowed strings, ends with NULL */
        size_t n_operands;
        bool help; /* --help was met: nothing was checked beyond it */
};
/** cli_parse() - options and operands after the verb's name into @args (verb->args_size bytes, defaults applied)
 * Errors are SOUK_USAGE.  @ret and the vectors in @args are the caller's to free, also on failure. */
_must_check_ int cli_parse(const struct cli_verb *verb, const char *const *argv, void *args, struct cli_parsed *ret,
                           struct souk_err *err);
void *cli_args_new(const struct cli_verb *verb);
void cli_args_free(const struct cli_verb *verb, void *args);
const struct cli_option *cli_option_by_long(const struct cli_options *groups, const char *name, size_t len);
const struct cli_option *cli_option_by_short(const struct cli_options *groups, char c);
static inline bool cli_option_is_flag(const struct cli_option *o) {
        return o->kind == CLI_FLAG || o->kind == CLI_TRI;
}

/* dispatch.c */
extern const struct cli_verb cli_root; /* "souk" itself: the global options */
int cli_main(const char *const *argv);

/* help.c */
void cli_help_top(FILE *out);
void cli_help_group(FILE *out, const struct cli_group *group);
void cli_help_verb(FILE *out, const struct cli_verb *verb);
/** cli_option_left() - "-e, --env NAME=VALUE" [owned] */
char *cli_option_left(const struct cli_option *o);
/** cli_wrap() - @text in lines of at most @width columns; the first starts at column @at, the others at @indent */
void cli_wrap(FILE *out, const char *text, size_t at, size_t indent, size_t width);

/* report.c: only the command line prints */
/** cli_fail() - "souk: MESSAGE" on stderr.  Return: the exit status for the error's code */
int cli_fail(const struct souk_err *err);
void cli_warn(const char *fmt, ...) _printf_(1, 2);
/** cli_finish() - flush stdout: a full disk or a closed pipe must not look like success.  Return: exit status */
int cli_finish(int status);

#define CLI_EXIT_SOME_FAILED 1 /* one of several names failed */
#define CLI_EXIT_USAGE       125

DEFINE_CLEANUP(struct souk, souk_close)
#define _cleanup_souk_ _cleanup_(souk_closep)
static inline void souk_freep(void *p) {
        souk_free(*(void **) p);
}
static inline void souk_strv_freep(char ***v) {
        souk_strv_free(*v);
}
/* what the engine returned: text, a vector */
#define _cleanup_souk_free_ _cleanup_(souk_freep)
#define _cleanup_souk_strv_ _cleanup_(souk_strv_freep)

#define CONST_STRV(v)       ((const char *const *) (v))
#endif
