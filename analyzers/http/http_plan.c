#include "analyzers/http/http_plan.h"

#include "analyzers/http/http_subjects.h"
#include "analyzers/http/http_visit.h"
#include "analyzers/settings.h"
#include "analyzers/subject.h"

static const struct {
    const char *name;
    enum http_type type;
} types[] = {
    {"application/json", HTTP_TYPE_JSON},
    {"text/json", HTTP_TYPE_JSON},
    {"application/graphql", HTTP_TYPE_JSON},
    {"application/x-ndjson", HTTP_TYPE_LINES},
    {"application/ndjson", HTTP_TYPE_LINES},
    {"application/jsonl", HTTP_TYPE_LINES},
    {"application/x-jsonlines", HTTP_TYPE_LINES},
    {"application/json-seq", HTTP_TYPE_LINES},
    {"application/stream+json", HTTP_TYPE_LINES},
    {"text/csv", HTTP_TYPE_CSV},
    {"application/csv", HTTP_TYPE_CSV},
    {"text/tab-separated-values", HTTP_TYPE_CSV},
    {"text/html", HTTP_TYPE_HTML},
    {"application/xhtml+xml", HTTP_TYPE_HTML},
    {"text/xml", HTTP_TYPE_XML},
    {"application/xml", HTTP_TYPE_XML},
    {"application/x-www-form-urlencoded", HTTP_TYPE_FORM},
    {"multipart/form-data", HTTP_TYPE_MULTIPART},
    {"text/plain", HTTP_TYPE_TEXT},
    {"image/svg+xml", HTTP_TYPE_OTHER},
};

static const struct {
    const char *name;
    enum codec codec;
} codings[] = {
    {"gzip", CODEC_GZIP}, {"x-gzip", CODEC_GZIP}, {"deflate", CODEC_DEFLATE},
    {"br", CODEC_BROTLI}, {"zstd", CODEC_ZSTD},   {"identity", CODEC_STORED},
};

static const enum records_format formats[HTTP_TYPES_COUNT] = {
    [HTTP_TYPE_JSON] = RECORDS_JSON, [HTTP_TYPE_LINES] = RECORDS_LINES,
    [HTTP_TYPE_CSV] = RECORDS_CSV,   [HTTP_TYPE_HTML] = RECORDS_HTML,
    [HTTP_TYPE_XML] = RECORDS_XML,
};

static const enum fields_format fields[HTTP_TYPES_COUNT] = {
    [HTTP_TYPE_JSON] = FIELDS_JSON,
    [HTTP_TYPE_FORM] = FIELDS_FORM,
    [HTTP_TYPE_MULTIPART] = FIELDS_MULTIPART,
};

static const struct {
    enum subjects_format asked, told;
} subjects[HTTP_TYPES_COUNT] = {
    [HTTP_TYPE_JSON] = {SUBJECTS_JSON, SUBJECTS_JSON},
    [HTTP_TYPE_LINES] = {SUBJECTS_LINES, SUBJECTS_LINES},
    [HTTP_TYPE_CSV] = {SUBJECTS_CSV, SUBJECTS_CSV},
    [HTTP_TYPE_HTML] = {SUBJECTS_NOT_READ, SUBJECTS_HTML},
    [HTTP_TYPE_XML] = {SUBJECTS_XML, SUBJECTS_XML},
    [HTTP_TYPE_FORM] = {SUBJECTS_FIELDS, SUBJECTS_NOT_READ},
    [HTTP_TYPE_MULTIPART] = {SUBJECTS_FIELDS, SUBJECTS_NOT_READ},
    [HTTP_TYPE_TEXT] = {SUBJECTS_TEXT, SUBJECTS_TEXT},
};

static bool ends_nocase(struct bytes text, const char *end)
{
    size_t len = strlen(end);
    return text.len > len && bytes_are_nocase(bytes_from(text, text.len - len), end);
}

enum http_type http_type_of(struct bytes value)
{
    struct bytes type = bytes_trim(bytes_first(value, bytes_index(value, ';')));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (bytes_are_nocase(type, types[i].name))
            return types[i].type;
    }
    if (ends_nocase(type, "+json"))
        return HTTP_TYPE_JSON;
    return ends_nocase(type, "+xml") ? HTTP_TYPE_XML : HTTP_TYPE_OTHER;
}

bool http_codec_of(struct bytes value, enum codec *codec)
{
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        if (!bytes_are_nocase(bytes_trim(value), codings[i].name))
            continue;
        *codec = codings[i].codec;
        return true;
    }
    return false;
}

static bool is_graphql(struct bytes path)
{
    return bytes_find(path, bytes_of("graphql")) < path.len ||
           bytes_find(path, bytes_of("gql")) < path.len;
}

static void plan_request(struct http_body_plan *plan, enum http_type type,
                         const struct http_login *login, struct bytes path)
{
    plan->fields = fields[type];
    plan->is_graphql = type == HTTP_TYPE_JSON && is_graphql(path);
    plan->is_call = type == HTTP_TYPE_XML;
    if (login)
        plan->names = (struct facts_names){http_text(&login->user), http_text(&login->password)};
}

static void plan_answer(struct exchange *x, struct http_body_plan *plan, enum http_type type,
                        const struct http_login *login, struct request *r)
{
    const struct http_settings *s = &x->settings->http;
    const struct http_list *list = http_list_find(s, r->tx.url_path);
    struct http_visit *v = r->visit;
    bool is_login = v && v->asked.has_password;
    bool is_good = r->tx.http_status >= 200 && r->tx.http_status < 300;
    if (is_good && !(s->formats_off >> formats[type] & 1))
        plan->records = formats[type];
    plan->csv_header = (enum csv_header)s->csv_header;
    if (list)
        plan->list_at = http_text(&list->at);
    if (is_login && type == HTTP_TYPE_JSON)
        plan->fields = FIELDS_JSON;
    if (is_login && login)
        plan->failure = http_text(&login->failure);
    if (v)
        v->is_html = type == HTTP_TYPE_HTML;
}

/* Answers that are errors repeat at most what was asked. */
static void plan_subjects(struct exchange *x, enum side side, struct request *r,
                          enum http_type type, struct http_body_plan *plan)
{
    bool is_asked = side == SIDE_CLIENT;
    bool is_good = is_asked || (r->tx.http_status >= 200 && r->tx.http_status < 300);
    if (!is_good || !subject_is_on(x, side))
        return;
    plan->subjects.format = is_asked ? subjects[type].asked : subjects[type].told;
    plan->subjects.world = plan->subjects.format != SUBJECTS_NOT_READ ? x->subjects : NULL;
    plan->subjects.is_asked = is_asked;
    plan->subjects.root = http_path_kind(x, r->tx.url_path);
    plan->subjects.is_recognised = is_asked || world_may_scan(x->subjects, x->now_ns);
}

struct http_body_plan http_plan(struct exchange *x, enum side side, struct request *r,
                                enum http_type type, enum codec codec)
{
    struct http_body_plan plan = {.codec = codec};
    if (!r)
        return plan;
    const struct http_login *login = http_login_find(&x->settings->http, r->tx.url_path);
    if (side == SIDE_CLIENT)
        plan_request(&plan, type, login, r->tx.url_path);
    else
        plan_answer(x, &plan, type, login, r);
    plan_subjects(x, side, r, type, &plan);
    return plan;
}
