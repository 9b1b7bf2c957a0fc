/*
 * queue.h, with one thread and with two.
 */
#include "tests/cmocka.h"

#include "queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>

enum { QUEUE_BYTES = 1024 };

static bool put(struct queue *q, size_t len, uint8_t value)
{
    uint8_t *entry = queue_reserve(q, len);
    if (!entry)
        return false;
    assert_int_equal((uintptr_t)entry % 16, 0);
    memset(entry, value, len);
    queue_commit(q);
    return true;
}

static void entries_come_out_as_they_went_in(void **state)
{
    struct queue *q = queue_open(QUEUE_BYTES);
    (void)state;
    assert_non_null(q);
    assert_null(queue_front(q));
    for (unsigned round = 0; round < 1000; round++) {
        size_t len = 1 + round * 37 % 300;
        assert_true(put(q, len, (uint8_t)round));
        assert_true(put(q, 5, (uint8_t)(round + 1)));
        const uint8_t *first = queue_front(q);
        assert_int_equal(first[0], (uint8_t)round);
        assert_int_equal(first[len - 1], (uint8_t)round);
        queue_pop(q);
        assert_int_equal(*(uint8_t *)queue_front(q), (uint8_t)(round + 1));
        queue_pop(q);
        assert_null(queue_front(q));
    }
    queue_close(q);
}

static void a_full_queue_takes_no_more(void **state)
{
    struct queue *q = queue_open(QUEUE_BYTES);
    size_t count = 0;
    (void)state;
    assert_null(queue_reserve(q, QUEUE_BYTES));
    while (put(q, 48, 1)) {
        count++;
        assert_int_equal(queue_is_crowded(q), count * 64 > QUEUE_BYTES / 4 * 3);
    }
    assert_int_equal(count, QUEUE_BYTES / 64);
    queue_front(q);
    queue_pop(q);
    assert_true(put(q, 48, 2));
    assert_false(put(q, 48, 3));
    queue_close(q);
}

static void what_was_reserved_and_not_committed_is_no_entry(void **state)
{
    struct queue *q = queue_open(QUEUE_BYTES);
    (void)state;
    assert_non_null(queue_reserve(q, 100));
    assert_null(queue_front(q));
    assert_true(put(q, 10, 7));
    assert_int_equal(*(uint8_t *)queue_front(q), 7);
    queue_close(q);
}

enum { NUMBERS = 200000 };

static void *fill(void *context)
{
    struct queue *q = context;
    for (uint64_t n = 0; n < NUMBERS;) {
        uint64_t *entry = queue_reserve(q, sizeof(n) * (1 + n % 9));
        if (!entry) {
            (void)sched_yield();
            continue;
        }
        for (uint64_t i = 0; i <= n % 9; i++)
            entry[i] = n;
        queue_commit(q);
        n++;
    }
    return NULL;
}

static void two_threads_lose_nothing_and_keep_the_order(void **state)
{
    struct queue *q = queue_open(QUEUE_BYTES);
    pthread_t filler;
    (void)state;
    assert_int_equal(pthread_create(&filler, NULL, fill, q), 0);
    for (uint64_t n = 0; n < NUMBERS;) {
        const uint64_t *entry = queue_front(q);
        if (!entry) {
            (void)sched_yield();
            continue;
        }
        for (uint64_t i = 0; i <= n % 9; i++)
            assert_true(entry[i] == n);
        queue_pop(q);
        n++;
    }
    assert_int_equal(pthread_join(filler, NULL), 0);
    assert_null(queue_front(q));
    queue_close(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_out_as_they_went_in),
        cmocka_unit_test(a_full_queue_takes_no_more),
        cmocka_unit_test(what_was_reserved_and_not_committed_is_no_entry),
        cmocka_unit_test(two_threads_lose_nothing_and_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
