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

static void compile_yaml(struct compiled *c, const char *yaml)
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

static void compile(struct compiled *c, const char *when)
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

static void release(struct compiled *c)
{
    yaml_close(c->yaml);
    free(c->vocabulary);
    arena_clear(&c->arena);
}

static struct transaction sample(void)
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

static const struct {
    const char *when;
    bool holds;
} truths[] = {
    /* numbers */
    {"db.response.returned_rows == 150", true},
    {"db.response.returned_rows == 151", false},
    {"db.response.returned_rows != 150", false},
    {"db.response.returned_rows != 151", true},
    {"db.response.returned_rows < 150", false},
    {"db.response.returned_rows < 151", true},
    {"db.response.returned_rows <= 149", false},
    {"db.response.returned_rows <= 150", true},
    {"db.response.returned_rows > 149", true},
    {"db.response.returned_rows > 150", false},
    {"db.response.returned_rows >= 150", true},
    {"db.response.returned_rows >= 151", false},
    {"server.bytes == 2KiB", true},
    {"server.bytes > 2KB", true},
    {"server.port in [5432, 3306]", true},
    {"server.port in [80]", false},
    {"server.port not in ports", true},
    {"server.port in []", false},
    {"event.duration > 100ms and event.duration < 1s", true},
    {"(@timestamp >= \"2026-01-05T00:00:00Z\")", true},
    {"(@timestamp < \"2026-01-05T15:30:00+01:00\")", false},
    {"(@timestamp > \"1960-01-05T15:30:00Z\")", true},
    /* texts */
    {"user.name == \"ann\"", true},
    {"user.name == 'ann'", true},
    {"user.name == \"Ann\"", false},
    {"user.name != \"ann\"", false},
    {"user.name != \"bob\"", true},
    {"user.name in [ann, \"bob\"]", true},
    {"user.name in [bob, ]", false},
    {"user.name in staff", true},
    {"user.name not in staff", false},
    {"user.name contains \"nn\"", true},
    {"user.name contains \"nnn\"", false},
    {"user.name contains \"\"", true},
    {"user.name starts with \"an\"", true},
    {"user.name starts with \"anna\"", false},
    {"user.name ends with \"nn\"", true},
    {"user.name ends with \"a\"", false},
    {"db.query.text contains \"from \\\"\" or db.query.text contains \"from cust\"", true},
    /* several texts: one is enough */
    {"db.collection.name == \"contracts\"", true},
    {"db.collection.name == \"invoices\"", false},
    {"db.collection.name != \"invoices\"", true},
    {"db.collection.name != \"contracts\"", false},
    {"db.collection.name in [invoices, customers]", true},
    {"db.collection.name not in [invoices, customers]", false},
    {"db.collection.name starts with \"contr\"", true},
    {"client.geo.country_iso_code in network.countries", false},
    {"client.geo.country_iso_code not in network.countries", true},
    {"db.collection.name in network.countries", false},
    /* choices, booleans, hashes */
    {"event.action == \"read\"", true},
    {"event.action != \"read\"", false},
    {"event.action in [write, read]", true},
    {"event.action not in changes", true},
    {"event.action in changes", false},
    {"event.outcome == \"success\"", true},
    {"capture.partial == true", true},
    {"capture.partial == false", false},
    {"capture.partial != false", true},
    {"db.query.hash == \"0000000000abcdef\"", true},
    {"db.query.hash in [0000000000abcdef]", true},
    {"db.query.hash != \"0000000000abcdee\"", true},
    /* addresses */
    {"client.ip == 10.1.2.3", true},
    {"client.ip == \"10.1.2.3\"", true},
    {"client.ip != 10.1.2.4", true},
    {"client.ip in 10.1.0.0/16", true},
    {"client.ip in [10.2.0.0/16, 10.1.2.0/24]", true},
    {"client.ip not in 10.1.0.0/16", false},
    {"client.ip in offices", true},
    {"server.ip in offices", true},
    {"server.ip == 2001:db8::5", true},
    {"server.ip in [2001:db8:1::/48]", false},
    /* exists */
    {"user.name exists", true},
    {"session.id exists", false},
    {"not session.id exists", true},
    /* what is absent: false, and its negation too */
    {"session.id == \"x\"", false},
    {"session.id != \"x\"", false},
    {"session.id in staff", false},
    {"session.id not in staff", false},
    {"http.response.status_code < 500", false},
    {"http.response.status_code >= 500", false},
    {"source.ip not in offices", false},
    {"client.geo.city_name not in network.countries", false},
    {"not (session.id == \"x\")", true},
    {"not session.id != \"x\"", true},
    /* and, or, not, parentheses, macros */
    {"reads", true},
    {"big", true},
    {"big_read", true},
    {"not big_read", false},
    {"reads and user.name == \"bob\"", false},
    {"reads or user.name == \"bob\"", true},
    {"user.name == \"bob\" or reads", true},
    {"user.name == \"bob\" or user.name == \"x\" and reads", false},
    {"(user.name == \"bob\" or user.name == \"ann\") and reads", true},
    {"user.name == \"ann\" or user.name == \"bob\" and event.action == \"write\"", true},
    {"(user.name == \"ann\" or user.name == \"bob\") and event.action == \"write\"", false},
    {"not (user.name == \"ann\" and event.action == \"write\")", true},
    {"not not reads", true},
    {"not (not reads or not big)", true},
    {"((((reads))))", true},
    {"not reads or reads", true},
};

