#include "subjects/world.h"

#include "core/clock.h"
#include "core/siphash.h"

#include <endian.h>
#include <stdlib.h>

static const uint8_t persons[] = {SUBJECT_PERSONNUMMER, SUBJECT_FODSELSNUMMER, SUBJECT_HETU,
                                  SUBJECT_RRN, SUBJECT_CPR};

struct subject_world *world_open(struct subjects *s, size_t bytes_max)
{
    struct subject_world *w = calloc(1, sizeof(*w));
    struct hash_key seed = {0};
    if (!w)
        return NULL;
    (void)hash_key_random(&seed); /* without, a name could be made to look like another */
    w->subjects = s;
    w->seed = seed.low;
    w->budget.bytes_max = bytes_max ? bytes_max : SIZE_MAX;
    if (s->recogniser && !(w->scans = scans_open(s->recogniser, &w->budget))) {
        free(w);
        return NULL;
    }
    return w;
}

void world_close(struct subject_world *w)
{
    if (!w)
        return;
    honey_view_close(w->subjects->honey, &w->honey);
    scans_close(w->scans);
    free(w);
}

enum { WORD = sizeof(uint64_t) };

/* The first lowest. */
static uint64_t load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return le64toh(word);
}

/* Keeps a name that can be compared by two loads; a quote in it would be its end. */
static void name_keep(struct world_name *n, struct bytes name)
{
    uint8_t text[2 * WORD] = {0};
    n->len = 0;
    if (name.len >= sizeof(text))
        return;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < ' ' || name.data[i] == '"' || name.data[i] == '\\')
            return;
        text[i] = name.data[i];
    }
    text[name.len] = '"';
    n->len = (uint8_t)(name.len + 1);
    n->last_at = n->len > WORD ? (uint8_t)(n->len - WORD) : 0;
    n->mask = n->len < WORD ? (UINT64_C(1) << 8 * n->len) - 1 : UINT64_MAX;
    n->first = load(text);
    n->last = load(text + n->last_at);
}

static struct world_name *name_find(struct subject_world *w, struct bytes name)
{
    uint64_t hash = hash_bytes(name, w->seed) | 1;
    struct world_name *n = &w->names[hash >> 32 & (WORLD_NAMES_COUNT - 1)];
    if (n->hash == hash)
        return n;
    enum subject_kind kind = names_find(w->subjects->names, name);
    n->hash = hash;
    n->kind = (uint8_t)(w->subjects->rank[kind] == SUBJECTS_RANK_OFF ? SUBJECT_NONE : kind);
    name_keep(n, name);
    return n;
}

enum subject_kind world_name(struct subject_world *w, struct bytes name)
{
    return (enum subject_kind)name_find(w, name)->kind;
}

enum subject_kind world_name_behind(struct subject_world *w, uint16_t *place, struct bytes name)
{
    const struct world_name *n = name_find(w, name);
    uint16_t own = (uint16_t)(n - w->names);
    w->names[*place].next = own;
    *place = own;
    return (enum subject_kind)n->kind;
}

size_t world_name_again(const struct subject_world *w, uint16_t *place, struct bytes text,
                        enum subject_kind *kind)
{
    const struct world_name *n = &w->names[w->names[*place].next];
    if (n->len == 0 || text.len < 2 * WORD || (load(text.data) & n->mask) != n->first ||
        (load(text.data + n->last_at) & n->mask) != n->last)
        return 0;
    *place = w->names[*place].next;
    *kind = (enum subject_kind)n->kind;
    return n->len - 1U;
}

enum subject_kind world_key(struct subject_world *w, struct bytes key, struct bytes *value)
{
    enum subject_kind kind = key_patterns_find(&w->subjects->patterns, key, value);
    if (kind != SUBJECT_NONE)
        return w->subjects->rank[kind] == SUBJECTS_RANK_OFF ? SUBJECT_NONE : kind;
    for (size_t len = bytes_index(key, ':'); len < key.len; len = bytes_index(key, ':')) {
        kind = world_name(w, bytes_first(key, len));
        key = bytes_from(key, len + 1);
        if (kind == SUBJECT_NONE)
            continue;
        *value = bytes_first(key, bytes_index(key, ':'));
        /* a key's slot in a cluster stands in braces */
        if (bytes_start(*value, "{") && value->data[value->len - 1] == '}')
            *value = bytes_first(bytes_from(*value, 1), value->len - 2);
        return kind;
    }
    return SUBJECT_NONE;
}

static bool is_person(enum subject_kind kind)
{
    for (size_t i = 0; i < sizeof(persons); i++) {
        if (persons[i] == kind)
            return true;
    }
    return false;
}

static bool read_any_person(const struct subject_world *w, struct bytes text, struct identifier *id)
{
    for (size_t i = 0; i < sizeof(persons); i++) {
        if (w->subjects->rank[persons[i]] != SUBJECTS_RANK_OFF &&
            identifier_read(id, &w->subjects->countries, (enum subject_kind)persons[i], text))
            return true;
    }
    return false;
}

/* Two hashes, of two ways to put numbers together by fours. */
static void set_near(const struct subject_world *w, const struct identifier *id,
                     struct gathered *value)
{
    uint64_t number;
    size_t before;
    value->has_near = identifier_number(id, &number, &before);
    for (uint64_t i = 0; value->has_near && i < 2; i++) {
        uint64_t group = (number + 2 * i) >> 2;
        struct siphash hash;
        siphash_begin(&hash, &w->subjects->keys[0]);
        siphash_add(&hash, bytes_of("near"));
        siphash_add(&hash, (struct bytes){&id->kind, 1});
        siphash_add(&hash, bytes_first(identifier_text(id), before));
        siphash_add(&hash, (struct bytes){(const uint8_t *)&group, sizeof(group)});
        value->near[i] = siphash_end(&hash);
    }
}

