/*
 * How much of a connection can be read: clear text that an analyzer decodes, TLS and the like, or
 * neither.  Encryption shows itself by the analyzer, which saw both ends agree on it, by the
 * records of TLS at the beginning of segments, or by nDPI's name.
 */
#ifndef SEEPWATCH_CLARITY_H
#define SEEPWATCH_CLARITY_H

#include "analyzers/connection.h"
#include "core/mirror.h"

enum { CLARITY_LOOKS_MAX = 16 }; /* segments of a connection; then what is unknown is undecoded */

enum clarity_state { CLARITY_OPEN, CLARITY_CLEAR, CLARITY_ENCRYPTED, CLARITY_UNDECODED };

/* Of one connection; begins zeroed. */
struct clarity {
    enum clarity_state state;
    unsigned looks;
    uint64_t waiting; /* bytes that came before the state was known */
};

/* clarity_data counts bytes that the connection has just taken. */
void clarity_data(struct clarity *c, const struct connection *connection, struct bytes data,
                  struct mirror_counters *counters);

/* clarity_named hears nDPI's name of the connection, in lower case. */
void clarity_named(struct clarity *c, const char *name, struct mirror_counters *counters);

/* clarity_close counts what is still open. */
void clarity_close(struct clarity *c, const struct connection *connection,
                   struct mirror_counters *counters);

#endif
