/*
 * MySQL and MariaDB: the client's commands.  A statement executed is a request: each of a
 * COM_QUERY's, each COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE; what else is asked stands apart.
 * Nothing depends on what the server calls its version.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html and
 * https://mariadb.com/kb/en/clientserver-protocol/
 */
#include "analyzers/mysql/mysql.h"

#include "analyzers/mysql/mysql_state.h"
#include "analyzers/sql/prepared.h"
#include "analyzers/sql/statement.h"
#include "analyzers/subject.h"

enum {
    TEXT_MAX = 65536,    /* bytes of a command that are read; a longer statement's shape is cut */
    RESPONSE_MAX = 4096, /* bytes of a login that are read */
    NAMES_MAX = 1024,    /* bytes of what names a database */
    VALUES_MAX = 8192,   /* bytes of parameters that may be looked at */
    STATEMENTS_IN_QUERY_MAX = 256,
    ID_LEN = 4,
    COM_MAX = 0x22,
};

enum command {
    COM_QUIT = 0x01,
    COM_INIT_DB = 0x02,
    COM_QUERY = 0x03,
    COM_CHANGE_USER = 0x11,
    COM_STMT_PREPARE = 0x16,
    COM_STMT_EXECUTE = 0x17,
    COM_STMT_SEND_LONG_DATA = 0x18,
    COM_STMT_CLOSE = 0x19,
    COM_STMT_RESET = 0x1a,
    COM_STMT_FETCH = 0x1c,
    COM_STMT_BULK_EXECUTE = 0xfa, /* MariaDB's */
};

struct command_kind {
    const char *name; /* db.operation.name of what has no statement */
    enum mysql_reply reply;
    enum action action;
    uint32_t wants; /* bytes that are read, with the first */
};

