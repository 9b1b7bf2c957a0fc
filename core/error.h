/*
 * Trouble with the environment (a file, a permission, a configuration): a function returns false
 * and fills one of these; only the command line prints it.  Bytes from the wire never make an
 * error, only a counter.
 */
#ifndef SEEPWATCH_CORE_ERROR_H
#define SEEPWATCH_CORE_ERROR_H

#include <stdbool.h>

enum { ERROR_TEXT_MAX = 1024 };

enum error_kind {
    ERROR_WORK,  /* the work failed: exit status 1 */
    ERROR_USAGE, /* wrong usage, configuration or rules: exit status 2 */
};

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_MAX]; /* what is wrong, where, what to do; one line, or one per mistake
                                  found */
};

/* error_set formats the text, cut at its size, and returns false so that a caller can return it. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
