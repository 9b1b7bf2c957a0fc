/*
 * Where a file lies.
 */
#ifndef SEEPWATCH_COMMANDS_FOLDER_H
#define SEEPWATCH_COMMANDS_FOLDER_H

#include <limits.h>

/* folder_of gives the path of the folder that holds a file; "." where the path names none. */
void folder_of(const char *path, char folder[PATH_MAX]);

#endif
