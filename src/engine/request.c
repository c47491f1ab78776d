/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One small parser for each option, called from request_to_spec() in the order in which `souk run --help` lists them.
 * Defaults are Docker's, except where Souk isolates better: an own user namespace, a limit on processes, no network.
 */
#include "engine/request.h"

#include "base/file.h"
#include "base/proc.h"
#include "wire/env_file.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sys/resource.h>

#define PIDS_LIMIT_DEFAULT 2048
#define STOP_TIMEOUT_DEFAULT_USEC 10000000ULL
#define MEMORY_MIN_BYTES (512u << 10)
#define CPU_PERIOD_USEC 100000
#define ENV_FILE_MAX (4u << 20)
#define SECCOMP_FILE_MAX (1u << 20)
#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define strv_of(v) ((char *const *) (v))

extern char **environ;

static int bad(struct souk_err *err, const char *option, const char *value, const char *why) {
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "%s %s: %s", option, value, why);
}

int request_name_check(const char *name, struct souk_err *err) {
        bool ok = isalnum((unsigned char) name[0]) && strlen(name) <= 128;
        for (const char *p = name; ok && *p; p++)
                ok = isalnum((unsigned char) *p) || strchr("_.-", *p);
        if (!ok)
                return bad(err, "--name", name, "a name is letters, digits, '_', '.' and '-', starts with a letter or "
                                                "digit, and has at most 128 characters");
        return 0;
}

char *path_normalize(const char *path) {
        if (path[0] != '/')
                return NULL;
        char *out = xmalloc(strlen(path) + 2), *o = out;
        for (const char *p = path; *p;) {
                p += strspn(p, "/");
                size_t n = strcspn(p, "/");
                if (n == 2 && p[0] == '.' && p[1] == '.') {
                        while (o > out && *--o != '/')
                                ;
                } else if (n > 0 && !(n == 1 && p[0] == '.')) {
                        *o++ = '/';
                        memcpy(o, p, n);
                        o += n;
                }
                p += n;
        }
        if (o == out)
                *o++ = '/';
        *o = '\0';
        return out;
}

/* ---- process ----------------------------------------------------------------------------------------------------- */

static int parse_command(const struct souk_create_request *r, const struct image_config *image, struct instance_spec *s,
                         struct souk_err *err) {
        if (r->has_entrypoint) {
                s->entrypoint = strv_dup(strv_of(r->entrypoint));
                s->cmd = strv_dup(strv_of(r->command));
        } else {
                s->entrypoint = strv_dup(image->entrypoint);
                s->cmd = strv_dup(strv_len(strv_of(r->command)) ? strv_of(r->command) : image->cmd);
        }
        if (strv_len(s->entrypoint) + strv_len(s->cmd) == 0)
                return souk_err_set(err, SOUK_INVALID, -EINVAL,
                                    "image '%s' has no default command: give one after the image's name", r->image);
        const char *program = strv_len(s->entrypoint) ? s->entrypoint[0] : s->cmd[0];
        if (!*program)
                return souk_err_set(err, SOUK_COMMAND_NOT_FOUND, -ENOENT, "exec: \"\": the command's name is empty");
        return 0;
}

int request_env(char ***env, const char *const *files, const char *const *assignments, struct souk_err *err) {
        for (size_t i = 0; files && files[i]; i++) {
                _cleanup_free_ char *text = NULL;
                size_t len;
                int r = file_read(AT_FDCWD, files[i], ENV_FILE_MAX, &text, &len);
                if (r < 0)
                        return souk_err_errno(err, r, "--env-file %s", files[i]);
                r = env_file_parse(text, len, files[i], environ, env, err);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; assignments && assignments[i]; i++) {
                const char *a = assignments[i];
                if (!*a || *a == '=')
                        return bad(err, "--env", a, "expected NAME=VALUE or NAME");
                if (strchr(a, '=')) {
                        env_set(env, a);
                        continue;
                }
                const char *value = getenv(a); /* NAME alone: the caller's value, or removed when there is none */
                _cleanup_free_ char *full = value ? xasprintf("%s=%s", a, value) : xstrdup(a);
                env_set(env, full);
        }
        return 0;
}

static int parse_environment(const struct souk_create_request *r, const struct image_config *image,
                             struct instance_spec *s, struct souk_err *err) {
        strv_push(&s->env, PATH_DEFAULT);
        strv_pushf(&s->env, "HOSTNAME=%s", s->hostname);
        if (r->tty)
                strv_push(&s->env, "TERM=xterm");
        for (size_t i = 0; image->env && image->env[i]; i++)
                if (strchr(image->env[i], '=') && image->env[i][0] != '=')
                        env_set(&s->env, image->env[i]);
        return request_env(&s->env, r->env_files, r->env, err);
}

