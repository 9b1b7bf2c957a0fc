/*
 * Where a pipeline's results go, in one thread: to the watcher, or to a survey.
 */
#ifndef SEEPWATCH_SINK_H
#define SEEPWATCH_SINK_H

#include "core/mirror.h"
#include "core/transaction.h"

struct sink {
    void *context;
    /* A transaction is done.  session: the number of its database connection, 0 of an HTTP stay;
       now_ns: the newest packet's time. */
    void (*transaction)(void *context, struct transaction *tx, uint64_t session, int64_t now_ns);
    /* A long reply passes, and its transaction comes when it has: amounts are those so far.  NULL:
       nobody looks. */
    void (*passing)(void *context, struct transaction *tx, uint64_t session, int64_t now_ns);
    /* The database connection of that number is over. */
    void (*session_end)(void *context, uint64_t session);
    /* What a worker saw of a server, or of the whole mirror, in an interval that is over. */
    void (*mirror)(void *context, const struct mirror_part *part);
    /* Every worker has come to that time; called often. */
    void (*tick)(void *context, int64_t now_ns);
    /* SIGHUP came. */
    void (*hangup)(void *context);
};

#endif
