/*
 * Which analyzer takes a connection, in which roles, and whose it is.
 */
#include "tests/analyzers/connection_bench.h"

static void a_usual_port_and_a_greeting_are_believed(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    log_in(t);
    assert_true(is_decoded_as(t, "postgresql"));
    ask_and_answer(t);
    assert_int_equal(t->count, 2);
    assert_true(t->told[0].is_postgresql && t->told[1].is_postgresql);
    const struct transaction *tx = &t->told[1].tx;
    assert_int_equal(tx->client_port, CLIENT_PORT);
    assert_int_equal(tx->server_port, 5432);
    assert_true(transaction_has(tx, FIELD_DB_SYSTEM_NAME));
    assert_int_equal(counters_of(t, "postgresql")->connections, 1);
    assert_int_equal(counters_of(t, "postgresql")->requests, 1);
    /* bytes that came before the decision are the protocol's too */
    assert_int_equal(counters_of(t, "postgresql")->client_bytes, sizeof(start_up) + 14);
}

static void a_configured_port_is_believed_where_the_beginning_is_missing(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, ODD_PORT, true, false);
    say_message(t, 1, 'Z', "x", 1); /* tells nothing by itself */
    assert_int_not_equal(connection_kind(t->c), CONNECTION_DECODED);
    end(t);
    t->settings.ports[0] = (struct port_setting){ODD_PORT, "postgresql"};
    t->settings.ports_count = 1;
    begin_between(t, CLIENT_PORT, ODD_PORT, true, false);
    say_message(t, 1, 'Z', "x", 1);
    assert_true(is_decoded_as(t, "postgresql"));
    ask_and_answer(t);
    assert_int_equal(t->count, 1);
}

static void the_configuration_goes_before_the_usual_ports(void **state)
{
    struct test *t = *state;
    t->settings.ports[0] = (struct port_setting){80, "postgresql"};
    t->settings.ports_count = 1;
    begin_between(t, CLIENT_PORT, 80, true, false);
    say_garbage(t, 1, 10);
    assert_true(is_decoded_as(t, "postgresql"));
}

static void another_protocol_on_a_usual_port_is_found_by_its_signature(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    say(t, 0, get);
    assert_true(is_decoded_as(t, "http"));
}

static void on_an_odd_port_the_signature_decides(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    for (const char *at = get; *at; at++) /* however late it is told */
        say_bytes(t, 0, at, 1);
    assert_true(is_decoded_as(t, "http"));
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.client_bytes, sizeof(get) - 1);
    assert_int_equal(t->told[0].tx.server_bytes, sizeof(ok) - 1);
}

static void roles_are_exchanged_by_what_is_said(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, ODD_PORT, true, false);
    say(t, 1, get);
    assert_true(is_decoded_as(t, "http"));
    assert_int_equal(connection_facts(t->c)->port[SIDE_CLIENT], ODD_PORT);
    say(t, 0, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.client_port, ODD_PORT);
    assert_int_equal(t->told[0].tx.server_port, CLIENT_PORT);
    assert_int_equal(t->told[0].tx.client_bytes, sizeof(get) - 1);
    assert_int_equal(connection_bytes(t->c, SIDE_CLIENT), sizeof(get) - 1);
}

static void roles_are_exchanged_by_a_known_port(void **state)
{
    struct test *t = *state;
    begin_between(t, 5432, CLIENT_PORT, true, false);
    say_message(t, 0, 'Z', "I", 1);
    assert_true(is_decoded_as(t, "postgresql"));
    assert_int_equal(connection_facts(t->c)->port[SIDE_SERVER], 5432);
}

static void roles_that_were_seen_are_not_exchanged(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    say(t, 1, get);
    assert_false(is_decoded_as(t, "http"));
    assert_int_equal(connection_facts(t->c)->port[SIDE_SERVER], ODD_PORT);
}

static void an_old_connection_on_a_known_port_is_picked_up_further_on(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, 80, true, false);
    say_garbage(t, 1, 3000); /* the end of a body */
    assert_true(is_decoded_as(t, "http"));
    assert_int_equal(counters_of(t, "http")->connections, 0); /* nothing was read yet */
    say(t, 0, get);
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(counters_of(t, "http")->connections, 1);
    assert_int_equal(counters_of(t, "http")->server_bytes, 3000 + sizeof(ok) - 1);
    assert_int_equal(analysis_counters(t->a).resyncs, 2);
}

