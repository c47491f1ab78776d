/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profile -> BPF.  libseccomp does the work; it is as old as the distribution, so calls that it does not know are decided
 * by a few instructions in front of its program: since number 424 all architectures number new calls alike.
 */
#include "container/seccomp_profile.h"

#include "base/file.h"
#include "base/str.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

static const struct {
        const char *name;
        int number;
} newer[] = {
        { "futex_waitv", 449 },   { "set_mempolicy_home_node", 450 }, { "cachestat", 451 },    { "fchmodat2", 452 },     { "map_shadow_stack", 453 },
        { "futex_wake", 454 },    { "futex_wait", 455 },  { "futex_requeue", 456 }, { "statmount", 457 },     { "listmount", 458 },
        { "lsm_get_self_attr", 459 }, { "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
        { "setxattrat", 463 },    { "getxattrat", 464 },  { "listxattrat", 465 },   { "removexattrat", 466 }, { "open_tree_attr", 467 },
        { "file_getattr", 468 },  { "file_setattr", 469 },
};

static int newer_number(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(newer); i++)
                if (streq(newer[i].name, name))
                        return newer[i].number;
        return -1;
}

static uint32_t bpf_return(uint32_t scmp_action) {
        return scmp_action; /* libseccomp's values of actions are the kernel's */
}

/* Rules about newer calls, without conditions on arguments: nr -> action. */
struct prefix {
        struct { int number; uint32_t action; } calls[64];
        size_t n;
};

static void prefix_add(struct prefix *f, int number, uint32_t action) {
        for (size_t i = 0; i < f->n; i++)
                if (f->calls[i].number == number)
                        return; /* the first rule stands, as libseccomp has it */
        if (f->n < ELEMENTSOF(f->calls)) {
                f->calls[f->n].number = number;
                f->calls[f->n++].action = action;
        }
}

/* x32 has its own bit in the number, so that its calls are not equal to any of these. */
static size_t prefix_emit(const struct prefix *f, struct sock_filter *out) {
        size_t n = 0;
        if (f->n == 0)
                return 0;
        out[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        /* one jump over all for the old calls, which are nearly all */
        out[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 449, 0, (uint8_t) (2 * f->n));
        for (size_t i = 0; i < f->n; i++) {
                out[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) f->calls[i].number, 0, 1);
                out[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, bpf_return(f->calls[i].action));
        }
        return n;
}

static int add_rule(scmp_filter_ctx ctx, const struct seccomp_rule *rule, uint32_t default_action, struct prefix *prefix, struct souk_err *err) {
        if (rule->action == default_action)
                return 0;
        for (char **name = rule->names; *name; name++) {
                int nr = seccomp_syscall_resolve_name(*name);
                if (nr == __NR_SCMP_ERROR) {
                        int number = rule->n_args ? -1 : newer_number(*name);
                        if (number >= 0)
                                prefix_add(prefix, number, rule->action);
                        continue;
                }
                int r = seccomp_rule_add_array(ctx, rule->action, nr, rule->n_args, rule->args);
                if (r < 0 && r != -EEXIST && r != -EDOM) /* EDOM: not on this architecture */
                        return souk_err_errno(err, r, "seccomp: adding a rule for '%s'", *name);
        }
        return 0;
}

/* libseccomp 2.5 writes to a file only. */
static int export_program(scmp_filter_ctx ctx, const struct prefix *prefix, struct sock_filter **ret, uint16_t *ret_n, struct souk_err *err) {
        struct sock_filter head[2 + 2 * ELEMENTSOF(prefix->calls)];
        size_t n_head = prefix_emit(prefix, head);
        _cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
        int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
        off_t size = r < 0 ? 0 : lseek(fd, 0, SEEK_END);
        if (r < 0 || size < 0)
                return souk_err_errno(err, r < 0 ? r : errno, "seccomp: compiling the filter");
        size_t n = (size_t) size / sizeof(**ret);
        if (n == 0 || n + n_head > BPF_MAXINSNS)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "the seccomp profile makes a filter of %zu instructions; the kernel takes %d",
                                    n + n_head, BPF_MAXINSNS);
        _cleanup_free_ struct sock_filter *out = xcalloc(n + n_head, sizeof(*out));
        memcpy(out, head, n_head * sizeof(*out));
        if (pread(fd, out + n_head, n * sizeof(*out), 0) != (ssize_t) (n * sizeof(*out)))
                return souk_err_errno(err, EIO, "seccomp: reading the filter");
        *ret = TAKE_PTR(out);
        *ret_n = (uint16_t) (n + n_head);
        return 0;
}

static void release(scmp_filter_ctx *ctx) {
        if (*ctx)
                seccomp_release(*ctx);
}

int seccomp_compile(const struct seccomp_profile *p, struct sock_filter **ret, uint16_t *ret_n, struct souk_err *err) {
        struct prefix prefix = {};
        _cleanup_(release) scmp_filter_ctx ctx = seccomp_init(p->default_action);
        if (!ctx)
                return souk_err_set(err, SOUK_UNSUPPORTED, -EOPNOTSUPP, "seccomp: this libseccomp cannot do the default action");
        for (size_t i = 0; i < p->n_arches; i++) {
                int r = p->arches[i] == seccomp_arch_native() ? 0 : seccomp_arch_add(ctx, p->arches[i]);
                if (r < 0 && r != -EEXIST)
                        return souk_err_errno(err, r, "seccomp: adding architecture %#x", p->arches[i]);
        }
        (void) seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree; a list where it cannot */
        for (size_t i = 0; i < p->n_rules; i++) {
                int r = add_rule(ctx, &p->rules[i], p->default_action, &prefix, err);
                if (r < 0)
                        return r;
        }
        return export_program(ctx, &prefix, ret, ret_n, err);
}
