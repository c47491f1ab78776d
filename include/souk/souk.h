/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_SOUK_H
#define SOUK_SOUK_H
/*
 * libsouk: images and instances.  The command line and the daemon reach the engine only through this header, so what one
 * can do the other can, and other programs can embed it.
 *
 * Conventions.  int: 0 or positive on success, negative errno on failure, described in the last parameter (may be NULL).
 * Strings in requests are borrowed for the call; vectors of strings end with NULL and may be NULL when empty.  Results
 * named ret_x are set on success only and owned by the caller.  Sizes are bytes, times are microseconds; *_at times are
 * wall clock since 1970.  A handle is for one thread; calls block unless they say otherwise.  Root is needed, except for
 * souk_plan().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <souk/err.h>

#define SOUK_API __attribute__((visibility("default")))

struct souk;
struct souk_options {
        const char *root;   /* store; NULL: $SOUK_ROOT, else /var/lib/souk */
        const char *run;    /* run directory; NULL: $SOUK_RUN, else /run/souk */
};
/** souk_open() - open (and on first use make) the store.  Spends no system call on what the next call may not need. */
SOUK_API int souk_open(const struct souk_options *options, struct souk **ret, struct souk_err *err);
SOUK_API void souk_close(struct souk *s);
/** souk_free() - free a string that a call returned (ret_text, ret_id ...) */
SOUK_API void souk_free(void *p);
/** souk_strv_free() - free a vector of strings that a call returned (ret_lines, ret_names ...) */
SOUK_API void souk_strv_free(char **v);

/* ---- images ------------------------------------------------------------------------------------------------------ */

enum souk_progress_kind { SOUK_PROGRESS_LAYER, SOUK_PROGRESS_IMAGE };
struct souk_progress {
        enum souk_progress_kind kind;
        const char *name;        /* LAYER: diff id or blob digest; IMAGE: reference, or the image id when it has none */
        const char *image_id;    /* IMAGE: "sha256:..." */
        uint64_t done, total;    /* bytes of the input; total 0 when unknown */
        bool finished, cached;   /* cached: the store had it */
};
typedef void (*souk_progress_fn)(const struct souk_progress *p, void *user);

struct souk_load_request {
        int fd;                  /* archive (file, pipe) or OCI layout directory; borrowed */
        const char *tag;         /* name for an image that carries none; NULL: leave it nameless */
        souk_progress_fn progress;
        void *user;
};
SOUK_API int souk_image_load(struct souk *s, const struct souk_load_request *r, char ***ret_names, struct souk_err *err);

struct souk_import_request {
        int fd;                  /* rootfs tar (plain, gzip, zstd) or directory; borrowed */
        const char *name;        /* reference; NULL: nameless */
        const char *message;
        const char *const *changes; /* Dockerfile instructions: CMD ENTRYPOINT ENV EXPOSE LABEL STOPSIGNAL USER VOLUME WORKDIR */
        souk_progress_fn progress;
        void *user;
};
SOUK_API int souk_image_import(struct souk *s, const struct souk_import_request *r, char **ret_id, struct souk_err *err);

enum souk_archive_format { SOUK_ARCHIVE_DOCKER, SOUK_ARCHIVE_OCI };
/** souk_image_save() - write images to @fd as one archive (docker-archive or oci-archive, uncompressed tar) */
SOUK_API int souk_image_save(struct souk *s, const char *const *refs, int fd, enum souk_archive_format format,
                             struct souk_err *err);
/** souk_image_box() - the embedded default image: made on first use from the distribution's static busybox, named "box".
 * No network.  0 when it was there, 1 when it was made now. */
SOUK_API int souk_image_box(struct souk *s, struct souk_err *err);
/** souk_image_bootstrap() - a Debian root made by mmdebstrap: "debian:bookworm", "debian:trixie", "debian:sid" */
SOUK_API int souk_image_bootstrap(struct souk *s, const char *what, const char *name, const char *const *packages,
                                  bool quiet, char **ret_id, struct souk_err *err);

struct souk_image {
        char *id;                /* "sha256:..." digest of the config */
        char *digest;            /* "sha256:..." of the manifest as it came */
        char **names;            /* full references "docker.io/library/box:latest"; empty for dangling */
        uint64_t size;           /* bytes of all layers as stored */
        uint64_t created_at;     /* as the image says, wall usec */
        uint64_t added_at;
        uint32_t n_layers;
        uint32_t n_instances;    /* that use it */
};
/** souk_images() - all images, newest first.  @filter: NULL, or a name or pattern ("debian", "debian:book*") */
SOUK_API int souk_images(struct souk *s, const char *filter, struct souk_image **ret, size_t *ret_n, struct souk_err *err);
SOUK_API void souk_images_free(struct souk_image *images, size_t n);
SOUK_API int souk_image_tag(struct souk *s, const char *ref, const char *new_ref, struct souk_err *err);
/** souk_image_remove() - remove a name; the image itself with its last name.  @force: also when named several times by id.
 * Refused with SOUK_CONFLICT while an instance uses it.
 * @ret_lines: "Untagged: ...", "Deleted: sha256:..." in order */
