/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See platform.h. */
#include "wire/platform.h"

#include "base/str.h"

static const struct machine {
        const char *machine, *architecture;
        const char *variants[5];        /* that it runs, the best first; no variant is as good as the best */
} machines[] = {
        { "x86_64", "amd64", { "v1" } },
        { "aarch64", "arm64", { "v8" } },
        { "armv8l", "arm", { "v8", "v7", "v6", "v5" } },
        { "armv7l", "arm", { "v7", "v6", "v5" } },
        { "armv6l", "arm", { "v6", "v5" } },
        { "i686", "386", {} },
        { "i586", "386", {} },
        { "ppc64le", "ppc64le", { "power8" } },
        { "s390x", "s390x", {} },
        { "riscv64", "riscv64", { "rva20u64" } },
        { "loongarch64", "loong64", {} },
        { "mips64", "mips64le", {} },
};

static const struct machine *find(const char *machine) {
        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                if (streq(machines[i].machine, machine))
                        return &machines[i];
        return NULL;
}

const char *platform_architecture(const char *machine) {
        const struct machine *m = find(machine);
        return m ? m->architecture : machine;
}

unsigned platform_fit(const char *machine, const struct descriptor *d) {
        const struct machine *m = find(machine);
        if (d->platform_os && !streq(d->platform_os, "linux"))
                return 0;
        if (!d->platform_architecture)
                return 1;
        if (!streq(d->platform_architecture, platform_architecture(machine)))
                return 0;
        if (str_empty(d->platform_variant) || !m)
                return 10;
        for (unsigned i = 0; i < ELEMENTSOF(m->variants) && m->variants[i]; i++)
                if (streq(m->variants[i], d->platform_variant))
                        return 10 - i;
        return streq(m->architecture, "arm") ? 0 : 2; /* a later one ("amd64/v3"): if there is nothing else */
}
