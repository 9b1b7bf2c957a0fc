/*
 * The client's side of MongoDB: which command is asked for, of which database and collection, by
 * whom.
 */
#include "analyzers/mongodb/mongodb_state.h"
#include "analyzers/sql/prepared.h"
#include "analyzers/sql/statement.h"

enum {
    NAME_MAX_LEN = 64,   /* bytes of a command's name; MongoDB has none as long */
    NAMESPACE_MAX = 320, /* bytes of "database.collection"; MongoDB's own limit is 255 */
    FIXED_MAX = 4 + NAMESPACE_MAX + 1 + 8, /* of an old opcode, before its document */
    DOCUMENT_HEAD = 4 + 1, /* the length of a document and the type of its first element */
    SECTION_NAME_MAX = 16,
};

static struct mongodb_progress needs(size_t len)
{
    return (struct mongodb_progress){.need = len};
}

static struct mongodb_progress broken(void)
{
    return (struct mongodb_progress){.is_broken = true};
}

void mongodb_client_resume(struct exchange *x)
{
    struct mongodb *s = x->state;
    struct mongodb_asked *asked = &s->asked;
    uint64_t id = mongodb_id(s->message[SIDE_CLIENT].header.id);
    struct request *r = pairing_last(x);
    if (!r || r->id != id)
        r = mongodb_login_find(x);
    bool is_it = r && r->id == id && !r->is_finished && !r->is_dropped &&
                 r->notes_len >= (size_t)asked->shape.at + asked->shape.len;
    asked->request = is_it ? r : NULL;
    pairing_receive(x, SIDE_CLIENT, asked->request);
}

/* A command's name as its sender wrote it, where it can be one. */
static bool is_command_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && c != '_' && (c < '0' || c > '9' || i == 0))
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_LEN;
}

/* Gives the request its command. */
static void set_command(struct exchange *x, uint8_t place, struct bytes name)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    const struct mongodb_command *command = mongodb_command_at(place);
    struct request *r = asked->request;
    asked->command = place;
    asked->has_name = true;
    if (!r)
        return;
    r->mark |= (unsigned)place << MONGODB_COMMAND_SHIFT;
    r->tx.action = command->action;
    r->tx.is_apart = command->traits & MONGODB_IS_LOGIN;
    if (transaction_has(&r->tx, FIELD_DB_OPERATION_NAME) ||
        (!command->name && !is_command_name(name)))
        return;
    r->tx.db_operation = command->name ? bytes_of(command->name) : pairing_note(x, r, name);
    transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
}

/* Opens the request of a command; name is empty where it comes later. */
static void open_command(struct exchange *x, uint8_t place, struct bytes name)
{
    struct mongodb *s = x->state;
    const struct mongodb_header *h = &s->message[SIDE_CLIENT].header;
    s->asked = (struct mongodb_asked){0};
    bool is_login = mongodb_command_at(place)->traits & MONGODB_IS_LOGIN;
    struct request *login = mongodb_login_find(x), *r;
    if (is_login) {
        r = mongodb_login_open(x, !bytes_are_nocase(name, "saslContinue"));
    } else {
        /* it asks for something else: it is not known how the login ended */
        if (login)
            pairing_finish(login);
        s->login.is_open = false;
        r = pairing_open(x);
    }
    s->asked.request = r;
    if (r) {
        r->id = mongodb_id(h->id);
        r->mark = is_login ? MONGODB_LOGIN : s->has_written ? MONGODB_AFTER_WRITE : 0;
    }
    s->has_written = h->opcode == OP_INSERT || h->opcode == OP_UPDATE || h->opcode == OP_DELETE;
    if (name.len > 0)
        set_command(x, place, name);
}

void mongodb_command_name(struct exchange *x, struct bytes name)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    if (!asked->has_name)
        set_command(x, mongodb_command_find(name), name);
}

void mongodb_read_first(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    const struct mongodb_command *command = mongodb_command_at(asked->command);
    int64_t number;
    if (command->traits & MONGODB_ON_COLLECTION)
        mongodb_shape_begin(x, command->name, bson_string(e->type, value));
    if (command->traits & MONGODB_IS_GET_MORE && bson_number(e->type, value, &number))
        asked->cursor = (uint64_t)number;
}

void mongodb_read_database(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    asked->database_len =
        mongodb_keep(asked->database, sizeof(asked->database), bson_string(e->type, value));
}

