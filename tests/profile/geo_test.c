#include "tests/cmocka.h"

#include "profile/geo.h"
#include "tests/profile/mmdb.h"

#include <math.h>

static void open_all(struct geo **g, struct mmdb *files, size_t count)
{
    char *paths[GEO_FILES_MAX];
    struct error error;
    for (size_t i = 0; i < count; i++) {
        mmdb_end(&files[i]);
        mmdb_save(&files[i], files[i].file_len);
        paths[i] = files[i].path;
    }
    assert_true(geo_open(g, paths, count, &error));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(unlink(paths[i]), 0);
}

static struct geo_place find(struct geo *g, const char *text)
{
    struct address a;
    struct geo_place place;
    assert_true(address_parse(&a, bytes_of(text)));
    geo_find(g, &a, &place);
    return place;
}

static void knows_nothing(struct geo *g, const char *address)
{
    struct geo_place place = find(g, address);
    assert_int_equal(place.country.len, 0);
    assert_int_equal(place.city.len, 0);
    assert_int_equal(place.as_organization.len, 0);
    assert_false(place.has_location);
    assert_false(place.has_as_number);
}

static void city_entry(struct mmdb *m, const char *country, const char *city, double latitude)
{
    mmdb_map(m, 4);
    mmdb_text(m, "continent");
    mmdb_text(m, "EU");
    mmdb_text(m, "country");
    mmdb_map(m, 1);
    mmdb_text(m, "iso_code");
    mmdb_text(m, country);
    mmdb_text(m, "city");
    mmdb_map(m, 1);
    mmdb_text(m, "names");
    mmdb_map(m, 2);
    mmdb_text(m, "de");
    mmdb_text(m, "andere");
    mmdb_text(m, "en");
    mmdb_text(m, city);
    mmdb_text(m, "location");
    mmdb_map(m, 2);
    mmdb_text(m, "latitude");
    mmdb_double(m, latitude);
    mmdb_text(m, "longitude");
    mmdb_double(m, 17.5);
}

static void country_entry(struct mmdb *m, const char *country)
{
    mmdb_map(m, 1);
    mmdb_text(m, "country_code");
    mmdb_text(m, country);
}

static void maxminds_city_layout_is_read(void **state)
{
    (void)state;
    struct mmdb m;
    struct geo *g;
    mmdb_begin(&m, 6);
    mmdb_prefix(&m, "192.0.2.0/24");
    city_entry(&m, "SE", "Uppsala", 59.25);
    mmdb_prefix(&m, "2001:db8::/32");
    city_entry(&m, "NO", "Bergen", -60);
    open_all(&g, &m, 1);
    for (int round = 0; round < 2; round++) { /* the second from the cache */
        struct geo_place place = find(g, "192.0.2.77");
        assert_true(bytes_are(place.country, "SE"));
        assert_true(bytes_are(place.city, "Uppsala"));
        assert_true(place.has_location);
        assert_true(place.location.latitude > 59.2 && place.location.latitude < 59.3);
        assert_true(place.location.longitude > 17.4 && place.location.longitude < 17.6);
        assert_false(place.has_as_number);
        place = find(g, "2001:db8:7::1");
        assert_true(bytes_are(place.country, "NO"));
        knows_nothing(g, "192.0.3.1");
        knows_nothing(g, "2001:db9::1");
    }
    assert_int_equal(geo_misreads(g), 0);
    geo_close(g);
}

static void the_flat_layout_is_read(void **state)
{
    (void)state;
    struct mmdb m;
    struct geo *g;
    mmdb_begin(&m, 6);
    mmdb_prefix(&m, "192.0.2.0/24");
    mmdb_map(&m, 4);
    mmdb_text(&m, "country_code");
    mmdb_text(&m, "DK");
    mmdb_text(&m, "city");
    mmdb_text(&m, "Aarhus");
    mmdb_text(&m, "latitude");
    mmdb_float(&m, 56.25f);
    mmdb_text(&m, "longitude");
    mmdb_float(&m, 10.25f);
    open_all(&g, &m, 1);
    struct geo_place place = find(g, "192.0.2.77");
    assert_true(bytes_are(place.country, "DK"));
    assert_true(bytes_are(place.city, "Aarhus"));
    assert_true(place.has_location);
    assert_true(place.location.latitude > 56.2 && place.location.latitude < 56.3);
    geo_close(g);
}

