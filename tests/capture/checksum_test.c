/*
 * The sums are made here word by word, apart from those of the subject.
 */
#include "tests/cmocka.h"

#include "capture/checksum.h"
#include "core/cursor.h"
#include "tests/capture/packets.h"

#include <pcap/dlt.h>

enum { CHECKSUM_AT = 16 };

struct bench {
    struct budget budget;
    struct decoder *decoder;
    struct frame frame;
    struct datagram d;
    unsigned version;
};

static int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->budget.bytes_max = 1 << 20;
    b->decoder = decoder_open(&b->budget);
    assert_non_null(b->decoder);
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    decoder_close(b->decoder);
    free(b);
    return 0;
}

static uint32_t words(const uint8_t *at, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
    return sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

static uint8_t *tcp_of(struct bench *b)
{
    return b->frame.data + (b->version == 4 ? 20 : 40);
}

static size_t tcp_len(const struct bench *b)
{
    return b->frame.len - (b->version == 4 ? 20 : 40);
}

/* The sum of the pseudo header, with the segment's length or without. */
static uint32_t pseudo(const struct bench *b, bool has_len)
{
    const uint8_t *ip = b->frame.data;
    uint32_t ends = b->version == 4 ? words(ip + 12, 8) : words(ip + 8, 32);
    return ends + PROTOCOL_TCP + (has_len ? (uint32_t)tcp_len(b) : 0);
}

/* A segment with both checksums right. */
static void build(struct bench *b, unsigned version, size_t payload_len)
{
    static uint8_t payload[4000];
    for (size_t i = 0; i < payload_len; i++)
        payload[i] = (uint8_t)(i * 37 + 11);
    b->version = version;
    frame_payload(&b->frame, payload, payload_len);
    frame_wrap_tcp(&b->frame, (struct tcp_of){.source = 40000, .destination = 5432, .seq = 77});
    if (version == 4)
        frame_wrap_ipv4(&b->frame, PROTOCOL_TCP, 3);
    else
        frame_wrap_ipv6(&b->frame, PROTOCOL_TCP, 3);
    if (version == 4)
        put16(b->frame.data + 10, (uint16_t)~folded(words(b->frame.data, 20)));
    put16(tcp_of(b) + CHECKSUM_AT,
          (uint16_t)~folded(pseudo(b, true) + words(tcp_of(b), tcp_len(b))));
}

static enum checksum look_cut(struct bench *b, size_t captured)
{
    uint8_t *copy = bytes_copy(b->frame.data, captured);
    struct packet packet = {
        .data = {copy, captured}, .wire_len = (uint32_t)b->frame.len, .link = DLT_RAW};
    assert_int_equal(decode_frame(b->decoder, &packet, &b->d), DECODED_DATAGRAM);
    struct cursor in = cursor_over(b->d.payload);
    cursor_skip(&in, CHECKSUM_AT);
    enum checksum checksum = checksum_of(&b->d, cursor_be16(&in));
    free(copy);
    return checksum;
}

static enum checksum look(struct bench *b)
{
    return look_cut(b, b->frame.len);
}

static void what_is_whole_is_right(void **state)
{
    struct bench *b = *state;
    for (size_t payload_len = 0; payload_len <= 1440; payload_len += 1 + payload_len / 7) {
        build(b, 4, payload_len);
        assert_int_equal(look(b), CHECKSUM_RIGHT);
        build(b, 6, payload_len);
        assert_int_equal(look(b), CHECKSUM_RIGHT);
    }
}

static void any_wrong_byte_is_seen(void **state)
{
    struct bench *b = *state;
    for (unsigned version = 4; version <= 6; version += 2) {
        build(b, version, 31);
        for (size_t at = 0; at < tcp_len(b); at++) {
            if (at == 12)
                continue; /* another length of the header */
            tcp_of(b)[at] ^= 0x10;
            assert_int_equal(look(b), CHECKSUM_WRONG);
            tcp_of(b)[at] ^= 0x10;
        }
        assert_int_equal(look(b), CHECKSUM_RIGHT);
    }
}

static void a_wrong_ip_header_is_seen(void **state)
{
    struct bench *b = *state;
    build(b, 4, 100);
    b->frame.data[8]--; /* its TTL alone */
    assert_int_equal(look(b), CHECKSUM_WRONG);
    put16(b->frame.data + 10, 0); /* left to the card */
    assert_int_equal(look(b), CHECKSUM_RIGHT);
}

static void what_is_left_to_the_card_cannot_be_told(void **state)
{
    struct bench *b = *state;
    for (unsigned version = 4; version <= 6; version += 2) {
        for (unsigned has_len = 0; has_len < 2; has_len++) {
            build(b, version, 100);
            put16(tcp_of(b) + CHECKSUM_AT, folded(pseudo(b, has_len)));
            assert_int_equal(look(b), CHECKSUM_UNKNOWN);
        }
    }
}

static void what_is_cut_or_merged_cannot_be_told(void **state)
{
    struct bench *b = *state;
    build(b, 4, 100);
    assert_int_equal(look_cut(b, b->frame.len - 1), CHECKSUM_UNKNOWN);
    build(b, 4, CHECKSUM_LEN_MAX - 40);
    assert_int_equal(look(b), CHECKSUM_RIGHT);
    build(b, 4, CHECKSUM_LEN_MAX - 39);
    assert_int_equal(look(b), CHECKSUM_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_is_right),
        cmocka_unit_test(any_wrong_byte_is_seen),
        cmocka_unit_test(a_wrong_ip_header_is_seen),
        cmocka_unit_test(what_is_left_to_the_card_cannot_be_told),
        cmocka_unit_test(what_is_cut_or_merged_cannot_be_told),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
