/*
 * The command line: one table of options for all subcommands.
 */
#ifndef SEEPWATCH_COMMANDS_OPTIONS_H
#define SEEPWATCH_COMMANDS_OPTIONS_H

#include "core/error.h"
#include "profile/geo.h"

#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_LIST_MAX = 256 };

/* Where watch keeps its state unless it is told otherwise. */
#define OPTIONS_STATE "/var/lib/seepwatch/state.db"

struct option_list {
    char *items[OPTIONS_LIST_MAX];
    size_t count;
};

enum command {
    COMMAND_WATCH,
    COMMAND_REPLAY,
    COMMAND_SURVEY,
    COMMAND_CHECK,
    COMMAND_TUNE,
    COMMAND_HELP,
    COMMAND_VERSION
};

struct options {
    enum command command;
    struct option_list files;      /* of replay and survey; of tune the rule, then logs */
    struct option_list from;       /* of tune: logs */
    struct option_list interfaces; /* of watch and survey */
    struct option_list rules;      /* files and folders; none: the shipped ones */
    struct option_list geo;
    unsigned workers;                 /* threads that decode; 1: one thread for all */
    int processors[OPTIONS_LIST_MAX]; /* that the workers run on */
    size_t processors_count;          /* 0: any */
    const char *user;                 /* that watch becomes; NULL: the usual one */
    bool is_unconfined;               /* watch, replay and survey keep all rights */
    bool wants_list;                  /* check tells every rule in words */
    bool wants_outputs;               /* replay sends alerts to the configuration's outputs too */
    const char *config, *filter;
    const char *state;           /* of watch and replay: its file; NULL: nothing is kept */
    int64_t for_ns;              /* of survey: how long; 0: not said */
    const char *limits, *change; /* of tune: the limits to try, a file of changes; NULL: not said */
    uint64_t budget;             /* of tune: alerts per 1,000 agent-days; 0: not said */
    const char *starter;         /* of survey: the configuration file to write; NULL: none */
    const char *alerts, *transactions, *sessions, *mirror, *summary; /* NULL: nowhere */
};

/* options_read reads the command line; the texts stay argv's. */
bool options_read(struct options *o, int argc, char **argv, struct error *error);

/* options_help gives the text that --help prints. */
const char *options_help(void);

#endif
