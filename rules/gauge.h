/*
 * A measure over a sliding window: what `above` and each step of `steps` hold against a limit.
 */
#ifndef SEEPWATCH_RULES_GAUGE_H
#define SEEPWATCH_RULES_GAUGE_H

#include "rules/distinct.h"
#include "rules/quantity.h"
#include "rules/rule.h"
#include "rules/window.h"

/* A zeroed struct is empty. */
struct gauge {
    struct window window;      /* of a distinct count: only the bytes, for the lost share */
    struct distinct *distinct; /* NULL: no value was counted */
};

/* gauge_unit tells what a measure is counted in. */
enum quantity_unit gauge_unit(const struct measure *m);

/* gauge_add counts one transaction in the bucket of that number; *amount is what it adds.  seed: of
 * the hashes of values. */
enum window_status gauge_add(struct gauge *g, const struct measure *m, struct budget *b,
                             uint64_t seed, const struct transaction *t, int64_t number,
                             uint64_t *amount);

/* gauge_is_part tells whether what a transaction added to a share was a part of it. */
bool gauge_is_part(uint64_t amount);

/* gauge_peek tells what a transaction whose reply still passes would add to the value by now, at
 * least: of different values, those of its own that are more than the window has. */
uint64_t gauge_peek(const struct gauge *g, const struct measure *m, const struct transaction *t);

/* gauge_advance forgets what is too old at the bucket of that number. */
void gauge_advance(struct gauge *g, struct budget *b, int64_t number);

/* gauge_value gives the measure as the window was last advanced; a share in millionths. */
uint64_t gauge_value(const struct gauge *g, const struct measure *m);

/* gauge_shared gives how many transactions a share is of. */
uint64_t gauge_shared(const struct gauge *g);

/* gauge_at_least gives what a count of different values is beyond doubt, gauge_is_estimate whether
 * it is not exact. */
uint64_t gauge_at_least(const struct gauge *g);
bool gauge_is_estimate(const struct gauge *g);

void gauge_clear(struct gauge *g, struct budget *b);

/* gauge_save writes it down, gauge_load reads that into an empty one; false where it cannot be, or
 * without memory. */
void gauge_save(const struct gauge *g, struct pack *p);
bool gauge_load(struct gauge *g, struct budget *b, struct cursor *c);

#endif
