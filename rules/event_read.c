/*
 * One function a trigger.
 */
#include "rules/event_read.h"

#include "core/clock.h"
#include "rules/rare.h"
#include "rules/rule_read.h"

#define HOUR_NS (3600 * CLOCK_SECOND_NS)
#define DAY_NS (24 * HOUR_NS)

static const int64_t over_min_ns = CLOCK_SECOND_NS, over_max_ns = 365 * DAY_NS;
static const int64_t learn_ns = 14 * DAY_NS, forget_ns = 365 * DAY_NS,
                     forget_max_ns = 3650 * DAY_NS;

enum {
    IDENTIFIERS = 6,
    IDENTIFIERS_MIN = 3,
    GAPS = 15,
    GAPS_MIN = 8,
    COUNT_MAX = 10000,
    TIMES_OWN_MAX = 1000,
};

/* A score with up to four decimals, in millionths. */
static uint64_t read_score(const struct reader *r, uint64_t otherwise)
{
    enum { WHOLE_MAX = 1000, DECIMALS_MAX = 4, DECIMALS = 6 };
    const struct yaml_node *n = reader_scalar(r, "score", false);
    uint64_t whole = 0, part = 0;
    if (!n)
        return otherwise;
    size_t dot = bytes_index(n->text, '.');
    struct bytes decimals = bytes_from(n->text, dot + 1);
    bool is_good = bytes_number(bytes_first(n->text, dot), &whole) && whole < WHOLE_MAX &&
                   decimals.len <= DECIMALS_MAX &&
                   (dot == n->text.len || bytes_number(decimals, &part));
    for (size_t i = decimals.len; i < DECIMALS; i++)
        part *= 10;
    if (is_good && whole * SHARE_ONE + part > 0)
        return whole * SHARE_ONE + part;
    reader_problem(r, n, "'score' is a number below 1000 with up to four decimals, such as 5.5");
    return otherwise;
}

/* The field that makes keys peers of each other: one value, known of every transaction that
 * counts. */
static void read_peers(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = reader_scalar(r, "peers", false);
    enum field f = n ? reader_field(r, n, n->text, 0) : FIELDS_COUNT;
    if (f == FIELDS_COUNT)
        return;
    if (!rule_read_is_identity(f)) {
        problems_add(r->v->problems, n->at,
                     "%s cannot group keys: 'peers' takes a field with one value that names "
                     "something, such as network.name",
                     FIELDS[f].name);
        return;
    }
    rule->peers = f;
    rule->has_peers = true;
    rule->when.required |= FIELD_BIT(f);
}

void event_read_rare(const struct reader *r)
{
    static const char *const ignored[] = {"versions", NULL};
    struct rule *rule = r->rule;
    const struct yaml_node *rare = yaml_get(r->node, "rare"), *peers = yaml_get(r->node, "peers");
    const struct yaml_node *ignore = reader_scalar(r, "ignore", false);
    rule->is_rare = rare != NULL;
    rule->rare = reader_number(r, "rare", 0, 0, RARE_MAX);
    read_peers(r);
    if (peers && !rare)
        reader_problem(r, peers,
                       "'peers' does nothing without 'rare': how many of them may show "
                       "the value?");
    if (!ignore)
        return;
    (void)reader_choice(r, "ignore", ignore, ignored);
    rule->ignores_versions = true;
    bool is_text = rule->first == FIELDS_COUNT || FIELDS[rule->first].type == FIELD_TYPE_TEXT ||
                   FIELDS[rule->first].type == FIELD_TYPE_TEXTS;
    if (!is_text)
        problems_add(r->v->problems, ignore->at, "%s is no text: it has no versions",
                     FIELDS[rule->first].name);
}

void event_read_back(const struct reader *r)
{
    struct rule *rule = r->rule;
    rule->back_ns = reader_duration(r, "back after", -1, HOUR_NS, over_max_ns);
    rule->forget_ns = reader_duration(r, "forget", forget_ns, DAY_NS, forget_max_ns);
    rule->quiet_ns = reader_duration(r, "quiet", 0, 0, over_max_ns);
    if (rule->forget_ns <= rule->back_ns)
        reader_problem(r, yaml_get(r->node, "back after"),
                       "a key is forgotten ('forget') before it could come back");
}

