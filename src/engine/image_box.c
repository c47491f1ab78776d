/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default image "box", made on first use from the distribution's static busybox: no network, nothing embedded that
 * could grow old.  A rootfs tar (ustar) is written into a memfd and imported like any other, so even this one passes
 * through the confined worker.  All times are those of the busybox file: the same busybox gives the same image.
 */
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/image_job.h"

#include <assert.h>
#include <elf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define BOX_NAME "docker.io/library/box:latest"
#define BUSYBOX_MAX (16u << 20)
#define HOW_TO_GET "install it with 'scripts/deps' or 'apt-get install busybox-static'"

struct tar_header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
        char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
static_assert(sizeof(struct tar_header) == 512, "a tar header is one block");

struct box_tar {
        struct buf out;
        uint64_t mtime; /* seconds */
};

static void tar_octal(char *field, size_t size, uint64_t value) {
        char text[24];

        snprintf(text, sizeof(text), "%0*llo", (int) size - 1, (unsigned long long) value);
        memcpy(field, text, size); /* all values here fit */
}

static int tar_add(struct box_tar *t, char type, const char *name, unsigned mode, unsigned id, const char *link,
                   const void *data, size_t n) {
        static const char zeros[512];
        struct tar_header h = { .type = type, .magic = "ustar", .version = { '0', '0' } };
        unsigned sum = 0;
        int r;

        memcpy(h.name, name, MIN(strlen(name), sizeof(h.name) - 1));
        if (link)
                memcpy(h.link, link, MIN(strlen(link), sizeof(h.link) - 1));
        tar_octal(h.mode, sizeof(h.mode), mode);
        tar_octal(h.uid, sizeof(h.uid), id);
        tar_octal(h.gid, sizeof(h.gid), id);
        tar_octal(h.size, sizeof(h.size), n);
        tar_octal(h.mtime, sizeof(h.mtime), t->mtime);
        memset(h.checksum, ' ', sizeof(h.checksum));
        for (size_t i = 0; i < sizeof(h); i++)
                sum += ((const unsigned char *) &h)[i];
        tar_octal(h.checksum, 7, sum);
        r = buf_append(&t->out, &h, sizeof(h));
        if (r == 0 && n > 0)
                r = buf_append(&t->out, data, n);
        if (r == 0 && n % 512)
                r = buf_append(&t->out, zeros, 512 - n % 512);
        return r;
}

static int tar_end(struct box_tar *t) {
        static const char zeros[1024];

        return buf_append(&t->out, zeros, sizeof(zeros));
}

/* A program that needs no interpreter, for this kind of machine. */
static bool elf_is_static(const char *p, size_t n) {
        const Elf64_Ehdr *e = (const void *) p;

        if (n < sizeof(*e) || memcmp(p, ELFMAG, SELFMAG) != 0)
                return false;
        if (e->e_ident[EI_CLASS] == ELFCLASS64) {
                if (e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > n || e->e_phnum > (n - e->e_phoff) / sizeof(Elf64_Phdr))
                        return false;
                for (size_t i = 0; i < e->e_phnum; i++) {
                        Elf64_Phdr ph;

                        memcpy(&ph, p + e->e_phoff + i * sizeof(ph), sizeof(ph));
                        if (ph.p_type == PT_INTERP)
                                return false;
                }
                return true;
        }
        const Elf32_Ehdr *e32 = (const void *) p;

        if (e32->e_phentsize != sizeof(Elf32_Phdr) || e32->e_phoff > n || e32->e_phnum > (n - e32->e_phoff) / sizeof(Elf32_Phdr))
                return false;
        for (size_t i = 0; i < e32->e_phnum; i++) {
                Elf32_Phdr ph;

                memcpy(&ph, p + e32->e_phoff + i * sizeof(ph), sizeof(ph));
                if (ph.p_type == PT_INTERP)
                        return false;
        }
        return true;
}

struct busybox {
        const char *path;
        char *data;
        size_t len;
        uint64_t mtime;
};

