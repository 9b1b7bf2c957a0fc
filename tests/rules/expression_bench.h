/*
 * A condition, compiled as that of a rule file with lists and macros.
 */
#ifndef SEEPWATCH_TESTS_RULES_EXPRESSION_BENCH_H
#define SEEPWATCH_TESTS_RULES_EXPRESSION_BENCH_H

#include "tests/cmocka.h"

#include "rules/condition.h"

#include <stdio.h>
#include <stdlib.h>

static struct problems problems;

/* What one test compiles. */
struct compiled {
    struct arena arena;
    struct yaml *yaml;
    struct vocabulary *vocabulary;
    struct expression expression;
    bool is_good;
};

static inline void compile_yaml(struct compiled *c, const char *yaml)
{
    problems = (struct problems){0};
    *c = (struct compiled){.vocabulary = calloc(1, sizeof(struct vocabulary))};
    assert_non_null(c->vocabulary);
    c->vocabulary->arena = &c->arena;
    c->vocabulary->problems = &problems;
    c->yaml = yaml_read_text("f", bytes_of(yaml), &problems);
    if (!c->yaml)
        return;
    const struct yaml_node *root = yaml_root(c->yaml), *lists = yaml_get(root, "lists");
    const struct yaml_node *macros = yaml_get(root, "macros"), *when = yaml_get(root, "when");
    if (lists)
        vocabulary_read_lists(c->vocabulary, lists);
    if (macros)
        vocabulary_read_macros(c->vocabulary, macros);
    condition_check_macros(c->vocabulary);
    const struct condition *parsed = when ? condition_parse(c->vocabulary, when) : NULL;
    c->is_good = parsed && condition_compile(&c->expression, parsed, c->vocabulary);
}

static inline void compile(struct compiled *c, const char *when)
{
    static const char words[] = "lists:\n"
                                "  staff: [ann, bob]\n"
                                "  one: [ann]\n"
                                "  offices: [10.1.0.0/16, '2001:db8::/32', 192.0.2.7]\n"
                                "  ports: [80, 443]\n"
                                "  changes: [write, define]\n"
                                "macros:\n"
                                "  reads: event.action == \"read\"\n"
                                "  big: db.response.returned_rows > 100 or server.bytes > 1MiB\n"
                                "  big_read: reads and big\n"
                                "when: ";
    char *yaml = malloc(sizeof(words) + strlen(when) + 1);
    assert_non_null(yaml);
    (void)sprintf(yaml, "%s%s", words, when);
    compile_yaml(c, yaml);
    free(yaml);
}

static inline void release(struct compiled *c)
{
    yaml_close(c->yaml);
    free(c->vocabulary);
    arena_clear(&c->arena);
}

static inline struct transaction sample(void)
{
    static struct bytes tables[2], countries[2];
    tables[0] = bytes_of("customers");
    tables[1] = bytes_of("contracts");
    countries[0] = bytes_of("SE");
    countries[1] = bytes_of("NO");
    struct transaction t = {.start_ns = INT64_C(1767623400000000000), /* 2026-01-05T14:30:00Z */
                            .duration_ns = 250000000,
                            .action = ACTION_READ,
                            .outcome = OUTCOME_SUCCESS,
                            .network_name = bytes_of("stockholm"),
                            .network_countries = {countries, 2},
                            .country = bytes_of("DE"),
                            .user_name = bytes_of("ann"),
                            .db_query_text = bytes_of("select * from customers"),
                            .db_collections = {tables, 2},
                            .db_query_hash = 0xabcdef,
                            .returned_rows = 150,
                            .server_bytes = 2048,
                            .server_port = 5432,
                            .partial = true};
    assert_true(address_parse(&t.client_ip, bytes_of("10.1.2.3")));
    assert_true(address_parse(&t.server_ip, bytes_of("2001:db8::5")));
    static const enum field present[] = {FIELD_TIMESTAMP,
                                         FIELD_EVENT_DURATION,
                                         FIELD_EVENT_ACTION,
                                         FIELD_EVENT_OUTCOME,
                                         FIELD_NETWORK_NAME,
                                         FIELD_NETWORK_COUNTRIES,
                                         FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
                                         FIELD_USER_NAME,
                                         FIELD_DB_QUERY_TEXT,
                                         FIELD_DB_COLLECTION_NAME,
                                         FIELD_DB_QUERY_HASH,
                                         FIELD_DB_RESPONSE_RETURNED_ROWS,
                                         FIELD_SERVER_BYTES,
                                         FIELD_SERVER_PORT,
                                         FIELD_CAPTURE_PARTIAL,
                                         FIELD_CLIENT_IP,
                                         FIELD_SERVER_IP};
    for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
        transaction_mark(&t, present[i]);
    return t;
}

#endif
