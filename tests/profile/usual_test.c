#include "tests/cmocka.h"

#include "profile/usual.h"

#include <math.h>

static const struct usual_noise noise = {
    .phi = {0.10, 0.13}, .share = 0.1, .spread_rate = 0.03, .spread_max = 3};

static double volume(const struct usual *u, double count, double mean)
{
    const double counts[USUAL_COUNTS] = {count, 0};
    const struct usual_level level = {.mean = {mean, 0}, .share = 0.5};
    return usual_score(u, &noise, USUAL_OF_VOLUME, counts, &level);
}

static double share(double part, double whole, double usual)
{
    const struct usual u = {.intervals = 20};
    const double counts[USUAL_COUNTS] = {whole, part};
    const struct usual_level level = {.mean = {whole, whole * usual}, .share = usual};
    return usual_score(&u, &noise, USUAL_OF_SHARE, counts, &level);
}

/* The same days, one after another. */
static void learn(struct usual *u, double whole, double part, unsigned days,
                  const struct usual_level *peers)
{
    const double counts[USUAL_COUNTS] = {whole, part};
    for (unsigned i = 0; i < days; i++) {
        struct usual_level usual = usual_of(u, peers);
        double scores[USUAL_SCORES];
        for (unsigned s = 0; s < USUAL_SCORES; s++)
            scores[s] = usual_score(u, &noise, (enum usual_score)s, counts, &usual);
        usual_learn(u, &noise, counts, scores, &usual);
    }
}

static void a_score_is_the_same_oddity_for_small_and_large_accounts(void **state)
{
    (void)state;
    const struct usual u = {.intervals = 20};
    static const double means[] = {3, 20, 60, 200};
    for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++) {
        double deviation = sqrt(means[i] + noise.phi[0] * means[i] * means[i]);
        assert_true(fabs(volume(&u, means[i], means[i])) < 0.2);
        double twice = volume(&u, means[i] + 2 * deviation, means[i]);
        assert_true(twice > 1.3 && twice < 2.2);
        assert_true(volume(&u, means[i] - deviation, means[i]) < -0.7);
    }
    assert_true(volume(&u, 107, 23) > 4.3 && volume(&u, 107, 23) < 4.7); /* the study's thief */
}

static void the_limit_is_where_the_score_is_reached(void **state)
{
    (void)state;
    struct usual u = {.intervals = 20, .spread = {1.4f, 1, 1}};
    const struct usual_level level = {.mean = {23, 0}, .share = 0.5};
    double limit = usual_limit(&u, &noise, USUAL_OF_VOLUME, 3.8, &level);
    assert_true(volume(&u, floor(limit), 23) <= 3.8);
    assert_true(volume(&u, ceil(limit) + 1, 23) > 3.8);
}

static void a_share_of_few_says_little(void **state)
{
    (void)state;
    assert_true(share(1, 1, 0.1) < 1.4);
    assert_true(share(3, 3, 0.4) < 1.7);
    assert_true(fabs(share(8, 20, 0.4)) < 0.01);
    assert_true(share(60, 80, 0.4) > 3.5);
}

static void a_new_key_is_like_its_peers_and_then_like_itself(void **state)
{
    (void)state;
    struct usual u = {.intervals = 0};
    const struct usual_level peers = {.mean = {30, 12}, .share = 0.4};
    struct usual_level usual = usual_of(&u, &peers);
    assert_true(fabs(usual.mean[USUAL_WHOLE] - 30) < 0.01);
    assert_true(fabs(usual.share - 0.4) < 0.01);
    learn(&u, 20, 12, 60, &peers);
    usual = usual_of(&u, &peers);
    assert_true(usual.mean[USUAL_WHOLE] > 19.5 && usual.mean[USUAL_WHOLE] < 21);
    assert_true(usual.share > 0.53 && usual.share < 0.61);
}

static void a_theft_teaches_slowly(void **state)
{
    (void)state;
    struct usual u = {.intervals = 0};
    const struct usual_level peers = {.mean = {23, 9}, .share = 0.4};
    learn(&u, 23, 9, 40, &peers);
    learn(&u, 203, 180, 3, &peers);
    assert_true(usual_of(&u, &peers).mean[USUAL_WHOLE] < 35);
    assert_true(u.spread[USUAL_OF_VOLUME] < 3);
}

/* The spread of the share after five days with that score, of a spread of 1 before. */
static float spread_after(const struct usual_noise *n, double score)
{
    struct usual u = {.intervals = 20, .sums = {460, 180}, .spread = {1, 1, 1}};
    static const double counts[USUAL_COUNTS] = {23, 9};
    const double scores[USUAL_SCORES] = {0, 0, score};
    const struct usual_level usual = {.mean = {23, 9}, .share = 0.4};
    for (unsigned i = 0; i < 5; i++)
        usual_learn(&u, n, counts, scores, &usual);
    return u.spread[USUAL_OF_SHARE];
}

static void falls_teach_nothing_to_a_spread_of_rises(void **state)
{
    (void)state;
    struct usual_noise rises = noise;
    rises.of_rises[USUAL_OF_SHARE] = true;
    assert_true(spread_after(&noise, -4) > 1.5f);
    assert_true(spread_after(&rises, -4) == 1);
    assert_true(spread_after(&rises, 4) > 1.5f);
}

static void a_share_is_moved_by_logits(void **state)
{
    (void)state;
    assert_true(fabs(usual_shifted(0.5, 0) - 0.5) < 1e-9);
    assert_true(fabs(usual_shifted(0.4, 0.5) - 0.5236) < 0.001);
    assert_true(usual_shifted(1, 5) <= 0.99 && usual_shifted(0, -5) >= 0.01);
}

static void what_was_saved_is_read_and_nonsense_is_not(void **state)
{
    (void)state;
    struct usual u = {.intervals = 7, .sums = {140, 60}, .spread = {1, 1.5f, 0.7f}}, again;
    struct pack p = {0};
    usual_save(&u, &p);
    struct cursor c = cursor_over(pack_view(&p));
    assert_true(usual_load(&again, &c) && unpack_done(&c));
    assert_memory_equal(&u, &again, sizeof(u));
    c = cursor_over(bytes_first(pack_view(&p), p.len - 1));
    assert_false(usual_load(&again, &c));
    u.sums[0] = NAN;
    pack_restart(&p);
    usual_save(&u, &p);
    c = cursor_over(pack_view(&p));
    assert_false(usual_load(&again, &c));
    pack_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_score_is_the_same_oddity_for_small_and_large_accounts),
        cmocka_unit_test(the_limit_is_where_the_score_is_reached),
        cmocka_unit_test(a_share_of_few_says_little),
        cmocka_unit_test(a_new_key_is_like_its_peers_and_then_like_itself),
        cmocka_unit_test(a_theft_teaches_slowly),
        cmocka_unit_test(falls_teach_nothing_to_a_spread_of_rises),
        cmocka_unit_test(a_share_is_moved_by_logits),
        cmocka_unit_test(what_was_saved_is_read_and_nonsense_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
