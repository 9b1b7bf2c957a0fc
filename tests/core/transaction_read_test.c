/*
 * core/transaction_read.h: what transaction_write writes comes back.
 */
#include "tests/cmocka.h"

#include "core/hash.h"
#include "core/sketch.h"
#include "core/transaction_read.h"

#include <stdlib.h>

static const struct bytes items[] = {{(const uint8_t *)"a\"b", 3}, {(const uint8_t *)"c", 1}};

static const uint64_t ids[] = {1, UINT64_MAX};
static const uint64_t kinds[SUBJECT_KINDS_COUNT] = {[SUBJECT_MSISDN] = 3, [SUBJECT_PUK] = 1};

/* A value of each type, other for each field. */
static void set(struct transaction *t, unsigned f)
{
    char *member = (char *)t + FIELDS[f].offset;
    const int64_t ns = INT64_C(1767605400000000001) + f;
    const uint64_t number = f == FIELD_CLIENT_BYTES ? UINT64_MAX : (uint64_t)f * 1000 + 1;
    const bool is_true = true;
    const unsigned choice = f % 3;
    const struct bytes text = bytes_of(FIELDS[f].name);
    const struct texts texts = {items, 2};
    const struct hashes hashes = {ids, 2, NULL};
    const uint64_t *tally = kinds;
    const struct place place = {59.3293, -18.0686};
    struct address address = {{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)f}};
    if (f == FIELD_CLIENT_IP)
        address = address_from_ipv4((const uint8_t[]){10, 1, 20, 255});
    const struct {
        const void *value;
        size_t size;
    } values[] = {[FIELD_TYPE_TIME] = {&ns, sizeof(ns)},
                  [FIELD_TYPE_UNSIGNED] = {&number, sizeof(number)},
                  [FIELD_TYPE_SHARE] = {&number, sizeof(number)},
                  [FIELD_TYPE_HASH] = {&number, sizeof(number)},
                  [FIELD_TYPE_BOOLEAN] = {&is_true, sizeof(is_true)},
                  [FIELD_TYPE_CHOICE] = {&choice, sizeof(choice)},
                  [FIELD_TYPE_TEXT] = {&text, sizeof(text)},
                  [FIELD_TYPE_TEXTS] = {&texts, sizeof(texts)},
                  [FIELD_TYPE_HASHES] = {&hashes, sizeof(hashes)},
                  [FIELD_TYPE_SKETCH] = {&hashes, sizeof(hashes)},
                  [FIELD_TYPE_TALLY] = {&tally, sizeof(tally)},
                  [FIELD_TYPE_ADDRESS] = {&address, sizeof(address)},
                  [FIELD_TYPE_PLACE] = {&place, sizeof(place)}};
    memcpy(member, values[FIELDS[f].type].value, values[FIELDS[f].type].size);
    transaction_mark(t, (enum field)f);
}

static bool is_mirrors(unsigned f)
{
    return bytes_start(bytes_of(FIELDS[f].name), "mirror.");
}

static void every_field_comes_back_as_it_was(void **state)
{
    struct transaction_reader *reader = transaction_reader_open();
    (void)state;
    for (int is_mirror = 0; is_mirror <= 1; is_mirror++) {
        struct transaction t = {.is_apart = !is_mirror}, back;
        bool is_shared = true;
        for (unsigned f = 0; f < FIELDS_COUNT; f++) {
            is_shared = FIELDS[f].offset >= offsetof(struct transaction, mirror) &&
                        FIELDS[f].offset < offsetof(struct transaction, partial);
            if (is_mirrors(f) == is_mirror || !is_shared)
                set(&t, f);
        }
        struct json j = {0}, again = {0};
        transaction_write(&j, &t);
        uint8_t *line = malloc(j.len);
        memcpy(line, j.text, j.len);
        assert_int_equal(transaction_read(reader, line, j.len, &back),
                         is_mirror ? READ_MIRROR : READ_TRANSACTION);
        assert_true(back.present == t.present);
        assert_int_equal(back.is_apart, t.is_apart);
        assert_int_equal(back.start_ns, t.start_ns);
        transaction_write(&again, &back);
        assert_int_equal(again.len, j.len);
        assert_memory_equal(again.text, j.text, j.len);
        json_clear(&j);
        json_clear(&again);
        free(line);
    }
    transaction_reader_close(reader);
}

