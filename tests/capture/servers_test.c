/*
 * Who has a place, who loses it, and that nothing counted is lost.
 */
#include "tests/cmocka.h"

#include "capture/servers.h"

#include <stdlib.h>

enum { PLACES = 4, PARTS_MAX = 16, START_NS = 60 };

struct told {
    struct mirror_part parts[PARTS_MAX];
    size_t count, room;
};

static bool take(void *context, const struct mirror_part *part)
{
    struct told *t = context;
    assert_true(t->count < PARTS_MAX);
    if (t->count == t->room)
        return false;
    t->parts[t->count++] = *part;
    return true;
}

static struct address address(unsigned n)
{
    return address_from_ipv4((const uint8_t[4]){10, 0, 0, (uint8_t)n});
}

static struct server *find(struct servers *s, unsigned n)
{
    struct address ip = address(n);
    return servers_find(s, &ip, (uint16_t)(1000 + n));
}

/* What was counted of a server since the last time; false where it was not told. */
static bool told_of(const struct told *t, unsigned n, uint64_t *packets)
{
    struct address ip = address(n);
    for (size_t i = 0; i < t->count; i++) {
        if (address_equal(&t->parts[i].ip, &ip) && t->parts[i].port == 1000 + n) {
            *packets = t->parts[i].counters.packets;
            assert_false(t->parts[i].is_whole);
            assert_int_equal(t->parts[i].start_ns, START_NS);
            return true;
        }
    }
    return false;
}

static struct told tell(struct servers *s, size_t room)
{
    struct told t = {.room = room};
    servers_tell(s, START_NS, take, &t);
    return t;
}

static void each_server_is_told_once_with_what_is_new(void **state)
{
    struct servers *s = *state;
    uint64_t packets;
    find(s, 1)->counters.packets = 10;
    find(s, 2)->counters.lost_bytes = 5;
    find(s, 1)->last_ns = 77;
    find(s, 1)->protocol = "redis";
    (void)find(s, 3);
    struct told t = tell(s, PARTS_MAX);
    assert_int_equal(t.count, 2);
    assert_true(told_of(&t, 1, &packets));
    assert_int_equal(packets, 10);
    assert_int_equal(t.parts[0].last_ns, 77);
    assert_string_equal(t.parts[0].protocol, "redis");
    assert_int_equal(tell(s, PARTS_MAX).count, 0);
    find(s, 1)->counters.packets++;
    t = tell(s, PARTS_MAX);
    assert_true(told_of(&t, 1, &packets));
    assert_int_equal(packets, 1);
    assert_int_equal(t.parts[0].last_ns, 0);
    assert_string_equal(t.parts[0].protocol, "redis");
    assert_int_equal(servers_total(s).packets, 11);
    assert_int_equal(servers_total(s).lost_bytes, 5);
}

static void what_finds_no_room_is_told_the_next_time(void **state)
{
    struct servers *s = *state;
    uint64_t packets;
    for (unsigned n = 1; n <= 3; n++)
        find(s, n)->counters.packets = n;
    struct told t = tell(s, 1);
    assert_int_equal(t.count, 1);
    find(s, 3)->counters.packets += 100;
    t = tell(s, PARTS_MAX);
    assert_int_equal(t.count, 2);
    assert_true(told_of(&t, 3, &packets));
    assert_int_equal(packets, 103);
    assert_int_equal(servers_total(s).packets, 106);
}

static void the_one_without_flows_the_longest_goes_first(void **state)
{
    struct servers *s = *state;
    uint64_t packets;
    for (unsigned n = 1; n <= PLACES; n++) {
        find(s, n)->counters.packets = n;
        servers_hold(s, find(s, n));
    }
    servers_release(s, find(s, 3));
    servers_release(s, find(s, 2));
    find(s, 9)->counters.packets = 9;
    struct told t = tell(s, PARTS_MAX);
    assert_false(told_of(&t, 3, &packets));
    assert_true(told_of(&t, 2, &packets));
    assert_true(told_of(&t, 9, &packets));
    assert_int_equal(servers_forgotten(s), 1);
    /* what was counted of it is the whole mirror's */
    assert_int_equal(servers_total(s).packets, 1 + 2 + 3 + 4 + 9);
}

static void held_servers_stay_and_others_find_no_place(void **state)
{
    struct servers *s = *state;
    struct server *held[PLACES];
    uint64_t packets;
    for (unsigned n = 0; n < PLACES; n++) {
        held[n] = find(s, n);
        servers_hold(s, held[n]);
    }
    struct server *rest = find(s, 50);
    assert_ptr_equal(rest, find(s, 51));
    servers_hold(s, rest);
    rest->counters.packets = 7;
    for (unsigned n = 0; n < PLACES; n++) {
        assert_ptr_equal(find(s, n), held[n]);
        held[n]->counters.packets = 1;
    }
    struct told t = tell(s, PARTS_MAX);
    assert_int_equal(t.count, PLACES);
    assert_false(told_of(&t, 50, &packets));
    assert_int_equal(servers_total(s).packets, PLACES + 7);
    assert_int_equal(servers_forgotten(s), 2);
    servers_release(s, rest);
    servers_release(s, held[0]);
    assert_ptr_not_equal(find(s, 50), rest);
}

static void a_port_makes_a_server_and_an_address_another(void **state)
{
    struct servers *s = *state;
    struct address a = address(1), b = address(2);
    struct server *first = servers_find(s, &a, 80), *second = servers_find(s, &a, 81),
                  *third = servers_find(s, &b, 80);
    assert_true(first != second && second != third && first != third);
    assert_ptr_equal(servers_find(s, &a, 80), first);
}

static int set_up(void **state)
{
    *state = servers_open(PLACES);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    servers_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(each_server_is_told_once_with_what_is_new),
        TEST(what_finds_no_room_is_told_the_next_time),
        TEST(the_one_without_flows_the_longest_goes_first),
        TEST(held_servers_stay_and_others_find_no_place),
        TEST(a_port_makes_a_server_and_an_address_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
