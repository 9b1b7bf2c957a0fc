/*
 * A bad line stops nothing: the first ones are told, all are counted.
 */
#include "commands/logs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BAD_TOLD_MAX = 5, PROGRESS_MS = 250, ENTRIES_A_LOOK = 4096 };

static void tell_bad(void *context, const char *path, uint64_t line, const char *problem)
{
    struct logs *l = context;
    uint64_t count = transaction_log_counters(l->log).bad;
    if (count > BAD_TOLD_MAX)
        return;
    (void)fprintf(stderr, "%sseepwatch: note: %s:%llu: %s: passed over%s\n",
                  l->shown_ms > 0 ? "\n" : "", path, (unsigned long long)line, problem,
                  count == BAD_TOLD_MAX ? "; the next ones are only counted" : "");
}

bool logs_open(struct logs *l, const struct option_list *files, struct option_list *captures,
               struct error *error)
{
    *l = (struct logs){.has_terminal = isatty(STDERR_FILENO)};
    captures->count = 0;
    for (size_t i = 0; i < files->count; i++) {
        struct option_list *list = transaction_log_is(files->items[i]) ? &l->files : captures;
        list->items[list->count++] = files->items[i];
    }
    const struct log_config config = {
        .paths = l->files.items, .paths_count = l->files.count, .bad = tell_bad, .context = l};
    return l->files.count == 0 || transaction_log_open(&l->log, &config, error);
}

bool logs_have(const struct logs *l, const char *path)
{
    struct stat wanted, info;
    if (!path || stat(path, &wanted) != 0)
        return false;
    for (size_t i = 0; i < l->files.count; i++) {
        if (stat(l->files.items[i], &info) == 0 && info.st_dev == wanted.st_dev &&
            info.st_ino == wanted.st_ino)
            return true;
    }
    return false;
}

void logs_close(struct logs *l)
{
    transaction_log_close(l->log);
    l->log = NULL;
}

static void show_progress(struct logs *l)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (now_ms - l->shown_ms < PROGRESS_MS)
        return;
    l->shown_ms = now_ms;
    struct log_counters c = transaction_log_counters(l->log);
    (void)fprintf(stderr, "\rseepwatch: %llu transactions", (unsigned long long)c.transactions);
    if (c.bytes > 0)
        (void)fprintf(stderr, ", %.0f %% of the logs",
                      100.0 * (double)c.bytes_read / (double)c.bytes);
    (void)fputs("  ", stderr);
}

bool logs_feed(struct logs *l, const struct logs_taker *taker, int64_t until_ns, size_t count_max)
{
    struct log_entry *e = NULL;
    for (size_t i = 0; l->log && i < count_max; i++) {
        e = transaction_log_peek(l->log);
        if (!e || e->end_ns > until_ns)
            break;
        if (l->first_ns == 0)
            l->first_ns = e->end_ns;
        l->now_ns = e->end_ns > l->now_ns ? e->end_ns : l->now_ns;
        taker->take(taker->context, e, l->now_ns);
        transaction_log_pass(l->log);
        if (l->has_terminal && i % ENTRIES_A_LOOK == 0)
            show_progress(l);
    }
    return e != NULL;
}

bool logs_tell(struct logs *l, struct error *error)
{
    if (!l->log)
        return true;
    struct log_counters c = transaction_log_counters(l->log);
    if (l->shown_ms > 0)
        (void)fputs("\r\033[K", stderr);
    if (c.bad > BAD_TOLD_MAX)
        (void)fprintf(stderr, "seepwatch: note: %llu bad lines were passed over\n",
                      (unsigned long long)c.bad);
    if (transaction_log_failure(l->log, error))
        return false;
    bool is_good = c.bad == 0 || c.transactions + c.mirror > 0;
    return is_good ||
           error_set(error, ERROR_WORK, "%s: not one line is a transaction", l->files.items[0]);
}
