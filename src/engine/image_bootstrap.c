/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * souk image bootstrap debian:SUITE: a Debian root, installed from its packages by mmdebstrap, whose tar goes through a
 * pipe into the worker; no temporary tar on disk.
 *
 * Packages come from $SOUK_DEBIAN_MIRROR when set; else, for the suite that the host itself runs, from the host's own
 * apt sources (debian.sources or sources.list, passed as a file, not parsed), so that a host with a local mirror needs no
 * configuration; else from mmdebstrap's default.  A mirror that is older than its indexes allow (a snapshot, a machine
 * whose clock is ahead) is used with SOUK_DEBIAN_CHECK_VALID_UNTIL=no, for this run only.  mmdebstrap and what it runs are a session of their own, which gets
 * SIGTERM as a whole when the user interrupts: only so it stops at once and removes its own temporary root.  Its
 * output is kept (the end of it) for the error message, and shown as it comes unless quiet.
 */
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/image_job.h"
#include "wire/ref.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define TAIL_BYTES 4096
#define TAIL_SHOWN 300

/* ---- what it says ---- */

/* A thread that reads mmdebstrap's stderr to its end: it must be read while the worker reads the other pipe. */
struct listener {
        pthread_t thread;
        int fd;
        bool echo;
        char tail[TAIL_BYTES];
        size_t len;
};

static void tail_append(struct listener *l, const char *p, size_t n) {
        size_t keep = MIN(l->len, sizeof(l->tail) - n);

        memmove(l->tail, l->tail + l->len - keep, keep);
        memcpy(l->tail + keep, p, n);
        l->len = keep + n;
}

static void *listen_run(void *arg) {
        struct listener *l = arg;
        char chunk[1024];
        ssize_t n;

        while ((n = read(l->fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
                if (n < 0)
                        continue;
                tail_append(l, chunk, (size_t) n);
                if (l->echo)
                        (void) !fd_write_all(STDERR_FILENO, chunk, (size_t) n);
        }
        return NULL;
}

/* What went wrong, on one line: its error lines without those that only say which command failed, else whatever came
 * last. */
static char *tail_text(struct listener *l) {
        _cleanup_strv_ char **lines = NULL, **errors = NULL;
        _cleanup_free_ char *text = xstrndup(l->tail, l->len), *joined = NULL, *printable = NULL;
        size_t n;

        lines = str_split(text, '\n');
        for (char **line = lines; line && *line; line++)
                if (str_startswith(*line, "E: ") && !strstr(*line, "failed: E: apt-get") &&
                    !str_startswith(*line, "E: apt-get") && !str_startswith(*line, "E: mmdebstrap failed"))
                        strv_push(&errors, *line);
        if (!errors)
                for (n = strv_len(lines); n > 0 && strv_len(errors) < 3; n--)
                        if (!str_empty(lines[n - 1]))
                                strv_push(&errors, lines[n - 1]);
        joined = errors ? strv_join(errors, "; ") : xstrdup("it said nothing");
        printable = str_printable(joined);
        return xstrndup(printable, TAIL_SHOWN);
}

/* ---- what to run ---- */

static bool is_word(const char *s, const char *also) {
        if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9')))
                return false;
        for (; *s; s++)
                if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || strchr(also, *s)))
                        return false;
        return true;
}

static int parse_what(const char *what, const char **ret_suite, struct souk_err *err) {
        const char *suite = str_startswith(what, "debian:");

        if (!suite && strchr(what, ':'))
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP,
                                    "cannot bootstrap '%s': only Debian can be, as in 'debian:bookworm', 'debian:trixie' or "
                                    "'debian:sid'",
                                    what);
        if (!suite)
                suite = streq(what, "debian") ? "stable" : what;
        if (!is_word(suite, "-"))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "'%s' is not a Debian suite: use 'debian:bookworm' or the like",
                                    what);
        *ret_suite = suite;
        return 0;
}

/* The host's own sources, when it runs this suite. */
static const char *host_sources(const char *suite) {
        static const char *const files[] = { "/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list" };
        _cleanup_free_ char *release = NULL, *line = NULL;
        struct stat sb;
        size_t n;

        if (file_read(AT_FDCWD, "/etc/os-release", 65536, &release, &n) < 0)
                return NULL;
        line = xasprintf("VERSION_CODENAME=%s\n", suite);
        if (!strstr(release, line) || !strstr(release, "ID=debian\n"))
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (stat(files[i], &sb) == 0 && sb.st_size > 0)
                        return files[i];
        return NULL;
}

