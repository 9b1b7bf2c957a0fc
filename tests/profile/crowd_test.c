#include "tests/cmocka.h"

#include "profile/crowd.h"

#include <math.h>

enum { MEMBERS = 40, GROUP_OF = 4 };

static struct crowd *crowd;
static struct crowd_member members[MEMBERS];

static int setup(void **state)
{
    (void)state;
    crowd = crowd_open(true, 7);
    for (unsigned i = 0; i < MEMBERS; i++)
        members[i] = (struct crowd_member){.group = 1 + i / GROUP_OF};
    return crowd ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    crowd_close(crowd);
    return 0;
}

static const struct usual_level usual = {.mean = {20, 8}, .share = 0.4};

static void enter_all(int64_t day)
{
    crowd_reach(crowd, day, 0);
    for (unsigned i = 0; i < MEMBERS; i++)
        crowd_enter(crowd, &members[i], &usual);
}

static void count(unsigned i, double whole, double part)
{
    const double counts[USUAL_COUNTS] = {whole, part};
    crowd_count(crowd, &members[i], counts, whole);
}

static double mean_of(unsigned i, int64_t day)
{
    return crowd_level(crowd, &members[i], day).mean[USUAL_WHOLE];
}

static void a_campaign_moves_what_is_expected_of_everybody(void **state)
{
    (void)state;
    enter_all(1);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, 32, 13);
    crowd_reach(crowd, 2, 0);
    assert_true(fabs(mean_of(0, 1) - 32) < 1);
    assert_true(fabs(crowd_level(crowd, &members[0], 1).share - 0.4) < 0.02);
    assert_true(fabs(mean_of(0, 0) - 20) < 0.01); /* nothing is known of that day */
}

static void one_that_is_far_out_moves_nobody(void **state)
{
    (void)state;
    enter_all(1);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, i == 3 ? 900 : 20, i == 3 ? 900 : 8);
    crowd_reach(crowd, 2, 0);
    assert_true(mean_of(30, 1) < 20.5);
    assert_true(mean_of(3, 1) < 20.5); /* least of all itself */
    assert_true(mean_of(0, 1) < 45);   /* its colleagues, bounded */
}

static void a_busy_agency_moves_its_own(void **state)
{
    (void)state;
    enter_all(1);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, i < GROUP_OF ? 50 : 20, i < GROUP_OF ? 40 : 8);
    crowd_reach(crowd, 2, 0);
    assert_true(mean_of(0, 1) > 35 && mean_of(0, 1) < 50);
    assert_true(fabs(mean_of(20, 1) - 20) < 1.5);
    assert_true(crowd_level(crowd, &members[0], 1).share > 0.55);
    assert_true(fabs(crowd_level(crowd, &members[20], 1).share - 0.4) < 0.06);
}

static void a_holiday_is_nobodys_fault(void **state)
{
    (void)state;
    enter_all(1);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, 2, 1);
    crowd_reach(crowd, 2, 0);
    assert_true(mean_of(0, 1) >= 12);
}

static void the_morning_is_held_against_the_mornings_before(void **state)
{
    (void)state;
    for (int64_t day = 1; day < 6; day++) {
        enter_all(day);
        for (unsigned i = 0; i < MEMBERS; i++)
            count(i, 10, 4);
        crowd_reach(crowd, day, 0.6); /* noon and a bit */
        for (unsigned i = 0; i < MEMBERS; i++)
            count(i, 20, 8);
        crowd_reach(crowd, day, 0.95);
    }
    enter_all(6);
    crowd_reach(crowd, 6, 0.55);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, 10, 4);
    assert_true(fabs(mean_of(0, 6) - 20) < 2);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, 16, 6);
    assert_true(mean_of(0, 6) > 27);
}

static void a_new_member_begins_where_its_colleagues_are(void **state)
{
    (void)state;
    struct usual_level level;
    struct crowd_member newcomer = {.group = 1};
    assert_false(crowd_peers(crowd, &newcomer, &level));
    for (unsigned i = 0; i < MEMBERS; i++) {
        float whole = i < GROUP_OF ? 60 : 20;
        const struct usual u = {.intervals = 1, .sums = {whole, whole / 2}};
        crowd_tell(crowd, &members[i], &u);
    }
    assert_true(crowd_peers(crowd, &newcomer, &level));
    assert_true(level.mean[USUAL_WHOLE] > 50 && level.mean[USUAL_WHOLE] < 60);
    assert_true(fabs(level.share - 0.5) < 0.01);
    newcomer.group = 999; /* of an agency that nobody is in yet */
    assert_true(crowd_peers(crowd, &newcomer, &level));
    assert_true(level.mean[USUAL_WHOLE] > 20 && level.mean[USUAL_WHOLE] < 30);
    for (unsigned i = 0; i < MEMBERS; i++)
        crowd_leave(crowd, &members[i]);
    assert_false(crowd_peers(crowd, &newcomer, &level));
}

static void what_was_saved_goes_on(void **state)
{
    (void)state;
    struct pack p = {0};
    enter_all(1);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, 30 + i % 3, 12);
    crowd_reach(crowd, 2, 0.3);
    enter_all(2);
    for (unsigned i = 0; i < MEMBERS; i++)
        count(i, i, i / 2);
    crowd_save(crowd, &p);
    struct crowd *again = crowd_open(true, 7);
    struct cursor c = cursor_over(pack_view(&p));
    assert_true(crowd_load(again, &c) && unpack_done(&c));
    for (int64_t day = 1; day <= 2; day++) {
        struct usual_level one = crowd_level(crowd, &members[5], day);
        struct usual_level other = crowd_level(again, &members[5], day);
        assert_memory_equal(&one, &other, sizeof(one));
    }
    crowd_close(again);
    for (size_t len = 0; len < p.len; len += 997) {
        again = crowd_open(true, 7);
        c = cursor_over(bytes_first(pack_view(&p), len));
        assert_false(crowd_load(again, &c));
        crowd_close(again);
    }
    pack_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_campaign_moves_what_is_expected_of_everybody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_is_far_out_moves_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_agency_moves_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_holiday_is_nobodys_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(the_morning_is_held_against_the_mornings_before, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_member_begins_where_its_colleagues_are, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_saved_goes_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
