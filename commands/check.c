/*
 * check: everything that a run would read, the tests of the rules, and a list of them in words.
 */
#include "commands/load.h"
#include "commands/run.h"
#include "rules/describe.h"
#include "rules/rule.h"
#include "rules/trial.h"

#include <stdio.h>
#include <stdlib.h>

static bool list_rules(const struct rules *rules, struct error *error)
{
    char *buffer = malloc(DESCRIPTION_MAX);
    if (!buffer)
        return error_set(error, ERROR_WORK, "no memory");
    for (size_t i = 0; i < rules_count(rules); i++) {
        struct text t = text_over(buffer, DESCRIPTION_MAX);
        describe_rule(&t, rules_at(rules, i));
        (void)printf("%s\n", buffer);
    }
    free(buffer);
    return true;
}

static void tell(void *context, const char *line)
{
    (void)context;
    (void)printf("%s\n", line);
}

static bool run_tests(const struct rules *rules, struct error *error)
{
    size_t count, failed = 0;
    struct trial *const *trials = rules_trials(rules, &count);
    for (size_t i = 0; i < count; i++)
        failed += !trial_run(trials[i], rules, tell, NULL);
    if (count > 0)
        (void)printf("%zu tests of rules: %zu passed, %zu failed\n", count, count - failed, failed);
    return failed == 0 || error_set(error, ERROR_USAGE, "%zu tests of rules failed", failed);
}

bool run_check(const struct options *o, struct error *error)
{
    struct loaded l = {0};
    bool is_good = load(&l, o, error);
    if (is_good && o->wants_list)
        is_good = list_rules(l.rules, error);
    if (is_good) {
        size_t networks = 0, on = rules_on(l.rules), count = rules_count(l.rules);
        while (network_at(l.config.networks, networks))
            networks++;
        (void)printf("%zu rules (%zu on), %zu networks, %zu databases: no mistakes\n", count, on,
                     networks, l.config.geo_count);
        struct network_nesting nesting;
        for (size_t at = 0; network_nestings(l.config.networks, &at, &nesting);) {
            char inner[PREFIX_TEXT_MAX], outer[PREFIX_TEXT_MAX];
            (void)prefix_print(&nesting.inner, inner);
            (void)prefix_print(&nesting.outer, outer);
            (void)printf("note: %s of %.*s lies inside %s of %.*s and goes before it\n", inner,
                         (int)nesting.inner_network->name.len,
                         (const char *)nesting.inner_network->name.data, outer,
                         (int)nesting.outer_network->name.len,
                         (const char *)nesting.outer_network->name.data);
        }
        is_good = run_tests(l.rules, error);
    }
    loaded_clear(&l);
    return is_good;
}
