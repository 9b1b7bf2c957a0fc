/*
 * Every worker has a source of its own: live, the kernel spreads the flows over them; files are
 * read by all.
 */
#include "commands/sources.h"

#include <signal.h>
#include <stdio.h>

/* One note for all rings: less of them means that shorter pauses lose packets. */
static void tell_small_rings(struct source *const *sources, const struct options *o,
                             const struct config *config)
{
    size_t given = 0, asked = config->ring_bytes * o->interfaces.count;
    for (unsigned i = 0; i < o->workers; i++) {
        size_t bytes = source_ring_bytes(sources[i]);
        if (bytes == 0)
            return;
        given += bytes;
    }
    if (given < asked)
        (void)fprintf(
            stderr,
            "seepwatch: note: the kernel gave %.1f MiB for the ring of packets instead of "
            "%.1f MiB (limits.ring): it loses packets sooner\n",
            (double)given / (1 << 20), (double)asked / (1 << 20));
}

bool sources_open(struct source *sources[PIPELINE_WORKERS_MAX], const struct options *o,
                  const struct config *config, struct error *error)
{
    const struct option_list *files = &o->files, *interfaces = &o->interfaces;
    for (unsigned i = 0; i < o->workers; i++) {
        bool is_good =
            interfaces->count > 0
                ? source_open_live(&sources[i], interfaces->items, interfaces->count, o->filter,
                                   config->ring_bytes / o->workers, error)
                : source_open_files(&sources[i], files->items, files->count, o->filter, error);
        if (!is_good)
            return false;
    }
    if (interfaces->count == 0)
        return true;
    tell_small_rings(sources, o, config);
    return o->workers == 1 || source_share(sources, o->workers, error);
}

void sources_close(struct source *sources[PIPELINE_WORKERS_MAX])
{
    for (size_t i = 0; i < PIPELINE_WORKERS_MAX; i++)
        source_close(sources[i]);
}

/* Signal handlers can reach nothing else; the loops read it between two batches. */
static struct pipeline_signals signals;

static void on_stop(int number)
{
    (void)number;
    signals.must_stop = 1;
}

static void on_hangup(int number)
{
    (void)number;
    signals.has_hung_up = 1;
}

struct pipeline_signals *signals_catch(void)
{
    struct sigaction stop = {.sa_handler = on_stop},
                     hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART},
                     ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGHUP, &hangup, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    return &signals;
}
