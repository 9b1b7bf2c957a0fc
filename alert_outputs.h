/*
 * All that alerts go to, at once: files, standard output, syslog, the journal.  Each has a lowest
 * severity and a rate limit of its own; what an output does not tell by itself it counts and tells
 * later (fold.h).  A line of the digest has the severity info.
 */
#ifndef SEEPWATCH_ALERT_OUTPUTS_H
#define SEEPWATCH_ALERT_OUTPUTS_H

#include "config_alerts.h"
#include "digest.h"
#include "health.h"
#include "output.h"

enum { ALERT_OUTPUTS_ALL_MAX = ALERT_OUTPUTS_MAX + 2 /* of the command line */ };

struct alert_outputs;

/* What a person is told of an output, as a sentence without an end. */
struct alert_outputs_notes {
    void *context;
    void (*note)(void *context, const char *text);
};

struct alert_output_counters {
    char name[PEER_NAME_MAX + 16]; /* "file alerts.jsonl", "syslog udp 10.0.0.9:514", "journal" */
    uint64_t sent;                 /* alerts; a peer may have some of them in its queue */
    uint64_t folded;
    uint64_t lost;    /* of a peer: messages taken and not sent; lines of the digest and of the
                         program's health not taken */
    uint64_t returns; /* of a peer: connected again */
};

/* alert_outputs_open returns NULL without memory. */
struct alert_outputs *alert_outputs_open(const struct alert_outputs_notes *notes);
void alert_outputs_close(struct alert_outputs *o);

/* alert_outputs_add opens one more; the path stays the caller's.  A file is begun anew unless
 * is_appending.  A peer that is not there is no error: it is waited for. */
bool alert_outputs_add(struct alert_outputs *o, const struct alert_setting *s, bool is_appending,
                       struct error *error);

void alert_outputs_alert(struct alert_outputs *o, const struct alert *a);
void alert_outputs_digest(struct alert_outputs *o, const struct digest_rule *r);
void alert_outputs_health(struct alert_outputs *o, const struct health *h);

/* alert_outputs_tick tells what limits let go of by the packets' time now_ns, and looks after the
 * peers by clock_ns, of a clock that is never set. */
void alert_outputs_tick(struct alert_outputs *o, int64_t now_ns, int64_t clock_ns);

/* alert_outputs_end tells what was folded, gives peers two seconds for what waits, and closes them
 * all; false where a line could not be written. */
bool alert_outputs_end(struct alert_outputs *o, struct error *error);

/* alert_outputs_files and alert_outputs_peers give what is open, for those who confine the run and
 * open files again; return how many. */
size_t alert_outputs_files(struct alert_outputs *o, struct output *files[ALERT_OUTPUTS_ALL_MAX]);
size_t alert_outputs_peers(const struct alert_outputs *o,
                           const struct peer_address *peers[ALERT_OUTPUTS_ALL_MAX]);

/* alert_outputs_counters gives what the i-th did; false where there are not so many. */
bool alert_outputs_counters(const struct alert_outputs *o, size_t i,
                            struct alert_output_counters *c);

#endif
