/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log files: written, rotated, read, followed. */
#include "test.h"
#include "fixture.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "shim/attach.h"
#include "shim/logfile.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static struct log_read reader(struct fixture *f) {
        return (struct log_read){ .log_dir_fd = f->dir_fd, .tail = -1, .run_dir_fd = -EBADF, .out = -1, .err = -1 };
}

/* What log_read() prints, as text. */
static char *read_text(struct log_read q, char **ret_err) {
        struct souk_err err = {};
        _cleanup_buf_ struct buf out = {}, e = {};
        q.out = memfd_create("out", MFD_CLOEXEC);
        q.err = memfd_create("err", MFD_CLOEXEC);
        if (log_read(&q, &err) < 0)
                fail_msg("%s", err.msg);
        lseek(q.out, 0, SEEK_SET);
        lseek(q.err, 0, SEEK_SET);
        assert_int_equal(fd_read_to_buf(q.out, &out), 0);
        assert_int_equal(fd_read_to_buf(q.err, &e), 0);
        close(q.out);
        close(q.err);
        if (ret_err)
                *ret_err = buf_steal(&e);
        return buf_steal(&out);
}

static void assert_reads(struct log_read q, const char *expected) {
        _cleanup_free_ char *text = read_text(q, NULL);
        assert_string_equal(text, expected);
}

static off_t size_of(struct fixture *f, const char *name) {
        struct stat st;
        return fstatat(f->dir_fd, name, &st, 0) < 0 ? -1 : st.st_size;
}

static void test_lazy_and_plain(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        _cleanup_free_ char *out = NULL, *err = NULL;
        log_file_init(&l, f->dir_fd, 0, 0);
        assert_reads(reader(f), "");
        assert_int_equal(size_of(f, "log"), -1);
        log_file_write(&l, LOG_STDOUT, "one\ntw", 6);
        log_file_write(&l, LOG_STDERR, "bad\n\xff\xfe\n", 7);
        log_file_write(&l, LOG_STDOUT, "o\nthree", 7);
        log_file_close(&l);
        out = read_text(reader(f), &err);
        assert_string_equal(out, "one\ntwo\nthree");
        assert_string_equal(err, "bad\n\xff\xfe\n");
}

static void test_bytes_survive(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        size_t n = 300000;
        _cleanup_free_ uint8_t *data = xmalloc(n);
        fill_random(data, n, 5);
        memset(data + 100000, 'x', 60000); /* longer than one entry */
        log_file_init(&l, f->dir_fd, 0, 0);
        for (size_t i = 0; i < n; i += 7777)
                log_file_write(&l, LOG_STDOUT, data + i, MIN((size_t) 7777, n - i));
        log_file_close(&l);
        struct log_read q = reader(f);
        struct buf out = {};
        q.out = memfd_create("out", MFD_CLOEXEC);
        assert_int_equal(log_read(&q, NULL), 0);
        lseek(q.out, 0, SEEK_SET);
        assert_int_equal(fd_read_to_buf(q.out, &out), 0);
        close(q.out);
        assert_int_equal(out.len, n);
        assert_memory_equal(out.data, data, n);
        buf_free(&out);
}

static void write_numbers(struct log_file *l, int from, int to) {
        for (int i = from; i < to; i++) {
                char line[32];
                log_file_write(l, LOG_STDOUT, line, (size_t) snprintf(line, sizeof(line), "line %d\n", i));
        }
}

static void test_rotation(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        log_file_init(&l, f->dir_fd, 8192, 3);
        for (int i = 0; i < 1000; i += 10) {
                write_numbers(&l, i, i + 10);
                assert_true(size_of(f, "log") <= 8192 && size_of(f, "log.1") <= 8192 && size_of(f, "log.2") <= 8192);
                assert_int_equal(size_of(f, "log.3"), -1);
        }
        log_file_close(&l);
        assert_true(size_of(f, "log.2") > 8000);
        _cleanup_free_ char *text = read_text(reader(f), NULL);
        const char *p = text; /* a gapless run that ends with the last */
        int first = atoi(text + 5), expected = first;
        while (*p) {
                assert_int_equal(atoi(p + 5), expected++);
                p = strchr(p, '\n') + 1;
        }
        assert_int_equal(expected, 1000);
        assert_true(first > 500 && first < 800);
        struct log_read q = reader(f);
        q.tail = 3;
        assert_reads(q, "line 997\nline 998\nline 999\n");
        q.tail = 0;
        assert_reads(q, "");
        q.tail = 200; /* over a file's border */
        _cleanup_free_ char *tail = read_text(q, NULL);
        assert_int_equal(atoi(tail + 5), 800);
        q.tail = 1000000;
        _cleanup_free_ char *all = read_text(q, NULL);
        assert_string_equal(all, text);
}

static void test_one_file(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        log_file_init(&l, f->dir_fd, 4096, 1);
        write_numbers(&l, 0, 500);
        log_file_close(&l);
        assert_true(size_of(f, "log") <= 4096);
        assert_int_equal(size_of(f, "log.1"), -1);
        struct log_read q = reader(f);
        q.tail = 1;
        assert_reads(q, "line 499\n");
}

