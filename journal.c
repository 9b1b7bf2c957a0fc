#include "journal.h"

#include "core/clock.h"
#include "syslog.h"

#include <ctype.h>
#include <stdio.h>

enum { NAME_MAX_LEN = 64 };

struct entry {
    char *at;
    size_t len;
};

/* A field with its length, so that its value may hold anything; one that does not fit is left
 * out. */
static void add(struct entry *e, const char *name, struct bytes value)
{
    size_t name_len = strlen(name);
    uint8_t len[8];
    for (size_t i = 0; i < sizeof(len); i++)
        len[i] = (uint8_t)((uint64_t)value.len >> 8 * i);
    if (e->len + name_len + value.len + sizeof(len) + 2 > JOURNAL_ENTRY_MAX)
        return;
    memcpy(e->at + e->len, name, name_len);
    e->len += name_len;
    e->at[e->len++] = '\n';
    memcpy(e->at + e->len, len, sizeof(len));
    e->len += sizeof(len);
    if (value.len > 0)
        memcpy(e->at + e->len, value.data, value.len);
    e->len += value.len;
    e->at[e->len++] = '\n';
}

/* "user.name" as SEEPWATCH_USER_NAME. */
static void name_of(enum field f, char name[NAME_MAX_LEN])
{
    (void)snprintf(name, NAME_MAX_LEN, "SEEPWATCH_%s", FIELDS[f].name);
    for (char *c = name; *c; c++)
        *c = (char)(isalnum((unsigned char)*c) ? toupper((unsigned char)*c) : '_');
}

size_t journal_write(const struct notice *n, char entry[JOURNAL_ENTRY_MAX])
{
    struct entry e = {entry, 0};
    char time[CLOCK_TEXT_MAX], name[NAME_MAX_LEN], buffer[NOTICE_VALUE_MAX];
    const uint8_t priority = (uint8_t)('0' + syslog_severity(n->severity));
    enum field f;
    struct bytes value;
    (void)clock_print(n->time_ns, time);
    add(&e, "MESSAGE", n->message);
    add(&e, "PRIORITY", (struct bytes){&priority, 1});
    add(&e, "SYSLOG_IDENTIFIER", bytes_of("seepwatch"));
    add(&e, "SEEPWATCH_TIME", bytes_of(time));
    add(&e, "SEEPWATCH_KIND", bytes_of(NOTICE_NAMES[n->kind]));
    add(&e, "SEEPWATCH_RULE_ID", bytes_of(n->rule_id));
    add(&e, "SEEPWATCH_RULE_NAME", bytes_of(n->rule_name));
    add(&e, "SEEPWATCH_SEVERITY", bytes_of(SEVERITY_NAMES[n->severity]));
    if (n->alert && n->alert->rule->technique)
        add(&e, "SEEPWATCH_TECHNIQUE", bytes_of(n->alert->rule->technique));
    for (size_t i = 0; notice_key(n, i, &f, &value, buffer); i++) {
        name_of(f, name);
        add(&e, name, value);
    }
    return e.len;
}
