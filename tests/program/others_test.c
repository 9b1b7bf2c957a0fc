#include "tests/cmocka.h"

#include "others.h"

#include <stdio.h>
#include <stdlib.h>

static void check_json(const struct others *s, const char *expected)
{
    struct json j = {0};
    others_write(s, &j);
    assert_int_equal(j.len, strlen(expected));
    assert_memory_equal(j.text, expected, j.len);
    json_clear(&j);
}

static void an_empty_one_is_an_empty_object(void **state)
{
    struct others *s = *state;
    check_json(s, "{}");
    (void)others_name(s, "tls"); /* named, and not yet counted */
    check_json(s, "{}");
}

static void connections_are_counted_by_their_names(void **state)
{
    struct others *s = *state;
    const char *tls = others_name(s, "tls");
    others_count(s, tls, 1, 10);
    others_count(s, NULL, 2, 20);
    others_count(s, others_name(s, "tls"), 4, 40);
    assert_ptr_equal(others_name(s, "tls"), tls);
    check_json(s, "{\"unknown\":{\"connections\":1,\"client_bytes\":2,\"server_bytes\":20},"
                  "\"tls\":{\"connections\":2,\"client_bytes\":5,\"server_bytes\":50}}");
}

static void names_past_the_bound_are_unknown(void **state)
{
    struct others *s = *state;
    for (int i = 0; i < OTHERS_MAX + 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", i);
        /* the first place is for those without a name */
        const char *expected = i < OTHERS_MAX - 1 ? name : "unknown";
        const char *kept = others_name(s, name);
        assert_string_equal(kept, expected);
        others_count(s, kept, 1, 1);
    }
    assert_int_equal(s->count, OTHERS_MAX);
    assert_string_equal(s->items[0].name, "unknown");
    assert_int_equal(s->items[0].connections, 11);
}

static void a_long_name_is_cut_and_stays_one(void **state)
{
    struct others *s = *state;
    const char *name = "a-name-that-is-much-longer-than-what-is-kept";
    const char *kept = others_name(s, name);
    assert_int_equal(strlen(kept), OTHER_NAME_LEN - 1);
    assert_ptr_equal(others_name(s, name), kept);
    assert_ptr_equal(others_name(s, kept), kept);
    assert_int_equal(s->count, 2);
}

static void the_parts_of_several_workers_add_up(void **state)
{
    struct others *s = *state, *part = calloc(1, sizeof(*part));
    others_count(s, others_name(s, "tls"), 1, 10);
    others_count(part, others_name(part, "dns"), 2, 20);
    others_count(part, others_name(part, "tls"), 4, 40);
    others_count(part, NULL, 8, 80);
    others_add(s, part);
    check_json(s, "{\"unknown\":{\"connections\":1,\"client_bytes\":8,\"server_bytes\":80},"
                  "\"tls\":{\"connections\":2,\"client_bytes\":5,\"server_bytes\":50},"
                  "\"dns\":{\"connections\":1,\"client_bytes\":2,\"server_bytes\":20}}");
    free(part);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct others));
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(an_empty_one_is_an_empty_object),     TEST(connections_are_counted_by_their_names),
        TEST(names_past_the_bound_are_unknown),    TEST(a_long_name_is_cut_and_stays_one),
        TEST(the_parts_of_several_workers_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
