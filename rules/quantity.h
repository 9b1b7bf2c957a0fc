/*
 * Numbers with units, as people write and read them: "20MiB", "5KB", "10s", "0.5%", "8.8", "5,312",
 * "1 hour".
 */
#ifndef SEEPWATCH_RULES_QUANTITY_H
#define SEEPWATCH_RULES_QUANTITY_H

#include "core/transaction.h"
#include "rules/text.h"

enum quantity_unit {
    QUANTITY_PLAIN,
    QUANTITY_BYTES,
    QUANTITY_TIME,
    QUANTITY_SHARE,
    QUANTITY_SCORE, /* a number with decimals, in millionths */
};

enum { QUANTITY_SCORE_MAX = 1000 * SHARE_ONE };

enum quantity_status {
    QUANTITY_GOOD,
    QUANTITY_NO_NUMBER,
    QUANTITY_NO_UNIT,    /* the letters after the number are no unit */
    QUANTITY_WRONG_UNIT, /* a unit, but of something else */
    QUANTITY_NEEDS_UNIT, /* a time or a share without one */
    QUANTITY_TOO_LARGE,
};

/* quantity_unit_of tells what a number field is measured in. */
enum quantity_unit quantity_unit_of(enum field f);

/*
 * quantity_parse reads a number of that unit: bytes with or without B, KB, KiB up to TiB; a time
 * with ns, us, ms, s, m, h, d or w, in nanoseconds; a share in percent, with up to four decimals,
 * in millionths; a score without a unit likewise, up to QUANTITY_SCORE_MAX; anything else without a
 * unit.  Only shares and scores have decimals.
 */
enum quantity_status quantity_parse(uint64_t *number, struct bytes text, enum quantity_unit unit);

/* quantity_advice says what to write instead, for a status that is not good. */
const char *quantity_advice(enum quantity_status status, enum quantity_unit unit);

/* quantity_round gives it to two digits of the unit that a person would write it in. */
uint64_t quantity_round(double number, enum quantity_unit unit);

/* quantity_print adds a number for people: "5,312", "20.4 MiB", "1.5 s", "4.2 %". */
void quantity_print(struct text *t, uint64_t number, enum quantity_unit unit);

/* quantity_print_window adds a span of time as a rule writes it ("1h") or in words ("1 hour"). */
void quantity_print_window(struct text *t, int64_t ns, bool in_words);

#endif
