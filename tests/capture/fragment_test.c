/*
 * Fragments in every order, repeated, overlapping, late, too many, too large; then through the
 * decoder, of IPv4 and IPv6 and inside a tunnel.
 */
#include "tests/cmocka.h"

#include "capture/decode.h"
#include "capture/fragment.h"
#include "tests/capture/packets.h"

#include <pcap/dlt.h>

enum { LEN = 3000, PART = 1000 };

struct bench {
    struct budget budget;
    struct fragments *fragments;
    struct whole whole;
    uint8_t payload[FRAGMENTED_LEN_MAX + 8];
    struct frame frame;
};

static int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->budget.bytes_max = 64 << 20;
    b->fragments = fragments_open(&b->budget);
    assert_non_null(b->fragments);
    for (size_t i = 0; i < sizeof(b->payload); i++)
        b->payload[i] = (uint8_t)(i * 7 + i / 256);
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    fragments_close(b->fragments);
    assert_int_equal(b->budget.used, 0);
    free(b);
    return 0;
}

/* The part of the known payload from offset on, of the datagram of that number. */
static struct fragment part_of(struct bench *b, uint32_t id, size_t offset, size_t len)
{
    static const uint8_t header[20] = {0x46, [9] = 17};
    const uint8_t ends[2][4] = {{10, 1, 0, 1}, {10, 1, 0, 2}};
    return (struct fragment){
        .source = address_from_ipv4(ends[0]),
        .destination = address_from_ipv4(ends[1]),
        .id = id,
        .protocol = 17,
        .offset = offset,
        .is_last = offset + len == LEN,
        .header = {header, sizeof(header)},
        .data = {b->payload + offset, len},
    };
}

static bool part_add(struct bench *b, uint32_t id, size_t offset, size_t len)
{
    struct fragment part = part_of(b, id, offset, len);
    return fragments_add(b->fragments, &b->whole, &part);
}

static void assert_whole(const struct bench *b)
{
    assert_int_equal(b->whole.protocol, 17);
    assert_int_equal(b->whole.payload.len, LEN);
    assert_memory_equal(b->whole.payload.data, b->payload, LEN);
    assert_int_equal(b->whole.ip.len, LEN + 20);
    assert_int_equal(b->whole.ip.data[0], 0x45);
    assert_int_equal(b->whole.ip.data[2] << 8 | b->whole.ip.data[3], LEN + 20);
}

static void any_order_gives_the_whole(void **state)
{
    struct bench *b = *state;
    static const size_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (uint32_t i = 0; i < 6; i++) {
        assert_false(part_add(b, i, orders[i][0] * PART, PART));
        assert_false(part_add(b, i, orders[i][1] * PART, PART));
        assert_true(part_add(b, i, orders[i][2] * PART, PART));
        assert_whole(b);
    }
    assert_int_equal(fragments_dropped(b->fragments), 0);
}

static void datagrams_that_mix_are_kept_apart(void **state)
{
    struct bench *b = *state;
    for (size_t offset = 0; offset < 2 * PART; offset += PART) {
        for (uint32_t id = 0; id < 50; id++)
            assert_false(part_add(b, id, offset, PART));
    }
    for (uint32_t id = 0; id < 50; id++) {
        assert_true(part_add(b, id, 2 * PART, PART));
        assert_whole(b);
    }
}

static void a_copy_changes_nothing(void **state)
{
    struct bench *b = *state;
    for (size_t offset = 0; offset < 2 * PART; offset += PART) {
        assert_false(part_add(b, 1, offset, PART));
        assert_false(part_add(b, 1, offset, PART));
    }
    assert_true(part_add(b, 1, 2 * PART, PART));
    assert_whole(b);
    size_t used = b->budget.used;
    assert_false(part_add(b, 1, 2 * PART, PART));
    assert_int_equal(b->budget.used, used);
    assert_int_equal(fragments_dropped(b->fragments), 0);
}

static void a_number_used_again_is_a_new_datagram(void **state)
{
    struct bench *b = *state;
    for (int64_t round = 0; round < 3; round++) {
        for (size_t offset = 0; offset < LEN; offset += PART) {
            struct fragment part = part_of(b, 1, offset, PART);
            part.ns = round * CLOCK_SECOND_NS;
            assert_true(fragments_add(b->fragments, &b->whole, &part) == (offset == 2 * PART));
        }
        assert_whole(b);
    }
}

static void an_overlap_costs_the_whole_datagram(void **state)
{
    struct bench *b = *state;
    assert_false(part_add(b, 1, 0, PART));
    assert_false(part_add(b, 1, PART - 8, PART + 8));
    assert_false(part_add(b, 1, PART, PART));
    assert_false(part_add(b, 1, 2 * PART, PART));
    assert_int_equal(fragments_dropped(b->fragments), 4);
}

static void a_copy_with_other_bytes_is_an_overlap(void **state)
{
    struct bench *b = *state;
    struct fragment forged = part_of(b, 1, 0, PART);
    forged.data.data++;
    assert_false(part_add(b, 1, 0, PART));
    assert_false(fragments_add(b->fragments, &b->whole, &forged));
    assert_false(part_add(b, 1, PART, PART));
    assert_false(part_add(b, 1, 2 * PART, PART));
    assert_int_equal(fragments_dropped(b->fragments), 4);
}

