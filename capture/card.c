/*
 * Linux, Documentation/ABI/testing/sysfs-class-net-statistics.  libpcap's ps_ifdrop has the first
 * two only, in 32 bits, and opens their files for each look.
 */
#include "capture/card.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NUMBER_MAX = 32, PATH_LEN = 128 };

static const char *const names[CARD_COUNTERS] = {"rx_missed_errors", "rx_fifo_errors",
                                                 "rx_dropped"};

/* False where the counter is not there, or its interface is gone. */
static bool counter_read(int fd, uint64_t *value)
{
    char text[NUMBER_MAX] = "";
    if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

void card_init(struct card *c)
{
    *c = (struct card){.fds = {-1, -1, -1}};
}

void card_open(struct card *c, const char *interface)
{
    for (unsigned i = 0; i < CARD_COUNTERS; i++) {
        char path[PATH_LEN];
        (void)snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", interface, names[i]);
        c->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        c->last[i] = 0;
        (void)counter_read(c->fds[i], &c->last[i]);
    }
}

/* A counter that is less than before began anew, as when its driver was loaded again. */
uint64_t card_lost(struct card *c)
{
    uint64_t lost = 0, now;
    for (unsigned i = 0; i < CARD_COUNTERS; i++) {
        if (!counter_read(c->fds[i], &now))
            continue;
        lost += now >= c->last[i] ? now - c->last[i] : now;
        c->last[i] = now;
    }
    return lost;
}

void card_close(struct card *c)
{
    for (unsigned i = 0; i < CARD_COUNTERS; i++) {
        if (c->fds[i] >= 0)
            (void)close(c->fds[i]);
        c->fds[i] = -1;
    }
}
