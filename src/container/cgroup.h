/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_CGROUP_H
#define SOUK_CONTAINER_CGROUP_H
/*
 * Control groups of an instance: <hierarchy>/souk/<id>, in each v1 hierarchy that matters or in the one v2 tree.
 * cgroup.c is the facade; a driver knows one version.  Hybrid systems keep their controllers on v1, and are v1 here.
 */
#include "iface/machine_desc.h"
#include <souk/err.h>

#define CGROUP_PARENT "souk"
#define CGROUP_DIRS_MAX 8
#define CGROUP_SHOWN_MAX 5

struct cgroup {
        int dirs[CGROUP_DIRS_MAX];      /* of the instance, by the driver's hierarchies; -EBADF: not there */
        bool clone_into;                /* v2: dirs[0] may be given to clone3(CLONE_INTO_CGROUP) */
};
void cgroup_init(struct cgroup *c);
void cgroup_close(struct cgroup *c);
/** cgroup_create() - make the groups and set the limits; removes what it made when it fails */
int cgroup_create(const char *id, const struct machine_limits *l, struct cgroup *ret, struct souk_err *err);
/** cgroup_open() - those of a running instance, to add another process */
int cgroup_open(const char *id, struct cgroup *ret, struct souk_err *err);
/** cgroup_join_files() - files into which a process writes "0" to move itself there.  @ret_fds [owned]. Return: number
 */
int cgroup_join_files(const struct cgroup *c, int ret_fds[CGROUP_DIRS_MAX], struct souk_err *err);
/** cgroup_shown_names() - directories of /sys/fs/cgroup inside, NULL-terminated; NULL: the one tree of v2 */
const char *const *cgroup_shown_names(void);
/** cgroup_shown() - the group to be seen under each name (v2: in the first place); borrowed, -EBADF: none */
void cgroup_shown(const struct cgroup *c, int ret_fds[CGROUP_SHOWN_MAX]);
/** cgroup_destroy() - end what is in the groups, and remove them with all below */
int cgroup_destroy(const char *id, bool *ret_oom_killed, struct souk_err *err);
int cgroup_list(char ***ret_ids, struct souk_err *err);
int cgroup_freeze(const char *id, bool frozen, struct souk_err *err);
/** cgroup_is_frozen() - what joins it now stops */
bool cgroup_is_frozen(const char *id);
bool cgroup_is_v2(void);
bool cgroup_accounts_swap(void);
void cgroup_parents_remove(void);

/* For the drivers. */
struct cgroup_driver {
        const char *const *hierarchies; /* directories of /sys/fs/cgroup that may hold groups of ours; NULL ends it */
        const char *join_file;
        const char *const *shown;
        /** create() - fills c->dirs as far as it comes */
        int (*create)(const char *id, const struct machine_limits *l, struct cgroup *c, struct souk_err *err);
        int (*freeze)(int dir, bool frozen, struct souk_err *err); /* of @freeze_hierarchy */
        const char *freeze_hierarchy, *freeze_file;
        char thawed;                    /* first letter of freeze_file when nothing is frozen */
        const char *oom_file;           /* has a line "oom_kill N" */
        const char *oom_hierarchy;
        const char *swap_file;          /* is there when swap is accounted, in a group of oom_hierarchy */
};
extern const struct cgroup_driver cgroup_v1, cgroup_v2;
/** cgroup_dir_make() - /sys/fs/cgroup/<hierarchy>/souk/<id>; @prepare_parent is called when "souk" was not there.  fd
 */
int cgroup_dir_make(const char *hierarchy, const char *id,
                    int (*prepare_parent)(int hierarchy_fd, int parent_fd, struct souk_err *err), struct souk_err *err);
/** cgroup_set() - write one control file; the message names file and value */
int cgroup_set(int dir, const char *file, const char *value, struct souk_err *err);
/** device_filter_attach() - v2: the rules as an eBPF program on the group @dir */
int device_filter_attach(int dir, const struct machine_device_rule *rules, size_t n, struct souk_err *err);
#endif
