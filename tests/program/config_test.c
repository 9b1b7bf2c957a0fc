#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/zone.h"
#include "subjects/subjects.h"
#include "tests/program/config_bench.h"

static struct address address_of(const char *text)
{
    struct address a;
    assert_true(address_parse(&a, bytes_of(text)));
    return a;
}

static const struct network *network_of(const struct fixture *t, const char *address)
{
    struct address a = address_of(address);
    return network_find(t->config.networks, &a);
}

static void without_a_file_everything_has_a_default(void **state)
{
    struct fixture *t = *state;
    assert_true(config_load(&t->config, NULL, &t->problems));
    assert_int_equal(t->config.settings.memory_max, ((size_t)4 << 30) / 1000 * 230);
    assert_int_equal(t->config.capture.flows_max, 1000000);
    assert_int_equal(t->config.session_interval_ns, 300 * CLOCK_SECOND_NS);
    assert_int_equal(t->config.mirror_interval_ns, 60 * CLOCK_SECOND_NS);
    assert_true(t->config.capture.use_ndpi && !t->config.capture.vlan_in_key);
    assert_true(!t->config.capture.vni_in_key && !t->config.capture.tunnel_in_key);
    assert_int_equal(t->config.settings.accounts_count, 0);
    size_t flows_max = t->config.capture.flows_max;
    load_good(t, "");
    assert_int_equal(t->config.capture.flows_max, flows_max);
}

static void every_key_reaches_its_place(void **state)
{
    struct fixture *t = *state;
    load_good(t, "networks:\n"
                 "  - name: Stockholm\n"
                 "    prefixes: [10.1.0.0/16, \"fd00:1::/32\", 192.0.2.7]\n"
                 "    countries: [SE, NO]\n"
                 "  - {name: Lab, prefixes: [10.1.2.0/24]}\n"
                 "proxies: [10.9.0.0/24, 10.8.0.1]\n"
                 "ports: {postgresql: [6432, 5433], http: [8081]}\n"
                 "geo: [a.mmdb, /b/c.mmdb]\n"
                 "session: {interval: 30s, idle: 2h}\n"
                 "limits: {flows: 123, memory: 64MiB, sessions: 45, ring: 2MiB}\n"
                 "vlan_in_flow: true\n");
    const struct config *c = &t->config;
    const struct network *n = network_of(t, "10.1.99.1");
    assert_non_null(n);
    assert_true(bytes_are(n->name, "Stockholm"));
    assert_int_equal(n->countries.count, 2);
    assert_true(bytes_are(n->countries.items[1], "NO"));
    assert_ptr_equal(network_of(t, "192.0.2.7"), n);
    assert_ptr_equal(network_of(t, "fd00:1:2::9"), n);
    assert_true(bytes_are(network_of(t, "10.1.2.1")->name, "Lab"));
    assert_null(network_of(t, "10.2.0.1"));
    struct address inside = address_of("10.9.0.77"), proxy = address_of("10.8.0.1"),
                   outside = address_of("10.8.0.2");
    assert_true(settings_is_proxy(&c->settings, &inside));
    assert_true(settings_is_proxy(&c->settings, &proxy));
    assert_false(settings_is_proxy(&c->settings, &outside));
    assert_int_equal(c->settings.ports_count, 3);
    assert_int_equal(c->settings.ports[1].port, 5433);
    assert_string_equal(c->settings.ports[1].protocol, "postgresql");
    assert_string_equal(c->settings.ports[2].protocol, "http");
    assert_int_equal(c->session_interval_ns, 30 * CLOCK_SECOND_NS);
    assert_int_equal(c->session_idle_ns, 7200 * CLOCK_SECOND_NS);
    assert_int_equal(c->capture.flows_max, 123);
    assert_int_equal(c->sessions_max, 45);
    assert_int_equal(c->ring_bytes, 2 << 20);
    assert_int_equal(c->capture.memory_max, c->shares.bytes[SHARE_WAITING]);
    assert_int_equal(c->capture.flows_bytes_max, c->shares.bytes[SHARE_FLOWS]);
    assert_int_equal(c->capture.past_bytes_max, c->shares.bytes[SHARE_FLOWS_PAST]);
    assert_int_equal(c->capture.servers_bytes_max, c->shares.bytes[SHARE_SERVERS] / 2);
    assert_int_equal(c->capture.naming_bytes_max, c->shares.bytes[SHARE_NAMING]);
    assert_int_equal(c->settings.memory_max, c->shares.bytes[SHARE_CONNECTIONS]);
    assert_int_equal(c->settings.statements_bytes_max, c->shares.bytes[SHARE_STATEMENTS]);
    assert_int_equal(c->settings.prepared_bytes_max, c->shares.bytes[SHARE_PREPARED]);
    assert_int_equal(c->settings.memory_max, (64 << 20) / 1000 * 230);
    assert_true(c->capture.vlan_in_key);
    load_good(t, "vlan_in_flow: false\n");
    assert_false(t->config.capture.vlan_in_key);
}

