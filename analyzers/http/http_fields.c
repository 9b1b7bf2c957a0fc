/*
 * A line is matched by the length and the letters of its name; a value that goes on in the next
 * line (obs-fold, RFC 9112, section 5.2) is read as a second value of the same field.
 */
#define _GNU_SOURCE /* explicit_bzero */
#include "analyzers/http/http_fields.h"

#include "analyzers/connection.h"
#include "analyzers/http/http_line.h"
#include "analyzers/http/http_plan.h"
#include "analyzers/http/http_subjects.h"
#include "analyzers/http/http_visit.h"
#include "analyzers/http/template.h"

#include <string.h>

/* Takes the part of *list before the next `separator`, without blanks around. */
static struct bytes part_take(struct bytes *list, uint8_t separator)
{
    size_t len = bytes_index(*list, separator);
    struct bytes part = bytes_trim(bytes_first(*list, len));
    *list = bytes_from(*list, len + 1);
    return part;
}

static void set_text(struct exchange *x, struct request *r, struct bytes *member, enum field f,
                     struct bytes text)
{
    *member = pairing_note(x, r, text);
    if (member->len > 0)
        transaction_mark(&r->tx, f);
}

/* A host without its port, in lower case (RFC 3986, section 3.2.2). */
static void set_domain(struct exchange *x, struct request *r, struct bytes host)
{
    char text[HTTP_DOMAIN_MAX];
    size_t bracket = bytes_start(host, "[") ? bytes_index(host, ']') : 0;
    size_t colon = bracket + bytes_index(bytes_from(host, bracket), ':');
    host = bytes_first(bytes_first(host, colon), sizeof(text));
    for (size_t i = 0; i < host.len; i++) {
        char c = (char)host.data[i];
        text[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    set_text(x, r, &r->tx.url_domain, FIELD_URL_DOMAIN,
             (struct bytes){(const uint8_t *)text, host.len});
}

void http_path(struct exchange *x, struct request *r, struct bytes path)
{
    char text[TEMPLATE_MAX];
    const struct http_text *told =
        http_template_find(&x->settings->http, bytes_first(path, bytes_index(path, '?')));
    struct bytes shown = {(const uint8_t *)text, 0};
    if (told)
        shown = http_text(told);
    else
        shown.len = template_write(path, text);
    set_text(x, r, &r->tx.url_path, FIELD_URL_PATH, shown);
    r->tx.url_template = r->tx.url_path;
    if (shown.len > 0)
        transaction_mark(&r->tx, FIELD_URL_TEMPLATE);
    http_subjects_ask(x, r, path, told ? shown : (struct bytes){NULL, 0});
}

/* Behind "http://" or "https://"; empty where target is no absolute URI. */
static struct bytes behind_scheme(struct bytes target)
{
    if (bytes_are_nocase(bytes_first(target, 7), "http://"))
        return bytes_from(target, 7);
    if (bytes_are_nocase(bytes_first(target, 8), "https://"))
        return bytes_from(target, 8);
    return (struct bytes){NULL, 0};
}

void http_authority(struct exchange *x, struct request *r, struct bytes authority)
{
    /* a name and a password may stand before the host; they are not looked at */
    for (size_t at; (at = bytes_index(authority, '@')) < authority.len;)
        authority = bytes_from(authority, at + 1);
    if (authority.len > 0)
        set_domain(x, r, authority);
}

void http_method(struct exchange *x, struct request *r, struct bytes method)
{
    const struct http_method *known = http_method_find(method);
    r->tx.http_method = known ? bytes_of(known->name) : pairing_note(x, r, method);
    transaction_mark(&r->tx, FIELD_HTTP_REQUEST_METHOD);
    r->tx.action = known ? known->action : ACTION_OTHER;
}

void http_status(struct request *r, unsigned status)
{
    r->tx.http_status = status;
    r->tx.outcome = status < 400 ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
    transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_STATUS_CODE);
    transaction_mark(&r->tx, FIELD_EVENT_OUTCOME);
}

void http_target(struct exchange *x, struct request *r, struct bytes method, struct bytes target)
{
    struct bytes absolute = behind_scheme(target), authority = {NULL, 0};
    if (bytes_are(method, "CONNECT")) {
        authority = target;
    } else if (absolute.len > 0) {
        size_t len = 0;
        while (len < absolute.len && !memchr("/?#", absolute.data[len], 3))
            len++;
        authority = bytes_first(absolute, len);
        target = bytes_from(absolute, len);
    }
    http_authority(x, r, authority);
    if (!bytes_are(method, "CONNECT"))
        http_path(x, r, target.len > 0 ? target : bytes_of("/"));
}

static void read_length(struct http_head *head, struct bytes value)
{
    while (value.len > 0) {
        uint64_t length;
        if (!bytes_number(part_take(&value, ','), &length)) {
            head->is_ambiguous = true;
            continue;
        }
        head->is_ambiguous = head->is_ambiguous || (head->has_length && head->length != length);
        if (!head->has_length)
            head->length = length;
        head->has_length = true;
    }
}

static void read_coding(struct http_head *head, struct bytes value)
{
    while (value.len > 0) {
        struct bytes coding = part_take(&value, ',');
        size_t len = 0;
        while (len < coding.len && !memchr(" \t;", coding.data[len], 3))
            len++;
        coding = bytes_first(coding, len);
        if (bytes_are_nocase(coding, "chunked"))
            head->is_chunked = true;
        else if (coding.len > 0 && !bytes_are_nocase(coding, "identity"))
            head->has_coding = true;
    }
}

/* One coding is taken off; several, one over the other, are not. */
static void read_codec(struct http_head *head, struct bytes value)
{
    enum codec codec = CODEC_STORED;
    if (!http_codec_of(value, &codec) || head->codec != CODEC_STORED)
        head->has_unknown_codec = true;
    head->codec = (uint8_t)codec;
}

static void read_agent(struct exchange *x, struct request *r, struct bytes value, bool goes_on)
{
    struct bytes *agent = &r->tx.user_agent;
    if (agent->len == 0) {
        set_text(x, r, agent, FIELD_USER_AGENT_ORIGINAL, bytes_first(value, HTTP_AGENT_MAX));
        return;
    }
    /* what goes on is put behind the first part, unless another field was noted since */
    bool is_last = (const char *)agent->data + agent->len == r->notes + r->notes_len;
    if (!goes_on || !is_last || agent->len + 1 >= HTTP_AGENT_MAX || value.len == 0)
        return;
    agent->len += pairing_note(x, r, bytes_of(" ")).len;
    agent->len += pairing_note(x, r, bytes_first(value, HTTP_AGENT_MAX - agent->len)).len;
}

static int base64_value(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The name before the colon (RFC 7617); what is behind it is not even decoded. */
static void read_basic(struct exchange *x, struct request *r, struct bytes value)
{
    uint8_t user[HTTP_USER_MAX];
    size_t len = 0;
    unsigned bits = 0, word = 0;
    bool is_whole = false;
    for (size_t i = 0; i < value.len && !is_whole; i++) {
        int digit = base64_value(value.data[i]);
        if (digit < 0)
            break;
        word = (word << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        uint8_t c = (uint8_t)(word >> bits);
        is_whole = c == ':';
        if (!is_whole && len < sizeof(user))
            user[len++] = c;
    }
    if (is_whole && len > 0)
        set_text(x, r, &r->tx.user_name, FIELD_USER_NAME, (struct bytes){user, len});
    /* without a colon it is no name, and may be anything */
    explicit_bzero(user, sizeof(user));
}

static void read_authorization(struct exchange *x, struct request *r, struct bytes value)
{
    struct bytes scheme = part_take(&value, ' ');
    if (!bytes_are_nocase(scheme, "basic")) {
        if (!bytes_are_nocase(scheme, "digest"))
            http_visit_token(x, r, bytes_trim(value));
        return;
    }
    struct http_visit *v = http_visit_of(x, r);
    if (v)
        v->has_basic = true;
    if (r->tx.user_name.len == 0)
        read_basic(x, r, bytes_trim(value));
}

/* The account as a gateway of ours says it; it knows better than anybody. */
static void read_account(struct exchange *x, struct request *r, struct bytes value)
{
    value = bytes_first(value, HTTP_USER_MAX);
    if (value.len > 0 && settings_is_proxy(x->settings, &x->peer->ip))
        set_text(x, r, &r->tx.user_name, FIELD_USER_NAME, value);
}

/* An address with or without quotes, brackets and port (RFC 7239, section 6). */
static bool node_parse(struct address *a, struct bytes node)
{
    if (bytes_start(node, "\""))
        node = bytes_first(bytes_from(node, 1), bytes_index(bytes_from(node, 1), '"'));
    if (bytes_start(node, "["))
        return address_parse(
            a, bytes_first(bytes_from(node, 1), bytes_index(bytes_from(node, 1), ']')));
    size_t colon = bytes_index(node, ':');
    bool is_lone = colon < node.len &&
                   bytes_index(bytes_from(node, colon + 1), ':') == bytes_from(node, colon + 1).len;
    return address_parse(a, is_lone ? bytes_first(node, colon) : node);
}

/*
 * The client is the last address named that is no proxy of ours, which is the first one met from
 * the right: what stands further left, anybody could have written.  Where all are proxies, the
 * first.
 */
static void take_node(struct exchange *x, struct http_head *head, struct request *r,
                      struct bytes node)
{
    struct address a;
    bool is_told = transaction_has(&r->tx, FIELD_CLIENT_IP) || head->has_unknown_client;
    head->has_unknown_client = !node_parse(&a, node);
    if (head->has_unknown_client) {
        transaction_unmark(&r->tx, FIELD_CLIENT_IP);
        return;
    }
    if (is_told && settings_is_proxy(x->settings, &a))
        return;
    r->tx.client_ip = a;
    r->tx.source_ip = x->facts->ip[SIDE_CLIENT];
    r->tx.source_port = x->facts->port[SIDE_CLIENT];
    transaction_mark(&r->tx, FIELD_CLIENT_IP);
    transaction_mark(&r->tx, FIELD_SOURCE_IP);
    transaction_mark(&r->tx, FIELD_SOURCE_PORT);
}

/* Whether this kind of field may tell of the client; the first of its kind takes over. */
static bool may_tell(struct exchange *x, struct http_head *head, struct request *r,
                     enum http_told told)
{
    if (head->told > told || !settings_is_proxy(x->settings, &x->peer->ip))
        return false;
    if (head->told < told) {
        head->told = (uint8_t)told;
        head->has_unknown_client = false;
        transaction_unmark(&r->tx, FIELD_CLIENT_IP);
    }
    return true;
}

static void read_x_forwarded_for(struct exchange *x, struct http_head *head, struct request *r,
                                 struct bytes value)
{
    if (!may_tell(x, head, r, HTTP_TOLD_BY_X_FORWARDED_FOR))
        return;
    while (value.len > 0)
        take_node(x, head, r, part_take(&value, ','));
}

static void read_forwarded(struct exchange *x, struct http_head *head, struct request *r,
                           struct bytes value)
{
    if (!may_tell(x, head, r, HTTP_TOLD_BY_FORWARDED))
        return;
    while (value.len > 0) {
        struct bytes element = part_take(&value, ',');
        while (element.len > 0) {
            struct bytes pair = part_take(&element, ';');
            if (bytes_are_nocase(bytes_first(pair, 4), "for="))
                take_node(x, head, r, bytes_from(pair, 4));
        }
    }
}

enum known_field {
    NO_FIELD,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    TRANSFER_ENCODING,
    OF_BOTH = TRANSFER_ENCODING, /* up to here, of requests and responses */
    AUTHORIZATION,
    COOKIE,
    EXPECT,
    FORWARDED,
    HOST,
    SOAP_ACTION,
    USER_AGENT,
    X_API_KEY,
    X_AUTH_TOKEN,
    X_FORWARDED_FOR,
    OF_REQUESTS = X_FORWARDED_FOR,
    LOCATION,
    SET_COOKIE,
    UPGRADE,
    NAMED_COUNT,
    ACCOUNT = NAMED_COUNT /* as the operator calls it */
};

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct {
    const char *text;
    size_t len; /* bytes; it tells nearly all fields apart */
} names[NAMED_COUNT] = {
    [NO_FIELD] = NAME(""),
    [CONTENT_ENCODING] = NAME("content-encoding"),
    [CONTENT_LENGTH] = NAME("content-length"),
    [CONTENT_TYPE] = NAME("content-type"),
    [TRANSFER_ENCODING] = NAME("transfer-encoding"),
    [AUTHORIZATION] = NAME("authorization"),
    [COOKIE] = NAME("cookie"),
    [EXPECT] = NAME("expect"),
    [FORWARDED] = NAME("forwarded"),
    [HOST] = NAME("host"),
    [SOAP_ACTION] = NAME("soapaction"),
    [USER_AGENT] = NAME("user-agent"),
    [X_API_KEY] = NAME("x-api-key"),
    [X_AUTH_TOKEN] = NAME("x-auth-token"),
    [X_FORWARDED_FOR] = NAME("x-forwarded-for"),
    [LOCATION] = NAME("location"),
    [SET_COOKIE] = NAME("set-cookie"),
    [UPGRADE] = NAME("upgrade"),
};

static enum known_field field_among(unsigned first, unsigned last, struct bytes name)
{
    for (unsigned f = first; f <= last; f++) {
        if (name.len == names[f].len && bytes_are_nocase(name, names[f].text))
            return (enum known_field)f;
    }
    return NO_FIELD;
}

static bool is_account(const struct settings *s, struct bytes name)
{
    struct bytes header = http_text(&s->http.header);
    if (header.len == 0 || header.len != name.len)
        return false;
    size_t i = 0;
    while (i < name.len && (name.data[i] | 0x20) == (header.data[i] | 0x20))
        i++;
    return i == name.len;
}

static enum known_field field_of(const struct exchange *x, enum side side, struct bytes name)
{
    enum known_field f = field_among(NO_FIELD + 1, OF_BOTH, name);
    if (f != NO_FIELD)
        return f;
    if (side == SIDE_SERVER)
        return field_among(OF_REQUESTS + 1, NAMED_COUNT - 1, name);
    if (is_account(x->settings, name))
        return ACCOUNT;
    return field_among(OF_BOTH + 1, OF_REQUESTS, name);
}

static void read_of_request(struct exchange *x, struct http_head *head, struct request *r,
                            struct bytes value, bool goes_on)
{
    switch (head->field) {
    case ACCOUNT:
        read_account(x, r, value);
        break;
    case AUTHORIZATION:
        read_authorization(x, r, value);
        break;
    case COOKIE:
        http_visit_cookie(x, r, value);
        break;
    case SOAP_ACTION:
        http_visit_soap_action(x, r, value);
        break;
    case X_API_KEY:
    case X_AUTH_TOKEN:
        http_visit_token(x, r, value);
        break;
    case FORWARDED:
        read_forwarded(x, head, r, value);
        break;
    case HOST:
        if (r->tx.url_domain.len == 0 && value.len > 0)
            set_domain(x, r, value);
        break;
    case USER_AGENT:
        read_agent(x, r, value, goes_on);
        break;
    case X_FORWARDED_FOR:
        read_x_forwarded_for(x, head, r, value);
        break;
    default:
        break;
    }
}

static void read_of_response(struct exchange *x, struct http_head *head, struct request *r,
                             struct bytes value)
{
    if (head->field == LOCATION)
        http_visit_location(x, r, value);
    else if (head->field == SET_COOKIE)
        http_visit_set_cookie(x, r, value);
}

static enum http_upgrade upgrade_of(struct bytes value)
{
    if (bytes_are_nocase(value, "h2c"))
        return HTTP_UPGRADE_HTTP2;
    return bytes_are_nocase(value, "websocket") ? HTTP_UPGRADE_WEBSOCKET : HTTP_UPGRADE_OTHER;
}

/* A value of head->field. */
static void read_value(struct exchange *x, enum side side, struct http_head *head,
                       struct request *r, struct bytes value, bool goes_on)
{
    value = bytes_trim(value);
    switch (head->field) {
    case CONTENT_ENCODING:
        read_codec(head, value);
        break;
    case CONTENT_LENGTH:
        read_length(head, value);
        break;
    case CONTENT_TYPE:
        head->type = (uint8_t)http_type_of(value);
        break;
    case TRANSFER_ENCODING:
        read_coding(head, value);
        break;
    case EXPECT:
        head->expects_continue = bytes_are_nocase(value, "100-continue");
        break;
    case UPGRADE:
        head->upgrade = (uint8_t)upgrade_of(value);
        break;
    default:
        if (r && side == SIDE_CLIENT)
            read_of_request(x, head, r, value, goes_on);
        else if (r)
            read_of_response(x, head, r, value);
    }
}

void http_field(struct exchange *x, enum side side, struct http_head *head, struct request *r,
                struct bytes line)
{
    bool goes_on = line.data[0] == ' ' || line.data[0] == '\t';
    struct bytes value = line;
    if (!goes_on) {
        size_t colon = bytes_index(line, ':');
        head->field = (uint8_t)field_of(x, side, bytes_trim(bytes_first(line, colon)));
        value = bytes_from(line, colon + 1);
    }
    if (head->field != NO_FIELD)
        read_value(x, side, head, r, value, goes_on);
}

void http_named_field(struct exchange *x, enum side side, struct http_head *head, struct request *r,
                      struct bytes name, struct bytes value)
{
    head->field = (uint8_t)field_of(x, side, name);
    if (head->field != NO_FIELD)
        read_value(x, side, head, r, value, false);
}
