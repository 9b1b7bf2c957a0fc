/*
 * The table of fields, and JSON from it.  Fields whose names share a first part stand together in
 * enum field, so that one pass over the table writes nested objects.
 */
#include "core/transaction.h"

#include "core/clock.h"
#include "core/sketch.h"

#include <stdio.h>

static const char *const actions[] = {"login", "logout", "read", "write", "define", "other", NULL};
static const char *const outcomes[] = {"success", "failure", "unknown", NULL};

#define AT(member) offsetof(struct transaction, member)

const struct field_info FIELDS[FIELDS_COUNT] = {
    [FIELD_TIMESTAMP] = {"@timestamp", FIELD_TYPE_TIME, AT(start_ns), NULL, NULL},
    [FIELD_EVENT_ACTION] = {"event.action", FIELD_TYPE_CHOICE, AT(action), NULL, actions},
    [FIELD_EVENT_DURATION] = {"event.duration", FIELD_TYPE_UNSIGNED, AT(duration_ns), "ns", NULL},
    [FIELD_EVENT_OUTCOME] = {"event.outcome", FIELD_TYPE_CHOICE, AT(outcome), NULL, outcomes},
    [FIELD_NETWORK_COMMUNITY_ID] = {"network.community_id", FIELD_TYPE_TEXT, AT(community_id), NULL,
                                    NULL},
    [FIELD_NETWORK_COUNTRIES] = {"network.countries", FIELD_TYPE_TEXTS, AT(network_countries), NULL,
                                 NULL},
    [FIELD_NETWORK_NAME] = {"network.name", FIELD_TYPE_TEXT, AT(network_name), NULL, NULL},
    [FIELD_NETWORK_PROTOCOL] = {"network.protocol", FIELD_TYPE_TEXT, AT(protocol), NULL, NULL},
    [FIELD_NETWORK_TRANSPORT] = {"network.transport", FIELD_TYPE_TEXT, AT(transport), NULL, NULL},
    [FIELD_CLIENT_AS_NUMBER] = {"client.as.number", FIELD_TYPE_UNSIGNED, AT(as_number), NULL, NULL},
    [FIELD_CLIENT_AS_ORGANIZATION_NAME] = {"client.as.organization.name", FIELD_TYPE_TEXT,
                                           AT(as_organization), NULL, NULL},
    [FIELD_CLIENT_BYTES] = {"client.bytes", FIELD_TYPE_UNSIGNED, AT(client_bytes), "bytes", NULL},
    [FIELD_CLIENT_GEO_CITY_NAME] = {"client.geo.city_name", FIELD_TYPE_TEXT, AT(city), NULL, NULL},
    [FIELD_CLIENT_GEO_COUNTRY_ISO_CODE] = {"client.geo.country_iso_code", FIELD_TYPE_TEXT,
                                           AT(country), NULL, NULL},
    [FIELD_CLIENT_GEO_LOCATION] = {"client.geo.location", FIELD_TYPE_PLACE, AT(location), NULL,
                                   NULL},
    [FIELD_CLIENT_IP] = {"client.ip", FIELD_TYPE_ADDRESS, AT(client_ip), NULL, NULL},
    [FIELD_CLIENT_PORT] = {"client.port", FIELD_TYPE_UNSIGNED, AT(client_port), NULL, NULL},
    [FIELD_SOURCE_IP] = {"source.ip", FIELD_TYPE_ADDRESS, AT(source_ip), NULL, NULL},
    [FIELD_SOURCE_PORT] = {"source.port", FIELD_TYPE_UNSIGNED, AT(source_port), NULL, NULL},
    [FIELD_SERVER_BYTES] = {"server.bytes", FIELD_TYPE_UNSIGNED, AT(server_bytes), "bytes", NULL},
    [FIELD_SERVER_IP] = {"server.ip", FIELD_TYPE_ADDRESS, AT(server_ip), NULL, NULL},
    [FIELD_SERVER_PORT] = {"server.port", FIELD_TYPE_UNSIGNED, AT(server_port), NULL, NULL},
    [FIELD_SESSION_ID] = {"session.id", FIELD_TYPE_TEXT, AT(session_id), NULL, NULL},
    [FIELD_USER_NAME] = {"user.name", FIELD_TYPE_TEXT, AT(user_name), NULL, NULL},
    [FIELD_USER_AGENT_ORIGINAL] = {"user_agent.original", FIELD_TYPE_TEXT, AT(user_agent), NULL,
                                   NULL},
    [FIELD_DB_COLLECTION_NAME] = {"db.collection.name", FIELD_TYPE_TEXTS, AT(db_collections), NULL,
                                  NULL},
    [FIELD_DB_NAMESPACE] = {"db.namespace", FIELD_TYPE_TEXT, AT(db_namespace), NULL, NULL},
    [FIELD_DB_OPERATION_NAME] = {"db.operation.name", FIELD_TYPE_TEXT, AT(db_operation), NULL,
                                 NULL},
    [FIELD_DB_QUERY_HASH] = {"db.query.hash", FIELD_TYPE_HASH, AT(db_query_hash), NULL, NULL},
    [FIELD_DB_QUERY_TEXT] = {"db.query.text", FIELD_TYPE_TEXT, AT(db_query_text), NULL, NULL},
    [FIELD_DB_RESPONSE_AFFECTED_ROWS] = {"db.response.affected_rows", FIELD_TYPE_UNSIGNED,
                                         AT(affected_rows), "rows", NULL},
    [FIELD_DB_RESPONSE_RETURNED_ROWS] = {"db.response.returned_rows", FIELD_TYPE_UNSIGNED,
                                         AT(returned_rows), "rows", NULL},
    [FIELD_DB_RESPONSE_STATUS_CODE] = {"db.response.status_code", FIELD_TYPE_TEXT,
                                       AT(db_status_code), NULL, NULL},
    [FIELD_DB_SYSTEM_NAME] = {"db.system.name", FIELD_TYPE_TEXT, AT(db_system), NULL, NULL},
    [FIELD_HTTP_REQUEST_BODY_BYTES] = {"http.request.body.bytes", FIELD_TYPE_UNSIGNED,
                                       AT(request_body_bytes), "bytes", NULL},
    [FIELD_HTTP_REQUEST_METHOD] = {"http.request.method", FIELD_TYPE_TEXT, AT(http_method), NULL,
                                   NULL},
    [FIELD_HTTP_REQUEST_RECORDS] = {"http.request.records", FIELD_TYPE_UNSIGNED,
                                    AT(request_records), "records", NULL},
    [FIELD_HTTP_RESPONSE_BODY_BYTES] = {"http.response.body.bytes", FIELD_TYPE_UNSIGNED,
                                        AT(response_body_bytes), "bytes", NULL},
    [FIELD_HTTP_RESPONSE_RECORDS] = {"http.response.records", FIELD_TYPE_UNSIGNED,
                                     AT(response_records), "records", NULL},
    [FIELD_HTTP_RESPONSE_STATUS_CODE] = {"http.response.status_code", FIELD_TYPE_UNSIGNED,
                                         AT(http_status), NULL, NULL},
    [FIELD_URL_DOMAIN] = {"url.domain", FIELD_TYPE_TEXT, AT(url_domain), NULL, NULL},
    [FIELD_URL_PATH] = {"url.path", FIELD_TYPE_TEXT, AT(url_path), NULL, NULL},
    [FIELD_URL_TEMPLATE] = {"url.template", FIELD_TYPE_TEXT, AT(url_template), NULL, NULL},
    [FIELD_SUBJECT_COUNT] = {"subject.count", FIELD_TYPE_UNSIGNED, AT(subject_count), "customers",
                             NULL},
    [FIELD_SUBJECT_HONEY] = {"subject.honey", FIELD_TYPE_HASHES, AT(subject_honey), NULL, NULL},
    [FIELD_SUBJECT_IDS] = {"subject.ids", FIELD_TYPE_HASHES, AT(subject_ids), NULL, NULL},
    [FIELD_SUBJECT_KINDS] = {"subject.kinds", FIELD_TYPE_TALLY, AT(subject_kinds), NULL, NULL},
    [FIELD_SUBJECT_NEAR] = {"subject.near", FIELD_TYPE_HASHES, AT(subject_near), NULL, NULL},
    [FIELD_SUBJECT_SKETCH] = {"subject.sketch", FIELD_TYPE_SKETCH, AT(subject_ids), NULL, NULL},
    [FIELD_CAPTURE_ESTIMATED] = {"capture.estimated", FIELD_TYPE_BOOLEAN, AT(estimated), NULL,
                                 NULL},
    [FIELD_CAPTURE_LOST_BYTES] = {"capture.lost_bytes", FIELD_TYPE_UNSIGNED, AT(lost_bytes),
                                  "bytes", NULL},
    [FIELD_CAPTURE_PARTIAL] = {"capture.partial", FIELD_TYPE_BOOLEAN, AT(partial), NULL, NULL},
    [FIELD_MIRROR_BAD_CHECKSUM_SHARE] = {"mirror.bad_checksum_share", FIELD_TYPE_SHARE,
                                         AT(mirror.bad_checksum_share), "share", NULL},
    [FIELD_MIRROR_BYTES] = {"mirror.bytes", FIELD_TYPE_UNSIGNED, AT(mirror.bytes), "bytes", NULL},
    [FIELD_MIRROR_CLOCK_JUMP] = {"mirror.clock_jump", FIELD_TYPE_UNSIGNED, AT(mirror.clock_jump_ns),
                                 "ns", NULL},
    [FIELD_MIRROR_DROPPED] = {"mirror.dropped", FIELD_TYPE_UNSIGNED, AT(mirror.dropped), "packets",
                              NULL},
    [FIELD_MIRROR_DROPPED_SHARE] = {"mirror.dropped_share", FIELD_TYPE_SHARE,
                                    AT(mirror.dropped_share), "share", NULL},
    [FIELD_MIRROR_DUPLICATED_SHARE] = {"mirror.duplicated_share", FIELD_TYPE_SHARE,
                                       AT(mirror.duplicated_share), "share", NULL},
    [FIELD_MIRROR_ENCRYPTED_SHARE] = {"mirror.encrypted_share", FIELD_TYPE_SHARE,
                                      AT(mirror.encrypted_share), "share", NULL},
    [FIELD_MIRROR_LOST_BYTES] = {"mirror.lost_bytes", FIELD_TYPE_UNSIGNED, AT(mirror.lost_bytes),
                                 "bytes", NULL},
    [FIELD_MIRROR_LOST_SHARE] = {"mirror.lost_share", FIELD_TYPE_SHARE, AT(mirror.lost_share),
                                 "share", NULL},
    [FIELD_MIRROR_ONE_SIDED_SHARE] = {"mirror.one_sided_share", FIELD_TYPE_SHARE,
                                      AT(mirror.one_sided_share), "share", NULL},
    [FIELD_MIRROR_PACKETS] = {"mirror.packets", FIELD_TYPE_UNSIGNED, AT(mirror.packets), "packets",
                              NULL},
    [FIELD_MIRROR_REORDERED_SHARE] = {"mirror.reordered_share", FIELD_TYPE_SHARE,
                                      AT(mirror.reordered_share), "share", NULL},
    [FIELD_MIRROR_SILENCE] = {"mirror.silence", FIELD_TYPE_UNSIGNED, AT(mirror.silence_ns), "ns",
                              NULL},
    [FIELD_MIRROR_SILENCE_RATIO] = {"mirror.silence_ratio", FIELD_TYPE_UNSIGNED,
                                    AT(mirror.silence_ratio), "times", NULL},
    [FIELD_MIRROR_TRUNCATED_SHARE] = {"mirror.truncated_share", FIELD_TYPE_SHARE,
                                      AT(mirror.truncated_share), "share", NULL},
    [FIELD_MIRROR_TURNED_ENCRYPTED] = {"mirror.turned_encrypted", FIELD_TYPE_BOOLEAN,
                                       AT(mirror.turned_encrypted), NULL, NULL},
    [FIELD_MIRROR_UNDECODED_SHARE] = {"mirror.undecoded_share", FIELD_TYPE_SHARE,
                                      AT(mirror.undecoded_share), "share", NULL},
};

