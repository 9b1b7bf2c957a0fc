#include "tests/cmocka.h"

#include "rules/text.h"

static void control_characters_never_come_through(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain åäö €", "plain åäö €"},
        {"\x1b[31mred\x7f", "?[31mred?"},
        {"a\r\nb\tc", "a??b?c"},
        {"\xc2\x9b"
         "1m",
         "?1m"}, /* C1: CSI in one character */
        {"\xe2\x80\xae"
         "txt",
         "?txt"}, /* turns the direction of writing */
        {"\xe2\x81\xa6"
         "txt",
         "?txt"},
        {"\xff\xfe", "??"},
        {"\xed\xa0\x80", "???"}, /* a surrogate */
        {"\xc0\x80", "??"},      /* an overlong zero */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[64];
        struct text t = text_over(buffer, sizeof(buffer));
        text_add_bytes(&t, bytes_of(cases[i].in));
        assert_string_equal(buffer, cases[i].out);
        assert_false(t.is_cut);
    }
}

static void a_text_is_cut_between_two_characters(void **state)
{
    (void)state;
    char buffer[6];
    struct text t = text_over(buffer, sizeof(buffer));
    text_add_bytes(&t, bytes_of("abcd€"));
    assert_string_equal(buffer, "abcd");
    assert_true(t.is_cut);
    t = text_over(buffer, sizeof(buffer));
    text_add(&t, "%s", "123456789");
    assert_string_equal(buffer, "12345");
    assert_true(t.is_cut);
    text_add(&t, "more");
    assert_string_equal(buffer, "12345");
    assert_int_equal(text_cut(bytes_of("ab€"), 4).len, 2);
    assert_int_equal(text_cut(bytes_of("ab€"), 5).len, 5);
    assert_int_equal(text_cut(bytes_of("\x80\x80\x80"), 2).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_never_come_through),
        cmocka_unit_test(a_text_is_cut_between_two_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
