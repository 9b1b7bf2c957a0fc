/*
 * One reader for each type of field.
 */
#include "rules/trial_value.h"

#include "rules/detector.h"
#include "rules/quantity.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static void *place_of(struct transaction *t, enum field f)
{
    return (char *)t + FIELDS[f].offset;
}

static bool refuse(const struct reader *r, const struct yaml_node *n, enum field f,
                   const char *advice)
{
    problems_add(r->v->problems, n->at, "this is no value of %s: %s", FIELDS[f].name, advice);
    return false;
}

static bool read_amount(const struct reader *r, const struct yaml_node *n, enum field f,
                        uint64_t *value)
{
    enum quantity_unit unit = quantity_unit_of(f);
    enum quantity_status status = quantity_parse(value, n->text, unit);
    return status == QUANTITY_GOOD || refuse(r, n, f, quantity_advice(status, unit));
}

static bool read_hash(const struct reader *r, const struct yaml_node *n, enum field f,
                      uint64_t *value)
{
    char *end = NULL;
    if (n->text.len == 16)
        *value = strtoull((const char *)n->text.data, &end, 16);
    return (end && *end == '\0') || refuse(r, n, f, "write its 16 hexadecimal digits");
}

static bool read_texts(const struct reader *r, const struct yaml_node *n, enum field f,
                       struct texts *value)
{
    struct bytes *items = arena_take(r->v->arena, TRIAL_TEXTS_MAX * sizeof(*items));
    if (n->kind == YAML_MAPPING || n->count > TRIAL_TEXTS_MAX)
        return refuse(r, n, f, "write a list of up to 16 texts");
    if (!items)
        return false;
    value->items = items;
    value->count = n->kind == YAML_SCALAR ? 1 : n->count;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *item = n->kind == YAML_SCALAR ? n : n->items[i].value;
        if (!yaml_expect(item, YAML_SCALAR, "a text", r->v->problems))
            return false;
        items[i] = arena_copy(r->v->arena, item->text);
    }
    return true;
}

/* The neighbourhoods of ids that end in a number, where the transaction does not name its own. */
static void add_near(const struct reader *r, const struct texts *ids, struct transaction *t)
{
    uint64_t *near = arena_take(r->v->arena, SUBJECT_NEAR_MAX * sizeof(*near));
    size_t count = 0;
    for (size_t i = 0; near && i < ids->count && count + 2 <= SUBJECT_NEAR_MAX; i++)
        count += subject_near_parse(&near[count], ids->items[i]) ? 2 : 0;
    if (count == 0 || transaction_has(t, FIELD_SUBJECT_NEAR))
        return;
    t->subject_near = (struct hashes){near, count, NULL};
    transaction_mark(t, FIELD_SUBJECT_NEAR);
}

static bool read_hashes(const struct reader *r, const struct yaml_node *n, enum field f,
                        struct transaction *t, struct trial_numbered *numbered)
{
    struct hashes *value = place_of(t, f);
    struct texts texts;
    uint64_t *items = arena_take(r->v->arena, TRIAL_TEXTS_MAX * sizeof(*items));
    if (!items || !read_texts(r, n, f, &texts))
        return false;
    for (size_t i = 0; i < texts.count; i++) {
        items[i] = subject_id_parse(texts.items[i]);
        bool is_numbered = bytes_find(texts.items[i], bytes_of("{n}")) < texts.items[i].len;
        if (is_numbered && texts.items[i].len > TRIAL_TEXT_MAX / 2)
            return refuse(r, n, f, "too long a text with {n}");
        if (is_numbered && f == FIELD_SUBJECT_IDS)
            numbered->ids = texts;
    }
    *value = (struct hashes){items, texts.count, NULL};
    if (f == FIELD_SUBJECT_IDS)
        add_near(r, &texts, t);
    return true;
}

static bool read_degrees(const struct yaml_node *n, double *degrees, double max)
{
    char *end = NULL;
    if (n->kind == YAML_SCALAR && n->text.len > 0)
        *degrees = strtod((const char *)n->text.data, &end);
    return end && *end == '\0' && isfinite(*degrees) && fabs(*degrees) <= max;
}

/* [59.3, 18.1] */
static bool read_place(const struct reader *r, const struct yaml_node *n, enum field f,
                       struct place *place)
{
    return (n->kind == YAML_SEQUENCE && n->count == 2 &&
            read_degrees(n->items[0].value, &place->latitude, 90) &&
            read_degrees(n->items[1].value, &place->longitude, 180)) ||
           refuse(r, n, f, "write [latitude, longitude] in degrees, such as [59.3, 18.1]");
}

static void read_text(const struct reader *r, const struct yaml_node *n, enum field f,
                      struct bytes *text, struct trial_numbered *numbered)
{
    *text = arena_copy(r->v->arena, n->text);
    if (bytes_find(*text, bytes_of("{n}")) == text->len)
        return;
    if (numbered->count == TRIAL_NUMBERED_MAX || text->len > TRIAL_TEXT_MAX / 2)
        (void)refuse(r, n, f, "too many texts with {n}, or too long a one");
    else
        numbered->fields[numbered->count++] = f;
}