void mongodb_read_collection(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    const struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    const struct mongodb_command *command = mongodb_command_at(asked->command);
    if (command->traits & MONGODB_IS_GET_MORE && asked->shape.len == 0)
        mongodb_shape_begin(x, command->name, bson_string(e->type, value));
}

void mongodb_read_table(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    mongodb_shape_table(x, bson_string(e->type, value));
}

void mongodb_read_driver(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_software *p = &((struct mongodb *)x->state)->parts;
    p->driver_len = mongodb_keep(p->driver, sizeof(p->driver), bson_string(e->type, value));
}

void mongodb_read_version(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_software *p = &((struct mongodb *)x->state)->parts;
    p->version_len = mongodb_keep(p->version, sizeof(p->version), bson_string(e->type, value));
}

void mongodb_read_application(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_software *p = &((struct mongodb *)x->state)->parts;
    p->application_len =
        mongodb_keep(p->application, sizeof(p->application), bson_string(e->type, value));
}

/* "driver version application" */
void mongodb_client_left(struct exchange *x)
{
    struct mongodb *s = x->state;
    const struct mongodb_software *p = &s->parts;
    const struct bytes parts[] = {
        {(const uint8_t *)p->driver, p->driver_len},
        {(const uint8_t *)p->version, p->version_len},
        {(const uint8_t *)p->application, p->application_len},
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len == 0 || len + parts[i].len + 1 > sizeof(s->software))
            continue;
        if (len > 0)
            s->software[len++] = ' ';
        len += mongodb_keep(s->software + len, sizeof(s->software) - len, parts[i]);
    }
    x->software = (struct bytes){(const uint8_t *)s->software, len};
}

/* A command's name, up to the zero behind it; is_short: more of it may come. */
static struct bytes peek_name(struct cursor in, size_t max, bool *is_short)
{
    struct bytes rest = bytes_first(cursor_rest(&in), max);
    size_t len = bytes_index(rest, 0);
    *is_short = len == rest.len && rest.len < max;
    return bytes_first(rest, len);
}

/* The command whose document the cursor stands before, or is in that one ($query). */
static struct mongodb_progress open_document(struct exchange *x, struct cursor in, size_t behind)
{
    const struct mongodb_message *m = &((struct mongodb *)x->state)->message[SIDE_CLIENT];
    size_t left = m->body_len - behind, all = in.left;
    bool is_short = false;
    struct bytes name = {NULL, 0};
    in = cursor_over(bytes_first(cursor_rest(&in), left));
    for (int depth = 0; depth < 2; depth++) {
        cursor_skip(&in, DOCUMENT_HEAD);
        name = peek_name(in, NAME_MAX_LEN + 1, &is_short);
        is_short = is_short || cursor_is_short(&in);
        bool wraps =
            m->header.opcode == OP_QUERY && (bytes_are(name, "$query") || bytes_are(name, "query"));
        if (is_short || !wraps)
            break;
        cursor_skip(&in, name.len + 1);
    }
    size_t most = 2 * (DOCUMENT_HEAD + NAME_MAX_LEN + 1);
    most = left < most ? left : most;
    if (is_short && all < most)
        return needs(behind + all + 1);
    if (is_short)
        name.len = 0;
    open_command(x, mongodb_command_find(name), name);
    return (struct mongodb_progress){0};
}

/* Goes into the document that the cursor stands before; there is none where that cannot be one. */
static void walk_document(struct mongodb_message *m, struct cursor *in, uint32_t at, uint8_t kind)
{
    m->walk = (struct bson_walk){.at = at};
    bool is_one = bson_open(&m->walk, in, at, m->body_len, kind);
    m->phase = is_one ? PHASE_WALK : PHASE_NONE;
}

static struct mongodb_progress open_msg(struct exchange *x, struct mongodb_message *m,
                                        struct cursor *in)
{
    struct cursor peek = *in;
    m->flags = cursor_le32(&peek);
    uint8_t kind = cursor_u8(&peek);
    if (cursor_is_short(&peek))
        return needs(5);
    if (m->flags & 0xffff & ~(unsigned)MONGODB_FLAGS || kind > 1)
        return broken();
    struct mongodb_progress p = {0};
    if (kind == 0)
        p = open_document(x, peek, 5);
    else
        open_command(x, MONGODB_NO_COMMAND, (struct bytes){NULL, 0});
    if (p.need > 0)
        return p;
    cursor_skip(in, 4);
    m->walk = (struct bson_walk){.at = 4};
    m->sections_end = m->body_len - (m->flags & MONGODB_HAS_CHECKSUM ? MONGODB_CHECKSUM_LEN : 0);
    m->section_end = 4;
    m->phase = PHASE_SECTIONS;
    return p;
}

