/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The three files of name resolution that every engine puts over the image's.  On the host's network they start as the
 * host's own; without a network they only know the instance itself. */
#include "engine/etc_files.h"

#include "base/buf.h"
#include "base/file.h"

#define HOST_FILE_MAX (1u << 20)

static int write_new(int dir_fd, const char *name, const struct buf *text, struct souk_err *err) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return errno == EEXIST ? 0 : souk_err_errno(err, errno, "writing '%s' of the instance", name);
        if (fchmod(fd, 0644) < 0)
                return souk_err_errno(err, errno, "writing '%s' of the instance", name);
        int r = fd_write_all(fd, text->data ? text->data : "", text->len);
        return r < 0 ? souk_err_errno(err, r, "writing '%s' of the instance", name) : 0;
}

static void add_host_file(struct buf *b, const char *path) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        if (file_read(AT_FDCWD, path, HOST_FILE_MAX, &text, &len) >= 0) {
                buf_add(b, text);
                if (len && text[len - 1] != '\n')
                        buf_add(b, "\n");
        }
}

static void format_hosts(struct buf *b, const struct instance_spec *s) {
        if (streq(s->network, "host"))
                add_host_file(b, "/etc/hosts");
        if (!b->len)
                buf_add(b, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                           "fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
        for (size_t i = 0; s->add_host && s->add_host[i]; i++) {
                const char *colon = strchr(s->add_host[i], ':');
                buf_addf(b, "%s\t%.*s\n", colon + 1, (int) (colon - s->add_host[i]), s->add_host[i]);
        }
        if (!streq(s->network, "host")) {
                buf_addf(b, "127.0.0.1\t%s", s->hostname);
                if (s->domainname)
                        buf_addf(b, ".%s %s", s->domainname, s->hostname);
                buf_add(b, "\n");
        }
}

static void add_words(struct buf *b, const char *key, char *const *words) {
        if (!strv_len(words))
                return;
        buf_add(b, key);
        for (size_t i = 0; words[i]; i++)
                buf_addf(b, " %s", words[i]);
        buf_add(b, "\n");
}

static void format_resolv_conf(struct buf *b, const struct instance_spec *s) {
        bool own = strv_len(s->dns) || strv_len(s->dns_search) || strv_len(s->dns_option);
        if (!own && streq(s->network, "host")) {
                add_host_file(b, "/etc/resolv.conf");
                return;
        }
        add_words(b, "search", s->dns_search);
        for (size_t i = 0; s->dns && s->dns[i]; i++)
                buf_addf(b, "nameserver %s\n", s->dns[i]);
        add_words(b, "options", s->dns_option);
}

int etc_files_write(int dir_fd, const struct instance_spec *s, struct souk_err *err) {
        if (file_exists(dir_fd, "resolv.conf")) /* the last to be written */
                return 0;
        _cleanup_buf_ struct buf b = BUF_INIT(2 * HOST_FILE_MAX);
        format_hosts(&b, s);
        int r = write_new(dir_fd, "hosts", &b, err);
        if (r < 0)
                return r;
        buf_reset(&b);
        buf_addf(&b, "%s\n", s->hostname);
        r = write_new(dir_fd, "hostname", &b, err);
        if (r < 0)
                return r;
        buf_reset(&b);
        format_resolv_conf(&b, s);
        return write_new(dir_fd, "resolv.conf", &b, err);
}