static bool read_scalar(const struct reader *r, const struct yaml_node *n, enum field f,
                        struct transaction *t, struct trial_numbered *numbered)
{
    static const char *const booleans[] = {"false", "true", NULL};
    void *place = place_of(t, f);
    switch (FIELDS[f].type) {
    case FIELD_TYPE_UNSIGNED:
    case FIELD_TYPE_SHARE:
        return read_amount(r, n, f, place);
    case FIELD_TYPE_HASH:
        return read_hash(r, n, f, place);
    case FIELD_TYPE_BOOLEAN:
        *(bool *)place = reader_choice(r, FIELDS[f].name, n, booleans) == 1;
        return true;
    case FIELD_TYPE_CHOICE:
        *(unsigned *)place = reader_choice(r, FIELDS[f].name, n, FIELDS[f].choices);
        return true;
    case FIELD_TYPE_ADDRESS:
        return address_parse(place, n->text) ||
               refuse(r, n, f, "write it as 192.0.2.7 or 2001:db8::1");
    case FIELD_TYPE_SKETCH:
    case FIELD_TYPE_TALLY:
        return refuse(r, n, f, "a test cannot set it");
    case FIELD_TYPE_TIME:
        return refuse(r, n, f, "a transaction's time is written as 'at'");
    default:
        read_text(r, n, f, place, numbered);
        return true;
    }
}

void trial_read_field(const struct reader *r, const struct yaml_item *item, struct transaction *t,
                      struct trial_numbered *numbered)
{
    enum field f = reader_field(r, item->key, item->key->text, 0);
    bool is_good = false;
    if (f == FIELDS_COUNT)
        return;
    if (FIELDS[f].type == FIELD_TYPE_TEXTS)
        is_good = read_texts(r, item->value, f, place_of(t, f));
    else if (FIELDS[f].type == FIELD_TYPE_HASHES)
        is_good = read_hashes(r, item->value, f, t, numbered);
    else if (FIELDS[f].type == FIELD_TYPE_PLACE)
        is_good = read_place(r, item->value, f, place_of(t, f));
    else if (yaml_expect(item->value, YAML_SCALAR, FIELDS[f].name, r->v->problems))
        is_good = read_scalar(r, item->value, f, t, numbered);
    if (is_good)
        transaction_mark(t, f);
}

static struct bytes with_number(struct bytes value, uint64_t number, char room[TRIAL_TEXT_MAX])
{
    struct text text = text_over(room, TRIAL_TEXT_MAX);
    size_t at = bytes_find(value, bytes_of("{n}"));
    if (at == value.len)
        return value;
    text_add_bytes(&text, bytes_first(value, at));
    text_add(&text, "%" PRIu64, number);
    text_add_bytes(&text, bytes_from(value, at + strlen("{n}")));
    return bytes_of(room);
}

void trial_number(struct transaction *t, const struct trial_numbered *numbered, uint64_t number,
                  struct trial_numbers *room)
{
    char id[TRIAL_TEXT_MAX];
    for (size_t i = 0; i < numbered->ids.count; i++)
        room->ids[i] = subject_id_parse(with_number(numbered->ids.items[i], number, id));
    if (numbered->ids.count > 0)
        t->subject_ids.items = room->ids;
    for (size_t i = 0; i < numbered->count; i++) {
        struct bytes *value = place_of(t, numbered->fields[i]);
        *value = with_number(*value, number, room->texts[i]);
    }
}

void trial_read_key(const struct reader *r, const struct yaml_item *item, struct trial_key *key)
{
    enum field f = reader_field(r, item->key, item->key->text, 0);
    if (f == FIELDS_COUNT || !yaml_expect(item->value, YAML_SCALAR, FIELDS[f].name, r->v->problems))
        return;
    if (key->count == RULE_BY_MAX + 1) {
        reader_problem(r, item->key, "an alert has no more fields than these");
        return;
    }
    key->fields[key->count] = f;
    key->values[key->count++] = reader_text(r, FIELDS[f].name, item->value, EXPRESSION_TEXT_MAX);
}

bool trial_key_is(const struct trial_key *key, const struct transaction *t)
{
    for (size_t i = 0; i < key->count; i++) {
        char buffer[TRIAL_TEXT_MAX];
        if (!transaction_has(t, key->fields[i]) ||
            !bytes_are(detector_shown(t, key->fields[i], 0, buffer, sizeof(buffer)),
                       key->values[i]))
            return false;
    }
    return true;
}

void trial_key_print(struct text *t, const struct trial_key *key)
{
    for (size_t i = 0; i < key->count; i++) {
        text_add(t, " %s=", FIELDS[key->fields[i]].name);
        text_add_bytes(t, bytes_of(key->values[i]));
    }
}
