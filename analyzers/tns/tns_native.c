/*
 * Clients that send numbers as their machine has them (OCI) follow no description that is public.
 * Their texts have their lengths before them all the same, and are found by that.  Where a status
 * that ends a call stands behind bytes that were not understood, it is found by its filling them to
 * their end.
 */
#include "analyzers/tns/tns_state.h"

enum {
    STATEMENT_MIN = 4, /* bytes; shorter texts are none */
    ERROR_DIGITS = 5,  /* "ORA-01017" */
};

static bool is_printable(uint8_t c)
{
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

/* Whether a statement begins with that word. */
static bool begins(struct bytes text)
{
    static const char *const words[] = {
        "select", "with",   "insert", "update",    "delete",   "merge",   "begin",   "declare",
        "call",   "create", "alter",  "drop",      "truncate", "explain", "lock",    "grant",
        "revoke", "set",    "commit", "savepoint", "rollback", "comment", "analyze", "audit",
        "rename", "purge",  "/*",     "--",        "(",
    };
    text = bytes_trim(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (bytes_are_nocase(bytes_first(text, strlen(words[i])), words[i]))
            return true;
    }
    return false;
}

/* The text of that length, if it is one. */
static struct bytes text_at(struct bytes request, size_t at, size_t len)
{
    struct bytes text = bytes_first(bytes_from(request, at), len);
    struct bytes start = bytes_first(text, 16);
    for (size_t i = 0; i < start.len; i++) {
        if (!is_printable(start.data[i]))
            return (struct bytes){NULL, 0};
    }
    return text.len == len && len >= STATEMENT_MIN && begins(text) ? text : (struct bytes){NULL, 0};
}

struct bytes tns_native_statement(struct bytes request)
{
    for (size_t i = 0; i + STATEMENT_MIN < request.len; i++) {
        uint8_t len = request.data[i];
        if (len < STATEMENT_MIN || !is_printable(request.data[i + 1]))
            continue;
        bool is_long = len == TNS_TEXT_LONG;
        size_t at = is_long ? i + 2 : i + 1;
        size_t left = request.len - at;
        /* in pieces: their lengths are in its way, the first piece tells what it is */
        size_t text_len = is_long ? request.data[i + 1] : len;
        struct bytes text = text_at(request, at, text_len < left ? text_len : left);
        if (text.len > 0)
            return text;
    }
    return (struct bytes){NULL, 0};
}

/* The user's name stands before the first of the pairs, whose key is the first that begins so. */
struct bytes tns_native_user(struct bytes request)
{
    struct bytes none = {NULL, 0};
    size_t key = bytes_find(request, bytes_of("AUTH_"));
    if (key == request.len)
        return none;
    /* of a name that ends before the key's length: its own length stands before it */
    for (size_t gap = 1; gap <= 2 * sizeof(uint64_t) + 1 && gap < key; gap++) {
        size_t end = key - gap;
        for (size_t len = 1; len <= TNS_NAME_MAX && len < end; len++) {
            struct bytes name = bytes_first(bytes_from(request, end - len), len);
            if (name.data[0] <= 0x20 || name.data[0] >= 0x7f)
                break;
            if (request.data[end - len - 1] == len)
                return name;
        }
    }
    return none;
}

uint64_t tns_find_error(struct bytes text)
{
    while (text.len > 0) {
        text = bytes_from(text, bytes_find(text, bytes_of("ORA-")));
        text = bytes_from(text, 4);
        uint64_t number = 0;
        if (bytes_number(bytes_first(text, ERROR_DIGITS), &number) && text.len > ERROR_DIGITS &&
            text.data[ERROR_DIGITS] == ':')
            return number;
    }
    return 0;
}

/* Whether a status begins there and fills the rest, but for the message that may end a reply. */
static bool status_fills(struct tns *s, struct bytes tail, size_t at, struct tns_walk *w)
{
    struct cursor in = cursor_over(bytes_from(tail, at + 1));
    if (!tns_walk_whole(w, TNS_STATUS_FIELDS, &s->terms, &in))
        return false;
    if (cursor_left(&in) == 1 && *cursor_rest(&in).data == TTC_END_OF_RESPONSE)
        cursor_skip(&in, 1);
    return cursor_left(&in) == 0 && w->places[TNS_ERROR] <= UINT16_MAX &&
           w->places[TNS_CURSOR] <= UINT16_MAX;
}

bool tns_find_status(struct tns *s, struct bytes tail, struct tns_walk *w)
{
    static const uint8_t versions[] = {TNS_FIELDS_20_1, TNS_FIELDS_12_1, 1};
    struct tns_terms terms = s->terms;
    uint8_t known = terms.version;
    if (!known)
        s->terms.can = TNS_CAN_CALL_STATUS | TNS_CAN_SEQUENCE | TNS_CAN_BIG_PIECES;
    for (size_t at = 0; at < tail.len; at++) {
        if (tail.data[at] != TTC_ERROR)
            continue;
        for (size_t i = 0; i < (known ? 1 : sizeof(versions)); i++) {
            s->terms.version = known ? known : versions[i];
            if (status_fills(s, tail, at, w)) {
                s->terms = terms;
                return true;
            }
        }
    }
    s->terms = terms;
    return false;
}
