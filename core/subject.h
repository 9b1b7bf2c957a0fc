/*
 * Customers, as transactions name them.  A customer is known by a keyed hash of an identifier that
 * was normalised first (+46 70-123 45 67 and 0701234567 are one): nobody without the site's key can
 * compute it, or turn it back.  What may be an identifier, and how it is normalised, is for
 * subjects/ to say.
 */
#ifndef SEEPWATCH_CORE_SUBJECT_H
#define SEEPWATCH_CORE_SUBJECT_H

#include "core/bytes.h"

/* Kinds of identifiers.  Where a row has several, the first in the configured order names the
 * customer. */
enum subject_kind {
    SUBJECT_NONE,
    SUBJECT_CUSTOMER, /* the operator's own number of a customer, an account or a contract */
    SUBJECT_MSISDN,
    SUBJECT_IMSI,
    SUBJECT_ICCID,
    SUBJECT_IMEI,
    SUBJECT_PERSONNUMMER,  /* Sweden */
    SUBJECT_FODSELSNUMMER, /* Norway */
    SUBJECT_CPR,           /* Denmark */
    SUBJECT_HETU,          /* Finland */
    SUBJECT_RRN,           /* Korea */
    SUBJECT_IBAN,
    SUBJECT_CARD, /* of payment */
    SUBJECT_EMAIL,
    SUBJECT_PUK,
    SUBJECT_KINDS_COUNT
};

enum {
    SUBJECT_IDS_MAX = 2048, /* of one transaction; more of them are registers (core/sketch.h) */
    SUBJECT_IDS_SHOWN = 16, /* at most printed of one transaction */
    SUBJECT_NEAR_MAX = 32   /* two of each looked-up identifier that is shown */
};

/* "msisdn", ...; NULL of SUBJECT_NONE. */
extern const char *const SUBJECT_KIND_NAMES[SUBJECT_KINDS_COUNT];

/* subject_kind_find gives the kind of that name, SUBJECT_NONE where there is none. */
enum subject_kind subject_kind_find(struct bytes name);

/* subject_id_parse gives the id that a log or a test of rules has written: 16 hexadecimal digits
 * are the id; any other text is hashed, so that ids of other programs' logs are told apart too. */
uint64_t subject_id_parse(struct bytes text);

/*
 * subject_near_parse gives the two neighbourhoods of an id of another program's log that ends in a
 * number, such as "s1234": as of looked-up identifiers on the wire, those of numbers that differ by
 * 1 or 2 have one in common, behind the same letters.  False where there is no such number, or the
 * id is a hash.
 */
bool subject_near_parse(uint64_t near[2], struct bytes text);

#endif
