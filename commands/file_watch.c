/*
 * Events are only asked for every LOOK_NS, and how they follow each other does not matter: any that
 * concerns a file that is read makes all of them be read.  See inotify(7).
 */
#include "commands/file_watch.h"

#include "commands/folder.h"
#include "core/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_NS (CLOCK_SECOND_NS / 5)
#define SETTLED_NS CLOCK_SECOND_NS

enum { READS_MAX = 64 /* of one look */, EVENTS_LEN = 4096 };

static const struct watched_folder *folder_find(const struct file_watch *w, const char *path)
{
    for (size_t i = 0; i < w->folders_count; i++) {
        if (strcmp(w->folders[i].path, path) == 0)
            return &w->folders[i];
    }
    return NULL;
}

/* The folder that has to be watched for a path; true where it is the path itself. */
static bool is_folder(const char *path, char folder[PATH_MAX])
{
    struct stat info;
    folder_of(path, folder);
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode) || strlen(path) >= PATH_MAX)
        return false;
    (void)snprintf(folder, PATH_MAX, "%s", path);
    return true;
}

static bool folder_add(struct file_watch *w, const char *path)
{
    if (folder_find(w, path))
        return true;
    struct watched_folder *f = &w->folders[w->folders_count];
    f->number = inotify_add_watch(
        w->fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
    f->path = f->number < 0 ? NULL : strdup(path);
    w->folders_count += f->path != NULL;
    return f->path != NULL;
}

bool file_watch_open(struct file_watch *w, const char *const *paths, size_t count)
{
    *w = (struct file_watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    bool is_good = w->fd >= 0 && count <= FILE_WATCH_PATHS_MAX;
    for (size_t i = 0; i < count && is_good; i++) {
        char folder[PATH_MAX];
        (void)is_folder(paths[i], folder);
        is_good = folder_add(w, folder);
    }
    int why = errno;
    if (is_good)
        (void)file_watch_follow(w, paths, count);
    else
        file_watch_close(w);
    errno = why;
    return is_good;
}

void file_watch_close(struct file_watch *w)
{
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = -1;
    for (size_t i = 0; i < w->folders_count; i++)
        free(w->folders[i].path);
    w->folders_count = 0;
    w->files_count = 0;
}

const char *file_watch_follow(struct file_watch *w, const char *const *paths, size_t count)
{
    const char *lost = NULL;
    w->files_count = 0;
    for (size_t i = 0; i < count && i < FILE_WATCH_PATHS_MAX; i++) {
        char folder[PATH_MAX];
        bool is_whole = is_folder(paths[i], folder);
        const struct watched_folder *f = folder_find(w, folder);
        const char *slash = strrchr(paths[i], '/');
        if (!f && !lost)
            lost = paths[i];
        if (!f)
            continue;
        w->files[w->files_count++] = (struct watched_file){.folder = f->number,
                                                           .name = is_whole ? NULL
                                                                   : slash  ? slash + 1
                                                                            : paths[i]};
    }
    return lost;
}

/* As a folder of rules is read: its *.yaml, but none that is hidden. */
static bool is_rule_file(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && name[0] != '.' && strcmp(name + len - 5, ".yaml") == 0;
}

static bool concerns(const struct file_watch *w, const struct inotify_event *e, const char *name)
{
    if (e->mask & IN_Q_OVERFLOW)
        return true;
    for (size_t i = 0; i < w->files_count && e->len > 0; i++) {
        const struct watched_file *f = &w->files[i];
        if (f->folder == e->wd && (f->name ? strcmp(f->name, name) == 0 : is_rule_file(name)))
            return true;
    }
    return false;
}

/* Whether an event that has come since the last look concerns a file. */
static bool take_events(struct file_watch *w)
{
    bool found = false;
    for (int reads = 0; reads < READS_MAX; reads++) {
        char events[EVENTS_LEN];
        ssize_t len = read(w->fd, events, sizeof(events));
        struct inotify_event e;
        for (size_t at = 0; len > 0 && at < (size_t)len; at += sizeof(e) + e.len) {
            memcpy(&e, events + at, sizeof(e));
            found = concerns(w, &e, events + at + sizeof(e)) || found;
        }
        if (len <= 0)
            break;
    }
    return found;
}

bool file_watch_settled(struct file_watch *w, int64_t now_ns)
{
    if (w->fd < 0 || now_ns - w->looked_ns < LOOK_NS)
        return false;
    w->looked_ns = now_ns;
    if (take_events(w)) {
        w->has_changed = true;
        w->changed_ns = now_ns;
    }
    if (!w->has_changed || now_ns - w->changed_ns < SETTLED_NS)
        return false;
    w->has_changed = false;
    return true;
}

void file_watch_forget(struct file_watch *w)
{
    if (w->fd >= 0)
        (void)take_events(w);
    w->has_changed = false;
}
