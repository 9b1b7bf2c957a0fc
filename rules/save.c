/*
 * Parts: "rule/ID" with a head of the rule's meaning and what is kept of all its keys together, and
 * a row for each key; "tally/ID", of one of the rules that have it; "before/ID"; "evidence" with a
 * row for each list.
 */
#include "rules/save.h"

#include "core/hash.h"
#include "rules/engine_state.h"
#include "rules/meaning.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVIDENCE_VERSION = 1, LOAD_TRIES_MAX = 16 };

static const char evidence_name[] = "evidence";

static const char *kind_of(const struct watch *w)
{
    return w->is_tally ? "tally" : "rule";
}

static void name_part(char name[STATE_NAME_MAX + 1], const char *kind, const struct rule *rule)
{
    (void)snprintf(name, STATE_NAME_MAX + 1, "%s/%s", kind, rule->id);
}

/* False without memory. */
static bool fingerprint_of(const struct watch *w, struct digest *d)
{
    struct pack meaning = {0};
    if (w->is_tally)
        rule_tally_meaning(w->detection.rule, &meaning);
    else
        rule_meaning(w->detection.rule, &meaning);
    d->low = hash_bytes(pack_view(&meaning), 1);
    d->high = hash_bytes(pack_view(&meaning), 2);
    bool is_good = !meaning.has_failed;
    pack_clear(&meaning);
    return is_good;
}

static void save_digest(const struct digest *d, struct pack *p)
{
    pack_u64(p, d->low);
    pack_u64(p, d->high);
}

static struct digest load_digest(struct cursor *c)
{
    struct digest d = {.low = unpack_u64(c)};
    d.high = unpack_u64(c);
    return d;
}

/* Writing. */

static void save_cell(void *context, void *value, struct pack *p)
{
    const struct watch *w = context;
    const struct keyring *r = w->ring;
    struct cell *cell = value;
    const struct told told = cell->told ? *cell->told : (struct told){.repeats = 0};
    struct key *k = key_of(w, cell);
    save_digest(table_key(r->layout->keys, k), p);
    pack_signed(p, cell->last_ns);
    pack_signed(p, told.alerted_ns);
    pack_signed(p, told.passing_ns);
    pack_number(p, told.repeats);
    pack_flag(p, cell->told != NULL);
    for (size_t i = 0; i < r->by_count; i++)
        pack_string(p, keyring_text(k, i));
    w->detector->save(&w->detection, cell_state(cell), p);
}

static int64_t cell_time_ns(void *context, const void *value)
{
    const struct cell *cell = value;
    (void)context;
    return cell->last_ns;
}

static void *cell_at(void *context, size_t number)
{
    const struct watch *w = context;
    bool is_used;
    struct cell *cell = cell_of(w, table_at(w->ring->layout->keys, number, &is_used));
    return is_used && cell->is_used ? cell : NULL;
}

static size_t number_of_cell(void *context, const void *value)
{
    const struct watch *w = context;
    return table_number(w->ring->layout->keys, key_of(w, value));
}

static const struct watch *watch_numbered(const struct engine *e, uint64_t number)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        if (e->watches[i]->number == number)
            return e->watches[i];
    }
    return NULL;
}

/* Of a rule that is gone nobody will find it. */
static void save_evidence(void *context, void *value, struct pack *p)
{
    const struct engine *e = context;
    const struct evidence_key *key = table_key(e->evidence, value);
    const struct watch *w = watch_numbered(e, key->watch);
    pack_string(p, bytes_of(w ? w->detection.rule->id : ""));
    save_digest(&key->digest, p);
    evidence_save(value, p);
}

static int64_t evidence_time_ns(void *context, const void *value)
{
    (void)context;
    return evidence_newest_ns(value);
}

void watch_last(struct watch *w)
{
    w->lasting = (struct lasting){.table = w->ring->layout->keys,
                                  .at = cell_at,
                                  .number = number_of_cell,
                                  .mark_at = offsetof(struct cell, changed),
                                  .save = save_cell,
                                  .time_ns = cell_time_ns,
                                  .context = w,
                                  .version = w->detector->version};
    lasting_start(&w->lasting);
    if (w->marks)
        lasting_start(marks_lasting(w->marks));
}

