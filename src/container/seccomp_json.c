/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seccomp profiles in JSON: Docker's form and that of OCI runtime-spec 1.2, config-linux.md "Seccomp". */
#include "container/seccomp_profile.h"

#include "base/json.h"
#include "base/str.h"

#include <sys/utsname.h>

struct word {
        const char *name;
        uint32_t value;
};

static const struct word actions[] = {
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW }, { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) }, { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD }, { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS }, { "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG },
};
static const struct word operators[] = {
        { "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_LE", SCMP_CMP_LE }, { "SCMP_CMP_EQ", SCMP_CMP_EQ },
        { "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT }, { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};
static const struct word arches[] = {
        { "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 }, { "SCMP_ARCH_X86", SCMP_ARCH_X86 }, { "SCMP_ARCH_X32", SCMP_ARCH_X32 },
        { "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 }, { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
};

static int find(const struct word *words, size_t n, json_t *v, uint32_t *ret) {
        const char *name = json_string_value(v);
        for (size_t i = 0; name && i < n; i++)
                if (streq(words[i].name, name)) {
                        *ret = words[i].value;
                        return 0;
                }
        return -EINVAL;
}

static int bad(struct souk_err *err, const char *path, const char *why) {
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "seccomp profile: %s: %s", path, why);
}

static int parse_action(json_t *v, json_t *errno_ret, const char *path, uint32_t *ret, struct souk_err *err) {
        if (find(actions, ELEMENTSOF(actions), v, ret) < 0)
                return bad(err, path, "unknown action (SCMP_ACT_NOTIFY and SCMP_ACT_TRACE are not supported)");
        if (*ret == SCMP_ACT_ERRNO(0)) {
                json_int_t n = json_is_integer(errno_ret) ? json_integer_value(errno_ret) : EPERM;
                if (n < 0 || n > 4095)
                        return bad(err, path, "errnoRet is no error number");
                *ret = SCMP_ACT_ERRNO((uint32_t) n);
        }
        return 0;
}

static bool names_capability(json_t *list, uint64_t capabilities) {
        json_t *item;
        size_t i;
        uint64_t bits;
        json_array_foreach(list, i, item)
                if (json_is_string(item) && capability_parse(json_string_value(item), &bits) == 0 && bits & capabilities)
                        return true;
        return false;
}

static const char *own_arch(void) {
#if defined(__x86_64__)
        return "amd64";
#elif defined(__aarch64__)
        return "arm64";
#else
        return "";
#endif
}

static bool names_arch(json_t *list) {
        json_t *item;
        size_t i;
        json_array_foreach(list, i, item)
                if (json_is_string(item) && streq(json_string_value(item), own_arch()))
                        return true;
        return false;
}

static bool kernel_is_at_least(const char *wanted) {
        struct utsname u;
        unsigned major = 0, minor = 0, want_major = 0, want_minor = 0;
        if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) < 2 || sscanf(wanted, "%u.%u", &want_major, &want_minor) < 1)
                return false;
        return major != want_major ? major > want_major : minor >= want_minor;
}

/* Docker's conditions: "includes" must hold, "excludes" must not. */
static bool applies(json_t *rule, uint64_t capabilities) {
        json_t *in = json_object_get(rule, "includes"), *ex = json_object_get(rule, "excludes"), *v;
        if ((v = json_object_get(in, "caps")) && json_array_size(v) && !names_capability(v, capabilities))
                return false;
        if ((v = json_object_get(in, "arches")) && json_array_size(v) && !names_arch(v))
                return false;
        if ((v = json_object_get(in, "minKernel")) && json_is_string(v) && !kernel_is_at_least(json_string_value(v)))
                return false;
        return !names_capability(json_object_get(ex, "caps"), capabilities) && !names_arch(json_object_get(ex, "arches"));
}

static int parse_args(json_t *list, const char *path, struct scmp_arg_cmp out[6], unsigned *ret_n, struct souk_err *err) {
        json_t *item;
        size_t i;
        *ret_n = 0;
        if (list && !json_is_null(list) && (!json_is_array(list) || json_array_size(list) > 6))
                return bad(err, path, "args: expected an array of at most 6");
        json_array_foreach(list, i, item) {
                uint32_t op;
                json_int_t index = json_integer_value(json_object_get(item, "index"));
                if (find(operators, ELEMENTSOF(operators), json_object_get(item, "op"), &op) < 0 || index < 0 || index > 5)
                        return bad(err, path, "args: unknown op, or an index above 5");
                out[(*ret_n)++] = (struct scmp_arg_cmp){ (unsigned) index, (enum scmp_compare) op, (scmp_datum_t) json_integer_value(json_object_get(item, "value")),
                                                         (scmp_datum_t) json_integer_value(json_object_get(item, "valueTwo")) };
        }
        return 0;
}

static int add_rule(scmp_filter_ctx ctx, json_t *rule, const char *path, uint32_t default_action, uint64_t capabilities, struct souk_err *err) {
        json_t *names = json_object_get(rule, "names"), *item;
        struct scmp_arg_cmp args[6];
        unsigned n_args;
        uint32_t action;
        size_t i;
        _cleanup_json_ json_t *single = NULL;
        if (!names && json_is_string(json_object_get(rule, "name"))) /* Docker's oldest form */
                names = single = json_pack("[O]", json_object_get(rule, "name"));
        if (!json_is_object(rule) || !json_is_array(names))
                return bad(err, path, "expected an object with names");
        int r = parse_action(json_object_get(rule, "action"), json_object_get(rule, "errnoRet"), path, &action, err);
        if (r >= 0)
                r = parse_args(json_object_get(rule, "args"), path, args, &n_args, err);
        if (r < 0 || !applies(rule, capabilities) || action == default_action)
                return r;
        json_array_foreach(names, i, item) {
                const char *name = json_string_value(item);
                int nr = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
                if (!name)
                        return bad(err, path, "names: expected strings");
                if (nr == __NR_SCMP_ERROR) /* of another architecture or a newer kernel */
                        continue;
                r = seccomp_rule_add_array(ctx, action, nr, n_args, args);
                if (r < 0 && r != -EDOM && r != -EEXIST)
                        return souk_err_errno(err, r, "seccomp profile: %s: %s", path, name);
        }
        return 0;
}

static int add_architectures(scmp_filter_ctx ctx, json_t *j, struct souk_err *err) {
        json_t *map = json_object_get(j, "archMap"), *list = json_object_get(j, "architectures"), *item;
        size_t i;
        uint32_t arch;
        json_array_foreach(map, i, item) { /* Docker: the entry of this machine names its sub-architectures */
                if (find(arches, ELEMENTSOF(arches), json_object_get(item, "architecture"), &arch) == 0 && arch == seccomp_arch_native())
                        list = json_object_get(item, "subArchitectures");
        }
        json_array_foreach(list, i, item) {
                if (find(arches, ELEMENTSOF(arches), item, &arch) < 0)
                        continue; /* of machines that this one is not */
                int r = seccomp_arch_add(ctx, arch);
                if (r < 0 && r != -EEXIST)
                        return souk_err_errno(err, r, "seccomp profile: architecture '%s'", json_string_value(item));
        }
        return 0;
}

int seccomp_json_fill(const char *text, uint64_t capabilities, scmp_filter_ctx *ret, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        json_t *rules, *rule;
        uint32_t action;
        size_t i;
        int r = json_parse_text(text, strlen(text), "seccomp profile", &j, err);
        if (r < 0)
                return r;
        if (!json_is_object(j))
                return bad(err, "$", "expected an object");
        if (json_array_size(json_object_get(j, "flags")) || json_object_get(j, "listenerPath"))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "seccomp profile: flags and listenerPath are not supported yet");
        r = parse_action(json_object_get(j, "defaultAction"), json_object_get(j, "defaultErrnoRet"), "$.defaultAction", &action, err);
        if (r < 0)
                return r;
        scmp_filter_ctx ctx = seccomp_init(action);
        if (!ctx)
                return bad(err, "$.defaultAction", "libseccomp does not take it");
        r = add_architectures(ctx, j, err);
        rules = json_object_get(j, "syscalls");
        json_array_foreach(rules, i, rule) {
                char path[40];
                snprintf(path, sizeof(path), "$.syscalls[%zu]", i);
                if (r >= 0)
                        r = add_rule(ctx, rule, path, action, capabilities, err);
        }
        if (r < 0) {
                seccomp_release(ctx);
                return r;
        }
        *ret = ctx;
        return 0;
}
