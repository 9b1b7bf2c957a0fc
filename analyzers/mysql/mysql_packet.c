/*
 * Lengths and numbers are little-endian.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html and
 * https://mariadb.com/kb/en/0-packet/
 */
#include "analyzers/mysql/mysql_packet.h"

enum {
    COLUMNS_MAX = 4096,   /* of a table or a result, by the server's bound */
    ZLIB_METHOD = 0x78,   /* deflate with a window of 32 KiB, RFC 1950 */
    DEFINITION_TEXTS = 5, /* schema, table and its origin, name and its origin */
    DEFINITION_REST = 13, /* bytes, what follows these at least */
    TEXT_CHECKED = 64,    /* bytes of a text that are looked at */
    INNER_CHECKED = 8,    /* packets that are looked at: the work at one place is bounded */
};

uint64_t mysql_number(struct cursor *in)
{
    uint8_t first = cursor_u8(in);
    uint64_t low;
    switch (first) {
    case 0xfc:
        return cursor_le16(in);
    case 0xfd:
        return mysql_le24(in);
    case 0xfe:
        low = cursor_le32(in);
        return low | (uint64_t)cursor_le32(in) << 32;
    case 0xfb:
    case 0xff:
        cursor_skip(in, SIZE_MAX);
        return 0;
    default:
        return first;
    }
}

struct bytes mysql_text(struct cursor *in)
{
    uint64_t len = mysql_number(in);
    return cursor_take(in, len < SIZE_MAX ? (size_t)len : SIZE_MAX);
}

struct mysql_end mysql_end(uint32_t len, struct cursor *in)
{
    struct mysql_end end = {0};
    uint8_t first = cursor_u8(in);
    if (first == MYSQL_EOF && len <= MYSQL_EOF_LEN) {
        cursor_skip(in, 2); /* warnings */
        end.status = cursor_le16(in);
        return end;
    }
    end.affected = mysql_number(in);
    (void)mysql_number(in); /* the last inserted id */
    end.status = cursor_le16(in);
    cursor_skip(in, 2); /* warnings */
    return end;
}

static bool is_text(struct bytes text)
{
    for (size_t i = 0; i < text.len && i < TEXT_CHECKED; i++) {
        if (text.data[i] < ' ' && text.data[i] != '\n' && text.data[i] != '\t')
            return false;
    }
    return true;
}

/* Whether an OK, or what looks so at the end of rows, can have these flags.  The texts of a binary
 * row stand where they do: digits and most letters are none. */
static bool is_status(uint16_t status, bool is_of_rows)
{
    unsigned of_rows = MYSQL_CURSOR_EXISTS | MYSQL_LAST_ROW_SENT | MYSQL_OUT_PARAMETERS;
    if (status & MYSQL_STATUS_NONE || (!is_of_rows && status & of_rows))
        return false;
    return !(status & MYSQL_READ_ONLY) || status & MYSQL_IN_TRANSACTION;
}

/* Behind the warnings stand words for a person, whose length is told where changes of the state
 * can follow. */
bool mysql_is_ok(struct cursor body)
{
    bool is_of_rows = body.left > 0 && *body.at == MYSQL_EOF;
    struct mysql_end end = mysql_end(UINT32_MAX, &body);
    if (cursor_is_short(&body) || !is_status(end.status, is_of_rows))
        return false;
    struct cursor told = body;
    struct bytes words = mysql_text(&told);
    if (end.status & MYSQL_STATE_CHANGED)
        (void)mysql_text(&told);
    bool has_length = !cursor_is_short(&told) && cursor_left(&told) == 0;
    if (end.status & MYSQL_STATE_CHANGED && !has_length)
        return false;
    return is_text(has_length ? words : cursor_rest(&body));
}

bool mysql_is_end(uint32_t len, uint8_t first)
{
    return len < MYSQL_PACKET_MAX && (first == MYSQL_EOF || first == MYSQL_ERROR);
}

/*
 * MySQL can put a flag before the number, MariaDB behind it: whether the definitions follow.  The
 * packet's length tells that there is one; of "1 1" both say the same.
 */
bool mysql_columns(struct cursor body, uint32_t len, uint32_t *columns, bool *has_definitions)
{
    struct cursor behind = body, before = body;
    *has_definitions = true;
    *columns = (uint32_t)mysql_number(&behind);
    size_t used = body.left - behind.left;
    bool is_number = !cursor_is_short(&behind) && *columns > 0 && *columns <= COLUMNS_MAX;
    if (is_number && used == len)
        return true;
    uint8_t flag = cursor_u8(&behind);
    if (is_number && used + 1 == len && !cursor_is_short(&behind) && flag <= 1) {
        *has_definitions = flag == 1;
        return true;
    }
    flag = cursor_u8(&before);
    *columns = (uint32_t)mysql_number(&before);
    *has_definitions = flag == 1;
    return !cursor_is_short(&before) && body.left - before.left == len && flag <= 1 &&
           *columns > 0 && *columns <= COLUMNS_MAX;
}

bool mysql_is_definition(struct cursor body, uint32_t len)
{
    bool is_whole = cursor_left(&body) == len;
    struct bytes catalog = mysql_text(&body);
    if (!bytes_are(catalog, "def"))
        return false;
    for (int i = 0; i < DEFINITION_TEXTS; i++)
        (void)mysql_text(&body);
    if (!is_whole)
        return true;
    return !cursor_is_short(&body) && cursor_left(&body) >= DEFINITION_REST;
}

/* Whether packets fill what is not packed, to its end.  Only a command has the number 0, and then
 * so has what it is packed in: the status of an OK could be taken for such a packet's length. */
static bool holds_packets(struct cursor in, uint32_t len, uint8_t number)
{
    for (int n = 0; n < INNER_CHECKED && len > MYSQL_HEADER_LEN; n++) {
        struct mysql_header h = mysql_header(&in);
        len -= MYSQL_HEADER_LEN;
        if (cursor_is_short(&in) || h.len == 0 || h.len > len)
            return false;
        if (n == 0 && h.number == 0 && number != 0)
            return false;
        len -= h.len;
        cursor_skip(&in, h.len);
    }
    return len == 0;
}

bool mysql_is_packed(struct cursor in)
{
    struct mysql_header h = mysql_header(&in);
    uint32_t unpacked_len = mysql_le24(&in);
    if (cursor_is_short(&in) || h.len == 0)
        return false;
    if (unpacked_len == 0)
        return holds_packets(in, h.len, h.number);
    uint8_t first = cursor_u8(&in), second = cursor_u8(&in);
    if (first == ZLIB_METHOD && (first * 256U + second) % 31 == 0)
        return true;
    uint16_t third = cursor_le16(&in);
    return first == MYSQL_ZSTD_FIRST && second == 0xb5 && third == 0xfd2f;
}