static void evidence_last(struct engine *e)
{
    e->evidence_lasting = (struct lasting){.table = e->evidence,
                                           .mark_at = offsetof(struct evidence_list, changed),
                                           .save = save_evidence,
                                           .time_ns = evidence_time_ns,
                                           .context = e,
                                           .version = EVIDENCE_VERSION};
    lasting_start(&e->evidence_lasting);
}

static void begin_watch(struct watch *w, struct state *s, bool is_whole)
{
    char name[STATE_NAME_MAX + 1];
    struct digest meaning;
    uint32_t part;
    name_part(name, kind_of(w), w->detection.rule);
    struct pack *head = state_part(s, name, w->detector->version, &part);
    if (!head)
        return;
    if (!fingerprint_of(w, &meaning))
        head->has_failed = true;
    save_digest(&meaning, head);
    if (w->detector->save_whole)
        w->detector->save_whole(&w->detection, head);
    state_part_end(s);
    lasting_begin(&w->lasting, s, part, is_whole);
    if (!w->marks)
        return;
    name_part(name, "before", w->detection.rule);
    head = state_part(s, name, MARKS_VERSION, &part);
    if (!head)
        return;
    save_digest(&meaning, head);
    marks_save(w->marks, head);
    state_part_end(s);
    lasting_begin(marks_lasting(w->marks), s, part, is_whole);
}

void engine_save_begin(struct engine *e, struct state *s, bool is_whole)
{
    uint32_t part;
    for (size_t i = 0; i < e->watches_count; i++)
        begin_watch(e->watches[i], s, is_whole);
    if (!state_part(s, evidence_name, EVIDENCE_VERSION, &part))
        return;
    state_part_end(s);
    lasting_begin(&e->evidence_lasting, s, part, is_whole);
}

bool engine_save_step(struct engine *e, size_t keys_max)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        if (lasting_step(&w->lasting, keys_max))
            return true;
        if (w->marks && lasting_step(marks_lasting(w->marks), keys_max))
            return true;
    }
    return lasting_step(&e->evidence_lasting, keys_max);
}

void engine_save_abandon(struct engine *e)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        lasting_abandon(&e->watches[i]->lasting);
        if (e->watches[i]->marks)
            lasting_abandon(marks_lasting(e->watches[i]->marks));
    }
    lasting_abandon(&e->evidence_lasting);
}

void watch_copy(struct watch *from, struct watch *to)
{
    struct pack p = {0};
    const struct table *keys = to->ring->layout->keys;
    from->detector->save_whole(&from->detection, &p);
    struct cursor c = cursor_over(pack_view(&p));
    bool is_good = !p.has_failed && to->detector->load_whole(&to->detection, &c);
    for (struct key *k = table_oldest(keys); k && is_good; k = table_next(keys, k)) {
        const struct cell *old = cell_of(from, k);
        struct cell *cell = cell_of(to, k);
        if (!old->is_used)
            continue;
        pack_restart(&p);
        from->detector->save(&from->detection, old + 1, &p);
        c = cursor_over(pack_view(&p));
        cell->is_used = true;
        cell->last_ns = old->last_ns;
        to->cells++;
        if (p.has_failed || !to->detector->load(&to->detection, cell_state(cell), &c))
            keyring_drop(to, cell);
    }
    pack_clear(&p);
}

/* Reading. */

struct restoring {
    struct engine *engine;
    struct watch *watch;
    uint64_t keys;
};

static bool is_value(enum field f, struct bytes value)
{
    static const struct transaction nothing;
    size_t choices = 0;
    if (FIELDS[f].type == FIELD_TYPE_TEXT)
        return true;
    if (value.len != detector_value(&nothing, f, 0).len)
        return false;
    if (FIELDS[f].type == FIELD_TYPE_BOOLEAN)
        return value.data[0] <= 1;
    if (FIELDS[f].type != FIELD_TYPE_CHOICE)
        return true;
    unsigned choice;
    memcpy(&choice, value.data, sizeof(choice));
    while (FIELDS[f].choices[choices])
        choices++;
    return choice < choices;
}

/* Reads what is known of the key's alerts; false without memory. */
static bool load_told(struct engine *e, struct cell *cell, struct cursor *c)
{
    struct told told = {.alerted_ns = unpack_time(c)};
    told.passing_ns = unpack_signed(c);
    told.repeats = unpack_number(c);
    if (!unpack_flag(c))
        return true;
    if (!engine_told(e, cell))
        return false;
    *cell->told = told;
    return true;
}

