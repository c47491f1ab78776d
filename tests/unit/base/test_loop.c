/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: fds, timers and their order, and sources freed at awkward moments. */
#include "test.h"

#include "base/file.h"
#include "base/loop.h"
#include "base/proc.h"
#include "base/str.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

struct trace {
        char text[32];
        int p[2];
        struct loop_source *a, *b;
};

static void trace_add(struct trace *t, char c) {
        size_t n = strlen(t->text);
        assert_true(n + 1 < sizeof(t->text));
        t->text[n] = c;
}

static int stop(struct loop *l, struct loop_source *s, void *user) {
        loop_stop(l, 7);
        return 0;
}
static int add_1(struct loop *l, struct loop_source *s, void *user) {
        trace_add(user, '1');
        return 0;
}
static int add_2(struct loop *l, struct loop_source *s, void *user) {
        trace_add(user, '2');
        return 0;
}
static int add_3(struct loop *l, struct loop_source *s, void *user) {
        trace_add(user, '3');
        return 0;
}

static void test_timer(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        assert_int_equal(loop_new(&l), 0);
        uint64_t before = now_usec();
        assert_int_equal(loop_add_timer(l, 20000, stop, NULL, NULL), 0);
        assert_int_equal(loop_run(l), 7);
        assert_true(now_usec() - before >= 20000);
}

/* When several are due at once, the one due first runs first, and of equals the one added first. */
static void test_timer_order(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_add_timer(l, 2000, add_2, &t, NULL), 0);
        assert_int_equal(loop_add_timer(l, 1, add_1, &t, NULL), 0);
        assert_int_equal(loop_add_timer(l, 3000, add_3, &t, NULL), 0);
        assert_int_equal(loop_add_timer(l, 4000, stop, &t, NULL), 0);
        usleep(10000);
        assert_int_equal(loop_run(l), 7);
        assert_string_equal(t.text, "123");
}

static void test_timer_far(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_add_timer(l, UINT64_MAX, add_1, &t, &t.a), 0);
        assert_int_equal(loop_add_timer(l, UINT64_MAX / 2, add_1, &t, &t.b), 0);
        assert_int_equal(loop_add_timer(l, 100, stop, &t, NULL), 0);
        assert_int_equal(loop_run(l), 7);
        assert_string_equal(t.text, "");
        loop_source_free(t.a); /* never fired: still ours to cancel */
        loop_source_free(NULL);
}

static int again(struct loop *l, struct loop_source *s, void *user) {
        struct trace *t = user;
        trace_add(t, 'x');
        if (strlen(t->text) == 5)
                loop_stop(l, 0);
        loop_source_free(s);
        return loop_add_timer(l, 0, again, t, NULL);
}

static void test_timer_again(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_add_timer(l, 0, again, &t, NULL), 0);
        assert_int_equal(loop_run(l), 0);
        assert_string_equal(t.text, "xxxxx");
}

static int cancel_b(struct loop *l, struct loop_source *s, void *user) {
        struct trace *t = user;
        trace_add(t, 'a');
        loop_source_free(TAKE_PTR(t->b));
        return loop_add_timer(l, 1000, stop, NULL, NULL);
}

static void test_timer_cancelled_by_other(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_add_timer(l, 1, cancel_b, &t, NULL), 0);
        assert_int_equal(loop_add_timer(l, 2, add_1, &t, &t.b), 0);
        usleep(1000); /* both are due in the same round */
        assert_int_equal(loop_run(l), 7);
        assert_string_equal(t.text, "a");
}

static int on_readable(struct loop *l, struct loop_source *s, uint32_t events, void *user) {
        struct trace *t = user;
        char c = '?';
        if (read(t->p[0], &c, 1) == 1)
                trace_add(t, c);
        else if (events & EPOLLHUP)
                loop_stop(l, 1);
        return 0;
}

