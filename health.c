/*
 * One detail may be many mistakes, a line each: in a sentence they stand behind one another.
 */
#include "health.h"

#include "core/clock.h"
#include "rules/words.h"

size_t health_write_message(const struct health *h, char message[HEALTH_TEXT_MAX])
{
    struct text t = text_over(message, HEALTH_TEXT_MAX);
    text_add(&t, "%s: ", h->name);
    for (struct bytes left = bytes_of(h->detail); left.len > 0;) {
        size_t end = bytes_index(left, '\n');
        text_add_bytes(&t, bytes_first(left, end));
        left = bytes_from(left, end + 1);
        text_add(&t, "%s", left.len > 0 ? "; " : "");
    }
    return t.len;
}

size_t health_write_line(const struct health *h, char line[HEALTH_TEXT_MAX])
{
    struct text t = text_over(line, HEALTH_TEXT_MAX - 1);
    char time[CLOCK_TEXT_MAX], message[HEALTH_TEXT_MAX];
    (void)clock_print(h->time_ns, time);
    (void)health_write_message(h, message);
    text_add(&t, "%.10s %.8sZ  HEALTH  %s  %s", time, time + 11, h->id, message);
    line[t.len] = '\n';
    return t.len + 1;
}

void health_write_json(struct json *j, const struct health *h)
{
    char message[HEALTH_TEXT_MAX], time[CLOCK_TEXT_MAX];
    (void)clock_print(h->time_ns, time);
    (void)health_write_message(h, message);
    json_open(j, '{');
    words_write_text(j, "@timestamp", time);
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    words_write_text(j, "kind", "alert");
    words_write_text(j, "dataset", "seepwatch.health");
    json_close(j, '}');
    json_name(j, bytes_of("rule"));
    json_open(j, '{');
    words_write_text(j, "id", h->id);
    words_write_text(j, "name", h->name);
    words_write_text(j, "severity", SEVERITY_NAMES[h->severity]);
    json_close(j, '}');
    words_write_text(j, "message", message);
    json_close(j, '}');
    json_line(j);
}
