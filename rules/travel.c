/*
 * `travel`: one key at two places too far apart for the time between.  Only the last place is kept:
 * whoever is at two places in turn is found at each turn, and folded.
 */
#include "core/clock.h"
#include "rules/detector.h"
#include "rules/text.h"

#include <math.h>

enum { PLACE_TEXT_MAX = 40, HOUR_S = 3600 };

struct travel_state {
    struct place place;
    int64_t time_ns;
    char text[PLACE_TEXT_MAX]; /* of the place */
    /* what was found last */
    char from[PLACE_TEXT_MAX], to[PLACE_TEXT_MAX];
    uint64_t distance_km, speed_kmh;
    int64_t apart_ns;
    bool has_place;
};

/* Along the great circle, by the haversine formula. */
static double distance_km(const struct place *a, const struct place *b)
{
    const double earth_km = 6371, degree = 3.14159265358979323846 / 180;
    double north = sin((b->latitude - a->latitude) * degree / 2);
    double east = sin((b->longitude - a->longitude) * degree / 2);
    double h = north * north + cos(a->latitude * degree) * cos(b->latitude * degree) * east * east;
    return 2 * earth_km * asin(sqrt(h < 1 ? h : 1));
}

/* "Stockholm, SE", or as much of it as is known, or where it is. */
static void name_place(char text[PLACE_TEXT_MAX], const struct transaction *t)
{
    struct text name = text_over(text, PLACE_TEXT_MAX);
    bool has_city = transaction_has(t, FIELD_CLIENT_GEO_CITY_NAME);
    bool has_country = transaction_has(t, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE);
    if (has_city)
        text_add_bytes(&name, text_cut(t->city, PLACE_TEXT_MAX - sizeof(", SE")));
    if (has_country) {
        text_add(&name, has_city ? ", " : "");
        text_add_bytes(&name, t->country);
    }
    if (!has_city && !has_country)
        text_add(&name, "%.1f, %.1f", t->location.latitude, t->location.longitude);
}

static void settle(struct travel_state *s, const struct occurrence *o)
{
    s->place = o->transaction->location;
    s->time_ns = o->time_ns;
    s->has_place = true;
    name_place(s->text, o->transaction);
}

static enum finding travel_count(struct detection *d, void *state, const struct occurrence *o,
                                 uint64_t *weight)
{
    struct travel_state *s = state;
    const struct place *place = &o->transaction->location;
    *weight = 1;
    if (!isfinite(place->latitude) || !isfinite(place->longitude))
        return FINDING_NONE;
    bool is_same = s->has_place && s->place.latitude == place->latitude &&
                   s->place.longitude == place->longitude;
    if (is_same) {
        s->time_ns = s->time_ns < o->time_ns ? o->time_ns : s->time_ns;
        return FINDING_NONE;
    }
    if (!s->has_place) {
        settle(s, o);
        return FINDING_NEAR;
    }
    int64_t apart_ns = o->time_ns > s->time_ns ? o->time_ns - s->time_ns : s->time_ns - o->time_ns;
    double seconds =
        (double)(apart_ns > CLOCK_SECOND_NS ? apart_ns : CLOCK_SECOND_NS) / (double)CLOCK_SECOND_NS;
    double km = distance_km(&s->place, place), kmh = km / seconds * HOUR_S;
    bool is_found = km > (double)d->rule->farther_km && kmh > (double)d->rule->faster_kmh;
    if (is_found) {
        memcpy(s->from, s->text, sizeof(s->from));
        name_place(s->to, o->transaction);
        s->distance_km = (uint64_t)km;
        s->speed_kmh = (uint64_t)kmh;
        s->apart_ns = apart_ns;
    }
    if (o->time_ns >= s->time_ns)
        settle(s, o);
    return is_found ? FINDING_RAISED : FINDING_NEAR;
}

static void travel_describe(const struct detection *d, void *state, const struct occurrence *o,
                            struct alert *a)
{
    const struct travel_state *s = state;
    (void)d;
    (void)o;
    a->from = bytes_of(s->from);
    a->to = bytes_of(s->to);
    a->distance_km = s->distance_km;
    a->speed_kmh = s->speed_kmh;
    a->apart_ns = s->apart_ns;
}

/* As long as the way round half the earth takes. */
static int64_t travel_span_ns(const struct rule *rule)
{
    const int64_t half_earth_km = 20040;
    return half_earth_km * HOUR_S / (int64_t)rule->faster_kmh * CLOCK_SECOND_NS;
}

static int64_t travel_keep_ns(const struct rule *rule)
{
    int64_t span_ns = travel_span_ns(rule);
    return span_ns > rule->quiet_ns ? span_ns : rule->quiet_ns;
}

static void travel_clear(const struct detection *d, void *state)
{
    (void)d;
    *(struct travel_state *)state = (struct travel_state){.has_place = false};
}

/* What was found last is told in the call that finds it. */
static void travel_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct travel_state *s = state;
    (void)d;
    pack_flag(p, s->has_place);
    pack_double(p, s->place.latitude);
    pack_double(p, s->place.longitude);
    pack_signed(p, s->time_ns);
    pack_string(p, bytes_of(s->text));
}

static bool travel_load(struct detection *d, void *state, struct cursor *c)
{
    struct travel_state *s = state;
    (void)d;
    s->has_place = unpack_flag(c);
    s->place.latitude = unpack_double(c);
    s->place.longitude = unpack_double(c);
    s->time_ns = unpack_time(c);
    struct bytes text = unpack_string(c, PLACE_TEXT_MAX - 1);
    if (text.len > 0)
        memcpy(s->text, text.data, text.len);
    return !cursor_is_short(c) && isfinite(s->place.latitude) && isfinite(s->place.longitude);
}

const struct detector DETECTOR_TRAVEL = {.state_size = sizeof(struct travel_state),
                                         .count = travel_count,
                                         .describe = travel_describe,
                                         .span_ns = travel_span_ns,
                                         .keep_ns = travel_keep_ns,
                                         .clear = travel_clear,
                                         .version = 1,
                                         .save = travel_save,
                                         .load = travel_load};
