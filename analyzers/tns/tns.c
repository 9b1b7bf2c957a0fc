/*
 * Net8 (TNS): packets.  What they carry is one stream of messages, whatever their borders: each
 * data packet's content is handed on behind the one before, unless something began anew.
 *
 * No specification is public; this rests on what Oracle's own drivers that are open source send and
 * read, and on captures.
 */
#include "analyzers/tns/tns.h"

#include "analyzers/tns/tns_state.h"

enum {
    CONTENT_MAX = 4096,       /* bytes of what is no data that are read */
    CONNECT_DATA_LEN_AT = 24, /* in a packet */
    CONNECT_DATA_AT = 26,
    ACCEPT_LARGE_UNIT_AT = 32,
    ACCEPT_FLAGS_AT = 41,
    ACCEPT_HAS_END = 0x02000000,
    VERSION_FLAGS = 318, /* of TNS: an accept has more flags */
    VERSION_END = 319,
    MAGIC_LEN = 4,
    MESSAGE_MAX = 70000, /* bytes that are needed at once, at most */
};

bool tns_packet_header(const struct tns *s, struct cursor *in, uint8_t *type, uint32_t *len)
{
    uint32_t first = cursor_be32(in);
    bool is_large = (s && s->is_large) || first >> 16 == 0;
    *len = is_large ? first : first >> 16;
    *type = cursor_u8(in);
    cursor_skip(in, 3); /* flags, checksum */
    return *len >= TNS_HEADER_LEN && *len <= TNS_PACKET_MAX && *type >= TNS_CONNECT &&
           *type <= TNS_DESCRIPTOR;
}

static void read_connect(struct exchange *x, struct cursor packet)
{
    struct tns *s = x->state;
    struct bytes all = cursor_rest(&packet);
    cursor_skip(&packet, CONNECT_DATA_LEN_AT);
    uint16_t len = cursor_be16(&packet), at = cursor_be16(&packet);
    if (cursor_is_short(&packet))
        return;
    struct bytes data = bytes_first(bytes_from(all, at), len);
    s->awaits_connect_data = data.len == 0 && len > 0;
    tns_connect_data(x, data);
}

static void read_accept(struct tns *s, struct cursor packet)
{
    struct cursor large = packet, flags = packet;
    cursor_skip(&packet, TNS_HEADER_LEN);
    uint16_t version = cursor_be16(&packet);
    cursor_skip(&packet, 2);
    s->unit_len = cursor_be16(&packet);
    cursor_skip(&large, ACCEPT_LARGE_UNIT_AT);
    uint32_t large_len = cursor_be32(&large);
    cursor_skip(&flags, ACCEPT_FLAGS_AT);
    uint32_t more = cursor_be32(&flags);
    s->is_agreed = true;
    s->is_large = version >= TNS_VERSION_LARGE;
    if (s->is_large && large_len > 0)
        s->unit_len = large_len;
    s->has_end = version >= VERSION_END && more & ACCEPT_HAS_END;
}

/* "(ERR=12514)", of a refusal. */
static uint64_t refusal_error(struct bytes text)
{
    struct bytes from = bytes_from(text, bytes_find(text, bytes_of("(ERR=")));
    uint64_t number = 0;
    from = bytes_from(from, 5);
    return bytes_number(bytes_first(from, bytes_index(from, ')')), &number) ? number : 0;
}

static void refused(struct exchange *x, struct bytes packet)
{
    struct request *r = pairing_reply(x);
    uint64_t error = refusal_error(packet);
    if (!r)
        return;
    r->tx.is_apart = true;
    r->tx.action = ACTION_LOGIN;
    r->tx.outcome = OUTCOME_FAILURE;
    if (error > 0)
        tns_set_error(x, r, error);
    pairing_finish(r);
}

