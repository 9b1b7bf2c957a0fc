/*
 * What lasts of the rules: an engine that was saved, at any moment and while it went on, and loaded
 * again, raises the same alerts as one that never stopped.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/alert.h"
#include "rules/rule.h"
#include "rules/save.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRANSACTIONS = 6000, NAME_MAX_LEN = 32, WAITING = 1 << 20 };

/* What a run goes on with. */
struct world {
    const struct rules *rules;
    const struct rules *later; /* that count the same: every other run has those; NULL: none */
    size_t keys_max;           /* fewer than there are accounts: then keys come and go */
    uint64_t step_s;           /* from one transaction to the next, about */
    size_t alerts_min;
};

/* Each of them knows more than a few of the keys: of those that one with few knows it is not saved
 * which were spared (rules/keyring.h). */
#define OWN_RULES                                                                                  \
    "rules:\n"                                                                                     \
    "- {id: sum, name: N, severity: low, by: user.name, measure: sum(server.bytes), over: 1h,"     \
    " above: 30KiB, quiet: 20m}\n"                                                                 \
    "- {id: whole, name: N, severity: low, by: network.name, when: 'client.bytes exists', "        \
    "measure: "                                                                                    \
    "count, over: 10m,"                                                                            \
    " above: 12, quiet: 5m}\n"                                                                     \
    "- {id: most, name: N, severity: low, by: user.name, measure: max(server.bytes), over: 1h,"    \
    " above: 1000, quiet: 1h}\n"                                                                   \
    "- {id: different, name: N, severity: low, by: client.ip, measure: distinct(db.query.hash),"   \
    " over: 6h, above: 60, quiet: 1h}\n"                                                           \
    "- {id: part, name: N, severity: low, by: [user.name, server.port],"                           \
    " measure: 'share(event.outcome == \"failure\")', over: 2h, above: 60%, at least: 5}\n"        \
    "- {id: first, name: N, severity: low, by: user.name, first: client.ip, learn: 2h,"            \
    " forget: 2d}\n"                                                                               \
    "- {id: first-port, name: N, severity: low, by: event.action, first: server.port, learn: 1h,"  \
    " forget: 1d}\n"                                                                               \
    "- {id: at-once, name: N, severity: low, by: user.name, together: 4, of: client.ip, over: "    \
    "30m}\n"                                                                                       \
    "- {id: journey, name: N, severity: low, by: user.name, travel: {faster than: 900 km/h,"       \
    " farther than: 100 km}}\n"                                                                    \
    "- {id: then, name: N, severity: low, by: user.name, within: 1h, steps: ["                     \
    "{when: 'event.action == \"login\"', measure: distinct(client.ip), above: 1},"                 \
    "{when: 'event.action == \"read\"', measure: sum(server.bytes), above: 1KiB}]}\n"

static const char own_rules[] = OWN_RULES;
static const char all_rules[] = OWN_RULES
    "- {id: after, name: N, severity: low, by: user.name, quiet: 10m, when: 'event.action == "
    "\"read\"',"
    " unless before: {when: 'event.action == \"login\"', by: user.name, within: 1h}}\n";

/* One transaction of many, always the same for its number. */
struct sample {
    struct transaction t;
    char user[NAME_MAX_LEN], text[NAME_MAX_LEN];
    uint64_t ids[2];
};

static uint64_t noise(uint64_t i, uint64_t salt)
{
    return hash_mix(i * 2 + 1, salt ^ UINT64_C(0x9e3779b97f4a7c15)) >> 7;
}

static void set_texts(struct sample *s, uint64_t i)
{
    static const char *const countries[] = {"SE", "SE", "SE", "NO", "KR"};
    struct transaction *t = &s->t;
    (void)snprintf(s->user, sizeof(s->user), "u%llu", (unsigned long long)(noise(i, 1) % 60));
    (void)snprintf(s->text, sizeof(s->text), "q%llu", (unsigned long long)(noise(i, 2) % 300));
    t->user_name = bytes_of(s->user);
    t->user_agent = bytes_of(noise(i, 3) % 50 ? "browser" : s->text);
    t->country = bytes_of(countries[noise(i, 4) % 5]);
    t->network_name = bytes_of(noise(i, 1) % 2 ? "north" : "south");
    t->protocol = bytes_of(noise(i, 5) % 3 ? "postgresql" : "http");
    t->db_query_text = bytes_of(s->text);
    t->db_query_hash = hash_bytes(bytes_of(s->text), 0);
}