static void every_operator_says_what_it_means(void **state)
{
    (void)state;
    struct transaction t = sample();
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        struct compiled c;
        compile(&c, truths[i].when);
        if (!c.is_good)
            print_error("%s: %s\n", truths[i].when, problems.items[0]);
        assert_true(c.is_good);
        assert_int_equal(problems.count, 0);
        bool holds = expression_holds(&c.expression, &t);
        if (holds != truths[i].holds)
            print_error("%s is %d\n", truths[i].when, holds);
        assert_int_equal(holds, truths[i].holds);
        release(&c);
    }
}

/* The filter before the tests may never change the answer. */
static void the_quick_filter_changes_no_answer(void **state)
{
    (void)state;
    static const enum action actions[] = {ACTION_LOGIN, ACTION_READ, ACTION_WRITE};
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        struct compiled c;
        compile(&c, truths[i].when);
        struct expression slow = c.expression;
        slow.required = 0;
        slow.actions = EXPRESSION_ACTIONS_ALL;
        for (unsigned f = 0; f <= FIELDS_COUNT; f++) {
            struct transaction t = sample();
            t.action = actions[f % 3];
            t.present &= ~(f < FIELDS_COUNT ? FIELD_BIT(f) : t.present);
            assert_int_equal(expression_holds(&c.expression, &t), expression_holds(&slow, &t));
        }
        release(&c);
    }
}

/* What the fields and the action alone tell is what the whole transaction says. */
static void the_outlook_is_never_wrong(void **state)
{
    (void)state;
    static const enum action actions[] = {ACTION_LOGIN, ACTION_READ, ACTION_WRITE};
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        struct compiled c;
        compile(&c, truths[i].when);
        for (unsigned f = 0; f <= FIELDS_COUNT; f++) {
            struct transaction t = sample();
            t.action = actions[f % 3];
            t.present &= ~(f < FIELDS_COUNT ? FIELD_BIT(f) : t.present);
            bool holds = expression_holds(&c.expression, &t);
            enum outlook outlook = expression_outlook(&c.expression, t.present, t.action);
            assert_int_not_equal(outlook, holds ? OUTLOOK_NEVER : OUTLOOK_ALWAYS);
        }
        release(&c);
    }
}

