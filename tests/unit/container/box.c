/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#define BUSYBOX "/usr/bin/busybox"

bool box_possible(void) {
        return geteuid() == 0 && access(BUSYBOX, X_OK) == 0;
}

static void make_layer(struct box *b) {
        static const char *const dirs[] = { "bin", "dev", "proc", "sys", "etc", "tmp", "root" };
        static const char *const programs[] = {
                "sh",    "cat",    "id",       "ls",       "sleep",  "mount",  "hostname", "echo", "mkdir",
                "touch", "stat",   "readlink", "tty",      "stty",   "mknod",  "chown",    "kill", "ps",
                "test",  "true",   "false",    "dd",       "ulimit", "head",   "wc",       "grep", "env",
                "pwd",   "umount", "nc",       "ifconfig", "ipcs",   "printf", "chmod",    "rm",   "ln",
        };
        b->layer_fd = dir_make_open(b->dir_fd, "layer", 0755);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                assert_int_equal(mkdirat(b->layer_fd, dirs[i], 0755), 0);
        assert_int_equal(fchmodat(b->layer_fd, "tmp", 01777, 0), 0);
        _cleanup_free_ char *program = NULL;
        size_t n;
        assert_int_equal(file_read(AT_FDCWD, BUSYBOX, 16 << 20, &program, &n), 0);
        int fd = openat(b->layer_fd, "bin/busybox", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
        assert_int_equal(fd_write_all(fd, program, n), 0);
        close(fd);
        for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
                char path[32];
                snprintf(path, sizeof(path), "bin/%s", programs[i]);
                assert_int_equal(symlinkat("busybox", b->layer_fd, path), 0);
        }
        box_file(b, "etc/passwd", 0644, "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv/web:/bin/sh\n");
        box_file(b, "etc/group", 0644, "root:x:0:\nweb:x:34:\nlogs:x:40:web,other\ndisk:x:41:other\n");
}

static void fill(struct box *b, bool userns) {
        struct machine_desc *d = &b->d;
        *d = (struct machine_desc){
                .id = b->id,
                .hostname = "box",
                .root = { .layer_fds = &b->layer_fd,
                          .n_layers = 1,
                          .dir_fd = -EBADF,
                          .idmap_layers = userns,
                          .upper_fd = openat(b->dir_fd, "upper", O_PATH | O_CLOEXEC),
                          .work_fd = openat(b->dir_fd, "work", O_PATH | O_CLOEXEC) },
                .mounts = b->mounts,
                .devices = b->devices,
                .masked_paths = container_masked_paths(),
                .readonly_paths = container_readonly_paths(),
                .limits = { MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, MACHINE_UNSET, NULL, NULL,
                            MACHINE_UNSET, .device_rules = b->rules, .filter_devices = true },
                .process = { .envp = b->env,
                             .cwd = "/",
                             .user = "",
                             .umask = 022,
                             .oom_score_adj = MACHINE_UNSET,
                             .make_cwd = true,
                             .cap_bounding = CAPABILITIES_DEFAULT,
                             .cap_effective = CAPABILITIES_DEFAULT,
                             .cap_permitted = CAPABILITIES_DEFAULT,
                             .stdio = { -EBADF, -EBADF, -EBADF } },
                .new_keyring = true,
                .die_with_parent = true,
        };
        for (int i = 0; i < MACHINE_NS_MAX; i++)
                d->ns[i] = (struct machine_namespace){ i == MACHINE_NS_TIME ? MACHINE_NS_HOST : MACHINE_NS_PRIVATE,
                                                        -EBADF };
        b->map = (struct machine_idmap){ 0, BOX_UID, 65536 };
        if (userns) {
                d->uid_map = d->gid_map = &b->map;
                d->n_uid_map = d->n_gid_map = 1;
        } else
                d->ns[MACHINE_NS_USER].mode = MACHINE_NS_HOST;
        struct container_mounts_request q = { .user_namespace = userns };
        d->n_mounts = container_default_mounts(&q, b->mounts);
        const struct machine_device *devices;
        const struct machine_device_rule *rules;
        d->n_devices = container_default_devices(&devices);
        memcpy(b->devices, devices, d->n_devices * sizeof(*devices));
        d->limits.n_device_rules = container_default_device_rules(&rules);
        memcpy(b->rules, rules, d->limits.n_device_rules * sizeof(*rules));
        void *insns;
        assert_int_equal(seccomp_get(-1, &(struct seccomp_request){ NULL, CAPABILITIES_DEFAULT }, &insns,
                                     &d->seccomp.n_insns, NULL),
                         0);
        d->seccomp.insns = insns;
}

