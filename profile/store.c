/*
 * A row's id is its part's number and its own; so a part's rows lie together and are written in
 * order.
 */
#include "profile/store.h"

#include "core/clock.h"
#include "profile/ledger_store.h"
#include "profile/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_SHIFT = 32, TRIES_MAX = 100 };

/* The statements that are run often. */
enum statement_kind { PUT_PART, DROP_PART, PUT_ROW, DROP_ROW, CLEAR_PART, STATEMENTS_COUNT };

static const char *const statements[STATEMENTS_COUNT] = {
    [PUT_PART] = "INSERT OR REPLACE INTO part(id, name, seen, head) VALUES (?, ?, ?, ?)",
    [DROP_PART] = "DELETE FROM part WHERE id = ?",
    [PUT_ROW] = "INSERT OR REPLACE INTO entry(id, time, value) VALUES (?, ?, ?)",
    [DROP_ROW] = "DELETE FROM entry WHERE id = ?",
    [CLEAR_PART] = "DELETE FROM entry WHERE id >= ? AND id < ?",
};

static const char schema[] = "BEGIN;"
                             "PRAGMA application_id = 1399154032;" /* DATABASE_ID */
                             "PRAGMA user_version = 1;"            /* STATE_FORMAT */
                             "CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
                             " seen INTEGER NOT NULL, head BLOB NOT NULL);"
                             "CREATE TABLE entry(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
                             "value BLOB NOT NULL);" LEDGER_SCHEMA "COMMIT";

struct store {
    struct database *db;
    struct statement *statements[STATEMENTS_COUNT];
};

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < STATEMENTS_COUNT; i++)
        statement_close(s->statements[i]);
    database_close(s->db);
    free(s);
}

enum database_status store_status(const struct store *s)
{
    return database_status(s->db);
}

const char *store_why(const struct store *s)
{
    return database_why(s->db);
}

struct database *store_database(struct store *s)
{
    return s->db;
}

static bool prepare(struct store *s)
{
    for (size_t i = 0; i < STATEMENTS_COUNT; i++) {
        s->statements[i] = database_prepare(s->db, statements[i]);
        if (!s->statements[i])
            return false;
    }
    return true;
}

static bool is_whole(struct store *s)
{
    struct statement *check = database_prepare(s->db, "PRAGMA quick_check(1)");
    bool is_good = check && statement_step(check) == DATABASE_ROW &&
                   bytes_are(statement_bytes(check, 0), "ok");
    statement_close(check);
    return is_good;
}

/* What kind of file it is that could be opened. */
static enum store_opened look_at(struct store *s)
{
    int64_t tables = database_number(s->db, "SELECT count(*) FROM sqlite_schema", -1);
    int64_t id = database_number(s->db, "PRAGMA application_id", 0);
    int64_t format = database_number(s->db, "PRAGMA user_version", 0);
    if (tables < 0 || database_status(s->db) == DATABASE_DAMAGED)
        return database_status(s->db) == DATABASE_DAMAGED ? STORE_DAMAGED : STORE_DENIED;
    if (tables == 0 && id == 0)
        return STORE_NEW;
    if (id != DATABASE_ID)
        return STORE_FOREIGN;
    if (format > STATE_FORMAT)
        return STORE_NEWER;
    return is_whole(s) ? STORE_OPENED : STORE_DAMAGED;
}

static enum store_opened trouble(const struct store *s)
{
    return database_status(s->db) == DATABASE_DAMAGED ? STORE_DAMAGED : STORE_DENIED;
}

/* Only a file that is ours is changed. */
static enum store_opened open_tables(struct store *s)
{
    enum store_opened opened = database_status(s->db) == DATABASE_DONE ? look_at(s) : trouble(s);
    bool is_sound = opened == STORE_OPENED || opened == STORE_NEW;
    if (is_sound && !database_write_ahead(s->db))
        return trouble(s);
    if (opened == STORE_NEW && !database_run(s->db, schema))
        return trouble(s);
    return is_sound && !prepare(s) ? trouble(s) : opened;
}

enum store_opened store_open(struct store **store, const char *path, struct error *error)
{
    struct store *s = *store = calloc(1, sizeof(*s));
    if (s)
        s->db = database_open(path, false);
    enum store_opened opened = s && s->db ? open_tables(s) : STORE_DENIED;
    if (opened == STORE_DENIED)
        (void)error_set(error, ERROR_WORK, "%s: %s", path, s && s->db ? store_why(s) : "no memory");
    if (opened != STORE_OPENED && opened != STORE_NEW && opened != STORE_DAMAGED) {
        store_close(s);
        *store = NULL;
    }
    return opened;
}

static bool move_beside(const char *from, const char *to, const char *suffix)
{
    char old[STORE_PATH_MAX + 8], renamed[STORE_PATH_MAX + 8];
    (void)snprintf(old, sizeof(old), "%s%s", from, suffix);
    (void)snprintf(renamed, sizeof(renamed), "%s%s", to, suffix);
    return rename(old, renamed) == 0 || errno == ENOENT;
}