static int parse_workdir(const struct souk_create_request *r, const struct image_config *image, struct instance_spec *s,
                         struct souk_err *err) {
        if (r->workdir) {
                s->cwd = path_normalize(r->workdir);
                return s->cwd ? 0 : bad(err, "--workdir", r->workdir, "the path must be absolute");
        }
        if (str_empty(image->working_dir))
                s->cwd = xstrdup("/");
        else if (image->working_dir[0] == '/')
                s->cwd = path_normalize(image->working_dir);
        else {
                _cleanup_free_ char *absolute = xasprintf("/%s", image->working_dir);
                s->cwd = path_normalize(absolute);
        }
        return 0;
}

static int parse_stop(const struct souk_create_request *r, const struct image_config *image, struct instance_spec *s,
                      struct souk_err *err) {
        const char *name = r->stop_signal ? r->stop_signal : image->stop_signal;
        s->stop_signal = xstrdup(str_empty(name) ? "TERM" : name);
        if (signal_from_name(s->stop_signal) < 0) {
                if (r->stop_signal)
                        return bad(err, "--stop-signal", r->stop_signal, "not a signal's name or number");
                return souk_err_set(err, SOUK_INVALID, -EINVAL,
                                    "the image's stop signal '%s' is not known: give another with --stop-signal", name);
        }
        if (r->stop_timeout_usec > INT64_MAX) /* a record's integers have a sign */
                return souk_err_set(err, SOUK_INVALID, -ERANGE, "--stop-timeout: is too long");
        s->stop_timeout_usec = r->stop_timeout_usec ? r->stop_timeout_usec : STOP_TIMEOUT_DEFAULT_USEC;
        return 0;
}

static const struct {
        const char *name;
        int resource;
} rlimit_names[] = {
        { "as", RLIMIT_AS },           { "core", RLIMIT_CORE },         { "cpu", RLIMIT_CPU },
        { "data", RLIMIT_DATA },       { "fsize", RLIMIT_FSIZE },       { "locks", RLIMIT_LOCKS },
        { "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
        { "nofile", RLIMIT_NOFILE },   { "nproc", RLIMIT_NPROC },       { "rss", RLIMIT_RSS },
        { "rtprio", RLIMIT_RTPRIO },   { "rttime", RLIMIT_RTTIME },     { "sigpending", RLIMIT_SIGPENDING },
        { "stack", RLIMIT_STACK },
};

int request_rlimit_resource(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(rlimit_names); i++)
                if (streq(rlimit_names[i].name, name))
                        return rlimit_names[i].resource;
        return -EINVAL;
}

static int parse_rlimit_value(const char *text, int64_t *ret) {
        if (streq(text, "unlimited") || streq(text, "-1")) {
                *ret = -1;
                return 0;
        }
        uint64_t v;
        int r = str_to_u64(text, &v);
        if (r < 0 || v > INT64_MAX)
                return -EINVAL;
        *ret = (int64_t) v;
        return 0;
}

static int parse_ulimits(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        for (size_t i = 0; r->ulimits && r->ulimits[i]; i++) {
                const char *text = r->ulimits[i], *eq = strchr(text, '=');
                if (!eq)
                        return bad(err, "--ulimit", text, "expected NAME=SOFT[:HARD]");
                _cleanup_free_ char *name = xstrndup(text, (size_t) (eq - text));
                _cleanup_strv_ char **parts = str_split(eq + 1, ':');
                struct spec_rlimit limit = {};
                if (request_rlimit_resource(name) < 0)
                        return bad(err, "--ulimit", text, "no such limit; known are nofile, nproc, core, memlock, stack ...");
                if (strv_len(parts) > 2 || parse_rlimit_value(parts[0], &limit.soft) < 0 ||
                    parse_rlimit_value(parts[1] ? parts[1] : parts[0], &limit.hard) < 0)
                        return bad(err, "--ulimit", text, "expected NAME=SOFT[:HARD], each a number or -1");
                if (limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard))
                        return bad(err, "--ulimit", text, "the soft limit is above the hard limit");
                s->rlimits = xreallocarray(s->rlimits, s->n_rlimits + 1, sizeof(*s->rlimits));
                limit.name = TAKE_PTR(name);
                s->rlimits[s->n_rlimits++] = limit;
        }
        return 0;
}

