/*
 * The section `state` of the configuration: what lasts over a restart.
 */
#ifndef SEEPWATCH_CONFIG_STATE_H
#define SEEPWATCH_CONFIG_STATE_H

#include <stdint.h>

struct problems;
struct yaml_node;

struct state_settings {
    int64_t interval_ns; /* of the time that passes for who waits, from snapshot to snapshot */
    int64_t ledger_age_ns;
    uint64_t ledger_bytes_max; /* of the file */
};

/* config_read_state reads the section over the defaults. */
void config_read_state(struct state_settings *s, const struct yaml_node *n,
                       struct problems *problems);
void config_default_state(struct state_settings *s);

#endif
