/*
 * What the summary says of connections that no analyzer decoded: their protocols by name, as nDPI
 * gives them.
 */
#ifndef SEEPWATCH_SUMMARY_H
#define SEEPWATCH_SUMMARY_H

#include "core/json.h"

enum { SUMMARY_NAMES_MAX = 512, SUMMARY_NAME_LEN = 32 };

struct summary_other {
    char name[SUMMARY_NAME_LEN];
    uint64_t connections, client_bytes, server_bytes;
};

/* A zeroed struct is empty; the first place is for those without a name. */
struct summary {
    struct summary_other others[SUMMARY_NAMES_MAX];
    size_t count;
};

/* summary_name keeps the name and gives the kept one; names past the bound become "unknown". */
const char *summary_name(struct summary *s, const char *name);

/* summary_count_other counts a connection; name: one that summary_name gave, NULL for none. */
void summary_count_other(struct summary *s, const char *name, uint64_t client_bytes,
                         uint64_t server_bytes);

/* summary_write_others writes {"tls":{"connections":1,"client_bytes":..,"server_bytes":..},..}. */
void summary_write_others(const struct summary *s, struct json *j);

#endif
