/*
 * The operator's configuration, from a YAML file; every part has a default that works.
 */
#ifndef SEEPWATCH_CONFIG_H
#define SEEPWATCH_CONFIG_H

#include "analyzers/settings.h"
#include "capture/capture.h"
#include "config_state.h"
#include "core/error.h"
#include "profile/geo.h"
#include "profile/network.h"
#include "shares.h"

struct alert_settings;
struct problems;
struct zone;

struct config {
    struct settings settings;
    struct capture_config capture;
    struct networks *networks;
    char *geo_paths[GEO_FILES_MAX]; /* owned */
    size_t geo_count;
    int64_t session_interval_ns, session_idle_ns, mirror_interval_ns;
    size_t sessions_max;
    char *subject_key;    /* file of the site's key, owned; NULL: not said */
    struct shares shares; /* the memory budget, divided; capture and settings have their parts */
    size_t ring_bytes;    /* of a live interface */
    struct state_settings state;
    struct zone *zone;             /* of hours and dates in rules; NULL: UTC */
    struct alert_settings *alerts; /* config_alerts.h; NULL: none */
};

/* config_load sets the defaults and, where path is not NULL, what the file says; all mistakes go to
   problems.  False with an error that is not the file's (no memory), or where there were problems.
 */
bool config_load(struct config *c, const char *path, struct problems *problems);
/* config_add_geo adds a database as --geo does; false where there are too many. */
bool config_add_geo(struct config *c, const char *path);
void config_clear(struct config *c);

#endif
