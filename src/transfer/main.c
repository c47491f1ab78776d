/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk-transfer: one job, then the end.  See transfer.h.  Started by the engine only. */
#include "transfer/sandbox.h"
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <signal.h>
#include <stdio.h>

static void read_job(struct transfer *t, const char *driver, const struct transfer_job *job) {
        t->driver = streq(driver, "tree") ? LAYER_DRIVER_TREE : LAYER_DRIVER_EROFS;
        t->limits = (struct worker_limits){
                .max_layer_bytes = job->max_layer_bytes,
                .max_image_bytes = job->max_image_bytes,
                .max_entries = job->max_entries,
                .max_layers = job->max_layers,
                .max_images = job->max_images,
                .max_ratio = job->max_ratio,
        };
        t->job = job;
}

static const struct {
        const char *name;
        int (*run)(struct transfer *t, struct souk_err *err);
        bool unpacks;
} ops[] = {
        { "load", job_load, true },
        { "import", job_import, true },
        { "save", job_save, false },
        { "export", job_export, false },
};

static int run(struct transfer *t, size_t op, const char *driver, struct souk_err *err) {
        _cleanup_(transfer_msg_clear) struct transfer_msg m = {};
        int r = transfer_receive(FD_CHANNEL, false, &m, err);
        if (r < 0)
                return r;
        if (r == 0 || m.kind != TRANSFER_JOB)
                return souk_err_set(err, SOUK_INTERNAL, -EPIPE, "the engine gave no job");
        read_job(t, driver, &m.job);
        return ops[op].run(t, err);
}

/* What else was inherited is nobody's here; the terminal is not for a process that reads untrusted bytes. */
static void leave_inherited(void) {
        (void) close_range(FD_STAGING + 1, ~0u, 0);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        bool speaks = getenv("SOUK_LOG");
#ifdef SANDBOX_SANITIZED
        speaks = true;
#endif
        for (int fd = 0; null >= 0 && fd <= (speaks ? 1 : 2); fd++)
                (void) dup2(null, fd);
        if (null > FD_STAGING)
                close(null);
}

static unsigned sandbox_flags(bool unpacks, const char *driver) {
        struct stat st;
        bool directory = fstat(FD_INPUT, &st) == 0 && S_ISDIR(st.st_mode);
        return (unpacks && streq(driver, "tree") ? SANDBOX_TREE : 0u) | (directory ? SANDBOX_READ_ALL : 0u);
}

static void say_last(struct transfer *t, int r, const struct souk_err *err) {
        _cleanup_free_ char *safe = str_printable(err->msg);
        struct souk_err ignored = {};
        struct transfer_msg m = { .kind = r < 0 ? TRANSFER_FAILED : TRANSFER_DONE };
        m.failure = (struct transfer_failure){ .code = (uint32_t) err->code, .errnum = err->errnum, .message = safe };
        if (r < 0 && err->code == SOUK_OK)
                m.failure = (struct transfer_failure){ .code = SOUK_INTERNAL, .errnum = r, .message = safe };
        (void) !transfer_tell(t, &m, &ignored);
}

/* argv: OP DRIVER: what the sandbox must know before anything is read */
int main(int argc, char **argv) {
        struct transfer t = { .channel_lock = PTHREAD_MUTEX_INITIALIZER };
        struct souk_err err = {};
        size_t op = 0;
        while (argc == 3 && op < ELEMENTSOF(ops) && !streq(argv[1], ops[op].name))
                op++;
        if (argc != 3 || op == ELEMENTSOF(ops) || fcntl(FD_CHANNEL, F_GETFD) < 0) {
                fprintf(stderr, "souk-transfer: started by souk, not by hand\n");
                return 2;
        }
        leave_inherited();
        log_init("souk-transfer");
        signal(SIGPIPE, SIG_IGN);
        int r = sandbox_enter(sandbox_flags(ops[op].unpacks, argv[2]), &err);
        if (r < 0)
                souk_err_wrap(&err, "confining the worker");
        fault_point("transfer.confined");
        if (r >= 0)
                r = run(&t, op, argv[2], &err);
        say_last(&t, r, &err);
        _exit(r < 0); /* without waiting for threads that a failure has left */
}
