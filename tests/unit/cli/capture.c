/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture.h"

#include "base/file.h"

#include <stdarg.h>
#include <sys/mman.h>

static int redirect(int fd, int to) {
        int saved = dup(fd);
        if (saved < 0 || dup2(to, fd) < 0)
                abort();
        return saved;
}

static void restore(int fd, int saved_take) {
        if (dup2(saved_take, fd) < 0)
                abort();
        close(saved_take);
}

static char *text_of(int fd_take) {
        struct buf b = BUF_INIT(1 << 20);
        if (lseek(fd_take, 0, SEEK_SET) < 0 || fd_read_to_buf(fd_take, &b) < 0)
                abort();
        close(fd_take);
        return buf_steal(&b);
}

struct capture capture_run(const char *word, ...) {
        const char *argv[64] = { "souk" };
        size_t n = 1;
        va_list ap;
        va_start(ap, word);
        for (const char *w = word; w && n < ELEMENTSOF(argv) - 1; w = va_arg(ap, const char *))
                argv[n++] = w;
        va_end(ap);

        int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC),
            null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        fflush(stdout);
        fflush(stderr);
        int saved_in = redirect(STDIN_FILENO, null), saved_out = redirect(STDOUT_FILENO, out),
            saved_err = redirect(STDERR_FILENO, err);
        struct capture c = { .status = cli_main(argv) };
        fflush(stdout);
        fflush(stderr);
        restore(STDIN_FILENO, saved_in);
        restore(STDOUT_FILENO, saved_out);
        restore(STDERR_FILENO, saved_err);
        clearerr(stdin);
        close(null);
        c.out = text_of(out);
        c.err = text_of(err);
        return c;
}

void capture_free(struct capture *c) {
        free(c->out);
        free(c->err);
}
