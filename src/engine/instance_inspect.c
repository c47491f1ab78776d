/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One JSON object about an instance, in the shape of Docker's container inspect, so that people's templates work. */
#include "engine/instance.h"

#include "base/proc.h"

static json_t *text_or_empty(const char *s) {
        return json_string(s ? s : "");
}

static json_t *vector(char *const *v) {
        json_t *a = json_from_strv(v);
        return a ? a : json_array();
}

/* "key=value" lines as an object. */
static json_t *object_of(char *const *pairs) {
        json_t *o = json_object();
        for (size_t i = 0; pairs && pairs[i]; i++) {
                const char *eq = strchr(pairs[i], '=');
                _cleanup_free_ char *key = eq ? xstrndup(pairs[i], (size_t) (eq - pairs[i])) : xstrdup(pairs[i]);
                json_object_set_new(o, key, json_string(eq ? eq + 1 : ""));
        }
        return o;
}

static json_t *timestamp(uint64_t wall_usec) {
        char text[40];
        if (!wall_usec)
                return json_string("0001-01-01T00:00:00Z"); /* as Docker has "never" */
        return json_string(time_format_rfc3339(wall_usec, text, sizeof(text)));
}

static json_t *limit(int64_t v) {
        return json_integer(v == SPEC_UNSET ? 0 : v);
}

static json_t *inspect_state(const struct store_instance *i) {
        bool running = i->state == SOUK_STATE_RUNNING;
        json_t *o = json_object();
        json_object_set_new(o, "Status", json_string(souk_state_name(i->state)));
        json_object_set_new(o, "Running", json_boolean(running));
        json_object_set_new(o, "Paused", json_false());
        json_object_set_new(o, "OOMKilled", json_boolean(i->oom_killed));
        json_object_set_new(o, "Pid", json_integer(running ? i->pid : 0));
        json_object_set_new(o, "ExitCode", json_integer(i->state == SOUK_STATE_EXITED ? i->exit_status : 0));
        json_object_set_new(o, "Error", text_or_empty(i->error));
        json_object_set_new(o, "StartedAt", timestamp(i->started_at));
        json_object_set_new(o, "FinishedAt", timestamp(i->finished_at));
        return o;
}

static json_t *inspect_config(const struct store_instance *i, const struct instance_spec *s) {
        json_t *o = json_object();
        json_object_set_new(o, "Hostname", text_or_empty(s->hostname));
        json_object_set_new(o, "Domainname", text_or_empty(s->domainname));
        json_object_set_new(o, "User", text_or_empty(s->user));
        json_object_set_new(o, "Tty", json_boolean(s->tty));
        json_object_set_new(o, "OpenStdin", json_boolean(s->open_stdin));
        json_object_set_new(o, "Env", vector(s->env));
        json_object_set_new(o, "Cmd", vector(s->cmd));
        json_object_set_new(o, "Entrypoint", s->entrypoint ? vector(s->entrypoint) : json_null());
        json_object_set_new(o, "Image", text_or_empty(i->image_ref));
        json_object_set_new(o, "WorkingDir", text_or_empty(s->cwd));
        json_object_set_new(o, "Labels", object_of(s->labels));
        json_object_set_new(o, "StopSignal", text_or_empty(s->stop_signal));
        json_object_set_new(o, "StopTimeout", json_integer((json_int_t) (s->stop_timeout_usec / 1000000)));
        return o;
}

static json_t *inspect_ulimits(const struct instance_spec *s) {
        json_t *a = json_array();
        for (size_t k = 0; k < s->n_rlimits; k++) {
                json_t *o = json_object();
                json_object_set_new(o, "Name", json_string(s->rlimits[k].name));
                json_object_set_new(o, "Soft", json_integer(s->rlimits[k].soft));
                json_object_set_new(o, "Hard", json_integer(s->rlimits[k].hard));
                json_array_append_new(a, o);
        }
        return a;
}

