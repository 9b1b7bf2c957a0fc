/*
 * Identifiers as they are published, and what they are alike.
 */
#include "tests/cmocka.h"

#include "subjects/identifier.h"

static struct countries countries_of(const char *codes)
{
    struct countries c = {0};
    struct bytes rest = bytes_of(codes);
    while (rest.len > 0) {
        assert_true(countries_add(&c, bytes_first(rest, 2)));
        rest = bytes_from(rest, 3);
    }
    return c;
}

struct example {
    enum subject_kind kind;
    const char *text, *is; /* NULL: it is none */
};

static void check_read(const struct countries *c, const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct example *e = &examples[i];
        struct identifier id;
        bool is_read = identifier_read(&id, c, e->kind, bytes_of(e->text));
        if (is_read != (e->is != NULL) || (is_read && !bytes_are(identifier_text(&id), e->is)))
            print_error("%s as %s is %.*s\n", e->text, SUBJECT_KIND_NAMES[e->kind],
                        is_read ? id.len : 4, is_read ? id.text : "none");
        assert_int_equal(is_read, e->is != NULL);
        if (is_read)
            assert_true(bytes_are(identifier_text(&id), e->is));
    }
}

static void all_ways_to_write_a_number_are_one(void **state)
{
    static const struct example examples[] = {
        {SUBJECT_MSISDN, "+46 70-123 45 67", "46701234567"},
        {SUBJECT_MSISDN, "0046701234567", "46701234567"},
        {SUBJECT_MSISDN, "0701234567", "46701234567"},
        {SUBJECT_MSISDN, "701234567", "46701234567"},
        {SUBJECT_MSISDN, "46701234567", "46701234567"},
        {SUBJECT_MSISDN, "+46 (0)70 123 45 67", "46701234567"},
        {SUBJECT_MSISDN, " 070/123.45.67 ", "46701234567"},
        {SUBJECT_MSISDN, "08-123 456 78", "46812345678"},
        {SUBJECT_MSISDN, "+46 8 123 456 78", "46812345678"},
        {SUBJECT_MSISDN, "+47 401 23 456", "4740123456"},
        {SUBJECT_MSISDN, "40123456", "4740123456"},
        {SUBJECT_MSISDN, "+45 32 12 34 56", "4532123456"},
        {SUBJECT_MSISDN, "+358 40 1234567", "358401234567"},
        {SUBJECT_MSISDN, "+82 10-1234-5678", "821012345678"},
        {SUBJECT_MSISDN, "010-1234-5678", "821012345678"},
        {SUBJECT_MSISDN, "+1 202-555-0147", "12025550147"},
        {SUBJECT_MSISDN, "+44 7700 900123", "447700900123"},
        {SUBJECT_MSISDN, "447700900123", "447700900123"},
        {SUBJECT_MSISDN, "+999 123 4567", NULL},
        {SUBJECT_MSISDN, "12345", NULL},
        {SUBJECT_MSISDN, "0000000000", NULL},
        {SUBJECT_MSISDN, "07012x4567", NULL},
        {SUBJECT_MSISDN, "+4670123456789012345", NULL},
    };
    static const struct example finnish[] = {
        {SUBJECT_MSISDN, "040 1234567", "358401234567"},
        {SUBJECT_MSISDN, "0457 123 4567", "3584571234567"},
    };
    struct countries all = countries_of("SE NO DK FI KR"), finland = countries_of("FI SE");
    (void)state;
    check_read(&all, examples, sizeof(examples) / sizeof(examples[0]));
    check_read(&finland, finnish, sizeof(finnish) / sizeof(finnish[0]));
}

