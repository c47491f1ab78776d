/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record form of an instance's specification: one table for reading and writing, and loops for the arrays of objects. */
#include "wire/spec.h"

#include "base/buf.h"
#include "base/macro.h"

#define FIELD(k, member, t) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct instance_spec, member) }
static const struct json_field spec_fields[] = {
        FIELD("isolation", isolation, STRING),
        FIELD("entrypoint", entrypoint, STRV),
        FIELD("cmd", cmd, STRV),
        FIELD("env", env, STRV),
        FIELD("cwd", cwd, STRING),
        FIELD("user", user, STRING),
        FIELD("groups", groups, STRV),
        FIELD("tty", tty, BOOL),
        FIELD("openStdin", open_stdin, BOOL),
        FIELD("init", init, BOOL),
        FIELD("stopSignal", stop_signal, STRING),
        FIELD("stopTimeoutUsec", stop_timeout_usec, U64),
        FIELD("labels", labels, STRV),
        FIELD("readOnly", read_only, BOOL),
        FIELD("shmBytes", shm_bytes, U64),
        FIELD("memoryBytes", memory_bytes, I64),
        FIELD("memorySwapBytes", memory_swap_bytes, I64),
        FIELD("cpuQuotaUsec", cpu_quota_usec, I64),
        FIELD("cpuPeriodUsec", cpu_period_usec, I64),
        FIELD("cpuShares", cpu_shares, I64),
        FIELD("pidsLimit", pids_limit, I64),
        FIELD("cpusetCpus", cpuset_cpus, STRING),
        FIELD("oomScoreAdj", oom_score_adj, I64),
        FIELD("capAdd", cap_add, STRV),
        FIELD("capDrop", cap_drop, STRV),
        FIELD("seccomp", seccomp, STRING),
        FIELD("noNewPrivileges", no_new_privileges, BOOL),
        FIELD("privileged", privileged, BOOL),
        FIELD("userns", userns, STRING),
        FIELD("pid", pid, STRING),
        FIELD("ipc", ipc, STRING),
        FIELD("uts", uts, STRING),
        FIELD("cgroupns", cgroupns, STRING),
        FIELD("network", network, STRING),
        FIELD("hostname", hostname, STRING),
        FIELD("domainname", domainname, STRING),
        FIELD("addHost", add_host, STRV),
        FIELD("dns", dns, STRV),
        FIELD("dnsSearch", dns_search, STRV),
        FIELD("dnsOption", dns_option, STRV),
        FIELD("sysctls", sysctls, STRV),
        {},
};
#undef FIELD

#define FIELD(k, member, t) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct spec_mount, member) }
static const struct json_field mount_fields[] = {
        FIELD("source", source, STRING),
        FIELD("target", target, STRING),
        FIELD("options", options, STRING),
        FIELD("propagation", propagation, STRING),
        FIELD("readOnly", read_only, BOOL),
        FIELD("noSuid", no_suid, BOOL),
        FIELD("noDev", no_dev, BOOL),
        FIELD("noExec", no_exec, BOOL),
        FIELD("nonRecursive", non_recursive, BOOL),
        FIELD("noIdmap", no_idmap, BOOL),
        FIELD("createSource", create_source, BOOL),
        {},
};
#undef FIELD

#define FIELD(k, member, t) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct spec_device, member) }
static const struct json_field device_fields[] = {
        FIELD("source", source, STRING),
        FIELD("path", path, STRING),
        FIELD("read", read, BOOL),
        FIELD("write", write, BOOL),
        FIELD("mknod", mknod, BOOL),
        {},
};
#undef FIELD

#define FIELD(k, member, t) { .key = k, .kind = JSON_KIND_##t, .offset = offsetof(struct spec_rlimit, member) }
static const struct json_field rlimit_fields[] = {
        FIELD("name", name, STRING),
        FIELD("soft", soft, I64),
        FIELD("hard", hard, I64),
        {},
};
#undef FIELD

static const char *const mount_types[] = { [SPEC_MOUNT_BIND] = "bind", [SPEC_MOUNT_TMPFS] = "tmpfs" };
_Static_assert(ELEMENTSOF(mount_types) == SPEC_MOUNT_TYPE_MAX, "a name for each type of mount");

