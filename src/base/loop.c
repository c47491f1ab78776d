/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small epoll loop: see loop.h.  Sources are in a list; one freed inside a callback is only marked, and swept after the
 * round, so that events already fetched never point to freed memory.  Timers are few: the nearest is searched.
 */
#include "base/loop.h"

#include "base/proc.h"
#include "base/str.h"

#include <sys/epoll.h>

struct loop_source {
        struct loop *loop;
        struct loop_source *next;
        bool dead;
        int fd;                 /* -1: a timer */
        uint64_t at_usec;
        loop_io_fn io;
        loop_timer_fn timer;
        void *user;
};

struct loop {
        int epoll_fd;
        struct loop_source *sources;
        bool stopped, dispatching, has_dead;
        int value;
};

int loop_new(struct loop **ret) {
        int fd = epoll_create1(EPOLL_CLOEXEC);
        if (fd < 0)
                return -errno;
        struct loop *l = xcalloc(1, sizeof(*l));
        l->epoll_fd = fd;
        *ret = l;
        return 0;
}

void loop_free(struct loop *l) {
        for (struct loop_source *s = l->sources, *next; s; s = next) {
                next = s->next;
                free(s);
        }
        close(l->epoll_fd);
        free(l);
}

static struct loop_source *source_new(struct loop *l, void *user) {
        struct loop_source *s = xcalloc(1, sizeof(*s));
        s->loop = l;
        s->fd = -1;
        s->user = user;
        s->next = l->sources;
        l->sources = s;
        return s;
}

int loop_add_io(struct loop *l, int fd, uint32_t events, loop_io_fn fn, void *user, struct loop_source **ret) {
        struct loop_source *s = source_new(l, user);
        s->io = fn;
        struct epoll_event e = { .events = events, .data.ptr = s };
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
                int r = -errno;
                l->sources = s->next;
                free(s);
                return r;
        }
        s->fd = fd;
        if (ret)
                *ret = s;
        return 0;
}

int loop_set_events(struct loop_source *s, uint32_t events) {
        struct epoll_event e = { .events = events, .data.ptr = s };
        return epoll_ctl(s->loop->epoll_fd, EPOLL_CTL_MOD, s->fd, &e) < 0 ? -errno : 0;
}

int loop_add_timer(struct loop *l, uint64_t after_usec, loop_timer_fn fn, void *user, struct loop_source **ret) {
        struct loop_source *s = source_new(l, user);
        uint64_t now = now_usec();
        s->timer = fn;
        s->at_usec = after_usec > UINT64_MAX - now ? UINT64_MAX : now + after_usec;
        if (ret)
                *ret = s;
        return 0;
}

static void sweep(struct loop *l) {
        for (struct loop_source **p = &l->sources; *p;) {
                struct loop_source *s = *p;
                if (s->dead) {
                        *p = s->next;
                        free(s);
                } else
                        p = &s->next;
        }
        l->has_dead = false;
}

void loop_source_free(struct loop_source *s) {
        if (!s || s->dead)
                return;
        struct loop *l = s->loop;
        if (s->fd >= 0)
                epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, &(struct epoll_event){});
        s->dead = true;
        l->has_dead = true;
        if (!l->dispatching)
                sweep(l);
}

void loop_stop(struct loop *l, int value) {
        l->stopped = true;
        l->value = value;
}

static int timeout_ms(const struct loop *l) {
        uint64_t nearest = UINT64_MAX;
        for (const struct loop_source *s = l->sources; s; s = s->next)
                if (s->timer && !s->dead)
                        nearest = MIN(nearest, s->at_usec);
        if (nearest == UINT64_MAX)
                return -1;
        uint64_t now = now_usec();
        uint64_t ms = nearest <= now ? 0 : (nearest - now + 999) / 1000;
        return (int) MIN(ms, (uint64_t) 3600000);
}

/* The timer that is due the longest; of equals the one added first, which is the last in the list. */
static struct loop_source *due_timer(const struct loop *l, uint64_t now) {
        struct loop_source *due = NULL;
        for (struct loop_source *s = l->sources; s; s = s->next)
                if (s->timer && !s->dead && s->at_usec <= now && (!due || s->at_usec <= due->at_usec))
                        due = s;
        return due;
}

static int run_timers(struct loop *l) {
        uint64_t now = now_usec();
        for (struct loop_source *s; !l->stopped && (s = due_timer(l, now));) {
                s->dead = l->has_dead = true; /* one shot */
                int r = s->timer(l, s, s->user);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int loop_round(struct loop *l) {
        struct epoll_event events[16];
        int n = epoll_wait(l->epoll_fd, events, ELEMENTSOF(events), timeout_ms(l));
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        int r = 0;
        l->dispatching = true;
        for (int i = 0; i < n && r >= 0 && !l->stopped; i++) {
                struct loop_source *s = events[i].data.ptr;
                if (!s->dead)
                        r = s->io(l, s, events[i].events, s->user);
        }
        if (r >= 0)
                r = run_timers(l);
        l->dispatching = false;
        if (l->has_dead)
                sweep(l);
        return r;
}

int loop_run(struct loop *l) {
        l->stopped = false;
        while (!l->stopped) {
                int r = loop_round(l);
                if (r < 0)
                        return r;
        }
        return l->value;
}