static void ends_that_contradict_cost_the_datagram(void **state)
{
    struct bench *b = *state;
    struct fragment early = part_of(b, 1, PART, PART), beyond = part_of(b, 2, LEN, 8);
    early.is_last = true;
    assert_false(part_add(b, 1, 2 * PART, PART));
    assert_false(fragments_add(b->fragments, &b->whole, &early));
    assert_false(part_add(b, 1, 0, PART));
    assert_int_equal(fragments_dropped(b->fragments), 3);
    assert_false(part_add(b, 2, 2 * PART, PART));
    assert_false(fragments_add(b->fragments, &b->whole, &beyond));
    assert_int_equal(fragments_dropped(b->fragments), 5);
}

static void odd_empty_and_oversized_fragments_are_refused(void **state)
{
    struct bench *b = *state;
    struct fragment huge = part_of(b, 4, 65528, 8);
    assert_false(part_add(b, 1, 0, 1001));
    assert_false(part_add(b, 2, 0, 0));
    huge.is_last = true;
    assert_false(fragments_add(b->fragments, &b->whole, &huge));
    assert_int_equal(fragments_dropped(b->fragments), 3);
    assert_int_equal(b->budget.used, 0);
}

static void the_largest_datagram_fits(void **state)
{
    struct bench *b = *state;
    size_t end = FRAGMENTED_LEN_MAX - 20;
    for (size_t offset = 0; offset < end; offset += 1480) {
        struct fragment part = part_of(b, 1, offset, end - offset < 1480 ? end - offset : 1480);
        part.is_last = offset + 1480 >= end;
        assert_true(fragments_add(b->fragments, &b->whole, &part) == part.is_last);
    }
    assert_int_equal(b->whole.ip.len, FRAGMENTED_LEN_MAX);
    assert_memory_equal(b->whole.payload.data, b->payload, end);
}

static void what_is_missing_for_too_long_is_given_up(void **state)
{
    struct bench *b = *state;
    struct fragment late = part_of(b, 1, 2 * PART, PART);
    assert_false(part_add(b, 1, 0, PART));
    assert_false(part_add(b, 1, PART, PART));
    late.ns = FRAGMENTS_TIMEOUT_NS + 1;
    assert_false(fragments_add(b->fragments, &b->whole, &late));
    assert_int_equal(fragments_dropped(b->fragments), 2);
}

static void just_in_time_is_in_time(void **state)
{
    struct bench *b = *state;
    struct fragment late = part_of(b, 1, 2 * PART, PART);
    assert_false(part_add(b, 1, 0, PART));
    assert_false(part_add(b, 1, PART, PART));
    late.ns = FRAGMENTS_TIMEOUT_NS;
    assert_true(fragments_add(b->fragments, &b->whole, &late));
}

static void the_oldest_goes_where_there_are_too_many(void **state)
{
    struct bench *b = *state;
    for (uint32_t id = 0; id < FRAGMENTS_MAX + 10; id++)
        assert_false(part_add(b, id, 0, PART));
    assert_int_equal(fragments_dropped(b->fragments), 10);
    assert_true(b->budget.used <= FRAGMENTS_BYTES_MAX);
}

static void the_oldest_goes_where_they_hold_too_much(void **state)
{
    struct bench *b = *state;
    for (uint32_t id = 0; id < 500; id++) {
        struct fragment part = part_of(b, id, 60000, 8);
        assert_false(fragments_add(b->fragments, &b->whole, &part));
        assert_true(b->budget.used <= FRAGMENTS_BYTES_MAX);
    }
    assert_true(fragments_dropped(b->fragments) > 300);
    assert_false(part_add(b, 1000, 0, PART));
    assert_false(part_add(b, 1000, PART, PART));
    assert_true(part_add(b, 1000, 2 * PART, PART));
}

static void without_memory_a_datagram_is_refused(void **state)
{
    struct bench *b = *state;
    b->budget.bytes_max = 100;
    assert_false(part_add(b, 1, 0, PART));
    assert_int_equal(fragments_dropped(b->fragments), 1);
    assert_int_equal(b->budget.denied, 1);
    b->budget.bytes_max = 64 << 20;
    assert_false(part_add(b, 1, PART, PART));
    assert_int_equal(fragments_dropped(b->fragments), 2);
}

/* Cuts the frame's bytes into IPv4 fragments of 16 bytes and decodes them, the last one captured
 * without its last bytes; the last result. */