static void the_outlook_is_as_sure_as_it_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *when;
        enum outlook outlook; /* of a read with user.name and no more */
    } cases[] = {
        {"user.name not in nobody", OUTLOOK_ALWAYS},
        {"not (user.name in nobody) and event.action == \"read\"", OUTLOOK_ALWAYS},
        {"user.name in nobody", OUTLOOK_NEVER},
        {"user.name exists or client.ip in offices", OUTLOOK_ALWAYS},
        {"client.ip not in offices", OUTLOOK_NEVER},
        {"not (client.ip in offices)", OUTLOOK_ALWAYS},
        {"event.action != \"read\"", OUTLOOK_NEVER},
        {"(event.action == \"write\" or http.response.status_code == 401) and user.name exists",
         OUTLOOK_NEVER},
        {"user.name in staff", OUTLOOK_OPEN},
        {"user.name in staff or event.action == \"read\"", OUTLOOK_ALWAYS},
    };
    const field_set present = FIELD_BIT(FIELD_EVENT_ACTION) | FIELD_BIT(FIELD_USER_NAME);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled c;
        char yaml[512];
        (void)snprintf(yaml, sizeof(yaml),
                       "lists: {nobody: [], staff: [ann], offices: [10.1.0.0/16]}\nwhen: '%s'",
                       cases[i].when);
        compile_yaml(&c, yaml);
        assert_true(c.is_good);
        assert_int_equal(expression_outlook(&c.expression, present, ACTION_READ), cases[i].outlook);
        release(&c);
    }
}

