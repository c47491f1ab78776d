/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of a container start: only the kernel work, nothing of an engine.
 *   floor LOWER_DIR SCRATCH_DIR PROGRAM [ARGUMENT...]
 * One child with all namespaces (a user namespace of its own included), six v1 control groups (or one of v2), an
 * overlay of idmapped lower and upper, proc, sysfs, dev with six nodes, devpts, shm, mqueue, pivot_root, exec, wait,
 * clean up.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(x)                                                                                                        \
        ({                                                                                                             \
                long r_ = (long) (x);                                                                                  \
                if (r_ < 0) {                                                                                          \
                        perror(#x);                                                                                    \
                        _exit(1);                                                                                      \
                }                                                                                                      \
                (int) r_;                                                                                              \
        })
#define BASE 0x60000000u

/* Controllers of v1. */
static const char *const groups[] = { "memory", "pids", "devices", "freezer", "cpu", "cpuacct" };

static int new_fs(const char *type, const char *key, const char *value, const char *key2, const char *value2,
                  unsigned attr) {
        int fs = MUST(fsopen(type, FSOPEN_CLOEXEC));
        if (key)
                MUST(fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0));
        if (key2)
                MUST(fsconfig(fs, FSCONFIG_SET_STRING, key2, value2, 0));
        MUST(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
        int fd = MUST(fsmount(fs, FSMOUNT_CLOEXEC, attr));
        close(fs);
        return fd;
}

static void attach(int fd, const char *path) {
        MUST(move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
        close(fd);
}

#define GROUPS 6

static void child(int sock, size_t n_groups, char *const argv[]) {
        static const char *const nodes[] = { "/dev/null",   "/dev/zero",    "/dev/full",
                                             "/dev/random", "/dev/urandom", "/dev/tty" };
        int clones[6], fds[1 + GROUPS], root;
        char byte, control[CMSG_SPACE(sizeof(fds))];
        MUST(read(sock, &byte, 1));
        MUST(setresgid(0, 0, 0));
        MUST(setresuid(0, 0, 0));
        MUST(sethostname("floor", 5));
        for (int i = 0; i < 6; i++)
                clones[i] = MUST(open_tree(AT_FDCWD, nodes[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        int proc = new_fs("proc", NULL, NULL, NULL, NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        int sys = new_fs("sysfs", NULL, NULL, NULL, NULL,
                         MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        int dev = new_fs("tmpfs", "mode", "755", "size", "64m", MOUNT_ATTR_NOSUID);
        int pts = new_fs("devpts", "ptmxmode", "0666", "mode", "0620", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        int shm = new_fs("tmpfs", "mode", "1777", "size", "64m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        int mq = new_fs("mqueue", NULL, NULL, NULL, NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        struct iovec iov = { &byte, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        MUST(recvmsg(sock, &m, MSG_CMSG_CLOEXEC));
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), (1 + n_groups) * sizeof(int));
        root = fds[0];
        for (size_t i = 0; i < n_groups; i++) /* a process that moves itself costs least */
                MUST(write(fds[1 + i], "0", 1));
        MUST(unshare(CLONE_NEWCGROUP));
        MUST(move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
        MUST(fchdir(root));
        MUST(syscall(SYS_pivot_root, ".", "."));
        MUST(umount2(".", MNT_DETACH));
        MUST(chdir("/"));
        attach(proc, "/proc");
        attach(sys, "/sys");
        attach(dev, "/dev");
        for (int i = 0; i < 6; i++) {
                close(MUST(open(nodes[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
                attach(clones[i], nodes[i]);
        }
        MUST(mkdir("/dev/pts", 0755));
        MUST(mkdir("/dev/shm", 0755));
        MUST(mkdir("/dev/mqueue", 0755));
        attach(pts, "/dev/pts");
        attach(shm, "/dev/shm");
        attach(mq, "/dev/mqueue");
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
}

static void write_file(const char *path, const char *text) {
        int fd = MUST(open(path, O_WRONLY | O_CLOEXEC));
        MUST(write(fd, text, strlen(text)));
        close(fd);
}

static int idmapped(int dir, const char *path, int userns) {
        int fd = MUST(open_tree(dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
        struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) userns };
        MUST(mount_setattr(fd, "", AT_EMPTY_PATH, &a, sizeof(a)));
        return fd;
}

static int make_root(int lower, int userns) {
        char path[64];
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct caps[2];
        int low = idmapped(lower, "", userns), up = idmapped(AT_FDCWD, ".", userns);
        MUST(syscall(SYS_capget, &h, caps));
        setfsuid(BASE);
        setfsgid(BASE);
        MUST(syscall(SYS_capset, &h, caps));
        int fs = MUST(fsopen("overlay", FSOPEN_CLOEXEC));
        snprintf(path, sizeof(path), "/proc/self/fd/%d", low);
        MUST(fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", path, 0));
        snprintf(path, sizeof(path), "/proc/self/fd/%d/upper", up);
        MUST(fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", path, 0));
        snprintf(path, sizeof(path), "/proc/self/fd/%d/work", up);
        MUST(fsconfig(fs, FSCONFIG_SET_STRING, "workdir", path, 0));
        MUST(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
        int root = MUST(fsmount(fs, FSMOUNT_CLOEXEC, 0));
        setfsuid(0);
        setfsgid(0);
        MUST(syscall(SYS_capset, &h, caps));
        close(fs);
        close(low);
        close(up);
        return root;
}

int main(int argc, char **argv) {
        char path[64], map[64], name[16];
        int sock[2], pidfd, status;
        if (argc < 4) {
                fprintf(stderr, "usage: floor LOWER_DIR SCRATCH_DIR PROGRAM [ARGUMENT...]\n");
                return 2;
        }
        struct statfs sfs;
        bool v2 = statfs("/sys/fs/cgroup", &sfs) == 0 && sfs.f_type == 0x63677270;
        size_t n_groups = v2 ? 1 : 6;
        int lower = MUST(open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC));
        snprintf(name, sizeof(name), "%d", getpid());
        MUST(chdir(argv[2]));
        MUST(mkdir(name, 0755));
        MUST(chdir(name));
        MUST(mkdir("upper", 0755));
        MUST(mkdir("work", 0755));
        MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock));
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                         CLONE_NEWUTS,
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .exit_signal = SIGCHLD,
        };
        pid_t pid = MUST(syscall(SYS_clone3, &args, sizeof(args)));
        if (pid == 0)
                child(sock[1], n_groups, argv + 3);
        snprintf(map, sizeof(map), "0 %u 65536\n", BASE);
        snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
        write_file(path, map);
        snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
        write_file(path, map);
        snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
        int userns = MUST(open(path, O_RDONLY | O_CLOEXEC));
        MUST(write(sock[0], "m", 1));
        int fds[1 + GROUPS];
        for (size_t i = 0; i < n_groups; i++) {
                snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/floor-%d", v2 ? "" : groups[i], getpid());
                MUST(mkdir(path, 0755));
                strcat(path, v2 ? "/cgroup.procs" : "/tasks");
                fds[1 + i] = MUST(open(path, O_WRONLY | O_CLOEXEC));
        }
        fds[0] = make_root(lower, userns);
        char byte = 'g', control[CMSG_SPACE(sizeof(fds))] = "";
        struct iovec iov = { &byte, 1 };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = CMSG_SPACE((1 + n_groups) * sizeof(int)) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((1 + n_groups) * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (1 + n_groups) * sizeof(int));
        MUST(sendmsg(sock[0], &m, 0));
        for (size_t i = 0; i <= n_groups; i++)
                close(fds[i]);
        MUST(waitpid(pid, &status, 0));
        for (size_t i = 0; i < n_groups; i++) {
                snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/floor-%d", v2 ? "" : groups[i], getpid());
                while (rmdir(path) < 0)
                        usleep(100);
        }
        rmdir("work/work"); /* overlayfs's own */
        MUST(rmdir("work"));
        MUST(rmdir("upper"));
        MUST(chdir(".."));
        MUST(rmdir(name));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
