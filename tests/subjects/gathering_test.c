/*
 * Who counts of what a request asks and its reply shows.
 */
#include "tests/cmocka.h"

#include "core/hash.h"
#include "core/transaction.h"
#include "subjects/gathering.h"

struct bench {
    struct budget budget;
    struct gathering g;
    uint8_t rank[SUBJECT_KINDS_COUNT];
};

static void begin(struct bench *b)
{
    *b = (struct bench){.budget = {.bytes_max = 1 << 20}};
    for (unsigned kind = 0; kind < SUBJECT_KINDS_COUNT; kind++)
        b->rank[kind] = (uint8_t)kind;
}

static void end(struct bench *b)
{
    gathering_clear(&b->g, &b->budget);
    assert_int_equal(b->budget.used, 0);
}

/* An id that is spread over all bits. */
static uint64_t id_of(enum subject_kind kind, uint64_t number)
{
    uint64_t word = number * SUBJECT_KINDS_COUNT + kind;
    return hash_bytes((struct bytes){(const uint8_t *)&word, sizeof(word)}, 1);
}

static struct gathered value_of(enum subject_kind kind, uint64_t number)
{
    return (struct gathered){.id = id_of(kind, number), .kind = (uint8_t)kind};
}

static void ask(struct bench *b, enum subject_kind kind, uint64_t number)
{
    struct gathered value = value_of(kind, number);
    value.has_near = true;
    value.near[0] = number >> 2;
    value.near[1] = (number + 2) >> 2;
    assert_true(gathering_ask(&b->g, &b->budget, b->rank, &value));
}

static void loose(struct bench *b, enum subject_kind kind, uint64_t number)
{
    struct gathered value = value_of(kind, number);
    assert_true(gathering_loose(&b->g, &b->budget, b->rank, &value));
}

static void tell(struct bench *b, enum subject_kind kind, uint64_t number)
{
    struct gathered value = value_of(kind, number);
    gathering_tell(&b->g, b->rank, &value);
}

static void end_record(struct bench *b)
{
    assert_true(gathering_end_record(&b->g, &b->budget));
}

static uint64_t count(struct bench *b, struct transaction *tx)
{
    *tx = (struct transaction){0};
    assert_true(gathering_fill(&b->g, &b->budget, b->rank, tx));
    return transaction_has(tx, FIELD_SUBJECT_COUNT) ? tx->subject_count : 0;
}

static void a_record_is_one_customer(void **state)
{
    struct bench b;
    struct transaction tx;
    (void)state;
    begin(&b);
    assert_int_equal(count(&b, &tx), 0);
    assert_false(transaction_has(&tx, FIELD_SUBJECT_IDS));
    for (uint64_t i = 0; i < 3; i++) {
        tell(&b, SUBJECT_EMAIL, i);
        tell(&b, SUBJECT_MSISDN, i % 2);
        tell(&b, SUBJECT_PUK, i);
        end_record(&b);
    }
    end_record(&b); /* a record of nobody */
    assert_int_equal(count(&b, &tx), 2);
    assert_int_equal(tx.subject_kinds[SUBJECT_MSISDN], 3);
    assert_int_equal(tx.subject_kinds[SUBJECT_PUK], 3);
    assert_int_equal(tx.subject_ids.count, 2);
    tell(&b, SUBJECT_MSISDN, 9);
    gathering_forget_record(&b.g);
    end_record(&b);
    assert_int_equal(count(&b, &tx), 2);
    end(&b);
}

static void the_order_of_kinds_names_the_customer(void **state)
{
    struct bench b;
    struct transaction tx;
    (void)state;
    begin(&b);
    b.rank[SUBJECT_EMAIL] = 0;
    tell(&b, SUBJECT_CUSTOMER, 1);
    tell(&b, SUBJECT_EMAIL, 1);
    end_record(&b);
    assert_int_equal(count(&b, &tx), 1);
    assert_true(tx.subject_ids.items[0] == id_of(SUBJECT_EMAIL, 1));
    end(&b);
}