struct box *box_new(bool userns) {
        static unsigned serial;
        struct box *b = xcalloc(1, sizeof(*b));
        snprintf(b->dir, sizeof(b->dir), "/tmp/souk-test-box-%d-%u", getpid(), ++serial);
        snprintf(b->id, sizeof(b->id), "test-%d-%u", getpid(), serial);
        b->dir_fd = dir_make_open(AT_FDCWD, b->dir, 0755);
        assert_true(b->dir_fd >= 0);
        close(dir_make_open(b->dir_fd, "upper", 0755));
        close(dir_make_open(b->dir_fd, "work", 0755));
        b->env[0] = (char *) (uintptr_t) "PATH=/bin";
        b->run.pidfd = b->run.terminal_fd = b->out_fd = -EBADF;
        b->out = BUF_INIT(1 << 20);
        make_layer(b);
        fill(b, userns);
        return b;
}

static void assert_nothing_left(struct box *b) {
        _cleanup_strv_ char **ids = NULL;
        _cleanup_free_ char *mounts = NULL;
        size_t n;
        assert_int_equal(container_backend.list(&ids, NULL), 0);
        assert_false(strv_has(ids, b->id));
        assert_int_equal(file_read(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &mounts, &n), 0);
        hasnt(mounts, b->dir);
}

void box_free(struct box *b) {
        if (b->run.pidfd >= 0)
                box_kill(b);
        struct souk_err err = {};
        if (container_backend.destroy(b->id, NULL, &err) < 0)
                fail_msg("destroy: %s", err.msg);
        assert_nothing_left(b);
        fd_close(b->d.root.upper_fd);
        fd_close(b->d.root.work_fd);
        fd_close(b->layer_fd);
        fd_close(b->dir_fd);
        for (size_t i = 0; i < b->d.n_mounts; i++)
                fd_close(b->mounts[i].source_fd);
        free((void *) (uintptr_t) b->d.seccomp.insns);
        buf_free(&b->out);
        assert_int_equal(tree_remove(AT_FDCWD, b->dir), 0);
        free(b);
}

