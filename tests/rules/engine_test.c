#include "tests/rules/engine_bench.h"

static void a_limit_passed_fires_once_and_repeats_are_folded(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 3");
    for (int64_t i = 0; i < 10; i++)
        send_rows(&b, "ann", start + i * CLOCK_SECOND_NS, 1);
    send_rows(&b, "bob", start, 1);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.items[0].user, "ann");
    assert_int_equal(seen.items[0].value, 4);
    assert_int_equal(seen.items[0].at_least, 4);
    assert_int_equal(seen.items[0].time_ns, start + 3 * CLOCK_SECOND_NS);
    assert_int_equal(seen.items[0].repeats, 0);
    struct engine_counters c = engine_counters(b.engine);
    assert_int_equal(c.transactions, 11);
    assert_int_equal(c.counted, 11);
    assert_int_equal(c.alerts, 1);
    assert_int_equal(c.folded, 6);
    assert_int_equal(c.keys, 2);
    close_bench(&b);
}

static void after_quiet_it_fires_again_and_tells_the_repeats(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 10h, above: 3, quiet: 1h");
    for (int64_t i = 0; i < 10; i++)
        send_rows(&b, "ann", start + i * CLOCK_SECOND_NS, 1);
    send_rows(&b, "ann", start + 3 * CLOCK_SECOND_NS + HOUR - 1, 1);
    assert_int_equal(seen.count, 1);
    send_rows(&b, "ann", start + 3 * CLOCK_SECOND_NS + HOUR, 1);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.items[1].value, 12);
    assert_int_equal(seen.items[1].repeats, 7);
    send_rows(&b, "ann", start + 3 * HOUR, 1);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.items[2].repeats, 0);
    close_bench(&b);
}

static void exactly_the_limit_does_not_fire(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: sum(db.response.returned_rows), over: 1h, above: 1000");
    send_rows(&b, "ann", start, 1000);
    assert_int_equal(seen.count, 0);
    send_rows(&b, "ann", start, 1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].value, 1001);
    close_bench(&b);
}

static void the_window_slides(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: sum(db.response.returned_rows), over: 1h, above: 100");
    for (int64_t i = 0; i < 50; i++)
        send_rows(&b, "ann", start + i * (HOUR + HOUR / 16), 90);
    assert_int_equal(seen.count, 0);
    send_rows(&b, "ann", start + 49 * (HOUR + HOUR / 16) + HOUR - 1, 90);
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void a_transaction_counts_at_its_end(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 0");
    struct transaction t = query("ann", start, 1);
    t.duration_ns = (uint64_t)(2 * HOUR);
    transaction_mark(&t, FIELD_EVENT_DURATION);
    engine_transaction(b.engine, &t);
    assert_int_equal(seen.items[0].time_ns, start + 2 * HOUR);
    close_bench(&b);
}

static void times_out_of_every_range_do_no_harm(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX, 1};
    static const char *const keys[] = {"measure: count, over: 365d, above: 1000",
                                       "measure: distinct(client.ip), over: 1s, above: 1000",
                                       "first: client.geo.country_iso_code"};
    for (size_t k = 0; k < 3; k++) {
        struct bench b = open_rule(keys[k]);
        for (size_t i = 0; i < 5; i++) {
            struct transaction t = query("ann", times[i], 1);
            t.country = bytes_of("SE");
            t.duration_ns = UINT64_MAX;
            t.present = ~(field_set)0;
            t.db_collections.count = 0;
            engine_transaction(b.engine, &t);
            engine_tick(b.engine, INT64_MAX / 2);
        }
        close_bench(&b);
    }
}

static void an_absent_key_field_does_not_count(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 0");
    struct transaction t = query("ann", start, 1);
    transaction_unmark(&t, FIELD_USER_NAME);
    engine_transaction(b.engine, &t);
    assert_int_equal(engine_counters(b.engine).counted, 0);
    close_bench(&b);
}

static void an_absent_measured_field_does_not_count(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: max(db.response.returned_rows), over: 1h, above: 0");
    struct transaction t = query("ann", start, 7);
    transaction_unmark(&t, FIELD_DB_RESPONSE_RETURNED_ROWS);
    engine_transaction(b.engine, &t);
    assert_int_equal(engine_counters(b.engine).counted, 0);
    close_bench(&b);
}

static void a_disabled_rule_is_silent(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 0, enabled: false");
    send_rows(&b, "ann", start, 1);
    assert_int_equal(engine_counters(b.engine).counted, 0);
    close_bench(&b);
}

static void the_largest_counts_only_on_the_transaction_that_is_large(void **state)
{
    (void)state;
    struct bench b =
        open_rule("measure: max(db.response.returned_rows), over: 1h, above: 3000, quiet: 0");
    send_rows(&b, "ann", start, 3000);
    send_rows(&b, "ann", start + 1, 200000);
    send_rows(&b, "ann", start + 2, 10);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].value, 200000);
    send_rows(&b, "ann", start + 3, 3001);
    assert_int_equal(seen.count, 2);
    close_bench(&b);
}

