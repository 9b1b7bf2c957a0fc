/*
 * Rules that count the same have one tally: they raise what each of them alone does, whether they
 * share it from the beginning, part over an exception, or come together again.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "core/hash.h"
#include "rules/engine_state.h"

#include <stdio.h>

#define MINUTE (60 * CLOCK_SECOND_NS)
#define DAY (24 * 60 * MINUTE)

static const int64_t start = INT64_C(1767571200) * CLOCK_SECOND_NS;

enum { ALERTS_MAX = 128, AGENTS = 12, DAYS = 16, THEFT_FROM = 9, RULES = 3, TEXT = 4096 };

#define COMMON                                                                                     \
    "name: N, severity: low, when: event.action == \"read\" and subject.ids exists, by: "          \
    "user.name, peers: network.name, measure: distinct(subject.ids), each: 1d, quiet: 2h, unless " \
    "followed by: event.action == \"write\""
#define EXCEPTION "except: [{when: user.name == \"nobody\", reason: none}]"

static const char *const rule_lines[RULES] = {
    "id: day, " COMMON ", unusual: {of: volume, score: 3, at least: 10}",
    "id: slow, " COMMON ", drift: {of: volume, slack: 0.5, limit: 4}",
    "id: idle, " COMMON ", drift: [{of: [volume, share], slack: 0.5, limit: 4}]",
};

struct run {
    struct rules *rules;
    struct engine *engine;
    size_t count;
    struct {
        char id[8], user[16];
        int64_t time_ns;
        uint64_t value, usual;
        double score;
    } alerts[ALERTS_MAX];
};

static void on_alert(void *context, const struct alert *a)
{
    struct run *r = context;
    assert_true(r->count < ALERTS_MAX);
    size_t n = r->count++;
    (void)snprintf(r->alerts[n].id, sizeof(r->alerts[n].id), "%s", a->rule->id);
    (void)snprintf(r->alerts[n].user, sizeof(r->alerts[n].user), "%.*s", (int)a->key.user_name.len,
                   (const char *)a->key.user_name.data);
    r->alerts[n].time_ns = a->time_ns;
    r->alerts[n].value = a->value;
    r->alerts[n].usual = a->usual;
    r->alerts[n].score = a->score;
}

/* Those rules, a bit each; those of `excepted` with an exception. */
static struct rules *read_rules(unsigned wanted, unsigned excepted)
{
    static struct problems problems;
    char text[TEXT];
    size_t len = (size_t)snprintf(text, sizeof(text), "rules:\n");
    for (size_t i = 0; i < RULES; i++) {
        if (wanted >> i & 1)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "- {%s%s}\n", rule_lines[i],
                                    excepted >> i & 1 ? ", " EXCEPTION : "");
    }
    problems = (struct problems){0};
    struct rules *rules = rules_load_text("f", bytes_of(text), &problems);
    if (!rules)
        fail_msg("%s", problems.items[0]);
    return rules;
}

static void begin(struct run *r, unsigned wanted, unsigned excepted)
{
    *r = (struct run){.rules = read_rules(wanted, excepted)};
    r->engine =
        engine_open(r->rules, &(struct engine_config){.alert = on_alert, .context = r, .seed = 7});
    assert_non_null(r->engine);
}

static void swap(struct run *r, unsigned wanted, unsigned excepted, size_t kept_wanted)
{
    struct rules *rules = read_rules(wanted, excepted);
    size_t kept;
    assert_true(engine_swap(r->engine, rules, &kept));
    assert_int_equal(kept, kept_wanted);
    rules_close(r->rules);
    r->rules = rules;
}

static size_t tallies(const struct run *r)
{
    return r->engine->watches_count - r->engine->rules_count;
}

static void end(struct run *r)
{
    engine_close(r->engine);
    rules_close(r->rules);
}

static void send(struct run *r, unsigned agent, int64_t time_ns, enum action action, uint64_t id)
{
    char user[16], network[16];
    (void)snprintf(user, sizeof(user), "u%u", agent);
    (void)snprintf(network, sizeof(network), "n%u", agent / 4);
    struct transaction t = {.start_ns = time_ns,
                            .action = action,
                            .user_name = bytes_of(user),
                            .network_name = bytes_of(network),
                            .subject_ids = {&id, 1, NULL}};
    static const enum field fields[] = {FIELD_TIMESTAMP, FIELD_EVENT_ACTION, FIELD_USER_NAME,
                                        FIELD_NETWORK_NAME, FIELD_SUBJECT_IDS};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&t, fields[i]);
    engine_transaction(r->engine, &t);
}

/* Days of agents who read some twenty customers, and write something for most; one reads more. */
static void work(struct run *r, int from, int to)
{
    for (int day = from; day < to; day++) {
        for (unsigned i = 0; i < 80 * AGENTS; i++) {
            uint64_t random = hash_mix((uint64_t)day << 32 | i, UINT64_C(0x9e3779b97f4a7c15));
            unsigned agent = i % AGENTS;
            bool steals = agent == 0 && day >= THEFT_FROM;
            int64_t time_ns = start + day * DAY + (8 * 60 + i / 2) * MINUTE;
            if (!steals && random % 4)
                continue;
            send(r, agent, time_ns, ACTION_READ, random);
            if (random & 32 && !(steals && random & 4))
                send(r, agent, time_ns + MINUTE / 4, ACTION_WRITE, random);
        }
    }
}

