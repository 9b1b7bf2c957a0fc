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