static void the_quick_filter_knows_what_must_be_there(void **state)
{
    (void)state;
    static const struct {
        const char *when;
        field_set required;
        unsigned actions;
    } cases[] = {
        {"reads and user.name exists", FIELD_BIT(FIELD_EVENT_ACTION) | FIELD_BIT(FIELD_USER_NAME),
         1u << ACTION_READ},
        {"reads or event.action == \"write\"", FIELD_BIT(FIELD_EVENT_ACTION),
         1u << ACTION_READ | 1u << ACTION_WRITE},
        {"reads or user.name exists", 0, EXPRESSION_ACTIONS_ALL},
        {"not reads", 0, EXPRESSION_ACTIONS_ALL},
        {"event.action != \"read\"", FIELD_BIT(FIELD_EVENT_ACTION),
         EXPRESSION_ACTIONS_ALL & ~(1u << ACTION_READ)},
        {"client.geo.country_iso_code not in network.countries",
         FIELD_BIT(FIELD_CLIENT_GEO_COUNTRY_ISO_CODE) | FIELD_BIT(FIELD_NETWORK_COUNTRIES),
         EXPRESSION_ACTIONS_ALL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled c;
        compile(&c, cases[i].when);
        assert_true(c.is_good);
        assert_true(c.expression.required == cases[i].required);
        assert_int_equal(c.expression.actions, cases[i].actions);
        release(&c);
    }
}

/* `when` stands in line 11 of the text, its first character in column 7. */
static const struct {
    const char *when, *problem;
} mistakes[] = {
    {"event.action == \"reed\"", "f:11:23: 'reed' is none of its words: event.action is one of a "
                                 "few words; did you mean 'read'?"},
    {"event.action == \"steal\"", "f:11:23: 'steal' is none of its words: event.action is one of "
                                  "a few words; use one of login, logout, read, write, define, "
                                  "other"},
    {"usr.name == \"x\"", "f:11:7: no field and no macro is called 'usr.name'; did you mean "
                          "'user.name'?"},
    {"raeds", "f:11:7: no field and no macro is called 'raeds'; did you mean 'reads'?"},
    {"user.name < \"x\"", "f:11:17: '<' does not go with user.name, which is a text: use ==, !=, "
                          "in, not in, contains, starts with, ends with, matches, exists"},
    {"user.name in 10.0.0.0/8", "f:11:20: no list is called '10.0.0.0/8'"},
    {"user.name in stuff", "f:11:20: no list is called 'stuff'; did you mean 'staff'?"},
    {"user.name in client.ip", "f:11:20: user.name is a text and client.ip is an address: 'in' "
                               "takes a text on its left and a field with a list of texts on its "
                               "right"},
    {"client.ip in network.countries",
     "f:11:20: client.ip is an address and network.countries is a list of texts: 'in' takes a text "
     "on its left and a field with a list of texts on its right"},
    {"client.ip == 10.0.0.0/8",
     "f:11:20: '10.0.0.0/8' is a network: client.ip is an address; write 'in' for '=='"},
    {"client.ip == \"here\"", "f:11:20: 'here' is no address: client.ip is an address; write it as "
                              "192.0.2.7 or 2001:db8::1"},
    {"client.ip in [10.0.0.1/8]", "f:11:21: '10.0.0.1/8' is no address or network: client.ip is an "
                                  "address; write it as 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32, "
                                  "without host bits"},
    {"client.ip in one", "f:3:9: 'ann' is no address or network: client.ip is an address; write "
                         "it as 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32, without host bits; the "
                         "list is one"},
    {"server.bytes > 10s", "f:11:22: '10s' does not fit: server.bytes is a number; write a whole "
                           "number of bytes, such as 20MiB, 5KB or 4096"},
    {"event.duration > 10", "f:11:24: '10' does not fit: event.duration is a number; write a whole "
                            "number with a unit of time, such as 500ms, 10s, 30m, 12h, 90d or 2w"},
    {"db.response.returned_rows > 3KB",
     "f:11:35: '3KB' does not fit: db.response.returned_rows is a number; write a whole number "
     "without a unit, such as 1000"},
    {"db.response.returned_rows > \"3\"",
     "f:11:35: db.response.returned_rows is a number: write \"3\" without quotes"},
    {"db.response.returned_rows contains \"3\"",
     "f:11:33: 'contains' does not go with db.response.returned_rows, which is a number: use ==, "
     "!=, <, <=, >, >=, in, not in, exists"},
    {"user.name == ann", "f:11:20: user.name is a text: write \"ann\", with quotes"},
    {"db.response.status_code == 28000",
     "f:11:34: db.response.status_code is a text: write \"28000\", with quotes"},
    {"capture.partial == yes",
     "f:11:26: 'yes' does not fit: capture.partial is true or false; write true or false"},
    {"capture.partial", "f:11:22: an operator, such as == or exists, expected, but this is the "
                        "end"},
    {"db.query.hash == \"xyz\"",
     "f:11:24: 'xyz' is no hash: db.query.hash is a hash; write its 16 hexadecimal digits"},
    {"(@timestamp > \"yesterday\")",
     "f:11:21: 'yesterday' is no time: @timestamp is a time; write it "
     "as \"2026-01-05T09:30:00Z\""},
    {"client.geo.location == \"x\"", "f:11:27: '==' does not go with client.geo.location, which is "
                                     "a place on earth: use exists"},
    {"user.name contain \"x\"", "f:11:17: unknown operator 'contain'; did you mean 'contains'?"},
    {"user.name like \"x\"", "f:11:17: unknown operator 'like'"},
    {"user.name = \"x\"", "f:11:17: '=' is no operator; did you mean '=='?"},
    {"reads && big", "f:11:13: '&' is no operator; did you mean 'and'?"},
    {"reads || big", "f:11:13: '|' is no operator; did you mean 'or'?"},
    {"user.name starts \"x\"", "f:11:24: 'with' expected, not 'x'"},
    {"user.name not \"x\"", "f:11:21: 'in' expected, not 'x'"},
    {"user.name ==", "f:11:19: a value expected, but this is the end"},
    {"user.name in", "f:11:19: a list expected, but this is the end"},
    {"user.name in [a b]", "f:11:23: ',' or ']' expected, not 'b'"},
    {"user.name in [a", "f:11:22: ',' or ']' expected, but this is the end"},
    {"user.name in [,]", "f:11:21: a value or ']' expected, not ','"},
    {"user.name == \"x", "f:11:20: this quote is not closed (in YAML, ' #' begins a comment)"},
    {"user.name == \"x #\"", "f:11:20: this quote is not closed (in YAML, ' #' begins a comment)"},
    {"(reads", "f:11:13: 'and', 'or' or ')' expected, but this is the end"},
    {"reads)", "f:11:12: 'and', 'or' or the end expected, not ')'"},
    {"reads big", "f:11:13: 'and', 'or' or the end expected, not 'big'"},
    {"reads and", "f:11:16: a field or a macro expected, but this is the end"},
    {"and reads", "f:11:7: a field or a macro expected, not 'and'"},
    {"not", "f:11:10: a field or a macro expected, but this is the end"},
    {"()", "f:11:8: a field or a macro expected, not ')'"},
    {"\"\"", "f:11:8: a field or a macro expected, but this is the end"},
    {"reads ; big", "f:11:13: this character has no meaning here; texts stand in quotes"},
    {">\n  reads and\n  usr.name exists\n",
     "f:13:3: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
    {"'reads and usr.name exists'",
     "f:11:18: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
};

static void every_mistake_is_told_at_its_place(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct compiled c;
        compile(&c, mistakes[i].when);
        bool is_right = !c.is_good && problems.count == 1 &&
                        strcmp(problems.items[0], mistakes[i].problem) == 0;
        if (!is_right)
            print_error("%s: %zu problems: %s\n", mistakes[i].when, problems.count,
                        problems.items[0]);
        wrong += !is_right;
        release(&c);
    }
    assert_int_equal(wrong, 0);
}

static void several_mistakes_of_one_expression_are_told_at_once(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, "usr.name == \"x\" and event.action == \"reed\" or (server.bytes > 3x)");
    assert_false(c.is_good);
    assert_int_equal(problems.count, 3);
    assert_non_null(strstr(problems.items[1], "f:11:43: 'reed'"));
    release(&c);
}

static void macros_that_stand_for_themselves_are_refused(void **state)
{
    (void)state;
    struct compiled c;
    compile_yaml(&c, "macros:\n  a: b or user.name exists\n  b: not c\n  c: a\nwhen: a\n");
    assert_false(c.is_good);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0],
                        "f:4:6: the macro 'a' stands for itself here, in a circle");
    release(&c);
}

