/*
 * One table of units serves reading; printing picks the largest unit that fits.
 */
#include "rules/quantity.h"

#include "core/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { PERCENT = SHARE_ONE / 100, DECIMALS_MAX = 4 };

struct unit {
    const char *name;
    enum quantity_unit of;
    uint64_t factor;
};

static const struct unit units[] = {
    {"B", QUANTITY_BYTES, 1},
    {"KB", QUANTITY_BYTES, 1000},
    {"kB", QUANTITY_BYTES, 1000},
    {"MB", QUANTITY_BYTES, 1000 * 1000},
    {"GB", QUANTITY_BYTES, UINT64_C(1000000000)},
    {"TB", QUANTITY_BYTES, UINT64_C(1000000000000)},
    {"KiB", QUANTITY_BYTES, UINT64_C(1) << 10},
    {"MiB", QUANTITY_BYTES, UINT64_C(1) << 20},
    {"GiB", QUANTITY_BYTES, UINT64_C(1) << 30},
    {"TiB", QUANTITY_BYTES, UINT64_C(1) << 40},
    {"ns", QUANTITY_TIME, 1},
    {"us", QUANTITY_TIME, 1000},
    {"ms", QUANTITY_TIME, 1000 * 1000},
    {"s", QUANTITY_TIME, UINT64_C(1000000000)},
    {"m", QUANTITY_TIME, UINT64_C(60000000000)},
    {"h", QUANTITY_TIME, UINT64_C(3600000000000)},
    {"d", QUANTITY_TIME, UINT64_C(86400000000000)},
    {"w", QUANTITY_TIME, UINT64_C(604800000000000)},
    {"%", QUANTITY_SHARE, PERCENT},
};

enum { UNITS_COUNT = sizeof(units) / sizeof(units[0]) };

enum quantity_unit quantity_unit_of(enum field f)
{
    const char *unit = FIELDS[f].unit;
    if (FIELDS[f].type == FIELD_TYPE_SHARE)
        return QUANTITY_SHARE;
    if (unit && strcmp(unit, "bytes") == 0)
        return QUANTITY_BYTES;
    return unit && strcmp(unit, "ns") == 0 ? QUANTITY_TIME : QUANTITY_PLAIN;
}

static const struct unit *unit_find(struct bytes name)
{
    for (size_t i = 0; i < UNITS_COUNT; i++) {
        if (bytes_are(name, units[i].name))
            return &units[i];
    }
    return NULL;
}

static size_t count_digits(struct bytes text)
{
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    return digits;
}

/* The decimals at the beginning of text, as a part of factor; they are cut off. */
static uint64_t take_decimals(struct bytes *text, uint64_t factor)
{
    size_t digits = text->len > 0 && text->data[0] == '.' ? count_digits(bytes_from(*text, 1)) : 0;
    uint64_t value = 0;
    if (digits == 0 || digits > DECIMALS_MAX)
        return 0;
    for (size_t i = 1; i <= digits; i++) {
        factor /= 10;
        value += (uint64_t)(text->data[i] - '0') * factor;
    }
    *text = bytes_from(*text, digits + 1);
    return value;
}

/* Of a whole one, where the unit takes decimals; else 0. */
static uint64_t decimals_of(enum quantity_unit unit)
{
    if (unit == QUANTITY_SCORE)
        return SHARE_ONE;
    return unit == QUANTITY_SHARE ? PERCENT : 0;
}

static uint64_t max_of(enum quantity_unit unit)
{
    if (unit == QUANTITY_SCORE)
        return QUANTITY_SCORE_MAX;
    return unit == QUANTITY_SHARE ? SHARE_ONE : INT64_MAX;
}

enum quantity_status quantity_parse(uint64_t *number, struct bytes text, enum quantity_unit unit)
{
    size_t digits = count_digits(text);
    if (digits == 0)
        return QUANTITY_NO_NUMBER;
    uint64_t value, factor = unit == QUANTITY_SCORE ? SHARE_ONE : 1;
    if (!bytes_number(bytes_first(text, digits), &value))
        return QUANTITY_TOO_LARGE;
    struct bytes name = bytes_from(text, digits);
    uint64_t whole = decimals_of(unit), decimals = whole > 0 ? take_decimals(&name, whole) : 0;
    if (name.len > 0) {
        const struct unit *u = unit_find(name);
        if (!u)
            return QUANTITY_NO_UNIT;
        if (u->of != unit)
            return QUANTITY_WRONG_UNIT;
        factor = u->factor;
    } else if ((unit == QUANTITY_TIME || unit == QUANTITY_SHARE) && (value > 0 || decimals > 0)) {
        return QUANTITY_NEEDS_UNIT;
    }
    uint64_t max = max_of(unit);
    if (value > max / factor || value * factor + decimals > max)
        return QUANTITY_TOO_LARGE;
    *number = value * factor + decimals;
    return QUANTITY_GOOD;
}