SOUK_API int souk_image_remove(struct souk *s, const char *ref, bool force, char ***ret_lines, struct souk_err *err);
/** souk_image_inspect() - one JSON object in the shape of Docker's image inspect */
SOUK_API int souk_image_inspect(struct souk *s, const char *ref, char **ret_text, struct souk_err *err);
struct souk_history {
        char *id;                /* image id for the newest row, else NULL ("<missing>") */
        char *created_by, *comment;
        uint64_t created_at, size;
};
SOUK_API int souk_image_history(struct souk *s, const char *ref, struct souk_history **ret, size_t *ret_n, struct souk_err *err);
SOUK_API void souk_history_free(struct souk_history *h, size_t n);
/** souk_image_prune() - remove nameless images that no instance uses (@all: every unused image) and unreferenced layers */
SOUK_API int souk_image_prune(struct souk *s, bool all, char ***ret_lines, uint64_t *ret_bytes, struct souk_err *err);

/* ---- instances --------------------------------------------------------------------------------------------------- */

enum souk_isolation { SOUK_ISOLATION_CONTAINER, SOUK_ISOLATION_VM };

/* What `souk create` and `souk run` ask for; all zero is a valid request for the image's defaults.
 * Text stays text here (as a person wrote it, in Docker's spelling); the engine parses and checks it, so that every
 * caller gets the same errors. */
struct souk_create_request {
        const char *image;
        const char *name;               /* NULL: made up ("brave-lantern") */
        enum souk_isolation isolation;
        bool autoremove;                /* --rm */
        /* process */
        const char *const *command;     /* replaces the image's Cmd */
        const char *const *entrypoint;  /* replaces the image's Entrypoint; see has_entrypoint */
        bool has_entrypoint;            /* entrypoint was given, perhaps empty */
        const char *const *env;         /* "NAME=VALUE", "NAME" (from the caller's environment) */
        const char *const *env_files;
        const char *workdir;
        const char *user;               /* "user", "uid", "user:group", "uid:gid" */
        const char *const *group_add;
        bool tty, open_stdin;
        bool init;                      /* --init: a reaper as PID 1 */
        const char *stop_signal;
        uint64_t stop_timeout_usec;     /* 0: 10 s */
        const char *const *ulimits;     /* "nofile=1024:2048" */
        const char *const *labels;      /* "key=value" */
        /* files */
        const char *const *volumes;     /* -v "SRC:DST[:ro,...]" */
        const char *const *mounts;      /* --mount "type=bind,src=...,dst=...,readonly" */
        const char *const *tmpfs;       /* "/run[:size=64m,mode=1777]" */
        bool read_only;
        const char *shm_size;
        const char *const *devices;     /* "/dev/fuse[:/dev/fuse[:rwm]]" */
        /* limits */
        const char *memory, *memory_swap, *cpus, *cpuset_cpus, *pids_limit;
        const char *cpu_shares;
        int64_t oom_score_adj;
        /* security */
        const char *const *cap_add, *const *cap_drop;
        const char *const *security_opt; /* "seccomp=unconfined|FILE", "no-new-privileges[=false]" */
        bool privileged;
        const char *userns;             /* NULL/"private", "host" */
        const char *pid, *ipc, *uts, *cgroupns; /* NULL/"private", "host", "container:NAME" */
        /* network */
        const char *network;            /* NULL/"none", "host", "container:NAME" */
        const char *hostname, *domainname;
        const char *const *add_host;    /* "name:address" */
        const char *const *dns, *const *dns_search, *const *dns_option;
        const char *const *sysctls;     /* "net.core.somaxconn=1024" */
};

/** souk_create() - check the request against the image, record an instance.  State: created.
 * @ret_id: 64 hex digits.  Errors: IMAGE_NOT_FOUND, NAME_IN_USE, INVALID (says which option) */
SOUK_API int souk_create(struct souk *s, const struct souk_create_request *r, char **ret_id, struct souk_err *err);
/** souk_plan() - what start would do, step by step, as text; changes nothing, needs no privilege and no image
 * content beyond its configuration */
SOUK_API int souk_plan(struct souk *s, const struct souk_create_request *r, char **ret_text, struct souk_err *err);

/* A foreground start or exec gives its own stdio to the workload and gets its exit status. */
struct souk_streams {
        int in, out, err;               /* borrowed; -1: not connected.  With a terminal, in and out are used */
        const char *detach_keys;        /* "ctrl-p,ctrl-q"; NULL: that default; "": none */
        bool sig_proxy;                 /* forward SIGTERM, SIGHUP, SIGINT ... to the workload */
};
#define SOUK_EXIT_DETACHED (-1)         /* *ret_status: the user detached; the workload goes on */

/** souk_start() - start a created or exited instance.
 * @streams: NULL: detached, returns when the workload's program has been executed.  Else stays until it has ended:
 *           *ret_status is its exit code, 128+n for signal n, or SOUK_EXIT_DETACHED.
 * Errors: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE (then the instance is recorded as exited 127 / 126), WRONG_STATE */
