/*
 * What would have kept an alert away, in the words of a rule file: the limit that its value does
 * not pass, and an exception for its key.
 */
#ifndef SEEPWATCH_RULES_SILENCE_H
#define SEEPWATCH_RULES_SILENCE_H

#include "rules/alert.h"

enum { SILENCE_MAX = 512 };

/* silence_write writes "above: 5312, or except: user.name == \"a0123\""; returns its length, 0
 * where neither can be written. */
size_t silence_write(const struct alert *a, char silence[SILENCE_MAX]);

#endif