static void what_is_asked_is_added_where_it_is_somebody_else(void **state)
{
    static const struct {
        const char *what;
        enum subject_kind asked, told;
        unsigned asked_count, told_count, same, count;
    } cases[] = {
        {"nobody shown", SUBJECT_MSISDN, SUBJECT_NONE, 3, 0, 0, 3},
        {"found", SUBJECT_MSISDN, SUBJECT_MSISDN, 1, 1, 1, 1},
        {"another", SUBJECT_MSISDN, SUBJECT_MSISDN, 1, 1, 0, 2},
        {"one of three found", SUBJECT_MSISDN, SUBJECT_MSISDN, 3, 1, 1, 3},
        {"by a better name", SUBJECT_MSISDN, SUBJECT_CUSTOMER, 1, 1, 0, 1},
        {"by a worse name", SUBJECT_CUSTOMER, SUBJECT_MSISDN, 1, 1, 0, 1},
        {"a list of one's numbers", SUBJECT_CUSTOMER, SUBJECT_MSISDN, 1, 5, 0, 5},
        {"by better names", SUBJECT_MSISDN, SUBJECT_CUSTOMER, 3, 2, 0, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        struct transaction tx;
        begin(&b);
        for (unsigned n = 0; n < cases[i].asked_count; n++)
            ask(&b, cases[i].asked, n);
        for (unsigned n = 0; n < cases[i].told_count; n++) {
            tell(&b, cases[i].told, n < cases[i].same ? n : 100 + n);
            end_record(&b);
        }
        if (count(&b, &tx) != cases[i].count)
            print_error("%s\n", cases[i].what);
        assert_int_equal(tx.subject_count, cases[i].count);
        assert_int_equal(count(&b, &tx), cases[i].count); /* asked again, nothing changes */
        end(&b);
    }
}

static void of_what_is_loose_the_first_kind_counts_and_records_go_before(void **state)
{
    struct bench b;
    struct transaction tx;
    (void)state;
    begin(&b);
    loose(&b, SUBJECT_EMAIL, 1);
    loose(&b, SUBJECT_EMAIL, 2);
    loose(&b, SUBJECT_MSISDN, 1);
    loose(&b, SUBJECT_EMAIL, 3);
    assert_int_equal(count(&b, &tx), 1);
    assert_true(tx.subject_ids.items[0] == id_of(SUBJECT_MSISDN, 1));
    for (uint64_t i = 10; i < 14; i++) {
        tell(&b, SUBJECT_EMAIL, i);
        end_record(&b);
    }
    assert_int_equal(count(&b, &tx), 4);
    end(&b);
}

static void near_is_of_what_is_asked_and_bounded(void **state)
{
    struct bench b;
    struct transaction tx;
    (void)state;
    begin(&b);
    ask(&b, SUBJECT_EMAIL, 1);
    ask(&b, SUBJECT_MSISDN, 4000);
    assert_int_equal(count(&b, &tx), 1);
    assert_int_equal(tx.subject_near.count, 1); /* 4000 and 4002 are of one four */
    ask(&b, SUBJECT_MSISDN, 4002);
    assert_int_equal(count(&b, &tx), 2);
    assert_int_equal(tx.subject_near.count, 2);
    for (uint64_t i = 0; i < 100; i++)
        ask(&b, SUBJECT_MSISDN, 10 * i);
    (void)count(&b, &tx);
    assert_int_equal(tx.subject_near.count, SUBJECT_NEAR_MAX);
    end(&b);
}

static void many_become_a_sketch(void **state)
{
    struct bench b;
    struct transaction tx;
    (void)state;
    begin(&b);
    for (uint64_t i = 0; i < 100000; i++) {
        tell(&b, SUBJECT_MSISDN, i);
        end_record(&b);
        if (i + 1 == SUBJECT_IDS_MAX)
            assert_int_equal(count(&b, &tx), SUBJECT_IDS_MAX);
    }
    assert_in_range(count(&b, &tx), 97000, 103000);
    assert_non_null(tx.subject_ids.registers);
    assert_int_equal(tx.subject_ids.count, SUBJECT_IDS_SHOWN);
    end(&b);
}

static void parts_come_together(void **state)
{
    struct bench b;
    struct gathering other = {0};
    struct transaction tx;
    (void)state;
    begin(&b);
    ask(&b, SUBJECT_EMAIL, 1);
    for (uint64_t i = 0; i < 10; i++) {
        struct gathered value = value_of(SUBJECT_MSISDN, i % 7);
        gathering_tell(&other, b.rank, &value);
        assert_true(gathering_end_record(&other, &b.budget));
        value = value_of(SUBJECT_MSISDN, i % 3);
        assert_true(gathering_ask(&other, &b.budget, b.rank, &value));
    }
    gathering_honey(&other, 5);
    gathering_honey(&other, 5);
    tell(&b, SUBJECT_MSISDN, 100);
    end_record(&b);
    assert_true(gathering_merge(&b.g, &b.budget, b.rank, &other));
    assert_int_equal(count(&b, &tx), 8);
    assert_int_equal(tx.subject_honey.count, 1);
    assert_int_equal(tx.subject_kinds[SUBJECT_MSISDN], 21);
    gathering_clear(&other, &b.budget);
    end(&b);
}

static void without_memory_it_is_told(void **state)
{
    struct bench b;
    bool is_whole = true;
    (void)state;
    begin(&b);
    b.budget.bytes_max = 4096;
    for (uint64_t i = 0; i < 2000; i++) {
        tell(&b, SUBJECT_MSISDN, i);
        is_whole = gathering_end_record(&b.g, &b.budget) && is_whole;
    }
    assert_false(is_whole);
    assert_true(b.budget.used <= 4096);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_customer),
        cmocka_unit_test(the_order_of_kinds_names_the_customer),
        cmocka_unit_test(what_is_asked_is_added_where_it_is_somebody_else),
        cmocka_unit_test(of_what_is_loose_the_first_kind_counts_and_records_go_before),
        cmocka_unit_test(near_is_of_what_is_asked_and_bounded),
        cmocka_unit_test(many_become_a_sketch),
        cmocka_unit_test(parts_come_together),
        cmocka_unit_test(without_memory_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
