/*
 * The customers in MongoDB's messages: in the filters and new documents of requests, and in the
 * documents of replies, each of which is a record.  It is told by the names of their fields, at any
 * depth.  This walks beside the walk that counts, over the same bytes as they pass, and goes into
 * what that one passes over.  A loss inside a record costs the record, another the rest of the
 * message.  Of messages other than OP_MSG nothing is looked at.
 */
#include "analyzers/mongodb/mongodb_state.h"
#include "analyzers/subject.h"

enum {
    NAME_MAX_LEN = 40, /* bytes of a field's name that may tell; of a longer one nothing is told */
    NAME_PASSED_MAX = 100,             /* bytes of a name behind which the walk goes on */
    VALUE_MAX = SUBJECT_VALUE_MAX + 5, /* bytes of a text's value, with its length and zero */
    SECTION_HEAD = 1 + 4,
};

/* Where the walk is in a message. */
enum phase { LOOKING_AT_FLAGS, LOOKING_AT_SECTION, LOOKING_AT_LENGTH, LOOKING_AT_DOCUMENT };

/* What the elements of an open document are. */
enum level {
    LEVEL_OTHER,    /* something with filters, or the batch, in it */
    LEVEL_BATCH,    /* records */
    LEVEL_CUSTOMER, /* fields of customers, or a filter's */
};

struct looking {
    struct exchange *x;
    struct request *r; /* NULL: it is not kept */
    struct mongodb_customers *c;
    enum side side;
};

/* Members of requests and replies in which customers are, or what has such members. */
static const struct {
    enum side side;
    uint8_t depth; /* of the document that has the member; 0: any */
    const char *name;
    enum level level;
} members[] = {
    {SIDE_CLIENT, 0, "filter", LEVEL_CUSTOMER},    {SIDE_CLIENT, 0, "query", LEVEL_CUSTOMER},
    {SIDE_CLIENT, 0, "q", LEVEL_CUSTOMER},         {SIDE_CLIENT, 0, "$match", LEVEL_CUSTOMER},
    {SIDE_CLIENT, 1, "documents", LEVEL_CUSTOMER}, {SIDE_CLIENT, 1, "updates", LEVEL_OTHER},
    {SIDE_CLIENT, 1, "deletes", LEVEL_OTHER},      {SIDE_CLIENT, 1, "pipeline", LEVEL_OTHER},
    {SIDE_SERVER, 1, "cursor", LEVEL_OTHER},       {SIDE_SERVER, 1, "value", LEVEL_CUSTOMER},
    {SIDE_SERVER, 2, "firstBatch", LEVEL_BATCH},   {SIDE_SERVER, 2, "nextBatch", LEVEL_BATCH},
};

void mongodb_customers_begin(struct exchange *x, enum side side)
{
    struct mongodb *s = x->state;
    struct mongodb_customers *c = &s->customers[side];
    const struct mongodb_message *m = &s->message[side];
    bool is_looked_at = m->header.opcode == OP_MSG && subject_is_on(x, side);
    pieces_begin(&c->pieces);
    c->left = c->len = is_looked_at ? m->body_len : 0;
    c->phase = LOOKING_AT_FLAGS;
    c->at = c->section_end = 0;
    c->depth = c->record = 0;
}

bool mongodb_customers_wanted(const struct exchange *x, enum side side)
{
    const struct mongodb *s = x->state;
    return s->customers[side].left > 0;
}

static uint8_t *level_of(struct mongodb_customers *c)
{
    return &c->levels[c->depth - 1];
}

/* The level of a document in another one; -1: it is passed over. */
static int level_in(const struct looking *l, struct bytes name)
{
    const struct mongodb_customers *c = l->c;
    uint8_t level = c->levels[c->depth - 1];
    if (level == LEVEL_CUSTOMER)
        return LEVEL_CUSTOMER;
    if (level == LEVEL_BATCH)
        return LEVEL_CUSTOMER;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].side == l->side && (members[i].depth == 0 || members[i].depth == c->depth) &&
            bytes_are(name, members[i].name))
            return (int)members[i].level;
    }
    return l->side == SIDE_CLIENT && c->depth > 1 ? LEVEL_OTHER : -1;
}

/* What a field holds: by its name, or that of the field that it is a value of; *is_looked_at is
 * false where it is none that is looked for. */
