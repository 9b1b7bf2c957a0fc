/*
 * The bounds are those of the readers of rules (rules/trigger_read.c, event_read.c, daily_read.c).
 */
#include "tuning_number.h"

#include "core/clock.h"
#include "rules/gauge.h"
#include "rules/rare.h"

enum {
    COUNT_MAX = 10000,
    IDENTIFIERS_MIN = 3,
    SPEED_MAX = 1000000,
    SCORE_MIN = SHARE_ONE / 10000, /* what can be written */
};

#define HOUR_NS (3600 * (uint64_t)CLOCK_SECOND_NS)
#define DAY_NS (24 * HOUR_NS)

static struct tuning_number number_of_above(const struct rule *rule)
{
    enum quantity_unit unit = gauge_unit(&rule->measure);
    return (struct tuning_number){.key = "above",
                                  .unit = unit,
                                  .value = rule->above,
                                  .most = unit == QUANTITY_SHARE ? (uint64_t)SHARE_ONE : INT64_MAX};
}

static struct tuning_number number_of_first(const struct rule *rule)
{
    if (rule->is_rare)
        return (struct tuning_number){"rare", QUANTITY_PLAIN, rule->rare, 0, RARE_MAX, true};
    return (struct tuning_number){"learn", QUANTITY_TIME, (uint64_t)rule->learn_ns,
                                  0,       365 * DAY_NS,  false};
}

static struct tuning_number count(const char *key, uint64_t value, uint64_t least, uint64_t most)
{
    return (struct tuning_number){key, QUANTITY_PLAIN, value, least, most, false};
}

static struct tuning_number span(const char *key, int64_t ns, uint64_t least, uint64_t most)
{
    return (struct tuning_number){key, QUANTITY_TIME, (uint64_t)ns, least, most, false};
}

static struct tuning_number score(const char *key, uint64_t value)
{
    return (struct tuning_number){key, QUANTITY_SCORE, value, SCORE_MIN, QUANTITY_SCORE_MAX, false};
}

static struct tuning_number number_of_steps(const struct rule *rule)
{
    const struct rule_step *last = &rule->steps[rule->steps_count - 1];
    if (last->of > 0)
        return score("above of the last step", last->above);
    return (struct tuning_number){.key = "above of the last step",
                                  .unit = gauge_unit(&last->measure),
                                  .value = last->above,
                                  .most = INT64_MAX};
}

static struct tuning_number number_of(const struct rule *rule)
{
    switch (rule->trigger) {
    case TRIGGER_ABOVE:
        return number_of_above(rule);
    case TRIGGER_FIRST:
        return number_of_first(rule);
    case TRIGGER_TOGETHER:
        return count("together", rule->together, 2, RULE_TOGETHER_MAX);
    case TRIGGER_TRAVEL:
        return count("faster than", rule->faster_kmh, 1, SPEED_MAX);
    case TRIGGER_STEPS:
        return number_of_steps(rule);
    case TRIGGER_EACH:
        return span("within of unless before", rule->before.within_ns, CLOCK_SECOND_NS,
                    30 * DAY_NS);
    case TRIGGER_BACK:
        return span("back after", rule->back_ns, HOUR_NS, (uint64_t)rule->forget_ns - 1);
    case TRIGGER_ENUMERATES:
        return count("at least", rule->at_least, IDENTIFIERS_MIN, COUNT_MAX);
    case TRIGGER_HOURS:
        return count("off hours", rule->at_least, 1, COUNT_MAX);
    case TRIGGER_FOLLOWS:
    case TRIGGER_RHYTHM:
        return score("score", rule->score);
    case TRIGGER_UNUSUAL:
        return score("score of unusual", rule->score);
    case TRIGGER_DRIFT:
        return score("limit of drift", rule->daily.drifts[0].limit);
    default:
        return (struct tuning_number){.key = NULL};
    }
}

bool tuning_number(const struct rule *rule, struct tuning_number *n)
{
    *n = number_of(rule);
    return n->key != NULL;
}

static void set_step(struct rule *copy, struct rule_step steps[RULE_STEPS_MAX], uint64_t value)
{
    memcpy(steps, copy->steps, copy->steps_count * sizeof(*steps));
    steps[copy->steps_count - 1].above = value;
    copy->steps = steps;
}

static void set_drifts(struct rule_daily *daily, uint64_t value)
{
    double times = (double)value / (double)daily->drifts[0].limit;
    daily->drifts[0].limit = value;
    for (size_t i = 1; i < daily->drifts_count; i++) {
        uint64_t limit = (uint64_t)((double)daily->drifts[i].limit * times);
        daily->drifts[i].limit = limit > 0 ? limit : 1;
    }
}

void tuning_number_set(struct rule *copy, struct rule_step steps[RULE_STEPS_MAX], uint64_t value)
{
    switch (copy->trigger) {
    case TRIGGER_ABOVE:
        copy->above = value;
        break;
    case TRIGGER_FIRST:
        copy->rare = copy->is_rare ? value : copy->rare;
        copy->learn_ns = copy->is_rare ? copy->learn_ns : (int64_t)value;
        break;
    case TRIGGER_TOGETHER:
        copy->together = value;
        break;
    case TRIGGER_TRAVEL:
        copy->faster_kmh = value;
        break;
    case TRIGGER_STEPS:
        set_step(copy, steps, value);
        break;
    case TRIGGER_EACH:
        copy->before.within_ns = (int64_t)value;
        break;
    case TRIGGER_BACK:
        copy->back_ns = (int64_t)value;
        break;
    case TRIGGER_ENUMERATES:
    case TRIGGER_HOURS:
        copy->at_least = value;
        break;
    case TRIGGER_FOLLOWS:
    case TRIGGER_RHYTHM:
    case TRIGGER_UNUSUAL:
        copy->score = value;
        break;
    case TRIGGER_DRIFT:
        set_drifts(&copy->daily, value);
        break;
    default:
        break;
    }
}
