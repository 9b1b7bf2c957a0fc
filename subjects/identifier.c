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
    memcpy(id->text, text, len);
    id->len = (uint8_t)len;
    id->check_len = (uint8_t)check_len;
    return true;
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_mail_char(uint8_t c)
{
    return is_letter(c) || digit_is(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
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

/* Labels with dots between, the last of them letters (RFC 1035, section 2.3.1). */
static bool is_domain(struct bytes domain)
{
    struct bytes label = {NULL, 0};
    size_t dots = 0;
    for (struct bytes rest = domain; rest.len > 0;) {
        size_t len = bytes_index(rest, '.');
        label = bytes_first(rest, len);
        if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++) {
            if (!is_letter(label.data[i]) && !digit_is(label.data[i]) && label.data[i] != '-')
                return false;
        }
        dots += len < rest.len;
        if (len + 1 == rest.len)
            return false;
        rest = bytes_from(rest, len + 1);
    }
    bool is_name = label.len >= 2 && dots > 0;
    for (size_t i = 0; i < label.len; i++)
        is_name = is_name && is_letter(label.data[i]);
    /* logo@2x.png */
    return is_name && !(digit_is(domain.data[0]) && is_file_ending(label));
}

/* Names before the @ differ by case on no server that anybody uses. */
bool identifier_read_email(const struct reading *r)
{
    char text[IDENTIFIER_TEXT_MAX];
    size_t at = bytes_index(r->text, '@');
    if (at == 0 || at > LOCAL_MAX || r->text.data[0] == '.' ||
        !is_domain(bytes_from(r->text, at + 1)))
        return false;
    for (size_t i = 0; i < r->text.len; i++) {
        uint8_t c = r->text.data[i];
        if (i < at && !is_mail_char(c))
            return false;
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return identifier_set(r->id, text, r->text.len, 0);
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
        bool is_sign = c != 0 && strchr("-_./:", c);
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

bool identifier_read(struct identifier *id, const struct countries *c, enum subject_kind kind,
                     struct bytes text)
{
    struct reading r = {.id = id, .countries = c, .text = bytes_trim(text)};
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
    struct shape s = {0};
    for (size_t i = 0; i < text.len; i++) {
        s.digits += digit_is(text.data[i]);
        s.letters += is_letter(text.data[i]);
    }
    s.signs = text.len - s.digits - s.letters;
    return s;
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
    struct reading r = {.id = id, .countries = c, .text = bytes_trim(text), .is_sure = true};
    if (r.text.len < FORM_MIN || r.text.len > IDENTIFIER_TEXT_MAX)
        return false;
    struct shape s = shape_of(r.text);
    if (s.letters == 0)
        return s.digits >= 8 && recognise_number(&r, s.digits, s.signs == 0);
    enum subject_kind kind = SUBJECT_EMAIL;
    if (bytes_index(r.text, '@') == r.text.len)
        kind = s.digits >= 9 && digit_is(r.text.data[0]) ? SUBJECT_HETU : SUBJECT_IBAN;
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
