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
};

/* load reads all of it, and looks whether the databases are sound, which the workers open; the
 * error tells every mistake of every file. */
bool load(struct loaded *l, const struct options *o, struct error *error);
void loaded_clear(struct loaded *l);

#endif
