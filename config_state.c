/*
 * docs/configuration.md is the user's side of it.
 */
#include "config_state.h"

#include "core/clock.h"
#include "rules/problems.h"
#include "rules/quantity.h"
#include "rules/yaml.h"

enum { MS_MAX = 1000000 };

#define LEDGER_BYTES_MIN (UINT64_C(1) << 20)
#define LEDGER_BYTES_MAX (UINT64_C(1) << 46)

void config_default_state(struct state_settings *s)
{
    const int64_t day_ns = 86400 * CLOCK_SECOND_NS;
    *s = (struct state_settings){.interval_ns = 60 * CLOCK_SECOND_NS,
                                 .ledger_age_ns = 400 * day_ns,
                                 .ledger_bytes_max = UINT64_C(1) << 30};
}

static void read_span(int64_t *ns, const struct yaml_node *n, struct problems *problems)
{
    if (n && (n->kind != YAML_SCALAR || !clock_duration_parse(ns, n->text) || *ns == 0))
        problems_add(problems, n->at, "not a duration: write 1s, 1m, 12h or 400d");
}

/* Also "500ms". */
static void read_interval(int64_t *ns, const struct yaml_node *n, struct problems *problems)
{
    uint64_t ms;
    bool is_short = n && n->kind == YAML_SCALAR && n->text.len > 2 &&
                    bytes_are(bytes_from(n->text, n->text.len - 2), "ms");
    if (is_short && bytes_number(bytes_first(n->text, n->text.len - 2), &ms) && ms > 0 &&
        ms <= MS_MAX)
        *ns = (int64_t)ms * (CLOCK_SECOND_NS / 1000);
    else
        read_span(ns, n, problems);
}

static void read_ledger(struct state_settings *s, const struct yaml_node *n,
                        struct problems *problems)
{
    static const char *const keys[] = {"age", "size", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "ledger", problems) ||
        !yaml_check_keys(n, keys, "ledger", problems))
        return;
    const struct yaml_node *size = yaml_get(n, "size");
    uint64_t bytes = s->ledger_bytes_max;
    read_span(&s->ledger_age_ns, yaml_get(n, "age"), problems);
    if (size && (size->kind != YAML_SCALAR ||
                 quantity_parse(&bytes, size->text, QUANTITY_BYTES) != QUANTITY_GOOD ||
                 bytes < LEDGER_BYTES_MIN || bytes > LEDGER_BYTES_MAX))
        problems_add(problems, size->at, "not a size: bytes with MiB, GiB or TiB, 1 MiB at least");
    else
        s->ledger_bytes_max = bytes;
}

void config_read_state(struct state_settings *s, const struct yaml_node *n,
                       struct problems *problems)
{
    static const char *const keys[] = {"interval", "ledger", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "state", problems) ||
        !yaml_check_keys(n, keys, "state", problems))
        return;
    const struct yaml_node *ledger = yaml_get(n, "ledger");
    read_interval(&s->interval_ns, yaml_get(n, "interval"), problems);
    if (ledger)
        read_ledger(s, ledger, problems);
}
