/*
 * Accounts and cards: IBAN (ISO 13616-1, and the lengths of SWIFT's registry), numbers of payment
 * cards (ISO/IEC 7812-1, and the ranges of the large schemes).
 */
#include "subjects/digits.h"
#include "subjects/identifier.h"

enum { IBAN_MIN = 15, IBAN_MAX = 34, IBAN_DIGITS_MIN = 8, CARD_MIN = 13, CARD_MAX = 19 };

static const struct {
    char code[3];
    uint8_t len;
} iban_countries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30},
};

/* First digits from and to, and the lengths of such numbers. */
static const struct {
    uint32_t first, last; /* of the first `digits` digits */
    uint8_t digits, len_min, len_max;
} card_ranges[] = {
    {4, 4, 1, 16, 16},                                /* Visa; once 13, and 19 */
    {51, 55, 2, 16, 16},     {2221, 2720, 4, 16, 16}, /* Mastercard */
    {34, 34, 2, 15, 15},     {37, 37, 2, 15, 15},     /* American Express */
    {300, 305, 3, 14, 14},   {36, 36, 2, 14, 14},     /* Diners Club */
    {38, 39, 2, 14, 16},                              /* likewise */
    {6011, 6011, 4, 16, 19}, {644, 659, 3, 16, 19},   /* Discover */
    {3528, 3589, 4, 16, 19},                          /* JCB */
    {62, 62, 2, 16, 19},                              /* UnionPay */
    {5018, 5018, 4, 13, 19}, {5020, 5020, 4, 13, 19}, /* Maestro */
    {5038, 5038, 4, 13, 19}, {5893, 5893, 4, 13, 19}, /* likewise */
    {6304, 6304, 4, 13, 19}, {6759, 6763, 4, 13, 19}, /* likewise */
    {5019, 5019, 4, 16, 16},                          /* Dankort */
    {9792, 9792, 4, 16, 16}, {2200, 2204, 4, 16, 19}, /* Troy, Mir */
};

/* In upper case and without blanks; 0 where it is too long or holds anything else. */
static size_t iban_letters(struct bytes text, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if ((c == ' ' || c == '-') && i > 0)
            continue;
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if ((!is_letter && !digit_is(c)) || len == IBAN_MAX)
            return 0;
        out[len++] = (char)(is_letter ? c & ~0x20 : c);
    }
    return len;
}

static size_t iban_len(const char *text)
{
    for (size_t i = 0; i < sizeof(iban_countries) / sizeof(iban_countries[0]); i++) {
        if (memcmp(text, iban_countries[i].code, 2) == 0)
            return iban_countries[i].len;
    }
    return 0;
}

/* The remainder by 97, the first four characters put at the end, letters as numbers from 10. */
static unsigned iban_remainder(const char *text, size_t len)
{
    unsigned remainder = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[(i + 4) % len];
        remainder = digit_is((uint8_t)c) ? remainder * 10 + (unsigned)(c - '0')
                                         : remainder * 100 + (unsigned)(c - 'A') + 10;
        remainder %= 97;
    }
    return remainder;
}

size_t identifier_iban_len(struct bytes text)
{
    size_t len = 0, letters = 0;
    if (text.len < 4 || !digit_is(text.data[2]) || !digit_is(text.data[3]))
        return 0;
    size_t wanted = iban_len((const char *)text.data);
    while (len < text.len && letters < wanted)
        letters += text.data[len++] != ' ';
    return letters == wanted ? len : 0;
}

bool identifier_read_iban(const struct reading *r)
{
    char text[IBAN_MAX];
    size_t len = iban_letters(r->text, text);
    size_t digits = 0;
    for (size_t i = 0; i < len; i++)
        digits += digit_is((uint8_t)text[i]);
    if (r->is_sure && digits < IBAN_DIGITS_MIN)
        return false;
    if (len < IBAN_MIN || len != iban_len(text) || !digit_is((uint8_t)text[2]) ||
        !digit_is((uint8_t)text[3]) || iban_remainder(text, len) != 1)
        return false;
    return identifier_set(r->id, text, len, 0);
}

/* By fours, or 4, 6 and 5 digits, where there are signs between. */
static bool is_grouped_well(struct bytes text)
{
    size_t signs = 0, by_fours = 0, in_three = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (digit_is(text.data[i]))
            continue;
        signs++;
        by_fours += i == 5 * signs - 1;
        in_three += signs <= 2 && i == (signs == 1 ? 4 : 11);
    }
    return by_fours == signs || (in_three == signs && signs == 2);
}

static bool is_card(const char *digits, size_t count)
{
    for (size_t i = 0; i < sizeof(card_ranges) / sizeof(card_ranges[0]); i++) {
        unsigned start = digits_number(digits, card_ranges[i].digits);
        if (start >= card_ranges[i].first && start <= card_ranges[i].last &&
            count >= card_ranges[i].len_min && count <= card_ranges[i].len_max)
            return true;
    }
    return false;
}

bool identifier_read_card(const struct reading *r)
{
    char digits[CARD_MAX];
    size_t count = digits_of(r->text, " -", digits, CARD_MAX);
    if (count < CARD_MIN || (r->is_sure && !is_grouped_well(r->text)) || !is_card(digits, count) ||
        !digits_luhn(digits, count))
        return false;
    return identifier_set(r->id, digits, count, 1);
}
