#define _GNU_SOURCE /* explicit_bzero */
#include "subjects/site_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 4096, /* bytes */
    KEY_DIGITS = 32,
    PATH_LEN_MAX = 4096,
};

static const char preface[] = "# Seepwatch's site key: identifiers of customers are hashed with "
                              "it. Keep it secret, and keep\n"
                              "# it: without it, ids of different runs cannot be compared. To "
                              "change it, put a new key of 32\n"
                              "# hexadecimal digits above the old one.\n";

bool site_key_random(struct subjects *s, struct error *error)
{
    s->keys_count = 1;
    return hash_key_random(&s->keys[0]) ||
           error_set(error, ERROR_WORK, "the system has no random bytes for the site key");
}

static bool parse_key(struct hash_key *key, struct bytes line)
{
    return line.len == KEY_DIGITS && hash_parse(&key->high, bytes_first(line, KEY_DIGITS / 2)) &&
           hash_parse(&key->low, bytes_from(line, KEY_DIGITS / 2));
}

static bool parse(struct subjects *s, const char *path, struct bytes text, struct error *error)
{
    s->keys_count = 0;
    for (unsigned number = 1; text.len > 0; number++) {
        size_t len = bytes_index(text, '\n');
        struct bytes line = bytes_trim(bytes_first(text, len));
        text = bytes_from(text, len + 1);
        if (line.len == 0 || bytes_start(line, "#"))
            continue;
        if (s->keys_count == SUBJECTS_KEYS_MAX)
            return error_set(error, ERROR_USAGE, "%s:%u: more than %d keys: take the oldest out",
                             path, number, SUBJECTS_KEYS_MAX);
        if (!parse_key(&s->keys[s->keys_count], line))
            return error_set(error, ERROR_USAGE,
                             "%s:%u: not a key: 32 hexadecimal digits in lower case, as "
                             "'openssl rand -hex 16' writes them",
                             path, number);
        s->keys_count++;
    }
    return s->keys_count > 0 ||
           error_set(error, ERROR_USAGE,
                     "%s holds no key: remove the file, and a new one is made at the next start",
                     path);
}

/* Whether nobody else can read the file. */
static bool check(int fd, const char *path, struct error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_set(error, ERROR_WORK, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(error, ERROR_USAGE, "%s is no file", path);
    if (info.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, ERROR_USAGE,
                         "%s, the site key, is open to others than its owner: chmod 600 %s", path,
                         path);
    return true;
}

static bool read_open(struct subjects *s, int fd, const char *path, struct error *error)
{
    uint8_t text[FILE_MAX];
    ssize_t len = check(fd, path, error) ? read(fd, text, sizeof(text)) : -2;
    if (len == -2)
        return false;
    if (len < 0 || len == FILE_MAX)
        return error_set(error, ERROR_WORK, "%s: %s", path,
                         len < 0 ? strerror(errno) : "too long for a file of keys");
    bool is_good = parse(s, path, (struct bytes){text, (size_t)len}, error);
    explicit_bzero(text, sizeof(text));
    return is_good;
}

/* A whole file appears under its name, or none; somebody else's that came first stays. */
static bool create(const char *path, struct error *error)
{
    char text[sizeof(preface) + KEY_DIGITS + 2], beside[PATH_LEN_MAX];
    struct hash_key key;
    if (!hash_key_random(&key))
        return error_set(error, ERROR_WORK, "the system has no random bytes for the site key");
    int len = snprintf(text, sizeof(text), "%s%016llx%016llx\n", preface,
                       (unsigned long long)key.high, (unsigned long long)key.low);
    int beside_len = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    if (beside_len < 0 || beside_len >= PATH_LEN_MAX)
        return error_set(error, ERROR_USAGE, "%s: the name is too long", path);
    int fd = mkstemp(beside); /* mode 0600 */
    if (fd < 0)
        return error_set(error, ERROR_WORK,
                         "%s: no site key can be made there (%s): create the folder, or name "
                         "another file with subject.key",
                         path, strerror(errno));
    bool is_written = write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    is_written = close(fd) == 0 && is_written;
    is_written = is_written && (link(beside, path) == 0 || errno == EEXIST);
    int reason = errno;
    (void)unlink(beside);
    explicit_bzero(text, sizeof(text));
    return is_written || error_set(error, ERROR_WORK, "%s: no site key can be written (%s)", path,
                                   strerror(reason));
}

bool site_key_read(struct subjects *s, const char *path, bool may_create, bool *is_new,
                   struct error *error)
{
    *is_new = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && may_create) {
        if (!create(path, error))
            return false;
        *is_new = true;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return error_set(error, ERROR_WORK,
                         "%s: the site key cannot be read (%s): it has to belong to the user that "
                         "starts seepwatch",
                         path, strerror(errno));
    bool is_good = read_open(s, fd, path, error);
    (void)close(fd);
    return is_good;
}
