/*
 * What is counted of the mirror: each counter of a server and of the whole.
 */
#include "tests/capture/capture_bench.h"

static void every_packet_is_its_servers(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    say(b, 0, 10);
    say(b, 1, 100);
    say(b, 0, 0);
    frame_payload(&b->frame, "", 0);
    frame_wrap_hex(&b->frame, "020000000000 020000000001 0806 0001");
    give(b, 0);
    struct told t = tell(b);
    assert_int_equal(t.count, 1);
    const struct mirror_counters *c = &t.servers[0].counters;
    assert_int_equal(t.servers[0].port, SERVER_PORT);
    assert_int_equal(t.servers[0].last_ns, b->ns);
    assert_int_equal(c->packets, 6);
    assert_int_equal(c->bytes, 6 * 54 + 110);
    assert_int_equal(c->data_packets, 2);
    assert_int_equal(c->payload_bytes, 110);
    assert_int_equal(c->one_sided + c->duplicates + c->reordered + c->truncated + c->lost_bytes, 0);
    assert_true(t.whole.is_whole);
    assert_int_equal(t.whole.counters.packets, 7);
    assert_int_equal(t.whole.counters.payload_bytes, 110);
    assert_int_equal(t.whole.last_ns, b->ns);
    assert_int_equal(t.whole.clock_jump_ns, 0);
}

static void an_interval_has_what_came_in_it(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    (void)tell(b);
    struct told t = tell(b);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.whole.counters.packets, 0);
    assert_int_equal(t.whole.last_ns, 0);
    say(b, 0, 10);
    t = tell(b);
    assert_int_equal(t.servers[0].counters.packets, 1);
    assert_int_equal(t.whole.counters.packets, 1);
}

static void what_finds_no_room_is_told_with_the_next_interval(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    capture_mirror(b->capture, START_NS, refuse, NULL);
    say(b, 0, 10);
    struct told t = tell(b);
    assert_int_equal(t.servers[0].counters.packets, 4);
    assert_int_equal(t.whole.counters.packets, 4);
}

/* The second time with one VLAN more, a hop further, and its checksum rewritten. */
static void doubles_count_once(void **state)
{
    struct bench *b = *state;
    static const char *const outers[] = {NULL, "8100 0005 0800", "88a8 0001 8100 0002 0800"};
    for (size_t i = 0; i < 3; i++) {
        open_bench(b, &usual);
        for (unsigned n = 0; n < 8; n++) {
            struct shown s = {.direction = n % 2, .len = n < 2 ? 0 : 20, .id = ++b->id, .ttl = 64};
            s.flags = n == 0 ? TCP_SYN : n == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
            show(b, s);
            b->next[s.direction] -= (uint32_t)s.len + (n < 2);
            s.ttl = 63;
            s.outer = outers[i];
            s.is_bad = true;
            show(b, s);
        }
        capture_flush(b->capture);
        struct told t = tell(b);
        const struct mirror_counters *c = &t.servers[0].counters;
        assert_int_equal(c->packets, 16);
        assert_int_equal(c->duplicates, 8);
        assert_int_equal(c->data_packets, 6);
        assert_int_equal(c->payload_bytes, 120);
        assert_int_equal(c->reordered, 0);
        struct capture_counters counters = capture_counters(b->capture);
        assert_int_equal(counters.duplicates, 8);
        assert_int_equal(counters.retransmitted_bytes, 0);
        assert_int_equal(counters.flows_tcp, 1);
    }
}

static void doubles_after_the_end_are_known_too(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    show(b, (struct shown){.direction = 1, .len = 9, .flags = TCP_ACK | TCP_FIN});
    uint16_t id = ++b->id;
    struct shown last = {.direction = 0, .len = 7, .flags = TCP_ACK | TCP_FIN, .id = id};
    show(b, last);
    last.back = 8;
    show(b, last);
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.packets, 6);
    assert_int_equal(c.duplicates, 1);
    assert_int_equal(c.data_packets, 2);
    assert_int_equal(capture_counters(b->capture).retransmitted_bytes, 0);
}

