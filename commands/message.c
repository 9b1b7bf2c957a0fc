/*
 * Every line says who speaks: it may stand in a log among those of others.
 */
#include "commands/message.h"

#include <stdio.h>

void message_error(const struct error *error)
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
