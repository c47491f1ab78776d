/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_TRANSFER_SANDBOX_H
#define SOUK_TRANSFER_SANDBOX_H
/* Confinement of this process; see sandbox.c and, for the system calls, sandbox_calls.c. */
#include <souk/err.h>

/* The sanitizers' runtimes make system calls of their own, and reserve memory without end: no filter, no limit of that.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#endif

enum sandbox_flags {
        SANDBOX_TREE = 1,     /* unpacks: makes files of any owner and kind below staging */
        SANDBOX_READ_ALL = 2, /* the input is a directory: reads it whoever owns it */
};
/** sandbox_enter() - all of it, for the rest of this process's life.  Needs root; -EPERM without.  One thread yet. */
int sandbox_enter(unsigned flags, struct souk_err *err);
/** sandbox_filter_calls() - the last step: a call that is not on the list kills this process */
int sandbox_filter_calls(unsigned flags, struct souk_err *err);
#endif
