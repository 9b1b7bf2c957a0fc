/*
 * The server's replies to a MySQL client's requests: which one a packet belongs to, and what ends
 * it.
 */
#ifndef SEEPWATCH_ANALYZERS_MYSQL_MYSQL_REPLY_H
#define SEEPWATCH_ANALYZERS_MYSQL_MYSQL_REPLY_H

#include "analyzers/mysql/mysql_state.h"

/* A packet of the server. */
struct mysql_packet {
    uint32_t len;
    uint8_t first;      /* byte */
    struct cursor body; /* as much of it as is read */
    bool is_next;       /* its number follows that of the one before */
    bool is_start;      /* its number is that of a reply's first */
};

static inline bool mysql_is_eof(const struct mysql_packet *p)
{
    return p->first == MYSQL_EOF && p->len <= MYSQL_EOF_LEN;
}

/* mysql_begin gives the request that a reply, or one more result, begins for; NULL only without
 * memory. */
struct request *mysql_begin(struct exchange *x, struct mysql *s);

/* mysql_current gives the request of the reply that has begun; NULL only without memory. */
struct request *mysql_current(struct exchange *x);

/* mysql_take_end reads an OK, or what ends rows, and returns its status; r may be NULL, here and
 * below. */
uint16_t mysql_take_end(struct exchange *x, struct request *r, struct mysql_packet *p);

void mysql_count_rows(struct request *r, uint64_t rows);

/* mysql_end_result says that one result is over, by an OK or not. */
void mysql_end_result(struct exchange *x, struct mysql *s, struct request *r, uint16_t status,
                      bool is_ok);

/* mysql_end_batch says that the whole reply is over. */
void mysql_end_batch(struct exchange *x, struct mysql *s, struct request *r);

/* mysql_is_prepared tells whether a packet can begin the reply to a prepare, which
 * mysql_take_prepared reads. */
bool mysql_is_prepared(const struct mysql_packet *p);
void mysql_take_prepared(struct exchange *x, struct mysql *s, struct request *r,
                         struct mysql_packet *p);

/* mysql_next_definitions goes on to the next group of definitions, or to the end of a prepare's
 * reply; mysql_definition takes one of a group. */
void mysql_next_definitions(struct exchange *x, struct mysql *s, struct request *r);
void mysql_definition(struct exchange *x, struct mysql *s, struct mysql_packet *p);

/* mysql_fail ends the reply by that error. */
void mysql_fail(struct exchange *x, struct mysql *s, struct request *r, struct mysql_packet *p);

#endif
