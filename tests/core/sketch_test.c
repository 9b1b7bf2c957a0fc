#include "tests/cmocka.h"

#include "core/hash.h"
#include "core/sketch.h"

#include <math.h>

static struct budget budget;

static int setup(void **state)
{
    (void)state;
    budget = (struct budget){.bytes_max = 1 << 20};
    return 0;
}

static uint64_t hash_of(uint64_t i)
{
    return hash_bytes((struct bytes){(const uint8_t *)&i, sizeof(i)}, 7);
}

static void add_range(struct sketch *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        assert_true(sketch_add(s, &budget, hash_of(i), NULL));
}

static void few_values_are_counted_exactly(void **state)
{
    (void)state;
    struct sketch s = {0};
    for (int round = 0; round < 3; round++)
        add_range(&s, 0, SKETCH_EXACT_MAX);
    assert_true(sketch_is_exact(&s));
    assert_int_equal(sketch_count(&s), SKETCH_EXACT_MAX);
    sketch_clear(&s, &budget);
    assert_true(sketch_is_empty(&s));
    assert_int_equal(budget.used, 0);
}

static void many_values_are_estimated_within_four_errors(void **state)
{
    (void)state;
    double squares = 0, worst = 0;
    unsigned checks = 0;
    for (uint64_t set = 0; set < 8; set++) {
        struct sketch s = {0};
        uint64_t base = set << 40, at = 0;
        for (double n = 1; n < (set == 0 ? 1.1e7 : 1e6); n *= 1.25) {
            add_range(&s, base + at, base + (uint64_t)n);
            at = (uint64_t)n;
            double error = (double)sketch_count(&s) / (double)at - 1;
            assert_true(at > SKETCH_EXACT_MAX || error == 0);
            worst = fabs(error) > worst ? fabs(error) : worst;
            checks += at > SKETCH_EXACT_MAX;
            squares += error * error;
        }
        assert_false(sketch_is_exact(&s));
        assert_int_equal(budget.used, SKETCH_REGISTERS + SKETCH_RANKS * sizeof(uint32_t));
        sketch_clear(&s, &budget);
        assert_int_equal(budget.used, 0);
    }
    print_message("1 to 10^7 values: error %.2f %% in the mean, %.2f %% at most\n",
                  100 * sqrt(squares / checks), 100 * worst);
    assert_true(sqrt(squares / checks) < 1.2 * SKETCH_ERROR);
    assert_true(worst < 4 * SKETCH_ERROR);
}

static void a_value_seen_again_changes_nothing(void **state)
{
    (void)state;
    struct sketch s = {0};
    bool is_new;
    add_range(&s, 0, 5000);
    uint64_t before = sketch_count(&s);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(sketch_add(&s, &budget, hash_of(i), &is_new));
        assert_false(is_new);
    }
    assert_int_equal(sketch_count(&s), before);
    sketch_clear(&s, &budget);
}

