/*
 * The names of the fields as a tree, an object a node.  Our own logs have the members in the order
 * of the table, so the member looked for first is the one behind the last: most names cost one
 * comparison of eight bytes.
 */
#include "core/transaction_read.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/json_read.h"
#include "core/sketch.h"

#include <stdlib.h>

enum {
    NODES_MAX = FIELDS_COUNT * 4 + 8,
    NODE_NAME_MAX = 40, /* with its quotes */
    TIME_LEN = 30,      /* as clock_print writes it */
    MINUTE_LEN = 17,    /* "2026-01-05T09:30:" */
    SECONDS_AT = 17,    /* in the text of a time */
    FRACTION_AT = 20,   /* likewise */
};

enum node_kind { NODE_OBJECT, NODE_FIELD, NODE_KIND, NODE_DATASET, NODE_APART };

struct node {
    enum node_kind kind;
    enum field field;
    struct node *first, *next; /* the first member, and the one behind this */
    uint64_t head, head_mask;  /* the first bytes of the name, as they lie in memory */
    size_t len;
    char name[NODE_NAME_MAX]; /* with its quotes, no terminating zero */
};

struct transaction_reader {
    struct node root, nodes[NODES_MAX];
    size_t nodes_count;
    field_set of_mirror, of_others; /* fields that share their memory */
    struct json_reader json;
    struct transaction *t;
    struct bytes dataset;
    struct bytes texts[READ_TEXTS_MAX];
    size_t texts_count;
    uint64_t near[SUBJECT_NEAR_MAX]; /* of ids that a line has without subject.near */
    size_t near_count;
    uint64_t hashes[READ_HASHES_MAX];
    size_t hashes_count;
    uint64_t tally[SUBJECT_KINDS_COUNT];
    uint8_t registers[SKETCH_REGISTERS];
    char minute[MINUTE_LEN]; /* the text of a minute that was read, and its time */
    int64_t minute_ns;
};

static struct node *node_add(struct transaction_reader *r, struct node *parent, struct bytes name)
{
    struct node *n = &r->nodes[r->nodes_count++], **last = &parent->first;
    while (*last)
        last = &(*last)->next;
    *last = n;
    n->len = name.len + 2;
    n->name[0] = n->name[name.len + 1] = '"';
    memcpy(n->name + 1, name.data, name.len);
    uint8_t mask[sizeof(n->head)] = {0};
    size_t head_len = n->len < sizeof(n->head) ? n->len : sizeof(n->head);
    memset(mask, 0xff, head_len);
    memcpy(&n->head, n->name, head_len);
    memcpy(&n->head_mask, mask, sizeof(mask));
    return n;
}

/* The member of that name, added where there is none. */
static struct node *node_of(struct transaction_reader *r, struct node *parent, struct bytes name)
{
    for (struct node *n = parent->first; n; n = n->next) {
        struct bytes own = {(const uint8_t *)n->name + 1, n->len - 2};
        if (bytes_equal(own, name))
            return n;
    }
    return node_add(r, parent, name);
}

static void add_path(struct transaction_reader *r, const char *path, enum node_kind kind,
                     enum field field)
{
    struct node *n = &r->root;
    for (struct bytes left = bytes_of(path); left.len > 0;) {
        size_t dot = bytes_index(left, '.');
        n = node_of(r, n, bytes_first(left, dot));
        left = bytes_from(left, dot + 1);
    }
    n->kind = kind;
    n->field = field;
}

struct transaction_reader *transaction_reader_open(void)
{
    struct transaction_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    add_path(r, FIELDS[FIELD_TIMESTAMP].name, NODE_FIELD, FIELD_TIMESTAMP);
    add_path(r, "event.kind", NODE_KIND, FIELDS_COUNT);
    add_path(r, "event.dataset", NODE_DATASET, FIELDS_COUNT);
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        add_path(r, FIELDS[f].name, NODE_FIELD, (enum field)f);
        bool is_shared = FIELDS[f].offset >= offsetof(struct transaction, mirror) &&
                         FIELDS[f].offset < offsetof(struct transaction, partial);
        bool is_mirror = is_shared && bytes_start(bytes_of(FIELDS[f].name), "mirror.");
        r->of_mirror |= is_mirror ? FIELD_BIT(f) : 0;
        r->of_others |= is_shared && !is_mirror ? FIELD_BIT(f) : 0;
    }
    add_path(r, TRANSACTION_APART, NODE_APART, FIELDS_COUNT);
    return r;
}

void transaction_reader_close(struct transaction_reader *r)
{
    free(r);
}

