/*
 * proc(5), /proc/PID/maps: of each mapping its addresses, and the device and inode of its file; a
 * ring is mapped from its socket.
 */
#include "capture/ring.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The bytes that a line of the file has of the inode. */
static size_t bytes_of(const char *line, const struct stat *socket)
{
    uintmax_t begin, end, inode;
    unsigned device_major, device_minor;
    int read = sscanf(line, "%" SCNxMAX "-%" SCNxMAX " %*s %*x %x:%x %" SCNuMAX, &begin, &end,
                      &device_major, &device_minor, &inode);
    if (read != 5 || inode != socket->st_ino || device_major != major(socket->st_dev) ||
        device_minor != minor(socket->st_dev))
        return 0;
    return (size_t)(end - begin);
}

size_t ring_measure(int fd)
{
    struct stat socket;
    char *line = NULL;
    size_t size = 0, bytes = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return 0;
    while (fstat(fd, &socket) == 0 && getline(&line, &size, maps) > 0)
        bytes += bytes_of(line, &socket);
    free(line);
    (void)fclose(maps);
    return bytes;
}
