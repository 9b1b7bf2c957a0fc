/*
 * nDPI over flows built in memory, and Community ID against its specification's own examples
 * (github.com/corelight/community-id-spec).
 */
#include "tests/cmocka.h"

#include "capture/capture.h"
#include "capture/classify.h"
#include "tests/capture/packets.h"

enum { TCP = 6, SERVER_PORT = 40022 };

static int bench_open(void **state)
{
    *state = classify_open(0);
    return *state ? 0 : -1;
}

static int bench_close(void **state)
{
    classify_close(*state);
    return 0;
}

/* Shows a segment from the client (or the server) with that payload. */
static const char *segment_show(struct classify *c, int32_t *slot, bool from_server,
                                const void *payload, size_t len)
{
    struct frame *f = malloc(sizeof(*f));
    struct tcp_of tcp = {.source = from_server ? SERVER_PORT : 50000,
                         .destination = from_server ? 50000 : SERVER_PORT,
                         .seq = 1000,
                         .ack = 2000,
                         .flags = TCP_PSH | TCP_ACK};
    assert_non_null(f);
    frame_payload(f, payload, len);
    frame_wrap_tcp(f, tcp);
    frame_wrap_ipv4(f, TCP, 1);
    if (from_server) { /* its addresses the other way round */
        f->data[15] = 2;
        f->data[19] = 1;
    }
    const char *name = classify_packet(c, slot, (struct bytes){f->data, f->len}, 1000000000);
    free(f);
    return name;
}

static void ssh_is_named(void **state)
{
    int32_t slot = -1;
    static const char banner[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    const char *name = segment_show(*state, &slot, true, banner, sizeof(banner) - 1);
    if (!name)
        name = segment_show(*state, &slot, false, banner, sizeof(banner) - 1);
    assert_non_null(name);
    assert_string_equal(name, "ssh");
    assert_int_equal(slot, -1);
}

static void tls_is_named_by_protocol_and_not_by_service(void **state)
{
    int32_t slot = -1;
    uint8_t hello[256];
    size_t len = hex_read("16 0301 004f 01 00004b 0303"
                          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                          "00 0004 c02f 1301 01 00 001e"
                          "0000 0013 0011 00 000e 7777772e676f6f676c652e636f6d"
                          "000a 0003 0000 1d",
                          hello, sizeof(hello));
    const char *name = NULL;
    for (unsigned i = 0; i < CLASSIFY_PACKETS_MAX && !name; i++)
        name = segment_show(*state, &slot, false, hello, len);
    assert_non_null(name);
    assert_string_equal(name, "tls");
}

static void what_nobody_knows_is_unknown_after_some_packets(void **state)
{
    int32_t slot = -1;
    const char *name = NULL;
    unsigned shown = 0;
    for (; shown < 100 && !name; shown++) {
        uint8_t noise[64];
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)(0x80 | (i * 37 + shown * 101));
        name = segment_show(*state, &slot, shown % 2, noise, sizeof(noise));
    }
    assert_string_equal(name, "unknown");
    assert_int_equal(shown, CLASSIFY_PACKETS_MAX);
    assert_int_equal(slot, -1);
}

static void a_full_pool_refuses_and_counts(void **state)
{
    int32_t slots[CLASSIFY_FLOWS_MAX + 1];
    for (size_t i = 0; i <= CLASSIFY_FLOWS_MAX; i++) {
        slots[i] = -1;
        assert_null(segment_show(*state, &slots[i], false, "\x80\x81\x82", 3));
        assert_int_equal(slots[i] < 0, i == CLASSIFY_FLOWS_MAX);
    }
    assert_int_equal(classify_refused(*state), 1);
    classify_forget(*state, &slots[5]);
    assert_int_equal(slots[5], -1);
    assert_null(segment_show(*state, &slots[CLASSIFY_FLOWS_MAX], false, "\x80\x81\x82", 3));
    assert_true(slots[CLASSIFY_FLOWS_MAX] >= 0);
    assert_int_equal(classify_refused(*state), 1);
    classify_forget(*state, &slots[5]);
}

static void broken_packets_do_no_harm(void **state)
{
    static const uint8_t bytes[60] = {0x4f, 0, 0xff, 0xff};
    for (size_t len = 0; len < sizeof(bytes); len++) {
        int32_t slot = -1;
        uint8_t *copy = bytes_copy(bytes, len);
        (void)classify_packet(*state, &slot, (struct bytes){copy, len}, 0);
        classify_forget(*state, &slot);
        free(copy);
    }
}

static const struct community_case {
    const char *source, *destination;
    uint16_t ports[2];
    const char *id;
} community_cases[] = {
    {"128.232.110.120", "66.35.250.204", {34855, 80}, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"66.35.250.204", "128.232.110.120", {80, 34855}, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"2001:470:e5bf:dead:4957:2174:e82c:4887",
     "2607:f8b0:400c:c03::1a",
     {63943, 25},
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
    {"2607:f8b0:400c:c03::1a",
     "2001:470:e5bf:dead:4957:2174:e82c:4887",
     {25, 63943},
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
};

static void community_ids_are_those_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(community_cases) / sizeof(community_cases[0]); i++) {
        const struct community_case *c = &community_cases[i];
        struct flow_view flow = {.port = {c->ports[0], c->ports[1]}};
        char text[COMMUNITY_ID_MAX];
        assert_true(address_parse(&flow.ip[0], bytes_of(c->source)));
        assert_true(address_parse(&flow.ip[1], bytes_of(c->destination)));
        assert_int_equal(capture_community_id(&flow, text), strlen(c->id));
        assert_string_equal(text, c->id);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ssh_is_named),
        TEST(tls_is_named_by_protocol_and_not_by_service),
        TEST(what_nobody_knows_is_unknown_after_some_packets),
        TEST(a_full_pool_refuses_and_counts),
        TEST(broken_packets_do_no_harm),
        cmocka_unit_test(community_ids_are_those_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