/* A file in the new root while it is made; an --aptopt would stay in the image. */
static void push_expired(char ***argv) {
        static const char file[] = "\"$1\"/etc/apt/apt.conf.d/01souk-expired";
        const char *check = getenv("SOUK_DEBIAN_CHECK_VALID_UNTIL");

        if (!check || !streq(check, "no"))
                return;
        strv_pushf(argv, "--setup-hook=echo 'Acquire::Check-Valid-Until \"false\";' >%s", file);
        strv_pushf(argv, "--customize-hook=rm %s", file);
}

static int build_argv(const char *suite, const char *const *packages, char ***ret, struct souk_err *err) {
        static const char keyring[] = "/usr/share/keyrings/debian-archive-keyring.gpg";
        const char *mirror = getenv("SOUK_DEBIAN_MIRROR");
        _cleanup_strv_ char **argv = NULL;

        strv_push(&argv, "mmdebstrap");
        strv_push(&argv, "--variant=minbase");
        strv_push(&argv, "--format=tar");
        strv_push(&argv, "--aptopt=Acquire::Languages \"none\"");
        push_expired(&argv);
        if (file_exists(AT_FDCWD, keyring))
                strv_pushf(&argv, "--keyring=%s", keyring);
        for (const char *const *p = packages; p && *p; p++) {
                if (!is_word(*p, "+-.:"))
                        return souk_err_set(err, SOUK_INVALID, -EINVAL, "'%s' is not the name of a Debian package", *p);
                strv_pushf(&argv, "--include=%s", *p);
        }
        strv_push(&argv, suite);
        strv_push(&argv, "-");
        if (str_empty(mirror))
                mirror = host_sources(suite);
        if (!str_empty(mirror))
                strv_push(&argv, mirror);
        *ret = TAKE_PTR(argv);
        return 0;
}

static json_t *build_config(const char *suite, const char *const *packages) {
        static const char *const cmd[] = { "bash", NULL };
        json_t *config = image_config_base(cmd, now_wall_usec()), *labels = json_object();
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *list = NULL;

        json_object_set_new(labels, "org.opencontainers.image.title", json_string("debian"));
        json_object_set_new(labels, "org.opencontainers.image.version", json_string(suite));
        for (const char *const *p = packages; p && *p; p++)
                strv_push(&names, *p);
        if (names) {
                list = strv_join(names, " ");
                json_object_set_new(labels, "souk.bootstrap.packages", json_string(list));
        }
        json_object_set_new(json_object_get(config, "config"), "Labels", labels);
        return config;
}

/* ---- run it ---- */

struct bootstrap {
        int tar_fd, pidfd;
        pid_t pid; /* also of its process group */
        struct listener listener;
};

static int bootstrap_start(struct bootstrap *b, char *const *argv, bool quiet, struct souk_err *err) {
        _cleanup_close_ int tar_out = -EBADF, said_out = -EBADF, null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        int tar_pipe[2], said_pipe[2], r;
        sigset_t all, before;

        if (pipe2(tar_pipe, O_CLOEXEC) < 0)
                return souk_err_errno(err, errno, "make a pipe");
        b->tar_fd = tar_pipe[0];
        tar_out = tar_pipe[1];
        if (pipe2(said_pipe, O_CLOEXEC) < 0)
                return souk_err_errno(err, errno, "make a pipe");
        b->listener = (struct listener){ .fd = said_pipe[0], .echo = !quiet };
        said_out = said_pipe[1];
        (void) fcntl(b->tar_fd, F_SETPIPE_SZ, 1 << 20);

        const struct proc_fd_map fds[] = { { null_fd, STDIN_FILENO }, { tar_out, STDOUT_FILENO }, { said_out, STDERR_FILENO } };

        r = proc_spawn(&(struct proc_spawn){ .path = "mmdebstrap", .argv = argv, .fds = fds, .n_fds = ELEMENTSOF(fds),
                                             .new_session = true, .die_with_parent = true }, &b->pidfd);
        if (r == -ENOENT)
                return souk_err_set(err, SOUK_NOT_FOUND, r,
                                    "mmdebstrap is not installed: install it with 'scripts/deps' or 'apt-get install mmdebstrap'");
        if (r < 0)
                return souk_err_errno(err, r, "run mmdebstrap");
        b->pid = (pid_t) r;
        sigfillset(&all); /* signals are for this thread: they end its waits */
        pthread_sigmask(SIG_BLOCK, &all, &before);
        r = pthread_create(&b->listener.thread, NULL, listen_run, &b->listener);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0) {
                kill(-b->pid, SIGTERM);
                return souk_err_errno(err, r, "start a thread");
        }
        return 0;
}

