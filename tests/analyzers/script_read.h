/*
 * Analyzer tests as readable scripts: reading them.  A line of a script is
 *
 *   # comment
 *   port 8080              the server's port, instead of the usual one
 *   proxy 10.0.0.0/8       a proxy of the operator's, before the first segment
 *   http KEY WORDS         of the operator's section `http`: template, logout, cookie, claim,
 *                          header, `login PATH USER PASSWORD FAILURE`, `list PATH AT`
 *   secret TEXT            stands in no field of any transaction, as "hunter2" does in none
 *   planted VALUE          a planted customer
 *   subject KIND NAME      another name of a column or a field that holds that kind
 *   midstream              the connection's beginning was not captured
 *   fragile                left out of the laws of gaps and of missing handshakes: not all messages
 *                          of this script can be found among other bytes
 *   >>> BYTES              a segment of the client
 *   <<< BYTES              a segment of the server
 *   --- >>> 1000           so many bytes of a side are lost
 *   >>> end                the side has sent its last byte
 *   === name=value ...     the next transaction handed on, with these fields; name=- is absent
 *   +++ name=value ...     counters of the protocol at the end, and "kind", "resyncs", "gaps"
 *
 * BYTES are parts with blanks between: "text" with \r \n \t \0 \\ \" \xff, hexadecimal bytes
 * (0d0a), a part times a number ("abc"*100), and { .. }, whose content follows its length with
 * itself in four bytes, big-endian; < .. > likewise little-endian, as BSON's documents, and ( .. )
 * little-endian and without itself, as its texts; [ .. ] likewise in three bytes, that do not count
 * the first byte of the content, as MySQL's packets; ^ .. ! in two bytes, big-endian, that count
 * themselves and the two before, as TDS's packets; _ .. ! in two, little-endian, without
 * themselves, as its tokens; 'text' is in UTF-16, little-endian.  A value is JSON, or a JSON string
 * without its quotes.
 */
#ifndef SEEPWATCH_TESTS_ANALYZERS_SCRIPT_READ_H
#define SEEPWATCH_TESTS_ANALYZERS_SCRIPT_READ_H

#include "tests/cmocka.h"

#include "analyzers/settings.h"
#include "subjects/subjects.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SCRIPT_BYTES_MAX = 1 << 20,
    SCRIPT_STEPS_MAX = 512,
    SCRIPT_EXPECTED_MAX = 128,
    SCRIPT_PATH_MAX = 512,
    SCRIPT_DEPTH_MAX = 32,
    SCRIPT_SECRETS_MAX = 32,
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
    char *secrets[SCRIPT_SECRETS_MAX];
    size_t secrets_count;
    char *text; /* of the file */
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

/* "text" or 'text'; *at goes behind the closing quote. */
static void script_text(struct script *s, char **at)
{
    static const char letters[] = "rnt0\\\"", meanings[] = "\r\n\t\0\\\"";
    char quote = **at;
    for ((*at)++; **at && **at != quote; (*at)++) {
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
        if (quote == '\'')
            script_byte(s, 0);
    }
    if (**at != quote)
        script_fail(s, "no closing quote", "");
    (*at)++;
}

