/*
 * By form, a text is tried as the kinds that its characters and its length allow, those with the
 * more telling shape first.
 */
#include "subjects/identifier.h"

#include "subjects/digits.h"
#include "subjects/phone.h"

enum {
    PUK_LEN = 8,
    CUSTOMER_MAX = 40,
    FORM_MIN = 6, /* bytes; nothing shorter is sure */
    NUMBER_DIGITS_MAX = 18,
    LOCAL_MAX = 64, /* bytes before the @ (RFC 5321, section 4.5.3.1.1) */
};

bool identifier_set(struct identifier *id, const char *text, size_t len, size_t check_len)
{
    digits_copy(id->text, text, len);
    id->len = (uint8_t)len;
    id->check_len = (uint8_t)check_len;
    return true;
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Characters before the @, but for letters and digits. */
static bool is_mail_sign(uint8_t c)
{
    return c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
}

/* Endings of files whose names have an @ for their size. */
static bool is_file_ending(struct bytes ending)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (bytes_are_nocase(ending, endings[i]))
            return true;
    }
    return false;
}

/* Labels with dots between, the last of them letters (RFC 1035, section 2.3.1), in lower case. */
static bool read_domain(struct bytes domain, char *out)
{
    size_t label = 0, letters = 0; /* where the last one begins; how many it ends in */
    for (size_t i = 0; i < domain.len; i++) {
        uint8_t c = domain.data[i];
        bool is_edge = i == label || i + 1 == domain.len || domain.data[i + 1] == '.';
        out[i] = (char)c;
        if (is_letter(c)) {
            out[i] = (char)(c | 0x20);
            letters++;
            continue;
        }
        letters = 0;
        if (c == '.' && i > label)
            label = i + 1;
        else if (!digit_is(c) && (c != '-' || is_edge))
            return false;
    }
    bool is_name = label > 0 && letters >= 2 && letters == domain.len - label;
    /* logo@2x.png */
    return is_name && !(digit_is(domain.data[0]) && is_file_ending(bytes_from(domain, label)));
}

/* Names before the @ differ by case on no server that anybody uses. */
bool identifier_read_email(const struct reading *r)
{
    char text[IDENTIFIER_TEXT_MAX];
    size_t at = 0;
    for (; at < r->text.len && r->text.data[at] != '@'; at++) {
        uint8_t c = r->text.data[at];
        if (!is_letter(c) && !digit_is(c) && !is_mail_sign(c))
            return false;
        text[at] = (char)(is_letter(c) ? c | 0x20 : c);
    }
    if (at == 0 || at > LOCAL_MAX || at == r->text.len || r->text.data[0] == '.')
        return false;
    text[at++] = '@';
    return read_domain(bytes_from(r->text, at), text + at) &&
           identifier_set(r->id, text, r->text.len, 0);
}

static bool is_customer_sign(uint8_t c)
{
    return c == '-' || c == '_' || c == '.' || c == '/' || c == ':';
}

/* The operator's own: letters and digits with single signs between, with a digit at least that is
 * not 0. */
