/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_CONTAINER_BOX_H
#define TEST_CONTAINER_BOX_H
/* Real containers from a directory with busybox in it.  Needs root; tests skip without. */
#include "container/container.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#define BOX_UID 2000000000u             /* first id of the boxes' ranges */
#define BOX_ITEMS_MAX 32

struct box {
        char dir[64], id[40];
        int dir_fd, layer_fd;
        struct machine_desc d;
        struct machine_mount mounts[BOX_ITEMS_MAX];
        struct machine_device devices[BOX_ITEMS_MAX];
        struct machine_device_rule rules[BOX_ITEMS_MAX];
        struct machine_idmap map;
        char *env[BOX_ITEMS_MAX];
        /* of a run */
        struct machine_run run;
        struct souk_err err;
        int out_fd;                     /* read end */
        struct buf out;                 /* what it wrote to 1 and 2 */
        int status;
        bool oom;                       /* destroy, which follows the end, reported it */
};

bool box_possible(void);
#define BOX_NEED_ROOT()                                                                                                \
        do {                                                                                                           \
                if (!box_possible())                                                                                   \
                        skip();                                                                                        \
        } while (0)

/** box_new() - a description as an engine makes it, Docker's defaults; @userns: of its own */
struct box *box_new(bool userns);
/** box_free() - asserts that nothing is left */
void box_free(struct box *b);
/** box_file() - a file or, with @link, a symlink in the layer */
void box_file(struct box *b, const char *path, mode_t mode, const char *text);
void box_link(struct box *b, const char *target, const char *path);
void box_remove(struct box *b, const char *path);
struct machine_mount *box_mount(struct box *b, struct machine_mount m);
/** box_drop_mount() - take a default mount out */
void box_drop_mount(struct box *b, const char *target);
/** box_bind() - a directory or file of the host */
struct machine_mount *box_bind(struct box *b, const char *source, const char *target);

/** box_start() - plan and apply; 0 or the error, which is in b->err */
int box_start(struct box *b, char *const *argv);
/** box_end() - output until its end, then the status */
void box_end(struct box *b);
/** box_run() - start and end; fails the test when it does not start.  @words: split at spaces.  Return: the output */
const char *box_run(struct box *b, const char *words);
/** box_sh() - the same through sh -c */
const char *box_sh(struct box *b, const char *script);
/** box_exec() - one more process in the running box, its output in a buffer of its own [owned text]; status in
 * @ret_status */
char *box_exec(struct box *b, const char *script, const char *user, int *ret_status);
void box_kill(struct box *b);

#define has(text, part)                                                                                                \
        do {                                                                                                           \
                const char *text_ = (text);                                                                            \
                if (!strstr(text_, (part)))                                                                            \
                        fail_msg("expected '%s' in: %s", (part), text_);                                               \
        } while (0)
#define hasnt(text, part)                                                                                              \
        do {                                                                                                           \
                const char *text_ = (text);                                                                            \
                if (strstr(text_, (part)))                                                                             \
                        fail_msg("did not expect '%s' in: %s", (part), text_);                                         \
        } while (0)
#endif