/* Ids of which the list shows only some come back whole. */
static void many_ids_come_back_whole(void **state)
{
    static const uint32_t counts[] = {SUBJECT_IDS_SHOWN, SUBJECT_IDS_SHOWN + 1, SUBJECT_IDS_MAX,
                                      SUBJECT_IDS_MAX + 1, 100000};
    struct transaction_reader *reader = transaction_reader_open();
    struct budget budget = {.bytes_max = 1 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct sketch sketch = {0};
        struct transaction t = {.present = 0}, back;
        struct json j = {0};
        for (uint64_t n = 0; n < counts[i]; n++)
            assert_true(sketch_add(&sketch, &budget,
                                   hash_bytes((struct bytes){(uint8_t *)&n, 8}, 1), NULL));
        transaction_mark(&t, FIELD_TIMESTAMP);
        t.subject_ids = (struct hashes){sketch.hashes, sketch.count, sketch.registers};
        transaction_mark_ids(&t);
        assert_int_equal(transaction_has(&t, FIELD_SUBJECT_SKETCH), i > 0);
        transaction_write(&j, &t);
        uint8_t *line = malloc(j.len);
        memcpy(line, j.text, j.len);
        assert_int_equal(transaction_read(reader, line, j.len, &back), READ_TRANSACTION);
        assert_int_equal(back.subject_ids.count, sketch.count);
        assert_int_equal(back.subject_ids.registers != NULL, counts[i] > SUBJECT_IDS_MAX);
        if (back.subject_ids.registers)
            assert_memory_equal(back.subject_ids.registers, sketch.registers, SKETCH_REGISTERS);
        else
            assert_memory_equal(back.subject_ids.items, sketch.hashes, sketch.count * 8);
        void *packed = malloc(transaction_packed_size(&back, 0));
        struct json again = {0};
        transaction_pack(&back, 0, packed);
        transaction_write(&again, packed);
        assert_int_equal(again.len, j.len);
        assert_memory_equal(again.text, j.text, j.len);
        free(packed);
        json_clear(&j);
        json_clear(&again);
        sketch_clear(&sketch, &budget);
        free(line);
    }
    transaction_reader_close(reader);
}

/* Reads a line in a block of its own size. */
static enum read_kind read_line(struct transaction_reader *reader, const char *text,
                                struct transaction *t)
{
    uint8_t *line = malloc(strlen(text) + 1);
    memcpy(line, text, strlen(text));
    enum read_kind kind = transaction_read(reader, line, strlen(text), t);
    if (kind == READ_BAD)
        assert_string_not_equal(transaction_read_problem(reader), "nothing");
    free(line);
    return kind;
}

#define START "{\"@timestamp\":\"2026-01-05T09:30:00Z\",\"event\":{\"dataset\":"
#define MADE START "\"seepwatch.transaction\"}"

static void lines_are_told_apart(void **state)
{
    static const struct {
        const char *line;
        enum read_kind kind;
    } cases[] = {
        {MADE "}", READ_TRANSACTION},
        {MADE ",\"more\":[1,{\"x\":2}],\"client\":{\"odd\":\"\",\"ip\":\"10.0.0.1\"}}",
         READ_TRANSACTION},
        {MADE ",\"client\":null,\"server\":{\"port\":null}}", READ_TRANSACTION},
        {" { \"event\" : { \"dataset\" : \"seepwatch.transaction\" } , \"@timestamp\" : "
         "\"2026-01-05T10:30:00.5+01:00\" } \r",
         READ_TRANSACTION},
        {START "\"seepwatch.alert\"},\"alert\":{}}", READ_OTHER},
        {START "\"seepwatch.mirror\"},\"mirror\":{\"packets\":1}}", READ_MIRROR},
        {START "\"seepwatch.mirror\"}}", READ_BAD},
        {"", READ_BAD},
        {"x", READ_BAD},
        {"{", READ_BAD},
        {"{}", READ_BAD},
        {"[]", READ_BAD},
        {MADE, READ_BAD},
        {MADE "}}", READ_BAD},
        {MADE ",}", READ_BAD},
        {MADE " \"client\":{}}", READ_BAD},
        {"{\"event\":{\"dataset\":\"seepwatch.transaction\"}}", READ_BAD},
        {MADE ",\"client\":{\"ip\":\"10.0.0\"}}", READ_BAD},
        {MADE ",\"client\":{\"ip\":\"10.0.0.01\"}}", READ_BAD},
        {MADE ",\"client\":{\"bytes\":-1}}", READ_BAD},
        {MADE ",\"client\":{\"bytes\":\"1\"}}", READ_BAD},
        {MADE ",\"client\":\"10.0.0.1\"}", READ_BAD},
        {MADE ",\"user\":{\"name\":7}}", READ_BAD},
        {MADE ",\"db\":{\"collection\":{\"name\":\"a\"}}}", READ_BAD},
        {MADE ",\"event\":{\"action\":\"steal\"}}", READ_BAD},
        {MADE ",\"capture\":{\"partial\":1}}", READ_BAD},
        {MADE ",\"db\":{\"query\":{\"hash\":\"0123\"}}}", READ_BAD},
        {MADE ",\"client\":{\"geo\":{\"location\":{\"lat\":1}}}}", READ_BAD},
        {MADE ",\"mirror\":{\"packets\":1}}", READ_BAD},
        {MADE ",\"db\":{\"namespace\":\"a\"},\"mirror\":{\"packets\":4096}}", READ_BAD},
        {START "\"seepwatch.mirror\"},\"mirror\":{\"packets\":1,\"lost_share\":2},\"x\":1}",
         READ_BAD},
        {START "\"seepwatch.mirror\"},\"mirror\":{\"packets\":4096},\"url\":{\"path\":\"/\"}}",
         READ_BAD},
    };
    struct transaction_reader *reader = transaction_reader_open();
    struct transaction t;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(read_line(reader, cases[i].line, &t), cases[i].kind);
    transaction_reader_close(reader);
}

