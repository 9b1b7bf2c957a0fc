/*
 * A configuration in a folder of its own, for tests: written, loaded, and what was said of it.
 */
#ifndef SEEPWATCH_TESTS_PROGRAM_CONFIG_BENCH_H
#define SEEPWATCH_TESTS_PROGRAM_CONFIG_BENCH_H

#include "tests/cmocka.h"

#include "config.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char folder[32], path[64];
    struct config config;
    struct problems problems;
};

static inline int set_up(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/config_test.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof(t->path), "%s/c.yaml", t->folder);
    *state = t;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *t = *state;
    config_clear(&t->config);
    (void)unlink(t->path);
    assert_int_equal(rmdir(t->folder), 0);
    free(t);
    return 0;
}

/* Writes the text and loads it in place of what was loaded before. */
static inline bool load(struct fixture *t, const char *text)
{
    FILE *file = fopen(t->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    config_clear(&t->config);
    t->problems = (struct problems){0};
    return config_load(&t->config, t->path, &t->problems);
}

static inline void load_good(struct fixture *t, const char *text)
{
    if (!load(t, text))
        fail_msg("%s\n%s", t->problems.items[0], text);
}

/* A configuration with one mistake, and how what is told of it begins, behind the file's name. */
struct config_mistake {
    const char *text, *told;
};

static inline void config_bench_expect(struct fixture *t, const struct config_mistake *m)
{
    char expected[512];
    if (load(t, m->text))
        fail_msg("no mistake is seen in: %s", m->text);
    (void)snprintf(expected, sizeof(expected), "%s:%s", t->path, m->told);
    if (strncmp(t->problems.items[0], expected, strlen(expected)) != 0)
        fail_msg("%s\nis not: %s\nin: %s", t->problems.items[0], expected, m->text);
    assert_int_equal(t->problems.count, 1);
}

#endif