static void the_forms_of_an_account(void **state)
{
    struct fixture *t = *state;
    static const struct {
        const char *server;
        const char *address; /* that it has */
        uint16_t port;       /* 0: any */
    } cases[] = {
        {"10.0.0.5:5432", "10.0.0.5", 5432},
        {"10.0.0.5", "10.0.0.5", 0},
        {"10.0.0.0/24", "10.0.0.77", 0},
        {"10.0.0.0/24:1", "10.0.0.77", 1},
        {"fd00::5", "fd00::5", 0},
        {"fd00:1::/32", "fd00:1:2::3", 0},
        {"[fd00::5]:65535", "fd00::5", 65535},
        {"[fd00:1::/32]:5432", "fd00:1:2::3", 5432},
        {"[fd00::5]", "fd00::5", 0},
    };
    struct address client = address_of("10.1.2.3"), stranger = address_of("10.1.3.3");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        (void)snprintf(text, sizeof(text),
                       "accounts: [{server: \"%s\", client: 10.1.2.0/24, user: crm_app}]\n",
                       cases[i].server);
        load_good(t, text);
        const struct settings *s = &t->config.settings;
        struct address server = address_of(cases[i].address);
        uint16_t port = cases[i].port ? cases[i].port : 1521;
        if (!bytes_are(settings_user(s, &server, port, &client), "crm_app"))
            fail_msg("%s", cases[i].server);
        assert_int_equal(settings_user(s, &server, port, &stranger).len, 0);
        assert_int_equal(settings_user(s, &stranger, port, &client).len, 0);
        assert_int_equal(settings_user(s, &server, 2, &client).len, cases[i].port ? 0 : 7);
    }
}

static void what_is_part_of_a_flow_and_how_long_an_interval_is(void **state)
{
    struct fixture *t = *state;
    load_good(t, "vni_in_flow: true\nmirror: {interval: 10s}\n");
    assert_true(t->config.capture.vni_in_key && !t->config.capture.tunnel_in_key);
    assert_int_equal(t->config.mirror_interval_ns, 10 * CLOCK_SECOND_NS);
    load_good(t, "tunnel_in_flow: true\nvni_in_flow: false\n");
    assert_true(!t->config.capture.vni_in_key && t->config.capture.tunnel_in_key);
    assert_int_equal(t->config.mirror_interval_ns, 60 * CLOCK_SECOND_NS);
}

static void what_lasts_is_saved_as_often_and_kept_as_long_as_it_says(void **state)
{
    struct fixture *t = *state;
    const struct state_settings *s = &t->config.state;
    load_good(t, "state: {interval: 250ms, ledger: {age: 30d, size: 5MiB}}\n");
    assert_true(s->interval_ns == CLOCK_SECOND_NS / 4);
    assert_true(s->ledger_age_ns == 30 * 86400 * CLOCK_SECOND_NS);
    assert_true(s->ledger_bytes_max == 5 << 20);
    load_good(t, "state: {ledger: {size: 2GiB}}\n");
    assert_true(s->interval_ns == 60 * CLOCK_SECOND_NS);
    assert_true(s->ledger_age_ns == 400 * 86400 * CLOCK_SECOND_NS);
    assert_true(s->ledger_bytes_max == UINT64_C(2) << 30);
}

