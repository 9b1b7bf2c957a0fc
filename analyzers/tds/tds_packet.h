/*
 * What TDS looks like from outside: the headers of packets, those of MARS sessions before them, and
 * the records of TLS in between.
 *
 * [MS-TDS] section 2.2.3, [MC-SMP] section 2.2, RFC 8446 section 5.1
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_PACKET_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_PACKET_H

#include "core/cursor.h"

enum {
    TDS_HEADER_LEN = 8,
    TDS_PACKET_MAX = 32767, /* bytes; the most that can be agreed on */
    TDS_SMP = 0x53,         /* the first byte of a MARS session's header */
    TDS_SMP_LEN = 16,
    TDS_RECORD_LEN = 5,     /* bytes of a TLS record's header */
    TDS_RECORD_DATA = 0x17, /* a TLS record of what the ends say, not of TLS itself */
    TDS_RECORD_MAX = 16384 + 2048,
};

/* Kinds of messages. */
enum tds_type {
    TDS_BATCH = 1,
    TDS_OLD_LOGIN = 2, /* before TDS 7.0 */
    TDS_RPC = 3,
    TDS_REPLY = 4,
    TDS_ATTENTION = 6,
    TDS_BULK = 7,
    TDS_FEDAUTH = 8,
    TDS_TRANSACTION = 14,
    TDS_LOGIN = 16,
    TDS_SSPI = 17,
    TDS_PRELOGIN = 18,
};

/* Status bits of a packet. */
enum {
    TDS_LAST = 0x01, /* of its message */
    TDS_IGNORE = 0x02,
    TDS_RESET = 0x08 | 0x10, /* the connection begins anew, for another user of a pool */
    TDS_STATUS_MASK = 0x1f,
};

/* Flags of a MARS session's header. */
enum { TDS_SMP_SYN = 1, TDS_SMP_ACK = 2, TDS_SMP_FIN = 4, TDS_SMP_DATA = 8 };

/* A packet's header, with the MARS session's before it. */
struct tds_header {
    uint16_t len; /* bytes behind all headers; of a MARS session's own packet 0 */
    uint16_t channel;
    uint16_t session;
    uint8_t type, status, number;
    uint8_t header_len; /* bytes of all headers */
    bool is_mars;
    bool is_control; /* a MARS session's own packet: no message */
};

/* tds_header_read reads a header; a cursor that ran short was too short for it.  False where that
 * is none. */
bool tds_header_read(struct cursor *in, struct tds_header *h);

/* tds_record_read reads the header of a TLS record, *len becomes its length behind it; false where
 * that is none. */
bool tds_record_read(struct cursor *in, uint8_t *type, uint32_t *len);

#endif
