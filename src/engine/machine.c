/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the machine_desc of one start or exec from the instance's specification.  Everything allocated goes on one list of
 * owned pointers, every fd on one list of owned fds: the description itself only borrows, and freeing is two loops.
 */
#include "engine/machine.h"

#include "engine/etc_files.h"
#include "engine/request.h"

#include "base/file.h"
#include "base/proc.h"
#include "container/container.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>

struct machine_build {
        struct machine_desc desc;
        void **owned;
        size_t n_owned;
        int *fds;
        size_t n_fds;
        /* arrays of desc while they grow */
        struct machine_mount *mounts;
        struct machine_device *devices;
        struct machine_device_rule *rules;
        struct machine_device *host_devices; /* --privileged */
        size_t n_host_devices;
        char **args;
        struct machine_idmap map;
};

struct machine_desc *machine_build_desc(struct machine_build *b) {
        return &b->desc;
}

static void *own(struct machine_build *b, void *p) {
        b->owned = xreallocarray(b->owned, b->n_owned + 1, sizeof(*b->owned));
        b->owned[b->n_owned++] = p;
        return p;
}

static int own_fd(struct machine_build *b, int fd) {
        b->fds = xreallocarray(b->fds, b->n_fds + 1, sizeof(*b->fds));
        b->fds[b->n_fds++] = fd;
        return fd;
}

void machine_build_free(struct machine_build *b) {
        for (size_t i = 0; i < b->n_owned; i++)
                free(b->owned[i]);
        for (size_t i = 0; i < b->n_fds; i++)
                fd_close(b->fds[i]);
        free(b->owned);
        free(b->fds);
        container_devices_free(b->host_devices, b->n_host_devices);
        free(b->mounts);
        free(b->devices);
        free(b->rules);
        strv_free(b->args);
        free(b);
}

/* ---- namespaces and ids ------------------------------------------------------------------------------------------ */

static int join_fd(struct machine_build *b, const struct machine_input *in, const char *value, const char *file, struct souk_err *err) {
        const char *id = str_startswith(value, "container:");
        _cleanup_(store_instance_clear) struct store_instance other = {};
        int r = instance_find(in->souk, id, &other, err);
        if (r < 0)
                return r;
        _cleanup_close_ int pidfd = instance_pidfd(&other, err);
        if (pidfd < 0)
                return souk_err_wrap(err, "sharing the %s namespace of '%s'", file, other.name);
        _cleanup_free_ char *path = xasprintf("/proc/%lld/ns/%s", (long long) other.pid, file);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return souk_err_errno(err, errno, "opening the %s namespace of '%s'", file, other.name);
        return own_fd(b, fd);
}

static int add_namespace(struct machine_build *b, const struct machine_input *in, enum machine_ns ns, const char *value,
                         const char *file, struct souk_err *err) {
        struct machine_namespace *n = &b->desc.ns[ns];
        n->mode = streq(value, "host") ? MACHINE_NS_HOST : streq(value, "private") ? MACHINE_NS_PRIVATE : MACHINE_NS_JOIN;
        if (n->mode != MACHINE_NS_JOIN || in->dry || in->exec)
                return 0;
        n->fd = join_fd(b, in, value, file, err);
        return n->fd < 0 ? n->fd : 0;
}

static int add_namespaces(struct machine_build *b, const struct machine_input *in, struct souk_err *err) {
        const struct instance_spec *s = in->spec;
        for (int i = 0; i < MACHINE_NS_MAX; i++)
                b->desc.ns[i] = (struct machine_namespace){ MACHINE_NS_HOST, -EBADF };
        b->desc.ns[MACHINE_NS_MOUNT].mode = MACHINE_NS_PRIVATE;
        int r = add_namespace(b, in, MACHINE_NS_USER, s->userns, "user", err);
        if (r >= 0)
                r = add_namespace(b, in, MACHINE_NS_PID, s->pid, "pid", err);
        if (r >= 0)
                r = add_namespace(b, in, MACHINE_NS_NET, s->network, "net", err);
        if (r >= 0)
                r = add_namespace(b, in, MACHINE_NS_IPC, s->ipc, "ipc", err);
        if (r >= 0)
                r = add_namespace(b, in, MACHINE_NS_UTS, s->uts, "uts", err);
        if (r >= 0)
                r = add_namespace(b, in, MACHINE_NS_CGROUP, s->cgroupns, "cgroup", err);
        if (r < 0 || b->desc.ns[MACHINE_NS_USER].mode != MACHINE_NS_PRIVATE)
                return r;
        b->map = (struct machine_idmap){ 0, ID_RANGE_BASE + (uint32_t) in->slot * ID_RANGE_SIZE, ID_RANGE_SIZE };
        b->desc.uid_map = b->desc.gid_map = &b->map;
        b->desc.n_uid_map = b->desc.n_gid_map = 1;
        return 0;
}