const char *quantity_advice(enum quantity_status status, enum quantity_unit unit)
{
    static const char *const wanted[] = {
        "write a whole number without a unit, such as 1000",
        "write a whole number of bytes, such as 20MiB, 5KB or 4096",
        "write a whole number with a unit of time, such as 500ms, 10s, 30m, 12h, 90d or 2w",
        "write a share in percent, such as 5% or 0.5%",
        "write a number with up to four decimals, such as 5.5"};
    return status == QUANTITY_TOO_LARGE ? "this number is too large" : wanted[unit];
}

static void print_grouped(struct text *t, uint64_t number)
{
    char digits[32];
    size_t at = sizeof(digits);
    digits[--at] = '\0';
    unsigned written = 0;
    do {
        if (written > 0 && written % 3 == 0)
            digits[--at] = ',';
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
        written++;
    } while (number > 0);
    text_add(t, "%s", digits + at);
}

static const char *const sizes[] = {"TiB", "GiB", "MiB", "KiB"};
static const uint64_t size_factors[] = {UINT64_C(1) << 40, UINT64_C(1) << 30, 1 << 20, 1 << 10};
static const char *const times[] = {"d", "h", "min", "s", "ms", "us", "ns"};
static const uint64_t time_factors[] = {UINT64_C(86400000000000),
                                        UINT64_C(3600000000000),
                                        UINT64_C(60000000000),
                                        UINT64_C(1000000000),
                                        1000000,
                                        1000,
                                        1};

enum {
    SIZES = sizeof(sizes) / sizeof(sizes[0]),
    TIMES = sizeof(times) / sizeof(times[0]),
};

static double rounded_in(double number, double unit)
{
    while (number / unit >= 100)
        unit *= 10;
    return floor(number / unit + 0.5) * unit;
}

uint64_t quantity_round(double number, enum quantity_unit unit)
{
    const uint64_t *factors = unit == QUANTITY_TIME ? time_factors : size_factors;
    size_t count = unit == QUANTITY_TIME ? TIMES : unit == QUANTITY_BYTES ? SIZES : 0;
    for (size_t i = 0; i < count; i++) {
        if (number >= 10 * (double)factors[i])
            return (uint64_t)rounded_in(number, (double)factors[i]);
    }
    return (uint64_t)rounded_in(number, 1);
}

static void print_scaled(struct text *t, uint64_t number, const char *const *names,
                         const uint64_t *factors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (number >= factors[i]) {
            int decimals = number % factors[i] == 0 ? 0 : 1;
            text_add(t, "%.*f %s", decimals, (double)number / (double)factors[i], names[i]);
            return;
        }
    }
}

/* Percent: one decimal from 1 % on, below it all that there are; never more than there is. */
static void print_share(struct text *t, uint64_t millionths)
{
    char decimals[DECIMALS_MAX + 1];
    size_t len = millionths < PERCENT ? DECIMALS_MAX : 1;
    (void)snprintf(decimals, sizeof(decimals), "%04u", (unsigned)(millionths % PERCENT));
    while (len > 0 && decimals[len - 1] == '0')
        len--;
    text_add(t, "%" PRIu64 "%s%.*s %%", millionths / PERCENT, len > 0 ? "." : "", (int)len,
             decimals);
}

void quantity_print(struct text *t, uint64_t number, enum quantity_unit unit)
{
    if (unit == QUANTITY_BYTES && number >= 1024) {
        print_scaled(t, number, sizes, size_factors, SIZES);
    } else if (unit == QUANTITY_BYTES) {
        print_grouped(t, number);
        text_add(t, number == 1 ? " byte" : " bytes");
    } else if (unit == QUANTITY_TIME && number > 0) {
        print_scaled(t, number, times, time_factors, TIMES);
    } else if (unit == QUANTITY_SHARE) {
        print_share(t, number);
    } else if (unit == QUANTITY_SCORE) {
        text_add(t, "%.6g", (double)number / SHARE_ONE);
    } else {
        print_grouped(t, number);
    }
}

void quantity_print_window(struct text *t, int64_t ns, bool in_words)
{
    static const struct {
        const char *letter, *word;
        int64_t seconds;
    } spans[] = {{"d", "day", 86400}, {"h", "hour", 3600}, {"m", "minute", 60}, {"s", "second", 1}};
    int64_t seconds = ns / CLOCK_SECOND_NS;
    size_t i = 0;
    while (i + 1 < sizeof(spans) / sizeof(spans[0]) &&
           (seconds < spans[i].seconds || seconds % spans[i].seconds != 0))
        i++;
    int64_t count = seconds / spans[i].seconds;
    if (in_words)
        text_add(t, "%" PRId64 " %s%s", count, spans[i].word, count == 1 ? "" : "s");
    else
        text_add(t, "%" PRId64 "%s", count, spans[i].letter);
}