static const struct command_kind commands[COM_MAX] = {
    [COM_QUIT] = {NULL, MYSQL_REPLY_NONE, ACTION_LOGOUT, 1},
    [COM_INIT_DB] = {"USE", MYSQL_REPLY_ONE, ACTION_OTHER, NAMES_MAX},
    [COM_QUERY] = {NULL, MYSQL_REPLY_RESULT, ACTION_OTHER, TEXT_MAX},
    [0x04] = {"FIELD LIST", MYSQL_REPLY_FIELDS, ACTION_READ, 1},
    [0x05] = {"CREATE DB", MYSQL_REPLY_ONE, ACTION_DEFINE, 1},
    [0x06] = {"DROP DB", MYSQL_REPLY_ONE, ACTION_DEFINE, 1},
    [0x07] = {"REFRESH", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x08] = {"SHUTDOWN", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x09] = {"STATISTICS", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x0a] = {"PROCESS INFO", MYSQL_REPLY_RESULT, ACTION_READ, 1},
    [0x0c] = {"PROCESS KILL", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x0d] = {"DEBUG", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x0e] = {"PING", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [COM_CHANGE_USER] = {NULL, MYSQL_REPLY_LOGIN, ACTION_LOGIN, RESPONSE_MAX},
    [0x12] = {"BINLOG DUMP", MYSQL_REPLY_STREAM, ACTION_READ, 1},
    [0x13] = {"TABLE DUMP", MYSQL_REPLY_STREAM, ACTION_READ, 1},
    [0x15] = {"REGISTER SLAVE", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [COM_STMT_PREPARE] = {"PREPARE", MYSQL_REPLY_PREPARE, ACTION_OTHER, TEXT_MAX},
    [COM_STMT_EXECUTE] = {NULL, MYSQL_REPLY_RESULT, ACTION_OTHER, 1 + ID_LEN},
    [COM_STMT_SEND_LONG_DATA] = {NULL, MYSQL_REPLY_NONE, ACTION_OTHER, 1 + ID_LEN},
    [COM_STMT_CLOSE] = {NULL, MYSQL_REPLY_NONE, ACTION_OTHER, 1 + ID_LEN},
    [COM_STMT_RESET] = {"RESET", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x1b] = {"SET OPTION", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [COM_STMT_FETCH] = {"FETCH", MYSQL_REPLY_ROWS, ACTION_READ, 1 + ID_LEN},
    [0x1e] = {"BINLOG DUMP", MYSQL_REPLY_STREAM, ACTION_READ, 1},
    [0x1f] = {"RESET CONNECTION", MYSQL_REPLY_ONE, ACTION_OTHER, 1},
    [0x20] = {"CLONE", MYSQL_REPLY_STREAM, ACTION_READ, 1},
    [0x21] = {"SUBSCRIBE REPLICATION", MYSQL_REPLY_STREAM, ACTION_READ, 1},
};

static const struct command_kind bulk_execute = {NULL, MYSQL_REPLY_RESULT, ACTION_OTHER,
                                                 1 + ID_LEN};

/* NULL: there is no such command. */
static const struct command_kind *command_find(uint8_t command)
{
    if (command == COM_STMT_BULK_EXECUTE)
        return &bulk_execute;
    return command < COM_MAX && commands[command].wants ? &commands[command] : NULL;
}

/* What a new command tells of the requests before it. */
static void end_before(struct exchange *x)
{
    mysql_pass_reply(x);
    struct request *r = pairing_first(x);
    if (!r)
        return;
    if (mysql_reply_of(r) == MYSQL_REPLY_LOGIN && r->tx.lost_bytes > 0) {
        r->tx.outcome = OUTCOME_SUCCESS; /* it asks, so it was let in */
        pairing_finish(r);
    }
    if (r->mark & MYSQL_MAYBE)
        pairing_finish(r);
}

static struct request *open_request(struct exchange *x, struct mysql *s,
                                    const struct command_kind *kind)
{
    struct request *r = pairing_open(x);
    if (!r)
        return NULL;
    r->batch = s->batches;
    r->mark = kind->reply;
    r->tx.action = kind->action;
    if (kind->name) {
        r->tx.is_apart = kind->reply != MYSQL_REPLY_RESULT;
        r->tx.db_operation = bytes_of(kind->name);
        transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    }
    return r;
}

static void set_hash(struct request *r, uint64_t hash)
{
    if (!hash)
        return;
    r->tx.db_query_hash = hash;
    transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
}

/* The name that a USE tells; empty where it cannot be told. */
static struct bytes name_of_use(struct bytes text)
{
    text = bytes_trim(text);
    struct bytes name = bytes_trim(bytes_from(text, 3));
    if (!bytes_are_nocase(bytes_first(text, 3), "use") || name.len + 3 == text.len)
        return (struct bytes){NULL, 0};
    if (name.len > 0 && name.data[name.len - 1] == ';')
        name = bytes_trim(bytes_first(name, name.len - 1));
    if (name.len > 1 && name.data[0] == '`' && name.data[name.len - 1] == '`')
        name = bytes_first(bytes_from(name, 1), name.len - 2);
    return name;
}

static void set_database(struct exchange *x, struct request *r, struct bytes name)
{
    if (name.len > 0 && pairing_note(x, r, bytes_first(name, MYSQL_NAME_MAX)).len > 0)
        r->mark |= MYSQL_USE;
}

static void set_statement(struct exchange *x, struct request *r, const struct statement *statement,
                          struct bytes text)
{
    set_hash(r, statement->hash);
    r->tx.action = statement->action;
    bool is_block = bytes_are_nocase(bytes_first(statement->text, 16), "BEGIN NOT ATOMIC");
    if (is_block || bytes_are(statement->operation, "CALL"))
        r->mark |= MYSQL_MANY;
    if (bytes_are(statement->operation, "USE"))
        set_database(x, r, name_of_use(text));
}

/*
 * Attributes before a statement's text (CLIENT_QUERY_ATTRIBUTES): their number, the number of their
 * sets, which is 1, and where there are some which are NULL, their types and names, their values.
 * No statement begins as they do, so that nothing else need be known.
 */
static void skip_attributes(struct cursor *in)
{
    struct cursor peek = *in;
    uint64_t count = mysql_number(&peek), sets = mysql_number(&peek);
    if (cursor_is_short(&peek) || sets != 1)
        return;
    *in = peek;
    if (count == 0)
        return;
    struct bytes nulls = cursor_take(in, (size_t)((count + 7) / 8));
    cursor_skip(in, 1); /* types follow */
    struct cursor types = *in;
    for (uint64_t n = 0; n < count && !cursor_is_short(in); n++) {
        cursor_skip(in, 2);
        (void)mysql_text(in);
    }
    for (uint64_t n = 0; n < count && !cursor_is_short(in); n++) {
        uint8_t type = (uint8_t)cursor_le16(&types);
        (void)mysql_text(&types);
        if (!(nulls.data[n / 8] >> (n % 8) & 1))
            (void)mysql_value(in, type);
    }
}

static void query(struct exchange *x, struct mysql *s, struct cursor body, bool is_cut)
{
    struct request *first = NULL;
    skip_attributes(&body);
    struct bytes text = cursor_rest(&body);
    for (int n = 0; n < STATEMENTS_IN_QUERY_MAX; n++) {
        struct bytes before = text;
        const struct statement *statement = statements_read(x->statements, &text, SQL_MYSQL);
        if (!statement)
            break;
        struct request *r = first ? pairing_join(x) : open_request(x, s, &commands[COM_QUERY]);
        if (!r)
            break;
        first = first ? first : r;
        r->mark = MYSQL_REPLY_RESULT;
        r->batch = s->batches;
        struct bytes own = bytes_first(before, before.len - text.len);
        set_statement(x, r, statement, own);
        statements_ask(x, r, statement, own, SQL_MYSQL);
        if (r->mark & MYSQL_MANY && r == first && !bytes_are(statement->operation, "CALL"))
            break; /* a block, with semicolons of its own */
    }
    /* of nothing, too, the server has something to say */
    if (!first)
        first = open_request(x, s, &commands[COM_QUERY]);
    if (first && (is_cut || (text.len > 0 && !(first->mark & MYSQL_MANY))))
        s->cut_batch = s->batches;
    pairing_receive(x, SIDE_CLIENT, first);
}

static void prepare(struct exchange *x, struct mysql *s, struct cursor body)
{
    struct bytes text = cursor_rest(&body), rest = text;
    const struct statement *statement = statements_read(x->statements, &rest, SQL_MYSQL);
    struct request *r = open_request(x, s, &commands[COM_STMT_PREPARE]);
    s->prepared_last = statement ? statement->hash : 0;
    s->lookups.count = 0;
    s->lookups_batch = s->batches;
    if (statement)
        statements_lookups(x, statement, bytes_first(text, text.len - rest.len), SQL_MYSQL,
                           &s->lookups);
    if (r)
        set_hash(r, s->prepared_last);
}

/* MariaDB: the statement that was prepared before. */
static bool is_last(struct bytes id)
{
    static const uint8_t last[ID_LEN] = {0xff, 0xff, 0xff, 0xff};
    return bytes_equal(id, (struct bytes){last, sizeof(last)});
}

/* The shape of the statement that a client's message names; 0: unknown. */
static uint64_t prepared_hash(struct exchange *x, const struct mysql *s, struct bytes id)
{
    if (is_last(id))
        return s->prepared_last;
    const struct prepared_entry *entry = prepared_find(x->prepared, x->connection, 'S', id);
    return entry ? entry->statement : 0;
}

static void execute(struct exchange *x, struct mysql *s, uint8_t command,
                    const struct command_kind *kind, struct cursor body)
{
    struct bytes id = cursor_take(&body, ID_LEN);
    uint64_t hash = prepared_hash(x, s, id);
    struct request *r = open_request(x, s, kind);
    if (!r)
        return;
    r->mark |= MYSQL_BINARY;
    r->prepared = is_last(id) ? 0 : prepared_key(x->prepared, 'S', id);
    set_hash(r, hash);
    if (command != COM_STMT_FETCH)
        mysql_ask(x, r, command == COM_STMT_BULK_EXECUTE, body);
    const struct statement *statement = hash ? statements_find(x->statements, hash) : NULL;
    if (!statement)
        return;
    r->tx.action = statement->action;
    if (bytes_are(statement->operation, "CALL"))
        r->mark |= MYSQL_MANY;
}

static void close_statement(struct exchange *x, struct bytes id)
{
    prepared_forget(x->prepared, x->connection, 'S', id);
    prepared_details_forget(x->prepared, x->connection, prepared_key(x->prepared, 'S', id));
}

static void quit(struct exchange *x, struct mysql *s)
{
    struct request *r = open_request(x, s, &commands[COM_QUIT]);
    if (!r)
        return;
    r->tx.is_apart = true;
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
}

static void client_command(struct exchange *x, uint8_t command, struct cursor body, bool is_cut)
{
    struct mysql *s = x->state;
    const struct command_kind *kind = command_find(command);
    struct request *r;
    end_before(x);
    s->batches++;
    switch (command) {
    case COM_QUERY:
        query(x, s, body, is_cut);
        break;
    case COM_STMT_PREPARE:
        prepare(x, s, body);
        break;
    case COM_STMT_EXECUTE:
    case COM_STMT_BULK_EXECUTE:
    case COM_STMT_FETCH:
        execute(x, s, command, kind, body);
        break;
    case COM_STMT_CLOSE:
        close_statement(x, cursor_take(&body, ID_LEN));
        break;
    case COM_STMT_SEND_LONG_DATA: /* a part of what is executed next */
        mysql_has_long_data(x, cursor_take(&body, ID_LEN));
        break;
    case COM_QUIT:
        quit(x, s);
        break;
    case COM_CHANGE_USER:
        mysql_change_user(x, body);
        break;
    default:
        r = open_request(x, s, kind);
        if (r && command == COM_INIT_DB)
            set_database(x, r, cursor_rest(&body));
        break;
    }
}

/* What is not the beginning of a command belongs to the one before: the rest of a long packet, the
 * proofs of a login, a file. */
static struct step client_goes_on(struct exchange *x, uint32_t len)
{
    struct request *first = pairing_first(x);
    bool is_file = first && first->mark & MYSQL_INFILE;
    pairing_receive(x, SIDE_CLIENT, is_file ? first : pairing_last(x));
    return step_taken(len);
}

static struct step client_response(struct exchange *x, uint32_t len, struct cursor *in)
{
    uint32_t wants = len < RESPONSE_MAX ? len : RESPONSE_MAX;
    struct cursor body = cursor_inner(in, wants);
    if (cursor_is_short(in))
        return step_needs(MYSQL_HEADER_LEN + wants);
    if (!mysql_response(x, len, body))
        return step_taken(len - wants);
    x->is_encrypted = true;
    return step_hand_over();
}

/* Bytes of a command that are read. */
static uint32_t most_of(const struct exchange *x, uint8_t command, const struct command_kind *kind)
{
    bool has_values = command == COM_STMT_EXECUTE || command == COM_STMT_BULK_EXECUTE;
    return has_values && subject_is_on(x, SIDE_CLIENT) ? VALUES_MAX : kind->wants;
}

static struct step client_parse(struct exchange *x, struct cursor *in)
{
    struct mysql *s = x->state;
    struct cursor peek = *in;
    struct mysql_header h = mysql_header(&peek);
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN);
    bool is_number_around = s->number[SIDE_CLIENT] == UINT8_MAX;
    bool goes_on = s->is_continued[SIDE_CLIENT] || h.number != 0 || is_number_around;
    if (goes_on && !s->has_asked && h.number == 1 && h.len > 0) {
        struct cursor body = peek;
        struct step step = client_response(x, h.len, &body);
        if (step.verdict == VERDICT_NEEDS)
            return step;
        *in = body;
        s->number[SIDE_CLIENT] = h.number;
        return step;
    }
    uint8_t command = goes_on ? 0 : cursor_u8(&peek);
    const struct command_kind *kind = goes_on ? NULL : command_find(command);
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN + 1);
    if (!goes_on && (!kind || h.len == 0))
        return step_bad();
    uint32_t most = !kind ? 0 : most_of(x, command, kind), wants = h.len < most ? h.len : most;
    struct cursor body = cursor_inner(&peek, wants > 0 ? wants - 1 : 0);
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN + wants);
    *in = peek;
    s->has_asked = true;
    s->is_continued[SIDE_CLIENT] = h.len == MYSQL_PACKET_MAX;
    s->number[SIDE_CLIENT] = h.number;
    if (goes_on)
        return client_goes_on(x, h.len);
    client_command(x, command, body, wants < h.len || h.len == MYSQL_PACKET_MAX);
    return step_taken(h.len - wants);
}

