/*
 * A state over restarts: what was committed is there, what was not leaves no trace.
 */
#include "tests/cmocka.h"

#include "core/table.h"
#include "profile/database.h"
#include "profile/lasting.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAITING = 1 << 20, WAITING_LITTLE = 4096, PATH_LEN_MAX = 64, ENTRIES_MAX = 300 };

struct world {
    char folder[PATH_LEN_MAX], path[PATH_LEN_MAX];
    size_t tells, waiting_max;
};

static void told(void *context, const char *text)
{
    struct world *w = context;
    (void)text;
    w->tells++;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->waiting_max = WAITING;
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/seepwatch-state-XXXXXX");
    if (!mkdtemp(w->folder))
        return -1;
    (void)snprintf(w->path, sizeof(w->path), "%.48s/state", w->folder);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[2 * PATH_LEN_MAX];
    (void)snprintf(command, sizeof(command), "rm -r %s", w->folder);
    int status = system(command);
    free(w);
    return status;
}

static struct state *open_it(struct world *w)
{
    struct state *s;
    struct error error;
    const struct state_config config = {
        .path = w->path, .waiting_max = w->waiting_max, .tell = told, .context = w};
    if (!state_open(&s, &config, &error))
        fail_msg("%s", error.text);
    return s;
}

static void settle(struct state *s)
{
    struct error error;
    if (!state_settle(s, &error))
        fail_msg("%s", error.text);
}

/* A value that lasts. */
struct value {
    uint64_t number;
    uint32_t changed;
};

static void save_value(void *context, void *value, struct pack *p)
{
    const struct value *v = value;
    pack_u64(p, *(const uint64_t *)table_key(context, v));
    pack_number(p, v->number);
}

static int64_t value_time_ns(void *context, const void *value)
{
    const struct value *v = value;
    (void)context;
    return (int64_t)v->number;
}

static void value_evicted(void *context, void *value)
{
    lasting_remove(context, value);
}

static void begin_table(struct lasting *l, size_t entries_max)
{
    struct table *t = table_open(&(struct table_config){.entries_max = entries_max,
                                                        .key_size = sizeof(uint64_t),
                                                        .value_size = sizeof(struct value),
                                                        .evicted = value_evicted,
                                                        .context = l});
    *l = (struct lasting){.table = t,
                          .mark_at = offsetof(struct value, changed),
                          .save = save_value,
                          .time_ns = value_time_ns,
                          .context = t,
                          .version = 1};
    lasting_start(l);
}

static void set(struct lasting *l, uint64_t key, uint64_t number)
{
    bool is_new;
    struct value *v = table_touch(l->table, &key, &is_new);
    lasting_touch(l, v, is_new);
    v->number = number;
}

static bool begin_snapshot(struct state *s, struct lasting *l, int64_t time_ns)
{
    uint32_t part;
    bool is_whole;
    if (!state_begin(s, &(struct state_moment){time_ns, 1}, &is_whole))
        return false;
    pack_number(state_part(s, "values", 3, &part), 42);
    state_part_end(s);
    lasting_begin(l, s, part, is_whole);
    return true;
}

/* What a table of at most that many entries had at one moment. */
struct image {
    size_t count;
    struct {
        uint64_t key, number;
    } items[ENTRIES_MAX];
};

static void take_image(struct image *i, const struct table *t)
{
    i->count = 0;
    for (void *at = table_oldest(t); at; at = table_next(t, at)) {
        const struct value *v = at;
        i->items[i->count].key = *(const uint64_t *)table_key(t, at);
        i->items[i->count++].number = v->number;
    }
}

static bool take_row(void *context, uint8_t version, struct cursor *c)
{
    struct image *i = context;
    assert_int_equal(version, 1);
    assert_true(i->count < ENTRIES_MAX);
    i->items[i->count].key = unpack_u64(c);
    i->items[i->count++].number = unpack_number(c);
    return unpack_done(c);
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;
    return *one < *other ? -1 : *one > *other;
}

