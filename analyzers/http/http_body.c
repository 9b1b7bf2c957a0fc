#include "analyzers/http/http_body.h"

/* The name of what is called in XML: the element in SOAP's Body, the text of methodName. */
struct call {
    struct markup markup;
    bool is_wanted;
    bool is_body_next, is_text_next;
    uint8_t text_len;
    char text[FACTS_OPERATION_MAX];
};

struct http_body {
    struct http_bodies *owner;
    struct unpacker *unpacker;
    enum codec codec;
    bool is_cut;
    bool is_graphql, has_facts;
    uint64_t packed_len, unpacked_len; /* bytes so far */
    struct facts_names names;
    struct http_facts facts;
    struct body_fields fields;
    struct call call;
    struct text_search failure;
    struct records records;
    struct body_subjects subjects;
};

static bool is_wanted(const struct http_body_plan *plan)
{
    return plan->records != RECORDS_NONE || plan->fields != FIELDS_NONE || plan->is_call ||
           plan->failure.len > 0 || plan->subjects.world;
}

struct http_body *http_body_open(struct http_bodies *all, const struct http_body_plan *plan)
{
    struct http_body *b = NULL;
    if (!is_wanted(plan))
        return NULL;
    if (budget_is_tight(all->codecs->budget) ||
        !budget_resize(all->codecs->budget, &b, 0, sizeof(*b))) {
        all->denied++;
        return NULL;
    }
    b->owner = all;
    b->codec = plan->codec;
    b->unpacker = NULL;
    b->is_cut = false;
    b->is_graphql = plan->is_graphql;
    b->has_facts = plan->fields != FIELDS_NONE || plan->is_call || plan->failure.len > 0;
    b->packed_len = b->unpacked_len = 0;
    b->names = plan->names;
    b->facts = (struct http_facts){0};
    b->call.is_wanted = false;
    if (plan->is_call)
        b->call = (struct call){.is_wanted = true};
    body_fields_begin(&b->fields, plan->fields, &all->key);
    text_search_begin(&b->failure, plan->failure);
    records_begin(&b->records, plan->records, plan->csv_header, plan->list_at);
    body_subjects_begin(&b->subjects, &plan->subjects, plan->csv_header);
    if (b->codec == CODEC_STORED)
        return b;
    b->unpacker = codec_open(all->codecs, b->codec);
    if (!b->unpacker) {
        all->denied++;
        http_body_close(b);
        return NULL;
    }
    return b;
}

void http_body_close(struct http_body *b)
{
    if (!b)
        return;
    struct codecs *codecs = b->owner->codecs;
    codec_close(codecs, b->unpacker);
    body_fields_clear(&b->fields);
    body_subjects_clear(&b->subjects);
    budget_free(codecs->budget, &b, sizeof(*b));
}

static void take_field(void *context, const struct facts_field *field)
{
    struct http_body *b = context;
    body_subjects_field(&b->subjects, field->name, field->value);
    if (b->is_graphql && bytes_are(field->name, "query"))
        facts_graphql(&b->facts, field->value);
    else if (b->is_graphql && bytes_are(field->name, "operationName") && field->is_text)
        facts_operation_set(&b->facts, field->value, (enum facts_operation)b->facts.operation);
    else
        facts_take(&b->facts, &b->names, field);
}

/* The text of methodName, up to the next tag. */
static void call_text(struct http_body *b, struct bytes *piece)
{
    struct call *c = &b->call;
    size_t len = bytes_index(*piece, '<');
    for (size_t i = 0; i < len && c->text_len < sizeof(c->text); i++)
        c->text[c->text_len++] = (char)piece->data[i];
    if (len < piece->len) {
        struct bytes text = {(const uint8_t *)c->text, c->text_len};
        facts_operation_set(&b->facts, bytes_trim(text), OPERATION_OTHER);
        c->is_wanted = false;
    }
    *piece = bytes_from(*piece, len);
}

