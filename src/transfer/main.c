/* SPDX-License-Identifier: GPL-2.0-or-later */
/* souk-transfer: one job, then the end.  See transfer.h.  Started by the engine only. */
#include "transfer/sandbox.h"
#include "transfer/transfer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "wire/channel.h"

#include <signal.h>

int transfer_tell(struct transfer *t, json_t *message_take, struct souk_err *err) {
        pthread_mutex_lock(&t->channel_lock);
        int r = message_take ? channel_send(FD_CHANNEL, message_take) : -ENOMEM;
        pthread_mutex_unlock(&t->channel_lock);
        json_decref(message_take);
        return r < 0 ? souk_err_errno(err, r, "telling the engine") : 0;
}

int transfer_ask(struct transfer *t, const char *kind, const struct digest *d, bool *ret_known, struct souk_err *err) {
        _cleanup_json_ json_t *question = json_pack("{s:s,s:s}", "ask", kind, "digest", d->hex);
        _cleanup_json_ json_t *answer = NULL;
        pthread_mutex_lock(&t->channel_lock);
        int r = channel_send(FD_CHANNEL, question);
        if (r >= 0)
                r = channel_receive(FD_CHANNEL, false, &answer);
        pthread_mutex_unlock(&t->channel_lock);
        if (r <= 0)
                return souk_err_errno(err, r < 0 ? r : -EPIPE, "asking the engine");
        *ret_known = json_is_true(json_object_get(answer, "known"));
        return 0;
}

int transfer_receive_output(struct souk_err *err) {
        int fd = channel_receive_fd(FD_CHANNEL);
        return fd < 0 ? souk_err_errno(err, fd, "receiving the output") : fd;
}

static uint64_t number(json_t *job, const char *key) {
        json_int_t n = json_integer_value(json_object_get(job, key));
        return n > 0 ? (uint64_t) n : 0;
}

static void read_job(struct transfer *t) {
        json_t *limits = json_object_get(t->job, "limits");
        const char *driver = json_string_value(json_object_get(t->job, "driver"));
        t->driver = driver && streq(driver, "tree") ? LAYER_DRIVER_TREE : LAYER_DRIVER_EROFS;
        t->keep_blobs = json_is_true(json_object_get(t->job, "keepBlobs"));
        t->limits = (struct worker_limits){
                .max_layer_bytes = number(limits, "layerBytes"),
                .max_image_bytes = number(limits, "imageBytes"),
                .max_entries = number(limits, "entries"),
                .max_layers = (uint32_t) number(limits, "layers"),
                .max_images = (uint32_t) number(limits, "images"),
                .max_ratio = (uint32_t) number(limits, "ratio"),
        };
}

static int run(struct transfer *t, const char *op, struct souk_err *err) {
        int r = channel_receive(FD_CHANNEL, false, &t->job);
        if (r <= 0)
                return souk_err_errno(err, r < 0 ? r : -EPIPE, "receiving the job");
        read_job(t);
        if (streq(op, "load"))
                return job_load(t, err);
        if (streq(op, "import"))
                return job_import(t, err);
        return streq(op, "save") ? job_save(t, err) : job_export(t, err);
}

static unsigned sandbox_flags(const char *op, const char *driver) {
        struct stat st;
        bool directory = fstat(FD_INPUT, &st) == 0 && S_ISDIR(st.st_mode);
        return (streq(driver, "tree") && !streq(op, "save") && !streq(op, "export") ? SANDBOX_TREE : 0u) | (directory ? SANDBOX_READ_ALL : 0u);
}

/* argv: OP DRIVER: what the sandbox must know before anything is read */
int main(int argc, char **argv) {
        struct transfer t = { .channel_lock = PTHREAD_MUTEX_INITIALIZER };
        struct souk_err err = {}, ignored;
        static const char *const ops[] = { "load", "import", "save", "export" };
        bool known = false;
        log_init("souk-transfer");
        for (size_t i = 0; argc == 3 && i < ELEMENTSOF(ops); i++)
                known = known || streq(argv[1], ops[i]);
        if (!known || fcntl(FD_CHANNEL, F_GETFD) < 0) {
                fprintf(stderr, "souk-transfer: started by souk, not by hand\n");
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        int r = sandbox_enter(sandbox_flags(argv[1], argv[2]), &err);
        if (r < 0)
                souk_err_wrap(&err, "confining the worker");
        else
                r = run(&t, argv[1], &err);
        json_t *last = r < 0 ? json_pack("{s:s,s:i,s:i}", "error", "", "code", (int) err.code, "errnum", err.errnum) : json_pack("{s:b}", "done", 1);
        if (r < 0) {
                _cleanup_free_ char *safe = str_printable(err.msg);
                json_object_set_new(last, "error", json_string(safe));
        }
        (void) !transfer_tell(&t, last, &ignored);
        json_decref(t.job);
        return r < 0;
}
