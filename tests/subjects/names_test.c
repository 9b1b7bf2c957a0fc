/*
 * What names say, however they are written.
 */
#include "tests/cmocka.h"

#include "subjects/names.h"

static void names_are_known_in_all_languages(void **state)
{
    static const struct {
        const char *name;
        enum subject_kind kind;
    } cases[] = {
        {"customer_id", SUBJECT_CUSTOMER},
        {"customerId", SUBJECT_CUSTOMER},
        {"CUSTOMER-ID", SUBJECT_CUSTOMER},
        {"Customer No.", SUBJECT_CUSTOMER},
        {"kundnr", SUBJECT_CUSTOMER},
        {"Kund-nr", SUBJECT_CUSTOMER},
        {"abonnementsnummer", SUBJECT_CUSTOMER},
        {"Kundennummer", SUBJECT_CUSTOMER},
        {"\xea\xb3\xa0\xea\xb0\x9d\xeb\xb2\x88\xed\x98\xb8", SUBJECT_CUSTOMER},
        {"msisdn", SUBJECT_MSISDN},
        {"MSISDN_B", SUBJECT_MSISDN},
        {"mobilnummer", SUBJECT_MSISDN},
        {"tlf", SUBJECT_MSISDN},
        {"rufnummer", SUBJECT_MSISDN},
        {"contact_phone_number", SUBJECT_MSISDN},
        {"imsi", SUBJECT_IMSI},
        {"sim_serial", SUBJECT_ICCID},
        {"IMEI", SUBJECT_IMEI},
        {"personnummer", SUBJECT_PERSONNUMMER},
        {"ssn", SUBJECT_PERSONNUMMER},
        {"f\xc3\xb8"
         "dselsnummer",
         SUBJECT_FODSELSNUMMER},
        {"cpr_nr", SUBJECT_CPR},
        {"hetu", SUBJECT_HETU},
        {"juminNo", SUBJECT_RRN},
        {"iban", SUBJECT_IBAN},
        {"card_number", SUBJECT_CARD},
        {"E-post", SUBJECT_EMAIL},
        {"customer_email", SUBJECT_EMAIL},
        {"puk1", SUBJECT_PUK},
        {"id", SUBJECT_NONE},
        {"name", SUBJECT_NONE},
        {"sendEmail", SUBJECT_NONE},
        {"", SUBJECT_NONE},
        {"created_at", SUBJECT_NONE},
        {"client_id", SUBJECT_NONE},
    };
    struct names *n = names_open();
    (void)state;
    assert_non_null(n);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (names_find(n, bytes_of(cases[i].name)) != cases[i].kind)
            print_error("%s\n", cases[i].name);
        assert_int_equal(names_find(n, bytes_of(cases[i].name)), cases[i].kind);
    }
    names_close(n);
}

static void the_operators_names_go_first(void **state)
{
    struct names *n = names_open();
    (void)state;
    assert_non_null(n);
    assert_true(names_add(n, bytes_of("msisdn_hash"), SUBJECT_NONE));
    assert_true(names_add(n, bytes_of("acct_*_ref"), SUBJECT_CUSTOMER));
    assert_true(names_add(n, bytes_of("tel*"), SUBJECT_CUSTOMER));
    assert_true(names_add(n, bytes_of("email"), SUBJECT_CUSTOMER));
    assert_int_equal(names_find(n, bytes_of("msisdnHash")), SUBJECT_NONE);
    assert_int_equal(names_find(n, bytes_of("msisdn")), SUBJECT_MSISDN);
    assert_int_equal(names_find(n, bytes_of("acctOldRef")), SUBJECT_CUSTOMER);
    assert_int_equal(names_find(n, bytes_of("acct_old_refs")), SUBJECT_NONE);
    assert_int_equal(names_find(n, bytes_of("telefon")), SUBJECT_CUSTOMER);
    assert_int_equal(names_find(n, bytes_of("e-mail")), SUBJECT_CUSTOMER);
    names_close(n);
}

static void names_are_bounded(void **state)
{
    struct names *n = names_open();
    char name[NAME_MAX_LEN + 2], glob[8];
    size_t globs = 0, own = 0;
    (void)state;
    assert_non_null(n);
    memset(name, 'x', sizeof(name));
    assert_false(
        names_add(n, (struct bytes){(const uint8_t *)name, NAME_MAX_LEN + 1}, SUBJECT_CUSTOMER));
    assert_false(names_add(n, bytes_of("_-"), SUBJECT_CUSTOMER));
    for (int i = 0; i < 1000; i++) {
        for (int k = 0, number = i; k < 4; k++, number /= 10)
            glob[k] = (char)('0' + number % 10);
        own += names_add(n, (struct bytes){(const uint8_t *)glob, 4}, SUBJECT_CUSTOMER);
        glob[4] = '*';
        globs += names_add(n, (struct bytes){(const uint8_t *)glob, 5}, SUBJECT_CUSTOMER);
    }
    assert_int_equal(own, NAMES_OWN_MAX);
    assert_int_equal(globs, NAMES_GLOBS_MAX);
    assert_int_equal(names_find(n, bytes_of("msisdn")), SUBJECT_MSISDN);
    names_close(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_known_in_all_languages),
        cmocka_unit_test(the_operators_names_go_first),
        cmocka_unit_test(names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
