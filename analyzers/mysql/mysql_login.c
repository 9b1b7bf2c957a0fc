/*
 * Greeting, login, and the change of the account.  What proves an identity is passed over and never
 * looked at.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html and
 * https://mariadb.com/kb/en/connection/
 */
#include "analyzers/mysql/mysql_state.h"

enum {
    SSL_REQUEST_LEN = 32,

    RESPONSE_FILL = 23, /* bytes; the last 4 are MariaDB's own capabilities */
};

struct bytes mysql_keep(struct mysql_name *n, struct bytes text)
{
    text = bytes_first(text, sizeof(n->text));
    if (text.len > 0)
        memcpy(n->text, text.data, text.len);
    n->len = (uint8_t)text.len;
    return (struct bytes){(const uint8_t *)n->text, n->len};
}

static struct request *open_login(struct exchange *x)
{
    struct request *r = pairing_open(x);
    if (!r)
        return NULL;
    r->tx.is_apart = true;
    r->tx.action = ACTION_LOGIN;
    r->mark = MYSQL_REPLY_LOGIN;
    return r;
}

/* Its bytes wait for the login; a refusal instead is all there is. */
void mysql_greeting(struct exchange *x, struct cursor body)
{
    struct mysql *s = x->state;
    uint8_t first = cursor_u8(&body);
    s->framing = MYSQL_PLAIN;

    if (first != MYSQL_GREETING)
        return;
    (void)cursor_text(&body);
    cursor_skip(&body, 4 + 8 + 1); /* number of the connection, a part of the challenge, zero */
    uint32_t low = cursor_le16(&body);
    cursor_skip(&body, 3); /* character set, status */
    uint32_t high = cursor_le16(&body);
    s->capabilities[SIDE_SERVER] = cursor_is_short(&body) ? 0 : low | high << 16;
}

/* The program's name, or that of its driver. */
static void read_attributes(struct exchange *x, struct cursor attributes)
{
    struct mysql *s = x->state;
    struct bytes program = {NULL, 0}, driver = {NULL, 0};
    while (cursor_left(&attributes) > 0) {
        struct bytes name = mysql_text(&attributes), value = mysql_text(&attributes);
        if (bytes_are(name, "program_name"))
            program = value;
        else if (bytes_are(name, "_client_name"))
            driver = value;
    }
    x->software = mysql_keep(&s->software, program.len > 0 ? program : driver);
}

static void skip_proof(struct cursor *in, uint32_t capabilities)
{
    if (capabilities & MYSQL_AUTH_LENENC)
        (void)mysql_text(in);
    else if (capabilities & MYSQL_SECURE_CONNECTION)
        cursor_skip(in, cursor_u8(in));
    else
        (void)cursor_text(in);
}

/* Compression that both sides know; zlib's goes before. */
static enum codec codec_of(const struct mysql *s)
{
    uint32_t server = s->capabilities[SIDE_SERVER];
    uint32_t both = s->capabilities[SIDE_CLIENT] & (server ? server : UINT32_MAX);
    if (both & MYSQL_COMPRESS)
        return CODEC_ZLIB;
    return both & MYSQL_COMPRESS_ZSTD ? CODEC_ZSTD : CODEC_STORED;
}

/* HandshakeResponse320, of before 2004. */
static void response_320(struct exchange *x, uint32_t capabilities, struct cursor *body)
{
    struct mysql *s = x->state;
    cursor_skip(body, 1); /* the third byte of the longest packet's length */
    x->user = mysql_keep(&s->user, cursor_text(body));
    if (!(capabilities & MYSQL_CONNECT_WITH_DB))
        return;
    (void)cursor_text(body);
    x->db_namespace = mysql_keep(&s->database, cursor_text(body));
}

static void response_41(struct exchange *x, uint32_t capabilities, struct cursor *body)
{
    struct mysql *s = x->state;
    cursor_skip(body, 4 + 1 + RESPONSE_FILL); /* the longest packet, character set */
    x->user = mysql_keep(&s->user, cursor_text(body));
    skip_proof(body, capabilities);
    if (capabilities & MYSQL_CONNECT_WITH_DB)
        x->db_namespace = mysql_keep(&s->database, cursor_text(body));
    if (capabilities & MYSQL_PLUGIN_AUTH)
        (void)cursor_text(body);
    if (capabilities & MYSQL_CONNECT_ATTRS) {
        uint64_t len = mysql_number(body);
        read_attributes(
            x, cursor_inner(body, len < cursor_left(body) ? (size_t)len : cursor_left(body)));
    }
}

bool mysql_response(struct exchange *x, uint32_t len, struct cursor body)
{
    struct mysql *s = x->state;
    uint32_t low = cursor_le16(&body);
    s->has_asked = true;
    s->capabilities[SIDE_CLIENT] = low;
    if (low & MYSQL_PROTOCOL_41)
        s->capabilities[SIDE_CLIENT] |= (uint32_t)cursor_le16(&body) << 16;
    else
        cursor_skip(&body, 2);
    if (len <= SSL_REQUEST_LEN && low & MYSQL_SSL)
        return true;
    s->codec = (uint8_t)codec_of(s);
    s->framing = s->codec == CODEC_STORED ? MYSQL_PLAIN : MYSQL_UNKNOWN; /* it begins after OK */
    if (low & MYSQL_PROTOCOL_41)
        response_41(x, s->capabilities[SIDE_CLIENT], &body);
    else
        response_320(x, low, &body);
    (void)open_login(x);
    return false;
}

/* The account is changed once the server agrees; until then its names are the request's notes. */
void mysql_change_user(struct exchange *x, struct cursor body)
{
    struct mysql *s = x->state;
    uint32_t capabilities = s->capabilities[SIDE_CLIENT];
    struct bytes user = cursor_text(&body);
    /* here the proof has one byte of length, if any */
    skip_proof(&body, capabilities ? capabilities & ~(uint32_t)MYSQL_AUTH_LENENC
                                   : MYSQL_SECURE_CONNECTION);
    struct bytes database = cursor_text(&body);
    struct request *r = open_login(x);
    if (!r || cursor_is_short(&body))
        return;
    r->batch = s->batches;
    r->tx.user_name = pairing_note(x, r, bytes_first(user, MYSQL_NAME_MAX));
    transaction_mark(&r->tx, FIELD_USER_NAME);
    (void)pairing_note(x, r, bytes_first(database, MYSQL_NAME_MAX));
}

void mysql_changed_user(struct exchange *x, const struct request *r)
{
    struct mysql *s = x->state;
    if (!transaction_has(&r->tx, FIELD_USER_NAME))
        return;
    struct bytes names = {(const uint8_t *)r->notes, r->notes_len};
    x->user = mysql_keep(&s->user, r->tx.user_name);
    x->db_namespace = mysql_keep(&s->database, bytes_from(names, r->tx.user_name.len));
}

void mysql_agree(struct mysql *s)
{
    bool is_known = s->capabilities[SIDE_CLIENT] != 0;
    s->framing = s->codec != CODEC_STORED ? MYSQL_PACKED : is_known ? MYSQL_PLAIN : MYSQL_UNKNOWN;
}
