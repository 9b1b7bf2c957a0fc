/*
 * Notices as messages of syslog, RFC 5424: a header, structured data with the rule and the key, the
 * sentence.  The severities of rules become those of syslog: critical 2 (critical), high 3 (error),
 * medium 4 (warning), low 5 (notice), info 6 (informational).
 *
 * The sentence has no byte order mark in front: it is UTF-8, which the RFC would have marked, and
 * receivers show the mark as a stray character.
 */
#ifndef SEEPWATCH_SYSLOG_H
#define SEEPWATCH_SYSLOG_H

#include "notice.h"

enum {
    SYSLOG_MESSAGE_MAX = 2048, /* bytes: what a receiver should take by UDP (section 6.1) */
    SYSLOG_HOST_MAX = 255,
    SYSLOG_FACILITY_DEFAULT = 10, /* authpriv */
};

/* Who speaks. */
struct syslog_sender {
    unsigned facility;              /* 0 to 23 */
    char host[SYSLOG_HOST_MAX + 1]; /* without blanks; "-": not known */
    long process;
};

/* syslog_sender_init fills in this host and this process. */
void syslog_sender_init(struct syslog_sender *s, unsigned facility);

/* The facilities that can be chosen, by name; NULL ends them. */
struct syslog_facility {
    const char *name;
    unsigned number;
};
extern const struct syslog_facility SYSLOG_FACILITIES[];

/* syslog_severity gives 0 to 7; journald's PRIORITY is the same. */
unsigned syslog_severity(enum severity s);

/* syslog_write writes the message, cut where it does not fit; returns its length. */
size_t syslog_write(const struct syslog_sender *s, const struct notice *n,
                    char message[SYSLOG_MESSAGE_MAX]);

#endif
