/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include "base/buf.h"
#include "base/proc.h"

#include <dirent.h>
#include <stdio.h>

int rig_setup(void **state) {
        if (geteuid() != 0) {
                *state = NULL;
                return 0;
        }
        setenv("ASAN_OPTIONS", "detect_leaks=0", 0); /* of the worker, which has no /proc for that */
        struct rig *r = xcalloc(1, sizeof(*r));
        strcpy(r->dir, "/tmp/souk-t.XXXXXX");
        r->staging_fd = -EBADF;
        r->limits = worker_limits_default();
        if (!mkdtemp(r->dir) || (r->dir_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                return -1;
        *state = r;
        return 0;
}

void rig_forget(struct rig *r) {
        worker_images_free(r->images, r->n_images);
        r->images = NULL;
        r->n_images = 0;
        r->staging_fd = fd_close(r->staging_fd);
        assert_int_equal(tree_remove(r->dir_fd, "staging"), 0);
}

int rig_teardown(void **state) {
        struct rig *r = *state;
        if (!r)
                return 0;
        rig_forget(r);
        strv_free(r->known_layers);
        strv_free(r->known_blobs);
        fd_close(r->dir_fd);
        int k = tree_remove(AT_FDCWD, r->dir);
        free(r);
        return k;
}

void sh(struct rig *r, const char *fmt, ...) {
        _cleanup_buf_ struct buf b = {};
        va_list ap;
        char *text;
        int pidfd, status = -1;
        va_start(ap, fmt);
        assert_true(vasprintf(&text, fmt, ap) >= 0);
        va_end(ap);
        buf_addf(&b, "cd %s; . " ARCHIVES_SH "; %s", r->dir, text);
        char *const argv[] = { (char *) "bash", (char *) "-c", b.data, NULL };
        assert_true(proc_spawn(&(struct proc_spawn){ .path = "bash", .argv = argv }, &pidfd) > 0);
        assert_int_equal(proc_wait(pidfd, &status), 0);
        close(pidfd);
        if (status != 0)
                fail_msg("status %d of: %s", status, text);
        free(text);
}

static void new_staging(struct rig *r) {
        rig_forget(r);
        memset(&r->err, 0, sizeof(r->err));
        r->staging_fd = dir_make_open(r->dir_fd, "staging", 0700);
        assert_true(r->staging_fd >= 0);
}

static bool layer_known(const struct digest *d, void *user) {
        struct rig *r = user;
        r->asked++;
        return strv_has(r->known_layers, d->hex);
}

static bool blob_known(const struct digest *d, void *user) {
        struct rig *r = user;
        return strv_has(r->known_blobs, d->hex);
}

static void on_progress(const struct souk_progress *p, void *user) {
        struct rig *r = user;
        assert_non_null(p->name);
        r->progress++;
}

int rig_load_fd(struct rig *r, int fd) {
        new_staging(r);
        struct worker_load job = {
                .input_fd = fd, .staging_fd = r->staging_fd, .driver = r->driver, .name = r->name, .keep_blobs = !r->drop_blobs, .limits = &r->limits,
                .layer_known = layer_known, .blob_known = blob_known, .progress = on_progress, .user = r,
        };
        return worker_load(&job, &r->images, &r->n_images, &r->err);
}

static int rig_open(struct rig *r, const char *name) {
        int fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                fail_msg("%s/%s", r->dir, name);
        return fd;
}

int rig_load(struct rig *r, const char *name) {
        _cleanup_close_ int fd = rig_open(r, name);
        return rig_load_fd(r, fd);
}

int rig_import(struct rig *r, const char *name, struct worker_image **ret) {
        _cleanup_close_ int fd = rig_open(r, name);
        new_staging(r);
        struct worker_import job = {
                .input_fd = fd, .staging_fd = r->staging_fd, .driver = r->driver, .name = r->name, .message = "made by a test",
                .config_text = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"x\"]}}", .limits = &r->limits, .progress = on_progress, .user = r,
        };
        return worker_import(&job, ret, &r->err);
}

bool staged(struct rig *r, const char *kind, const struct digest *d) {
        _cleanup_free_ char *name = xasprintf("%s.%s", kind, d->hex);
        return file_exists(r->staging_fd, name);
}

char **staged_names(struct rig *r) {
        char **names = NULL;
        DIR *d = fdopendir(dup(r->staging_fd));
        assert_non_null(d);
        rewinddir(d);
        for (struct dirent *e; (e = readdir(d));)
                if (e->d_name[0] != '.')
                        strv_push(&names, e->d_name);
        closedir(d);
        return names;
}

size_t staged_strangers(struct rig *r, char *const *allowed) {
        _cleanup_strv_ char **names = staged_names(r);
        size_t n = 0;
        for (size_t i = 0; names && names[i]; i++)
                if (!str_startswith(names[i], "part-") && !strv_has(allowed, names[i])) {
                        print_error("in staging: %s\n", names[i]);
                        n++;
                }
        return n;
}

void must_fail(struct rig *r, const char *name, enum souk_code code, const char *words, char *const *allowed) {
        int k = rig_load(r, name);
        if (k >= 0 || r->err.code != code || r->err.errnum != k || !strstr(r->err.msg, words))
                fail_msg("%s: %d, code %s: %s (wanted %s: %s)", name, k, souk_code_name(r->err.code), r->err.msg, souk_code_name(code), words);
        assert_true(str_is_utf8(r->err.msg));
        assert_null(r->images);
        assert_int_equal(staged_strangers(r, allowed), 0);
}

void must_load(struct rig *r, const char *name) {
        if (rig_load(r, name) < 0)
                fail_msg("%s: code %s: %s", name, souk_code_name(r->err.code), r->err.msg);
        assert_int_equal(r->err.errnum, 0);
}
