/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks names up as Docker does: "user[:group]", each a name or a number.  A name wins over a number.  A number that
 * the file does not have is taken as it is, with group 0; supplementary groups are those that list the user.  The
 * files come from the image: they are opened inside the root only, must be regular, and are read up to 1 MiB.
 */
#include "container/userdb.h"

#include "base/file.h"
#include "base/str.h"
#include "sys/fs.h"

#define FILE_MAX_BYTES (1u << 20)
#define ID_MAX 2147483647u /* as Docker has it; above all -1 must not pass: to the kernel it means "as it is" */

static int parse_id(const char *s, uint32_t *ret) {
        uint32_t id;
        int r = str_to_u32(s, &id);
        if (r < 0)
                return r;
        if (id > ID_MAX)
                return -ERANGE;
        *ret = id;
        return 0;
}

/* Text of the file, or "" when it is missing or no file. */
static int read_file(int root_fd, const char *path, char **ret, struct souk_err *err) {
        struct stat st;
        *ret = NULL;
        _cleanup_close_ int probe = fs_open_in(root_fd, path, O_PATH);
        if (probe == -ENOENT || probe == -ENOTDIR || probe == -ELOOP) {
                *ret = xstrdup("");
                return 0;
        }
        if (probe < 0 || fstat(probe, &st) < 0)
                return souk_err_errno(err, probe < 0 ? probe : errno, "the image's /%s", path);
        if (!S_ISREG(st.st_mode))
                return souk_err_set(err, SOUK_INVALID, -EINVAL, "the image's /%s is not a regular file", path);
        char self[40];
        size_t len;
        int r = file_read(AT_FDCWD, fd_path(probe, self, sizeof(self)), FILE_MAX_BYTES, ret, &len);
        if (r == -EFBIG)
                return souk_err_set(err, SOUK_LIMIT, r, "the image's /%s is larger than 1 MiB", path);
        return r < 0 ? souk_err_errno(err, r, "the image's /%s", path) : 0;
}

/* Splits the line at *text into its ':' fields in place; moves *text to the next line.  Return: number of fields. */
static size_t next_line(char **text, char *fields[], size_t max) {
        char *line = *text;
        char *end = strchrnul(line, '\n');
        *text = *end ? end + 1 : end;
        *end = '\0';
        size_t n = 0;
        for (char *p = line; n < max;) {
                fields[n++] = p;
                p = strchr(p, ':');
                if (!p)
                        break;
                *p++ = '\0';
        }
        return n;
}

static int find_user(char *passwd, const char *user, struct userdb_result *ret, char name[256]) {
        char *f[7];
        uint32_t number = 0, uid, gid;
        bool is_number = parse_id(user, &number) == 0;
        bool found = false;
        while (*passwd && !found) {
                size_t n = next_line(&passwd, f, ELEMENTSOF(f));
                if (n < 4 || parse_id(f[2], &uid) < 0 || parse_id(f[3], &gid) < 0)
                        continue;
                if (!streq(f[0], user) && !(is_number && uid == number))
                        continue;
                found = true;
                ret->uid = uid;
                ret->gid = gid;
                strncpy(name, f[0], 255);
                if (n >= 6 && f[5][0] == '/' && strlen(f[5]) < sizeof(ret->home))
                        strcpy(ret->home, f[5]);
        }
        if (!found && is_number) {
                ret->uid = number;
                ret->gid = 0;
        }
        return found || is_number ? 0 : -ENOENT;
}

static int find_group(const char *group_text, const char *group, uint32_t *ret) {
        _cleanup_free_ char *copy = xstrdup(group_text);
        char *text = copy, *f[4];
        uint32_t gid, number;
        while (*text) {
                size_t n = next_line(&text, f, ELEMENTSOF(f));
                if (n >= 3 && streq(f[0], group) && parse_id(f[2], &gid) == 0) {
                        *ret = gid;
                        return 0;
                }
        }
        if (parse_id(group, &number) < 0)
                return -ENOENT;
        *ret = number;
        return 0;
}

static int add_group(struct userdb_result *ret, uint32_t gid, struct souk_err *err) {
        for (uint32_t i = 0; i < ret->n_groups; i++)
                if (ret->groups[i] == gid)
                        return 0;
        if (ret->n_groups == USERDB_GROUPS_MAX)
                return souk_err_set(err, SOUK_LIMIT, -E2BIG, "the user has more than %d groups", USERDB_GROUPS_MAX);
        ret->groups[ret->n_groups++] = gid;
        return 0;
}

/* Groups that list @user among their members. */
static int add_memberships(const char *group_text, const char *user, struct userdb_result *ret, struct souk_err *err) {
        _cleanup_free_ char *copy = xstrdup(group_text);
        char *text = copy, *f[4];
        uint32_t gid;
        while (*text) {
                size_t n = next_line(&text, f, ELEMENTSOF(f));
                if (n < 4 || parse_id(f[2], &gid) < 0)
                        continue;
                for (char *save = NULL, *m = strtok_r(f[3], ",", &save); m; m = strtok_r(NULL, ",", &save))
                        if (streq(m, user)) {
                                int r = add_group(ret, gid, err);
                                if (r < 0)
                                        return r;
                                break;
                        }
        }
        return 0;
}

int userdb_lookup(int root_fd, const struct machine_process *p, struct userdb_result *ret, struct souk_err *err) {
        const char *text = str_empty(p->user) ? "0" : p->user;
        const char *colon = strchr(text, ':');
        _cleanup_free_ char *user = colon ? xstrndup(text, (size_t) (colon - text)) : xstrdup(text);
        const char *group = colon && colon[1] ? colon + 1 : NULL;
        _cleanup_free_ char *passwd = NULL, *groups = NULL;
        char name[256] = "";
        int r = read_file(root_fd, "etc/passwd", &passwd, err);
        if (r >= 0)
                r = read_file(root_fd, "etc/group", &groups, err);
        if (r < 0)
                return r;
        *ret = (struct userdb_result){ .home = "/" };
        if (streq(text, "0") && !*passwd)
                strcpy(ret->home, "/root");
        if (find_user(passwd, *user ? user : "0", ret, name) < 0)
                return souk_err_set(err, SOUK_INVALID, -ENOENT, "user '%s': the image's /etc/passwd has no such user",
                                    user);
        if (group && find_group(groups, group, &ret->gid) < 0)
                return souk_err_set(err, SOUK_INVALID, -ENOENT, "group '%s': the image's /etc/group has no such group",
                                    group);
        r = add_group(ret, ret->gid,
                      err); /* else dropping it would take away what is denied to the group (CVE-2022-36109) */
        if (r >= 0 && !group && *name)
                r = add_memberships(groups, name, ret, err);
        for (size_t i = 0; r >= 0 && p->extra_groups && p->extra_groups[i]; i++) {
                uint32_t gid;
                if (find_group(groups, p->extra_groups[i], &gid) < 0)
                        return souk_err_set(err, SOUK_INVALID, -ENOENT,
                                            "--group-add %s: the image's /etc/group has no such group",
                                            p->extra_groups[i]);
                r = add_group(ret, gid, err);
        }
        return r;
}
