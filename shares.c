/*
 * The shares are measured: tests/replay/hostile.py fills one part after the other, and all of them,
 * and compares the process with the budget; docs/configuration.md is the user's side of the table.
 */
#include "shares.h"

#include <assert.h>

enum { WHOLE = 1000 };

static const struct {
    unsigned permille;
    size_t useful; /* bytes: more than that are of no use to it; 0: any are */
} parts[SHARES_COUNT] = {
    [SHARE_FLOWS] = {180, 0},         [SHARE_FLOWS_PAST] = {40, 0},
    [SHARE_SERVERS] = {30, 40 << 20}, [SHARE_WAITING] = {110, 0},
    [SHARE_NAMING] = {40, 40 << 20},  [SHARE_LINKS] = {60, 0},
    [SHARE_CONNECTIONS] = {230, 0},   [SHARE_STATEMENTS] = {30, 0},
    [SHARE_PREPARED] = {10, 0},       [SHARE_ACCOUNTS] = {10, 0},
    [SHARE_SUBJECTS] = {10, 0},       [SHARE_QUEUES] = {20, 64 << 20},
    [SHARE_SESSIONS] = {60, 0},       [SHARE_RULE_KEYS] = {50, 0},
    [SHARE_RULE_VALUES] = {40, 0},    [SHARE_EVIDENCE] = {10, 5 << 20},
    [SHARE_LASTING] = {20, 0},        [SHARE_ALLOCATOR] = {50, 0},
};

void shares_divide(struct shares *s, size_t budget)
{
    unsigned sum = 0;
    size_t left = 0;
    for (size_t i = 0; i < SHARES_COUNT; i++) {
        size_t share = budget / WHOLE * parts[i].permille, useful = parts[i].useful;
        s->bytes[i] = useful > 0 && share > useful ? useful : share;
        left += share - s->bytes[i];
        sum += parts[i].permille;
    }
    assert(sum == WHOLE);
    (void)sum;
    s->bytes[SHARE_SESSIONS] += left / 2;
    s->bytes[SHARE_RULE_KEYS] += left - left / 2;
}
