/*
 * The lines become what a list in the rule file would have been, so that nobody after this knows
 * the difference.  The path is told to whoever watches files.
 */
#include "rules/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where it is read, and what for. */
struct list_file {
    struct vocabulary *v;
    const struct yaml_node *name; /* the path as written */
    const char *path;
};

static void cannot(const struct list_file *f, const char *why)
{
    problems_add(f->v->problems, f->name->at, "%s: %s", f->path, why);
}

/* A path that is not absolute begins in the folder of the rule file. */
static const char *path_of(struct vocabulary *v, const struct yaml_node *name)
{
    struct bytes rule_file = bytes_of(name->at.file), path = name->text;
    size_t folder = rule_file.len;
    while (folder > 0 && rule_file.data[folder - 1] != '/')
        folder--;
    if (path.data[0] == '/')
        folder = 0;
    char *whole = arena_take(v->arena, folder + path.len + 1);
    if (whole && folder > 0)
        memcpy(whole, rule_file.data, folder);
    if (whole)
        memcpy(whole + folder, path.data, path.len);
    return whole;
}

/* Tells who watches files, once a path. */
static bool keep_path(const struct list_file *f)
{
    struct vocabulary *v = f->v;
    for (size_t i = 0; i < v->files_count; i++) {
        if (strcmp(v->files[i], f->path) == 0)
            return true;
    }
    if (!v->files)
        v->files = arena_take(v->arena, LIST_FILES_MAX * sizeof(*v->files));
    if (v->files && v->files_count < LIST_FILES_MAX) {
        v->files[v->files_count++] = f->path;
        return true;
    }
    if (v->files)
        problems_add(v->problems, f->name->at, "more than %d files of lists", LIST_FILES_MAX);
    return false;
}

/* The file as it is, in memory that is gone once everything is compiled. */
static bool read_whole(const struct list_file *f, int fd, struct bytes *text)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        cannot(f, "is no file");
        return false;
    }
    if (info.st_size > LIST_FILE_MAX) {
        problems_add(f->v->problems, f->name->at, "%s: larger than %d bytes", f->path,
                     LIST_FILE_MAX);
        return false;
    }
    /* what is written meanwhile is read at the next change */
    size_t size = (size_t)info.st_size, len = 0;
    uint8_t *data = arena_take(f->v->passing, size + 1);
    ssize_t got = 0;
    while (data && len < size && (got = read(fd, data + len, size - len)) > 0)
        len += (size_t)got;
    if (got < 0)
        cannot(f, strerror(errno));
    *text = (struct bytes){data, len};
    return data && got >= 0;
}

/* Without its comment: '#' at the beginning or after a blank. */
static struct bytes without_comment(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        bool begins = i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t';
        if (line.data[i] == '#' && begins)
            return bytes_first(line, i);
    }
    return line;
}

static bool check_characters(const struct list_file *f, struct bytes item, struct position at)
{
    for (struct bytes left = item; left.len > 0; at.column++) {
        uint8_t c = left.data[0];
        size_t len = bytes_utf8_len(left);
        if (len == 0 || (c < 0x20 && c != '\t') || c == 0x7f) {
            problems_add(f->v->problems, at, "%s",
                         len == 0 ? "this byte is not UTF-8" : "a control character");
            return false;
        }
        left = bytes_from(left, len);
    }
    return true;
}

static size_t count_lines(struct bytes text)
{
    size_t count = 0;
    for (; text.len > 0; text = bytes_from(text, bytes_index(text, '\n') + 1))
        count++;
    return count;
}

/* An item is a scalar that is one letter after another in its file. */
static const struct yaml_node *item_of(const struct list_file *f, struct bytes text,
                                       struct position at)
{
    struct yaml_node *n = arena_take(f->v->passing, sizeof(*n));
    if (n)
        *n = (struct yaml_node){.kind = YAML_SCALAR,
                                .is_plain = true,
                                .at = at,
                                .text = arena_copy(f->v->passing, text),
                                .file = f->name->file,
                                .size = 1};
    return n && n->text.data ? n : NULL;
}

static const struct yaml_node *read_items(const struct list_file *f, struct bytes text)
{
    size_t lines = count_lines(text), count = 0;
    bool is_good = lines <= LIST_FILE_LINES_MAX;
    if (!is_good)
        problems_add(f->v->problems, f->name->at, "%s: more than %d lines", f->path,
                     LIST_FILE_LINES_MAX);
    struct yaml_item *items =
        is_good ? arena_take(f->v->passing, (lines + 1) * sizeof(*items)) : NULL;
    struct yaml_node *list = arena_take(f->v->passing, sizeof(*list));
    unsigned number = 1;
    for (; items && text.len > 0; number++) {
        size_t len = bytes_index(text, '\n');
        struct bytes line = bytes_first(text, len), item = bytes_trim(without_comment(line));
        text = bytes_from(text, len + 1);
        if (item.len == 0)
            continue;
        struct position at = {f->path, number, (unsigned)(item.data - line.data) + 1};
        is_good = check_characters(f, item, at) && is_good;
        items[count++].value = item_of(f, item, at);
        is_good = items[count - 1].value && is_good;
    }
    if (!list || !items || !is_good)
        return NULL;
    *list = (struct yaml_node){.kind = YAML_SEQUENCE,
                               .at = f->name->at,
                               .items = items,
                               .count = count,
                               .file = f->name->file};
    return list;
}

const struct yaml_node *list_file_read(struct vocabulary *v, const struct yaml_node *mapping)
{
    static const char *const keys[] = {"file", NULL};
    struct list_file f = {.v = v, .name = yaml_get(mapping, "file")};
    if (!yaml_check_keys(mapping, keys, "a list from a file", v->problems))
        return NULL;
    if (!f.name || f.name->kind != YAML_SCALAR || f.name->text.len == 0) {
        problems_add(v->problems, f.name ? f.name->at : mapping->at,
                     "a list from a file is written {file: PATH}");
        return NULL;
    }
    if (!v->passing) {
        problems_add(v->problems, f.name->at, "only a rule file can have a list from a file");
        return NULL;
    }
    f.path = path_of(v, f.name);
    if (!f.path || !keep_path(&f))
        return NULL;
    /* a pipe would be waited for */
    int fd = open(f.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct bytes text;
    if (fd < 0) {
        cannot(&f, strerror(errno));
        return NULL;
    }
    bool is_read = read_whole(&f, fd, &text);
    (void)close(fd);
    return is_read ? read_items(&f, bytes_from(text, bytes_start(text, "\xef\xbb\xbf") ? 3 : 0))
                   : NULL;
}
