/*
 * The rate limit of one output: so many alerts in a time, of the packets' clock.  What is beyond it
 * is counted by rule, and told once the limit lets go; so is what an output could not take.
 */
#ifndef SEEPWATCH_FOLD_H
#define SEEPWATCH_FOLD_H

#include "core/json.h"
#include "notice.h"

enum {
    FOLDED_RULES_MAX = RULES_MAX, /* counted apart; one more for the others */
    FOLDED_TEXT_MAX = 512,
};

struct fold_limit {
    uint64_t alerts; /* 0: no limit */
    int64_t within_ns;
};

/* What was folded of a rule. */
struct folded {
    char id[RULE_ID_MAX + 1], name[RULE_NAME_MAX + 1];
    enum severity severity;    /* the highest */
    uint64_t beyond, untaken;  /* beyond the limit; not taken by the output */
    int64_t first_ns, last_ns; /* times of the alerts */
};

/* Zeroed but for the limit, it has folded nothing. */
struct fold {
    struct fold_limit limit;
    int64_t begin_ns; /* of the time that the limit is for */
    uint64_t within;  /* alerts since */
    struct folded *rules;
    size_t count, size;
    uint64_t total; /* folded since the start */
};

void fold_clear(struct fold *f);

/* fold_admits counts an alert at that time; false where it is beyond the limit. */
bool fold_admits(struct fold *f, int64_t time_ns);
/* fold_add counts an alert that is not told by itself. */
void fold_add(struct fold *f, const struct notice *n, bool is_untaken);
/* fold_lets_go tells that something was folded and that the limit's time is over by then. */
bool fold_lets_go(const struct fold *f, int64_t time_ns);
/* fold_forget drops the first n rules, which were told. */
void fold_forget(struct fold *f, size_t n);

/* folded_write_* write what was folded of a rule, in the forms of a notice. */
void folded_write_json(struct json *j, const struct folded *r, const struct fold_limit *limit);
size_t folded_write_message(const struct folded *r, const struct fold_limit *limit,
                            char message[FOLDED_TEXT_MAX]);
size_t folded_write_line(const struct folded *r, const struct fold_limit *limit,
                         char line[FOLDED_TEXT_MAX]);

#endif
