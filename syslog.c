#include "syslog.h"

#include "core/clock.h"
#include "rules/text.h"

#include <unistd.h>

/* 32473 is IANA's number for examples (RFC 5612): the project has none of its own. */
#define DATA_NAME "seepwatch@32473"

enum {
    DATA_VALUE_MAX = 256, /* bytes of one value, of names too */
    MICROSECONDS_LEN = 26 /* of a time: the header has no finer ones */
};

const struct syslog_facility SYSLOG_FACILITIES[] = {
    {"user", 1},    {"daemon", 3},  {"auth", 4},    {"authpriv", SYSLOG_FACILITY_DEFAULT},
    {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19},
    {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23},
    {NULL, 0}};

unsigned syslog_severity(enum severity s)
{
    static const unsigned severities[] = {[SEVERITY_INFO] = 6,
                                          [SEVERITY_LOW] = 5,
                                          [SEVERITY_MEDIUM] = 4,
                                          [SEVERITY_HIGH] = 3,
                                          [SEVERITY_CRITICAL] = 2};
    return severities[s];
}

void syslog_sender_init(struct syslog_sender *s, unsigned facility)
{
    *s = (struct syslog_sender){.facility = facility, .process = (long)getpid()};
    if (gethostname(s->host, sizeof(s->host) - 1) != 0)
        s->host[0] = '\0';
    for (char *c = s->host; *c; c++) {
        if (*c <= ' ' || *c > '~')
            *c = '?';
    }
    if (s->host[0] == '\0')
        s->host[0] = '-';
}

/* A value: quotes, backslashes and closing brackets are escaped (section 6.3.3). */
static void add_parameter(struct text *t, const char *name, struct bytes value)
{
    text_add(t, " %s=\"", name);
    value = text_cut(value, DATA_VALUE_MAX);
    while (value.len > 0) {
        size_t len = 0;
        while (len < value.len && !memchr("\"\\]", value.data[len], 3))
            len++;
        text_add_bytes(t, bytes_first(value, len));
        if (len < value.len)
            text_add(t, "\\%c", value.data[len]);
        value = bytes_from(value, len + 1);
    }
    text_add(t, "\"");
}

size_t syslog_write(const struct syslog_sender *s, const struct notice *n,
                    char message[SYSLOG_MESSAGE_MAX])
{
    struct text t = text_over(message, SYSLOG_MESSAGE_MAX);
    char time[CLOCK_TEXT_MAX], buffer[NOTICE_VALUE_MAX];
    enum field f;
    struct bytes value;
    (void)clock_print(n->time_ns, time);
    text_add(&t, "<%u>1 %.*sZ %s seepwatch %ld %s [" DATA_NAME,
             s->facility * 8 + syslog_severity(n->severity), MICROSECONDS_LEN, time, s->host,
             s->process, NOTICE_NAMES[n->kind]);
    add_parameter(&t, "rule.id", bytes_of(n->rule_id));
    add_parameter(&t, "rule.name", bytes_of(n->rule_name));
    add_parameter(&t, "rule.severity", bytes_of(SEVERITY_NAMES[n->severity]));
    for (size_t i = 0; notice_key(n, i, &f, &value, buffer); i++)
        add_parameter(&t, FIELDS[f].name, value);
    text_add(&t, "] ");
    text_add_bytes(&t, n->message);
    return t.len;
}
