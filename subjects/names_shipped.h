/*
 * The names that ship, folded: letters in lower case, without '_', '-' and ' '.
 */
#ifndef SEEPWATCH_SUBJECTS_NAMES_SHIPPED_H
#define SEEPWATCH_SUBJECTS_NAMES_SHIPPED_H

#include "core/subject.h"

/* Names of one kind, with blanks between; '*' is any text. */
struct shipped_names {
    enum subject_kind kind;
    const char *names;
};

enum { SHIPPED_NAMES_COUNT = 15 };

extern const struct shipped_names SHIPPED_NAMES[SHIPPED_NAMES_COUNT];

#endif
