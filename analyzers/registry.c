/*
 * One line an analyzer; the order is that in which unknown connections are tried.
 */
#include "analyzers/registry.h"

#include "analyzers/http/http.h"
#include "analyzers/http/websocket.h"
#include "analyzers/http2/http2.h"
#include "analyzers/mongodb/mongodb.h"
#include "analyzers/mysql/mysql.h"
#include "analyzers/postgresql/postgresql.h"
#include "analyzers/redis/redis.h"
#include "analyzers/tds/tds.h"
#include "analyzers/tns/tns.h"

const struct analyzer *const ANALYZERS[ANALYZERS_COUNT] = {
    &HTTP_ANALYZER, &POSTGRESQL_ANALYZER, &MYSQL_ANALYZER, &REDIS_ANALYZER,     &MONGODB_ANALYZER,
    &TDS_ANALYZER,  &TNS_ANALYZER,        &HTTP2_ANALYZER, &WEBSOCKET_ANALYZER,
};

size_t analyzer_find(struct bytes name)
{
    size_t n = 0;
    while (n < ANALYZERS_COUNT && !bytes_are(name, ANALYZERS[n]->name))
        n++;
    return n;
}