static void what_is_sent_again_is_no_double(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    say(b, 0, 20);
    b->ns += 200 * MS;
    show(b, (struct shown){.direction = 0, .back = 20, .len = 20, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 0, .back = 20, .len = 20, .flags = TCP_ACK, .id = b->id});
    b->ns += 200 * MS; /* the same number once more, but too late for a double */
    show(b, (struct shown){.direction = 0, .back = 20, .len = 20, .flags = TCP_ACK, .id = b->id});
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.duplicates, 1);
    assert_int_equal(c.data_packets, 3);
    assert_int_equal(c.reordered, 0);
    assert_int_equal(capture_counters(b->capture).retransmitted_bytes, 40);
}

static void show_udp(struct bench *b, const char *payload, uint16_t id, const char *outer)
{
    frame_payload(&b->frame, payload, strlen(payload));
    frame_wrap_udp(&b->frame, 40000, 53);
    frame_wrap_ipv4_part(&b->frame, PROTOCOL_UDP, NET, id, 0);
    wrap_outer(b, outer);
    give(b, 0);
}

static void doubles_of_udp_count_once(void **state)
{
    struct bench *b = *state;
    show_udp(b, "a question", 1, NULL);
    show_udp(b, "a question", 1, "8100 0005 0800");
    show_udp(b, "a question", 2, NULL); /* asked again */
    show_udp(b, "b question", 2, NULL);
    assert_int_equal(capture_counters(b->capture).duplicates, 1);
    assert_int_equal(capture_counters(b->capture).flows_udp, 1);
    b->ns += 200 * MS;
    show_udp(b, "b question", 2, NULL); /* too late for a double */
    assert_int_equal(capture_counters(b->capture).duplicates, 1);
    assert_int_equal(tell(b).whole.counters.duplicates, 1);
}

static void late_packets_are_reordered(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    b->next[1] += 100;
    say(b, 1, 100);
    say(b, 1, 100);
    /* what waits, or is given on, already is none */
    show(b, (struct shown){.direction = 1, .back = 200, .len = 100, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 1, .back = 300, .len = 100, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 1, .back = 300, .len = 100, .flags = TCP_ACK});
    b->next[1] += 100;
    say(b, 1, 100);
    show(b, (struct shown){.direction = 1, .back = 100, .len = 50, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 1, .back = 200, .len = 100, .flags = TCP_ACK});
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.reordered, 2);
    assert_int_equal(c.payload_bytes, 500);
    assert_int_equal(c.lost_bytes, 0);
    assert_int_equal(capture_counters(b->capture).reordered, 2);
}

static void a_cut_packet_is_truncated(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    show(b, (struct shown){.direction = 1, .len = 100, .flags = TCP_ACK, .cut = 60});
    say(b, 1, 10);
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.truncated, 1);
    assert_int_equal(c.payload_bytes, 50);
    assert_int_equal(c.lost_bytes, 60);
}

static void one_side_alone_is_told(void **state)
{
    struct bench *b = *state;
    for (unsigned direction = 0; direction < 2; direction++) {
        open_bench(b, &usual);
        for (unsigned n = 0; n < 5; n++)
            say(b, direction, 10);
        assert_int_equal(tell(b).servers[0].counters.one_sided, 0); /* it had no time */
        capture_flush(b->capture);
        assert_int_equal(tell(b).servers[0].counters.one_sided, 5);
    }
}

static void one_side_alone_is_told_while_it_lasts(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 0; n < 5; n++)
        say(b, 1, 10);
    b->ns += 3 * CLOCK_SECOND_NS;
    say(b, 1, 10);
    assert_int_equal(tell(b).servers[0].counters.one_sided, 6);
    say(b, 1, 10);
    assert_int_equal(tell(b).servers[0].counters.one_sided, 1);
}