static void make(struct sample *s, uint64_t i, uint64_t step_s)
{
    const uint8_t client[] = {10, (uint8_t)(noise(i, 1) % 60), 0,
                              (uint8_t)(noise(i, 6) % 8 ? 1 : noise(i, 7) % 40)};
    const uint8_t server[] = {10, 200, 0, (uint8_t)(noise(i, 8) % 3)};
    static const enum field fields[] = {FIELD_TIMESTAMP,
                                        FIELD_EVENT_ACTION,
                                        FIELD_EVENT_OUTCOME,
                                        FIELD_NETWORK_NAME,
                                        FIELD_NETWORK_PROTOCOL,
                                        FIELD_CLIENT_BYTES,
                                        FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
                                        FIELD_CLIENT_GEO_LOCATION,
                                        FIELD_CLIENT_IP,
                                        FIELD_SERVER_BYTES,
                                        FIELD_SERVER_IP,
                                        FIELD_SERVER_PORT,
                                        FIELD_USER_NAME,
                                        FIELD_USER_AGENT_ORIGINAL,
                                        FIELD_DB_QUERY_HASH,
                                        FIELD_DB_QUERY_TEXT,
                                        FIELD_DB_RESPONSE_RETURNED_ROWS,
                                        FIELD_SUBJECT_COUNT,
                                        FIELD_SUBJECT_IDS,
                                        FIELD_SUBJECT_NEAR};
    *s = (struct sample){
        .t = {.start_ns = 1767600000 * CLOCK_SECOND_NS +
                          (int64_t)(i * step_s + noise(i, 9) % step_s) * CLOCK_SECOND_NS,
              .action = (unsigned)(noise(i, 10) % 3),
              .outcome = noise(i, 11) % 3 ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
              .client_ip = address_from_ipv4(client),
              .server_ip = address_from_ipv4(server),
              .server_port = 5000 + noise(i, 12) % 3,
              .client_bytes = 100,
              .server_bytes = noise(i, 13) % 1200,
              .returned_rows = noise(i, 14) % 40,
              .location = {59.3, noise(i, 15) % 20 ? 18.0 : 127.0},
              .subject_count = 1}};
    s->ids[0] = noise(i, 16) % 500 << 40;
    s->ids[1] = s->ids[0] + 1;
    s->t.subject_ids = (struct hashes){.items = s->ids, .count = 1};
    s->t.subject_near = (struct hashes){.items = s->ids, .count = 2};
    set_texts(s, i);
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
        transaction_mark(&s->t, fields[f]);
    if (i % 700 > 600) { /* somebody walks through the customers, many at a time */
        s->t.action = ACTION_READ;
        s->t.outcome = OUTCOME_SUCCESS;
        s->t.user_name = bytes_of("u1");
        s->t.returned_rows = 4000;
        s->ids[0] = (i + 1) / 4 * UINT64_C(0x9e3779b97f4a7c15);
        s->ids[1] = (i + 3) / 4 * UINT64_C(0x9e3779b97f4a7c15);
    }
    if (noise(i, 17) % 10 == 0)
        transaction_unmark(&s->t, FIELD_CLIENT_BYTES);
}

/* All alerts of a run, as they are written. */
struct log {
    struct json json;
    size_t count;
};

static void take_alert(void *context, const struct alert *a)
{
    struct log *l = context;
    alert_write_json(&l->json, a);
    l->count++;
}

static void told(void *context, const char *text)
{
    size_t *count = context;
    (void)text;
    if (count)
        (*count)++;
}

static struct engine *begin(const struct world *w, uint64_t seed, struct log *l)
{
    struct engine *e = engine_open(
        w->rules, &(struct engine_config){
                      .keys_max = w->keys_max, .seed = seed, .alert = take_alert, .context = l});
    assert_non_null(e);
    return e;
}

static void run(struct engine *e, const struct world *w, uint64_t from, uint64_t to)
{
    struct sample s;
    for (uint64_t i = from; i < to; i++) {
        make(&s, i, w->step_s);
        engine_transaction(e, &s.t);
    }
}

static struct state *open_state(const char *path, size_t *tells)
{
    struct state *s;
    struct error error;
    const struct state_config config = {
        .path = path, .waiting_max = WAITING, .tell = told, .context = tells};
    if (!state_open(&s, &config, &error))
        fail_msg("%s", error.text);
    return s;
}

/* Goes on where the state ends, up to `saved`, where a snapshot begins; it is written while the
 * engine goes on for a while, a key at a time. */
static void run_and_save(const char *path, const struct world *w, uint64_t from, uint64_t saved,
                         struct log *l)
{
    struct engine_restored restored;
    struct error error;
    bool is_whole;
    struct state *s = open_state(path, NULL);
    struct engine *e = begin(w, state_key(s).low, l);
    engine_restore(e, s, &restored, told, NULL);
    assert_int_equal(restored.rules, from > 0 ? rules_on(w->rules) : 0);
    assert_true(state_settle(s, &error));
    uint64_t middle = from + (saved - from) / 2;
    for (int i = 0; i < 2; i++) { /* the first one is of everything, the second of what changed */
        uint64_t ahead = i ? saved : middle;
        const struct state_moment moment = {.time_ns = (int64_t)ahead + 1, .count = 1};
        run(e, w, i ? middle : from, ahead);
        assert_true(state_begin(s, &moment, &is_whole));
        engine_save_begin(e, s, is_whole);
        /* what comes now is not in the snapshot, and will come again */
        size_t kept = l->json.len, count = l->count;
        while (i && engine_save_step(e, 1)) {
            run(e, w, ahead, ahead + 1);
            ahead++;
        }
        while (engine_save_step(e, 1000))
            ;
        l->json.len = kept;
        l->count = count;
        state_commit(s);
        assert_true(state_wait(s, &error));
    }
    engine_close(e);
    state_close(s);
}

