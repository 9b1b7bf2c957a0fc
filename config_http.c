#include "config_http.h"

#include "rules/problems.h"
#include "rules/yaml.h"

static const char *const format_names[RECORDS_FORMATS_COUNT] = {
    [RECORDS_JSON] = "json", [RECORDS_LINES] = "ndjson", [RECORDS_CSV] = "csv",
    [RECORDS_HTML] = "html", [RECORDS_XML] = "xml",
};

static bool read_text(struct http_text *t, const struct yaml_node *n, struct problems *problems)
{
    if (n->kind == YAML_SCALAR && http_text_set(t, n->text))
        return true;
    problems_add(problems, n->at, "not a text of 1 to %d bytes", HTTP_TEXT_MAX);
    return false;
}

static bool read_path(struct http_text *t, const struct yaml_node *n, struct problems *problems)
{
    if (n->kind == YAML_SCALAR && bytes_start(n->text, "/") && http_text_set(t, n->text))
        return true;
    problems_add(problems, n->at,
                 "not a path of at most %d bytes: write /login, /customers/{id} or /api/*",
                 HTTP_TEXT_MAX);
    return false;
}

/* A list of texts; each is read by `read`. */
static void read_texts(struct http_text *texts, size_t *count, size_t max, const char *name,
                       const struct yaml_node *n, struct problems *problems,
                       bool (*read)(struct http_text *t, const struct yaml_node *n,
                                    struct problems *problems))
{
    if (!n || !yaml_expect(n, YAML_SEQUENCE, name, problems))
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        if (*count == max)
            problems_add(problems, value->at, "more than %zu %s", max, name);
        else if (read(&texts[*count], value, problems))
            (*count)++;
    }
}

static void read_login(struct http_settings *s, const struct yaml_node *n,
                       struct problems *problems)
{
    static const char *const keys[] = {"path", "user", "password", "failure", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "a login", problems) ||
        !yaml_check_keys(n, keys, "a login", problems))
        return;
    const struct yaml_node *path = yaml_get(n, "path"), *user = yaml_get(n, "user"),
                           *password = yaml_get(n, "password"), *failure = yaml_get(n, "failure");
    struct http_login login = {.path = {.len = 0}};
    if (!path)
        problems_add(problems, n->at, "a login needs a path");
    else if (!user != !password)
        problems_add(problems, n->at, "a login names both user and password, or neither");
    else if (s->logins_count == HTTP_LOGINS_MAX)
        problems_add(problems, n->at, "more than %d logins", HTTP_LOGINS_MAX);
    else if (read_path(&login.path, path, problems) &&
             (!user || read_text(&login.user, user, problems)) &&
             (!password || read_text(&login.password, password, problems)) &&
             (!failure || read_text(&login.failure, failure, problems)))
        s->logins[s->logins_count++] = login;
}

static void read_list(struct http_settings *s, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"path", "at", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "a list", problems) ||
        !yaml_check_keys(n, keys, "a list", problems))
        return;
    const struct yaml_node *path = yaml_get(n, "path"), *at = yaml_get(n, "at");
    struct http_list list = {.path = {.len = 0}};
    if (!path || !at)
        problems_add(problems, n->at, "a list needs path and at");
    else if (s->lists_count == HTTP_LISTS_MAX)
        problems_add(problems, n->at, "more than %d lists", HTTP_LISTS_MAX);
    else if (read_path(&list.path, path, problems) && read_text(&list.at, at, problems))
        s->lists[s->lists_count++] = list;
}

static void read_formats(struct http_settings *s, const struct yaml_node *n,
                         struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "records", problems))
        return;
    s->formats_off = ~0U;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        unsigned f = RECORDS_JSON;
        while (f < RECORDS_FORMATS_COUNT && !bytes_are(value->text, format_names[f]))
            f++;
        if (value->kind != YAML_SCALAR || f == RECORDS_FORMATS_COUNT)
            problems_add(problems, value->at, "not json, ndjson, csv, html or xml");
        else
            s->formats_off &= ~(1U << f);
    }
}

static void read_csv_header(struct http_settings *s, const struct yaml_node *n,
                            struct problems *problems)
{
    if (bytes_are(n->text, "true"))
        s->csv_header = CSV_HEADER_ALWAYS;
    else if (bytes_are(n->text, "false"))
        s->csv_header = CSV_HEADER_NEVER;
    else
        problems_add(problems, n->at, "csv_header is true or false");
}

/* A list of mappings. */
static void read_each(struct http_settings *s, const char *name, const struct yaml_node *n,
                      struct problems *problems,
                      void (*read)(struct http_settings *s, const struct yaml_node *n,
                                   struct problems *problems))
{
    if (!n || !yaml_expect(n, YAML_SEQUENCE, name, problems))
        return;
    for (size_t i = 0; i < n->count; i++)
        read(s, n->items[i].value, problems);
}

void config_read_http(struct http_settings *s, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {
        "account_header", "csv_header", "jwt_claims",      "lists",     "logins",
        "logouts",        "records",    "session_cookies", "templates", NULL};
    const struct yaml_node *value;
    if (!yaml_expect(n, YAML_MAPPING, "http", problems))
        return;
    (void)yaml_check_keys(n, keys, "http", problems);
    if ((value = yaml_get(n, "account_header")))
        (void)read_text(&s->header, value, problems);
    if ((value = yaml_get(n, "csv_header")))
        read_csv_header(s, value, problems);
    if ((value = yaml_get(n, "records")))
        read_formats(s, value, problems);
    read_texts(s->claims, &s->claims_count, JWT_CLAIMS_MAX, "jwt_claims", yaml_get(n, "jwt_claims"),
               problems, read_text);
    read_texts(s->cookies, &s->cookies_count, HTTP_COOKIES_MAX, "session_cookies",
               yaml_get(n, "session_cookies"), problems, read_text);
    read_texts(s->logouts, &s->logouts_count, HTTP_LOGOUTS_MAX, "logouts", yaml_get(n, "logouts"),
               problems, read_path);
    read_texts(s->templates, &s->templates_count, HTTP_TEMPLATES_MAX, "templates",
               yaml_get(n, "templates"), problems, read_path);
    read_each(s, "logins", yaml_get(n, "logins"), problems, read_login);
    read_each(s, "lists", yaml_get(n, "lists"), problems, read_list);
}
