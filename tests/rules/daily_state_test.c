/*
 * What `unusual` and `drift` know of their keys, without an engine: it is the same over a restart,
 * and where memory was short for a while.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "core/hash.h"
#include "rules/daily_tally.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t start = INT64_C(1767571200) * CLOCK_SECOND_NS; /* Monday 2026-01-05 00:00 */

#define OF_CUSTOMERS                                                                               \
    "    when: event.action == \"read\"\n"                                                         \
    "    by: user.name\n"                                                                          \
    "    peers: network.name\n"                                                                    \
    "    measure: distinct(subject.ids)\n"                                                         \
    "    each: 1d\n"

static struct rules *read_rule(const char *lines)
{
    static struct problems problems;
    char text[2048];
    (void)snprintf(text, sizeof(text), "rules:\n  - id: odd\n    name: Odd\n    severity: high\n%s",
                   lines);
    problems = (struct problems){0};
    struct rules *rules = rules_load_text("test.yaml", bytes_of(text), &problems);
    if (!rules)
        fail_msg("%s", problems.items[0]);
    return rules;
}

static uint64_t customer(uint64_t number)
{
    return hash_mix(number + 1, UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
}

enum { KEYS = 6 };

/* A detector and its tally with their keys, without an engine. */
struct bench {
    const struct detector *detector, *tally;
    struct detection detection, of_tally;
    struct budget budget;
    void *states[KEYS], *tallied[KEYS];
};

/* Where it stands now. */
static void bench_settle(struct bench *b)
{
    b->of_tally.budget = b->detection.budget = &b->budget;
    b->detection.tally = &b->of_tally;
}

static void bench_open(struct bench *b, const struct rule *rule)
{
    *b = (struct bench){.detector =
                            rule->trigger == TRIGGER_DRIFT ? &DETECTOR_DRIFT : &DETECTOR_UNUSUAL,
                        .budget = {.bytes_max = 8 << 20}};
    b->tally = b->detector->tally;
    b->of_tally = (struct detection){.rule = rule, .seed = 3};
    b->detection = (struct detection){.rule = rule, .seed = 3};
    bench_settle(b);
    assert_true(b->tally->open_whole(&b->of_tally, 1000, 0));
    for (size_t i = 0; i < KEYS; i++) {
        b->states[i] = calloc(1, RULE_DRIFTS_MAX * b->detector->state_size + 1);
        b->tallied[i] = calloc(1, b->tally->state_size);
    }
}

static void bench_close(struct bench *b)
{
    for (size_t i = 0; i < KEYS; i++) {
        b->detector->clear(&b->detection, b->states[i]);
        b->tally->clear(&b->of_tally, b->tallied[i]);
        free(b->states[i]);
        free(b->tallied[i]);
    }
    b->tally->close_whole(&b->of_tally);
    assert_int_equal(b->budget.used, 0);
}

/* The keys and what they have in common, as a later run finds them. */
static void bench_reopen(struct bench *b)
{
    struct bench again;
    struct pack p = {0};
    bench_open(&again, b->detection.rule);
    b->tally->save_whole(&b->of_tally, &p);
    struct cursor c = cursor_over(pack_view(&p));
    assert_true(again.tally->load_whole(&again.of_tally, &c));
    for (size_t i = 0; i < KEYS; i++) {
        pack_restart(&p);
        b->detector->save(&b->detection, b->states[i], &p);
        c = cursor_over(pack_view(&p));
        assert_true(again.detector->load(&again.detection, again.states[i], &c));
        pack_restart(&p);
        b->tally->save(&b->of_tally, b->tallied[i], &p);
        c = cursor_over(pack_view(&p));
        assert_true(again.tally->load(&again.of_tally, again.tallied[i], &c));
        void *cut = calloc(1, b->tally->state_size);
        c = cursor_over(bytes_first(pack_view(&p), p.len - 1));
        assert_false(b->tally->load(&b->of_tally, cut, &c));
        b->tally->clear(&b->of_tally, cut); /* takes the key out of what is closed next */
        free(cut);
    }
    pack_clear(&p);
    bench_close(b);
    *b = again;
    bench_settle(b);
}

static enum finding bench_count(struct bench *b, size_t key, const struct transaction *t,
                                struct alert *a)
{
    const struct occurrence o = {.transaction = t, .time_ns = t->start_ns};
    uint64_t weight = 0;
    b->of_tally.state = b->tallied[key];
    enum finding found = b->tally->count(&b->of_tally, b->tallied[key], &o, &weight);
    if (found != FINDING_LATE && found != FINDING_DENIED)
        found = b->detector->count(&b->detection, b->states[key], &o, &weight);
    *a = (struct alert){.rule = b->detection.rule};
    if (found == FINDING_RAISED)
        b->detector->describe(&b->detection, b->states[key], &o, a);
    return found;
}

#define NEW_AND_UNFOLLOWED                                                                         \
    "    unless followed by: event.action == \"write\"\n"                                          \
    "    new to: network.name\n"                                                                   \
    "    drift: [{of: [part, share], limit: 0.5}, {of: volume, limit: 0.5}]\n"

#define UNFOLLOWED                                                                                 \
    "    unless followed by: event.action == \"write\"\n"                                          \
    "    drift: {of: volume, slack: 0.1, limit: 1}\n"

#define FAILURES_BY_THE_HOUR                                                                       \
    "    when: event.action == \"read\"\n"                                                         \
    "    measure: share(event.outcome == \"failure\")\n"                                           \
    "    each: 1h\n"                                                                               \
    "    drift: {of: share, limit: 0.5}\n"

/* The i-th transaction of many, with the key whose it is; the customer's id stays good until the
 * next one. */
static struct transaction bench_make(uint64_t i, uint64_t random, bool is_alone, size_t *key)
{
    static uint64_t id;
    id = customer(random >> 20 & 8191);
    *key = is_alone ? 0 : random % (1 + i / 960 * 7 % KEYS);
    bool reads = *key == 2 ? i / 960 % 2 == 0 : random & 64; /* or writes, all day */
    struct transaction t = {.start_ns = start + (int64_t)i * 90 * CLOCK_SECOND_NS,
                            .action = reads ? ACTION_READ : ACTION_WRITE,
                            .outcome = random & 896 ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
                            .network_name = bytes_of(*key < 3 ? "a" : "b"),
                            .subject_ids = {&id, 1, NULL}};
    t.present = FIELD_BIT(FIELD_EVENT_ACTION) | FIELD_BIT(FIELD_EVENT_OUTCOME) |
                FIELD_BIT(FIELD_NETWORK_NAME) | FIELD_BIT(FIELD_SUBJECT_IDS) |
                FIELD_BIT(FIELD_USER_NAME);
    return t;
}

/* What the rules of both know of their keys is the same. */
static void know_the_same(const struct bench *a, const struct bench *b)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct pack one = {0}, other = {0};
        a->detector->save(&a->detection, a->states[i], &one);
        b->detector->save(&b->detection, b->states[i], &other);
        assert_int_equal(one.len, other.len);
        if (one.len > 0)
            assert_memory_equal(pack_view(&one).data, pack_view(&other).data, one.len);
        pack_clear(&one);
        pack_clear(&other);
    }
}

