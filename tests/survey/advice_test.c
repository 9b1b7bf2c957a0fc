#include "tests/cmocka.h"

#include "survey/advice.h"
#include "survey/starter.h"

#include <stdlib.h>

static struct findings *surveyed(const struct mirror_counters *server,
                                 const struct mirror_counters *whole, int64_t clock_jump_ns)
{
    struct findings *f = findings_open();
    const uint8_t ip[4] = {10, 0, 0, 5}, client[4] = {10, 1, 2, 3};
    struct mirror_part part = {.is_whole = true,
                               .start_ns = 1,
                               .last_ns = 2,
                               .clock_jump_ns = clock_jump_ns,
                               .counters = *whole};
    assert_non_null(f);
    findings_mirror(f, &part);
    part = (struct mirror_part){.ip = address_from_ipv4(ip), .port = 5432, .counters = *server};
    findings_mirror(f, &part);
    struct transaction tx = {.request_seen = true,
                             .server_ip = part.ip,
                             .server_port = 5432,
                             .client_ip = address_from_ipv4(client),
                             .protocol = bytes_of("postgresql"),
                             .user_name = bytes_of("ann\n\033[2J")};
    transaction_mark(&tx, FIELD_SERVER_IP);
    transaction_mark(&tx, FIELD_CLIENT_IP);
    transaction_mark(&tx, FIELD_USER_NAME);
    transaction_mark(&tx, FIELD_NETWORK_PROTOCOL);
    for (int i = 0; i < 100; i++)
        findings_transaction(f, &tx);
    return f;
}

/* What is told, each paragraph on one line. */
static char *written(const struct findings *f, size_t *count)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    *count = advice_write(f, out);
    assert_int_equal(fclose(out), 0);
    for (char *at = text; (at = strstr(at, "\n  "));)
        memmove(at, at + 2, strlen(at + 2) + 1);
    return text;
}

#define SOUND .packets = 1000, .data_packets = 500, .payload_bytes = 100000, .checksums = 900

static void each_trouble_is_told_with_its_share_and_the_server(void **state)
{
    (void)state;
    static const struct {
        struct mirror_counters counters;
        const char *says, *mends;
    } cases[] = {
        {{SOUND, .dropped = 250}, "20 % of the packets were dropped on this machine", "--workers"},
        {{SOUND, .lost_bytes = 2000}, "2.0 % of the payload bytes never came", "faster port"},
        {{SOUND, .one_sided = 250}, "50 % of the packets with data belong to", "both"},
        {{SOUND, .truncated = 1}, "0.1 % of the packets are cut short", "-s 0"},
        {{SOUND, .duplicates = 500}, "50 % of the packets come twice", "Mirror one of them"},
        {{SOUND, .reordered = 100}, "20 % of the packets with data come after", "Harmless"},
        {{SOUND, .bad_checksums = 9}, "1.0 % of the packets looked at have a wrong", "cable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count;
        struct findings *f = surveyed(&cases[i].counters, &cases[i].counters, 0);
        char *text = written(f, &count);
        assert_non_null(strstr(text, cases[i].says));
        assert_non_null(strstr(text, cases[i].mends));
        assert_int_equal(count, 1);
        free(text);
        findings_close(f);
    }
}

static void a_sound_mirror_has_no_trouble(void **state)
{
    (void)state;
    const struct mirror_counters sound = {SOUND};
    size_t count;
    struct findings *f = surveyed(&sound, &sound, 999999999);
    char *text = written(f, &count);
    assert_string_equal(text, "");
    assert_int_equal(count, 0);
    free(text);
    findings_close(f);
}

static void one_bad_server_among_many_is_named(void **state)
{
    (void)state;
    const struct mirror_counters bad = {.packets = 100, .data_packets = 50, .one_sided = 50};
    const struct mirror_counters whole = {
        .packets = 1000000, .data_packets = 500000, .one_sided = 50};
    size_t count;
    struct findings *f = surveyed(&bad, &whole, 0);
    char *text = written(f, &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(text, "most of all: 10.0.0.5:5432 100 %"));
    free(text);
    findings_close(f);
}

static void silence_and_jumps_of_the_clock_are_told(void **state)
{
    (void)state;
    const struct mirror_counters none = {0}, sound = {SOUND};
    size_t count;
    struct findings *f = surveyed(&none, &none, 0);
    char *text = written(f, &count);
    assert_non_null(strstr(text, "No packet came."));
    free(text);
    findings_close(f);
    f = surveyed(&sound, &sound, INT64_C(3600000000000));
    text = written(f, &count);
    assert_non_null(strstr(text, "clock jumped by 1 h"));
    free(text);
    findings_close(f);
}

static void the_starter_lets_nothing_from_the_wire_out_of_a_comment(void **state)
{
    (void)state;
    const struct mirror_counters sound = {SOUND};
    struct findings *f = surveyed(&sound, &sound, 0);
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    starter_write(f, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "  - name: net-10-1-2-0\n    prefixes: [\"10.1.2.0/24\"]"));
    assert_non_null(strstr(text, "ports:\n  postgresql: [5432]\n"));
    assert_non_null(strstr(text, "#   ann??[2J: 100 requests from 1 clients"));
    free(text);
    findings_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trouble_is_told_with_its_share_and_the_server),
        cmocka_unit_test(a_sound_mirror_has_no_trouble),
        cmocka_unit_test(one_bad_server_among_many_is_named),
        cmocka_unit_test(silence_and_jumps_of_the_clock_are_told),
        cmocka_unit_test(the_starter_lets_nothing_from_the_wire_out_of_a_comment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
