/*
 * Counters in files of the test's own, in the place of the kernel's.
 */
#include "tests/cmocka.h"

#include "capture/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bench {
    struct card card;
    FILE *files[CARD_COUNTERS];
};

static int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    card_init(&b->card);
    for (unsigned i = 0; i < CARD_COUNTERS; i++) {
        b->files[i] = tmpfile();
        assert_non_null(b->files[i]);
        b->card.fds[i] = dup(fileno(b->files[i]));
    }
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    card_close(&b->card);
    for (unsigned i = 0; i < CARD_COUNTERS; i++)
        (void)fclose(b->files[i]);
    free(b);
    return 0;
}

static void count(struct bench *b, unsigned counter, const char *text)
{
    FILE *f = b->files[counter];
    rewind(f);
    assert_int_equal(ftruncate(fileno(f), 0), 0);
    assert_true(fprintf(f, "%s\n", text) > 0);
    assert_int_equal(fflush(f), 0);
}

static void what_each_counter_grew_by_is_lost(void **state)
{
    struct bench *b = *state;
    count(b, 0, "7");
    count(b, 1, "10");
    count(b, 2, "0");
    assert_int_equal(card_lost(&b->card), 17);
    assert_int_equal(card_lost(&b->card), 0);
    count(b, 1, "12");
    count(b, 2, "100");
    assert_int_equal(card_lost(&b->card), 102);
    assert_int_equal(card_lost(&b->card), 0);
}

static void counters_are_of_64_bits(void **state)
{
    struct bench *b = *state;
    count(b, 0, "4294967290");
    (void)card_lost(&b->card);
    count(b, 0, "4294967300");
    assert_int_equal(card_lost(&b->card), 10);
}

static void a_counter_that_began_anew_counts_from_0(void **state)
{
    struct bench *b = *state;
    count(b, 0, "1000");
    (void)card_lost(&b->card);
    count(b, 0, "3");
    assert_int_equal(card_lost(&b->card), 3);
}

static void counters_that_are_not_there_count_nothing(void **state)
{
    struct bench *b = *state;
    card_close(&b->card);
    assert_int_equal(card_lost(&b->card), 0);
    card_open(&b->card, "seepwatch-none");
    assert_int_equal(card_lost(&b->card), 0);
}

static void what_was_lost_before_the_beginning_is_not_counted(void **state)
{
    struct bench *b = *state;
    card_close(&b->card);
    card_open(&b->card, "lo");
    if (b->card.fds[0] < 0)
        skip(); /* no /sys here */
    assert_int_equal(card_lost(&b->card), 0);
    for (unsigned i = 0; i < CARD_COUNTERS; i++)
        assert_true(b->card.fds[i] >= 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_each_counter_grew_by_is_lost),
        TEST(counters_are_of_64_bits),
        TEST(a_counter_that_began_anew_counts_from_0),
        TEST(counters_that_are_not_there_count_nothing),
        TEST(what_was_lost_before_the_beginning_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
