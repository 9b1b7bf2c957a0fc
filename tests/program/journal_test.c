#include "tests/cmocka.h"

#include "journal.h"

#include "notice_sample.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = JOURNAL_ENTRY_MAX + 256 };

/* Reads an entry as the journal does, and writes it as NAME=VALUE lines. */
static void read_entry(const char *entry, size_t len, char text[TEXT_MAX])
{
    struct bytes left = {(const uint8_t *)entry, len};
    size_t written = 0;
    text[0] = '\0';
    while (left.len > 0) {
        size_t name = bytes_index(left, '\n');
        assert_true(name > 0 && name + 9 < left.len);
        uint64_t value = 0;
        for (size_t i = 0; i < 8; i++)
            value |= (uint64_t)left.data[name + 1 + i] << 8 * i;
        assert_true(value < left.len - name - 9);
        written += (size_t)snprintf(text + written, TEXT_MAX - written, "%.*s=%.*s\n", (int)name,
                                    (const char *)left.data, (int)value,
                                    (const char *)left.data + name + 9);
        assert_int_equal(left.data[name + 9 + value], '\n');
        left = bytes_from(left, name + 10 + value);
    }
}

static void an_entry_has_the_rule_and_the_key_as_fields(void **state)
{
    (void)state;
    const struct rule rule = sample_rule("customers-day", SEVERITY_CRITICAL);
    const struct alert a = sample_alert(&rule, "a0123\nPRIORITY=0");
    const struct notice n = sample_notice(&a, "Many rows.");
    char entry[JOURNAL_ENTRY_MAX], text[TEXT_MAX];
    read_entry(entry, journal_write(&n, entry), text);
    assert_string_equal(text, "MESSAGE=Many rows.\n"
                              "PRIORITY=2\n"
                              "SYSLOG_IDENTIFIER=seepwatch\n"
                              "SEEPWATCH_TIME=2026-01-05T14:03:22.123456789Z\n"
                              "SEEPWATCH_KIND=alert\n"
                              "SEEPWATCH_RULE_ID=customers-day\n"
                              "SEEPWATCH_RULE_NAME=One account read many rows\n"
                              "SEEPWATCH_SEVERITY=critical\n"
                              "SEEPWATCH_TECHNIQUE=T1213\n"
                              "SEEPWATCH_NETWORK_NAME=stockholm-2\n"
                              "SEEPWATCH_USER_NAME=a0123\nPRIORITY=0\n");
}

static void a_value_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    static char message[JOURNAL_ENTRY_MAX];
    memset(message, 'x', sizeof(message));
    const struct rule rule = sample_rule("r", SEVERITY_INFO);
    const struct alert a = sample_alert(&rule, "u");
    struct notice n = sample_notice(&a, "");
    n.message = (struct bytes){(const uint8_t *)message, sizeof(message)};
    char entry[JOURNAL_ENTRY_MAX], text[TEXT_MAX];
    read_entry(entry, journal_write(&n, entry), text);
    assert_memory_equal(text, "PRIORITY=6\n", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_has_the_rule_and_the_key_as_fields),
        cmocka_unit_test(a_value_that_does_not_fit_is_left_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
