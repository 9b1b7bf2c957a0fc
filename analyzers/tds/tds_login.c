/*
 * How a TDS connection begins: what the ends agree on, and who the client says it is.  What proves
 * it (the password, tokens, tickets) is passed over and never looked at; of NTLM's proof only the
 * names are read.
 *
 * [MS-TDS] sections 2.2.6.4 (LOGIN7), 2.2.6.5 (PRELOGIN), [MS-NLMP] section 2.2.1.3
 */
#include "analyzers/tds/tds_state.h"
#include "analyzers/tds/tds_text.h"

enum {
    PRELOGIN_MAX = 1024, /* bytes that are read; of a login, of its proof */
    LOGIN_MAX = 16384,
    PROOF_MAX = 4096,
    OPTION_ENCRYPTION = 1,
    OPTION_MARS = 4,
    OPTIONS_END = 0xff,
    ENCRYPT_OFF = 0,
    ENCRYPT_NOT = 2,
    ENCRYPT_REQUIRED = 3,
    ENCRYPT_UNKNOWN = 0xff,
    ENCRYPT_MASK = 0x7f, /* without the wish for the client's certificate */
    TLS_FIRST = 0x14,    /* kinds of TLS records */
    TLS_LAST = 0x17,
    OLD_LOGIN_LEN = 86, /* bytes before the texts */
    FLAGS2_ODBC = 0x02,
    FLAGS2_INTEGRATED = 0x80,
    FLAGS3_EXTENSION = 0x10,
    FEATURE_FEDAUTH = 0x02,
    FEATURES_END = 0xff,
    NTLM_NAMES_AT = 28,
    NTLM_AUTHENTICATE = 3,
    NTLM_UNICODE = 1,
};

struct bytes tds_keep(struct tds_name *n, struct bytes text)
{
    size_t len = 0;
    while (len < text.len) {
        size_t more = bytes_utf8_len(bytes_from(text, len));
        more = more > 0 ? more : 1;
        if (len + more > sizeof(n->text))
            break;
        len += more;
    }
    if (len > 0)
        memcpy(n->text, text.data, len);
    n->len = (uint8_t)len;
    return (struct bytes){(const uint8_t *)n->text, len};
}

/* --- PRELOGIN */

struct options {
    uint8_t encryption; /* ENCRYPT_UNKNOWN: not told */
    bool has_mars;
};

static struct options read_options(struct bytes message)
{
    struct options o = {.encryption = ENCRYPT_UNKNOWN};
    struct cursor in = cursor_over(message);
    while (cursor_left(&in) > 0) {
        uint8_t option = cursor_u8(&in);
        uint16_t at = option == OPTIONS_END ? 0 : cursor_be16(&in);
        uint16_t len = option == OPTIONS_END ? 0 : cursor_be16(&in);
        if (option == OPTIONS_END || cursor_is_short(&in))
            break;
        struct cursor value = cursor_over(bytes_from(message, at));
        uint8_t first = cursor_u8(&value);
        if (cursor_is_short(&value) || len == 0)
            continue;
        if (option == OPTION_ENCRYPTION)
            o.encryption = first & ENCRYPT_MASK;
        else if (option == OPTION_MARS)
            o.has_mars = first == 1;
    }
    return o;
}

enum tds_pass tds_prelogin_pass(struct tds_reading *r, size_t *needs)
{
    uint8_t room[PRELOGIN_MAX];
    struct bytes message;
    if (!tds_look(r, sizeof(room), room, &message, needs))
        return TDS_LOOKS;
    r->walk->at = TDS_AT_REST;
    bool is_record = message.len > 0 && message.data[0] >= TLS_FIRST && message.data[0] <= TLS_LAST;
    r->session->has_opened = true;
    if (!is_record) /* of a handshake, the beginning of which was not seen */
        (void)tds_open_apart(r, TDS_KIND_PRELOGIN, "PRELOGIN");
    return TDS_PASSED;
}

