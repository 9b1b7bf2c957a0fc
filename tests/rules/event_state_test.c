/*
 * Detectors of single events, saved and loaded: they go on as if nothing had happened, and what is
 * damaged is refused.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/detector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTS = 4000, SAVED = 2001 /* between two that belong together */, STATE_MAX = 4096 };

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS;

static const struct {
    const char *keys;
    const struct detector *detector;
} cases[] = {
    {"measure: max(subject.count), over: 1h, above: 20, times own: 3, learn: 1h", &DETECTOR_ABOVE},
    {"first: client.ip, rare: 2, peers: network.name, learn: 1h", &DETECTOR_FIRST},
    {"back after: 12h", &DETECTOR_BACK},
    {"enumerates: subject.near, at least: 4", &DETECTOR_ENUMERATES},
    {"when: event.action == \"read\", score: 900, "
     "follows: {when: 'event.action == \"write\"', by: client.ip, within: 3s}",
     &DETECTOR_FOLLOWS},
    {"rhythm: subject.ids, score: 3", &DETECTOR_RHYTHM},
    {"off hours: 2, peers: network.name, learn: 1d", &DETECTOR_HOURS},
};

/* A detector at work for one key. */
struct work {
    struct detection detection;
    struct budget budget;
    _Alignas(max_align_t) uint8_t state[STATE_MAX];
};

static void begin(struct work *w, const struct rule *rule, const struct detector *detector)
{
    *w = (struct work){.budget.bytes_max = 1 << 24};
    w->detection = (struct detection){.rule = rule, .budget = &w->budget, .seed = 7};
    assert_true(detector->state_size <= STATE_MAX);
    if (detector->open_whole)
        assert_true(detector->open_whole(&w->detection, 1000, 0));
}

static void end(struct work *w, const struct detector *detector)
{
    detector->clear(&w->detection, w->state);
    if (detector->close_whole)
        detector->close_whole(&w->detection);
    assert_int_equal(w->budget.used, 0);
}

/* The n-th of a stream of transactions that has something for everybody. */
static enum finding count(struct work *w, const struct detector *detector, unsigned n)
{
    char text[32];
    uint64_t near[2], id, weight = 0;
    srand(n / 2);
    (void)snprintf(text, sizeof(text), "s%u", n % 3 ? n / 7 : (unsigned)rand() % 100000);
    assert_true(subject_near_parse(near, bytes_of(text)));
    id = subject_id_parse(bytes_of(text));
    int64_t idle = n % 500 == 499 ? 13 : 0;
    struct transaction t = {
        .start_ns = start + ((int64_t)n / 500 * 20 + idle) * 3600 * CLOCK_SECOND_NS +
                    (int64_t)(n / 2 % 250 * 40 + n % 2) * CLOCK_SECOND_NS +
                    rand() % CLOCK_SECOND_NS,
        .action = n % 2 ? ACTION_READ : ACTION_WRITE,
        .subject_count = n % 500 == 7 ? UINT64_C(1) << n / 200 : (uint64_t)rand() % 30,
        .network_name = bytes_of("a"),
        .client_ip = address_from_ipv4((const uint8_t[]){10, 0, 0, (uint8_t)(n / 400)}),
        .subject_ids = {&id, 1, NULL},
        .subject_near = {near, 2, NULL}};
    static const enum field fields[] = {FIELD_TIMESTAMP,    FIELD_EVENT_ACTION, FIELD_CLIENT_IP,
                                        FIELD_NETWORK_NAME, FIELD_SUBJECT_IDS,  FIELD_SUBJECT_NEAR,
                                        FIELD_SUBJECT_COUNT};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&t, fields[i]);
    const struct occurrence o = {.transaction = &t, .time_ns = t.start_ns};
    enum finding found = FINDING_NONE;
    if (expression_holds(&w->detection.rule->when, &t))
        found = detector->count(&w->detection, w->state, &o, &weight);
    if (detector->observe)
        detector->observe(&w->detection, &o);
    return found;
}

static void save(const struct work *w, const struct detector *detector, struct pack *state,
                 struct pack *whole)
{
    detector->save(&w->detection, w->state, state);
    if (detector->save_whole)
        detector->save_whole(&w->detection, whole);
}

static bool load(struct work *w, const struct detector *detector, struct bytes state,
                 struct bytes whole)
{
    struct cursor s = cursor_over(state), all = cursor_over(whole);
    if (detector->load_whole && !detector->load_whole(&w->detection, &all))
        return false;
    return detector->load(&w->detection, w->state, &s);
}

static void check(const struct rule *rule, const struct detector *detector)
{
    struct work old, new;
    struct pack state = {0}, whole = {0}, state_again = {0}, whole_again = {0};
    unsigned raised = 0;
    begin(&old, rule, detector);
    begin(&new, rule, detector);
    for (unsigned n = 0; n < SAVED; n++)
        (void)count(&old, detector, n);
    save(&old, detector, &state, &whole);
    assert_true(load(&new, detector, pack_view(&state), pack_view(&whole)));
    save(&new, detector, &state_again, &whole_again);
    assert_true(bytes_equal(pack_view(&state_again), pack_view(&state)));
    assert_true(bytes_equal(pack_view(&whole_again), pack_view(&whole)));
    for (unsigned n = SAVED; n < COUNTS; n++) {
        enum finding expected = count(&old, detector, n);
        assert_int_equal(count(&new, detector, n), expected);
        raised += expected == FINDING_RAISED;
    }
    assert_true(raised > 0);
    end(&old, detector);
    end(&new, detector);
    pack_clear(&state);
    pack_clear(&whole);
    pack_clear(&state_again);
    pack_clear(&whole_again);
}

/* Cut anywhere it is refused; with a byte changed it is refused or good for something. */
static void damage(const struct rule *rule, const struct detector *detector)
{
    struct work w;
    struct pack state = {0}, whole = {0};
    begin(&w, rule, detector);
    for (unsigned n = 0; n < 600; n++)
        (void)count(&w, detector, n);
    save(&w, detector, &state, &whole);
    end(&w, detector);
    struct bytes s = pack_view(&state), all = pack_view(&whole);
    for (size_t cut = 0; cut < s.len; cut++) {
        begin(&w, rule, detector);
        assert_false(load(&w, detector, bytes_first(s, cut), all));
        end(&w, detector);
    }
    for (size_t at = 0; at < s.len + all.len; at++) {
        uint8_t *byte = at < s.len ? &state.data[at] : &whole.data[at - s.len], kept = *byte;
        *byte ^= (uint8_t)(1 + at % 255);
        begin(&w, rule, detector);
        if (load(&w, detector, s, all)) {
            for (unsigned n = 600; n < 620; n++)
                (void)count(&w, detector, n);
        }
        end(&w, detector);
        *byte = kept;
    }
    pack_clear(&state);
    pack_clear(&whole);
}

static void run(void (*to)(const struct rule *, const struct detector *))
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct problems problems;
        char text[512];
        problems = (struct problems){0};
        (void)snprintf(text, sizeof(text),
                       "rules: [{id: r, name: n, severity: low, by: event.action, %s}]",
                       cases[i].keys);
        struct rules *r = rules_load_text("f", bytes_of(text), &problems);
        if (!r)
            print_error("%s\n", problems.items[0]);
        assert_non_null(r);
        to(rules_at(r, 0), cases[i].detector);
        rules_close(r);
    }
}

static void a_saved_state_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    run(check);
}

static void a_damaged_state_does_no_harm(void **state)
{
    (void)state;
    run(damage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_state_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(a_damaged_state_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
