/*
 * Scripts (see script_read.h) run through a connection, and the laws that every analyzer obeys,
 * written once and run over all scripts of a folder.
 */
#ifndef SEEPWATCH_TESTS_ANALYZERS_SCRIPT_H
#define SEEPWATCH_TESTS_ANALYZERS_SCRIPT_H

#include "tests/analyzers/script_read.h"

#include "analyzers/connection.h"
#include "analyzers/registry.h"
#include "core/clock.h"

#include <dirent.h>

struct script_setup {
    const char *folder; /* of the scripts */
    uint16_t port;      /* the server's */
};

/* How the bytes are given. */
struct script_way {
    size_t piece;      /* bytes at a time; 0: as written */
    bool is_joined;    /* segments of one side that follow each other are one */
    bool is_midstream; /* as if the beginning were missing */
    size_t gap;        /* this step is a gap, counted from 1; 0: none */
};

/* What came of it. */
struct script_result {
    char *transactions[SCRIPT_EXPECTED_MAX]; /* "name=json" lines */
    size_t count;
    uint64_t bytes[2]; /* of all transactions */
    struct protocol_counters counters;
    struct analysis_counters all;
    enum connection_kind kind;
    size_t memory; /* bytes still used at the end */
};

/* A transaction as lines of text, without what depends on time. */
static char *script_print(const struct transaction *tx)
{
    struct json j = {0};
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (f == FIELD_TIMESTAMP || f == FIELD_EVENT_DURATION ||
            !transaction_has(tx, (enum field)f))
            continue;
        json_name(&j, bytes_of(FIELDS[f].name));
        field_write(&j, tx, (enum field)f);
        json_line(&j);
    }
    char *text = calloc(1, j.len + 1);
    assert_non_null(text);
    if (j.len > 0)
        memcpy(text, j.text, j.len);
    json_clear(&j);
    return text;
}

static void script_transaction(void *context, void *owner, struct transaction *tx)
{
    struct script_result *result = context;
    (void)owner;
    assert_true(result->count < SCRIPT_EXPECTED_MAX);
    result->transactions[result->count++] = script_print(tx);
    result->bytes[SIDE_CLIENT] += tx->client_bytes;
    result->bytes[SIDE_SERVER] += tx->server_bytes;
}

static void script_result_clear(struct script_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        free(result->transactions[i]);
}

/* Gives len bytes in pieces, each in memory of its own size. */
static void script_give(struct connection *c, unsigned direction, struct bytes data, size_t piece,
                        int64_t *ns)
{
    while (data.len > 0) {
        struct bytes part = piece ? bytes_first(data, piece) : data;
        uint8_t *exact = malloc(part.len);
        assert_non_null(exact);
        memcpy(exact, part.data, part.len);
        *ns += 1000;
        connection_data(c, direction, (struct bytes){exact, part.len}, *ns);
        free(exact);
        data = bytes_from(data, part.len);
    }
}

static void script_give_steps(const struct script *s, struct connection *c,
                              const struct script_way *way)
{
    int64_t ns = INT64_C(1700000000) * CLOCK_SECOND_NS;
    for (size_t i = 0; i < s->steps_count; i++) {
        struct script_step step = s->steps[i];
        ns += 1000000;
        if (step.kind == SCRIPT_END)
            connection_end(c, step.direction, ns);
        else if (step.kind == SCRIPT_GAP || way->gap == i + 1)
            connection_gap(c, step.direction, step.len, ns);
        if (step.kind != SCRIPT_DATA || way->gap == i + 1)
            continue;
        while (way->is_joined && i + 1 < s->steps_count && s->steps[i + 1].kind == SCRIPT_DATA &&
               s->steps[i + 1].direction == step.direction)
            step.len += s->steps[++i].len;
        script_give(c, step.direction, (struct bytes){s->bytes + step.at, step.len}, way->piece,
                    &ns);
    }
}

static void script_run(const struct script *s, const struct script_way *way,
                       struct script_result *result)
{
    static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
    struct analysis_events events = {.transaction = script_transaction};
    bool is_midstream = s->is_midstream || way->is_midstream;
    struct connection_facts facts = {.ip = {address_from_ipv4(client), address_from_ipv4(server)},
                                     .port = {40000, s->port},
                                     .is_midstream = is_midstream,
                                     .roles_sure = !is_midstream};
    *result = (struct script_result){0};
    struct analysis *a = analysis_open(&s->settings, &events, result);
    assert_non_null(a);
    struct connection *c = connection_open(a, &facts, NULL);
    assert_non_null(c);
    script_give_steps(s, c, way);
    const struct analyzer *analyzer = connection_analyzer(c);
    result->kind = connection_kind(c);
    connection_close(c);
    if (analyzer)
        result->counters = *analysis_protocol(a, analyzer_find(bytes_of(analyzer->name)));
    result->all = analysis_counters(a);
    result->memory = analysis_budget(a)->used + analysis_subjects_budget(a)->used;
    analysis_close(a);
}

