/*
 * Analyzer tests as readable scripts, and the laws that every analyzer obeys, written once and run
 * over all scripts of a folder.  A line of a script is
 *
 *   # comment
 *   port 8080              the server's port, instead of the usual one
 *   proxy 10.0.0.0/8       a proxy of the operator's, before the first segment
 *   midstream              the connection's beginning was not captured
 *   fragile                left out of the laws of gaps and of missing handshakes: not all messages
 *                          of this script can be found among other bytes
 *   >>> BYTES              a segment of the client
 *   <<< BYTES              a segment of the server
 *   --- >>> 1000           so many bytes of a side are lost
 *   >>> end                the side has sent its last byte
 *   === name=value ...     the next transaction that is handed on, with these fields; name=- is
 * absent
 *   +++ name=value ...     counters of the protocol at the end, and "kind", "resyncs", "gaps"
 *
 * BYTES are parts with blanks between: "text" with \r \n \t \0 \\ \" \xff, hexadecimal bytes
 * (0d0a), a part times a number ("abc"*100), and { .. }, whose content follows its length with
 * itself in four bytes, big-endian.  A value is JSON, or a JSON string without its quotes.
 */
#ifndef SEEPWATCH_TESTS_ANALYZERS_SCRIPT_H
#define SEEPWATCH_TESTS_ANALYZERS_SCRIPT_H

#include "tests/cmocka.h"

#include "analyzers/connection.h"
#include "analyzers/registry.h"
#include "core/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SCRIPT_BYTES_MAX = 1 << 20,
    SCRIPT_STEPS_MAX = 512,
    SCRIPT_EXPECTED_MAX = 128,
    SCRIPT_PATH_MAX = 512,
    SCRIPT_DEPTH_MAX = 8,
};

struct script_setup {
    const char *folder; /* of the scripts */
    uint16_t port;      /* the server's */
};

enum script_step_kind { SCRIPT_DATA, SCRIPT_GAP, SCRIPT_END };

struct script_step {
    enum script_step_kind kind;
    unsigned direction; /* 0: the client's */
    size_t at, len;     /* bytes of `bytes`; of a gap its length */
};

struct script {
    const char *name;
    int line; /* being read */
    struct settings settings;
    uint16_t port;
    bool is_midstream, is_fragile;
    uint8_t *bytes;
    size_t bytes_len;
    struct script_step steps[SCRIPT_STEPS_MAX];
    size_t steps_count;
    char *expected[SCRIPT_EXPECTED_MAX];
    size_t expected_count;
    char *counters;
    char *text; /* of the file */
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

static void script_fail(const struct script *s, const char *what, const char *detail)
{
    print_error("%s:%d: %s: %s\n", s->name, s->line, what, detail);
    fail();
}

static bool script_word(char **at, char **word)
{
    *at += strspn(*at, " \t");
    *word = *at;
    size_t len = strcspn(*at, " \t");
    *at += len;
    if (**at)
        *(*at)++ = '\0';
    return len > 0;
}

static void script_byte(struct script *s, unsigned byte)
{
    if (s->bytes_len == SCRIPT_BYTES_MAX)
        script_fail(s, "too many bytes", "");
    s->bytes[s->bytes_len++] = (uint8_t)byte;
}

/* "text"; *at goes behind the closing quote. */
static void script_text(struct script *s, char **at)
{
    static const char letters[] = "rnt0\\\"", meanings[] = "\r\n\t\0\\\"";
    for ((*at)++; **at && **at != '"'; (*at)++) {
        unsigned byte = (uint8_t) * *at;
        if (byte == '\\') {
            (*at)++;
            const char *letter = **at ? strchr(letters, **at) : NULL;
            int used = 0;
            if (letter)
                byte = (uint8_t)meanings[letter - letters];
            else if (**at != 'x' || sscanf(*at + 1, "%2x%n", &byte, &used) != 1 || used != 2)
                script_fail(s, "no such escape", *at);
            *at += used;
        }
        script_byte(s, byte);
    }
    if (**at != '"')
        script_fail(s, "no closing quote", "");
    (*at)++;
}

static void script_hex(struct script *s, char **at)
{
    unsigned byte;
    int used;
    while (**at && !strchr(" \t*}", **at)) {
        if (sscanf(*at, "%2x%n", &byte, &used) != 1 || used != 2)
            script_fail(s, "no bytes", *at);
        script_byte(s, byte);
        *at += 2;
    }
}

static void script_times(struct script *s, char **at, size_t from)
{
    size_t len = s->bytes_len - from;
    unsigned long times = strtoul(*at + 1, at, 10);
    for (size_t i = len; i < len * times; i++)
        script_byte(s, s->bytes[from + i % len]);
}

static void script_length(struct script *s, size_t at)
{
    size_t len = s->bytes_len - at;
    for (size_t i = 0; i < 4; i++)
        s->bytes[at + i] = (uint8_t)(len >> (24 - 8 * i));
}

static void script_bytes(struct script *s, char *at)
{
    size_t open[SCRIPT_DEPTH_MAX], depth = 0;
    for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
        size_t from = s->bytes_len;
        if (*at == '{' && depth < SCRIPT_DEPTH_MAX) {
            open[depth++] = from;
            for (int i = 0; i < 4; i++)
                script_byte(s, 0);
            at++;
        } else if (*at == '}' && depth > 0) {
            script_length(s, open[--depth]);
            at++;
        } else if (*at == '"') {
            script_text(s, &at);
        } else {
            script_hex(s, &at);
        }
        if (*at == '*')
            script_times(s, &at, from);
    }
    if (depth > 0)
        script_fail(s, "no closing brace", "");
}

