/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PID 1 for --init: forwards signals to the workload, reaps orphans, and ends as the workload did.  Runs in the forked
 * child: no allocation.  When it exits, the kernel ends all that is left in the pid namespace. */
#include "container/child.h"

#include <signal.h>
#include <sys/wait.h>

_Noreturn void init_main(pid_t pid) {
        sigset_t all; /* blocked since before the fork */
        sigfillset(&all);
        for (;;) {
                siginfo_t info;
                int sig = sigwaitinfo(&all, &info);
                if (sig < 0)
                        continue;
                if (sig != SIGCHLD) {
                        kill(pid, sig);
                        continue;
                }
                int status;
                for (pid_t k; (k = waitpid(-1, &status, WNOHANG)) > 0;)
                        if (k == pid && (WIFEXITED(status) || WIFSIGNALED(status)))
                                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
}
