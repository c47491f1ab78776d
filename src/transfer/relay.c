/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pull source whose work is done by a thread of its own, a few pieces ahead: reading, hashing and inflating on one
 * CPU, hashing the tar and writing the layer on another.  Pieces are passed on by address, so the source must keep each
 * valid while RELAY_PIECES more are made.
 */
#include "transfer/transfer.h"

#include "base/str.h"

struct piece {
        const void *p;
        size_t n;
};
struct relay {
        struct layer_source in;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct piece queue[RELAY_PIECES - 2]; /* one more is the consumer's, one the producer's */
        size_t first, n;
        bool ended, stopped;            /* by the source; by the consumer */
        int r;                          /* how it ended */
        struct souk_err err;
};

static void *relay_main(void *user) {
        struct relay *y = user;
        for (;;) {
                struct piece piece;
                int r = y->in.next(y->in.user, &piece.p, &piece.n, &y->err);
                pthread_mutex_lock(&y->lock);
                while (r > 0 && y->n == ELEMENTSOF(y->queue) && !y->stopped)
                        pthread_cond_wait(&y->changed, &y->lock);
                if (r > 0 && !y->stopped)
                        y->queue[(y->first + y->n++) % ELEMENTSOF(y->queue)] = piece;
                else {
                        y->ended = true;
                        y->r = MIN(r, 0);
                }
                bool ended = y->ended;
                pthread_cond_signal(&y->changed);
                pthread_mutex_unlock(&y->lock);
                if (ended)
                        return NULL;
        }
}

static int relay_next(void *user, const void **ret_p, size_t *ret_n, struct souk_err *err) {
        struct relay *y = user;
        pthread_mutex_lock(&y->lock);
        while (y->n == 0 && !y->ended)
                pthread_cond_wait(&y->changed, &y->lock);
        int r = y->n > 0 ? 1 : y->r;
        if (r > 0) {
                *ret_p = y->queue[y->first].p;
                *ret_n = y->queue[y->first].n;
                y->first = (y->first + 1) % ELEMENTSOF(y->queue);
                y->n--;
                pthread_cond_signal(&y->changed);
        } else if (r < 0)
                *err = y->err;
        pthread_mutex_unlock(&y->lock);
        return r;
}

int relay_new(const struct layer_source *in, struct relay **ret, struct souk_err *err) {
        struct relay *y = xcalloc(1, sizeof(*y));
        y->in = *in;
        pthread_mutex_init(&y->lock, NULL);
        pthread_cond_init(&y->changed, NULL);
        int r = pthread_create(&y->thread, NULL, relay_main, y);
        if (r != 0) {
                free(y);
                return souk_err_errno(err, r, "starting a thread");
        }
        *ret = y;
        return 0;
}

struct layer_source relay_source(struct relay *y) {
        return (struct layer_source){ .next = relay_next, .user = y, .end_is_verified = y->in.end_is_verified };
}

void relay_free(struct relay *y) {
        pthread_mutex_lock(&y->lock);
        y->stopped = true;
        pthread_cond_signal(&y->changed);
        pthread_mutex_unlock(&y->lock);
        pthread_join(y->thread, NULL);
        pthread_mutex_destroy(&y->lock);
        pthread_cond_destroy(&y->changed);
        free(y);
}
