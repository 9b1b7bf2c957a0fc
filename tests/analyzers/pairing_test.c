/*
 * Requests and replies with the bounds reached: what is handed on, in which order, and what is told
 * of the rest.
 */
#include "tests/cmocka.h"

#include "analyzers/analyzer.h"

#include <stdlib.h>

enum { HANDED_ON_MAX = 8 * PAIRING_REQUESTS_MAX, MEMORY_ENOUGH = 1 << 26 };

/* An exchange, and what it handed on; a request's status says which it was. */
struct test {
    struct exchange x; /* first: emit is given this */
    struct budget budget;
    struct pairing_owner owner;
    struct transaction handed_on[HANDED_ON_MAX];
    size_t count;
};

static void emit(struct exchange *x, struct request *r)
{
    struct test *t = (struct test *)(void *)x;
    assert_true(t->count < HANDED_ON_MAX);
    t->handed_on[t->count++] = r->tx;
}

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    t->budget.bytes_max = MEMORY_ENOUGH;
    t->owner = (struct pairing_owner){.budget = &t->budget, .emit = emit};
    t->x.pairing.owner = &t->owner;
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    pairing_flush(&t->x);
    pairing_clear(&t->x.pairing);
    assert_int_equal(t->budget.used, 0);
    pairing_owner_clear(&t->owner);
    free(t);
    return 0;
}

/* The client's message: a request of that number and so many bytes. */
static struct request *ask(struct test *t, uint64_t number, uint64_t bytes)
{
    struct request *r = pairing_open(&t->x);
    if (r)
        r->tx.http_status = number;
    pairing_count(&t->x, SIDE_CLIENT, bytes, false);
    pairing_settle(&t->x, SIDE_CLIENT);
    return r;
}

/* The server's message, which is the whole reply. */
static void answer(struct test *t, uint64_t bytes)
{
    struct request *r = pairing_reply(&t->x);
    assert_non_null(r);
    pairing_finish(r);
    pairing_count(&t->x, SIDE_SERVER, bytes, false);
    pairing_settle(&t->x, SIDE_SERVER);
}

static void replies_go_to_requests_in_order(void **state)
{
    struct test *t = *state;
    for (uint64_t i = 1; i <= 3; i++)
        (void)ask(t, i, i * 10);
    for (uint64_t i = 1; i <= 3; i++)
        answer(t, i * 100);
    assert_int_equal(t->count, 3);
    for (uint64_t i = 0; i < 3; i++) {
        const struct transaction *tx = &t->handed_on[i];
        assert_int_equal(tx->http_status, i + 1);
        assert_int_equal(tx->client_bytes, (i + 1) * 10);
        assert_int_equal(tx->server_bytes, (i + 1) * 100);
        assert_true(tx->request_seen && tx->reply_seen && !tx->partial);
    }
    assert_true(t->x.pairing.is_pipelined);
}

static void asking_after_each_answer_is_no_pipelining(void **state)
{
    struct test *t = *state;
    for (uint64_t i = 0; i < 5; i++) {
        (void)ask(t, i, 1);
        answer(t, 1);
    }
    assert_false(t->x.pairing.is_pipelined);
}

static void requests_sent_together_are_no_pipelining(void **state)
{
    struct test *t = *state;
    (void)ask(t, 1, 1);
    (void)pairing_join(&t->x);
    pairing_settle(&t->x, SIDE_CLIENT);
    assert_false(t->x.pairing.is_pipelined);
    answer(t, 1);
    answer(t, 1);
    assert_int_equal(t->count, 2);
}

static void by_id_replies_come_in_any_order(void **state)
{
    struct test *t = *state;
    static const uint64_t order[] = {3, 1, 4, 2};
    for (uint64_t i = 1; i <= 4; i++)
        ask(t, i, 10)->id = i;
    for (size_t i = 0; i < 4; i++) {
        pairing_finish(pairing_reply_to(&t->x, order[i]));
        pairing_count(&t->x, SIDE_SERVER, order[i], false);
        pairing_settle(&t->x, SIDE_SERVER);
        assert_int_equal(t->count, i + 1); /* nobody waits for another's reply */
        assert_int_equal(t->handed_on[i].http_status, order[i]);
        assert_int_equal(t->handed_on[i].server_bytes, order[i]);
    }
    assert_int_equal(t->x.pairing.count, 0);
}

