/*
 * Days are those of UTC, by the time at which a transaction ended.
 */
#include "tuning.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/table.h"
#include "rules/engine.h"
#include "rules/text.h"
#include "tuning_number.h"

#include <stdlib.h>

enum { KEY_DAYS_MAX = 262144 /* pairs of a key and a day, of a limit */ };

static const int64_t day_ns = 86400 * CLOCK_SECOND_NS;

/* What a key did on a day (0: on all of them). */
struct key_day {
    uint64_t key, day;
};

struct version {
    struct tuning *tuning;
    struct tuned_limit figures;
    struct rule rule;
    struct rule_step steps[RULE_STEPS_MAX]; /* the rule's, where it has another limit */
    struct rules *rules;
    struct engine *engine;
    struct table *keys, *key_days; /* of struct tuned_key by the hash, and by struct key_day */
};

struct tuning {
    struct version *versions[TUNING_LIMITS_MAX];
    size_t count;
    int64_t first_day, last_day; /* 0: none yet */
    struct table *agents;        /* the last day of each, as int64_t, by the hash of its name */
    uint64_t agent_days;
};

struct tuning *tuning_open(void)
{
    struct tuning *t = calloc(1, sizeof(*t));
    const struct table_config agents = {.entries_max = TUNING_AGENTS_MAX,
                                        .key_size = sizeof(uint64_t),
                                        .value_size = sizeof(int64_t)};
    if (!t)
        return NULL;
    t->agents = table_open(&agents);
    if (t->agents)
        return t;
    free(t);
    return NULL;
}

static void version_close(struct version *v)
{
    if (!v)
        return;
    engine_close(v->engine);
    rules_close(v->rules);
    table_close(v->keys);
    table_close(v->key_days);
    free(v->figures.by_day);
    free(v);
}

void tuning_close(struct tuning *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        version_close(t->versions[i]);
    table_close(t->agents);
    free(t);
}

/* The fields that tell one person from another. */
static bool is_personal(enum field f)
{
    return f == FIELD_USER_NAME || f == FIELD_CLIENT_IP || f == FIELD_SOURCE_IP ||
           f == FIELD_SESSION_ID;
}

/* A person's value by its first letters and a part of its hash: enough to tell two apart. */
static void add_key_value(struct text *to, const struct transaction *key, enum field f)
{
    struct json j = {0};
    field_write(&j, key, f);
    struct bytes text = {(const uint8_t *)j.text, j.len};
    if (text.len > 1 && text.data[0] == '"')
        text = bytes_first(bytes_from(text, 1), text.len - 2);
    if (is_personal(f)) {
        text_add_bytes(to, text_cut(text, 2));
        text_add(to, "*%04x", (unsigned)(hash_bytes(text, 0) & 0xffff));
    } else {
        text_add_bytes(to, text);
    }
    json_clear(&j);
}

/* The key for a person to read; returns the hash of all of it. */
static uint64_t label_key(const struct alert *a, char label[TUNING_LABEL_MAX])
{
    struct text to = text_over(label, TUNING_LABEL_MAX);
    struct json j = {0};
    json_open(&j, '{');
    transaction_write_fields(&j, &a->key, a->rule->by, a->rule->by_count);
    json_close(&j, '}');
    for (size_t i = 0; i < a->rule->by_count; i++) {
        text_add(&to, "%s%s=", i > 0 ? " " : "", FIELDS[a->rule->by[i]].name);
        add_key_value(&to, &a->key, a->rule->by[i]);
    }
    if (a->rule->by_count == 0)
        text_add(&to, "the mirror");
    uint64_t hash = hash_bytes((struct bytes){(const uint8_t *)j.text, j.len}, 0);
    json_clear(&j);
    return hash;
}

static void count_key(struct table *table, const void *at, const char *label, uint64_t hash)
{
    struct tuned_key *key = table_touch(table, at, NULL);
    if (!key)
        return;
    if (key->alerts++ == 0)
        memcpy(key->label, label, TUNING_LABEL_MAX);
    key->hash = hash;
}

static size_t day_index(const struct tuning *t, int64_t ns)
{
    int64_t day = ns / day_ns - t->first_day;
    if (day < 0)
        return 0;
    return day < TUNING_DAYS_MAX ? (size_t)day : TUNING_DAYS_MAX - 1;
}

static void on_alert(void *context, const struct alert *a)
{
    struct version *v = context;
    char label[TUNING_LABEL_MAX] = "";
    size_t day = day_index(v->tuning, a->time_ns);
    v->figures.alerts++;
    v->figures.days_with_alerts += v->figures.by_day[day]++ == 0;
    const struct key_day at = {label_key(a, label), day};
    count_key(v->keys, &at.key, label, at.key);
    count_key(v->key_days, &at, label, at.key);
}