/* PATH.WHY-20261122T103000Z, and a number behind it where that is taken. */
static void name_aside(char name[STORE_PATH_MAX], const char *path, const char *why, int64_t now_ns)
{
    char time[CLOCK_TEXT_MAX], digits[CLOCK_TEXT_MAX];
    size_t len = clock_print(now_ns, time), count = 0;
    struct stat info;
    for (size_t i = 0; i < len && time[i] != '.' && time[i] != 'Z'; i++) {
        if (time[i] != '-' && time[i] != ':')
            digits[count++] = time[i];
    }
    (void)snprintf(name, STORE_PATH_MAX, "%s.%s-%.*sZ", path, why, (int)count, digits);
    for (int i = 2; i < TRIES_MAX && stat(name, &info) == 0; i++)
        (void)snprintf(name, STORE_PATH_MAX, "%s.%s-%.*sZ-%d", path, why, (int)count, digits, i);
}

bool store_set_aside(const char *path, const char *why, int64_t now_ns,
                     char renamed[STORE_PATH_MAX], struct error *error)
{
    name_aside(renamed, path, why, now_ns);
    if (move_beside(path, renamed, "-wal") && move_beside(path, renamed, "-shm") &&
        move_beside(path, renamed, ""))
        return true;
    return error_set(error, ERROR_WORK, "%s: cannot be renamed to %s: %s", path, renamed,
                     strerror(errno));
}

bool store_begin(struct store *s)
{
    return database_run(s->db, "BEGIN IMMEDIATE");
}

bool store_commit(struct store *s)
{
    return database_run(s->db, "COMMIT");
}

/* Where SQLite has rolled back by itself there is nothing left to do. */
void store_rollback(struct store *s)
{
    (void)database_run(s->db, "ROLLBACK");
}

static bool run(struct statement *s)
{
    bool is_good = statement_step(s) == DATABASE_DONE;
    statement_reset(s);
    return is_good;
}

static int64_t id_of(uint32_t part, uint32_t number)
{
    return (int64_t)part << PART_SHIFT | number;
}

bool store_put_part(struct store *s, uint32_t part, struct bytes name, int64_t seen_ns,
                    struct bytes head)
{
    struct statement *put = s->statements[PUT_PART];
    statement_set_number(put, 1, part);
    statement_set_text(put, 2, name);
    statement_set_number(put, 3, seen_ns);
    statement_set_bytes(put, 4, head);
    return run(put);
}

bool store_drop_part(struct store *s, uint32_t part)
{
    statement_set_number(s->statements[DROP_PART], 1, part);
    return run(s->statements[DROP_PART]) && store_clear_part(s, part);
}

bool store_put_row(struct store *s, uint32_t part, uint32_t number, int64_t time_ns,
                   struct bytes row)
{
    struct statement *put = s->statements[PUT_ROW];
    statement_set_number(put, 1, id_of(part, number));
    statement_set_number(put, 2, time_ns);
    statement_set_bytes(put, 3, row);
    return run(put);
}

bool store_drop_row(struct store *s, uint32_t part, uint32_t number)
{
    statement_set_number(s->statements[DROP_ROW], 1, id_of(part, number));
    return run(s->statements[DROP_ROW]);
}

bool store_clear_part(struct store *s, uint32_t part)
{
    statement_set_number(s->statements[CLEAR_PART], 1, id_of(part, 0));
    statement_set_number(s->statements[CLEAR_PART], 2, id_of(part + 1, 0));
    return run(s->statements[CLEAR_PART]);
}

bool store_parts(struct store *s,
                 void (*take)(void *context, uint32_t part, struct bytes name, int64_t seen_ns,
                              struct bytes head),
                 void *context)
{
    struct statement *all = database_prepare(
        s->db, "SELECT id, name, seen, head FROM part WHERE id BETWEEN 0 AND 2147483646 "
               "ORDER BY id");
    enum database_status status = DATABASE_DAMAGED;
    while (all && (status = statement_step(all)) == DATABASE_ROW)
        take(context, (uint32_t)statement_number(all, 0), statement_bytes(all, 1),
             statement_number(all, 2), statement_bytes(all, 3));
    statement_close(all);
    return status == DATABASE_DONE;
}

/* The order first, the rows then: they are larger than what a sort should hold in memory. */
bool store_rows(struct store *s, uint32_t part, void (*take)(void *context, struct bytes row),
                void *context)
{
    struct statement *order =
        database_prepare(s->db, "SELECT id FROM entry WHERE id >= ? AND id < ? ORDER BY time, id");
    struct statement *row = database_prepare(s->db, "SELECT value FROM entry WHERE id = ?");
    enum database_status status = DATABASE_DAMAGED;
    if (order && row) {
        statement_set_number(order, 1, id_of(part, 0));
        statement_set_number(order, 2, id_of(part + 1, 0));
        while ((status = statement_step(order)) == DATABASE_ROW) {
            statement_set_number(row, 1, statement_number(order, 0));
            if ((status = statement_step(row)) == DATABASE_ROW)
                take(context, statement_bytes(row, 0));
            statement_reset(row);
            if (status != DATABASE_ROW)
                break;
        }
    }
    statement_close(order);
    statement_close(row);
    return status == DATABASE_DONE;
}
