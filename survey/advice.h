/*
 * What is wrong with a mirror, in plain words, and how to mend it.
 */
#ifndef SEEPWATCH_SURVEY_ADVICE_H
#define SEEPWATCH_SURVEY_ADVICE_H

#include "survey/findings.h"

#include <stdio.h>

/* advice_write writes a paragraph for each thing that is wrong, and returns how many there were. */
size_t advice_write(const struct findings *f, FILE *out);

#endif
