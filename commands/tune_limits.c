/*
 * Where none are named, half and twice the rule's own are two steps away.
 */
#include "commands/tune_limits.h"

#include "rules/text.h"

#include <math.h>

enum {
    STEPS = 13, /* limits that are tried where none are named */
    NUMBER_MAX = 32,
};

static const double step_factor = 1.4142135623730951;

/* Adds a limit where it has its place; equal ones once. */
static size_t limits_add(uint64_t limits[TUNING_LIMITS_MAX], size_t count, uint64_t limit)
{
    size_t at = count;
    for (size_t i = 0; i < count; i++) {
        if (limits[i] == limit)
            return count;
    }
    if (count == TUNING_LIMITS_MAX)
        return count;
    for (; at > 0 && limits[at - 1] > limit; at--)
        limits[at] = limits[at - 1];
    limits[at] = limit;
    return count + 1;
}

/* To two digits, and within what a rule may have. */
static uint64_t rounded(double value, const struct tuning_number *n)
{
    uint64_t limit = value < (double)n->most ? quantity_round(value, n->unit) : n->most;
    if (limit < n->least)
        return n->least;
    return limit < n->most ? limit : n->most;
}

/* What to begin with where the rule has a limit of 0. */
static double small(enum quantity_unit unit)
{
    static const double values[] = {[QUANTITY_PLAIN] = 4,
                                    [QUANTITY_BYTES] = 1 << 20,
                                    [QUANTITY_TIME] = 3600e9,
                                    [QUANTITY_SHARE] = SHARE_ONE / 10.0,
                                    [QUANTITY_SCORE] = SHARE_ONE};
    return values[unit];
}

static size_t limits_around(uint64_t limits[TUNING_LIMITS_MAX], size_t count,
                            const struct tuning_number *n)
{
    double base = n->value > 0 ? (double)n->value : small(n->unit);
    for (int i = 0; i < STEPS; i++)
        count = limits_add(limits, count, rounded(base * pow(step_factor, i - STEPS / 2), n));
    return count;
}

static bool refuse(const char *text, const char *advice, const struct tuning_number *n,
                   struct error *error)
{
    char least[NUMBER_MAX] = "", most[NUMBER_MAX] = "";
    struct text from = text_over(least, sizeof(least)), to = text_over(most, sizeof(most));
    quantity_print(&from, n->least, n->unit);
    quantity_print(&to, n->most, n->unit);
    return error_set(error, ERROR_USAGE, "--limits %s: %s; '%s' may be from %s to %s", text, advice,
                     n->key, least, most);
}

static bool limit_read(uint64_t *limit, struct bytes written, const struct tuning_number *n)
{
    return quantity_parse(limit, bytes_trim(written), n->unit) == QUANTITY_GOOD &&
           *limit >= n->least && *limit <= n->most;
}

static bool range_read(uint64_t limits[TUNING_LIMITS_MAX], size_t *count,
                       const struct tuning_number *n, const char *text, struct error *error)
{
    struct bytes whole = bytes_of(text);
    size_t dots = bytes_find(whole, bytes_of(".."));
    uint64_t from, to;
    if (!limit_read(&from, bytes_first(whole, dots), n) ||
        !limit_read(&to, bytes_from(whole, dots + 2), n) || from >= to)
        return refuse(text, "write 100..1000, with units where the rule has them", n, error);
    double low = from > 0 ? (double)from : 1, ratio = (double)to / low;
    *count = limits_add(limits, *count, from);
    for (int i = 1; i < STEPS - 1; i++)
        *count = limits_add(limits, *count, rounded(low * pow(ratio, (double)i / (STEPS - 1)), n));
    *count = limits_add(limits, *count, to);
    return true;
}

static bool list_read(uint64_t limits[TUNING_LIMITS_MAX], size_t *count,
                      const struct tuning_number *n, const char *text, struct error *error)
{
    struct bytes left = bytes_of(text);
    uint64_t limit;
    while (left.len > 0) {
        size_t comma = bytes_index(left, ',');
        if (*count == TUNING_LIMITS_MAX || !limit_read(&limit, bytes_first(left, comma), n))
            return refuse(text,
                          "write up to 31 of them as 100,200,500, with units where the rule "
                          "has them",
                          n, error);
        *count = limits_add(limits, *count, limit);
        left = bytes_from(left, comma + 1);
    }
    return true;
}

bool tune_limits(uint64_t limits[TUNING_LIMITS_MAX], size_t *count, const struct tuning_number *n,
                 const char *text, struct error *error)
{
    limits[0] = n->value;
    *count = 1;
    if (!text) {
        *count = limits_around(limits, *count, n);
        return true;
    }
    bool is_range = bytes_find(bytes_of(text), bytes_of("..")) < strlen(text);
    return is_range ? range_read(limits, count, n, text, error)
                    : list_read(limits, count, n, text, error);
}
