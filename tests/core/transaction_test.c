/*
 * core/json.h, core/transaction.h.
 */
#include "tests/cmocka.h"

#include "core/transaction.h"

#include <stdlib.h>

static void assert_text(const struct json *j, const char *expected)
{
    assert_false(j->failed);
    assert_int_equal(j->len, strlen(expected));
    assert_memory_equal(j->text, expected, j->len);
}

static void texts_are_escaped_and_made_utf8(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\r\t\x01\x7f", "\"\\n\\r\\t\\u0001\\u007f\""},
        {"\xc3\xa5\xf0\x9f\x98\x80", "\"\xc3\xa5\xf0\x9f\x98\x80\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"\xc3", "\"\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct json j = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_restart(&j);
        json_text(&j, bytes_of(cases[i].text));
        assert_text(&j, cases[i].json);
    }
    json_clear(&j);
}

static void numbers_are_written_whole(void **state)
{
    struct json j = {0};
    (void)state;
    json_open(&j, '[');
    json_unsigned(&j, 0);
    json_unsigned(&j, UINT64_MAX);
    json_real(&j, 0.25);
    json_real(&j, 1.0 / 0.0);
    json_boolean(&j, false);
    json_close(&j, ']');
    assert_text(&j, "[0,18446744073709551615,0.25,null,false]");
    json_clear(&j);
}

static void every_field_is_found_by_its_name_and_fits(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        assert_non_null(FIELDS[f].name);
        assert_int_equal(field_find(bytes_of(FIELDS[f].name)), f);
        assert_true(FIELDS[f].offset < sizeof(struct transaction));
        assert_int_equal(FIELDS[f].type == FIELD_TYPE_CHOICE, FIELDS[f].choices != NULL);
    }
    assert_int_equal(field_find(bytes_of("user")), FIELDS_COUNT);
}

/* Nested names need their fields to stand together, or an object would be opened twice. */
static void fields_of_one_parent_stand_together(void **state)
{
    (void)state;
    for (unsigned f = 0; f + 1 < FIELDS_COUNT; f++) {
        const char *dot = strchr(FIELDS[f].name, '.');
        if (!dot)
            continue;
        size_t parent_len = (size_t)(dot - FIELDS[f].name) + 1;
        bool is_left = false;
        for (unsigned g = f + 1; g < FIELDS_COUNT; g++) {
            bool is_same = strncmp(FIELDS[g].name, FIELDS[f].name, parent_len) == 0;
            assert_false(is_left && is_same);
            is_left = is_left || !is_same;
        }
    }
}

static void a_transaction_is_one_line_of_nested_objects(void **state)
{
    static const struct bytes tables[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
    struct transaction tx = {.start_ns = 0,
                             .action = ACTION_READ,
                             .outcome = OUTCOME_SUCCESS,
                             .server_port = 5432,
                             .as_number = 29518,
                             .returned_rows = 3,
                             .db_query_hash = 255,
                             .db_collections = {tables, 2},
                             .location = {58.5, 15.25},
                             .partial = true};
    static const enum field fields[] = {FIELD_TIMESTAMP,
                                        FIELD_EVENT_ACTION,
                                        FIELD_EVENT_OUTCOME,
                                        FIELD_SERVER_PORT,
                                        FIELD_CLIENT_AS_NUMBER,
                                        FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
                                        FIELD_CLIENT_GEO_LOCATION,
                                        FIELD_CLIENT_IP,
                                        FIELD_DB_QUERY_HASH,
                                        FIELD_DB_COLLECTION_NAME,
                                        FIELD_DB_RESPONSE_RETURNED_ROWS,
                                        FIELD_CAPTURE_PARTIAL};
    struct json j = {0};
    (void)state;
    tx.country = bytes_of("SE");
    assert_true(address_parse(&tx.client_ip, bytes_of("89.160.20.112")));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&tx, fields[i]);
    transaction_write(&j, &tx);
    assert_text(
        &j,
        "{\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\",\"event\":{\"kind\":\"event\","
        "\"dataset\":\"seepwatch.transaction\",\"action\":\"read\",\"outcome\":\"success\"},"
        "\"client\":{\"as\":{\"number\":29518},\"geo\":{\"country_iso_code\":\"SE\","
        "\"location\":{\"lat\":58.5,\"lon\":15.25}},\"ip\":\"89.160.20.112\"},\"server\":{\"port\":"
        "5432},"
        "\"db\":{\"collection\":{\"name\":[\"a\",\"b\"]},\"query\":{\"hash\":\"00000000000000ff\"},"
        "\"response\":{\"returned_rows\":3}},\"capture\":{\"partial\":true}}\n");
    json_clear(&j);
}

/* A copy stands alone: it is written the same after what it was made of is gone. */
static void a_packed_transaction_stands_alone(void **state)
{
    char text[] = "select ?", first[] = "customers", second[] = "notes";
    struct bytes tables[] = {bytes_of(first), bytes_of(second)};
    struct transaction tx = {.start_ns = 5, .action = ACTION_READ, .returned_rows = 3};
    struct json before = {0}, after = {0}, without = {0};
    (void)state;
    tx.db_query_text = bytes_of(text);
    tx.db_collections = (struct texts){tables, 2};
    transaction_mark(&tx, FIELD_TIMESTAMP);
    transaction_mark(&tx, FIELD_DB_QUERY_TEXT);
    transaction_mark(&tx, FIELD_DB_COLLECTION_NAME);
    transaction_mark(&tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    transaction_write(&before, &tx);
    size_t size = transaction_packed_size(&tx, 0);
    assert_int_equal(size, sizeof(tx) + sizeof(tables) + 8 + 9 + 5);
    void *copy = malloc(size);
    assert_non_null(copy);
    transaction_pack(&tx, 0, copy);
    memset(text, 'x', sizeof(text) - 1);
    memset(first, 'x', sizeof(first) - 1);
    memset(second, 'x', sizeof(second) - 1);
    memset(tables, 0, sizeof(tables));
    transaction_write(&after, copy);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.text, before.text, before.len);
    field_set details = FIELD_BIT(FIELD_DB_QUERY_TEXT) | FIELD_BIT(FIELD_DB_COLLECTION_NAME);
    assert_int_equal(transaction_packed_size(&tx, details), sizeof(tx));
    transaction_pack(&tx, details, copy);
    transaction_write(&without, copy);
    assert_text(
        &without,
        "{\"@timestamp\":\"1970-01-01T00:00:00.000000005Z\",\"event\":{\"kind\":\"event\","
        "\"dataset\":\"seepwatch.transaction\"},\"db\":{\"response\":{\"returned_rows\":3}}}\n");
    free(copy);
    json_clear(&before);
    json_clear(&after);
    json_clear(&without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped_and_made_utf8),
        cmocka_unit_test(numbers_are_written_whole),
        cmocka_unit_test(every_field_is_found_by_its_name_and_fits),
        cmocka_unit_test(fields_of_one_parent_stand_together),
        cmocka_unit_test(a_transaction_is_one_line_of_nested_objects),
        cmocka_unit_test(a_packed_transaction_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