static int parse_labels(const struct souk_create_request *r, const struct image_config *image, struct instance_spec *s,
                        struct souk_err *err) {
        for (size_t i = 0; image->labels && image->labels[i]; i++)
                env_set(&s->labels, image->labels[i]);
        for (size_t i = 0; r->labels && r->labels[i]; i++) {
                const char *label = r->labels[i];
                if (!*label || *label == '=')
                        return bad(err, "--label", label, "expected KEY=VALUE");
                _cleanup_free_ char *full = strchr(label, '=') ? xstrdup(label) : xasprintf("%s=", label);
                env_set(&s->labels, full);
        }
        return 0;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static int parse_memory(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        uint64_t bytes;
        s->memory_bytes = s->memory_swap_bytes = SPEC_UNSET;
        if (r->memory) {
                if (str_to_bytes(r->memory, &bytes) < 0 || bytes > INT64_MAX)
                        return bad(err, "--memory", r->memory, "expected bytes, as in 512m or 2g");
                if (bytes && bytes < MEMORY_MIN_BYTES)
                        return bad(err, "--memory", r->memory, "the least is 512k");
                if (bytes)
                        s->memory_bytes = (int64_t) bytes;
        }
        if (!r->memory_swap || streq(r->memory_swap, "0"))
                return 0;
        if (s->memory_bytes == SPEC_UNSET)
                return bad(err, "--memory-swap", r->memory_swap, "needs --memory: it is the limit of memory and swap together");
        if (streq(r->memory_swap, "-1")) {
                s->memory_swap_bytes = -1;
                return 0;
        }
        if (str_to_bytes(r->memory_swap, &bytes) < 0 || bytes > INT64_MAX)
                return bad(err, "--memory-swap", r->memory_swap, "expected bytes, as in 1g, or -1 for unlimited");
        if ((int64_t) bytes < s->memory_bytes)
                return bad(err, "--memory-swap", r->memory_swap,
                           "is below --memory: it is the limit of memory and swap together");
        s->memory_swap_bytes = (int64_t) bytes;
        return 0;
}

static int parse_cpus(const char *text, struct instance_spec *s, struct souk_err *err) {
        char *end;
        errno = 0;
        double cpus = isdigit((unsigned char) text[0]) || text[0] == '.' ? strtod(text, &end) : -1;
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        if (cpus < 0 || *end || strpbrk(text, "xXnNeE"))
                return bad(err, "--cpus", text, "expected a number of CPUs, as in 1.5");
        if (cpus == 0)
                return 0;
        if (cpus < 0.01 || cpus > (double) online)
                return souk_err_set(err, SOUK_INVALID, -ERANGE, "--cpus %s: the range is from 0.01 to %ld.00, the CPUs of this machine",
                                    text, online);
        s->cpu_period_usec = CPU_PERIOD_USEC;
        s->cpu_quota_usec = (int64_t) (cpus * CPU_PERIOD_USEC + 0.5);
        return 0;
}

/* "0-3,7": the kernel's list format; that the CPUs exist is the kernel's to say. */
static bool cpu_list_ok(const char *text) {
        for (const char *p = text;;) {
                uint64_t from, to;
                char *end;
                if (!isdigit((unsigned char) *p))
                        return false;
                from = to = strtoull(p, &end, 10);
                p = end;
                if (*p == '-') {
                        if (!isdigit((unsigned char) p[1]))
                                return false;
                        to = strtoull(p + 1, &end, 10);
                        p = end;
                }
                if (from > to || to > 65535)
                        return false;
                if (!*p)
                        return true;
                if (*p++ != ',')
                        return false;
        }
}

static int parse_limits(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        s->cpu_quota_usec = s->cpu_period_usec = s->cpu_shares = SPEC_UNSET;
        s->pids_limit = PIDS_LIMIT_DEFAULT;
        int rr = parse_memory(r, s, err);
        if (rr >= 0 && r->cpus)
                rr = parse_cpus(r->cpus, s, err);
        if (rr < 0)
                return rr;
        uint64_t v;
        if (r->cpu_shares && !streq(r->cpu_shares, "0")) {
                if (str_to_u64(r->cpu_shares, &v) < 0 || v < 2 || v > 262144)
                        return bad(err, "--cpu-shares", r->cpu_shares, "expected a weight from 2 to 262144");
                s->cpu_shares = (int64_t) v;
        }
        if (!str_empty(r->cpuset_cpus)) {
                if (!cpu_list_ok(r->cpuset_cpus))
                        return bad(err, "--cpuset-cpus", r->cpuset_cpus, "expected a list of CPUs, as in 0-2,4");
                s->cpuset_cpus = xstrdup(r->cpuset_cpus);
        }
        if (r->pids_limit) {
                if (streq(r->pids_limit, "-1") || streq(r->pids_limit, "0"))
                        s->pids_limit = -1;
                else if (str_to_u64(r->pids_limit, &v) < 0 || v > 4194304)
                        return bad(err, "--pids-limit", r->pids_limit, "expected a number of processes, or -1 for unlimited");
                else
                        s->pids_limit = (int64_t) v;
        }
        if (r->oom_score_adj < -1000 || r->oom_score_adj > 1000)
                return souk_err_set(err, SOUK_INVALID, -ERANGE, "--oom-score-adj %lld: the range is from -1000 to 1000",
                                    (long long) r->oom_score_adj);
        s->oom_score_adj = r->oom_score_adj;
        return 0;
}

/* ---- security ---------------------------------------------------------------------------------------------------- */

static int parse_seccomp_opt(const char *value, struct instance_spec *s, struct souk_err *err) {
        if (streq(value, "unconfined")) {
                free(s->seccomp);
                s->seccomp = xstrdup("unconfined");
                return 0;
        }
        if (streq(value, "default") || streq(value, "builtin"))
                return 0;
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = file_read(AT_FDCWD, value, SECCOMP_FILE_MAX, &text, &len);
        if (r < 0)
                return souk_err_errno(err, r, "--security-opt seccomp=%s", value);
        _cleanup_json_ json_t *j = NULL;
        r = json_parse_text(text, len, value, &j, err);
        if (r < 0)
                return souk_err_wrap(err, "--security-opt seccomp=%s", value);
        free(s->seccomp);
        s->seccomp = TAKE_PTR(text);
        return 0;
}

static int parse_security_opts(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        for (size_t i = 0; r->security_opt && r->security_opt[i]; i++) {
                const char *opt = r->security_opt[i], *value;
                int rr = 0;
                if ((value = str_startswith(opt, "seccomp=")) || (value = str_startswith(opt, "seccomp:")))
                        rr = parse_seccomp_opt(value, s, err);
                else if ((value = str_startswith(opt, "no-new-privileges"))) {
                        if (!*value || streq(value, "=true") || streq(value, ":true"))
                                s->no_new_privileges = true;
                        else if (streq(value, "=false") || streq(value, ":false"))
                                s->no_new_privileges = false;
                        else
                                return bad(err, "--security-opt", opt, "expected no-new-privileges[=true|false]");
                } else if (str_startswith(opt, "apparmor") || str_startswith(opt, "label") || str_startswith(opt, "systempaths"))
                        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "--security-opt %s: not supported yet", opt);
                else
                        return bad(err, "--security-opt", opt, "known are seccomp=unconfined|FILE and no-new-privileges");
                if (rr < 0)
                        return rr;
        }
        return 0;
}

