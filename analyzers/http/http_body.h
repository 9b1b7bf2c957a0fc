/*
 * A body that somebody wants to know something of, as it passes: its coding is taken off (gzip,
 * deflate, br, zstd: RFC 9110, section 8.4; RFC 8878), records are counted and fields are read.
 * Nothing of it is kept.  What may come out of how little is bounded, and memory is the
 * connections' (core/budget.h): where either is spent the body only passes, and nothing is told of
 * it, as of one that does not unpack.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_BODY_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_BODY_H

#include "analyzers/http/body_fields.h"
#include "analyzers/http/body_subjects.h"
#include "analyzers/http/records.h"
#include "analyzers/http/text_search.h"
#include "analyzers/packed/codec.h"

enum {
    HTTP_BODY_FREE = 8 << 20,  /* bytes that may come out, however few go in */
    HTTP_BODY_RATIO_MAX = 256, /* bytes that may come out for each that goes in, beside those */
};

/* What all bodies share. */
struct http_bodies {
    struct codecs *codecs;
    struct hash_key key; /* of values of fields */
    uint64_t broken;     /* bodies that do not unpack */
    uint64_t refused;    /* bodies that would become too much */
    uint64_t denied;     /* bodies that were not read for want of memory */
};

/* What is wanted of a body. */
struct http_body_plan {
    enum codec codec;
    enum records_format records;
    enum csv_header csv_header;
    struct bytes list_at; /* of JSON: the array's path; empty: by shape */
    enum fields_format fields;
    struct facts_names names;
    bool is_graphql;      /* the field "query" is a document */
    bool is_call;         /* XML that may be a call (SOAP 1.2, part 1, section 5; XML-RPC) */
    struct bytes failure; /* a text to look for; empty: none */
    struct body_subjects_plan subjects;
};

struct http_body;

/* http_body_open returns NULL without memory, and where nothing is wanted.  What the plan views
 * lives as long as the body. */
struct http_body *http_body_open(struct http_bodies *all, const struct http_body_plan *plan);
void http_body_take(struct http_body *b, struct bytes piece);
/* http_body_lose says that bytes are missing: what was counted is a lower bound. */
void http_body_lose(struct http_body *b);
/* http_body_end says that it was whole. */
void http_body_end(struct http_body *b);
/* http_body_close(b) frees it; of NULL it does nothing. */
void http_body_close(struct http_body *b);

/* http_body_records tells what was counted so far; false where it is no list. */
bool http_body_records(const struct http_body *b, uint64_t *count);
/* http_body_is_cut tells whether not all of it was read. */
bool http_body_is_cut(const struct http_body *b);
/* http_body_subjects gives the customers that were seen so far; NULL where nobody was.  Who takes
 * them sets it to NULL. */
struct gathering **http_body_subjects(struct http_body *b);
/* http_body_glance sets subject.* of a copy of the transaction whose reply still passes. */
void http_body_glance(struct http_body *b, struct transaction *t);
/* http_body_has_facts tells whether fields, a call or a text are looked for, http_body_facts what
 * they said so far. */
bool http_body_has_facts(const struct http_body *b);
const struct http_facts *http_body_facts(const struct http_body *b);

#endif
