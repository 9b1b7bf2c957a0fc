/*
 * The path up to its last slash.
 */
#include "commands/folder.h"

#include <stdio.h>
#include <string.h>

void folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    (void)snprintf(folder, PATH_MAX, "%.*s", slash ? (int)len : 1, slash ? path : ".");
}
