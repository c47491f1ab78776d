/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar header block as ustar, pax and GNU tar write it.  Numbers are octal text, or (GNU) big-endian binary when
 * the first byte has its top bit set.  Spec: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
 * Format".
 */
#ifndef SOUK_LAYER_TAR_FORMAT_H
#define SOUK_LAYER_TAR_FORMAT_H
#include <assert.h>
#include <stddef.h>

#define TAR_BLOCK 512u

struct tar_header {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[12];
        char mtime[12];
        char chksum[8];
        char typeflag;
        char linkname[100];
        char magic[6];   /* "ustar\0" (POSIX) or "ustar " (GNU) */
        char version[2]; /* "00" or " \0" */
        char uname[32];
        char gname[32];
        char devmajor[8];
        char devminor[8];
        char prefix[155]; /* POSIX; GNU keeps other things here, see tar_gnu_sparse */
        char pad[12];     /* star writes "tar\0" into the last four bytes, and has a prefix of 131 bytes */
};
static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");
static_assert(offsetof(struct tar_header, magic) == 257, "ustar magic");

struct tar_gnu_extent {
        char offset[12];
        char numbytes[12];
};
/* GNU old sparse format (type 'S'): the same block seen from byte 345, and the blocks that continue the map. */
#define TAR_GNU_SPARSE_OFFSET        386u
#define TAR_GNU_SPARSE_COUNT         4u
#define TAR_GNU_EXTENDED_OFFSET      482u
#define TAR_GNU_REALSIZE_OFFSET      483u
#define TAR_GNU_MORE_COUNT           21u
#define TAR_GNU_MORE_EXTENDED_OFFSET 504u

#endif
