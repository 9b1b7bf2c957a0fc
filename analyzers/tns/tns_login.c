/*
 * What both ends say of themselves before the first call: the listener's connect data, the native
 * services (encryption, integrity), protocol, capabilities and data types.
 */
#include "analyzers/tns/tns_state.h"

enum {
    CAPABILITY_VERSION = 7,
    CAPABILITY_TTC1 = 15,
    CAPABILITY_OCI1 = 16,
    CAPABILITY_TTC3 = 37,
    CAPABILITY_CALL_STATUS = 0x01,
    CAPABILITY_SEQUENCE = 0x10,
    CAPABILITY_BIG_PIECES = 0x20,
    CAPABILITY_ZONE = 1, /* of the run time */
    ZONE_LEN = 11,       /* bytes, an interval */
    BANNER_TYPE_LEN = 5, /* bytes of an element behind the server's banner */
    TYPE_UB4 = 26,       /* an unsigned number of four bytes */
    REPRESENTATION_UNIVERSAL = 1,
    ANO_HEADER_LEN = 13,
    ANO_ENCRYPTION = 2,
    ANO_INTEGRITY = 3,
    ANO_BYTE = 2, /* type of a part that is one byte: the driver chosen */
};

struct bytes tns_keep(struct tns_name *n, struct bytes text)
{
    text = bytes_first(text, sizeof(n->text));
    if (text.len > 0)
        memcpy(n->text, text.data, text.len);
    n->len = (uint8_t)text.len;
    return (struct bytes){(const uint8_t *)n->text, n->len};
}

struct request *tns_login(struct exchange *x)
{
    struct request *r = pairing_first(x);
    if (r && r->mark & TNS_LOGIN) {
        pairing_receive(x, SIDE_CLIENT, r);
        return r;
    }
    r = pairing_open(x);
    if (!r)
        return NULL;
    r->tx.is_apart = true;
    r->tx.action = ACTION_LOGIN;
    r->mark = TNS_LOGIN;
    return r;
}

/* The value of "(NAME=value)", wherever it stands. */
static struct bytes connect_value(struct bytes text, const char *name)
{
    struct bytes from = bytes_from(text, bytes_find(text, bytes_of(name)));
    struct bytes value = bytes_from(from, strlen(name));
    return bytes_trim(bytes_first(value, bytes_index(value, ')')));
}

void tns_connect_data(struct exchange *x, struct bytes text)
{
    struct tns *s = x->state;
    struct bytes service = connect_value(text, "(SERVICE_NAME=");
    if (service.len == 0)
        service = connect_value(text, "(SID=");
    struct bytes program = connect_value(text, "(PROGRAM=");
    if (service.len > 0)
        x->db_namespace = tns_keep(&s->service, service);
    if (program.len > 0)
        x->software = tns_keep(&s->software, program);
}

bool tns_ano(struct cursor in)
{
    bool is_sealed = false;
    cursor_skip(&in, ANO_HEADER_LEN);
    while (cursor_left(&in) > 0) {
        uint16_t service = cursor_be16(&in), parts = cursor_be16(&in);
        cursor_skip(&in, 4); /* error */
        for (unsigned i = 0; i < parts && cursor_left(&in) > 0; i++) {
            uint16_t len = cursor_be16(&in), type = cursor_be16(&in);
            struct cursor part = cursor_inner(&in, len);
            bool is_driver = type == ANO_BYTE && len == 1;
            if (is_driver && (service == ANO_ENCRYPTION || service == ANO_INTEGRITY))
                is_sealed = is_sealed || cursor_u8(&part) != 0;
        }
    }
    return is_sealed;
}

/* A capability's byte; 0 where there is none. */
static uint8_t capability(struct bytes all, size_t n)
{
    return n < all.len ? all.data[n] : 0;
}

/* A text that is short enough to be in one piece. */
static struct bytes short_text(struct cursor *in)
{
    uint8_t len = cursor_u8(in);
    return cursor_take(in, len < TNS_TEXT_LONG ? len : 0);
}