static void a_merge_is_what_one_sketch_of_both_would_be(void **state)
{
    (void)state;
    static const struct {
        uint64_t a_from, a_to, b_from, b_to;
    } cases[] = {{0, 100, 50, 200},      {0, 500, 400, 900}, {0, 100, 0, 5000}, {0, 5000, 0, 100},
                 {0, 9000, 8000, 20000}, {0, 0, 0, 7},       {0, 7, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sketch a = {0}, b = {0}, both = {0};
        add_range(&a, cases[i].a_from, cases[i].a_to);
        add_range(&b, cases[i].b_from, cases[i].b_to);
        add_range(&both, cases[i].a_from, cases[i].a_to);
        add_range(&both, cases[i].b_from, cases[i].b_to);
        assert_true(sketch_merge(&a, &budget, &b));
        assert_int_equal(sketch_count(&a), sketch_count(&both));
        sketch_clear(&a, &budget);
        sketch_clear(&b, &budget);
        sketch_clear(&both, &budget);
    }
    assert_int_equal(budget.used, 0);
}

/* The parts of a shuffled whole, in any order. */
static void merges_of_shuffled_parts_give_the_same(void **state)
{
    (void)state;
    enum { PARTS = 7, VALUES = 50000 };
    struct sketch whole = {0};
    add_range(&whole, 0, VALUES);
    for (unsigned round = 0; round < 3; round++) {
        struct sketch parts[PARTS] = {{0}}, all = {0};
        for (uint64_t i = 0; i < VALUES; i++)
            assert_true(
                sketch_add(&parts[hash_of(i * 3 + round) % PARTS], &budget, hash_of(i), NULL));
        for (unsigned i = 0; i < PARTS; i++)
            assert_true(sketch_merge(&all, &budget, &parts[(i * 3 + round) % PARTS]));
        assert_memory_equal(all.registers, whole.registers, SKETCH_REGISTERS);
        assert_int_equal(sketch_count(&all), sketch_count(&whole));
        for (unsigned i = 0; i < PARTS; i++)
            sketch_clear(&parts[i], &budget);
        sketch_clear(&all, &budget);
    }
    sketch_clear(&whole, &budget);
    assert_int_equal(budget.used, 0);
}

static void without_memory_nothing_is_counted_and_nothing_lost(void **state)
{
    (void)state;
    struct sketch s = {0};
    add_range(&s, 0, SKETCH_EXACT_MAX);
    budget.bytes_max = budget.used;
    assert_false(sketch_add(&s, &budget, hash_of(100000), NULL));
    assert_int_equal(sketch_count(&s), SKETCH_EXACT_MAX);
    budget.bytes_max = 1 << 20;
    assert_true(sketch_add(&s, &budget, hash_of(100000), NULL));
    assert_false(sketch_is_exact(&s));
    sketch_clear(&s, &budget);
}

/* A hash that leaves that rank (1 to SKETCH_RANKS - 1) in that register. */
static uint64_t hash_leaving(uint64_t place, unsigned rank)
{
    unsigned rest_bits = 64 - SKETCH_BITS;
    return place << rest_bits | (rank <= rest_bits ? UINT64_C(1) << (rest_bits - rank) : 0);
}

/* n values leave a rank of at most r in a share exp(-n / (registers 2^r)) of the registers. */
static void registers_filled_as_by_many_values_are_read_as_so_many(void **state)
{
    (void)state;
    static const double counts[] = {2e4, 1e6, 1e9, 1e15, 0x1p64 * 0.6931};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        struct sketch s = {0};
        for (uint64_t place = 0; place < SKETCH_REGISTERS; place++) {
            double share = ((double)place + 0.5) / SKETCH_REGISTERS;
            unsigned rank = 0;
            while (rank < SKETCH_RANKS - 1 &&
                   exp(-counts[c] / SKETCH_REGISTERS * exp2(-(double)rank)) < share)
                rank++;
            if (rank > 0)
                assert_true(sketch_add(&s, &budget, hash_leaving(place, rank), NULL));
        }
        assert_true(fabs((double)sketch_count(&s) / counts[c] - 1) < 0.01);
        sketch_clear(&s, &budget);
    }
}

static void full_registers_are_read_as_the_largest_number(void **state)
{
    (void)state;
    struct sketch s = {0};
    for (uint64_t place = 0; place < SKETCH_REGISTERS; place++)
        assert_true(sketch_add(&s, &budget, hash_leaving(place, SKETCH_RANKS - 1), NULL));
    assert_true(sketch_count(&s) == UINT64_MAX);
    sketch_clear(&s, &budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(few_values_are_counted_exactly, setup),
        cmocka_unit_test_setup(many_values_are_estimated_within_four_errors, setup),
        cmocka_unit_test_setup(a_value_seen_again_changes_nothing, setup),
        cmocka_unit_test_setup(a_merge_is_what_one_sketch_of_both_would_be, setup),
        cmocka_unit_test_setup(merges_of_shuffled_parts_give_the_same, setup),
        cmocka_unit_test_setup(registers_filled_as_by_many_values_are_read_as_so_many, setup),
        cmocka_unit_test_setup(full_registers_are_read_as_the_largest_number, setup),
        cmocka_unit_test_setup(without_memory_nothing_is_counted_and_nothing_lost, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