static void an_unknown_one_may_be_named_by_others(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    say_garbage(t, 0, 100);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
    assert_null(connection_analyzer(t->c));
    assert_false(connection_hint(t->c, bytes_of("gopher")));
    assert_true(connection_hint(t->c, bytes_of("postgresql")));
    assert_true(is_decoded_as(t, "postgresql"));
    assert_false(connection_hint(t->c, bytes_of("http"))); /* it is decided */
    ask_and_answer(t);
    ask_and_answer(t);
    ask_and_answer(t);
    assert_in_range(t->count, 1, 3);
}

static void the_port_is_believed_where_one_side_alone_is_mirrored(void **state)
{
    struct test *t = *state;
    begin(t, 6379);
    say(t, 1, "*1\r\n$3\r\nann\r\n"); /* a command looks so, too */
    assert_int_equal(connection_kind(t->c), CONNECTION_UNDECIDED);
    end(t);
    assert_int_equal(counters_of(t, "redis")->responses, 1);
    assert_int_equal(counters_of(t, "redis")->server_bytes, 13);
    begin(t, 6379);
    end(t); /* not a byte */
    assert_int_equal(counters_of(t, "redis")->connections, 0);
}

static void a_message_behind_a_preamble_is_a_late_start(void **state)
{
    struct test *t = *state;
    begin(t, 1080);
    say_bytes(t, 0, "\5\1\0", 3); /* SOCKS */
    say_bytes(t, 1, "\5\0", 2);
    assert_int_not_equal(connection_kind(t->c), CONNECTION_DECODED);
    say(t, 0, get);
    assert_true(is_decoded_as(t, "http"));
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.server_port, 1080);
}

static void behind_a_preamble_the_roles_may_be_the_other_way_round(void **state)
{
    struct test *t = *state;
    begin(t, 1080);
    say_bytes(t, 0, "\5\1\0", 3);
    say(t, 1, get);
    assert_true(is_decoded_as(t, "http"));
    say(t, 0, ok);
    assert_int_equal(t->told[0].tx.server_port, CLIENT_PORT);
}

static void late_starts_are_looked_for_a_bounded_number_of_times(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    for (int i = 0; i < 40; i++)
        say_garbage(t, 0, 100);
    say(t, 0, get);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
}

static void an_undecided_one_keeps_a_bounded_number_of_bytes(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    /* like the first message of a chain, which its length makes one wait for */
    say_bytes(t, 0, "P\0\0\x7f\xf0s\0select", 13);
    for (int i = 0; i < 30 && connection_kind(t->c) == CONNECTION_UNDECIDED; i++)
        say_garbage(t, 0, 1000);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
    assert_in_range(analysis_budget(t->a)->peak, 16384, 65536);
    assert_in_range(analysis_budget(t->a)->used, 1, 4096); /* what was kept is given back */
}

static void a_port_that_says_nothing_of_the_kind_is_given_up(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, 80, true, false);
    for (int i = 0; i < 1100; i++)
        say_garbage(t, (unsigned)i % 2, 1000);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
    assert_int_equal(analysis_counters(t->a).given_up, 1);
    assert_int_equal(counters_of(t, "http")->connections, 0);
    assert_in_range(analysis_budget(t->a)->used, 1, 4096);
    connection_gap(t->c, 0, 1000, t->ns);
    end(t);
    assert_int_equal(t->count, 0);
}

static void one_message_keeps_a_connection_from_being_given_up(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    say(t, 0, get);
    say(t, 1, ok);
    for (int i = 0; i < 1100; i++)
        say_garbage(t, (unsigned)i % 2, 1000);
    assert_true(is_decoded_as(t, "http"));
    assert_int_equal(analysis_counters(t->a).given_up, 0);
}

static void a_gap_before_the_decision_makes_it_an_old_connection(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    connection_gap(t->c, 0, 24, t->ns);
    say_bytes(t, 1, authentication_ok, sizeof(authentication_ok) - 1);
    ask_and_answer(t);
    assert_true(is_decoded_as(t, "postgresql"));
    assert_true(connection_facts(t->c)->is_midstream);
    end(t);
    uint64_t lost = 0;
    for (size_t i = 0; i < t->count; i++)
        lost += t->told[i].tx.lost_bytes;
    assert_int_equal(lost, 24);
    assert_int_equal(counters_of(t, "postgresql")->requests, 1);
}

