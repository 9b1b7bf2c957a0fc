/*
 * Planted customers while the set is replaced.
 */
#include "tests/cmocka.h"

#include "subjects/subjects.h"

#include <pthread.h>
#include <stdlib.h>

enum { ROUNDS = 2000, THREADS = 2, IDS = 64 };

static void the_newest_set_is_looked_into(void **state)
{
    static const uint64_t first[] = {1, 5, 9}, second[] = {2, 5};
    struct honey *h = honey_open();
    struct honey_view view = {0};
    (void)state;
    assert_non_null(h);
    assert_true(honey_is_empty(h, &view));
    assert_false(honey_has(h, &view, 1));
    assert_true(honey_publish(h, first, 3));
    assert_true(honey_has(h, &view, 1));
    assert_true(honey_has(h, &view, 9));
    assert_false(honey_has(h, &view, 2));
    assert_true(honey_publish(h, second, 2));
    assert_false(honey_has(h, &view, 1));
    assert_true(honey_has(h, &view, 2));
    assert_true(honey_publish(h, NULL, 0));
    assert_true(honey_is_empty(h, &view));
    honey_view_close(h, &view);
    honey_close(h);
}

/* Every set holds multiples of its number alone: what is found of two sets at once is wrong. */
static void *look(void *context)
{
    struct honey *h = context;
    struct honey_view view = {0};
    uintptr_t wrong = 0;
    for (int i = 0; i < ROUNDS * 10; i++)
        wrong += honey_has(h, &view, 1) || !honey_has(h, &view, 0);
    honey_view_close(h, &view);
    return wrong ? h : NULL;
}

static void a_set_is_replaced_while_others_look(void **state)
{
    struct honey *h = honey_open();
    uint64_t ids[IDS] = {0};
    pthread_t threads[THREADS];
    (void)state;
    assert_non_null(h);
    assert_true(honey_publish(h, ids, 1));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, h), 0);
    for (uint64_t round = 2; round < ROUNDS; round++) {
        for (size_t i = 0; i < IDS; i++)
            ids[i] = i * round;
        assert_true(honey_publish(h, ids, 1 + round % IDS));
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    honey_close(h);
}

static int compare(const void *a, const void *b)
{
    uint64_t left, right;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return left < right ? -1 : left > right;
}

/* A list of texts, and of ids that were written under any of the keys. */
static void a_list_is_read_by_all_keys(void **state)
{
    struct subjects *s = subjects_open();
    uint64_t ids[SUBJECTS_IDS_MAX];
    struct identifier id;
    (void)state;
    assert_non_null(s);
    s->keys[1] = (struct hash_key){1, 2};
    s->keys_count = 2;
    assert_int_equal(subjects_ids(s, SUBJECT_MSISDN, bytes_of("070-123 45 67"), ids), 2);
    assert_true(identifier_read(&id, &s->countries, SUBJECT_MSISDN, bytes_of("+46701234567")));
    assert_true(subjects_id(s, &id, 0) == ids[0]);
    assert_true(subjects_id(s, &id, 1) == ids[1]);
    assert_true(ids[0] != ids[1]);
    assert_int_equal(subjects_ids(s, SUBJECT_MSISDN, bytes_of("no number"), ids), 0);
    size_t count = subjects_ids(s, SUBJECT_NONE, bytes_of("0123456789abcdef"), ids);
    assert_true(count > 0 && ids[count - 1] == UINT64_C(0x0123456789abcdef));
    qsort(ids, count, sizeof(ids[0]), compare);
    assert_true(subjects_honey_publish(s, ids, count));
    subjects_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_set_is_looked_into),
        cmocka_unit_test(a_set_is_replaced_while_others_look),
        cmocka_unit_test(a_list_is_read_by_all_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
