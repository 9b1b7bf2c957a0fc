/*
 * The sums of a crowd and of its groups, written down and read again.
 */
#include "profile/crowd_state.h"

#include <math.h>

static void save_floats(struct pack *p, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pack_float(p, values[i]);
}

static bool load_floats(struct cursor *c, float *values, size_t count)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        values[i] = unpack_float(c);
        is_good = is_good && isfinite(values[i]);
    }
    return is_good;
}

static void save_doubles(struct pack *p, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pack_double(p, values[i]);
}

static bool load_doubles(struct cursor *c, double *values, size_t count)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        values[i] = unpack_double(c);
        is_good = is_good && isfinite(values[i]);
    }
    return is_good;
}

static void group_save(const struct crowd_group *g, struct pack *p)
{
    for (unsigned i = 0; i < CROWD_PAST; i++) {
        const struct crowd_sums *s = &g->past[i];
        pack_signed(p, s->interval);
        save_floats(p, s->seen, USUAL_COUNTS);
        save_floats(p, s->expected, USUAL_COUNTS);
        save_floats(p, (const float[]){s->excess, s->weight, s->members}, 3);
    }
    save_floats(p, g->usual, USUAL_COUNTS);
    pack_float(p, g->members);
}

static bool group_load(struct crowd_group *g, struct cursor *c)
{
    bool is_good = true;
    for (unsigned i = 0; i < CROWD_PAST; i++) {
        struct crowd_sums *s = &g->past[i];
        float rest[3] = {0, 0, 0};
        s->interval = unpack_signed(c);
        is_good = load_floats(c, s->seen, USUAL_COUNTS) &&
                  load_floats(c, s->expected, USUAL_COUNTS) && load_floats(c, rest, 3) && is_good;
        s->excess = rest[0];
        s->weight = rest[1];
        s->members = rest[2];
    }
    is_good = load_floats(c, g->usual, USUAL_COUNTS) && is_good;
    return load_floats(c, &g->members, 1) && is_good;
}

static void factors_save(const struct crowd_factors *f, struct pack *p)
{
    pack_signed(p, f->interval);
    save_doubles(p, f->counts, USUAL_COUNTS);
    pack_double(p, f->shift);
}

static bool factors_load(struct crowd_factors *f, struct cursor *c)
{
    f->interval = unpack_signed(c);
    bool is_good = load_doubles(c, f->counts, USUAL_COUNTS);
    return load_doubles(c, &f->shift, 1) && is_good;
}

static void bins_save(const struct crowd *c, struct pack *p)
{
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        for (unsigned b = 0; b < CROWD_BINS; b++)
            save_doubles(
                p,
                (const double[]){c->bins[i][b].seen, c->bins[i][b].expected, c->bins[i][b].members},
                3);
        save_doubles(p, c->curve[i], CROWD_SLOTS);
        save_doubles(p, c->today[i], CROWD_SLOTS);
    }
    for (unsigned i = 0; i < CROWD_PAST; i++)
        factors_save(&c->past[i], p);
    factors_save(&c->live, p);
    save_doubles(p, c->live_passed, USUAL_COUNTS);
    pack_number(p, c->live_left);
}

static bool bins_load(struct crowd *c, struct cursor *from)
{
    bool is_good = true;
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        for (unsigned b = 0; b < CROWD_BINS; b++) {
            double values[3];
            is_good = load_doubles(from, values, 3) && is_good;
            c->bins[i][b] = (struct crowd_bin){values[0], values[1], values[2]};
        }
        is_good = load_doubles(from, c->curve[i], CROWD_SLOTS) && is_good;
        is_good = load_doubles(from, c->today[i], CROWD_SLOTS) && is_good;
    }
    for (unsigned i = 0; i < CROWD_PAST; i++)
        is_good = factors_load(&c->past[i], from) && is_good;
    is_good = factors_load(&c->live, from) && is_good;
    is_good = load_doubles(from, c->live_passed, USUAL_COUNTS) && is_good;
    c->live_left = (unsigned)unpack_number(from);
    return is_good;
}

void crowd_save(const struct crowd *c, struct pack *p)
{
    pack_flag(p, c->has_begun);
    pack_signed(p, c->interval);
    pack_number(p, c->closed);
    pack_double(p, c->passed);
    pack_number(p, c->slots_seen);
    group_save(&c->all, p);
    bins_save(c, p);
    pack_number(p, table_count(c->groups));
    for (const void *g = table_oldest(c->groups); g; g = table_next(c->groups, g)) {
        pack_u64(p, *(const uint64_t *)table_key(c->groups, g));
        group_save(g, p);
    }
}

bool crowd_load(struct crowd *c, struct cursor *from)
{
    c->has_begun = unpack_flag(from);
    c->interval = unpack_signed(from);
    c->closed = unpack_number(from);
    c->passed = unpack_double(from);
    c->slots_seen = (unsigned)unpack_number(from);
    bool is_good = group_load(&c->all, from) && bins_load(c, from) && c->passed >= 0 &&
                   c->passed <= 1 && c->slots_seen <= CROWD_SLOTS;
    size_t count = unpack_count(from, CROWD_GROUPS_MAX, sizeof(uint64_t));
    for (size_t i = 0; i < count && is_good; i++) {
        uint64_t key = unpack_u64(from);
        struct crowd_group *g = table_touch(c->groups, &key, NULL);
        is_good = g && group_load(g, from);
    }
    return is_good && !cursor_is_short(from);
}

void crowd_member_save(const struct crowd_member *m, struct pack *p)
{
    pack_u64(p, m->group);
    save_floats(p, m->told, USUAL_COUNTS);
    save_floats(p, m->base, USUAL_COUNTS);
    save_floats(p, m->counts, USUAL_COUNTS);
    save_floats(p, (const float[]){m->share, m->decided}, 2);
    pack_flag(p, m->has_told);
}

bool crowd_member_load(struct crowd_member *m, struct cursor *c)
{
    float rest[2] = {0, 0};
    m->group = unpack_u64(c);
    bool is_good = load_floats(c, m->told, USUAL_COUNTS) && load_floats(c, m->base, USUAL_COUNTS) &&
                   load_floats(c, m->counts, USUAL_COUNTS) && load_floats(c, rest, 2);
    m->share = rest[0];
    m->decided = rest[1];
    bool has_told = unpack_flag(c);
    if (!is_good || cursor_is_short(c) || !(m->share >= 0 && m->share <= 1))
        return false;
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        m->bins[i] = crowd_bin_of(m, i);
    m->has_told = has_told; /* only what was read whole is taken out of the sums again */
    return true;
}
