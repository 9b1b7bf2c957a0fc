/*
 * The shares of the memory budget.
 */
#include "tests/cmocka.h"

#include "shares.h"

#include <stdint.h>

static void the_parts_are_the_whole(void **state)
{
    static const size_t budgets[] = {(size_t)32 << 20, (size_t)64 << 20, (size_t)4 << 30,
                                     (size_t)1 << 46};
    (void)state;
    for (size_t b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++) {
        struct shares s;
        size_t sum = 0;
        shares_divide(&s, budgets[b]);
        for (size_t i = 0; i < SHARES_COUNT; i++) {
            assert_true(s.bytes[i] > 0);
            sum += s.bytes[i];
        }
        assert_in_range(sum, budgets[b] - 1000, budgets[b]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_are_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
