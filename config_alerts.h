/*
 * The configuration's section `alerts`: where alerts go beside the command line's --alerts.
 */
#ifndef SEEPWATCH_CONFIG_ALERTS_H
#define SEEPWATCH_CONFIG_ALERTS_H

#include "fold.h"
#include "peer.h"

struct problems;
struct yaml_node;

enum { ALERT_OUTPUTS_MAX = 16 /* of the configuration */ };

enum alert_to { ALERT_TO_FILE /* standard output too */, ALERT_TO_SYSLOG, ALERT_TO_JOURNAL };
enum alert_form { ALERT_AS_JSON, ALERT_AS_LINES };

/* One output.  Zeroed it is a file of everything, as JSON Lines. */
struct alert_setting {
    enum alert_to to;
    enum alert_form form;
    const char *path;       /* of a file, "-" is standard output */
    enum severity severity; /* the lowest that goes there */
    struct fold_limit limit;
    struct peer_address address;
    unsigned facility; /* of syslog */
    bool takes_no_digest;
};

struct alert_settings {
    struct alert_setting items[ALERT_OUTPUTS_MAX];
    char *paths[ALERT_OUTPUTS_MAX]; /* theirs; owned */
    size_t count;
};

/* config_read_alerts reads the settings from that node; mistakes go to problems.  Paths are
 * relative to the configuration's.  NULL where there is no list, or no memory for it. */
struct alert_settings *config_read_alerts(const char *config_path, const struct yaml_node *n,
                                          struct problems *problems);
void alert_settings_close(struct alert_settings *s);

#endif
