/*
 * The feed with a small protocol: what it copies, how often it asks, how it finds its way again.
 * Work is counted in calls of the analyzer, never in time.
 */
#include "tests/cmocka.h"

#include "tests/analyzers/fake.h"

enum { MEMORY_ENOUGH = 1 << 24 };

struct test {
    struct fake_exchange *e;
    struct fake_text text;
};

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    t->e = fake_open(MEMORY_ENOUGH);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    fake_close(t->e);
    free(t);
    return 0;
}

/* Gives what was written, and begins a new text. */
static void give(struct test *t, enum side side, size_t piece)
{
    fake_give(t->e, side, fake_bytes(&t->text), piece);
    t->text.len = 0;
}

/* What is kept of a feed's bytes takes no request's memory into account. */
static size_t buffered(const struct test *t, enum side side)
{
    return t->e->feed[side].buffer_size;
}

static void whole_messages_are_read_where_they_lie(void **state)
{
    struct test *t = *state;
    for (int i = 0; i < 100; i++)
        fake_add(&t->text, 'S', (size_t)i);
    give(t, SIDE_SERVER, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 100);
    assert_int_equal(t->e->fake.parses, 100);
    assert_int_equal(buffered(t, SIDE_SERVER), 0);
    assert_int_equal(t->e->transactions, 100);
}

static void a_message_in_single_bytes_is_asked_for_three_times(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'S', 1500);
    give(t, SIDE_CLIENT, 1);
    assert_int_equal(t->e->fake.messages, 1);
    assert_int_equal(t->e->fake.parses, 3); /* the header, its length, the whole */
    assert_int_equal(buffered(t, SIDE_CLIENT), 0);
}

static void pieces_of_any_length_give_the_same(void **state)
{
    struct test *t = *state;
    static const size_t pieces[] = {1, 2, 3, 5, 64, 513, 1999, SIZE_MAX};
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        t->e->transactions = 0;
        t->e->server_bytes = 0;
        for (size_t i = 0; i < 60; i++)
            fake_add(&t->text, i % 3 ? 'S' : 'P', i * 31);
        size_t len = t->text.len;
        give(t, SIDE_SERVER, pieces[p]);
        assert_int_equal(t->e->transactions, 60);
        assert_int_equal(t->e->server_bytes, len);
        assert_int_equal(t->e->last.server_bytes, FAKE_HEADER_LEN + 59 * 31);
    }
}

static void many_small_messages_behind_a_kept_one_are_not_copied(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'S', 10);
    fake_give(t->e, SIDE_CLIENT, bytes_first(fake_bytes(&t->text), 5), SIZE_MAX);
    struct bytes rest = bytes_from(fake_bytes(&t->text), 5);
    for (int i = 0; i < 10000; i++)
        fake_add(&t->text, 'S', 10);
    rest.len = t->text.len - 5;
    size_t before = t->e->budget.used;
    t->e->budget.peak = before;
    t->e->feed[SIDE_CLIENT].side = SIDE_SERVER; /* so that no requests are kept */
    fake_give(t->e, SIDE_CLIENT, rest, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 10001);
    assert_in_range(t->e->budget.peak - before, 0, 4096);
}

static void a_skip_is_passed_over_without_copying(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'P', 60000);
    fake_add(&t->text, 'S', 1);
    give(t, SIDE_CLIENT, SIZE_MAX);
    size_t peak = t->e->budget.peak;
    fake_add(&t->text, 'P', 60000);
    struct bytes text = fake_bytes(&t->text);
    fake_give(t->e, SIDE_CLIENT, bytes_first(text, FAKE_HEADER_LEN), SIZE_MAX);
    uint64_t parses = t->e->fake.parses;
    fake_give(t->e, SIDE_CLIENT, bytes_from(text, FAKE_HEADER_LEN), 1000);
    assert_int_equal(t->e->fake.parses, parses);
    assert_int_equal(buffered(t, SIDE_CLIENT), 0);
    /* no more than the requests take */
    assert_in_range(t->e->budget.peak - peak, 0, 2 * sizeof(struct request));
    assert_int_equal(t->e->fake.passed, 2 * 60000);
    fake_flush(t->e);
    assert_int_equal(t->e->last.client_bytes, FAKE_HEADER_LEN + 60000);
}

