/*
 * National numbers of persons: a date, a number within the day and, but for Denmark's, check
 * digits.
 *
 *   Sweden   personnummer, samordningsnummer: SKV 704, SKV 707 (Skatteverket)
 *   Norway   fodselsnummer, D-nummer: folkeregisterforskriften, section 2-2-1 and 2-2-2; the first
 *            check digit has four possible values from 2032 on (Skatteetaten)
 *   Denmark  CPR: "Personnummeret i CPR", without its check since October 2007
 *   Finland  henkilotunnus: the sign of the century has several letters since 2023 (DVV)
 *   Korea    resident registration number, without its check since October 2020
 */
#include "subjects/digits.h"
#include "subjects/identifier.h"

enum {
    COORDINATION_DAYS = 60, /* added to the day of a samordningsnummer */
    D_NUMBER_DAYS = 40,
    H_NUMBER_MONTHS = 40,  /* of hospitals and other users */
    TEST_MONTHS = 80,      /* of Norway's made-up persons */
    REPLACEMENT_DAYS = 60, /* of Denmark's */
    HETU_LEN = 11,
};

/* The number without a sign at `at`, where one stands there; NULL: anything else. */
static bool without_sign(struct bytes text, size_t at, const char *signs, char *out, size_t count)
{
    struct bytes first = bytes_first(text, at), rest = bytes_from(text, at);
    if (text.len == count + 1) {
        if (rest.len == 0 || rest.data[0] == 0 || !strchr(signs, rest.data[0]))
            return false;
        rest = bytes_from(rest, 1);
    }
    return digits_of(first, "", out, at) == at &&
           digits_of(rest, "", out + at, count - at) == count - at;
}

bool identifier_read_personnummer(const struct reading *r)
{
    char digits[12];
    bool has_century = r->text.len >= 12;
    size_t count = has_century ? 12 : 10;
    if (!without_sign(r->text, count - 4, "-+", digits, count))
        return false;
    const char *ten = digits + count - 10;
    unsigned century = has_century ? digits_number(digits, 2) : 19;
    unsigned day = digits_number(ten + 4, 2);
    if (century < 18 || century > 20 || !digits_luhn(ten, 10) ||
        !digits_date(digits_number(ten, 2), digits_number(ten + 2, 2),
                     day > COORDINATION_DAYS ? day - COORDINATION_DAYS : day))
        return false;
    return identifier_set(r->id, ten, 10, 1);
}

static bool fodselsnummer_checks(const char *digits, bool is_sure)
{
    static const uint8_t first[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1},
                         second[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
    return digits_sum(digits, first, sizeof(first)) % 11 <= (is_sure ? 0 : 3) &&
           digits_sum(digits, second, sizeof(second)) % 11 == 0;
}

bool identifier_read_fodselsnummer(const struct reading *r)
{
    char digits[11];
    if (!without_sign(r->text, 6, " -", digits, 11) || !fodselsnummer_checks(digits, r->is_sure))
        return false;
    unsigned day = digits_number(digits, 2), month = digits_number(digits + 2, 2);
    if (!r->is_sure && month > TEST_MONTHS)
        month -= TEST_MONTHS;
    else if (month > H_NUMBER_MONTHS)
        month -= H_NUMBER_MONTHS;
    if (!digits_date(digits_number(digits + 4, 2), month,
                     day > D_NUMBER_DAYS ? day - D_NUMBER_DAYS : day))
        return false;
    return identifier_set(r->id, digits, 11, 2);
}

bool identifier_read_cpr(const struct reading *r)
{
    char digits[10];
    if (!without_sign(r->text, 6, "- ", digits, 10))
        return false;
    unsigned day = digits_number(digits, 2);
    if (r->is_sure || !digits_date(digits_number(digits + 4, 2), digits_number(digits + 2, 2),
                                   day > REPLACEMENT_DAYS ? day - REPLACEMENT_DAYS : day))
        return false;
    return identifier_set(r->id, digits, 10, 0);
}

bool identifier_read_hetu(const struct reading *r)
{
    static const char checks[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    char text[HETU_LEN], digits[9];
    if (r->text.len != HETU_LEN)
        return false;
    for (size_t i = 0; i < HETU_LEN; i++) {
        char c = (char)r->text.data[i];
        text[i] = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
    }
    if (digits_of(bytes_first(r->text, 6), "", digits, 6) != 6 ||
        digits_of(bytes_first(bytes_from(r->text, 7), 3), "", digits + 6, 3) != 3 || text[6] == 0 ||
        !strchr("+-YXWVUABCDEF", text[6]) || text[10] != checks[digits_number(digits, 9) % 31] ||
        digits_number(digits + 6, 3) < 2 ||
        !digits_date(digits_number(digits + 4, 2), digits_number(digits + 2, 2),
                     digits_number(digits, 2)))
        return false;
    return identifier_set(r->id, text, HETU_LEN, 1);
}

static bool rrn_check(const char *digits)
{
    static const uint8_t weights[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    bool is_foreigner = digits[6] >= '5' && digits[6] <= '8';
    unsigned sum = digits_sum(digits, weights, sizeof(weights)) % 11;
    return ((is_foreigner ? 13 : 11) - sum) % 10 == (unsigned)(digits[12] - '0');
}

bool identifier_read_rrn(const struct reading *r)
{
    char digits[13];
    bool has_sign = r->text.len == 14;
    if (!without_sign(r->text, 6, "-", digits, 13) ||
        !digits_date(digits_number(digits, 2), digits_number(digits + 2, 2),
                     digits_number(digits + 4, 2)))
        return false;
    if (r->is_sure && (!has_sign || digits[6] < '1' || digits[6] > '8' || !rrn_check(digits)))
        return false;
    return identifier_set(r->id, digits, 13, 0);
}
