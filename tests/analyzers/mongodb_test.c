/*
 * MongoDB by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/mongodb/mongodb.h"

static struct script_setup setup = {TESTS_FOLDER "/mongodb", 27017};

/* Bytes that are put together, little-endian. */
struct maker {
    uint8_t *bytes;
    size_t len;
};

static void put(struct maker *m, const void *data, size_t len)
{
    memcpy(m->bytes + m->len, data, len);
    m->len += len;
}

static void put_le32(struct maker *m, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    put(m, bytes, sizeof(bytes));
}

static size_t begin(struct maker *m)
{
    put_le32(m, 0);
    return m->len - 4;
}

static void end(struct maker *m, size_t at)
{
    size_t len = m->len;
    m->len = at;
    put_le32(m, (uint32_t)(len - at));
    m->len = len;
}

#define PUT(m, text) put(m, text, sizeof(text) - 1)

static size_t begin_message(struct maker *m, uint32_t id, uint32_t reply_to)
{
    size_t at = begin(m);
    put_le32(m, id);
    put_le32(m, reply_to);
    put_le32(m, 2013);
    PUT(m, "\0\0\0\0\0");
    return at;
}

static void put_find(struct maker *m)
{
    size_t message = begin_message(m, 1, 0), document = begin(m);
    PUT(m, "\2find\0\2\0\0\0c\0\2$db\0\4\0\0\0crm\0\0");
    end(m, document);
    end(m, message);
}

/* A document in an array, with an array of documents in it. */
static void put_document(struct maker *m, unsigned index, size_t text_len)
{
    char name[16];
    int name_len = snprintf(name, sizeof(name), "\3%u", index);
    put(m, name, (size_t)name_len + 1);
    size_t document = begin(m);
    PUT(m, "\4in\0");
    size_t array = begin(m);
    for (char n = '0'; n < '5'; n++) {
        PUT(m, "\3");
        put(m, &n, 1);
        PUT(m, "\0\x0c\0\0\0\x10x\0\1\0\0\0\0");
    }
    PUT(m, "\0");
    end(m, array);
    PUT(m, "\5b\0");
    put_le32(m, (uint32_t)text_len);
    PUT(m, "\0");
    memset(m->bytes + m->len, 3, text_len);
    m->len += text_len;
    PUT(m, "\0");
    end(m, document);
}

/* A reply with so many documents, whose places go to starts (one more: their end). */
static void put_reply(struct maker *m, unsigned count, size_t text_len, size_t *starts)
{
    size_t message = begin_message(m, 2, 1), document = begin(m);
    PUT(m, "\3cursor\0");
    size_t cursor = begin(m);
    PUT(m, "\4firstBatch\0");
    size_t batch = begin(m);
    for (unsigned n = 0; n <= count; n++) {
        starts[n] = m->len;
        if (n < count)
            put_document(m, n, text_len);
    }
    PUT(m, "\0");
    end(m, batch);
    PUT(m, "\x12id\0\0\0\0\0\0\0\0\0\2ns\0\6\0\0\0crm.c\0\0");
    end(m, cursor);
    PUT(m, "\1ok\0\0\0\0\0\0\0\xf0\x3f\0");
    end(m, document);
    end(m, message);
}

struct told {
    uint64_t rows, count, lost, replies;
};

static void tell(void *context, void *owner, struct transaction *tx)
{
    struct told *told = context;
    (void)owner;
    told->rows += tx->returned_rows;
    told->lost += tx->lost_bytes;
    told->replies += tx->reply_seen;
    told->count++;
}

/* A find, and its reply in segments of that length, without the bytes in [from, to). */
static struct told listen(struct bytes find, struct bytes reply, size_t from, size_t to,
                          size_t segment, size_t *peak)
{
    struct told told = {0};
    struct settings settings = {.memory_max = (size_t)64 << 20};
    struct analysis_events events = {.transaction = tell};
    struct connection_facts facts = {.port = {40000, 27017}, .roles_sure = true};
    struct analysis *a = analysis_open(&settings, &events, &told);
    struct connection *c = connection_open(a, &facts, NULL);
    connection_data(c, 0, find, 0);
    for (size_t at = 0; at < reply.len;) {
        size_t edge = at < from ? from : reply.len;
        size_t len = edge - at < segment ? edge - at : segment;
        if (at == from && to > from) {
            connection_gap(c, 1, to - from, 0);
            at = to;
            from = to = reply.len;
            continue;
        }
        connection_data(c, 1, bytes_first(bytes_from(reply, at), len), 0);
        at += len;
    }
    connection_close(c);
    assert_int_equal(analysis_budget(a)->used, 0);
    *peak = analysis_budget(a)->peak;
    analysis_close(a);
    return told;
}

enum { DOCUMENTS = 30, BIG_DOCUMENTS = 42500, BIG_TEXT = 1024 };