_Static_assert(FIELDS_COUNT <= 128, "a field_set has a bit for each");

void transaction_mark_ids(struct transaction *t)
{
    transaction_mark(t, FIELD_SUBJECT_IDS);
    if (t->subject_ids.count > SUBJECT_IDS_SHOWN || t->subject_ids.registers)
        transaction_mark(t, FIELD_SUBJECT_SKETCH);
}

const void *transaction_value(const struct transaction *t, enum field f)
{
    return (const char *)t + FIELDS[f].offset;
}

static size_t bytes_len(const struct transaction *t, unsigned f)
{
    if (FIELDS[f].type == FIELD_TYPE_TEXT)
        return ((const struct bytes *)transaction_value(t, (enum field)f))->len;
    if (FIELDS[f].type != FIELD_TYPE_TEXTS)
        return 0;
    const struct texts *texts = transaction_value(t, (enum field)f);
    size_t len = 0;
    for (size_t i = 0; i < texts->count; i++)
        len += texts->items[i].len;
    return len;
}

static bool is_packed(const struct transaction *t, field_set without, unsigned f)
{
    return (t->present & ~without) >> f & 1;
}

/* What a field takes of the arrays, all of whose items are aligned as words. */
static size_t array_size(const struct transaction *t, unsigned f)
{
    const void *value = transaction_value(t, (enum field)f);
    const struct hashes *hashes = value;
    switch (FIELDS[f].type) {
    case FIELD_TYPE_TEXTS:
        return ((const struct texts *)value)->count * sizeof(struct bytes);
    case FIELD_TYPE_HASHES:
        return hashes->count * sizeof(uint64_t) + (hashes->registers ? SKETCH_REGISTERS : 0);
    case FIELD_TYPE_TALLY:
        return SUBJECT_KINDS_COUNT * sizeof(uint64_t);
    default:
        return 0;
    }
}