static void a_second_reply_of_an_id_is_not_the_first_ones(void **state)
{
    struct test *t = *state;
    struct request *r = pairing_open(&t->x);
    r->id = 5;
    pairing_count(&t->x, SIDE_CLIENT, 10, false); /* and more of it comes */
    assert_ptr_equal(pairing_reply_to(&t->x, 5), r);
    pairing_finish(r);
    pairing_settle(&t->x, SIDE_SERVER);
    struct request *second = pairing_reply_to(&t->x, 5);
    assert_ptr_not_equal(second, r);
    assert_true(second->tx.partial);
}

static void an_id_that_nobody_asked_is_partial(void **state)
{
    struct test *t = *state;
    ask(t, 1, 10)->id = 1;
    struct request *r = pairing_reply_to(&t->x, 99);
    assert_int_equal(r->id, 99);
    pairing_finish(r);
    pairing_settle(&t->x, SIDE_SERVER);
    assert_int_equal(t->count, 1);
    assert_true(t->handed_on[0].partial && !t->handed_on[0].request_seen);
    assert_int_equal(t->x.pairing.count, 1);
    assert_int_equal(pairing_first(&t->x)->tx.http_status, 1);
}

static void a_reply_without_a_request_is_counted_and_partial(void **state)
{
    struct test *t = *state;
    t->x.start_ns = 77;
    answer(t, 1000);
    assert_int_equal(t->count, 1);
    const struct transaction *tx = &t->handed_on[0];
    assert_true(tx->partial && tx->reply_seen && !tx->request_seen);
    assert_true(transaction_has(tx, FIELD_CAPTURE_PARTIAL));
    assert_int_equal(tx->server_bytes, 1000);
    assert_int_equal(tx->start_ns, 77);
}

/* Wherever the ring begins, and whether it is full or not. */
static void a_reply_to_none_of_the_open_ones_goes_before_them(void **state)
{
    struct test *t = *state;
    for (uint64_t i = 0; i < 70; i++) {
        (void)ask(t, i, 1);
        struct request *first = pairing_first(&t->x), *alone = pairing_reply_alone(&t->x);
        assert_non_null(alone);
        assert_ptr_equal(pairing_at(&t->x, 0), alone);
        assert_ptr_equal(pairing_at(&t->x, 1), first);
        pairing_finish(alone);
        pairing_count(&t->x, SIDE_SERVER, 50, false);
        pairing_settle(&t->x, SIDE_SERVER);
        assert_ptr_equal(pairing_first(&t->x), first);
        assert_int_equal(t->handed_on[t->count - 1].server_bytes, 50);
        assert_true(t->handed_on[t->count - 1].partial);
        if (i % 3 == 0)
            answer(t, 7);
    }
    /* those that were asked are answered in their order */
    uint64_t next = 24;
    t->count = 0;
    while (t->x.pairing.count > 0)
        answer(t, 7);
    assert_int_equal(t->count, 70 - next);
    for (size_t i = 0; i < t->count; i++)
        assert_int_equal(t->handed_on[i].http_status, next + i);
    assert_int_equal(t->owner.overflows, 0);
}

static void bytes_of_no_request_go_to_the_next(void **state)
{
    struct test *t = *state;
    t->x.start_ns = 5;
    pairing_count(&t->x, SIDE_CLIENT, 30, false);
    pairing_settle(&t->x, SIDE_CLIENT);
    t->x.start_ns = 9;
    pairing_count(&t->x, SIDE_CLIENT, 3, false);
    pairing_settle(&t->x, SIDE_CLIENT);
    pairing_count(&t->x, SIDE_SERVER, 70, false);
    pairing_settle(&t->x, SIDE_SERVER);
    (void)ask(t, 1, 10);
    answer(t, 100);
    assert_int_equal(t->handed_on[0].client_bytes, 43);
    assert_int_equal(t->handed_on[0].server_bytes, 170);
    assert_int_equal(t->handed_on[0].start_ns, 5); /* of the first of them */
    (void)ask(t, 2, 10);
    answer(t, 100);
    assert_int_equal(t->handed_on[1].client_bytes, 10);
    assert_int_equal(t->handed_on[1].server_bytes, 100);
}

