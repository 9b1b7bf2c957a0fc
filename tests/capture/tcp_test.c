/*
 * The laws of TCP order, over conversations of frames that are made here: whatever a mirror does to
 * them, each byte is given on once and in order, and what is missing is told exactly.
 */
#include "tests/cmocka.h"

#include "capture/capture.h"

#include <pcap/dlt.h>
#include <stdlib.h>

enum {
    FRAMES_MAX = 4096,
    FRAME_LEN_MAX = 2048,
    STREAM_MAX = 65536,
    HEADERS_LEN = 14 + 20 + 20,
    FIN = 1,
    SYN = 2,
    RST = 4,
    ACK = 16,
};

struct frame {
    int64_t ns;
    unsigned direction;
    uint32_t at, payload_len; /* the payload's place in its stream */
    size_t len;
    uint8_t bytes[FRAME_LEN_MAX];
};

/* Frames of one connection, and what each side sent. */
struct conversation {
    struct frame *frames;
    size_t count;
    uint8_t sent[2][STREAM_MAX];
    uint32_t sent_len[2], first[2]; /* first: the SYN's number */
    int64_t ns;
    uint16_t id;
};

/* What came out. */
struct heard {
    uint8_t bytes[2][STREAM_MAX]; /* lost ones stay zero */
    bool is_given[2][STREAM_MAX];
    uint32_t len[2], lost[2];
    unsigned gaps[2], ends[2], closes;
    bool is_midstream, roles_sure;
    uint16_t client_port;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static struct frame *frame_add(struct conversation *c, unsigned direction, uint32_t at,
                               uint32_t payload_len, unsigned flags)
{
    struct frame *f = &c->frames[c->count++];
    assert_true(c->count <= FRAMES_MAX);
    *f = (struct frame){.direction = direction,
                        .at = at,
                        .payload_len = payload_len,
                        .len = HEADERS_LEN + payload_len};
    f->ns = c->ns += 10000;
    uint8_t *ip = f->bytes + 14, *tcp = ip + 20;
    put16(f->bytes + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 40 + payload_len);
    put16(ip + 4, ++c->id);
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, 0x0a000001 + direction);
    put32(ip + 16, 0x0a000002 - direction);
    put16(tcp, direction ? 5432 : 40000);
    put16(tcp + 2, direction ? 40000 : 5432);
    put32(tcp + 4, c->first[direction] + (flags & SYN ? 0 : 1 + at));
    put32(tcp + 8, c->first[direction ^ 1] + 1 + c->sent_len[direction ^ 1]);
    tcp[12] = 0x50;
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, 65535);
    memcpy(tcp + 20, c->sent[direction] + at, payload_len);
    return f;
}

static void say(struct conversation *c, unsigned direction, uint32_t len, uint32_t segment_max)
{
    uint32_t at = c->sent_len[direction], end = at + len;
    for (uint32_t i = at; i < end; i++)
        c->sent[direction][i] = (uint8_t)(1 + (i * 7 + direction * 101) % 250);
    while (at < end) {
        uint32_t piece = end - at < segment_max ? end - at : segment_max;
        (void)frame_add(c, direction, at, piece, ACK);
        at += piece;
        c->sent_len[direction] = at;
    }
}

/* A connection with some requests and replies, opened and closed. */
static void converse(struct conversation *c, uint32_t client_first, uint32_t server_first,
                     uint32_t segment_max)
{
    *c = (struct conversation){
        .frames = c->frames, .first = {client_first, server_first}, .ns = 1000000000};
    (void)frame_add(c, 0, 0, 0, SYN);
    (void)frame_add(c, 1, 0, 0, SYN | ACK);
    (void)frame_add(c, 0, 0, 0, ACK);
    for (uint32_t i = 0; i < 6; i++) {
        say(c, 0, 20 + i * 3, segment_max);
        say(c, 1, 50 + i * 400, segment_max);
        (void)frame_add(c, 0, c->sent_len[0], 0, ACK);
    }
    (void)frame_add(c, 0, c->sent_len[0], 0, FIN | ACK);
    struct frame *last = frame_add(c, 1, c->sent_len[1], 0, FIN | ACK);
    put32(last->bytes + 14 + 20 + 8, client_first + 2 + c->sent_len[0]);
    last = frame_add(c, 0, c->sent_len[0], 0, ACK);
    put32(last->bytes + 14 + 20 + 4, client_first + 2 + c->sent_len[0]);
    put32(last->bytes + 14 + 20 + 8, server_first + 2 + c->sent_len[1]);
}

