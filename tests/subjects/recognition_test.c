/*
 * 10,000 made-up identifiers of each kind, in the ways that people write them, have to be found:
 * read by name, and where their form is enough, in running text that comes in pieces.  As many that
 * are nearly some (another check digit, a day that does not exist, a digit too many) must not be
 * taken for that kind.
 */
#include "tests/cmocka.h"

#include "subjects/digits.h"
#include "subjects/world.h"

#include <stdio.h>

enum { EACH = 10000, TEXT_MAX = 96 };

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

static void digits_random(uint64_t *state, char *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (char)('0' + below(state, 10));
    out[count] = '\0';
}

/* The check digit by Luhn of what stands there. */
static void add_luhn(char *digits)
{
    size_t len = strlen(digits);
    digits[len + 1] = '\0';
    for (digits[len] = '0'; !digits_luhn(digits, len + 1); digits[len]++)
        ;
}

struct day {
    unsigned year, month, day;
};

static struct day day_random(uint64_t *state)
{
    return (struct day){1930 + below(state, 75), 1 + below(state, 12), 1 + below(state, 28)};
}

/* A value that is one, and one that is nearly. */
struct sample {
    char text[TEXT_MAX], near[TEXT_MAX];
};

/* Another digit at the end. */
static void spoil_last(uint64_t *state, struct sample *s)
{
    size_t last = strlen(s->text) - 1;
    (void)snprintf(s->near, TEXT_MAX, "%s", s->text);
    s->near[last] = (char)('0' + (unsigned)(s->text[last] - '0' + 1 + (int)below(state, 9)) % 10);
}

static void make_msisdn(uint64_t *state, struct sample *s)
{
    char d[16];
    digits_random(state, d, 8);
    switch (below(state, 8)) {
    case 0:
        (void)snprintf(s->text, TEXT_MAX, "+4670%.7s", d);
        break;
    case 1:
        (void)snprintf(s->text, TEXT_MAX, "+46 73-%.3s %.2s %.2s", d, d + 3, d + 5);
        break;
    case 2:
        (void)snprintf(s->text, TEXT_MAX, "076-%.3s %.2s %.2s", d, d + 3, d + 5);
        break;
    case 3:
        (void)snprintf(s->text, TEXT_MAX, "0704%.6s", d);
        break;
    case 4:
        (void)snprintf(s->text, TEXT_MAX, "+47 4%.2s %.2s %.3s", d, d + 2, d + 4);
        break;
    case 5:
        (void)snprintf(s->text, TEXT_MAX, "0045 2%.1s %.2s %.2s %.2s", d, d + 1, d + 3, d + 5);
        break;
    case 6:
        (void)snprintf(s->text, TEXT_MAX, "+358 40 %.3s %.4s", d, d + 3);
        break;
    default:
        (void)snprintf(s->text, TEXT_MAX, "010-2%.3s-%.4s", d, d + 3);
    }
    (void)snprintf(s->near, TEXT_MAX, "+46 70%.4s", d);
}

static void make_imsi(uint64_t *state, struct sample *s)
{
    static const char *const codes[] = {"240", "242", "238", "244", "450"};
    char d[16];
    digits_random(state, d, 12);
    (void)snprintf(s->text, TEXT_MAX, "%s%s", codes[below(state, 5)], d);
    (void)snprintf(s->near, TEXT_MAX, "999%s", d);
}

static void make_iccid(uint64_t *state, struct sample *s)
{
    char d[24];
    digits_random(state, d, 15);
    (void)snprintf(s->text, TEXT_MAX, "8946%s", d);
    s->text[below(state, 2) ? 18 : 19] = '\0';
    add_luhn(s->text);
    spoil_last(state, s);
}

static void make_imei(uint64_t *state, struct sample *s)
{
    char d[16];
    digits_random(state, d, 12);
    (void)snprintf(s->text, TEXT_MAX, "35%s", d);
    add_luhn(s->text);
    spoil_last(state, s);
    if (below(state, 4) > 0)
        return;
    (void)snprintf(d, sizeof(d), "%.15s", s->text);
    (void)snprintf(s->text, TEXT_MAX, "%.2s-%.6s-%.6s-%.1s", d, d + 2, d + 8, d + 14);
    (void)snprintf(d, sizeof(d), "%.15s", s->near);
    (void)snprintf(s->near, TEXT_MAX, "%.2s-%.6s-%.6s-%.1s", d, d + 2, d + 8, d + 14);
}

