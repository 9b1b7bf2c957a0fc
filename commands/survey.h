/*
 * `seepwatch survey`: what a mirror port, or captures of it, show, and whether the mirror is any
 * good.
 */
#ifndef SEEPWATCH_COMMANDS_SURVEY_H
#define SEEPWATCH_COMMANDS_SURVEY_H

#include "commands/options.h"

bool run_survey(const struct options *o, struct error *error);

#endif
