/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that put files into an instance: -v, --mount, --tmpfs, --device, --shm-size. */
#include "engine/request.h"

#include "base/buf.h"
#include "base/macro.h"

#include <limits.h>

#define SHM_BYTES_DEFAULT (64u << 20)

static int bad(struct souk_err *err, const char *option, const char *value, const char *why) {
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s %s: %s", option, value, why);
}

static void mount_clear(struct spec_mount *m) {
        free(m->source);
        free(m->target);
        free(m->options);
        free(m->propagation);
}

/* What the workload's kernel says of itself in /proc is not to be forged, nor are paths that are masked there to be uncovered:
 * only whole procfs again, or the few files that tools such as lxcfs replace. */
static bool proc_target_ok(const struct spec_mount *m) {
        static const char *const files[] = { "cpuinfo", "diskstats", "loadavg", "meminfo", "net/dev", "slabinfo", "stat", "swaps", "uptime" };
        const char *below = str_startswith(m->target, "/proc/");
        bool bind = m->type == SPEC_MOUNT_BIND;
        if (!below)
                return !streq(m->target, "/proc") || (bind && streq(m->source, "/proc"));
        for (size_t i = 0; bind && i < ELEMENTSOF(files); i++)
                if (streq(below, files[i]))
                        return true;
        return false;
}

static const char *why_not_there(const struct spec_mount *m) {
        if (streq(m->target, "/"))
                return "the target cannot be '/'";
        if (!proc_target_ok(m))
                return "nothing can be mounted on /proc or in it, but for /proc itself and single files such as /proc/meminfo";
        if (m->type == SPEC_MOUNT_TMPFS && (streq(m->target, "/dev") || streq(m->target, "/sys")))
                return "the workload needs what is there";
        return NULL;
}

/* Appends @m_take, or refuses a target that is taken twice or must not be one. */
static int add_mount(struct instance_spec *s, const char *option, const char *text, struct spec_mount *m_take,
                     struct souk_err *err) {
        const char *why = why_not_there(m_take);
        for (size_t i = 0; !why && i < s->n_mounts; i++)
                if (streq(s->mounts[i].target, m_take->target))
                        why = "another mount has the same target";
        if (why)
                return bad(err, option, text, why);
        s->mounts = xreallocarray(s->mounts, s->n_mounts + 1, sizeof(*s->mounts));
        s->mounts[s->n_mounts++] = *m_take;
        *m_take = (struct spec_mount){};
        return 0;
}

static bool propagation_ok(const char *word) {
        static const char *const words[] = { "private", "rprivate", "slave", "rslave", "shared", "rshared" };
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i], word))
                        return true;
        return false;
}

/* "./data" and "../data" are the caller's, as Docker's command line has it. */
static char *absolute_source(const char *source) {
        if (source[0] == '/')
                return path_normalize(source);
        char cwd[PATH_MAX];
        if (!getcwd(cwd, sizeof(cwd)))
                return NULL;
        _cleanup_free_ char *full = xasprintf("%s/%s", cwd, source);
        return path_normalize(full);
}

static int parse_volume_option(const char *word, struct spec_mount *m) {
        if (streq(word, "ro"))
                m->read_only = true;
        else if (streq(word, "rw"))
                m->read_only = false;
        else if (streq(word, "noidmap"))
                m->no_idmap = true;
        else if (streq(word, "nosuid"))
                m->no_suid = true;
        else if (streq(word, "nodev"))
                m->no_dev = true;
        else if (streq(word, "noexec"))
                m->no_exec = true;
        else if (propagation_ok(word)) {
                free(m->propagation);
                m->propagation = xstrdup(word);
        } else
                return -EINVAL;
        return 0;
}

static int parse_volume(const char *text, struct instance_spec *s, struct souk_err *err) {
        _cleanup_(mount_clear) struct spec_mount m = { .type = SPEC_MOUNT_BIND, .create_source = true };
        _cleanup_strv_ char **parts = str_split(text, ':');
        size_t n = strv_len(parts);
        if (n < 2 || n > 3 || !*parts[0] || !*parts[1])
                return bad(err, "--volume", text, n == 1 ? "volumes without a source are not supported yet: give HOST-PATH:PATH"
                                                         : "expected HOST-PATH:PATH[:OPTIONS]");
        if (parts[0][0] != '/' && parts[0][0] != '.')
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "--volume %s: named volumes are not supported yet: give a path that starts with '/' or './'", text);
        m.source = absolute_source(parts[0]);
        m.target = path_normalize(parts[1]);
        if (!m.source || !m.target)
                return bad(err, "--volume", text, "the path inside must be absolute");
        _cleanup_strv_ char **words = n == 3 ? str_split(parts[2], ',') : NULL;
        for (size_t i = 0; words && words[i]; i++) {
                if (streq(words[i], "z") || streq(words[i], "Z"))
                        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                            "--volume %s: SELinux labels ('%s') are not supported yet", text, words[i]);
                if (parse_volume_option(words[i], &m) < 0)
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "--volume %s: unknown option '%s'; known are ro, rw, "
                                            "noidmap, nosuid, nodev, noexec, [r]private, [r]slave, [r]shared", text, words[i]);
        }
        return add_mount(s, "--volume", text, &m, err);
}

