/*
 * Notices as entries of systemd's journal, in its native protocol: one datagram of fields to
 * /run/systemd/journal/socket.  https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 *
 * Not through libsystemd: its functions keep a socket of their own that cannot be opened before a
 * run is confined, wait where the journal does, and need system calls (sealed files, passed
 * descriptors) only for entries that are longer than ours can be.  The protocol is a name, a length
 * and a value.
 */
#ifndef SEEPWATCH_JOURNAL_H
#define SEEPWATCH_JOURNAL_H

#include "notice.h"

#define JOURNAL_PATH "/run/systemd/journal/socket"

enum { JOURNAL_ENTRY_MAX = 4096 };

/* journal_write writes the entry; returns its length.  Fields: MESSAGE, PRIORITY (as in syslog),
 * SYSLOG_IDENTIFIER, SEEPWATCH_TIME, SEEPWATCH_KIND, SEEPWATCH_RULE_ID, SEEPWATCH_RULE_NAME,
 * SEEPWATCH_SEVERITY, and of an alert SEEPWATCH_TECHNIQUE and the key: user.name is
 * SEEPWATCH_USER_NAME. */
size_t journal_write(const struct notice *n, char entry[JOURNAL_ENTRY_MAX]);

#endif
