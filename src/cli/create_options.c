/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that describe an instance; the engine parses the values, so that every caller gets the same errors. */
#include "create_options.h"

#include "base/file.h"

#define AT(member) offsetof(struct create_args, member)

static const char *const isolations[] = { [SOUK_ISOLATION_CONTAINER] = "container", [SOUK_ISOLATION_VM] = "vm", NULL };

const struct cli_option create_instance_options[] = {
        { "name", 0, CLI_STRING, AT(name), "NAME", "Name of the instance (default: made up)" },
        { "isolation", 0, CLI_CHOICE, AT(isolation), "KIND", "container or vm (default container)",
          .choices = isolations },
        { "interactive", 'i', CLI_FLAG, AT(interactive), NULL, "Keep standard input open" },
        { "tty", 't', CLI_FLAG, AT(tty), NULL, "Give it a terminal" },
        { "rm", 0, CLI_FLAG, AT(autoremove), NULL, "Remove the instance when it ends" },
        { "label", 'l', CLI_STRV, AT(labels), "KEY=VALUE", "Set a label (may be repeated)" },
        { "cidfile", 0, CLI_STRING, AT(cidfile), "FILE", "Write the instance's id to a file that does not exist yet",
          .complete = "files" },
        { "stop-timeout", 0, CLI_DURATION, AT(stop_timeout_usec), "SECONDS",
          "How long stop waits before it kills (default 10)" },
};
static_assert(ELEMENTSOF(create_instance_options) == CREATE_INSTANCE_N, "keep the count");

const struct cli_option create_process_options[] = {
        { "env", 'e', CLI_STRV, AT(env), "NAME=VALUE", "Set an environment variable; NAME alone takes it from here" },
        { "env-file", 0, CLI_STRV, AT(env_files), "FILE", "Read environment variables from a file",
          .complete = "files" },
        { "workdir", 'w', CLI_STRING, AT(workdir), "DIR", "Working directory inside" },
        { "user", 'u', CLI_STRING, AT(user), "USER[:GROUP]", "User, and group, by name or number" },
        { "group-add", 0, CLI_STRV, AT(group_add), "GROUP", "Add a supplementary group" },
        { "entrypoint", 0, CLI_STRING, AT(entrypoint), "PROGRAM", "Replace the image's entrypoint; \"\" removes it" },
        { "init", 0, CLI_FLAG, AT(init), NULL, "Run a small init that forwards signals and reaps processes" },
        { "stop-signal", 0, CLI_STRING, AT(stop_signal), "SIGNAL",
          "Signal that stops it (default the image's, or TERM)" },
        { "ulimit", 0, CLI_STRV, AT(ulimits), "NAME=SOFT[:HARD]", "Set a resource limit, such as nofile=1024" },
        { "sysctl", 0, CLI_STRV, AT(sysctls), "NAME=VALUE", "Set a kernel parameter of its namespaces" },
        { "oom-score-adj", 0, CLI_I64, AT(oom_score_adj), "N", "Adjust the out-of-memory score (-1000 to 1000)" },
};
static_assert(ELEMENTSOF(create_process_options) == CREATE_PROCESS_N, "keep the count");

const struct cli_option create_file_options[] = {
        { "volume", 'v', CLI_STRV, AT(volumes), "SOURCE:TARGET[:ro]", "Mount a file or directory of the host",
          .complete = "files" },
        { "mount", 0, CLI_STRV, AT(mounts), "SPEC", "Mount by keys: type=bind|tmpfs,src=PATH,dst=PATH,readonly" },
        { "tmpfs", 0, CLI_STRV, AT(tmpfs), "DIR[:OPTIONS]", "Mount a file system in memory" },
        { "read-only", 0, CLI_FLAG, AT(read_only), NULL, "Make the root file system read-only" },
        { "shm-size", 0, CLI_STRING, AT(shm_size), "SIZE", "Size of /dev/shm (default 64m)" },
        { "device", 0, CLI_STRV, AT(devices), "PATH[:TARGET[:rwm]]", "Give it a device of the host",
          .complete = "files" },
};
static_assert(ELEMENTSOF(create_file_options) == CREATE_FILE_N, "keep the count");

