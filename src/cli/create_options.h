/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `souk run` and `souk create` have in common: the description of the instance. */
#ifndef SOUK_CLI_CREATE_OPTIONS_H
#define SOUK_CLI_CREATE_OPTIONS_H
#include "cli.h"

/* The first member of both verbs' args: the tables' offsets start here. */
struct create_args {
        const char *name, *cidfile, *workdir, *user, *entrypoint, *stop_signal, *shm_size, *memory, *memory_swap, *cpus,
                *cpuset_cpus, *pids_limit, *cpu_shares, *userns, *pid, *ipc, *uts, *cgroupns, *network, *hostname,
                *domainname;
        char **env, **env_files, **group_add, **ulimits, **labels, **volumes, **mounts, **tmpfs, **devices, **cap_add,
                **cap_drop, **security_opt, **add_host, **dns, **dns_search, **dns_option, **sysctls;
        bool interactive, tty, autoremove, init, read_only, privileged;
        int isolation;
        uint64_t stop_timeout_usec;
        int64_t oom_score_adj;
};
#define CREATE_DEFAULTS \
        { .stop_timeout_usec = UINT64_MAX }

/* The groups, for the verbs' tables. */
extern const struct cli_option create_process_options[], create_file_options[], create_limit_options[],
        create_security_options[], create_network_options[], create_instance_options[];
#define CREATE_INSTANCE_N 8
#define CREATE_PROCESS_N  11
#define CREATE_FILE_N     6
#define CREATE_LIMIT_N    6
#define CREATE_SECURITY_N 9
#define CREATE_NETWORK_N  8
#define CREATE_OPTIONS                                                                                               \
        { "Instance", create_instance_options, CREATE_INSTANCE_N },                                                  \
                { "Process", create_process_options, CREATE_PROCESS_N },                                             \
                { "Files", create_file_options, CREATE_FILE_N }, { "Limits", create_limit_options, CREATE_LIMIT_N }, \
                { "Security", create_security_options, CREATE_SECURITY_N }, {                                        \
                "Network", create_network_options, CREATE_NETWORK_N                                                  \
        }

struct create_request {
        struct souk_create_request r;
        const char *entrypoint[2];
};
/** create_request_fill() - everything is borrowed from @a and @operands (image, then the command) */
void create_request_fill(const struct create_args *a, const char *const *operands, struct create_request *ret);

/** create_needs_box() - after a failure: was it that "box", the embedded image, has not been made?  Then make it.
 * Return: 1 made, try again; 0 it was something else; negative: making it failed */
int create_needs_box(struct souk *s, const char *image, struct souk_err *err);
/** create_fail() - cli_fail(), and for a missing image what to do about it */
int create_fail(const char *image, const struct souk_err *err);

/* --cidfile: taken before the instance exists, so that an id never gets lost */
struct cidfile {
        const char *path;
        int fd;
        bool written;
};
_must_check_ int cidfile_open(const char *path, struct cidfile *ret, struct souk_err *err);
/** cidfile_write() - for souk_run()'s on_created; @user is the struct cidfile */
int cidfile_write(const char *id, void *user, struct souk_err *err);
void cidfile_close(struct cidfile *c); /* removes the file when nothing was written */
#endif
