/*
 * A configuration to start from, made from what a survey found.
 */
#ifndef SEEPWATCH_SURVEY_STARTER_H
#define SEEPWATCH_SURVEY_STARTER_H

#include "survey/findings.h"

#include <stdio.h>

/* starter_write writes a configuration file (YAML) with the networks and servers that were found;
 * what a person has to decide stands in it as comments. */
void starter_write(const struct findings *f, FILE *out);

#endif
