/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_SECCOMP_PROFILE_H
#define SOUK_CONTAINER_SECCOMP_PROFILE_H
/* Parts of the seccomp compiler: the default profile as rules, and profiles in JSON. */
#include "container/container.h"

#include <seccomp.h>

struct seccomp_rule {
        const char *names;              /* separated by spaces */
        uint64_t with, without;         /* capabilities of which one must be there / none may be; 0: no condition */
        uint32_t action;                /* 0: allow */
        unsigned n_args;
        struct scmp_arg_cmp args[1];
};
extern const struct seccomp_rule seccomp_default_rules[]; /* ends with NULL names */
/** seccomp_json_fill() - a filter from a profile in Docker's or OCI's JSON form.  @ret_ctx [owned] */
int seccomp_json_fill(const char *text, uint64_t capabilities, scmp_filter_ctx *ret_ctx, struct souk_err *err);
#endif
