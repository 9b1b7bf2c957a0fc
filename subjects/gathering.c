#include "subjects/gathering.h"

#include "core/transaction.h"

/* The kind that comes first of those in the set; SUBJECT_NONE of none. */
static unsigned first_kind(uint32_t kinds, const uint8_t *rank)
{
    unsigned first = SUBJECT_NONE;
    for (unsigned kind = SUBJECT_NONE + 1; kind < SUBJECT_KINDS_COUNT; kind++) {
        if ((kinds >> kind & 1) && (first == SUBJECT_NONE || rank[kind] < rank[first]))
            first = kind;
    }
    return first;
}

/* Adds to a pool of one kind; true where the value is of that kind, or of an earlier one, which
 * then is the pool's. */
static bool takes_over(struct gathering_pool *p, struct budget *b, const uint8_t *rank,
                       unsigned kind)
{
    unsigned now = first_kind(p->kinds, rank);
    if (now == kind)
        return true;
    if (now != SUBJECT_NONE && rank[now] < rank[kind])
        return false;
    sketch_clear(&p->ids, b);
    p->kinds = 1U << kind;
    return true;
}

static void add_near(struct gathering *g, const struct gathered *value)
{
    for (size_t i = 0; i < 2; i++) {
        bool is_there = false;
        for (size_t k = 0; k < g->near_count; k++)
            is_there = is_there || g->near[k] == value->near[i];
        if (!is_there && g->near_count < SUBJECT_NEAR_MAX)
            g->near[g->near_count++] = value->near[i];
    }
}

bool gathering_ask(struct gathering *g, struct budget *b, const uint8_t *rank,
                   const struct gathered *value)
{
    uint32_t before = g->asked.kinds;
    g->kinds[value->kind]++;
    if (!takes_over(&g->asked, b, rank, value->kind))
        return true;
    if (g->asked.kinds != before)
        g->near_count = 0;
    if (value->has_near)
        add_near(g, value);
    return sketch_add(&g->asked.ids, b, value->id, NULL);
}

bool gathering_loose(struct gathering *g, struct budget *b, const uint8_t *rank,
                     const struct gathered *value)
{
    g->kinds[value->kind]++;
    return !takes_over(&g->loose, b, rank, value->kind) ||
           sketch_add(&g->loose.ids, b, value->id, NULL);
}

void gathering_tell(struct gathering *g, const uint8_t *rank, const struct gathered *value)
{
    g->kinds[value->kind]++;
    if (g->record_kind != SUBJECT_NONE && rank[g->record_kind] <= rank[value->kind])
        return;
    g->record_kind = value->kind;
    g->record_id = value->id;
}

void gathering_forget_record(struct gathering *g)
{
    g->record_kind = SUBJECT_NONE;
}

bool gathering_end_record(struct gathering *g, struct budget *b)
{
    bool is_new;
    if (g->record_kind == SUBJECT_NONE)
        return true;
    g->records.kinds |= 1U << g->record_kind;
    g->record_kind = SUBJECT_NONE;
    if (!sketch_add(&g->records.ids, b, g->record_id, &is_new))
        return false;
    if (is_new && g->first_count < SUBJECT_IDS_SHOWN)
        g->first[g->first_count++] = g->record_id;
    return true;
}

void gathering_honey(struct gathering *g, uint64_t id)
{
    for (size_t i = 0; i < g->honey_count; i++) {
        if (g->honey[i] == id)
            return;
    }
    if (g->honey_count < GATHERING_HONEY_MAX)
        g->honey[g->honey_count++] = id;
}

/* Pools of one kind. */
static bool merge_single(struct gathering_pool *into, struct budget *b, const uint8_t *rank,
                         const struct gathering_pool *from)
{
    unsigned kind = first_kind(from->kinds, rank);
    return kind == SUBJECT_NONE || !takes_over(into, b, rank, kind) ||
           sketch_merge(&into->ids, b, &from->ids);
}

