/*
 * What a survey found, as text for a person.
 */
#ifndef SEEPWATCH_SURVEY_REPORT_H
#define SEEPWATCH_SURVEY_REPORT_H

#include "survey/findings.h"

#include <stdio.h>

/* report_write writes the whole report: what was seen, the mirror, what is wrong with it, servers,
 * networks, accounts. */
void report_write(const struct findings *f, FILE *out);

#endif