static void goes_on_as_without(const struct world *w, uint64_t salt)
{
    char folder[] = "/tmp/seepwatch-save-XXXXXX", path[64];
    struct log whole = {.count = 0}, parts = {.count = 0};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/state", folder);
    struct state *s = open_state(path, NULL);
    struct error error;
    bool is_whole;
    assert_true(state_settle(s, &error));
    assert_true(state_begin(s, &(struct state_moment){.time_ns = 1}, &is_whole));
    state_commit(s);
    assert_true(state_wait(s, &error));
    struct engine *e = begin(w, state_key(s).low, &whole);
    state_close(s);
    run(e, w, 0, TRANSACTIONS);
    engine_close(e);
    struct world later = *w;
    const struct world *now = w;
    later.rules = w->later;
    uint64_t from = 0;
    while (from < TRANSACTIONS) {
        uint64_t to = from + 300 + noise(from, salt) % 1500;
        to = to < TRANSACTIONS ? to : TRANSACTIONS;
        run_and_save(path, now, from, to, &parts);
        if (w->later)
            now = now == w ? &later : w;
        from = to;
    }
    if (whole.count < w->alerts_min)
        fail_msg("only %zu alerts to compare", whole.count);
    for (size_t i = 0; i < whole.json.len && i < parts.json.len; i++) {
        if (whole.json.text[i] != parts.json.text[i])
            fail_msg("they part at: ...%.300s\nand ...%.300s",
                     whole.json.text + (i > 250 ? i - 250 : 0),
                     parts.json.text + (i > 250 ? i - 250 : 0));
    }
    assert_int_equal(whole.count, parts.count);
    assert_int_equal(whole.json.len, parts.json.len);
    assert_memory_equal(whole.json.text, parts.json.text, whole.json.len);
    json_clear(&whole.json);
    json_clear(&parts.json);
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[80];
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    (void)rmdir(folder);
}

static void every_detector_goes_on_as_if_nothing_had_been(void **state)
{
    static struct problems problems;
    (void)state;
    for (uint64_t salt = 0; salt < 3; salt++) {
        struct rules *rules =
            rules_load_text("own", bytes_of(salt ? own_rules : all_rules), &problems);
        if (!rules)
            fail_msg("%s", problems.items[0]);
        goes_on_as_without(&(struct world){rules, NULL, salt ? 40 : 1000, 30, 400}, salt);
        rules_close(rules);
    }
}

static void the_shipped_rules_do_too(void **state)
{
    static struct problems problems;
    static const char *const paths[] = {TESTS_FOLDER "/../../rules"};
    (void)state;
    struct rules *rules = rules_load(paths, 1, &problems);
    if (!rules)
        fail_msg("%s", problems.items[0]);
    goes_on_as_without(&(struct world){rules, NULL, 1000, 1200, 15}, 200);
    rules_close(rules);
}

#define DAILY                                                                                      \
    "name: N, severity: low, when: event.action == \"read\" and subject.ids exists, by: "          \
    "user.name, peers: network.name, measure: distinct(subject.ids), each: 1d, quiet: 2h"
#define EXCEPT ", except: [{when: user.name == \"nobody\", reason: none}]"
#define DAY "unusual: {score: 1.5, at least: 2}"
#define SLOW "drift: {slack: 0.2, limit: 1}"

/* One who adds an exception to one of two rules, and takes it away again, loses nothing. */
static void a_tally_is_found_by_the_rules_that_have_it_now(void **state)
{
    static struct problems problems;
    static const char *const texts[][2] = {
        {"rules:\n- {id: a, " DAILY ", " DAY "}\n- {id: b, " DAILY ", " SLOW "}\n",
         "rules:\n- {id: a, " DAILY ", " DAY EXCEPT "}\n- {id: b, " DAILY ", " SLOW "}\n"},
        {"rules:\n- {id: a, " DAILY ", " DAY "}\n- {id: b, " DAILY ", " SLOW "}\n",
         "rules:\n- {id: a, " DAILY ", " DAY "}\n- {id: b, " DAILY ", " SLOW EXCEPT "}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct rules *rules = rules_load_text("own", bytes_of(texts[i][0]), &problems);
        struct rules *later = rules_load_text("own", bytes_of(texts[i][1]), &problems);
        if (!rules || !later)
            fail_msg("%s", problems.items[0]);
        goes_on_as_without(&(struct world){rules, later, 1000, 1200, 20}, i);
        rules_close(rules);
        rules_close(later);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_detector_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(the_shipped_rules_do_too),
        cmocka_unit_test(a_tally_is_found_by_the_rules_that_have_it_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
