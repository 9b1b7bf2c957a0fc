/*
 * What goes wrong with the program itself while it watches: told where alerts go, since nobody
 * reads another place (dataset seepwatch.health).
 */
#ifndef SEEPWATCH_HEALTH_H
#define SEEPWATCH_HEALTH_H

#include "core/json.h"
#include "rules/rule.h"

enum { HEALTH_TEXT_MAX = 1024 };

struct health {
    const char *id, *name;
    enum severity severity;
    int64_t time_ns;
    const char *detail; /* one line or several */
};

void health_write_json(struct json *j, const struct health *h);
/* Both return the length; the line ends in a line feed. */
size_t health_write_message(const struct health *h, char message[HEALTH_TEXT_MAX]);
size_t health_write_line(const struct health *h, char line[HEALTH_TEXT_MAX]);

#endif
