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
    struct geo *geo; /* NULL: places are unknown */
};

/* load reads all of it; the error tells every mistake of every file. */
bool load(struct loaded *l, const struct options *o, struct error *error);
void loaded_clear(struct loaded *l);

#endif