const char *transaction_read_problem(const struct transaction_reader *r)
{
    return r->json.problem ? r->json.problem : "nothing";
}

static bool two_digits(const uint8_t *text, unsigned max, unsigned *value)
{
    unsigned tens = (unsigned)text[0] - '0', ones = (unsigned)text[1] - '0';
    *value = tens * 10 + ones;
    return tens <= 9 && ones <= 9 && *value <= max;
}

/* The rest of a time whose minute was read before. */
static bool read_in_minute(const struct transaction_reader *r, const uint8_t *text, int64_t *ns)
{
    unsigned second;
    int64_t part = 0;
    if (!two_digits(text + SECONDS_AT, 59, &second) || text[FRACTION_AT - 1] != '.' ||
        text[TIME_LEN - 1] != 'Z')
        return false;
    for (size_t i = FRACTION_AT; i < TIME_LEN - 1; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        part = part * 10 + (text[i] - '0');
    }
    *ns = r->minute_ns + (int64_t)second * CLOCK_SECOND_NS + part;
    return true;
}

static bool read_time(struct transaction_reader *r, int64_t *ns)
{
    struct bytes text;
    if (!json_read_text(&r->json, &text))
        return false;
    bool is_usual = text.len == TIME_LEN;
    if (is_usual && memcmp(text.data, r->minute, MINUTE_LEN) == 0 &&
        read_in_minute(r, text.data, ns))
        return true;
    if (!clock_parse(ns, text))
        return json_read_fail(&r->json, "no time where one belongs");
    unsigned second;
    if (is_usual && text.data[TIME_LEN - 1] == 'Z' &&
        two_digits(text.data + SECONDS_AT, 59, &second)) {
        int64_t rest = *ns % (60 * CLOCK_SECOND_NS);
        memcpy(r->minute, text.data, MINUTE_LEN);
        r->minute_ns = *ns - (rest < 0 ? rest + 60 * CLOCK_SECOND_NS : rest);
    }
    return true;
}

static bool read_share(struct json_reader *json, uint64_t *share)
{
    double value;
    if (!json_read_real(json, &value))
        return false;
    if (!(value >= 0 && value <= 1))
        return json_read_fail(json, "no share from 0 to 1 where one belongs");
    *share = (uint64_t)(value * SHARE_ONE + 0.5);
    return true;
}

static bool read_hash(struct json_reader *json, uint64_t *hash)
{
    struct bytes text;
    return json_read_text(json, &text) &&
           (hash_parse(hash, text) ||
            json_read_fail(json, "no 16 hexadecimal digits where they belong"));
}

static bool read_choice(struct json_reader *json, enum field f, unsigned *choice)
{
    struct bytes text;
    if (!json_read_text(json, &text))
        return false;
    for (unsigned i = 0; FIELDS[f].choices[i]; i++) {
        if (bytes_are(text, FIELDS[f].choices[i])) {
            *choice = i;
            return true;
        }
    }
    return json_read_fail(json, "a word that is none of those that its field can have");
}

static bool read_texts(struct transaction_reader *r, struct texts *texts)
{
    struct json_reader *json = &r->json;
    *texts = (struct texts){&r->texts[r->texts_count], 0};
    if (!json_read_take(json, '['))
        return json_read_fail(json, "no list where one belongs");
    if (json_read_take(json, ']'))
        return true;
    do {
        if (r->texts_count == READ_TEXTS_MAX)
            return json_read_fail(json, "a list that is too long");
        if (!json_read_text(json, &r->texts[r->texts_count++]))
            return false;
        texts->count++;
    } while (json_read_take(json, ','));
    return json_read_take(json, ']') || json_read_fail(json, "a list that does not end");
}

/* The neighbourhoods of an id of another program. */
static void add_near(struct transaction_reader *r, struct bytes id)
{
    if (r->near_count + 2 <= SUBJECT_NEAR_MAX && subject_near_parse(&r->near[r->near_count], id))
        r->near_count += 2;
}

static bool read_hashes(struct transaction_reader *r, enum field f, struct hashes *hashes)
{
    struct json_reader *json = &r->json;
    *hashes = (struct hashes){&r->hashes[r->hashes_count], 0, NULL};
    if (!json_read_take(json, '['))
        return json_read_fail(json, "no list where one belongs");
    if (json_read_take(json, ']'))
        return true;
    do {
        struct bytes text;
        if (r->hashes_count == READ_HASHES_MAX)
            return json_read_fail(json, "a list that is too long");
        if (!json_read_text(json, &text))
            return false;
        r->hashes[r->hashes_count++] = subject_id_parse(text);
        if (f == FIELD_SUBJECT_IDS)
            add_near(r, text);
        hashes->count++;
    } while (json_read_take(json, ','));
    return json_read_take(json, ']') || json_read_fail(json, "a list that does not end");
}

