/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floor of an exec: setns into all namespaces of a process, its control groups, fork, exec, wait.
 *   execfloor PID CGROUP_ID PROGRAM [ARG ...] */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void join_cgroups(const char *id) {
        static const char *const groups[] = { "memory/", "pids/", "devices/", "freezer/", "cpu/", "cpuacct/", "" };
        char path[512], pid[16];
        int n = snprintf(pid, sizeof(pid), "%d", getpid());
        for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
                snprintf(path, sizeof(path), "/sys/fs/cgroup/%ssouk/%s/cgroup.procs", groups[i], id);
                int fd = open(path, O_WRONLY | O_CLOEXEC);
                if (fd < 0)
                        continue;
                if (write(fd, pid, (size_t) n) != n)
                        perror(path);
                close(fd);
        }
}

int main(int argc, char **argv) {
        if (argc < 4)
                return 2;
        int pidfd = (int) syscall(SYS_pidfd_open, atoi(argv[1]), 0), status;
        join_cgroups(argv[2]);
        if (pidfd < 0 || setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0) {
                perror("setns");
                return 1;
        }
        pid_t pid = fork();
        if (pid == 0) {
                execvp(argv[3], argv + 3);
                _exit(127);
        }
        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