static void different_values_are_counted_once_each(void **state)
{
    (void)state;
    struct bench b = open_with("rules: [{id: spraying, name: n, severity: high, by: client.ip, "
                               "measure: distinct(user.name), over: 1d, above: 8}]",
                               0, 0);
    for (int64_t i = 0; i < 100; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "u%d", (int)(i % 8));
        struct transaction t = query(user, start + i * CLOCK_SECOND_NS, 1);
        transaction_mark(&t, FIELD_CLIENT_IP);
        engine_transaction(b.engine, &t);
    }
    assert_int_equal(seen.count, 0);
    struct transaction t = query("u8", start + HOUR, 1);
    transaction_mark(&t, FIELD_CLIENT_IP);
    engine_transaction(b.engine, &t);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].value, 9);
    close_bench(&b);
}

static void late_transactions_count_where_their_time_belongs(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 2");
    send_rows(&b, "ann", start, 1);
    send_rows(&b, "ann", start - 30 * 60 * CLOCK_SECOND_NS, 1);
    send_rows(&b, "ann", start - 2 * HOUR, 1); /* too old to count */
    assert_int_equal(seen.count, 0);
    assert_int_equal(engine_counters(b.engine).late, 1);
    send_rows(&b, "ann", start - HOUR / 2, 1);
    assert_int_equal(seen.count, 1);
    send_rows(&b, "ann", start - HOUR / 2, 1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(engine_counters(b.engine).folded, 1);
    close_bench(&b);
}

/* The order in which a window's transactions come changes no total. */
static void any_order_within_the_window_gives_the_same_total(void **state)
{
    (void)state;
    static const int64_t orders[3][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
    for (size_t o = 0; o < 3; o++) {
        struct bench b = open_rule("measure: count, over: 1h, above: 3");
        for (size_t i = 0; i < 4; i++)
            send_rows(&b, "ann", start + orders[o][i] * HOUR / 5, 1);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.items[0].value, 4);
        close_bench(&b);
    }
}

static void the_evidence_is_the_largest_in_the_order_of_time(void **state)
{
    (void)state;
    struct bench b =
        open_rule("measure: sum(db.response.returned_rows), over: 1h, above: 1000, quiet: 0");
    send_rows(&b, "ann", start - 2 * HOUR, 600); /* is out of the window by then */
    static const uint64_t rows[] = {501, 1, 70, 60, 2, 80, 90, 3, 194};
    for (size_t i = 0; i < 9; i++)
        send_rows(&b, "ann", start + (int64_t)i, rows[i]);
    assert_int_equal(seen.count, 1);
    const struct seen *s = &seen.items[0];
    static const uint64_t expected[] = {501, 70, 80, 90, 194};
    assert_int_equal(s->evidence_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(s->evidence_rows[i], expected[i]);
    assert_int_equal(s->evidence_ns[4], start + 8);
    close_bench(&b);
}

static void the_lost_share_is_the_windows(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 1, quiet: 0");
    struct transaction t = query("ann", start, 1);
    t.server_bytes = 600;
    t.client_bytes = 300;
    t.lost_bytes = 100;
    transaction_mark(&t, FIELD_SERVER_BYTES);
    transaction_mark(&t, FIELD_CLIENT_BYTES);
    transaction_mark(&t, FIELD_CAPTURE_LOST_BYTES);
    engine_transaction(b.engine, &t);
    engine_transaction(b.engine, &t);
    assert_true(seen.items[0].lost_share > 0.0999 && seen.items[0].lost_share < 0.1001);
    close_bench(&b);
}

static void every_rule_that_matches_fires(void **state)
{
    (void)state;
    struct bench b = open_with("rules:\n"
                               "- {id: a, name: n, severity: low, by: user.name, measure: count, "
                               "over: 1h, above: 0}\n"
                               "- {id: b, name: n, severity: low, by: user.name, measure: count, "
                               "over: 1h, above: 0, when: event.action == \"write\"}\n"
                               "- {id: c, name: n, severity: low, by: user.name, measure: count, "
                               "over: 1h, above: 0, when: event.action == \"read\"}\n",
                               0, 0);
    send_rows(&b, "ann", start, 1);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.items[0].id, "a");
    assert_string_equal(seen.items[1].id, "c");
    close_bench(&b);
}

static void a_first_country_fires_after_learning(void **state)
{
    (void)state;
    struct bench b = open_rule("first: client.geo.country_iso_code, learn: 14d");
    send_country(&b, "ann", start, "SE");
    send_country(&b, "ann", start + 13 * DAY, "NO"); /* learned in silence */
    send_country(&b, "ann", start + 14 * DAY, "NO");
    assert_int_equal(seen.count, 0);
    send_country(&b, "ann", start + 14 * DAY, "RU");
    send_country(&b, "ann", start + 14 * DAY + 1, "RU");
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.items[0].first, "RU");
    assert_string_equal(seen.items[0].known, "NOSE");
    assert_int_equal(seen.items[0].evidence_count, 1);
    send_country(&b, "ann", start + 15 * DAY, "DE");
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.items[1].evidence_count, 1);
    close_bench(&b);
}

