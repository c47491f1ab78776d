/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines through to the engine's calls, and what comes back. */
#include "cmocka_all.h"

#include "base/file.h"
#include "base/proc.h"
#include "capture.h"
#include "fake_engine.h"

#define RUN(...) _cleanup_capture_ struct capture c = capture_run(__VA_ARGS__, NULL)

static int reset(void **state) {
        fake_reset();
        return 0;
}

static void test_run(void **state) {
        RUN("--root", "/r", "run", "--rm", "-i", "-eA=1", "-v", "/a:/b", "-h", "host", "--net", "host", "--entrypoint",
            "", "-m1g", "--stop-timeout", "0", "box", "sh", "-c", "x");
        assert_int_equal(c.status, 0);
        assert_string_equal(fake.calls,
                            "run box command=[sh|-c|x] entrypoint='' memory=1g hostname=host network=host env=[A=1] "
                            "volumes=[/a:/b] stdin rm stop_timeout=1 streams=0,1,2 keys=- proxy=1\n");
        assert_string_equal(fake.root, "/r");
        assert_string_equal(c.out, "");
        assert_string_equal(c.err, "");
}

static void test_run_detached(void **state) {
        RUN("run", "-d", "--name", "web", "--detach-keys=", "--sig-proxy=false", "box");
        assert_int_equal(c.status, 0);
        assert_string_equal(fake.calls, "run box name=web detached\n");
        assert_string_equal(c.out, "0123456789abcdef\n");
}

static void test_run_status(void **state) {
        static const struct {
                const char *image;
                int workload, expect;
        } cases[] = { { "box", 0, 0 },      { "box", 7, 7 },
                      { "box", 137, 137 },  { "box", SOUK_EXIT_DETACHED, 0 },
                      { "bad", 0, 125 },    { "no-program", 0, 127 },
                      { "no-exec", 0, 126 } };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake.status = cases[i].workload;
                RUN("run", cases[i].image);
                assert_int_equal(c.status, cases[i].expect);
        }
}

static void test_run_missing_image(void **state) {
        RUN("run", "bad");
        assert_contains(c.err, "souk: image 'bad' not found\n");
        assert_contains(c.err, "docker save NAME | souk load");
        assert_contains(c.err, "souk run -it box sh");
}

static void test_box_is_made(void **state) {
        fake.box_missing = true;
        {
                RUN("run", "box");
                assert_int_equal(c.status, 0);
                assert_string_equal(
                        fake.calls,
                        "run box streams=-1,1,2 keys=- proxy=1\nbox\nrun box streams=-1,1,2 keys=- proxy=1\n");
                assert_contains(c.err, "made the image 'box'");
        }
        RUN("run", "box");
        assert_string_equal(c.err, ""); /* once */
}

static void test_run_dry(void **state) {
        RUN("run", "--dry-run", "box", "true");
        assert_string_equal(fake.calls, "plan box command=[true]\n");
        assert_string_equal(c.out, "step 1\n");
}

static void test_run_vm(void **state) {
        RUN("run", "--isolation", "vm", "box");
        assert_contains(fake.calls, "run box vm");
}

static void test_tty_needs_terminal(void **state) {
        RUN("run", "-it", "box");
        assert_int_equal(c.status, 125);
        assert_contains(c.err, "not a TTY");
        assert_string_equal(fake.calls, "");
}

static void test_cidfile(void **state) {
        char dir[] = "/tmp/souk-cid-XXXXXX";
        assert_non_null(mkdtemp(dir));
        _cleanup_free_ char *path = xasprintf("%s/cid", dir), *text = NULL;
        {
                RUN("run", "--cidfile", path, "bad");
                assert_int_equal(c.status, 125);
                assert_false(file_exists(AT_FDCWD, path)); /* no instance, no file */
        }
        {
                RUN("run", "--cidfile", path, "box");
                assert_int_equal(c.status, 0);
                assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL), 0);
                assert_string_equal(text, "0123456789abcdef");
        }
        fake_reset();
        RUN("create", "--cidfile", path, "box");
        assert_int_equal(c.status, 125);
        assert_contains(c.err, "the file exists");
        assert_string_equal(fake.calls, "");
        assert_int_equal(tree_remove(AT_FDCWD, dir), 0);
}