static void a_mistake_in_a_macro_is_told_once_where_it_is(void **state)
{
    (void)state;
    struct compiled c;
    compile_yaml(&c, "macros:\n  a: usr.name exists\n  b: a or a\nwhen: a and b and a\n");
    assert_false(c.is_good);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0], "f:2:6: no field and no macro"));
    release(&c);
}

static void names_of_lists_and_macros_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *problem;
    } cases[] = {
        {"lists: {and: [a]}", "f:1:9: 'and' is a word of the language: take another name"},
        {"macros: {user.name: reads}", "f:1:10: 'user.name' is no name: a letter, then letters, "
                                       "digits, '_' or '-'"},
        {"lists: {a: b}", "f:1:12: a named list must be a list"},
        {"lists: {a: [[b]]}", "f:1:13: an item of a list must be one value"},
        {"lists: [a]", "f:1:8: 'lists' must be a mapping of keys to values"},
        {"macros: {a: [b]}", "f:1:13: a macro must be one value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled c;
        compile_yaml(&c, cases[i].yaml);
        assert_string_equal(problems.items[0], cases[i].problem);
        release(&c);
    }
}

/* Each macro stands for the one before twice: 2^40 tests, if nobody counted. */
static void macros_cannot_grow_without_bound(void **state)
{
    (void)state;
    char yaml[4096];
    int len = snprintf(yaml, sizeof(yaml), "macros:\n  m0: user.name exists\n");
    for (int i = 1; i <= 40; i++)
        len += snprintf(yaml + len, sizeof(yaml) - (size_t)len, "  m%d: m%d and m%d\n", i, i - 1,
                        i - 1);
    (void)snprintf(yaml + len, sizeof(yaml) - (size_t)len, "when: m40\n");
    struct compiled c;
    compile_yaml(&c, yaml);
    assert_false(c.is_good);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0], "f:12:17: more than 512 comparisons"));
    release(&c);
}

/* text = before x count + middle + after x count */
static void repeat(char *text, const char *before, size_t count, const char *middle,
                   const char *after)
{
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        text += sprintf(text, "%s", before);
    text += sprintf(text, "%s", middle);
    for (size_t i = 0; i < count; i++)
        text += sprintf(text, "%s", after);
}

