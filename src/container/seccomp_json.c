/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles as JSON.  Docker's form (names, includes, excludes, archMap) is a superset of OCI's (names,
 * architectures); both are read here.  Unknown keys of an object are ignored, unknown values never: a rule that is
 * not understood must not be dropped in silence.  Spec: OCI runtime-spec 1.2, config-linux.md "Seccomp".
 */
#include "container/seccomp_profile.h"

#include "base/json.h"
#include "base/str.h"
#include "container/container.h"

#include <inttypes.h>
#include <stdio.h>

#define RULES_MAX 4096

struct parser {
        struct seccomp_profile *profile;
        uint64_t capabilities;
        struct souk_err *err;
};

static int bad(struct parser *p, const char *path, const char *what) {
        return souk_err_set(p->err, SOUK_INVALID, -EINVAL, "seccomp profile: %s: %s", path, what);
}

static const struct {
        const char *name;
        uint32_t action;
} actions[] = {
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
        { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
        { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
        { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
        { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG },
};

/* @errno_json: of "errnoRet"; only some actions carry a value, EPERM by default */
static int parse_action(struct parser *p, const char *path, json_t *name, json_t *errno_json, uint32_t fallback,
                        uint32_t *ret) {
        const char *text = json_string_value(name);
        if (!text)
                return bad(p, path, "the action is missing or no string");
        if (streq(text, "SCMP_ACT_NOTIFY"))
                return souk_err_set(p->err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "seccomp profile: %s: SCMP_ACT_NOTIFY is not supported", path);
        uint32_t value = fallback;
        if (errno_json && !json_is_null(errno_json)) {
                json_int_t v = json_integer_value(errno_json);
                if (!json_is_integer(errno_json) || v < 0 || v > 4095)
                        return bad(p, path, "errnoRet must be a number from 0 to 4095");
                value = (uint32_t) v;
        }
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (streq(actions[i].name, text)) {
                        bool carries = actions[i].action == SCMP_ACT_ERRNO(0) || actions[i].action == SCMP_ACT_TRACE(0);
                        *ret = actions[i].action | (carries ? value : 0);
                        return 0;
                }
        return bad(p, path, "no such action");
}

/* ---- architectures ----------------------------------------------------------------------------------------------- */

static int add_arch(struct parser *p, const char *path, const char *name) {
        const char *bare = name ? str_startswith(name, "SCMP_ARCH_") : NULL;
        if (!bare)
                return bad(p, path, "an architecture is written SCMP_ARCH_x");
        char lower[32] = "";
        for (size_t i = 0; bare[i] && i < sizeof(lower) - 1; i++)
                lower[i] = bare[i] >= 'A' && bare[i] <= 'Z' ? (char) (bare[i] | 0x20) : bare[i];
        uint32_t arch = seccomp_arch_resolve_name(lower);
        if (!arch)
                return 0; /* one that this libseccomp does not know is none of this machine's either */
        struct seccomp_profile *f = p->profile;
        if (f->n_arches == SECCOMP_ARCHES_MAX)
                return bad(p, path, "too many architectures");
        f->arches[f->n_arches++] = arch;
        return 0;
}

static bool is_native(const char *name) {
        static const struct { const char *docker, *scmp;
        } table[] = {
                { "amd64", "SCMP_ARCH_X86_64" }, { "x86", "SCMP_ARCH_X86" },         { "arm64", "SCMP_ARCH_AARCH64" },
                { "arm", "SCMP_ARCH_ARM" },      { "ppc64le", "SCMP_ARCH_PPC64LE" }, { "riscv64", "SCMP_ARCH_RISCV64" },
                { "s390x", "SCMP_ARCH_S390X" },
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (name && streq(table[i].docker, seccomp_arch_name()))
                        return streq(table[i].scmp, name);
        return false;
}

static int parse_arches(struct parser *p, json_t *root) {
        json_t *list = json_object_get(root, "architectures"), *map = json_object_get(root, "archMap"), *v;
        size_t i, k;
        int r = 0;
        if ((list && !json_is_null(list) && !json_is_array(list)) || (map && !json_is_null(map) && !json_is_array(map)))
                return bad(p, list ? "$.architectures" : "$.archMap", "must be an array");
        json_array_foreach(list, i, v)
                if ((r = add_arch(p, "$.architectures", json_string_value(v))) < 0)
                        return r;
        json_array_foreach(map, i, v) {
                if (!is_native(json_string_value(json_object_get(v, "architecture"))))
                        continue;
                json_t *sub = json_object_get(v, "subArchitectures"), *a;
                json_array_foreach(sub, k, a)
                        if ((r = add_arch(p, "$.archMap", json_string_value(a))) < 0)
                                return r;
        }
        return 0;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static int parse_args(struct parser *p, const char *path, json_t *list, struct scmp_arg_cmp *out, size_t *ret_n) {
        static const char *const ops[] = {
                [SCMP_CMP_NE] = "SCMP_CMP_NE",
                [SCMP_CMP_LT] = "SCMP_CMP_LT",
                [SCMP_CMP_LE] = "SCMP_CMP_LE",
                [SCMP_CMP_EQ] = "SCMP_CMP_EQ",
                [SCMP_CMP_GE] = "SCMP_CMP_GE",
                [SCMP_CMP_GT] = "SCMP_CMP_GT",
                [SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
        };
        size_t i;
        json_t *v;
        *ret_n = 0;
        if (list && !json_is_null(list) && !json_is_array(list))
                return bad(p, path, "args must be an array");
        if (json_array_size(list) > SECCOMP_ARGS_MAX)
                return bad(p, path, "more than 6 args");
        json_array_foreach(list, i, v) {
                json_int_t index = json_integer_value(json_object_get(v, "index"));
                json_t *value = json_object_get(v, "value"), *two = json_object_get(v, "valueTwo");
                const char *op = json_string_value(json_object_get(v, "op"));
                size_t k = 1;
                while (op && k < ELEMENTSOF(ops) && !streq(ops[k], op))
                        k++;
                if (!op || k == ELEMENTSOF(ops))
                        return bad(p, path, "args: no such op");
                if (index < 0 || index > 5 || (value && !json_is_integer(value)) || (two && !json_is_integer(two)))
                        return bad(p, path, "args: index is 0 to 5, value and valueTwo are numbers");
                uint64_t a = (uint64_t) json_integer_value(value), b = (uint64_t) json_integer_value(two);
                out[(*ret_n)++] = (struct scmp_arg_cmp){ (unsigned) index, (enum scmp_compare) k, a, b };
        }
        return 0;
}

static bool list_has_arch(json_t *list) {
        size_t i;
        json_t *v;
        json_array_foreach(list, i, v)
                if (json_is_string(v) && streq(json_string_value(v), seccomp_arch_name()))
                        return true;
        return false;
}

/* includes: all must hold; excludes: none may.  @ret: does the rule stand? */
static int parse_condition(struct parser *p, const char *path, json_t *o, bool include, bool *ret) {
        size_t i, n_have = 0;
        json_t *v, *caps = json_object_get(o, "caps"), *arches = json_object_get(o, "arches"),
                   *kernel = json_object_get(o, "minKernel");
        *ret = true;
        if (!o || json_is_null(o) || json_object_size(o) == 0)
                return 0;
        json_array_foreach(caps, i, v) {
                uint64_t bits = 0;
                if (!json_is_string(v) || capability_parse(json_string_value(v), &bits) < 0)
                        return bad(p, path, "no such capability");
                n_have += (p->capabilities & bits) != 0;
        }
        unsigned major = 0, minor = 0;
        if (kernel && !json_is_null(kernel) &&
            (!json_is_string(kernel) || sscanf(json_string_value(kernel), "%u.%u", &major, &minor) != 2))
                return bad(p, path, "minKernel is written \"4.8\"");
        if (include)
                *ret = n_have == json_array_size(caps) && (json_array_size(arches) == 0 || list_has_arch(arches)) &&
                       (major == 0 || seccomp_kernel_at_least(major, minor));
        else
                *ret = n_have == 0 && !list_has_arch(arches) && !(major > 0 && seccomp_kernel_at_least(major, minor));
        return 0;
}

static int parse_names(struct parser *p, const char *path, json_t *rule, char ***ret) {
        json_t *names = json_object_get(rule, "names"), *name = json_object_get(rule, "name"), *v;
        size_t i;
        *ret = NULL;
        if (json_is_string(name))
                strv_push(ret, json_string_value(name));
        json_array_foreach(names, i, v)
                if (json_is_string(v))
                        strv_push(ret, json_string_value(v));
        if (!*ret || strv_len(*ret) != json_array_size(names) + json_is_string(name)) {
                strv_free(*ret);
                *ret = NULL;
                return bad(p, path, "names must be a list of strings");
        }
        return 0;
}

static int parse_rule(struct parser *p, const char *path, json_t *rule, uint32_t default_errno) {
        _cleanup_strv_ char **names = NULL;
        struct scmp_arg_cmp args[SECCOMP_ARGS_MAX];
        size_t n;
        bool stands = true;
        uint32_t action;
        int r = json_is_object(rule) ? 0 : bad(p, path, "must be an object");
        if (r >= 0)
                r = parse_names(p, path, rule, &names);
        if (r >= 0)
                r = parse_action(p, path, json_object_get(rule, "action"), json_object_get(rule, "errnoRet"),
                                 default_errno, &action);
        if (r >= 0)
                r = parse_args(p, path, json_object_get(rule, "args"), args, &n);
        if (r >= 0)
                r = parse_condition(p, path, json_object_get(rule, "includes"), true, &stands);
        if (r < 0 || !stands)
                return r;
        r = parse_condition(p, path, json_object_get(rule, "excludes"), false, &stands);
        if (r < 0 || !stands)
                return r;
        unsigned seen = 0, twice = 0;
        for (size_t i = 0; i < n; i++) {
                twice |= seen & 1u << args[i].arg;
                seen |= 1u << args[i].arg;
        }
        /* Two conditions on one argument are alternatives, as runc and crun have it; else all must hold. */
        for (size_t i = 0; i < (twice ? n : 1); i++) {
                struct seccomp_rule *out = seccomp_profile_add(p->profile, strv_dup(names), action);
                memcpy(out->args, twice ? &args[i] : args, (twice ? 1 : n) * sizeof(*args));
                out->n_args = (unsigned) (twice ? 1 : n);
        }
        return 0;
}

int seccomp_profile_parse(struct seccomp_profile *out, const char *text, uint64_t capabilities, struct souk_err *err) {
        struct parser p = { .profile = out, .capabilities = capabilities, .err = err };
        _cleanup_json_ json_t *root = NULL;
        int r = json_parse_text(text, strlen(text), "seccomp profile", &root, err);
        if (r < 0)
                return r;
        if (!json_is_object(root))
                return bad(&p, "$", "must be an object");
        uint32_t value = EPERM;
        r = parse_action(&p, "$.defaultAction", json_object_get(root, "defaultAction"),
                         json_object_get(root, "defaultErrnoRet"), value, &out->default_action);
        if (r >= 0)
                r = parse_arches(&p, root);
        json_t *rules = json_object_get(root, "syscalls"), *rule;
        if (r >= 0 && rules && !json_is_null(rules) && !json_is_array(rules))
                r = bad(&p, "$.syscalls", "must be an array");
        if (r >= 0 && json_array_size(rules) > RULES_MAX)
                r = bad(&p, "$.syscalls", "more than 4096 rules");
        size_t i;
        json_array_foreach(rules, i, rule) {
                char path[48];
                snprintf(path, sizeof(path), "$.syscalls[%zu]", i);
                if (r < 0 || (r = parse_rule(&p, path, rule, value)) < 0)
                        break;
        }
        if (r < 0)
                seccomp_profile_clear(out);
        return r;
}
