/*
 * Reading the command line with getopt_long.
 */
#define _GNU_SOURCE
#include "commands/options.h"

#include "core/clock.h"
#include "pipeline.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: seepwatch watch  -i IFACE [-i IFACE ...] [options]   watch a mirror port\n"
    "       seepwatch replay FILE ... [options]                  the same over capture files,\n"
    "                                                            or logs of transactions\n"
    "       seepwatch survey -i IFACE | FILE ... [options]       what a mirror shows, and how good "
    "it is\n"
    "       seepwatch tune RULE --from LOG ... [options]         what the rule would have done "
    "with "
    "other limits\n"
    "       seepwatch check [options]                            try rules, their tests and the "
    "configuration\n"
    "\n"
    "  -i, --interface IFACE     interface to watch (repeatable)\n"
    "  -c, --config FILE         configuration: networks, proxies, ports, limits\n"
    "  -r, --rules PATH          rule file, or folder of *.yaml (repeatable; default: the shipped "
    "rules)\n"
    "  -g, --geo FILE            MMDB file with countries, cities or networks (repeatable)\n"
    "  -f, --filter BPF          only packets that match, in tcpdump's language\n"
    "  -s, --state FILE          what lasts over a restart; none keeps nothing (default of watch:\n"
    "                            " OPTIONS_STATE "; of replay: none)\n"
    "  -w, --workers N           threads that decode, beside one for rules and logs (default: 1 "
    "thread for all)\n"
    "      --pin CPU,CPU,...     the processor of each worker\n"
    "      --user NAME           whom watch becomes where root started it (default: seepwatch "
    "where there is one, else\n"
    "                            nobody)\n"
    "      --unconfined          keep root, capabilities, all files and all system calls, for "
    "debuggers\n"
    "      --alerts FILE         alerts as JSON Lines; without it, and without outputs in the "
    "configuration, they are\n"
    "                            printed as readable lines\n"
    "      --outputs             replay sends alerts to the configuration's outputs too, as watch "
    "does\n"
    "      --transactions FILE   every request with its reply, as JSON Lines\n"
    "      --sessions FILE       sessions with their totals, as JSON Lines\n"
    "      --mirror FILE         the mirror's health by minute and server, as JSON Lines\n"
    "      --summary FILE        one JSON object at the end\n"
    "      --for DURATION        how long survey looks, of the packets' time (default: 5m live, "
    "all of "
    "the files)\n"
    "      --list                check tells every rule in words: what it counts, when it fires\n"
    "      --write-config FILE   a configuration to start from, made by survey\n"
    "      --from LOG            of tune: a log of transactions (repeatable; more may follow)\n"
    "      --limits A,B,C        of tune: the limits to try, or A..B (default: around the rule's "
    "own)\n"
    "      --change FILE         of tune: rules with changes; what they add and remove\n"
    "      --budget N            of tune: propose the limit that keeps to N alerts per 1,000 "
    "agent-days\n"
    "  -h, --help                this text\n"
    "  -V, --version             the version\n"
    "\n"
    "FILE may be - for standard output, a capture - for standard input.  watch appends to its logs "
    "and opens them\n"
    "again on SIGHUP; replay begins them anew.\n"
    "Exit status: 0 done; 1 the work failed; 2 wrong usage, configuration or rules.\n";

const char *options_help(void)
{
    return help;
}

enum {
    OPTION_ALERTS = 256,
    OPTION_BUDGET,
    OPTION_CHANGE,
    OPTION_FOR,
    OPTION_FROM,
    OPTION_LIMITS,
    OPTION_LIST,
    OPTION_MIRROR,
    OPTION_OUTPUTS,
    OPTION_PIN,
    OPTION_TRANSACTIONS,
    OPTION_SESSIONS,
    OPTION_SUMMARY,
    OPTION_UNCONFINED,
    OPTION_USER,
    OPTION_WRITE_CONFIG,
};

