/*
 * What conditions mean, and what is known of them before they are tried.
 */
#include "tests/rules/expression_bench.h"

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
            unsigned from;
            enum outlook outlook = expression_outlook(&c.expression, t.present, t.action, &from);
            assert_int_not_equal(outlook, holds ? OUTLOOK_NEVER : OUTLOOK_ALWAYS);
            if (outlook == OUTLOOK_OPEN) {
                assert_in_range(from, 0, c.expression.count - 1);
                assert_int_equal(expression_holds_from(&c.expression, from, &t), holds);
            }
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
        unsigned from;        /* the first test that is open */
    } cases[] = {
        {"user.name not in nobody", OUTLOOK_ALWAYS, 0},
        {"not (user.name in nobody) and event.action == \"read\"", OUTLOOK_ALWAYS, 0},
        {"user.name in nobody", OUTLOOK_NEVER, 0},
        {"user.name exists or client.ip in offices", OUTLOOK_ALWAYS, 0},
        {"client.ip not in offices", OUTLOOK_NEVER, 0},
        {"not (client.ip in offices)", OUTLOOK_ALWAYS, 0},
        {"event.action != \"read\"", OUTLOOK_NEVER, 0},
        {"(event.action == \"write\" or http.response.status_code == 401) and user.name exists",
         OUTLOOK_NEVER, 0},
        {"user.name in staff", OUTLOOK_OPEN, 0},
        {"event.action == \"read\" and user.name in staff", OUTLOOK_OPEN, 1},
        {"(client.ip in offices or event.action == \"read\") and user.name in staff", OUTLOOK_OPEN,
         2},
        {"user.name in staff or event.action == \"read\"", OUTLOOK_ALWAYS, 0},
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
        unsigned from = 0;
        assert_int_equal(expression_outlook(&c.expression, present, ACTION_READ, &from),
                         cases[i].outlook);
        if (cases[i].outlook == OUTLOOK_OPEN)
            assert_int_equal(from, cases[i].from);
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
        cmocka_unit_test(no_damage_to_an_expression_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
