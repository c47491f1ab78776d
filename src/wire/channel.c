/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See channel.h. */
#include "wire/channel.h"

#include "base/file.h"
#include "base/str.h"

#include <sys/socket.h>

int channel_send(int fd, json_t *message) {
        _cleanup_free_ char *text = json_text(message, false);
        size_t n = strlen(text);
        if (n > CHANNEL_MESSAGE_MAX)
                return -EMSGSIZE;
        uint32_t len = (uint32_t) n;
        _cleanup_free_ char *frame = xmalloc(sizeof(len) + n);
        memcpy(frame, &len, sizeof(len));
        memcpy(frame + sizeof(len), text, n);
        for (size_t done = 0; done < sizeof(len) + n;) {
                ssize_t k = send(fd, frame + done, sizeof(len) + n - done, MSG_NOSIGNAL);
                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0)
                        done += (size_t) k;
        }
        return 0;
}

static int receive_all(int fd, bool interruptible, void *p, size_t n) {
        for (size_t done = 0; done < n;) {
                ssize_t k = read(fd, (char *) p + done, n - done);
                if (k < 0 && (errno != EINTR || interruptible))
                        return -errno;
                if (k == 0)
                        return done ? -EBADMSG : 0;
                if (k > 0)
                        done += (size_t) k;
        }
        return 1;
}

int channel_receive(int fd, bool interruptible, json_t **ret) {
        uint32_t len;
        int r = receive_all(fd, interruptible, &len, sizeof(len));
        if (r <= 0)
                return r == -ECONNRESET ? 0 : r;
        if (len > CHANNEL_MESSAGE_MAX)
                return -EBADMSG;
        _cleanup_free_ char *text = xmalloc(len + 1);
        r = receive_all(fd, interruptible, text, len);
        if (r <= 0 && len > 0)
                return r < 0 ? r : -EBADMSG;
        json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(j)) {
                json_decref(j);
                return -EBADMSG;
        }
        *ret = j;
        return 1;
}

int channel_send_fd(int sock, int fd) {
        union {
                char buf[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        char byte = 'f';
        struct iovec iov = { &byte, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)
        };
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &fd, sizeof(int));
        return sendmsg(sock, &m, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int channel_receive_fd(int sock) {
        union {
                char buf[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        char byte;
        int fd;
        struct iovec iov = { &byte, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)
        };
        ssize_t n;
        do
                n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        struct cmsghdr *h = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
        if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(sizeof(int)))
                return n < 0 ? -errno : -EBADMSG;
        memcpy(&fd, CMSG_DATA(h), sizeof(int));
        return fd;
}
