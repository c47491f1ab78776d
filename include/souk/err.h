/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ERR_H
#define SOUK_ERR_H
/*
 * Errors of Souk.  A function returns 0 or a positive value on success and a negative errno on failure, and describes
 * the failure in the caller's struct souk_err.  The code drives behaviour (exit status, HTTP status, retries); errnum is
 * the kernel's word; msg is for people: it names the thing, what is wrong with it, and what to do.
 */
#include <stdarg.h>

enum souk_code {
        SOUK_OK = 0,
        SOUK_INTERNAL,            /* a defect of Souk, or the kernel said something unexpected */
        SOUK_USAGE,               /* wrong flags or arguments */
        SOUK_INVALID,             /* a value is malformed or contradictory */
        SOUK_IMAGE_NOT_FOUND,
        SOUK_INSTANCE_NOT_FOUND,
        SOUK_NOT_FOUND,           /* a file, device, kernel object ... that was named */
        SOUK_NAME_IN_USE,
        SOUK_CONFLICT,            /* still used by something else */
        SOUK_WRONG_STATE,         /* not running, already running ... */
        SOUK_UNSUPPORTED,         /* Souk or this kernel cannot do it */
        SOUK_DENIED,              /* privilege or policy */
        SOUK_CORRUPT,             /* malformed or hostile archive, JSON, record */
        SOUK_DIGEST_MISMATCH,
        SOUK_LIMIT,               /* a size or count limit was exceeded */
        SOUK_NO_SPACE,
        SOUK_TIMEOUT,
        SOUK_INTERRUPTED,
        SOUK_COMMAND_NOT_FOUND,   /* the workload's program: exit status 127 */
        SOUK_COMMAND_NOT_EXECUTABLE, /* the workload's program: exit status 126 */
        SOUK_CODE_MAX
};

struct souk_err {
        int errnum;               /* negative errno, 0 when none */
        enum souk_code code;
        char msg[512];            /* one line, no newline at the end; truncated if longer */
};

/**
 * souk_err_set() - describe a failure where it is detected
 * @err:    [caller's storage, may be NULL]
 * @code:   what kind of failure
 * @errnum: negative errno
 * Return: @errnum, so that `return souk_err_set(...)` is one line.
 */
int souk_err_set(struct souk_err *err, enum souk_code code, int errnum, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
int souk_err_setv(struct souk_err *err, enum souk_code code, int errnum, const char *fmt, va_list ap)
        __attribute__((format(printf, 4, 0)));

/**
 * souk_err_errno() - the same for a failed system call: appends ": strerror"
 * The code is derived: ENOSPC/EDQUOT -> NO_SPACE, EPERM/EACCES/EROFS -> DENIED, ENOSYS/EOPNOTSUPP -> UNSUPPORTED,
 * ENOENT -> NOT_FOUND, else INTERNAL.
 * @errnum: positive or negative errno
 * Return: the negative errno.
 */
int souk_err_errno(struct souk_err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * souk_err_wrap() - put context in front of the message on the way up: "CONTEXT: MESSAGE"
 * Return: err->errnum (or -EIO when @err is NULL or empty).
 */
int souk_err_wrap(struct souk_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** souk_code_name() - "image-not-found"; stable, for --format json and logs */
const char *souk_code_name(enum souk_code code);
/** souk_code_exit_status() - exit status of the command line: 125, 126, 127 */
int souk_code_exit_status(enum souk_code code);
/** souk_code_http_status() - HTTP status of the Engine API: 400, 404, 409, 500 ... */
int souk_code_http_status(enum souk_code code);

#endif