static void test_io(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(pipe2(t.p, O_CLOEXEC), 0);
        assert_int_equal(loop_add_io(l, t.p[0], EPOLLIN, on_readable, &t, NULL), 0);
        assert_int_equal(loop_add_io(l, t.p[0], EPOLLIN, on_readable, &t, NULL), -EEXIST);
        assert_int_equal(loop_add_io(l, -1, EPOLLIN, on_readable, &t, NULL), -EBADF);
        assert_int_equal(fd_write_all(t.p[1], "abc", 3), 0);
        close(t.p[1]);
        assert_int_equal(loop_run(l), 1);
        assert_string_equal(t.text, "abc");
        close(t.p[0]);
}

static void test_events_off(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(pipe2(t.p, O_CLOEXEC), 0);
        assert_int_equal(loop_add_io(l, t.p[0], EPOLLIN, on_readable, &t, &t.a), 0);
        assert_int_equal(fd_write_all(t.p[1], "a", 1), 0);
        assert_int_equal(loop_set_events(t.a, 0), 0);
        assert_int_equal(loop_add_timer(l, 5000, stop, NULL, NULL), 0);
        assert_int_equal(loop_run(l), 7);
        assert_string_equal(t.text, "");
        assert_int_equal(loop_set_events(t.a, EPOLLIN), 0);
        assert_int_equal(loop_add_timer(l, 5000, stop, NULL, NULL), 0);
        assert_int_equal(loop_run(l), 7); /* a second run */
        assert_string_equal(t.text, "a");
        loop_source_free(t.a);
        close(t.p[0]);
        close(t.p[1]);
}

/* Both fds are ready in the same round; whichever runs first frees both, itself included. */
static int free_both(struct loop *l, struct loop_source *s, uint32_t events, void *user) {
        struct trace *t = user;
        trace_add(t, 'x');
        loop_source_free(TAKE_PTR(t->a));
        loop_source_free(TAKE_PTR(t->b));
        return loop_add_timer(l, 1000, stop, NULL, NULL);
}

static void test_freed_in_callback(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        struct trace t = {};
        int q[2];
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(pipe2(t.p, O_CLOEXEC), 0);
        assert_int_equal(pipe2(q, O_CLOEXEC), 0);
        assert_int_equal(fd_write_all(t.p[1], "a", 1), 0);
        assert_int_equal(fd_write_all(q[1], "a", 1), 0);
        assert_int_equal(loop_add_io(l, t.p[0], EPOLLIN, free_both, &t, &t.a), 0);
        assert_int_equal(loop_add_io(l, q[0], EPOLLIN, free_both, &t, &t.b), 0);
        assert_int_equal(loop_run(l), 7);
        assert_string_equal(t.text, "x");
        close(t.p[0]);
        close(t.p[1]);
        close(q[0]);
        close(q[1]);
}

static int failing(struct loop *l, struct loop_source *s, void *user) {
        loop_stop(l, 3);
        return -EPROTO;
}

static void test_callback_fails(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_add_timer(l, 0, failing, NULL, NULL), 0);
        assert_int_equal(loop_run(l), -EPROTO);
        assert_int_equal(loop_add_timer(l, 0, stop, NULL, NULL), 0);
        assert_int_equal(loop_run(l), 7);
}

static void on_alarm(int sig) {
}

static void test_interrupted(void **state) {
        _cleanup_(loop_freep) struct loop *l = NULL;
        assert_int_equal(loop_new(&l), 0);
        sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL); /* no SA_RESTART */
        setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 2000 }, NULL);
        assert_int_equal(loop_add_timer(l, 20000, stop, NULL, NULL), 0);
        assert_int_equal(loop_run(l), 7);
        signal(SIGALRM, SIG_DFL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_timer),
                cmocka_unit_test(test_timer_order),
                cmocka_unit_test(test_timer_far),
                cmocka_unit_test(test_timer_again),
                cmocka_unit_test(test_timer_cancelled_by_other),
                cmocka_unit_test(test_io),
                cmocka_unit_test(test_events_off),
                cmocka_unit_test(test_freed_in_callback),
                cmocka_unit_test(test_callback_fails),
                cmocka_unit_test(test_interrupted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
