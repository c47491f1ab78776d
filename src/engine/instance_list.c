/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of instances: records with their states refreshed, filtered as `docker ps --filter` does. */
#include "engine/instance.h"

#include "base/file.h"
#include "wire/ref.h"

#include <dirent.h>
#include <sys/stat.h>

static const char *const state_names[] = {
        [SOUK_STATE_CREATED] = "created",
        [SOUK_STATE_STARTING] = "starting",
        [SOUK_STATE_RUNNING] = "running",
        [SOUK_STATE_EXITED] = "exited",
};
_Static_assert(ELEMENTSOF(state_names) == SOUK_STATE_MAX, "a name for each state");

const char *souk_state_name(enum souk_state state) {
        return state < SOUK_STATE_MAX ? state_names[state] : "unknown";
}

/* Disk blocks below @dirfd; follows no symlink.  A directory that vanishes meanwhile counts nothing. */
static uint64_t tree_bytes(int dirfd_take, unsigned depth) {
        uint64_t sum = 0;
        DIR *d = fdopendir(dirfd_take);
        if (!d) {
                close(dirfd_take);
                return 0;
        }
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;
                if (streq(e->d_name, ".") || streq(e->d_name, "..") || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode)) {
                        sum += (uint64_t) st.st_blocks * 512 / (st.st_nlink ? st.st_nlink : 1);
                        continue;
                }
                int fd = depth < 1024 ? openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
                if (fd >= 0)
                        sum += tree_bytes(fd, depth + 1);
        }
        closedir(d);
        return sum;
}

static uint64_t upper_bytes(struct souk *s, const char *id) {
        _cleanup_close_ int dir = store_instance_dir_open(s->store, id, NULL);
        int upper = dir < 0 ? -1 : openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return upper < 0 ? 0 : tree_bytes(upper, 0);
}

static int filter_matches(struct souk *s, const char *filter, const struct store_instance *i, const struct instance_spec *spec,
                          struct souk_err *err) {
        const char *v;
        if ((v = str_startswith(filter, "name=")))
                return strstr(i->name, v) != NULL;
        if ((v = str_startswith(filter, "id=")))
                return str_startswith(i->id, v) != NULL;
        if ((v = str_startswith(filter, "status=")))
                return streq(souk_state_name(i->state), v);
        if ((v = str_startswith(filter, "label="))) {
                if (strchr(v, '='))
                        return strv_has(spec->labels, v);
                return env_get(spec->labels, v) != NULL;
        }
        if ((v = str_startswith(filter, "ancestor="))) {
                struct store_image image = {};
                struct souk_err local = {};
                if (store_image_find(s->store, v, &image, &local) < 0)
                        return 0;
                int match = streq(image.id, i->image_id);
                store_image_clear(&image);
                return match;
        }
        return souk_err_set(err, SOUK_INVALID, -EINVAL, "--filter %s: known are name=, id=, status=, label=, ancestor=", filter);
}

static int matches(struct souk *s, const struct souk_list_request *r, const struct store_instance *i,
                   const struct instance_spec *spec, struct souk_err *err) {
        bool by_status = false;
        for (size_t f = 0; r->filters && r->filters[f]; f++) {
                int m = filter_matches(s, r->filters[f], i, spec, err);
                if (m <= 0)
                        return m;
                by_status = by_status || str_startswith(r->filters[f], "status=");
        }
        return r->all || r->last || by_status || i->state == SOUK_STATE_RUNNING;
}

/* Moves what the record owns. */
static void fill(struct souk *s, const struct souk_list_request *r, struct store_instance *i, const struct instance_spec *spec,
                 struct souk_instance *out) {
        *out = (struct souk_instance){
                .id = xstrdup(i->id),
                .name = TAKE_PTR(i->name),
                .image = TAKE_PTR(i->image_ref),
                .image_id = xasprintf("sha256:%s", i->image_id),
                .command = instance_spec_args(spec),
                .labels = strv_dup(spec->labels),
                .state = i->state,
                .isolation = SOUK_ISOLATION_CONTAINER,
                .exit_status = i->exit_status,
                .oom_killed = i->oom_killed,
                .error = TAKE_PTR(i->error),
                .pid = i->state == SOUK_STATE_RUNNING ? i->pid : 0,
                .created_at = i->created_at,
                .started_at = i->started_at,
                .finished_at = i->finished_at,
                .size_rw = r->size ? upper_bytes(s, i->id) : 0,
        };
}