static void hostile_expressions_end_in_a_problem_or_in_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *before, *middle, *after;
        size_t count;
        bool is_good;
    } cases[] = {
        {"(", "reads", ")", EXPRESSION_NESTING_MAX - 1, true},
        {"(", "reads", ")", EXPRESSION_NESTING_MAX, false},
        {"(", "reads", ")", 4000, false},
        {"(", "", "", 8000, false},
        {"not ", "reads", "", EXPRESSION_NESTING_MAX - 1, true},
        {"not ", "reads", "", 3000, false},
        {"reads or ", "reads", "", EXPRESSION_TESTS_MAX - 1, true},
        {"reads or ", "reads", "", EXPRESSION_TESTS_MAX, false},
        {"big and ", "reads", "", 2000, false},
        {"a", "", "", 16000, false},
        {"a", "", "", EXPRESSION_TEXT_MAX + 1, false},
        {"user.name in [", "a", ",a", 1, false},
        {"", "user.name in [a", ",b", 0, false},
        {"((reads) and ", "reads", ")", 300, false},
    };
    char *text = malloc(65536);
    assert_non_null(text);
    struct transaction t = sample();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled c;
        repeat(text, cases[i].before, cases[i].count, cases[i].middle, cases[i].after);
        compile(&c, text);
        assert_int_equal(c.is_good, cases[i].is_good);
        assert_int_equal(problems.count == 0, cases[i].is_good);
        if (c.is_good)
            (void)expression_holds(&c.expression, &t);
        release(&c);
    }
    free(text);
}

static void a_list_in_an_expression_is_bounded(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        bool is_good;
    } cases[] = {{EXPRESSION_LIST_MAX, true}, {EXPRESSION_LIST_MAX + 1, false}};
    char text[2048];
    for (size_t i = 0; i < 2; i++) {
        struct compiled c;
        char *at = text + sprintf(text, "user.name in [");
        for (size_t k = 0; k < cases[i].count; k++)
            at += sprintf(at, "a,");
        (void)sprintf(at, "]");
        compile(&c, text);
        assert_int_equal(c.is_good, cases[i].is_good);
        release(&c);
    }
}

/* Every beginning of every expression, and each with one byte changed. */
static void no_damage_to_an_expression_does_harm(void **state)
{
    (void)state;
    static const char bytes[] = "\"'()[]=!<>,\\ .x0#&";
    struct transaction t = sample();
    char text[256];
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        size_t len = strlen(truths[i].when);
        for (size_t at = 0; at < 2 * len; at++) {
            struct compiled c;
            (void)snprintf(text, sizeof(text), "%s", truths[i].when);
            if (at < len)
                text[at] = '\0';
            else
                text[at - len] = bytes[(at + i) % (sizeof(bytes) - 1)];
            compile(&c, text);
            assert_true(c.is_good || problems.count > 0 || text[0] == '\0' || !c.yaml);
            if (c.is_good)
                (void)expression_holds(&c.expression, &t);
            release(&c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_says_what_it_means),
        cmocka_unit_test(the_quick_filter_changes_no_answer),
        cmocka_unit_test(the_outlook_is_never_wrong),
        cmocka_unit_test(the_outlook_is_as_sure_as_it_can_be),
        cmocka_unit_test(the_quick_filter_knows_what_must_be_there),
        cmocka_unit_test(every_mistake_is_told_at_its_place),
        cmocka_unit_test(several_mistakes_of_one_expression_are_told_at_once),
        cmocka_unit_test(macros_that_stand_for_themselves_are_refused),
        cmocka_unit_test(a_mistake_in_a_macro_is_told_once_where_it_is),
        cmocka_unit_test(names_of_lists_and_macros_are_checked),
        cmocka_unit_test(macros_cannot_grow_without_bound),
        cmocka_unit_test(hostile_expressions_end_in_a_problem_or_in_an_answer),
        cmocka_unit_test(a_list_in_an_expression_is_bounded),
        cmocka_unit_test(no_damage_to_an_expression_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
