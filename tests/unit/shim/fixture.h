/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real child processes with pipes or a terminal, monitored in this process, in a forked one, or by souk-shim. */
#ifndef TEST_SHIM_FIXTURE_H
#define TEST_SHIM_FIXTURE_H
#include "base/buf.h"
#include "shim/monitor.h"

#include <sys/types.h>

#define sh(script) ((const char *const[]){ "/bin/sh", "-c", script, NULL })

struct fixture {
        char dir[64];
        int dir_fd;             /* run directory and log directory */
        pid_t monitor;          /* of monitor_fork() and shim_fork() */
};
int fixture_setup(void **state);
int fixture_teardown(void **state);

enum { WITH_STDIN = 1, WITH_TERMINAL = 2, WITH_NEWPID = 4 };
/** workload_start() - fills pid, pidfd and the streams of @c; the rest of @c is left alone */
void workload_start(const char *const *argv, int flags, struct monitor_config *c);
/** config_init() - nothing connected */
void config_init(struct monitor_config *c);
/** foreground_run() - run @argv, monitored here; @in NULL: none.  Output of 1 and 2 into the buffers (may be NULL) */
int foreground_run(struct fixture *f, const char *const *argv, int fg_in, struct buf *out, struct buf *err);
/** monitor_fork() - start @argv and monitor it in a forked process, its parent, with run and log directory */
void monitor_fork(struct fixture *f, const char *const *argv, int flags, bool wait_attach, bool stdin_once);
/** shim_fork() - the same, with the program souk-shim */
void shim_fork(struct fixture *f, const char *const *argv, int flags, const char *letters, const char *const *on_exit);
/** monitor_join() - wait for that process; asserts that it ended well */
void monitor_join(struct fixture *f);
int write_fd_of(const void *p, size_t n); /* unlinked file, offset 0 */
uint64_t hash_of(const void *p, size_t n);
void fill_random(uint8_t *p, size_t n, uint64_t seed);
/** wait_for() - up to 10 s */
bool wait_for(bool (*condition)(void *user), void *user);
#endif