static bool load_cell(struct restoring *r, struct key *k, struct cell *cell, struct cursor *c)
{
    struct watch *w = r->watch;
    cell->last_ns = unpack_signed(c);
    if (!load_told(r->engine, cell, c))
        return false;
    for (size_t i = 0; i < w->ring->by_count; i++) {
        struct bytes text = unpack_string(c, KEY_TEXT_MAX);
        if (cursor_is_short(c) || !is_value(w->ring->by[i], text))
            return false;
        keyring_set_text(k, i, text);
    }
    return w->detector->load(&w->detection, cell_state(cell), c) && unpack_done(c);
}

/* The key of a row, made where it is missing; NULL where there is no room but for newer ones. */
static struct key *key_for(struct keyring *r, const struct digest *digest, int64_t last_ns)
{
    struct key *k = table_find(r->layout->keys, digest);
    if (k)
        return k;
    const struct key *oldest = table_oldest(r->layout->keys);
    bool is_full = table_count(r->layout->keys) >= table_entries_max(r->layout->keys);
    if (is_full && oldest && oldest->last_ns > last_ns)
        return NULL;
    return table_touch(r->layout->keys, digest, NULL);
}

/* False where the row cannot be; a key for which there is no room goes. */
static bool take_cell(struct restoring *r, const struct digest *digest, struct cursor *c)
{
    struct watch *w = r->watch;
    struct keyring *ring = w->ring;
    struct cursor row = *c;
    struct key *k = ring->now = key_for(ring, digest, unpack_signed(&row));
    for (int tries = 0; k && tries < LOAD_TRIES_MAX; tries++) {
        uint64_t denied = r->engine->budget.denied;
        struct cell *cell = cell_of(w, k);
        if (cell->is_used)
            return false;
        cell->is_used = true;
        w->cells++;
        row = *c;
        if (load_cell(r, k, cell, &row)) {
            k->last_ns = k->last_ns > cell->last_ns ? k->last_ns : cell->last_ns;
            r->keys += !w->is_tally;
            return true;
        }
        bool is_denied = r->engine->budget.denied > denied;
        keyring_drop(w, cell);
        if (!is_denied)
            return false;
        (void)engine_make_room(r->engine);
    }
    w->evictions++;
    return true;
}

static bool take_row(void *context, uint8_t version, struct cursor *c)
{
    struct restoring *r = context;
    struct digest digest = load_digest(c);
    if (cursor_is_short(c) || version != r->watch->detector->version)
        return false;
    bool is_good = take_cell(r, &digest, c);
    r->watch->ring->now = NULL;
    return is_good;
}

static int older_first(const void *a, const void *b)
{
    const struct key *x = *(struct key *const *)a, *y = *(struct key *const *)b;
    return (x->last_ns > y->last_ns) - (x->last_ns < y->last_ns);
}

/* Every rule had its keys in the order of time: now all of them are.  Without memory for that the
 * order stays as it is. */
static void order_keys(struct keyring *r)
{
    size_t count = 0;
    struct key **keys = malloc((table_count(r->layout->keys) + 1) * sizeof(struct key *));
    if (!keys)
        return;
    for (struct key *k = table_oldest(r->layout->keys); k; k = table_next(r->layout->keys, k))
        keys[count++] = k;
    qsort(keys, count, sizeof(struct key *), older_first);
    for (size_t i = 0; i < count; i++)
        table_touch_value(r->layout->keys, keys[i]);
    free(keys);
}

static bool take_mark(void *context, uint8_t version, struct cursor *c)
{
    struct restoring *r = context;
    return version == MARKS_VERSION && marks_load_row(r->watch->marks, c);
}

static bool take_evidence(void *context, uint8_t version, struct cursor *c)
{
    const struct restoring *r = context;
    struct bytes id = unpack_string(c, RULE_ID_MAX);
    struct evidence_key key = {.digest = load_digest(c)};
    if (cursor_is_short(c) || version != EVIDENCE_VERSION)
        return false;
    for (size_t i = 0; i < r->engine->rules_count; i++) {
        const struct watch *w = r->engine->watches[i];
        if (!bytes_are(id, w->detection.rule->id))
            continue;
        key.watch = w->number;
        struct evidence_list *list = table_touch(r->engine->evidence, &key, NULL);
        return !list || (evidence_load(list, c) && unpack_done(c));
    }
    return true; /* its rule is gone */
}

