/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container backend alone, to be held against the floor: the same arguments, one container as `souk run --rm`
 * makes it (user namespace, Docker's defaults, seccomp filter from its cache), no store, no records, no monitor.
 *
 *   bench-apply LOWER_DIR SCRATCH_DIR COMMAND [ARGUMENT...]
 */
#include "container/container.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <stdio.h>

static void die(const struct souk_err *err) {
        fprintf(stderr, "bench-apply: %s\n", err->msg);
        exit(125);
}

int main(int argc, char **argv) {
        if (argc < 4)
                return 2;
        char id[33], *env[] = { (char *) (uintptr_t) "PATH=/bin", NULL };
        struct souk_err err = {};
        random_hex(id, 32);
        int scratch = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC),
            layer = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
        int dir = dir_make_open(scratch, id, 0755);
        close(dir_make_open(dir, "upper", 0755));
        close(dir_make_open(dir, "work", 0755));
        int cache = dir_make_open(scratch, "cache", 0700);
        struct machine_mount mounts[CONTAINER_MOUNTS_MAX];
        struct machine_idmap map = { 0, 1000000, 65536 };
        struct machine_desc d = {
                .id = id,
                .hostname = "bench",
                .uid_map = &map,
                .gid_map = &map,
                .n_uid_map = 1,
                .n_gid_map = 1,
                .root = { .layer_fds = &layer,
                          .n_layers = 1,
                          .dir_fd = -EBADF,
                          .idmap_layers = true,
                          .discard_upper = true,
                          .upper_fd = openat(dir, "upper", O_PATH | O_CLOEXEC),
                          .work_fd = openat(dir, "work", O_PATH | O_CLOEXEC) },
                .mounts = mounts,
                .masked_paths = container_masked_paths(),
                .readonly_paths = container_readonly_paths(),
                .limits = { MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, NULL, NULL,
                            MACHINE_UNSET, .filter_devices = true },
                .process = { .argv = argv + 3,
                             .envp = env,
                             .cwd = "/",
                             .user = "",
                             .umask = 022,
                             .oom_score_adj = MACHINE_UNSET,
                             .cap_bounding = CAPABILITIES_DEFAULT,
                             .cap_effective = CAPABILITIES_DEFAULT,
                             .cap_permitted = CAPABILITIES_DEFAULT,
                             .stdio = { 0, 1, 2 } },
                .new_keyring = true,
                .die_with_parent = true,
        };
        for (int i = 0; i < MACHINE_NS_MAX; i++)
                d.ns[i] = (struct machine_namespace) { i == MACHINE_NS_TIME ? MACHINE_NS_HOST : MACHINE_NS_PRIVATE,
                                                       -EBADF };
        d.n_mounts = container_default_mounts(
                &(struct container_mounts_request) { .user_namespace = true, .shm_bytes = 64 << 20 }, mounts);
        d.n_devices = container_default_devices(&d.devices);
        d.limits.n_device_rules = container_default_device_rules(&d.limits.device_rules);
        void *insns;
        if (seccomp_get(cache, &(struct seccomp_request) { NULL, CAPABILITIES_DEFAULT }, &insns, &d.seccomp.n_insns,
                        &err) < 0)
                die(&err);
        d.seccomp.insns = insns;
        struct machine_plan *plan;
        struct machine_run run;
        int status;
        if (container_backend.plan(&d, &plan, &err) < 0 || container_backend.apply(plan, &run, &err) < 0)
                die(&err);
        if (proc_wait(run.pidfd, &status) < 0)
                return 125;
        if (container_backend.destroy(id, NULL, &err) < 0)
                die(&err);
        (void) !tree_remove(scratch, id);
        return status;
}