/* The arrays come behind the struct, then all texts. */
static size_t arrays_size(const struct transaction *t, field_set without)
{
    size_t size = 0;
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        size += is_packed(t, without, f) ? array_size(t, f) : 0;
    return size;
}

size_t transaction_packed_size(const struct transaction *t, field_set without)
{
    size_t size = sizeof(*t) + arrays_size(t, without);
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (is_packed(t, without, f))
            size += bytes_len(t, f);
    }
    return size;
}

/* Where the next array and the next text go. */
struct packing {
    uint8_t *array, *text;
};

static const void *pack_array(const void *from, size_t size, struct packing *p)
{
    void *copy = p->array;
    if (size > 0)
        memcpy(copy, from, size);
    p->array += size;
    return copy;
}

static struct bytes pack_text(struct bytes text, struct packing *p)
{
    struct bytes copy = {p->text, text.len};
    if (text.len > 0)
        memcpy(p->text, text.data, text.len);
    p->text += text.len;
    return copy;
}

static void pack_texts(struct texts *texts, struct packing *p)
{
    struct bytes *items = (struct bytes *)(void *)p->array;
    p->array += texts->count * sizeof(*items);
    for (size_t i = 0; i < texts->count; i++)
        items[i] = pack_text(texts->items[i], p);
    texts->items = items;
}

