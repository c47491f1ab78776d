/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters are run against fabricated calls by a small BPF interpreter: no process needs to be confined for it. */
#include "container/container.h"
#include "container/seccomp_profile.h"

#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define CAP(c) (UINT64_C(1) << CAP_##c)

struct filter {
        struct sock_filter *insns;
        uint16_t n;
};

static uint32_t load(const struct seccomp_data *d, uint32_t offset) {
        uint32_t v;
        assert_true(offset + 4 <= sizeof(*d) && offset % 4 == 0);
        memcpy(&v, (const char *) d + offset, 4);
        return v;
}

static bool jumps(const struct sock_filter *i, uint32_t a) {
        switch (BPF_OP(i->code)) {
        case BPF_JEQ:
                return a == i->k;
        case BPF_JGT:
                return a > i->k;
        case BPF_JGE:
                return a >= i->k;
        case BPF_JSET:
                return a & i->k;
        default:
                fail_msg("jump %#x", i->code);
                return false;
        }
}

static uint32_t run(const struct filter *f, const struct seccomp_data *d) {
        uint32_t a = 0;
        for (size_t pc = 0; pc < f->n; pc++) {
                const struct sock_filter *i = &f->insns[pc];
                if (i->code == (BPF_LD | BPF_W | BPF_ABS))
                        a = load(d, i->k);
                else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
                        a &= i->k;
                else if (i->code == (BPF_JMP | BPF_JA))
                        pc += i->k;
                else if (BPF_CLASS(i->code) == BPF_JMP)
                        pc += jumps(i, a) ? i->jt : i->jf;
                else if (i->code == (BPF_RET | BPF_K))
                        return i->k;
                else
                        fail_msg("instruction %#x", i->code);
        }
        fail_msg("the end was passed");
        return 0;
}

static uint32_t call(const struct filter *f, int nr, uint64_t arg0) {
        struct seccomp_data d = { .nr = nr, .args = { arg0 } };
#if defined(__x86_64__)
        d.arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
        d.arch = AUDIT_ARCH_AARCH64;
#endif
        return run(f, &d);
}

static struct filter get(int cache, const char *profile, uint64_t caps) {
        struct filter f;
        void *p;
        struct souk_err err = {};
        int r = seccomp_get(cache, &(struct seccomp_request){ profile, caps }, &p, &f.n, &err);
        if (r < 0)
                fail_msg("%s", err.msg);
        f.insns = p;
        return f;
}

#define ALLOWED(f, nr, arg) assert_int_equal(call(&(f), (nr), (arg)), SECCOMP_RET_ALLOW)
#define REFUSED(f, nr, arg, e) assert_int_equal(call(&(f), (nr), (arg)), SECCOMP_RET_ERRNO | (e))

static void test_default(void **state) {
        struct filter f = get(-1, NULL, CAPABILITIES_DEFAULT);
        ALLOWED(f, SYS_read, 0);
        ALLOWED(f, SYS_execve, 0);
        ALLOWED(f, SYS_chroot, 0);
        ALLOWED(f, SYS_ptrace, 0);
        REFUSED(f, SYS_mount, 0, EPERM);
        REFUSED(f, SYS_unshare, CLONE_NEWUSER, EPERM);
        REFUSED(f, SYS_keyctl, 0, EPERM);
        REFUSED(f, SYS_io_uring_setup, 0, EPERM);
        REFUSED(f, SYS_kexec_load, 0, EPERM);
        REFUSED(f, SYS_reboot, 0, EPERM);
        REFUSED(f, 9999, 0, EPERM);
        /* arguments */
        ALLOWED(f, SYS_clone, SIGCHLD | CLONE_VM);
        REFUSED(f, SYS_clone, SIGCHLD | CLONE_NEWUSER, EPERM);
        REFUSED(f, SYS_clone, SIGCHLD | CLONE_NEWNET, EPERM);
        REFUSED(f, SYS_clone3, 0, ENOSYS);
        ALLOWED(f, SYS_socket, AF_INET);
        REFUSED(f, SYS_socket, AF_VSOCK, EPERM);
        ALLOWED(f, SYS_personality, 0);
        ALLOWED(f, SYS_personality, 0xffffffff);
        REFUSED(f, SYS_personality, 0x40000, EPERM);
        /* newer than the library */
        ALLOWED(f, 452, 0); /* fchmodat2 */
        ALLOWED(f, 462, 0); /* mseal */
        REFUSED(f, 459, 0, EPERM);
        free(f.insns);
}