static void times_of_the_same_minute_are_told_apart(void **state)
{
    static const struct {
        const char *time;
        int64_t ns;
    } cases[] = {{"2026-01-05T09:30:07.000000001Z", INT64_C(1767605407000000001)},
                 {"2026-01-05T09:30:59.999999999Z", INT64_C(1767605459999999999)},
                 {"2026-01-05T09:31:00.000000000Z", INT64_C(1767605460000000000)},
                 {"2026-01-05T09:31:00.25Z", INT64_C(1767605460250000000)},
                 {"1969-12-31T23:59:58.500000000Z", -INT64_C(1500000000)},
                 {"1969-12-31T23:59:59.500000000Z", -INT64_C(500000000)},
                 {"2026-01-05T09:31:60.000000000Z", INT64_C(1767605520000000000)},
                 {"2026-01-05T09:31:02.000000000Z", INT64_C(1767605462000000000)},
                 {"2026-01-05T09:31:0x.000000000Z", 0},
                 {"2026-01-05T09:31:02.00000000xZ", 0}};
    struct transaction_reader *reader = transaction_reader_open();
    struct transaction t;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[256] = "{\"@timestamp\":\"";
        strncat(line, cases[i].time, sizeof(line) - strlen(line) - 1);
        strncat(line, "\",\"event\":{\"dataset\":\"seepwatch.transaction\"}}",
                sizeof(line) - strlen(line) - 1);
        assert_int_equal(read_line(reader, line, &t),
                         cases[i].ns != 0 ? READ_TRANSACTION : READ_BAD);
        if (cases[i].ns != 0)
            assert_int_equal(t.start_ns, cases[i].ns);
    }
    transaction_reader_close(reader);
}

static void shares_come_back_to_the_millionth(void **state)
{
    struct transaction_reader *reader = transaction_reader_open();
    (void)state;
    for (uint64_t share = 0; share <= SHARE_ONE; share += 64) {
        struct transaction t = {.mirror = {.packets = 1, .lost_share = share}}, back;
        struct json j = {0};
        transaction_mark(&t, FIELD_TIMESTAMP);
        transaction_mark(&t, FIELD_MIRROR_PACKETS);
        transaction_mark(&t, FIELD_MIRROR_LOST_SHARE);
        transaction_write(&j, &t);
        assert_int_equal(transaction_read(reader, (uint8_t *)j.text, j.len, &back), READ_MIRROR);
        assert_int_equal(back.mirror.lost_share, share);
        json_clear(&j);
    }
    transaction_reader_close(reader);
}

static void a_list_has_a_bound(void **state)
{
    struct transaction_reader *reader = transaction_reader_open();
    struct transaction t;
    (void)state;
    for (size_t count = READ_TEXTS_MAX; count <= READ_TEXTS_MAX + 1; count++) {
        char *line = calloc(1, count * 4 + 256);
        strcat(line, MADE ",\"network\":{\"countries\":[\"a\"");
        size_t at = strlen(line);
        for (size_t i = 1; i < count; i++, at += 4)
            memcpy(line + at, ",\"b\"", 4);
        memcpy(line + at, "]}}", 3);
        assert_int_equal(read_line(reader, line, &t),
                         count == READ_TEXTS_MAX ? READ_TRANSACTION : READ_BAD);
        free(line);
    }
    transaction_reader_close(reader);
}

static void ids_with_numbers_have_neighbours(void **state)
{
    struct transaction_reader *reader = transaction_reader_open();
    struct transaction t;
    uint64_t near[2];
    (void)state;
    char named[] = MADE ",\"subject\":{\"ids\":[\"s8\",\"x\",\"s9\"]}}";
    assert_int_equal(read_line(reader, named, &t), READ_TRANSACTION);
    assert_true(transaction_has(&t, FIELD_SUBJECT_NEAR));
    assert_int_equal(t.subject_near.count, 4); /* of those that end in a number */
    assert_true(subject_near_parse(near, bytes_of("s9")));
    assert_int_equal(t.subject_near.items[2], near[0]);
    assert_int_equal(t.subject_near.items[3], near[1]);
    char own[] = MADE ",\"subject\":{\"ids\":[\"s8\"],\"near\":[\"0000000000000001\"]}}";
    assert_int_equal(read_line(reader, own, &t), READ_TRANSACTION);
    assert_int_equal(t.subject_near.count, 1);
    assert_int_equal(t.subject_near.items[0], 1);
    char hashes[] = MADE ",\"subject\":{\"ids\":[\"0123456789abcdef\"]}}";
    assert_int_equal(read_line(reader, hashes, &t), READ_TRANSACTION);
    assert_false(transaction_has(&t, FIELD_SUBJECT_NEAR));
    transaction_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back_as_it_was),
        cmocka_unit_test(many_ids_come_back_whole),
        cmocka_unit_test(lines_are_told_apart),
        cmocka_unit_test(times_of_the_same_minute_are_told_apart),
        cmocka_unit_test(shares_come_back_to_the_millionth),
        cmocka_unit_test(a_list_has_a_bound),
        cmocka_unit_test(ids_with_numbers_have_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
