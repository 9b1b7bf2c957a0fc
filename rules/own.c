/*
 * The largest value of the span of time that passes, of the one before, and of all before that.
 */
#include "rules/own.h"

#include "core/clock.h"

#include <math.h>

static const double half_ns = 90.0 * 24 * 3600 * CLOCK_SECOND_NS;

/* The number of a time's span; mostly it is the one that passes, and a division is slow. */
static int64_t block_of(const struct own *o, const struct rule *rule, int64_t time_ns)
{
    int64_t begin_ns, gone_ns;
    if (__builtin_mul_overflow(o->block, rule->over_ns, &begin_ns) ||
        __builtin_sub_overflow(time_ns, begin_ns, &gone_ns) || gone_ns < 0 ||
        gone_ns >= rule->over_ns)
        return time_ns / rule->over_ns;
    return o->block;
}

/* The largest value before, as it counts in a span.  The span before is not over: a window slides.
 */
static double largest_at(const struct own *o, const struct rule *rule, int64_t block)
{
    if (o->since_s == 0 || block <= o->block)
        return (double)o->largest;
    double ago_ns = (double)(block - o->block) * (double)rule->over_ns;
    float before = o->largest > o->last ? o->largest : o->last;
    if (block - o->block > 1 && o->now > before)
        before = o->now;
    return (double)before * exp2(-ago_ns / half_ns);
}

/* 1 at least. */
static uint32_t second_of(int64_t time_ns)
{
    int64_t second = time_ns / CLOCK_SECOND_NS;
    return second < 1 ? 1 : second < UINT32_MAX ? (uint32_t)second : UINT32_MAX;
}

static bool is_amount(float value)
{
    return value >= 0 && value <= (float)UINT64_MAX;
}

static uint64_t whole(double value)
{
    return value < (double)UINT64_MAX ? (uint64_t)value : UINT64_MAX;
}

uint64_t own_limit(const struct own *o, const struct rule *rule, int64_t time_ns)
{
    if (rule->times_own == 0)
        return rule->above;
    bool is_known = o->since_s > 0 && time_ns - o->since_s * CLOCK_SECOND_NS >= rule->learn_ns;
    double largest = largest_at(o, rule, block_of(o, rule, time_ns));
    if (!is_known && rule->learn_ns > 0 && largest < (double)rule->above)
        largest = (double)rule->above;
    double limit = largest * (double)rule->times_own;
    return limit > (double)rule->above ? whole(limit) : rule->above;
}

uint64_t own_largest(const struct own *o)
{
    return whole((double)o->largest);
}

void own_reach(struct own *o, const struct rule *rule, int64_t time_ns)
{
    if (rule->times_own == 0)
        return;
    int64_t block = block_of(o, rule, time_ns);
    if (o->since_s == 0)
        *o = (struct own){.since_s = second_of(time_ns), .block = block};
    if (block <= o->block)
        return;
    o->largest = (float)largest_at(o, rule, block);
    o->last = block - o->block > 1 ? 0 : o->now;
    o->block = block;
    o->now = 0;
}

void own_note(struct own *o, const struct rule *rule, uint64_t value, uint64_t limit)
{
    if (value > limit)
        value = limit;
    if (rule->times_own > 0 && (float)value > o->now)
        o->now = (float)value;
}

void own_save(const struct own *o, struct pack *p)
{
    pack_u32(p, o->since_s);
    pack_signed(p, o->block);
    pack_float(p, o->now);
    pack_float(p, o->last);
    pack_float(p, o->largest);
}

void own_load(struct own *o, struct cursor *c)
{
    o->since_s = cursor_le32(c);
    o->block = unpack_signed(c);
    o->now = unpack_float(c);
    o->last = unpack_float(c);
    o->largest = unpack_float(c);
    if (!is_amount(o->now) || !is_amount(o->last) || !is_amount(o->largest))
        unpack_fail(c);
}
