/*
 * The keys of rules about single events: what is new or rare, who comes back, who walks through
 * identifiers, what follows what, who works like a program or at hours that are nobody's.
 */
#ifndef SEEPWATCH_RULES_EVENT_READ_H
#define SEEPWATCH_RULES_EVENT_READ_H

#include "rules/reader.h"

/* event_read_rare reads what narrows `first`: `rare`, `peers`, `ignore`. */
void event_read_rare(const struct reader *r);

/* One for each trigger. */
void event_read_back(const struct reader *r);
void event_read_enumerates(const struct reader *r);
void event_read_follows(const struct reader *r);
void event_read_rhythm(const struct reader *r);
void event_read_hours(const struct reader *r);

/* event_read_times_own reads `times own` and its `learn`, beside `above`. */
void event_read_times_own(const struct reader *r);

#endif