static void assert_restored(struct world *w, struct image *wanted, int64_t time_ns)
{
    struct state *s = open_it(w);
    struct image found = {.count = 0};
    struct cursor head;
    uint8_t version;
    assert_true(state_moment(s).time_ns == time_ns);
    assert_true(state_head(s, "values", &version, &head));
    assert_int_equal(version, 3);
    assert_true(unpack_number(&head) == 42 && unpack_done(&head));
    state_rows(s, "values", take_row, &found);
    qsort(found.items, found.count, sizeof(found.items[0]), by_key);
    qsort(wanted->items, wanted->count, sizeof(wanted->items[0]), by_key);
    if (found.count != wanted->count)
        fail_msg("%zu entries at %lld, not %zu", found.count, (long long)time_ns, wanted->count);
    assert_memory_equal(found.items, wanted->items, found.count * sizeof(found.items[0]));
    state_close(s);
}

/* Keys come, change and go while snapshots are written a few entries at a time; each is what the
 * table was when it began. */
static void a_snapshot_is_of_one_moment(void **context)
{
    struct world *w = *context;
    struct state *s = open_it(w);
    struct lasting l;
    struct image image;
    struct error error;
    uint64_t noise = 1;
    begin_table(&l, 200);
    settle(s);
    for (int64_t round = 1; round <= 60; round++) {
        for (int i = 0; i < 100; i++, noise = hash_mix(noise, UINT64_C(0xe7037ed1a0b428db)))
            set(&l, noise % 260, noise >> 8 & 0xffff);
        if (round % 7 == 0)
            table_remove(l.table, table_oldest(l.table));
        take_image(&image, l.table);
        assert_true(begin_snapshot(s, &l, round));
        for (int i = 0; lasting_step(&l, 3); i++) {
            noise = hash_mix(noise, UINT64_C(0xe7037ed1a0b428db));
            set(&l, noise % 260, noise >> 8 & 0xffff);
            if (i % 5 == 0 && table_count(l.table) > 50)
                table_remove(l.table, table_oldest(l.table));
        }
        if (round % 10 == 9) { /* as when the rules change */
            state_abandon(s);
            lasting_abandon(&l);
            (void)state_wait(s, &error);
            continue;
        }
        state_commit(s);
        assert_true(state_wait(s, &error));
        if (round % 6 > 0)
            continue;
        state_close(s); /* and goes on with a table that knows nothing of it */
        assert_restored(w, &image, round);
        s = open_it(w);
        settle(s);
        lasting_abandon(&l);
    }
    assert_int_equal(w->tells, 0);
    table_close(l.table);
    lasting_clear(&l);
    state_close(s);
}

static void what_was_not_committed_leaves_no_trace(void **context)
{
    struct world *w = *context;
    struct state *s = open_it(w);
    struct lasting l;
    struct image image;
    struct error error;
    struct hash_key key = state_key(s);
    begin_table(&l, 200);
    settle(s);
    for (uint64_t i = 0; i < 100; i++)
        set(&l, i, i);
    take_image(&image, l.table);
    assert_true(begin_snapshot(s, &l, 1));
    while (lasting_step(&l, 1000))
        ;
    state_commit(s);
    assert_true(state_wait(s, &error));
    for (uint64_t i = 0; i < 100; i++)
        set(&l, i, i + 1);
    assert_true(begin_snapshot(s, &l, 2));
    (void)lasting_step(&l, 1000);
    state_close(s);
    assert_restored(w, &image, 1);
    s = open_it(w);
    assert_true(state_key(s).low == key.low && state_key(s).high == key.high);
    state_close(s);
    table_close(l.table);
    lasting_clear(&l);
}

static void a_second_one_is_kept_out(void **context)
{
    struct world *w = *context;
    struct state *s = open_it(w), *second;
    struct error error;
    assert_false(state_open(&second, &(struct state_config){.path = w->path}, &error));
    assert_non_null(strstr(error.text, "another seepwatch uses it"));
    state_close(s);
    state_close(open_it(w));
}