/* All of subject.ids, of which that list has only the first; it comes behind it. */
static bool read_sketch(struct transaction_reader *r, struct hashes *hashes)
{
    struct json_reader *json = &r->json;
    struct bytes text;
    uint64_t *items = &r->hashes[r->hashes_count];
    const uint8_t *registers;
    size_t count;
    if (!json_read_text(json, &text))
        return false;
    if (READ_HASHES_MAX - r->hashes_count < SKETCH_EXACT_MAX ||
        !sketch_parse(text, items, &count, r->registers, &registers))
        return json_read_fail(json, "no sketch where one belongs");
    r->hashes_count += count;
    if (registers)
        hashes->registers = registers;
    else
        *hashes = (struct hashes){items, count, NULL};
    return true;
}

static bool read_tally(struct transaction_reader *r, const uint64_t **tally)
{
    struct json_reader *json = &r->json;
    memset(r->tally, 0, sizeof(r->tally));
    *tally = r->tally;
    if (!json_read_take(json, '{'))
        return json_read_fail(json, "no object where one belongs");
    if (json_read_take(json, '}'))
        return true;
    do {
        struct bytes name;
        if (!json_read_text(json, &name) || !json_read_take(json, ':'))
            return json_read_fail(json, "no name where one belongs");
        enum subject_kind kind = subject_kind_find(name);
        if (!(kind != SUBJECT_NONE ? json_read_unsigned(json, &r->tally[kind])
                                   : json_read_skip(json)))
            return false;
    } while (json_read_take(json, ','));
    return json_read_take(json, '}') || json_read_fail(json, "an object that does not end");
}

static bool read_address(struct json_reader *json, struct address *a)
{
    struct bytes text;
    return json_read_text(json, &text) &&
           (address_parse(a, text) || json_read_fail(json, "no address where one belongs"));
}

static bool read_place(struct json_reader *json, struct place *place)
{
    bool has_latitude = false, has_longitude = false;
    if (!json_read_take(json, '{'))
        return json_read_fail(json, "no place where one belongs");
    do {
        struct bytes name;
        if (!json_read_text(json, &name) || !json_read_take(json, ':'))
            return json_read_fail(json, "no place where one belongs");
        bool is_latitude = bytes_are(name, "lat"), is_longitude = bytes_are(name, "lon");
        if (!(is_latitude    ? json_read_real(json, &place->latitude)
              : is_longitude ? json_read_real(json, &place->longitude)
                             : json_read_skip(json)))
            return false;
        has_latitude = has_latitude || is_latitude;
        has_longitude = has_longitude || is_longitude;
    } while (json_read_take(json, ','));
    return (has_latitude && has_longitude && json_read_take(json, '}')) ||
           json_read_fail(json, "no place where one belongs");
}

static bool read_value(struct transaction_reader *r, enum field f, void *value)
{
    struct json_reader *json = &r->json;
    switch (FIELDS[f].type) {
    case FIELD_TYPE_TIME:
        return read_time(r, value);
    case FIELD_TYPE_UNSIGNED:
        return json_read_unsigned(json, value);
    case FIELD_TYPE_SHARE:
        return read_share(json, value);
    case FIELD_TYPE_HASH:
        return read_hash(json, value);
    case FIELD_TYPE_BOOLEAN:
        return json_read_boolean(json, value);
    case FIELD_TYPE_CHOICE:
        return read_choice(json, f, value);
    case FIELD_TYPE_TEXT:
        return json_read_text(json, value);
    case FIELD_TYPE_TEXTS:
        return read_texts(r, value);
    case FIELD_TYPE_HASHES:
        return read_hashes(r, f, value);
    case FIELD_TYPE_SKETCH:
        return read_sketch(r, value);
    case FIELD_TYPE_TALLY:
        return read_tally(r, value);
    case FIELD_TYPE_ADDRESS:
        return read_address(json, value);
    case FIELD_TYPE_PLACE:
        return read_place(json, value);
    }
    return false;
}

