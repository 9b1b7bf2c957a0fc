/*
 * Local time from the system's tzdata: both turns of summer time, and years behind the file's.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/zone.h"

#include <stdio.h>

static int64_t at(const char *time)
{
    int64_t ns;
    assert_true(clock_parse(&ns, bytes_of(time)));
    return ns;
}

static void the_clock_on_the_wall_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *time;
        unsigned hour, weekday;
    } cases[] = {
        {"Europe/Stockholm", "2026-01-05T08:00:00Z", 9, 0},
        {"Europe/Stockholm", "2026-07-05T22:30:00Z", 0, 0}, /* Sunday in Greenwich */
        {"Europe/Stockholm", "2026-03-29T00:59:59Z", 1, 6},
        {"Europe/Stockholm", "2026-03-29T01:00:00Z", 3, 6},
        {"Europe/Stockholm", "2026-10-25T00:59:59Z", 2, 6},
        {"Europe/Stockholm", "2026-10-25T01:00:00Z", 2, 6},
        {"Europe/Stockholm", "2090-07-01T12:00:00Z", 14, 5},
        {"Europe/Stockholm", "2090-12-01T12:00:00Z", 13, 4},
        {"America/New_York", "2026-07-01T03:59:00Z", 23, 1},
        {"Australia/Sydney", "2090-01-02T00:00:00Z", 11, 0},
        {"Asia/Kolkata", "2026-01-01T18:45:00Z", 0, 4},
        {"UTC", "2026-01-01T18:45:00Z", 18, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error;
        struct zone *z;
        if (!zone_open(&z, bytes_of(cases[i].zone), &error))
            fail_msg("%s", error.text);
        int64_t ns = at(cases[i].time);
        if (zone_hour(z, ns) != cases[i].hour || zone_weekday(z, ns) != cases[i].weekday)
            fail_msg("%s %s: %u, day %u", cases[i].zone, cases[i].time, zone_hour(z, ns),
                     zone_weekday(z, ns));
        zone_close(z);
    }
    assert_int_equal(zone_hour(NULL, at("2026-01-01T18:45:00Z")), 18);
}

static void midnight_is_where_the_zone_has_it(void **state)
{
    (void)state;
    struct error error;
    struct zone *z;
    assert_true(zone_open(&z, bytes_of("Europe/Stockholm"), &error));
    assert_int_equal(zone_to_utc(z, at("2026-01-01T00:00:00Z")), at("2025-12-31T23:00:00Z"));
    assert_int_equal(zone_to_utc(z, at("2026-07-01T00:00:00Z")), at("2026-06-30T22:00:00Z"));
    zone_close(z);
}

static void what_is_no_zone_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "../../../etc/passwd", "/etc/localtime", "Europe/Nowhere", "tzdata.zi", "Europe"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct error error = {.kind = ERROR_WORK};
        struct zone *z;
        assert_false(zone_open(&z, bytes_of(names[i]), &error));
        assert_null(z);
        assert_int_equal(error.kind, ERROR_USAGE);
    }
}

/* Every beginning of a file, and the file with one byte turned, does no harm. */
static void a_broken_file_does_no_harm(void **state)
{
    (void)state;
    static uint8_t data[65536];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Stockholm", "rb");
    assert_non_null(file);
    size_t len = fread(data, 1, sizeof(data), file);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < len; i++) {
        zone_close(zone_parse((struct bytes){data, i}));
        data[i] ^= 0xff;
        zone_close(zone_parse((struct bytes){data, len}));
        data[i] ^= 0xff;
    }
    struct zone *whole = zone_parse((struct bytes){data, len});
    assert_non_null(whole);
    zone_close(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_on_the_wall_is_told),
        cmocka_unit_test(midnight_is_where_the_zone_has_it),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(a_broken_file_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