static bool read_customer(const struct reading *r)
{
    char text[CUSTOMER_MAX];
    bool has_digit = false, was_sign = true;
    if (r->text.len > CUSTOMER_MAX)
        return false;
    for (size_t i = 0; i < r->text.len; i++) {
        uint8_t c = r->text.data[i];
        bool is_sign = is_customer_sign(c);
        if ((is_sign && was_sign) || (!is_sign && !is_letter(c) && !digit_is(c)))
            return false;
        was_sign = is_sign;
        has_digit = has_digit || (digit_is(c) && c != '0');
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return has_digit && !was_sign && identifier_set(r->id, text, r->text.len, 0);
}

static bool read_puk(const struct reading *r)
{
    char digits[PUK_LEN];
    return digits_of(r->text, "", digits, PUK_LEN) == PUK_LEN &&
           identifier_set(r->id, digits, PUK_LEN, 0);
}

static bool (*const readers[SUBJECT_KINDS_COUNT])(const struct reading *r) = {
    [SUBJECT_CUSTOMER] = read_customer,
    [SUBJECT_MSISDN] = identifier_read_phone,
    [SUBJECT_IMSI] = identifier_read_imsi,
    [SUBJECT_ICCID] = identifier_read_iccid,
    [SUBJECT_IMEI] = identifier_read_imei,
    [SUBJECT_PERSONNUMMER] = identifier_read_personnummer,
    [SUBJECT_FODSELSNUMMER] = identifier_read_fodselsnummer,
    [SUBJECT_CPR] = identifier_read_cpr,
    [SUBJECT_HETU] = identifier_read_hetu,
    [SUBJECT_RRN] = identifier_read_rrn,
    [SUBJECT_IBAN] = identifier_read_iban,
    [SUBJECT_CARD] = identifier_read_card,
    [SUBJECT_EMAIL] = identifier_read_email,
    [SUBJECT_PUK] = read_puk,
};

/* Most texts have no blanks around them. */
static struct bytes trim(struct bytes text)
{
    bool is_bare = text.len > 0 && text.data[0] > ' ' && text.data[text.len - 1] > ' ';
    return is_bare ? text : bytes_trim(text);
}

bool identifier_read(struct identifier *id, const struct countries *c, enum subject_kind kind,
                     struct bytes text)
{
    struct reading r = {.id = id, .countries = c, .text = trim(text)};
    id->kind = (uint8_t)kind;
    return r.text.len > 0 && r.text.len <= IDENTIFIER_TEXT_MAX && readers[kind] &&
           readers[kind](&r);
}

/* What a text is made of. */
struct shape {
    size_t digits, letters, signs;
};

static struct shape shape_of(struct bytes text)
{
    unsigned digits = 0, letters = 0;
    for (size_t i = 0; i < text.len; i++) {
        digits += digit_is(text.data[i]);
        letters += is_letter(text.data[i]);
    }
    return (struct shape){digits, letters, text.len - digits - letters};
}

enum written { WRITTEN_ANY, WRITTEN_BARE, WRITTEN_WITH_SIGNS };

/* The kinds that digits may be; the first that fits is it.  Ten digits alone that could be a mobile
 * number are one, though somebody may be born on that day. */
static const struct {
    uint8_t digits_min, digits_max; /* how many */
    uint8_t written;                /* enum written */
    uint8_t kind;                   /* enum subject_kind */
} numbers[] = {
    {10, 10, WRITTEN_WITH_SIGNS, SUBJECT_PERSONNUMMER},
    {10, 10, WRITTEN_WITH_SIGNS, SUBJECT_HETU}, /* about 1 in 80 is both */
    {11, 11, WRITTEN_ANY, SUBJECT_FODSELSNUMMER},
    {13, 13, WRITTEN_WITH_SIGNS, SUBJECT_RRN},
    {8, 18, WRITTEN_ANY, SUBJECT_MSISDN},
    {10, 10, WRITTEN_BARE, SUBJECT_PERSONNUMMER},
    {12, 12, WRITTEN_ANY, SUBJECT_PERSONNUMMER},
    {15, 15, WRITTEN_BARE, SUBJECT_IMSI},
    {15, 15, WRITTEN_ANY, SUBJECT_IMEI},
    {19, 20, WRITTEN_ANY, SUBJECT_ICCID},
    {13, 19, WRITTEN_ANY, SUBJECT_CARD},
};

static bool recognise_number(struct reading *r, size_t digits, bool is_bare)
{
    r->id->kind = SUBJECT_HETU;
    if (digits == 10 && !is_bare && phone_prefers(r->countries, "FI", "SE") &&
        identifier_read_hetu(r))
        return true;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (digits < numbers[i].digits_min || digits > numbers[i].digits_max ||
            numbers[i].written == (is_bare ? WRITTEN_WITH_SIGNS : WRITTEN_BARE))
            continue;
        r->id->kind = numbers[i].kind;
        if (readers[r->id->kind](r))
            return true;
    }
    return false;
}

bool identifier_recognise(struct identifier *id, const struct countries *c, struct bytes text)
{
    struct reading r = {.id = id, .countries = c, .text = trim(text), .is_sure = true};
    if (r.text.len < FORM_MIN || r.text.len > IDENTIFIER_TEXT_MAX)
        return false;
    enum subject_kind kind = SUBJECT_EMAIL;
    if (bytes_index(r.text, '@') == r.text.len) {
        struct shape s = shape_of(r.text);
        if (s.letters == 0)
            return s.digits >= 8 && recognise_number(&r, s.digits, s.signs == 0);
        kind = s.digits >= 9 && digit_is(r.text.data[0]) ? SUBJECT_HETU : SUBJECT_IBAN;
    }
    id->kind = (uint8_t)kind;
    return readers[kind](&r);
}

bool identifier_number(const struct identifier *id, uint64_t *number, size_t *before)
{
    size_t end = (size_t)id->len - id->check_len, start = end;
    while (start > 0 && digit_is((uint8_t)id->text[start - 1]))
        start--;
    if (start == end || end - start > NUMBER_DIGITS_MAX)
        return false;
    *before = start;
    return bytes_number((struct bytes){(const uint8_t *)id->text + start, end - start}, number);
}