static void test_by_capability(void **state) {
        static const struct { uint64_t cap; int nr;
        } table[] = {
                { CAP(SYS_ADMIN), SYS_mount },
                { CAP(SYS_ADMIN), SYS_unshare },
                { CAP(SYS_ADMIN), SYS_clone3 },
                { CAP(SYS_BOOT), SYS_reboot },
                { CAP(SYS_MODULE), SYS_init_module },
                { CAP(SYS_TIME), SYS_clock_settime },
                { CAP(BPF), SYS_bpf },
                { CAP(SYSLOG), SYS_syslog },
                { CAP(DAC_READ_SEARCH), SYS_open_by_handle_at },
                { CAP(SYS_NICE), SYS_mbind },
                { CAP(SYS_PACCT), SYS_acct },
                { CAP(SYS_PTRACE), SYS_kcmp },
                { CAP(PERFMON), SYS_perf_event_open },
                { CAP(SYS_CHROOT), SYS_chroot },
        };
        struct filter none = get(-1, NULL, 0);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                struct filter f = get(-1, NULL, table[i].cap);
                ALLOWED(f, table[i].nr, 0);
                assert_int_not_equal(call(&none, table[i].nr, 0), SECCOMP_RET_ALLOW);
                free(f.insns);
        }
        struct filter admin = get(-1, NULL, CAP(SYS_ADMIN));
        ALLOWED(admin, SYS_clone, CLONE_NEWUSER);
        ALLOWED(admin, 467, 0); /* open_tree_attr */
        free(admin.insns);
        free(none.insns);
}

static void test_foreign_architectures(void **state) {
        struct filter f = get(-1, NULL, 0);
#if defined(__x86_64__)
        struct seccomp_data d = { .arch = AUDIT_ARCH_I386, .nr = 3 }; /* read */
        assert_int_equal(run(&f, &d), SECCOMP_RET_ALLOW);
        d.nr = 21; /* mount */
        assert_int_equal(run(&f, &d), SECCOMP_RET_ERRNO | EPERM);
        d = (struct seccomp_data){ .arch = AUDIT_ARCH_X86_64, .nr = 0x40000000 }; /* x32 read */
        assert_int_equal(run(&f, &d), SECCOMP_RET_ALLOW);
        d.nr = 0x40000000 + 165; /* x32 mount */
        assert_int_equal(run(&f, &d), SECCOMP_RET_ERRNO | EPERM);
        d = (struct seccomp_data){ .arch = AUDIT_ARCH_AARCH64, .nr = 63 };
        assert_int_not_equal(run(&f, &d), SECCOMP_RET_ALLOW);
#endif
        free(f.insns);
}

/* libseccomp's own program for the same rules is the oracle: every number, on every architecture, with telling
 * arguments. */
static struct filter oracle(const struct seccomp_profile *p) {
        struct filter f = {};
        scmp_filter_ctx ctx = seccomp_init(p->default_action);
        char path[] = "/tmp/souk-test-seccomp-bpf-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);
        assert_non_null(ctx);
        assert_true(fd >= 0);
        unlink(path);
        for (size_t i = 0; i < p->n_arches; i++)
                (void) seccomp_arch_add(ctx, p->arches[i]);
        for (size_t i = 0; i < p->n_rules; i++)
                for (char **name = p->rules[i].names; *name; name++) {
                        int nr = seccomp_syscall_resolve_name(*name);
                        if (nr != __NR_SCMP_ERROR && p->rules[i].action != p->default_action)
                                (void) seccomp_rule_add_array(ctx, p->rules[i].action, nr, p->rules[i].n_args,
                                                              p->rules[i].args);
                }
        assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
        seccomp_release(ctx);
        size_t bytes = (size_t) lseek(fd, 0, SEEK_END);
        f.n = (uint16_t) (bytes / sizeof(*f.insns));
        f.insns = xmalloc(bytes);
        assert_int_equal(pread(fd, f.insns, bytes, 0), (ssize_t) bytes);
        close(fd);
        return f;
}

