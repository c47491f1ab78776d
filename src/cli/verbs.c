/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of verbs and the search for one by name. */
#include "verbs.h"

const struct cli_verb *const cli_verbs[] = {
        &cmd_run,
        &cmd_create,
        &cmd_start,
        &cmd_stop,
        &cmd_kill,
        &cmd_rm,
        &cmd_ps,
        &cmd_exec,
        &cmd_attach,
        &cmd_logs,
        &cmd_wait,
        &cmd_inspect,
        &cmd_export,

        &cmd_images,
        &cmd_load,
        &cmd_save,
        &cmd_import,
        &cmd_tag,
        &cmd_rmi,
        &cmd_image_bootstrap,
        &cmd_image_box,
        &cmd_image_history,
        &cmd_image_inspect,
        &cmd_image_prune,

        &cmd_system_check,
        &cmd_system_info,
        &cmd_system_reset,
        &cmd_version,
        &cmd_completion,
        &cmd_help,

        &cmd_system_reap,
        &cmd_internal_complete,
        &cmd_internal_docs,
};
const size_t cli_n_verbs = ELEMENTSOF(cli_verbs);

const struct cli_group cli_groups[] = {
        { "image", "Manage images", false },
        { "system", "Look after the store", false },
        { "internal", "What Souk calls itself", true },
};
const size_t cli_n_groups = ELEMENTSOF(cli_groups);

const struct cli_group *cli_group_find(const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(cli_groups); i++)
                if (streq(cli_groups[i].name, word))
                        return &cli_groups[i];
        return NULL;
}

/* Does the path @name ("image ls") consist of @first and @second?  @second NULL: of @first alone. */
static bool name_matches(const char *name, const char *first, const char *second) {
        const char *rest = str_startswith(name, first);
        if (!rest)
                return false;
        return second ? *rest == ' ' && streq(rest + 1, second) : *rest == '\0';
}

static bool verb_matches(const struct cli_verb *v, const char *first, const char *second) {
        if (name_matches(v->name, first, second))
                return true;
        for (const char *const *a = v->aliases; a && *a; a++)
                if (name_matches(*a, first, second))
                        return true;
        return false;
}

const struct cli_verb *cli_verb_find(const char *const *words, size_t *ret_used) {
        const char *second = NULL;
        if (!words[0])
                return NULL;
        if (cli_group_find(words[0])) {
                second = words[1];
                if (!second)
                        return NULL;
        }
        for (size_t i = 0; i < cli_n_verbs; i++)
                if (verb_matches(cli_verbs[i], words[0], second)) {
                        *ret_used = second ? 2 : 1;
                        return cli_verbs[i];
                }
        return NULL;
}

/* The part of @name that can be typed in @group, or NULL. */
static const char *name_in_group(const char *name, const char *group) {
        if (!group)
                return strchr(name, ' ') ? NULL : name;
        const char *rest = str_startswith(name, group);
        return rest && *rest == ' ' ? rest + 1 : NULL;
}

const char *cli_verb_suggest(const char *word, const char *group) {
        const char *names[128];
        size_t n = 0;
        for (size_t i = 0; i < cli_n_verbs; i++) {
                const struct cli_verb *v = cli_verbs[i];
                if (v->topic == CLI_TOPIC_HIDDEN)
                        continue;
                const char *name = name_in_group(v->name, group);
                if (name && n < ELEMENTSOF(names))
                        names[n++] = name;
                for (const char *const *a = v->aliases; a && *a; a++)
                        if ((name = name_in_group(*a, group)) && n < ELEMENTSOF(names))
                                names[n++] = name;
        }
        for (size_t i = 0; !group && i < cli_n_groups; i++)
                if (!cli_groups[i].hidden && n < ELEMENTSOF(names))
                        names[n++] = cli_groups[i].name;
        return str_nearest(word, names, n);
}
