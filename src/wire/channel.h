/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_WIRE_CHANNEL_H
#define SOUK_WIRE_CHANNEL_H
/*
 * The channel between the engine and souk-transfer: JSON objects on a stream socket, each behind its length (u32, host
 * order: both ends are one build on one machine).  Each side refuses what is too long or not an object.
 * What is said is in transfer_msg.h.
 */
#include "base/json.h"

#define CHANNEL_MESSAGE_MAX (16u << 20) /* bytes: a config and a manifest of 4 MiB each, escaped */
_must_check_ int channel_send(int fd, json_t *message);         /* takes no reference; -EPIPE, -EMSGSIZE */
/** channel_receive() - 1 and a message [owned], 0 at the end of the stream, -EBADMSG, -EINTR when @interruptible */
_must_check_ int channel_receive(int fd, bool interruptible, json_t **ret);
_must_check_ int channel_send_fd(int sock, int fd);
_must_check_ int channel_receive_fd(int sock);
#endif
