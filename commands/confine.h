/*
 * What a run gives up before it looks at the first byte from strangers: root, capabilities, all
 * files but those that it opens again, and all system calls but those that it needs.  Then a
 * mistake in a parser is worth little to whoever finds it.
 */
#ifndef SEEPWATCH_COMMANDS_CONFINE_H
#define SEEPWATCH_COMMANDS_CONFINE_H

#include "core/error.h"
#include "output.h"
#include "peer.h"

#include <sys/types.h>

#if defined(__has_feature)
#define CONFINE_HAS_FEATURE(name) __has_feature(name)
#else
#define CONFINE_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || CONFINE_HAS_FEATURE(address_sanitizer)
#define CONFINE_SANITIZED 1
#else
#define CONFINE_SANITIZED 0
#endif

/* AddressSanitizer looks for leaks at the end with a process, ptrace and /proc: its builds stay
 * open to these, and have no filter of system calls. */
enum { CONFINE_IS_SANITIZED = CONFINE_SANITIZED };

/* Whom a run becomes. */
struct confine_user {
    const char *name; /* NULL: it stays who it is */
    uid_t uid;
    gid_t gid;
};

/*
 * confine_find_user tells whom a run that was started as root becomes: the user of that name, or
 * without one (NULL) `seepwatch` where there is such a user, else `nobody`.  False where there is
 * none, or where a name is given and we are not root.
 */
bool confine_find_user(struct confine_user *user, const char *name, struct error *error);

/* What a run goes on to need. */
struct confine_needs {
    struct confine_user user;
    const struct output *const *logs; /* open; they are opened again after a rotation */
    size_t logs_count;
    const struct peer_address *const *peers; /* that alerts go to */
    size_t peers_count;
    const char *const *rules; /* files and folders that are read again */
    size_t rules_count;
    const char *state; /* the file of a state, which others of its folder belong to; NULL: none */
};

/*
 * confine takes the rest away, from the calling thread and those that it will start: it is called
 * while there is one thread only.  What is less than it could be is told on standard error; false
 * where a step failed, and then the run must not go on.
 */
bool confine(const struct confine_needs *needs, struct error *error);

#endif