SOUK_API int souk_start(struct souk *s, const char *ref, const struct souk_streams *streams, int *ret_status, struct souk_err *err);
/** souk_run() - create and start in one step: one record transaction, the fast path of `souk run`.
 * @ret_id may be NULL; it is set as soon as the record exists, also when the start then fails.
 * @on_created: called with the id before the start (--cidfile); may be NULL */
SOUK_API int souk_run(struct souk *s, const struct souk_create_request *r, const struct souk_streams *streams,
                      int (*on_created)(const char *id, void *user, struct souk_err *err), void *user, char **ret_id,
                      int *ret_status, struct souk_err *err);
/** souk_stop() - stop signal, then after the timeout SIGKILL.  @timeout_usec: UINT64_MAX: the instance's own.
 * Stopping what does not run is success. */
SOUK_API int souk_stop(struct souk *s, const char *ref, uint64_t timeout_usec, struct souk_err *err);
SOUK_API int souk_kill(struct souk *s, const char *ref, int signal, struct souk_err *err);
/** souk_remove() - remove a stopped instance; @force kills a running one first */
SOUK_API int souk_remove(struct souk *s, const char *ref, bool force, struct souk_err *err);
/** souk_wait() - until it is not running.  @ret_status: exit code */
SOUK_API int souk_wait(struct souk *s, const char *ref, int *ret_status, struct souk_err *err);
/** souk_attach() - connect streams to a running instance; as the foreground souk_start().  @no_stdin */
SOUK_API int souk_attach(struct souk *s, const char *ref, const struct souk_streams *streams, bool no_stdin, int *ret_status,
                         struct souk_err *err);

struct souk_exec_request {
        const char *const *command;
        const char *const *env, *const *env_files;
        const char *workdir, *user;
        bool tty, open_stdin, privileged;
        const struct souk_streams *streams; /* NULL: detached */
};
SOUK_API int souk_exec(struct souk *s, const char *ref, const struct souk_exec_request *r, int *ret_status, struct souk_err *err);

enum souk_state { SOUK_STATE_CREATED, SOUK_STATE_STARTING, SOUK_STATE_RUNNING, SOUK_STATE_EXITED, SOUK_STATE_MAX };
SOUK_API const char *souk_state_name(enum souk_state state);
struct souk_instance {
        char *id, *name, *image, *image_id;
        char **command;                 /* entrypoint and arguments */
        char **labels;
        enum souk_state state;
        enum souk_isolation isolation;
        int exit_status;
        bool oom_killed;
        char *error;                    /* why the last start failed, or NULL */
        int64_t pid;                    /* 0 when not running */
        uint64_t created_at, started_at, finished_at;
        uint64_t size_rw;               /* bytes of the writable layer, when asked for */
};
struct souk_list_request {
        bool all;                       /* else running ones only */
        bool size;
        const char *const *filters;     /* "name=", "id=", "status=", "label=k[=v]", "ancestor=" */
        uint32_t last;                  /* newest n, any state; 0: no limit */
};
SOUK_API int souk_list(struct souk *s, const struct souk_list_request *r, struct souk_instance **ret, size_t *ret_n,
                       struct souk_err *err);
SOUK_API void souk_instances_free(struct souk_instance *v, size_t n);
/** souk_inspect() - one JSON object in the shape of Docker's container inspect */
SOUK_API int souk_inspect(struct souk *s, const char *ref, bool size, char **ret_text, struct souk_err *err);

struct souk_logs_request {
        bool follow, timestamps;
        int64_t tail;                   /* lines from the end; -1: all */
        uint64_t since_at, until_at;    /* wall usec, 0: no bound */
        int out, err;                   /* where the two streams go; borrowed */
};
SOUK_API int souk_logs(struct souk *s, const char *ref, const struct souk_logs_request *r, struct souk_err *err);
/** souk_export() - the instance's merged root as a tar stream to @fd */
SOUK_API int souk_export(struct souk *s, const char *ref, int fd, struct souk_err *err);

/* ---- system ------------------------------------------------------------------------------------------------------ */

/** souk_check() - compare records with what is on disk, in cgroups and mounts.
 * @repair: mend what is found.  @ret_lines: a line per finding ("repaired: ..." or "found: ...").  Return: findings not mended */
SOUK_API int souk_check(struct souk *s, bool repair, char ***ret_lines, struct souk_err *err);
/** souk_reset() - release what is only kept for speed (layer mounts, caches); @all: also remove instances and images */
SOUK_API int souk_reset(struct souk *s, bool all, struct souk_err *err);
/** souk_info() - versions, store, drivers, what this kernel can do and what happens instead, as a JSON object */
SOUK_API int souk_info(struct souk *s, char **ret_text, struct souk_err *err);
/** souk_reap() - finish an instance whose workload has ended: record, cgroups, run files, autoremove.  Idempotent. */
SOUK_API int souk_reap(struct souk *s, const char *ref, struct souk_err *err);

/** souk_ref_complete() - names for shell completion: "images" or "instances" or "running" */
SOUK_API int souk_names(struct souk *s, const char *kind, char ***ret, struct souk_err *err);
#endif