static void files_complete_each_other(void **state)
{
    (void)state;
    static struct mmdb files[3];
    struct geo *g;
    mmdb_begin(&files[0], 4);
    mmdb_prefix(&files[0], "192.0.2.0/24");
    country_entry(&files[0], "SE");
    mmdb_begin(&files[1], 6);
    mmdb_prefix(&files[1], "192.0.0.0/16");
    city_entry(&files[1], "NO", "Bergen", 60);
    mmdb_begin(&files[2], 6);
    mmdb_prefix(&files[2], "192.0.2.0/25");
    mmdb_map(&files[2], 2);
    mmdb_text(&files[2], "autonomous_system_number");
    mmdb_u32(&files[2], 4200000000);
    mmdb_text(&files[2], "autonomous_system_organization");
    mmdb_text(&files[2], "Example Net");
    open_all(&g, files, 3);
    struct geo_place place = find(g, "192.0.2.7");
    assert_true(bytes_are(place.country, "SE"));
    assert_true(bytes_are(place.city, "Bergen"));
    assert_true(place.has_as_number);
    assert_int_equal(place.as_number, 4200000000);
    assert_true(bytes_are(place.as_organization, "Example Net"));
    place = find(g, "192.0.2.200");
    assert_false(place.has_as_number);
    assert_true(bytes_are(find(g, "192.0.9.9").country, "NO"));
    geo_close(g);
}

static void an_ipv6_address_is_unknown_to_an_ipv4_file(void **state)
{
    (void)state;
    struct mmdb m;
    struct geo *g;
    mmdb_begin(&m, 4);
    mmdb_prefix(&m, "192.0.2.0/24");
    country_entry(&m, "SE");
    open_all(&g, &m, 1);
    knows_nothing(g, "2001:db8::1");
    assert_true(bytes_are(find(g, "192.0.2.1").country, "SE"));
    assert_true(bytes_are(find(g, "::ffff:192.0.2.1").country, "SE"));
    assert_int_equal(geo_misreads(g), 0);
    geo_close(g);
}

static void values_that_make_no_sense_are_unknown(void **state)
{
    (void)state;
    static const char *const countries[] = {"se", "S", "", "SWE", "S\xc3"};
    static const double latitudes[] = {90.5, -91, NAN, INFINITY};
    for (size_t i = 0; i < 5; i++) {
        struct mmdb m;
        struct geo *g;
        mmdb_begin(&m, 4);
        mmdb_prefix(&m, "192.0.2.0/24");
        city_entry(&m, countries[i], "Uppsala", latitudes[i % 4]);
        mmdb_prefix(&m, "192.0.3.0/24"); /* and values of other types */
        mmdb_map(&m, 5);
        mmdb_text(&m, "country_code");
        mmdb_u16(&m, 7);
        mmdb_text(&m, "city");
        mmdb_map(&m, 0);
        mmdb_text(&m, "latitude");
        mmdb_text(&m, "59.3");
        mmdb_text(&m, "longitude");
        mmdb_double(&m, 17);
        mmdb_text(&m, "autonomous_system_number");
        mmdb_text(&m, "AS1");
        open_all(&g, &m, 1);
        struct geo_place place = find(g, "192.0.2.1");
        assert_int_equal(place.country.len, 0);
        assert_false(place.has_location);
        assert_true(bytes_are(place.city, "Uppsala"));
        knows_nothing(g, "192.0.3.1");
        geo_close(g);
    }
}

