/*
 * The named lists and macros of all files.  A name given again in a later file replaces the earlier
 * one, so that a site fills a shipped list without touching the shipped file.
 */
#ifndef SEEPWATCH_RULES_VOCABULARY_H
#define SEEPWATCH_RULES_VOCABULARY_H

#include "core/transaction.h"
#include "rules/arena.h"
#include "rules/set.h"
#include "rules/yaml.h"
#include "rules/zone.h"

enum { LISTS_MAX = 256, MACROS_MAX = 256, LIST_FILES_MAX = 256 };

/* What a list's items are read as. */
enum list_type {
    LIST_OF_TEXTS,
    LIST_OF_NUMBERS,
    LIST_OF_SIZES,
    LIST_OF_TIMES,
    LIST_OF_HASHES,
    LIST_OF_ADDRESSES,
    LIST_TYPES
};

enum progress { PROGRESS_NONE, PROGRESS_UNDERWAY, PROGRESS_GOOD, PROGRESS_BAD };

struct named_list {
    struct bytes name;
    const struct yaml_node *items;
    enum progress made[LIST_TYPES]; /* of sets: each is made when it is first asked for */
    const struct set *sets[LIST_TYPES];
};

struct condition;
struct honey_names;

struct macro {
    struct bytes name;
    const struct yaml_node *text;
    enum progress made;
    const struct condition *condition;
};

struct vocabulary {
    struct arena *arena;   /* of everything compiled */
    struct arena *passing; /* of items of files, until then; NULL: no file is read */
    struct problems *problems;
    const struct honey_names *honey; /* what lists of customers mean; NULL: ids alone */
    const struct zone *zone;         /* of hours, weekdays and dates; NULL: UTC */
    uint64_t *gave_up;  /* texts that a pattern did not decide; in the arena, NULL at first */
    unsigned nesting;   /* of what is being parsed now */
    const char **files; /* of lists, in the arena; NULL at first */
    size_t files_count;
    size_t lists_count, macros_count;
    struct named_list lists[LISTS_MAX];
    struct macro macros[MACROS_MAX];
};

/* vocabulary_read_lists and vocabulary_read_macros take the `lists` and `macros` of one file; the
 * nodes must live until everything is compiled. */
void vocabulary_read_lists(struct vocabulary *v, const struct yaml_node *lists);
void vocabulary_read_macros(struct vocabulary *v, const struct yaml_node *macros);

/* vocabulary_list and vocabulary_macro find one by its name; NULL where there is none. */
struct named_list *vocabulary_list(struct vocabulary *v, struct bytes name);
struct macro *vocabulary_macro(struct vocabulary *v, struct bytes name);

#endif