static void test_many_names(void **state) {
        RUN("stop", "-t", "3", "a", "bad", "b");
        assert_int_equal(c.status, 1);
        assert_string_equal(c.out, "a\nb\n");
        assert_string_equal(c.err, "souk: no such thing: bad\n");
        assert_string_equal(fake.calls, "stop a 3000000\nstop bad\nstop b 3000000\n");
}

static void test_kill(void **state) {
        {
                RUN("kill", "a");
                assert_string_equal(fake.calls, "kill a 9\n");
        }
        fake_reset();
        {
                RUN("kill", "-s", "HUP", "a");
                assert_string_equal(fake.calls, "kill a 1\n");
        }
        fake_reset();
        RUN("kill", "-sNONSENSE", "a");
        assert_int_equal(c.status, 125);
        assert_string_equal(fake.calls, "");
}

static void test_rm_force_missing(void **state) {
        {
                RUN("rm", "-f", "bad");
                assert_int_equal(c.status, 0);
                assert_contains(c.err, "no such thing");
                assert_string_equal(c.out, "");
        }
        RUN("rm", "bad");
        assert_int_equal(c.status, 1);
}

static void test_start_attached(void **state) {
        fake.status = 5;
        {
                RUN("start", "-ai", "a");
                assert_int_equal(c.status, 5);
                assert_string_equal(fake.calls, "start a streams=0,1,2 keys=- proxy=1\n");
        }
        RUN("start", "-a", "a", "b");
        assert_int_equal(c.status, 125);
}

static void test_exec(void **state) {
        fake.status = 3;
        RUN("exec", "-u", "0", "-w/x", "web", "ls", "-l", "--", "-x");
        assert_int_equal(c.status, 3);
        assert_string_equal(fake.calls,
                            "exec web command=[ls|-l|--|-x] user=0 workdir=/x streams=-1,1,2 keys=- proxy=1\n");
}

static void test_wait(void **state) {
        fake.status = 42;
        RUN("wait", "a", "b");
        assert_int_equal(c.status, 0);
        assert_string_equal(c.out, "42\n42\n");
}

static void test_logs(void **state) {
        {
                RUN("logs", "-ft", "-n", "10", "--since", "1700000000", "web");
                assert_string_equal(fake.calls, "logs web follow=1 times=1 tail=10 since=1700000000000000\n");
        }
        fake_reset();
        {
                RUN("logs", "--tail=all", "web");
                assert_contains(fake.calls, "tail=-1");
        }
        RUN("logs", "--tail=some", "web");
        assert_int_equal(c.status, 125);
        assert_contains(c.err, "expected a number of lines");
}

static void test_inspect(void **state) {
        static char text[] = "{\"State\":{\"Status\":\"running\"}}";
        {
                RUN("inspect", "x");
                assert_int_equal(c.status, 1);
                assert_string_equal(c.out, "[]\n");
                assert_contains(c.err, "no instance and no image is called 'x'");
                assert_string_equal(fake.calls, "inspect x\nimage-inspect x\n");
        }
        fake_reset();
        fake.inspect_text = text;
        {
                RUN("inspect", "-f", "{{.State.Status}}", "x", "bad", "y");
                assert_int_equal(c.status, 1);
                assert_string_equal(c.out, "running\nrunning\n");
        }
        {
                RUN("inspect", "-f", "{{.State", "x");
                assert_int_equal(c.status, 125);
                assert_contains(c.err, "template: missing }}");
        }
        fake_reset();
        RUN("inspect", "--type=image", "x");
        assert_string_equal(fake.calls, "image-inspect x\n");
}

