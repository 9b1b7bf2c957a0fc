/*
 * An alert and its two forms: one JSON object (dataset "seepwatch.alert"), one line for a terminal.
 */
#ifndef SEEPWATCH_RULES_ALERT_H
#define SEEPWATCH_RULES_ALERT_H

#include "core/json.h"
#include "rules/evidence.h"
#include "rules/rule.h"

enum { ALERT_KNOWN_MAX = 5, ALERT_LINE_MAX = 1024, ALERT_MESSAGE_MAX = 1024 };

/* All views are good during the callback that gets the alert. */
struct alert {
    const struct rule *rule;
    int64_t time_ns;        /* end of the transaction that raised it */
    struct transaction key; /* has only the fields that the rule counts by, and `first` */
    bool is_passing;        /* that one's reply still passes */
    double lost_share;      /* of the bytes behind the measure, 0 to 1: what the mirror lost */
    uint64_t repeats;       /* transactions that would have raised it since the last, folded */
    struct {                /* TRIGGER_ABOVE */
        uint64_t value;
        uint64_t at_least; /* what was counted beyond doubt */
        bool is_estimate;
        uint64_t limit; /* as it was for this key; TRIGGER_ENUMERATES too */
        uint64_t own;   /* with times_own: the largest value before; 0: none */
    };
    struct { /* TRIGGER_FIRST */
        struct bytes first_value;
        uint64_t others;                     /* of a rare one: how many other keys show it */
        struct bytes known[ALERT_KNOWN_MAX]; /* values known before, the newest first */
        size_t known_count;
    };
    struct { /* TRIGGER_TRAVEL; TRIGGER_TOGETHER has value and known */
        struct bytes from, to;
        uint64_t distance_km, speed_kmh;
        int64_t apart_ns;
    };
    struct { /* TRIGGER_FOLLOWS, TRIGGER_RHYTHM; apart_ns: of TRIGGER_RHYTHM the gap, of
                TRIGGER_BACK how long */
        double score, chance; /* chance: what was to be expected, 0 to 1 */
        uint64_t hits, of;
    };
    unsigned weekday, hour;    /* TRIGGER_HOURS: 0 Monday, 0 to 23 */
    struct {                   /* TRIGGER_UNUSUAL, TRIGGER_DRIFT; with value, limit and score */
        uint64_t whole;        /* what the value is a part of */
        uint64_t usual, peers; /* what was to be expected of the key; what its peers have */
        double score_limit;
        uint64_t intervals, extra; /* of TRIGGER_DRIFT: since when, and how much more than usual */
        bool is_part, has_peers;
    };
    uint64_t steps[RULE_STEPS_MAX];                /* TRIGGER_STEPS: the value of each */
    const struct evidence *evidence[EVIDENCE_MAX]; /* in the order of their times */
    size_t evidence_count;
};

/* alert_write_json writes the alert as one JSON object on one line. */
void alert_write_json(struct json *j, const struct alert *a);

/* alert_write_line writes one line without line feed or control characters; returns its length. */
size_t alert_write_line(const struct alert *a, char line[ALERT_LINE_MAX]);

/* alert_write_message writes the sentence of `message`. */
size_t alert_write_message(const struct alert *a, char message[ALERT_MESSAGE_MAX]);

#endif
