/*
 * The logs of transactions among a run's files: read beside captures, and told about.
 */
#ifndef SEEPWATCH_COMMANDS_LOGS_H
#define SEEPWATCH_COMMANDS_LOGS_H

#include "commands/options.h"
#include "transaction_log.h"

/* What is done with an entry; now_ns: the latest end of any until now. */
struct logs_taker {
    void *context;
    void (*take)(void *context, struct log_entry *e, int64_t now_ns);
};

struct logs {
    struct option_list files;
    struct transaction_log *log; /* NULL: there are none */
    int64_t first_ns, now_ns;    /* the first and the latest end */
    bool has_terminal;           /* for progress */
    int64_t shown_ms;            /* when it was shown last */
};

/* logs_open opens those of the files that begin as logs do, after they were unpacked; *captures
 * gets the others.  *l must stay where it is. */
bool logs_open(struct logs *l, const struct option_list *files, struct option_list *captures,
               struct error *error);
/* logs_have tells whether that path is one of them, by any name. */
bool logs_have(const struct logs *l, const char *path);
void logs_close(struct logs *l);

/* logs_feed gives the entries up to that time, count_max of them at the most; false where none is
 * left at all. */
bool logs_feed(struct logs *l, const struct logs_taker *taker, int64_t until_ns, size_t count_max);

/* logs_tell ends the progress and notes what was passed over; false where a file was damaged, or
 * where there was not one good line. */
bool logs_tell(struct logs *l, struct error *error);

#endif
