/*
 * What columns, parameters and fields are called that hold identifiers: a list in English, Swedish,
 * Norwegian, Danish, German and Korean, and the operator's own names.  Case, '_', '-', ' ', '.',
 * ':' and '#' do not count: customer_id, customerId and CUSTOMER-ID are one name.
 */
#ifndef SEEPWATCH_SUBJECTS_NAMES_H
#define SEEPWATCH_SUBJECTS_NAMES_H

#include "core/subject.h"

enum {
    NAME_MAX_LEN = 64,    /* bytes; a longer name is nobody's */
    NAMES_OWN_MAX = 512,  /* the operator's exact names */
    NAMES_GLOBS_MAX = 64, /* the operator's names with '*' */
};

struct names;

/* names_open knows the list that ships; NULL without memory. */
struct names *names_open(void);
void names_close(struct names *n);

/*
 * names_add adds a name, or one with '*' for any text, of that kind; of SUBJECT_NONE it says that
 * the name is none of any kind.  It goes before those that ship.  False where it is empty, too long
 * or one too many.
 */
bool names_add(struct names *n, struct bytes name, enum subject_kind kind);

/* names_is_of_parent tells whether a name says nothing by itself, but is the identifier of what it
 * belongs to: "id", "number". */
bool names_is_of_parent(struct bytes name);

enum subject_kind names_find(const struct names *n, struct bytes name);

#endif
