/*
 * The ids are made when the rules are loaded.  A transaction names those that it touched in
 * subject.honey, where whoever made it knew them, and the first of all in subject.ids.
 */
#include "rules/honey.h"

#include "rules/detector.h"
#include "rules/rule_read.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts, and leaves each once; returns how many are left. */
static size_t settle(uint64_t *ids, size_t count)
{
    size_t kept = 0;
    qsort(ids, count, sizeof(*ids), compare);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    }
    return kept;
}

static size_t ids_of(const struct vocabulary *v, struct bytes text, uint64_t *ids)
{
    size_t count = v->honey ? v->honey->ids(v->honey->context, text, ids) : 0;
    if (count < HONEY_IDS_OF_ONE) /* as tests of rules and other programs' logs write it */
        ids[count++] = subject_id_parse(text);
    return count;
}

static const struct yaml_node *items_of(const struct reader *r, const struct yaml_node *n)
{
    struct nearest nearest;
    if (n->kind == YAML_SEQUENCE)
        return n;
    if (!yaml_expect(n, YAML_SCALAR, "'honey'", r->v->problems))
        return NULL;
    const struct named_list *list = vocabulary_list(r->v, n->text);
    if (list)
        return list->items;
    nearest_to(&nearest, n->text);
    for (size_t i = 0; i < r->v->lists_count; i++)
        nearest_try(&nearest, r->v->lists[i].name);
    problems_add(r->v->problems, n->at, "no list is called '%.*s'%s",
                 (int)bytes_first(n->text, RULE_ID_MAX).len, (const char *)n->text.data,
                 nearest_hint(&nearest));
    return NULL;
}

void honey_read(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = yaml_get(r->node, "honey"), *items = items_of(r, n);
    rule->quiet_ns = rule_read_quiet(r, 0);
    rule->when.required |= FIELD_BIT(FIELD_SUBJECT_IDS);
    if (!items)
        return;
    if (items->count > HONEY_CUSTOMERS_MAX) {
        problems_add(r->v->problems, n->at, "more than %d planted customers", HONEY_CUSTOMERS_MAX);
        return;
    }
    uint64_t *ids = arena_take(r->v->arena, (items->count + 1) * HONEY_IDS_OF_ONE * sizeof(*ids));
    size_t count = 0;
    for (size_t i = 0; ids && i < items->count; i++) {
        const struct yaml_node *item = items->items[i].value;
        if (yaml_expect(item, YAML_SCALAR, "a customer", r->v->problems))
            count += ids_of(r->v, item->text, ids + count);
    }
    rule->honey = ids;
    rule->honey_count = ids ? settle(ids, count) : 0;
}

uint64_t *rules_honey(const struct rules *rules, size_t *count)
{
    size_t all = 0, at = 0;
    *count = 0;
    for (size_t i = 0; i < rules_count(rules); i++)
        all += rules_at(rules, i)->is_enabled ? rules_at(rules, i)->honey_count : 0;
    uint64_t *ids = all > 0 ? malloc(all * sizeof(*ids)) : NULL;
    for (size_t i = 0; ids && i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        if (rule->is_enabled && rule->honey_count > 0) {
            memcpy(ids + at, rule->honey, rule->honey_count * sizeof(*ids));
            at += rule->honey_count;
        }
    }
    *count = ids ? settle(ids, all) : all;
    return ids;
}

static bool is_planted(const struct rule *rule, uint64_t id)
{
    return bsearch(&id, rule->honey, rule->honey_count, sizeof(id), compare) != NULL;
}

static size_t planted_among(const struct rule *rule, const struct hashes *hashes)
{
    size_t planted = 0;
    for (size_t i = 0; i < hashes->count; i++)
        planted += is_planted(rule, hashes->items[i]);
    return planted;
}

static size_t touched(const struct rule *rule, const struct transaction *t)
{
    size_t honey = 0, among = planted_among(rule, &t->subject_ids);
    if (transaction_has(t, FIELD_SUBJECT_HONEY))
        honey = planted_among(rule, &t->subject_honey);
    return honey > among ? honey : among;
}

static enum finding honey_peek(struct detection *d, void *state, const struct occurrence *o)
{
    (void)state;
    return touched(d->rule, o->transaction) > 0 ? FINDING_RAISED : FINDING_NONE;
}

static enum finding honey_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    *weight = 1;
    return honey_peek(d, state, o);
}

static void honey_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    (void)state;
    a->value = a->at_least = touched(d->rule, o->transaction);
}

static int64_t honey_span_ns(const struct rule *rule)
{
    return rule->quiet_ns;
}

static void honey_clear(const struct detection *d, void *state)
{
    (void)d;
    (void)state;
}

static void honey_save(const struct detection *d, const void *state, struct pack *p)
{
    (void)d;
    (void)state;
    (void)p;
}

static bool honey_load(struct detection *d, void *state, struct cursor *c)
{
    (void)d;
    (void)state;
    (void)c;
    return true;
}

const struct detector DETECTOR_HONEY = {.state_size = 0,
                                        .count = honey_count,
                                        .peek = honey_peek,
                                        .describe = honey_describe,
                                        .span_ns = honey_span_ns,
                                        .keep_ns = honey_span_ns,
                                        .clear = honey_clear,
                                        .version = 1,
                                        .save = honey_save,
                                        .load = honey_load};