/* The login goes on at another place. */
static void redirected(struct exchange *x)
{
    struct request *r = pairing_reply(x);
    if (!r)
        return;
    r->tx.is_apart = true;
    r->tx.action = ACTION_OTHER;
    r->tx.outcome = OUTCOME_SUCCESS;
    r->tx.db_operation = bytes_of("REDIRECT");
    transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    pairing_finish(r);
}

static void client_packet(struct exchange *x, uint8_t type, struct cursor packet)
{
    if (type == TNS_CONNECT) {
        (void)tns_login(x);
        read_connect(x, packet);
    } else {
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
    }
}

static void server_packet(struct exchange *x, uint8_t type, struct cursor packet)
{
    struct tns *s = x->state;
    switch (type) {
    case TNS_ACCEPT:
        read_accept(s, packet);
        break;
    case TNS_REFUSE:
    case TNS_ABORT:
        refused(x, cursor_rest(&packet));
        return;
    case TNS_REDIRECT:
        redirected(x);
        return;
    default:
        break;
    }
    if (pairing_first(x))
        (void)pairing_reply(x);
}

/* A packet that is not data. */
static struct step control_packet(struct exchange *x, enum side side, uint8_t type, uint32_t len,
                                  struct cursor *in)
{
    uint32_t wants = len < CONTENT_MAX ? len : CONTENT_MAX;
    struct cursor packet = cursor_inner(in, wants);
    if (cursor_is_short(in))
        return step_needs(wants);
    if (side == SIDE_CLIENT)
        client_packet(x, type, packet);
    else
        server_packet(x, type, packet);
    return step_taken(len - wants);
}

/* Data packets that hold no messages: connect data that did not fit, native services. */
static bool is_apart(const struct tns *s, enum side side, struct bytes start, struct bytes magic)
{
    return (s->awaits_connect_data && side == SIDE_CLIENT) || bytes_equal(start, magic);
}

static struct step apart_packet(struct exchange *x, enum side side, uint32_t len, struct cursor *in)
{
    struct tns *s = x->state;
    uint32_t wants = len < CONTENT_MAX ? len : CONTENT_MAX;
    struct cursor packet = cursor_inner(in, wants);
    if (cursor_is_short(in))
        return step_needs(wants);
    cursor_skip(&packet, TNS_DATA_HEADER_LEN);
    struct request *login = pairing_first(x);
    if (side == SIDE_CLIENT)
        pairing_receive(x, side, login);
    else if (login)
        (void)pairing_reply(x);
    if (s->awaits_connect_data && side == SIDE_CLIENT) {
        s->awaits_connect_data = false;
        tns_connect_data(x, cursor_rest(&packet));
    } else if (side == SIDE_SERVER && tns_ano(packet)) {
        x->is_encrypted = true;
        return step_hand_over();
    }
    return step_taken(len - wants);
}

/* Whether the side begins to say something with this packet, and what was before is over. */
static bool begins(struct tns *s, enum side side, uint16_t flags, bool has_token)
{
    bool is_turn = s->turn != 1 + side;
    bool is_new = s->is_over[side] || (is_turn && (side == SIDE_CLIENT || !s->is_pipelined));
    is_new = is_new || (s->is_lost[side] && s->is_pipelined && has_token);
    if (side == SIDE_CLIENT && is_new)
        s->is_pipelined = s->is_pipelined || flags & TNS_BEGIN_PIPELINE;
    s->turn = (uint8_t)(1 + side);
    return is_new;
}

static void logged_off(struct exchange *x)
{
    struct request *r = pairing_first(x);
    if (!r || r->tx.action != ACTION_LOGOUT)
        return;
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
}

/* Whether a server's packet is the last of its reply: it says so, or is not full. */
static bool is_last(struct tns *s, uint16_t flags, uint32_t len)
{
    if (!s->is_agreed && len > s->unit_len)
        s->unit_len = len;
    return flags & TNS_END_OF_RESPONSE || (!s->has_end && len < s->unit_len);
}