static const struct option long_options[] = {
    {"interface", required_argument, NULL, 'i'},
    {"config", required_argument, NULL, 'c'},
    {"rules", required_argument, NULL, 'r'},
    {"geo", required_argument, NULL, 'g'},
    {"filter", required_argument, NULL, 'f'},
    {"state", required_argument, NULL, 's'},
    {"workers", required_argument, NULL, 'w'},
    {"pin", required_argument, NULL, OPTION_PIN},
    {"alerts", required_argument, NULL, OPTION_ALERTS},
    {"transactions", required_argument, NULL, OPTION_TRANSACTIONS},
    {"sessions", required_argument, NULL, OPTION_SESSIONS},
    {"mirror", required_argument, NULL, OPTION_MIRROR},
    {"outputs", no_argument, NULL, OPTION_OUTPUTS},
    {"summary", required_argument, NULL, OPTION_SUMMARY},
    {"user", required_argument, NULL, OPTION_USER},
    {"unconfined", no_argument, NULL, OPTION_UNCONFINED},
    {"for", required_argument, NULL, OPTION_FOR},
    {"from", required_argument, NULL, OPTION_FROM},
    {"limits", required_argument, NULL, OPTION_LIMITS},
    {"change", required_argument, NULL, OPTION_CHANGE},
    {"budget", required_argument, NULL, OPTION_BUDGET},
    {"list", no_argument, NULL, OPTION_LIST},
    {"write-config", required_argument, NULL, OPTION_WRITE_CONFIG},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static bool list_add(struct option_list *list, char *item, struct error *error)
{
    if (list->count == OPTIONS_LIST_MAX)
        return error_set(error, ERROR_USAGE, "%s: more than %d of a kind", item, OPTIONS_LIST_MAX);
    list->items[list->count++] = item;
    return true;
}

static bool set_workers(struct options *o, const char *text, struct error *error)
{
    uint64_t count;
    if (!bytes_number(bytes_of(text), &count) || count < 1 || count > PIPELINE_WORKERS_MAX)
        return error_set(error, ERROR_USAGE, "--workers %s: a number from 1 to %d", text,
                         PIPELINE_WORKERS_MAX);
    o->workers = (unsigned)count;
    return true;
}

static bool set_processors(struct options *o, const char *text, struct error *error)
{
    struct bytes left = bytes_of(*text ? text : "-");
    long there_are = sysconf(_SC_NPROCESSORS_CONF);
    while (left.len > 0) {
        size_t comma = bytes_index(left, ',');
        uint64_t processor;
        if (!bytes_number(bytes_first(left, comma), &processor) || processor > 1023 ||
            o->processors_count == OPTIONS_LIST_MAX)
            return error_set(error, ERROR_USAGE,
                             "--pin %s: numbers of processors with commas between them", text);
        if ((long)processor >= there_are)
            return error_set(error, ERROR_USAGE, "--pin %s: there is no processor %d", text,
                             (int)processor);
        o->processors[o->processors_count++] = (int)processor;
        left = bytes_from(left, comma + 1);
    }
    return true;
}

static bool set_duration(struct options *o, const char *text, struct error *error)
{
    if (clock_duration_parse(&o->for_ns, bytes_of(text)) && o->for_ns > 0)
        return true;
    return error_set(error, ERROR_USAGE, "--for %s: write 30s, 5m or 1h", text);
}

static bool set_budget(struct options *o, const char *text, struct error *error)
{
    if (bytes_number(bytes_of(text), &o->budget) && o->budget > 0)
        return true;
    return error_set(error, ERROR_USAGE, "--budget %s: a number of alerts per 1,000 agent-days",
                     text);
}

/* Where the value of an option goes that is one text; NULL: it is none of those. */
static const char **text_of(struct options *o, int letter)
{
    switch (letter) {
    case 's':
        return &o->state;
    case 'c':
        return &o->config;
    case 'f':
        return &o->filter;
    case OPTION_ALERTS:
        return &o->alerts;
    case OPTION_TRANSACTIONS:
        return &o->transactions;
    case OPTION_SESSIONS:
        return &o->sessions;
    case OPTION_MIRROR:
        return &o->mirror;
    case OPTION_SUMMARY:
        return &o->summary;
    case OPTION_USER:
        return &o->user;
    case OPTION_LIMITS:
        return &o->limits;
    case OPTION_CHANGE:
        return &o->change;
    case OPTION_WRITE_CONFIG:
        return &o->starter;
    default:
        return NULL;
    }
}

/* Likewise of one that can be given several times. */
static struct option_list *list_of(struct options *o, int letter)
{
    switch (letter) {
    case 'i':
        return &o->interfaces;
    case 'r':
        return &o->rules;
    case 'g':
        return &o->geo;
    case OPTION_FROM:
        return &o->from;
    default:
        return NULL;
    }
}

/* Of one that has no value. */
static bool set_flag(struct options *o, int letter)
{
    switch (letter) {
    case OPTION_LIST:
        o->wants_list = true;
        return true;
    case OPTION_OUTPUTS:
        o->wants_outputs = true;
        return true;
    case OPTION_UNCONFINED:
        o->is_unconfined = true;
        return true;
    case 'h':
        o->command = COMMAND_HELP;
        return true;
    case 'V':
        o->command = COMMAND_VERSION;
        return true;
    default:
        return false;
    }
}

static bool take_option(struct options *o, int letter, char *value, struct error *error)
{
    const char **text = text_of(o, letter);
    struct option_list *list = list_of(o, letter);
    if (text) {
        *text = value;
        return true;
    }
    if (list)
        return list_add(list, value, error);
    switch (letter) {
    case 'w':
        return set_workers(o, value, error);
    case OPTION_PIN:
        return set_processors(o, value, error);
    case OPTION_FOR:
        return set_duration(o, value, error);
    case OPTION_BUDGET:
        return set_budget(o, value, error);
    default:
        return set_flag(o, letter);
    }
}

static bool read_command(struct options *o, const char *word, struct error *error)
{
    static const struct {
        const char *word;
        enum command command;
    } commands[] = {{"watch", COMMAND_WATCH},   {"replay", COMMAND_REPLAY},
                    {"survey", COMMAND_SURVEY}, {"check", COMMAND_CHECK},
                    {"tune", COMMAND_TUNE},     {"help", COMMAND_HELP}};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i].word) == 0) {
            o->command = commands[i].command;
            return true;
        }
    }
    return error_set(
        error, ERROR_USAGE,
        "unknown command '%s': say watch, replay, survey, check or tune (seepwatch --help)", word);
}