void tns_agree(struct tns *s)
{
    uint8_t client = s->client_version, server = s->server_version;
    bool are_known = client && server;
    s->terms.version = !are_known ? TNS_FIELDS_UNKNOWN : client < server ? client : server;
    s->has_end = s->has_end && (!are_known || s->terms.version >= TNS_FIELDS_23_4);
}

void tns_client_protocol(struct cursor *in)
{
    (void)cursor_text(in); /* versions */
    (void)cursor_text(in); /* the driver's name, or the machine's kind */
}

/* Whether numbers of four bytes are sent in the universal way, by the list of types; a client of
 * the server's own kind has none. */
static enum tns_encoding types_encoding(struct cursor *in)
{
    enum tns_encoding encoding = TNS_NATIVE;
    for (uint16_t type = cursor_be16(in); type != 0; type = cursor_be16(in)) {
        uint16_t converted = cursor_be16(in);
        uint16_t representation = converted ? cursor_be16(in) : 0;
        cursor_skip(in, converted ? 2 : 0);
        if (type == TYPE_UB4 && representation == REPRESENTATION_UNIVERSAL)
            encoding = TNS_UNIVERSAL;
    }
    return encoding;
}

void tns_client_types(struct tns *s, struct cursor *in)
{
    cursor_skip(in, 2 + 2 + 1); /* character sets, their flags */
    struct bytes compiled = short_text(in), running = short_text(in);
    s->client_zone = capability(running, CAPABILITY_ZONE) & 1;
    if (s->client_zone)
        cursor_skip(in, ZONE_LEN);
    s->client_version = capability(compiled, CAPABILITY_VERSION);
    if (compiled.len <= CAPABILITY_TTC3 ||
        !(capability(compiled, CAPABILITY_TTC3) & CAPABILITY_BIG_PIECES))
        s->terms.can &= (uint8_t)~TNS_CAN_BIG_PIECES;
    s->encoding = (uint8_t)types_encoding(in);
    tns_agree(s);
}

bool tns_server_protocol(struct tns *s, struct cursor *in)
{
    struct cursor peek = *in;
    (void)cursor_text(&peek);  /* versions */
    (void)cursor_text(&peek);  /* banner */
    cursor_skip(&peek, 2 + 1); /* character set, flags */
    cursor_skip(&peek, (size_t)cursor_le16(&peek) * BANNER_TYPE_LEN);
    cursor_skip(&peek, cursor_be16(&peek));
    struct bytes compiled = short_text(&peek), running = short_text(&peek);
    if (cursor_is_short(&peek))
        return false;
    *in = peek;
    s->server_version = capability(compiled, CAPABILITY_VERSION);
    s->client_zone &= capability(running, CAPABILITY_ZONE) & 1;
    s->terms.can = 0;
    if (capability(compiled, CAPABILITY_TTC1) & CAPABILITY_CALL_STATUS)
        s->terms.can |= TNS_CAN_CALL_STATUS;
    if (capability(compiled, CAPABILITY_OCI1) & CAPABILITY_SEQUENCE)
        s->terms.can |= TNS_CAN_SEQUENCE;
    if (capability(compiled, CAPABILITY_TTC3) & CAPABILITY_BIG_PIECES)
        s->terms.can |= TNS_CAN_BIG_PIECES;
    tns_agree(s);
    return true;
}

bool tns_server_types(const struct tns *s, struct cursor *in)
{
    struct cursor peek = *in;
    if (s->client_zone)
        cursor_skip(&peek, ZONE_LEN);
    for (uint16_t type = cursor_be16(&peek); type != 0; type = cursor_be16(&peek))
        cursor_skip(&peek, cursor_be16(&peek) ? 4 : 0);
    if (cursor_is_short(&peek))
        return false;
    *in = peek;
    return true;
}