/* The namespace of an old opcode; its database is that of the request. */
static struct bytes collection_of(struct mongodb_asked *asked, struct bytes name)
{
    size_t dot = bytes_index(name, '.');
    asked->database_len =
        mongodb_keep(asked->database, sizeof(asked->database), bytes_first(name, dot));
    return bytes_from(name, dot + 1);
}

/* The operation of an old opcode that has no command. */
static const char *operation_of(uint32_t opcode)
{
    switch (opcode) {
    case OP_QUERY:
        return "find";
    case OP_GET_MORE:
        return "getMore";
    case OP_INSERT:
        return "insert";
    case OP_UPDATE:
        return "update";
    case OP_DELETE:
        return "delete";
    default:
        return "killCursors";
    }
}

/* What an old opcode says before its documents. */
struct fixed {
    struct bytes name; /* "database.collection" */
    uint64_t cursor;
    uint32_t len; /* bytes */
};

/* False where more bytes are needed. */
static bool read_fixed(uint32_t opcode, struct cursor in, struct fixed *f)
{
    size_t all = in.left;
    *f = (struct fixed){.name = {NULL, 0}};
    cursor_skip(&in, 4);
    if (opcode != OP_KILL_CURSORS)
        f->name = cursor_text(&in);
    if (opcode == OP_QUERY)
        cursor_skip(&in, 8);
    if (opcode == OP_UPDATE || opcode == OP_DELETE || opcode == OP_GET_MORE)
        cursor_skip(&in, 4);
    if (opcode == OP_GET_MORE) {
        f->cursor = cursor_le32(&in);
        f->cursor |= (uint64_t)cursor_le32(&in) << 32;
    }
    f->len = (uint32_t)(all - in.left);
    return !cursor_is_short(&in);
}

/* OP_QUERY's document, of a query and not a command: the filter, or with the filter in it. */
static struct mongodb_progress open_query(struct exchange *x, struct mongodb_message *m,
                                          struct cursor *in, const struct fixed *f)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    struct cursor peek = *in;
    bool is_short;
    cursor_skip(&peek, f->len + DOCUMENT_HEAD);
    struct bytes first = peek_name(peek, sizeof("$query"), &is_short);
    uint32_t left = m->body_len - f->len;
    size_t most = DOCUMENT_HEAD + sizeof("$query");
    most = left < most ? left : most;
    if ((is_short || cursor_is_short(&peek)) && in->left < f->len + most)
        return needs(in->left + 1);
    bool wraps = bytes_are(first, "$query") || bytes_are(first, "query");
    open_command(x, mongodb_command_find(bytes_of("find")), bytes_of("find"));
    if (asked->request)
        asked->request->mark |= MONGODB_QUERY;
    mongodb_shape_begin(x, "find", collection_of(asked, f->name));
    cursor_skip(in, f->len);
    walk_document(m, in, f->len, wraps ? FRAME_QUERY : FRAME_FILTER);
    if (!wraps && m->phase == PHASE_WALK)
        mongodb_shape_open(x, FRAME_FILTER, FRAME_OTHER);
    return (struct mongodb_progress){0};
}