static void the_bound_pushes_out_the_oldest_and_counts_it(void **state)
{
    struct test *t = *state;
    for (uint64_t i = 0; i < PAIRING_REQUESTS_MAX + 100; i++)
        assert_non_null(ask(t, i, 1));
    assert_int_equal(t->x.pairing.count, PAIRING_REQUESTS_MAX);
    assert_int_equal(t->owner.overflows, 100);
    assert_int_equal(t->count, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(t->handed_on[i].http_status, i);
        assert_true(t->handed_on[i].request_seen && !t->handed_on[i].reply_seen);
    }
    assert_int_equal(pairing_first(&t->x)->tx.http_status, 100);
}

static void endless_replies_without_requests_take_one_place(void **state)
{
    struct test *t = *state;
    answer(t, 1);
    size_t used = t->budget.used;
    for (int i = 1; i < HANDED_ON_MAX; i++)
        answer(t, 1);
    assert_int_equal(t->budget.used, used);
    assert_int_equal(t->count, HANDED_ON_MAX);
    assert_int_equal(t->x.pairing.count, 0);
}

static void replies_behind_a_request_that_never_ends_are_bounded(void **state)
{
    struct test *t = *state;
    struct request *r = pairing_open(&t->x);
    pairing_count(&t->x, SIDE_CLIENT, 10, false); /* its message goes on and on */
    assert_ptr_equal(pairing_reply(&t->x), r);
    pairing_finish(r);
    pairing_settle(&t->x, SIDE_SERVER);
    for (int i = 0; i < 2 * PAIRING_REQUESTS_MAX; i++) {
        answer(t, 1);
        assert_in_range(t->x.pairing.count, 0, PAIRING_REQUESTS_MAX);
    }
    assert_in_range(t->owner.overflows, 0, 1); /* of that request, which was in the way */
    pairing_settle(&t->x, SIDE_CLIENT);
    assert_int_equal(t->count, 2 * PAIRING_REQUESTS_MAX + 1);
    assert_int_equal(t->x.pairing.count, 0);
}

/* The ring grows while what is in it has wrapped around its end. */
static void requests_stay_where_they_are_while_the_ring_grows(void **state)
{
    struct test *t = *state;
    for (uint64_t shift = 0; shift < 8; shift++) {
        struct request *asked[40];
        for (uint64_t i = 0; i < 40; i++) {
            asked[i] = ask(t, i, 1);
            assert_ptr_equal(pairing_last(&t->x), asked[i]);
            for (uint64_t k = 0; k <= i; k++)
                assert_ptr_equal(pairing_at(&t->x, k), asked[k]);
        }
        assert_null(pairing_at(&t->x, 40));
        t->count = 0;
        for (uint64_t i = 0; i < 40; i++)
            answer(t, 1);
        for (uint64_t i = 0; i < 40; i++)
            assert_int_equal(t->handed_on[i].http_status, i);
        /* the next round begins elsewhere in a small ring */
        pairing_clear(&t->x.pairing);
        for (uint64_t i = 0; i < shift; i++) {
            (void)ask(t, 0, 1);
            (void)ask(t, 0, 1);
            answer(t, 1);
            answer(t, 1);
            (void)ask(t, 0, 1);
            answer(t, 1);
        }
    }
}

static void a_finished_request_waits_for_the_other_sides_message(void **state)
{
    struct test *t = *state;
    struct request *r = pairing_open(&t->x);
    pairing_count(&t->x, SIDE_CLIENT, 100, false); /* and more of it comes */
    assert_ptr_equal(pairing_reply(&t->x), r);
    pairing_finish(r);
    pairing_count(&t->x, SIDE_SERVER, 50, false);
    pairing_settle(&t->x, SIDE_SERVER);
    assert_int_equal(t->count, 0);
    pairing_count(&t->x, SIDE_CLIENT, 900, true);
    pairing_settle(&t->x, SIDE_CLIENT);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->handed_on[0].client_bytes, 1000);
    assert_int_equal(t->handed_on[0].server_bytes, 50);
}

static void a_dropped_request_is_not_handed_on(void **state)
{
    struct test *t = *state;
    struct request *first = ask(t, 1, 10);
    (void)ask(t, 2, 20);
    pairing_drop(first);
    assert_int_equal(pairing_first(&t->x)->tx.http_status, 2);
    answer(t, 7);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->handed_on[0].http_status, 2);
    assert_int_equal(t->x.pairing.count, 0);
}