/* ---- namespaces, names ------------------------------------------------------------------------------------------- */

static int parse_namespace(const char *option, const char *value, bool can_join, char **ret, struct souk_err *err) {
        if (str_empty(value) || streq(value, "private") || (streq(option, "--ipc") && streq(value, "shareable"))) {
                *ret = xstrdup("private");
                return 0;
        }
        const char *name = str_startswith(value, "container:");
        if (streq(value, "host") || (can_join && name && *name)) {
                *ret = xstrdup(value);
                return 0;
        }
        return bad(err, option, value, can_join ? "expected private, host or container:NAME" : "expected private or host");
}

static int parse_network(const char *value, struct instance_spec *s, struct souk_err *err) {
        if (str_empty(value) || streq(value, "none")) {
                s->network = xstrdup("private");
                return 0;
        }
        if (streq(value, "host") || (str_startswith(value, "container:") && value[10])) {
                s->network = xstrdup(value);
                return 0;
        }
        if (streq(value, "bridge") || streq(value, "default"))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "--network %s: there are no bridge networks yet: use none, host or container:NAME", value);
        return souk_err_set(err, SOUK_INVALID, -EINVAL,
                            "--network %s: no such network: use none, host or container:NAME", value);
}

static bool hostname_ok(const char *name, size_t max) {
        size_t n = strlen(name);
        if (n == 0 || n > max || name[0] == '-' || name[0] == '.' || name[n - 1] == '-')
                return false;
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("-._", *p))
                        return false;
        return true;
}