static struct mongodb_progress open_old(struct exchange *x, struct mongodb_message *m,
                                        struct cursor *in)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    uint32_t opcode = m->header.opcode;
    struct fixed f;
    size_t most = m->body_len < FIXED_MAX ? m->body_len : FIXED_MAX;
    if (!read_fixed(opcode, *in, &f))
        return in->left < most ? needs(in->left + 1) : broken();
    bool has_filter = opcode == OP_UPDATE || opcode == OP_DELETE;
    if (has_filter && in->left < f.len + 4 && m->body_len >= f.len + 4)
        return needs(f.len + 4);
    if (opcode == OP_QUERY && bytes_are(bytes_from(f.name, bytes_index(f.name, '.')), ".$cmd")) {
        struct cursor document = *in;
        cursor_skip(&document, f.len);
        struct mongodb_progress p = open_document(x, document, f.len);
        if (p.need > 0)
            return p;
        (void)collection_of(asked, f.name);
        cursor_skip(in, f.len);
        walk_document(m, in, f.len, FRAME_COMMAND);
        return p;
    }
    if (opcode == OP_QUERY)
        return open_query(x, m, in, &f);
    struct bytes name = bytes_of(operation_of(opcode));
    open_command(x, mongodb_command_find(name), name);
    if (opcode != OP_KILL_CURSORS)
        mongodb_shape_begin(x, operation_of(opcode), collection_of(asked, f.name));
    if (asked->request && opcode == OP_GET_MORE)
        asked->request->mark |= MONGODB_QUERY;
    asked->cursor = f.cursor;
    cursor_skip(in, f.len);
    m->walk = (struct bson_walk){.at = f.len};
    m->phase = PHASE_NONE;
    if (has_filter) {
        walk_document(m, in, f.len, FRAME_FILTER);
        if (m->phase == PHASE_WALK)
            mongodb_shape_open(x, FRAME_FILTER, FRAME_OTHER);
    }
    return (struct mongodb_progress){0};
}

/* OP_COMMAND: database, name, arguments (which begin with the name again), metadata. */
static struct mongodb_progress open_op_command(struct exchange *x, struct mongodb_message *m,
                                               struct cursor *in)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    struct cursor peek = *in;
    struct bytes database = cursor_text(&peek), name = cursor_text(&peek);
    size_t most = NAMESPACE_MAX + NAME_MAX_LEN + 2 + 4;
    most = m->body_len < most ? m->body_len : most;
    uint32_t at = (uint32_t)(in->left - peek.left);
    if (cursor_is_short(&peek) || peek.left < 4)
        return in->left < most ? needs(in->left + 1) : broken();
    open_command(x, mongodb_command_find(name), name);
    asked->database_len = mongodb_keep(asked->database, sizeof(asked->database), database);
    *in = peek;
    walk_document(m, in, at, FRAME_COMMAND);
    return (struct mongodb_progress){0};
}

struct mongodb_progress mongodb_client_open(struct exchange *x, struct cursor *in)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[SIDE_CLIENT];
    m->flags = 0;
    if (m->header.opcode == OP_MSG)
        return open_msg(x, m, in);
    if (m->header.opcode == OP_COMMAND)
        return open_op_command(x, m, in);
    return open_old(x, m, in);
}

/* Whether the server does not answer it. */
static bool is_unanswered(const struct mongodb_message *m)
{
    switch (m->header.opcode) {
    case OP_MSG:
        return m->flags & MONGODB_MORE_TO_COME;
    case OP_INSERT:
    case OP_UPDATE:
    case OP_DELETE:
    case OP_KILL_CURSORS:
        return true;
    default:
        return false;
    }
}

/* A getMore goes on with the statement that made its cursor. */
static void set_cursor(struct exchange *x, struct request *r, uint64_t cursor)
{
    struct bytes name = {(const uint8_t *)&cursor, sizeof(cursor)};
    const struct prepared_entry *known = prepared_find(x->prepared, x->connection, 'C', name);
    r->batch = cursor;
    if (!known || known->statement == 0)
        return;
    r->tx.db_query_hash = known->statement;
    transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
}

void mongodb_client_end(struct exchange *x, bool is_cut)
{
    struct mongodb *s = x->state;
    struct mongodb_asked *asked = &s->asked;
    struct request *r = asked->request;
    if (!r)
        return;
    mongodb_shape_end(x, is_cut);
    if (asked->cursor != 0)
        set_cursor(x, r, asked->cursor);
    struct bytes database = {(const uint8_t *)asked->database, asked->database_len};
    if (!transaction_has(&r->tx, FIELD_DB_NAMESPACE) && database.len > 0) {
        r->tx.db_namespace = pairing_note(x, r, database);
        transaction_mark(&r->tx, FIELD_DB_NAMESPACE);
    }
    struct bytes user = {(const uint8_t *)s->login.user, s->login.user_len};
    if (r->mark & MONGODB_LOGIN && !transaction_has(&r->tx, FIELD_USER_NAME) && user.len > 0) {
        r->tx.user_name = pairing_note(x, r, user);
        transaction_mark(&r->tx, FIELD_USER_NAME);
    }
    if (is_unanswered(&s->message[SIDE_CLIENT]))
        pairing_finish(r);
    asked->request = NULL;
}