static void published_examples_are_read(void **state)
{
    static const struct example examples[] = {
        {SUBJECT_CUSTOMER, "C-4711", "c-4711"},
        {SUBJECT_CUSTOMER, "4711", "4711"},
        {SUBJECT_CUSTOMER, "Anna Svensson", NULL},
        {SUBJECT_CUSTOMER, "0", NULL},
        {SUBJECT_CUSTOMER, "-1", NULL},
        {SUBJECT_CUSTOMER, "abc", NULL},
        {SUBJECT_IMSI, "310150123456789", "310150123456789"},
        {SUBJECT_IMSI, "24001123456789", "24001123456789"},
        {SUBJECT_IMSI, "999150123456789", NULL},
        {SUBJECT_ICCID, "8991101200003204510", "8991101200003204510"},
        {SUBJECT_ICCID, "8991101200003204510F", "8991101200003204510"},
        {SUBJECT_ICCID, "8891101200003204510", NULL},
        {SUBJECT_IMEI, "490154203237518", "49015420323751"},
        {SUBJECT_IMEI, "35-209900-176148-1", "35209900176148"},
        {SUBJECT_IMEI, "3520990017614823", "35209900176148"}, /* IMEISV */
        {SUBJECT_IMEI, "490154203237517", NULL},
        {SUBJECT_PERSONNUMMER, "811218-9876", "8112189876"},
        {SUBJECT_PERSONNUMMER, "19811218-9876", "8112189876"},
        {SUBJECT_PERSONNUMMER, "198112189876", "8112189876"},
        {SUBJECT_PERSONNUMMER, "811218+9876", "8112189876"},
        {SUBJECT_PERSONNUMMER, "640823-3234", "6408233234"},
        {SUBJECT_PERSONNUMMER, "701063-2391", "7010632391"}, /* samordningsnummer */
        {SUBJECT_PERSONNUMMER, "811218-9877", NULL},
        {SUBJECT_PERSONNUMMER, "811318-9875", NULL},
        {SUBJECT_FODSELSNUMMER, "13097248022", "13097248022"},
        {SUBJECT_FODSELSNUMMER, "130972 48022", "13097248022"},
        {SUBJECT_FODSELSNUMMER, "13097248023", NULL},
        {SUBJECT_FODSELSNUMMER, "13097248030", "13097248030"}, /* as from 2032 on */
        {SUBJECT_FODSELSNUMMER, "13097248065", NULL},
        {SUBJECT_CPR, "070761-4285", "0707614285"},
        {SUBJECT_CPR, "0707614285", "0707614285"},
        {SUBJECT_CPR, "320761-4285", NULL},
        {SUBJECT_HETU, "131052-308T", "131052-308T"},
        {SUBJECT_HETU, "131052-308t", "131052-308T"},
        {SUBJECT_HETU, "010594Y9032", "010594Y9032"}, /* signs of 2023 */
        {SUBJECT_HETU, "020594X903P", "020594X903P"},
        {SUBJECT_HETU, "131052-308U", NULL},
        {SUBJECT_HETU, "131052G308T", NULL},
        {SUBJECT_RRN, "201015-3123456", "2010153123456"},
        {SUBJECT_RRN, "2010153123456", "2010153123456"},
        {SUBJECT_RRN, "201315-3123456", NULL},
        {SUBJECT_IBAN, "GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"},
        {SUBJECT_IBAN, "de89370400440532013000", "DE89370400440532013000"},
        {SUBJECT_IBAN, "SE35 5000 0000 0549 1000 0003", "SE3550000000054910000003"},
        {SUBJECT_IBAN, "NO93 8601 1117 947", "NO9386011117947"},
        {SUBJECT_IBAN, "DK50 0040 0440 1162 43", "DK5000400440116243"},
        {SUBJECT_IBAN, "FI21 1234 5600 0007 85", "FI2112345600000785"},
        {SUBJECT_IBAN, "GB28 NWBK 6016 1331 9268 19", NULL},
        {SUBJECT_IBAN, "GB29 NWBK 6016 1331 9268 1", NULL},
        {SUBJECT_CARD, "4111 1111 1111 1111", "4111111111111111"},
        {SUBJECT_CARD, "5555555555554444", "5555555555554444"},
        {SUBJECT_CARD, "3782-822463-10005", "378282246310005"},
        {SUBJECT_CARD, "30569309025904", "30569309025904"},
        {SUBJECT_CARD, "4111111111111112", NULL},
        {SUBJECT_CARD, "9111111111111111", NULL},
        {SUBJECT_EMAIL, "Anna.Svensson+x@Example.com", "anna.svensson+x@example.com"},
        {SUBJECT_EMAIL, "anna@example", NULL},
        {SUBJECT_EMAIL, "anna@-example.com", NULL},
        {SUBJECT_EMAIL, "logo@2x.png", NULL},
        {SUBJECT_EMAIL, "@example.com", NULL},
        {SUBJECT_PUK, "12345678", "12345678"},
        {SUBJECT_PUK, "1234567", NULL},
    };
    struct countries all = countries_of("SE NO DK FI KR");
    (void)state;
    check_read(&all, examples, sizeof(examples) / sizeof(examples[0]));
}