static void call_take(struct http_body *b, struct bytes piece)
{
    struct call *c = &b->call;
    while (c->is_wanted && piece.len > 0) {
        if (c->is_text_next) {
            call_text(b, &piece);
            continue;
        }
        enum markup_event event = markup_next(&c->markup, &piece);
        if (event != MARKUP_OPEN && event != MARKUP_EMPTY)
            continue;
        struct bytes name = markup_local_name(&c->markup);
        if (c->is_body_next) {
            facts_operation_set(&b->facts, name, OPERATION_OTHER);
            c->is_wanted = false;
        }
        c->is_body_next = bytes_are(name, "Body");
        c->is_text_next = bytes_are(name, "methodName");
    }
}

static void read(struct http_body *b, struct bytes piece)
{
    struct fields_taker taker = {take_field, b};
    b->unpacked_len += piece.len;
    records_take(&b->records, piece);
    body_subjects_take(&b->subjects, piece);
    body_fields_take(&b->fields, piece, &taker);
    call_take(b, piece);
    text_search_take(&b->failure, piece);
    b->facts.has_error = b->facts.has_error || b->failure.is_found;
}

static void cut(struct http_body *b)
{
    b->is_cut = true;
    codec_close(b->owner->codecs, b->unpacker);
    b->unpacker = NULL;
}

/* How much came out before depends on how the bytes were cut: nothing is told of such a body. */
static void give_up(struct http_body *b)
{
    cut(b);
    b->records.format = RECORDS_NONE;
    body_subjects_clear(&b->subjects);
    b->facts = (struct http_facts){0};
    body_fields_clear(&b->fields);
}

static bool is_allowed(const struct http_body *b)
{
    return b->unpacked_len / HTTP_BODY_RATIO_MAX <=
           b->packed_len + HTTP_BODY_FREE / HTTP_BODY_RATIO_MAX;
}

static void unpack(struct http_body *b, struct bytes packed)
{
    enum decoded decoded = b->unpacker ? DECODED_PIECE : DECODED_WAITS;
    b->packed_len += packed.len;
    while (decoded == DECODED_PIECE) {
        struct bytes piece;
        decoded = codec_take(b->unpacker, &packed, &piece);
        if (decoded == DECODED_BROKEN) {
            b->owner->broken++;
            give_up(b);
            return;
        }
        read(b, piece);
        if (!is_allowed(b)) {
            b->owner->refused++;
            give_up(b);
            return;
        }
        if (decoded == DECODED_END && packed.len > 0)
            decoded = DECODED_PIECE; /* another stream follows */
    }
}

void http_body_take(struct http_body *b, struct bytes piece)
{
    if (b->is_cut && b->records.format != RECORDS_LINES)
        return;
    if (b->codec == CODEC_STORED)
        read(b, piece);
    else if (piece.len > 0)
        unpack(b, piece);
}

void http_body_lose(struct http_body *b)
{
    cut(b);
    b->fields.format = FIELDS_NONE;
    body_subjects_stop(&b->subjects);
}

void http_body_end(struct http_body *b)
{
    body_fields_end(&b->fields, &(struct fields_taker){take_field, b});
    body_subjects_end(&b->subjects);
}

void http_body_glance(struct http_body *b, struct transaction *t)
{
    if (b->subjects.gathered)
        world_fill(b->subjects.world, b->subjects.gathered, t);
}

struct gathering **http_body_subjects(struct http_body *b)
{
    return &b->subjects.gathered;
}

bool http_body_records(const struct http_body *b, uint64_t *count)
{
    return records_count(&b->records, count);
}

bool http_body_is_cut(const struct http_body *b)
{
    return b->is_cut;
}

const struct http_facts *http_body_facts(const struct http_body *b)
{
    return &b->facts;
}

bool http_body_has_facts(const struct http_body *b)
{
    return b->has_facts;
}
