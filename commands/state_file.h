/*
 * The file of the state: opened by the user that a run becomes, so that what is created is that
 * user's and what is missing shows at the start.
 */
#ifndef SEEPWATCH_COMMANDS_STATE_FILE_H
#define SEEPWATCH_COMMANDS_STATE_FILE_H

#include "commands/confine.h"
#include "config.h"
#include "profile/state.h"

/* state_file_open opens the file, and makes its folder where that is all that is missing.  False as
 * state_open; *s is NULL then. */
bool state_file_open(struct state **s, const char *path, const struct config *config,
                     const struct confine_user *user, struct error *error);

/* state_file_make_folder makes that folder alone, for what else is kept there. */
void state_file_make_folder(const char *path, const struct confine_user *user);

/* state_file_tell says something of the state to whoever runs the program. */
void state_file_tell(void *context, const char *text);

#endif
