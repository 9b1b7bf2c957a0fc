/*
 * Counting where it is fast: whatever the place in a block of 64 bytes, and however the bytes are
 * cut, the count is the same.
 */
#include "tests/cmocka.h"

#include "analyzers/http/records.h"

#include <stdio.h>

static uint64_t count_in_pieces(enum records_format format, struct bytes text, size_t piece)
{
    struct records r;
    uint64_t count = UINT64_MAX;
    records_begin(&r, format, CSV_HEADER_BY_SHAPE, (struct bytes){NULL, 0});
    for (; text.len > 0; text = bytes_from(text, piece))
        records_take(&r, bytes_first(text, piece));
    assert_true(records_count(&r, &count));
    return count;
}

static const struct {
    enum records_format format;
    const char *text;
    uint64_t count;
} cases[] = {
    {RECORDS_JSON,
     "[{\"a\":\"]}[{\",\"b\":[1,{\"c\":[]}],\"d\":\"\\\\\"},{\"e\":\"\\\"{\"} , {},{\"f\":\"x\"}]",
     4},
    {RECORDS_JSON, "{\"x\":[],\"rows\":[[1,\"]\"],[2,\"\\\\\\\"[\"],[]],\"y\":[1,2]}", 3},
    {RECORDS_JSON, "[\"a,b\",\"[\",\"\\\"\", 17 ,null,\"\",-1]", 7},
    {RECORDS_JSON, "{\"one\":[{}],\"two\":[{\"k\":{\"l\":{\"m\":\"}}}\"}}},{}],\"n\":1}", 2},
    {RECORDS_CSV, "a,b\n\"x\n\"\"y\"\"\n\",1\nz,\"\"\n", 2},
    {RECORDS_LINES, "{}\n \r\n{}\n{}", 3},
    {RECORDS_HTML, "<table><tr><th>a<tr><td>b<td>c</tr><tr><td title='<tr><td>'>d</table>", 2},
    {RECORDS_XML, "<l><h/><i><a/><a/><a/></i><i/><!-- <i/> --><i x='/'></i></l>", 3},
};

static void the_count_depends_on_no_place_and_no_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t blanks = 0; blanks < 70; blanks++) {
            char text[256];
            /* blanks mean something before the first row of CSV only */
            int len = snprintf(text, sizeof(text), "%.1s%*s%s%*s", cases[i].text,
                               cases[i].format == RECORDS_JSON ? (int)blanks : 0, "",
                               cases[i].text + 1, (int)blanks, "");
            struct bytes whole = {(const uint8_t *)text, (size_t)len};
            for (size_t piece = 1; piece <= whole.len; piece += piece < 4 ? 1 : 13) {
                uint64_t count = count_in_pieces(cases[i].format, whole, piece);
                if (count != cases[i].count)
                    fail_msg("%s: %d in pieces of %zu", text, (int)count, piece);
            }
        }
    }
}

/* More levels than anything counts, and brackets that nothing opened. */
static void depth_without_end_is_counted_and_no_more(void **state)
{
    (void)state;
    struct records r;
    uint64_t count;
    for (int way = 0; way < 3; way++) {
        struct bytes none = {NULL, 0};
        records_begin(&r, way == 2 ? RECORDS_XML : RECORDS_JSON, CSV_HEADER_BY_SHAPE, none);
        for (int i = 0; i < 100000; i++)
            records_take(&r, bytes_of(way == 0 ? "[{" : way == 1 ? "}]" : "<a>"));
        (void)records_count(&r, &count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_depends_on_no_place_and_no_cut),
        cmocka_unit_test(depth_without_end_is_counted_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
