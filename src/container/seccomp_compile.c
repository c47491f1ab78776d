/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profile -> BPF.  libseccomp gives the numbers of the calls on each architecture; the program is our own, because
 * its length is paid at every start: the kernel checks, converts and JIT-compiles each instruction, and walks the
 * program once for every call to find those that are always allowed.  libseccomp tests call by call; neighbouring
 * calls with one fate are one interval here, and a binary search over the intervals is about a fifth as long.
 *
 *   architecture?  ->  number: binary search  ->  return, or a chain of tests of arguments
 *
 * Rules of one call: the first without conditions decides alone; else the conditional ones in their order, the first
 * that matches; else the default.  x32 shares the architecture value of x86-64; its numbers are the same up to 511
 * and its own above, and have a bit set: without the bit both are one table.
 */
#include "container/seccomp_profile.h"

#include "base/str.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define X32_BIT 0x40000000u

/* Calls newer than the distribution's libseccomp: since number 424 all architectures number new ones alike. */
static const struct {
        const char *name;
        int number;
} newer[] = {
        { "futex_waitv", 449 },       { "set_mempolicy_home_node", 450 },
        { "cachestat", 451 },         { "fchmodat2", 452 },
        { "map_shadow_stack", 453 },  { "futex_wake", 454 },
        { "futex_wait", 455 },        { "futex_requeue", 456 },
        { "statmount", 457 },         { "listmount", 458 },
        { "lsm_get_self_attr", 459 }, { "lsm_set_self_attr", 460 },
        { "lsm_list_modules", 461 },  { "mseal", 462 },
        { "setxattrat", 463 },        { "getxattrat", 464 },
        { "listxattrat", 465 },       { "removexattrat", 466 },
        { "open_tree_attr", 467 },    { "file_getattr", 468 },
        { "file_setattr", 469 },
};

static int call_number(uint32_t arch, const char *name) {
        int nr = seccomp_syscall_resolve_name_arch(arch, name);
        if (nr != __NR_SCMP_ERROR)
                return nr; /* negative: not on this architecture */
        for (size_t i = 0; i < ELEMENTSOF(newer); i++)
                if (streq(newer[i].name, name))
                        return newer[i].number;
        return -1;
}

/* ---- what happens to each call ----------------------------------------------------------------------------------- */

struct call {
        uint32_t number;
        size_t order;                   /* of the rule in the profile */
        uint32_t action;
        unsigned n_args;
        struct scmp_arg_cmp args[SECCOMP_ARGS_MAX];
};
struct table {
        struct call *calls;             /* sorted by number, then order */
        size_t n;
};

static void table_free(struct table *t) {
        free(t->calls);
}

static void table_add(struct table *t, uint32_t number, size_t order, const struct seccomp_rule *rule) {
        t->calls = xreallocarray(t->calls, t->n + 1, sizeof(*t->calls));
        struct call *c = &t->calls[t->n++];
        *c = (struct call){ .number = number, .order = order, .action = rule->action, .n_args = rule->n_args };
        memcpy(c->args, rule->args, sizeof(c->args));
}

/* On 32-bit x86 sockets and IPC are also reached through one call that takes the number of the real one; for those
 * names some versions of libseccomp have no number of its own. */
