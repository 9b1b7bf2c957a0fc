/*
 * What a connection speaks, and which end is its server: decided from its first bytes, its ports,
 * and what others take it for.
 */
#ifndef SEEPWATCH_ANALYZERS_DECISION_H
#define SEEPWATCH_ANALYZERS_DECISION_H

#include "analyzers/connection_state.h"

/* decision_data takes the next bytes of an undecided connection. */
void decision_data(struct connection *c, enum side side, struct bytes data, int64_t ns);

/*
 * decision_late_start tries a segment as the beginning of a message: behind a preamble that nobody
 * knows (SOCKS, say, after which the roles may be the other way round), or in an old connection,
 * one may still start there.
 */
void decision_late_start(struct connection *c, enum side side, struct bytes data, int64_t ns);

/*
 * decision_by_port believes the port where all that came is one side's: the other is not mirrored,
 * and what can be told from two sides must do with the port.  False where it says nothing.
 */
bool decision_by_port(struct connection *c, int64_t ns);

/* decision_believe makes it that analyzer's, and gives it the bytes that are kept; without memory
 * the connection is unknown from now on. */
void decision_believe(struct connection *c, const struct analyzer *a, int64_t ns);

#endif
