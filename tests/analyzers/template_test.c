/*
 * Which segments of a path are identifiers.
 */
#include "tests/cmocka.h"

#include "analyzers/http/template.h"

static const struct {
    const char *path, *template;
} cases[] = {
    {"/", "/"},
    {"", ""},
    {"*", "*"},
    {"/index.html", "/index.html"},
    {"/customers/4711", "/customers/{id}"},
    {"/customers/4711/orders/7", "/customers/{id}/orders/{id}"},
    {"/v1/users/", "/v1/users/"},
    {"//a//b", "//a//b"},
    {"/api/v2/customers?msisdn=46701234567", "/api/v2/customers"},
    {"/a#46701234567", "/a"},
    {"/a;jsessionid=0123ABCD/b", "/a/b"},
    {"/subscriber/+46701234567", "/subscriber/{id}"},
    {"/subscriber/%2B46701234567", "/subscriber/{id}"},
    {"/subscriber/070-123%2045%2067", "/subscriber/{id}"},
    {"/mail/anna@example.se", "/mail/{id}.se"},
    {"/mail/anna%40example", "/mail/{id}"},
    {"/name/Anna%20Svensson", "/name/{id}"},
    {"/name/J%C3%B6rg", "/name/{id}"},
    {"/name/J\xc3\xb6rg", "/name/{id}"},
    {"/id/%34%37%31%31", "/id/{id}"},
    {"/i/AB1234", "/i/{id}"},
    {"/i/order2024", "/i/order2024"},
    {"/i/2024-01-05", "/i/{id}"},
    {"/u/abcdefab-cdef-abcd-efab-cdefabcdefab", "/u/{id}"},
    {"/h/deadbeef", "/h/deadbeef"},
    {"/h/deadbee1", "/h/{id}"},
    {"/t/eyJhbGciOiJIUzI1NiJ9", "/t/{id}"},
    {"/t/CustomerAddressService", "/t/CustomerAddressService"},
    {"/l/abcdefghij-abcdefghij-abcdefghij-abcdefghij", "/l/{id}"},
    {"/f/12345.json", "/f/{id}.json"},
    {"/f/report.pdf", "/f/report.pdf"},
    {"/f/jquery-3.6.0.min.js", "/f/jquery-3.6.0.min.js"},
    {"/f/12.34567", "/f/{id}"},
    {"/odata/Customers(4711)/Orders('A')", "/odata/Customers({id})/Orders({id})"},
    {"/user=anna/x", "/user={id}/x"},
    {"/100%/%zz/%4", "/{id}/%zz/{id}"},
};

static void identifiers_are_left_out_of_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[TEMPLATE_MAX];
        struct bytes is = {(const uint8_t *)out, template_write(bytes_of(cases[i].path), out)};
        if (!bytes_are(is, cases[i].template))
            print_error("%s is %.*s\n", cases[i].path, (int)is.len, out);
        assert_true(bytes_are(is, cases[i].template));
    }
}

static void a_long_path_ends_after_a_whole_segment(void **state)
{
    enum { SEGMENT = 8, LEN = 200 * SEGMENT };
    char path[LEN + 1], out[TEMPLATE_MAX];
    (void)state;
    for (size_t i = 0; i < LEN; i += SEGMENT)
        memcpy(path + i, "/folders", SEGMENT);
    path[LEN] = '\0';
    size_t len = template_write(bytes_of(path), out);
    assert_true(len <= TEMPLATE_MAX && len > TEMPLATE_MAX - 2 * SEGMENT);
    assert_int_equal(len % SEGMENT, 1);
    assert_int_equal(out[len - 1], '/');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_left_out_of_paths),
        cmocka_unit_test(a_long_path_ends_after_a_whole_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