static void databases_are_relative_to_the_file(void **state)
{
    struct fixture *t = *state;
    char expected[64];
    load_good(t, "geo: [a.mmdb, /b/c.mmdb, ../d.mmdb]\n");
    assert_int_equal(t->config.geo_count, 3);
    (void)snprintf(expected, sizeof(expected), "%s/a.mmdb", t->folder);
    assert_string_equal(t->config.geo_paths[0], expected);
    assert_string_equal(t->config.geo_paths[1], "/b/c.mmdb");
    (void)snprintf(expected, sizeof(expected), "%s/../d.mmdb", t->folder);
    assert_string_equal(t->config.geo_paths[2], expected);
    /* those of the command line are not */
    assert_true(config_add_geo(&t->config, "e.mmdb"));
    assert_string_equal(t->config.geo_paths[3], "e.mmdb");
    while (t->config.geo_count < GEO_FILES_MAX)
        assert_true(config_add_geo(&t->config, "more.mmdb"));
    assert_false(config_add_geo(&t->config, "one too many.mmdb"));
}

static void a_file_beside_the_work_needs_no_folder(void **state)
{
    struct fixture *t = *state;
    char *old = getcwd(NULL, 0);
    assert_non_null(old);
    load_good(t, "geo: [a.mmdb]\n");
    config_clear(&t->config);
    assert_int_equal(chdir(t->folder), 0);
    assert_true(config_load(&t->config, "c.yaml", &t->problems));
    assert_int_equal(chdir(old), 0);
    free(old);
    assert_string_equal(t->config.geo_paths[0], "a.mmdb");
}