static void a_new_key_is_silent_however_short_it_learns(void **state)
{
    (void)state;
    struct bench b = open_rule("first: client.geo.country_iso_code, learn: 0s");
    send_country(&b, "ann", start, "SE");
    assert_int_equal(seen.count, 0);
    send_country(&b, "ann", start, "NO");
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void a_value_forgotten_is_new_again(void **state)
{
    (void)state;
    struct bench b = open_rule("first: client.geo.country_iso_code, learn: 1d, forget: 30d");
    send_country(&b, "ann", start, "SE");
    send_country(&b, "ann", start + DAY / 2, "NO");
    for (int64_t day = 1; day < 31; day++)
        send_country(&b, "ann", start + day * DAY, "SE");
    send_country(&b, "ann", start + 30 * DAY, "NO"); /* seen less than 30 days ago */
    assert_int_equal(seen.count, 0);
    for (int64_t day = 31; day < 62; day++)
        send_country(&b, "ann", start + day * DAY, "SE");
    send_country(&b, "ann", start + 62 * DAY, "NO");
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void a_key_idle_for_longer_than_forget_learns_anew(void **state)
{
    (void)state;
    struct bench b = open_rule("first: client.geo.country_iso_code, learn: 1d, forget: 30d");
    send_country(&b, "ann", start, "SE");
    send_country(&b, "ann", start + 2 * DAY, "SE");
    send_country(&b, "ann", start + 40 * DAY, "NO");
    send_country(&b, "ann", start + 40 * DAY + HOUR, "DE");
    assert_int_equal(seen.count, 0);
    send_country(&b, "ann", start + 41 * DAY, "RU");
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void an_address_can_be_new_too(void **state)
{
    (void)state;
    struct bench b = open_rule("first: client.ip, learn: 0s");
    for (unsigned i = 1; i < 3; i++) {
        struct transaction t = query("ann", start + i, 1);
        t.client_ip = address_from_ipv4((const uint8_t[]){192, 0, 2, (uint8_t)i});
        transaction_mark(&t, FIELD_CLIENT_IP);
        engine_transaction(b.engine, &t);
    }
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.items[0].first, "192.0.2.2");
    assert_string_equal(seen.items[0].known, "192.0.2.1");
    close_bench(&b);
}

static void of_several_texts_the_new_one_is_told(void **state)
{
    (void)state;
    struct bench b = open_rule("first: db.collection.name, learn: 0s");
    struct bytes tables[] = {bytes_of("a"), bytes_of("b"), bytes_of("secrets")};
    for (size_t count = 2; count <= 3; count++) {
        struct transaction t = query("ann", start, 1);
        t.db_collections = (struct texts){tables, count};
        transaction_mark(&t, FIELD_DB_COLLECTION_NAME);
        engine_transaction(b.engine, &t);
    }
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.items[0].first, "secrets");
    close_bench(&b);
}

static void values_beyond_the_bound_of_a_key_are_counted(void **state)
{
    (void)state;
    struct bench b = open_rule("first: client.geo.country_iso_code, learn: 1d");
    char text[8];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof(text), "c%d", i);
        send_country(&b, "ann", start + i, text);
    }
    assert_int_equal(engine_counters(b.engine).values_forgotten, 100 - 64);
    close_bench(&b);
}

static void no_rules_are_no_trouble(void **state)
{
    (void)state;
    struct bench b = open_with("", 0, 0);
    send_rows(&b, "ann", start, 1);
    engine_tick(b.engine, start);
    assert_int_equal(engine_counters(b.engine).transactions, 1);
    close_bench(&b);
    engine_close(NULL);
    rules_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_passed_fires_once_and_repeats_are_folded),
        cmocka_unit_test(after_quiet_it_fires_again_and_tells_the_repeats),
        cmocka_unit_test(exactly_the_limit_does_not_fire),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(a_transaction_counts_at_its_end),
        cmocka_unit_test(times_out_of_every_range_do_no_harm),
        cmocka_unit_test(an_absent_key_field_does_not_count),
        cmocka_unit_test(an_absent_measured_field_does_not_count),
        cmocka_unit_test(a_disabled_rule_is_silent),
        cmocka_unit_test(the_largest_counts_only_on_the_transaction_that_is_large),
        cmocka_unit_test(different_values_are_counted_once_each),
        cmocka_unit_test(late_transactions_count_where_their_time_belongs),
        cmocka_unit_test(any_order_within_the_window_gives_the_same_total),
        cmocka_unit_test(the_evidence_is_the_largest_in_the_order_of_time),
        cmocka_unit_test(the_lost_share_is_the_windows),
        cmocka_unit_test(every_rule_that_matches_fires),
        cmocka_unit_test(a_first_country_fires_after_learning),
        cmocka_unit_test(a_new_key_is_silent_however_short_it_learns),
        cmocka_unit_test(a_value_forgotten_is_new_again),
        cmocka_unit_test(a_key_idle_for_longer_than_forget_learns_anew),
        cmocka_unit_test(an_address_can_be_new_too),
        cmocka_unit_test(of_several_texts_the_new_one_is_told),
        cmocka_unit_test(values_beyond_the_bound_of_a_key_are_counted),
        cmocka_unit_test(no_rules_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