static void script_step(struct script *s, enum script_step_kind kind, unsigned direction,
                        char *rest)
{
    if (s->steps_count == SCRIPT_STEPS_MAX)
        script_fail(s, "too many steps", "");
    struct script_step *step = &s->steps[s->steps_count++];
    *step = (struct script_step){kind, direction, s->bytes_len, 0};
    if (kind == SCRIPT_GAP)
        step->len = strtoul(rest, NULL, 10);
    else if (kind == SCRIPT_DATA)
        script_bytes(s, rest);
    if (kind == SCRIPT_DATA)
        step->len = s->bytes_len - step->at;
}

static void script_setting(struct script *s, const char *word, char *rest)
{
    if (strcmp(word, "port") == 0)
        s->port = (uint16_t)strtoul(rest, NULL, 10);
    else if (strcmp(word, "midstream") == 0)
        s->is_midstream = true;
    else if (strcmp(word, "fragile") == 0)
        s->is_fragile = true;
    else if (strcmp(word, "proxy") == 0 && s->settings.proxies_count < SETTINGS_PROXIES_MAX &&
             prefix_parse(&s->settings.proxies[s->settings.proxies_count], bytes_of(rest)))
        s->settings.proxies_count++;
    else
        script_fail(s, "not understood", word);
}

static void script_line(struct script *s, char *line)
{
    char *word, *rest = line, *side;
    if (!script_word(&rest, &word) || *word == '#')
        return;
    if (strcmp(word, "===") == 0) {
        if (s->expected_count == SCRIPT_EXPECTED_MAX)
            script_fail(s, "too many transactions", "");
        s->expected[s->expected_count++] = rest;
    } else if (strcmp(word, "+++") == 0) {
        s->counters = rest;
    } else if (strcmp(word, "---") == 0 && script_word(&rest, &side)) {
        script_step(s, SCRIPT_GAP, strcmp(side, "<<<") == 0, rest);
    } else if (strcmp(word, ">>>") == 0 || strcmp(word, "<<<") == 0) {
        bool is_end = strcmp(rest, "end") == 0;
        script_step(s, is_end ? SCRIPT_END : SCRIPT_DATA, *word == '<', rest);
    } else {
        script_setting(s, word, rest);
    }
}

static struct script *script_open(const char *path, uint16_t port)
{
    struct script *s = calloc(1, sizeof(*s));
    FILE *file = fopen(path, "rb");
    assert_non_null(s);
    assert_non_null(file);
    s->name = path;
    s->port = port;
    s->settings.memory_max = (size_t)64 << 20;
    s->bytes = malloc(SCRIPT_BYTES_MAX);
    s->text = calloc(1, SCRIPT_BYTES_MAX + 1);
    assert_non_null(s->bytes);
    assert_non_null(s->text);
    assert_true(fread(s->text, 1, SCRIPT_BYTES_MAX, file) < SCRIPT_BYTES_MAX);
    (void)fclose(file);
    for (char *line = s->text, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        s->line++;
        script_line(s, line);
    }
    s->line = 0;
    return s;
}

static void script_close(struct script *s)
{
    free(s->bytes);
    free(s->text);
    free(s);
}

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
    result->memory = analysis_budget(a)->used;
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

/* The tests of a folder of scripts, for an array of struct CMUnitTest. */
#define SCRIPT_TESTS(setup)                                                                        \
    cmocka_unit_test_prestate(every_script_gives_what_it_says, setup),                             \
        cmocka_unit_test_prestate(the_same_however_the_bytes_are_cut, setup),                      \
        cmocka_unit_test_prestate(the_same_with_the_handshake_missing, setup),                     \
        cmocka_unit_test_prestate(a_gap_invents_nothing, setup),                                   \
        cmocka_unit_test_prestate(nothing_is_left_after_close, setup)

#endif
