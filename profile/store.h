/*
 * The file of a state (profile/state.h): its tables, and the statements on them.  Whatever goes
 * wrong is remembered until store_status is asked; after that a transaction can only be rolled
 * back.
 */
#ifndef SEEPWATCH_PROFILE_STORE_H
#define SEEPWATCH_PROFILE_STORE_H

#include "core/error.h"
#include "profile/database.h"

enum { STORE_WHY_MAX = 160, STORE_PATH_MAX = 4096 };

enum store_opened {
    STORE_OPENED,
    STORE_NEW,     /* there was none, or an empty one */
    STORE_DAMAGED, /* as much as can be read of it can be read */
    STORE_NEWER,   /* of a newer program: nothing can be read */
    STORE_FOREIGN, /* a database of another program */
    STORE_DENIED,  /* the environment; the error tells */
};

struct store;

/* store_open opens the file or creates it, and looks through it for damage.  *s is NULL where there
 * is nothing to be read. */
enum store_opened store_open(struct store **s, const char *path, struct error *error);
void store_close(struct store *s);

/* store_set_aside renames the file, and what lies beside it, to PATH.WHY-TIME, and gives the new
 * name; nobody may have it open.  False where it could not. */
bool store_set_aside(const char *path, const char *why, int64_t now_ns,
                     char renamed[STORE_PATH_MAX], struct error *error);

/* store_status tells how the last call went, store_why in words. */
enum database_status store_status(const struct store *s);
const char *store_why(const struct store *s);

/* store_database gives the database under it, for the ledger's tables. */
struct database *store_database(struct store *s);

/* A transaction; false where one of its calls did not work, and then nothing has changed. */
bool store_begin(struct store *s);
bool store_commit(struct store *s);
void store_rollback(struct store *s);

/* Parts by their number, from 0 on; seen_ns: when it was written last.  The head stays the
 * caller's. */
bool store_put_part(struct store *s, uint32_t part, struct bytes name, int64_t seen_ns,
                    struct bytes head);
bool store_drop_part(struct store *s, uint32_t part);
bool store_put_row(struct store *s, uint32_t part, uint32_t number, int64_t time_ns,
                   struct bytes row);
bool store_drop_row(struct store *s, uint32_t part, uint32_t number);
bool store_clear_part(struct store *s, uint32_t part);

/* store_parts and store_rows read; the rows of a part come in the order of their times.  False
 * where the file turned out to be damaged on the way. */
bool store_parts(struct store *s,
                 void (*take)(void *context, uint32_t part, struct bytes name, int64_t seen_ns,
                              struct bytes head),
                 void *context);
bool store_rows(struct store *s, uint32_t part, void (*take)(void *context, struct bytes row),
                void *context);

#endif