static enum subject_kind kind_of(const struct looking *l, struct bytes name, bool *is_looked_at)
{
    const struct mongodb_customers *c = l->c;
    size_t at = c->depth - 1;
    bool is_operator = name.len > 0 && name.data[0] == '$';
    enum subject_kind above = (enum subject_kind)c->kinds[at];
    *is_looked_at = true;
    if (c->arrays >> at & 1)
        return above;
    if (is_operator && above != SUBJECT_NONE) {
        *is_looked_at = bytes_are(name, "$eq") || bytes_are(name, "$in");
        return *is_looked_at ? above : SUBJECT_NONE;
    }
    *is_looked_at = !bytes_are(name, "$nor") && !bytes_are(name, "$not");
    for (size_t dot = bytes_index(name, '.'); dot < name.len; dot = bytes_index(name, '.'))
        name = bytes_from(name, dot + 1);
    return name.len > 0 && name.len <= NAME_MAX_LEN ? subject_of_name(l->x, name) : SUBJECT_NONE;
}

static void take_value(const struct looking *l, enum subject_kind kind, uint8_t type,
                       struct bytes value)
{
    int64_t number;
    struct bytes text = bson_string(type, value);
    bool is_number = type != BSON_BOOL && bson_number(type, value, &number) && number > 0;
    if (!l->r)
        return;
    if (is_number && l->side == SIDE_CLIENT)
        subject_ask_number(l->x, l->r, kind, (uint64_t)number);
    else if (is_number)
        subject_tell_number(l->x, l->r, kind, (uint64_t)number);
    else if (text.len > 0 && l->side == SIDE_CLIENT)
        subject_ask(l->x, l->r, kind, text);
    else if (text.len > 0)
        subject_tell(l->x, l->r, kind, text);
}

static void enter(struct mongodb_customers *c, enum level level, enum subject_kind kind,
                  bool is_array)
{
    size_t at = c->depth++;
    c->levels[at] = (uint8_t)level;
    c->kinds[at] = (uint8_t)kind;
    c->arrays = (uint16_t)(is_array ? c->arrays | 1u << at : c->arrays & ~(1u << at));
}

static void close_document(struct looking *l)
{
    struct mongodb_customers *c = l->c;
    if (c->record == c->depth) {
        if (l->r)
            subject_end_record(l->x, l->r);
        c->record = 0;
    }
    c->depth--;
    if (c->depth > 0)
        return;
    c->phase = c->at + 1 < c->section_end ? LOOKING_AT_LENGTH : LOOKING_AT_SECTION;
}

/* A document or an array: it is gone into, or passed over. */
static size_t take_document(struct looking *l, struct bytes name, uint8_t type, uint64_t len,
                            struct cursor *in, size_t head_len, uint64_t *skip)
{
    struct mongodb_customers *c = l->c;
    bool is_looked_at = true;
    enum level above = (enum level) * level_of(c);
    int level = level_in(l, name);
    enum subject_kind kind =
        above == LEVEL_CUSTOMER ? kind_of(l, name, &is_looked_at) : SUBJECT_NONE;
    cursor_skip(in, head_len + 4);
    if (level < 0 || !is_looked_at || c->depth == MONGODB_CUSTOMERS_DEPTH) {
        *skip = len - 4;
        return 0;
    }
    enter(c, (enum level)level, kind, type == BSON_ARRAY);
    bool is_record = l->side == SIDE_SERVER && level == LEVEL_CUSTOMER && above != LEVEL_CUSTOMER;
    if (is_record) {
        c->record = c->depth;
        c->record_end = c->at + head_len + len;
    }
    return 0;
}

static size_t take_element(struct looking *l, struct cursor *in, uint64_t *skip)
{
    struct bytes rest = cursor_rest(in);
    uint8_t type = rest.data[0];
    if (type == 0) {
        close_document(l);
        cursor_skip(in, 1);
        return 0;
    }
    struct bytes name = bytes_from(bytes_first(rest, 1 + NAME_PASSED_MAX + 1), 1);
    size_t name_len = bytes_index(name, 0), head_len = 1 + name_len + 1;
    if (name_len == name.len)
        return name_len <= NAME_PASSED_MAX ? head_len : PIECES_BROKEN;
    name = bytes_first(name, name_len);
    uint64_t len;
    bool is_short, is_looked_at;
    if (!bson_len_of(type, cursor_over(bytes_from(rest, head_len)), &len, &is_short) ||
        type == BSON_REGEX)
        return PIECES_BROKEN;
    if (is_short)
        return head_len + 4;
    if (type == BSON_DOCUMENT || type == BSON_ARRAY)
        return take_document(l, name, type, len, in, head_len, skip);
    enum subject_kind kind = *level_of(l->c) == LEVEL_CUSTOMER && len <= VALUE_MAX
                                 ? kind_of(l, name, &is_looked_at)
                                 : SUBJECT_NONE;
    if (kind != SUBJECT_NONE && rest.len < head_len + len)
        return head_len + (size_t)len;
    cursor_skip(in, head_len);
    uint64_t here = len < cursor_left(in) ? len : cursor_left(in);
    struct bytes value = cursor_take(in, (size_t)here);
    *skip = len - here;
    if (kind != SUBJECT_NONE)
        take_value(l, kind, type, value);
    return 0;
}

