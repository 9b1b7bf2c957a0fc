/*
 * What is counted comes first, then what it is held against.
 */
#include "rules/daily_read.h"

#include "core/clock.h"
#include "profile/usual.h"
#include "rules/condition.h"
#include "rules/measure_read.h"

#define HOUR_NS (3600 * CLOCK_SECOND_NS)
#define DAY_NS (24 * HOUR_NS)

const char *const DAILY_WORDS[] = {"volume", "part", "share", NULL};

static const int64_t learn_ns = 4 * DAY_NS, learn_max_ns = 365 * DAY_NS;
static const int64_t forget_ns = 90 * DAY_NS, forget_max_ns = 3650 * DAY_NS;
static const int64_t followed_ns = 30 * 60 * CLOCK_SECOND_NS;

enum {
    DECIMALS = 6,
    NUMBER_MAX = 1000,
    QUIET_INTERVALS = 7, /* of a drift */
    QUIET_HOURS = 12,
};

/* "4.4", in millionths. */
static bool parse_decimal(struct bytes text, uint64_t *number)
{
    size_t dot = bytes_index(text, '.');
    struct bytes decimals = bytes_from(text, dot + 1);
    uint64_t whole, part = 0;
    if (!bytes_number(bytes_first(text, dot), &whole) || whole > NUMBER_MAX ||
        decimals.len > DECIMALS || (dot < text.len && !bytes_number(decimals, &part)))
        return false;
    for (size_t i = decimals.len; i < DECIMALS; i++)
        part *= 10;
    *number = whole * SHARE_ONE + part;
    return true;
}

/* A number with decimals; `otherwise` (in millionths) where the key is missing, 0: it is needed. */
static uint64_t read_decimal(const struct reader *r, const char *key, uint64_t otherwise)
{
    const struct yaml_node *n = reader_scalar(r, key, otherwise == 0);
    uint64_t number = 0;
    if (n && (!parse_decimal(n->text, &number) || number == 0))
        problems_add(r->v->problems, n->at,
                     "'%s' must be a number above 0, at most %d, such as 4.4", key, NUMBER_MAX);
    return number > 0 ? number : otherwise;
}

/* Each of a scalar or of a list, as bits of their places among the words. */
static unsigned read_words(const struct reader *r, const char *key, const char *const *words,
                           unsigned otherwise)
{
    const struct yaml_node *n = yaml_get(r->node, key);
    unsigned bits = 0;
    if (!n)
        return otherwise;
    if (n->kind == YAML_SCALAR)
        return 1u << reader_choice(r, key, n, words);
    if (!yaml_expect(n, YAML_SEQUENCE, key, r->v->problems))
        return otherwise;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *item = n->items[i].value;
        if (yaml_expect(item, YAML_SCALAR, key, r->v->problems))
            bits |= 1u << reader_choice(r, key, item, words);
    }
    return bits ? bits : otherwise;
}

static bool has_part(const struct rule *rule)
{
    return rule->daily.followed_text || rule->measure.kind == MEASURE_SHARE;
}

static unsigned read_of(const struct reader *r)
{
    const struct rule *rule = r->rule;
    unsigned otherwise = rule->measure.kind == MEASURE_SHARE ? 1u << USUAL_OF_SHARE
                         : has_part(rule)                    ? 1u << USUAL_OF_PART
                                                             : 1u << USUAL_OF_VOLUME;
    unsigned of = read_words(r, "of", DAILY_WORDS, otherwise);
    if (of & ~(1u << USUAL_OF_VOLUME) && !has_part(rule))
        reader_problem(r, yaml_get(r->node, "of"),
                       "only 'unless followed by' and share(CONDITION) tell a part");
    return of;
}

static void read_than(const struct reader *r)
{
    static const char *const words[] = {"own", "peers", NULL};
    unsigned than = read_words(r, "than", words, 3);
    struct rule *rule = r->rule;
    rule->daily.than_own = than & 1;
    rule->daily.than_peers = (than >> 1 & 1) && rule->by_count > 0;
    if (!rule->daily.than_own && !rule->daily.than_peers)
        reader_problem(r, yaml_get(r->node, "than"), "a rule without 'by' has no peers");
}

/* A condition, or a mapping with `when` and `within`. */
static void read_followed(const struct reader *of)
{
    static const char *const keys[] = {"when", "within", NULL};
    static const char key[] = "unless followed by";
    const struct yaml_node *n = yaml_get(of->node, key);
    struct rule_daily *daily = &of->rule->daily;
    const struct reader in = {of->v, n, of->rule, "'unless followed by'"};
    if (!n)
        return;
    bool is_mapping = n->kind == YAML_MAPPING;
    const struct reader *r = is_mapping ? &in : of;
    if (is_mapping)
        (void)yaml_check_keys(n, keys, "'unless followed by'", of->v->problems);
    (void)reader_condition(r, is_mapping ? "when" : key, true, &daily->followed);
    daily->followed_text = reader_condition_text(r, is_mapping ? "when" : key);
    daily->followed_ns = followed_ns;
    if (is_mapping)
        daily->followed_ns =
            reader_duration(&in, "within", followed_ns, CLOCK_SECOND_NS, daily->each_ns);
    if (of->rule->measure.text && of->rule->measure.kind != MEASURE_DISTINCT)
        reader_problem(of, n, "'unless followed by' needs distinct(FIELD): what is followed up?");
}