const struct cli_option create_limit_options[] = {
        { "memory", 'm', CLI_STRING, AT(memory), "SIZE", "Memory limit, such as 512m" },
        { "memory-swap", 0, CLI_STRING, AT(memory_swap), "SIZE",
          "Limit of memory and swap together; -1: no limit on swap" },
        { "cpus", 0, CLI_STRING, AT(cpus), "N", "Limit of CPU time, such as 1.5" },
        { "cpu-shares", 'c', CLI_STRING, AT(cpu_shares), "N", "CPU weight against others (default 1024)" },
        { "cpuset-cpus", 0, CLI_STRING, AT(cpuset_cpus), "LIST", "CPUs it may use, such as 0-3,5" },
        { "pids-limit", 0, CLI_STRING, AT(pids_limit), "N", "Limit of processes and threads; -1: none" },
};

const struct cli_option create_security_options[] = {
        { "privileged", 0, CLI_FLAG, AT(privileged), NULL, "Take the fences away: all capabilities and devices" },
        { "cap-add", 0, CLI_STRV, AT(cap_add), "CAPABILITY", "Add a capability; ALL adds all" },
        { "cap-drop", 0, CLI_STRV, AT(cap_drop), "CAPABILITY", "Drop a capability; ALL drops all" },
        { "security-opt", 0, CLI_STRV, AT(security_opt), "OPTION",
          "seccomp=unconfined, seccomp=FILE or no-new-privileges" },
        { "userns", 0, CLI_STRING, AT(userns), "MODE", "User namespace: private (default) or host" },
        { "pid", 0, CLI_STRING, AT(pid), "MODE", "Process ids: private (default), host or container:NAME" },
        { "ipc", 0, CLI_STRING, AT(ipc), "MODE",
          "Shared memory and queues: private (default), host or container:NAME" },
        { "uts", 0, CLI_STRING, AT(uts), "MODE", "Host name: private (default), host or container:NAME" },
        { "cgroupns", 0, CLI_STRING, AT(cgroupns), "MODE", "Cgroup namespace: private (default) or host" },
};

const struct cli_option create_network_options[] = {
        { "network", 0, CLI_STRING, AT(network), "MODE", "none (default), host or container:NAME" },
        { "net", 0, CLI_STRING, AT(network), "MODE", "The same as --network", .flags = CLI_OPTION_HIDDEN },
        { "hostname", 'h', CLI_STRING, AT(hostname), "NAME", "Host name (default the short id)" },
        { "domainname", 0, CLI_STRING, AT(domainname), "NAME", "Domain name" },
        { "add-host", 0, CLI_STRV, AT(add_host), "NAME:ADDRESS", "Add a line to /etc/hosts" },
        { "dns", 0, CLI_STRV, AT(dns), "ADDRESS", "Set a name server" },
        { "dns-search", 0, CLI_STRV, AT(dns_search), "DOMAIN", "Set a search domain" },
        { "dns-option", 0, CLI_STRV, AT(dns_option), "OPTION", "Set an option of the resolver" },
};
static_assert(ELEMENTSOF(create_limit_options) == CREATE_LIMIT_N, "keep the count");
static_assert(ELEMENTSOF(create_security_options) == CREATE_SECURITY_N, "keep the count");
static_assert(ELEMENTSOF(create_network_options) == CREATE_NETWORK_N, "keep the count");