/* A section: one document, or several behind a name. */
static size_t take_section(struct looking *l, struct cursor *in)
{
    struct mongodb_customers *c = l->c;
    struct bytes rest = cursor_rest(in);
    if (rest.data[0] == 0) {
        cursor_skip(in, 1);
        c->phase = LOOKING_AT_LENGTH;
        c->sequence = LEVEL_OTHER;
        c->section_end = 0;
        return 0;
    }
    if (rest.len < SECTION_HEAD + 1)
        return SECTION_HEAD + 1;
    struct bytes name = bytes_from(bytes_first(rest, PIECES_ITEM_MAX), SECTION_HEAD);
    size_t len = bytes_index(name, 0);
    if (len == name.len)
        return rest.len + 1;
    name = bytes_first(name, len);
    cursor_skip(in, 1);
    c->section_end = c->at + 1 + cursor_le32(in);
    cursor_skip(in, len + 1);
    c->phase = LOOKING_AT_LENGTH;
    c->sequence = bytes_are(name, "documents") ? LEVEL_CUSTOMER : LEVEL_OTHER;
    return 0;
}

static size_t take_item(void *context, struct cursor *in, uint64_t *skip)
{
    struct looking *l = context;
    struct mongodb_customers *c = l->c;
    size_t before = cursor_left(in), needs = 0;
    switch ((enum phase)c->phase) {
    case LOOKING_AT_FLAGS:
    case LOOKING_AT_LENGTH:
        if (before < 4)
            return 4;
        cursor_skip(in, 4);
        if (c->phase == LOOKING_AT_LENGTH)
            enter(c, (enum level)c->sequence, SUBJECT_NONE, false);
        c->phase = c->phase == LOOKING_AT_LENGTH ? LOOKING_AT_DOCUMENT : LOOKING_AT_SECTION;
        break;
    case LOOKING_AT_SECTION:
        if (*in->at > 1)
            return PIECES_BROKEN; /* a checksum */
        needs = take_section(l, in);
        break;
    case LOOKING_AT_DOCUMENT:
        needs = take_element(l, in, skip);
        break;
    }
    c->at += before - cursor_left(in) + *skip;
    return needs;
}

/* The request that passes, or whose reply does; it may have ended before its last bytes pass. */
static struct request *request_of(const struct exchange *x, enum side side)
{
    const struct mongodb_header *h = &((const struct mongodb *)x->state)->message[side].header;
    uint64_t id = mongodb_id(side == SIDE_CLIENT ? h->id : h->reply_to);
    for (size_t n = x->pairing.count; n > 0; n--) {
        struct request *r = pairing_at(x, n - 1);
        if (r->id == id && !r->is_dropped)
            return r;
    }
    return NULL;
}

/* Goes on behind missing bytes; false where they are not inside a record, or what is passed over.
 */
static bool pass_lost(struct looking *l, uint64_t lost)
{
    struct mongodb_customers *c = l->c;
    struct pieces *p = &c->pieces;
    uint64_t at = c->len - c->left + lost;
    if (lost >= c->left)
        return false;
    pieces_lose(p, lost);
    if (p->is_broken && (c->record == 0 || at > c->record_end))
        return false;
    if (p->is_broken) {
        pieces_begin(p);
        p->skip = c->record_end - at;
        c->at = c->record_end;
        c->depth = (uint8_t)(c->record - 1);
        c->record = 0;
        if (l->r)
            subject_drop_record(l->x, l->r);
    }
    c->left -= (uint32_t)lost;
    return true;
}

void mongodb_watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost)
{
    struct mongodb_customers *c = &((struct mongodb *)x->state)->customers[side];
    if (c->left == 0)
        return;
    struct looking l = {x, request_of(x, side), c, side};
    if (lost > 0 && !pass_lost(&l, lost))
        mongodb_customers_lose(x, side);
    if (lost > 0)
        return;
    seen = bytes_first(seen, c->left);
    pieces_take(&c->pieces, seen, take_item, &l);
    c->left = c->pieces.is_broken ? 0 : c->left - (uint32_t)seen.len;
    if (c->left == 0 && l.r && side == SIDE_SERVER)
        subject_drop_record(x, l.r); /* one that has not ended */
}

void mongodb_customers_lose(struct exchange *x, enum side side)
{
    struct mongodb_customers *c = &((struct mongodb *)x->state)->customers[side];
    struct request *r = c->left > 0 ? request_of(x, side) : NULL;
    if (r && side == SIDE_SERVER)
        subject_drop_record(x, r);
    c->left = 0;
}