/* What is told of the encryption. */
static const char *told(enum tds_encryption encryption, uint8_t answer)
{
    switch (encryption) {
    case TDS_ENCRYPTION_NONE:
        return "PRELOGIN, no encryption";
    case TDS_ENCRYPTION_LOGIN:
        return "PRELOGIN, login encrypted";
    case TDS_ENCRYPTION_ALL:
        return answer == ENCRYPT_REQUIRED ? "PRELOGIN, encryption required" : "PRELOGIN, encrypted";
    default:
        return "PRELOGIN";
    }
}

enum tds_pass tds_prelogin_reply(struct tds_reading *r, size_t *needs)
{
    uint8_t room[PRELOGIN_MAX];
    struct bytes message;
    if (!tds_look(r, sizeof(room), room, &message, needs))
        return TDS_LOOKS;
    struct options o = read_options(message);
    struct tds *s = r->s;
    s->encryption = o.encryption == ENCRYPT_UNKNOWN ? TDS_ENCRYPTION_UNKNOWN
                    : o.encryption == ENCRYPT_NOT   ? TDS_ENCRYPTION_NONE
                    : o.encryption == ENCRYPT_OFF   ? TDS_ENCRYPTION_LOGIN
                                                    : TDS_ENCRYPTION_ALL;
    r->walk->at = TDS_AT_REST;
    struct request *q = r->request;
    if (!q)
        return TDS_PASSED;
    q->mark = (q->mark & ~(unsigned)TDS_KIND_MASK) | TDS_KIND_PRELOGIN;
    q->tx.is_apart = true;
    q->tx.outcome = OUTCOME_SUCCESS;
    q->tx.db_operation = bytes_of(told((enum tds_encryption)s->encryption, o.encryption));
    transaction_mark(&q->tx, FIELD_DB_OPERATION_NAME);
    return TDS_PASSED;
}

void tds_prelogin_end(struct tds_reading *r)
{
    struct request *q = tds_first(r);
    if (q && tds_kind_of(q) == TDS_KIND_PRELOGIN && q->mark & TDS_BEGUN)
        pairing_finish(q);
}

/* --- LOGIN7 */

/* The next text of a login: its place and length in characters stand at the cursor. */
static struct bytes login_text(struct bytes message, struct cursor *in)
{
    uint16_t at = cursor_le16(in), len = cursor_le16(in);
    return bytes_first(bytes_from(message, at), 2 * (size_t)len);
}

static enum tds_era era_of(uint32_t version)
{
    switch (version >> 24) {
    case 0x70:
        return TDS_ERA_70;
    case 0x71:
        return TDS_ERA_71;
    default:
        return TDS_ERA_72;
    }
}

static bool has_fedauth(struct bytes message, struct bytes extension)
{
    struct cursor in = cursor_over(extension);
    uint32_t at = cursor_le32(&in);
    in = cursor_over(bytes_from(message, at));
    while (cursor_left(&in) > 0) {
        uint8_t feature = cursor_u8(&in);
        if (feature == FEATURE_FEDAUTH || feature == FEATURES_END)
            return feature == FEATURE_FEDAUTH;
        cursor_skip(&in, cursor_le32(&in));
    }
    return false;
}

/* The program, and in parentheses the library that it uses. */
static void keep_software(struct tds_reading *r, struct bytes program, struct bytes library)
{
    char text[2 * TDS_NAME_MAX + 8];
    struct bytes name = tds_utf8(program, text, TDS_NAME_MAX);
    size_t len = name.len;
    struct bytes used = tds_utf8(library, text + len + 2, TDS_NAME_MAX);
    bool has_both = len > 0 && used.len > 0;
    if (has_both) {
        text[len] = ' ';
        text[len + 1] = '(';
        text[len + 2 + used.len] = ')';
        len += used.len + 3;
    }
    struct bytes both = {(const uint8_t *)text, len};
    r->x->software = tds_keep(&r->s->software, len > 0 ? both : used);
}

static void keep_name(struct bytes *view, struct tds_name *n, struct bytes utf16)
{
    char text[TDS_NAME_MAX + 4];
    *view = tds_keep(n, tds_utf8(utf16, text, sizeof(text)));
}

