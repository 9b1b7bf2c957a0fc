/*
 * PostgreSQL by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/postgresql/postgresql.h"

static struct script_setup setup = {TESTS_FOLDER "/postgresql", 5432};

struct seen {
    unsigned count, texts, unanswered;
};

static void see(void *context, void *owner, struct transaction *tx)
{
    struct seen *seen = context;
    (void)owner;
    seen->count++;
    seen->texts += transaction_has(tx, FIELD_DB_QUERY_TEXT);
    seen->unanswered += !tx->reply_seen;
}

static void give(struct connection *c, enum side side, const char *data, size_t len)
{
    connection_data(c, side, (struct bytes){(const uint8_t *)data, len}, 0);
}

#define GIVE(c, side, text) give(c, side, text, sizeof(text) - 1)

enum { FLOOD = 3 * PAIRING_REQUESTS_MAX + 5 };

static void ask(struct connection *c, int count)
{
    for (int n = 0; n < count; n++)
        GIVE(c, SIDE_CLIENT, "B\0\0\0\x0d\0s\0\0\0\0\0\0\0E\0\0\0\x09\0\0\0\0\0");
}

static void answer(struct connection *c, int count)
{
    for (int n = 0; n < count; n++)
        GIVE(c, SIDE_SERVER,
             "2\0\0\0\x04"
             "D\0\0\0\x06\0\0"
             "C\0\0\0\x0dSELECT 1\0");
}

/* More statements are asked than are kept, then half are answered, and the last are asked: they
 * must not be taken for those between. */
static void flood(struct connection *c)
{
    GIVE(c, SIDE_CLIENT, "\0\0\0\x12\0\x03\0\0user\0ann\0\0");
    GIVE(c, SIDE_SERVER, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
    GIVE(c, SIDE_CLIENT, "P\0\0\0\x11s\0select 1\0\0\0");
    ask(c, FLOOD - 5);
    GIVE(c, SIDE_SERVER, "1\0\0\0\x04");
    answer(c, PAIRING_REQUESTS_MAX / 2);
    ask(c, 5);
    GIVE(c, SIDE_CLIENT, "S\0\0\0\x04");
    answer(c, FLOOD - PAIRING_REQUESTS_MAX / 2);
    GIVE(c, SIDE_SERVER, "Z\0\0\0\x05I");
}

static void more_statements_than_are_kept_are_counted_by_their_answers(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct settings settings = {.memory_max = (size_t)64 << 20};
    struct analysis_events events = {.transaction = see};
    struct connection_facts facts = {.port = {40000, 5432}, .roles_sure = true};
    struct analysis *a = analysis_open(&settings, &events, &seen);
    struct connection *c = connection_open(a, &facts, NULL);
    flood(c);
    GIVE(c, SIDE_CLIENT, "Q\0\0\0\x0dselect 2\0");
    GIVE(c, SIDE_SERVER, "D\0\0\0\x06\0\0C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I");
    connection_close(c);
    const struct protocol_counters *p = analysis_protocol(a, analyzer_find(bytes_of("postgresql")));
    assert_int_equal(p->requests, FLOOD + 1);
    assert_int_equal(p->responses, FLOOD + 1);
    assert_int_equal(p->returned_rows, FLOOD + 1);
    assert_int_equal(seen.count, FLOOD + 2); /* and the login */
    assert_int_equal(seen.texts, PAIRING_REQUESTS_MAX + 1);
    assert_int_equal(seen.unanswered, 0);
    assert_int_equal(analysis_budget(a)->used, 0);
    analysis_close(a);
}

static const struct script_start starts[] = {
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x08\x04\xd2\x16\x2f", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x08\x04\xd2\x16\x30", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x10\x04\xd2\x16\x2e", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\x03\0\0", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\x03\0\x02", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\x03\x27\x0f", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\x03\0\x03", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\x02\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x08\0\x03\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "Q\0\0\0\x0dselect 1\0", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "Q\0\0\0\x0dselect 1x", START_NO),
    SCRIPT_START(SIDE_CLIENT, "Q\0\0", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "Q\0\0\0\x03", START_NO),
    SCRIPT_START(SIDE_CLIENT, "S\0\0\0\x05", START_NO),
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/1.1\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 200 OK\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "Z\0\0\0\x05I", START_SURE),
    SCRIPT_START(SIDE_SERVER, "Z\0\0\0\x05X", START_NO),
    SCRIPT_START(SIDE_SERVER, "C\0\0\0\x0dSELECT 1\0", START_SURE),
    SCRIPT_START(SIDE_SERVER, "C\0\0\0\x0dselect 1\0", START_NO),
    SCRIPT_START(SIDE_SERVER, "E\0\0\0\x20SERROR\0C", START_SURE),
    SCRIPT_START(SIDE_SERVER, "E\0\0\0\x20xERROR\0C", START_NO),
    SCRIPT_START(SIDE_SERVER, "D\0\0\0\x0b\0\x01\0\0\0\x01x", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "D\0\0\0\x0b\0\x01\0\0\0\x02x", START_NO),
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&POSTGRESQL_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(more_statements_than_are_kept_are_counted_by_their_answers),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
