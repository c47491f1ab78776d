/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All of souk.h, as a notebook. */
#include "fake_engine.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

struct fake_engine fake;

void fake_reset(void) {
        fake = (struct fake_engine){ .fail_code = SOUK_INSTANCE_NOT_FOUND };
}

static void note(const char *fmt, ...) _printf_(1, 2);
static void note(const char *fmt, ...) {
        size_t n = strlen(fake.calls);
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(fake.calls + n, sizeof(fake.calls) - n, fmt, ap);
        va_end(ap);
}

static void note_strv(const char *what, const char *const *v) {
        if (!v || !v[0])
                return;
        note(" %s=[", what);
        for (size_t i = 0; v[i]; i++)
                note("%s%s", i ? "|" : "", v[i]);
        note("]");
}

static void note_str(const char *what, const char *s) {
        if (s)
                note(" %s=%s", what, s);
}

static void note_streams(const struct souk_streams *s) {
        if (s)
                note(" streams=%d,%d,%d keys=%s proxy=%d", s->in, s->out, s->err, s->detach_keys ? s->detach_keys : "-",
                     s->sig_proxy);
        else
                note(" detached");
}

static int by_name(const char *what, const char *name, struct souk_err *err) {
        note("%s %s", what, name);
        if (!streq(name, "bad"))
                return 0;
        note("\n");
        return souk_err_set(err, fake.fail_code, -ENOENT, "no such thing: %s", name);
}

static int simple(const char *what, const char *name, struct souk_err *err) {
        int r = by_name(what, name, err);
        if (r >= 0)
                note("\n");
        return r;
}

static char **one_line(const char *s) {
        char **v = NULL;
        strv_push(&v, s);
        return v;
}

int souk_open(const struct souk_options *o, struct souk **ret, struct souk_err *err) {
        snprintf(fake.root, sizeof(fake.root), "%s", o->root ? o->root : "");
        *ret = xmalloc(1);
        return 0;
}
void souk_close(struct souk *s) {
        free(s);
}
void souk_free(void *p) {
        free(p);
}
void souk_strv_free(char **v) {
        strv_free(v);
}

static int check_image(const struct souk_create_request *r, struct souk_err *err) {
        if (streq(r->image, "bad") || (streq(r->image, "box") && fake.box_missing))
                return souk_err_set(err, SOUK_IMAGE_NOT_FOUND, -ENOENT, "image '%s' not found", r->image);
        if (streq(r->image, "no-program"))
                return souk_err_set(err, SOUK_COMMAND_NOT_FOUND, -ENOENT, "command not found");
        if (streq(r->image, "no-exec"))
                return souk_err_set(err, SOUK_COMMAND_NOT_EXECUTABLE, -EACCES, "command not executable");
        return 0;
}

static void note_request(const struct souk_create_request *r) {
        note(" %s", r->image);
        note_strv("command", r->command);
        if (r->has_entrypoint)
                note(" entrypoint=%s", r->entrypoint && r->entrypoint[0] ? r->entrypoint[0] : "''");
        note_str("name", r->name);
        note_str("memory", r->memory);
        note_str("hostname", r->hostname);
        note_str("network", r->network);
        note_strv("env", r->env);
        note_strv("volumes", r->volumes);
        note_strv("labels", r->labels);
        if (r->isolation)
                note(" vm");
        if (r->tty)
                note(" tty");
        if (r->open_stdin)
                note(" stdin");
        if (r->autoremove)
                note(" rm");
        if (r->stop_timeout_usec)
                note(" stop_timeout=%llu", (unsigned long long) r->stop_timeout_usec);
}