/* ---- --mount ----------------------------------------------------------------------------------------------------- */

static bool is_true(const char *value) {
        return !value || streq(value, "true") || streq(value, "1");
}

static int tmpfs_option(struct spec_mount *m, const char *key, const char *value) {
        char *joined = m->options ? xasprintf("%s,%s=%s", m->options, key, value) : xasprintf("%s=%s", key, value);
        free(m->options);
        m->options = joined;
        return 0;
}

static int parse_mount_key(const char *text, const char *key, const char *value, struct spec_mount *m, struct souk_err *err) {
        uint64_t bytes;
        bool bind = m->type == SPEC_MOUNT_BIND;
        if (streq(key, "type"))
                return 0;
        if (streq(key, "readonly") || streq(key, "ro")) {
                m->read_only = is_true(value);
                return 0;
        }
        if (!value)
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "--mount %s: '%s' needs a value", text, key);
        if (streq(key, "target") || streq(key, "dst") || streq(key, "destination")) {
                free(m->target);
                m->target = path_normalize(value);
                return m->target ? 0 : bad(err, "--mount", text, "the target must be absolute");
        }
        if (bind && (streq(key, "source") || streq(key, "src"))) {
                free(m->source);
                m->source = absolute_source(value);
                return m->source ? 0 : bad(err, "--mount", text, "the source must be a path");
        }
        if (bind && streq(key, "bind-propagation") && propagation_ok(value)) {
                free(m->propagation);
                m->propagation = xstrdup(value);
                return 0;
        }
        if (bind && streq(key, "bind-nonrecursive")) {
                m->non_recursive = is_true(value);
                return 0;
        }
        if (bind && streq(key, "idmap")) {
                m->no_idmap = !is_true(value);
                return 0;
        }
        if (!bind && streq(key, "tmpfs-size")) {
                if (str_to_bytes(value, &bytes) < 0)
                        return bad(err, "--mount", text, "tmpfs-size: expected bytes, as in 64m");
                _cleanup_free_ char *n = xasprintf("%llu", (unsigned long long) bytes);
                return tmpfs_option(m, "size", n);
        }
        if (!bind && streq(key, "tmpfs-mode")) {
                if (!*value || strspn(value, "01234567") != strlen(value) || strlen(value) > 5)
                        return bad(err, "--mount", text, "tmpfs-mode: expected an octal mode, as in 1777");
                return tmpfs_option(m, "mode", value);
        }
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "--mount %s: '%s' is not an option of this type of mount, or has a "
                            "wrong value", text, key);
}

static int parse_mount_type(const char *text, char *const *words, struct spec_mount *m, struct souk_err *err) {
        const char *type = "volume"; /* Docker's default */
        for (size_t i = 0; words[i]; i++) {
                const char *value = str_startswith(words[i], "type=");
                if (value)
                        type = value;
        }
        if (streq(type, "bind"))
                m->type = SPEC_MOUNT_BIND;
        else if (streq(type, "tmpfs"))
                m->type = SPEC_MOUNT_TMPFS;
        else if (streq(type, "volume") || streq(type, "image"))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "--mount %s: type=%s is not supported yet: use type=bind or type=tmpfs", text, type);
        else
                return bad(err, "--mount", text, "unknown type: use type=bind or type=tmpfs");
        return 0;
}

static int parse_mount(const char *text, struct instance_spec *s, struct souk_err *err) {
        _cleanup_(mount_clear) struct spec_mount m = {};
        _cleanup_strv_ char **words = str_split(text, ',');
        int r = parse_mount_type(text, words, &m, err);
        if (r < 0)
                return r;
        if (m.type == SPEC_MOUNT_TMPFS)
                m.no_suid = m.no_dev = m.no_exec = true;
        for (size_t i = 0; words[i]; i++) {
                char *eq = strchr(words[i], '=');
                if (eq)
                        *eq = '\0';
                r = parse_mount_key(text, words[i], eq ? eq + 1 : NULL, &m, err);
                if (r < 0)
                        return r;
        }
        if (!m.target)
                return bad(err, "--mount", text, "target=PATH is missing");
        if (m.type == SPEC_MOUNT_BIND && !m.source)
                return bad(err, "--mount", text, "source=PATH is missing");
        return add_mount(s, "--mount", text, &m, err);
}

/* ---- --tmpfs ----------------------------------------------------------------------------------------------------- */

