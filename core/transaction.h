/*
 * A transaction: one request and its reply, as counted on the wire.  The one table of fields below
 * is what the JSON writer and the rules both read; names are ECS's, and OpenTelemetry's db.*.  A
 * field that is not present is unknown; nothing reads it.  All texts are views that live as long as
 * the call that hands the transaction over.
 */
#ifndef SEEPWATCH_CORE_TRANSACTION_H
#define SEEPWATCH_CORE_TRANSACTION_H

#include "core/address.h"
#include "core/bytes.h"
#include "core/json.h"
#include "core/subject.h"

enum side { SIDE_CLIENT, SIDE_SERVER };

enum action { ACTION_LOGIN, ACTION_LOGOUT, ACTION_READ, ACTION_WRITE, ACTION_DEFINE, ACTION_OTHER };
enum outcome { OUTCOME_SUCCESS, OUTCOME_FAILURE, OUTCOME_UNKNOWN };

enum field {
    FIELD_TIMESTAMP,
    FIELD_EVENT_ACTION,
    FIELD_EVENT_DURATION,
    FIELD_EVENT_OUTCOME,
    FIELD_NETWORK_COMMUNITY_ID,
    FIELD_NETWORK_COUNTRIES,
    FIELD_NETWORK_NAME,
    FIELD_NETWORK_PROTOCOL,
    FIELD_NETWORK_TRANSPORT,
    FIELD_CLIENT_AS_NUMBER,
    FIELD_CLIENT_AS_ORGANIZATION_NAME,
    FIELD_CLIENT_BYTES,
    FIELD_CLIENT_GEO_CITY_NAME,
    FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
    FIELD_CLIENT_GEO_LOCATION,
    FIELD_CLIENT_IP,
    FIELD_CLIENT_PORT,
    FIELD_SOURCE_IP,
    FIELD_SOURCE_PORT,
    FIELD_SERVER_BYTES,
    FIELD_SERVER_IP,
    FIELD_SERVER_PORT,
    FIELD_SESSION_ID,
    FIELD_USER_NAME,
    FIELD_USER_AGENT_ORIGINAL,
    FIELD_DB_COLLECTION_NAME,
    FIELD_DB_NAMESPACE,
    FIELD_DB_OPERATION_NAME,
    FIELD_DB_QUERY_HASH,
    FIELD_DB_QUERY_TEXT,
    FIELD_DB_RESPONSE_AFFECTED_ROWS,
    FIELD_DB_RESPONSE_RETURNED_ROWS,
    FIELD_DB_RESPONSE_STATUS_CODE,
    FIELD_DB_SYSTEM_NAME,
    FIELD_HTTP_REQUEST_BODY_BYTES,
    FIELD_HTTP_REQUEST_METHOD,
    FIELD_HTTP_REQUEST_RECORDS,
    FIELD_HTTP_RESPONSE_BODY_BYTES,
    FIELD_HTTP_RESPONSE_RECORDS,
    FIELD_HTTP_RESPONSE_STATUS_CODE,
    FIELD_URL_DOMAIN,
    FIELD_URL_PATH,
    FIELD_URL_TEMPLATE,
    FIELD_SUBJECT_COUNT,
    FIELD_SUBJECT_HONEY,
    FIELD_SUBJECT_IDS,
    FIELD_SUBJECT_KINDS,
    FIELD_SUBJECT_NEAR,
    FIELD_SUBJECT_SKETCH,
    FIELD_CAPTURE_ESTIMATED,
    FIELD_CAPTURE_LOST_BYTES,
    FIELD_CAPTURE_PARTIAL,
    FIELD_MIRROR_BAD_CHECKSUM_SHARE,
    FIELD_MIRROR_BYTES,
    FIELD_MIRROR_CLOCK_JUMP,
    FIELD_MIRROR_DROPPED,
    FIELD_MIRROR_DROPPED_SHARE,
    FIELD_MIRROR_DUPLICATED_SHARE,
    FIELD_MIRROR_ENCRYPTED_SHARE,
    FIELD_MIRROR_LOST_BYTES,
    FIELD_MIRROR_LOST_SHARE,
    FIELD_MIRROR_ONE_SIDED_SHARE,
    FIELD_MIRROR_PACKETS,
    FIELD_MIRROR_REORDERED_SHARE,
    FIELD_MIRROR_SILENCE,
    FIELD_MIRROR_SILENCE_RATIO,
    FIELD_MIRROR_TRUNCATED_SHARE,
    FIELD_MIRROR_TURNED_ENCRYPTED,
    FIELD_MIRROR_UNDECODED_SHARE,
    FIELDS_COUNT
};

enum field_type {
    FIELD_TYPE_TIME,     /* int64_t, ns since 1970 */
    FIELD_TYPE_UNSIGNED, /* uint64_t */
    FIELD_TYPE_SHARE,    /* uint64_t, millionths; written as a number from 0 to 1 */
    FIELD_TYPE_HASH,     /* uint64_t, written as 16 hexadecimal digits */
    FIELD_TYPE_BOOLEAN,  /* bool */
    FIELD_TYPE_CHOICE,   /* unsigned, an index into the field's choices */
    FIELD_TYPE_TEXT,     /* struct bytes */
    FIELD_TYPE_TEXTS,    /* struct texts */
    FIELD_TYPE_HASHES,   /* struct hashes */
    FIELD_TYPE_SKETCH,   /* struct hashes, written whole */
    FIELD_TYPE_TALLY,    /* const uint64_t *, SUBJECT_KINDS_COUNT of them */
    FIELD_TYPE_ADDRESS,  /* struct address */
    FIELD_TYPE_PLACE,    /* struct place */
};