/* Whether the lines hold `"name":value`, the value with or without a string's quotes. */
static bool script_has(const char *lines, const char *name, const char *value)
{
    size_t name_len = strlen(name);
    for (const char *at = lines; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        const char *is = at + name_len + 3;
        size_t len = strcspn(at, "\n") - name_len - 3, value_len = strlen(value);
        if (at[0] != '"' || strncmp(at + 1, name, name_len) != 0 || at[name_len + 1] != '"')
            continue;
        if (len == value_len + 2 && *is == '"')
            return strncmp(is + 1, value, value_len) == 0;
        return len == value_len && strncmp(is, value, len) == 0;
    }
    return strcmp(value, "-") == 0;
}

/* Takes "name=value" off; a value in quotes or brackets goes to their end. */
static bool script_pair(char **at, char **name, char **value)
{
    *at += strspn(*at, " \t");
    *name = *at;
    *value = strchr(*at, '=');
    if (!*value)
        return false;
    *(*value)++ = '\0';
    *at = *value;
    if (**at == '"' || **at == '[')
        *at = *at + 1 + strcspn(*at + 1, **at == '"' ? "\"" : "]");
    *at += strcspn(*at, " \t");
    if (**at)
        *(*at)++ = '\0';
    return true;
}

static const char *script_counter(const struct script_result *r, const char *name, char text[32])
{
    static const char *const kinds[] = {"undecided", "unknown", "decoded", "encrypted", "opaque"};
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"connections", r->counters.connections},
        {"requests", r->counters.requests},
        {"responses", r->counters.responses},
        {"returned_rows", r->counters.returned_rows},
        {"affected_rows", r->counters.affected_rows},
        {"failures", r->counters.failures},
        {"client_bytes", r->counters.client_bytes},
        {"server_bytes", r->counters.server_bytes},
        {"lost_bytes", r->counters.lost_bytes},
        {"encrypted", r->counters.encrypted},
        {"transactions", r->count},
        {"resyncs", r->all.resyncs},
        {"gaps", r->all.gaps},
        {"unread", r->all.unread},
        {"disagreed", r->all.disagreed},
    };
    if (strcmp(name, "kind") == 0)
        return kinds[r->kind];
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        if (strcmp(name, counters[i].name) == 0) {
            (void)snprintf(text, 32, "%llu", (unsigned long long)counters[i].value);
            return text;
        }
    }
    return "no such counter";
}

/* The script as written gives the transactions that it says. */
static void script_check(struct script *s)
{
    struct script_way way = {0};
    struct script_result result;
    char *name, *value, text[32];
    script_run(s, &way, &result);
    for (size_t i = 0; i < s->expected_count && i < result.count; i++) {
        for (char *at = s->expected[i]; script_pair(&at, &name, &value);) {
            if (field_find(bytes_of(name)) == FIELDS_COUNT)
                script_fail(s, "no such field", name);
            if (script_has(result.transactions[i], name, value))
                continue;
            print_error("%s: transaction %zu: no %s=%s in\n%s", s->name, i + 1, name, value,
                        result.transactions[i]);
            fail();
        }
    }
    if (result.count != s->expected_count) {
        for (size_t i = 0; i < result.count; i++)
            print_error("%s", result.transactions[i]);
        print_error("%s: %zu transactions, not %zu\n", s->name, result.count, s->expected_count);
        fail();
    }
    for (char *at = s->counters; at && script_pair(&at, &name, &value);) {
        const char *is = script_counter(&result, name, text);
        if (strcmp(is, value) != 0)
            print_error("%s: %s is %s, not %s\n", s->name, name, is, value);
        assert_string_equal(is, value);
    }
    script_result_clear(&result);
}

static void script_compare(const struct script *s, const struct script_way *way)
{
    struct script_way plain = {0};
    struct script_result should, is;
    script_run(s, &plain, &should);
    script_run(s, way, &is);
    for (size_t i = 0; i < should.count && i < is.count; i++) {
        if (strcmp(is.transactions[i], should.transactions[i]) != 0)
            print_error("%s: transaction %zu in pieces of %zu\n", s->name, i + 1, way->piece);
        assert_string_equal(is.transactions[i], should.transactions[i]);
    }
    if (is.count != should.count)
        print_error("%s: other transactions in pieces of %zu\n", s->name, way->piece);
    assert_int_equal(is.count, should.count);
    script_result_clear(&should);
    script_result_clear(&is);
}

static void script_law_of_pieces(struct script *s)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, 1000};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct script_way way = {.piece = pieces[i]};
        script_compare(s, &way);
        way.is_joined = true;
        script_compare(s, &way);
    }
    struct script_way joined = {.is_joined = true};
    script_compare(s, &joined);
}

static void script_law_of_handshakes(struct script *s)
{
    struct script_way way = {.is_midstream = true};
    if (!s->is_fragile)
        script_compare(s, &way);
}