static void by_form_only_what_is_unmistakable_is_taken(void **state)
{
    static const struct example examples[] = {
        {SUBJECT_MSISDN, "+46 70-123 45 67", "46701234567"},
        {SUBJECT_MSISDN, "0701234567", "46701234567"},
        {SUBJECT_MSISDN, "46701234567", NULL},
        {SUBJECT_MSISDN, "40123456", NULL},
        {SUBJECT_MSISDN, "08-123 456 78", NULL},
        {SUBJECT_PERSONNUMMER, "811218-9876", "8112189876"},
        {SUBJECT_PERSONNUMMER, "8112189876", "8112189876"},
        {SUBJECT_FODSELSNUMMER, "13097248022", "13097248022"},
        {SUBJECT_FODSELSNUMMER, "13097248030", NULL}, /* as from 2032 on */
        {SUBJECT_HETU, "131052-308T", "131052-308T"},
        {SUBJECT_IMEI, "490154203237518", "49015420323751"},
        {SUBJECT_ICCID, "8991101200003204514", "8991101200003204514"},
        {SUBJECT_IBAN, "SE35 5000 0000 0549 1000 0003", "SE3550000000054910000003"},
        {SUBJECT_CARD, "4111 1111 1111 1111", "4111111111111111"},
        {SUBJECT_CARD, "41 11 1111 1111 1111", NULL},
        {SUBJECT_EMAIL, "anna@example.com", "anna@example.com"},
        {SUBJECT_CPR, "110795-4285", NULL},
        {SUBJECT_RRN, "201015-3123456", NULL},
        {SUBJECT_PUK, "12345678", NULL},
        {SUBJECT_CUSTOMER, "C-4711", NULL},
        {SUBJECT_MSISDN, "2026-01-05", NULL},
        {SUBJECT_MSISDN, "1767605400000", NULL},
        {SUBJECT_MSISDN, "550e8400-e29b-41d4-a716-446655440000", NULL},
    };
    struct countries all = countries_of("SE NO DK FI KR");
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct example *e = &examples[i];
        struct identifier id;
        bool is_read = identifier_recognise(&id, &all, bytes_of(e->text));
        if (is_read != (e->is != NULL))
            print_error("%s: %s\n", e->text, is_read ? SUBJECT_KIND_NAMES[id.kind] : "none");
        assert_int_equal(is_read, e->is != NULL);
        if (!is_read)
            continue;
        assert_int_equal(id.kind, e->kind);
        assert_true(bytes_are(identifier_text(&id), e->is));
    }
}

/* The check digit makes no difference to who came after whom. */
static void the_number_is_what_was_counted_up(void **state)
{
    static const struct {
        enum subject_kind kind;
        const char *text;
        uint64_t number;
        size_t before;
    } examples[] = {
        {SUBJECT_CUSTOMER, "C-4711", 4711, 2},
        {SUBJECT_MSISDN, "+46701234567", 46701234567, 0},
        {SUBJECT_PERSONNUMMER, "811218-9876", 811218987, 0},
        {SUBJECT_ICCID, "8991101200003204514", 899110120000320451, 0},
        {SUBJECT_CARD, "4111111111111111", 411111111111111, 0},
    };
    struct countries all = countries_of("SE");
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct identifier id;
        uint64_t number;
        size_t before;
        assert_true(identifier_read(&id, &all, examples[i].kind, bytes_of(examples[i].text)));
        assert_true(identifier_number(&id, &number, &before));
        assert_int_equal(number, examples[i].number);
        assert_int_equal(before, examples[i].before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_to_write_a_number_are_one),
        cmocka_unit_test(published_examples_are_read),
        cmocka_unit_test(by_form_only_what_is_unmistakable_is_taken),
        cmocka_unit_test(the_number_is_what_was_counted_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