/* Its end: exit status, with the pipes closed and the thread gone. */
static int bootstrap_finish(struct bootstrap *b) {
        int status = -1;

        b->tar_fd = fd_close(b->tar_fd); /* in case it still writes: SIGPIPE */
        if (image_job_interrupted())
                kill(-b->pid, SIGTERM); /* not waited for yet, so the number is still its */
        if (proc_wait(b->pidfd, &status) < 0)
                status = -1;
        pthread_join(b->listener.thread, NULL);
        return status;
}

static void bootstrap_clear(struct bootstrap *b) {
        fd_close(b->tar_fd);
        fd_close(b->pidfd);
        fd_close(b->listener.fd);
}

static int bootstrap_failed(struct bootstrap *b, int status, int unpacked, const struct souk_err *why, struct souk_err *err) {
        _cleanup_free_ char *said = NULL;

        if (unpacked < 0 && status == 128 + SIGPIPE) { /* it ended because the worker did */
                if (err)
                        *err = *why;
                return unpacked;
        }
        said = tail_text(&b->listener); /* that the tar ended early is then no news */
        if (strstr(said, " is expired"))
                return souk_err_set(err, SOUK_NOT_FOUND, -EIO,
                                    "mmdebstrap failed with status %d: %s: set this machine's clock, or trust an old mirror "
                                    "with SOUK_DEBIAN_CHECK_VALID_UNTIL=no",
                                    status, said);
        return souk_err_set(err, SOUK_NOT_FOUND, -EIO, "mmdebstrap failed with status %d: %s%s%.100s", status, said,
                            unpacked < 0 && why->code != SOUK_CORRUPT ? "; the import: " : "",
                            unpacked < 0 && why->code != SOUK_CORRUPT ? why->msg : "");
}

/* What the worker made counts only when mmdebstrap then says that all was well. */
static int bootstrap_import(struct image_job *j, struct bootstrap *b, const json_t *config, const char *name,
                            const char *message, char **ret_id, struct souk_err *err) {
        _cleanup_strv_ char **names = NULL;
        struct worker_image *w = NULL;
        struct souk_err why = { 0 };
        int r, status;

        r = image_job_unpack(j, b->tar_fd, config, name, message, &w, &why);
        status = bootstrap_finish(b);
        if (image_job_interrupted())
                r = image_job_interrupted_error(err);
        else if (status != 0)
                r = bootstrap_failed(b, status, r, &why, err);
        else if (r < 0 && err)
                *err = why;
        if (r == 0)
                r = image_job_adopt(j, w, &names, err);
        if (r == 0 && ret_id)
                *ret_id = xasprintf("sha256:%s", w->id.hex);
        if (w)
                worker_images_free(w, 1);
        return r;
}

static int bootstrap_run(struct image_job *j, const char *suite, const char *name, const char *const *packages, bool quiet,
                         char **ret_id, struct souk_err *err) {
        _cleanup_(bootstrap_clear) struct bootstrap b = { .tar_fd = -EBADF, .pidfd = -EBADF, .listener.fd = -EBADF };
        _cleanup_json_ json_t *config = NULL;
        _cleanup_strv_ char **argv = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = build_argv(suite, packages, &argv, err);
        if (r < 0)
                return r;
        config = build_config(suite, packages);
        message = strv_join(argv, " ");
        r = bootstrap_start(&b, argv, quiet, err);
        if (r < 0)
                return r;
        return bootstrap_import(j, &b, config, name, message, ret_id, err);
}

int souk_image_bootstrap(struct souk *s, const char *what, const char *name, const char *const *packages, bool quiet,
                         char **ret_id, struct souk_err *err) {
        _cleanup_job_ struct image_job j = { 0 };
        _cleanup_free_ char *full = NULL, *made_up = NULL;
        const char *suite = NULL;
        int r;

        r = parse_what(what, &suite, err);
        if (r < 0)
                return r;
        made_up = xasprintf("debian:%s", suite);
        r = image_ref_normalize(name ? name : made_up, &full, err);
        if (r < 0)
                return r;
        r = image_job_open(s, NULL, NULL, &j, err);
        if (r < 0)
                return r;
        return bootstrap_run(&j, suite, full, packages, quiet, ret_id, err);
}
