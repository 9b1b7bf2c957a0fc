/*
 * An embedded database in one file: as much of SQLite as we need, and the one file around it.
 * https://www.sqlite.org/cintro.html
 *
 * Ours is written ahead (WAL): a transaction that was committed is there after a crash or a loss of
 * power, one that was not leaves no trace, and others read while we write.  Beside the file lie
 * FILE-wal and FILE-shm.
 *
 * One thread at a time uses a database and its statements.
 */
#ifndef SEEPWATCH_PROFILE_DATABASE_H
#define SEEPWATCH_PROFILE_DATABASE_H

#include "core/bytes.h"

enum {
    DATABASE_ID = 0x53656570, /* "Seep": the file's application id */
};

enum database_status {
    DATABASE_ROW,  /* there is a row */
    DATABASE_DONE, /* done; there is no row more */
    DATABASE_DAMAGED,
    DATABASE_FAILED, /* the environment: a full disk, a permission; database_why tells */
};

struct database;
struct statement;

/* database_open opens the file, or creates it (mode 0640, less the process's mask) unless it is
 * only read.  NULL without memory alone: otherwise ask database_status. */
struct database *database_open(const char *path, bool is_read_only);
void database_close(struct database *db);

/* database_write_ahead makes the file one that is written ahead; false where that did not work. */
bool database_write_ahead(struct database *db);

/* database_status tells how the last call went, database_why in words; the text is good until the
 * next call. */
enum database_status database_status(const struct database *db);
const char *database_why(const struct database *db);

/* database_run runs statements that give no rows; false where that did not work. */
bool database_run(struct database *db, const char *sql);
/* database_number runs a statement that gives one number; `otherwise` where it gives none. */
int64_t database_number(struct database *db, const char *sql, int64_t otherwise);

/* database_changes gives how many rows the last statement changed. */
uint64_t database_changes(const struct database *db);

/* database_prepare makes a statement to be run many times; NULL where that did not work. */
struct statement *database_prepare(struct database *db, const char *sql);
void statement_close(struct statement *s);

/* Its parameters, from 1 on; bytes and texts must stay until it was reset. */
void statement_set_number(struct statement *s, int at, int64_t value);
void statement_set_bytes(struct statement *s, int at, struct bytes value);
void statement_set_text(struct statement *s, int at, struct bytes value);

/* statement_step runs it up to its next row. */
enum database_status statement_step(struct statement *s);
/* statement_reset makes it ready to be run again, with the same parameters. */
void statement_reset(struct statement *s);

/* The columns of the row, from 0 on; views are good until the next step. */
int64_t statement_number(struct statement *s, int column);
struct bytes statement_bytes(struct statement *s, int column);

#endif