static int busybox_find(struct busybox *ret, struct souk_err *err) {
        static const char *const candidates[] = { "/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static",
                                                  "/usr/bin/busybox.static" };
        const char *dynamic = NULL;

        for (size_t i = 0; i < ELEMENTSOF(candidates); i++) {
                struct busybox b = { .path = candidates[i] };
                struct stat sb;

                if (stat(b.path, &sb) < 0 || file_read(AT_FDCWD, b.path, BUSYBOX_MAX, &b.data, &b.len) < 0)
                        continue;
                b.mtime = (uint64_t) sb.st_mtim.tv_sec;
                if (elf_is_static(b.data, b.len)) {
                        *ret = b;
                        return 0;
                }
                free(b.data);
                dynamic = candidates[i];
        }
        if (dynamic)
                return souk_err_set(err, SOUK_NOT_FOUND, -ENOENT,
                                    "the image 'box' is made from a static busybox, but '%s' is dynamically linked: " HOW_TO_GET,
                                    dynamic);
        return souk_err_set(err, SOUK_NOT_FOUND, -ENOENT,
                            "the image 'box' is made from the distribution's static busybox, which is not installed: " HOW_TO_GET);
}

/* `busybox --list`: names of its applets, one a line */
static int busybox_applets(const char *path, char ***ret, struct souk_err *err) {
        _cleanup_close_ int out = -EBADF, in = -EBADF, pidfd = -EBADF;
        _cleanup_buf_ struct buf text = BUF_INIT(1u << 20);
        char *argv[] = { (char *) "busybox", (char *) "--list", NULL };
        int p[2], r, status;

        if (pipe2(p, O_CLOEXEC) < 0)
                return souk_err_errno(err, errno, "make a pipe");
        out = p[0];
        in = p[1];
        r = proc_spawn(&(struct proc_spawn){ .path = path, .argv = argv, .n_fds = 1,
                                             .fds = &(struct proc_fd_map){ .fd = in, .as = STDOUT_FILENO } }, &pidfd);
        if (r < 0)
                return souk_err_errno(err, r, "run '%s --list'", path);
        in = fd_close(in);
        r = fd_read_to_buf(out, &text);
        if (r < 0)
                return souk_err_errno(err, r, "read what '%s --list' says", path);
        r = proc_wait(pidfd, &status);
        if (r < 0 || status != 0)
                return souk_err_set(err, SOUK_INTERNAL, -EIO, "'%s --list' failed with status %d", path, status);
        *ret = str_split(text.data ? text.data : "", '\n');
        return 0;
}

static int box_skeleton(struct box_tar *t) {
        static const struct {
                char type;
                const char *name, *link, *text;
                unsigned mode, id;
        } entries[] = {
                { '5', "./", NULL, NULL, 0755, 0 },
                { '5', "bin/", NULL, NULL, 0755, 0 },
                { '5', "dev/", NULL, NULL, 0755, 0 },
                { '5', "etc/", NULL, NULL, 0755, 0 },
                { '5', "home/", NULL, NULL, 0755, 0 },
                { '5', "home/app/", NULL, NULL, 0755, 1000 },
                { '5', "proc/", NULL, NULL, 0555, 0 },
                { '5', "root/", NULL, NULL, 0700, 0 },
                { '5', "run/", NULL, NULL, 0755, 0 },
                { '5', "sys/", NULL, NULL, 0555, 0 },
                { '5', "tmp/", NULL, NULL, 01777, 0 },
                { '5', "usr/", NULL, NULL, 0755, 0 },
                { '5', "var/", NULL, NULL, 0755, 0 },
                { '5', "var/tmp/", NULL, NULL, 01777, 0 },
                { '2', "sbin", "bin", NULL, 0777, 0 },
                { '2', "usr/bin", "../bin", NULL, 0777, 0 },
                { '2', "usr/sbin", "../bin", NULL, 0777, 0 },
                { '2', "var/run", "../run", NULL, 0777, 0 },
                { '0', "etc/passwd", NULL,
                  "root:x:0:0:root:/root:/bin/sh\n"
                  "app:x:1000:1000:app:/home/app:/bin/sh\n"
                  "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
                  0644, 0 },
                { '0', "etc/group", NULL, "root:x:0:\ntty:x:5:\napp:x:1000:\nnogroup:x:65534:\n", 0644, 0 },
                { '0', "etc/hostname", NULL, "", 0644, 0 },
                { '0', "etc/hosts", NULL, "", 0644, 0 },
                { '0', "etc/resolv.conf", NULL, "", 0644, 0 },
                { '0', "etc/os-release", NULL, "ID=box\nNAME=\"Souk box\"\nPRETTY_NAME=\"Souk box (busybox)\"\n", 0644, 0 },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(entries); i++)
                r = tar_add(t, entries[i].type, entries[i].name, entries[i].mode, entries[i].id, entries[i].link,
                            entries[i].text, entries[i].text ? strlen(entries[i].text) : 0);
        return r;
}