static void a_gap_inside_a_skip_costs_only_its_bytes(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'P', 1000);
    fake_give(t->e, SIDE_CLIENT, bytes_first(fake_bytes(&t->text), 203), SIZE_MAX);
    assert_false(feed_gap(&t->e->feed[SIDE_CLIENT], 700, 2));
    fake_give(t->e, SIDE_CLIENT, bytes_first(fake_bytes(&t->text), 100), SIZE_MAX);
    t->text.len = 0;
    fake_add(&t->text, 'S', 7);
    give(t, SIDE_CLIENT, SIZE_MAX);
    assert_int_equal(t->e->fake.gaps, 0);
    assert_int_equal(t->e->fake.messages, 2);
    assert_int_equal(t->e->fake.passed, 1000); /* the missing ones were part of the body */
    assert_int_equal(t->e->x.position[SIDE_CLIENT], FAKE_HEADER_LEN + 1000 + FAKE_HEADER_LEN + 7);
    fake_flush(t->e);
    assert_int_equal(t->e->client_bytes, FAKE_HEADER_LEN + 300 + FAKE_HEADER_LEN + 7);
    assert_int_equal(t->e->lost_bytes, 700);
}

static void a_gap_that_ends_with_the_skip_is_inside_it(void **state)
{
    struct test *t = *state;
    fake_add_header(&t->text, 'P', 500);
    give(t, SIDE_SERVER, SIZE_MAX);
    assert_int_equal(t->e->transactions, 0);
    assert_false(feed_gap(&t->e->feed[SIDE_SERVER], 500, 2));
    assert_int_equal(t->e->transactions, 1); /* the message is at its end */
    assert_int_equal(t->e->last.lost_bytes, 500);
    fake_add(&t->text, 'S', 7);
    give(t, SIDE_SERVER, SIZE_MAX);
    assert_int_equal(t->e->transactions, 2);
}

static void a_gap_beyond_the_skip_is_told_without_it(void **state)
{
    struct test *t = *state;
    fake_add_header(&t->text, 'P', 500);
    give(t, SIDE_CLIENT, SIZE_MAX);
    assert_true(feed_gap(&t->e->feed[SIDE_CLIENT], 501, 2));
    assert_int_equal(t->e->fake.gaps, 1);
    assert_int_equal(t->e->fake.gap_bytes, 1);
    assert_true(t->e->feed[SIDE_CLIENT].is_lost);
    assert_int_equal(t->e->x.position[SIDE_CLIENT], FAKE_HEADER_LEN + 501);
}

static void after_a_gap_three_messages_in_a_chain_are_a_start(void **state)
{
    struct test *t = *state;
    for (size_t piece = 1; piece < 40; piece++) {
        assert_true(feed_gap(&t->e->feed[SIDE_CLIENT], 10, 2));
        uint64_t before = t->e->fake.messages;
        fake_add_filling(&t->text, '?', 50);
        fake_add(&t->text, 'S', 9);
        fake_add(&t->text, 'P', 0);
        fake_add(&t->text, 'S', 5);
        give(t, SIDE_CLIENT, piece);
        assert_int_equal(t->e->fake.messages, before + 3);
        assert_int_equal(t->e->feed_owner.resyncs, piece);
    }
}

static void two_in_a_chain_are_none(void **state)
{
    struct test *t = *state;
    assert_true(feed_gap(&t->e->feed[SIDE_CLIENT], 10, 2));
    fake_add(&t->text, 'S', 9);
    fake_add(&t->text, 'S', 9);
    fake_add_filling(&t->text, '?', 50);
    give(t, SIDE_CLIENT, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 0);
    assert_int_equal(t->e->feed_owner.resyncs, 0);
}

static void an_unmistakable_one_needs_no_chain(void **state)
{
    struct test *t = *state;
    assert_true(feed_gap(&t->e->feed[SIDE_SERVER], 10, 2));
    fake_add_filling(&t->text, '?', 50);
    fake_add(&t->text, 'U', 20);
    give(t, SIDE_SERVER, 1);
    assert_int_equal(t->e->fake.messages, 1);
    /* what was passed on the way is counted all the same */
    assert_int_equal(t->e->server_bytes, 50 + FAKE_HEADER_LEN + 20);
    assert_int_equal(t->e->lost_bytes, 10);
}

static void a_message_that_is_bad_is_searched_behind(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'B', 0); /* called a start, and none: not found again at the same place */
    fake_add(&t->text, 'B', 0);
    fake_add(&t->text, 'U', 1);
    give(t, SIDE_SERVER, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 1);
    assert_int_equal(t->e->server_bytes, 3 * FAKE_HEADER_LEN + 1);
}

static void a_chain_that_needs_more_bytes_is_told_when_they_come(void **state)
{
    struct test *t = *state;
    assert_true(feed_gap(&t->e->feed[SIDE_CLIENT], 10, 2));
    fake_add(&t->text, 'P', 5000);
    fake_add(&t->text, 'P', 5000);
    fake_add(&t->text, 'S', 5);
    struct bytes text = fake_bytes(&t->text);
    size_t third = text.len - FAKE_HEADER_LEN - 5;
    fake_give(t->e, SIDE_CLIENT, bytes_first(text, third), 100);
    assert_int_equal(t->e->feed[SIDE_CLIENT].candidates_count, 2); /* the second too */
    assert_true(t->e->feed[SIDE_CLIENT].is_lost);
    fake_give(t->e, SIDE_CLIENT, bytes_from(text, third), SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 3);
    /* a place that waits is asked again at most once for each link */
    assert_in_range(t->e->fake.starts, 0, text.len + 8);
}