static void assert_same(const struct filter *ours, const struct filter *theirs, uint32_t arch, uint32_t bit) {
        static const uint64_t args[] = {
                0,       1,       2,          8,           40,        SIGCHLD, CLONE_NEWUSER, CLONE_NEWNET | SIGCHLD,
                0x20000, 0x20008, 0xffffffff, 0x100000000, UINT64_MAX};
        for (uint32_t nr = 0; nr < 449; nr++) /* above, ours knows more */
                for (size_t i = 0; i < ELEMENTSOF(args); i++) {
                        if (arch == AUDIT_ARCH_I386 && args[i] > UINT32_MAX)
                                continue; /* cannot be there */
                        struct seccomp_data d = { .arch = arch, .nr = (int) (nr | bit), .args = { args[i] } };
                        uint32_t a = run(ours, &d), b = run(theirs, &d);
                        if (a != b)
                                fail_msg("arch %#x call %#x argument %#llx: %#x, libseccomp has %#x", arch, nr | bit,
                                         (unsigned long long) args[i], a, b);
                }
}

static void test_like_libseccomp(void **state) {
        static const uint64_t caps[] = {0, CAPABILITIES_DEFAULT, CAP(SYS_ADMIN), CAP(SYS_PTRACE) | CAP(SYS_TIME),
                                        UINT64_MAX};
        for (size_t i = 0; i < ELEMENTSOF(caps); i++) {
                struct seccomp_profile p = {};
                seccomp_profile_default(&p, caps[i]);
                struct filter ours = get(-1, NULL, caps[i]), theirs = oracle(&p);
                assert_true(ours.n < theirs.n);
#if defined(__x86_64__)
                assert_same(&ours, &theirs, AUDIT_ARCH_X86_64, 0);
                assert_same(&ours, &theirs, AUDIT_ARCH_I386, 0);
#endif
                free(ours.insns);
                free(theirs.insns);
                seccomp_profile_clear(&p);
        }
}

static const char profile[] =
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\","
        "\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],"
        "\"syscalls\":[{\"names\":[\"mkdir\",\"no_such_call\",\"mseal\"],\"action\":\"SCMP_ACT_ERRNO\"},"
        "{\"name\":\"rmdir\",\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},"
        "{\"names\":[\"reboot\"],\"action\":\"SCMP_ACT_KILL_PROCESS\",\"excludes\":{\"caps\":[\"CAP_SYS_BOOT\"]}},"
        "{\"names\":[\"acct\"],\"action\":\"SCMP_ACT_LOG\",\"includes\":{\"caps\":[\"CAP_SYS_BOOT\"]}},"
        "{\"names\":[\"swapon\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"minKernel\":\"4.8\"}},"
        "{\"names\":[\"swapoff\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"minKernel\":\"400.0\"}},"
        "{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"args\":["
        "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":10,\"op\":\"SCMP_CMP_EQ\"}]}]}";

