/*
 * All mistakes of all files of one run, each with its place: "FILE:LINE:COLUMN: what is wrong; did
 * you mean 'X'?".  The reader of a file goes on after a mistake, so that one run shows them all.
 */
#ifndef SEEPWATCH_RULES_PROBLEMS_H
#define SEEPWATCH_RULES_PROBLEMS_H

#include "core/bytes.h"
#include "core/error.h"

enum { PROBLEMS_MAX = 50, PROBLEM_TEXT_MAX = 512, NEAREST_WORD_MAX = 64 };

struct position {
    const char *file;
    unsigned line, column; /* from 1, a column is a character; 0: the file as a whole */
};

/* A zeroed struct holds none. */
struct problems {
    size_t count; /* found in all */
    size_t kept;  /* in items: the first PROBLEMS_MAX */
    char items[PROBLEMS_MAX][PROBLEM_TEXT_MAX];
};

/* problems_add keeps one mistake; control characters in its words become '?'. */
void problems_add(struct problems *p, struct position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* problems_error fills the error with all of them, one a line, as far as they fit; returns false.
 */
bool problems_error(const struct problems *p, struct error *error);

/* The valid word nearest to a wrong one. */
struct nearest {
    struct bytes wanted;
    unsigned distance; /* single-character edits to `word` */
    char word[NEAREST_WORD_MAX];
    char hint[NEAREST_WORD_MAX + 24];
};

/* nearest_to starts the search for the wrong word; nearest_try takes one valid word. */
void nearest_to(struct nearest *n, struct bytes wanted);
void nearest_try(struct nearest *n, struct bytes word);

/* nearest_hint gives "; did you mean 'X'?", or "" where no valid word is near; good as long as n.
 */
const char *nearest_hint(struct nearest *n);

#endif
