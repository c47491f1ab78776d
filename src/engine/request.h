/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOUK_ENGINE_REQUEST_H
#define SOUK_ENGINE_REQUEST_H
/* From what the user asked for (text, Docker's spelling) and the image's configuration to an instance_spec.  Pure but for
 * reading the files that options name (--env-file, --security-opt seccomp=FILE). */
#include "wire/image_config.h"
#include "wire/spec.h"

/**
 * request_to_spec() - join, parse and check
 * @id: of the instance: the default hostname is its first 12 digits
 * Messages name the option: "--memory 12q: ...".  References to other instances stay as the user wrote them.
 */
int request_to_spec(const struct souk_create_request *r, const struct image_config *image, const char *id,
                    struct instance_spec *ret, struct souk_err *err);

/* the files part of it: -v, --mount, --tmpfs, --device, --shm-size */
int request_files_to_spec(const struct souk_create_request *r, struct instance_spec *s, struct souk_err *err);
/** request_name_check() - [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128 */
int request_name_check(const char *name, struct souk_err *err);
/** request_env() - image and default environment, --env-file, -e; in that order [owned strv in *env] */
int request_env(char ***env, const char *const *files, const char *const *assignments, struct souk_err *err);
/** request_rlimit_resource() - RLIMIT_x of "nofile" ..., or -EINVAL */
int request_rlimit_resource(const char *name);
/** path_normalize() - absolute path without "//", "/./", ".." resolved by text; [owned] or NULL when not absolute */
char *path_normalize(const char *path);
#endif
