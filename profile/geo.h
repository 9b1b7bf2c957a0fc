/*
 * Where an address is: country, city, location and autonomous system, out of MMDB files (the
 * MaxMind DB format, https://maxmind.github.io/MaxMind-DB/).  The one file around libmaxminddb.
 *
 * Two layouts are read: MaxMind's (country.iso_code, city.names.en, location.latitude and
 * .longitude) and the flat one of @ip-location-db (country_code, city, latitude, longitude); both
 * name the autonomous system alike.
 */
#ifndef SEEPWATCH_PROFILE_GEO_H
#define SEEPWATCH_PROFILE_GEO_H

#include "core/address.h"
#include "core/error.h"
#include "core/transaction.h"

enum {
    GEO_FILES_MAX = 8,
    GEO_TEXT_MAX = 256,    /* bytes of a city's or an organization's name; the rest is cut */
    GEO_CACHE_MAX = 65536, /* addresses whose places are remembered */
};

struct geo;

/* What is known of an address; an empty text is unknown. */
struct geo_place {
    struct bytes country; /* ISO 3166-1, two capital letters */
    struct bytes city, as_organization;
    struct place location;
    uint64_t as_number;
    bool has_location, has_as_number;
};

/*
 * geo_open opens one or more files; each contributes what the ones before it do not know.  False
 * where one cannot be read or is no sound MMDB file.  The files are mapped: they may be replaced by
 * others while they are open, but not written to.
 */
bool geo_open(struct geo **g, char *const *paths, size_t count, struct error *error)
    __attribute__((warn_unused_result));
void geo_close(struct geo *g);

/* geo_find tells what the files know of the address.  The texts are good until geo_close. */
void geo_find(struct geo *g, const struct address *address, struct geo_place *place);

/* geo_misreads counts look-ups that failed on a broken part of a file. */
uint64_t geo_misreads(const struct geo *g);

#endif
