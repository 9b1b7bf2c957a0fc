/*
 * The commands of Redis and Valkey, as one table: what each does, what it is answered with, and
 * which of that are rows.
 */
#ifndef SEEPWATCH_ANALYZERS_REDIS_REDIS_COMMAND_H
#define SEEPWATCH_ANALYZERS_REDIS_REDIS_COMMAND_H

#include "core/bytes.h"

enum { REDIS_COMMAND_NAME_MAX = 40 }; /* bytes, of both words */

/* What db.response.returned_rows is. */
enum redis_rows {
    REDIS_ROWS_NONE,         /* no data of the database: absent */
    REDIS_ROWS_ELEMENTS,     /* of an array, pairs of a map; a value alone is one, null none */
    REDIS_ROWS_FILLED,       /* elements that are not null */
    REDIS_ROWS_PAIRS,        /* elements by two, or that are pairs themselves */
    REDIS_ROWS_KEYED,        /* one, behind the key that it is from; null none */
    REDIS_ROWS_SECOND,       /* elements of the second element */
    REDIS_ROWS_SECOND_PAIRS, /* likewise, by two */
    REDIS_ROWS_STREAMS,      /* entries of each stream */
    REDIS_ROWS_AFFECTED,     /* the integer is db.response.affected_rows */
};

/* What an analyzer has to know beyond that. */
enum redis_special {
    REDIS_PLAIN,
    REDIS_CONTAINER, /* its first argument is a command of its own */
    REDIS_SCORES,    /* WITHSCORES, WITHVALUES: rows are pairs; NOVALUES: they are not */
    REDIS_BLOCKS,    /* may wait long for its answer */
    REDIS_AUTH,
    REDIS_HELLO,
    REDIS_SELECT,
    REDIS_RESET,
    REDIS_MULTI,
    REDIS_EXEC,
    REDIS_DISCARD,
    REDIS_SUBSCRIBE, /* one answer a channel */
    REDIS_TALK,      /* allowed while subscribed */
    REDIS_STREAM,    /* what follows its answer is no RESP reply any more */
    REDIS_SYNC,      /* likewise, and its answer is none either */
    REDIS_REPLCONF,
    REDIS_CLIENT_REPLY,
    REDIS_CLIENT_SETINFO,
    REDIS_CLIENT_SETNAME,
};

/* Which arguments are keys, or names of a hash's fields. */
enum redis_keys {
    REDIS_KEYS_NONE,
    REDIS_KEYS_FIRST,
    REDIS_KEYS_ALL,
    REDIS_KEYS_PAIRS,       /* each behind its key, a value */
    REDIS_KEYS_FIELD,       /* the key, then a field: its value is the reply */
    REDIS_KEYS_FIELDS,      /* several of them */
    REDIS_KEYS_FIELD_PAIRS, /* the key, then fields, each with its value */
    REDIS_KEYS_NAMED,       /* the key; the reply is fields with their values */
};

struct redis_command {
    char name[REDIS_COMMAND_NAME_MAX + 1]; /* in capitals; of a container's command, both words */
    unsigned action;                       /* enum action */
    enum redis_rows rows;
    const char *replies; /* kinds of replies: s status, i number, b string, a aggregate; errors may
                            always be */
    enum redis_special special;
    enum redis_keys keys;
};

enum { REDIS_COMMAND_UNKNOWN = 0 };

/* redis_command gives the command of that place; REDIS_COMMAND_UNKNOWN has an empty name. */
const struct redis_command *redis_command(unsigned place);

/* redis_command_find gives the place of the command, by its name without case, and by its
 * container's name where that is not empty; REDIS_COMMAND_UNKNOWN where there is none. */
unsigned redis_command_find(struct bytes container, struct bytes name);

#endif
