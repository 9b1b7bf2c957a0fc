/*
 * Any text as a rule file; what loads is put to work on a few transactions, so that no expression
 * that compiles does harm.
 */
#include "core/clock.h"
#include "rules/describe.h"
#include "rules/engine.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

/* libfyaml 0.7.12 leaks a few bytes of some mistaken scalars; a file is read once. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

static void on_alert(void *context, const struct alert *a)
{
    struct json j = {0};
    char line[ALERT_LINE_MAX];
    (void)context;
    alert_write_json(&j, a);
    (void)alert_write_line(a, line);
    json_clear(&j);
}

static void describe(const struct rules *rules)
{
    static char words[DESCRIPTION_MAX];
    for (size_t i = 0; i < rules_count(rules); i++) {
        struct text t = text_over(words, sizeof(words));
        describe_rule(&t, rules_at(rules, i));
    }
}

static void run(const struct rules *rules)
{
    const struct engine_config config = {.keys_max = 16, .bytes_max = 4096, .alert = on_alert};
    struct engine *e = engine_open(rules, &config);
    if (!e)
        return;
    struct bytes texts[] = {bytes_of("SE"), bytes_of("customers")};
    for (unsigned i = 0; i < 64; i++) {
        struct transaction t = {.start_ns = (int64_t)i * 3600 * CLOCK_SECOND_NS,
                                .action = i % (ACTION_OTHER + 1),
                                .outcome = i % (OUTCOME_UNKNOWN + 1),
                                .user_name = texts[i % 2],
                                .country = texts[0],
                                .db_collections = {texts, i % 3},
                                .returned_rows = i * 1000,
                                .server_bytes = UINT64_C(1) << i};
        /* every field there, then fewer and fewer */
        t.present = (FIELD_BIT(FIELDS_COUNT) - 1) >> i / 4;
        engine_transaction(e, &t);
    }
    engine_tick(e, INT64_MAX / 2);
    engine_close(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct problems problems;
    problems = (struct problems){0};
    struct rules *rules = rules_load_text("fuzz", (struct bytes){data, size}, &problems);
    if (!rules && problems.count == 0)
        abort(); /* what does not load says why */
    if (rules)
        describe(rules);
    if (rules)
        run(rules);
    rules_close(rules);
    return 0;
}