static void after_a_lost_reply_the_next_request_ends_the_open_ones(void **state)
{
    struct test *t = *state;
    (void)ask(t, 1, 10);
    pairing_lose(&t->x, SIDE_SERVER, 500, false);
    pairing_settle(&t->x, SIDE_SERVER);
    assert_int_equal(t->count, 0); /* the rest of the reply may still come */
    (void)ask(t, 2, 10);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->handed_on[0].http_status, 1);
    assert_int_equal(t->handed_on[0].lost_bytes, 500);
    answer(t, 9);
    assert_int_equal(t->handed_on[1].http_status, 2);
    assert_int_equal(t->handed_on[1].lost_bytes, 0);
    assert_int_equal(t->owner.overflows, 0);
}

static void a_pipelining_client_tells_nothing_of_lost_replies(void **state)
{
    struct test *t = *state;
    (void)ask(t, 1, 10);
    (void)ask(t, 2, 10);
    pairing_lose(&t->x, SIDE_SERVER, 500, false);
    (void)ask(t, 3, 10);
    assert_int_equal(t->count, 0);
    assert_int_equal(t->x.pairing.count, 3);
}

static void a_loss_with_nothing_asked_makes_nothing_stale(void **state)
{
    struct test *t = *state;
    pairing_lose(&t->x, SIDE_SERVER, 500, false);
    assert_false(t->x.pairing.is_stale);
    (void)ask(t, 1, 10);
    (void)ask(t, 2, 10);
    assert_int_equal(t->count, 0);
    answer(t, 9);
    assert_int_equal(t->handed_on[0].lost_bytes, 500);
}

static void what_the_client_lost_is_told_by_the_reply_to_it(void **state)
{
    struct test *t = *state;
    pairing_lose(&t->x, SIDE_CLIENT, 300, false);
    answer(t, 9);
    assert_int_equal(t->handed_on[0].lost_bytes, 300);
    assert_true(t->handed_on[0].partial);
}

static void skipped_bytes_count_for_their_side_lost_ones_too(void **state)
{
    struct test *t = *state;
    struct request *r = pairing_open(&t->x);
    r->skipped_into[SIDE_CLIENT] = &r->tx.request_body_bytes;
    r->skipped_into[SIDE_SERVER] = &r->tx.response_body_bytes;
    assert_ptr_equal(pairing_reply(&t->x), r);
    pairing_count(&t->x, SIDE_CLIENT, 10, false);
    pairing_count(&t->x, SIDE_CLIENT, 100, true);
    pairing_lose(&t->x, SIDE_CLIENT, 1000, true);
    pairing_count(&t->x, SIDE_SERVER, 7, true);
    pairing_settle(&t->x, SIDE_SERVER);
    pairing_count(&t->x, SIDE_CLIENT, 10000, true);
    assert_int_equal(r->tx.request_body_bytes, 11100);
    assert_int_equal(r->tx.response_body_bytes, 7);
    assert_int_equal(r->tx.client_bytes, 10110);
    assert_int_equal(r->tx.lost_bytes, 1000);
    pairing_settle(&t->x, SIDE_CLIENT);
    pairing_count(&t->x, SIDE_CLIENT, 5, true);
    pairing_receive(&t->x, SIDE_CLIENT, r);
    pairing_count(&t->x, SIDE_CLIENT, 5, true);
    assert_int_equal(r->tx.request_body_bytes, 11100); /* that message is over */
}

static void notes_are_cut_at_their_bound_and_stay_where_they_are(void **state)
{
    struct test *t = *state;
    char text[PAIRING_NOTES_MAX];
    memset(text, 'a', sizeof(text));
    struct request *r = ask(t, 1, 1);
    struct bytes first = pairing_note(&t->x, r, bytes_of("first"));
    struct bytes big = pairing_note(&t->x, r, (struct bytes){(const uint8_t *)text, sizeof(text)});
    struct bytes none = pairing_note(&t->x, r, bytes_of("more"));
    assert_true(bytes_are(first, "first"));
    assert_int_equal(big.len, PAIRING_NOTES_MAX - 5);
    assert_int_equal(none.len, 0);
    answer(t, 1);
    /* the place's memory serves the next request, from its beginning */
    size_t used = t->budget.used;
    for (int i = 0; i < 10; i++) {
        r = ask(t, 2, 1);
        assert_true(bytes_are(pairing_note(&t->x, r, bytes_of("next")), "next"));
        assert_int_equal(r->notes_len, 4);
        answer(t, 1);
    }
    assert_int_equal(t->budget.used, used);
}