#define SOCKETCALL 102
#define IPC 117
static const struct multiplexed {
        const char *name;
        uint16_t through, sub, direct;  /* direct: 0 not there */
} multiplexed[] = {
        { "socket", SOCKETCALL, 1, 359 },         { "bind", SOCKETCALL, 2, 361 },
        { "connect", SOCKETCALL, 3, 362 },        { "listen", SOCKETCALL, 4, 363 },
        { "accept", SOCKETCALL, 5, 0 },           { "getsockname", SOCKETCALL, 6, 367 },
        { "getpeername", SOCKETCALL, 7, 368 },    { "socketpair", SOCKETCALL, 8, 360 },
        { "send", SOCKETCALL, 9, 0 },             { "recv", SOCKETCALL, 10, 0 },
        { "sendto", SOCKETCALL, 11, 369 },        { "recvfrom", SOCKETCALL, 12, 371 },
        { "shutdown", SOCKETCALL, 13, 373 },      { "setsockopt", SOCKETCALL, 14, 366 },
        { "getsockopt", SOCKETCALL, 15, 365 },    { "sendmsg", SOCKETCALL, 16, 370 },
        { "recvmsg", SOCKETCALL, 17, 372 },       { "accept4", SOCKETCALL, 18, 364 },
        { "recvmmsg", SOCKETCALL, 19, 337 },      { "sendmmsg", SOCKETCALL, 20, 345 },
        { "semop", IPC, 1, 0 },                   { "semget", IPC, 2, 393 },
        { "semctl", IPC, 3, 394 },                { "semtimedop", IPC, 4, 0 },
        { "msgsnd", IPC, 11, 400 },               { "msgrcv", IPC, 12, 401 },
        { "msgget", IPC, 13, 399 },               { "msgctl", IPC, 14, 402 },
        { "shmat", IPC, 21, 397 },                { "shmdt", IPC, 22, 398 },
        { "shmget", IPC, 23, 395 },               { "shmctl", IPC, 24, 396 },
};

static void add_multiplexed(struct table *t, const char *name, size_t order, const struct seccomp_rule *rule) {
        for (size_t i = 0; i < ELEMENTSOF(multiplexed); i++) {
                const struct multiplexed *m = &multiplexed[i];
                struct seccomp_rule through = { .action = rule->action, .n_args = 1,
                                                .args = { { 0, SCMP_CMP_EQ, m->sub, 0 } } };
                if (!streq(m->name, name))
                        continue;
                if (m->direct)
                        table_add(t, m->direct, order, rule);
                if (!rule->n_args) /* else the arguments are in memory: a filter cannot see them */
                        table_add(t, m->through, order, &through);
                return;
        }
}

static int by_number(const void *a, const void *b) {
        const struct call *x = a, *y = b;
        if (x->number != y->number)
                return x->number < y->number ? -1 : 1;
        return x->order < y->order ? -1 : x->order > y->order;
}

static void table_fill(struct table *t, const struct seccomp_profile *p, uint32_t arch) {
        bool x32 = arch == SCMP_ARCH_X32;
        for (size_t i = 0; i < p->n_rules; i++) {
                const struct seccomp_rule *rule = &p->rules[i];
                for (char **name = rule->names; *name; name++) {
                        int nr = call_number(arch, *name);
                        if (arch == SCMP_ARCH_X86)
                                add_multiplexed(t, *name, i, rule);
                        if (nr >= 0) /* libseccomp has the bit in its numbers of x32 */
                                table_add(t, x32 ? (uint32_t) nr & ~X32_BIT : (uint32_t) nr, i, rule);
                }
        }
}

/* ---- intervals --------------------------------------------------------------------------------------------------- */

/* From @start to the next one's start: an action, or the calls [first, first + n) of the table, whose arguments
 * decide. */
struct interval {
        uint32_t start, action;
        size_t first, n;
};
struct intervals {
        struct interval *v;
        size_t n;
};

static void interval_add(struct intervals *l, struct interval i) {
        struct interval *last = l->n ? &l->v[l->n - 1] : NULL;
        if (last && last->start == i.start)
                l->n--; /* nothing in between */
        last = l->n ? &l->v[l->n - 1] : NULL;
        if (last && !last->n && !i.n && last->action == i.action)
                return;
        l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
        l->v[l->n++] = i;
}

static void intervals_make(struct intervals *l, const struct table *t, uint32_t fallback, bool x32_is_bad,
                           uint32_t bad) {
        interval_add(l, (struct interval){ .start = 0, .action = fallback });
        for (size_t i = 0, k; i < t->n; i = k) {
                size_t plain = t->n;
                for (k = i; k < t->n && t->calls[k].number == t->calls[i].number; k++)
                        if (!t->calls[k].n_args && plain == t->n)
                                plain = k;
                struct interval one = { .start = t->calls[i].number, .first = i, .n = k - i };
                if (plain < t->n)
                        one = (struct interval){ .start = t->calls[i].number, .action = t->calls[plain].action };
                interval_add(l, one);
                interval_add(l, (struct interval){ .start = t->calls[i].number + 1, .action = fallback });
        }
        if (x32_is_bad)
                interval_add(l, (struct interval){ .start = X32_BIT, .action = bad });
}

