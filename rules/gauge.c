/*
 * Sums and maxima are in the window, different values in sketches of their own.  A share keeps both
 * its numbers in one: all transactions in the lower half, those of its condition in the upper.
 */
#include "rules/gauge.h"

#include "rules/detector.h"

enum { SHARE_SHIFT = 32 };

enum quantity_unit gauge_unit(const struct measure *m)
{
    if (m->kind == MEASURE_SHARE)
        return QUANTITY_SHARE;
    return measure_is_amount(m) ? quantity_unit_of(m->field) : QUANTITY_PLAIN;
}

static struct window_amount amount_of(const struct measure *m, const struct transaction *t)
{
    struct window_amount a = {.amount = 1, .is_max = m->kind == MEASURE_MAX};
    if (measure_is_amount(m))
        a.amount = *(const uint64_t *)transaction_value(t, m->field);
    else if (m->kind == MEASURE_SHARE && expression_holds(m->part, t))
        a.amount |= UINT64_C(1) << SHARE_SHIFT;
    if (transaction_has(t, FIELD_CLIENT_BYTES))
        a.seen += t->client_bytes;
    if (transaction_has(t, FIELD_SERVER_BYTES))
        a.seen += t->server_bytes;
    if (transaction_has(t, FIELD_CAPTURE_LOST_BYTES))
        a.lost = t->lost_bytes;
    return a;
}

/* False without memory. */
static bool distinct_make(struct gauge *g, struct budget *b)
{
    if (g->distinct)
        return true;
    if (!budget_resize(b, &g->distinct, 0, sizeof(*g->distinct)))
        return false;
    *g->distinct = (struct distinct){.count = 0};
    return true;
}

/* Values are told apart by their hashes; all of one transaction count or the memory ran out. */
static enum window_status add_values(struct gauge *g, enum field f, struct budget *b, uint64_t seed,
                                     const struct transaction *t, int64_t number)
{
    size_t count = detector_values(t, f);
    const struct hashes *hashes =
        FIELDS[f].type == FIELD_TYPE_HASHES ? transaction_value(t, f) : NULL;
    if (!distinct_make(g, b))
        return WINDOW_DENIED;
    if (hashes && hashes->registers)
        return distinct_merge(g->distinct, b, number, hashes->registers);
    enum window_status status = WINDOW_COUNTED;
    for (size_t i = 0; i < count && status == WINDOW_COUNTED; i++)
        status = distinct_add(g->distinct, b, number,
                              hashes ? hashes->items[i] : detector_hash(t, f, i, seed));
    return status;
}

enum window_status gauge_add(struct gauge *g, const struct measure *m, struct budget *b,
                             uint64_t seed, const struct transaction *t, int64_t number,
                             uint64_t *amount)
{
    struct window_amount a = amount_of(m, t);
    enum window_status status = WINDOW_COUNTED;
    *amount = a.amount;
    if (m->kind == MEASURE_DISTINCT)
        status = add_values(g, m->field, b, seed, t, number);
    if (status == WINDOW_COUNTED)
        status = window_add(&g->window, b, number, &a);
    return status;
}

/* Different values of a field that a transaction has. */
static uint64_t values_of(const struct transaction *t, enum field f)
{
    return f == FIELD_SUBJECT_IDS ? t->subject_count : detector_values(t, f);
}

uint64_t gauge_peek(const struct gauge *g, const struct measure *m, const struct transaction *t)
{
    uint64_t value = gauge_value(g, m), adds = amount_of(m, t).amount;
    if (m->kind == MEASURE_SHARE)
        return 0;
    if (m->kind == MEASURE_DISTINCT)
        adds = values_of(t, m->field);
    if (m->kind == MEASURE_SUM || m->kind == MEASURE_COUNT)
        return adds;
    return adds > value ? adds - value : 0;
}

void gauge_advance(struct gauge *g, struct budget *b, int64_t number)
{
    window_advance(&g->window, number);
    if (g->distinct)
        distinct_advance(g->distinct, b, number);
}

bool gauge_is_part(uint64_t amount)
{
    return amount >> SHARE_SHIFT > 0;
}

uint64_t gauge_shared(const struct gauge *g)
{
    return window_sum(&g->window) & UINT32_MAX;
}

uint64_t gauge_value(const struct gauge *g, const struct measure *m)
{
    uint64_t sum;
    switch (m->kind) {
    case MEASURE_MAX:
        return window_max(&g->window);
    case MEASURE_DISTINCT:
        return g->distinct ? distinct_count(g->distinct) : 0;
    case MEASURE_SHARE:
        sum = window_sum(&g->window);
        return (sum & UINT32_MAX) > 0 ? (sum >> SHARE_SHIFT) * SHARE_ONE / (sum & UINT32_MAX) : 0;
    default:
        return window_sum(&g->window);
    }
}

uint64_t gauge_at_least(const struct gauge *g)
{
    return g->distinct ? distinct_at_least(g->distinct) : 0;
}

bool gauge_is_estimate(const struct gauge *g)
{
    return g->distinct && g->distinct->sketches;
}

void gauge_clear(struct gauge *g, struct budget *b)
{
    window_clear(&g->window, b);
    if (!g->distinct)
        return;
    distinct_clear(g->distinct, b);
    budget_free(b, &g->distinct, sizeof(*g->distinct));
}

void gauge_save(const struct gauge *g, struct pack *p)
{
    window_save(&g->window, p);
    pack_flag(p, g->distinct != NULL);
    if (g->distinct)
        distinct_save(g->distinct, p);
}

bool gauge_load(struct gauge *g, struct budget *b, struct cursor *c)
{
    if (!window_load(&g->window, b, c))
        return false;
    if (!unpack_flag(c))
        return !cursor_is_short(c);
    return distinct_make(g, b) && distinct_load(g->distinct, b, c);
}