static void pack_hashes(struct hashes *hashes, struct packing *p)
{
    hashes->items = pack_array(hashes->items, hashes->count * sizeof(*hashes->items), p);
    if (hashes->registers)
        hashes->registers = pack_array(hashes->registers, SKETCH_REGISTERS, p);
}

void transaction_pack(const struct transaction *t, field_set without, void *to)
{
    struct transaction *copy = to;
    uint8_t *arrays = (uint8_t *)(copy + 1);
    struct packing p = {arrays, arrays + arrays_size(t, without)};
    *copy = *t;
    copy->present = t->present & ~without;
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        void *member = (char *)copy + FIELDS[f].offset;
        if (!is_packed(t, without, f))
            continue;
        if (FIELDS[f].type == FIELD_TYPE_TEXT)
            *(struct bytes *)member = pack_text(*(struct bytes *)member, &p);
        else if (FIELDS[f].type == FIELD_TYPE_TEXTS)
            pack_texts(member, &p);
        else if (FIELDS[f].type == FIELD_TYPE_HASHES)
            pack_hashes(member, &p);
        else if (FIELDS[f].type == FIELD_TYPE_TALLY)
            copy->subject_kinds =
                pack_array(t->subject_kinds, SUBJECT_KINDS_COUNT * sizeof(uint64_t), &p);
    }
}