static void on_data(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                    int64_t ns)
{
    struct heard *h = context;
    (void)ns;
    flow->user = h;
    h->is_midstream = flow->is_midstream;
    h->roles_sure = flow->roles_sure;
    h->client_port = flow->port[0];
    assert_true(h->len[direction] + data.len <= STREAM_MAX);
    for (size_t i = 0; i < data.len; i++) {
        h->bytes[direction][h->len[direction]] = data.data[i];
        h->is_given[direction][h->len[direction]++] = true;
    }
}

static void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                   int64_t ns)
{
    struct heard *h = context;
    (void)ns;
    flow->user = h;
    h->gaps[direction]++;
    h->lost[direction] += (uint32_t)lost;
    h->len[direction] += (uint32_t)lost;
    assert_true(h->len[direction] <= STREAM_MAX);
}

static void on_end(void *context, struct flow_view *flow, unsigned direction, int64_t ns)
{
    (void)flow;
    (void)ns;
    ((struct heard *)context)->ends[direction]++;
}

static void on_named(void *context, struct flow_view *flow, const char *name)
{
    (void)context;
    (void)flow;
    (void)name;
}

static void on_close(void *context, struct flow_view *flow, int64_t ns)
{
    (void)ns;
    assert_ptr_equal(flow->user, context);
    ((struct heard *)context)->closes++;
}

static const struct capture_events events = {
    .data = on_data, .gap = on_gap, .end = on_end, .named = on_named, .close = on_close};

static struct capture *open_capture(struct heard *h, size_t memory_max)
{
    memset(h, 0, sizeof(*h));
    struct capture *c = capture_open(
        &(struct capture_config){.flows_max = 100, .memory_max = memory_max}, &events, h);
    assert_non_null(c);
    return c;
}

static void hear_frame(struct capture *c, const struct frame *f, int64_t ns)
{
    struct packet packet = {
        .ns = ns, .data = {f->bytes, f->len}, .wire_len = (uint32_t)f->len, .link = DLT_EN10MB};
    capture_packet(c, &packet);
}

/* Everything in that order (NULL: as it is), at the times of its places. */
static struct capture_counters hear(const struct conversation *c, const size_t *order, size_t count,
                                    struct heard *h)
{
    struct capture *capture = open_capture(h, 1 << 20);
    for (size_t i = 0; i < count; i++)
        hear_frame(capture, &c->frames[order ? order[i] : i], c->frames[0].ns + (int64_t)i * 10000);
    capture_flush(capture);
    struct capture_counters counters = capture_counters(capture);
    assert_int_equal(capture_budget(capture)->used, 0);
    capture_close(capture);
    return counters;
}

static void assert_all_heard(const struct conversation *c, const struct heard *h)
{
    for (unsigned d = 0; d < 2; d++) {
        assert_int_equal(h->len[d], c->sent_len[d]);
        assert_int_equal(h->gaps[d], 0);
        assert_memory_equal(h->bytes[d], c->sent[d], c->sent_len[d]);
        assert_int_equal(h->ends[d], 1);
    }
    assert_int_equal(h->closes, 1);
}

struct fixture {
    struct conversation conversation;
    struct heard heard;
    size_t order[FRAMES_MAX * 2];
};

static int make_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    f->conversation.frames = calloc(FRAMES_MAX, sizeof(*f->conversation.frames));
    *state = f;
    return f->conversation.frames ? 0 : -1;
}

static int free_fixture(void **state)
{
    struct fixture *f = *state;
    free(f->conversation.frames);
    free(f);
    return 0;
}

static void a_whole_connection_is_given_on_whole(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    struct capture_counters counters =
        hear(&f->conversation, NULL, f->conversation.count, &f->heard);
    assert_all_heard(&f->conversation, &f->heard);
    assert_false(f->heard.is_midstream);
    assert_true(f->heard.roles_sure);
    assert_int_equal(counters.flows_tcp, 1);
    assert_int_equal(counters.retransmitted_bytes, 0);
    assert_int_equal(counters.duplicates, 0);
}

static void sequence_numbers_wrap_around(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, UINT32_MAX - 30, UINT32_MAX - 700, 300);
    (void)hear(&f->conversation, NULL, f->conversation.count, &f->heard);
    assert_all_heard(&f->conversation, &f->heard);
}