static void part_once(struct world *w, const char *name, int64_t time_ns)
{
    struct state *s = open_it(w);
    struct error error;
    uint32_t part;
    bool is_whole;
    settle(s);
    assert_true(state_begin(s, &(struct state_moment){time_ns, 1}, &is_whole));
    pack_number(state_part(s, name, 1, &part), 1);
    state_part_end(s);
    pack_number(state_row(s, part, 0, 1, 1), 1);
    state_row_end(s);
    state_commit(s);
    assert_true(state_wait(s, &error));
    state_close(s);
}

static bool has_part(struct world *w, const char *name)
{
    struct state *s = open_it(w);
    struct cursor head;
    uint8_t version;
    bool has = state_head(s, name, &version, &head);
    state_close(s);
    return has;
}

static void a_part_that_nobody_mentions_stays_for_a_month(void **context)
{
    struct world *w = *context;
    part_once(w, "one", 1);
    part_once(w, "other", STATE_FORGET_NS);
    assert_true(has_part(w, "one") && has_part(w, "other"));
    part_once(w, "other", STATE_FORGET_NS + 2);
    assert_true(!has_part(w, "one") && has_part(w, "other"));
}

static void too_much_at_once_is_left_to_the_next_snapshot(void **context)
{
    struct world *w = *context;
    w->waiting_max = WAITING_LITTLE;
    struct state *s = open_it(w);
    struct error error;
    uint32_t part;
    bool is_whole;
    uint64_t refused = 0;
    settle(s);
    assert_true(state_begin(s, &(struct state_moment){1, 1}, &is_whole));
    (void)state_part(s, "part", 1, &part);
    state_part_end(s);
    for (uint32_t i = 0; i < 200000; i++) {
        struct pack *row = state_row(s, part, i, 1, 1);
        refused += row == NULL;
        if (!row)
            continue;
        pack_u64(row, i);
        state_row_end(s);
    }
    state_commit(s);
    assert_true(state_wait(s, &error));
    assert_true(refused > 0 && state_counters(s).skipped == refused);
    assert_true(state_counters(s).rows == 200000 - refused);
    state_close(s);
}

static void write_part(struct state *s, int64_t time_ns, bool *is_whole)
{
    uint32_t part;
    assert_true(state_begin(s, &(struct state_moment){time_ns, 1}, is_whole));
    pack_number(state_part(s, "one", 1, &part), 1);
    state_part_end(s);
    pack_number(state_row(s, part, 0, 1, 1), 1);
    state_row_end(s);
    state_commit(s);
}

static void a_file_that_is_damaged_meanwhile_is_set_aside(void **context)
{
    struct world *w = *context;
    struct state *s = open_it(w);
    struct error error;
    bool is_whole;
    settle(s);
    write_part(s, 1, &is_whole);
    assert_true(state_wait(s, &error));
    struct database *other = database_open(w->path, false);
    assert_true(database_run(other, "DROP TABLE entry"));
    database_close(other);
    write_part(s, 2, &is_whole);
    assert_false(state_wait(s, &error));
    assert_non_null(strstr(error.text, "could not be written"));
    assert_int_equal(w->tells, 2);
    write_part(s, 3, &is_whole);
    assert_true(is_whole);
    assert_true(state_wait(s, &error));
    assert_int_equal(w->tells, 3); /* it is written again */
    assert_int_equal(state_counters(s).set_aside, 1);
    state_close(s);
    assert_true(has_part(w, "one"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_is_of_one_moment),
        TEST(what_was_not_committed_leaves_no_trace),
        TEST(a_second_one_is_kept_out),
        TEST(a_part_that_nobody_mentions_stays_for_a_month),
        TEST(a_file_that_is_damaged_meanwhile_is_set_aside),
        TEST(too_much_at_once_is_left_to_the_next_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
