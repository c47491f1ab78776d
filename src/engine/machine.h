/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_MACHINE_H
#define SOUK_ENGINE_MACHINE_H
/*
 * instance_spec -> machine_desc: names become fds, numbers and byte counts.  The builder owns all that the description
 * points to, and closes the fds.
 */
#include "engine/instance.h"
#include "iface/machine_desc.h"

struct machine_build;

struct machine_input {
        struct souk *souk;
        const char *id;
        const struct instance_spec *spec;
        const struct store_image *image;  /* layers */
        int64_t slot;                     /* of the id range; -1: no user namespace of its own */
        int dir_fd;                       /* ROOT/instances/<id>; borrowed */
        bool dry;                         /* for plans: opens nothing, all fds stay -EBADF */
        bool exec;                        /* for exec: only limits, capabilities, seccomp; no fds of files */
        bool discard;                     /* --rm: the writable layer need not outlive a crash of the machine */
};
int machine_build_new(const struct machine_input *in, struct machine_build **ret, struct souk_err *err);
void machine_build_free(struct machine_build *b);
DEFINE_CLEANUP(struct machine_build, machine_build_free)
/** machine_build_desc() - borrowed; process.stdio, rows and cols are the caller's to set */
struct machine_desc *machine_build_desc(struct machine_build *b);
/** machine_capabilities() - mask from --privileged, --cap-add, --cap-drop */
int machine_capabilities(const struct instance_spec *spec, uint64_t *ret, struct souk_err *err);
#endif