void instance_spec_clear(struct instance_spec *s) {
        free(s->isolation);
        strv_free(s->entrypoint);
        strv_free(s->cmd);
        strv_free(s->env);
        free(s->cwd);
        free(s->user);
        strv_free(s->groups);
        free(s->stop_signal);
        for (size_t i = 0; i < s->n_rlimits; i++)
                free(s->rlimits[i].name);
        free(s->rlimits);
        strv_free(s->labels);
        for (size_t i = 0; i < s->n_mounts; i++) {
                free(s->mounts[i].source);
                free(s->mounts[i].target);
                free(s->mounts[i].options);
                free(s->mounts[i].propagation);
        }
        free(s->mounts);
        for (size_t i = 0; i < s->n_devices; i++) {
                free(s->devices[i].source);
                free(s->devices[i].path);
        }
        free(s->devices);
        free(s->cpuset_cpus);
        strv_free(s->cap_add);
        strv_free(s->cap_drop);
        free(s->seccomp);
        free(s->userns);
        free(s->pid);
        free(s->ipc);
        free(s->uts);
        free(s->cgroupns);
        free(s->network);
        free(s->hostname);
        free(s->domainname);
        strv_free(s->add_host);
        strv_free(s->dns);
        strv_free(s->dns_search);
        strv_free(s->dns_option);
        strv_free(s->sysctls);
        *s = (struct instance_spec){};
}

static json_t *build_array(const struct json_field *fields, const void *items, size_t n, size_t size) {
        json_t *array = json_array();
        for (size_t i = 0; i < n; i++)
                json_array_append_new(array, json_build(fields, (const char *) items + i * size));
        return array;
}

char *instance_spec_format(const struct instance_spec *s) {
        _cleanup_json_ json_t *j = json_build(spec_fields, s);
        if (s->n_mounts) {
                json_t *mounts = build_array(mount_fields, s->mounts, s->n_mounts, sizeof(*s->mounts));
                for (size_t i = 0; i < s->n_mounts; i++)
                        json_object_set_new(json_array_get(mounts, i), "type",
                                            json_string(mount_types[s->mounts[i].type]));
                json_object_set_new(j, "mounts", mounts);
        }
        if (s->n_devices)
                json_object_set_new(j, "devices",
                                    build_array(device_fields, s->devices, s->n_devices, sizeof(*s->devices)));
        if (s->n_rlimits)
                json_object_set_new(j, "rlimits",
                                    build_array(rlimit_fields, s->rlimits, s->n_rlimits, sizeof(*s->rlimits)));
        return json_text(j, false);
}

static int parse_mount_type(json_t *item, size_t i, enum spec_mount_type *ret, struct souk_err *err) {
        const char *type = json_string_value(json_object_get(item, "type"));
        for (size_t t = 0; type && t < ELEMENTSOF(mount_types); t++)
                if (streq(mount_types[t], type)) {
                        *ret = (enum spec_mount_type) t;
                        return 0;
                }
        return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "$.mounts[%zu].type: '%s' is not a known type of mount", i,
                            type ? type : "");
}

/* Fills *ret_items (n zeroed structs of @size) from the array @key of @j; what was filled is owned also on failure. */
static int parse_array(json_t *j, const char *key, const struct json_field *fields, size_t size, void **ret_items,
                       size_t *ret_n, struct souk_err *err) {
        json_t *array = json_object_get(j, key), *item;
        if (!array)
                return 0;
        if (!json_is_array(array))
                return souk_err_set(err, SOUK_CORRUPT, -EBADMSG, "$.%s: expected an array", key);
        *ret_items = xcalloc(json_array_size(array) + 1, size);
        size_t i;
        json_array_foreach(array, i, item) {
                _cleanup_free_ char *path = xasprintf("$.%s[%zu]", key, i);
                *ret_n = i + 1;
                int r = json_dispatch(item, fields, path, (char *) *ret_items + i * size, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int instance_spec_parse(const char *text, struct instance_spec *ret, struct souk_err *err) {
        _cleanup_json_ json_t *j = NULL;
        struct instance_spec s = {};
        int r = json_parse_text(text, strlen(text), "instance specification", &j, err);
        if (r < 0)
                return r;
        r = json_dispatch(j, spec_fields, "$", &s, err);
        if (r >= 0)
                r = parse_array(j, "mounts", mount_fields, sizeof(*s.mounts), (void **) &s.mounts, &s.n_mounts, err);
        for (size_t i = 0; r >= 0 && i < s.n_mounts; i++)
                r = parse_mount_type(json_array_get(json_object_get(j, "mounts"), i), i, &s.mounts[i].type, err);
        if (r >= 0)
                r = parse_array(j, "devices", device_fields, sizeof(*s.devices), (void **) &s.devices, &s.n_devices, err);
        if (r >= 0)
                r = parse_array(j, "rlimits", rlimit_fields, sizeof(*s.rlimits), (void **) &s.rlimits, &s.n_rlimits, err);
        if (r < 0) {
                instance_spec_clear(&s);
                return souk_err_wrap(err, "instance specification");
        }
        *ret = s;
        return 0;
}

char **instance_spec_args(const struct instance_spec *s) {
        char **args = strv_dup(s->entrypoint);
        for (size_t i = 0; s->cmd && s->cmd[i]; i++)
                strv_push(&args, s->cmd[i]);
        return args;
}