/* What is survey's alone, and what it has no use for. */
static bool check_survey(const struct options *o, struct error *error)
{
    bool has_logs = o->alerts || o->transactions || o->sessions || o->mirror || o->summary;
    if (o->command != COMMAND_SURVEY)
        return !(o->for_ns > 0 || o->starter) || error_set(error, ERROR_USAGE,
                                                           "--for and --write-config are survey's "
                                                           "(seepwatch --help)");
    if ((o->interfaces.count > 0) == (o->files.count > 0))
        return error_set(error, ERROR_USAGE,
                         "survey: name interfaces with -i, or capture files (seepwatch --help)");
    if (has_logs || o->rules.count > 0 || o->geo.count > 0)
        return error_set(error, ERROR_USAGE,
                         "survey has no rules and logs: it prints a report (seepwatch --help)");
    return true;
}

/* What is tune's alone, and what it has no use for. */
static bool check_tune(const struct options *o, struct error *error)
{
    bool has_logs = o->alerts || o->transactions || o->sessions || o->mirror || o->summary;
    if (o->command != COMMAND_TUNE)
        return !(o->from.count > 0 || o->limits || o->change || o->budget > 0) ||
               error_set(error, ERROR_USAGE,
                         "--from, --limits, --change and --budget are tune's (seepwatch --help)");
    if (o->files.count == 0 || o->from.count + o->files.count < 2)
        return error_set(error, ERROR_USAGE,
                         "tune: name a rule, and logs of transactions with --from "
                         "(seepwatch --help)");
    if (has_logs || o->filter || o->interfaces.count > 0)
        return error_set(error, ERROR_USAGE,
                         "tune reads logs of transactions and prints a report "
                         "(seepwatch --help)");
    return !(o->change && (o->limits || o->budget > 0)) ||
           error_set(error, ERROR_USAGE, "--change goes without --limits and --budget");
}

