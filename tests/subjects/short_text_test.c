/*
 * Short texts are looked through without Vectorscan: the tokens have to be the ones that it finds,
 * in the same order.
 */
#include "tests/cmocka.h"

#include "subjects/short_text.h"

enum { TEXTS = 40000, TOLD_MAX = 4096, LONGEST = SHORT_TEXT_MAX + 40 };

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(random_next(state) % limit);
}

/* What texts are made of: tokens, what is nearly one, and what stands between them. */
static const char *const parts[] = {
    "070-123 45 67",
    "+46701234567",
    "0046 (0)70 1234567",
    "12345678",
    "1234567",
    "+1234567",
    "(1) 234-5678",
    "a@b.se",
    "anna.b%c+d@firma.example.no",
    "@",
    "@.",
    "x@y",
    "131052-308T",
    "010101A123N",
    "0101010A123N",
    "010101G123N",
    "010101-123Z",
    "SE3550000000054910000003",
    "SE35 5000 0000 0549 1000 0003",
    "AB12ABCDEFGHIJK",
    "AB12ABCDEFGHIJ",
    "ABCD12EFGHIJKLMNOPQ",
    "2026-01-05T09:30:00Z",
    "Anna Svensson",
    " ",
    ";",
    ",",
    "*",
    "\n",
    "\t",
    ".",
    "-",
    "/",
    "Z",
    "z",
    "_",
    "\xc3\xa5",
    "0",
    "00000000000000000000000000000000000000000000000000000000000000000000000",
};

/* A text of that many bytes at most. */
static struct bytes make(uint64_t *state, char *text, size_t max)
{
    size_t len = 0;
    while (below(state, 24) > 0) {
        const char *part = parts[below(state, sizeof(parts) / sizeof(parts[0]))];
        size_t part_len = strlen(part);
        if (below(state, 16) == 0) { /* any byte */
            text[len < max ? len++ : 0] = (char)below(state, 256);
            continue;
        }
        if (part_len > max - len)
            part_len = max - len;
        memcpy(text + len, part, part_len);
        len += part_len;
    }
    return (struct bytes){(const uint8_t *)text, len};
}

/* What was told: kind, length and bytes of each token. */
struct told {
    size_t len, count;
    uint8_t text[TOLD_MAX * 4];
};

static void take(void *context, enum token kind, struct bytes token)
{
    struct told *t = context;
    assert_true(t->len + token.len + 2 <= sizeof(t->text));
    t->text[t->len++] = (uint8_t)kind;
    t->text[t->len++] = (uint8_t)token.len;
    memcpy(t->text + t->len, token.data, token.len);
    t->len += token.len;
    t->count++;
}

static void tokens_are_those_that_vectorscan_finds(void **unused)
{
    struct recogniser *r = recogniser_open();
    struct budget budget = {.bytes_max = SIZE_MAX};
    static struct told by_vectorscan, whole;
    const struct scan_taker to_one = {take, &by_vectorscan}, to_other = {take, &whole};
    uint64_t state = 20260107;
    size_t tokens = 0;
    (void)unused;
    assert_non_null(r);
    struct scans *scans = scans_open(r, &budget);
    assert_non_null(scans);
    struct scan *one = scan_open(scans), *other = scan_open(scans);
    assert_non_null(one);
    assert_non_null(other);
    for (unsigned i = 0; i < TEXTS; i++) {
        char text[LONGEST];
        struct bytes made = make(&state, text, i % 8 == 0 ? LONGEST : 1 + below(&state, LONGEST));
        by_vectorscan.len = whole.len = whole.count = 0;
        scan_take(one, made, &to_one);
        scan_break(one, &to_one);
        scan_whole(other, made, &to_other);
        assert_int_equal(whole.len, by_vectorscan.len);
        assert_memory_equal(whole.text, by_vectorscan.text, whole.len);
        tokens += whole.count;
    }
    assert_true(tokens > TEXTS);
    scan_close(one);
    scan_close(other);
    scans_close(scans);
    recogniser_close(r);
}

/* A text that comes in pieces is none that stood before it alone. */
static void what_passes_behind_a_whole_text_begins_anew(void **unused)
{
    struct recogniser *r = recogniser_open();
    struct budget budget = {.bytes_max = SIZE_MAX};
    struct told told = {0};
    const struct scan_taker taker = {take, &told};
    (void)unused;
    assert_non_null(r);
    struct scans *scans = scans_open(r, &budget);
    assert_non_null(scans);
    struct scan *scan = scan_open(scans);
    assert_non_null(scan);
    scan_whole(scan, bytes_of("nr 070"), &taker);
    assert_int_equal(told.count, 0);
    scan_take(scan, bytes_of("1234"), &taker);
    scan_take(scan, bytes_of("5678 "), &taker);
    scan_break(scan, &taker);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.text[1], 9);
    assert_memory_equal(told.text + 2, "12345678 ", 9);
    scan_close(scan);
    scans_close(scans);
    recogniser_close(r);
}

static void digits_and_ats_are_counted_in_texts_of_any_length(void **unused)
{
    uint64_t state = 20260108;
    (void)unused;
    for (unsigned i = 0; i < TEXTS; i++) {
        char text[LONGEST];
        struct bytes made = make(&state, text, 1 + below(&state, i % 2 ? 40 : LONGEST));
        size_t digits = 0;
        for (size_t k = 0; k < made.len; k++)
            digits += made.data[k] >= '0' && made.data[k] <= '9';
        struct short_text_signs signs = short_text_signs(made);
        assert_int_equal(signs.digits, digits);
        assert_int_equal(signs.has_at, bytes_index(made, '@') < made.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_that_vectorscan_finds),
        cmocka_unit_test(what_passes_behind_a_whole_text_begins_anew),
        cmocka_unit_test(digits_and_ats_are_counted_in_texts_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
