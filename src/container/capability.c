/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of capabilities: see container.h.  capabilities(7). */
#include "container/container.h"

#include "base/file.h"
#include "base/str.h"

#include <strings.h>

static const char *const names[] = {
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

const char *capability_name(unsigned bit) {
        return bit < ELEMENTSOF(names) ? names[bit] : NULL;
}

uint64_t capability_all(void) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        uint64_t last = ELEMENTSOF(names) - 1;
        if (file_read(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 32, &text, &len) >= 0) {
                text[strcspn(text, "\n")] = '\0';
                (void) !str_to_u64(text, &last);
        }
        return last >= 63 ? UINT64_MAX : (1ULL << (last + 1)) - 1;
}

int capability_parse(const char *name, uint64_t *ret_bits) {
        if (strncasecmp(name, "CAP_", 4) == 0)
                name += 4;
        if (strcasecmp(name, "ALL") == 0) {
                *ret_bits = capability_all();
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcasecmp(names[i] + 4, name) == 0) {
                        *ret_bits = 1ULL << i;
                        return 0;
                }
        return -EINVAL;
}