static void test_ps(void **state) {
        static char id[] = "0123456789abcdef0123", name[] = "web", image[] = "docker.io/library/box:latest",
                    bad[] = "od\033d";
        static char sleep_text[] = "sleep", hour[] = "3600 seconds and more";
        static char *command[] = { sleep_text, hour, NULL };
        uint64_t now = now_wall_usec();
        struct souk_instance v[] = {
                { .id = id,
                  .name = name,
                  .image = image,
                  .command = command,
                  .state = SOUK_STATE_RUNNING,
                  .created_at = now - 180000000,
                  .started_at = now - 3500000 },
                { .id = id,
                  .name = bad,
                  .image = image,
                  .command = command,
                  .state = SOUK_STATE_EXITED,
                  .exit_status = 137,
                  .created_at = now - 180000000,
                  .finished_at = now - 120500000 },
                { .id = id,
                  .name = name,
                  .image = image,
                  .command = command,
                  .state = SOUK_STATE_CREATED,
                  .created_at = now - 180000000 },
        };
        fake.instances = v;
        fake.n_instances = ELEMENTSOF(v);
        {
                RUN("ps", "-a", "-f", "name=x", "--filter=status=exited");
                assert_string_equal(fake.calls, "list all=1 size=0 last=0 filters=[name=x|status=exited]\n");
                assert_string_equal(c.out, "INSTANCE ID    IMAGE        COMMAND                  CREATED         "
                                           "STATUS                       NAMES\n"
                                           "0123456789ab   box:latest   \"sleep 3600 seconds …\"   3 minutes ago   Up "
                                           "3 seconds                 web\n"
                                           "0123456789ab   box:latest   \"sleep 3600 seconds …\"   3 minutes ago   "
                                           "Exited (137) 2 minutes ago   od\\x1bd\n"
                                           "0123456789ab   box:latest   \"sleep 3600 seconds …\"   3 minutes ago   "
                                           "Created                      web\n");
        }
        fake.n_instances = 1;
        {
                RUN("ps", "-q", "--no-trunc");
                assert_string_equal(c.out, "0123456789abcdef0123\n");
        }
        {
                RUN("ps", "--format", "{{.Names}}:{{.State}}");
                assert_string_equal(c.out, "web:running\n");
        }
        fake.calls[0] = '\0';
        {
                RUN("ps", "-l", "-s");
                assert_contains(c.out, "SIZE");
                assert_string_equal(fake.calls, "list all=1 size=1 last=1\n");
        }
        {
                RUN("ps", "-n", "2");
                assert_contains(fake.calls, "list all=1 size=0 last=2\n");
        }
        RUN("ps", "--format", "{{.Nmaes}}");
        assert_int_equal(c.status, 125);
        assert_contains(c.err, "did you mean '.Names'?");
}

static void test_images(void **state) {
        static char id[] = "sha256:0123456789abcdef", digest[] = "sha256:ffff", a[] = "docker.io/library/box:latest",
                    b[] = "r.io:5/x/y:1";
        static char *names[] = { a, b, NULL };
        struct souk_image v[] = { { .id = id, .digest = digest, .names = names, .size = 1234567 },
                                  { .id = id, .size = 10 } };
        fake.images = v;
        fake.n_images = ELEMENTSOF(v);
        {
                RUN("images", "box");
                assert_contains(fake.calls, "filter=box");
                assert_string_equal(c.out, "REPOSITORY   TAG       IMAGE ID       CREATED   SIZE\n"
                                           "box          latest    0123456789ab   N/A       1.235MB\n"
                                           "r.io:5/x/y   1         0123456789ab   N/A       1.235MB\n"
                                           "<none>       <none>    0123456789ab   N/A       10B\n");
        }
        {
                RUN("image", "ls", "-q", "--filter", "dangling=true");
                assert_string_equal(c.out, "0123456789ab\n");
        }
        {
                RUN("images", "--digests", "--format=json");
                assert_contains(c.out, "\"Digest\":\"sha256:ffff\"");
        }
        RUN("images", "-f", "nonsense=1");
        assert_int_equal(c.status, 125);
}

static void test_load(void **state) {
        RUN("load", "--tag", "x");
        assert_int_equal(c.status, 0);
        assert_string_equal(fake.calls, "load tag=x\n");
        assert_string_equal(c.out, "Loaded image: web:latest\n");
        assert_string_equal(c.err, "0123456789ab  loaded  10kB\n");
}

static void test_save(void **state) {
        {
                RUN("save", "--format=oci-archive", "box");
                assert_string_equal(fake.calls, "save box oci=1\n");
                assert_string_equal(c.out, "TAR");
        }
        char path[] = "/tmp/souk-save-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, "old", 3), 0);
        close(fd);
        _cleanup_free_ char *text = NULL;
        {
                RUN("save", "-o", path, "bad");
                assert_int_equal(c.status, 125);
        }
        assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL), 0);
        assert_string_equal(text, "old");
        unlink(path);
}

static void test_import(void **state) {
        {
                RUN("import", "-c", "CMD x", "-", "name:1");
                assert_int_equal(c.status, 0);
                assert_string_equal(fake.calls, "import name=name:1 changes=[CMD x]\n");
                assert_string_equal(c.out, "sha256:0123\n");
        }
        RUN("import", "https://x/y.tar");
        assert_int_equal(c.status, 125);
        assert_contains(c.err, "curl -fsSL https://x/y.tar | souk import -");
}