static void pieces_of_one_byte_are_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;
    *c = (struct conversation){.frames = c->frames, .first = {5, 6}, .ns = 1000000000};
    (void)frame_add(c, 0, 0, 0, SYN);
    (void)frame_add(c, 1, 0, 0, SYN | ACK);
    say(c, 0, 100, 1);
    say(c, 1, 1000, 1);
    (void)frame_add(c, 0, c->sent_len[0], 0, FIN | ACK);
    (void)frame_add(c, 1, c->sent_len[1], 0, FIN | ACK);
    (void)hear(c, NULL, c->count, &f->heard);
    assert_all_heard(c, &f->heard);
}

static void frames_seen_twice_count_once(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    size_t count = 0;
    for (size_t i = 0; i < f->conversation.count; i++) {
        f->order[count++] = i;
        f->order[count++] = i;
    }
    struct capture_counters counters = hear(&f->conversation, f->order, count, &f->heard);
    assert_all_heard(&f->conversation, &f->heard);
    /* the double of the very last comes after the flow was closed */
    assert_true(counters.duplicates >= f->conversation.count - 2);
    assert_int_equal(counters.retransmitted_bytes, 0);
}

static void shuffled_within_a_window_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    uint32_t random = 99;
    for (int round = 0; round < 200; round++) {
        converse(&f->conversation, 1000, 2000, 200);
        size_t count = f->conversation.count;
        for (size_t i = 0; i < count; i++)
            f->order[i] = i;
        for (size_t i = 3; i < count; i++) { /* the handshake stays in front */
            random = random * 1664525 + 1013904223;
            size_t back = random >> 16 & 7, to = i > back + 3 ? i - back : 3;
            size_t moved = f->order[i];
            if (random >> 31)
                continue;
            memmove(f->order + to + 1, f->order + to, (i - to) * sizeof(*f->order));
            f->order[to] = moved;
        }
        (void)hear(&f->conversation, f->order, count, &f->heard);
        assert_all_heard(&f->conversation, &f->heard);
    }
}

/* The law that the rest stands on. */
static void a_lost_segment_costs_its_own_bytes(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    struct conversation *c = &f->conversation;
    for (size_t removed = 0; removed < c->count; removed++) {
        size_t count = 0;
        for (size_t i = 0; i < c->count; i++) {
            if (i != removed)
                f->order[count++] = i;
        }
        (void)hear(c, f->order, count, &f->heard);
        const struct frame *lost = &c->frames[removed];
        for (unsigned d = 0; d < 2; d++) {
            uint32_t expected = lost->direction == d ? lost->payload_len : 0;
            assert_int_equal(f->heard.lost[d], expected);
            assert_int_equal(f->heard.len[d], c->sent_len[d]);
            for (uint32_t i = 0; i < c->sent_len[d]; i++) {
                bool is_lost = expected > 0 && i >= lost->at && i < lost->at + lost->payload_len;
                assert_int_equal(f->heard.is_given[d][i], !is_lost);
                if (!is_lost)
                    assert_int_equal(f->heard.bytes[d][i], c->sent[d][i]);
            }
        }
    }
}

static void an_answer_waits_for_its_question(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 2000);
    struct conversation *c = &f->conversation;
    struct capture *capture = open_capture(&f->heard, 1 << 20);
    for (size_t i = 0; i < 3; i++)
        hear_frame(capture, &c->frames[i], c->ns);
    hear_frame(capture, &c->frames[4], c->ns);
    assert_int_equal(f->heard.len[1], 0);
    hear_frame(capture, &c->frames[3], c->ns);
    assert_int_equal(f->heard.len[0], 20);
    assert_int_equal(f->heard.len[1], 50);
    capture_flush(capture);
    capture_close(capture);
}

static void a_hole_becomes_a_gap_when_its_time_has_come(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 2000);
    struct conversation *c = &f->conversation;
    struct capture *capture = open_capture(&f->heard, 1 << 20);
    int64_t ns = c->ns;
    for (size_t i = 0; i < 3; i++)
        hear_frame(capture, &c->frames[i], ns);
    hear_frame(capture, &c->frames[4], ns); /* the question, frame 3, is missing */
    capture_tick(capture, ns + 150000000);
    assert_int_equal(f->heard.gaps[0], 0);
    capture_tick(capture, ns + 250000000);
    assert_int_equal(f->heard.gaps[0], 1);
    assert_int_equal(f->heard.lost[0], 20);
    assert_int_equal(f->heard.len[1], 50);
    capture_flush(capture);
    capture_close(capture);
}