static int parse_names(const struct souk_create_request *r, const char *id, struct instance_spec *s, struct souk_err *err) {
        int rr = parse_namespace("--userns", r->userns, false, &s->userns, err);
        if (rr >= 0)
                rr = parse_namespace("--pid", r->pid, true, &s->pid, err);
        if (rr >= 0)
                rr = parse_namespace("--ipc", r->ipc, true, &s->ipc, err);
        if (rr >= 0)
                rr = parse_namespace("--uts", r->uts, false, &s->uts, err);
        if (rr >= 0)
                rr = parse_namespace("--cgroupns", r->cgroupns, false, &s->cgroupns, err);
        if (rr >= 0)
                rr = parse_network(r->network, s, err);
        if (rr < 0)
                return rr;
        if (r->hostname && streq(s->uts, "host"))
                return bad(err, "--hostname", r->hostname, "conflicts with --uts host, which shares the host's name");
        if (r->hostname && !hostname_ok(r->hostname, 64))
                return bad(err, "--hostname", r->hostname, "a host name is letters, digits, '-', '_' and '.', at most 64 characters");
        if (r->domainname && !hostname_ok(r->domainname, 64))
                return bad(err, "--domainname", r->domainname, "a domain name is letters, digits, '-' and '.', at most 64 characters");
        s->domainname = xstrdup(r->domainname);
        if (r->hostname)
                s->hostname = xstrdup(r->hostname);
        else if (streq(s->uts, "host")) {
                char host[65] = "";
                gethostname(host, sizeof(host) - 1);
                s->hostname = xstrdup(host);
        } else
                s->hostname = xstrndup(id, 12);
        return 0;
}

static int check_words(const char *option, char *const *words, struct souk_err *err) {
        for (size_t i = 0; words && words[i]; i++)
                if (!*words[i] || strpbrk(words[i], " \t\r\n"))
                        return bad(err, option, words[i], "expected one word");
        return 0;
}

static int parse_hosts(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        for (size_t i = 0; r->add_host && r->add_host[i]; i++) {
                const char *text = r->add_host[i];
                const char *sep = text + strcspn(text, ":=");
                _cleanup_free_ char *name = xstrndup(text, (size_t) (sep - text));
                _cleanup_free_ char *address = xstrdup(*sep ? sep + 1 : "");
                size_t n = strlen(address);
                if (n > 2 && address[0] == '[' && address[n - 1] == ']') { /* [::1] */
                        memmove(address, address + 1, n - 2);
                        address[n - 2] = '\0';
                }
                struct in6_addr a;
                if (streq(address, "host-gateway"))
                        return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "--add-host %s: there is no gateway without a bridge network", text);
                if (!hostname_ok(name, 253) || (inet_pton(AF_INET, address, &a) != 1 && inet_pton(AF_INET6, address, &a) != 1))
                        return bad(err, "--add-host", text, "expected NAME:ADDRESS");
                strv_pushf(&s->add_host, "%s:%s", name, address);
        }
        for (size_t i = 0; r->dns && r->dns[i]; i++) {
                struct in6_addr a;
                if (inet_pton(AF_INET, r->dns[i], &a) != 1 && inet_pton(AF_INET6, r->dns[i], &a) != 1)
                        return bad(err, "--dns", r->dns[i], "expected an address");
        }
        s->dns = strv_dup(strv_of(r->dns));
        s->dns_search = strv_dup(strv_of(r->dns_search));
        s->dns_option = strv_dup(strv_of(r->dns_option));
        int rr = check_words("--dns-search", s->dns_search, err);
        return rr < 0 ? rr : check_words("--dns-option", s->dns_option, err);
}

/* Only what a namespace of the instance's own holds: all else would change the host. */
static int check_sysctl(const char *key, const struct instance_spec *s, const char *text, struct souk_err *err) {
        static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
                                           "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced" };
        bool is_ipc = str_startswith(key, "fs.mqueue.") != NULL;
        for (size_t i = 0; i < ELEMENTSOF(ipc); i++)
                is_ipc = is_ipc || streq(key, ipc[i]);
        if (is_ipc)
                return streq(s->ipc, "private") ? 0 : bad(err, "--sysctl", text, "needs --ipc private");
        if (str_startswith(key, "net."))
                return streq(s->network, "private") ? 0 : bad(err, "--sysctl", text, "needs a network namespace of the instance's own");
        if (streq(key, "kernel.hostname") || streq(key, "kernel.domainname"))
                return bad(err, "--sysctl", text, "use --hostname or --domainname");
        return bad(err, "--sysctl", text, "not a setting of a namespace: it would change the host's");
}

