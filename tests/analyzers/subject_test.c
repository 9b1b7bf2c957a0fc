/*
 * The facade: what analyzers ask and tell becomes subject.* of the transaction.
 */
#include "tests/cmocka.h"

#include "analyzers/connection.h"
#include "analyzers/http/body_subjects.h"
#include "analyzers/subject.h"
#include "core/clock.h"
#include "subjects/world.h"

#include <stdlib.h>

struct bench {
    struct subjects *subjects;
    struct subject_world *world;
    struct exchange x;
    struct request r;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->subjects = subjects_open();
    assert_non_null(b->subjects);
    b->world = world_open(b->subjects, 1 << 20);
    assert_non_null(b->world);
    b->x.subjects = b->world;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    subject_release(&b->x);
    world_drop(b->world, &b->r.subjects);
    assert_int_equal(b->world->budget.used, 0);
    world_close(b->world);
    subjects_close(b->subjects);
    free(b);
    return 0;
}

static uint64_t count(struct bench *b, struct transaction *tx)
{
    *tx = (struct transaction){0};
    subject_fill(&b->x, &b->r, tx);
    return transaction_has(tx, FIELD_SUBJECT_COUNT) ? tx->subject_count : 0;
}

static void a_number_is_the_same_as_its_text(void **state)
{
    struct bench *b = *state;
    struct transaction tx;
    subject_ask(&b->x, &b->r, SUBJECT_MSISDN, bytes_of("070-123 45 67"));
    subject_ask_number(&b->x, &b->r, SUBJECT_MSISDN, 46701234567);
    subject_tell_number(&b->x, &b->r, SUBJECT_MSISDN, 46701234567);
    subject_end_record(&b->x, &b->r);
    subject_tell(&b->x, &b->r, SUBJECT_MSISDN, bytes_of("+46 70 123 45 67"));
    subject_end_record(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 1);
    assert_int_equal(tx.subject_kinds[SUBJECT_MSISDN], 4);
    assert_int_equal(tx.subject_near.count, 2);
}

static void what_is_none_counts_nothing(void **state)
{
    struct bench *b = *state;
    struct transaction tx;
    char text[SUBJECT_VALUE_MAX + 1];
    memset(text, '1', sizeof(text));
    subject_ask(&b->x, &b->r, SUBJECT_MSISDN, bytes_of("no number"));
    subject_ask(&b->x, &b->r, SUBJECT_NONE, bytes_of("4711"));
    subject_ask(&b->x, &b->r, SUBJECT_CUSTOMER,
                (struct bytes){(const uint8_t *)text, sizeof(text)});
    subject_ask(&b->x, &b->r, SUBJECT_CUSTOMER, (struct bytes){NULL, 0});
    subject_end_record(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 0);
    assert_null(b->r.subjects);
}

static void a_damaged_record_tells_nothing(void **state)
{
    struct bench *b = *state;
    struct transaction tx;
    subject_tell(&b->x, &b->r, SUBJECT_CUSTOMER, bytes_of("4711"));
    subject_drop_record(&b->x, &b->r);
    subject_tell(&b->x, &b->r, SUBJECT_MSISDN, bytes_of("0701234567"));
    subject_end_record(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 1);
    assert_int_equal(b->r.subjects->records.kinds, 1U << SUBJECT_MSISDN);
}

static void what_came_before_its_request_is_given_to_it(void **state)
{
    struct bench *b = *state;
    struct transaction tx;
    subject_ask(&b->x, NULL, SUBJECT_CUSTOMER, bytes_of("4711"));
    subject_ask(&b->x, NULL, SUBJECT_CUSTOMER, bytes_of("4712"));
    assert_int_equal(count(b, &tx), 0);
    subject_ask(&b->x, &b->r, SUBJECT_CUSTOMER, bytes_of("4713"));
    subject_give(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 3);
    subject_ask(&b->x, NULL, SUBJECT_CUSTOMER, bytes_of("4714"));
    subject_release(&b->x);
    subject_give(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 3);
}

static void only_what_the_operator_wants_is_looked_for(void **state)
{
    struct bench *b = *state;
    struct transaction tx;
    const enum subject_kind kinds[] = {SUBJECT_EMAIL};
    struct bytes value;
    subjects_order(b->subjects, kinds, 1);
    assert_int_equal(subject_of_name(&b->x, bytes_of("msisdn")), SUBJECT_NONE);
    assert_int_equal(subject_of_name(&b->x, bytes_of("e_mail")), SUBJECT_EMAIL);
    assert_int_equal(subject_of_key(&b->x, bytes_of("msisdn:0701234567"), &value), SUBJECT_NONE);
    assert_int_equal(subject_recognise(&b->x, bytes_of("0701234567")), SUBJECT_NONE);
    subject_ask(&b->x, &b->r, SUBJECT_MSISDN, bytes_of("0701234567"));
    b->subjects->scope = SUBJECTS_IN_REQUESTS;
    assert_true(subject_is_on(&b->x, SIDE_CLIENT));
    assert_false(subject_is_on(&b->x, SIDE_SERVER));
    subject_tell(&b->x, &b->r, SUBJECT_EMAIL, bytes_of("a@example.com"));
    subject_end_record(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 0);
    subject_ask(&b->x, &b->r, SUBJECT_EMAIL, bytes_of("a@example.com"));
    assert_int_equal(count(b, &tx), 1);
    b->subjects->scope = SUBJECTS_NOWHERE;
    assert_false(subject_is_on(&b->x, SIDE_CLIENT));
    b->x.subjects = NULL;
    assert_false(subject_is_on(&b->x, SIDE_CLIENT));
    assert_int_equal(subject_of_name(&b->x, bytes_of("email")), SUBJECT_NONE);
    b->x.subjects = b->world;
}

