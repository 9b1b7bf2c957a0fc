/*
 * Every record of the mirror has mirror.packets, no transaction has, and the whole mirror's has no
 * server.ip: so sets of fields tell them apart.
 */
#include "rules/records.h"

#include "core/mirror.h"

/* What a server's record can have beside mirror.*; and the fields that the whole mirror's has not.
 */
static const field_set server_fields =
    FIELD_BIT(FIELD_TIMESTAMP) | FIELD_BIT(FIELD_EVENT_DURATION) | FIELD_BIT(FIELD_SERVER_IP) |
    FIELD_BIT(FIELD_SERVER_PORT) | FIELD_BIT(FIELD_NETWORK_PROTOCOL);
static const field_set server_only = FIELD_BIT(FIELD_SERVER_IP) | FIELD_BIT(FIELD_SERVER_PORT) |
                                     FIELD_BIT(FIELD_NETWORK_PROTOCOL) |
                                     FIELD_BIT(FIELD_MIRROR_TURNED_ENCRYPTED);
static const field_set whole_only =
    FIELD_BIT(FIELD_MIRROR_DROPPED) | FIELD_BIT(FIELD_MIRROR_DROPPED_SHARE);

bool records_are_mirrors(const struct rule *rule)
{
    return rule->when.required >> FIELD_MIRROR_PACKETS & 1;
}

static bool names_field(const struct yaml_node *n, const char *name, struct position *at)
{
    if (n->kind != YAML_SCALAR)
        return false;
    size_t offset = bytes_find(n->text, bytes_of(name));
    if (offset < n->text.len)
        *at = yaml_position(n, offset);
    return offset < n->text.len;
}

/* Where the rule names the field; where a macro does, the beginning of its `when`. */
static struct position place_of(const struct yaml_node *rule, enum field f)
{
    static const char *const keys[] = {"when", "by", "measure", "first", "of"};
    const char *name = FIELDS[f].name;
    const struct yaml_node *when = yaml_get(rule, "when");
    struct position at = when ? when->at : rule->at;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct yaml_node *n = yaml_get(rule, keys[i]);
        if (n && names_field(n, name, &at))
            return at;
        for (size_t item = 0; n && n->kind == YAML_SEQUENCE && item < n->count; item++) {
            if (names_field(n->items[item].value, name, &at))
                return at;
        }
    }
    return at;
}

/* Reports each field of a set. */
static void refuse(field_set fields, const struct yaml_node *node, struct problems *problems,
                   const char *why)
{
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (fields >> f & 1)
            problems_add(problems, place_of(node, (enum field)f), "%s %s", FIELDS[f].name, why);
    }
}

static void settle_mirrors(struct rule *rule, field_set used, const struct yaml_node *node,
                           struct problems *problems)
{
    rule->when.required |= FIELD_BIT(FIELD_MIRROR_PACKETS);
    refuse(used & ~(MIRROR_FIELDS | server_fields), node, problems,
           "is of transactions, and this rule counts the mirror's records: beside mirror.* they "
           "have @timestamp, event.duration, server.ip, server.port and network.protocol");
    if (yaml_get(node, "by")) {
        refuse(used & whole_only, node, problems,
               "is known of the whole mirror alone: leave out 'by'");
        return;
    }
    rule->when.excluded |= FIELD_BIT(FIELD_SERVER_IP);
    refuse(used & server_only, node, problems,
           "is a server's, and without 'by' the whole mirror is counted: add by: [server.ip, "
           "server.port]");
}

void records_settle(struct rule *rule, const struct yaml_node *node, struct problems *problems)
{
    field_set used = rule_fields(rule);
    if (used & MIRROR_FIELDS) {
        settle_mirrors(rule, used, node, problems);
        return;
    }
    rule->when.excluded |= FIELD_BIT(FIELD_MIRROR_PACKETS);
    if (!yaml_get(node, "by") && rule->trigger != TRIGGER_UNUSUAL && rule->trigger != TRIGGER_DRIFT)
        problems_add(problems, node->at,
                     "this rule has no 'by': for whom is it counted? for example by: user.name");
}