static enum decoded decode_parts(struct bench *b, struct decoder *d, struct datagram *out,
                                 size_t last_cut)
{
    struct frame *whole = malloc(sizeof(*whole));
    enum decoded decoded = DECODED_UNKNOWN;
    assert_non_null(whole);
    memcpy(whole, &b->frame, sizeof(*whole));
    for (size_t offset = 0; offset < whole->len; offset += 16) {
        size_t len = whole->len - offset < 16 ? whole->len - offset : 16;
        bool is_last = offset + len == whole->len;
        frame_payload(&b->frame, whole->data + offset, len);
        frame_wrap_ipv4_part(&b->frame, whole->data[0] >> 4 == 4 ? 4 : PROTOCOL_TCP, 9, 77,
                             (uint16_t)(offset / 8 | (is_last ? 0 : 0x2000)));
        struct packet packet = {.data = {b->frame.data, b->frame.len - (is_last ? last_cut : 0)},
                                .wire_len = (uint32_t)b->frame.len,
                                .link = DLT_RAW};
        decoded = decode_frame(d, &packet, out);
        assert_true(is_last || decoded == DECODED_FRAGMENT);
    }
    free(whole);
    return decoded;
}

static void segment_build(struct bench *b)
{
    frame_payload(&b->frame, "hello, fragments", 16);
    frame_wrap_tcp(&b->frame, (struct tcp_of){.source = 40000, .destination = 5432});
}

static void the_decoder_gives_ipv4_fragments_as_one(void **state)
{
    struct bench *b = *state;
    struct datagram out;
    struct decoder *d = decoder_open(&b->budget);
    segment_build(b);
    assert_int_equal(decode_parts(b, d, &out, 0), DECODED_DATAGRAM);
    assert_int_equal(out.protocol, PROTOCOL_TCP);
    assert_int_equal(out.id, 77);
    assert_int_equal(out.payload_len, 36);
    assert_memory_equal(out.payload.data + 20, "hello, fragments", 16);
    assert_int_equal(out.ip.len, 56);
    decoder_close(d);
}

static void a_tunnel_inside_fragments_is_opened(void **state)
{
    struct bench *b = *state;
    struct datagram out;
    char printed[ADDRESS_TEXT_MAX];
    struct decoder *d = decoder_open(&b->budget);
    segment_build(b);
    frame_wrap_ipv4(&b->frame, PROTOCOL_TCP, 1);
    assert_int_equal(decode_parts(b, d, &out, 0), DECODED_DATAGRAM);
    (void)address_print(&out.source, printed);
    assert_string_equal(printed, "10.1.0.1");
    assert_memory_equal(out.payload.data + 20, "hello, fragments", 16);
    decoder_close(d);
}

static void fragments_cut_by_the_snap_length_are_counted(void **state)
{
    struct bench *b = *state;
    struct datagram out;
    struct decoder *d = decoder_open(&b->budget);
    segment_build(b);
    assert_int_equal(decode_parts(b, d, &out, 1), DECODED_FRAGMENT);
    assert_int_equal(decoder_fragments_dropped(d), 1);
    decoder_close(d);
}

static void the_decoder_gives_ipv6_fragments_as_one(void **state)
{
    struct bench *b = *state;
    struct datagram out;
    uint8_t segment[36];
    struct decoder *d = decoder_open(&b->budget);
    static const char *const headers[] = {"0600 0001 00000007", "0600 0011 00000007",
                                          "0600 0020 00000007"};
    segment_build(b);
    memcpy(segment, b->frame.data, sizeof(segment));
    for (size_t i = 3; i-- > 0;) {
        frame_payload(&b->frame, segment + i * 16, i == 2 ? 4 : 16);
        frame_wrap_hex(&b->frame, headers[i]);
        frame_wrap_hex(&b->frame, "2c00 010400000000");
        frame_wrap_ipv6(&b->frame, 60, 1);
        struct packet packet = {.data = {b->frame.data, b->frame.len},
                                .wire_len = (uint32_t)b->frame.len,
                                .link = DLT_RAW};
        assert_int_equal(decode_frame(d, &packet, &out), i ? DECODED_FRAGMENT : DECODED_DATAGRAM);
    }
    assert_int_equal(out.protocol, PROTOCOL_TCP);
    assert_int_equal(out.payload_len, 36);
    assert_memory_equal(out.payload.data, segment, 36);
    assert_int_equal(out.ip.len, 76);
    assert_int_equal(out.ip.data[5], 36);
    assert_int_equal(out.ip.data[6], PROTOCOL_TCP);
    decoder_close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_order_gives_the_whole),
        TEST(datagrams_that_mix_are_kept_apart),
        TEST(a_copy_changes_nothing),
        TEST(a_number_used_again_is_a_new_datagram),
        TEST(an_overlap_costs_the_whole_datagram),
        TEST(a_copy_with_other_bytes_is_an_overlap),
        TEST(ends_that_contradict_cost_the_datagram),
        TEST(odd_empty_and_oversized_fragments_are_refused),
        TEST(the_largest_datagram_fits),
        TEST(what_is_missing_for_too_long_is_given_up),
        TEST(just_in_time_is_in_time),
        TEST(the_oldest_goes_where_there_are_too_many),
        TEST(the_oldest_goes_where_they_hold_too_much),
        TEST(without_memory_a_datagram_is_refused),
        TEST(the_decoder_gives_ipv4_fragments_as_one),
        TEST(a_tunnel_inside_fragments_is_opened),
        TEST(fragments_cut_by_the_snap_length_are_counted),
        TEST(the_decoder_gives_ipv6_fragments_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
