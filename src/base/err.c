/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors: see include/souk/err.h.  One table maps a code to its name, exit status and HTTP status. */
#include <souk/err.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
        const char *name;
        int exit_status;
        int http_status;
} codes[] = {
        [SOUK_OK] = { "ok", 0, 200 },
        [SOUK_INTERNAL] = { "internal", 125, 500 },
        [SOUK_USAGE] = { "usage", 125, 400 },
        [SOUK_INVALID] = { "invalid", 125, 400 },
        [SOUK_IMAGE_NOT_FOUND] = { "image-not-found", 125, 404 },
        [SOUK_INSTANCE_NOT_FOUND] = { "instance-not-found", 125, 404 },
        [SOUK_NOT_FOUND] = { "not-found", 125, 404 },
        [SOUK_NAME_IN_USE] = { "name-in-use", 125, 409 },
        [SOUK_CONFLICT] = { "conflict", 125, 409 },
        [SOUK_WRONG_STATE] = { "wrong-state", 125, 409 },
        [SOUK_UNSUPPORTED] = { "unsupported", 125, 501 },
        [SOUK_DENIED] = { "denied", 125, 403 },
        [SOUK_CORRUPT] = { "corrupt", 125, 400 },
        [SOUK_DIGEST_MISMATCH] = { "digest-mismatch", 125, 400 },
        [SOUK_LIMIT] = { "limit", 125, 413 },
        [SOUK_NO_SPACE] = { "no-space", 125, 507 },
        [SOUK_TIMEOUT] = { "timeout", 125, 504 },
        [SOUK_INTERRUPTED] = { "interrupted", 125, 500 },
        [SOUK_COMMAND_NOT_FOUND] = { "command-not-found", 127, 400 },
        [SOUK_COMMAND_NOT_EXECUTABLE] = { "command-not-executable", 126, 400 },
};
_Static_assert(sizeof(codes) / sizeof(codes[0]) == SOUK_CODE_MAX, "a row for each code");

int souk_err_setv(struct souk_err *err, enum souk_code code, int errnum, const char *fmt, va_list ap) {
        if (errnum >= 0)
                errnum = errnum > 0 ? -errnum : -EIO;
        if (err) {
                char msg[sizeof(err->msg)]; /* the arguments may point into err->msg */
                vsnprintf(msg, sizeof(msg), fmt, ap);
                err->errnum = errnum;
                err->code = code;
                memcpy(err->msg, msg, sizeof(msg));
        }
        return errnum;
}

int souk_err_set(struct souk_err *err, enum souk_code code, int errnum, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        int r = souk_err_setv(err, code, errnum, fmt, ap);
        va_end(ap);
        return r;
}

static enum souk_code code_from_errno(int errnum) {
        switch (errnum) {
        case ENOSPC:
        case EDQUOT:
                return SOUK_NO_SPACE;
        case EPERM:
        case EACCES:
        case EROFS:
                return SOUK_DENIED;
        case ENOSYS:
        case EOPNOTSUPP:
                return SOUK_UNSUPPORTED;
        case ENOENT:
                return SOUK_NOT_FOUND;
        default:
                return SOUK_INTERNAL;
        }
}

int souk_err_errno(struct souk_err *err, int errnum, const char *fmt, ...) {
        int positive = errnum < 0 ? -errnum : errnum ? errnum : EIO;
        char text[sizeof(err->msg)];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return souk_err_set(err, code_from_errno(positive), -positive, "%s: %s", text, strerror(positive));
}

int souk_err_wrap(struct souk_err *err, const char *fmt, ...) {
        if (!err || err->errnum == 0)
                return -EIO;
        char text[sizeof(err->msg)];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return souk_err_set(err, err->code, err->errnum, "%s: %s", text, err->msg);
}

const char *souk_code_name(enum souk_code code) {
        return code < SOUK_CODE_MAX ? codes[code].name : "internal";
}
int souk_code_exit_status(enum souk_code code) {
        return code < SOUK_CODE_MAX ? codes[code].exit_status : 125;
}
int souk_code_http_status(enum souk_code code) {
        return code < SOUK_CODE_MAX ? codes[code].http_status : 500;
}