void box_file(struct box *b, const char *path, mode_t mode, const char *text) {
        unlinkat(b->layer_fd, path, 0);
        int fd = openat(b->layer_fd, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

void box_remove(struct box *b, const char *path) {
        assert_int_equal(tree_remove(b->layer_fd, path), 0);
}

void box_link(struct box *b, const char *target, const char *path) {
        assert_int_equal(symlinkat(target, b->layer_fd, path), 0);
}

struct machine_mount *box_mount(struct box *b, struct machine_mount m) {
        assert_true(b->d.n_mounts < BOX_ITEMS_MAX);
        b->mounts[b->d.n_mounts] = m;
        return &b->mounts[b->d.n_mounts++];
}

void box_drop_mount(struct box *b, const char *target) {
        for (size_t i = 0; i < b->d.n_mounts; i++)
                if (streq(b->mounts[i].target, target)) {
                        memmove(&b->mounts[i], &b->mounts[i + 1], (b->d.n_mounts - i - 1) * sizeof(*b->mounts));
                        b->d.n_mounts--;
                        return;
                }
        fail_msg("no mount at %s", target);
}

struct machine_mount *box_bind(struct box *b, const char *source, const char *target) {
        struct stat st;
        assert_int_equal(stat(source, &st), 0);
        return box_mount(b, (struct machine_mount){
                                    .kind = MACHINE_MOUNT_BIND,
                                    .source_fd = open(source, O_PATH | O_CLOEXEC),
                                    .source = source,
                                    .target = target,
                                    .source_is_dir = S_ISDIR(st.st_mode),
                                    .idmap = b->d.n_uid_map > 0,
                            });
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int pipe_for(int stdio[3]) {
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        stdio[0] = -EBADF;
        stdio[1] = stdio[2] = p[1];
        return p[0];
}

int box_start(struct box *b, char *const *argv) {
        struct machine_plan *plan;
        struct machine_process *p = &b->d.process;
        p->argv = argv;
        b->err = (struct souk_err){};
        b->out_fd = fd_close(b->out_fd);
        if (!p->terminal)
                b->out_fd = pipe_for(p->stdio);
        int r = container_backend.plan(&b->d, &plan, &b->err);
        if (r >= 0) {
                r = container_backend.apply(plan, &b->run, &b->err);
                container_backend.plan_free(plan);
        }
        if (!p->terminal)
                close(p->stdio[1]);
        if (r < 0) {
                _cleanup_strv_ char **ids = NULL;
                assert_true(*b->err.msg);
                assert_int_equal(container_backend.list(&ids, NULL), 0);
                assert_false(strv_has(ids, b->id)); /* nothing is left of a start that failed */
        }
        return r;
}

static void destroy(struct box *b) {
        struct souk_err err = {};
        if (container_backend.destroy(b->id, &b->oom, &err) < 0)
                fail_msg("destroy: %s", err.msg);
}

static void read_all(int fd, struct buf *out) {
        char chunk[4096];
        struct pollfd p = { .fd = fd, .events = POLLIN };
        for (;;) {
                if (poll(&p, 1, 20000) == 0)
                        fail_msg("20 seconds without output or end");
                ssize_t n = read(fd, chunk, sizeof(chunk));
                if (n <= 0)
                        break;
                assert_int_equal(buf_append(out, chunk, (size_t) n), 0);
        }
}

void box_end(struct box *b) {
        int fd = b->run.terminal_fd >= 0 ? b->run.terminal_fd : b->out_fd;
        buf_reset(&b->out);
        buf_add(&b->out, "");
        read_all(fd, &b->out);
        assert_int_equal(proc_wait(b->run.pidfd, &b->status), 0);
        b->run.pidfd = fd_close(b->run.pidfd);
        b->run.terminal_fd = fd_close(b->run.terminal_fd);
        b->out_fd = fd_close(b->out_fd);
        destroy(b);
}

const char *box_run(struct box *b, const char *words) {
        _cleanup_strv_ char **argv = str_split(words, ' ');
        if (box_start(b, argv) < 0)
                fail_msg("%s", b->err.msg);
        box_end(b);
        return b->out.data ? b->out.data : "";
}

const char *box_sh(struct box *b, const char *script) {
        char *argv[] = { (char *) (uintptr_t) "sh", (char *) (uintptr_t) "-c", (char *) (uintptr_t) script, NULL };
        if (box_start(b, argv) < 0)
                fail_msg("%s", b->err.msg);
        box_end(b);
        return b->out.data ? b->out.data : "";
}

char *box_exec(struct box *b, const char *script, const char *user, int *ret_status) {
        char *argv[] = { (char *) (uintptr_t) "sh", (char *) (uintptr_t) "-c", (char *) (uintptr_t) script, NULL };
        struct machine_process p = b->d.process;
        struct machine_run run;
        struct buf out = BUF_INIT(1 << 20);
        p.argv = argv;
        p.user = user;
        p.make_cwd = false;
        int fd = p.terminal ? -EBADF : pipe_for(p.stdio);
        b->err = (struct souk_err){};
        int r = container_backend.exec(&b->d, b->run.pid, b->run.pidfd, &p, &run, &b->err);
        if (!p.terminal)
                close(p.stdio[1]);
        buf_add(&out, "");
        if (r < 0) {
                fd_close(fd);
                *ret_status = r;
                return buf_steal(&out);
        }
        read_all(p.terminal ? run.terminal_fd : fd, &out);
        assert_int_equal(proc_wait(run.pidfd, ret_status), 0);
        fd_close(run.pidfd);
        fd_close(run.terminal_fd);
        fd_close(fd);
        return buf_steal(&out);
}

void box_kill(struct box *b) {
        assert_int_equal(container_backend.signal(b->id, b->run.pidfd, SIGKILL, NULL), 0);
        assert_int_equal(proc_wait(b->run.pidfd, &b->status), 0);
        b->run.pidfd = fd_close(b->run.pidfd);
        b->run.terminal_fd = fd_close(b->run.terminal_fd);
        b->out_fd = fd_close(b->out_fd);
        destroy(b);
}
