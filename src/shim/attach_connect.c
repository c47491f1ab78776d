/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to a monitor, and waiting for the end of what it monitors: see attach.h. */
#include "shim/attach_connect.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach.h"
#include "shim/attach_proto.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define PATIENCE_USEC 5000000u
#define PATIENCE_ENDED_USEC 500000u

static int connect_once(int run_dir_fd) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" ATTACH_SOCKET, run_dir_fd);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                if (errno != EINTR)
                        return -errno;
        return TAKE_FD(fd);
}

static bool is_removed(int dir_fd) {
        struct stat st;
        return fstat(dir_fd, &st) < 0 || st.st_nlink == 0;
}

static bool has_ended(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        return pidfd >= 0 && poll(&p, 1, 0) > 0;
}

int attach_connect(int run_dir_fd, uint8_t hello_flags, uint64_t patience_usec, int pidfd) {
        uint64_t start = patience_usec ? now_usec() : 0;
        for (uint64_t pause = 100;; pause = MIN(2 * pause, (uint64_t) 10000)) {
                _cleanup_close_ int fd = connect_once(run_dir_fd);
                int r = fd;
                if (fd >= 0) {
                        r = attach_send_hello(fd, hello_flags);
                        return r < 0 && r != -EPIPE ? r : TAKE_FD(fd);
                }
                /* EAGAIN: its backlog is full */
                if (r != -ENOENT && r != -EAGAIN)
                        return r;
                if (patience_usec == 0 || (r == -ENOENT && (file_exists(run_dir_fd, "exit") || is_removed(run_dir_fd))))
                        return r;
                uint64_t limit = has_ended(pidfd) ? MIN(patience_usec, (uint64_t) PATIENCE_ENDED_USEC) : patience_usec;
                if (now_usec() - start > limit)
                        return r;
                nanosleep(&(struct timespec){ .tv_nsec = (long) pause * 1000 }, NULL);
        }
}

/* Until EXIT.  -ETIMEDOUT, -EPIPE when the monitor went without a word */
static int wait_exit(int fd, uint64_t timeout_usec, int *ret_status) {
        uint64_t now = now_usec(), until = timeout_usec > UINT64_MAX - now ? UINT64_MAX : now + timeout_usec;
        _cleanup_free_ uint8_t *buf = xmalloc(ATTACH_MESSAGE_MAX);
        for (;;) {
                struct attach_message m;
                int n = attach_receive(fd, buf);
                if (n > 0 && attach_message_parse(buf, (size_t) n, &m) == 0 && m.type == ATTACH_EXIT) {
                        *ret_status = m.status;
                        return 0;
                }
                if (n > 0)
                        continue;
                if (n != -EAGAIN)
                        return -EPIPE;
                now = now_usec();
                if (now >= until)
                        return -ETIMEDOUT;
                uint64_t left = until - now;
                struct timespec ts = { .tv_sec = (time_t) MIN(left / 1000000, (uint64_t) 86400), .tv_nsec = (long) (left % 1000000) * 1000 };
                struct pollfd p = { .fd = fd, .events = POLLIN };
                if (ppoll(&p, 1, &ts, NULL) < 0 && errno != EINTR)
                        return -errno;
        }
}

int attach_wait(int run_dir_fd, uint64_t timeout_usec, int *ret_status, struct souk_err *err) {
        /* Not to be waited for: its answer would not come in no time */
        if (timeout_usec == 0 && exit_file_read(run_dir_fd, ret_status, NULL) == 0)
                return 0;
        _cleanup_close_ int fd = attach_connect(run_dir_fd, 0, MIN(timeout_usec, (uint64_t) PATIENCE_USEC), -EBADF);
        int r = fd < 0 ? fd : wait_exit(fd, timeout_usec, ret_status);
        if (r >= 0 || (r != -ETIMEDOUT && exit_file_read(run_dir_fd, ret_status, NULL) == 0))
                return 0;
        if (r == -EAGAIN) /* too many wait there: so it is there */
                r = -ETIMEDOUT;
        if (r == -ETIMEDOUT)
                return souk_err_set(err, SOUK_TIMEOUT, r, "it has not ended in time");
        return souk_err_errno(err, r, "waiting for the end: the monitor is not there");
}