/* Which codec, where that was not seen agreed on. */
static enum codec codec_of(const struct mysql *s, struct cursor packed)
{
    if (s->codec != CODEC_STORED)
        return (enum codec)s->codec;
    return cursor_u8(&packed) == MYSQL_ZSTD_FIRST ? CODEC_ZSTD : CODEC_ZLIB;
}

/* The compressed protocol: any number of packets, or a part of one, in one of its own.  A client's
 * command begins with the first of them. */
static struct step packed_parse(const struct mysql *s, enum side side, struct cursor *in)
{
    struct cursor peek = *in;
    struct mysql_header h = mysql_header(&peek);
    uint32_t unpacked_len = mysql_le24(&peek);
    if (cursor_is_short(&peek) || (unpacked_len > 0 && cursor_left(&peek) == 0))
        return step_needs(MYSQL_PACKED_HEADER_LEN + 1);
    *in = peek;
    enum seam seam = side == SIDE_CLIENT && h.number == 0 ? SEAM_APART : SEAM_BEHIND;
    if (unpacked_len == 0)
        return step_unpack(CODEC_STORED, seam, h.len, h.len);
    return step_unpack(codec_of(s, peek), seam, h.len, unpacked_len);
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct mysql *s = x->state;
    struct step step = {0};
    if (s->framing == MYSQL_UNKNOWN && !x->is_unpacked && !mysql_frame(x, *in, &step))
        return step;
    if (s->framing == MYSQL_PACKED && !x->is_unpacked)
        return packed_parse(s, side, in);
    return side == SIDE_CLIENT ? client_parse(x, in) : mysql_server_parse(x, in);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct mysql *s = x->state;
    (void)lost;
    if (s->framing == MYSQL_PACKED && !x->is_unpacked)
        return; /* what was in it is told apart */
    s->is_continued[side] = false;
    if (side == SIDE_SERVER)
        mysql_lose_reply(x);
    else
        s->prepared_last = s->number[SIDE_CLIENT] = 0;
}

const struct analyzer MYSQL_ANALYZER = {
    .name = "mysql",
    .db_system = "mysql",
    .state_size = sizeof(struct mysql),
    .message_max = MYSQL_HEADER_LEN + TEXT_MAX,
    .ports = {3306},
    .parse = parse,
    .gap = gap,
    .starts_here = mysql_starts_here,
    .watch = mysql_watch,
};