static void script_law_of_gaps(struct script *s)
{
    struct script_way plain = {0};
    struct script_result whole;
    script_run(s, &plain, &whole);
    for (size_t i = 0; i < s->steps_count && !s->is_fragile; i++) {
        struct script_way way = {.gap = i + 1};
        struct script_result holed;
        if (s->steps[i].kind != SCRIPT_DATA)
            continue;
        script_run(s, &way, &holed);
        bool is_more = holed.counters.requests > whole.counters.requests ||
                       holed.counters.responses > whole.counters.responses ||
                       holed.counters.returned_rows > whole.counters.returned_rows ||
                       holed.counters.affected_rows > whole.counters.affected_rows ||
                       holed.bytes[SIDE_CLIENT] > whole.bytes[SIDE_CLIENT] ||
                       holed.bytes[SIDE_SERVER] > whole.bytes[SIDE_SERVER];
        if (is_more || holed.memory > 0)
            print_error("%s: step %zu as a gap\n", s->name, i + 1);
        assert_false(is_more);
        assert_int_equal(holed.memory, 0);
        script_result_clear(&holed);
    }
    script_result_clear(&whole);
}

static void script_law_of_closing(struct script *s)
{
    size_t steps_count = s->steps_count;
    for (s->steps_count = 0; s->steps_count < steps_count; s->steps_count++) {
        struct script_way way = {0};
        struct script_result result;
        script_run(s, &way, &result);
        assert_int_equal(result.memory, 0);
        script_result_clear(&result);
    }
}

static bool script_is_told(const struct script *s, const char *told)
{
    bool is_told = strstr(told, "hunter2") || strstr(told, "HUNTER2");
    for (size_t i = 0; i < s->secrets_count; i++)
        is_told = is_told || strstr(told, s->secrets[i]);
    return is_told;
}

/* Wherever "hunter2" stands in a script, it is a password, a token, a key, a literal or a value:
 * nothing of it is in any field. */
static void script_law_of_secrets(struct script *s)
{
    struct script_way way = {0};
    struct script_result result;
    script_run(s, &way, &result);
    for (size_t i = 0; i < result.count; i++) {
        const char *told = result.transactions[i];
        bool is_told = script_is_told(s, told);
        if (is_told)
            print_error("%s: %s", s->name, told);
        assert_false(is_told);
    }
    script_result_clear(&result);
}

static int script_is_script(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".script") == 0;
}

static void script_for_all(const struct script_setup *setup, void (*law)(struct script *s))
{
    struct dirent **entries;
    int count = scandir(setup->folder, &entries, script_is_script, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        char path[SCRIPT_PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/%s", setup->folder, entries[i]->d_name);
        struct script *s = script_open(path, setup->port);
        law(s);
        script_close(s);
        free(entries[i]);
    }
    free(entries);
}

static void every_script_gives_what_it_says(void **state)
{
    script_for_all(*state, script_check);
}

static void the_same_however_the_bytes_are_cut(void **state)
{
    script_for_all(*state, script_law_of_pieces);
}

static void the_same_with_the_handshake_missing(void **state)
{
    script_for_all(*state, script_law_of_handshakes);
}

static void a_gap_invents_nothing(void **state)
{
    script_for_all(*state, script_law_of_gaps);
}

static void nothing_is_left_after_close(void **state)
{
    script_for_all(*state, script_law_of_closing);
}

static void no_secret_is_in_any_field(void **state)
{
    script_for_all(*state, script_law_of_secrets);
}

/* What starts_here says of first bytes while nothing is known of the connection. */
struct script_start {
    enum side side;
    struct bytes data;
    enum start start;
};

#define SCRIPT_START(side, text, start)                                                            \
    {                                                                                              \
        side, {(const uint8_t *)(text), sizeof(text) - 1}, start                                   \
    }

static inline void script_check_starts(const struct analyzer *a, const struct script_start *starts,
                                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t len;
        enum start start = a->starts_here(NULL, starts[i].side, cursor_over(starts[i].data), &len);
        if (start != starts[i].start)
            print_error("start %zu\n", i);
        assert_int_equal(start, starts[i].start);
    }
}

/* The tests of a folder of scripts, for an array of struct CMUnitTest. */
#define SCRIPT_TESTS(setup)                                                                        \
    cmocka_unit_test_prestate(every_script_gives_what_it_says, setup),                             \
        cmocka_unit_test_prestate(the_same_however_the_bytes_are_cut, setup),                      \
        cmocka_unit_test_prestate(the_same_with_the_handshake_missing, setup),                     \
        cmocka_unit_test_prestate(a_gap_invents_nothing, setup),                                   \
        cmocka_unit_test_prestate(nothing_is_left_after_close, setup),                             \
        cmocka_unit_test_prestate(no_secret_is_in_any_field, setup)

#endif