static json_t *inspect_devices(const struct instance_spec *s) {
        json_t *a = json_array();
        for (size_t k = 0; k < s->n_devices; k++) {
                const struct spec_device *d = &s->devices[k];
                _cleanup_free_ char *access = xasprintf("%s%s%s", d->read ? "r" : "", d->write ? "w" : "", d->mknod ? "m" : "");
                json_t *o = json_object();
                json_object_set_new(o, "PathOnHost", json_string(d->source));
                json_object_set_new(o, "PathInContainer", json_string(d->path));
                json_object_set_new(o, "CgroupPermissions", json_string(access));
                json_array_append_new(a, o);
        }
        return a;
}

static const char *seccomp_name(const struct instance_spec *s) {
        if (s->privileged && !s->seccomp)
                return "unconfined";
        return !s->seccomp ? "default" : streq(s->seccomp, "unconfined") ? "unconfined" : "custom";
}

static json_t *inspect_host_config(const struct store_instance *i, const struct instance_spec *s) {
        json_t *o = json_object();
        json_object_set_new(o, "Isolation", text_or_empty(s->isolation));
        json_object_set_new(o, "AutoRemove", json_boolean(i->autoremove));
        json_object_set_new(o, "NetworkMode", json_string(streq(s->network, "private") ? "none" : s->network));
        json_object_set_new(o, "UsernsMode", text_or_empty(s->userns));
        json_object_set_new(o, "PidMode", text_or_empty(s->pid));
        json_object_set_new(o, "IpcMode", text_or_empty(s->ipc));
        json_object_set_new(o, "UTSMode", text_or_empty(s->uts));
        json_object_set_new(o, "CgroupnsMode", text_or_empty(s->cgroupns));
        json_object_set_new(o, "Privileged", json_boolean(s->privileged));
        json_object_set_new(o, "ReadonlyRootfs", json_boolean(s->read_only));
        json_object_set_new(o, "Init", json_boolean(s->init));
        json_object_set_new(o, "CapAdd", vector(s->cap_add));
        json_object_set_new(o, "CapDrop", vector(s->cap_drop));
        json_object_set_new(o, "NoNewPrivileges", json_boolean(s->no_new_privileges));
        json_object_set_new(o, "Seccomp", json_string(seccomp_name(s)));
        json_object_set_new(o, "GroupAdd", vector(s->groups));
        json_object_set_new(o, "ShmSize", json_integer((json_int_t) s->shm_bytes));
        json_object_set_new(o, "Memory", limit(s->memory_bytes));
        json_object_set_new(o, "MemorySwap", limit(s->memory_swap_bytes));
        json_object_set_new(o, "NanoCpus", json_integer(s->cpu_quota_usec == SPEC_UNSET ? 0 : s->cpu_quota_usec * 10000));
        json_object_set_new(o, "CpuShares", limit(s->cpu_shares));
        json_object_set_new(o, "CpusetCpus", text_or_empty(s->cpuset_cpus));
        json_object_set_new(o, "PidsLimit", limit(s->pids_limit));
        json_object_set_new(o, "OomScoreAdj", json_integer(s->oom_score_adj));
        json_object_set_new(o, "Ulimits", inspect_ulimits(s));
        json_object_set_new(o, "Devices", inspect_devices(s));
        json_object_set_new(o, "ExtraHosts", vector(s->add_host));
        json_object_set_new(o, "Dns", vector(s->dns));
        json_object_set_new(o, "DnsSearch", vector(s->dns_search));
        json_object_set_new(o, "DnsOptions", vector(s->dns_option));
        json_object_set_new(o, "Sysctls", object_of(s->sysctls));
        return o;
}

