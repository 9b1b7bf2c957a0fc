/*
 * TDS by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

static struct script_setup setup = {TESTS_FOLDER "/tds", 1433};

/* Wherever "hunter2" stands in a script, it is a password, a token or a value. */
static void law_of_secrets(struct script *s)
{
    struct script_way way = {0};
    struct script_result result;
    script_run(s, &way, &result);
    for (size_t i = 0; i < result.count; i++) {
        if (strstr(result.transactions[i], "hunter2"))
            print_error("%s: %s", s->name, result.transactions[i]);
        assert_null(strstr(result.transactions[i], "hunter2"));
    }
    script_result_clear(&result);
}

static void no_password_token_or_value_is_in_any_field(void **state)
{
    script_for_all(*state, law_of_secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test_prestate(no_password_token_or_value_is_in_any_field, &setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
