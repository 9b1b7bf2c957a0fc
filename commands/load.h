/*
 * Configuration, rules and databases of a run, read and checked before anything starts.
 */
#ifndef SEEPWATCH_COMMANDS_LOAD_H
#define SEEPWATCH_COMMANDS_LOAD_H

#include "commands/options.h"
#include "config.h"

struct rules;

struct loaded {
    struct config config;
    struct rules *rules;
    const char *rule_paths[OPTIONS_LIST_MAX]; /* files and folders that they came from */
    size_t rule_paths_count;
    char *key_path; /* where the site's key is kept; owned, NULL: nowhere */
    bool is_key_new;
    char *shipped; /* the folder of the shipped rules, where it is one of them; owned */
};

/* load reads all of it, and looks whether the databases are sound, which the workers open; the
 * error tells every mistake of every file. */
bool load(struct loaded *l, const struct options *o, struct error *error);
/* load_tell_key says what a person has to know of the site's key; once a run has begun. */
void load_tell_key(const struct loaded *l, bool is_live);
/* load_rules_again reads the rules from where they came from, as one set; NULL, with an error that
 * tells every mistake, where anything in them is wrong.  Those of l stay. */
struct rules *load_rules_again(const struct loaded *l, struct error *error);
/* load_honey has the workers look for the customers that these rules' lists have planted; false,
 * and they look for those before, without memory. */
bool load_honey(const struct loaded *l, const struct rules *rules);
void loaded_clear(struct loaded *l);

#endif