bool gathering_merge(struct gathering *into, struct budget *b, const uint8_t *rank,
                     const struct gathering *from)
{
    uint32_t before = into->asked.kinds;
    for (unsigned kind = 0; kind < SUBJECT_KINDS_COUNT; kind++)
        into->kinds[kind] += from->kinds[kind];
    for (size_t i = 0; i < from->honey_count; i++)
        gathering_honey(into, from->honey[i]);
    for (size_t i = 0; i < from->first_count && into->first_count < SUBJECT_IDS_SHOWN; i++)
        into->first[into->first_count++] = from->first[i];
    if (!merge_single(&into->asked, b, rank, &from->asked) ||
        !merge_single(&into->loose, b, rank, &from->loose))
        return false;
    if (into->asked.kinds != before)
        into->near_count = 0;
    for (size_t i = 0; i < from->near_count && from->asked.kinds == into->asked.kinds; i++)
        add_near(into, &(struct gathered){.near = {from->near[i], from->near[i]}});
    into->records.kinds |= from->records.kinds;
    return sketch_merge(&into->records.ids, b, &from->records.ids);
}

/* Who counts in the end; NULL: nobody.  *is_whole: the budget denied no memory. */
static struct sketch *conclude(struct gathering *g, struct budget *b, const uint8_t *rank,
                               bool *is_whole)
{
    struct gathering_pool *shown = sketch_is_empty(&g->records.ids) ? &g->loose : &g->records;
    bool has_loose = shown == &g->records && !sketch_is_empty(&g->loose.ids);
    struct gathering_pool *others[] = {has_loose ? &g->loose : NULL, &g->asked};
    for (size_t i = 0; i < 2; i++) {
        struct gathering_pool *o = others[i];
        if (!o || sketch_is_empty(&o->ids))
            continue;
        if (sketch_is_empty(&shown->ids)) {
            shown = o;
            continue;
        }
        bool are_single = sketch_count(&shown->ids) == 1 && sketch_count(&o->ids) == 1;
        bool is_earlier = rank[first_kind(o->kinds, rank)] < rank[first_kind(shown->kinds, rank)];
        if (are_single && is_earlier)
            shown = o;
        else if ((shown->kinds & o->kinds) && o == &g->asked)
            *is_whole = sketch_merge(&shown->ids, b, &o->ids) && *is_whole;
    }
    return sketch_is_empty(&shown->ids) ? NULL : &shown->ids;
}

bool gathering_fill(struct gathering *g, struct budget *b, const uint8_t *rank,
                    struct transaction *tx)
{
    bool is_whole = true;
    const struct sketch *ids = conclude(g, b, rank, &is_whole);
    if (!ids)
        return true;
    tx->subject_count = sketch_count(ids);
    tx->subject_kinds = g->kinds;
    tx->subject_ids = (struct hashes){ids->hashes, ids->count, NULL};
    if (!sketch_is_exact(ids))
        tx->subject_ids = (struct hashes){g->first, g->first_count, ids->registers};
    tx->subject_honey = (struct hashes){g->honey, g->honey_count, NULL};
    tx->subject_near = (struct hashes){g->near, g->near_count, NULL};
    transaction_mark(tx, FIELD_SUBJECT_COUNT);
    transaction_mark_ids(tx);
    transaction_mark(tx, FIELD_SUBJECT_KINDS);
    if (g->honey_count > 0)
        transaction_mark(tx, FIELD_SUBJECT_HONEY);
    if (g->near_count > 0)
        transaction_mark(tx, FIELD_SUBJECT_NEAR);
    return is_whole;
}

void gathering_clear(struct gathering *g, struct budget *b)
{
    sketch_clear(&g->asked.ids, b);
    sketch_clear(&g->records.ids, b);
    sketch_clear(&g->loose.ids, b);
    *g = (struct gathering){0};
}
