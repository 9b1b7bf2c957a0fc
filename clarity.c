/*
 * Bytes wait until the state is known, and are counted then.  An analyzer's first message is not
 * yet clear text: it may ask for encryption, so the other side's answer is waited for.  TLS: RFC
 * 8446, section 5.1; older versions have the same header.
 */
#include "clarity.h"

#include "core/cursor.h"

enum {
    RECORD_HEADER_LEN = 5,
    RECORD_LEN_MAX = 16384 + 2048, /* of TLS 1.2 and older; of 1.3 it is less */
    RECORD_TYPE_FIRST = 20,        /* change_cipher_spec */
    RECORD_TYPE_LAST = 23,         /* application_data */
};

/* Takes a record, or what there is of it, off the cursor; false where it is none. */
static bool take_record(struct cursor *in)
{
    uint8_t type = cursor_u8(in);
    uint16_t version = cursor_be16(in), len = cursor_be16(in);
    bool is_record = type >= RECORD_TYPE_FIRST && type <= RECORD_TYPE_LAST && version >= 0x0300 &&
                     version <= 0x0304 && len > 0 && len <= RECORD_LEN_MAX;
    if (cursor_is_short(in) || !is_record)
        return false;
    cursor_skip(in, len < cursor_left(in) ? len : cursor_left(in));
    return true;
}

/* Whether a segment begins with a record, and goes on with another if it goes on. */
static bool begins_with_record(struct bytes data)
{
    struct cursor in = cursor_over(data);
    return take_record(&in) && (cursor_left(&in) < RECORD_HEADER_LEN || take_record(&in));
}

static bool is_encrypted_name(struct bytes name)
{
    static const char *const names[] = {"tls", "dtls", "quic", "ssh", "openvpn", "tor"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_are(name, names[i]))
            return true;
    }
    return false;
}

static void settle(struct clarity *c, enum clarity_state state, struct mirror_counters *counters)
{
    c->state = state;
    counters->clear += state == CLARITY_CLEAR;
    counters->encrypted += state == CLARITY_ENCRYPTED;
    if (state == CLARITY_ENCRYPTED)
        counters->encrypted_bytes += c->waiting;
    if (state == CLARITY_UNDECODED)
        counters->undecoded_bytes += c->waiting;
    c->waiting = 0;
}

static bool both_sides_spoke(const struct connection *connection)
{
    return connection_bytes(connection, SIDE_CLIENT) > 0 &&
           connection_bytes(connection, SIDE_SERVER) > 0;
}

/* What is seen of the connection now; the state it has where that tells nothing. */
static enum clarity_state look(struct clarity *c, const struct connection *connection,
                               struct bytes data)
{
    enum connection_kind kind = connection_kind(connection);
    bool is_decoded = kind == CONNECTION_DECODED && connection_has_parsed(connection);
    bool is_late = c->looks >= CLARITY_LOOKS_MAX;
    c->looks += !is_late;
    if (kind == CONNECTION_ENCRYPTED || (!is_decoded && !is_late && begins_with_record(data)))
        return CLARITY_ENCRYPTED;
    if (is_decoded && (is_late || both_sides_spoke(connection)))
        return CLARITY_CLEAR;
    if (kind == CONNECTION_OPAQUE || (kind == CONNECTION_UNKNOWN && is_late))
        return CLARITY_UNDECODED;
    return c->state;
}

void clarity_data(struct clarity *c, const struct connection *connection, struct bytes data,
                  struct mirror_counters *counters)
{
    counters->payload_bytes += data.len;
    if (c->state == CLARITY_CLEAR && connection_kind(connection) == CONNECTION_DECODED)
        return;
    if (c->state == CLARITY_ENCRYPTED) {
        counters->encrypted_bytes += data.len;
        return;
    }
    enum clarity_state state = look(c, connection, data);
    c->waiting += data.len;
    if (state != c->state)
        settle(c, state, counters);
    else if (state == CLARITY_CLEAR || state == CLARITY_UNDECODED) {
        counters->undecoded_bytes += data.len;
        c->waiting = 0;
    }
}

void clarity_named(struct clarity *c, const char *name, struct mirror_counters *counters)
{
    if (c->state != CLARITY_OPEN && c->state != CLARITY_UNDECODED)
        return;
    if (is_encrypted_name(bytes_of(name)))
        settle(c, CLARITY_ENCRYPTED, counters);
    else if (c->state == CLARITY_OPEN)
        settle(c, CLARITY_UNDECODED, counters);
}

void clarity_close(struct clarity *c, const struct connection *connection,
                   struct mirror_counters *counters)
{
    if (c->state != CLARITY_OPEN || c->waiting == 0)
        return;
    bool is_decoded =
        connection_kind(connection) == CONNECTION_DECODED && connection_has_parsed(connection);
    settle(c, is_decoded ? CLARITY_CLEAR : CLARITY_UNDECODED, counters);
}
