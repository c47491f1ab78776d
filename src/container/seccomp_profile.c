/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Docker's default profile, by its semantics: what is not named fails with EPERM; some calls are there only with the
 * capability that they are about; clone may not make namespaces without CAP_SYS_ADMIN, and clone3, whose flags a filter
 * cannot see, says ENOSYS then, so that libraries fall back to clone.
 *
 * Names that this libseccomp does not know, or that an architecture does not have, are left out by the compiler.
 */
#include "container/seccomp_profile.h"

#include "base/str.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>

/* Harmless to the host in every container, grouped by what they are about. */
static const char *const always[] = {
        /* files */
        "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat "
        "faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat "
        "fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 "
        "futimesat getcwd getdents getdents64 ioctl lchown lchown32 link linkat _llseek lseek lstat lstat64 mkdir "
        "mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 "
        "pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile "
        "sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee "
        "truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev "
        "cachestat file_getattr file_setattr listmount statmount",
        /* extended attributes */
        "fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr "
        "removexattr setxattr getxattrat listxattrat removexattrat setxattrat",
        /* waiting and notification */
        "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old "
        "eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect "
        "poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime "
        "timerfd_gettime64 timerfd_settime timerfd_settime64",
        /* old asynchronous input and output; not io_uring */
        "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit",
        /* memory */
        "brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 "
        "mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages",
        /* processes and signals */
        "alarm execve execveat exit exit_group fork getitimer getpgid getpgrp getpid getppid getpriority "
        "get_robust_list getrusage getsid gettid get_thread_area ioprio_get ioprio_set kill pause pidfd_open "
        "pidfd_send_signal prctl prlimit64 process_mrelease restart_syscall rseq rt_sigaction rt_sigpending "
        "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
        "rt_tgsigqueueinfo setitimer setpgid setpriority setrlimit set_robust_list setsid set_thread_area "
        "set_tid_address sigaltstack sigprocmask sigreturn tgkill tkill ugetrlimit getrlimit vfork wait4 waitid "
        "waitpid",
        /* threads and scheduling */
        "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake getcpu sched_getaffinity sched_getattr "
        "sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval "
        "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield",
        /* ids and what a process may do to itself */
        "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
        "getresgid32 getresuid getresuid32 getuid getuid32 landlock_add_rule landlock_create_ruleset "
        "landlock_restrict_self seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups "
        "setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid "
        "setuid32",
        /* time */
        "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
        "clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time timer_create timer_delete "
        "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 times",
        /* sockets and pipes */
        "accept accept4 bind connect getpeername getsockname getsockopt listen pipe pipe2 recv recvfrom recvmmsg "
        "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
        /* System V and POSIX IPC */
        "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
        "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 "
        "shmat shmctl shmdt shmget",
        /* the system */
        "getrandom sysinfo uname",
};

