/*
 * check: everything that a run would read, and nothing else.
 */
#include "commands/load.h"
#include "commands/run.h"
#include "rules/rule.h"

#include <stdio.h>

bool run_check(const struct options *o, struct error *error)
{
    struct loaded l = {0};
    bool is_good = load(&l, o, error);
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
    }
    loaded_clear(&l);
    return is_good;
}
