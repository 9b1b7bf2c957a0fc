/*
 * Bodies tell the same customers however they are cut: what is read where it lies, and at once,
 * where it is all there, is read byte by byte where it is not.
 */
#include "tests/cmocka.h"

#include "analyzers/http/body_subjects.h"
#include "core/transaction.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 4096 };

static const struct {
    enum subjects_format format;
    const char *body;
    uint64_t customers, identifiers;
} bodies[] = {
    /* heads that say nothing: each row a customer, by the identifier that comes first */
    {SUBJECTS_CSV,
     "a;b;c\n1;070-123 45 67;u1@example.com\r\n2;;u2@example.com\n\n\"0701234569\";x;y\n"
     "4;u4@example.com;\"in\n quotes 070 123 45 60\"\n5;u5@example.com;070-1234561",
     5, 8},
    {SUBJECTS_CSV, "0701234567\r0701234568\r\r\n0701234569\r\n", 3, 3},
    {SUBJECTS_CSV,
     "a,b\r\n\"x, 0701234567\",\"say \"\"0701234568\"\"\"\r\n1,a \"b\" 0701234569\r\n", 2, 3},
    {SUBJECTS_CSV, "name;msisdn;note\nAnna;0701234567;\nBo;\"0701234568\";0701234569\n", 2, 2},
    {SUBJECTS_XML,
     "<?xml version=\"1.0\"?><!-- 0701234560 --><r><a:msisdn\n>0701234567</a:msisdn>"
     "<msisdn kind='x'> 0701234568 </msisdn><msisdn/>0701234569</r>",
     3, 3},
    {SUBJECTS_XML,
     "<p name=\"msisdn\" value=\"0701234567\"/><name>msisdn</name><value>46701234568</value>"
     "<e><key>iban</key> <v>0701234561</v></e><row phone='0701234569' note=\"0701234560\"/>",
     4, 4},
    {SUBJECTS_XML, "<customer id=\"4711\"><no>1</no></customer><customer id = '4712' / >", 2, 2},
    {SUBJECTS_HTML,
     "<table><tr class=\"r\"><th>Name<th>Phone</th></tr><TR><td>Anna</td><td>0701234567</td></TR>"
     "<tr><td>Bo 0701234569<td id='0701234560'>0701234568</tr></table>"
     "<!-- <tr> --><script>'<tr>'</script>",
     2, 4},
    {SUBJECTS_JSON,
     "{\"n\": 2, \"items\": [{\"msisdn\": \"0701234567\",\"id\":1, \"x\":\"a\\\"b\"},\n"
     " {\"msisdn\" : 46701234568 , \"tags\":[\"0701234569\", 7], \"o\":{\"email\":\"a@b.se\"}}]}",
     2, 4},
    {SUBJECTS_JSON, "[{abc\"msisdn\":0701234567,\"no\" \"0701234568\"}, \"0701234569\"]", 2, 3},
    {SUBJECTS_JSON,
     "{\"customer\":{\"id\":4711,\"name\":\"x\"},\"msisdn\":null,\"phone\":"
     "\"00000000000000000000000000000000000000000000000000000000000000000000\"}",
     1, 1},
    {SUBJECTS_LINES,
     "{\"msisdn\": \"0701234567\"}\n{\"msisdn\": \"0701234568\n{\"a\": \"0701234569\"}\n"
     "{\"msisdn\":\n{\"b\":1,\"msisdn\":46701234560}\n",
     3, 3},
};

/* Each piece in memory of its own, so that a byte too far is seen. */
static void give(struct body_subjects *b, struct bytes piece)
{
    uint8_t *exact = malloc(piece.len);
    assert_non_null(exact);
    memcpy(exact, piece.data, piece.len);
    body_subjects_take(b, (struct bytes){exact, piece.len});
    free(exact);
}

static uint64_t customers_by(struct subject_world *w, const struct body_subjects_plan *plan,
                             struct bytes body, size_t piece)
{
    struct body_subjects b;
    struct transaction tx = {0};
    body_subjects_begin(&b, plan, CSV_HEADER_BY_SHAPE);
    for (; body.len > 0; body = bytes_from(body, piece))
        give(&b, bytes_first(body, piece));
    body_subjects_end(&b);
    if (b.gathered)
        world_fill(w, b.gathered, &tx);
    body_subjects_clear(&b);
    return tx.subject_count;
}

