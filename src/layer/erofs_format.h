/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EROFS on disk, the parts that the writer uses.  All numbers are little endian; blocks are 4 KiB.
 *
 *      block 0:  1024 bytes unused, superblock (128 bytes), our root directory's inode
 *      a node number (nid) is the inode's byte offset from the start of the metadata, divided by 32; as metadata
 * "starts" at block 0 here, inodes can be anywhere in the file.  The root's nid has 16 bits only. an inode is 32 or 64
 * bytes (we write 64: nanoseconds, 32-bit ids, 64-bit sizes), then its xattrs, then, in the INLINE layout, the last
 * piece of its data, which must not cross a block boundary.
 *
 * Spec: Linux Documentation/filesystems/erofs.rst; fs/erofs/erofs_fs.h names the same fields.
 */
#ifndef SOUK_LAYER_EROFS_FORMAT_H
#define SOUK_LAYER_EROFS_FORMAT_H
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define EROFS_MAGIC        0xE0F5E1E2u
#define EROFS_SUPER_OFFSET 1024u
#define EROFS_BLOCK_BITS   12u
#define EROFS_BLOCK        (1u << EROFS_BLOCK_BITS)
#define EROFS_SLOT_BITS    5u /* inodes are aligned to 32 bytes */
#define EROFS_SLOT         (1u << EROFS_SLOT_BITS)

enum erofs_compat {
        EROFS_COMPAT_SB_CHECKSUM = 0x1,
        EROFS_COMPAT_MTIME = 0x2, /* the times in inodes are mtimes */
};

enum erofs_incompat {
        EROFS_INCOMPAT_CHUNKED_FILE = 0x4, /* some inode has the CHUNKED layout; Linux 5.15 */
};

struct erofs_super {
        uint32_t magic;
        uint32_t checksum; /* crc32c of block 0 from here to its end, this field 0, neither inverted */
        uint32_t feature_compat;
        uint8_t block_bits;
        uint8_t extra_slots; /* of 16 bytes, after these 128 */
        uint16_t root_nid;
        uint64_t inodes; /* how many */
        uint64_t build_time;
        uint32_t build_time_nsec;
        uint32_t blocks;      /* of the file system */
        uint32_t meta_block;  /* where nids are counted from */
        uint32_t xattr_block; /* shared xattrs; unused */
        uint8_t uuid[16];
        uint8_t volume_name[16];
        uint32_t feature_incompat;
        uint16_t compression;
        uint16_t extra_devices;
        uint16_t device_slot;
        uint8_t dir_block_bits;
        uint8_t xattr_prefixes;
        uint32_t xattr_prefix_start;
        uint64_t packed_nid;
        uint8_t xattr_filter;
        uint8_t reserved[23];
} __attribute__((packed));
static_assert(sizeof(struct erofs_super) == 128, "on-disk format");

enum erofs_layout {
        EROFS_FLAT_PLAIN = 0,  /* data in consecutive blocks */
        EROFS_FLAT_INLINE = 2, /* the same, and what does not fill a block follows the inode */
        EROFS_CHUNKED = 4,     /* an array of block numbers, one per chunk, follows the inode */
};
#define EROFS_CHUNK_HOLE     UINT32_MAX
#define EROFS_CHUNK_BITS_MAX 31u /* in inode.block: a chunk is a block shifted by so many bits */

/* i_format: bit 0 says 64-byte inode, bits 1-3 the layout */
#define EROFS_FORMAT_EXTENDED(layout) ((uint16_t) (1u | (unsigned) (layout) << 1))

struct erofs_inode {
        uint16_t format;
        uint16_t xattr_count; /* 0, or 1 + (bytes after the xattr header) / 4 */
        uint16_t mode;
        uint16_t reserved;
        uint64_t size;
        uint32_t block; /* first data block; of chunked files, the chunk's size; of a device, its number as
                           new_encode_dev() has it */
        uint32_t ino;   /* for 32-bit stat */
        uint32_t uid;
        uint32_t gid;
        uint64_t mtime;
        uint32_t mtime_nsec;
        uint32_t nlink;
        uint8_t reserved2[16];
} __attribute__((packed));
static_assert(sizeof(struct erofs_inode) == 64, "on-disk format");
#define EROFS_NLINK_OFFSET 44u
static_assert(offsetof(struct erofs_inode, nlink) == EROFS_NLINK_OFFSET, "on-disk format");

struct erofs_xattr_header {
        uint32_t name_filter;
        uint8_t shared_count;
        uint8_t reserved[7];
} __attribute__((packed));
static_assert(sizeof(struct erofs_xattr_header) == 12, "on-disk format");

/* Then the name without its prefix, the value, and zeros up to a multiple of 4. */
struct erofs_xattr_entry {
        uint8_t name_len;
        uint8_t name_index;
        uint16_t value_size;
} __attribute__((packed));
enum erofs_xattr_index {
        EROFS_XATTR_USER = 1,
        EROFS_XATTR_ACL_ACCESS = 2, /* the whole name: name_len is 0 */
        EROFS_XATTR_ACL_DEFAULT = 3,
        EROFS_XATTR_TRUSTED = 4,
        EROFS_XATTR_SECURITY = 6,
};

/* A directory block: entries sorted by name (bytes), then the names; the first entry's name_offset tells how many. */
struct erofs_dirent {
        uint64_t nid;
        uint16_t name_offset;
        uint8_t type; /* as DT_x, but numbered as the kernel's FT_x */
        uint8_t reserved;
} __attribute__((packed));
static_assert(sizeof(struct erofs_dirent) == 12, "on-disk format");
enum erofs_file_type {
        EROFS_FT_REG = 1,
        EROFS_FT_DIR,
        EROFS_FT_CHR,
        EROFS_FT_BLK,
        EROFS_FT_FIFO,
        EROFS_FT_SOCK,
        EROFS_FT_LNK
};

#endif