/* The next alert of that rule; its number in the run. */
static size_t next_of(const struct run *r, size_t from, const char *id)
{
    while (from < r->count && strcmp(r->alerts[from].id, id) != 0)
        from++;
    return from;
}

/* Whether both raised the same of a rule; `least` at least. */
static void same(const struct run *a, const struct run *b, const char *id, size_t least)
{
    size_t found = 0, i = next_of(a, 0, id), k = next_of(b, 0, id);
    for (; i < a->count && k < b->count;
         i = next_of(a, i + 1, id), k = next_of(b, k + 1, id), found++) {
        assert_int_equal(a->alerts[i].time_ns, b->alerts[k].time_ns);
        assert_string_equal(a->alerts[i].user, b->alerts[k].user);
        assert_int_equal(a->alerts[i].value, b->alerts[k].value);
        assert_int_equal(a->alerts[i].usual, b->alerts[k].usual);
        assert_true(a->alerts[i].score == b->alerts[k].score);
    }
    assert_int_equal(i - a->count, k - b->count);
    assert_true(found >= least);
}

static const char *const ids[RULES] = {"day", "slow", "idle"};

static void rules_that_share_count_as_each_alone(void **state)
{
    struct run together, alone;
    (void)state;
    begin(&together, 7, 0);
    assert_int_equal(tallies(&together), 1);
    work(&together, 0, DAYS);
    for (unsigned i = 0; i < RULES; i++) {
        begin(&alone, 1u << i, 0);
        work(&alone, 0, DAYS);
        assert_int_equal(next_of(&alone, 0, ids[i]), 0);
        same(&together, &alone, ids[i], 3);
        end(&alone);
    }
    end(&together);
}

static void what_was_learned_stays_when_a_rule_parts_and_comes_back(void **state)
{
    struct run one, other;
    (void)state;
    for (unsigned excepted = 1; excepted < 8; excepted++) {
        begin(&one, 7, 0);
        begin(&other, 7, 0);
        work(&one, 0, DAYS);
        work(&other, 0, 6);
        swap(&other, 7, excepted, RULES);
        size_t apart = (excepted & 1) + (excepted >> 1 & 1) + (excepted >> 2 & 1);
        assert_int_equal(tallies(&other), apart + (apart < RULES));
        work(&other, 6, 11);
        swap(&other, 7, 0, RULES);
        assert_int_equal(tallies(&other), 1);
        work(&other, 11, DAYS);
        for (unsigned i = 0; i < RULES; i++)
            same(&one, &other, ids[i], 3);
        assert_int_equal(engine_counters(one.engine).keys, engine_counters(other.engine).keys);
        end(&one);
        end(&other);
        assert_int_equal(one.count, other.count);
    }
}

static void a_rule_that_comes_along_knows_what_the_others_learned(void **state)
{
    struct run one, other;
    (void)state;
    begin(&one, 7, 0);
    begin(&other, 6, 0);
    work(&one, 0, DAYS);
    work(&other, 0, THEFT_FROM);
    swap(&other, 7, 0, 2);
    work(&other, THEFT_FROM, DAYS);
    same(&one, &other, "day", 3);
    end(&one);
    end(&other);
}

static void memory_goes_with_the_last_rule(void **state)
{
    struct run r;
    (void)state;
    begin(&r, 7, 0);
    work(&r, 0, 2);
    assert_true(engine_counters(r.engine).bytes > 0);
    swap(&r, 7, 7, RULES);
    swap(&r, 1, 1, 1);
    assert_int_equal(tallies(&r), 1);
    assert_true(engine_counters(r.engine).bytes > 0);
    swap(&r, 0, 0, 0);
    assert_int_equal(tallies(&r), 0);
    assert_int_equal(engine_counters(r.engine).bytes, 0);
    end(&r);
}

static void what_is_not_the_same_is_not_shared(void **state)
{
    static struct problems problems;
    static const char *const others[] = {
        "each: 1h, measure: distinct(subject.ids), unless followed by: event.action == \"write\"",
        "each: 1d, measure: count",
        "each: 1d, measure: distinct(subject.ids)",
        "each: 1d, measure: distinct(subject.ids), unless followed by: event.action == \"login\"",
        "each: 1d, measure: distinct(subject.ids), unless followed by: {when: event.action == "
        "\"write\", within: 2h}",
        "each: 1d, measure: distinct(subject.ids), unless followed by: event.action == \"write\", "
        "unless before: {when: event.action == \"login\", by: user.name, within: 1h}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char text[TEXT];
        (void)snprintf(text, sizeof(text),
                       "rules:\n- {%s}\n- {id: b, name: N, severity: low, when: event.action == "
                       "\"read\" and subject.ids exists, by: user.name, peers: network.name, %s, "
                       "drift: {of: volume, limit: 4}}\n",
                       rule_lines[0], others[i]);
        struct rules *rules = rules_load_text("f", bytes_of(text), &problems);
        if (!rules)
            fail_msg("%s", problems.items[0]);
        struct engine *e = engine_open(rules, &(struct engine_config){.alert = on_alert});
        assert_int_equal(e->watches_count - e->rules_count, 2);
        engine_close(e);
        rules_close(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_share_count_as_each_alone),
        cmocka_unit_test(what_was_learned_stays_when_a_rule_parts_and_comes_back),
        cmocka_unit_test(a_rule_that_comes_along_knows_what_the_others_learned),
        cmocka_unit_test(memory_goes_with_the_last_rule),
        cmocka_unit_test(what_is_not_the_same_is_not_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
