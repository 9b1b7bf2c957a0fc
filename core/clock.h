/*
 * Packet time.  Now is the newest packet's time stamp, in nanoseconds since 1970-01-01 UTC as
 * int64_t, so that a replay gives the same answer every time; nothing but the live packet source
 * asks the system for the time.
 */
#ifndef SEEPWATCH_CORE_CLOCK_H
#define SEEPWATCH_CORE_CLOCK_H

#include "core/bytes.h"

#define CLOCK_SECOND_NS INT64_C(1000000000)

enum { CLOCK_TEXT_MAX = 48 };

/* clock_print writes RFC 3339 in UTC with nanoseconds ("2026-01-05T09:30:00.000000001Z"); returns
 * the length. */
size_t clock_print(int64_t ns, char text[CLOCK_TEXT_MAX]);

/* clock_parse reads RFC 3339 with 'Z' or an offset, and up to nine digits of fraction. */
bool clock_parse(int64_t *ns, struct bytes text);

/* clock_duration_parse reads "90s", "30m", "12h", "14d", "2w"; in nanoseconds. */
bool clock_duration_parse(int64_t *ns, struct bytes text);

/* Two clocks side by side.  A zeroed struct has seen neither. */
struct clock_pair {
    bool is_known;
    int64_t ahead_ns; /* the most that the first was ahead of the second */
};

/*
 * clock_jump gives by how much the first clock has jumped ahead of the second, or 0.  Times of the
 * first may come late, which is no jump; less than CLOCK_JUMP_NS is none either.
 */
#define CLOCK_JUMP_NS (2 * CLOCK_SECOND_NS)
int64_t clock_jump(struct clock_pair *p, int64_t first_ns, int64_t second_ns);

#endif
