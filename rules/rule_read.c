/*
 * The keys of a rule.  Each is read on its own, so that one run reports the mistakes of all.
 */
#include "rules/rule_read.h"

#include "rules/exception.h"
#include "rules/records.h"
#include "rules/trigger_read.h"

const char *const SEVERITY_NAMES[] = {"info", "low", "medium", "high", "critical", NULL};

static void read_id(const struct reader *r)
{
    const struct yaml_node *n = reader_scalar(r, "id", true);
    r->rule->id = reader_text(r, "id", n, RULE_ID_MAX);
    for (size_t i = 0; n && i < n->text.len; i++) {
        uint8_t c = n->text.data[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')
            continue;
        reader_problem(r, n, "an id consists of letters, digits and '-'");
        return;
    }
}

static bool are_digits(struct bytes b, size_t len)
{
    uint64_t number;
    return b.len == len && bytes_number(b, &number);
}

/* "T1213" or "T1110.003" */
static void read_technique(const struct reader *r)
{
    const struct yaml_node *n = reader_scalar(r, "technique", false);
    if (!n)
        return;
    size_t dot = bytes_index(n->text, '.');
    bool is_good =
        bytes_start(n->text, "T") && are_digits(bytes_from(bytes_first(n->text, dot), 1), 4);
    if (dot < n->text.len)
        is_good = is_good && are_digits(bytes_from(n->text, dot + 1), 3);
    if (!is_good)
        reader_problem(r, n, "a technique of MITRE ATT&CK is written T1213 or T1110.003");
    r->rule->technique = reader_text(r, "technique", n, RULE_ID_MAX);
}

static void read_labels(const struct reader *r)
{
    static const char *const booleans[] = {"true", "false", NULL};
    const struct yaml_node *severity = reader_scalar(r, "severity", true);
    const struct yaml_node *enabled = reader_scalar(r, "enabled", false);
    read_id(r);
    read_technique(r);
    r->rule->name = reader_text(r, "name", reader_scalar(r, "name", true), RULE_NAME_MAX);
    r->rule->note = reader_text(r, "note", reader_scalar(r, "note", false), RULE_NOTE_MAX);
    r->rule->is_enabled = true;
    if (severity)
        r->rule->severity = (enum severity)reader_choice(r, "severity", severity, SEVERITY_NAMES);
    if (enabled)
        r->rule->is_enabled = reader_choice(r, "enabled", enabled, booleans) == 0;
}

static void read_when(const struct reader *r)
{
    (void)reader_condition(r, "when", false, &r->rule->when);
    r->rule->when_text = reader_condition_text(r, "when");
}

bool rule_read_is_identity(enum field f)
{
    enum field_type type = FIELDS[f].type;
    return !FIELDS[f].unit && type != FIELD_TYPE_TIME && type != FIELD_TYPE_TEXTS &&
           type != FIELD_TYPE_HASHES && type != FIELD_TYPE_TALLY && type != FIELD_TYPE_SKETCH &&
           type != FIELD_TYPE_PLACE;
}

/* The fields in the order of enum field. */
static void add_by(const struct reader *r, const struct yaml_node *n, enum field by[RULE_BY_MAX],
                   size_t *count)
{
    if (!yaml_expect(n, YAML_SCALAR, "a field of 'by'", r->v->problems))
        return;
    enum field f = reader_field(r, n, n->text, 0);
    if (f == FIELDS_COUNT)
        return;
    if (!rule_read_is_identity(f)) {
        problems_add(r->v->problems, n->at,
                     "%s cannot be counted by: 'by' takes fields with one value that names "
                     "something, such as user.name",
                     FIELDS[f].name);
        return;
    }
    size_t at = 0;
    while (at < *count && by[at] < f)
        at++;
    if (at < *count && by[at] == f) {
        problems_add(r->v->problems, n->at, "%s stands in 'by' twice", FIELDS[f].name);
        return;
    }
    if (*count == RULE_BY_MAX) {
        problems_add(r->v->problems, n->at, "more than %d fields in 'by'", RULE_BY_MAX);
        return;
    }
    for (size_t i = (*count)++; i > at; i--)
        by[i] = by[i - 1];
    by[at] = f;
}

size_t by_read(const struct reader *r, enum field by[RULE_BY_MAX], field_set *required)
{
    const struct yaml_node *n = yaml_get(r->node, "by");
    size_t count = 0;
    if (!n)
        return 0; /* who asks knows whether it is needed */
    if (n->kind == YAML_SCALAR)
        add_by(r, n, by, &count);
    else if (n->kind == YAML_MAPPING || n->count == 0)
        reader_problem(r, n, "'by' must be a field or a list of fields");
    else
        for (size_t i = 0; i < n->count; i++)
            add_by(r, n->items[i].value, by, &count);
    for (size_t i = 0; i < count; i++)
        *required |= FIELD_BIT(by[i]);
    return count;
}

void rule_read(struct rule *rule, const struct yaml_node *node, struct vocabulary *v)
{
    static const char *const keys[] = {
        "id",      "name",       "severity",  "technique",     "when",
        "by",      "note",       "enabled",   "quiet",         "except",
        "measure", "over",       "above",     "at least",      "first",
        "learn",   "forget",     "rare",      "together",      "of",
        "travel",  "steps",      "within",    "unless before", "unless followed by",
        "new to",  "honey",      "unusual",   "drift",         "each",
        "peers",   "enumerates", "times own", "ignore",        "back after",
        "follows", "score",      "rhythm",    "off hours",     NULL};
    const struct reader r = {v, node, rule, "this rule"};
    *rule = (struct rule){.is_enabled = true};
    if (!yaml_expect(node, YAML_MAPPING, "a rule", v->problems))
        return;
    (void)yaml_check_keys(node, keys, "a rule", v->problems);
    read_labels(&r);
    read_when(&r);
    rule->by_count = by_read(&r, rule->by, &rule->when.required);
    trigger_read(&r);
    exceptions_read(&r);
    records_settle(rule, node, v->problems);
}
