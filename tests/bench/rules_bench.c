/*
 * How fast rules count, from memory.
 *
 *     rules_bench [-n ACCOUNTS] PATH...
 *
 * takes these rule files and folders, and 2,000,000 transactions of 1,000 accounts;
 *
 *     rules_bench
 *
 * 200 rules of its own over 5,000 accounts, 1,000,000 keys, and 200,000 transactions.
 *
 * The transactions are nine days of a customer database and a portal: reads, writes, logins, each
 * with what a worker adds to it.  Every account makes some 200 a day, four for each customer in
 * turn; that is more than the agents of a call centre make.
 */
#include "core/clock.h"
#include "core/hash.h"
#include "rules/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
    TRANSACTIONS = 2000000,
    TRANSACTIONS_MADE = 200000,
    ROUND = 4096,
    RULES_MADE = 200,
    FOR_A_CUSTOMER = 4,
    ACCOUNTS = 1000,
    ACCOUNTS_MADE = 5000,
    ACCOUNTS_MAX = 50000
};

static const int64_t start_ns = INT64_C(1768176000) * CLOCK_SECOND_NS;

static char names[ACCOUNTS_MAX][16];
static uint64_t alerts;

static void on_alert(void *context, const struct alert *a)
{
    (void)context;
    (void)a;
    alerts++;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void mark(struct transaction *t, const enum field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        transaction_mark(t, fields[i]);
}

/* The i-th transaction; its customer's id stays good until the next one. */
static void make(struct transaction *t, uint64_t i, uint64_t accounts)
{
    static const enum field always[] = {
        FIELD_TIMESTAMP,     FIELD_EVENT_ACTION, FIELD_EVENT_DURATION,
        FIELD_EVENT_OUTCOME, FIELD_CLIENT_BYTES, FIELD_SERVER_BYTES,
        FIELD_CLIENT_IP,     FIELD_SERVER_IP,    FIELD_USER_NAME,
        FIELD_SESSION_ID,    FIELD_NETWORK_NAME, FIELD_NETWORK_PROTOCOL,
        FIELD_CLIENT_PORT,   FIELD_SERVER_PORT,  FIELD_CLIENT_GEO_COUNTRY_ISO_CODE};
    static const enum field of_database[] = {FIELD_DB_SYSTEM_NAME, FIELD_DB_QUERY_HASH,
                                             FIELD_DB_RESPONSE_RETURNED_ROWS};
    static const enum field of_portal[] = {FIELD_HTTP_REQUEST_METHOD,
                                           FIELD_HTTP_RESPONSE_STATUS_CODE, FIELD_URL_TEMPLATE};
    static uint64_t id;
    uint64_t random = hash_bytes((struct bytes){(const uint8_t *)&i, sizeof(i)}, 1);
    uint64_t account = random % accounts, kind = random >> 32 & 15;
    *t = (struct transaction){.start_ns = start_ns + (int64_t)(i * 400000000),
                              .duration_ns = 3000000,
                              .action = kind == 0  ? ACTION_LOGIN
                                        : kind < 4 ? ACTION_WRITE
                                                   : ACTION_READ,
                              .outcome = OUTCOME_SUCCESS,
                              .client_bytes = 300,
                              .server_bytes = 900 + (random >> 40 & 1023),
                              .user_name = bytes_of(names[account]),
                              .session_id = bytes_of(names[account]),
                              .network_name = bytes_of(names[account % 200]),
                              .protocol = bytes_of(kind & 1 ? "http" : "postgresql"),
                              .country = bytes_of("SE"),
                              .client_port = 40000,
                              .server_port = 5432};
    t->client_ip =
        address_from_ipv4((const uint8_t[]){10, 1, (uint8_t)(account >> 8), (uint8_t)account});
    t->server_ip = address_from_ipv4((const uint8_t[]){10, 20, 0, 10});
    mark(t, always, sizeof(always) / sizeof(always[0]));
    if (kind & 1) {
        t->http_method = bytes_of("GET");
        t->http_status = 200;
        t->url_template = bytes_of("/customers/{id}");
        mark(t, of_portal, sizeof(of_portal) / sizeof(of_portal[0]));
    } else {
        t->db_system = bytes_of("postgresql");
        t->db_query_hash = random & 63;
        t->returned_rows = 1 + (random >> 20 & 7);
        mark(t, of_database, sizeof(of_database) / sizeof(of_database[0]));
    }
    const uint64_t customer[] = {account, i / (accounts * FOR_A_CUSTOMER)};
    id = hash_bytes((struct bytes){(const uint8_t *)customer, sizeof(customer)}, 2);
    t->subject_count = 1;
    t->subject_ids = (struct hashes){&id, 1, NULL};
    transaction_mark(t, FIELD_SUBJECT_COUNT);
    transaction_mark_ids(t);
}

/* One of each measure in turn, none of which comes near its limit. */
static char *make_rules(void)
{
    static const char *const measures[] = {"count", "sum(server.bytes)", "max(server.bytes)",
                                           "distinct(subject.ids)", "distinct(server.ip)"};
    size_t size = RULES_MADE * 256, len = 0;
    char *text = malloc(size);
    if (!text)
        return NULL;
    len += (size_t)snprintf(text, size, "rules:\n");
    for (int i = 0; i < RULES_MADE; i++)
        len +=
            (size_t)snprintf(text + len, size - len,
                             "  - {id: r%d, name: n, severity: low, when: event.action == "
                             "\"%s\", by: user.name, measure: %s, over: %dh, above: 1000000000}\n",
                             i, i % 4 ? "read" : "write", measures[i % 5], i % 24 + 1);
    return text;
}

static struct rules *load(int count, char **paths, struct problems *problems)
{
    if (count > 0)
        return rules_load((const char *const *)paths, (size_t)count, problems);
    char *text = make_rules();
    struct rules *rules = text ? rules_load_text("made", bytes_of(text), problems) : NULL;
    free(text);
    return rules;
}

int main(int argc, char **argv)
{
    static struct problems problems;
    uint64_t wanted = 0;
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        wanted = strtoull(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    struct rules *rules = load(argc - 1, argv + 1, &problems);
    uint64_t accounts = argc > 1 ? ACCOUNTS : ACCOUNTS_MADE;
    if (wanted > 0 && wanted <= ACCOUNTS_MAX)
        accounts = wanted;
    uint64_t transactions = argc > 1 ? TRANSACTIONS : TRANSACTIONS_MADE;
    if (!rules) {
        (void)fprintf(stderr, "rules_bench: %s\n",
                      problems.count ? problems.items[0] : "no memory");
        return 1;
    }
    for (size_t i = 0; i < ACCOUNTS_MAX; i++)
        (void)snprintf(names[i], sizeof(names[i]), "agent-%05zu", i);
    struct engine *e = engine_open(
        rules, &(struct engine_config){.bytes_max = (size_t)4 << 30, .seed = 1, .alert = on_alert});
    if (!e)
        return 1;
    double spent = 0;
    for (uint64_t at = 0; at < transactions; at += ROUND) {
        static struct transaction round[ROUND];
        static uint64_t ids[ROUND];
        for (uint64_t i = 0; i < ROUND; i++) {
            make(&round[i], at + i, accounts);
            ids[i] = round[i].subject_ids.items[0];
            round[i].subject_ids.items = &ids[i];
        }
        double before = seconds();
        for (uint64_t i = 0; i < ROUND; i++)
            engine_transaction(e, &round[i]);
        engine_tick(e, round[ROUND - 1].start_ns);
        spent += seconds() - before;
    }
    struct engine_counters c = engine_counters(e);
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf(
        "%zu rules, %llu transactions, %llu keys, %llu alerts: %.0f transactions/s, %.0f ns each, "
        "%.0f MB\n",
        rules_on(rules), (unsigned long long)c.transactions, (unsigned long long)c.keys,
        (unsigned long long)alerts, (double)c.transactions / spent,
        spent * 1e9 / (double)c.transactions, (double)usage.ru_maxrss / 1024);
    engine_close(e);
    rules_close(rules);
    return 0;
}
