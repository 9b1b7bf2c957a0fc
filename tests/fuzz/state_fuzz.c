/*
 * What is loaded of a state may be anything: every detector's states and what it keeps of all keys
 * together, marks, evidence, sketches.  What was taken is counted with, saved
 * and loaded again, and gives all its memory back.
 *
 * The first two bytes tell what is loaded; the rest is loaded.
 */
#include "core/clock.h"
#include "core/sketch.h"
#include "rules/engine_state.h"
#include "rules/rule.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "rules:\n"
    "- {id: sum, name: N, severity: low, by: user.name, measure: sum(server.bytes), over: 1h,"
    " above: 30KiB}\n"
    "- {id: different, name: N, severity: low, by: client.ip, measure: distinct(db.query.hash),"
    " over: 6h, above: 60}\n"
    "- {id: part, name: N, severity: low, by: [user.name, server.port],"
    " measure: 'share(event.outcome == \"failure\")', over: 2h, above: 60%, at least: 5}\n"
    "- {id: first, name: N, severity: low, by: user.name, first: client.ip, learn: 2h,"
    " forget: 2d}\n"
    "- {id: at-once, name: N, severity: low, by: user.name, together: 4, of: client.ip, over: "
    "30m}\n"
    "- {id: journey, name: N, severity: low, by: user.name, travel: {faster than: 900 km/h,"
    " farther than: 100 km}}\n"
    "- {id: then, name: N, severity: low, by: user.name, within: 1h, steps: ["
    "{when: 'event.action == \"login\"', measure: distinct(client.ip), above: 1},"
    "{when: 'event.action == \"read\"', measure: sum(server.bytes), above: 1KiB}]}\n"
    "- {id: after, name: N, severity: low, by: user.name, when: 'event.action == \"read\"',"
    " unless before: {when: 'event.action == \"login\"', by: user.name, within: 1h}}\n";

static void ignore(void *context, const struct alert *a)
{
    (void)context;
    (void)a;
}

/* Those above, and the shipped ones where they are found. */
static void load_sets(const struct rules *sets[2])
{
    static struct problems problems;
    static const char *const shipped[] = {"rules"};
    sets[0] = rules_load_text("own", bytes_of(text), &problems);
    sets[1] = rules_load(shipped, 1, &problems);
    if (!sets[1])
        sets[1] = sets[0];
}

static struct transaction sample(void)
{
    static const uint64_t ids[2] = {1, 2};
    struct transaction t = {.start_ns = 1767600000 * CLOCK_SECOND_NS,
                            .user_name = bytes_of("user"),
                            .user_agent = bytes_of("agent"),
                            .country = bytes_of("SE"),
                            .network_name = bytes_of("north"),
                            .protocol = bytes_of("postgresql"),
                            .db_query_hash = 7,
                            .returned_rows = 5,
                            .server_bytes = 100,
                            .subject_count = 1,
                            .subject_ids = {.items = ids, .count = 1},
                            .subject_near = {.items = ids, .count = 2}};
    static const enum field fields[] = {
        FIELD_TIMESTAMP,     FIELD_EVENT_ACTION,        FIELD_EVENT_OUTCOME,
        FIELD_USER_NAME,     FIELD_USER_AGENT_ORIGINAL, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
        FIELD_NETWORK_NAME,  FIELD_NETWORK_PROTOCOL,    FIELD_DB_QUERY_HASH,
        FIELD_CLIENT_IP,     FIELD_CLIENT_GEO_LOCATION, FIELD_DB_RESPONSE_RETURNED_ROWS,
        FIELD_SERVER_BYTES,  FIELD_SERVER_IP,           FIELD_SERVER_PORT,
        FIELD_SUBJECT_COUNT, FIELD_SUBJECT_IDS,         FIELD_SUBJECT_NEAR};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&t, fields[i]);
    return t;
}

static bool has_fields(const struct watch *w, const struct transaction *t)
{
    field_set required = w->detection.rule->when.required;
    return (t->present & required) == required;
}

static void try_state(struct watch *w, struct cursor c)
{
    void *state = calloc(1, w->state_size + 1), *again = calloc(1, w->state_size + 1);
    struct watch *tally = w->tally;
    void *tallied = tally ? calloc(1, tally->state_size) : NULL;
    struct transaction t = sample();
    const struct occurrence o = {.transaction = &t, .time_ns = t.start_ns};
    struct alert a = {.rule = w->detection.rule, .time_ns = o.time_ns};
    struct pack p = {0};
    uint64_t weight = 0;
    if (w->detector->load(&w->detection, state, &c) && unpack_done(&c)) {
        if (tally && has_fields(w, &t)) {
            tally->detection.state = tallied;
            (void)tally->detector->count(&tally->detection, tallied, &o, &weight);
        }
        if (has_fields(w, &t) &&
            w->detector->count(&w->detection, state, &o, &weight) == FINDING_RAISED)
            w->detector->describe(&w->detection, state, &o, &a);
        w->detector->save(&w->detection, state, &p);
        struct cursor saved = cursor_over(pack_view(&p));
        (void)w->detector->load(&w->detection, again, &saved);
    }
    w->detector->clear(&w->detection, state);
    w->detector->clear(&w->detection, again);
    if (tally)
        tally->detector->clear(&tally->detection, tallied);
    free(tallied);
    pack_clear(&p);
    free(state);
    free(again);
}

static void try_whole(struct watch *w, struct cursor c)
{
    struct pack p = {0};
    if (w->detector->load_whole && w->detector->load_whole(&w->detection, &c) && unpack_done(&c))
        w->detector->save_whole(&w->detection, &p);
    pack_clear(&p);
    if (w->marks && !marks_load_row(w->marks, &c))
        (void)marks_load(w->marks, &c);
}

static void try_others(struct bytes b)
{
    struct budget budget = {.bytes_max = 1 << 24};
    struct cursor c = cursor_over(b);
    static struct evidence_list list;
    struct pack p = {0};
    list = (struct evidence_list){.count = 0};
    if (evidence_load(&list, &c)) {
        struct transaction t;
        for (size_t i = 0; i < list.count; i++)
            evidence_transaction(&t, &list.items[i]);
        evidence_save(&list, &p);
    }
    struct sketch s = {0};
    c = cursor_over(b);
    if (sketch_load(&s, &budget, &c)) {
        (void)sketch_count(&s);
        sketch_save(&s, &p);
    }
    sketch_clear(&s, &budget);
    if (budget.used > 0)
        abort();
    pack_clear(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rules *sets[2];
    if (!sets[0])
        load_sets(sets);
    if (size < 3)
        return 0;
    const struct rules *rules = sets[data[0] % 2];
    struct engine *e = engine_open(
        rules, &(struct engine_config){.keys_max = 256, .bytes_max = 1 << 24, .alert = ignore});
    struct bytes b = {data + 2, size - 2};
    size_t which = data[1] % (2 * e->watches_count + 1);
    if (which < e->watches_count)
        try_state(e->watches[which], cursor_over(b));
    else if (which < 2 * e->watches_count)
        try_whole(e->watches[which - e->watches_count], cursor_over(b));
    else
        try_others(b);
    engine_close(e);
    return 0;
}