static void more_candidates_than_the_bound_are_not_kept(void **state)
{
    struct test *t = *state;
    assert_true(feed_gap(&t->e->feed[SIDE_CLIENT], 10, 2));
    for (int i = 0; i < FEED_CANDIDATES_MAX + 5; i++)
        fake_add_header(&t->text, 'P', 20000); /* each lands where nothing is yet */
    give(t, SIDE_CLIENT, SIZE_MAX);
    assert_int_equal(t->e->feed[SIDE_CLIENT].candidates_count, FEED_CANDIDATES_MAX);
    fake_add(&t->text, 'U', 0);
    give(t, SIDE_CLIENT, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 1);
}

static void the_search_keeps_a_bounded_number_of_bytes(void **state)
{
    struct test *t = *state;
    assert_true(feed_gap(&t->e->feed[SIDE_SERVER], 10, 2));
    for (int i = 0; i < 10; i++) {
        fake_add_filling(&t->text, '?', 100000);
        give(t, SIDE_SERVER, i % 2 ? 1460 : SIZE_MAX);
        assert_in_range(t->e->feed[SIDE_SERVER].buffer_len, 1, FEED_SEARCH_MAX);
    }
    assert_in_range(t->e->budget.peak, FEED_SEARCH_MAX, 2 * FEED_SEARCH_MAX);
    assert_int_equal(t->e->fake.starts, 1000000);
    fake_add(&t->text, 'U', 3);
    give(t, SIDE_SERVER, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 1);
    assert_int_equal(t->e->server_bytes, 1000000 + FAKE_HEADER_LEN + 3);
    assert_int_equal(buffered(t, SIDE_SERVER), 0);
}

static void a_message_longer_than_the_bound_is_none(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'S', FAKE_MESSAGE_MAX - FAKE_HEADER_LEN);
    give(t, SIDE_CLIENT, 100);
    assert_int_equal(t->e->fake.messages, 1);
    fake_add(&t->text, 'S', FAKE_MESSAGE_MAX - FAKE_HEADER_LEN + 1);
    struct bytes text = fake_bytes(&t->text);
    fake_give(t->e, SIDE_CLIENT, bytes_first(text, 100), SIZE_MAX);
    assert_true(t->e->feed[SIDE_CLIENT].is_lost);
    t->text.len = 0;
    fake_add(&t->text, 'U', 0);
    give(t, SIDE_CLIENT, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 2);
}

static void without_memory_a_message_is_lost_and_the_next_is_found(void **state)
{
    struct test *t = *state;
    t->e->budget.bytes_max = 1024 + sizeof(struct request) + 64;
    fake_add(&t->text, 'S', 1900);
    give(t, SIDE_SERVER, 100);
    assert_int_equal(t->e->fake.messages, 0);
    assert_true(t->e->feed_owner.denied > 0);
    assert_true(t->e->budget.denied > 0);
    /* the analyzer knows that something is missing */
    assert_true(t->e->fake.gaps > 0);
    assert_true(t->e->feed[SIDE_SERVER].is_lost);
    fake_add(&t->text, 'U', 100);
    fake_add(&t->text, 'S', 100);
    give(t, SIDE_SERVER, SIZE_MAX);
    assert_int_equal(t->e->fake.messages, 2);
    assert_int_equal(t->e->server_bytes, FAKE_HEADER_LEN + 1900 + 2 * (FAKE_HEADER_LEN + 100));
}

static void a_body_without_memory_is_still_passed_over(void **state)
{
    struct test *t = *state;
    t->e->budget.bytes_max = 0;
    fake_add(&t->text, 'P', 60000);
    fake_add(&t->text, 'P', 100);
    give(t, SIDE_SERVER, 1461);
    assert_int_equal(t->e->fake.messages, 2);
    assert_int_equal(t->e->pairing_owner.overflows, 2);
}

static void what_is_handed_over_comes_from_the_segment_or_the_buffer(void **state)
{
    struct test *t = *state;
    struct bytes rest;
    fake_add(&t->text, 'S', 4);
    fake_add(&t->text, 'H', 0);
    size_t len = t->text.len;
    fake_add_filling(&t->text, 'r', 700);
    for (size_t first = 0; first <= len; first++) {
        struct fake_exchange *e = fake_open(MEMORY_ENOUGH);
        struct bytes text = fake_bytes(&t->text);
        if (first == len)
            first = len - 1; /* not behind it */
        fake_give(e, SIDE_CLIENT, bytes_first(text, first), SIZE_MAX);
        assert_false(feed_take(&e->feed[SIDE_CLIENT], bytes_from(text, first), 1, &rest));
        assert_true(rest.len > 0 && rest.data[0] == 'r' && rest.data[rest.len - 1] == 'r');
        assert_int_equal(e->x.position[SIDE_CLIENT], len);
        assert_int_equal(rest.len, 700);
        fake_close(e);
        if (first == len - 1)
            break;
    }
}

