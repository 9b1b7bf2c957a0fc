/*
 * TDS by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

static struct script_setup setup = {TESTS_FOLDER "/tds", 1433};

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
