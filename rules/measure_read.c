/*
 * What is counted.
 */
#include "rules/measure_read.h"

#include "rules/condition.h"
#include "rules/gauge.h"

bool measure_takes(enum measure_kind kind, enum field f)
{
    if (kind == MEASURE_DISTINCT)
        return FIELDS[f].type != FIELD_TYPE_PLACE && FIELDS[f].type != FIELD_TYPE_TIME &&
               FIELDS[f].type != FIELD_TYPE_TALLY && FIELDS[f].type != FIELD_TYPE_SKETCH;
    return (FIELDS[f].type == FIELD_TYPE_UNSIGNED || FIELDS[f].type == FIELD_TYPE_SHARE) &&
           FIELDS[f].unit;
}

static void read_measured(const struct reader *r, const struct yaml_node *n, size_t open,
                          struct measure *m, field_set *required)
{
    struct bytes inside = bytes_from(bytes_first(n->text, n->text.len - 1), open + 1);
    struct bytes name = bytes_trim(inside);
    size_t offset = open + 1;
    while (offset < n->text.len && n->text.data[offset] == ' ')
        offset++;
    m->field = reader_field(r, n, name, offset);
    if (m->field == FIELDS_COUNT)
        return;
    *required |= FIELD_BIT(m->field);
    if (m->kind == MEASURE_SUM && FIELDS[m->field].type == FIELD_TYPE_SHARE)
        problems_add(r->v->problems, yaml_position(n, offset),
                     "%s is a share, and shares do not add up: take max", FIELDS[m->field].name);
    else if (!measure_takes(m->kind, m->field))
        problems_add(r->v->problems, yaml_position(n, offset),
                     m->kind == MEASURE_DISTINCT
                         ? "the values of %s cannot be told apart and counted"
                         : "%s is nothing to add up or compare: take a field of bytes, rows, "
                           "packets, time or a share",
                     FIELDS[m->field].name);
}

/* The part of the transactions that is counted: a condition in parentheses. */
static void read_share(const struct reader *r, const struct yaml_node *n, size_t open,
                       struct measure *m)
{
    struct yaml_node inside = *n;
    inside.text = bytes_first(n->text, n->text.len - 1);
    struct expression *part = arena_take(r->v->arena, sizeof(*part));
    const struct condition *c = condition_parse_from(r->v, &inside, open + 1);
    m->part = part;
    if (part && c && !condition_compile(part, c, r->v))
        reader_problem(r, n, "no memory");
}

void measure_read(const struct reader *r, struct measure *m, field_set *required)
{
    static const char *const words[] = {"count", "sum", "max", "distinct", "share", NULL};
    m->field = FIELDS_COUNT;
    const struct yaml_node *n = reader_scalar(r, "measure", true);
    m->text = reader_text(r, "measure", n, RULE_NAME_MAX);
    if (!n)
        return;
    size_t open = bytes_index(n->text, '(');
    bool has_field = open < n->text.len;
    struct yaml_node word = *n;
    word.text = bytes_trim(bytes_first(n->text, open));
    size_t problems = r->v->problems->count;
    m->kind = (enum measure_kind)reader_choice(r, "measure", &word, words);
    if (r->v->problems->count > problems)
        return;
    bool is_open = !has_field || n->text.data[n->text.len - 1] != ')';
    if (m->kind == MEASURE_COUNT && has_field)
        reader_problem(r, n, "count takes no field; distinct(FIELD) counts different values");
    else if (m->kind == MEASURE_SHARE && is_open)
        reader_problem(r, n,
                       "this measure needs a condition, such as share(event.outcome == "
                       "\"failure\")");
    else if (m->kind != MEASURE_COUNT && is_open)
        reader_problem(r, n, "this measure needs a field, such as sum(server.bytes)");
    else if (m->kind == MEASURE_SHARE)
        read_share(r, n, open, m);
    else if (has_field)
        read_measured(r, n, open, m, required);
}

/* "0.5% of 1280000": a part of what there is in all. */
static bool read_part(uint64_t *limit, const struct measure *m, struct bytes text)
{
    struct bytes of = bytes_of(" of ");
    size_t at = bytes_find(text, of);
    uint64_t part, all;
    if (at == text.len || (m->kind != MEASURE_COUNT && m->kind != MEASURE_DISTINCT))
        return false;
    if (quantity_parse(&part, bytes_trim(bytes_first(text, at)), QUANTITY_SHARE) != QUANTITY_GOOD ||
        !bytes_number(bytes_trim(bytes_from(text, at + of.len)), &all) || all > UINT32_MAX)
        return false;
    *limit = part * all / SHARE_ONE;
    return true;
}

uint64_t measure_read_limit(const struct reader *r, const struct measure *m)
{
    const struct yaml_node *n = reader_scalar(r, "above", true);
    bool has_field = m->kind == MEASURE_COUNT || m->kind == MEASURE_SHARE;
    uint64_t limit = 0;
    if (!n || !m->text || (!has_field && m->field == FIELDS_COUNT))
        return 0;
    if (read_part(&limit, m, n->text))
        return limit;
    enum quantity_unit unit = gauge_unit(m);
    enum quantity_status status = quantity_parse(&limit, n->text, unit);
    if (status != QUANTITY_GOOD)
        problems_add(r->v->problems, n->at, "'above' does not fit %s: %s", m->text,
                     quantity_advice(status, unit));
    return limit;
}
