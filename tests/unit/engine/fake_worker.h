/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_ENGINE_FAKE_WORKER_H
#define TEST_ENGINE_FAKE_WORKER_H
/* The worker's interface, answered from memory: what the engine makes of results is tested without any archive. */
#include "iface/worker.h"

struct fake_image {
        const char *id;                 /* hex digits at the front of the id */
        const char *config;             /* NULL: a plain one */
        const char *names[3];
        unsigned first_layer, n_layers; /* numbers that make digests */
};
struct fake_worker {
        const struct fake_image *images;
        size_t n_images;
        int fail;                       /* negative errno */
        int raise;                      /* signal to get in the middle of the work */
        /* seen */
        char *config_text, *name, *input;
        size_t input_len, n_saved, n_saved_names, n_saved_layers, n_staged;
        enum souk_archive_format format;
};
extern struct fake_worker fake_worker;
void fake_worker_reset(void);
struct digest fake_digest(const char *prefix, unsigned n);
#endif
