/*
 * What is known of the kinds of tunnels.
 */
#include "capture/hop.h"

static const char *const names[HOP_KINDS_COUNT] = {
    [HOP_IPIP] = "ipip",     [HOP_GRE] = "gre",         [HOP_NVGRE] = "nvgre",
    [HOP_ERSPAN] = "erspan", [HOP_ETHERIP] = "etherip", [HOP_MPLS] = "mpls",
    [HOP_VXLAN] = "vxlan",   [HOP_GENEVE] = "geneve",   [HOP_GTP_U] = "gtp-u",
};

const char *hop_name(const struct hop *hop)
{
    return names[hop->kind];
}

bool hop_has_network(const struct hop *hop)
{
    return hop->kind == HOP_VXLAN || hop->kind == HOP_GENEVE || hop->kind == HOP_NVGRE;
}