void tds_open_login(struct tds_reading *r, const char *operation)
{
    struct request *q = tds_open_apart(r, TDS_KIND_LOGIN, operation);
    if (q)
        q->tx.action = ACTION_LOGIN;
}

enum tds_pass tds_login_pass(struct tds_reading *r, size_t *needs)
{
    uint8_t room[LOGIN_MAX];
    struct bytes message;
    struct tds *s = r->s;
    if (!tds_look(r, sizeof(room), room, &message, needs))
        return TDS_LOOKS;
    struct cursor in = cursor_over(message);
    cursor_skip(&in, 4); /* length */
    enum tds_era era = era_of(cursor_le32(&in));
    cursor_skip(&in, 16 + 1); /* packet size, program, process, connection, flags */
    uint8_t flags2 = cursor_u8(&in);
    cursor_skip(&in, 1);
    uint8_t flags3 = cursor_u8(&in);
    cursor_skip(&in, 8);            /* time zone, language */
    (void)login_text(message, &in); /* the client's host */
    struct bytes user = login_text(message, &in);
    cursor_skip(&in, 4); /* the password */
    struct bytes program = login_text(message, &in);
    cursor_skip(&in, 4); /* the server's host */
    struct bytes extension = login_text(message, &in);
    struct bytes library = login_text(message, &in);
    cursor_skip(&in, 4); /* language */
    struct bytes database = login_text(message, &in);
    r->walk->at = TDS_AT_REST;
    bool has_extension = flags3 & FLAGS3_EXTENSION && has_fedauth(message, extension);
    tds_open_login(r, has_extension                ? "LOGIN7, federated"
                      : flags2 & FLAGS2_INTEGRATED ? "LOGIN7, integrated"
                                                   : "LOGIN7");
    if (cursor_is_short(&in))
        return TDS_PASSED;
    s->era = (uint8_t)era;
    s->has_texts_in_quotes = !(flags2 & FLAGS2_ODBC);
    keep_name(&r->x->user, &s->user, user);
    keep_name(&r->x->db_namespace, &s->database, database);
    keep_software(r, program, library);
    return TDS_PASSED;
}

/* --- the proof */

static struct bytes ntlm_text(struct bytes ntlm, struct cursor *in)
{
    uint16_t len = cursor_le16(in);
    cursor_skip(in, 2);
    uint32_t at = cursor_le32(in);
    return bytes_first(bytes_from(ntlm, at), len);
}

/* DOMAIN\user, of NTLM's last message; what it is wrapped in does not matter. */
static void keep_account(struct tds_reading *r, struct bytes message)
{
    char text[2 * TDS_NAME_MAX + 8];
    struct bytes ntlm = bytes_from(message, bytes_find(message, bytes_of("NTLMSSP")));
    struct cursor in = cursor_over(ntlm);
    cursor_skip(&in, 8);
    uint32_t kind = cursor_le32(&in);
    cursor_skip(&in, NTLM_NAMES_AT - 12);
    struct bytes domain = ntlm_text(ntlm, &in), user = ntlm_text(ntlm, &in);
    cursor_skip(&in, 8 + 8); /* workstation, key */
    bool is_unicode = cursor_le32(&in) & NTLM_UNICODE;
    if (cursor_is_short(&in) || kind != NTLM_AUTHENTICATE || !is_unicode || user.len == 0)
        return;
    size_t len = tds_utf8(domain, text, TDS_NAME_MAX).len;
    if (len > 0)
        text[len++] = '\\';
    len += tds_utf8(user, text + len, TDS_NAME_MAX).len;
    r->x->user = tds_keep(&r->s->user, (struct bytes){(const uint8_t *)text, len});
}

enum tds_pass tds_proof_pass(struct tds_reading *r, size_t *needs)
{
    uint8_t room[PROOF_MAX];
    struct bytes message;
    if (!tds_look(r, sizeof(room), room, &message, needs))
        return TDS_LOOKS;
    pairing_receive(r->x, SIDE_CLIENT, tds_last(r));
    if (r->half->type == TDS_SSPI)
        keep_account(r, message);
    r->walk->at = TDS_AT_REST;
    return TDS_PASSED;
}
