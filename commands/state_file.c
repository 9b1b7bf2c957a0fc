/*
 * The user is only borrowed: a run becomes it for good in commands/confine.h.
 */
#include "commands/state_file.h"

#include "commands/folder.h"
#include "core/clock.h"
#include "snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOLDER_MODE = 0750, FILE_MASK = 0027 };

void state_file_tell(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "seepwatch: note: %s\n", text);
}

/* Whether it could be made does not matter: what is missing shows when the file is opened. */
void state_file_make_folder(const char *path, const struct confine_user *user)
{
    char folder[PATH_MAX];
    folder_of(path, folder);
    if (mkdir(folder, FOLDER_MODE) == 0 && user->name)
        (void)!chown(folder, user->uid, user->gid);
}

static bool borrow(const struct confine_user *user, struct error *error)
{
    return !user->name || (setegid(user->gid) == 0 && seteuid(user->uid) == 0) ||
           error_set(error, ERROR_WORK, "cannot become the user %s: %s", user->name,
                     strerror(errno));
}

static bool give_back(const struct confine_user *user, uid_t uid, gid_t gid, struct error *error)
{
    return !user->name || (seteuid(uid) == 0 && setegid(gid) == 0) ||
           error_set(error, ERROR_WORK, "cannot become root again: %s", strerror(errno));
}

bool state_file_open(struct state **s, const char *path, const struct config *config,
                     const struct confine_user *user, struct error *error)
{
    struct timespec now;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const struct state_config state = {
        .path = path,
        .now_ns = now.tv_sec * CLOCK_SECOND_NS + now.tv_nsec,
        .waiting_max = snapshots_waiting_max(config->shares.bytes[SHARE_LASTING]),
        .ledger_bytes_max = config->state.ledger_bytes_max,
        .ledger_age_ns = config->state.ledger_age_ns,
        .tell = state_file_tell};
    state_file_make_folder(path, user);
    if (!borrow(user, error))
        return false;
    mode_t mask = umask(FILE_MASK);
    bool is_good = state_open(s, &state, error);
    (void)umask(mask);
    struct error *ignored = &(struct error){.kind = ERROR_WORK};
    if (give_back(user, uid, gid, is_good ? error : ignored))
        return is_good;
    state_close(*s);
    *s = NULL;
    return false;
}