int souk_create(struct souk *s, const struct souk_create_request *r, char **ret_id, struct souk_err *err) {
        note("create");
        note_request(r);
        note("\n");
        int ok = check_image(r, err);
        if (ok >= 0)
                *ret_id = xstrdup("0123456789abcdef");
        return ok;
}
int souk_plan(struct souk *s, const struct souk_create_request *r, char **ret_text, struct souk_err *err) {
        note("plan");
        note_request(r);
        note("\n");
        int ok = check_image(r, err);
        if (ok >= 0)
                *ret_text = xstrdup("step 1\n");
        return ok;
}
int souk_run(struct souk *s, const struct souk_create_request *r, const struct souk_streams *streams,
             int (*on_created)(const char *id, void *user, struct souk_err *err), void *user, char **ret_id,
             int *ret_status, struct souk_err *err) {
        note("run");
        note_request(r);
        note_streams(streams);
        note("\n");
        int ok = check_image(r, err);
        if (ok < 0)
                return ok;
        ok = on_created ? on_created("0123456789abcdef", user, err) : 0;
        if (ok < 0)
                return ok;
        *ret_id = xstrdup("0123456789abcdef");
        *ret_status = fake.status;
        return 0;
}
int souk_start(struct souk *s, const char *ref, const struct souk_streams *streams, int *ret_status,
               struct souk_err *err) {
        int r = by_name("start", ref, err);
        if (r < 0)
                return r;
        note_streams(streams);
        note("\n");
        *ret_status = fake.status;
        return 0;
}
int souk_stop(struct souk *s, const char *ref, uint64_t timeout_usec, struct souk_err *err) {
        int r = by_name("stop", ref, err);
        if (r >= 0)
                note(" %lld\n", (long long) timeout_usec);
        return r;
}
int souk_kill(struct souk *s, const char *ref, int signal, struct souk_err *err) {
        int r = by_name("kill", ref, err);
        if (r >= 0)
                note(" %d\n", signal);
        return r;
}
int souk_remove(struct souk *s, const char *ref, bool force, struct souk_err *err) {
        int r = by_name("remove", ref, err);
        if (r >= 0)
                note(" force=%d\n", force);
        return r;
}
int souk_wait(struct souk *s, const char *ref, int *ret_status, struct souk_err *err) {
        *ret_status = fake.status;
        return simple("wait", ref, err);
}
int souk_attach(struct souk *s, const char *ref, const struct souk_streams *streams, bool no_stdin, int *ret_status,
                struct souk_err *err) {
        int r = by_name("attach", ref, err);
        if (r < 0)
                return r;
        note_streams(streams);
        note(" no_stdin=%d\n", no_stdin);
        *ret_status = fake.status;
        return 0;
}
int souk_exec(struct souk *s, const char *ref, const struct souk_exec_request *r, int *ret_status,
              struct souk_err *err) {
        int ok = by_name("exec", ref, err);
        if (ok < 0)
                return ok;
        note_strv("command", r->command);
        note_strv("env", r->env);
        note_str("user", r->user);
        note_str("workdir", r->workdir);
        note_streams(r->streams);
        note("\n");
        *ret_status = fake.status;
        return 0;
}
const char *souk_state_name(enum souk_state state) {
        static const char *const names[] = { "created", "starting", "running", "exited" };
        return names[state];
}
int souk_list(struct souk *s, const struct souk_list_request *r, struct souk_instance **ret, size_t *ret_n,
              struct souk_err *err) {
        note("list all=%d size=%d last=%u", r->all, r->size, r->last);
        note_strv("filters", r->filters);
        note("\n");
        *ret = fake.instances;
        *ret_n = fake.n_instances;
        return 0;
}
void souk_instances_free(struct souk_instance *v, size_t n) {
}
static int inspect(const char *what, const char *ref, enum souk_code missing, char **ret, struct souk_err *err) {
        note("%s %s\n", what, ref);
        if (!fake.inspect_text || streq(ref, "bad"))
                return souk_err_set(err, missing, -ENOENT, "not found: %s", ref);
        *ret = xstrdup(fake.inspect_text);
        return 0;
}
int souk_inspect(struct souk *s, const char *ref, bool size, char **ret_text, struct souk_err *err) {
        return inspect("inspect", ref, SOUK_INSTANCE_NOT_FOUND, ret_text, err);
}
int souk_logs(struct souk *s, const char *ref, const struct souk_logs_request *r, struct souk_err *err) {
        int ok = by_name("logs", ref, err);
        if (ok >= 0)
                note(" follow=%d times=%d tail=%lld since=%llu\n", r->follow, r->timestamps, (long long) r->tail,
                     (unsigned long long) r->since_at);
        return ok;
}
int souk_export(struct souk *s, const char *ref, int fd, struct souk_err *err) {
        int r = simple("export", ref, err);
        if (write(fd, "TAR", 3) != 3)
                return -EIO;
        return r;
}
int souk_image_load(struct souk *s, const struct souk_load_request *r, char ***ret_names, struct souk_err *err) {
        note("load tag=%s\n", r->tag ? r->tag : "-");
        struct souk_progress p = {
                .kind = SOUK_PROGRESS_LAYER, .name = "sha256:0123456789abcdef", .done = 5000, .total = 10000
        };
        r->progress(&p, r->user);
        p.done = 10000;
        p.finished = true;
        r->progress(&p, r->user);
        *ret_names = one_line("docker.io/library/web:latest");
        return 0;
}
int souk_image_import(struct souk *s, const struct souk_import_request *r, char **ret_id, struct souk_err *err) {
        note("import name=%s", r->name ? r->name : "-");
        note_strv("changes", r->changes);
        note("\n");
        *ret_id = xstrdup("sha256:0123");
        return 0;
}
int souk_image_save(struct souk *s, const char *const *refs, int fd, enum souk_archive_format format,
                    struct souk_err *err) {
        int r = by_name("save", refs[0], err);
        if (write(fd, "TAR", 3) != 3)
                return -EIO;
        if (r >= 0)
                note(" oci=%d\n", format == SOUK_ARCHIVE_OCI);
        return r;
}
int souk_image_box(struct souk *s, struct souk_err *err) {
        note("box\n");
        fake.box_missing = false;
        return 1;
}
int souk_image_bootstrap(struct souk *s, const char *what, const char *name, const char *const *packages, bool quiet,
                         char **ret_id, struct souk_err *err) {
        note("bootstrap %s name=%s", what, name);
        note_strv("packages", packages);
        note("\n");
        *ret_id = xstrdup("sha256:0123");
        return 0;
}
int souk_images(struct souk *s, const char *filter, struct souk_image **ret, size_t *ret_n, struct souk_err *err) {
        note("images filter=%s\n", filter ? filter : "-");
        *ret = fake.images;
        *ret_n = fake.n_images;
        return 0;
}
void souk_images_free(struct souk_image *images, size_t n) {
}
int souk_image_tag(struct souk *s, const char *ref, const char *new_ref, struct souk_err *err) {
        note("tag %s %s\n", ref, new_ref);
        return 0;
}
int souk_image_remove(struct souk *s, const char *ref, bool force, char ***ret_lines, struct souk_err *err) {
        int r = simple("rmi", ref, err);
        if (r >= 0)
                *ret_lines = one_line("Untagged: web:latest");
        return r;
}
int souk_image_inspect(struct souk *s, const char *ref, char **ret_text, struct souk_err *err) {
        return inspect("image-inspect", ref, SOUK_IMAGE_NOT_FOUND, ret_text, err);
}
int souk_image_history(struct souk *s, const char *ref, struct souk_history **ret, size_t *ret_n,
                       struct souk_err *err) {
        static char by[] = "RUN apt-get update\n  && apt-get install nginx and a long tail of other things";
        static struct souk_history h = { .created_by = by, .size = 1234567 };
        *ret = &h;
        *ret_n = 1;
        return simple("history", ref, err);
}
void souk_history_free(struct souk_history *h, size_t n) {
}
int souk_image_prune(struct souk *s, bool all, char ***ret_lines, uint64_t *ret_bytes, struct souk_err *err) {
        note("prune all=%d\n", all);
        *ret_lines = one_line("Deleted: sha256:0123");
        *ret_bytes = 4200000;
        return 0;
}
int souk_check(struct souk *s, bool repair, char ***ret_lines, struct souk_err *err) {
        note("check repair=%d\n", repair);
        *ret_lines = one_line("found: a mount");
        return repair ? 0 : 1;
}
int souk_reset(struct souk *s, bool all, struct souk_err *err) {
        note("reset all=%d\n", all);
        return 0;
}
int souk_info(struct souk *s, char **ret_text, struct souk_err *err) {
        *ret_text = xstrdup("{\"Version\":\"0.1\",\"Kernel\":{\"erofs\":true,\"missing\":[\"a\",\"b\"]}}");
        return 0;
}
int souk_reap(struct souk *s, const char *ref, struct souk_err *err) {
        return simple("reap", ref, err);
}
int souk_names(struct souk *s, const char *kind, char ***ret, struct souk_err *err) {
        *ret = one_line(streq(kind, "images") ? "docker.io/library/box:latest" : "web");
        return 0;
}