static bool version_open(struct version *v)
{
    const struct engine_config config = {.alert = on_alert, .context = v};
    const struct table_config keys = {.entries_max = TUNING_KEYS_MAX,
                                      .key_size = sizeof(uint64_t),
                                      .value_size = sizeof(struct tuned_key)};
    const struct table_config key_days = {.entries_max = KEY_DAYS_MAX,
                                          .key_size = sizeof(struct key_day),
                                          .value_size = sizeof(struct tuned_key)};
    v->figures.by_day = calloc(TUNING_DAYS_MAX, sizeof(*v->figures.by_day));
    v->rules = rules_alone(&v->rule);
    v->keys = table_open(&keys);
    v->key_days = table_open(&key_days);
    v->engine = v->rules ? engine_open(v->rules, &config) : NULL;
    return v->figures.by_day && v->keys && v->key_days && v->engine;
}

bool tuning_add(struct tuning *t, const struct rule *rule, const uint64_t *limit)
{
    struct tuning_number number;
    struct version *v = t->count < TUNING_LIMITS_MAX ? calloc(1, sizeof(*v)) : NULL;
    if (!v)
        return false;
    t->versions[t->count++] = v;
    v->tuning = t;
    v->rule = *rule;
    if (limit) {
        tuning_number_set(&v->rule, v->steps, *limit);
        v->rule.is_enabled = true;
    }
    if (tuning_number(&v->rule, &number))
        v->figures.limit = number.value;
    return version_open(v);
}

static void count_agent(struct tuning *t, const struct transaction *tx, int64_t day)
{
    bool is_new, has_name = transaction_has(tx, FIELD_USER_NAME);
    if (!has_name && !transaction_has(tx, FIELD_CLIENT_IP))
        return;
    uint64_t hash =
        has_name
            ? hash_bytes(tx->user_name, 1)
            : hash_bytes((struct bytes){tx->client_ip.octets, sizeof(tx->client_ip.octets)}, 2);
    int64_t *last = table_touch(t->agents, &hash, &is_new);
    if (!last || (!is_new && *last >= day))
        return;
    *last = day;
    t->agent_days++;
}

void tuning_transaction(struct tuning *t, const struct transaction *tx, int64_t now_ns)
{
    int64_t day = now_ns / day_ns;
    if (t->first_day == 0)
        t->first_day = day;
    bool is_next_day = day > t->last_day;
    if (is_next_day)
        t->last_day = day;
    count_agent(t, tx, day);
    for (size_t i = 0; i < t->count; i++) {
        struct version *v = t->versions[i];
        engine_transaction(v->engine, tx);
        if (is_next_day)
            engine_tick(v->engine, now_ns);
    }
}

void tuning_finish(struct tuning *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct version *v = t->versions[i];
        v->figures.folded = engine_counters(v->engine).folded;
        v->figures.keys = table_count(v->keys);
        v->figures.keys_forgotten = table_evictions(v->keys);
    }
}

size_t tuning_count(const struct tuning *t)
{
    return t->count;
}

const struct tuned_limit *tuning_at(const struct tuning *t, size_t i)
{
    return &t->versions[i]->figures;
}

size_t tuning_days(const struct tuning *t, int64_t *first_day)
{
    *first_day = t->first_day;
    if (t->first_day == 0)
        return 0;
    return day_index(t, t->last_day * day_ns) + 1;
}

uint64_t tuning_agent_days(const struct tuning *t)
{
    return t->agent_days;
}

/* Into its place among those with the most alerts. */
static size_t keep_key(struct tuned_key *keys, size_t count, size_t max,
                       const struct tuned_key *key)
{
    if (count == max && (max == 0 || keys[max - 1].alerts >= key->alerts))
        return count;
    size_t at = count < max ? count++ : max - 1;
    for (; at > 0 && keys[at - 1].alerts < key->alerts; at--)
        keys[at] = keys[at - 1];
    keys[at] = *key;
    return count;
}

size_t tuning_keys(const struct tuning *t, size_t i, struct tuned_key *keys, size_t max)
{
    const struct table *table = t->versions[i]->keys;
    size_t count = 0;
    for (const void *at = table_oldest(table); at; at = table_next(table, at))
        count = keep_key(keys, count, max, at);
    return count;
}

uint64_t tuning_only(const struct tuning *t, size_t i, size_t other, struct tuned_key *keys,
                     size_t max, size_t *keys_count)
{
    const struct table *table = t->versions[i]->key_days;
    const struct table *others = t->versions[other]->key_days;
    uint64_t alerts = 0;
    *keys_count = 0;
    for (const void *at = table_oldest(table); at; at = table_next(table, at)) {
        const struct tuned_key *key = at;
        if (table_find(others, table_key(table, at)))
            continue;
        alerts += key->alerts;
        *keys_count = keep_key(keys, *keys_count, max, key);
    }
    return alerts;
}