static const struct {
        int capability;
        const char *names;
} with_capability[] = {
        { CAP_DAC_READ_SEARCH, "open_by_handle_at" },
        { CAP_SYS_ADMIN, "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
                         "mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl quotactl_fd "
                         "setdomainname sethostname setns syslog umount umount2 unshare" },
        { CAP_SYS_BOOT, "reboot" },
        { CAP_SYS_CHROOT, "chroot" },
        { CAP_SYS_MODULE, "delete_module finit_module init_module" },
        { CAP_SYS_PACCT, "acct" },
        { CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace" },
        { CAP_SYS_RAWIO, "ioperm iopl" },
        { CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime" },
        { CAP_SYS_TTY_CONFIG, "vhangup" },
        { CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
        { CAP_SYSLOG, "syslog" },
        { CAP_BPF, "bpf" },
        { CAP_PERFMON, "perf_event_open" },
};

#define CLONE_NAMESPACES                                                                                               \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static void allow(struct seccomp_profile *p, const char *names) {
        seccomp_profile_add(p, str_split(names, ' '), SCMP_ACT_ALLOW);
}

static void allow_when(struct seccomp_profile *p, const char *name, unsigned arg, enum scmp_compare op, uint64_t a,
                       uint64_t b) {
        struct seccomp_rule *r = seccomp_profile_add(p, str_split(name, ' '), SCMP_ACT_ALLOW);
        r->args[r->n_args++] = (struct scmp_arg_cmp){ arg, op, a, b };
}

static void add_architecture(struct seccomp_profile *p) {
        const char *arch = seccomp_arch_name();
        if (streq(arch, "amd64")) {
                p->arches[p->n_arches++] = SCMP_ARCH_X86;
                p->arches[p->n_arches++] = SCMP_ARCH_X32;
                allow(p, "arch_prctl modify_ldt");
        } else if (streq(arch, "arm64")) {
                p->arches[p->n_arches++] = SCMP_ARCH_ARM;
                allow(p, "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls");
        } else if (streq(arch, "x86"))
                allow(p, "modify_ldt");
        else if (streq(arch, "arm"))
                allow(p, "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls");
        else if (streq(arch, "ppc64le"))
                allow(p, "sync_file_range2 swapcontext");
        else if (streq(arch, "riscv64"))
                allow(p, "riscv_flush_icache");
        else if (streq(arch, "s390x")) {
                p->arches[p->n_arches++] = SCMP_ARCH_S390;
                allow(p, "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr");
        }
}

void seccomp_profile_default(struct seccomp_profile *p, uint64_t capabilities) {
        static const uint32_t personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };
        p->default_action = SCMP_ACT_ERRNO(EPERM);
        for (size_t i = 0; i < ELEMENTSOF(always); i++)
                allow(p, always[i]);
        if (seccomp_kernel_at_least(4, 8)) /* before it a tracer could change a call after the filter */
                allow(p, "process_vm_readv process_vm_writev ptrace");
        for (size_t i = 0; i < ELEMENTSOF(personalities); i++)
                allow_when(p, "personality", 0, SCMP_CMP_EQ, personalities[i], 0);
        allow_when(p, "socket", 0, SCMP_CMP_NE, AF_VSOCK, 0); /* talks to the hypervisor, past every namespace */
        add_architecture(p);
        for (size_t i = 0; i < ELEMENTSOF(with_capability); i++)
                if (capabilities >> with_capability[i].capability & 1)
                        allow(p, with_capability[i].names);
        if (capabilities >> CAP_SYS_ADMIN & 1)
                return;
        /* s390 has the flags of clone in its second argument */
        allow_when(p, "clone", streq(seccomp_arch_name(), "s390x"), SCMP_CMP_MASKED_EQ, CLONE_NAMESPACES, 0);
        seccomp_profile_add(p, str_split("clone3", ' '), SCMP_ACT_ERRNO(ENOSYS));
}

/* ---- the struct -------------------------------------------------------------------------------------------------- */

struct seccomp_rule *seccomp_profile_add(struct seccomp_profile *p, char **names_take, uint32_t action) {
        p->rules = xreallocarray(p->rules, p->n_rules + 1, sizeof(*p->rules));
        p->rules[p->n_rules] = (struct seccomp_rule){ .names = names_take, .action = action };
        return &p->rules[p->n_rules++];
}

void seccomp_profile_clear(struct seccomp_profile *p) {
        for (size_t i = 0; i < p->n_rules; i++)
                strv_free(p->rules[i].names);
        free(p->rules);
        *p = (struct seccomp_profile){};
}

const char *seccomp_arch_name(void) {
        switch (seccomp_arch_native()) {
        case SCMP_ARCH_X86_64:
                return "amd64";
        case SCMP_ARCH_X86:
                return "x86";
        case SCMP_ARCH_AARCH64:
                return "arm64";
        case SCMP_ARCH_ARM:
                return "arm";
        case SCMP_ARCH_PPC64LE:
                return "ppc64le";
        case SCMP_ARCH_RISCV64:
                return "riscv64";
        case SCMP_ARCH_S390X:
                return "s390x";
        default:
                return "";
        }
}

bool seccomp_kernel_at_least(unsigned major, unsigned minor) {
        struct utsname u;
        unsigned a, b;
        if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &a, &b) != 2)
                return false;
        return a > major || (a == major && b >= minor);
}