static bool is_planted(struct subject_world *w, const struct identifier *id, uint64_t by_first)
{
    const struct subjects *s = w->subjects;
    if (honey_is_empty(s->honey, &w->honey))
        return false;
    bool is_there = honey_has(s->honey, &w->honey, by_first);
    for (size_t key = 1; key < s->keys_count && !is_there; key++)
        is_there = honey_has(s->honey, &w->honey, subjects_id(s, id, key));
    return is_there;
}

/* False where the kind is not looked for. */
static bool hash(struct subject_world *w, const struct identifier *id, bool is_asked,
                 struct gathered *value)
{
    const struct subjects *s = w->subjects;
    if (s->rank[id->kind] == SUBJECTS_RANK_OFF)
        return false;
    *value = (struct gathered){.id = subjects_id(s, id, 0), .kind = id->kind};
    if (is_asked)
        set_near(w, id, value);
    value->is_planted = is_planted(w, id, value->id);
    w->identifiers++;
    return true;
}

static bool read_text(const struct subject_world *w, enum subject_kind kind, struct bytes text,
                      struct identifier *id)
{
    const struct countries *countries = &w->subjects->countries;
    if (kind == SUBJECT_NONE)
        return identifier_recognise(id, countries, text);
    return identifier_read(id, countries, kind, text) ||
           (is_person(kind) && read_any_person(w, text, id));
}

bool world_read(struct subject_world *w, enum subject_kind kind, struct bytes text, bool is_asked,
                struct gathered *value)
{
    struct identifier id;
    return read_text(w, kind, text, &id) && hash(w, &id, is_asked, value);
}

bool world_may_scan(struct subject_world *w, int64_t now_ns)
{
    int64_t second_ns = now_ns - now_ns % CLOCK_SECOND_NS;
    if (w->second_ns != second_ns) {
        w->second_ns = second_ns;
        w->second_scanned = w->scanned;
    }
    return w->subjects->rate_max == 0 || w->scanned - w->second_scanned < w->subjects->rate_max;
}

void world_token(struct subject_world *w, enum token kind, struct bytes token, bool is_asked,
                 void (*take)(void *context, const struct gathered *value), void *context)
{
    struct identifier id;
    struct gathered value;
    while (identifier_take(&id, &w->subjects->countries, kind, &token)) {
        if (hash(w, &id, is_asked, &value))
            take(context, &value);
    }
}

/* What has nothing yet gets its memory. */
static bool make(struct subject_world *w, struct gathering **g)
{
    if (*g)
        return true;
    if (!budget_resize(&w->budget, g, 0, sizeof(**g)))
        return false;
    **g = (struct gathering){0};
    return true;
}

void world_gather(struct subject_world *w, struct gathering **g, enum gathered_as as,
                  const struct gathered *value)
{
    const uint8_t *rank = w->subjects->rank;
    bool is_counted = make(w, g);
    if (is_counted && value->is_planted)
        gathering_honey(*g, value->id);
    if (is_counted && as == GATHERED_ASKED)
        is_counted = gathering_ask(*g, &w->budget, rank, value);
    else if (is_counted && as == GATHERED_LOOSE)
        is_counted = gathering_loose(*g, &w->budget, rank, value);
    else if (is_counted)
        gathering_tell(*g, rank, value);
    w->denied += !is_counted;
}

/* Whether the record has a better name already, so that the hash of another is of no use. */
static bool is_named(struct subject_world *w, const struct gathering *g, enum gathered_as as,
                     unsigned kind)
{
    const uint8_t *rank = w->subjects->rank;
    return as == GATHERED_TOLD && g && g->record_kind != SUBJECT_NONE &&
           rank[kind] != SUBJECTS_RANK_OFF && rank[g->record_kind] <= rank[kind] &&
           honey_is_empty(w->subjects->honey, &w->honey);
}

void world_gather_text(struct subject_world *w, struct gathering **g, enum gathered_as as,
                       enum subject_kind kind, struct bytes text)
{
    struct identifier id;
    struct gathered value;
    if (!read_text(w, kind, text, &id))
        return;
    if (is_named(w, *g, as, id.kind)) {
        (*g)->kinds[id.kind]++;
        w->identifiers++;
    } else if (hash(w, &id, as == GATHERED_ASKED, &value)) {
        world_gather(w, g, as, &value);
    }
}

void world_end_record(struct subject_world *w, struct gathering *g)
{
    if (g && !gathering_end_record(g, &w->budget))
        w->denied++;
}

void world_fill(struct subject_world *w, struct gathering *g, struct transaction *tx)
{
    w->denied += !gathering_fill(g, &w->budget, w->subjects->rank, tx);
}

void world_adopt(struct subject_world *w, struct gathering **into, struct gathering **from)
{
    if (!*from)
        return;
    world_end_record(w, *from);
    if (!*into) {
        *into = *from;
        *from = NULL;
        return;
    }
    w->denied += !gathering_merge(*into, &w->budget, w->subjects->rank, *from);
    world_drop(w, from);
}

void world_drop(struct subject_world *w, struct gathering **g)
{
    if (!*g)
        return;
    gathering_clear(*g, &w->budget);
    budget_free(&w->budget, g, sizeof(**g));
}
