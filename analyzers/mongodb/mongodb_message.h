/*
 * The frame of MongoDB's messages, of either side.
 *
 * https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
#ifndef SEEPWATCH_ANALYZERS_MONGODB_MONGODB_MESSAGE_H
#define SEEPWATCH_ANALYZERS_MONGODB_MONGODB_MESSAGE_H

#include "analyzers/analyzer.h"

enum {
    MONGODB_HEADER_LEN = 16,
    MONGODB_PACKED_HEAD_LEN = 9,     /* of an OP_COMPRESSED, behind its header */
    MONGODB_MESSAGE_MAX = 48000000,  /* bytes; MongoDB's own limit */
    MONGODB_DOCUMENT_MAX = 16 << 20, /* bytes; likewise, of what is stored */
    MONGODB_CHECKSUM_LEN = 4,
};

enum mongodb_opcode {
    OP_REPLY = 1,
    OP_UPDATE = 2001,
    OP_INSERT = 2002,
    OP_QUERY = 2004,
    OP_GET_MORE = 2005,
    OP_DELETE = 2006,
    OP_KILL_CURSORS = 2007,
    OP_COMMAND = 2010, /* of MongoDB 3.2 and 3.4, between servers and in the shell */
    OP_COMMANDREPLY = 2011,
    OP_COMPRESSED = 2012,
    OP_MSG = 2013,
};

/* Flags of an OP_MSG. */
enum {
    MONGODB_HAS_CHECKSUM = 1,
    MONGODB_MORE_TO_COME = 2, /* of a request: no reply; of a reply: another follows unasked */
    MONGODB_EXHAUST_ALLOWED = 1 << 16,
    MONGODB_FLAGS = MONGODB_HAS_CHECKSUM | MONGODB_MORE_TO_COME | MONGODB_EXHAUST_ALLOWED,
};

struct mongodb_header {
    uint32_t len; /* bytes of the message, itself included */
    uint32_t id, reply_to, opcode;
};

/* What an OP_COMPRESSED says of the message in it. */
struct mongodb_packed {
    uint32_t opcode, len; /* bytes of the message's body */
    uint8_t compressor;
};

struct mongodb_header mongodb_header_read(struct cursor *in);
struct mongodb_packed mongodb_packed_read(struct cursor *in);

/* mongodb_is_header tells whether it can be one of a message of that side. */
bool mongodb_is_header(enum side side, const struct mongodb_header *h);
/* mongodb_is_packed tells the same of a packed message. */
bool mongodb_is_packed(enum side side, const struct mongodb_packed *p);

/* mongodb_message_start tells whether a message of that side starts at these bytes. */
enum start mongodb_message_start(enum side side, struct cursor in, uint64_t *message_len);

#endif
