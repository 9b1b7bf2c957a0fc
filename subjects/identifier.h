/*
 * Identifiers of customers as texts, and what they are alike: +46 70-123 45 67, 0046701234567 and
 * 0701234567 become "46701234567".
 *
 * There are two strengths.  By name: the column, the field or the parameter says what it holds, and
 * the value only has to be possible.  By form: nothing says so, and the value has to be
 * unmistakable, by a check digit or by its shape.
 */
#ifndef SEEPWATCH_SUBJECTS_IDENTIFIER_H
#define SEEPWATCH_SUBJECTS_IDENTIFIER_H

#include "core/subject.h"
#include "subjects/recogniser.h"

enum {
    IDENTIFIER_TEXT_MAX = 64, /* bytes; a longer text is no identifier */
    COUNTRIES_MAX = 16,
};

struct identifier {
    uint8_t len, check_len;         /* bytes; the last check_len are computed from the others */
    uint8_t kind;                   /* enum subject_kind */
    char text[IDENTIFIER_TEXT_MAX]; /* alike for all ways of writing it */
};

static inline struct bytes identifier_text(const struct identifier *id)
{
    return (struct bytes){(const uint8_t *)id->text, id->len};
}

/* The countries whose national numbers are read, the first before the others. */
struct countries {
    uint8_t items[COUNTRIES_MAX]; /* of the table of plans (subjects/phone.c) */
    size_t count;
};

/* countries_add takes a code of ISO 3166-1 ("SE"), in upper case; false where it is unknown, stands
 * there already or is one too many. */
bool countries_add(struct countries *c, struct bytes code);
/* country_code gives the n-th code that is known; NULL past the last. */
const char *country_code(size_t n);

/* identifier_read reads a text as an identifier of that kind, by name; false where it is none. */
bool identifier_read(struct identifier *id, const struct countries *c, enum subject_kind kind,
                     struct bytes text);

/* identifier_recognise reads it by its form alone. */
bool identifier_recognise(struct identifier *id, const struct countries *c, struct bytes text);

/* identifier_take finds the first identifier in a token of running text, by its form, and takes the
 * token's front off up to its end; false where there is none. */
bool identifier_take(struct identifier *id, const struct countries *c, enum token kind,
                     struct bytes *token);

/*
 * identifier_number gives the number that the identifier ends in, without what is computed from it,
 * and how many bytes stand before that; false where there is none, or more than 18 digits.  The
 * numbers of customers who came after each other are neighbours.
 */
bool identifier_number(const struct identifier *id, uint64_t *number, size_t *before);

/* What follows is of the kinds; all of them set the text, not the kind.  is_sure: by form. */
struct reading {
    struct identifier *id;
    const struct countries *countries;
    struct bytes text; /* without blanks around it */
    bool is_sure;
};

bool identifier_read_phone(const struct reading *r);
bool identifier_read_imsi(const struct reading *r);
bool identifier_read_iccid(const struct reading *r);
bool identifier_read_imei(const struct reading *r);
bool identifier_read_personnummer(const struct reading *r);
bool identifier_read_fodselsnummer(const struct reading *r);
bool identifier_read_cpr(const struct reading *r);
bool identifier_read_hetu(const struct reading *r);
bool identifier_read_rrn(const struct reading *r);
bool identifier_read_iban(const struct reading *r);
bool identifier_read_card(const struct reading *r);
bool identifier_read_email(const struct reading *r);

/* identifier_iban_len gives the length of the IBAN that the text begins with, with the blanks in
 * it, by its country; 0 where none begins there, or it is not all there. */
size_t identifier_iban_len(struct bytes text);

/* identifier_set takes the text as it is to be. */
bool identifier_set(struct identifier *id, const char *text, size_t len, size_t check_len);

#endif
