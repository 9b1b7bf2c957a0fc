/*
 * The only place that prints errors and exits.
 */
#include "commands/message.h"
#include "commands/run.h"
#include "commands/survey.h"
#include "commands/tune.h"

#include <stdio.h>

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
        case COMMAND_SURVEY:
            is_good = run_survey(&options, &error);
            break;
        case COMMAND_CHECK:
            is_good = run_check(&options, &error);
            break;
        case COMMAND_TUNE:
            is_good = run_tune(&options, &error);
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
    message_error(&error);
    return error.kind == ERROR_USAGE ? 2 : 1;
}