static json_t *inspect_mounts(const struct instance_spec *s) {
        json_t *a = json_array();
        for (size_t k = 0; k < s->n_mounts; k++) {
                const struct spec_mount *m = &s->mounts[k];
                json_t *o = json_object();
                json_object_set_new(o, "Type", json_string(m->type == SPEC_MOUNT_BIND ? "bind" : "tmpfs"));
                json_object_set_new(o, "Source", text_or_empty(m->source));
                json_object_set_new(o, "Destination", text_or_empty(m->target));
                json_object_set_new(o, "Mode", text_or_empty(m->options));
                json_object_set_new(o, "RW", json_boolean(!m->read_only));
                json_object_set_new(o, "Propagation", text_or_empty(m->type == SPEC_MOUNT_BIND && !m->propagation ? "rprivate" : m->propagation));
                json_array_append_new(a, o);
        }
        return a;
}

static void inspect_files(struct souk *s, const struct store_instance *i, json_t *o) {
        static const struct {
                const char *key, *file;
        } paths[] = { { "HostnamePath", "hostname" }, { "HostsPath", "hosts" }, { "ResolvConfPath", "resolv.conf" }, { "LogPath", "log" } };
        for (size_t k = 0; k < ELEMENTSOF(paths); k++) {
                _cleanup_free_ char *path = xasprintf("%s/instances/%s/%s", s->store->root, i->id, paths[k].file);
                json_object_set_new(o, paths[k].key, json_string(path));
        }
}

static uint64_t size_rw(struct souk *s, const char *id) {
        _cleanup_free_ char *filter = xasprintf("id=%s", id);
        const char *filters[] = { filter, NULL };
        struct souk_instance *v = NULL;
        size_t n = 0;
        struct souk_err ignored = {};
        uint64_t size = 0;
        if (souk_list(s, &(struct souk_list_request){ .all = true, .size = true, .filters = filters }, &v, &n, &ignored) >= 0 && n == 1)
                size = v[0].size_rw;
        souk_instances_free(v, n);
        return size;
}

static json_t *inspect_build(struct souk *s, const struct store_instance *i, const struct instance_spec *spec, bool size) {
        json_t *o = json_object();
        _cleanup_strv_ char **args = instance_spec_args(spec);
        json_object_set_new(o, "Id", json_string(i->id));
        json_object_set_new(o, "Created", timestamp(i->created_at));
        json_object_set_new(o, "Path", text_or_empty(args ? args[0] : NULL));
        json_object_set_new(o, "Args", vector(args && args[0] ? args + 1 : NULL));
        json_object_set_new(o, "State", inspect_state(i));
        json_t *image = json_sprintf("sha256:%s", i->image_id);
        json_object_set_new(o, "Image", image);
        inspect_files(s, i, o);
        json_object_set_new(o, "Name", text_or_empty(i->name));
        json_object_set_new(o, "HostConfig", inspect_host_config(i, spec));
        json_object_set_new(o, "Mounts", inspect_mounts(spec));
        json_object_set_new(o, "Config", inspect_config(i, spec));
        if (i->state == SOUK_STATE_RUNNING && i->slot >= 0) {
                json_t *range = json_object();
                json_object_set_new(range, "HostId", json_integer((json_int_t) ID_RANGE_BASE + i->slot * (json_int_t) ID_RANGE_SIZE));
                json_object_set_new(range, "Size", json_integer(ID_RANGE_SIZE));
                json_object_set_new(o, "IdRange", range);
        }
        if (size)
                json_object_set_new(o, "SizeRw", json_integer((json_int_t) size_rw(s, i->id)));
        return o;
}

int souk_inspect(struct souk *s, const char *ref, bool size, char **ret_text, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        struct instance_spec spec = {};
        int r = instance_find(s, ref, &i, err);
        if (r >= 0)
                r = instance_spec_parse(i.spec, &spec, err);
        if (r < 0)
                return r;
        _cleanup_json_ json_t *o = inspect_build(s, &i, &spec, size);
        instance_spec_clear(&spec);
        *ret_text = json_text(o, true);
        return 0;
}