/* ---- root and mounts --------------------------------------------------------------------------------------------- */

static int add_root(struct machine_build *b, const struct machine_input *in, struct souk_err *err) {
        struct machine_root *root = &b->desc.root;
        *root = (struct machine_root){
                .upper_fd = -EBADF, .work_fd = -EBADF, .dir_fd = -EBADF,
                .read_only = in->spec->read_only,
                .discard_upper = in->discard,
                .idmap_layers = b->desc.ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE,
                .n_layers = in->image ? in->image->n_layers : 0,
        };
        if (in->dry || in->exec)
                return 0;
        int *fds = NULL;
        int r = store_layers_open(in->souk->store, in->image->layers, in->image->n_layers, &fds, err);
        if (r < 0)
                return r;
        root->layer_fds = own(b, fds);
        for (size_t i = 0; i < root->n_layers; i++)
                own_fd(b, fds[i]);
        root->upper_fd = openat(in->dir_fd, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (root->upper_fd >= 0) {
                own_fd(b, root->upper_fd);
                root->work_fd = openat(in->dir_fd, "work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (root->work_fd < 0)
                return souk_err_errno(err, errno, "the writable layer of instance %.12s", in->id);
        own_fd(b, root->work_fd);
        return 0;
}

static struct machine_mount *add_mount(struct machine_build *b, struct machine_mount m) {
        b->mounts = xreallocarray(b->mounts, b->desc.n_mounts + 1, sizeof(*b->mounts));
        b->mounts[b->desc.n_mounts] = m;
        return &b->mounts[b->desc.n_mounts++];
}

static unsigned long propagation_flag(const char *word) {
        if (!word || str_endswith(word, "private"))
                return MS_PRIVATE;
        return str_endswith(word, "slave") ? MS_SLAVE : MS_SHARED;
}

static int open_bind_source(const struct spec_mount *m, struct souk_err *err) {
        int fd = open(m->source, O_PATH | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && m->create_source) {
                int r = dir_make_all(m->source, 0755);
                if (r < 0)
                        return souk_err_errno(err, r, "making the missing source '%s' of the mount at '%s'", m->source, m->target);
                fd = open(m->source, O_PATH | O_CLOEXEC);
        }
        if (fd < 0)
                return souk_err_errno(err, errno, "the source '%s' of the mount at '%s'", m->source, m->target);
        return fd;
}

static int add_spec_mount(struct machine_build *b, const struct machine_input *in, const struct spec_mount *m, struct souk_err *err) {
        struct machine_mount out = {
                .kind = m->type == SPEC_MOUNT_BIND ? MACHINE_MOUNT_BIND : MACHINE_MOUNT_TMPFS,
                .source_fd = -EBADF,
                .source = m->source ? m->source : "tmpfs",
                .target = m->target,
                .attr = (m->read_only ? MOUNT_ATTR_RDONLY : 0) | (m->no_suid ? MOUNT_ATTR_NOSUID : 0) |
                        (m->no_dev ? MOUNT_ATTR_NODEV : 0) | (m->no_exec ? MOUNT_ATTR_NOEXEC : 0),
                .recursive = m->type == SPEC_MOUNT_BIND && !m->non_recursive,
                .propagation = propagation_flag(m->propagation),
                .source_is_dir = true,
                .idmap = m->type == SPEC_MOUNT_BIND && !m->no_idmap && b->desc.ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE,
                .options = m->options,
                .copy_up = m->type == SPEC_MOUNT_TMPFS,
        };
        if (m->type == SPEC_MOUNT_BIND && !in->dry) {
                struct stat st;
                out.source_fd = open_bind_source(m, err);
                if (out.source_fd < 0)
                        return out.source_fd;
                own_fd(b, out.source_fd);
                if (fstat(out.source_fd, &st) < 0)
                        return souk_err_errno(err, errno, "the source '%s' of the mount at '%s'", m->source, m->target);
                out.source_is_dir = S_ISDIR(st.st_mode);
        }
        add_mount(b, out);
        return 0;
}

static size_t path_depth(const char *path) {
        size_t n = 0;
        for (; *path; path++)
                n += *path == '/';
        return n;
}

static int by_depth(const void *a, const void *b) {
        size_t x = path_depth((*(const struct spec_mount *const *) a)->target);
        size_t y = path_depth((*(const struct spec_mount *const *) b)->target);
        return x < y ? -1 : x > y;
}

static bool user_mounts_at(const struct instance_spec *s, const char *target) {
        for (size_t i = 0; i < s->n_mounts; i++)
                if (streq(s->mounts[i].target, target))
                        return true;
        return false;
}

/* /etc/hosts, hostname and resolv.conf are files of the instance, bound over the image's. */
static int add_etc_files(struct machine_build *b, const struct machine_input *in, struct souk_err *err) {
        static const char *const names[] = { "hosts", "hostname", "resolv.conf" };
        _cleanup_close_ int other = -EBADF;
        int dir = in->dir_fd;
        const char *id = str_startswith(in->spec->network, "container:");
        if (id && !in->dry) { /* who shares a network shares its names */
                dir = other = store_instance_dir_open(in->souk->store, id, err);
                if (dir < 0)
                        return dir;
        }
        if (!id && !in->dry) {
                int r = etc_files_write(dir, in->spec, err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct machine_mount m = {
                        .kind = MACHINE_MOUNT_BIND,
                        .source_fd = -EBADF,
                        .source = names[i],
                        .target = own(b, xasprintf("/etc/%s", names[i])),
                        .idmap = b->desc.ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE,
                };
                if (user_mounts_at(in->spec, m.target))
                        continue;
                if (!in->dry) {
                        m.source_fd = openat(dir, names[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
                        if (m.source_fd < 0)
                                return souk_err_errno(err, errno, "the file '%s' of instance %.12s", names[i], in->id);
                        own_fd(b, m.source_fd);
                }
                add_mount(b, m);
        }
        return 0;
}

static int add_mounts(struct machine_build *b, const struct machine_input *in, struct souk_err *err) {
        const struct instance_spec *s = in->spec;
        struct container_mounts_request q = {
                .user_namespace = b->desc.ns[MACHINE_NS_USER].mode == MACHINE_NS_PRIVATE,
                .host_network = b->desc.ns[MACHINE_NS_NET].mode != MACHINE_NS_PRIVATE,
                .host_pid = b->desc.ns[MACHINE_NS_PID].mode == MACHINE_NS_HOST,
                .host_ipc = b->desc.ns[MACHINE_NS_IPC].mode == MACHINE_NS_HOST,
                .privileged = s->privileged,
                .shm_bytes = s->shm_bytes,
        };
        struct machine_mount defaults[CONTAINER_MOUNTS_MAX];
        size_t n = container_default_mounts(&q, defaults);
        for (size_t i = 0; i < n; i++) {
                if (user_mounts_at(s, defaults[i].target) && !streq(defaults[i].target, "/dev") && !streq(defaults[i].target, "/proc"))
                        continue;
                struct machine_mount m = defaults[i];
                if (m.options)
                        m.options = own(b, xstrdup(m.options));
                add_mount(b, m);
        }
        int r = add_etc_files(b, in, err);
        if (r < 0)
                return r;
        const struct spec_mount **sorted = own(b, xcalloc(s->n_mounts + 1, sizeof(*sorted)));
        for (size_t i = 0; i < s->n_mounts; i++)
                sorted[i] = &s->mounts[i];
        qsort(sorted, s->n_mounts, sizeof(*sorted), by_depth); /* "/a" before "/a/b" */
        for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
                r = add_spec_mount(b, in, sorted[i], err);
        return r;
}

/* ---- devices, limits --------------------------------------------------------------------------------------------- */

static void add_rule(struct machine_build *b, struct machine_device_rule rule) {
        b->rules = xreallocarray(b->rules, b->desc.limits.n_device_rules + 1, sizeof(*b->rules));
        b->rules[b->desc.limits.n_device_rules++] = rule;
}

static int add_device(struct machine_build *b, const struct spec_device *d, struct souk_err *err) {
        struct stat st;
        if (stat(d->source, &st) < 0)
                return souk_err_errno(err, errno, "--device %s", d->source);
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return souk_err_set(err, SOUK_INVALID, -ENOTBLK, "--device %s: not a device node", d->source);
        b->devices = xreallocarray(b->devices, b->desc.n_devices + 1, sizeof(*b->devices));
        char type = S_ISCHR(st.st_mode) ? 'c' : 'b';
        b->devices[b->desc.n_devices++] = (struct machine_device){
                .path = d->path, .source = d->source, .type = type,
                .major = major(st.st_rdev), .minor = minor(st.st_rdev),
                .mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid,
        };
        add_rule(b, (struct machine_device_rule){
                .allow = true, .type = type, .major = major(st.st_rdev), .minor = minor(st.st_rdev),
                .read = d->read, .write = d->write, .mknod = d->mknod,
        });
        return 0;
}

static void add_device_nodes(struct machine_build *b, const struct machine_device *nodes, size_t n) {
        b->devices = xreallocarray(b->devices, b->desc.n_devices + n, sizeof(*b->devices));
        if (n)
                memcpy(b->devices + b->desc.n_devices, nodes, n * sizeof(*nodes));
        b->desc.n_devices += n;
}

static int add_devices(struct machine_build *b, const struct machine_input *in, struct souk_err *err) {
        const struct machine_device *nodes;
        const struct machine_device_rule *rules;
        size_t n = container_default_devices(&nodes);
        if (in->spec->privileged && !in->dry) {
                ssize_t k = container_host_devices(&b->host_devices);
                if (k < 0)
                        return souk_err_errno(err, (int) k, "listing the host's devices");
                b->n_host_devices = (size_t) k;
                add_device_nodes(b, b->host_devices, b->n_host_devices);
        } else
                add_device_nodes(b, nodes, n);
        n = container_default_device_rules(&rules);
        for (size_t i = 0; i < n; i++)
                add_rule(b, rules[i]);
        for (size_t i = 0; i < in->spec->n_devices; i++) {
                int r = add_device(b, &in->spec->devices[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Without a word about swap, Docker allows as much of it as memory; where the kernel does not account swap, nothing. */
static int64_t swap_limit(const struct instance_spec *s) {
        if (s->memory_swap_bytes != SPEC_UNSET || s->memory_bytes == SPEC_UNSET || !container_accounts_swap())
                return s->memory_swap_bytes;
        return s->memory_bytes > INT64_MAX / 2 ? INT64_MAX : s->memory_bytes * 2;
}

static void add_limits(struct machine_build *b, const struct machine_input *in) {
        const struct instance_spec *s = in->spec;
        struct machine_limits *l = &b->desc.limits;
        _Static_assert(SPEC_UNSET == MACHINE_UNSET, "the same word for nothing");
        l->memory_bytes = s->memory_bytes;
        l->memory_swap_bytes = swap_limit(s);
        l->cpu_quota_usec = s->cpu_quota_usec;
        l->cpu_period_usec = s->cpu_period_usec;
        l->cpu_shares = s->cpu_shares;
        l->cpuset_cpus = s->cpuset_cpus;
        l->pids_max = s->pids_limit;
        l->filter_devices = !s->privileged;
}

static int add_rlimits(struct machine_build *b, const struct instance_spec *s) {
        struct machine_rlimit *out = own(b, xcalloc(s->n_rlimits + 1, sizeof(*out)));
        for (size_t i = 0; i < s->n_rlimits; i++) {
                const struct spec_rlimit *l = &s->rlimits[i];
                out[i].resource = request_rlimit_resource(l->name);
                out[i].soft = l->soft < 0 ? RLIM_INFINITY : (rlim_t) l->soft;
                out[i].hard = l->hard < 0 ? RLIM_INFINITY : (rlim_t) l->hard;
        }
        b->desc.process.rlimits = out;
        b->desc.process.n_rlimits = s->n_rlimits;
        return 0;
}

/* ---- security ---------------------------------------------------------------------------------------------------- */

static int change_capabilities(const char *option, char *const *names, bool add, uint64_t *mask, struct souk_err *err) {
        for (size_t i = 0; names && names[i]; i++) {
                uint64_t bits;
                if (capability_parse(names[i], &bits) < 0)
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s %s: no such capability", option, names[i]);
                *mask = add ? *mask | bits : *mask & ~bits;
        }
        return 0;
}

static bool names_all(char *const *names) {
        for (size_t i = 0; names && names[i]; i++)
                if (strcasecmp(names[i], "ALL") == 0 || strcasecmp(names[i], "CAP_ALL") == 0)
                        return true;
        return false;
}

/* "--cap-drop ALL --cap-add X" keeps X; "--cap-add ALL --cap-drop X" loses X: an ALL comes first, then the named ones. */
int machine_capabilities(const struct instance_spec *s, uint64_t *ret, struct souk_err *err) {
        uint64_t mask = s->privileged || names_all(s->cap_add) ? capability_all() : CAPABILITIES_DEFAULT;
        if (names_all(s->cap_drop)) {
                mask = 0;
                int r = change_capabilities("--cap-add", s->cap_add, true, &mask, err);
                *ret = mask;
                return r;
        }
        int r = change_capabilities("--cap-add", s->cap_add, true, &mask, err);
        if (r >= 0)
                r = change_capabilities("--cap-drop", s->cap_drop, false, &mask, err);
        *ret = mask;
        return r;
}

static int add_seccomp(struct machine_build *b, const struct machine_input *in, uint64_t caps, struct souk_err *err) {
        const struct instance_spec *s = in->spec;
        if ((s->seccomp && streq(s->seccomp, "unconfined")) || (s->privileged && !s->seccomp) || in->dry)
                return 0;
        _cleanup_close_ int cache = dir_make_open(in->souk->store->root_fd, "cache", 0700);
        struct seccomp_request q = { .profile = s->seccomp, .capabilities = caps };
        void *insns = NULL;
        uint16_t n;
        int r = seccomp_get(cache, &q, &insns, &n, err);
        if (r < 0)
                return r;
        b->desc.seccomp.insns = own(b, insns);
        b->desc.seccomp.n_insns = n;
        return 0;
}

static int add_process(struct machine_build *b, const struct machine_input *in, struct souk_err *err) {
        const struct instance_spec *s = in->spec;
        struct machine_process *p = &b->desc.process;
        uint64_t caps;
        int r = machine_capabilities(s, &caps, err);
        if (r < 0)
                return r;
        b->args = instance_spec_args(s);
        *p = (struct machine_process){
                .argv = b->args,
                .envp = s->env,
                .cwd = s->cwd,
                .make_cwd = true,
                .user = s->user,
                .extra_groups = s->groups,
                .umask = 0022,
                .terminal = s->tty,
                .no_new_privileges = s->no_new_privileges,
                .cap_bounding = caps, .cap_effective = caps, .cap_permitted = caps,
                .oom_score_adj = s->oom_score_adj ? s->oom_score_adj : MACHINE_UNSET,
                .stdio = { -EBADF, -EBADF, -EBADF },
        };
        add_rlimits(b, s);
        return add_seccomp(b, in, caps, err);
}

static void add_sysctls(struct machine_build *b, const struct instance_spec *s) {
        size_t n = strv_len(s->sysctls);
        struct machine_pair *out = own(b, xcalloc(n + 1, sizeof(*out)));
        for (size_t i = 0; i < n; i++) {
                char *key = own(b, xstrdup(s->sysctls[i])), *eq = strchr(key, '=');
                *eq = '\0';
                out[i] = (struct machine_pair){ key, eq + 1 };
        }
        b->desc.sysctls = out;
        b->desc.n_sysctls = n;
}

int machine_build_new(const struct machine_input *in, struct machine_build **ret, struct souk_err *err) {
        const struct instance_spec *s = in->spec;
        struct machine_build *b = xcalloc(1, sizeof(*b));
        b->desc.id = in->id;
        b->desc.hostname = streq(s->uts, "private") ? s->hostname : NULL;
        b->desc.domainname = s->domainname;
        b->desc.init = s->init;
        b->desc.new_keyring = true;
        b->desc.die_with_parent = true;
        int r = add_namespaces(b, in, err);
        if (r >= 0)
                r = add_root(b, in, err);
        if (r >= 0)
                r = add_process(b, in, err);
        if (r >= 0 && !in->exec)
                r = add_mounts(b, in, err);
        if (r >= 0 && !in->exec)
                r = add_devices(b, in, err);
        if (r < 0) {
                machine_build_free(b);
                return r;
        }
        add_limits(b, in);
        add_sysctls(b, s);
        if (!s->privileged) {
                b->desc.masked_paths = container_masked_paths();
                b->desc.readonly_paths = container_readonly_paths();
        }
        b->desc.mounts = b->mounts;
        b->desc.devices = b->devices;
        b->desc.limits.device_rules = b->rules;
        *ret = b;
        return 0;
}