/* A crash, or a full disk, left half a line: it is skipped, and what comes later is not glued to it. */
static void test_torn_line(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        log_file_init(&l, f->dir_fd, 0, 0);
        log_file_write(&l, LOG_STDOUT, "one\n", 4);
        log_file_close(&l);
        int fd = openat(f->dir_fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(fd_write_all(fd, "{\"log\":\"half", 12), 0);
        close(fd);
        log_file_init(&l, f->dir_fd, 0, 0);
        log_file_write(&l, LOG_STDOUT, "two\n", 4);
        log_file_close(&l);
        assert_reads(reader(f), "one\ntwo\n");
}

static void test_times(void **state) {
        struct fixture *f = *state;
        static const char lines[] =
                "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
                "{\"log\":\"b \",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:01.5Z\"}\n"
                "{\"log\":\"c\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:02Z\"}\n"
                "{\"log\":\"d\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:03Z\"}\n";
        assert_int_equal(file_replace(f->dir_fd, "log", 0600, lines, sizeof(lines) - 1), 0);
        struct log_read q = reader(f);
        assert_int_equal(time_parse("2026-01-01T00:00:01Z", &q.since_at), 0);
        assert_reads(q, "b c\nd\n");
        assert_int_equal(time_parse("2026-01-01T00:00:02Z", &q.until_at), 0);
        assert_reads(q, "b c\n");
        q.since_at = 0;
        q.timestamps = true;
        assert_reads(q, "2026-01-01T00:00:00Z a\n2026-01-01T00:00:01.5Z b c\n");
        q.follow = true; /* until has passed: it ends */
        assert_reads(q, "2026-01-01T00:00:00Z a\n2026-01-01T00:00:01.5Z b c\n");
}

/* yes, with the default limits: never above the cap. */
static void test_yes(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("yes | head -c 3000000"), 0, false, false); /* some 110 MB as JSON */
        pid_t pid = f->monitor;
        int status;
        while (waitpid(pid, &status, WNOHANG) == 0) {
                off_t sum = 0;
                for (int i = 0; i < 4; i++)
                        sum += MAX(size_of(f, ((const char *const[]){ "log", "log.1", "log.2", "log.3" })[i]), (off_t) 0);
                assert_true(sum <= 3 * (10 << 20));
                nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        }
        f->monitor = 0;
        assert_int_equal(status, 0);
        assert_true(size_of(f, "log.2") > (9 << 20) && size_of(f, "log.2") <= (10 << 20));
}

/* Follow a writer that shifts its files all the time; nothing is missed, nothing comes twice. */
static void test_follow(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.02; done"), 0, false, false);
        struct log_read q = reader(f);
        q.follow = true;
        q.run_dir_fd = f->dir_fd;
        _cleanup_free_ char *text = read_text(q, NULL);
        monitor_join(f);
        int expected = 0;
        for (const char *p = text; *p; p = strchr(p, '\n') + 1)
                assert_int_equal(atoi(p + 5), expected++);
        assert_int_equal(expected, 2000);
}

static void test_follow_rotation(void **state) {
        struct fixture *f = *state;
        pid_t writer = fork();
        if (writer == 0) {
                struct log_file l;
                nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL); /* the follower is there */
                log_file_init(&l, f->dir_fd, 16384, 5);
                for (int i = 0; i < 5000; i += 10) {
                        write_numbers(&l, i, i + 10);
                        nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
                }
                write_numbers(&l, 5000, 5001);
                _exit(0);
        }
        int p[2];
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        pid_t follower = fork();
        if (follower == 0) {
                struct log_read q = reader(f);
                struct souk_err err;
                q.follow = true;
                q.out = q.err = p[1];
                close(p[0]);
                monitor_fork(f, sh("exec sleep 30"), 0, false, false); /* it does not end */
                q.run_dir_fd = f->dir_fd;
                int r = log_read(&q, &err);
                kill(f->monitor, SIGKILL);
                _exit(r < 0);
        }
        close(p[1]);
        FILE *file = fdopen(p[0], "r");
        char line[64];
        int expected = 0, status;
        while (expected <= 5000 && fgets(line, sizeof(line), file))
                assert_int_equal(atoi(line + 5), expected++);
        assert_int_equal(expected, 5001);
        fclose(file); /* nobody reads any more: the follower ends quietly, at once */
        assert_int_equal(waitpid(follower, &status, 0), follower);
        assert_int_equal(status, 0);
        waitpid(writer, NULL, 0);
}

static void test_follow_monitor_killed(void **state) {
        struct fixture *f = *state;
        monitor_fork(f, sh("echo hello; exec sleep 2"), 0, false, false);
        pid_t killer = fork();
        if (killer == 0) {
                nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
                kill(f->monitor, SIGKILL);
                _exit(0);
        }
        struct log_read q = reader(f);
        q.follow = true;
        q.run_dir_fd = f->dir_fd;
        assert_reads(q, "hello\n");
        waitpid(killer, NULL, 0);
}

static void test_closed_pipe(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        int p[2];
        log_file_init(&l, f->dir_fd, 0, 0);
        write_numbers(&l, 0, 10000);
        log_file_close(&l);
        assert_int_equal(pipe2(p, O_CLOEXEC), 0);
        close(p[0]);
        struct log_read q = reader(f);
        q.out = p[1];
        assert_int_equal(log_read(&q, NULL), 0);
        close(p[1]);
}

/* A full disk loses lines, not the workload; /dev/full stands for it. */
static void test_cannot_write(void **state) {
        struct fixture *f = *state;
        struct log_file l;
        assert_int_equal(symlinkat("/dev/full", f->dir_fd, "log"), 0); /* not followed, not a file */
        log_file_init(&l, f->dir_fd, 0, 0);
        log_file_write(&l, LOG_STDOUT, "x\n", 2);
        assert_int_equal(l.failures, 1);
        log_file_close(&l);
}

#define test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_lazy_and_plain), test(test_bytes_survive), test(test_rotation), test(test_one_file),
                test(test_torn_line), test(test_times), test(test_yes), test(test_follow), test(test_follow_rotation),
                test(test_follow_monitor_killed), test(test_closed_pipe), test(test_cannot_write),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