static const struct config_mistake mistakes[] = {
    {"[a]\n", "1:1: the configuration must be a mapping"},
    {"netwroks: []\n",
     "1:1: unknown key 'netwroks' in the configuration; did you mean 'networks'?"},
    {"networks: {}\n", "1:11: networks must be a list"},
    {"networks: [a]\n", "1:12: a network must be a mapping"},
    {"networks:\n  - {nam: a}\n", "2:6: unknown key 'nam' in a network; did you mean 'name'?"},
    {"networks:\n  - {name: a}\n", "2:5: a network needs a name and prefixes"},
    {"networks:\n  - {prefixes: [10.0.0.0/8]}\n", "2:5: a network needs a name and prefixes"},
    {"networks:\n  - {name: [a], prefixes: []}\n", "2:12: the name must be one value"},
    {"networks:\n  - {name: a, prefixes: 10.0.0.0/8}\n", "2:25: prefixes must be a list"},
    {"networks:\n  - {name: a, prefixes: [10.0.0.1/8]}\n", "2:26: not a prefix"},
    {"networks:\n  - {name: a, prefixes: [[]]}\n", "2:26: not a prefix"},
    {"networks:\n  - {name: a, prefixes: [10.0.0.0/33]}\n", "2:26: not a prefix"},
    {"networks:\n  - {name: a, prefixes: [], countries: SE}\n", "2:40: countries must be a list"},
    {"networks:\n  - {name: a, prefixes: [], countries: [Sweden]}\n", "2:12: "},
    {"networks:\n  - {name: a, prefixes: [], countries: [[]]}\n", "2:12: "},
    {"networks:\n  - {name: a, prefixes: []}\n  - {name: a, prefixes: []}\n", "3:12: "},
    {"networks:\n  - {name: a, prefixes: [10.0.0.0/8]}\n  - {name: b, prefixes: "
     "[10.0.0.0/8]}\n",
     "3:26: "},
    {"proxies: 10.0.0.1\n", "1:10: proxies must be a list"},
    {"proxies: [proxy]\n", "1:11: not an address or a prefix"},
    {"proxies: [{}]\n", "1:11: not an address or a prefix"},
    {"ports: [80]\n", "1:8: ports must be a mapping"},
    {"ports: {postgres: [1]}\n", "1:9: unknown protocol 'postgres'; did you mean 'postgresql'?"},
    {"ports: {http: 80}\n", "1:15: the ports of a protocol must be a list"},
    {"ports: {http: [0]}\n", "1:16: not a port"},
    {"ports: {http: [80, 65536]}\n", "1:20: not a port"},
    {"ports: {http: [http]}\n", "1:16: not a port"},
    {"ports: {http: [81], postgresql: [81]}\n", "1:34: port 81 stands here twice"},
    {"ports: {http: [[80]]}\n", "1:16: not a port"},
    {"geo: a.mmdb\n", "1:6: geo must be a list"},
    {"geo: [\"\"]\n", "1:8: not a file name"},
    {"geo: [[]]\n", "1:7: not a file name"},
    {"geo: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n", "1:31: more than 8 databases"},
    {"session: 5m\n", "1:10: session must be a mapping"},
    {"session: {intervall: 5m}\n",
     "1:11: unknown key 'intervall' in session; did you mean 'interval'?"},
    {"session: {interval: 5}\n", "1:21: not a duration"},
    {"session: {interval: 0s}\n", "1:21: not a duration"},
    {"session: {idle: []}\n", "1:17: not a duration"},
    {"limits: 5\n", "1:9: limits must be a mapping"},
    {"limits: {flow: 5}\n", "1:10: unknown key 'flow' in limits; did you mean 'flows'?"},
    {"limits: {flows: 0}\n", "1:17: not a size: a number from 1 to "},
    {"limits: {flows: many}\n", "1:17: not a size"},
    {"limits: {flows: 1000000000000}\n", "1:17: not a size"},
    {"limits: {sessions: -1}\n", "1:20: not a size"},
    {"limits: {memory: 1KiB}\n", "1:18: not a size: a number from 33554432 to "},
    {"limits: {memory: 1000TiB}\n", "1:18: not a size"},
    {"limits: {ring: 4GiB}\n", "1:16: not a size"},
    {"vlan_in_flow: yes\n", "1:15: vlan_in_flow is true or false"},
    {"vlan_in_flow: []\n", "1:15: vlan_in_flow is true or false"},
    {"vni_in_flow: 1\n", "1:14: vni_in_flow is true or false"},
    {"tunnel_in_flow: 0\n", "1:17: tunnel_in_flow is true or false"},
    {"mirror: 1m\n", "1:9: mirror must be a mapping"},
    {"mirror: {intervall: 1m}\n",
     "1:10: unknown key 'intervall' in mirror; did you mean 'interval'?"},
    {"mirror: {interval: 0s}\n", "1:20: not a duration"},
    {"state: {intervall: 1m}\n", "1:9: unknown key 'intervall' in state; did you mean 'interval'?"},
    {"state: {interval: 0ms}\n", "1:19: not a duration: write 1s, 1m, 12h or 400d"},
    {"state: {ledger: {age: old}}\n", "1:23: not a duration"},
    {"state: {ledger: {size: 1KiB}}\n", "1:24: not a size: bytes with MiB, GiB or TiB"},
    {"state: {ledger: 400d}\n", "1:17: ledger must be a mapping"},
    {"accounts: {}\n", "1:11: accounts must be a list"},
    {"accounts: [a]\n", "1:12: an account must be a mapping"},
    {"accounts: [{servr: 10.0.0.5, user: a}]\n",
     "1:13: unknown key 'servr' in an account; did you mean 'server'?"},
    {"accounts: [{user: a}]\n", "1:12: an account needs a server and a user"},
    {"accounts: [{server: 10.0.0.5}]\n", "1:12: an account needs a server and a user"},
    {"accounts: [{server: db, user: a}]\n", "1:21: not a server: write 10.0.0.5:5432"},
    {"accounts: [{server: [], user: a}]\n", "1:21: not a server"},
    {"accounts: [{server: \"10.0.0.5:0\", user: a}]\n", "1:22: not a server"},
    {"accounts: [{server: \"10.0.0.5:\", user: a}]\n", "1:22: not a server"},
    {"accounts: [{server: \"[fd00::5]5432\", user: a}]\n", "1:22: not a server"},
    {"accounts: [{server: 10.0.0.5, user: []}]\n", "1:37: a user's name has 1 to 128 bytes"},
    {"accounts: [{server: 10.0.0.5, user: \"\"}]\n", "1:38: a user's name has 1 to 128"},
    {"accounts: [{server: 10.0.0.5, client: b, user: a}]\n", "1:39: not an address or a prefix"},
    {"networks: [\n", ""}, /* wherever */
};

