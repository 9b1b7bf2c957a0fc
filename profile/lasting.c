/*
 * A value waits to be written while its mark is that of the snapshot before and its number was not
 * passed yet.  A written one has the mark 0, one that changed since this snapshot began has that
 * one's mark: both wait no more.
 */
#include "profile/lasting.h"

static uint32_t *mark_of(const struct lasting *l, void *value)
{
    return (uint32_t *)(void *)((char *)value + l->mark_at);
}

/* NULL: there is none of that number. */
static void *value_at(const struct lasting *l, size_t number)
{
    bool is_used;
    if (l->at)
        return l->at(l->context, number);
    void *value = table_at(l->table, number, &is_used);
    return is_used ? value : NULL;
}

static size_t number_of(const struct lasting *l, const void *value)
{
    return l->number ? l->number(l->context, value) : table_number(l->table, value);
}

static bool waits(const struct lasting *l, uint32_t mark, size_t number)
{
    return l->is_saving && number >= l->next && mark != l->epoch &&
           (l->is_whole || mark + 1 == l->epoch);
}

static void write_row(const struct lasting *l, void *value, size_t number)
{
    int64_t time_ns = l->time_ns(l->context, value);
    struct pack *p = state_row(l->state, l->part, (uint32_t)number, l->version, time_ns);
    if (!p)
        return;
    l->save(l->context, value, p);
    state_row_end(l->state);
}

void lasting_start(struct lasting *l)
{
    l->epoch = 1;
    l->is_whole = true;
}

void lasting_clear(struct lasting *l)
{
    pack_clear(&l->gone);
}

/* All of it is to be written, with the next snapshot. */
static void write_all(struct lasting *l)
{
    l->is_whole = true;
    pack_restart(&l->gone);
}

void lasting_move(struct lasting *l, struct table *table)
{
    l->table = table;
    write_all(l);
}

/* The rows of entries that went; where another one came in their place it is written yet. */
static void drop_gone(struct lasting *l)
{
    struct cursor c = cursor_over(pack_view(&l->gone));
    while (cursor_left(&c) > 0)
        state_drop(l->state, l->part, cursor_le32(&c));
    pack_restart(&l->gone);
}

void lasting_begin(struct lasting *l, struct state *state, uint32_t part, bool is_whole)
{
    l->state = state;
    l->part = part;
    l->epoch = l->epoch == UINT32_MAX ? 2 : l->epoch + 1;
    if (is_whole)
        write_all(l);
    l->is_saving = true;
    l->next = 0;
    if (l->is_whole)
        state_clear_part(state, part);
    else
        drop_gone(l);
}

bool lasting_step(struct lasting *l, size_t numbers_max)
{
    size_t count = l->is_saving ? table_numbers(l->table) : 0;
    for (size_t i = 0; l->next < count && i < numbers_max && state_has_room(l->state); i++) {
        void *value = value_at(l, l->next);
        if (value && waits(l, *mark_of(l, value), l->next)) {
            write_row(l, value, l->next);
            *mark_of(l, value) = 0;
        }
        l->next++;
    }
    if (l->is_saving && l->next < count)
        return true;
    l->is_whole = (l->is_whole && !l->is_saving) || l->must_restart;
    l->is_saving = l->must_restart = false;
    return false;
}

void lasting_abandon(struct lasting *l)
{
    l->is_saving = l->must_restart = false;
    write_all(l);
}

void lasting_change(struct lasting *l, void *value, bool is_new)
{
    uint32_t *mark = mark_of(l, value);
    size_t number = l->is_saving && !is_new ? number_of(l, value) : 0;
    if (l->is_saving && !is_new && waits(l, *mark, number))
        write_row(l, value, number);
    *mark = l->epoch;
}

/* Too many, or no memory: the next snapshot has all of it. */
static void note_gone(struct lasting *l, size_t number)
{
    if (l->is_whole && !l->is_saving)
        return;
    pack_u32(&l->gone, (uint32_t)number);
    if (!l->gone.has_failed && l->gone.len <= LASTING_GONE_MAX * sizeof(uint32_t))
        return;
    pack_restart(&l->gone);
    l->must_restart = l->is_saving;
    l->is_whole = l->is_whole || !l->is_saving;
}

void lasting_remove(struct lasting *l, void *value)
{
    if (l->epoch == 0)
        return;
    size_t number = number_of(l, value);
    if (waits(l, *mark_of(l, value), number))
        write_row(l, value, number);
    note_gone(l, number);
}