enum field field_find(struct bytes name)
{
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (bytes_are(name, FIELDS[f].name))
            return (enum field)f;
    }
    return FIELDS_COUNT;
}

static void write_hash(struct json *j, uint64_t hash)
{
    char digits[17];
    (void)snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)hash);
    json_text(j, bytes_of(digits));
}

static void write_time(struct json *j, int64_t ns)
{
    char text[CLOCK_TEXT_MAX];
    size_t len = clock_print(ns, text);
    json_text(j, (struct bytes){(const uint8_t *)text, len});
}

static void write_address(struct json *j, const struct address *a)
{
    char text[ADDRESS_TEXT_MAX];
    size_t len = address_print(a, text);
    json_text(j, (struct bytes){(const uint8_t *)text, len});
}

static void write_texts(struct json *j, const struct texts *texts)
{
    json_open(j, '[');
    for (size_t i = 0; i < texts->count; i++)
        json_text(j, texts->items[i]);
    json_close(j, ']');
}

static void write_hashes(struct json *j, const struct hashes *hashes, size_t max)
{
    json_open(j, '[');
    for (size_t i = 0; i < hashes->count && i < max; i++)
        write_hash(j, hashes->items[i]);
    json_close(j, ']');
}

/* All hashes in hexadecimal digits, or a character for each register. */
static void write_sketch(struct json *j, const struct hashes *hashes)
{
    char text[SKETCH_TEXT_MAX];
    size_t len = sketch_print(hashes->items, hashes->count, hashes->registers, text);
    json_text(j, (struct bytes){(const uint8_t *)text, len});
}

static void write_tally(struct json *j, const uint64_t *tally)
{
    json_open(j, '{');
    for (size_t kind = SUBJECT_NONE + 1; kind < SUBJECT_KINDS_COUNT; kind++) {
        if (tally[kind] == 0)
            continue;
        json_name(j, bytes_of(SUBJECT_KIND_NAMES[kind]));
        json_unsigned(j, tally[kind]);
    }
    json_close(j, '}');
}

static void write_place(struct json *j, const struct place *place)
{
    json_open(j, '{');
    json_name(j, bytes_of("lat"));
    json_real(j, place->latitude);
    json_name(j, bytes_of("lon"));
    json_real(j, place->longitude);
    json_close(j, '}');
}

void field_write(struct json *j, const struct transaction *t, enum field f)
{
    const void *value = transaction_value(t, f);
    switch (FIELDS[f].type) {
    case FIELD_TYPE_TIME:
        write_time(j, *(const int64_t *)value);
        break;
    case FIELD_TYPE_SHARE:
        json_real(j, (double)*(const uint64_t *)value / SHARE_ONE);
        break;
    case FIELD_TYPE_UNSIGNED:
        json_unsigned(j, *(const uint64_t *)value);
        break;
    case FIELD_TYPE_HASH:
        write_hash(j, *(const uint64_t *)value);
        break;
    case FIELD_TYPE_BOOLEAN:
        json_boolean(j, *(const bool *)value);
        break;
    case FIELD_TYPE_CHOICE:
        json_text(j, bytes_of(FIELDS[f].choices[*(const unsigned *)value]));
        break;
    case FIELD_TYPE_TEXT:
        json_text(j, *(const struct bytes *)value);
        break;
    case FIELD_TYPE_TEXTS:
        write_texts(j, value);
        break;
    case FIELD_TYPE_HASHES:
        write_hashes(j, value, f == FIELD_SUBJECT_NEAR ? SUBJECT_NEAR_MAX : SUBJECT_IDS_SHOWN);
        break;
    case FIELD_TYPE_SKETCH:
        write_sketch(j, value);
        break;
    case FIELD_TYPE_TALLY:
        write_tally(j, *(const uint64_t *const *)value);
        break;
    case FIELD_TYPE_ADDRESS:
        write_address(j, value);
        break;
    case FIELD_TYPE_PLACE:
        write_place(j, value);
        break;
    }
}

