/*
 * The counters are uint64_t alone; shares are rounded, and never to nothing or to all that is not.
 */
#include "core/mirror.h"

enum { COUNT = sizeof(struct mirror_counters) / sizeof(uint64_t) };

void mirror_add(struct mirror_counters *sum, const struct mirror_counters *part)
{
    uint64_t a[COUNT], b[COUNT];
    memcpy(a, sum, sizeof(a));
    memcpy(b, part, sizeof(b));
    for (size_t i = 0; i < COUNT; i++)
        a[i] += b[i];
    memcpy(sum, a, sizeof(a));
}

struct mirror_counters mirror_since(const struct mirror_counters *now,
                                    const struct mirror_counters *before)
{
    struct mirror_counters since;
    uint64_t a[COUNT], b[COUNT];
    memcpy(a, now, sizeof(a));
    memcpy(b, before, sizeof(b));
    for (size_t i = 0; i < COUNT; i++)
        a[i] -= b[i];
    memcpy(&since, a, sizeof(since));
    return since;
}

/* Whether there is a share at all. */
static bool share_of(uint64_t *share, uint64_t part, uint64_t all)
{
    if (all == 0)
        return false;
    uint64_t millionths = (uint64_t)((double)part / (double)all * SHARE_ONE + 0.5);
    if (millionths == 0 && part > 0)
        millionths = 1;
    if (millionths >= SHARE_ONE)
        millionths = part < all ? SHARE_ONE - 1 : SHARE_ONE;
    *share = millionths;
    return true;
}

field_set mirror_figures(struct mirror_figures *f, const struct mirror_counters *c, bool is_whole)
{
    const struct {
        enum field field;
        uint64_t *share, part, all;
    } shares[] = {
        {FIELD_MIRROR_BAD_CHECKSUM_SHARE, &f->bad_checksum_share, c->bad_checksums, c->checksums},
        {FIELD_MIRROR_DUPLICATED_SHARE, &f->duplicated_share, c->duplicates, c->packets},
        {FIELD_MIRROR_ENCRYPTED_SHARE, &f->encrypted_share, c->encrypted_bytes, c->payload_bytes},
        {FIELD_MIRROR_LOST_SHARE, &f->lost_share, c->lost_bytes, c->payload_bytes + c->lost_bytes},
        {FIELD_MIRROR_ONE_SIDED_SHARE, &f->one_sided_share, c->one_sided, c->data_packets},
        {FIELD_MIRROR_REORDERED_SHARE, &f->reordered_share, c->reordered, c->data_packets},
        {FIELD_MIRROR_TRUNCATED_SHARE, &f->truncated_share, c->truncated, c->packets},
        {FIELD_MIRROR_UNDECODED_SHARE, &f->undecoded_share, c->undecoded_bytes, c->payload_bytes},
    };
    field_set known = FIELD_BIT(FIELD_MIRROR_PACKETS) | FIELD_BIT(FIELD_MIRROR_BYTES) |
                      FIELD_BIT(FIELD_MIRROR_LOST_BYTES);
    f->packets = c->packets;
    f->bytes = c->bytes;
    f->lost_bytes = c->lost_bytes;
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        if (share_of(shares[i].share, shares[i].part, shares[i].all))
            known |= FIELD_BIT(shares[i].field);
    }
    if (!is_whole)
        return known;
    f->dropped = c->dropped;
    known |= FIELD_BIT(FIELD_MIRROR_DROPPED);
    if (share_of(&f->dropped_share, c->dropped, c->packets + c->dropped))
        known |= FIELD_BIT(FIELD_MIRROR_DROPPED_SHARE);
    return known;
}