static bool check_operands(const struct options *o, struct error *error)
{
    if (o->command == COMMAND_REPLAY && o->files.count == 0)
        return error_set(error, ERROR_USAGE, "replay: name a capture file (seepwatch --help)");
    if (o->command == COMMAND_WATCH && o->interfaces.count == 0)
        return error_set(error, ERROR_USAGE, "watch: name an interface with -i (seepwatch --help)");
    if (!check_survey(o, error) || !check_tune(o, error))
        return false;
    bool has_files =
        o->command == COMMAND_REPLAY || o->command == COMMAND_SURVEY || o->command == COMMAND_TUNE;
    if (!has_files && o->files.count > 0)
        return error_set(error, ERROR_USAGE, "'%s' is one word too many (seepwatch --help)",
                         o->files.items[0]);
    bool has_run =
        o->filter || o->alerts || o->transactions || o->sessions || o->mirror || o->summary;
    if (o->command == COMMAND_CHECK && (has_run || o->interfaces.count > 0))
        return error_set(error, ERROR_USAGE,
                         "check reads rules and configuration alone (seepwatch --help)");
    if (o->command != COMMAND_CHECK && o->wants_list)
        return error_set(error, ERROR_USAGE, "--list is check's (seepwatch --help)");
    if (o->command != COMMAND_REPLAY && o->wants_outputs)
        return error_set(error, ERROR_USAGE, "--outputs is replay's (seepwatch --help)");
    if (o->command == COMMAND_REPLAY && o->interfaces.count > 0)
        return error_set(error, ERROR_USAGE,
                         "replay reads files: -i is watch's (seepwatch --help)");
    if (o->user && (o->interfaces.count == 0 || o->is_unconfined))
        return error_set(error, ERROR_USAGE, "--user: %s (seepwatch --help)",
                         o->is_unconfined ? "--unconfined stays who it is" : "is watch's");
    for (size_t i = 0; i < o->files.count && o->workers > 1; i++) {
        if (strcmp(o->files.items[i], "-") == 0)
            return error_set(error, ERROR_USAGE, "standard input can be read by one worker only");
    }
    if (o->processors_count > 0 && (o->workers == 1 || o->processors_count != o->workers))
        return error_set(error, ERROR_USAGE,
                         "--pin names one processor for each of several workers");
    return true;
}

/* Who kept nothing said so; a watch that said nothing keeps it in the usual place. */
static bool settle_state(struct options *o, struct error *error)
{
    bool is_run = o->command == COMMAND_WATCH || o->command == COMMAND_REPLAY;
    if (!o->state && o->command == COMMAND_WATCH)
        o->state = OPTIONS_STATE;
    if (!o->state || strcmp(o->state, "none") == 0) {
        o->state = NULL;
        return true;
    }
    if (!is_run)
        return error_set(error, ERROR_USAGE, "--state is watch's and replay's (seepwatch --help)");
    return o->state[0] != '\0' || error_set(error, ERROR_USAGE, "--state: name a file, or none");
}

bool options_read(struct options *o, int argc, char **argv, struct error *error)
{
    *o = (struct options){.command = COMMAND_HELP, .workers = 1};
    bool has_command = false;
    opterr = 0;
    for (;;) {
        int at = optind, letter = getopt_long(argc, argv, "-:i:c:r:g:f:s:w:hV", long_options, NULL);
        if (letter == -1)
            break;
        if (letter == ':')
            return error_set(error, ERROR_USAGE, "%s needs a value (seepwatch --help)", argv[at]);
        if (letter == '?')
            return error_set(error, ERROR_USAGE, "unknown option %s (seepwatch --help)", argv[at]);
        bool is_word = letter == 1;
        if (is_word && !has_command) {
            if (!read_command(o, optarg, error))
                return false;
            has_command = true;
        } else if (is_word && !list_add(&o->files, optarg, error)) {
            return false;
        } else if (!is_word && !take_option(o, letter, optarg, error)) {
            return false;
        }
        if (o->command == COMMAND_VERSION || (o->command == COMMAND_HELP && letter == 'h'))
            return true;
    }
    for (int i = optind; i < argc; i++) {
        if (!list_add(&o->files, argv[i], error))
            return false;
    }
    if (!has_command)
        return error_set(error, ERROR_USAGE,
                         "say watch, replay, survey, check or tune (seepwatch --help)");
    return settle_state(o, error) && check_operands(o, error);
}