static void a_long_name_is_cut(void **state)
{
    (void)state;
    struct mmdb m;
    struct geo *g;
    char name[301] = {0};
    memset(name, 'n', 300);
    mmdb_begin(&m, 4);
    mmdb_prefix(&m, "192.0.2.0/24");
    city_entry(&m, "SE", name, 59);
    open_all(&g, &m, 1);
    assert_int_equal(find(g, "192.0.2.1").city.len, GEO_TEXT_MAX);
    geo_close(g);
}

static void more_addresses_than_the_cache_holds_are_still_found(void **state)
{
    (void)state;
    struct mmdb m;
    struct geo *g;
    mmdb_begin(&m, 4);
    mmdb_prefix(&m, "10.0.0.0/9");
    country_entry(&m, "SE");
    open_all(&g, &m, 1);
    for (uint32_t i = 0; i < GEO_CACHE_MAX + 1000; i++) {
        uint8_t octets[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        struct address a = address_from_ipv4(octets);
        struct geo_place place;
        geo_find(g, &a, &place);
        assert_true(bytes_are(place.country, "SE"));
    }
    assert_true(bytes_are(find(g, "10.0.0.0").country, "SE"));
    knows_nothing(g, "10.128.0.0");
    geo_close(g);
}

static void files_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    struct error error;
    struct geo *g = NULL;
    char *missing[] = {(char[]){"/nonexistent/geo.mmdb"}};
    assert_false(geo_open(&g, missing, 1, &error));
    assert_int_equal(error.kind, ERROR_WORK);
    assert_string_equal(error.text,
                        "/nonexistent/geo.mmdb: cannot be read: No such file or directory");
    char *many[GEO_FILES_MAX + 1] = {0};
    assert_false(geo_open(&g, many, GEO_FILES_MAX + 1, &error));
    struct mmdb m = {.file = "no database", .file_len = 11};
    mmdb_save(&m, m.file_len);
    assert_false(geo_open(&g, (char *[]){m.path}, 1, &error));
    assert_non_null(strstr(error.text, "no sound MMDB file"));
    assert_int_equal(unlink(m.path), 0);
    assert_null(g);
    geo_close(NULL);
}

/* Opens and asks; what comes out does not matter, only that nothing breaks. */
static bool survives(struct mmdb *m, size_t len)
{
    struct geo *g;
    struct error error;
    mmdb_save(m, len);
    bool is_open = geo_open(&g, (char *[]){m->path}, 1, &error);
    if (is_open) {
        (void)find(g, "192.0.2.1");
        (void)find(g, "192.0.3.1");
        (void)find(g, "2001:db8::1");
        geo_close(g);
    }
    assert_int_equal(unlink(m->path), 0);
    return is_open;
}

static void a_damaged_file_is_refused_or_gives_nothing(void **state)
{
    (void)state;
    struct mmdb m;
    mmdb_begin(&m, 6);
    mmdb_prefix(&m, "192.0.2.0/24");
    city_entry(&m, "SE", "Uppsala", 59);
    mmdb_end(&m);
    for (size_t len = 0; len < m.file_len; len += 3)
        assert_false(survives(&m, len));
    assert_true(survives(&m, m.file_len));
    for (size_t i = 0; i < m.file_len; i++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xff};
        m.file[i] ^= flips[i % 3];
        (void)survives(&m, m.file_len);
        m.file[i] ^= flips[i % 3];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maxminds_city_layout_is_read),
        cmocka_unit_test(the_flat_layout_is_read),
        cmocka_unit_test(files_complete_each_other),
        cmocka_unit_test(an_ipv6_address_is_unknown_to_an_ipv4_file),
        cmocka_unit_test(values_that_make_no_sense_are_unknown),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(more_addresses_than_the_cache_holds_are_still_found),
        cmocka_unit_test(files_that_cannot_be_read_are_refused),
        cmocka_unit_test(a_damaged_file_is_refused_or_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