void souk_instances_free(struct souk_instance *v, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(v[i].id);
                free(v[i].name);
                free(v[i].image);
                free(v[i].image_id);
                strv_free(v[i].command);
                strv_free(v[i].labels);
                free(v[i].error);
        }
        free(v);
}

int souk_list(struct souk *s, const struct souk_list_request *r, struct souk_instance **ret, size_t *ret_n, struct souk_err *err) {
        struct store_instance *records = NULL;
        size_t n_records = 0, n = 0;
        int rr = store_instance_list(s->store, &records, &n_records, err);
        if (rr < 0)
                return rr;
        struct souk_instance *out = xcalloc(n_records + 1, sizeof(*out));
        for (size_t k = 0; k < n_records && rr >= 0 && (!r->last || n < r->last); k++) {
                struct instance_spec spec = {};
                rr = instance_refresh(s, &records[k], err);
                if (rr == -ENOENT) { /* it had ended, and removed itself */
                        rr = 0;
                        continue;
                }
                if (rr >= 0)
                        rr = instance_spec_parse(records[k].spec, &spec, err);
                if (rr >= 0)
                        rr = matches(s, r, &records[k], &spec, err);
                if (rr > 0)
                        fill(s, r, &records[k], &spec, &out[n++]);
                instance_spec_clear(&spec);
        }
        for (size_t k = 0; k < n_records; k++)
                store_instance_clear(&records[k]);
        free(records);
        if (rr < 0) {
                souk_instances_free(out, n);
                return rr;
        }
        *ret = out;
        *ret_n = n;
        return 0;
}

int souk_names(struct souk *s, const char *kind, char ***ret, struct souk_err *err) {
        char **names = NULL;
        int r;
        if (streq(kind, "images")) {
                struct store_image *images = NULL;
                size_t n = 0;
                r = store_image_list(s->store, &images, &n, err);
                for (size_t i = 0; i < n; i++) {
                        for (size_t k = 0; images[i].names && images[i].names[k]; k++)
                                strv_push_take(&names, image_ref_familiar(images[i].names[k]));
                        store_image_clear(&images[i]);
                }
                free(images);
        } else {
                struct souk_instance *v = NULL;
                size_t n = 0;
                r = souk_list(s, &(struct souk_list_request){ .all = !streq(kind, "running") }, &v, &n, err);
                for (size_t i = 0; i < n; i++)
                        strv_push(&names, v[i].name);
                souk_instances_free(v, n);
        }
        if (r < 0) {
                strv_free(names);
                return r;
        }
        *ret = names;
        return 0;
}

/* ---- references to other instances ------------------------------------------------------------------------------- */

static int join_resolve(struct souk *s, const char *option, char **value, struct souk_err *err) {
        const char *name = str_startswith(*value, "container:");
        _cleanup_(store_instance_clear) struct store_instance other = {};
        if (!name)
                return 0;
        int r = store_instance_find(s->store, name, &other, err);
        if (r < 0)
                return souk_err_wrap(err, "%s %s", option, *value);
        free(*value);
        *value = xasprintf("container:%s", other.id);
        return 0;
}

/* A name may be given to another instance later, an id may not. */
int instance_join_resolve(struct souk *s, struct instance_spec *spec, struct souk_err *err) {
        int r = join_resolve(s, "--network", &spec->network, err);
        if (r >= 0)
                r = join_resolve(s, "--pid", &spec->pid, err);
        return r < 0 ? r : join_resolve(s, "--ipc", &spec->ipc, err);
}