static void a_reply_of_48_megabytes_takes_no_memory(void **state)
{
    (void)state;
    struct maker m = {malloc((size_t)64 << 20), 0};
    size_t *starts = calloc(BIG_DOCUMENTS + 1, sizeof(*starts)), peak;
    assert_non_null(m.bytes);
    assert_non_null(starts);
    put_find(&m);
    size_t find_len = m.len;
    put_reply(&m, BIG_DOCUMENTS, BIG_TEXT, starts);
    assert_true(m.len > 47000000 && m.len < 48000000);
    struct told told =
        listen((struct bytes){m.bytes, find_len},
               (struct bytes){m.bytes + find_len, m.len - find_len}, m.len, m.len, 1448, &peak);
    assert_int_equal(told.rows, BIG_DOCUMENTS);
    assert_int_equal(told.count, 1);
    assert_true(peak < 32768);
    free(starts);
    free(m.bytes);
}

/* Any hole, anywhere: no document is invented, and where documents of the batch come behind it, all
 * are counted; else those before it. */
static void a_hole_anywhere_costs_only_what_it_must(void **state)
{
    static const size_t lens[] = {1, 3, 9, 40, 333, 1448, 3000};
    (void)state;
    struct maker m = {malloc((size_t)1 << 20), 0};
    size_t starts[DOCUMENTS + 1], peak;
    assert_non_null(m.bytes);
    put_find(&m);
    struct bytes find = {m.bytes, m.len};
    put_reply(&m, DOCUMENTS, 150, starts);
    struct bytes reply = {m.bytes + find.len, m.len - find.len};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (size_t from = 0; from + lens[i] <= reply.len; from++) {
            size_t to = from + lens[i], before = 0;
            struct told told = listen(find, reply, from, to, 100, &peak);
            while (before < DOCUMENTS && starts[before] + 12 <= find.len + from)
                before++;
            bool goes_on = find.len + to <= starts[DOCUMENTS - 1];
            bool is_good = told.rows <= DOCUMENTS && told.rows >= (goes_on ? DOCUMENTS : before) &&
                           told.lost == lens[i];
            if (!is_good)
                print_error("%zu to %zu: %zu rows, %zu lost, before %zu\n", from, to,
                            (size_t)told.rows, (size_t)told.lost, before);
            assert_true(is_good);
        }
    }
    free(m.bytes);
}

static const struct script_start starts[] = {
#define HEADER(len, to, opcode) len "\0\0\0\1\0\0\0" to "\0\0\0" opcode "\0\0"
    SCRIPT_START(SIDE_CLIENT, HEADER("\x30", "\0", "\xdd\x07") "\0\0\0\0\0\x1b\0\0\0\x10",
                 START_SHORT),
    SCRIPT_START(SIDE_CLIENT,
                 HEADER("\x30", "\0", "\xdd\x07") "\0\0\0\0\0\x1b\0\0\0\x10ping\0\1\0\0\0",
                 START_SURE),
    SCRIPT_START(SIDE_CLIENT,
                 HEADER("\x30", "\0", "\xdd\x07") "\0\0\0\0\0\x1c\0\0\0\x10ping\0\1\0\0\0",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x30", "\0", "\xdd\x07") "\4\0\0\0\0\x1b\0\0\0\x10ping\0",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT,
                 HEADER("\x30", "\0", "\xdd\x07") "\0\0\1\0\0\x1b\0\0\0\x10ping\0\1\0\0\0",
                 START_SURE),
    SCRIPT_START(SIDE_SERVER,
                 HEADER("\x30", "\1", "\xdd\x07") "\0\0\1\0\0\x1b\0\0\0\x10ping\0\1\0\0\0",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x30", "\0", "\xdd\x07") "\0\0\0\0\0\x1b\0\0\0\x77ping\0",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT,
                 HEADER("\x30", "\1", "\xdd\x07") "\0\0\0\0\0\x1b\0\0\0\x10ping\0\1\0\0\0",
                 START_NO),
    SCRIPT_START(SIDE_SERVER,
                 HEADER("\x30", "\1", "\xdd\x07") "\0\0\0\0\0\x1b\0\0\0\x10ping\0\1\0\0\0",
                 START_SURE),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x30", "\0", "\xde\x07") "\0\0\0\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x40", "\0", "\xd4\x07") "\0\0\0\0a", START_SURE),
    SCRIPT_START(SIDE_SERVER, HEADER("\x40", "\0", "\xd4\x07") "\0\0\0\0a", START_NO),
    SCRIPT_START(SIDE_SERVER,
                 HEADER("\x24", "\1", "\1\0") "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                 START_SURE),
    SCRIPT_START(SIDE_SERVER,
                 HEADER("\x24", "\1", "\1\0") "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x40", "\0", "\xdc\x07") "\xdd\x07\0\0\x40\0\0\0\2",
                 START_SURE),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x40", "\0", "\xdc\x07") "\xdd\x07\0\0\x40\0\0\0\4",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT, HEADER("\x40", "\0", "\xdc\x07") "\xdc\x07\0\0\x40\0\0\0\2",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT, "\x30\0\0", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "\x30\0\0\x7f", START_NO),
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/1.1\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\3\0\0user\0ann\0\0", START_NO),
#undef HEADER
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&MONGODB_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(a_reply_of_48_megabytes_takes_no_memory),
        cmocka_unit_test(a_hole_anywhere_costs_only_what_it_must),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
