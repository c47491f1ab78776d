/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `souk info`: what this build, this store and this kernel are, and what is done instead of what the kernel lacks. */
#include "engine/instance.h"

#include "container/container.h"

#include <sys/utsname.h>

static void add_kernel(json_t *o) {
        struct utsname u;
        if (uname(&u) == 0) {
                json_object_set_new(o, "KernelVersion", json_string(u.release));
                json_object_set_new(o, "Architecture", json_string(u.machine));
                json_object_set_new(o, "Name", json_string(u.nodename));
        }
        json_object_set_new(o, "NCPU", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
        json_object_set_new(o, "MemTotal", json_integer((json_int_t) sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE)));
}

/* What happens instead: a line for each thing that is missing here. */
static json_t *fallbacks(const struct container_features *f) {
        json_t *a = json_array();
        if (!f->erofs)
                json_array_append_new(a, json_string("no EROFS: layers are unpacked directories"));
        else if (!f->erofs_file_backed)
                json_array_append_new(a, json_string("EROFS only from block devices: layers are mounted through loop devices"));
        if (!f->user_namespaces)
                json_array_append_new(a, json_string("no user namespaces: instances need --userns host"));
        if (!f->idmapped_mounts)
                json_array_append_new(a, json_string("no idmapped mounts: instances need --userns host"));
        if (!f->swap_accounting)
                json_array_append_new(a, json_string("swap is not accounted: --memory-swap is refused"));
        if (!f->clone_into_cgroup)
                json_array_append_new(a, json_string("no clone into a control group: a process is moved into its groups after it was made"));
        if (!f->landlock)
                json_array_append_new(a, json_string("no Landlock: the unpacker is confined by chroot and seccomp alone"));
        return a;
}

static json_t *features(const struct container_features *f) {
        json_t *o = json_object();
        json_object_set_new(o, "UserNamespaces", json_boolean(f->user_namespaces));
        json_object_set_new(o, "CgroupNamespaces", json_boolean(f->cgroup_namespaces));
        json_object_set_new(o, "TimeNamespaces", json_boolean(f->time_namespaces));
        json_object_set_new(o, "Overlay", json_boolean(f->overlay));
        json_object_set_new(o, "Erofs", json_boolean(f->erofs));
        json_object_set_new(o, "ErofsFileBacked", json_boolean(f->erofs_file_backed));
        json_object_set_new(o, "IdmappedMounts", json_boolean(f->idmapped_mounts));
        json_object_set_new(o, "Seccomp", json_boolean(f->seccomp));
        json_object_set_new(o, "Landlock", json_boolean(f->landlock));
        json_object_set_new(o, "CloneIntoCgroup", json_boolean(f->clone_into_cgroup));
        json_object_set_new(o, "CgroupKill", json_boolean(f->cgroup_kill));
        json_object_set_new(o, "SwapAccounting", json_boolean(f->swap_accounting));
        return o;
}

/* Operations of a backend that this build has not: each verb that needs one is refused. */
static json_t *missing_operations(const struct backend *b) {
        json_t *a = json_array();
        if (!b->pause || !b->resume)
                json_array_append_new(a, json_string("pause"));
        return a;
}

static int count(struct souk *s, json_t *o, struct souk_err *err) {
        struct souk_instance *v = NULL;
        struct souk_image *images = NULL;
        size_t n = 0, n_images = 0, running = 0;
        int r = souk_list(s, &(struct souk_list_request){ .all = true }, &v, &n, err);
        for (size_t i = 0; i < n; i++)
                running += v[i].state == SOUK_STATE_RUNNING;
        souk_instances_free(v, n);
        if (r >= 0)
                r = souk_images(s, NULL, &images, &n_images, err);
        souk_images_free(images, n_images);
        json_object_set_new(o, "Instances", json_integer((json_int_t) n));
        json_object_set_new(o, "InstancesRunning", json_integer((json_int_t) running));
        json_object_set_new(o, "Images", json_integer((json_int_t) n_images));
        return r;
}

int souk_info(struct souk *s, char **ret_text, struct souk_err *err) {
        _cleanup_json_ json_t *o = json_object();
        struct container_features f = {};
        int r = count(s, o, err);
        if (r < 0)
                return r;
        container_features_get(&f);
        json_object_set_new(o, "ServerVersion", json_string(SOUK_VERSION));
        json_object_set_new(o, "Root", json_string(s->store->root));
        json_object_set_new(o, "Run", json_string(s->store->run));
        json_object_set_new(o, "LayerDriver", json_string(store_layer_driver(s->store) == LAYER_DRIVER_EROFS ? "erofs" : "tree"));
        add_kernel(o);
        json_object_set_new(o, "CgroupLayout", json_string(f.cgroup_layout));
        json_object_set_new(o, "CgroupControllers", json_string(f.cgroup_controllers));
        json_object_set_new(o, "Features", features(&f));
        json_object_set_new(o, "Instead", fallbacks(&f));
        json_t *isolations = json_object();
        json_object_set_new(isolations, "container", json_pack("{s:b,s:o}", "Available", 1, "Missing", missing_operations(&container_backend)));
        json_object_set_new(isolations, "vm", json_pack("{s:b,s:s}", "Available", 0, "Reason", "not supported yet"));
        json_object_set_new(o, "Isolations", isolations);
        *ret_text = json_text(o, true);
        return 0;
}