static void a_message_to_the_end_ends_with_its_side(void **state)
{
    struct test *t = *state;
    fake_add(&t->text, 'S', 1);
    give(t, SIDE_CLIENT, SIZE_MAX);
    fake_add_header(&t->text, 'E', 0);
    fake_add_filling(&t->text, 'S', 1000);
    give(t, SIDE_SERVER, 10);
    assert_false(feed_gap(&t->e->feed[SIDE_SERVER], UINT64_C(1) << 33, 2));
    fake_add_filling(&t->text, 'S', 50);
    give(t, SIDE_SERVER, 10);
    assert_int_equal(t->e->fake.messages, 2);
    assert_int_equal(t->e->transactions, 0);
    feed_end(&t->e->feed[SIDE_SERVER]);
    assert_int_equal(t->e->transactions, 1);
    assert_int_equal(t->e->last.server_bytes, FAKE_HEADER_LEN + 1050);
    assert_int_equal(t->e->last.lost_bytes, UINT64_C(1) << 33);
}

/* The worst of inputs: asked at each byte, the analyzer is not asked more often for more of them.
 */
static void work_is_linear_whatever_comes(void **state)
{
    struct test *t = *state;
    static const struct {
        const char *name, *unit;
        size_t unit_len;
    } cases[] = {
        {"almost headers that land nowhere", "P\xff\xff", 3},
        {"letters that could be a header", "S", 1},
        {"chains of two", "S\0\1.S\0\1.?", 9},
        {"headers inside headers", "PPPPS", 5},
        {"unmistakable ones that are none", "B\0\1", 3},
        {"a message, then garbage", "U\0\1.??", 6},
        {"messages that need more than there may be", "S\xff\xff", 3},
    };
    static const size_t pieces[] = {1, 3, 1460, SIZE_MAX};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 4; i++) {
        struct fake_exchange *e = fake_open(MEMORY_ENOUGH);
        t->text.len = 0;
        while (t->text.len < (size_t)3 * FEED_SEARCH_MAX) {
            memcpy(t->text.data + t->text.len, cases[i / 4].unit, cases[i / 4].unit_len);
            t->text.len += cases[i / 4].unit_len;
        }
        assert_true(feed_gap(&e->feed[SIDE_SERVER], 1, 1));
        fake_give(e, SIDE_SERVER, fake_bytes(&t->text), pieces[i % 4]);
        uint64_t calls = e->fake.starts + e->fake.parses;
        if (calls > t->text.len * (FEED_CHAIN + FEED_CANDIDATES_MAX))
            print_error("%s in pieces of %zu: %llu calls for %zu bytes\n", cases[i / 4].name,
                        pieces[i % 4], (unsigned long long)calls, t->text.len);
        assert_in_range(calls, 0, t->text.len * (FEED_CHAIN + FEED_CANDIDATES_MAX));
        assert_in_range(e->budget.peak, 0, 4 * FEED_SEARCH_MAX);
        fake_close(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(whole_messages_are_read_where_they_lie),
        TEST(a_message_in_single_bytes_is_asked_for_three_times),
        TEST(pieces_of_any_length_give_the_same),
        TEST(many_small_messages_behind_a_kept_one_are_not_copied),
        TEST(a_skip_is_passed_over_without_copying),
        TEST(a_gap_inside_a_skip_costs_only_its_bytes),
        TEST(a_gap_that_ends_with_the_skip_is_inside_it),
        TEST(a_gap_beyond_the_skip_is_told_without_it),
        TEST(after_a_gap_three_messages_in_a_chain_are_a_start),
        TEST(two_in_a_chain_are_none),
        TEST(an_unmistakable_one_needs_no_chain),
        TEST(a_message_that_is_bad_is_searched_behind),
        TEST(a_chain_that_needs_more_bytes_is_told_when_they_come),
        TEST(more_candidates_than_the_bound_are_not_kept),
        TEST(the_search_keeps_a_bounded_number_of_bytes),
        TEST(a_message_longer_than_the_bound_is_none),
        TEST(without_memory_a_message_is_lost_and_the_next_is_found),
        TEST(a_body_without_memory_is_still_passed_over),
        TEST(what_is_handed_over_comes_from_the_segment_or_the_buffer),
        TEST(a_message_to_the_end_ends_with_its_side),
        TEST(work_is_linear_whatever_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
