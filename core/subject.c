/*
 * The names of kinds, and ids as they are written.
 */
#include "core/subject.h"

#include "core/hash.h"

const char *const SUBJECT_KIND_NAMES[SUBJECT_KINDS_COUNT] = {
    [SUBJECT_CUSTOMER] = "customer",
    [SUBJECT_MSISDN] = "msisdn",
    [SUBJECT_IMSI] = "imsi",
    [SUBJECT_ICCID] = "iccid",
    [SUBJECT_IMEI] = "imei",
    [SUBJECT_PERSONNUMMER] = "personnummer",
    [SUBJECT_FODSELSNUMMER] = "fodselsnummer",
    [SUBJECT_CPR] = "cpr",
    [SUBJECT_HETU] = "hetu",
    [SUBJECT_RRN] = "rrn",
    [SUBJECT_IBAN] = "iban",
    [SUBJECT_CARD] = "card",
    [SUBJECT_EMAIL] = "email",
    [SUBJECT_PUK] = "puk",
};

enum subject_kind subject_kind_find(struct bytes name)
{
    for (unsigned kind = SUBJECT_NONE + 1; kind < SUBJECT_KINDS_COUNT; kind++) {
        if (bytes_are(name, SUBJECT_KIND_NAMES[kind]))
            return (enum subject_kind)kind;
    }
    return SUBJECT_NONE;
}

uint64_t subject_id_parse(struct bytes text)
{
    uint64_t id;
    return hash_parse(&id, text) ? id : hash_bytes(text, 0);
}

bool subject_near_parse(uint64_t near[2], struct bytes text)
{
    enum { DIGITS_MAX = 18 };
    uint64_t id, number = 0, unit = 1;
    size_t len = text.len;
    for (; len > 0 && text.len - len < DIGITS_MAX; len--, unit *= 10) {
        unsigned digit = (unsigned)text.data[len - 1] - '0';
        if (digit > 9)
            break;
        number += digit * unit;
    }
    if (len == text.len || hash_parse(&id, text))
        return false;
    uint64_t letters = hash_bytes(bytes_first(text, len), 1);
    near[0] = hash_mix(letters ^ UINT64_C(0x9e3779b97f4a7c15), (number >> 2) * 2 + 1);
    near[1] = hash_mix(letters ^ UINT64_C(0xd6e8feb86659fd93), ((number + 2) >> 2) * 2 + 1);
    return true;
}