static struct step data_packet(struct exchange *x, enum side side, uint32_t len, struct cursor *in)
{
    static const uint8_t magic_bytes[MAGIC_LEN] = {0xde, 0xad, 0xbe, 0xef};
    struct bytes magic = {magic_bytes, MAGIC_LEN};
    struct tns *s = x->state;
    struct cursor peek = *in;
    uint32_t content_len = len > TNS_DATA_HEADER_LEN ? len - TNS_DATA_HEADER_LEN : 0;
    cursor_skip(&peek, TNS_HEADER_LEN);
    uint16_t flags = len >= TNS_DATA_HEADER_LEN ? cursor_be16(&peek) : 0;
    struct cursor content = peek;
    struct bytes start = cursor_take(&content, content_len < MAGIC_LEN ? content_len : MAGIC_LEN);
    if (cursor_is_short(&content))
        return step_needs((uint64_t)TNS_DATA_HEADER_LEN +
                          (content_len < MAGIC_LEN ? content_len : MAGIC_LEN));
    if (is_apart(s, side, start, magic))
        return apart_packet(x, side, len, in);
    *in = peek;
    if (content_len == 0) {
        if (side == SIDE_CLIENT && flags & TNS_END_OF_FILE)
            logged_off(x);
        return step_taken(0);
    }
    bool has_token = side == SIDE_SERVER && start.len > 0 && start.data[0] == TTC_TOKEN;
    bool is_new = begins(s, side, flags, has_token);
    if (is_new) {
        s->left[side] = 0;
        s->is_begun[side] = s->is_lost[side] = false;
        if (side == SIDE_SERVER)
            tns_server_begin(s);
    }
    s->left[side] += content_len;
    s->is_over[side] = side == SIDE_CLIENT && flags & TNS_END_OF_REQUEST;
    if (side == SIDE_SERVER)
        s->ends_reply = is_last(s, flags, len);
    if (flags & TNS_COMPRESSED)
        s->is_lost[side] = true;
    return step_unpack(CODEC_STORED, is_new ? SEAM_APART : SEAM_BEHIND, content_len, content_len);
}

static struct step packet_parse(struct exchange *x, enum side side, struct cursor *in)
{
    const struct tns *s = x->state;
    struct cursor peek = *in;
    uint8_t type;
    uint32_t len;
    bool is_packet = tns_packet_header(s, &peek, &type, &len);
    if (cursor_is_short(&peek))
        return step_needs(TNS_HEADER_LEN);
    if (!is_packet)
        return step_bad();
    return type == TNS_DATA ? data_packet(x, side, len, in)
                            : control_packet(x, side, type, len, in);
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct tns *s = x->state;
    if (!x->is_unpacked)
        return packet_parse(x, side, in);
    size_t before = cursor_left(in);
    struct step step = side == SIDE_CLIENT ? tns_client_parse(x, in) : tns_server_parse(x, in);
    if (step.verdict == VERDICT_TAKEN)
        s->left[side] -= (int64_t)(before - cursor_left(in)) + (int64_t)step.amount;
    return step;
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct tns *s = x->state;
    /* inside a packet, what is behind the hole still tells how the call ended */
    s->left[side] = x->is_unpacked && lost > 0 ? s->left[side] - (int64_t)lost : 0;
    s->is_lost[side] = true;
    if (side == SIDE_CLIENT)
        return;
    struct request *r = pairing_first(x);
    s->walk.program = NULL;
    s->row.is_open = false;
    if (r)
        r->mark |= TNS_HOLED;
    subject_drop_record(x, r);
    s->last_of = 0;
}

const struct analyzer TNS_ANALYZER = {
    .name = "tns",
    .db_system = "oracle",
    .state_size = sizeof(struct tns),
    .message_max = MESSAGE_MAX,
    .ports = {1521},
    .parse = parse,
    .gap = gap,
    .starts_here = tns_starts_here,
};
