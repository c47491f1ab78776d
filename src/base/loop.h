/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small epoll loop: fds with callbacks and one-shot timers.  Single-threaded. */
#ifndef SOUK_BASE_LOOP_H
#define SOUK_BASE_LOOP_H
#include "macro.h"

struct loop;
struct loop_source;
typedef int (*loop_io_fn)(struct loop *loop, struct loop_source *s, uint32_t events, void *user); /* EPOLLx */
typedef int (*loop_timer_fn)(struct loop *loop, struct loop_source *s, void *user);
_must_check_ int loop_new(struct loop **ret);
void loop_free(struct loop *loop); /* frees the sources, closes no fd but its own */
DEFINE_CLEANUP(struct loop, loop_free)
_must_check_ int loop_add_io(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *user, struct loop_source **ret);
_must_check_ int loop_set_events(struct loop_source *s, uint32_t events);
_must_check_ int loop_add_timer(struct loop *loop, uint64_t after_usec, loop_timer_fn fn, void *user, struct loop_source **ret);
/** loop_source_free() - NULL is fine; safe inside its own callback.  Free an fd's source before the fd is closed: another
 * holder of the same open file would keep it in the epoll set.  A timer frees itself after it fired: forget it there. */
void loop_source_free(struct loop_source *s);
/** loop_run() - until loop_stop(); a callback's negative return ends it too. Return: loop_stop()'s value or the error. */
_must_check_ int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int value);
#endif