/* ---- instructions ------------------------------------------------------------------------------------------------ */

struct program {
        struct sock_filter *insns;
        size_t n, size;
};

static size_t emit(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf) {
        if (p->n == p->size) {
                p->size = MAX(p->size * 2, (size_t) 256);
                p->insns = xreallocarray(p->insns, p->size, sizeof(*p->insns));
        }
        p->insns[p->n] = (struct sock_filter){ code, jt, jf, k };
        return p->n++;
}

static void emit_load(struct program *p, size_t offset) {
        emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t) offset, 0, 0);
}

static void emit_return(struct program *p, uint32_t action) {
        emit(p, BPF_RET | BPF_K, action, 0, 0); /* libseccomp's values of actions are the kernel's */
}

#define TO_FAIL 0xff                    /* in jt or jf: to the end of the rule, patched when it is known */

static void emit_masked(struct program *p, size_t offset, uint32_t mask, uint32_t value) {
        emit_load(p, offset);
        if (mask != UINT32_MAX)
                emit(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, value & mask, 0, TO_FAIL);
}

/* One condition on 64 bits, the high word first.  Falls through when it holds. */
static void emit_condition(struct program *p, const struct scmp_arg_cmp *c) {
        size_t low = offsetof(struct seccomp_data, args) + 8 * c->arg, high = low + 4;
        uint32_t lo = (uint32_t) c->datum_a, hi = (uint32_t) (c->datum_a >> 32);
        uint16_t jeq = BPF_JMP | BPF_JEQ | BPF_K, jgt = BPF_JMP | BPF_JGT | BPF_K, jge = BPF_JMP | BPF_JGE | BPF_K;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        size_t swap = low;
        low = high;
        high = swap;
#endif
        switch (c->op) {
        case SCMP_CMP_MASKED_EQ:
                emit_masked(p, high, hi, (uint32_t) (c->datum_b >> 32));
                emit_masked(p, low, lo, (uint32_t) c->datum_b);
                return;
        case SCMP_CMP_EQ:
                emit_masked(p, high, UINT32_MAX, hi);
                emit_masked(p, low, UINT32_MAX, lo);
                return;
        case SCMP_CMP_NE:
                emit_load(p, high);
                emit(p, jeq, hi, 0, 2);
                emit_load(p, low);
                emit(p, jeq, lo, TO_FAIL, 0);
                return;
        case SCMP_CMP_GT:
        case SCMP_CMP_GE:
                emit_load(p, high);
                emit(p, jgt, hi, 3, 0);
                emit(p, jeq, hi, 0, TO_FAIL);
                emit_load(p, low);
                emit(p, c->op == SCMP_CMP_GT ? jgt : jge, lo, 0, TO_FAIL);
                return;
        default: /* LT, LE */
                emit_load(p, high);
                emit(p, jgt, hi, TO_FAIL, 0);
                emit(p, jeq, hi, 0, 2);
                emit_load(p, low);
                emit(p, c->op == SCMP_CMP_LT ? jge : jgt, lo, TO_FAIL, 0);
                return;
        }
}

static void emit_chain(struct program *p, const struct table *t, const struct interval *i, uint32_t fallback) {
        for (size_t k = i->first; k < i->first + i->n; k++) {
                size_t start = p->n;
                for (unsigned a = 0; a < t->calls[k].n_args; a++)
                        emit_condition(p, &t->calls[k].args[a]);
                emit_return(p, t->calls[k].action);
                for (size_t at = start; at < p->n; at++) {
                        struct sock_filter *f = &p->insns[at];
                        if (BPF_CLASS(f->code) == BPF_JMP && f->jt == TO_FAIL)
                                f->jt = (uint8_t) (p->n - at - 1);
                        if (BPF_CLASS(f->code) == BPF_JMP && f->jf == TO_FAIL)
                                f->jf = (uint8_t) (p->n - at - 1);
                }
        }
        emit_return(p, fallback);
}

