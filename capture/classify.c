/*
 * nDPI (4.2).  The name is that of the protocol (tls), not of the service seen in it (a cloud, a
 * social network), and nothing is guessed from port numbers alone.  Community ID is here too,
 * because nDPI computes it.
 */
#include "capture/classify.h"

#include "capture/capture.h"
#include "core/cursor.h"

#include <ctype.h>
#include <ndpi/ndpi_api.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    PACKET_LEN_MAX = UINT16_MAX,
    TCP = 6,
    FLOW_DATA_LEN = 2048, /* bytes that nDPI allocates for a flow now and then */
};

struct looked_at {
    struct ndpi_flow_struct flow;
    int32_t next_free;
    uint32_t packets_count;
};

struct classify {
    int32_t flows_max;
    struct ndpi_detection_module_struct *module; /* NULL until the first packet */
    struct looked_at *pool;                      /* flows_max */
    int32_t free;                                /* the first free place, -1: none */
    uint64_t refused;
    char name[CLASSIFY_NAME_MAX];
};

struct classify *classify_open(size_t bytes_max)
{
    struct classify *c = calloc(1, sizeof(*c));
    size_t fit = bytes_max / (sizeof(struct looked_at) + FLOW_DATA_LEN);
    if (!c)
        return NULL;
    c->flows_max = bytes_max == 0 || fit > CLASSIFY_FLOWS_MAX ? CLASSIFY_FLOWS_MAX : (int32_t)fit;
    return c;
}

void classify_close(struct classify *c)
{
    if (!c)
        return;
    for (int32_t i = 0; c->pool && i < c->flows_max; i++)
        ndpi_free_flow_data(&c->pool[i].flow);
    free(c->pool);
    if (c->module)
        ndpi_exit_detection_module(c->module);
    free(c);
}

/* nDPI's start touches globals of its own, so that several workers take turns. */
static struct ndpi_detection_module_struct *module_start(void)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    (void)pthread_mutex_lock(&turn);
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
    if (module) {
        ndpi_set_protocol_detection_bitmask2(module, &all);
        ndpi_finalize_initialization(module);
    }
    (void)pthread_mutex_unlock(&turn);
    return module;
}

static bool classify_start(struct classify *c)
{
    if (c->pool)
        return c->module != NULL;
    c->free = -1;
    c->pool = calloc((size_t)c->flows_max, sizeof(*c->pool));
    if (!c->pool)
        return false;
    c->module = module_start();
    for (int32_t i = c->flows_max; c->module && i-- > 0;) {
        c->pool[i].next_free = c->free;
        c->free = i;
    }
    return c->module != NULL;
}

static bool place_take(struct classify *c, int32_t *slot)
{
    if (!classify_start(c) || c->free < 0) {
        c->refused++;
        return false;
    }
    *slot = c->free;
    c->free = c->pool[*slot].next_free;
    return true;
}

void classify_forget(struct classify *c, int32_t *slot)
{
    if (*slot < 0)
        return;
    struct looked_at *l = &c->pool[*slot];
    ndpi_free_flow_data(&l->flow);
    memset(l, 0, sizeof(*l));
    l->next_free = c->free;
    c->free = *slot;
    *slot = -1;
}

static const char *name_of(struct classify *c, ndpi_protocol found)
{
    bool has_master = found.master_protocol != NDPI_PROTOCOL_UNKNOWN;
    uint16_t id = has_master ? found.master_protocol : found.app_protocol;
    const char *name = ndpi_get_proto_name(c->module, id);
    size_t len = 0;
    for (; name[len] != '\0' && len < sizeof(c->name) - 1; len++)
        c->name[len] = (char)tolower((unsigned char)name[len]);
    c->name[len] = '\0';
    return c->name;
}

const char *classify_packet(struct classify *c, int32_t *slot, struct bytes ip, int64_t ns)
{
    if (*slot < 0 && !place_take(c, slot))
        return NULL;
    struct looked_at *l = &c->pool[*slot];
    uint16_t len = (uint16_t)bytes_first(ip, PACKET_LEN_MAX).len;
    ndpi_protocol found =
        ndpi_detection_process_packet(c->module, &l->flow, ip.data, len, (uint64_t)(ns / 1000000));
    bool is_found = found.master_protocol != NDPI_PROTOCOL_UNKNOWN ||
                    found.app_protocol != NDPI_PROTOCOL_UNKNOWN;
    if (!is_found && ++l->packets_count < CLASSIFY_PACKETS_MAX)
        return NULL;
    if (!is_found) {
        uint8_t was_guessed = 0;
        found = ndpi_detection_giveup(c->module, &l->flow, 0, &was_guessed);
    }
    const char *name = name_of(c, found);
    classify_forget(c, slot);
    return name;
}

uint64_t classify_refused(const struct classify *c)
{
    return c->refused;
}

/* As a number, which nDPI puts into network order. */
static uint32_t ipv4_word(const struct address *a)
{
    struct cursor c = cursor_over(bytes_from((struct bytes){a->octets, sizeof(a->octets)}, 12));
    return cursor_be32(&c);
}

size_t capture_community_id(const struct flow_view *flow, char text[COMMUNITY_ID_MAX])
{
    unsigned char hash[COMMUNITY_ID_MAX] = "";
    const struct address *ip = flow->ip;
    int status;
    if (address_is_ipv4(&ip[0]) && address_is_ipv4(&ip[1])) {
        status = ndpi_flowv4_flow_hash(TCP, ipv4_word(&ip[0]), ipv4_word(&ip[1]), flow->port[0],
                                       flow->port[1], 0, 0, hash, sizeof(hash));
    } else {
        struct ndpi_in6_addr ends[2];
        memcpy(&ends[0], ip[0].octets, sizeof(ends[0]));
        memcpy(&ends[1], ip[1].octets, sizeof(ends[1]));
        status = ndpi_flowv6_flow_hash(TCP, &ends[0], &ends[1], flow->port[0], flow->port[1], 0, 0,
                                       hash, sizeof(hash));
    }
    size_t len = status == 0 ? strnlen((const char *)hash, sizeof(hash) - 1) : 0;
    memcpy(text, hash, len);
    text[len] = '\0';
    return len;
}