/* Whether a head is of the rule as it is now. */
static bool is_of(const struct watch *w, struct cursor *head)
{
    struct digest meaning, saved = load_digest(head);
    return fingerprint_of(w, &meaning) && meaning.low == saved.low && meaning.high == saved.high;
}

static void restore_marks(struct restoring *r, struct state *s)
{
    struct watch *w = r->watch;
    char name[STATE_NAME_MAX + 1];
    uint8_t version;
    struct cursor head;
    name_part(name, "before", w->detection.rule);
    if (w->marks && state_head(s, name, &version, &head) && version == MARKS_VERSION &&
        is_of(w, &head) && marks_load(w->marks, &head))
        state_rows(s, name, take_mark, r);
}

/* Whether the state has, under that rule's id, what the watch counts; then *head is after that. */
static bool is_there(const struct restoring *r, struct state *s, const struct rule *rule,
                     struct cursor *head)
{
    const struct watch *w = r->watch;
    char name[STATE_NAME_MAX + 1];
    uint8_t version;
    name_part(name, kind_of(w), rule);
    return state_head(s, name, &version, head) && version == w->detector->version && is_of(w, head);
}

/* Takes it up; false where it is not there. */
static bool restore_as(struct restoring *r, struct state *s, const struct rule *rule)
{
    struct watch *w = r->watch;
    char name[STATE_NAME_MAX + 1];
    struct cursor head;
    if (!is_there(r, s, rule, &head))
        return false;
    if (w->detector->load_whole &&
        !(w->detector->load_whole(&w->detection, &head) && unpack_done(&head)))
        return false;
    name_part(name, kind_of(w), rule);
    state_rows(s, name, take_row, r);
    return true;
}

/* A tally was saved under the id of one of its rules, or of another one with which they shared it.
 * Those of before stay in the state for a while: the newest counts. */
static bool restore_tally(struct restoring *r, struct state *s)
{
    const struct engine *e = r->engine;
    const struct rule *found = NULL;
    int64_t newest_ns = INT64_MIN;
    for (int of_others = 0; of_others < 2; of_others++) {
        for (size_t i = 0; i < e->rules_count; i++) {
            const struct watch *w = e->watches[i];
            char name[STATE_NAME_MAX + 1];
            struct cursor head;
            name_part(name, kind_of(r->watch), w->detection.rule);
            int64_t seen_ns = state_seen_ns(s, name);
            if ((w->tally != r->watch) == of_others && seen_ns > newest_ns &&
                is_there(r, s, w->detection.rule, &head)) {
                found = w->detection.rule;
                newest_ns = seen_ns;
            }
        }
    }
    return found && restore_as(r, s, found);
}

static bool has_part(struct state *s, const struct watch *w)
{
    char name[STATE_NAME_MAX + 1];
    uint8_t version;
    struct cursor head;
    name_part(name, kind_of(w), w->detection.rule);
    return state_head(s, name, &version, &head);
}

void engine_restore(struct engine *e, struct state *s, struct engine_restored *restored,
                    void (*tell)(void *context, const char *text), void *context)
{
    struct restoring r = {.engine = e};
    *restored = (struct engine_restored){.rules = 0};
    for (size_t i = e->rules_count; i < e->watches_count; i++) {
        r.watch = e->watches[i];
        r.watch->is_restored = restore_tally(&r, s);
    }
    for (size_t i = 0; i < e->rules_count; i++) {
        char text[ERROR_TEXT_MAX];
        struct watch *w = r.watch = e->watches[i];
        bool has_tally = !w->tally || w->tally->is_restored;
        if (has_tally && restore_as(&r, s, w->detection.rule)) {
            restore_marks(&r, s);
            restored->rules++;
            continue;
        }
        if (!has_part(s, w))
            continue;
        restored->anew++;
        (void)snprintf(text, sizeof(text),
                       "the rule %s does not count as it did when the state was written: it begins "
                       "anew",
                       w->detection.rule->id);
        tell(context, text);
    }
    state_rows(s, evidence_name, take_evidence, &r);
    for (size_t i = 0; i < e->rings_count; i++)
        order_keys(e->rings[i]);
    restored->keys = r.keys;
    e->is_lasting = true;
    for (size_t i = 0; i < e->watches_count; i++)
        watch_last(e->watches[i]);
    evidence_last(e);
}
