/*
 * A named list whose items stand in a file of their own, one a line:
 *
 *   lists:
 *     leavers: {file: leavers.txt}
 */
#ifndef SEEPWATCH_RULES_LIST_FILE_H
#define SEEPWATCH_RULES_LIST_FILE_H

#include "rules/vocabulary.h"

enum { LIST_FILE_MAX = 4 << 20 /* bytes */, LIST_FILE_LINES_MAX = 131072 };

/* list_file_read reads the file that the mapping names and gives its items as a list; they know
 * their places.  NULL, and at least one problem more, where anything is wrong. */
const struct yaml_node *list_file_read(struct vocabulary *v, const struct yaml_node *mapping);

#endif
