/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_CONTAINER_SECCOMP_PROFILE_H
#define SOUK_CONTAINER_SECCOMP_PROFILE_H
/*
 * A seccomp profile whose conditions (capabilities, architecture, kernel) have been decided: a default action and
 * rules.
 *   seccomp_profile.c   Docker's default as tables -> struct seccomp_profile
 *   seccomp_json.c      text of a profile          -> struct seccomp_profile
 *   seccomp_compile.c   struct seccomp_profile     -> BPF, by libseccomp
 *   seccomp.c           the cache before all that
 */
#include "base/macro.h"
#include <linux/filter.h>
#include <seccomp.h>
#include <souk/err.h>

#define SECCOMP_ARGS_MAX 6
#define SECCOMP_ARCHES_MAX 8

struct seccomp_rule {
        char **names;                   /* [owned] */
        uint32_t action;                /* SCMP_ACT_x */
        struct scmp_arg_cmp args[SECCOMP_ARGS_MAX]; /* all must hold */
        unsigned n_args;
};
struct seccomp_profile {
        uint32_t default_action;
        uint32_t arches[SECCOMP_ARCHES_MAX]; /* SCMP_ARCH_x, besides the native one */
        size_t n_arches;
        struct seccomp_rule *rules;
        size_t n_rules;
};
void seccomp_profile_clear(struct seccomp_profile *p);
/** seccomp_profile_add() - a rule; @names_take [owned by the profile] */
struct seccomp_rule *seccomp_profile_add(struct seccomp_profile *p, char **names_take, uint32_t action);
/** seccomp_profile_default() - Docker's, for a container with @capabilities */
void seccomp_profile_default(struct seccomp_profile *p, uint64_t capabilities);
/** seccomp_profile_parse() - Docker's or OCI's JSON; -EINVAL, -EBADMSG, -EOPNOTSUPP */
int seccomp_profile_parse(struct seccomp_profile *p, const char *text, uint64_t capabilities, struct souk_err *err);
/** seccomp_compile() - @ret_insns [owned] */
int seccomp_compile(const struct seccomp_profile *p, struct sock_filter **ret_insns, uint16_t *ret_n,
                    struct souk_err *err);

/** seccomp_arch_name() - of the native architecture as Docker's profiles have it: "amd64", "arm64"; "" unknown */
const char *seccomp_arch_name(void);
/** seccomp_kernel_at_least() */
bool seccomp_kernel_at_least(unsigned major, unsigned minor);
#endif