static void script_hex(struct script *s, char **at)
{
    unsigned byte;
    int used;
    while (**at && !strchr(" \t*{}<>()[]^_!\"'", **at)) {
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

static void script_length(struct script *s, size_t at, char bracket)
{
    size_t len = s->bytes_len - at - (strchr(")]", bracket) ? 4 : 0);
    for (size_t i = 0; i < (bracket == ']' ? 3 : 4); i++)
        s->bytes[at + i] = (uint8_t)(len >> (bracket == '}' ? 24 - 8 * i : 8 * i));
}

/* ^ .. ! and _ .. !, which their first byte keeps apart until then. */
static void script_short_length(struct script *s, size_t at)
{
    bool is_packet = s->bytes[at] == '^';
    size_t len = s->bytes_len - at + (is_packet ? 2 : 0) - (is_packet ? 0 : 2);
    s->bytes[at] = (uint8_t)(is_packet ? len >> 8 : len);
    s->bytes[at + 1] = (uint8_t)(is_packet ? len : len >> 8);
}

static void script_bytes(struct script *s, char *at)
{
    size_t open[SCRIPT_DEPTH_MAX], depth = 0;
    for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
        size_t from = s->bytes_len;
        if (strchr("{<([", *at) && depth < SCRIPT_DEPTH_MAX) {
            open[depth++] = from;
            for (int i = 0; i < (*at == '[' ? 3 : 4); i++)
                script_byte(s, 0);
            at++;
        } else if (strchr("}>)]", *at) && depth > 0) {
            script_length(s, open[--depth], *at++);
            if (*at == '*')
                from = open[depth];
        } else if ((*at == '^' || *at == '_') && depth < SCRIPT_DEPTH_MAX) {
            open[depth++] = from;
            script_byte(s, (uint8_t)*at++);
            script_byte(s, 0);
        } else if (*at == '!' && depth > 0) {
            script_short_length(s, open[--depth]);
            at++;
            if (*at == '*')
                from = open[depth];
        } else if (*at == '"' || *at == '\'') {
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

static struct http_text script_http_text(struct script *s, char **rest)
{
    struct http_text text = {.len = 0};
    char *word;
    if (script_word(rest, &word) && !http_text_set(&text, bytes_of(word)))
        script_fail(s, "too long", word);
    return text;
}

/* No more of each than fit: a script has few. */
static void script_http(struct script *s, char *rest)
{
    struct http_settings *h = &s->settings.http;
    char *key;
    (void)script_word(&rest, &key);
    struct http_text first = script_http_text(s, &rest);
    if (strcmp(key, "template") == 0)
        h->templates[h->templates_count++] = first;
    else if (strcmp(key, "logout") == 0)
        h->logouts[h->logouts_count++] = first;
    else if (strcmp(key, "cookie") == 0)
        h->cookies[h->cookies_count++] = first;
    else if (strcmp(key, "claim") == 0)
        h->claims[h->claims_count++] = first;
    else if (strcmp(key, "header") == 0)
        h->header = first;
    else if (strcmp(key, "list") == 0)
        h->lists[h->lists_count++] = (struct http_list){first, script_http_text(s, &rest)};
    else if (strcmp(key, "login") == 0) {
        struct http_text user = script_http_text(s, &rest), password = script_http_text(s, &rest);
        h->logins[h->logins_count++] =
            (struct http_login){first, user, password, script_http_text(s, &rest)};
    } else {
        script_fail(s, "not understood", key);
    }
}

static int script_compare_ids(const void *a, const void *b)
{
    uint64_t left, right;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return left < right ? -1 : left > right;
}

/* One at most of a script. */
static void script_planted(struct script *s, char *rest)
{
    uint64_t ids[SUBJECTS_IDS_MAX];
    size_t count = subjects_ids(s->settings.subjects, SUBJECT_NONE, bytes_of(rest), ids);
    qsort(ids, count, sizeof(ids[0]), script_compare_ids);
    if (count == 0 || !subjects_honey_publish(s->settings.subjects, ids, count))
        script_fail(s, "no identifier", rest);
}

static void script_subject(struct script *s, char *rest)
{
    char *kind;
    (void)script_word(&rest, &kind);
    if (!names_add(s->settings.subjects->names, bytes_of(rest), subject_kind_find(bytes_of(kind))))
        script_fail(s, "no name", rest);
}

static void script_setting(struct script *s, const char *word, char *rest)
{
    if (strcmp(word, "port") == 0)
        s->port = (uint16_t)strtoul(rest, NULL, 10);
    else if (strcmp(word, "midstream") == 0)
        s->is_midstream = true;
    else if (strcmp(word, "fragile") == 0)
        s->is_fragile = true;
    else if (strcmp(word, "http") == 0)
        script_http(s, rest);
    else if (strcmp(word, "planted") == 0)
        script_planted(s, rest);
    else if (strcmp(word, "subject") == 0)
        script_subject(s, rest);
    else if (strcmp(word, "secret") == 0 && s->secrets_count < SCRIPT_SECRETS_MAX)
        s->secrets[s->secrets_count++] = rest;
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
    s->settings.subjects = subjects_open();
    assert_non_null(s->settings.subjects);
    s->settings.subjects->recogniser = recogniser_open();
    assert_non_null(s->settings.subjects->recogniser);
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
    subjects_close(s->settings.subjects);
    free(s->bytes);
    free(s->text);
    free(s);
}

#endif