/* Binary search with the number in the accumulator: the left half follows, the right half is jumped to. */
static void emit_search(struct program *p, const struct table *t, const struct intervals *l, size_t lo, size_t hi,
                        uint32_t fallback) {
        if (hi - lo == 1) {
                if (l->v[lo].n)
                        emit_chain(p, t, &l->v[lo], fallback);
                else
                        emit_return(p, l->v[lo].action);
                return;
        }
        size_t mid = lo + (hi - lo) / 2;
        size_t test = emit(p, BPF_JMP | BPF_JGE | BPF_K, l->v[mid].start, 0, 1);
        size_t over = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
        emit_search(p, t, l, lo, mid, fallback);
        size_t distance = p->n - over - 1;
        if (distance < 0xff) { /* near: the test jumps itself */
                memmove(&p->insns[over], &p->insns[over + 1], distance * sizeof(*p->insns));
                p->n--;
                p->insns[test].jt = (uint8_t) distance;
                p->insns[test].jf = 0;
        } else
                p->insns[over].k = (uint32_t) distance;
        emit_search(p, t, l, mid, hi, fallback);
}

/* ---- all together ------------------------------------------------------------------------------------------------ */

static bool has_arch(const struct seccomp_profile *p, uint32_t arch) {
        for (size_t i = 0; i < p->n_arches; i++)
                if (p->arches[i] == arch)
                        return true;
        return false;
}

static void emit_arch(struct program *p, const struct seccomp_profile *profile, uint32_t arch) {
        _cleanup_(table_free) struct table t = {};
        struct intervals l = {};
        bool x32 = has_arch(profile, SCMP_ARCH_X32);
        table_fill(&t, profile, arch);
        if (arch == SCMP_ARCH_X86_64 && x32)
                table_fill(&t, profile, SCMP_ARCH_X32);
        if (t.n)
                qsort(t.calls, t.n, sizeof(*t.calls), by_number);
        intervals_make(&l, &t, profile->default_action, arch == SCMP_ARCH_X86_64 && !x32, SCMP_ACT_KILL_THREAD);
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
        size_t over = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
        emit_load(p, offsetof(struct seccomp_data, nr));
        if (arch == SCMP_ARCH_X86_64 && x32)
                emit(p, BPF_ALU | BPF_AND | BPF_K, ~X32_BIT, 0, 0);
        emit_search(p, &t, &l, 0, l.n, profile->default_action);
        p->insns[over].k = (uint32_t) (p->n - over - 1);
        free(l.v);
}

int seccomp_compile(const struct seccomp_profile *profile, struct sock_filter **ret, uint16_t *ret_n,
                    struct souk_err *err) {
        struct program p = {};
        emit_load(&p, offsetof(struct seccomp_data, arch));
        emit_arch(&p, profile, seccomp_arch_native());
        for (size_t i = 0; i < profile->n_arches; i++) {
                uint32_t arch = profile->arches[i];
                bool seen = arch == seccomp_arch_native() || arch == SCMP_ARCH_X32;
                for (size_t k = 0; k < i; k++)
                        seen |= profile->arches[k] == arch;
                if (!seen)
                        emit_arch(&p, profile, arch);
        }
        emit_return(&p, SCMP_ACT_KILL_THREAD); /* an architecture that is not in the profile */
        if (p.n > BPF_MAXINSNS) {
                free(p.insns);
                return souk_err_set(err, SOUK_LIMIT, -E2BIG,
                                    "the seccomp profile makes a filter of %zu instructions; the kernel takes %d", p.n,
                                    BPF_MAXINSNS);
        }
        *ret = p.insns;
        *ret_n = (uint16_t) p.n;
        return 0;
}