static void test_profile_text(void **state) {
        struct filter f = get(-1, profile, 0), boot = get(-1, profile, CAP(SYS_BOOT));
        ALLOWED(f, SYS_read, 0);
        REFUSED(f, SYS_mkdir, 0, EPERM);
        REFUSED(f, 462, 0, EPERM);
        REFUSED(f, SYS_rmdir, 0, ENOSYS);
        assert_int_equal(call(&f, SYS_reboot, 0), SECCOMP_RET_KILL_PROCESS);
        ALLOWED(boot, SYS_reboot, 0);
        ALLOWED(f, SYS_acct, 0);
        assert_int_equal(call(&boot, SYS_acct, 0), SECCOMP_RET_LOG);
        assert_int_equal(call(&f, SYS_swapon, 0) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_TRAP);
        ALLOWED(f, SYS_swapoff, 0);
        REFUSED(f, SYS_socket, 2, 5);
        REFUSED(f, SYS_socket, 10, 5);
        ALLOWED(f, SYS_socket, 1);
        free(f.insns);
        free(boot.insns);
}

static void test_bad_profiles(void **state) {
        static const char *const texts[] = {
                "",
                "[]",
                "{",
                "{}",
                "{\"defaultAction\":3}",
                "{\"defaultAction\":\"SCMP_ACT_SOME\"}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[3]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_ERRNO\"}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[1],\"action\":\"SCMP_ACT_ERRNO\"}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
                "NOTIFY\"}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
                "ERRNO\",\"errnoRet\":\"x\"}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
                "ERRNO\",\"args\":[{\"index\":9,\"op\":\"SCMP_CMP_EQ\"}]}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
                "ERRNO\",\"args\":[{\"index\":0,\"op\":\"EQ\"}]}]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"X86\"]}",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
                "ERRNO\",\"includes\":{\"caps\":[\"CAP_X\"]}}]}",
        };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                void *p = NULL;
                uint16_t n;
                struct souk_err err = {};
                int r = seccomp_get(-1, &(struct seccomp_request){ texts[i], 0 }, &p, &n, &err);
                if (r >= 0)
                        fail_msg("accepted: %s", texts[i]);
                assert_null(p);
                assert_true(*err.msg);
        }
}

static char dir_path[] = "/tmp/souk-test-seccomp-XXXXXX";

/* The one file of the cache. */
static int open_cached(int dir, int flags) {
        int fd = -EBADF;
        DIR *d = opendir(dir_path);
        assert_non_null(d);
        for (struct dirent *e; fd < 0 && (e = readdir(d));)
                if (e->d_name[0] != '.')
                        fd = openat(dir, e->d_name, flags | O_CLOEXEC);
        closedir(d);
        return fd;
}

static void test_cache(void **state) {
        assert_non_null(mkdtemp(dir_path));
        int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct filter a = get(dir, NULL, CAP(KILL)), b = get(dir, NULL, CAP(KILL));
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.insns, b.insns, a.n * sizeof(*a.insns));
        free(b.insns);
        /* a filter that lets all through, put into the file: its hash tells */
        int fd = open_cached(dir, O_RDWR);
        struct stat st;
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        struct sock_filter open_door = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        assert_int_equal(pwrite(fd, &open_door, sizeof(open_door), st.st_size - (off_t) (a.n * sizeof(*a.insns))),
                         sizeof(open_door));
        b = get(dir, NULL, CAP(KILL));
        assert_memory_equal(a.insns, b.insns, a.n * sizeof(*a.insns));
        free(b.insns);
        close(fd);
        /* cut short, empty, writable by others */
        for (int i = 0; i < 3; i++) {
                fd = open_cached(dir, O_RDWR);
                assert_int_equal(i == 2 ? fchmod(fd, 0666) : ftruncate(fd, i == 0 ? st.st_size - 3 : 0), 0);
                b = get(dir, NULL, CAP(KILL));
                assert_int_equal(a.n, b.n);
                assert_memory_equal(a.insns, b.insns, a.n * sizeof(*a.insns));
                free(b.insns);
                close(fd);
        }
        free(a.insns);
        close(dir);
        assert_int_equal(tree_remove(AT_FDCWD, dir_path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_default),
                cmocka_unit_test(test_by_capability),
                cmocka_unit_test(test_foreign_architectures),
                cmocka_unit_test(test_profile_text),
                cmocka_unit_test(test_bad_profiles),
                cmocka_unit_test(test_cache),
                cmocka_unit_test(test_like_libseccomp),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