/* What follows counts too, though not as the measure. */
static void join_followed(const struct reader *r)
{
    struct rule *rule = r->rule;
    field_set required = rule->when.required;
    rule->daily.counted = rule->when;
    if (!rule->daily.followed_text)
        return;
    const struct expression *either[] = {&rule->daily.counted, &rule->daily.followed};
    rule->daily.followed.required |= required;
    if (!condition_join(&rule->when, either, 2, true, r->v))
        problems_add(r->v->problems, yaml_get(r->node, "unless followed by")->at,
                     "more than %d comparisons in both conditions together", EXPRESSION_TESTS_MAX);
    rule->when.required |= required;
}

static void read_new_to(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = reader_scalar(r, "new to", false);
    rule->forget_ns = reader_duration(r, "forget", forget_ns, DAY_NS, forget_max_ns);
    if (!n)
        return;
    rule->daily.new_to = reader_field(r, n, n->text, 0);
    if (rule->daily.new_to == FIELDS_COUNT)
        return;
    rule->daily.is_new = true;
    rule->when.required |= FIELD_BIT(rule->daily.new_to);
    if (FIELDS[rule->daily.new_to].type != FIELD_TYPE_TEXT)
        problems_add(r->v->problems, n->at, "%s is nothing that a customer could be new to",
                     FIELDS[rule->daily.new_to].name);
    if (rule->measure.text && rule->measure.kind != MEASURE_DISTINCT)
        reader_problem(r, n, "'new to' needs distinct(FIELD): what is new?");
}

static void read_peers(const struct reader *r)
{
    const struct yaml_node *n = reader_scalar(r, "peers", false);
    enum field f = n ? reader_field(r, n, n->text, 0) : FIELDS_COUNT;
    if (f == FIELDS_COUNT)
        return;
    r->rule->has_peers = true;
    r->rule->peers = f;
    if (FIELDS[f].type != FIELD_TYPE_TEXT && FIELDS[f].type != FIELD_TYPE_ADDRESS)
        problems_add(r->v->problems, n->at, "%s is nothing that peers could have in common",
                     FIELDS[f].name);
}

/* What is counted, and how often. */
static void read_counted(const struct reader *r)
{
    static const char *const lengths[] = {"1d", "1h", NULL};
    struct rule *rule = r->rule;
    const struct yaml_node *each = reader_scalar(r, "each", false);
    bool is_hourly = each && reader_choice(r, "each", each, lengths) == 1;
    rule->daily.each_ns = is_hourly ? HOUR_NS : DAY_NS;
    rule->daily.zone = r->v->zone;
    measure_read(r, &rule->measure, &rule->when.required);
    if (rule->measure.text && rule->measure.kind == MEASURE_MAX)
        reader_problem(r, yaml_get(r->node, "measure"),
                       "what is usual is told of count, sum(F), distinct(F) and share(CONDITION)");
    rule->learn_ns = reader_duration(r, "learn", learn_ns, DAY_NS, learn_max_ns);
    read_new_to(r);
    read_peers(r);
    read_followed(r);
    join_followed(r);
}

static int64_t read_quiet(const struct reader *r, int64_t intervals)
{
    int64_t quiet_ns = intervals * r->rule->daily.each_ns;
    quiet_ns = quiet_ns > QUIET_HOURS * HOUR_NS ? quiet_ns : QUIET_HOURS * HOUR_NS;
    return reader_duration(r, "quiet", quiet_ns, 0, learn_max_ns);
}

void unusual_read(const struct reader *of)
{
    static const char *const keys[] = {"than", "of", "score", "at least", NULL};
    const struct yaml_node *n = yaml_get(of->node, "unusual");
    const struct reader r = {of->v, n, of->rule, "'unusual'"};
    struct rule *rule = of->rule;
    read_counted(of);
    rule->quiet_ns = read_quiet(of, 1);
    if (!yaml_expect(n, YAML_MAPPING, "'unusual'", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "'unusual'", of->v->problems);
    read_than(&r);
    rule->daily.of = read_of(&r);
    rule->score = read_decimal(&r, "score", 0);
    rule->at_least = reader_number(&r, "at least", 1, 1, UINT32_MAX);
}

static void read_drift(const struct reader *of, const struct yaml_node *n, struct rule_drift *drift)
{
    static const char *const keys[] = {"than", "of", "slack", "cap", "limit", "at least", NULL};
    const struct reader r = {of->v, n, of->rule, "'drift'"};
    if (!yaml_expect(n, YAML_MAPPING, "'drift'", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "'drift'", of->v->problems);
    read_than(&r);
    drift->of = read_of(&r);
    drift->slack = read_decimal(&r, "slack", SHARE_ONE / 2);
    drift->cap = read_decimal(&r, "cap", 4 * SHARE_ONE);
    drift->limit = read_decimal(&r, "limit", 0);
    drift->at_least = reader_number(&r, "at least", 1, 1, UINT32_MAX);
}

void drift_read(const struct reader *r)
{
    const struct yaml_node *n = yaml_get(r->node, "drift");
    struct rule *rule = r->rule;
    read_counted(r);
    rule->quiet_ns = read_quiet(r, QUIET_INTERVALS);
    if (n->kind != YAML_SEQUENCE) {
        rule->daily.drifts_count = 1;
        read_drift(r, n, &rule->daily.drifts[0]);
        return;
    }
    if (n->count < 1 || n->count > RULE_DRIFTS_MAX) {
        problems_add(r->v->problems, n->at, "'drift' takes 1 to %d drifts", RULE_DRIFTS_MAX);
        return;
    }
    rule->daily.drifts_count = n->count;
    for (size_t i = 0; i < n->count; i++)
        read_drift(r, n->items[i].value, &rule->daily.drifts[i]);
}