static void every_mistake_is_told_with_its_place(void **state)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
        config_bench_expect(*state, &mistakes[i]);
}

static void all_mistakes_are_told_at_once(void **state)
{
    struct fixture *t = *state;
    assert_false(load(t, "proxies: [a, b]\nlimits: {flows: x, rings: 2}\nsession: {idle: x}\n"
                         "ports: {http: [a, 80, b]}\nunknown: 1\n"));
    assert_int_equal(t->problems.count, 7);
}

static void what_has_a_bound_is_refused_beyond_it(void **state)
{
    struct fixture *t = *state;
    static char text[20000];
    static const struct {
        const char *begin, *item, *told;
        int count;
    } cases[] = {
        {"proxies: [10.0.0.1", ", 10.0.0.1", "more than 64 proxies", SETTINGS_PROXIES_MAX},
        {"ports: {http: [1", ", 1001", "more than 256 ports", SETTINGS_PORTS_MAX},
        {"networks: [{name: a, prefixes: [], countries: [SE", ", SE", "more than 64 countries",
         NETWORK_COUNTRIES_MAX},
        {"accounts: [{server: 10.0.0.5, user: a}", ", {server: 10.0.0.5, user: a}",
         "more than 256 accounts", SETTINGS_ACCOUNTS_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = (size_t)snprintf(text, sizeof(text), "%s", cases[i].begin);
        for (int n = 1; n < cases[i].count + 1; n++)
            len += i == 1 ? (size_t)snprintf(text + len, sizeof(text) - len, ", %d", 1000 + n)
                          : (size_t)snprintf(text + len, sizeof(text) - len, "%s", cases[i].item);
        (void)snprintf(text + len, sizeof(text) - len, "%s",
                       i == 0   ? "]\n"
                       : i == 1 ? "]}\n"
                       : i == 2 ? "]}]\n"
                                : "]\n");
        assert_false(load(t, text));
        assert_int_equal(t->problems.count, 1);
        if (!strstr(t->problems.items[0], cases[i].told))
            fail_msg("%s", t->problems.items[0]);
        /* one less is taken */
        char *one = strstr(text, cases[i].item);
        memmove(one, one + strlen(cases[i].item), strlen(one + strlen(cases[i].item)) + 1);
        load_good(t, text);
    }
}

static void what_portals_are_like(void **state)
{
    struct fixture *t = *state;
    load_good(t, "http:\n"
                 "  records: [json, csv]\n"
                 "  csv_header: false\n"
                 "  account_header: X-Remote-User\n"
                 "  jwt_claims: [agent, sub]\n"
                 "  session_cookies: [mine]\n"
                 "  logouts: [/bye]\n"
                 "  templates: [\"/a/{b}\", /c/*]\n"
                 "  logins: [{path: /enter}, {path: /in, user: u, password: p, failure: no}]\n"
                 "  lists: [{path: /api/*, at: data.hits}]\n");
    const struct http_settings *h = &t->config.settings.http;
    assert_true(h->formats_off >> RECORDS_HTML & 1 && h->formats_off >> RECORDS_XML & 1);
    assert_false(h->formats_off >> RECORDS_JSON & 1 || h->formats_off >> RECORDS_CSV & 1);
    assert_int_equal(h->csv_header, CSV_HEADER_NEVER);
    assert_true(bytes_are(http_text(&h->header), "X-Remote-User"));
    assert_int_equal(h->claims_count, 2);
    assert_true(bytes_are(http_text(&h->claims[1]), "sub"));
    assert_true(bytes_are(http_text(&h->cookies[0]), "mine"));
    assert_true(http_is_logout(h, bytes_of("/bye")));
    assert_non_null(http_template_find(h, bytes_of("/a/17")));
    assert_non_null(http_template_find(h, bytes_of("/c/17/18")));
    assert_null(http_template_find(h, bytes_of("/a/17/18")));
    assert_true(bytes_are(http_text(&http_login_find(h, bytes_of("/in"))->failure), "no"));
    assert_true(bytes_are(http_text(&http_list_find(h, bytes_of("/api/x/y"))->at), "data.hits"));
    assert_int_equal(h->accounts_bytes_max, t->config.shares.bytes[SHARE_ACCOUNTS]);
}

/* Two runs do not hash alike. */
static void the_key_of_secrets_is_new_each_time(void **state)
{
    struct fixture *t = *state;
    load_good(t, "{}\n");
    struct hash_key key = t->config.settings.http.key;
    load_good(t, "{}\n");
    assert_true(key.low != t->config.settings.http.key.low);
    assert_true(key.high != t->config.settings.http.key.high);
}

static void mistakes_about_portals_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"http: {records: [json, pdf]}\n", ":1:24: not json, ndjson, csv, html or xml"},
        {"http: {csv_header: maybe}\n", ":1:20: csv_header is true or false"},
        {"http: {logins: [{user: u}]}\n", ":1:17: a login needs a path"},
        {"http: {logins: [{path: /a, user: u}]}\n", ":1:17: a login names both"},
        {"http: {logins: [{path: a}]}\n", ":1:24: not a path"},
        {"http: {lists: [{path: /a}]}\n", ":1:16: a list needs path and at"},
        {"http: {templates: [a]}\n", ":1:20: not a path"},
        {"http: {jwt_claims: [a, b, c, d, e]}\n", ":1:33: more than 4 jwt_claims"},
        {"http: {login: []}\n", ":1:8: "},
    };
    struct fixture *t = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(load(t, cases[i].text));
        assert_int_equal(t->problems.count, 1);
        if (!strstr(t->problems.items[0], cases[i].told))
            fail_msg("%s: %s", cases[i].text, t->problems.items[0]);
    }
}