static bool last_user_is(const struct test *t, const char *name)
{
    assert_true(t->count > 0);
    return bytes_are(t->told[t->count - 1].tx.user_name, name);
}

/* 10.0.0.1 asks 10.0.0.2. */
static void set_account(struct test *t, const char *server, uint16_t port, const char *client,
                        const char *user)
{
    struct account *a = &t->settings.accounts[t->settings.accounts_count++];
    *a = (struct account){.port = port, .has_client = client != NULL, .user_len = strlen(user)};
    memcpy(a->user, user, a->user_len);
    assert_true(prefix_parse(&a->server, bytes_of(server)));
    if (client)
        assert_true(prefix_parse(&a->client, bytes_of(client)));
}

static void an_old_connections_account_may_be_configured(void **state)
{
    struct test *t = *state;
    set_account(t, "10.0.0.3", 0, NULL, "other_server");
    set_account(t, "10.0.0.2", 5433, NULL, "other_port");
    set_account(t, "10.0.0.2", 5432, "10.1.0.0/16", "other_client");
    set_account(t, "10.0.0.0/24", 5432, "10.0.0.1", "crm_app");
    set_account(t, "10.0.0.2", 5432, NULL, "later");
    begin_between(t, CLIENT_PORT, 5432, true, false);
    ask_and_answer(t);
    ask_and_answer(t);
    assert_int_equal(t->count, 2);
    assert_true(last_user_is(t, "crm_app"));
    t->settings.accounts_count = 3;
    end(t);
    begin_between(t, CLIENT_PORT, 5432, true, false);
    ask_and_answer(t);
    assert_false(transaction_has(&t->told[t->count - 1].tx, FIELD_USER_NAME));
}

static void an_account_that_was_seen_goes_before_the_configured(void **state)
{
    struct test *t = *state;
    set_account(t, "10.0.0.2", 0, NULL, "crm_app");
    begin(t, 5432);
    log_in(t);
    ask_and_answer(t);
    assert_true(last_user_is(t, "alice"));
    /* picked up before its login */
    end(t);
    begin_between(t, CLIENT_PORT, 5432, true, false);
    log_in(t);
    ask_and_answer(t);
    assert_true(last_user_is(t, "alice"));
    /* no database's */
    end(t);
    begin_between(t, CLIENT_PORT, 80, true, false);
    say(t, 0, get);
    say(t, 1, ok);
    assert_true(t->told[t->count - 1].is_http);
    assert_false(transaction_has(&t->told[t->count - 1].tx, FIELD_USER_NAME));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_usual_port_and_a_greeting_are_believed),
        TEST(a_configured_port_is_believed_where_the_beginning_is_missing),
        TEST(the_configuration_goes_before_the_usual_ports),
        TEST(another_protocol_on_a_usual_port_is_found_by_its_signature),
        TEST(on_an_odd_port_the_signature_decides),
        TEST(roles_are_exchanged_by_what_is_said),
        TEST(roles_are_exchanged_by_a_known_port),
        TEST(roles_that_were_seen_are_not_exchanged),
        TEST(an_old_connection_on_a_known_port_is_picked_up_further_on),
        TEST(an_unknown_one_may_be_named_by_others),
        TEST(the_port_is_believed_where_one_side_alone_is_mirrored),
        TEST(a_message_behind_a_preamble_is_a_late_start),
        TEST(behind_a_preamble_the_roles_may_be_the_other_way_round),
        TEST(late_starts_are_looked_for_a_bounded_number_of_times),
        TEST(an_undecided_one_keeps_a_bounded_number_of_bytes),
        TEST(a_port_that_says_nothing_of_the_kind_is_given_up),
        TEST(one_message_keeps_a_connection_from_being_given_up),
        TEST(a_gap_before_the_decision_makes_it_an_old_connection),
        TEST(an_old_connections_account_may_be_configured),
        TEST(an_account_that_was_seen_goes_before_the_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