void create_request_fill(const struct create_args *a, const char *const *operands, struct create_request *ret) {
        *ret = (struct create_request){
                .entrypoint = { str_empty(a->entrypoint) ? NULL : a->entrypoint, NULL },
                .r = {
                        .image = operands[0], .command = operands + 1, .name = a->name,
                        .isolation = (enum souk_isolation) a->isolation, .autoremove = a->autoremove,
                        .has_entrypoint = a->entrypoint != NULL,
                        .env = CONST_STRV(a->env), .env_files = CONST_STRV(a->env_files),
                        .workdir = a->workdir, .user = a->user, .group_add = CONST_STRV(a->group_add),
                        .tty = a->tty, .open_stdin = a->interactive, .init = a->init, .stop_signal = a->stop_signal,
                        .ulimits = CONST_STRV(a->ulimits), .labels = CONST_STRV(a->labels),
                        .volumes = CONST_STRV(a->volumes), .mounts = CONST_STRV(a->mounts),
                        .tmpfs = CONST_STRV(a->tmpfs),
                        .read_only = a->read_only, .shm_size = a->shm_size, .devices = CONST_STRV(a->devices),
                        .memory = a->memory, .memory_swap = a->memory_swap, .cpus = a->cpus,
                        .cpuset_cpus = a->cpuset_cpus,
                        .pids_limit = a->pids_limit, .cpu_shares = a->cpu_shares, .oom_score_adj = a->oom_score_adj,
                        .cap_add = CONST_STRV(a->cap_add), .cap_drop = CONST_STRV(a->cap_drop),
                        .security_opt = CONST_STRV(a->security_opt), .privileged = a->privileged,
                        .userns = a->userns, .pid = a->pid, .ipc = a->ipc, .uts = a->uts, .cgroupns = a->cgroupns,
                        .network = a->network, .hostname = a->hostname, .domainname = a->domainname,
                        .add_host = CONST_STRV(a->add_host), .dns = CONST_STRV(a->dns),
                        .dns_search = CONST_STRV(a->dns_search),
                        .dns_option = CONST_STRV(a->dns_option), .sysctls = CONST_STRV(a->sysctls),
                },
        };
        ret->r.entrypoint = ret->entrypoint;
        if (a->stop_timeout_usec == 0)
                ret->r.stop_timeout_usec = 1; /* 0 means the default */
        else if (a->stop_timeout_usec != UINT64_MAX)
                ret->r.stop_timeout_usec = a->stop_timeout_usec;
}

int create_needs_box(struct souk *s, const char *image, struct souk_err *err) {
        if (err->code != SOUK_IMAGE_NOT_FOUND || (!streq(image, "box") && !streq(image, "box:latest")))
                return 0;
        *err = (struct souk_err){};
        int r = souk_image_box(s, err);
        if (r < 0)
                return r;
        fputs("souk: made the image 'box' from this machine's busybox (once)\n", stderr);
        return 1;
}

int create_fail(const char *image, const struct souk_err *err) {
        int status = cli_fail(err);
        if (err->code == SOUK_IMAGE_NOT_FOUND)
                fputs("Souk does not pull from registries yet: 'docker save NAME | souk load' brings an image over, "
                      "and 'box' is built in: souk run -it box sh\n",
                      stderr);
        return status;
}

int cidfile_open(const char *path, struct cidfile *ret, struct souk_err *err) {
        *ret = (struct cidfile){ .path = path, .fd = -EBADF };
        if (!path)
                return 0;
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EEXIST)
                return souk_err_set(err, SOUK_CONFLICT, -EEXIST,
                                    "--cidfile %s: the file exists; remove it if no other instance needs it", path);
        if (fd < 0)
                return souk_err_errno(err, errno, "--cidfile %s", path);
        ret->fd = fd;
        return 0;
}

int cidfile_write(const char *id, void *user, struct souk_err *err) {
        struct cidfile *c = user;
        if (c->fd < 0)
                return 0;
        int r = fd_write_all(c->fd, id, strlen(id));
        if (r < 0)
                return souk_err_errno(err, r, "--cidfile %s", c->path);
        c->written = true;
        return 0;
}

void cidfile_close(struct cidfile *c) {
        if (c->fd >= 0 && !c->written)
                unlink(c->path);
        c->fd = fd_close(c->fd);
}
