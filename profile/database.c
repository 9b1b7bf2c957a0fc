/*
 * The result codes that matter are few: what SQLite calls corrupt or no database is damaged,
 * whatever else goes wrong is the environment's.
 */
#include "profile/database.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { BUSY_MS = 5000 /* that another program may hold the file */ };

struct database {
    sqlite3 *sqlite;
    int code; /* of the last call */
};

struct statement {
    struct database *db;
    sqlite3_stmt *sqlite;
};

static bool note(struct database *db, int code)
{
    db->code = code;
    return code == SQLITE_OK;
}

/* What holds for a connection; the file may turn out to be none of SQLite's. */
static void set_up(struct database *db)
{
    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    /* what is in the file is data, whatever somebody put there */
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)database_run(db, "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; "
                           "PRAGMA cache_size = -16384");
}

bool database_write_ahead(struct database *db)
{
    return database_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                            "PRAGMA journal_size_limit = 67108864");
}

struct database *database_open(const char *path, bool is_read_only)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    struct database *db = calloc(1, sizeof(*db));
    if (!db)
        return NULL;
    if (note(db, sqlite3_open_v2(path, &db->sqlite, flags, NULL)))
        set_up(db);
    return db;
}

void database_close(struct database *db)
{
    if (!db)
        return;
    (void)sqlite3_close_v2(db->sqlite);
    free(db);
}

enum database_status database_status(const struct database *db)
{
    switch (db->code & 0xff) {
    case SQLITE_ROW:
        return DATABASE_ROW;
    case SQLITE_OK:
    case SQLITE_DONE:
        return DATABASE_DONE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our statements are always the same: its tables are not what we made */
    case SQLITE_CONSTRAINT:
        return DATABASE_DAMAGED;
    default:
        return DATABASE_FAILED;
    }
}

const char *database_why(const struct database *db)
{
    return sqlite3_errstr(db->code);
}

bool database_run(struct database *db, const char *sql)
{
    return note(db, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

int64_t database_number(struct database *db, const char *sql, int64_t otherwise)
{
    struct statement *s = database_prepare(db, sql);
    int64_t number = otherwise;
    if (s && statement_step(s) == DATABASE_ROW)
        number = statement_number(s, 0);
    statement_close(s);
    return number;
}

uint64_t database_changes(const struct database *db)
{
    return (uint64_t)sqlite3_changes64(db->sqlite);
}

struct statement *database_prepare(struct database *db, const char *sql)
{
    struct statement *s = calloc(1, sizeof(*s));
    if (!s) {
        db->code = SQLITE_NOMEM;
        return NULL;
    }
    s->db = db;
    if (note(db, sqlite3_prepare_v2(db->sqlite, sql, -1, &s->sqlite, NULL)))
        return s;
    free(s);
    return NULL;
}

void statement_close(struct statement *s)
{
    if (!s)
        return;
    (void)sqlite3_finalize(s->sqlite);
    free(s);
}

void statement_set_number(struct statement *s, int at, int64_t value)
{
    (void)sqlite3_bind_int64(s->sqlite, at, value);
}

void statement_set_bytes(struct statement *s, int at, struct bytes value)
{
    (void)sqlite3_bind_blob64(s->sqlite, at, value.len > 0 ? (const void *)value.data : "",
                              value.len, SQLITE_STATIC);
}

void statement_set_text(struct statement *s, int at, struct bytes value)
{
    (void)sqlite3_bind_text64(s->sqlite, at,
                              value.len > 0 ? (const char *)(const void *)value.data : "",
                              value.len, SQLITE_STATIC, SQLITE_UTF8);
}

enum database_status statement_step(struct statement *s)
{
    s->db->code = sqlite3_step(s->sqlite);
    return database_status(s->db);
}

void statement_reset(struct statement *s)
{
    (void)sqlite3_reset(s->sqlite);
}

int64_t statement_number(struct statement *s, int column)
{
    return sqlite3_column_int64(s->sqlite, column);
}

struct bytes statement_bytes(struct statement *s, int column)
{
    const void *data = sqlite3_column_blob(s->sqlite, column);
    int len = sqlite3_column_bytes(s->sqlite, column);
    return (struct bytes){data, data && len > 0 ? (size_t)len : 0};
}