static void customers_are_known_as_the_section_says(void **state)
{
    struct fixture *t = *state;
    load_good(t, "subject:\n"
                 "  kinds: [msisdn, customer]\n"
                 "  names: {customer: [vertrag_neu, \"acct_*\"], none: [telefon]}\n"
                 "  countries: [FI, SE]\n"
                 "  keys: {msisdn: [\"n:{id}\"]}\n"
                 "  key: a.key\n"
                 "  rate: 50MiB\n"
                 "  scan: requests\n");
    const struct subjects *s = t->config.settings.subjects;
    assert_int_equal(s->rank[SUBJECT_MSISDN], 0);
    assert_int_equal(s->rank[SUBJECT_CUSTOMER], 1);
    assert_int_equal(s->rank[SUBJECT_EMAIL], SUBJECTS_RANK_OFF);
    assert_int_equal(names_find(s->names, bytes_of("acctRef")), SUBJECT_CUSTOMER);
    assert_int_equal(names_find(s->names, bytes_of("telefon")), SUBJECT_NONE);
    assert_int_equal(s->countries.count, 2);
    assert_int_equal(s->patterns.count, 1);
    assert_int_equal(s->rate_max, 50 << 20);
    assert_int_equal(s->scope, SUBJECTS_IN_REQUESTS);
    assert_non_null(strstr(t->config.subject_key, "/a.key"));
    load_good(t, "subject: [msisdn, kundref, ssn, \"acct_*\"]\n");
    s = t->config.settings.subjects;
    assert_int_equal(s->rank[SUBJECT_MSISDN], 0);
    assert_int_equal(s->rank[SUBJECT_CUSTOMER], 1);
    assert_int_equal(s->rank[SUBJECT_PERSONNUMMER], 2);
    assert_int_equal(names_find(s->names, bytes_of("kundRef")), SUBJECT_CUSTOMER);
    assert_null(t->config.subject_key);
}

