/*
 * Bodies that want too much, or come too slowly; and what many sessions and paths take.
 */
#include "tests/cmocka.h"

#include "analyzers/http/http_body.h"
#include "analyzers/http/http_settings.h"
#include "analyzers/http/http_world.h"

#include <stdio.h>
#include <stdlib.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>

struct test {
    struct budget budget;
    struct codecs codecs;
    struct http_settings settings;
    struct http_world *world;
};

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    t->budget.bytes_max = 1 << 20;
    t->codecs.budget = &t->budget;
    t->world = http_world_open(&t->settings, &t->codecs);
    assert_non_null(t->world);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    http_world_close(t->world);
    codecs_clear(&t->codecs);
    assert_int_equal(t->budget.used, 0);
    free(t);
    return 0;
}

/* gzip of so many bytes of a JSON array. */
static uint8_t *bomb(size_t len, size_t *packed_len)
{
    z_stream z = {0};
    static uint8_t piece[65536];
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t size = len / 500 + 65536;
    uint8_t *packed = malloc(size);
    assert_non_null(packed);
    z.next_out = packed;
    z.avail_out = (uInt)size;
    memset(piece, '[', sizeof(piece));
    for (size_t made = 0; made < len; made += sizeof(piece)) {
        z.next_in = piece;
        z.avail_in = sizeof(piece);
        assert_int_equal(deflate(&z, made + sizeof(piece) < len ? Z_NO_FLUSH : Z_FINISH) < 0, 0);
    }
    *packed_len = size - z.avail_out;
    (void)deflateEnd(&z);
    return packed;
}

static const struct http_body_plan gzip_json = {.codec = CODEC_GZIP, .records = RECORDS_JSON};

static void a_bomb_is_refused_and_takes_little_memory(void **state)
{
    struct test *t = *state;
    size_t len;
    uint8_t *packed = bomb((size_t)64 << 20, &len);
    struct http_body *b = http_body_open(&t->world->bodies, &gzip_json);
    uint64_t count;
    assert_non_null(b);
    for (struct bytes left = {packed, len}; left.len > 0; left = bytes_from(left, 1400))
        http_body_take(b, bytes_first(left, 1400));
    http_body_end(b);
    assert_int_equal(t->world->bodies.refused, 1);
    assert_false(http_body_records(b, &count));
    assert_true(http_body_is_cut(b));
    assert_in_range(t->budget.peak, 1, 150000);
    http_body_close(b);
    free(packed);
}

static void what_packs_well_is_read_up_to_the_bound(void **state)
{
    struct test *t = *state;
    size_t len;
    uint8_t *packed = bomb((size_t)8 << 20, &len);
    struct http_body *b = http_body_open(&t->world->bodies, &gzip_json);
    uint64_t count;
    http_body_take(b, (struct bytes){packed, len});
    assert_int_equal(t->world->bodies.refused, 0);
    assert_true(http_body_records(b, &count));
    http_body_close(b);
    free(packed);
}

static void a_member_of_gzip_counts_wherever_the_one_before_was_cut(void **state)
{
    struct test *t = *state;
    const struct http_body_plan gzip_lines = {.codec = CODEC_GZIP, .records = RECORDS_LINES};
    static const char line[] = "line\n";
    uint8_t packed[200];
    size_t len = 0;
    for (int members = 0; members < 2; members++) {
        z_stream z = {.next_out = packed + len, .avail_out = 100};
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = (const uint8_t *)line;
        z.avail_in = sizeof(line) - 1;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        len += 100 - z.avail_out;
        (void)deflateEnd(&z);
    }
    for (size_t cut = 1; cut < len; cut++) {
        struct http_body *b = http_body_open(&t->world->bodies, &gzip_lines);
        uint64_t count;
        assert_non_null(b);
        http_body_take(b, (struct bytes){packed, cut});
        http_body_take(b, (struct bytes){packed + cut, len - cut});
        http_body_end(b);
        assert_true(http_body_records(b, &count));
        assert_int_equal(count, 2);
        http_body_close(b);
    }
}

/* Each waits for the rest of its body. */
static void slow_drips_are_bounded_by_the_budget(void **state)
{
    struct test *t = *state;
    enum { DRIPS = 100 };
    struct http_body *open[DRIPS];
    size_t count = 0, len;
    uint8_t *packed = bomb(65536, &len);
    for (size_t i = 0; i < DRIPS; i++) {
        struct http_body *b = http_body_open(&t->world->bodies, &gzip_json);
        if (!b)
            continue;
        http_body_take(b, (struct bytes){packed, 11});
        open[count++] = b;
    }
    assert_in_range(count, 5, DRIPS - 1);
    assert_int_equal(t->world->bodies.denied, DRIPS - count);
    assert_true(t->budget.used <= t->budget.bytes_max);
    while (count > 0)
        http_body_close(open[--count]);
    free(packed);
}

static void a_body_of_which_nothing_is_wanted_is_not_opened(void **state)
{
    struct test *t = *state;
    assert_null(http_body_open(&t->world->bodies, &(struct http_body_plan){.codec = CODEC_GZIP}));
    assert_int_equal(t->world->bodies.denied, 0);
}

static void the_session_used_longest_ago_is_forgotten_first(void **state)
{
    (void)state;
    struct http_accounts *a = http_accounts_open(2, 0);
    struct http_account anna = {bytes_of("anna"), 1}, found;
    http_account_bind(a, 1, &anna);
    http_account_bind(a, 2, &(struct http_account){bytes_of("bo"), 2});
    assert_true(http_account_find(a, 1, &found));
    http_account_bind(a, 3, &(struct http_account){found.name, 1});
    assert_false(http_account_find(a, 2, &found));
    assert_true(http_account_find(a, 3, &found));
    assert_true(bytes_are(found.name, "anna"));
    assert_int_equal(found.root, 1);
    assert_int_equal(http_accounts_evictions(a), 1);
    http_account_forget(a, 3);
    assert_false(http_account_find(a, 3, &found));
    http_accounts_close(a);
}

static void paths_that_never_repeat_become_no_more_templates(void **state)
{
    struct test *t = *state;
    char path[32];
    size_t allowed = 0;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(path, sizeof(path), "/p%c%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
                       'a' + i / 676, 'x');
        allowed += http_world_allows(t->world, bytes_of("a.example"), bytes_of(path));
    }
    assert_int_equal(allowed, HTTP_DOMAIN_TEMPLATES_MAX);
    assert_int_equal(t->world->merged, 5000 - HTTP_DOMAIN_TEMPLATES_MAX);
    /* those that are known stay so, and other domains have their own */
    assert_true(http_world_allows(t->world, bytes_of("a.example"), bytes_of("/paaax")));
    assert_true(http_world_allows(t->world, bytes_of("b.example"), bytes_of(path)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_bomb_is_refused_and_takes_little_memory),
        TEST(what_packs_well_is_read_up_to_the_bound),
        TEST(a_member_of_gzip_counts_wherever_the_one_before_was_cut),
        TEST(slow_drips_are_bounded_by_the_budget),
        TEST(a_body_of_which_nothing_is_wanted_is_not_opened),
        TEST(the_session_used_longest_ago_is_forgotten_first),
        TEST(paths_that_never_repeat_become_no_more_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
