#include "tests/cmocka.h"

#include "rules/set.h"

#include <stdio.h>

static void texts_and_numbers_are_found_and_others_are_not(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct set texts, numbers;
    char text[16];
    assert_true(set_open(&texts, &arena, 1000));
    assert_true(set_open(&numbers, &arena, 1000));
    for (unsigned i = 0; i < 1000; i++) {
        int len = snprintf(text, sizeof(text), "a%u", i);
        set_add(&texts, arena_copy(&arena, (struct bytes){(uint8_t *)text, (size_t)len}));
        assert_true(set_add_number(&numbers, &arena, i * 3));
    }
    set_add(&texts, arena_copy(&arena, bytes_of("a7")));
    assert_int_equal(texts.count, 1000);
    for (unsigned i = 0; i < 2000; i++) {
        int len = snprintf(text, sizeof(text), "a%u", i);
        assert_int_equal(set_has(&texts, (struct bytes){(uint8_t *)text, (size_t)len}), i < 1000);
        assert_int_equal(set_has_number(&numbers, i), i % 3 == 0);
    }
    assert_false(set_has(&texts, bytes_of("")));
    arena_clear(&arena);
}

static void an_empty_set_has_nothing(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct set set;
    struct address a;
    assert_true(set_open(&set, &arena, 0));
    assert_true(address_parse(&a, bytes_of("10.0.0.1")));
    assert_false(set_has(&set, bytes_of("")));
    assert_false(set_has_number(&set, 0));
    assert_false(set_has_address(&set, &a));
    arena_clear(&arena);
}

static void networks_of_every_length_are_told_apart(void **state)
{
    (void)state;
    static const char *const networks[] = {"10.1.0.0/16",   "192.0.2.7", "172.16.0.0/12",
                                           "2001:db8::/33", "::1/128",   "10.1.2.0/23"};
    static const struct {
        const char *address;
        bool is_in;
    } cases[] = {{"10.1.255.255", true},
                 {"10.2.0.0", false},
                 {"192.0.2.7", true},
                 {"192.0.2.6", false},
                 {"172.31.255.1", true},
                 {"172.32.0.1", false},
                 {"2001:db8:7fff::1", true},
                 {"2001:db8:8000::1", false},
                 {"::1", true},
                 {"::2", false}};
    struct arena arena = {0};
    struct set set;
    struct prefix p;
    struct address a;
    assert_true(set_open(&set, &arena, 6));
    for (size_t i = 0; i < 6; i++) {
        assert_true(prefix_parse(&p, bytes_of(networks[i])));
        assert_true(set_add_network(&set, &arena, &p));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(address_parse(&a, bytes_of(cases[i].address)));
        assert_int_equal(set_has_address(&set, &a), cases[i].is_in);
    }
    arena_clear(&arena);
}

static void the_whole_of_an_address_space_is_a_network(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct set set;
    struct prefix p;
    struct address four, six;
    assert_true(set_open(&set, &arena, 1));
    assert_true(prefix_parse(&p, bytes_of("0.0.0.0/0")));
    assert_true(set_add_network(&set, &arena, &p));
    assert_true(address_parse(&four, bytes_of("203.0.113.9")));
    assert_true(address_parse(&six, bytes_of("2001:db8::1")));
    assert_true(set_has_address(&set, &four));
    assert_false(set_has_address(&set, &six));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_numbers_are_found_and_others_are_not),
        cmocka_unit_test(an_empty_set_has_nothing),
        cmocka_unit_test(networks_of_every_length_are_told_apart),
        cmocka_unit_test(the_whole_of_an_address_space_is_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
