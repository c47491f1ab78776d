/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tries system calls that a container must not have and prints "NAME ERRNO" for each; static, for any image. */
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRY(name, ...)                                                                                     \
        do {                                                                                               \
                errno = 0;                                                                                 \
                long r = syscall(SYS_##name, ##__VA_ARGS__, 0L, 0L, 0L, 0L, 0L);                           \
                printf("%s %s\n", #name, r >= 0 ? "ok" : strerrorname_np(errno) ?: "?");                  \
        } while (0)

int main(void) {
        char nothing[256] = { 0 };
        setvbuf(stdout, NULL, _IOLBF, 0);
        TRY(keyctl, KEYCTL_GET_KEYRING_ID, -4L);
        TRY(add_key, "user", "souk", "x");
        TRY(request_key, "user", "souk");
        TRY(bpf);
        TRY(userfaultfd);
        TRY(perf_event_open, nothing, 0L, -1L);
        TRY(mount, "none", "/", "tmpfs");
        TRY(umount2, "/nosuch");
        TRY(pivot_root, "/", "/");
        TRY(fsopen, "tmpfs");
        TRY(open_tree, -100L, "/");
        TRY(move_mount, -1L, "");
        TRY(setns, 0L, CLONE_NEWNET);
        TRY(open_by_handle_at, -100L, nothing);
        TRY(init_module, nothing);
        TRY(finit_module, -1L);
        TRY(delete_module, "nosuch");
        TRY(kexec_load);
        TRY(swapon, "/nosuch");
        TRY(acct, "/nosuch");
        TRY(settimeofday, nothing);
        TRY(iopl, 3L);
        TRY(io_uring_setup, 1L);
        TRY(personality, 0xdeadL);
        TRY(socket, (long) AF_VSOCK, (long) SOCK_STREAM);
        TRY(clone3, nothing, sizeof(nothing));
        TRY(unshare, (long) CLONE_NEWUSER);
        return 0;
}