enum { NAME_DEPTH_MAX = 4 };

struct name_parts {
    struct bytes part[NAME_DEPTH_MAX];
    size_t count;
};

static struct name_parts split_name(const char *name)
{
    struct name_parts parts = {.count = 0};
    struct bytes left = bytes_of(name);
    while (left.len > 0 && parts.count < NAME_DEPTH_MAX) {
        size_t dot = bytes_index(left, '.');
        parts.part[parts.count++] = bytes_first(left, dot);
        left = bytes_from(left, dot + 1);
    }
    return parts;
}

/* Closes and opens objects so that the writer stands where the last part of `to` belongs. */
static void move_to(struct json *j, struct name_parts *from, const struct name_parts *to)
{
    size_t same = 0;
    while (same + 1 < from->count && same + 1 < to->count &&
           bytes_equal(from->part[same], to->part[same]))
        same++;
    for (size_t depth = from->count; depth > same + 1; depth--)
        json_close(j, '}');
    for (size_t depth = same; depth + 1 < to->count; depth++) {
        json_name(j, to->part[depth]);
        json_open(j, '{');
    }
    *from = *to;
}

void transaction_write_fields(struct json *j, const struct transaction *t, const enum field *fields,
                              size_t count)
{
    static const struct name_parts top = {.count = 1};
    struct name_parts at = top;
    for (size_t i = 0; i < count; i++) {
        if (!transaction_has(t, fields[i]))
            continue;
        struct name_parts parts = split_name(FIELDS[fields[i]].name);
        move_to(j, &at, &parts);
        json_name(j, parts.part[parts.count - 1]);
        field_write(j, t, fields[i]);
    }
    move_to(j, &at, &top);
}

void transaction_write(struct json *j, const struct transaction *t)
{
    enum field all[FIELDS_COUNT];
    size_t count = 0;
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (f != FIELD_TIMESTAMP && f != FIELD_EVENT_ACTION && f != FIELD_EVENT_DURATION &&
            f != FIELD_EVENT_OUTCOME)
            all[count++] = (enum field)f;
    }
    static const enum field event[] = {FIELD_EVENT_ACTION, FIELD_EVENT_DURATION,
                                       FIELD_EVENT_OUTCOME};
    bool is_mirror = transaction_has(t, FIELD_MIRROR_PACKETS);
    json_open(j, '{');
    json_name(j, bytes_of(FIELDS[FIELD_TIMESTAMP].name));
    field_write(j, t, FIELD_TIMESTAMP);
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    json_name(j, bytes_of("kind"));
    json_text(j, bytes_of(is_mirror ? "metric" : "event"));
    json_name(j, bytes_of("dataset"));
    json_text(j, bytes_of(is_mirror ? "seepwatch.mirror" : "seepwatch.transaction"));
    for (size_t i = 0; i < sizeof(event) / sizeof(event[0]); i++) {
        if (!transaction_has(t, event[i]))
            continue;
        json_name(j, bytes_from(bytes_of(FIELDS[event[i]].name), strlen("event.")));
        field_write(j, t, event[i]);
    }
    if (t->is_apart) {
        json_name(j, bytes_from(bytes_of(TRANSACTION_APART), strlen("event.")));
        json_boolean(j, true);
    }
    json_close(j, '}');
    transaction_write_fields(j, t, all, count);
    json_close(j, '}');
    json_line(j);
}
