/*
 * What comes from the wire is cleaned of control characters, and quoted where it could be taken for
 * a part of the line.
 */
#include "rules/words.h"

#include "core/clock.h"
#include "rules/problems.h"
#include "rules/quantity.h"

/* How people call what some fields hold: one value as a key, an amount, several values. */
static const struct field_words words[] = {
    {FIELD_USER_NAME, "account", NULL, "accounts"},
    {FIELD_CLIENT_IP, "client", NULL, "clients"},
    {FIELD_SERVER_IP, "server", NULL, "servers"},
    {FIELD_SERVER_PORT, "port", NULL, "ports"},
    {FIELD_SESSION_ID, "session", NULL, "sessions"},
    {FIELD_NETWORK_NAME, "network", NULL, "networks"},
    {FIELD_CLIENT_GEO_COUNTRY_ISO_CODE, "country", NULL, "countries"},
    {FIELD_USER_AGENT_ORIGINAL, "software", NULL, "kinds of software"},
    {FIELD_SUBJECT_COUNT, NULL, "customers", NULL},
    {FIELD_SUBJECT_IDS, NULL, NULL, "customers"},
    {FIELD_SERVER_BYTES, NULL, "of responses", NULL},
    {FIELD_CLIENT_BYTES, NULL, "of requests", NULL},
    {FIELD_DB_RESPONSE_RETURNED_ROWS, NULL, "rows returned", NULL},
    {FIELD_DB_RESPONSE_AFFECTED_ROWS, NULL, "rows changed", NULL},
    {FIELD_HTTP_RESPONSE_BODY_BYTES, NULL, "of response bodies", NULL},
    {FIELD_HTTP_RESPONSE_RECORDS, NULL, "records sent", NULL},
    {FIELD_HTTP_REQUEST_RECORDS, NULL, "messages received", NULL},
    {FIELD_HTTP_REQUEST_BODY_BYTES, NULL, "of request bodies", NULL},
    {FIELD_MIRROR_BAD_CHECKSUM_SHARE, NULL, "of the checksums were wrong", NULL},
    {FIELD_MIRROR_BYTES, NULL, "on the wire", NULL},
    {FIELD_MIRROR_CLOCK_JUMP, NULL, "jumped by the packets' clock", NULL},
    {FIELD_MIRROR_DROPPED, NULL, "packets were dropped", NULL},
    {FIELD_MIRROR_DROPPED_SHARE, NULL, "of the packets were dropped", NULL},
    {FIELD_MIRROR_DUPLICATED_SHARE, NULL, "of the packets came twice", NULL},
    {FIELD_MIRROR_ENCRYPTED_SHARE, NULL, "of the bytes were encrypted", NULL},
    {FIELD_MIRROR_LOST_BYTES, NULL, "were lost", NULL},
    {FIELD_MIRROR_LOST_SHARE, NULL, "of the bytes were lost", NULL},
    {FIELD_MIRROR_ONE_SIDED_SHARE, NULL, "of the packets with data came without the other side",
     NULL},
    {FIELD_MIRROR_PACKETS, NULL, "packets", NULL},
    {FIELD_MIRROR_REORDERED_SHARE, NULL, "of the packets with data came late", NULL},
    {FIELD_MIRROR_SILENCE, NULL, "without a packet", NULL},
    {FIELD_MIRROR_SILENCE_RATIO, NULL, "times the longest silence before", NULL},
    {FIELD_MIRROR_TRUNCATED_SHARE, NULL, "of the packets were cut", NULL},
    {FIELD_MIRROR_UNDECODED_SHARE, NULL, "of the bytes were not understood", NULL},
};

const struct field_words *words_of(enum field f)
{
    static const struct field_words none = {.key = NULL};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].field == f)
            return &words[i];
    }
    return &none;
}

const char *words_name(enum field f)
{
    const char *word = words_of(f)->key;
    return word ? word : FIELDS[f].name;
}

void words_add_quoted(struct text *t, struct bytes value)
{
    bool is_plain = value.len > 0;
    for (size_t i = 0; i < value.len; i++)
        is_plain = is_plain && value.data[i] > ' ' && !strchr("\"=,:;", value.data[i]);
    if (is_plain) {
        text_add_bytes(t, value);
        return;
    }
    text_add(t, "\"");
    while (value.len > 0) {
        size_t len = bytes_index(value, '"');
        text_add_bytes(t, bytes_first(value, len));
        if (len < value.len)
            text_add(t, "'");
        value = bytes_from(value, len + 1);
    }
    text_add(t, "\"");
}

/* One field of the key. */
void words_add_value(struct text *t, const struct transaction *key, enum field f)
{
    if (FIELDS[f].type == FIELD_TYPE_TEXT) {
        words_add_quoted(t, *(const struct bytes *)transaction_value(key, f));
        return;
    }
    struct json j = {0};
    field_write(&j, key, f);
    struct bytes text = {(const uint8_t *)j.text, j.len};
    if (text.len > 1 && text.data[0] == '"')
        text = bytes_first(bytes_from(text, 1), text.len - 2);
    text_add_bytes(t, text);
    json_clear(&j);
}

void words_add_list(struct text *t, const struct bytes *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_add(t, "%s", i > 0 ? ", " : "");
        words_add_quoted(t, texts[i]);
    }
}

/* A span of time in a line ("1h") or in a sentence ("1 hour"). */
void words_add_window(struct text *t, int64_t ns, bool in_words)
{
    text_add(t, in_words ? " within " : " in ");
    quantity_print_window(t, ns, in_words);
}

void words_write_text(struct json *j, const char *name, const char *text)
{
    json_name(j, bytes_of(name));
    json_text(j, bytes_of(text));
}

void words_write_time(struct json *j, const char *name, int64_t ns)
{
    char time[CLOCK_TEXT_MAX];
    (void)clock_print(ns, time);
    words_write_text(j, name, time);
}

void words_write_window(struct json *j, int64_t ns)
{
    char window[32];
    struct text t = text_over(window, sizeof(window));
    quantity_print_window(&t, ns, false);
    words_write_text(j, "window", window);
}

/* "first(FIELD)" */
void words_write_measure(struct json *j, const char *what, enum field f)
{
    char measure[NEAREST_WORD_MAX];
    struct text t = text_over(measure, sizeof(measure));
    text_add(&t, "%s(%s)", what, FIELDS[f].name);
    words_write_text(j, "measure", measure);
}

void words_write_texts(struct json *j, const char *name, const struct bytes *texts, size_t count)
{
    json_name(j, bytes_of(name));
    json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        json_text(j, texts[i]);
    json_close(j, ']');
}
