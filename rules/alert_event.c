/*
 * One function a trigger.
 */
#include "rules/alert_event.h"

#include "core/clock.h"
#include "rules/quantity.h"
#include "rules/words.h"

#include <inttypes.h>

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

static uint64_t span(int64_t ns)
{
    return ns > 0 ? (uint64_t)ns : 0;
}

/* Who it was, where the key does not tell: "(account x, client y)". */
static void add_who(struct text *t, const struct alert *a)
{
    static const enum field names[] = {FIELD_USER_NAME, FIELD_CLIENT_IP, FIELD_NETWORK_NAME};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool is_key = !transaction_has(&a->key, names[i]);
        for (size_t k = 0; k < a->rule->by_count; k++)
            is_key = is_key || a->rule->by[k] == names[i];
        if (is_key)
            continue;
        text_add(t, "%s%s ", count++ > 0 ? ", " : " (last by ", words_of(names[i])->key);
        words_add_value(t, &a->key, names[i]);
    }
    text_add(t, count > 0 ? ")" : "");
}

static void add_back(struct text *t, const struct alert *a, bool in_words)
{
    text_add(t, in_words ? "is active again after " : "back after ");
    quantity_print(t, span(a->apart_ns), QUANTITY_TIME);
    text_add(t, in_words ? " without a sign of it; the limit is " : ", limit ");
    quantity_print_window(t, a->rule->back_ns, in_words);
}

static void add_enumerates(struct text *t, const struct alert *a, bool in_words)
{
    bool is_server = false;
    for (size_t i = 0; i < a->rule->by_count; i++)
        is_server = is_server || a->rule->by[i] == FIELD_SERVER_IP;
    if (in_words)
        text_add(t, is_server ? "was asked for " : "asked for ");
    quantity_print(t, a->value, QUANTITY_PLAIN);
    text_add(t, " neighbouring identifiers, one after the other,");
    words_add_window(t, a->rule->over_ns, in_words);
    text_add(t, in_words ? "; the limit is " : ", limit ");
    quantity_print(t, a->limit, QUANTITY_PLAIN);
    add_who(t, a);
}

static void add_follows(struct text *t, const struct alert *a, bool in_words)
{
    text_add(t, in_words ? "was reached just after something else: " : "");
    text_add(t, "%" PRIu64 " of %" PRIu64 " times it began within ", a->hits, a->of);
    quantity_print(t, span(a->rule->follows.within_ns), QUANTITY_TIME);
    text_add(t, " of what preceded it (");
    text_add_bytes(t, bytes_first(bytes_of(a->rule->follows.when_text), NEAREST_WORD_MAX * 4));
    text_add(t, "); by chance %.1f %% would; the score is %.1f, the limit %.4g", a->chance * 100,
             a->score, (double)a->rule->score / SHARE_ONE);
    add_who(t, a);
}

static void add_rhythm(struct text *t, const struct alert *a, bool in_words)
{
    text_add(t, in_words ? "went from one to the next like a program: " : "");
    text_add(t, "%" PRIu64 " of %" PRIu64 " gaps were about ", a->hits, a->of);
    quantity_print(t, span(a->apart_ns), QUANTITY_TIME);
    text_add(t, ", of people's %.0f %% at most; the score is %.1f, the limit %.4g", a->chance * 100,
             a->score, (double)a->rule->score / SHARE_ONE);
    add_who(t, a);
}

static void add_hours(struct text *t, const struct alert *a, bool in_words)
{
    const struct rule *rule = a->rule;
    text_add(t, in_words ? "was active %" PRIu64 " time%s" : "%" PRIu64 " time%s", a->value,
             a->value == 1 ? "" : "s");
    text_add(t, " on %s about %u o'clock, when ", weekdays[a->weekday % 7], a->hour);
    if (rule->has_peers)
        text_add(t, "neither it nor its %s ever is", words_name(rule->peers));
    else
        text_add(t, "it never is");
    text_add(t, in_words ? "; the limit is %" PRIu64 : ", limit %" PRIu64, a->limit);
    add_who(t, a);
}

static void add_honey(struct text *t, const struct alert *a, bool in_words)
{
    (void)in_words;
    text_add(t, "touched %" PRIu64 " planted customer%s", a->value, a->value == 1 ? "" : "s");
}

bool alert_event_add(struct text *t, const struct alert *a, bool in_words)
{
    static void (*const adders[TRIGGERS_COUNT])(struct text *, const struct alert *, bool) = {
        [TRIGGER_BACK] = add_back,       [TRIGGER_ENUMERATES] = add_enumerates,
        [TRIGGER_FOLLOWS] = add_follows, [TRIGGER_RHYTHM] = add_rhythm,
        [TRIGGER_HOURS] = add_hours,     [TRIGGER_HONEY] = add_honey};
    if (!adders[a->rule->trigger])
        return false;
    adders[a->rule->trigger](t, a, in_words);
    return true;
}

void alert_event_add_rarity(struct text *t, const struct alert *a)
{
    const struct rule *rule = a->rule;
    if (!rule->is_rare)
        return;
    text_add(t, a->others == 0 ? "; nobody else" : "; only %" PRIu64 " other%s", a->others,
             a->others == 1 ? "" : "s");
    if (rule->has_peers)
        text_add(t, " of the same %s", words_name(rule->peers));
    text_add(t, a->others > 1 ? " have it" : " has it");
}

static void write_back(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "back after");
    json_name(j, bytes_of("seconds"));
    json_real(j, (double)a->apart_ns / (double)CLOCK_SECOND_NS);
    words_write_window(j, a->rule->back_ns);
}

static void write_enumerates(struct json *j, const struct alert *a)
{
    words_write_measure(j, "enumerates", a->rule->walked);
    json_counter(j, "value", a->value);
    json_counter(j, "at_least", a->at_least);
    json_counter(j, "limit", a->limit);
    words_write_window(j, a->rule->over_ns);
}

static void write_score(struct json *j, const struct alert *a)
{
    json_name(j, bytes_of("value"));
    json_real(j, a->score);
    json_name(j, bytes_of("limit"));
    json_real(j, (double)a->rule->score / SHARE_ONE);
    json_counter(j, "hits", a->hits);
    json_counter(j, "of", a->of);
    json_name(j, bytes_of("chance"));
    json_real(j, a->chance);
}

static void write_follows(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "follows");
    write_score(j, a);
    words_write_window(j, a->rule->follows.within_ns);
}

static void write_rhythm(struct json *j, const struct alert *a)
{
    words_write_measure(j, "rhythm", a->rule->walked);
    write_score(j, a);
    json_name(j, bytes_of("seconds"));
    json_real(j, (double)a->apart_ns / (double)CLOCK_SECOND_NS);
    words_write_window(j, a->rule->over_ns);
}

static void write_hours(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "off hours");
    json_counter(j, "value", a->value);
    json_counter(j, "limit", a->limit);
}

static void write_honey(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "honey");
    json_counter(j, "value", a->value);
}

bool alert_event_write(struct json *j, const struct alert *a)
{
    static void (*const writers[TRIGGERS_COUNT])(struct json *, const struct alert *) = {
        [TRIGGER_BACK] = write_back,       [TRIGGER_ENUMERATES] = write_enumerates,
        [TRIGGER_FOLLOWS] = write_follows, [TRIGGER_RHYTHM] = write_rhythm,
        [TRIGGER_HOURS] = write_hours,     [TRIGGER_HONEY] = write_honey};
    if (!writers[a->rule->trigger])
        return false;
    writers[a->rule->trigger](j, a);
    return true;
}
