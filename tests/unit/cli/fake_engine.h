/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An engine that does nothing but remember what it was asked: the command line's tests link it in the place of libsouk.
 */
#ifndef SOUK_TEST_FAKE_ENGINE_H
#define SOUK_TEST_FAKE_ENGINE_H
#include <souk/souk.h>

struct fake_engine {
        char calls[4096]; /* "run box [true] ...\n" for each call */
        char root[256];
        bool box_missing;         /* until souk_image_box() */
        int status;               /* the workload's exit status */
        enum souk_code fail_code; /* calls that name "bad" fail so */
        struct souk_instance *instances;
        size_t n_instances;
        struct souk_image *images;
        size_t n_images;
        const char *inspect_text;
};
extern struct fake_engine fake;
void fake_reset(void);
#endif