static void one_direction_alone_is_given_on(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    for (unsigned kept = 0; kept < 2; kept++) {
        size_t count = 0;
        for (size_t i = 0; i < f->conversation.count; i++) {
            if (f->conversation.frames[i].direction == kept)
                f->order[count++] = i;
        }
        struct capture_counters counters = hear(&f->conversation, f->order, count, &f->heard);
        assert_int_equal(f->heard.len[kept], f->conversation.sent_len[kept]);
        assert_memory_equal(f->heard.bytes[kept], f->conversation.sent[kept], f->heard.len[kept]);
        assert_int_equal(f->heard.gaps[kept], 0);
        assert_int_equal(counters.flows_one_sided, 1);
        assert_int_equal(f->heard.client_port, 40000);
    }
}

static void a_connection_picked_up_in_its_middle_says_so(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    size_t count = 0;
    for (size_t i = 4; i < f->conversation.count; i++)
        f->order[count++] = i;
    struct capture_counters counters = hear(&f->conversation, f->order, count, &f->heard);
    assert_true(f->heard.is_midstream);
    assert_false(f->heard.roles_sure);
    assert_int_equal(f->heard.client_port, 40000);
    assert_int_equal(counters.flows_midstream, 1);
    assert_int_equal(f->heard.lost[0] + f->heard.lost[1], 0);
    assert_int_equal(f->heard.len[1], f->conversation.sent_len[1]);
}

/* More than may wait, before there was time for a SYN or for the other direction. */
static void full_flow_without_a_beginning_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;
    for (unsigned is_one_sided = 0; is_one_sided < 2; is_one_sided++) {
        *c = (struct conversation){.frames = c->frames, .first = {5, 6}, .ns = 1000000000};
        (void)frame_add(c, 1, 0, 0, SYN | ACK);
        say(c, 0, 300, 10);
        say(c, 1, 3000, 1);
        say(c, 0, 30, 10);
        size_t count = 0;
        for (size_t i = 0; i < c->count; i++) {
            bool is_kept = is_one_sided ? c->frames[i].direction == 1 : i > 0;
            if (is_kept)
                f->order[count++] = i;
        }
        (void)hear(c, f->order, count, &f->heard);
        assert_int_equal(f->heard.gaps[0] + f->heard.gaps[1], 0);
        assert_int_equal(f->heard.len[1], 3000);
        assert_memory_equal(f->heard.bytes[1], c->sent[1], 3000);
        assert_int_equal(f->heard.len[0], is_one_sided ? 0 : 330);
    }
}

static void a_frame_cut_short_loses_its_tail(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 2000);
    struct conversation *c = &f->conversation;
    struct capture *capture = open_capture(&f->heard, 1 << 20);
    for (size_t i = 0; i < c->count; i++) {
        const struct frame *frame = &c->frames[i];
        struct packet packet = {.ns = frame->ns,
                                .data = {frame->bytes, frame->len < 300 ? frame->len : 300},
                                .wire_len = (uint32_t)frame->len,
                                .link = DLT_EN10MB};
        capture_packet(capture, &packet);
    }
    capture_flush(capture);
    uint32_t lost = 0;
    for (size_t i = 0; i < c->count; i++)
        lost += c->frames[i].len > 300 ? (uint32_t)c->frames[i].len - 300 : 0;
    assert_int_equal(f->heard.lost[1], lost);
    assert_int_equal(f->heard.len[1], c->sent_len[1]);
    assert_true(capture_counters(capture).truncated > 0);
    capture_close(capture);
}

static void without_memory_a_hole_is_lost_at_once(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;
    *c = (struct conversation){.frames = c->frames, .first = {5, 6}, .ns = 1000000000};
    (void)frame_add(c, 0, 0, 0, SYN);
    (void)frame_add(c, 1, 0, 0, SYN | ACK);
    say(c, 1, 20000, 1000);
    struct capture *capture = open_capture(&f->heard, 4096);
    for (size_t i = 0; i < c->count; i++) {
        if (i != 2)
            hear_frame(capture, &c->frames[i], c->ns);
    }
    assert_int_equal(f->heard.gaps[1], 1);
    assert_int_equal(f->heard.lost[1], 1000);
    assert_int_equal(f->heard.len[1], 20000);
    assert_true(capture_budget(capture)->peak <= 4096);
    assert_true(capture_budget(capture)->denied > 0);
    capture_flush(capture);
    capture_close(capture);
}

