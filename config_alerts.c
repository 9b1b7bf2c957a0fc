#include "config_alerts.h"

#include "core/clock.h"
#include "journal.h"
#include "rules/problems.h"
#include "rules/yaml.h"
#include "syslog.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define SYSLOG_PATH "/dev/log"

enum { FACILITIES_MAX = 24 };

/* One output that is being read. */
struct reading {
    struct alert_setting *setting;
    char *path; /* the setting's; the reader's caller owns it */
    const char *config_path;
    struct problems *problems;
};

/* A kind of output, and its keys. */
struct kind {
    const char *name, *what;
    const char *const *keys;
    bool (*read)(struct reading *r, const struct yaml_node *n);
};

/* A word out of a list (NULL ends it); *index is its place. */
static bool read_word(unsigned *index, const char *what, const char *const *words,
                      const struct yaml_node *n, struct problems *problems)
{
    struct nearest nearest;
    nearest_to(&nearest, n->text);
    for (unsigned i = 0; words[i] && n->kind == YAML_SCALAR; i++) {
        if (bytes_are(n->text, words[i])) {
            *index = i;
            return true;
        }
        nearest_try(&nearest, bytes_of(words[i]));
    }
    if (yaml_expect(n, YAML_SCALAR, what, problems))
        problems_add(problems, n->at, "unknown %s '%.*s'%s", what, (int)n->text.len,
                     (const char *)n->text.data, nearest_hint(&nearest));
    return false;
}

static bool read_severity(struct alert_setting *s, const struct yaml_node *n,
                          struct problems *problems)
{
    unsigned index;
    if (!n)
        return true;
    if (!read_word(&index, "severity", SEVERITY_NAMES, n, problems))
        return false;
    s->severity = (enum severity)index;
    return true;
}

/* "60/1m" */
static bool read_rate(struct fold_limit *limit, const struct yaml_node *n,
                      struct problems *problems)
{
    if (!n)
        return true;
    size_t slash = n->kind == YAML_SCALAR ? bytes_index(n->text, '/') : 0;
    if (n->kind == YAML_SCALAR && bytes_number(bytes_first(n->text, slash), &limit->alerts) &&
        limit->alerts > 0 &&
        clock_duration_parse(&limit->within_ns, bytes_from(n->text, slash + 1)) &&
        limit->within_ns > 0)
        return true;
    problems_add(problems, n->at, "not a rate: write the alerts and the time, such as 60/1m");
    return false;
}

static bool read_form(struct alert_setting *s, const struct yaml_node *n, struct problems *problems)
{
    static const char *const words[] = {[ALERT_AS_JSON] = "json", [ALERT_AS_LINES] = "lines", NULL};
    unsigned index;
    if (!n)
        return true;
    if (!read_word(&index, "format", words, n, problems))
        return false;
    s->form = (enum alert_form)index;
    return true;
}

static bool read_path(struct reading *r, const struct yaml_node *n)
{
    const char *slash = strrchr(r->config_path, '/');
    int folder_len = slash ? (int)(slash - r->config_path + 1) : 0;
    char name[PATH_MAX];
    if (n->kind != YAML_SCALAR || n->text.len == 0) {
        problems_add(r->problems, n->at, "not a file name");
        return false;
    }
    bool is_absolute = n->text.data[0] == '/';
    int len = snprintf(name, sizeof(name), "%.*s%.*s", is_absolute ? 0 : folder_len, r->config_path,
                       (int)n->text.len, (const char *)n->text.data);
    if (len < 0 || (size_t)len >= sizeof(name)) {
        problems_add(r->problems, n->at, "this name is too long");
        return false;
    }
    r->setting->path = r->path = strdup(name);
    if (!r->path)
        problems_add(r->problems, n->at, "no memory");
    return r->path != NULL;
}

static bool read_file(struct reading *r, const struct yaml_node *n)
{
    const struct yaml_node *path = yaml_get(n, "path");
    r->setting->to = ALERT_TO_FILE;
    if (!path)
        problems_add(r->problems, n->at, "an output to a file needs a path");
    return path && read_path(r, path) && read_form(r->setting, yaml_get(n, "format"), r->problems);
}

static bool read_stdout(struct reading *r, const struct yaml_node *n)
{
    r->setting->to = ALERT_TO_FILE;
    r->setting->form = ALERT_AS_LINES;
    r->setting->path = "-";
    return read_form(r->setting, yaml_get(n, "format"), r->problems);
}

static bool read_facility(struct alert_setting *s, const struct yaml_node *n,
                          struct problems *problems)
{
    const char *words[FACILITIES_MAX] = {NULL};
    unsigned index;
    if (!n)
        return true;
    for (size_t i = 0; SYSLOG_FACILITIES[i].name; i++)
        words[i] = SYSLOG_FACILITIES[i].name;
    if (!read_word(&index, "facility", words, n, problems))
        return false;
    s->facility = SYSLOG_FACILITIES[index].number;
    return true;
}

