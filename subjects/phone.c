/*
 * Telephone numbers (ITU-T E.164), as international numbers without the plus.  National plans are
 * those that their regulators publish; of each only what tells numbers of subscribers apart: where
 * mobile numbers begin, and how long numbers are.
 */
#include "subjects/phone.h"

#include "subjects/digits.h"

enum {
    E164_MAX = 15, /* digits */
    E164_MIN = 8,  /* that are taken */
    E164_LONG = 11,
    MOBILES_MAX = 6,
};

struct plan {
    char code[3];        /* ISO 3166-1 */
    uint8_t calling_len; /* bytes */
    char calling[4];     /* country calling code */
    uint16_t mobile_country;
    bool has_trunk;               /* national numbers are written with a 0 before them */
    char mobiles[MOBILES_MAX][3]; /* first digits of mobile numbers */
    uint8_t mobile_min, mobile_max, len_min, len_max; /* digits behind the calling code or the 0 */
};

static const struct plan plans[] = {
    {"SE", 2, "46", 240, true, {"70", "72", "73", "76", "79"}, 9, 9, 7, 9},
    {"NO", 2, "47", 242, false, {"4", "9"}, 8, 8, 8, 8},
    {"DK", 2, "45", 238, false, {"2", "3", "4", "5", "6", "7"}, 8, 8, 8, 8},
    {"FI", 3, "358", 244, true, {"4", "50"}, 8, 10, 6, 11},
    {"KR", 2, "82", 450, true, {"10"}, 10, 10, 8, 10},
    {"IS", 3, "354", 274, false, {"6", "7", "8"}, 7, 7, 7, 7},
    {"EE", 3, "372", 248, false, {"5", "8"}, 7, 8, 7, 8},
    {"LV", 3, "371", 247, false, {"2"}, 8, 8, 8, 8},
    {"LT", 3, "370", 246, true, {"6"}, 8, 8, 8, 8},
    {"DE", 2, "49", 262, true, {"15", "16", "17"}, 10, 11, 7, 11},
    {"AT", 2, "43", 232, true, {"6"}, 10, 12, 7, 13},
    {"CH", 2, "41", 228, true, {"7"}, 9, 9, 9, 9},
    {"NL", 2, "31", 204, true, {"6"}, 9, 9, 9, 9},
    {"GB", 2, "44", 234, true, {"7"}, 10, 10, 9, 10},
    {"FR", 2, "33", 208, true, {"6", "7"}, 9, 9, 9, 9},
    {"PL", 2, "48", 260, false, {"4", "5", "6", "7", "8"}, 9, 9, 9, 9},
};

enum { PLANS_COUNT = sizeof(plans) / sizeof(plans[0]) };

enum { CALLINGS_MAX = 12 };

/* Calling codes that are given out, by their first three digits, from and to, each row of those
 * that begin with one digit; nothing begins with 0. */
static const struct {
    uint16_t first, last; /* 0: none */
} callings[10][CALLINGS_MAX] = {
    [1] = {{100, 199}},
    [2] = {{200, 209},
           {211, 213},
           {216, 216},
           {218, 218},
           {220, 258},
           {260, 279},
           {290, 291},
           {297, 299}},
    [3] = {{300, 378}, {380, 383}, {385, 387}, {389, 399}},
    [4] = {{400, 421}, {423, 423}, {430, 499}},
    [5] = {{500, 599}},
    [6] = {{600, 670}, {672, 683}, {685, 692}},
    [7] = {{700, 799}},
    [8] = {{800, 800},
           {808, 808},
           {810, 829},
           {840, 850},
           {852, 853},
           {855, 856},
           {860, 870},
           {878, 878},
           {880, 883},
           {886, 886},
           {888, 888}},
    [9] = {{900, 968}, {970, 977}, {979, 989}, {992, 996}, {998, 998}},
};

bool countries_add(struct countries *c, struct bytes code)
{
    size_t n = 0;
    while (n < PLANS_COUNT && !bytes_are(code, plans[n].code))
        n++;
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i] == n)
            return false;
    }
    if (n == PLANS_COUNT || c->count == COUNTRIES_MAX)
        return false;
    c->items[c->count++] = (uint8_t)n;
    return true;
}

const char *country_code(size_t n)
{
    return n < PLANS_COUNT ? plans[n].code : NULL;
}

bool phone_has_country(const char *digits, size_t count)
{
    unsigned code = count < 3 ? 0 : digits_number(digits, 3), row = code / 100, i = 0;
    while (i < CALLINGS_MAX && callings[row][i].first > 0 && code > callings[row][i].last)
        i++;
    return i < CALLINGS_MAX && callings[row][i].first > 0 && code >= callings[row][i].first;
}

/* Its place; COUNTRIES_MAX where it is not there. */
static size_t place_of(const struct countries *c, const char *code)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(plans[c->items[i]].code, code) == 0)
            return i;
    }
    return COUNTRIES_MAX;
}

bool phone_prefers(const struct countries *c, const char *first, const char *other)
{
    return place_of(c, first) < place_of(c, other);
}

bool phone_has_mobile_country(const struct countries *c, unsigned code)
{
    for (size_t i = 0; i < c->count; i++) {
        if (plans[c->items[i]].mobile_country == code)
            return true;
    }
    return false;
}