static uint64_t customers_of(struct subject_world *w, enum subjects_format format,
                             struct bytes body, size_t piece)
{
    const struct body_subjects_plan plan = {.world = w, .format = format, .is_recognised = true};
    return customers_by(w, &plan, body, piece);
}

static void a_body_tells_the_same_however_it_is_cut(void **state)
{
    struct subjects *s = *state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct bytes body = bytes_of(bodies[i].body);
        for (size_t piece = 1; piece <= body.len; piece++) {
            struct subject_world *w = world_open(s, 0);
            assert_non_null(w);
            uint64_t customers = customers_of(w, bodies[i].format, body, piece);
            if (customers != bodies[i].customers || w->identifiers != bodies[i].identifiers)
                print_error("body %zu by %zu: %lu, %lu\n", i, piece, (unsigned long)customers,
                            (unsigned long)w->identifiers);
            assert_int_equal(customers, bodies[i].customers);
            assert_int_equal(w->identifiers, bodies[i].identifiers);
            world_close(w);
        }
    }
}

/* The same rows, far down a long piece and across its end. */
static void rows_tell_the_same_anywhere_in_a_long_piece(void **state)
{
    struct subject_world *w = world_open(*state, 0);
    char body[BODY_MAX];
    size_t len = 0;
    assert_non_null(w);
    for (unsigned row = 0; len < sizeof(body) - 64; row++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, "%u;07012%05u;%s\n", row, row,
                                row % 7 ? "x" : "\"y\nz\"");
    uint64_t whole = customers_of(w, SUBJECTS_CSV, (struct bytes){(uint8_t *)body, len}, len);
    assert_true(whole > 100);
    for (size_t piece = 1; piece < len; piece += 37)
        assert_int_equal(customers_of(w, SUBJECTS_CSV, (struct bytes){(uint8_t *)body, len}, piece),
                         whole);
    world_close(w);
}

/* Names that are parts of each other, of every length at which they are compared in another way;
 * each comes behind each. */
static void a_name_is_not_taken_for_the_one_that_came_there_before(void **state)
{
    static const char *const names[] = {"tel",
                                        "telx",
                                        "xtel",
                                        "phoneno",
                                        "phonenox",
                                        "xhoneno",
                                        "phonenum",
                                        "phonenox",
                                        "homephone",
                                        "homephonx",
                                        "contactphone",
                                        "contactphonx",
                                        "callingnumber",
                                        "callinxnumber",
                                        "subscribermsisdn",
                                        "subscribermsisdx",
                                        "mobilephonenumber",
                                        "mobilephonenumbex",
                                        ""};
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    char body[1 << 16];
    size_t len = 1;
    uint64_t told = 0;
    body[0] = '[';
    for (unsigned i = 0; i < 2 * NAMES * NAMES; i++) {
        unsigned first = i / 2 % NAMES, second = i / 2 / NAMES;
        const char *name = names[i % 2 ? second : first];
        told += *name && !strchr(name, 'x');
        len += (size_t)snprintf(body + len, sizeof(body) - len,
                                "{\"%s\":\"07012%05u\", \"note\": 1},", name, i);
    }
    assert_true(len < sizeof(body));
    for (size_t piece = 1; piece <= len; piece = piece < 40 ? piece + 1 : piece * 3) {
        struct subject_world *w = world_open(*state, 0);
        assert_non_null(w);
        const struct body_subjects_plan plan = {.world = w, .format = SUBJECTS_JSON};
        (void)customers_by(w, &plan, (struct bytes){(uint8_t *)body, len}, piece);
        assert_int_equal(w->identifiers, told);
        (void)customers_by(w, &plan, (struct bytes){(uint8_t *)body, len}, len);
        assert_int_equal(w->identifiers, 2 * told);
        world_close(w);
    }
}

static int set_up(void **state)
{
    struct subjects *s = subjects_open();
    *state = s;
    if (s)
        s->recogniser = recogniser_open();
    return s && s->recogniser ? 0 : -1;
}

static int tear_down(void **state)
{
    subjects_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_tells_the_same_however_it_is_cut),
        cmocka_unit_test(rows_tell_the_same_anywhere_in_a_long_piece),
        cmocka_unit_test(a_name_is_not_taken_for_the_one_that_came_there_before),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