static int box_tar_build(const struct busybox *b, char *const *applets, struct box_tar *t) {
        int r;

        r = box_skeleton(t);
        if (r == 0)
                r = tar_add(t, '0', "bin/busybox", 0755, 0, NULL, b->data, b->len);
        for (char *const *name = applets; r == 0 && name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                if (str_empty(*name) || strchr(*name, '/') || streq(*name, "busybox"))
                        continue;
                path = xasprintf("bin/%s", *name);
                r = tar_add(t, '2', path, 0777, 0, "busybox", NULL, 0);
        }
        return r < 0 ? r : tar_end(t);
}

/* memfd with the tar, at its start */
static int box_tar_open(const struct busybox *b, struct souk_err *err) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_strv_ char **applets = NULL;
        struct box_tar t = { .out = BUF_INIT(BUSYBOX_MAX + (4u << 20)), .mtime = b->mtime };
        int r;

        r = busybox_applets(b->path, &applets, err);
        if (r < 0)
                return r;
        r = box_tar_build(b, applets, &t);
        if (r == 0) {
                fd = memfd_create("box.tar", MFD_CLOEXEC);
                r = fd < 0 ? -errno : fd_write_all(fd, t.out.data, t.out.len);
        }
        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        buf_free(&t.out);
        return r < 0 ? souk_err_errno(err, r, "make the root of 'box' from '%s'", b->path) : TAKE_FD(fd);
}

static int box_make(struct souk *s, struct souk_err *err) {
        static const char *const cmd[] = { "sh", NULL };
        _cleanup_job_ struct image_job j = { 0 };
        _cleanup_json_ json_t *config = NULL;
        _cleanup_close_ int tar_fd = -EBADF;
        struct busybox b = { 0 };
        uint64_t at;
        int r;

        r = busybox_find(&b, err);
        if (r < 0)
                return r;
        tar_fd = box_tar_open(&b, err);
        at = b.mtime * 1000000;
        free(b.data);
        if (tar_fd < 0)
                return tar_fd;
        r = image_job_open(s, NULL, NULL, &j, err);
        if (r < 0)
                return r;
        config = image_config_base(cmd, at);
        return image_job_import(&j, tar_fd, config, BOX_NAME, "made from the distribution's busybox", NULL, err);
}

int souk_image_box(struct souk *s, struct souk_err *err) {
        struct store_image i = { 0 };
        struct souk_err local = { 0 };
        int r;

        r = store_image_find(s->store, BOX_NAME, &i, &local);
        if (r == 0) {
                bool whole = true;

                for (size_t k = 0; k < i.n_layers; k++)
                        whole &= store_layer_exists(s->store, &i.layers[k].diff_id);
                store_image_clear(&i);
                if (whole)
                        return 0;
        } else if (local.code != SOUK_IMAGE_NOT_FOUND) {
                if (err)
                        *err = local;
                return r;
        }
        r = box_make(s, err);
        return r < 0 ? souk_err_wrap(err, "make the image 'box'") : 1;
}
