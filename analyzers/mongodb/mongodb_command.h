/*
 * The commands of MongoDB: what they do, and how their replies are counted.
 *
 * https://www.mongodb.com/docs/manual/reference/command/
 */
#ifndef SEEPWATCH_ANALYZERS_MONGODB_MONGODB_COMMAND_H
#define SEEPWATCH_ANALYZERS_MONGODB_MONGODB_COMMAND_H

#include "core/bytes.h"
#include "core/transaction.h"

/* What is particular of a command. */
enum mongodb_trait {
    MONGODB_ON_COLLECTION = 1, /* its first value is a collection */
    MONGODB_CHANGES_N = 2,     /* the reply's n documents were changed */
    MONGODB_IS_GET_MORE = 4,
    MONGODB_IS_LOGIN = 8, /* a step of one */
    MONGODB_IS_LOGOUT = 16,
    MONGODB_GIVES_VALUE = 32,    /* the reply's value is the document that was changed */
    MONGODB_IS_LAST_ERROR = 64,  /* tells what an old opcode changed that has no reply */
    MONGODB_TELLS_RESULTS = 128, /* the documents of its cursor are no data, but what came of it */
};

struct mongodb_command {
    const char *name;
    enum action action;
    unsigned traits;
};

enum { MONGODB_NO_COMMAND = 0 };

/* mongodb_command_find gives the place in the table of the command of that name, in whatever case;
 * MONGODB_NO_COMMAND where it is none that differs from others. */
uint8_t mongodb_command_find(struct bytes name);

/* mongodb_command_at gives the command at that place; name is NULL at MONGODB_NO_COMMAND. */
const struct mongodb_command *mongodb_command_at(uint8_t place);

#endif