static void many_packets_without_an_answer_need_no_time(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 0; n < 256; n++) {
        say(b, 1, 10);
        b->ns -= MS / 10;
    }
    assert_int_equal(tell(b).servers[0].counters.one_sided, 256);
}

static void two_sides_are_not_one(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    for (unsigned n = 0; n < 50; n++) {
        say(b, 0, 10);
        say(b, 1, 0);
        say(b, 1, 1000);
        say(b, 0, 0);
        b->ns += (int64_t)n * CLOCK_SECOND_NS; /* however long nobody speaks */
    }
    assert_int_equal(server_told(b).one_sided, 0);
}

/* The mirror loses a side of a connection that it had both of. */
static void a_side_that_vanishes_is_told(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    say(b, 0, 10);
    say(b, 1, 10);
    say(b, 0, 0);
    b->ns += 3600 * CLOCK_SECOND_NS;
    for (unsigned n = 0; n < 10; n++) {
        say(b, 1, 10);
        b->ns += CLOCK_SECOND_NS;
    }
    assert_int_equal(tell(b).servers[0].counters.one_sided, 10);
}

/* A sample of them is looked at, so: many. */
static void wrong_checksums_are_counted(void **state)
{
    struct bench *b = *state;
    enum { PACKETS = 1000 };
    for (unsigned is_bad = 0; is_bad < 2; is_bad++) {
        open_bench(b, &usual);
        for (unsigned n = 0; n < PACKETS; n++)
            show(b,
                 (struct shown){.direction = n % 2, .len = 10, .flags = TCP_ACK, .is_bad = is_bad});
        struct mirror_counters c = server_told(b);
        assert_in_range(c.checksums, PACKETS / 32, PACKETS / 8);
        assert_int_equal(c.bad_checksums, is_bad ? c.checksums : 0);
        assert_int_equal(c.payload_bytes, PACKETS * 10);
        struct capture_counters counters = capture_counters(b->capture);
        assert_int_equal(counters.checksums, c.checksums);
        assert_int_equal(counters.bad_checksums, c.bad_checksums);
    }
}

static void a_clock_that_goes_back_jumped(void **state)
{
    struct bench *b = *state;
    say(b, 0, 10);
    b->ns -= CLOCK_SECOND_NS; /* packets may pass each other */
    say(b, 0, 10);
    assert_int_equal(capture_counters(b->capture).clock_jumps, 0);
    b->ns -= 5 * CLOCK_SECOND_NS;
    for (unsigned n = 0; n < 5; n++)
        say(b, 0, 10);
    assert_int_equal(capture_counters(b->capture).clock_jumps, 1);
    assert_int_equal(tell(b).whole.clock_jump_ns, 5 * CLOCK_SECOND_NS - MS / 10);
    assert_int_equal(tell(b).whole.clock_jump_ns, 0);
    capture_jump(b->capture, 3);
    assert_int_equal(tell(b).whole.clock_jump_ns, 3);
    assert_int_equal(capture_counters(b->capture).clock_jumps, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(every_packet_is_its_servers),
        TEST(an_interval_has_what_came_in_it),
        TEST(what_finds_no_room_is_told_with_the_next_interval),
        TEST(doubles_count_once),
        TEST(doubles_after_the_end_are_known_too),
        TEST(what_is_sent_again_is_no_double),
        TEST(doubles_of_udp_count_once),
        TEST(late_packets_are_reordered),
        TEST(a_cut_packet_is_truncated),
        TEST(one_side_alone_is_told),
        TEST(one_side_alone_is_told_while_it_lasts),
        TEST(many_packets_without_an_answer_need_no_time),
        TEST(two_sides_are_not_one),
        TEST(a_side_that_vanishes_is_told),
        TEST(wrong_checksums_are_counted),
        TEST(a_clock_that_goes_back_jumped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