static bool read_address(struct alert_setting *s, const struct yaml_node *address,
                         const struct yaml_node *transport, struct problems *problems)
{
    static const enum peer_kind kinds[] = {PEER_UDP, PEER_TCP};
    static const char *const words[] = {"udp", "tcp", NULL};
    unsigned index = 0;
    bool is_path = !address || bytes_start(address->text, "/");
    if (transport && !read_word(&index, "transport", words, transport, problems))
        return false;
    if (transport && is_path) {
        problems_add(problems, transport->at,
                     "a transport goes with an address such as 10.0.0.9:514");
        return false;
    }
    if (address && address->kind == YAML_SCALAR &&
        (is_path ? peer_address_of_path(&s->address, address->text)
                 : peer_address_parse(&s->address, address->text, kinds[index])))
        return true;
    if (!address)
        return peer_address_of_path(&s->address, bytes_of(SYSLOG_PATH));
    problems_add(problems, address->at,
                 "not an address: write 10.0.0.9:514, [fd00::9]:514, or a socket such as %s; "
                 "names are not looked up",
                 SYSLOG_PATH);
    return false;
}

static bool read_syslog(struct reading *r, const struct yaml_node *n)
{
    r->setting->to = ALERT_TO_SYSLOG;
    r->setting->facility = SYSLOG_FACILITY_DEFAULT;
    bool is_good =
        read_address(r->setting, yaml_get(n, "address"), yaml_get(n, "transport"), r->problems);
    return read_facility(r->setting, yaml_get(n, "facility"), r->problems) && is_good;
}

static bool read_journal(struct reading *r, const struct yaml_node *n)
{
    r->setting->to = ALERT_TO_JOURNAL;
    return n && peer_address_of_path(&r->setting->address, bytes_of(JOURNAL_PATH));
}

static const char *const file_keys[] = {"to", "path", "format", "severity", "rate", NULL};
static const char *const stdout_keys[] = {"to", "format", "severity", "rate", NULL};
static const char *const syslog_keys[] = {"to",       "address", "transport", "facility",
                                          "severity", "rate",    NULL};
static const char *const journal_keys[] = {"to", "severity", "rate", NULL};
static const struct kind kinds[] = {
    {"file", "an output to a file", file_keys, read_file},
    {"stdout", "an output to stdout", stdout_keys, read_stdout},
    {"syslog", "an output to syslog", syslog_keys, read_syslog},
    {"journal", "an output to the journal", journal_keys, read_journal},
};

static const struct kind *read_kind(const struct yaml_node *n, struct problems *problems)
{
    static const char *const words[] = {"file", "stdout", "syslog", "journal", NULL};
    const struct yaml_node *to = yaml_get(n, "to");
    unsigned index;
    if (!to) {
        problems_add(problems, n->at, "an output needs 'to': file, stdout, syslog or journal");
        return NULL;
    }
    return read_word(&index, "output", words, to, problems) ? &kinds[index] : NULL;
}

static void read_output(struct alert_settings *all, const char *config_path,
                        const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_MAPPING, "an output", problems))
        return;
    if (all->count == ALERT_OUTPUTS_MAX) {
        problems_add(problems, n->at, "more than %d outputs", ALERT_OUTPUTS_MAX);
        return;
    }
    const struct kind *kind = read_kind(n, problems);
    struct alert_setting s = {.path = NULL};
    struct reading r = {.setting = &s, .config_path = config_path, .problems = problems};
    if (!kind || !yaml_check_keys(n, kind->keys, kind->what, problems))
        return;
    bool is_good = kind->read(&r, n);
    is_good = read_severity(&s, yaml_get(n, "severity"), problems) && is_good;
    is_good = read_rate(&s.limit, yaml_get(n, "rate"), problems) && is_good;
    if (!is_good) {
        free(r.path);
        return;
    }
    all->paths[all->count] = r.path;
    all->items[all->count++] = s;
}

struct alert_settings *config_read_alerts(const char *config_path, const struct yaml_node *n,
                                          struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "alerts", problems))
        return NULL;
    struct alert_settings *s = calloc(1, sizeof(*s));
    if (!s)
        problems_add(problems, n->at, "no memory");
    for (size_t i = 0; s && i < n->count; i++)
        read_output(s, config_path, n->items[i].value, problems);
    return s;
}

void alert_settings_close(struct alert_settings *s)
{
    for (size_t i = 0; s && i < s->count; i++)
        free(s->paths[i]);
    free(s);
}
