/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages and fds between the engine and the worker: whole ones pass, torn and oversized ones are refused. */
#include "wire/channel.h"

#include "base/file.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

static int setup(void **state) {
        int *pair = xcalloc(2, sizeof(int));
        *state = pair;
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state) {
        int *pair = *state;
        fd_close(pair[0]);
        fd_close(pair[1]);
        free(pair);
        return 0;
}

static void close_end(int *fd) {
        *fd = fd_close(*fd);
}

static void write_frame(int fd, uint32_t len, const char *text, size_t n) {
        assert_int_equal(fd_write_all(fd, &len, sizeof(len)), 0);
        assert_int_equal(fd_write_all(fd, text, n), 0);
}

static void test_messages(void **state) {
        int *pair = *state;
        for (int i = 0; i < 3; i++) {
                _cleanup_json_ json_t *m = json_pack("{s:i,s:s}", "n", i, "text", "\xc3\xa9\n\x01\"\\");
                assert_int_equal(channel_send(pair[0], m), 0);
        }
        close_end(&pair[0]);
        for (int i = 0; i < 3; i++) {
                _cleanup_json_ json_t *m = NULL;
                assert_int_equal(channel_receive(pair[1], false, &m), 1);
                assert_int_equal(json_integer_value(json_object_get(m, "n")), i);
                assert_string_equal(json_string_value(json_object_get(m, "text")), "\xc3\xa9\n\x01\"\\");
        }
        json_t *none = NULL;
        assert_int_equal(channel_receive(pair[1], false, &none), 0);
        assert_null(none);
}

struct sender {
        int fd, r;
        json_t *m;
};

static void *send_main(void *user) {
        struct sender *s = user;
        s->r = channel_send(s->fd, s->m);
        return NULL;
}

static json_t *message_of(size_t n) {
        _cleanup_free_ char *text = xmalloc(n + 1);
        memset(text, 'x', n);
        text[n] = '\0';
        return json_pack("{s:s}", "t", text);
}

static void test_large(void **state) {
        int *pair = *state;
        size_t n = CHANNEL_MESSAGE_MAX - strlen("{\"t\":\"\"}");
        struct sender s = { .fd = pair[0], .m = message_of(n) };
        pthread_t thread;
        json_t *m = NULL;
        assert_int_equal(pthread_create(&thread, NULL, send_main, &s), 0);
        assert_int_equal(channel_receive(pair[1], false, &m), 1);
        pthread_join(thread, NULL);
        assert_int_equal(s.r, 0);
        assert_int_equal(json_string_length(json_object_get(m, "t")), n);
        json_decref(m);
        json_decref(s.m);
        json_t *larger = message_of(n + 1);
        assert_int_equal(channel_send(pair[0], larger), -EMSGSIZE);
        json_decref(larger);
}

static void test_malformed(void **state) {
        static const struct {
                uint32_t len;
                const char *text;
        } rows[] = {
                { 0, "" }, { 2, "[]" }, { 4, "null" }, { 1, "{" }, { 13, "{\"a\":1}{\"b\":2}" }, { 13, "{\"a\":1,\"a\":2}" }, { 3, "{}x" },
                { 2, "\xff\xff" }, { 100, "{}" }, /* the end comes first */ { 5, "" },
                { CHANNEL_MESSAGE_MAX + 1, "" }, { UINT32_MAX, "" },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int pair[2];
                json_t *m = NULL;
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
                write_frame(pair[0], rows[i].len, rows[i].text, strlen(rows[i].text));
                close(pair[0]);
                assert_int_equal(channel_receive(pair[1], false, &m), -EBADMSG);
                assert_null(m);
                close(pair[1]);
        }
        int *pair = *state; /* the end within the length */
        json_t *m = NULL;
        assert_int_equal(fd_write_all(pair[0], "\x02\x00", 2), 0);
        close_end(&pair[0]);
        assert_int_equal(channel_receive(pair[1], false, &m), -EBADMSG);
}

static void test_gone(void **state) {
        int *pair = *state;
        _cleanup_json_ json_t *m = json_object();
        close_end(&pair[1]);
        assert_int_equal(channel_send(pair[0], m), -EPIPE); /* and no SIGPIPE */
        assert_int_equal(channel_send_fd(pair[0], 0), -EPIPE);
        assert_int_equal(channel_receive_fd(pair[0]), -EBADMSG);
}

static void on_signal(int sig) {
}

static void *interrupt_main(void *user) {
        pthread_t *target = user;
        for (int i = 0; i < 200; i++) { /* one that comes before the read would be lost */
                usleep(5000);
                pthread_kill(*target, SIGUSR1);
        }
        return NULL;
}

static void test_interrupted(void **state) {
        int *pair = *state;
        struct sigaction action = { .sa_handler = on_signal };
        pthread_t self = pthread_self(), thread;
        json_t *m = NULL;
        sigaction(SIGUSR1, &action, NULL);
        assert_int_equal(pthread_create(&thread, NULL, interrupt_main, &self), 0);
        assert_int_equal(channel_receive(pair[1], true, &m), -EINTR);
        write_frame(pair[0], 2, "{}", 2);
        assert_int_equal(channel_receive(pair[1], false, &m), 1); /* not interruptible */
        pthread_join(thread, NULL);
        json_decref(m);
}

static void test_fds(void **state) {
        int *pair = *state, p[2];
        char c;
        _cleanup_json_ json_t *m = json_object(), *got = NULL;
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        assert_int_equal(channel_send(pair[0], m), 0);
        assert_int_equal(channel_send_fd(pair[0], p[1]), 0);
        assert_int_equal(channel_send_fd(pair[0], p[0]), 0);
        assert_int_equal(channel_receive(pair[1], false, &got), 1);
        _cleanup_close_ int out = channel_receive_fd(pair[1]), in = channel_receive_fd(pair[1]);
        assert_true(out >= 0 && in >= 0);
        assert_int_equal(fcntl(out, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(write(out, "z", 1), 1);
        assert_int_equal(read(in, &c, 1), 1);
        assert_int_equal(c, 'z');
        close(p[0]);
        close(p[1]);
        assert_int_equal(fd_write_all(pair[0], "x", 1), 0); /* a byte without an fd */
        assert_int_equal(channel_receive_fd(pair[1]), -EBADMSG);
        assert_int_equal(channel_send_fd(pair[0], -1), -EBADF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_messages, setup, teardown),  cmocka_unit_test_setup_teardown(test_large, setup, teardown),
                cmocka_unit_test_setup_teardown(test_malformed, setup, teardown), cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown), cmocka_unit_test_setup_teardown(test_fds, setup, teardown),
        };
        return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