/* Two of the same rule count the same, although `other` treats the second one in its way. */
static void both_count(const char *lines, bool is_alone,
                       enum finding (*other)(struct bench *b, size_t key,
                                             const struct transaction *t, struct alert *a,
                                             uint64_t i))
{
    struct bench kept, treated;
    uint64_t random = 42;
    unsigned raised = 0;
    struct rules *rules = read_rule(lines);
    bench_open(&kept, rules_at(rules, 0));
    bench_open(&treated, rules_at(rules, 0));
    for (uint64_t i = 0; i < 12000; i++) {
        size_t key;
        struct alert one, two;
        random = hash_mix(random + i, UINT64_C(0x9e3779b97f4a7c15));
        const struct transaction t = bench_make(i, random, is_alone, &key);
        enum finding found = bench_count(&kept, key, &t, &one);
        assert_int_equal(found, other(&treated, key, &t, &two, i));
        assert_int_equal(one.value, two.value);
        assert_true(one.score == two.score);
        raised += found == FINDING_RAISED;
    }
    know_the_same(&kept, &treated);
    assert_true(raised > 0);
    bench_close(&kept);
    bench_close(&treated);
    rules_close(rules);
}

static enum finding count_and_reopen(struct bench *b, size_t key, const struct transaction *t,
                                     struct alert *a, uint64_t i)
{
    enum finding found = bench_count(b, key, t, a);
    if (i % 997 == 0)
        bench_reopen(b);
    return found;
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    both_count(OF_CUSTOMERS "    unusual: {score: 1.5}\n", false, count_and_reopen);
    both_count(OF_CUSTOMERS NEW_AND_UNFOLLOWED, false, count_and_reopen);
    both_count(FAILURES_BY_THE_HOUR, true, count_and_reopen);
}

static unsigned waited; /* transactions, for memory */

/* As the engine does it: what is denied is tried again once there is room. */
static enum finding count_in_want(struct bench *b, size_t key, const struct transaction *t,
                                  struct alert *a, uint64_t i)
{
    size_t bytes_max = b->budget.bytes_max;
    (void)i;
    b->budget.bytes_max = b->budget.used;
    enum finding found = bench_count(b, key, t, a);
    b->budget.bytes_max = bytes_max;
    if (found != FINDING_DENIED)
        return found;
    waited++;
    return bench_count(b, key, t, a);
}

static void what_waits_for_memory_counts_once(void **state)
{
    (void)state;
    waited = 0;
    both_count(OF_CUSTOMERS "    unusual: {score: 1.5}\n", false, count_in_want);
    both_count(OF_CUSTOMERS UNFOLLOWED, false, count_in_want);
    assert_true(waited > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(what_waits_for_memory_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
