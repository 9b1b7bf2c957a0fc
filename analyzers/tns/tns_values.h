/*
 * Values that may be identifiers of customers (analyzers/subject.h): of columns, by their names or
 * as they look (analyzers/sql/columns.h), and of what is bound to statements.
 */
#ifndef SEEPWATCH_ANALYZERS_TNS_TNS_VALUES_H
#define SEEPWATCH_ANALYZERS_TNS_TNS_VALUES_H

#include "analyzers/sql/prepared.h"
#include "analyzers/sql/statement.h"
#include "analyzers/tns/tns_state.h"

enum {
    TNS_VALUE_MAX = 128,                /* bytes of a value that is read, as it is sent */
    TNS_BINDS_MAX = PREPARED_TYPES_MAX, /* values of an execution that are looked at */
    TNS_VALUE_TEXT_MAX = 160            /* bytes of its text */
};

/* What the values bound to a statement look for; the visit of its request. */
struct tns_binds {
    struct lookups lookups;
    uint16_t count;
    uint8_t classes[TNS_BINDS_MAX], forms[TNS_BINDS_MAX]; /* enum tns_class, enum tns_form */
};

/* tns_binds_find gives what is known of the request's values; NULL where they look for nobody. */
struct tns_binds *tns_binds_find(const struct request *r);

/* tns_binds_learn keeps what the statement in that text looks for, tns_binds_recall what that of
 * the cursor does, tns_binds_keep what the cursor will when it is executed again. */
void tns_binds_learn(struct exchange *x, struct request *r, const struct statement *statement,
                     struct bytes text);
void tns_binds_recall(struct exchange *x, struct request *r, struct bytes cursor);
void tns_binds_keep(struct exchange *x, const struct request *r, struct bytes cursor);

/* tns_binds_describe reads so many descriptions of values; false where they are none.
 * tns_binds_ask reads the values that follow, row by row. */
bool tns_binds_describe(const struct tns *s, struct tns_binds *b, uint64_t count,
                        struct cursor *in);
void tns_binds_ask(struct exchange *x, struct request *r, const struct tns_binds *b,
                   struct cursor *in);

/* tns_column_add tells of a column that was described, with the names and types in the walk. */
void tns_column_add(struct exchange *x, size_t at);

/* tns_columns_forget forgets the values that may come again: what follows is of another cursor. */
void tns_columns_forget(struct tns *s, uint32_t cursor);

/* tns_column_next tells whether the row's next column is looked at. */
static inline bool tns_column_next(const struct tns *s)
{
    const struct columns *c = &s->customers;
    return s->row.next < c->count && c->items[s->row.next].at == s->row.column;
}

/* tns_column_take takes a value of the column that is looked at; tns_column_again says that it is
 * that of the row before, which is not sent again. */
void tns_column_take(struct exchange *x, struct request *r, struct bytes value);
void tns_column_again(struct exchange *x, struct request *r);

#endif
