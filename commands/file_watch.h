/*
 * Whether rule files have changed: inotify over the folders that they lie in, because editors put
 * another file in a file's place.  It is opened before a run is confined; what a later set of rules
 * reads elsewhere cannot be followed.
 */
#ifndef SEEPWATCH_COMMANDS_FILE_WATCH_H
#define SEEPWATCH_COMMANDS_FILE_WATCH_H

#include "commands/options.h"
#include "rules/vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

enum { FILE_WATCH_PATHS_MAX = OPTIONS_LIST_MAX + LIST_FILES_MAX };

/* One file that matters, or all *.yaml of a folder. */
struct watched_file {
    int folder;       /* inotify's number of it */
    const char *name; /* in its folder; NULL: every *.yaml */
};

struct watched_folder {
    int number;
    char *path;
};

struct file_watch {
    int fd;                        /* -1: nothing is watched */
    bool has_changed;              /* since files were settled last */
    int64_t looked_ns, changed_ns; /* when it was asked for events, when there were some */
    size_t files_count, folders_count;
    struct watched_file files[FILE_WATCH_PATHS_MAX];
    struct watched_folder folders[FILE_WATCH_PATHS_MAX];
};

/* file_watch_open watches these files and folders, at most FILE_WATCH_PATHS_MAX; the paths stay the
 * caller's.  False with errno, and then nothing is watched. */
bool file_watch_open(struct file_watch *w, const char *const *paths, size_t count);
/* file_watch_close may be called of a zeroed struct with fd -1 too. */
void file_watch_close(struct file_watch *w);

/* file_watch_follow watches these instead from now on, as far as their folders were known at the
 * opening; gives the first that it cannot watch, or NULL. */
const char *file_watch_follow(struct file_watch *w, const char *const *paths, size_t count);

/* file_watch_settled tells, once, that something changed and then nothing for a second, so that
 * several writes are one change.  It never waits.  now_ns: of a clock that is never set. */
bool file_watch_settled(struct file_watch *w, int64_t now_ns);

/* file_watch_forget drops what has changed until now: it is about to be read. */
void file_watch_forget(struct file_watch *w);

#endif
