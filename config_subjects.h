/*
 * The section `subject` of the configuration: how customers are known.
 */
#ifndef SEEPWATCH_CONFIG_SUBJECTS_H
#define SEEPWATCH_CONFIG_SUBJECTS_H

#include "subjects/subjects.h"

struct problems;
struct yaml_node;

/* config_read_subjects sets what the section says; *key, the file of the site's key, is relative to
 * the configuration's, owned by the caller, and left as it is where it is not said. */
void config_read_subjects(struct subjects *s, char **key, const char *config_path,
                          const struct yaml_node *n, struct problems *problems);

#endif
