/*
 * The fields of a body as they pass: of a form (application/x-www-form-urlencoded, WHATWG URL,
 * section 5.1; multipart/form-data, RFC 7578) or of JSON (members with a text, a number or a word,
 * at any depth).  Of names and values only the first bytes are kept, and only until the next.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_BODY_FIELDS_H
#define SEEPWATCH_ANALYZERS_HTTP_BODY_FIELDS_H

#include "analyzers/http/http_facts.h"
#include "core/siphash.h"

enum fields_format { FIELDS_NONE, FIELDS_FORM, FIELDS_MULTIPART, FIELDS_JSON };

enum { BODY_FIELDS_MAX = 65536 /* bytes of a body that are looked at */ };

struct body_fields {
    uint8_t format; /* enum fields_format */
    uint8_t state;  /* the format's own */
    uint8_t escape; /* bytes of an escape that are still to come */
    uint16_t unit;  /* what was read of it */
    uint32_t taken; /* bytes */
    uint8_t name_len, value_len;
    bool has_name; /* JSON: what comes next is a value */
    char name[FACTS_NAME_MAX];
    char value[FACTS_VALUE_MAX];
    const struct hash_key *key;
    struct siphash hash; /* of the value */
};

/* body_fields_begin: key lives as long as b. */
void body_fields_begin(struct body_fields *b, enum fields_format format,
                       const struct hash_key *key);

/* What is done with a field. */
struct fields_taker {
    void (*take)(void *context, const struct facts_field *field);
    void *context;
};

void body_fields_take(struct body_fields *b, struct bytes piece, const struct fields_taker *taker);

/* body_fields_end says that no more comes: the last field of a form ends there. */
void body_fields_end(struct body_fields *b, const struct fields_taker *taker);

/* body_fields_clear wipes what was kept. */
void body_fields_clear(struct body_fields *b);

#endif