static void mistakes_about_customers_are_told_with_their_place(void **state)
{
    struct fixture *t = *state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"subject: x\n", ":1:10: subject must be a mapping"},
        {"subject: {kind: []}\n", ":1:11: unknown key 'kind' in subject; did you mean 'kinds'?"},
        {"subject: {kinds: [msisd]}\n",
         ":1:19: unknown kind of identifier 'msisd'; did you mean 'msisdn'?"},
        {"subject: {kinds: [puk, puk]}\n", ":1:24: puk stands here twice"},
        {"subject: {kinds: [none]}\n", ":1:19: unknown kind of identifier 'none'"},
        {"subject: {names: [a]}\n", ":1:18: names must be a mapping"},
        {"subject: {names: {custmer: [a]}}\n", "did you mean 'customer'?"},
        {"subject: {names: {customer: [\"_\"]}}\n", ":1:31: not a name of 1 to 64 bytes"},
        {"subject: {countries: [se]}\n", ":1:23: 'se' is no country"},
        {"subject: {countries: [SE, SE]}\n", ":1:27: 'SE' is no country"},
        {"subject: {keys: {customer: [\"c:*\"]}}\n", ":1:30: not a pattern of a key"},
        {"subject: {keys: {none: [\"c:{id}\"]}}\n", ":1:18: unknown kind"},
        {"subject: {key: []}\n", ":1:16: not a file name"},
        {"subject: {rate: 0}\n", ":1:17: not a rate"},
        {"subject: {scan: some}\n", ":1:17: scan is off, requests, or answers"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(load(t, cases[i].text));
        if (!strstr(t->problems.items[0], cases[i].told))
            print_error("%s%s\n", cases[i].text, t->problems.items[0]);
        assert_non_null(strstr(t->problems.items[0], cases[i].told));
    }
}

static void a_file_that_is_not_there_is_told(void **state)
{
    struct fixture *t = *state;
    assert_false(config_load(&t->config, "/nonexistent/c.yaml", &t->problems));
    assert_int_equal(t->problems.count, 1);
    assert_non_null(strstr(t->problems.items[0], "/nonexistent/c.yaml: "));
}

static void the_time_zone_is_read(void **state)
{
    struct fixture *t = *state;
    load_good(t, "timezone: Europe/Stockholm\n");
    assert_int_equal(zone_hour(t->config.zone, 0), 1);
    load_good(t, "session: {idle: 1m}\n");
    assert_null(t->config.zone);
    assert_false(load(t, "timezone: Europe/Stokholm\n"));
    assert_non_null(strstr(t->problems.items[0], "c.yaml:1:11: no time zone 'Europe/Stokholm'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(the_time_zone_is_read),
        TEST(without_a_file_everything_has_a_default),
        TEST(every_key_reaches_its_place),
        TEST(the_forms_of_an_account),
        TEST(what_is_part_of_a_flow_and_how_long_an_interval_is),
        TEST(what_lasts_is_saved_as_often_and_kept_as_long_as_it_says),
        TEST(databases_are_relative_to_the_file),
        TEST(a_file_beside_the_work_needs_no_folder),
        TEST(every_mistake_is_told_with_its_place),
        TEST(all_mistakes_are_told_at_once),
        TEST(what_has_a_bound_is_refused_beyond_it),
        TEST(what_portals_are_like),
        TEST(the_key_of_secrets_is_new_each_time),
        TEST(mistakes_about_portals_are_told_with_their_place),
        TEST(customers_are_known_as_the_section_says),
        TEST(mistakes_about_customers_are_told_with_their_place),
        TEST(a_file_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