static bool is_mobile(const struct plan *p, const char *digits, size_t count)
{
    for (size_t i = 0; i < MOBILES_MAX && p->mobiles[i][0]; i++) {
        const char *begin = p->mobiles[i];
        if (digits[0] == begin[0] && (begin[1] == 0 || digits[1] == begin[1]))
            return count >= p->mobile_min && count <= p->mobile_max;
    }
    return false;
}

/* Behind the calling code or the trunk's 0. */
static bool is_national(const struct plan *p, const char *digits, size_t count, bool mobile_only)
{
    if (count < 6 || digits[0] == '0')
        return false;
    if (is_mobile(p, digits, count))
        return true;
    return !mobile_only && count >= p->len_min && count <= p->len_max;
}

static bool set_national(const struct reading *r, const struct plan *p, const char *digits,
                         size_t count)
{
    struct identifier *id = r->id;
    size_t len = p->calling_len;
    if (len + count > E164_MAX)
        return false;
    memcpy(id->text, p->calling, sizeof(p->calling)); /* of a length that is known: faster */
    digits_copy(id->text + len, digits, count);
    id->len = (uint8_t)(len + count);
    id->check_len = 0;
    return true;
}

/* The plan whose calling code the digits begin with, among those of the countries. */
static const struct plan *plan_of(const struct countries *c, const char *digits)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct plan *p = &plans[c->items[i]];
        bool is_there = digits[0] == p->calling[0];
        for (size_t k = 1; k < p->calling_len; k++)
            is_there = is_there && digits[k] == p->calling[k];
        if (is_there)
            return p;
    }
    return NULL;
}

/* Behind a plus or a double zero.  A 0 in brackets behind the calling code is not dialled. */
static bool read_international(const struct reading *r, const char *digits, size_t count)
{
    bool is_long = digits[0] == '1' || digits[0] == '7'; /* North America; Russia, Kazakhstan */
    if (count < E164_MIN || count > E164_MAX + 1 ||
        (is_long && (count != E164_LONG || digits[1] < '2')))
        return false;
    const struct plan *p = plan_of(r->countries, digits);
    if (p) {
        size_t len = p->calling_len;
        const char *national = digits + len;
        count -= len;
        if (p->has_trunk && count > 0 && national[0] == '0') {
            national++;
            count--;
        }
        if (is_national(p, national, count, false))
            return set_national(r, p, national, count);
        if (r->is_sure || len + count > E164_MAX)
            return false;
        return set_national(r, p, national, count);
    }
    if (count > E164_MAX || !phone_has_country(digits, count))
        return false;
    return identifier_set(r->id, digits, count, 0);
}

/* As it is dialled in its own country: mobile numbers of all countries before the others.  By form
 * only mobile numbers with a 0 are sure. */
static bool read_national(const struct reading *r, const char *digits, size_t count,
                          bool mobile_only)
{
    bool has_zero = digits[0] == '0';
    for (size_t i = 0; i < r->countries->count; i++) {
        const struct plan *p = &plans[r->countries->items[i]];
        bool is_trunk = has_zero && p->has_trunk;
        if (has_zero != is_trunk || (r->is_sure && !is_trunk))
            continue;
        bool is_mobile_only = mobile_only || (p->has_trunk && !is_trunk);
        if (is_national(p, digits + is_trunk, count - is_trunk, is_mobile_only))
            return set_national(r, p, digits + is_trunk, count - is_trunk);
    }
    return false;
}

bool identifier_read_phone(const struct reading *r)
{
    char digits[E164_MAX + 4], plain[IDENTIFIER_TEXT_MAX];
    struct bytes text = r->text;
    bool is_international = bytes_start(text, "+");
    size_t len = 0;
    text = bytes_from(text, is_international);
    size_t count = digits_of(text, "", digits, sizeof(digits));
    /* brackets stand beside blanks */
    for (size_t i = 0; i < text.len && count == 0; i++) {
        uint8_t c = text.data[i];
        bool is_repeated = len > 0 && c == ' ' && plain[len - 1] == ' ';
        if (c != '(' && c != ')' && !is_repeated && len < sizeof(plain))
            plain[len++] = (char)c;
    }
    if (count == 0)
        count =
            digits_of((struct bytes){(const uint8_t *)plain, len}, " -./", digits, sizeof(digits));
    if (count < 7)
        return false;
    if (is_international)
        return read_international(r, digits, count);
    if (r->is_sure && bytes_start(text, "00."))
        return false; /* seconds and their fraction */
    if (digits[0] == '0' && digits[1] == '0')
        return read_international(r, digits + 2, count - 2);
    if (!r->is_sure && digits[0] != '0' && plan_of(r->countries, digits)) {
        const struct plan *p = plan_of(r->countries, digits);
        size_t calling_len = p->calling_len;
        if (is_national(p, digits + calling_len, count - calling_len, false) &&
            (count > 10 || is_mobile(p, digits + calling_len, count - calling_len)))
            return set_national(r, p, digits + calling_len, count - calling_len);
    }
    if (read_national(r, digits, count, true))
        return true;
    if (!r->is_sure && read_national(r, digits, count, false))
        return true;
    return !r->is_sure && digits[0] != '0' && count >= 10 && read_international(r, digits, count);
}
