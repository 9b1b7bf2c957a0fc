#include "tests/cmocka.h"

#include "survey/findings.h"

#include <stdio.h>

static struct transaction request(const char *user, uint8_t client, uint16_t port, uint64_t rows)
{
    const uint8_t client_ip[4] = {10, 1, 2, client}, server_ip[4] = {10, 0, 0, 5};
    struct transaction tx = {.start_ns = 1,
                             .client_ip = address_from_ipv4(client_ip),
                             .server_ip = address_from_ipv4(server_ip),
                             .server_port = port,
                             .protocol = bytes_of("postgresql"),
                             .request_seen = true,
                             .reply_seen = true,
                             .returned_rows = rows,
                             .server_bytes = rows * 100};
    static const enum field fields[] = {FIELD_CLIENT_IP,
                                        FIELD_SERVER_IP,
                                        FIELD_SERVER_PORT,
                                        FIELD_NETWORK_PROTOCOL,
                                        FIELD_DB_RESPONSE_RETURNED_ROWS,
                                        FIELD_SERVER_BYTES};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&tx, fields[i]);
    if (user) {
        tx.user_name = bytes_of(user);
        transaction_mark(&tx, FIELD_USER_NAME);
    }
    return tx;
}

static void ask(struct findings *f, const char *user, uint8_t client, uint16_t port, uint64_t rows)
{
    struct transaction tx = request(user, client, port, rows);
    findings_transaction(f, &tx);
}

static void servers_networks_and_accounts_are_counted(void **state)
{
    (void)state;
    struct findings *f = findings_open();
    ask(f, "ann", 7, 5432, 10);
    ask(f, "ann", 8, 5432, 5);
    ask(f, "bo", 7, 5432, 1);
    ask(f, NULL, 9, 5433, 100);
    struct found_list servers = findings_servers(f), networks = findings_networks(f),
                      accounts = findings_accounts(f);
    assert_int_equal(servers.count, 2);
    const struct found_server *most = servers.items[0], *least = servers.items[1];
    assert_int_equal(most->port, 5433);
    assert_int_equal(most->nameless, 1);
    assert_int_equal(found_requests(&least->volume), 3);
    assert_int_equal(least->volume.returned_rows, 16);
    assert_int_equal(sketch_count(&least->accounts), 2);
    assert_int_equal(sketch_count(&least->clients), 2);
    assert_string_equal(least->protocol, "postgresql");
    assert_int_equal(networks.count, 1);
    const struct found_network *network = networks.items[0];
    assert_string_equal(network->name, "10.1.2.0/24");
    assert_int_equal(sketch_count(&network->clients), 3);
    assert_int_equal(accounts.count, 2);
    const struct found_account *ann = accounts.items[0];
    assert_string_equal(ann->name, "ann");
    assert_int_equal(ann->volume.returned_rows, 15);
    assert_int_equal(sketch_count(&ann->clients), 2);
    findings_close(f);
}

static void a_login_is_no_request(void **state)
{
    (void)state;
    struct findings *f = findings_open();
    struct transaction tx = request("ann", 7, 5432, 0);
    tx.is_apart = true;
    tx.action = ACTION_LOGIN;
    tx.outcome = OUTCOME_FAILURE;
    transaction_mark(&tx, FIELD_EVENT_ACTION);
    transaction_mark(&tx, FIELD_EVENT_OUTCOME);
    findings_transaction(f, &tx);
    const struct found_account *ann = findings_accounts(f).items[0];
    assert_int_equal(found_requests(&ann->volume), 0);
    assert_int_equal(ann->logins, 1);
    assert_int_equal(ann->volume.failures, 1);
    findings_close(f);
}

static void a_configured_network_keeps_its_name(void **state)
{
    (void)state;
    struct findings *f = findings_open();
    struct transaction tx = request("ann", 7, 5432, 1);
    tx.network_name = bytes_of("stockholm-2");
    transaction_mark(&tx, FIELD_NETWORK_NAME);
    findings_transaction(f, &tx);
    const struct found_network *n = findings_networks(f).items[0];
    assert_string_equal(n->name, "stockholm-2");
    assert_true(n->is_configured);
    findings_close(f);
}

static void parts_of_the_mirror_add_up(void **state)
{
    (void)state;
    struct findings *f = findings_open();
    const uint8_t ip[4] = {10, 0, 0, 5};
    struct mirror_part whole = {.is_whole = true,
                                .start_ns = 60,
                                .last_ns = 100,
                                .counters = {.packets = 10, .dropped = 2}};
    struct mirror_part server = {.ip = address_from_ipv4(ip),
                                 .port = 443,
                                 .protocol = "tls",
                                 .counters = {.packets = 4, .bytes = 400}};
    for (int i = 0; i < 2; i++) {
        findings_begin(f, 60);
        findings_mirror(f, &whole);
        findings_mirror(f, &server);
    }
    struct found_totals t = findings_totals(f);
    assert_int_equal(t.mirror.packets, 20);
    assert_int_equal(t.mirror.dropped, 4);
    assert_int_equal(t.first_ns, 60);
    assert_int_equal(t.last_ns, 100);
    assert_int_equal(t.servers, 1);
    const struct found_server *s = findings_servers(f).items[0];
    assert_int_equal(s->mirror.packets, 8);
    assert_string_equal(s->protocol, "tls");
    findings_close(f);
}

static void the_list_has_the_largest_in_their_order(void **state)
{
    (void)state;
    struct findings *f = findings_open();
    for (unsigned i = 0; i < 3 * FINDINGS_LIST_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "a%u", i);
        ask(f, name, 7, 5432, (i * 37) % (3 * FINDINGS_LIST_MAX));
    }
    struct found_list l = findings_accounts(f);
    assert_int_equal(l.count, FINDINGS_LIST_MAX);
    for (unsigned i = 0; i < l.count; i++) {
        const struct found_account *a = l.items[i];
        assert_int_equal(a->volume.returned_rows, 3 * FINDINGS_LIST_MAX - 1 - i);
    }
    findings_close(f);
}

static void past_the_bound_the_oldest_goes_and_is_counted(void **state)
{
    (void)state;
    struct findings *f = findings_open();
    for (unsigned i = 0; i < FINDINGS_ACCOUNTS_MAX + 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "a%u", i);
        ask(f, name, 7, 5432, 1);
    }
    struct found_totals t = findings_totals(f);
    assert_int_equal(t.accounts, FINDINGS_ACCOUNTS_MAX + 5);
    assert_int_equal(t.forgotten, 5);
    findings_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_networks_and_accounts_are_counted),
        cmocka_unit_test(a_login_is_no_request),
        cmocka_unit_test(a_configured_network_keeps_its_name),
        cmocka_unit_test(parts_of_the_mirror_add_up),
        cmocka_unit_test(the_list_has_the_largest_in_their_order),
        cmocka_unit_test(past_the_bound_the_oldest_goes_and_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
