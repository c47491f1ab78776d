/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Imports or exports one layer, and says how long that took:
 *
 *      layer_import erofs TAR IMAGE | tree TAR DIRECTORY | export DIRECTORY TAR [whiteouts]
 *
 * For the benchmarks and for comparing by hand; the shapes of source and sink are those of souk-transfer.
 */
#include "iface/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE (256u << 10)

struct input {
        int fd;
        char buf[PIECE];
};

static int input_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct input *in = user;
        ssize_t n = read(in->fd, in->buf, sizeof(in->buf));
        if (n < 0)
                return souk_err_errno(err, errno, "read");
        *ret_p = in->buf;
        *ret_n = (size_t) n;
        return n > 0;
}

static int output_write(void *user, const void *p, size_t n, struct souk_err *err) {
        for (const char *s = p; n > 0;) {
                ssize_t m = write(*(int *) user, s, n);
                if (m < 0)
                        return souk_err_errno(err, errno, "write");
                s += m;
                n -= (size_t) m;
        }
        return 0;
}

static int run(char **argv, int argc, struct layer_stats *stats, struct souk_err *err) {
        struct layer_limits limits = {.max_bytes = 1ull << 40, .max_entries = 10000000};
        bool tree = strcmp(argv[1], "tree") == 0;
        if (strcmp(argv[1], "export") == 0) {
                int dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                int out = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
                if (dir < 0 || out < 0)
                        return souk_err_errno(err, errno, "open");
                struct layer_sink sink = {output_write, &out};
                int r = layer_export(dir, argc > 4 ? LAYER_EXPORT_WHITEOUTS : 0, &sink, err);
                close(dir);
                close(out);
                return r;
        }
        static struct input in;
        in.fd = strcmp(argv[2], "-") ? open(argv[2], O_RDONLY | O_CLOEXEC) : 0;
        if (tree && mkdir(argv[3], 0755) < 0 && errno != EEXIST)
                return souk_err_errno(err, errno, "make %s", argv[3]);
        int dst = tree ? open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                       : open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (in.fd < 0 || dst < 0)
                return souk_err_errno(err, errno, "open");
        struct layer_source src = {input_next, &in};
        int r = layer_import(tree ? LAYER_DRIVER_TREE : LAYER_DRIVER_EROFS, dst, &src, &limits, stats, err);
        close(in.fd);
        close(dst);
        return r;
}

int main(int argc, char **argv) {
        struct souk_err err = {0};
        struct layer_stats stats = {0};
        struct timespec a, b;
        struct rusage use;
        if (argc < 4) {
                fprintf(stderr, "usage: %s erofs TAR IMAGE | tree TAR DIRECTORY | export DIRECTORY TAR [whiteouts]\n",
                        argv[0]);
                return 2;
        }
        clock_gettime(CLOCK_MONOTONIC, &a);
        int r = run(argv, argc, &stats, &err);
        clock_gettime(CLOCK_MONOTONIC, &b);
        if (r < 0) {
                fprintf(stderr, "%s (%s)\n", err.msg, souk_code_name(err.code));
                return 1;
        }
        getrusage(RUSAGE_SELF, &use);
        printf("%.3f s, %llu entries, %llu data bytes, %llu stored bytes, %ld KiB peak memory\n",
               (double) (b.tv_sec - a.tv_sec) + (double) (b.tv_nsec - a.tv_nsec) / 1e9,
               (unsigned long long) stats.entries, (unsigned long long) stats.data_bytes,
               (unsigned long long) stats.stored_bytes, use.ru_maxrss);
        return 0;
}
