/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach, logs, export: the streams of an instance. */
#include "engine/instance.h"

#include "base/file.h"
#include "iface/worker.h"
#include "shim/attach.h"

int souk_attach(struct souk *s, const char *ref, const struct souk_streams *streams, bool no_stdin, int *ret_status,
                struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int r = store_instance_find(s->store, ref, &i, err);
        if (r < 0)
                return r;
        /* Not refreshed: an instance that has just ended still has its last output and exit status in the monitor. */
        _cleanup_close_ int run_fd = store_run_dir_open(s->store, i.id, NULL);
        if (i.state != SOUK_STATE_RUNNING || run_fd < 0)
                return instance_not_running(&i, "start it first", err);
        struct instance_spec spec = {};
        r = instance_spec_parse(i.spec, &spec, err);
        if (r < 0)
                return r;
        bool terminal = spec.tty, with_stdin = spec.open_stdin && !no_stdin;
        instance_spec_clear(&spec);
        _cleanup_close_ int pidfd = instance_pidfd(&i, NULL);
        struct attach_config c = {
                .run_dir_fd = run_fd,
                .in = with_stdin ? streams->in : -1,
                .out = streams->out,
                .err = streams->err,
                .terminal = terminal,
                .detach_keys = streams->detach_keys,
                .sig_proxy = streams->sig_proxy,
                .pidfd = pidfd,
        };
        r = attach_run(&c, ret_status, err);
        if (r >= 0 && *ret_status == SOUK_EXIT_DETACHED)
                return 0;
        bool known = r >= 0;
        if (!known && r != -ENOENT && r != -ECONNREFUSED && r != -EPIPE)
                return r;
        if (!known && exit_file_read(run_fd, ret_status, NULL) >= 0)
                known = true;
        r = instance_reap(s, i.id, known ? *ret_status : -1, err);
        if (r < 0 || known)
                return r;
        _cleanup_(store_instance_clear) struct store_instance now = {};
        r = store_instance_find(s->store, i.id, &now, err);
        if (r >= 0)
                *ret_status = now.exit_status;
        return r;
}

int souk_logs(struct souk *s, const char *ref, const struct souk_logs_request *r, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        int rr = instance_find(s, ref, &i, err);
        if (rr < 0)
                return rr;
        _cleanup_close_ int dir = store_instance_dir_open(s->store, i.id, err);
        if (dir < 0)
                return dir;
        _cleanup_close_ int run_fd = i.state == SOUK_STATE_RUNNING ? store_run_dir_open(s->store, i.id, NULL) : -EBADF;
        struct log_read l = {
                .log_dir_fd = dir,
                .follow = r->follow,
                .timestamps = r->timestamps,
                .tail = r->tail,
                .since_at = r->since_at,
                .until_at = r->until_at,
                .out = r->out,
                .err = r->err,
                .run_dir_fd = run_fd,
        };
        return log_read(&l, err);
}

int souk_export(struct souk *s, const char *ref, int fd, struct souk_err *err) {
        _cleanup_(store_instance_clear) struct store_instance i = {};
        _cleanup_(store_image_clear) struct store_image image = {};
        int r = instance_find(s, ref, &i, err);
        if (r >= 0)
                r = store_image_get(s->store, i.image_id, true, &image, err);
        if (r < 0)
                return r;
        _cleanup_close_ int root = store_merged_open(s->store, i.id, image.layers, image.n_layers, err);
        if (root < 0)
                return root;
        return worker_export(root, fd, err);
}