/* Ten digits alone are told from mobile numbers by the years: nobody is born in 2004 to 2007 here.
 */
static void make_personnummer(uint64_t *state, struct sample *s)
{
    struct day day = day_random(state);
    char ten[16], d[4], near[16];
    unsigned far = below(state, 10) == 0 ? 60 : 0;
    digits_random(state, d, 3);
    day.year = day.year > 2003 ? 1999 : day.year;
    (void)snprintf(ten, sizeof(ten), "%02u%02u%02u%s", day.year % 100, day.month, day.day + far, d);
    add_luhn(ten);
    memcpy(near, ten, sizeof(near));
    if (below(state, 2)) {
        near[9] = (char)('0' + (unsigned)(near[9] - '0' + 1 + (int)below(state, 9)) % 10);
    } else {
        near[2] = '1';
        near[3] = '3'; /* a month that does not exist, with its check digit */
        near[9] = '\0';
        add_luhn(near);
    }
    unsigned form = below(state, 4);
    const char *century = day.year < 2000 ? "19" : "20";
    bool has_century = form == 1 || form == 2, has_sign = form < 2;
    char *texts[] = {s->text, s->near}, *numbers[] = {ten, near};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(texts[i], TEXT_MAX, "%s%.6s%s%.4s", has_century ? century : "", numbers[i],
                       has_sign ? "-" : "", numbers[i] + 6);
    }
}

