#include "tests/cmocka.h"

#include "profile/network.h"

#include <stdio.h>
#include <stdlib.h>

static const struct texts no_countries = {NULL, 0};

static size_t add(struct networks *n, const char *name, const char *const *prefixes)
{
    struct error error;
    size_t number;
    assert_true(network_add(n, bytes_of(name), no_countries, &number, &error));
    for (; *prefixes; prefixes++) {
        struct prefix p;
        assert_true(prefix_parse(&p, bytes_of(*prefixes)));
        assert_true(network_add_prefix(n, number, &p, &error));
    }
    return number;
}

static void finds(const struct networks *n, const char *address, const char *name)
{
    struct address a;
    assert_true(address_parse(&a, bytes_of(address)));
    const struct network *found = network_find(n, &a);
    if (!name) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_true(bytes_are(found->name, name));
}

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    static const struct {
        const char *address, *name;
    } cases[] = {
        {"10.1.2.3", "shop"},        {"10.1.3.3", "region"},    {"10.2.0.1", "country"},
        {"10.1.2.200", "desk"},      {"10.1.2.201", "shop"},    {"11.0.0.1", NULL},
        {"2001:db8:1::1", "shop"},   {"2001:db8:2::1", "ten"},  {"2001:db9::1", NULL},
        {"::ffff:10.1.2.3", "shop"}, {"255.255.255.255", NULL}, {"::", NULL},
    };
    struct networks *n = networks_open();
    add(n, "shop", (const char *const[]){"10.1.2.0/24", "2001:db8:1::/48", NULL});
    add(n, "desk", (const char *const[]){"10.1.2.200", NULL});
    add(n, "country", (const char *const[]){"10.0.0.0/8", NULL});
    add(n, "region", (const char *const[]){"10.1.0.0/16", NULL});
    add(n, "ten", (const char *const[]){"2001:db8::/32", NULL});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        finds(n, cases[i].address, cases[i].name);
    networks_close(n);
}

static void prefixes_of_length_zero_are_of_one_family(void **state)
{
    (void)state;
    struct networks *n = networks_open();
    add(n, "six", (const char *const[]){"::/0", NULL});
    finds(n, "192.0.2.1", NULL);
    finds(n, "2001:db8::1", "six");
    add(n, "four", (const char *const[]){"0.0.0.0/0", "10.0.0.0/8", NULL});
    finds(n, "192.0.2.1", "four");
    finds(n, "2001:db8::1", "six");
    networks_close(n);
}

static void names_and_countries_are_copies(void **state)
{
    (void)state;
    struct networks *n = networks_open();
    char name[] = "shop", countries[] = "SENO";
    struct bytes items[] = {{(uint8_t *)countries, 2}, {(uint8_t *)countries + 2, 2}};
    struct error error;
    size_t number;
    assert_true(network_add(n, bytes_of(name), (struct texts){items, 2}, &number, &error));
    memset(name, 'x', 4);
    memset(countries, 'x', 4);
    const struct network *found = network_at(n, number);
    assert_true(bytes_are(found->name, "shop"));
    assert_int_equal(found->countries.count, 2);
    assert_true(bytes_are(found->countries.items[0], "SE"));
    assert_true(bytes_are(found->countries.items[1], "NO"));
    assert_null(network_at(n, 1));
    networks_close(n);
    networks_close(NULL);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    struct networks *n = networks_open();
    size_t number = add(n, "shop", (const char *const[]){"10.1.2.0/24", NULL});
    struct error error;
    struct prefix p;
    assert_true(prefix_parse(&p, bytes_of("10.1.2.0/24")));
    assert_false(network_add_prefix(n, number, &p, &error));
    size_t other = add(n, "other", (const char *const[]){NULL});
    assert_false(network_add_prefix(n, other, &p, &error));
    assert_string_equal(error.text, "network other: prefix 10.1.2.0/24 is already network shop");
    assert_int_equal(error.kind, ERROR_USAGE);
    finds(n, "10.1.2.3", "shop");

    static const char *const names[] = {
        "", "shop", "0123456789012345678901234567890123456789012345678901234567890123x"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(network_add(n, bytes_of(names[i]), no_countries, &number, &error));
    static const char *const countries[] = {"se", "S", "", "SWE", "S1"};
    for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++) {
        struct bytes country = bytes_of(countries[i]);
        assert_false(network_add(n, bytes_of("new"), (struct texts){&country, 1}, &number, &error));
    }
    assert_null(network_at(n, 2));
    networks_close(n);
}

