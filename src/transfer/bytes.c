/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file's bytes, mapped.  A file that is cut off meanwhile ends this process with SIGBUS, which the engine reports. */
#include "transfer/transfer.h"

#include <sys/mman.h>
#include <sys/stat.h>

int bytes_map(int fd, const char *what, struct bytes *ret, struct souk_err *err) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return souk_err_errno(err, errno, "%s", what);
        *ret = (struct bytes){};
        if (st.st_size == 0)
                return 0;
        void *p = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return souk_err_errno(err, errno, "mapping %s", what);
        (void) madvise(p, (size_t) st.st_size, MADV_SEQUENTIAL);
        *ret = (struct bytes){ p, (size_t) st.st_size, true };
        return 0;
}

void bytes_forget(const struct bytes *b, size_t at, size_t n) {
        uintptr_t start = ((uintptr_t) b->p + at) & ~(uintptr_t) 4095;
        (void) madvise((void *) start, n, MADV_DONTNEED);
}

void bytes_unmap(struct bytes *b) {
        if (b->mapped)
                munmap((void *) (uintptr_t) b->p, b->n);
        *b = (struct bytes){};
}