static void make_fodselsnummer(uint64_t *state, struct sample *s)
{
    static const uint8_t first[] = {3, 7, 6, 1, 8, 9, 4, 5, 2},
                         second[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    struct day day = day_random(state);
    unsigned one = 10, two = 10, d_number = below(state, 10) == 0 ? 40 : 0;
    char digits[16], number[8];
    while (one == 10 || two == 10) {
        digits_random(state, number, 3);
        (void)snprintf(digits, sizeof(digits), "%02u%02u%02u%s", day.day + d_number, day.month,
                       day.year % 100, number);
        one = (11 - digits_sum(digits, first, 9) % 11) % 11;
        digits[9] = (char)('0' + one % 10);
        two = (11 - digits_sum(digits, second, 10) % 11) % 11;
        digits[10] = (char)('0' + two % 10);
    }
    digits[11] = '\0';
    (void)snprintf(s->text, TEXT_MAX, "%.6s%s%.5s", digits, below(state, 2) ? " " : "", digits + 6);
    spoil_last(state, s);
}

static void make_cpr(uint64_t *state, struct sample *s)
{
    struct day day = day_random(state);
    char d[8];
    digits_random(state, d, 4);
    (void)snprintf(s->text, TEXT_MAX, "%02u%02u%02u%s%s", day.day, day.month, day.year % 100,
                   below(state, 2) ? "-" : "", d);
    (void)snprintf(s->near, TEXT_MAX, "%02u%02u%02u-%s", day.day, day.month + 12, day.year % 100,
                   d);
}

static void make_hetu(uint64_t *state, struct sample *s)
{
    static const char signs[] = "-YXWVUABCDEF", checks[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    struct day day = day_random(state);
    char digits[16];
    unsigned number = 2 + below(state, 898);
    (void)snprintf(digits, sizeof(digits), "%02u%02u%02u%03u", day.day, day.month, day.year % 100,
                   number);
    unsigned rest = digits_number(digits, 9) % 31;
    char sign = signs[below(state, 12)];
    (void)snprintf(s->text, TEXT_MAX, "%.6s%c%s%c", digits, sign, digits + 6, checks[rest]);
    (void)snprintf(s->near, TEXT_MAX, "%.6s%c%s%c", digits, sign, digits + 6,
                   checks[(rest + 1 + below(state, 30)) % 31]);
}

static void make_rrn(uint64_t *state, struct sample *s)
{
    static const uint8_t weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    struct day day = day_random(state);
    char digits[16], d[8];
    digits_random(state, d, 5);
    (void)snprintf(digits, sizeof(digits), "%02u%02u%02u%u%s", day.year % 100, day.month, day.day,
                   1 + below(state, 8), d);
    unsigned base = digits[6] >= '5' ? 13 : 11;
    unsigned check = (base - digits_sum(digits, weights, 12) % 11) % 10;
    (void)snprintf(s->text, TEXT_MAX, "%.6s-%s%u", digits, digits + 6, check);
    spoil_last(state, s);
}

static void make_iban(uint64_t *state, struct sample *s)
{
    static const struct {
        const char *code;
        size_t len;
    } countries[] = {{"SE", 24}, {"NO", 15}, {"DK", 18}, {"FI", 18}, {"DE", 22}, {"GB", 22}};
    unsigned c = below(state, 6);
    char number[40];
    struct identifier id;
    struct countries none = {0};
    digits_random(state, number, countries[c].len - 4);
    if (c == 5)
        memcpy(number, "NWBK", 4);
    for (unsigned check = 2; check < 99; check++) {
        (void)snprintf(s->text, TEXT_MAX, "%s%02u%s", countries[c].code, check, number);
        if (identifier_read(&id, &none, SUBJECT_IBAN, bytes_of(s->text)))
            break;
    }
    spoil_last(state, s);
    if (below(state, 2))
        return;
    char plain[TEXT_MAX];
    size_t len = 0;
    memcpy(plain, s->text, TEXT_MAX);
    for (size_t i = 0; plain[i]; i++) {
        if (i > 0 && i % 4 == 0)
            s->text[len++] = ' ';
        s->text[len++] = plain[i];
    }
    s->text[len] = '\0';
}

static void make_card(uint64_t *state, struct sample *s)
{
    char d[20];
    digits_random(state, d, 13);
    (void)snprintf(s->text, TEXT_MAX, "%s%s", below(state, 2) ? "45" : "53", d);
    add_luhn(s->text);
    spoil_last(state, s);
    if (below(state, 2))
        return;
    (void)snprintf(d, sizeof(d), "%.16s", s->text);
    (void)snprintf(s->text, TEXT_MAX, "%.4s %.4s %.4s %.4s", d, d + 4, d + 8, d + 12);
    (void)snprintf(d, sizeof(d), "%.16s", s->near);
    (void)snprintf(s->near, TEXT_MAX, "%.4s %.4s %.4s %.4s", d, d + 4, d + 8, d + 12);
}

static void make_email(uint64_t *state, struct sample *s)
{
    static const char *const names[] = {"anna", "Bo.Ek", "kim+x", "a_b", "post-1"},
                             *const ends[] = {"se", "com", "co.kr", "example.no", "fi"};
    (void)snprintf(s->text, TEXT_MAX, "%s%u@mail%u.%s", names[below(state, 5)], below(state, 10000),
                   below(state, 100), ends[below(state, 5)]);
    (void)snprintf(s->near, TEXT_MAX, "%s%u@mail%u.%u", names[below(state, 5)], below(state, 10000),
                   below(state, 100), below(state, 100));
}

static const struct {
    enum subject_kind kind;
    const char *countries; /* as an operator would have them who has such numbers */
    void (*make)(uint64_t *state, struct sample *s);
    bool is_by_form; /* found in running text too */
    bool has_check;  /* what is nearly one is known by its check digit, or its form */
} kinds[] = {
    {SUBJECT_MSISDN, "SE NO DK FI KR", make_msisdn, true, true},
    {SUBJECT_IMSI, "SE NO DK FI KR", make_imsi, true, true},
    {SUBJECT_ICCID, "SE NO DK FI KR", make_iccid, true, true},
    {SUBJECT_IMEI, "SE NO DK FI KR", make_imei, true, true},
    {SUBJECT_PERSONNUMMER, "SE NO DK FI KR", make_personnummer, true, true},
    {SUBJECT_FODSELSNUMMER, "NO SE", make_fodselsnummer, true, true},
    {SUBJECT_CPR, "SE NO DK FI KR", make_cpr, false, true},
    {SUBJECT_HETU, "FI SE", make_hetu, true, true},
    {SUBJECT_RRN, "KR", make_rrn, true, false},
    {SUBJECT_IBAN, "SE NO DK FI KR", make_iban, true, true},
    {SUBJECT_CARD, "SE NO DK FI KR", make_card, true, true},
    {SUBJECT_EMAIL, "SE NO DK FI KR", make_email, true, true},
};

enum { KINDS_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

struct found {
    enum subject_kind kind; /* that is looked for */
    uint64_t id;            /* likewise; 0: any */
    unsigned count;
};

static void take(void *context, const struct gathered *value)
{
    struct found *found = context;
    found->count += value->kind == found->kind && (found->id == 0 || value->id == found->id);
}

struct reader {
    struct subject_world *world;
    struct found *found;
};

static void take_token(void *context, enum token kind, struct bytes token)
{
    struct reader *r = context;
    world_token(r->world, kind, token, false, take, r->found);
}

/* Looks through a text that comes in pieces of that many bytes. */
static void look(struct subject_world *w, const char *text, size_t piece, struct found *found)
{
    struct reader reader = {w, found};
    const struct scan_taker taker = {take_token, &reader};
    struct scan *scan = scan_open(w->scans);
    assert_non_null(scan);
    scan_break(scan, &taker);
    for (struct bytes rest = bytes_of(text); rest.len > 0; rest = bytes_from(rest, piece))
        scan_take(scan, bytes_first(rest, piece), &taker);
    scan_break(scan, &taker);
    scan_close(scan);
}

static struct subject_world *open_world(struct subjects **s, const char *countries)
{
    *s = subjects_open();
    assert_non_null(*s);
    (*s)->countries.count = 0;
    for (struct bytes rest = bytes_of(countries); rest.len > 0; rest = bytes_from(rest, 3))
        assert_true(countries_add(&(*s)->countries, bytes_first(rest, 2)));
    (*s)->recogniser = recogniser_open();
    assert_non_null((*s)->recogniser);
    struct subject_world *w = world_open(*s, 0);
    assert_non_null(w);
    return w;
}

static void what_is_one_is_found_and_what_is_nearly_one_is_not(void **unused)
{
    static const char *const around[][2] = {{"", ""},
                                            {"Ring ", " idag"},
                                            {"<td>", "</td>"},
                                            {"nr: ", ", 12 st"},
                                            {"2026-01-05 (", ")"},
                                            {"a=", ";b=2"}};
    uint64_t state = 20260105;
    (void)unused;
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        struct subjects *subjects;
        struct subject_world *w = open_world(&subjects, kinds[k].countries);
        unsigned missed = 0, missed_text = 0, taken = 0;
        for (unsigned i = 0; i < EACH; i++) {
            struct sample s;
            struct gathered value;
            char text[2 * TEXT_MAX];
            kinds[k].make(&state, &s);
            bool is_read = world_read(w, kinds[k].kind, bytes_of(s.text), false, &value) &&
                           value.kind == kinds[k].kind;
            missed += !is_read;
            if (!is_read || !kinds[k].is_by_form)
                continue;
            struct found found = {kinds[k].kind, value.id, 0}, near = {kinds[k].kind, 0, 0};
            size_t piece = 1 + below(&state, 40);
            const char *const *form = around[below(&state, 6)];
            (void)snprintf(text, sizeof(text), "%s%s%s", form[0], s.text, form[1]);
            look(w, text, piece, &found);
            missed_text += found.count != 1;
            if (found.count != 1 && missed_text <= 3)
                print_error("%s: '%s' %u times\n", SUBJECT_KIND_NAMES[kinds[k].kind], text,
                            found.count);
            (void)snprintf(text, sizeof(text), "%s%s%s", form[0], s.near, form[1]);
            look(w, text, piece, &near);
            taken += near.count != 0;
            if (near.count != 0 && taken <= 3)
                print_error("%s: nearly '%s'\n", SUBJECT_KIND_NAMES[kinds[k].kind], text);
        }
        if (missed + missed_text + taken > 0)
            print_message("%s: %u not read, %u not found in text, %u taken\n",
                          SUBJECT_KIND_NAMES[kinds[k].kind], missed, missed_text, taken);
        assert_true(missed <= EACH / 1000);
        assert_true(missed_text <= EACH / 1000);
        assert_true(taken <= EACH / 10000);
        world_close(w);
        subjects_close(subjects);
    }
}

/* By name, too, a check digit is looked at where there is one for certain. */
static void by_name_a_wrong_check_digit_is_none(void **unused)
{
    struct subjects *subjects;
    struct subject_world *w = open_world(&subjects, "SE NO DK FI KR");
    uint64_t state = 20260106;
    (void)unused;
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        unsigned taken = 0;
        bool is_lenient = kinds[k].kind == SUBJECT_ICCID || kinds[k].kind == SUBJECT_FODSELSNUMMER;
        for (unsigned i = 0; i < EACH && kinds[k].has_check && !is_lenient; i++) {
            struct sample s;
            struct identifier id;
            kinds[k].make(&state, &s);
            bool is_taken =
                kinds[k].kind != SUBJECT_MSISDN &&
                identifier_read(&id, &subjects->countries, kinds[k].kind, bytes_of(s.near));
            if (is_taken && taken++ == 0)
                print_error("%s: nearly '%s'\n", SUBJECT_KIND_NAMES[kinds[k].kind], s.near);
        }
        assert_int_equal(taken, 0);
    }
    world_close(w);
    subjects_close(subjects);
}

/* However a text is cut, the same is found in it. */
static void the_same_is_found_however_a_text_is_cut(void **unused)
{
    static const char text[] =
        "Anna (anna.svensson@example.com, 070-123 45 67) och +46 8 123 456 78, 811218-9876; "
        "550e8400-e29b-41d4-a716-446655440000 12 34 56 78 90 4111 1111 1111 1111 IBAN "
        "SE35 5000 0000 0549 1000 0003 HETU 131052-308T x0701234567 0701234568y "
        "1.0701234567 0701234569.";
    struct subjects *subjects;
    struct subject_world *w = open_world(&subjects, "SE NO DK FI KR");
    (void)unused;
    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        static const unsigned counts[SUBJECT_KINDS_COUNT] = {
            [SUBJECT_MSISDN] = 3, [SUBJECT_PERSONNUMMER] = 1, [SUBJECT_HETU] = 1,
            [SUBJECT_IBAN] = 1,   [SUBJECT_CARD] = 1,         [SUBJECT_EMAIL] = 1};
        for (unsigned kind = 1; kind < SUBJECT_KINDS_COUNT; kind++) {
            struct found found = {(enum subject_kind)kind, 0, 0};
            look(w, text, piece, &found);
            if (found.count != counts[kind])
                print_error("%s in pieces of %zu\n", SUBJECT_KIND_NAMES[kind], piece);
            assert_int_equal(found.count, counts[kind]);
        }
    }
    world_close(w);
    subjects_close(subjects);
}

/* No token, however long, costs more than its bytes or is read past what is kept. */
static void a_token_without_end_is_bounded(void **unused)
{
    enum { LONG = 1 << 16 };
    static char text[LONG + 64];
    struct subjects *subjects;
    struct subject_world *w = open_world(&subjects, "SE NO DK FI KR");
    (void)unused;
    for (size_t i = 0; i < LONG; i++)
        text[i] = i % 3 == 0 ? ' ' : '7';
    memcpy(text + LONG, " 0701234567 x", 14);
    for (size_t piece = 1; piece < 5000; piece = piece * 7 + 1) {
        struct found found = {SUBJECT_MSISDN, 0, 0};
        look(w, text, piece, &found);
        assert_int_equal(found.count, 1);
    }
    assert_int_equal(w->budget.used, 0);
    world_close(w);
    subjects_close(subjects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_one_is_found_and_what_is_nearly_one_is_not),
        cmocka_unit_test(by_name_a_wrong_check_digit_is_none),
        cmocka_unit_test(the_same_is_found_however_a_text_is_cut),
        cmocka_unit_test(a_token_without_end_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
