/*
 * Columns of a result: named ones first, guesses for a few rows.
 */
#include "tests/cmocka.h"

#include "analyzers/analyzer.h"
#include "analyzers/sql/columns.h"
#include "subjects/world.h"

/* A connection of an operator who looks for customers. */
static int set_up(void **state)
{
    static struct exchange x;
    struct subjects *subjects = subjects_open();
    assert_non_null(subjects);
    x = (struct exchange){.subjects = world_open(subjects, 0)};
    assert_non_null(x.subjects);
    *state = &x;
    return 0;
}

static int tear_down(void **state)
{
    struct exchange *x = *state;
    struct subjects *subjects = x->subjects->subjects;
    world_close(x->subjects);
    subjects_close(subjects);
    return 0;
}

static const char *const number = "19811218-9876", *const word = "nothing at all";

/* Passes rows of one value each; 'n' a number, 'w' a word, '-' NULL, 'l' one that is too long. */
static void pass(struct exchange *x, struct columns *c, const char *rows)
{
    for (; *rows; rows++) {
        if (c->count > 0 && *rows == 'l')
            columns_miss(c, 0);
        else if (c->count > 0 && *rows != '-')
            columns_take(x, NULL, c, 0, bytes_of(*rows == 'n' ? number : word));
        columns_end_row(x, NULL, c);
    }
}

static void a_guess_is_right_where_half_of_the_first_values_say_so(void **state)
{
    static const struct {
        const char *rows;
        uint8_t count;
        uint8_t kind;
    } cases[] = {
        {"nnnnnnnn", 1, SUBJECT_PERSONNUMMER},
        {"wnwnwnwn", 1, SUBJECT_PERSONNUMMER},
        {"-------n", 1, SUBJECT_PERSONNUMMER},
        {"wwwwwnnn", 0, 0},
        {"lllllnnn", 0, 0},
        {"wwwwwwww", 0, 0},
        {"--------", 0, 0},
        {"nnn", 1, SUBJECT_PERSONNUMMER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct columns c = {0};
        columns_begin(&c);
        columns_add(&c, 0, SUBJECT_NONE, 0, true);
        pass(*state, &c, cases[i].rows);
        assert_int_equal(c.count, cases[i].count);
        assert_int_equal(c.count > 0 ? c.items[0].kind : 0, cases[i].kind);
    }
}

static void a_guess_that_was_right_is_a_name(void **state)
{
    struct columns c = {0};
    columns_begin(&c);
    columns_add(&c, 0, SUBJECT_NONE, 0, true);
    pass(*state, &c, "nnnnnnnnwwwwwwwwwwwwwwwwwwww");
    assert_int_equal(c.count, 1);
    assert_int_equal(c.seen[0], COLUMNS_ROWS_GUESSED);
}

static void names_have_room_of_their_own(void **state)
{
    struct columns c = {0};
    struct columns_kept kept = {0};
    (void)state;
    columns_begin(&c);
    for (size_t at = 0; at < 100; at++)
        columns_add(&c, at, SUBJECT_NONE, 0, at % 2 == 0);
    for (size_t at = 100; at < 200; at++)
        columns_add(&c, at, SUBJECT_EMAIL, 7, false);
    columns_add(&c, COLUMNS_AT_MAX, SUBJECT_EMAIL, 0, false);
    assert_int_equal(c.count, COLUMNS_MAX);
    assert_int_equal(c.items[COLUMNS_GUESSED_MAX].at, 100);
    assert_int_equal(c.items[1].at, 2);
    columns_keep(&kept, &c);
    assert_true(kept.is_known);
    assert_int_equal(kept.count, COLUMNS_NAMED_MAX);
    columns_begin(&c);
    columns_add(&c, 3, SUBJECT_NONE, 0, true);
    columns_add(&c, 5, SUBJECT_EMAIL, 7, false);
    columns_keep(&kept, &c);
    columns_begin(&c);
    columns_recall(&c, &kept);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.items[0].at, 3);
    assert_int_equal(c.items[1].form, 7);
    assert_int_equal(c.guessed_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guess_is_right_where_half_of_the_first_values_say_so),
        cmocka_unit_test(a_guess_that_was_right_is_a_name),
        cmocka_unit_test(names_have_room_of_their_own),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
