/*
 * Every worker has a source of its own: live, the kernel spreads the flows over them; files are
 * read by all.
 */
#include "commands/sources.h"

#include <signal.h>
#include <unistd.h>

bool sources_open(struct source *sources[PIPELINE_WORKERS_MAX], const struct options *o,
                  const struct config *config, struct error *error)
{
    const struct option_list *files = &o->files, *interfaces = &o->interfaces;
    for (unsigned i = 0; i < o->workers; i++) {
        bool is_good =
            interfaces->count > 0
                ? source_open_live(&sources[i], interfaces->items, interfaces->count, o->filter,
                                   config->ring_bytes / o->workers,
                                   o->workers > 1 ? (uint16_t)getpid() : 0, error)
                : source_open_files(&sources[i], files->items, files->count, o->filter, error);
        if (!is_good)
            return false;
    }
    return true;
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