/* `over`, a day where it is missing. */
static void read_over(const struct reader *r)
{
    r->rule->over_ns = reader_duration(r, "over", DAY_NS, over_min_ns, over_max_ns);
    int64_t quiet_ns = r->rule->over_ns > HOUR_NS ? r->rule->over_ns : HOUR_NS;
    r->rule->quiet_ns = reader_duration(r, "quiet", quiet_ns, 0, over_max_ns);
}

void event_read_enumerates(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = reader_scalar(r, "enumerates", true);
    read_over(r);
    rule->at_least = reader_number(r, "at least", IDENTIFIERS, IDENTIFIERS_MIN, COUNT_MAX);
    rule->walked = n ? reader_field(r, n, n->text, 0) : FIELDS_COUNT;
    if (rule->walked == FIELDS_COUNT)
        return;
    rule->when.required |= FIELD_BIT(rule->walked);
    if (rule->walked != FIELD_SUBJECT_NEAR)
        problems_add(r->v->problems, n->at,
                     "%s does not tell which values are neighbours: 'enumerates' takes "
                     "subject.near",
                     FIELDS[rule->walked].name);
}

void event_read_follows(const struct reader *of)
{
    static const char *const keys[] = {"when", "by", "within", NULL};
    static const int64_t within_ns = 3 * CLOCK_SECOND_NS;
    const struct yaml_node *n = yaml_get(of->node, "follows");
    const struct reader r = {of->v, n, of->rule, "'follows'"};
    struct rule *rule = of->rule;
    struct before *b = &rule->follows;
    rule->score = read_score(of, 14 * (uint64_t)SHARE_ONE);
    rule->quiet_ns = reader_duration(of, "quiet", DAY_NS, 0, over_max_ns);
    if (!yaml_expect(n, YAML_MAPPING, "'follows'", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "'follows'", of->v->problems);
    (void)reader_condition(&r, "when", true, &b->when);
    b->when_text = reader_condition_text(&r, "when");
    b->within_ns = reader_duration(&r, "within", within_ns, CLOCK_SECOND_NS / 10, HOUR_NS);
    field_set by = 0;
    b->by_count = by_read(&r, b->by, &by);
    b->when.required |= by;
    rule->when.required |= by;
    if (!yaml_get(n, "by"))
        reader_problem(of, n,
                       "'follows' has no 'by': what do both have in common? for example by: "
                       "client.ip");
}

void event_read_rhythm(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = reader_scalar(r, "rhythm", true);
    read_over(r);
    rule->score = read_score(r, 6 * (uint64_t)SHARE_ONE);
    rule->at_least = reader_number(r, "at least", GAPS, GAPS_MIN, COUNT_MAX);
    rule->walked = n ? reader_field(r, n, n->text, 0) : FIELDS_COUNT;
    if (rule->walked == FIELDS_COUNT)
        return;
    rule->when.required |= FIELD_BIT(rule->walked);
    if (!rule_read_is_identity(rule->walked) && FIELDS[rule->walked].type != FIELD_TYPE_HASHES)
        problems_add(r->v->problems, n->at, "%s has no values that one could go through",
                     FIELDS[rule->walked].name);
}

void event_read_hours(const struct reader *r)
{
    struct rule *rule = r->rule;
    rule->at_least = reader_number(r, "off hours", 1, 1, COUNT_MAX);
    rule->learn_ns = reader_duration(r, "learn", learn_ns, 0, over_max_ns);
    rule->quiet_ns = reader_duration(r, "quiet", DAY_NS / 2, 0, over_max_ns);
    rule->zone = r->v->zone;
    read_peers(r);
}

void event_read_times_own(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = yaml_get(r->node, "times own"), *learn = yaml_get(r->node, "learn");
    rule->times_own = reader_number(r, "times own", 0, 1, TIMES_OWN_MAX);
    rule->learn_ns = reader_duration(r, "learn", learn_ns, 0, over_max_ns);
    if (learn && !n)
        reader_problem(r, learn, "'learn' does nothing without 'times own'");
    if (n && rule->measure.kind == MEASURE_SHARE)
        reader_problem(r, n, "a share has no own that it could be many times of");
}
