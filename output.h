/*
 * Where lines go: a file that is appended to or begun anew, or standard output.  Only whole lines
 * are written, so that tail -f and a log shipper never see half of one.
 */
#ifndef SEEPWATCH_OUTPUT_H
#define SEEPWATCH_OUTPUT_H

#include "core/bytes.h"
#include "core/error.h"

struct output {
    const char *path; /* "-" is standard output; NULL: nowhere */
    int fd;           /* -1 while closed */
    bool is_new;      /* the file was not there before it was opened */
    char *buffer;     /* lines that wait */
    size_t len, size; /* bytes */
    int failed;       /* errno of the first write that failed; 0: none */
    bool is_cut;      /* what was written last is the half of a line */
    unsigned long long lines_lost;
};

/* output_open opens path (NULL: an output that takes nothing); begins the file anew unless
 * is_appending. */
bool output_open(struct output *o, const char *path, bool is_appending, struct error *error);
/* output_is_on tells whether lines go anywhere. */
bool output_is_on(const struct output *o);
/* output_line takes one or more whole lines; they are written when enough wait, or at output_flush.
 */
void output_line(struct output *o, struct bytes line);
void output_flush(struct output *o);
/* output_reopen opens the path again, as after a rotation; the old file goes on where that fails.
 */
bool output_reopen(struct output *o, struct error *error);
/* output_close writes what waits; false where a line could not be written. */
bool output_close(struct output *o, struct error *error);

#endif
