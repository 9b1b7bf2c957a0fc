/*
 * A time zone, read once from the system's tzdata (TZif, RFC 8536), so that no file is needed
 * later: the hour and the day of the week that a clock on the wall shows, summer time with it. NULL
 * as a zone is UTC everywhere.
 */
#ifndef SEEPWATCH_RULES_ZONE_H
#define SEEPWATCH_RULES_ZONE_H

#include "core/bytes.h"
#include "core/error.h"

enum { ZONE_CHANGES_MAX = 4096, ZONE_NAME_MAX = 64, ZONE_LAST_YEAR = 2150 };

struct zone;

/* zone_open reads the zone of that name ("Europe/Stockholm"). */
bool zone_open(struct zone **z, struct bytes name, struct error *error);
void zone_close(struct zone *z);

/* zone_parse reads the bytes of a TZif file; NULL where they are none, or without memory. */
struct zone *zone_parse(struct bytes file);

/* zone_ahead_s tells how far local time is ahead of UTC at that time. */
int64_t zone_ahead_s(const struct zone *z, int64_t utc_ns);

/* zone_to_utc gives the time of a local time, which is written as if it were UTC. */
int64_t zone_to_utc(const struct zone *z, int64_t local_ns);

/* zone_hour gives 0 to 23, zone_weekday 0 (Monday) to 6. */
unsigned zone_hour(const struct zone *z, int64_t utc_ns);
unsigned zone_weekday(const struct zone *z, int64_t utc_ns);

#endif
