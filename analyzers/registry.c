/*
 * One line an analyzer; the order is that in which unknown connections are tried.
 */
#include "analyzers/registry.h"

#include "analyzers/http.h"
#include "analyzers/postgresql.h"

const struct analyzer *const ANALYZERS[ANALYZERS_COUNT] = {
    &HTTP_ANALYZER,
    &POSTGRESQL_ANALYZER,
};

size_t analyzer_find(struct bytes name)
{
    size_t n = 0;
    while (n < ANALYZERS_COUNT && !bytes_are(name, ANALYZERS[n]->name))
        n++;
    return n;
}