static int parse_tmpfs_word(const char *text, const char *word, struct spec_mount *m, struct souk_err *err) {
        static const struct {
                const char *word;
                size_t offset;
                bool value;
        } flags[] = {
                { "ro", offsetof(struct spec_mount, read_only), true },  { "rw", offsetof(struct spec_mount, read_only), false },
                { "nosuid", offsetof(struct spec_mount, no_suid), true }, { "suid", offsetof(struct spec_mount, no_suid), false },
                { "nodev", offsetof(struct spec_mount, no_dev), true },   { "dev", offsetof(struct spec_mount, no_dev), false },
                { "noexec", offsetof(struct spec_mount, no_exec), true }, { "exec", offsetof(struct spec_mount, no_exec), false },
        };
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (streq(flags[i].word, word)) {
                        *(bool *) ((char *) m + flags[i].offset) = flags[i].value;
                        return 0;
                }
        const char *value;
        uint64_t n;
        if ((value = str_startswith(word, "size="))) {
                size_t len = strlen(value);
                if (len > 1 && value[len - 1] == '%')
                        return tmpfs_option(m, "size", value);
                if (str_to_bytes(value, &n) < 0)
                        return bad(err, "--tmpfs", text, "size: expected bytes, as in 64m");
                _cleanup_free_ char *bytes = xasprintf("%llu", (unsigned long long) n);
                return tmpfs_option(m, "size", bytes);
        }
        if ((value = str_startswith(word, "mode=")) && *value && strspn(value, "01234567") == strlen(value) && strlen(value) <= 5)
                return tmpfs_option(m, "mode", value);
        if ((value = str_startswith(word, "uid=")) && str_to_u64(value, &n) == 0)
                return tmpfs_option(m, "uid", value);
        if ((value = str_startswith(word, "gid=")) && str_to_u64(value, &n) == 0)
                return tmpfs_option(m, "gid", value);
        if ((value = str_startswith(word, "nr_inodes=")) && str_to_bytes(value, &n) == 0)
                return tmpfs_option(m, "nr_inodes", value);
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "--tmpfs %s: unknown option '%s'; known are size=, mode=, uid=, gid=, "
                            "nr_inodes=, ro, noexec, nosuid, nodev and their opposites", text, word);
}

static int parse_tmpfs(const char *text, struct instance_spec *s, struct souk_err *err) {
        _cleanup_(mount_clear) struct spec_mount m = { .type = SPEC_MOUNT_TMPFS, .no_suid = true, .no_dev = true, .no_exec = true };
        const char *colon = strchr(text, ':');
        _cleanup_free_ char *path = colon ? xstrndup(text, (size_t) (colon - text)) : xstrdup(text);
        m.target = path_normalize(path);
        if (!m.target)
                return bad(err, "--tmpfs", text, "the path inside must be absolute");
        _cleanup_strv_ char **words = colon ? str_split(colon + 1, ',') : NULL;
        for (size_t i = 0; words && words[i]; i++) {
                int r = *words[i] ? parse_tmpfs_word(text, words[i], &m, err) : 0;
                if (r < 0)
                        return r;
        }
        return add_mount(s, "--tmpfs", text, &m, err);
}

/* ---- --device ---------------------------------------------------------------------------------------------------- */

static bool access_ok(const char *word) {
        return *word && strspn(word, "rwm") == strlen(word);
}

static int parse_device(const char *text, struct instance_spec *s, struct souk_err *err) {
        _cleanup_strv_ char **parts = str_split(text, ':');
        size_t n = strv_len(parts);
        const char *inside = parts[0], *access = "rwm";
        if (n == 2 && access_ok(parts[1]))
                access = parts[1];
        else if (n >= 2)
                inside = parts[1];
        if (n == 3)
                access = parts[2];
        if (n > 3 || parts[0][0] != '/' || !access_ok(access))
                return bad(err, "--device", text, "expected HOST-PATH[:PATH[:rwm]]");
        struct spec_device d = {
                .source = path_normalize(parts[0]),
                .path = path_normalize(inside),
                .read = strchr(access, 'r'),
                .write = strchr(access, 'w'),
                .mknod = strchr(access, 'm'),
        };
        if (!d.path) {
                free(d.source);
                return bad(err, "--device", text, "the path inside must be absolute");
        }
        s->devices = xreallocarray(s->devices, s->n_devices + 1, sizeof(*s->devices));
        s->devices[s->n_devices++] = d;
        return 0;
}

int request_files_to_spec(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        int rr = 0;
        s->shm_bytes = SHM_BYTES_DEFAULT;
        if (r->shm_size && (str_to_bytes(r->shm_size, &s->shm_bytes) < 0 || s->shm_bytes == 0 || s->shm_bytes > INT64_MAX))
                return bad(err, "--shm-size", r->shm_size, "expected bytes, as in 64m");
        for (size_t i = 0; rr >= 0 && r->volumes && r->volumes[i]; i++)
                rr = parse_volume(r->volumes[i], s, err);
        for (size_t i = 0; rr >= 0 && r->mounts && r->mounts[i]; i++)
                rr = parse_mount(r->mounts[i], s, err);
        for (size_t i = 0; rr >= 0 && r->tmpfs && r->tmpfs[i]; i++)
                rr = parse_tmpfs(r->tmpfs[i], s, err);
        for (size_t i = 0; rr >= 0 && r->devices && r->devices[i]; i++)
                rr = parse_device(r->devices[i], s, err);
        return rr;
}
