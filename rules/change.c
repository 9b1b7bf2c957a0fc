/*
 * Changes are put in before a rule is read, mapping into mapping, so that a changed rule is checked
 * like any other and each mistake is told where it was written.
 */
#include "rules/change.h"

static void change_read(struct changes *c, const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_MAPPING, "a change", problems))
        return;
    const struct yaml_node *id = yaml_get(n, "id");
    if (!id) {
        problems_add(problems, n->at, "this change has no 'id': which rule does it change?");
        return;
    }
    if (!yaml_expect(id, YAML_SCALAR, "'id'", problems))
        return;
    if (n->count == 1)
        problems_add(problems, n->at, "this change of '%s' changes nothing",
                     (const char *)id->text.data);
    if (c->count == CHANGES_MAX) {
        problems_add(problems, n->at, "more than %d changes", CHANGES_MAX);
        return;
    }
    c->items[c->count++] = (struct change){.id = id->text, .node = n};
}

void changes_read(struct changes *c, const struct yaml_node *list, struct problems *problems)
{
    if (yaml_is_nothing(list) || !yaml_expect(list, YAML_SEQUENCE, "'change'", problems))
        return;
    for (size_t i = 0; i < list->count; i++)
        change_read(c, list->items[i].value, problems);
}

/* Both lists, one after the other. */
static const struct yaml_node *chain(const struct yaml_node *a, const struct yaml_node *b,
                                     struct arena *arena)
{
    struct yaml_node *both = arena_take(arena, sizeof(*both));
    struct yaml_item *items = arena_take(arena, (a->count + b->count + 1) * sizeof(*items));
    if (!both || !items)
        return NULL;
    for (size_t i = 0; i < a->count + b->count; i++)
        items[i] = i < a->count ? a->items[i] : b->items[i - a->count];
    *both = *b;
    both->items = items;
    both->count = a->count + b->count;
    return both;
}

static bool put_in(struct yaml_node *into, struct yaml_item *items, const struct yaml_item *item,
                   struct arena *arena)
{
    size_t at = 0;
    while (at < into->count && !bytes_equal(items[at].key->text, item->key->text))
        at++;
    const struct yaml_node *value = item->value;
    bool adds = at < into->count && bytes_are(item->key->text, "except") &&
                value->kind == YAML_SEQUENCE && items[at].value->kind == YAML_SEQUENCE;
    if (adds)
        value = chain(items[at].value, value, arena);
    if (!value)
        return false;
    into->count += at == into->count;
    items[at] = (struct yaml_item){item->key, value};
    return true;
}

static const struct yaml_node *merge(const struct yaml_node *rule, const struct yaml_node *change,
                                     struct arena *arena)
{
    struct yaml_node *merged = arena_take(arena, sizeof(*merged));
    struct yaml_item *items = arena_take(arena, (rule->count + change->count) * sizeof(*items));
    if (!merged || !items)
        return NULL;
    *merged = *rule;
    merged->items = items;
    for (size_t i = 0; i < rule->count; i++)
        items[i] = rule->items[i];
    for (size_t i = 0; i < change->count; i++) {
        bool is_id = bytes_are(change->items[i].key->text, "id");
        if (!is_id && !put_in(merged, items, &change->items[i], arena))
            return NULL;
    }
    return merged;
}

static bool is_of(const struct change *c, struct bytes id)
{
    return bytes_equal(c->id, id);
}

const struct yaml_node *changes_apply(struct changes *c, const struct yaml_node *rule,
                                      struct arena *arena)
{
    const struct yaml_node *id = yaml_get(rule, "id");
    for (size_t i = 0; id && id->kind == YAML_SCALAR && rule && i < c->count; i++) {
        if (!is_of(&c->items[i], id->text))
            continue;
        c->items[i].is_used = true;
        rule = merge(rule, c->items[i].node, arena);
    }
    return rule;
}

size_t changes_of(const struct changes *c, struct bytes id, struct position *places, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (!is_of(&c->items[i], id))
            continue;
        if (count < max)
            places[count] = c->items[i].node->at;
        count++;
    }
    return count;
}

void changes_check(const struct changes *c, struct problems *problems, const char *const *ids,
                   size_t count)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct change *change = &c->items[i];
        struct nearest nearest;
        nearest_to(&nearest, change->id);
        if (change->is_used)
            continue;
        for (size_t k = 0; k < count; k++)
            nearest_try(&nearest, bytes_of(ids[k]));
        problems_add(problems, yaml_get(change->node, "id")->at, "no rule has the id '%.*s'%s",
                     (int)bytes_first(change->id, NEAREST_WORD_MAX).len,
                     (const char *)change->id.data, nearest_hint(&nearest));
    }
}