/* A set of fields, a bit each.  A typedef and 128 bits against the house's custom: there are more
 * than 64 fields, and sets are compared with every rule for every transaction. */
__extension__ typedef unsigned __int128 field_set;

#define FIELD_BIT(field) ((field_set)1 << (field))

enum { SHARE_ONE = 1000000 }; /* of a FIELD_TYPE_SHARE: all */

struct field_info {
    const char *name;
    enum field_type type;
    size_t offset;    /* bytes, of the value in struct transaction */
    const char *unit; /* "bytes", "ns", "rows", "share" or NULL: how a person reads the number */
    const char *const *choices; /* NULL-terminated, of a FIELD_TYPE_CHOICE */
};

extern const struct field_info FIELDS[FIELDS_COUNT];

/* Several texts of one field. */
struct texts {
    const struct bytes *items;
    size_t count;
};

/* Several hashes of one field, each once. */
struct hashes {
    const uint64_t *items;
    size_t count;
    const uint8_t *registers; /* SKETCH_REGISTERS of a sketch (core/sketch.h) of them all, where
                                 they are more than the items; else NULL */
};

/* The health of the mirror over an interval, of one server or of all together: a record of its own
 * that goes through the rules like a transaction.  Shares are millionths. */
struct mirror_figures {
    uint64_t packets, bytes; /* bytes on the wire */
    uint64_t dropped;        /* packets that never came to us */
    uint64_t lost_bytes;     /* of TCP payload */
    uint64_t dropped_share, lost_share, duplicated_share, reordered_share, truncated_share,
        bad_checksum_share, one_sided_share, encrypted_share, undecoded_share;
    uint64_t silence_ns;    /* since the server's last packet */
    uint64_t silence_ratio; /* of that to the longest silence before, whole times */
    uint64_t clock_jump_ns; /* the widest jump of the packets' clock, either way */
    bool turned_encrypted;  /* was in clear text, and is not now */
};

/* WGS 84, degrees. */
struct place {
    double latitude, longitude;
};

struct transaction {
    field_set present;
    /* For counting; not fields. */
    bool request_seen, reply_seen;
    bool is_apart; /* no request of the protocol's own count (a login): left out of requests and
                      responses */

    uint64_t session_hash; /* keyed, of the cookie or token that the session is known by; of what a
                              log named: that name; 0: none */
    int64_t start_ns;      /* first byte of the request; of the reply where there is none */
    uint64_t duration_ns;  /* to the reply's last byte */
    unsigned action;       /* enum action */
    unsigned outcome;      /* enum outcome */
    struct bytes protocol, transport, community_id, network_name;
    struct texts network_countries;
    struct address client_ip, source_ip, server_ip;
    uint64_t client_port, source_port, server_port;
    uint64_t client_bytes, server_bytes; /* TCP payload of this transaction, each byte once */
    struct bytes country, city, as_organization;
    struct place location;
    uint64_t as_number;
    struct bytes session_id, user_name, user_agent;
    union {
        struct {
            struct bytes db_system, db_namespace, db_operation, db_query_text, db_status_code;
            struct texts db_collections;
            uint64_t db_query_hash;
            uint64_t returned_rows, affected_rows;
            struct bytes http_method, url_domain, url_path, url_template;
            uint64_t http_status, request_body_bytes, response_body_bytes;
            uint64_t request_records, response_records;
            uint64_t subject_count;
            const uint64_t *subject_kinds; /* how many identifiers by enum subject_kind */
            struct hashes subject_ids;     /* of the customers */
            struct hashes subject_honey;   /* of those that are planted */
            struct hashes subject_near;    /* of the neighbourhoods of identifiers looked up: two
                                              numbers that differ by 1 or 2 share one of their two */
        };
        struct mirror_figures mirror;
    };
    bool partial;
    bool estimated; /* of returned_rows: they were not counted one by one */
    uint64_t lost_bytes;
};

static inline bool transaction_has(const struct transaction *t, enum field f)
{
    return t->present >> f & 1;
}

/* transaction_mark says that the member of that field is known now. */
static inline void transaction_mark(struct transaction *t, enum field f)
{
    t->present |= FIELD_BIT(f);
}

static inline void transaction_unmark(struct transaction *t, enum field f)
{
    t->present &= ~FIELD_BIT(f);
}

/* transaction_mark_ids says that subject_ids is known: a log has its sketch too where people are
 * not shown all of them. */
void transaction_mark_ids(struct transaction *t);

/* transaction_value gives the place of the field's value, of the field's type. */
const void *transaction_value(const struct transaction *t, enum field f);

/*
 * transaction_packed_size tells how many bytes transaction_pack needs, and transaction_pack copies
 * the transaction and all that it views there (aligned as for any object): the copy stands alone.
 * The fields of `without` are left out.
 */
size_t transaction_packed_size(const struct transaction *t, field_set without);
void transaction_pack(const struct transaction *t, field_set without, void *to);

/* field_find gives the field of that name, FIELDS_COUNT where there is none. */
enum field field_find(struct bytes name);

/* field_write writes the field's value alone; the field must be present. */
void field_write(struct json *j, const struct transaction *t, enum field f);

/* The member of a transaction's JSON that is no field: true where is_apart is, else absent. */
#define TRANSACTION_APART "event.apart"

/* transaction_write writes the transaction as one JSON object on one line. */
void transaction_write(struct json *j, const struct transaction *t);

/*
 * transaction_write_fields writes the members of those fields that are present, nested by their
 * names ("a.b" and "a.c" become {"a":{"b":..,"c":..}}), into an object that is open.  The fields
 * must be in the order of enum field.
 */
void transaction_write_fields(struct json *j, const struct transaction *t, const enum field *fields,
                              size_t count);

#endif
