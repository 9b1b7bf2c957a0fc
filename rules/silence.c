/*
 * Both parts can be pasted into a `change` of the rule; what a person knows, the reason and the end
 * date of the exception, is left to the person.
 */
#include "rules/silence.h"

#include "core/clock.h"
#include "rules/daily_words.h"
#include "rules/engine.h"
#include "rules/gauge.h"
#include "rules/text.h"

/* In the unit that the rule is written in, and not rounded. */
static void add_amount(struct text *t, uint64_t value, enum quantity_unit unit)
{
    static const uint64_t percent = SHARE_ONE / 100;
    if (unit == QUANTITY_SHARE)
        text_add(t, "%llu.%04llu%%", (unsigned long long)(value / percent),
                 (unsigned long long)(value % percent));
    else
        text_add(t, "%llu%s", (unsigned long long)value, unit == QUANTITY_TIME ? "ns" : "");
}

#define DAY_NS (86400 * CLOCK_SECOND_NS)

static void add_limit(struct text *t, const struct alert *a)
{
    switch (a->rule->trigger) {
    case TRIGGER_ABOVE:
        text_add(t, "above: ");
        add_amount(t, a->value, gauge_unit(&a->rule->measure));
        break;
    case TRIGGER_TOGETHER:
        text_add(t, "together: %llu", (unsigned long long)a->value + 1);
        break;
    case TRIGGER_TRAVEL:
        text_add(t, "travel: {faster than: %llukm/h}", (unsigned long long)a->speed_kmh + 1);
        break;
    case TRIGGER_BACK:
        text_add(t, "back after: %lldd", (long long)(a->apart_ns / DAY_NS) + 1);
        break;
    case TRIGGER_ENUMERATES:
        text_add(t, "at least: %llu", (unsigned long long)a->value + 1);
        break;
    case TRIGGER_HOURS:
        text_add(t, "off hours: %llu", (unsigned long long)a->value + 1);
        break;
    case TRIGGER_FOLLOWS:
    case TRIGGER_RHYTHM:
        text_add(t, "score: %llu", (unsigned long long)a->score + 1);
        break;
    case TRIGGER_UNUSUAL:
    case TRIGGER_DRIFT:
        daily_add_silence(t, a);
        break;
    case TRIGGER_FIRST:
        if (a->rule->is_rare && a->others > 0)
            text_add(t, "rare: %llu", (unsigned long long)a->others - 1);
        break;
    default:
        break;
    }
}

/* A text in quotes, as a condition reads it. */
static void add_quoted(struct text *t, struct bytes value)
{
    text_add(t, "\"");
    while (value.len > 0) {
        bool is_special = value.data[0] == '"' || value.data[0] == '\\';
        size_t len = bytes_index(value, '"'), slash = bytes_index(value, '\\');
        if (is_special)
            text_add(t, "\\%c", value.data[0]);
        len = is_special ? 1 : slash < len ? slash : len;
        if (!is_special)
            text_add_bytes(t, bytes_first(value, len));
        value = bytes_from(value, len);
    }
    text_add(t, "\"");
}

/* One field of the key; a text that was cut begins with what is kept of it. */
static void add_test(struct text *t, const struct transaction *key, enum field f)
{
    const void *value = transaction_value(key, f);
    text_add(t, "%s ", FIELDS[f].name);
    if (FIELDS[f].type == FIELD_TYPE_TEXT) {
        struct bytes text = *(const struct bytes *)value;
        text_add(t, text.len + 3 < KEY_TEXT_MAX ? "== " : "starts with ");
        add_quoted(t, text);
        return;
    }
    struct json j = {0};
    field_write(&j, key, f);
    text_add(t, "== ");
    text_add_bytes(t, (struct bytes){(const uint8_t *)j.text, j.len});
    json_clear(&j);
}

/* Whether a condition can name a value of that type as it is shown. */
static bool can_be_named(enum field f)
{
    enum field_type type = FIELDS[f].type;
    return type == FIELD_TYPE_TEXT || type == FIELD_TYPE_ADDRESS || type == FIELD_TYPE_CHOICE ||
           (type == FIELD_TYPE_UNSIGNED && quantity_unit_of(f) != QUANTITY_TIME);
}

static void add_exception(struct text *t, const struct alert *a)
{
    bool is_good = a->rule->by_count > 0;
    for (size_t i = 0; i < a->rule->by_count; i++)
        is_good = is_good && can_be_named(a->rule->by[i]);
    if (!is_good)
        return;
    text_add(t, "%sexcept: ", t->len > 0 ? ", or " : "");
    for (size_t i = 0; i < a->rule->by_count; i++) {
        text_add(t, "%s", i > 0 ? " and " : "");
        add_test(t, &a->key, a->rule->by[i]);
    }
}

size_t silence_write(const struct alert *a, char silence[SILENCE_MAX])
{
    struct text t = text_over(silence, SILENCE_MAX);
    add_limit(&t, a);
    struct text limit_alone = t;
    add_exception(&t, a);
    if (!t.is_cut)
        return t.len;
    silence[limit_alone.len] = '\0'; /* half a condition would be another one */
    return limit_alone.len;
}
