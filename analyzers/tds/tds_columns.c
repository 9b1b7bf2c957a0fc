/*
 * Descriptions lie one behind the other; what is forgotten is closed up.
 */
#include "analyzers/tds/tds_columns.h"

#include <string.h>

static bool is_of(const struct tds_result *r, struct tds_owner owner)
{
    return r->owner.session == owner.session && r->owner.side == owner.side &&
           r->owner.id == owner.id;
}

struct tds_result *tds_columns_find(struct tds_columns *c, struct tds_owner owner)
{
    for (size_t n = 0; n < c->results_count; n++) {
        if (is_of(&c->results[n], owner))
            return &c->results[n];
    }
    return NULL;
}

static void forget(struct tds_columns *c, size_t n)
{
    struct tds_result gone = c->results[n];
    c->likeness.is_known = false;
    size_t end = (size_t)gone.at + gone.count;
    memmove(c->classes + gone.at, c->classes + end, c->used - end);
    c->used = (uint16_t)(c->used - gone.count);
    c->results_count--;
    for (size_t i = n; i < c->results_count; i++) {
        c->results[i] = c->results[i + 1];
        c->results[i].at = (uint16_t)(c->results[i].at - gone.count);
    }
}

void tds_columns_forget(struct tds_columns *c, uint8_t session, uint8_t side)
{
    for (size_t n = c->results_count; n > 0; n--) {
        if (c->results[n - 1].owner.session == session && c->results[n - 1].owner.side == side)
            forget(c, n - 1);
    }
}

struct tds_result *tds_columns_begin(struct tds_columns *c, struct tds_owner owner, uint16_t count)
{
    struct tds_result *former = tds_columns_find(c, owner);
    if (owner.id == 0)
        tds_columns_forget(c, owner.session, owner.side);
    else if (former)
        forget(c, (size_t)(former - c->results));
    if (c->results_count == TDS_RESULTS_MAX || count > TDS_COLUMNS_MAX - c->used)
        return NULL;
    struct tds_result *result = &c->results[c->results_count++];
    c->likeness.is_known = false;
    *result = (struct tds_result){owner, c->used, count};
    memset(c->classes + c->used, 0, count);
    c->used = (uint16_t)(c->used + count);
    return result;
}
