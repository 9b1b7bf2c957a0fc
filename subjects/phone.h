/*
 * What others ask of the tables of telephone numbers.
 */
#ifndef SEEPWATCH_SUBJECTS_PHONE_H
#define SEEPWATCH_SUBJECTS_PHONE_H

#include "subjects/identifier.h"

/* phone_has_country tells whether these digits, up to `count` of them, begin with a calling code
 * that is given out (ITU-T E.164). */
bool phone_has_country(const char *digits, size_t count);

/* phone_prefers tells whether the first of two countries is one of those whose numbers are read,
 * and comes before the other. */
bool phone_prefers(const struct countries *c, const char *first, const char *other);

/* phone_has_mobile_country tells whether a mobile country code is of one of the countries. */
bool phone_has_mobile_country(const struct countries *c, unsigned code);

#endif