static void nestings_are_told_whatever_the_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct networks *n = networks_open();
        static const char *const wide[] = {"10.0.0.0/8", "10.1.2.128/25", NULL};
        static const char *const narrow[] = {"10.1.2.0/24", "192.0.2.0/24", NULL};
        add(n, order ? "wide" : "narrow", order ? wide : narrow);
        add(n, order ? "narrow" : "wide", order ? narrow : wide);
        struct network_nesting nesting;
        size_t at = 0, count = 0;
        while (network_nestings(n, &at, &nesting)) {
            char inner[PREFIX_TEXT_MAX], outer[PREFIX_TEXT_MAX];
            (void)prefix_print(&nesting.inner, inner);
            (void)prefix_print(&nesting.outer, outer);
            bool is_shop = bytes_are(nesting.inner_network->name, "narrow");
            assert_string_equal(inner, is_shop ? "10.1.2.0/24" : "10.1.2.128/25");
            assert_string_equal(outer, is_shop ? "10.0.0.0/8" : "10.1.2.0/24");
            assert_true(bytes_are(nesting.outer_network->name, is_shop ? "wide" : "narrow"));
            count++;
        }
        assert_int_equal(count, 2);
        networks_close(n);
    }
}

static void prefixes_print_as_people_write_them(void **state)
{
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "2001:db8::/32",
                                        "::/0"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct prefix p;
        char text[PREFIX_TEXT_MAX];
        assert_true(prefix_parse(&p, bytes_of(texts[i])));
        assert_int_equal(prefix_print(&p, text), strlen(texts[i]));
        assert_string_equal(text, texts[i]);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static struct prefix random_prefix(uint32_t *seed)
{
    /* few different high bits, so that prefixes nest */
    uint8_t octets[4] = {(uint8_t)(10 + next_random(seed) % 2), (uint8_t)(next_random(seed) % 4),
                         (uint8_t)next_random(seed), (uint8_t)next_random(seed)};
    struct prefix p = {address_from_ipv4(octets), (uint8_t)(109 + next_random(seed) % 20)};
    for (unsigned bit = p.bits; bit < 128; bit++)
        p.address.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    return p;
}

static void ten_thousand_prefixes_are_found_as_a_plain_search_finds_them(void **state)
{
    (void)state;
    enum { PREFIXES = 10000, LOOKUPS = 2000 };
    static struct prefix prefixes[PREFIXES];
    static size_t numbers[PREFIXES];
    struct networks *n = networks_open();
    struct error error;
    uint32_t seed = 1;
    size_t count = 0;
    for (unsigned i = 0; i < 16; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "n%u", i);
        (void)add(n, name, (const char *const[]){NULL});
    }
    for (size_t i = 0; i < PREFIXES; i++) {
        prefixes[count] = random_prefix(&seed);
        numbers[count] = i % 16;
        if (network_add_prefix(n, i % 16, &prefixes[count], &error))
            count++;
    }
    assert_true(count > PREFIXES / 2);
    for (size_t i = 0; i < LOOKUPS; i++) {
        struct address a = random_prefix(&seed).address;
        const struct network *expected = NULL;
        unsigned bits = 0;
        for (size_t k = 0; k < count; k++) {
            if (prefixes[k].bits >= bits && prefix_has(&prefixes[k], &a)) {
                bits = prefixes[k].bits;
                expected = network_at(n, numbers[k]);
            }
        }
        assert_ptr_equal(network_find(n, &a), expected);
    }
    networks_close(n);
}

static void bounds_are_kept(void **state)
{
    (void)state;
    struct networks *n = networks_open();
    struct error error;
    size_t number;
    for (unsigned i = 0; i < NETWORKS_MAX; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "n%u", i);
        assert_true(network_add(n, bytes_of(name), no_countries, &number, &error));
    }
    assert_false(network_add(n, bytes_of("more"), no_countries, &number, &error));
    for (unsigned i = 0; i <= NETWORK_PREFIXES_MAX; i++) {
        uint8_t octets[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        struct prefix p = {address_from_ipv4(octets), 128};
        assert_int_equal(network_add_prefix(n, 0, &p, &error), i < NETWORK_PREFIXES_MAX);
    }
    struct bytes countries[NETWORK_COUNTRIES_MAX + 1];
    for (size_t i = 0; i <= NETWORK_COUNTRIES_MAX; i++)
        countries[i] = bytes_of("SE");
    networks_close(n);
    n = networks_open();
    struct texts texts = {countries, NETWORK_COUNTRIES_MAX + 1};
    assert_false(network_add(n, bytes_of("more"), texts, &number, &error));
    texts.count--;
    assert_true(network_add(n, bytes_of("more"), texts, &number, &error));
    networks_close(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(prefixes_of_length_zero_are_of_one_family),
        cmocka_unit_test(names_and_countries_are_copies),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(nestings_are_told_whatever_the_order),
        cmocka_unit_test(prefixes_print_as_people_write_them),
        cmocka_unit_test(ten_thousand_prefixes_are_found_as_a_plain_search_finds_them),
        cmocka_unit_test(bounds_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
