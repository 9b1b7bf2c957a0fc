/*
 * One alert for the tests of what carries alerts: of user.name and network.name.
 */
#ifndef SEEPWATCH_TESTS_NOTICE_SAMPLE_H
#define SEEPWATCH_TESTS_NOTICE_SAMPLE_H

#include "core/clock.h"
#include "notice.h"

static const int64_t sample_ns = INT64_C(1767621802123456789); /* 2026-01-05T14:03:22 */

static inline struct rule sample_rule(const char *id, enum severity severity)
{
    return (struct rule){.id = id,
                         .name = "One account read many rows",
                         .technique = "T1213",
                         .severity = severity,
                         .by = {FIELD_NETWORK_NAME, FIELD_USER_NAME},
                         .by_count = 2,
                         .trigger = TRIGGER_ABOVE,
                         .measure = {MEASURE_SUM, FIELD_DB_RESPONSE_RETURNED_ROWS,
                                     "sum(db.response.returned_rows)", NULL},
                         .over_ns = 3600 * CLOCK_SECOND_NS,
                         .above = 1000};
}

static inline struct alert sample_alert(const struct rule *rule, const char *user)
{
    struct alert a = {.rule = rule,
                      .time_ns = sample_ns,
                      .key = {.network_name = bytes_of("stockholm-2"), .user_name = bytes_of(user)},
                      .value = 5312,
                      .at_least = 5312};
    transaction_mark(&a.key, FIELD_NETWORK_NAME);
    transaction_mark(&a.key, FIELD_USER_NAME);
    return a;
}

static inline struct notice sample_notice(const struct alert *a, const char *message)
{
    return (struct notice){.kind = NOTICE_ALERT,
                           .severity = a->rule->severity,
                           .time_ns = a->time_ns,
                           .rule_id = a->rule->id,
                           .rule_name = a->rule->name,
                           .alert = a,
                           .message = bytes_of(message)};
}

#endif