/* Moves over the name where it is the next one. */
static inline bool node_is_next(struct json_reader *json, const struct node *n)
{
    uint64_t head;
    if (json->len - json->at < sizeof(head) + NODE_NAME_MAX) { /* near the end of the line */
        if (json->len - json->at < n->len || memcmp(json->text + json->at, n->name, n->len) != 0)
            return false;
    } else {
        memcpy(&head, json->text + json->at, sizeof(head));
        if ((head & n->head_mask) != n->head)
            return false;
        if (n->len > sizeof(head) && memcmp(json->text + json->at, n->name, n->len) != 0)
            return false;
    }
    json->at += n->len;
    return true;
}

/* The member that is next, its name passed over; NULL: none that we know.  `last` is the member
 * before it. */
static const struct node *find_member(struct json_reader *json, const struct node *parent,
                                      const struct node *last)
{
    (void)json_read_peek(json);
    for (const struct node *n = last ? last->next : parent->first; n; n = n->next) {
        if (node_is_next(json, n))
            return n;
    }
    for (const struct node *n = parent->first; last && n != last->next; n = n->next) {
        if (node_is_next(json, n))
            return n;
    }
    return NULL;
}

/* A member that is no object. */
static bool read_leaf(struct transaction_reader *r, const struct node *n)
{
    struct json_reader *json = &r->json;
    if (json_read_null(json))
        return true;
    if (n->kind == NODE_KIND) /* the dataset tells it too */
        return json_read_skip(json);
    if (n->kind == NODE_DATASET)
        return json_read_text(json, &r->dataset);
    if (n->kind == NODE_APART)
        return json_read_boolean(json, &r->t->is_apart);
    field_set rivals = r->of_mirror >> n->field & 1   ? r->of_others
                       : r->of_others >> n->field & 1 ? r->of_mirror
                                                      : 0;
    if (r->t->present & rivals)
        return json_read_fail(json, "fields of the mirror's health beside those of a request");
    if (!read_value(r, n->field, (char *)r->t + FIELDS[n->field].offset))
        return false;
    transaction_mark(r->t, n->field);
    return true;
}

/* An object of the tree, which is as deep as the longest name of a field. */
static bool read_object(struct transaction_reader *r, const struct node *parent)
{
    struct json_reader *json = &r->json;
    if (json_read_null(json))
        return true;
    if (!json_read_take(json, '{'))
        return json_read_fail(json, "no object where one belongs");
    if (json_read_take(json, '}'))
        return true;
    const struct node *last = NULL;
    do {
        struct bytes name;
        const struct node *n = find_member(json, parent, last);
        if (!n && !json_read_text(json, &name))
            return false;
        if (!json_read_take(json, ':'))
            return json_read_fail(json, "no ':' after a name");
        bool is_read = !n                       ? json_read_skip(json)
                       : n->kind == NODE_OBJECT ? read_object(r, n)
                                                : read_leaf(r, n);
        if (!is_read)
            return false;
        last = n ? n : last;
    } while (json_read_take(json, ','));
    return json_read_take(json, '}') || json_read_fail(json, "an object that does not end");
}

static enum read_kind kind_of(struct transaction_reader *r)
{
    bool is_mirror = bytes_are(r->dataset, "seepwatch.mirror");
    bool is_transaction = bytes_are(r->dataset, "seepwatch.transaction");
    if (!is_mirror && !is_transaction && r->dataset.len > 0)
        return READ_OTHER;
    if (!is_mirror && !is_transaction)
        (void)json_read_fail(&r->json, "no event.dataset");
    else if (!transaction_has(r->t, FIELD_TIMESTAMP))
        (void)json_read_fail(&r->json, "no @timestamp");
    else if (is_mirror ? !transaction_has(r->t, FIELD_MIRROR_PACKETS)
                       : (r->t->present & r->of_mirror) != 0)
        (void)json_read_fail(&r->json, "fields that its dataset does not have");
    if (r->json.problem)
        return READ_BAD;
    return is_mirror ? READ_MIRROR : READ_TRANSACTION;
}

enum read_kind transaction_read(struct transaction_reader *r, uint8_t *line, size_t len,
                                struct transaction *t)
{
    *t = (struct transaction){.present = 0};
    r->t = t;
    r->json = (struct json_reader){.text = line, .len = len};
    r->dataset = (struct bytes){NULL, 0};
    r->texts_count = r->hashes_count = r->near_count = 0;
    if (!read_object(r, &r->root) || !json_read_end(&r->json))
        return READ_BAD;
    if (r->near_count > 0 && !transaction_has(t, FIELD_SUBJECT_NEAR)) {
        t->subject_near = (struct hashes){r->near, r->near_count, NULL};
        transaction_mark(t, FIELD_SUBJECT_NEAR);
    }
    return kind_of(r);
}
