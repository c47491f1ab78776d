/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ownership visible in the name and type: cleanup attributes, TAKE_x, fds that start at -EBADF. */
#ifndef SOUK_BASE_MACRO_H
#define SOUK_BASE_MACRO_H
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _fallthrough_ __attribute__((fallthrough))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_UP(x, a) (((x) + ((a) - 1)) & ~((typeof(x))(a) - 1))

#define TAKE_PTR(p) ({ typeof(p) _p = (p); (p) = NULL; _p; })
#define TAKE_FD(fd) ({ int _fd = (fd); (fd) = -EBADF; _fd; })

/* Closes once, never retries on EINTR (it may close a stranger's fd); errno is kept. Returns -EBADF. */
static inline int fd_close(int fd) {
        if (fd >= 0) {
                int saved = errno;
                close(fd);
                errno = saved;
        }
        return -EBADF;
}
static inline void fd_closep(int *fd) {
        *fd = fd_close(*fd);
}
static inline void freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_close_ _cleanup_(fd_closep)
#define _cleanup_free_ _cleanup_(freep)

/* Defines a cleanup function named NAMEp for a pointer type and its free function. */
#define DEFINE_CLEANUP(type, func)                                                                                      \
        static inline void func##p(type **p) {                                                                         \
                if (*p)                                                                                                \
                        func(*p);                                                                                      \
        }
#endif
