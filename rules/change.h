/*
 * `change`: a later file alters a rule by its id, key by key, without copying it.  The keys of a
 * change take the place of the rule's own; only its exceptions are added to those that are there.
 */
#ifndef SEEPWATCH_RULES_CHANGE_H
#define SEEPWATCH_RULES_CHANGE_H

#include "rules/vocabulary.h"

enum { CHANGES_MAX = 1024 };

/* The changes of all files in their order.  A zeroed struct has none. */
struct changes {
    size_t count;
    struct change {
        struct bytes id;
        const struct yaml_node *node;
        bool is_used;
    } items[CHANGES_MAX];
};

/* changes_read takes the `change` of one file; the nodes must live as long as the changes. */
void changes_read(struct changes *c, const struct yaml_node *list, struct problems *problems);

/*
 * changes_apply gives the mapping of a rule with all its changes put in, which is the rule's own
 * where there are none.  NULL where there is no memory.
 */
const struct yaml_node *changes_apply(struct changes *c, const struct yaml_node *rule,
                                      struct arena *arena);

/* changes_of counts the changes of the rule of that id and fills where the first `max` stand. */
size_t changes_of(const struct changes *c, struct bytes id, struct position *places, size_t max);

/* changes_check reports those that no rule took, with the nearest of the rules' ids. */
void changes_check(const struct changes *c, struct problems *problems, const char *const *ids,
                   size_t count);

#endif
