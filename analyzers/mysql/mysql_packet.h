/*
 * What a packet of the MySQL protocol looks like from outside: its header, the kinds of packets
 * that its first bytes tell, and the numbers in it.
 */
#ifndef SEEPWATCH_ANALYZERS_MYSQL_MYSQL_PACKET_H
#define SEEPWATCH_ANALYZERS_MYSQL_MYSQL_PACKET_H

#include "core/cursor.h"

enum {
    MYSQL_HEADER_LEN = 4,        /* length, number */
    MYSQL_PACKED_HEADER_LEN = 7, /* length, number, length when unpacked */
    MYSQL_PACKET_MAX = 0xffffff, /* bytes; a packet of that length is continued by the next */
    MYSQL_EOF_LEN = 5,           /* bytes of the EOF packet */
    MYSQL_TLS_HANDSHAKE = 0x16,
    MYSQL_ZSTD_FIRST = 0x28, /* byte of a frame; RFC 8878, section 3.1.1 */
};

enum { MYSQL_NULL = 0xfb /* in the place of a value's length */ };

/* First bytes of the server's packets. */
enum {
    MYSQL_OK = 0x00,
    MYSQL_LOCAL_INFILE = 0xfb,
    MYSQL_EOF = 0xfe, /* also an OK that ends rows, and a switch of the authentication method */
    MYSQL_ERROR = 0xff,
    MYSQL_GREETING = 0x0a,
};

/* Status flags of OK and EOF. */
enum {
    MYSQL_IN_TRANSACTION = 0x0001,
    MYSQL_AUTOCOMMIT = 0x0002,
    MYSQL_MORE_RESULTS = 0x0008,
    MYSQL_CURSOR_EXISTS = 0x0040,
    MYSQL_LAST_ROW_SENT = 0x0080,
    MYSQL_OUT_PARAMETERS = 0x1000,
    MYSQL_READ_ONLY = 0x2000, /* the transaction */
    MYSQL_STATE_CHANGED = 0x4000,
    MYSQL_STATUS_NONE = 0x8000, /* no flag */
};

/* Capabilities that clients announce. */
enum {
    MYSQL_CONNECT_WITH_DB = 1 << 3,
    MYSQL_COMPRESS = 1 << 5,
    MYSQL_PROTOCOL_41 = 1 << 9,
    MYSQL_SSL = 1 << 11,
    MYSQL_SECURE_CONNECTION = 1 << 15,
    MYSQL_PLUGIN_AUTH = 1 << 19,
    MYSQL_CONNECT_ATTRS = 1 << 20,
    MYSQL_AUTH_LENENC = 1 << 21,
    MYSQL_DEPRECATE_EOF = 1 << 24,
    MYSQL_COMPRESS_ZSTD = 1 << 26,
};

/* Types of values. */
enum {
    MYSQL_TYPE_DECIMAL = 0x00,
    MYSQL_TYPE_TINY = 0x01,
    MYSQL_TYPE_SHORT = 0x02,
    MYSQL_TYPE_LONG = 0x03,
    MYSQL_TYPE_FLOAT = 0x04,
    MYSQL_TYPE_DOUBLE = 0x05,
    MYSQL_TYPE_NULL = 0x06,
    MYSQL_TYPE_TIMESTAMP = 0x07,
    MYSQL_TYPE_LONGLONG = 0x08,
    MYSQL_TYPE_INT24 = 0x09,
    MYSQL_TYPE_DATE = 0x0a,
    MYSQL_TYPE_TIME = 0x0b,
    MYSQL_TYPE_DATETIME = 0x0c,
    MYSQL_TYPE_YEAR = 0x0d,
    MYSQL_TYPE_VARCHAR = 0x0f,
    MYSQL_TYPE_NEWDECIMAL = 0xf6,
    MYSQL_TYPE_BLOB = 0xfc,
    MYSQL_TYPE_VAR_STRING = 0xfd,
    MYSQL_TYPE_STRING = 0xfe,
};

struct mysql_header {
    uint32_t len; /* bytes after the header */
    uint8_t number;
};

static inline uint32_t mysql_le24(struct cursor *in)
{
    struct bytes b = cursor_take(in, 3);
    return b.len ? b.data[0] | (uint32_t)b.data[1] << 8 | (uint32_t)b.data[2] << 16 : 0;
}

/* mysql_header reads a header; ask the cursor whether it was there. */
static inline struct mysql_header mysql_header(struct cursor *in)
{
    uint32_t header = cursor_le32(in);
    return (struct mysql_header){header & 0xffffff, (uint8_t)(header >> 24)};
}

/* mysql_number reads a length-encoded integer; what is none leaves the cursor short. */
uint64_t mysql_number(struct cursor *in);

/* mysql_text reads a length-encoded string. */
struct bytes mysql_text(struct cursor *in);

/* OK, EOF, and the OK that looks like one. */
struct mysql_end {
    uint64_t affected;
    uint16_t status;
};

/* mysql_end reads a packet's body from its first byte on; in stands behind the warnings then. */
struct mysql_end mysql_end(uint32_t len, struct cursor *in);

/* mysql_is_ok tells whether a whole body can be an OK, or what looks so at the end of rows: a row
 * hardly can. */
bool mysql_is_ok(struct cursor body);

/* mysql_is_end tells of a packet where rows can be whether it ends them. */
bool mysql_is_end(uint32_t len, uint8_t first);

/*
 * mysql_columns reads the number of columns that begins a result, in all its forms.  False where
 * that is none; *has_definitions tells whether they follow.
 */
bool mysql_columns(struct cursor body, uint32_t len, uint32_t *columns, bool *has_definitions);

/* mysql_is_definition tells whether a column is defined by these bytes of a body of that length, of
 * which less may be there. */
bool mysql_is_definition(struct cursor body, uint32_t len);

/* mysql_is_packed tells whether a packet of the compressed protocol starts there, as far as that
 * can be told: the bytes of its content say so. */
bool mysql_is_packed(struct cursor in);

#endif