static void test_image_verbs(void **state) {
        {
                RUN("image", "bootstrap", "--include", "a,b", "--include=c", "debian:bookworm");
                assert_string_equal(fake.calls, "bootstrap debian:bookworm name=debian:bookworm packages=[a|b|c]\n");
        }
        {
                RUN("image", "history", "x");
                assert_contains(c.out, "<missing>");
                assert_contains(c.out, "RUN apt-get update && apt-get install nginx …");
        }
        {
                RUN("image", "prune"); /* the end of input is no */
                assert_int_equal(c.status, 0);
                assert_null(strstr(fake.calls, "prune"));
        }
        {
                RUN("image", "prune", "-af");
                assert_contains(fake.calls, "prune all=1");
                assert_contains(c.out, "Total reclaimed space: 4.2MB");
        }
        RUN("image", "rm", "x", "bad");
        assert_int_equal(c.status, 1);
        assert_string_equal(c.out, "Untagged: web:latest\n");
}

static void test_system(void **state) {
        {
                RUN("system", "check");
                assert_int_equal(c.status, 1);
                assert_contains(c.out, "found: a mount\n");
        }
        {
                RUN("system", "check", "--repair");
                assert_int_equal(c.status, 0);
        }
        {
                RUN("info");
                assert_string_equal(c.out, "Version: 0.1\nKernel:\n  erofs: true\n  missing: a b\n");
        }
        {
                RUN("system", "info", "-f", "{{.Kernel.erofs}}");
                assert_string_equal(c.out, "true\n");
        }
        RUN("system", "reset", "--all");
        assert_null(strstr(fake.calls, "reset"));
}

static void test_errors(void **state) {
        static const struct {
                const char *words[4];
                const char *expect;
        } cases[] = {
                { { "rnu" }, "souk: 'rnu' is not a souk command (did you mean 'souk run'?)\nSee 'souk --help'.\n" },
                { { "image", "lss" },
                  "souk: 'lss' is not a souk image command (did you mean 'souk image ls'?)\nSee 'souk image "
                  "--help'.\n" },
                { { "run", "--pull", "always" }, "See 'souk run --help'.\n" },
                { { "run" }, "'souk run' requires at least 1 argument" },
                { { "--log-level", "loud", "ps" }, "expected one of" },
                { { "image", "--nonsense" }, "unknown flag: --nonsense" },
                { { "help", "nonsense" }, "not a souk command" },
                { { "completion", "tcsh" }, "known are bash, zsh and fish" },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RUN(cases[i].words[0], cases[i].words[1], cases[i].words[2]);
                assert_int_equal(c.status, 125);
                assert_string_equal(c.out, "");
                assert_contains(c.err, cases[i].expect);
        }
}

static void test_help(void **state) {
        static const struct {
                const char *words[3];
                const char *expect;
        } cases[] = {
                { { "--help" }, "Start here: souk run -it box sh" },
                { { "run", "--help" }, "Usage: souk run [OPTIONS] IMAGE" },
                { { "help", "run" }, "Usage: souk run [OPTIONS] IMAGE" },
                { { "help", "image", "history" }, "Usage: souk image history" },
                { { "image" }, "Usage: souk image COMMAND" },
                { { "image", "-h" }, "Usage: souk image COMMAND" },
                { { "--version" }, "souk version " },
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RUN(cases[i].words[0], cases[i].words[1], cases[i].words[2]);
                assert_int_equal(c.status, 0);
                assert_contains(c.out, cases[i].expect);
                assert_string_equal(c.err, "");
        }
}

#define T(name) cmocka_unit_test_setup(name, reset)
int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_run),
                T(test_run_detached),
                T(test_run_status),
                T(test_run_missing_image),
                T(test_box_is_made),
                T(test_run_dry),
                T(test_run_vm),
                T(test_tty_needs_terminal),
                T(test_cidfile),
                T(test_many_names),
                T(test_kill),
                T(test_rm_force_missing),
                T(test_start_attached),
                T(test_exec),
                T(test_wait),
                T(test_logs),
                T(test_inspect),
                T(test_ps),
                T(test_images),
                T(test_load),
                T(test_save),
                T(test_import),
                T(test_image_verbs),
                T(test_system),
                T(test_errors),
                T(test_help),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
