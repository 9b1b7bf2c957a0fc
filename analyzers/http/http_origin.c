#include "analyzers/http/http_origin.h"

void http_origin_tell(const struct exchange *x, struct request *r)
{
    static const field_set told =
        FIELD_BIT(FIELD_CLIENT_IP) | FIELD_BIT(FIELD_CLIENT_PORT) | FIELD_BIT(FIELD_SOURCE_IP) |
        FIELD_BIT(FIELD_SOURCE_PORT) | FIELD_BIT(FIELD_USER_NAME) |
        FIELD_BIT(FIELD_USER_AGENT_ORIGINAL) | FIELD_BIT(FIELD_URL_DOMAIN) |
        FIELD_BIT(FIELD_URL_PATH) | FIELD_BIT(FIELD_URL_TEMPLATE);
    if (!x->origin)
        return;
    const struct transaction *from = &x->origin->tx;
    r->tx.client_ip = from->client_ip;
    r->tx.client_port = from->client_port;
    r->tx.source_ip = from->source_ip;
    r->tx.source_port = from->source_port;
    r->tx.user_name = from->user_name;
    r->tx.user_agent = from->user_agent;
    r->tx.url_domain = from->url_domain;
    r->tx.url_path = from->url_path;
    r->tx.url_template = from->url_template;
    r->tx.session_hash = from->session_hash;
    r->tx.present |= from->present & told;
}
