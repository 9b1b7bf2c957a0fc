#include "tests/cmocka.h"

#include "rules/problems.h"

static void a_problem_has_its_place_and_no_control_characters(void **state)
{
    (void)state;
    struct problems p = {0};
    problems_add(&p, (struct position){"a\x1b.yaml", 3, 7}, "bad %s", "w\x07rd\n\xc2\x9bx\xff");
    problems_add(&p, (struct position){"b.yaml", 0, 0}, "gone");
    assert_int_equal(p.count, 2);
    assert_string_equal(p.items[0], "a?.yaml:3:7: bad w?rd??x?");
    assert_string_equal(p.items[1], "b.yaml: gone");
}

static void problems_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    struct problems p = {0};
    struct error error;
    for (unsigned i = 0; i < PROBLEMS_MAX + 10; i++)
        problems_add(&p, (struct position){"a.yaml", i + 1, 1}, "wrong");
    assert_int_equal(p.kept, PROBLEMS_MAX);
    assert_int_equal(p.count, PROBLEMS_MAX + 10);
    assert_false(problems_error(&p, &error));
    assert_int_equal(error.kind, ERROR_USAGE);
    assert_non_null(strstr(error.text, "a.yaml:1:1: wrong\na.yaml:2:1: wrong\n"));
    assert_non_null(strstr(error.text, " more"));
    assert_true(strlen(error.text) < ERROR_TEXT_MAX);
}

static void the_nearest_word_is_found_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *wanted, *hint;
    } cases[] = {
        {"usr.name", "; did you mean 'user.name'?"},
        {"user_name", "; did you mean 'user.name'?"},
        {"sevreity", "; did you mean 'severity'?"},
        {"country_iso_code", "; did you mean 'client.geo.country_iso_code'?"},
        {"ovr", "; did you mean 'over'?"},
        {"yb", "; did you mean 'by'?"},
        {"x", ""},
        {"", ""},
        {"elephant", ""},
        {"0123456789012345678901234567890123456789012345678901234567890123456789", ""},
    };
    static const char *const valid[] = {"user.name", "severity", "client.geo.country_iso_code",
                                        "over", "by"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nearest n;
        nearest_to(&n, bytes_of(cases[i].wanted));
        for (size_t w = 0; w < sizeof(valid) / sizeof(valid[0]); w++)
            nearest_try(&n, bytes_of(valid[w]));
        assert_string_equal(nearest_hint(&n), cases[i].hint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_has_its_place_and_no_control_characters),
        cmocka_unit_test(problems_beyond_the_bound_are_counted),
        cmocka_unit_test(the_nearest_word_is_found_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
