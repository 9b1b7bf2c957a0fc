/*
 * rules/honey.h: planted customers.
 */
#include "rules/honey.h"
#include "tests/rules/bench.h"

#include <stdlib.h>

static struct problems problems;

static struct rules *load(const char *text)
{
    problems = (struct problems){0};
    return rules_load_text("f", bytes_of(text), &problems);
}

static void touch(struct engine *e, const char *user, struct hashes ids, struct hashes honey)
{
    struct transaction t = {.start_ns = start,
                            .user_name = bytes_of(user),
                            .subject_ids = ids,
                            .subject_honey = honey,
                            .action = ACTION_READ};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_EVENT_ACTION);
    transaction_mark(&t, FIELD_USER_NAME);
    transaction_mark_ids(&t);
    if (honey.count > 0)
        transaction_mark(&t, FIELD_SUBJECT_HONEY);
    engine_transaction(e, &t);
}

#define RULE "{id: r, name: Planted, severity: critical, by: user.name, honey: planted}"

static void one_look_at_a_planted_customer_is_an_alert(void **state)
{
    (void)state;
    struct bench b = bench_open("lists: {planted: [c7, 00000000000000ff]}\nrules: [" RULE "]");
    struct engine *e = b.engine;
    const uint64_t none[] = {1, 2, 3}, one[] = {4, 255},
                   both[] = {subject_id_parse(bytes_of("c7")), 255};
    touch(e, "a", (struct hashes){none, 3, NULL}, (struct hashes){NULL, 0, NULL});
    assert_int_equal(seen.count, 0);
    touch(e, "a", (struct hashes){one, 2, NULL}, (struct hashes){NULL, 0, NULL});
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.value, 1);
    assert_non_null(strstr(seen.message, "touched 1 planted customer"));
    touch(e, "a", (struct hashes){one, 2, NULL}, (struct hashes){NULL, 0, NULL}); /* folded */
    assert_int_equal(seen.count, 1);
    /* of more customers than a transaction names, the planted ones are named apart */
    touch(e, "b", (struct hashes){none, 3, NULL}, (struct hashes){both, 2, NULL});
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.value, 2);
    close_bench(&b);
}

static void all_rules_that_are_on_give_the_ids_to_look_for(void **state)
{
    (void)state;
    struct rules *rules = load(
        "lists: {planted: [00000000000000ff, 0000000000000001]}\n"
        "rules: [" RULE ", {id: s, name: n, severity: low, by: user.name, honey: "
        "[0000000000000001, 0000000000000002]}, {id: t, name: n, severity: low, enabled: false, "
        "by: user.name, honey: [0000000000000009]}]");
    assert_non_null(rules);
    size_t count;
    uint64_t *ids = rules_honey(rules, &count);
    bool has[256] = {false};
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || ids[i - 1] < ids[i]);
        if (ids[i] < 256)
            has[ids[i]] = true;
    }
    assert_true(has[1] && has[2] && has[255] && !has[9]);
    free(ids);
    rules_close(rules);
}

static void mistakes_are_told_with_their_places(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *problem;
    } cases[] = {
        {"lists: {plants: [a]}\nrules: [{id: r, name: n, severity: low, by: user.name, honey: "
         "plant}]",
         "f:2:63: no list is called 'plant'; did you mean 'plants'?"},
        {"rules: [{id: r, name: n, severity: low, by: user.name, honey: {a: b}}]",
         "f:1:63: 'honey' must be one value"},
        {"rules: [{id: r, name: n, severity: low, by: user.name, honey: [a], over: 1d}]",
         "f:1:68: 'over' does nothing in a rule with 'honey'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(load(cases[i].rules));
        assert_int_equal(problems.count, 1);
        if (!strstr(problems.items[0], cases[i].problem))
            print_error("%s\n", problems.items[0]);
        assert_non_null(strstr(problems.items[0], cases[i].problem));
    }
}

static void a_list_has_a_bound(void **state)
{
    (void)state;
    static const char end[] =
        "]\nrules: [{id: r, name: n, severity: low, by: user.name, honey: l}]\n";
    for (size_t count = HONEY_CUSTOMERS_MAX; count <= HONEY_CUSTOMERS_MAX + 1; count++) {
        char *text = malloc(count * 2 + sizeof(end) + 32), *at = text;
        at += sprintf(at, "lists:\n  l: [a");
        for (size_t i = 1; i < count; i++)
            at += sprintf(at, ",%c", (int)('a' + i % 26));
        (void)sprintf(at, "%s", end);
        struct rules *rules = load(text);
        assert_int_equal(rules != NULL, count == HONEY_CUSTOMERS_MAX);
        if (!rules)
            assert_non_null(strstr(problems.items[0], "more than 65536 planted customers"));
        rules_close(rules);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look_at_a_planted_customer_is_an_alert),
        cmocka_unit_test(all_rules_that_are_on_give_the_ids_to_look_for),
        cmocka_unit_test(a_list_has_a_bound),
        cmocka_unit_test(mistakes_are_told_with_their_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