static void keys_hold_identifiers(void **state)
{
    static const struct {
        const char *key, *value;
        enum subject_kind kind;
    } cases[] = {
        {"customer:4711", "4711", SUBJECT_CUSTOMER},
        {"app:{customer}:4711", "", SUBJECT_NONE},
        {"app:msisdn:{46701234567}:profile", "46701234567", SUBJECT_MSISDN},
        {"session:abc", "", SUBJECT_NONE},
        {"customer", "", SUBJECT_NONE},
        {"n-4711-x", "4711", SUBJECT_CUSTOMER},
    };
    struct bench *b = *state;
    assert_true(key_patterns_add(&b->subjects->patterns, bytes_of("n-{id}-*"), SUBJECT_CUSTOMER));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes value = {NULL, 0};
        assert_int_equal(subject_of_key(&b->x, bytes_of(cases[i].key), &value), cases[i].kind);
        if (cases[i].kind != SUBJECT_NONE)
            assert_true(bytes_are(value, cases[i].value));
    }
}

static void a_planted_customer_is_told_under_an_old_key_too(void **state)
{
    struct bench *b = *state;
    struct transaction tx;
    uint64_t ids[SUBJECTS_IDS_MAX];
    b->subjects->keys[1] = (struct hash_key){1, 2};
    b->subjects->keys_count = 2;
    assert_int_equal(subjects_ids(b->subjects, SUBJECT_MSISDN, bytes_of("0701234567"), ids), 2);
    assert_true(subjects_honey_publish(b->subjects, &ids[1], 1));
    subject_tell(&b->x, &b->r, SUBJECT_CUSTOMER, bytes_of("4711"));
    subject_tell(&b->x, &b->r, SUBJECT_MSISDN, bytes_of("+46701234567"));
    subject_end_record(&b->x, &b->r);
    assert_int_equal(count(b, &tx), 1);
    assert_int_equal(tx.subject_honey.count, 1);
    assert_true(tx.subject_honey.items[0] == ids[0]);
}

/* Beyond the rate of a second bodies are read by their names alone, and that is counted. */
static void above_the_rate_bodies_are_not_looked_through(void **state)
{
    static const char text[] = "{\"note\":\"0701234567\",\"customer_id\":4711}";
    struct bench *b = *state;
    b->subjects->rate_max = 10;
    b->subjects->recogniser = recogniser_open();
    assert_non_null(b->subjects->recogniser);
    b->world->scans = scans_open(b->subjects->recogniser, &b->world->budget);
    assert_non_null(b->world->scans);
    for (int64_t ns = 0; ns < 3 * CLOCK_SECOND_NS; ns += CLOCK_SECOND_NS / 2) {
        bool is_allowed = ns % CLOCK_SECOND_NS == 0;
        struct body_subjects body;
        const struct body_subjects_plan plan = {.world = b->world,
                                                .format = SUBJECTS_JSON,
                                                .is_recognised = world_may_scan(b->world, ns)};
        assert_int_equal(plan.is_recognised, is_allowed);
        uint64_t unscanned = b->world->unscanned;
        body_subjects_begin(&body, &plan, CSV_HEADER_BY_SHAPE);
        body_subjects_take(&body, bytes_of(text));
        body_subjects_end(&body);
        assert_non_null(body.gathered);
        assert_int_equal(body.gathered->kinds[SUBJECT_CUSTOMER], 1);
        assert_int_equal(body.gathered->kinds[SUBJECT_MSISDN], is_allowed);
        assert_int_equal(b->world->unscanned - unscanned, is_allowed ? 0 : strlen(text));
        body_subjects_clear(&body);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_number_is_the_same_as_its_text),
        TEST(what_is_none_counts_nothing),
        TEST(a_damaged_record_tells_nothing),
        TEST(what_came_before_its_request_is_given_to_it),
        TEST(only_what_the_operator_wants_is_looked_for),
        TEST(keys_hold_identifiers),
        TEST(above_the_rate_bodies_are_not_looked_through),
        TEST(a_planted_customer_is_told_under_an_old_key_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
