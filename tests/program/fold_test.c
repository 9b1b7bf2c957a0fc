#include "tests/cmocka.h"

#include "fold.h"

#include "notice_sample.h"

#include <stdio.h>
#include <string.h>

#define SECOND CLOCK_SECOND_NS

static struct notice notice_of(const char *id, enum severity severity, int64_t seconds)
{
    return (struct notice){.kind = NOTICE_ALERT,
                           .severity = severity,
                           .time_ns = sample_ns + seconds * SECOND,
                           .rule_id = id,
                           .rule_name = "Many rows"};
}

static void so_many_alerts_are_let_through_in_a_time(void **state)
{
    (void)state;
    struct fold f = {.limit = {3, 60 * SECOND}};
    static const struct {
        int64_t seconds;
        bool is_admitted;
    } cases[] = {{0, true},  {1, true},   {59, true},  {59, false},  {30, false},
                 {60, true}, {100, true}, {119, true}, {119, false}, {500, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(fold_admits(&f, cases[i].seconds * SECOND), cases[i].is_admitted);
    struct fold none = {.count = 0};
    for (int i = 0; i < 1000; i++)
        assert_true(fold_admits(&none, 0));
    fold_forget(&none, 0);
    assert_int_equal(none.count, 0);
}

static void what_is_folded_is_counted_by_rule(void **state)
{
    (void)state;
    struct fold f = {.limit = {1, 60 * SECOND}};
    assert_true(fold_admits(&f, sample_ns));
    static const struct {
        const char *id;
        enum severity severity;
        int64_t seconds;
        bool is_untaken;
    } cases[] = {{"a", SEVERITY_LOW, 5, false},
                 {"b", SEVERITY_LOW, 6, true},
                 {"a", SEVERITY_HIGH, 3, false},
                 {"a", SEVERITY_LOW, 59, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct notice n = notice_of(cases[i].id, cases[i].severity, cases[i].seconds);
        fold_add(&f, &n, cases[i].is_untaken);
    }
    assert_int_equal(f.total, 4);
    assert_int_equal(f.count, 2);
    assert_false(fold_lets_go(&f, sample_ns + 59 * SECOND));
    assert_true(fold_lets_go(&f, sample_ns + 60 * SECOND));

    char text[FOLDED_TEXT_MAX];
    size_t len = folded_write_message(&f.rules[0], &f.limit, text);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, "Many rows: 3 more alerts from 2026-01-05 14:03:25Z to 2026-01-05 "
                              "14:04:21Z, folded: 2 beyond the limit of 1 in 1m, 1 that could not "
                              "be sent.");
    len = folded_write_line(&f.rules[1], &f.limit, text);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, "2026-01-05 14:03:28Z  FOLDED  b: 1 more alert from 2026-01-05 "
                              "14:03:28Z to 2026-01-05 14:03:28Z, folded: 1 that could not be "
                              "sent\n");
    struct json j = {0};
    folded_write_json(&j, &f.rules[0], &f.limit);
    assert_int_equal(j.text[j.len - 1], '\n');
    char json[1024];
    (void)snprintf(json, sizeof(json), "%.*s", (int)j.len, j.text);
    json_clear(&j);
    assert_non_null(strstr(json, "\"dataset\":\"seepwatch.folded\""));
    assert_non_null(strstr(json, "\"rule\":{\"id\":\"a\",\"name\":\"Many rows\",\"severity\":"
                                 "\"high\"}"));
    assert_non_null(strstr(json, "\"folded\":{\"beyond_limit\":2,\"not_sent\":1}}"));

    fold_forget(&f, 1);
    assert_int_equal(f.count, 1);
    assert_string_equal(f.rules[0].id, "b");
    fold_clear(&f);
}

static void rules_without_end_share_the_last_place(void **state)
{
    (void)state;
    struct fold f = {.limit = {1, SECOND}};
    for (int i = 0; i < FOLDED_RULES_MAX + 50; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "rule-%d", i);
        const struct notice n = notice_of(id, SEVERITY_LOW, 0);
        fold_add(&f, &n, false);
    }
    assert_int_equal(f.count, FOLDED_RULES_MAX + 1);
    assert_string_equal(f.rules[FOLDED_RULES_MAX].id, "other-rules");
    assert_int_equal(f.rules[FOLDED_RULES_MAX].beyond, 50);
    fold_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_alerts_are_let_through_in_a_time),
        cmocka_unit_test(what_is_folded_is_counted_by_rule),
        cmocka_unit_test(rules_without_end_share_the_last_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