static int parse_sysctls(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err) {
        for (size_t i = 0; r->sysctls && r->sysctls[i]; i++) {
                const char *text = r->sysctls[i], *eq = strchr(text, '=');
                if (!eq || eq == text)
                        return bad(err, "--sysctl", text, "expected KEY=VALUE");
                _cleanup_free_ char *key = xstrndup(text, (size_t) (eq - text));
                for (char *p = key; *p; p++)
                        if (*p == '/')
                                *p = '.';
                if (strstr(key, "..") || strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(key))
                        return bad(err, "--sysctl", text, "the key has characters that no setting has");
                int rr = check_sysctl(key, s, text, err);
                if (rr < 0)
                        return rr;
                strv_pushf(&s->sysctls, "%s=%s", key, eq + 1);
        }
        return 0;
}

static void copy_plain(const struct souk_create_request *r, const struct image_config *image, struct instance_spec *s) {
        s->isolation = xstrdup("container");
        s->user = xstrdup(r->user ? r->user : image->user ? image->user : "");
        s->groups = strv_dup(strv_of(r->group_add));
        s->tty = r->tty;
        s->open_stdin = r->open_stdin;
        s->init = r->init;
        s->read_only = r->read_only;
        s->privileged = r->privileged;
        s->cap_add = strv_dup(strv_of(r->cap_add));
        s->cap_drop = strv_dup(strv_of(r->cap_drop));
}

/* The record is JSON, which has no other bytes. */
static int check_utf8(const char *option, char *const *v, struct souk_err *err) {
        for (size_t i = 0; v && v[i]; i++)
                if (!str_is_utf8(v[i])) {
                        _cleanup_free_ char *safe = str_printable(v[i]);
                        return bad(err, option, safe, "is not valid UTF-8");
                }
        return 0;
}

static int check_texts(const struct souk_create_request *r, const struct instance_spec *s, struct souk_err *err) {
        const char *const single[] = { r->image, s->cwd, s->user, NULL };
        int rr = check_utf8("the image's name, --workdir or --user", (char *const *) single, err);
        if (rr >= 0)
                rr = check_utf8("command", s->entrypoint, err);
        if (rr >= 0)
                rr = check_utf8("command", s->cmd, err);
        if (rr >= 0)
                rr = check_utf8("--env", s->env, err);
        if (rr >= 0)
                rr = check_utf8("--label", s->labels, err);
        if (rr >= 0)
                rr = check_utf8("--sysctl", s->sysctls, err);
        if (rr >= 0)
                rr = check_utf8("--group-add", s->groups, err);
        for (size_t i = 0; rr >= 0 && i < s->n_mounts; i++) {
                const char *const paths[] = { s->mounts[i].target, s->mounts[i].source, NULL };
                rr = check_utf8("mount", (char *const *) paths, err);
        }
        return rr;
}

int request_to_spec(const struct souk_create_request *r, const struct image_config *image, const char *id,
                    struct instance_spec *ret, struct souk_err *err) {
        struct instance_spec s = {};
        int rr = 0;
        if (r->isolation != SOUK_ISOLATION_CONTAINER)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "--isolation vm: virtual machines are not supported yet: use --isolation container");
        copy_plain(r, image, &s);
        rr = parse_names(r, id, &s, err);
        if (rr >= 0)
                rr = parse_command(r, image, &s, err);
        if (rr >= 0)
                rr = parse_environment(r, image, &s, err);
        if (rr >= 0)
                rr = parse_workdir(r, image, &s, err);
        if (rr >= 0)
                rr = parse_stop(r, image, &s, err);
        if (rr >= 0)
                rr = parse_ulimits(r, &s, err);
        if (rr >= 0)
                rr = parse_labels(r, image, &s, err);
        if (rr >= 0)
                rr = parse_limits(r, &s, err);
        if (rr >= 0)
                rr = parse_security_opts(r, &s, err);
        if (rr >= 0)
                rr = parse_hosts(r, &s, err);
        if (rr >= 0)
                rr = parse_sysctls(r, &s, err);
        if (rr >= 0)
                rr = request_files_to_spec(r, &s, err);
        if (rr >= 0)
                rr = check_texts(r, &s, err);
        if (rr < 0) {
                instance_spec_clear(&s);
                return rr;
        }
        *ret = s;
        return 0;
}
