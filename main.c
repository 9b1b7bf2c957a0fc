/*
 * The only place that prints errors and exits.
 */
#include "commands/run.h"

#include <stdio.h>

/* One "seepwatch: " line for each line of the text. */
static void print_error(const struct error *error)
{
    const char *line = error->text;
    while (*line) {
        int len = 0;
        while (line[len] && line[len] != '\n')
            len++;
        (void)fprintf(stderr, "seepwatch: %.*s\n", len, line);
        line += line[len] == '\n' ? len + 1 : len;
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct error error = {.kind = ERROR_WORK};
    bool is_good = options_read(&options, argc, argv, &error);
    if (is_good) {
        switch (options.command) {
        case COMMAND_WATCH:
        case COMMAND_REPLAY:
            is_good = run_pipeline(&options, &error);
            break;
        case COMMAND_CHECK:
            is_good = run_check(&options, &error);
            break;
        case COMMAND_HELP:
            (void)fputs(options_help(), stdout);
            break;
        case COMMAND_VERSION:
            (void)puts("seepwatch " SEEPWATCH_VERSION);
            break;
        }
    }
    if (is_good)
        return 0;
    print_error(&error);
    return error.kind == ERROR_USAGE ? 2 : 1;
}
