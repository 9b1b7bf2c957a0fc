/*
 * Reading MMDB files through libmaxminddb.  A look-up there costs about a microsecond, so the last
 * places are kept.  What a file says is checked before it is believed: a value of another type, a
 * country that is not two letters or a location off the globe is unknown.
 */
#include "profile/geo.h"

#include "core/table.h"

#include <errno.h>
#include <math.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>

struct geo {
    struct table *cache; /* of struct geo_place by struct address */
    uint64_t misreads;
    size_t count;
    MMDB_s files[GEO_FILES_MAX];
};

enum { PATH_DEPTH_MAX = 4 };

/* The two layouts' ways to a value; NULL ends a path. */
static const char *const country_paths[][PATH_DEPTH_MAX] = {{"country", "iso_code"},
                                                            {"country_code"}};
static const char *const city_paths[][PATH_DEPTH_MAX] = {{"city", "names", "en"}, {"city"}};
static const char *const latitude_paths[][PATH_DEPTH_MAX] = {{"location", "latitude"},
                                                             {"latitude"}};
static const char *const longitude_paths[][PATH_DEPTH_MAX] = {{"location", "longitude"},
                                                              {"longitude"}};
static const char *const organization_path[PATH_DEPTH_MAX] = {"autonomous_system_organization"};
static const char *const as_number_path[PATH_DEPTH_MAX] = {"autonomous_system_number"};

static bool file_open(MMDB_s *file, const char *path, struct error *error)
{
    int status = MMDB_open(path, MMDB_MODE_MMAP, file);
    if (status == MMDB_SUCCESS)
        return true;
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return error_set(error, ERROR_WORK, "%s: cannot be read: %s", path,
                         errno ? strerror(errno) : MMDB_strerror(status));
    return error_set(error, ERROR_WORK, "%s: no sound MMDB file: %s", path, MMDB_strerror(status));
}

bool geo_open(struct geo **g, char *const *paths, size_t count, struct error *error)
{
    if (count > GEO_FILES_MAX)
        return error_set(error, ERROR_USAGE, "%zu geo files are given, and %d are the most", count,
                         GEO_FILES_MAX);
    struct geo *opened = calloc(1, sizeof(*opened));
    struct table_config config = {.entries_max = GEO_CACHE_MAX,
                                  .key_size = sizeof(struct address),
                                  .value_size = sizeof(struct geo_place)};
    if (!opened || !(opened->cache = table_open(&config))) {
        free(opened);
        return error_set(error, ERROR_WORK, "no memory for the geo files");
    }
    for (; opened->count < count; opened->count++) {
        errno = 0;
        if (!file_open(&opened->files[opened->count], paths[opened->count], error)) {
            geo_close(opened);
            return false;
        }
    }
    *g = opened;
    return true;
}

void geo_close(struct geo *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++)
        MMDB_close(&g->files[i]);
    table_close(g->cache);
    free(g);
}

/* The value at that path; false where the entry has none there. */
static bool value_at(MMDB_entry_s *entry, const char *const *path, MMDB_entry_data_s *value)
{
    return MMDB_aget_value(entry, value, path) == MMDB_SUCCESS && value->has_data;
}

static struct bytes text_at(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s value;
    if (!value_at(entry, path, &value) || value.type != MMDB_DATA_TYPE_UTF8_STRING)
        return (struct bytes){NULL, 0};
    struct bytes text = {(const uint8_t *)value.utf8_string, value.data_size};
    return bytes_first(text, GEO_TEXT_MAX);
}

static struct bytes country_at(MMDB_entry_s *entry, const char *const *path)
{
    struct bytes text = text_at(entry, path);
    bool is_code = text.len == 2;
    for (size_t i = 0; i < text.len; i++)
        is_code = is_code && text.data[i] >= 'A' && text.data[i] <= 'Z';
    return is_code ? text : (struct bytes){NULL, 0};
}

static bool degrees_at(MMDB_entry_s *entry, const char *const *path, double limit, double *degrees)
{
    MMDB_entry_data_s value;
    if (!value_at(entry, path, &value))
        return false;
    if (value.type == MMDB_DATA_TYPE_DOUBLE)
        *degrees = value.double_value;
    else if (value.type == MMDB_DATA_TYPE_FLOAT)
        *degrees = (double)value.float_value;
    else
        return false;
    return fabs(*degrees) <= limit; /* false of NaN */
}

static bool number_at(MMDB_entry_s *entry, const char *const *path, uint64_t *number)
{
    MMDB_entry_data_s value;
    if (!value_at(entry, path, &value))
        return false;
    switch (value.type) {
    case MMDB_DATA_TYPE_UINT16:
        *number = value.uint16;
        return true;
    case MMDB_DATA_TYPE_UINT32:
        *number = value.uint32;
        return true;
    case MMDB_DATA_TYPE_UINT64:
        *number = value.uint64;
        return true;
    default:
        return false;
    }
}

/* Adds what the entry knows and the files before it did not. */
static void place_add(struct geo_place *place, MMDB_entry_s *entry)
{
    enum { LAYOUTS = 2 };
    for (size_t i = 0; i < LAYOUTS; i++) {
        if (place->country.len == 0)
            place->country = country_at(entry, country_paths[i]);
        if (place->city.len == 0)
            place->city = text_at(entry, city_paths[i]);
        struct place at;
        if (!place->has_location && degrees_at(entry, latitude_paths[i], 90, &at.latitude) &&
            degrees_at(entry, longitude_paths[i], 180, &at.longitude)) {
            place->location = at;
            place->has_location = true;
        }
    }
    if (place->as_organization.len == 0)
        place->as_organization = text_at(entry, organization_path);
    if (!place->has_as_number)
        place->has_as_number = number_at(entry, as_number_path, &place->as_number);
}

/* A look-up in one file; an IPv6 address is unknown to an IPv4 file. */
static bool file_find(const MMDB_s *file, const struct address *address, MMDB_entry_s *entry,
                      bool *is_broken)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } socket = {0};
    if (address_is_ipv4(address)) {
        socket.in.sin_family = AF_INET;
        memcpy(&socket.in.sin_addr, address->octets + 12, 4);
    } else if (file->metadata.ip_version == 6) {
        socket.in6.sin6_family = AF_INET6;
        memcpy(&socket.in6.sin6_addr, address->octets, 16);
    } else {
        return false;
    }
    int status = MMDB_SUCCESS;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(file, &socket.any, &status);
    *is_broken = status != MMDB_SUCCESS;
    *entry = found.entry;
    return status == MMDB_SUCCESS && found.found_entry;
}

static void place_read(struct geo *g, const struct address *address, struct geo_place *place)
{
    *place = (struct geo_place){0};
    for (size_t i = 0; i < g->count; i++) {
        MMDB_entry_s entry;
        bool is_broken = false;
        if (file_find(&g->files[i], address, &entry, &is_broken))
            place_add(place, &entry);
        g->misreads += is_broken;
    }
}

void geo_find(struct geo *g, const struct address *address, struct geo_place *place)
{
    bool is_new;
    struct geo_place *kept = table_touch(g->cache, address, &is_new);
    if (!kept) { /* no memory for the cache */
        place_read(g, address, place);
        return;
    }
    if (is_new)
        place_read(g, address, kept);
    *place = *kept;
}

uint64_t geo_misreads(const struct geo *g)
{
    return g->misreads;
}
