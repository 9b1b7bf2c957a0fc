/*
 * The digest of a day: what each rule that did anything has done, between two midnights of the
 * configured zone, in the packets' time.  An alert, a repeat or an exception belongs to the day in
 * which it was counted; a transaction that comes late, to that in which it came.  A reload of the
 * rules loses nothing of the day: what a rule did before it went is told too.  Nor does a restart,
 * where there is a state.
 */
#ifndef SEEPWATCH_DIGEST_H
#define SEEPWATCH_DIGEST_H

#include "core/json.h"
#include "profile/state.h"
#include "rules/engine.h"

struct zone;

enum {
    DIGEST_RULES_MAX = 2 * RULES_MAX, /* told apart in a day, with those that went */
    DIGEST_TEXT_MAX = 1024,
};

struct digest_exception {
    char *reason;
    uint64_t count; /* transactions */
};

/* One rule's day. */
struct digest_rule {
    char id[RULE_ID_MAX + 1], name[RULE_NAME_MAX + 1];
    enum severity severity;
    uint64_t alerts, folded;
    struct digest_exception exceptions[EXCEPTIONS_MAX]; /* those that silenced it */
    size_t exceptions_count;
    int64_t begin_ns, end_ns; /* of the day, or of what was seen of it */
    char day[sizeof("2026-12-31")];
};

struct digest;

struct digest_config {
    const struct zone *zone; /* NULL: UTC; must outlive it */
    void (*write)(void *context, const struct digest_rule *r);
    void *context;
};

/* digest_open returns NULL without memory. */
struct digest *digest_open(const struct digest_config *config);
void digest_close(struct digest *d);

/* digest_transaction is called before a transaction of that time counts; where the time is in
 * another day, the digest of the last one is written. */
void digest_transaction(struct digest *d, const struct engine *e, int64_t time_ns);
/* digest_tick writes it too, where nothing comes; a minute after midnight, for what comes late. */
void digest_tick(struct digest *d, const struct engine *e, int64_t now_ns);

/* digest_before_swap and digest_after_swap go around engine_swap. */
void digest_before_swap(struct digest *d, const struct engine *e);
void digest_after_swap(struct digest *d, const struct engine *e);

/* digest_save writes the day so far into a state, between its begin and commit; is_whole: as
 * state_begin told.  digest_restore goes on with it, before anything is counted. */
void digest_save(struct digest *d, const struct engine *e, struct state *s, bool is_whole);
void digest_restore(struct digest *d, struct state *s);

/* digest_set_back forgets a day that begins after that time: the clock was wrong. */
void digest_set_back(struct digest *d, int64_t latest_ns);

/* digest_finish writes the rest of the last day, of a run that has seen a midnight or in any case.
 */
void digest_finish(struct digest *d, const struct engine *e, bool in_any_case);

void digest_write_json(struct json *j, const struct digest_rule *r);
/* Both return the length; the line ends in a line feed. */
size_t digest_write_message(const struct digest_rule *r, char message[DIGEST_TEXT_MAX]);
size_t digest_write_line(const struct digest_rule *r, char line[DIGEST_TEXT_MAX]);

#endif
