/*
 * Connections that no analyzer decoded, counted by the names that nDPI gives them.
 */
#ifndef SEEPWATCH_OTHERS_H
#define SEEPWATCH_OTHERS_H

#include "core/json.h"

enum { OTHERS_MAX = 512, OTHER_NAME_LEN = 32 };

struct other {
    char name[OTHER_NAME_LEN];
    uint64_t connections, client_bytes, server_bytes;
};

/* A zeroed struct is empty; the first place is for those without a name. */
struct others {
    struct other items[OTHERS_MAX];
    size_t count;
};

/* others_name keeps the name and gives the kept one; names past the bound become "unknown". */
const char *others_name(struct others *s, const char *name);

/* others_count counts a connection; name: one that others_name gave, NULL for none. */
void others_count(struct others *s, const char *name, uint64_t client_bytes, uint64_t server_bytes);

/* others_add adds what another summary counted. */
void others_add(struct others *sum, const struct others *part);

/* others_write writes {"tls":{"connections":1,"client_bytes":..,"server_bytes":..},..}. */
void others_write(const struct others *s, struct json *j);

#endif