static void a_new_connection_on_old_ports_is_another_flow(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    struct conversation *c = &f->conversation;
    struct capture *capture = open_capture(&f->heard, 1 << 20);
    for (size_t i = 0; i < 8; i++)
        hear_frame(capture, &c->frames[i], c->ns);
    converse(c, 777000, 888000, 500);
    memset(f->heard.len, 0, sizeof(f->heard.len));
    for (size_t i = 0; i < c->count; i++)
        hear_frame(capture, &c->frames[i], c->ns);
    capture_flush(capture);
    assert_int_equal(capture_counters(capture).flows_tcp, 2);
    assert_int_equal(f->heard.len[0], c->sent_len[0]);
    assert_int_equal(f->heard.len[1], c->sent_len[1]);
    assert_int_equal(f->heard.closes, 2);
    capture_close(capture);
}

static void what_comes_after_the_end_opens_no_flow(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    struct conversation *c = &f->conversation;
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        f->order[count++] = i;
    f->order[count++] = c->count - 4;
    f->order[count++] = c->count - 1;
    struct capture_counters counters = hear(c, f->order, count, &f->heard);
    assert_int_equal(counters.flows_tcp, 1);
    assert_all_heard(c, &f->heard);
}

static void the_oldest_flow_goes_at_the_bound(void **state)
{
    struct fixture *f = *state;
    converse(&f->conversation, 1000, 2000, 500);
    struct capture *capture = open_capture(&f->heard, 1 << 20);
    for (unsigned port = 0; port < 150; port++) {
        for (size_t i = 0; i < 4; i++) {
            struct frame frame = f->conversation.frames[i];
            put16(frame.bytes + 14 + 20 + (frame.direction ? 2 : 0), 20000 + port);
            hear_frame(capture, &frame, f->conversation.ns);
        }
    }
    assert_int_equal(capture_counters(capture).flows_evicted, 50);
    assert_int_equal(f->heard.closes, 50);
    capture_flush(capture);
    assert_int_equal(f->heard.closes, 150);
    capture_close(capture);
}

static void a_reset_ends_the_flow(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;
    *c = (struct conversation){.frames = c->frames, .first = {5, 6}, .ns = 1000000000};
    (void)frame_add(c, 0, 0, 0, SYN);
    (void)frame_add(c, 1, 0, 0, SYN | ACK);
    say(c, 0, 10, 100);
    (void)frame_add(c, 1, 0, 0, RST | ACK);
    struct capture *capture = open_capture(&f->heard, 1 << 20);
    for (size_t i = 0; i < c->count; i++)
        hear_frame(capture, &c->frames[i], c->ns);
    capture_tick(capture, c->ns + 1000000000);
    assert_int_equal(f->heard.closes, 1);
    capture_close(capture);
    assert_int_equal(f->heard.closes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_connection_is_given_on_whole),
        cmocka_unit_test(sequence_numbers_wrap_around),
        cmocka_unit_test(pieces_of_one_byte_are_the_same_bytes),
        cmocka_unit_test(frames_seen_twice_count_once),
        cmocka_unit_test(shuffled_within_a_window_nothing_is_lost),
        cmocka_unit_test(a_lost_segment_costs_its_own_bytes),
        cmocka_unit_test(an_answer_waits_for_its_question),
        cmocka_unit_test(a_hole_becomes_a_gap_when_its_time_has_come),
        cmocka_unit_test(one_direction_alone_is_given_on),
        cmocka_unit_test(a_connection_picked_up_in_its_middle_says_so),
        cmocka_unit_test(full_flow_without_a_beginning_loses_nothing),
        cmocka_unit_test(a_frame_cut_short_loses_its_tail),
        cmocka_unit_test(without_memory_a_hole_is_lost_at_once),
        cmocka_unit_test(a_new_connection_on_old_ports_is_another_flow),
        cmocka_unit_test(what_comes_after_the_end_opens_no_flow),
        cmocka_unit_test(the_oldest_flow_goes_at_the_bound),
        cmocka_unit_test(a_reset_ends_the_flow),
    };
    return cmocka_run_group_tests(tests, make_fixture, free_fixture);
}