static void a_bounded_number_of_requests_is_kept_for_the_next_ones(void **state)
{
    struct test *t = *state;
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < PAIRING_SPARES_MAX + 50; i++)
            (void)pairing_note(&t->x, ask(t, i, 1), bytes_of("note"));
        assert_int_equal(t->owner.spare_count, 0);
        pairing_flush(&t->x);
        assert_int_equal(t->owner.spare_count, PAIRING_SPARES_MAX);
        /* they are nobody's: the ring alone is left */
        assert_int_equal(t->budget.used, t->x.pairing.ring_size * sizeof(*t->x.pairing.ring));
    }
}

static void without_memory_there_is_no_request_and_it_is_counted(void **state)
{
    struct test *t = *state;
    t->budget.bytes_max = 0;
    assert_null(ask(t, 1, 10));
    assert_null(pairing_reply(&t->x));
    assert_null(pairing_reply_to(&t->x, 5));
    assert_int_equal(t->owner.overflows, 3);
    pairing_count(&t->x, SIDE_SERVER, 20, false);
    t->budget.bytes_max = MEMORY_ENOUGH;
    (void)ask(t, 2, 5);
    answer(t, 4);
    assert_int_equal(t->handed_on[0].client_bytes, 15); /* of the one that was not kept, too */
    assert_int_equal(t->handed_on[0].server_bytes, 24);
}

static void without_memory_for_a_wider_ring_the_oldest_makes_room(void **state)
{
    struct test *t = *state;
    for (uint64_t i = 0; i < 4; i++)
        (void)ask(t, i, 1);
    t->budget.bytes_max = t->budget.used;
    (void)ask(t, 4, 1);
    assert_int_equal(t->owner.overflows, 1);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->handed_on[0].http_status, 0);
    assert_int_equal(t->x.pairing.count, 4);
    struct request *r = pairing_first(&t->x);
    assert_int_equal(pairing_note(&t->x, r, bytes_of("no room")).len, 0);
}

static void a_flush_hands_everything_on_as_it_is(void **state)
{
    struct test *t = *state;
    (void)ask(t, 1, 10);
    (void)ask(t, 2, 10);
    pairing_drop(ask(t, 3, 10));
    pairing_flush(&t->x);
    assert_int_equal(t->count, 2);
    assert_int_equal(t->handed_on[1].http_status, 2);
    assert_null(t->x.pairing.receiving[SIDE_CLIENT]);
    assert_int_equal(t->x.pairing.count, 0);
    (void)ask(t, 4, 10);
    pairing_lose(&t->x, SIDE_SERVER, 1, false);
    pairing_flush(&t->x);
    assert_false(t->x.pairing.is_stale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(replies_go_to_requests_in_order),
        TEST(asking_after_each_answer_is_no_pipelining),
        TEST(requests_sent_together_are_no_pipelining),
        TEST(by_id_replies_come_in_any_order),
        TEST(a_second_reply_of_an_id_is_not_the_first_ones),
        TEST(an_id_that_nobody_asked_is_partial),
        TEST(a_reply_without_a_request_is_counted_and_partial),
        TEST(a_reply_to_none_of_the_open_ones_goes_before_them),
        TEST(bytes_of_no_request_go_to_the_next),
        TEST(the_bound_pushes_out_the_oldest_and_counts_it),
        TEST(endless_replies_without_requests_take_one_place),
        TEST(replies_behind_a_request_that_never_ends_are_bounded),
        TEST(requests_stay_where_they_are_while_the_ring_grows),
        TEST(a_finished_request_waits_for_the_other_sides_message),
        TEST(a_dropped_request_is_not_handed_on),
        TEST(after_a_lost_reply_the_next_request_ends_the_open_ones),
        TEST(a_pipelining_client_tells_nothing_of_lost_replies),
        TEST(a_loss_with_nothing_asked_makes_nothing_stale),
        TEST(what_the_client_lost_is_told_by_the_reply_to_it),
        TEST(skipped_bytes_count_for_their_side_lost_ones_too),
        TEST(notes_are_cut_at_their_bound_and_stay_where_they_are),
        TEST(a_bounded_number_of_requests_is_kept_for_the_next_ones),
        TEST(without_memory_there_is_no_request_and_it_is_counted),
        TEST(without_memory_for_a_wider_ring_the_oldest_makes_room),
        TEST(a_flush_hands_everything_on_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
