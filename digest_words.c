/*
 * The digest as a sentence, a line and a JSON object (digest.h).
 */
#include "core/clock.h"
#include "digest.h"
#include "rules/quantity.h"
#include "rules/words.h"

static void add_count(struct text *t, uint64_t count, const char *one, const char *several)
{
    quantity_print(t, count, QUANTITY_PLAIN);
    text_add(t, " %s", count == 1 ? one : several);
}

static uint64_t excepted(const struct digest_rule *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->exceptions_count; i++)
        sum += r->exceptions[i].count;
    return sum;
}

/* "2026-01-12: 3 alerts, 12 repeats folded, 40 transactions excepted: 40 (quarter-end audit)" */
static void add_happened(struct text *t, const struct digest_rule *r)
{
    text_add(t, "%s: ", r->day);
    add_count(t, r->alerts, "alert", "alerts");
    text_add(t, ", ");
    add_count(t, r->folded, "repeat folded", "repeats folded");
    text_add(t, ", ");
    add_count(t, excepted(r), "transaction excepted", "transactions excepted");
    for (size_t i = 0; i < r->exceptions_count; i++) {
        text_add(t, "%s", i > 0 ? ", " : ": ");
        quantity_print(t, r->exceptions[i].count, QUANTITY_PLAIN);
        text_add(t, " (");
        text_add_bytes(t, bytes_of(r->exceptions[i].reason));
        text_add(t, ")");
    }
}

size_t digest_write_message(const struct digest_rule *r, char message[DIGEST_TEXT_MAX])
{
    struct text t = text_over(message, DIGEST_TEXT_MAX);
    text_add_bytes(&t, bytes_of(r->name));
    text_add(&t, ": the digest of ");
    add_happened(&t, r);
    text_add(&t, ".");
    return t.len;
}

size_t digest_write_line(const struct digest_rule *r, char line[DIGEST_TEXT_MAX])
{
    struct text t = text_over(line, DIGEST_TEXT_MAX - 1);
    char time[CLOCK_TEXT_MAX];
    (void)clock_print(r->end_ns, time);
    text_add(&t, "%.10s %.8sZ  DIGEST  %s  ", time, time + 11, r->id);
    add_happened(&t, r);
    line[t.len] = '\n';
    return t.len + 1;
}

static void write_event(struct json *j, const struct digest_rule *r)
{
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    words_write_text(j, "kind", "metric");
    words_write_text(j, "dataset", "seepwatch.digest");
    words_write_time(j, "start", r->begin_ns);
    words_write_time(j, "end", r->end_ns);
    json_close(j, '}');
}

static void write_digest(struct json *j, const struct digest_rule *r)
{
    json_name(j, bytes_of("digest"));
    json_open(j, '{');
    words_write_text(j, "day", r->day);
    json_counter(j, "alerts", r->alerts);
    json_counter(j, "folded", r->folded);
    json_counter(j, "excepted", excepted(r));
    json_name(j, bytes_of("exceptions"));
    json_open(j, '[');
    for (size_t i = 0; i < r->exceptions_count; i++) {
        json_open(j, '{');
        words_write_text(j, "reason", r->exceptions[i].reason);
        json_counter(j, "count", r->exceptions[i].count);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

void digest_write_json(struct json *j, const struct digest_rule *r)
{
    char message[DIGEST_TEXT_MAX];
    (void)digest_write_message(r, message);
    json_open(j, '{');
    words_write_time(j, "@timestamp", r->end_ns);
    write_event(j, r);
    json_name(j, bytes_of("rule"));
    json_open(j, '{');
    words_write_text(j, "id", r->id);
    words_write_text(j, "name", r->name);
    words_write_text(j, "severity", SEVERITY_NAMES[r->severity]);
    json_close(j, '}');
    words_write_text(j, "message", message);
    write_digest(j, r);
    json_close(j, '}');
    json_line(j);
}
