/*
 * One rule: its keys, its defaults, and every mistake in it at its place.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/rule.h"
#include "rules/text.h"

#include <stdio.h>

static struct problems problems;

static struct rules *load(const char *text)
{
    problems = (struct problems){0};
    return rules_load_text("f", bytes_of(text), &problems);
}

static void a_rule_is_read_with_all_its_keys(void **state)
{
    (void)state;
    struct rules *r = load("rules:\n"
                           "  - id: rows-1\n"
                           "    name: Many rows\n"
                           "    severity: high\n"
                           "    technique: T1110.003\n"
                           "    when: db.system.name exists\n"
                           "    by: [user.name, client.ip]\n"
                           "    measure: sum(db.response.returned_rows)\n"
                           "    over: 2h\n"
                           "    above: 3000\n"
                           "    quiet: 30m\n"
                           "    note: >\n"
                           "      two\n"
                           "      lines\n"
                           "    enabled: false\n");
    assert_non_null(r);
    assert_int_equal(rules_count(r), 1);
    const struct rule *rule = rules_at(r, 0);
    assert_string_equal(rule->id, "rows-1");
    assert_string_equal(rule->name, "Many rows");
    assert_int_equal(rule->severity, SEVERITY_HIGH);
    assert_string_equal(rule->technique, "T1110.003");
    assert_string_equal(rule->note, "two lines");
    assert_false(rule->is_enabled);
    assert_int_equal(rule->by_count, 2);
    assert_int_equal(rule->by[0], FIELD_CLIENT_IP); /* in the order of the fields */
    assert_int_equal(rule->by[1], FIELD_USER_NAME);
    assert_int_equal(rule->trigger, TRIGGER_ABOVE);
    assert_int_equal(rule->measure.kind, MEASURE_SUM);
    assert_int_equal(rule->measure.field, FIELD_DB_RESPONSE_RETURNED_ROWS);
    assert_string_equal(rule->measure.text, "sum(db.response.returned_rows)");
    assert_int_equal(rule->over_ns, 7200 * CLOCK_SECOND_NS);
    assert_int_equal(rule->above, 3000);
    assert_int_equal(rule->quiet_ns, 1800 * CLOCK_SECOND_NS);
    assert_true(rule->when.required ==
                (FIELD_BIT(FIELD_DB_SYSTEM_NAME) | FIELD_BIT(FIELD_USER_NAME) |
                 FIELD_BIT(FIELD_CLIENT_IP) | FIELD_BIT(FIELD_DB_RESPONSE_RETURNED_ROWS)));
    rules_close(r);
}

static void what_a_rule_leaves_out_has_its_default(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        int64_t quiet_s, learn_s, forget_s;
    } cases[] = {
        {"measure: count\n    over: 10m\n    above: 0", 3600, 0, 0},
        {"measure: count\n    over: 12h\n    above: 0", 43200, 0, 0},
        {"first: client.geo.country_iso_code", 0, 14 * 86400, 365 * 86400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "rules:\n  - id: a\n    name: n\n    severity: low\n    by: user.name\n"
                       "    %s\n",
                       cases[i].keys);
        struct rules *r = load(text);
        assert_non_null(r);
        const struct rule *rule = rules_at(r, 0);
        assert_true(rule->is_enabled);
        assert_null(rule->technique);
        assert_null(rule->note);
        assert_int_equal(rule->when.count, 0);
        assert_int_equal(rule->quiet_ns, cases[i].quiet_s * CLOCK_SECOND_NS);
        if (rule->trigger == TRIGGER_FIRST) {
            assert_int_equal(rule->learn_ns, cases[i].learn_s * CLOCK_SECOND_NS);
            assert_int_equal(rule->forget_ns, cases[i].forget_s * CLOCK_SECOND_NS);
        }
        rules_close(r);
    }
}

/* One line of a good rule each; a case replaces, adds or leaves out lines. */
struct line {
    const char *key, *text;
};

static const struct line good[] = {
    {"id", "id: a"},         {"name", "name: n"},           {"severity", "severity: low"},
    {"by", "by: user.name"}, {"measure", "measure: count"}, {"over", "over: 1h"},
    {"above", "above: 10"},
};

enum { GOOD_COUNT = sizeof(good) / sizeof(good[0]) };

static const struct {
    const char *key, *text; /* the line of that key becomes this; NULL: it is left out */
    const char *problem;
} mistakes[] = {
    {"id", NULL, "f:2:5: this rule has no 'id'"},
    {"id", "id: a b", "f:2:9: an id consists of letters, digits and '-'"},
    {"id", "id:", "f:2:5: 'id' has no value"},
    {"name", NULL, "f:2:5: this rule has no 'name'"},
    {"severity", NULL, "f:2:5: this rule has no 'severity'"},
    {"severity", "severity: hihg",
     "f:4:15: 'hihg' is none of severity's words (info, low, medium, "
     "high, critical); did you mean 'high'?"},
    {"by", NULL, "f:2:5: this rule has no 'by': for whom is it counted? for example by: user.name"},
    {"by", "by: user", "f:5:9: no field is called 'user'"},
    {"by", "by: usr.name", "f:5:9: no field is called 'usr.name'; did you mean 'user.name'?"},
    {"by", "by: [user.name, user.name]", "f:5:21: user.name stands in 'by' twice"},
    {"by", "by: []", "f:5:9: 'by' must be a field or a list of fields"},
    {"by", "by: [client.ip, client.port, server.ip, server.port, user.name]",
     "f:5:58: more than 4 fields in 'by'"},
    {"by", "by: server.bytes",
     "f:5:9: server.bytes cannot be counted by: 'by' takes fields with "
     "one value that names something, such as user.name"},
    {"by", "by: db.collection.name",
     "f:5:9: db.collection.name cannot be counted by: 'by' takes fields with one value that names "
     "something, such as user.name"},
    {"measure", NULL, "f:2:5: this rule has no 'measure'"},
    {"measure", "measure: cuont",
     "f:6:14: 'cuont' is none of measure's words (count, sum, max, "
     "distinct, share); did you mean 'count'?"},
    {"measure", "measure: count(user.name)",
     "f:6:14: count takes no field; distinct(FIELD) counts different values"},
    {"measure", "measure: sum", "f:6:14: this measure needs a field, such as sum(server.bytes)"},
    {"measure", "measure: sum(server.bytes",
     "f:6:14: this measure needs a field, such as sum(server.bytes)"},
    {"measure", "measure: sum(server.byte)",
     "f:6:18: no field is called 'server.byte'; did you mean 'server.bytes'?"},
    {"measure", "measure: sum(user.name)",
     "f:6:18: user.name is nothing to add up or compare: "
     "take a field of bytes, rows, packets, time or a share"},
    {"measure", "measure: max(server.port)",
     "f:6:18: server.port is nothing to add up or compare: "
     "take a field of bytes, rows, packets, time or a share"},
    {"measure", "measure: distinct(client.geo.location)",
     "f:6:23: the values of client.geo.location cannot be told apart and counted"},
    {"over", NULL, "f:2:5: this rule has no 'over'"},
    {"over", "over: 90",
     "f:7:11: 'over': write a whole number with a unit of time, such as 500ms, "
     "10s, 30m, 12h, 90d or 2w"},
    {"over", "over: 366d", "f:7:11: 'over' must be from 1s to 365d"},
    {"over", "over: 500ms", "f:7:11: 'over' must be from 1s to 365d"},
    {"above", NULL,
     "f:2:5: this rule has no 'above', 'first' or another word that says when it fires"},
    {"above", "above: 20MiB",
     "f:8:12: 'above' does not fit count: write a whole number without a unit, such as 1000"},
    {"above", "above: -1",
     "f:8:12: 'above' does not fit count: write a whole number without a unit, such as 1000"},
    {"above", "above: [1]", "f:8:12: 'above' must be one value"},
    {"above", "above: 10\n    first: user.name",
     "f:2:5: this rule has 'above' and 'first': it takes one of them"},
    {"above", "above: 5% of many",
     "f:8:12: 'above' does not fit count: write a whole number without a unit, such as 1000"},
    {"above", "above: 10\n    learn: 3d", "f:9:12: 'learn' does nothing without 'times own'"},
    {"above", "above: 10\n    quiet: soon",
     "f:9:12: 'quiet': write a whole number with a unit of "
     "time, such as 500ms, 10s, 30m, 12h, 90d or 2w"},
    {"above", "above: 10\n    techniqe: T1",
     "f:9:5: unknown key 'techniqe' in a rule; did you "
     "mean 'technique'?"},
    {"above", "above: 10\n    technique: 1213",
     "f:9:16: a technique of MITRE ATT&CK is written T1213 or T1110.003"},
    {"above", "above: 10\n    technique: T1110.3",
     "f:9:16: a technique of MITRE ATT&CK is written T1213 or T1110.003"},
    {"above", "above: 10\n    enabled: no",
     "f:9:14: 'no' is none of enabled's words (true, false)"},
    {"above", "above: 10\n    when: usr.name exists",
     "f:9:11: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
    {"above", "above: 10\n    above: 11", "f:9:5: the key 'above' stands here twice: see line 8"},
    {"above", "above: 10\n  - {id: a, name: b, severity: low, by: user.name, first: client.ip}",
     "f:9:10: the id 'a' is taken: f:2:9"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: usr}",
     "f:9:59: no field is called 'usr'"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: server.bytes}",
     "f:9:59: server.bytes has no values that could be new"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: client.ip, over: 1d}",
     "f:9:70: 'over' does nothing in a rule with 'first'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, together: 1, of: client.ip, "
     "over: 1h}",
     "f:9:62: 'together' must be a whole number from 2 to 32"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, together: 2, over: 1h}",
     "f:9:5: this rule has no 'of'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, together: 2, of: server.bytes, "
     "over: 1h}",
     "f:9:69: server.bytes has no values that could be there together"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, together: 2, of: client.ip, "
     "over: 1h, learn: 1d}",
     "f:9:90: 'learn' does nothing in a rule with 'together'"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, travel: {fast: 1}}",
     "f:9:61: unknown key 'fast' in 'travel'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, travel: {faster than: 900}}",
     "f:9:74: 'faster than' is written 900km/h"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, travel: {farther than: 1m}}",
     "f:9:75: 'farther than' is written 500km"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, travel: 1}",
     "f:9:60: 'travel' must be a mapping of keys to values"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, within: 1h, steps: [{when: "
     "user.name exists}]}",
     "f:9:71: 'steps' takes 2 to 4 steps"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, within: 1h, steps: [{when: "
     "user.name exists}, {above: 1}]}",
     "f:9:98: this step has no 'when'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, within: 1h, steps: [{when: "
     "user.name exists}, {when: user.name exists, above: '2 * steps[2].value'}]}",
     "f:9:131: step 2 can compare with the steps before it alone"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, within: 1h, steps: [{when: "
     "user.name exists}, {when: user.name exists, above: 'x * steps[1].value'}]}",
     "f:9:131: compare with an earlier step as in 0.5 * steps[1].value"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, steps: [{when: user.name "
     "exists}, {when: user.name exists}]}",
     "f:9:5: this rule has no 'within'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, unless before: {when: "
     "user.name exists}}",
     "f:9:67: 'unless before' has no 'by': what do both have in common? for example by: client.ip"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, unless before: {by: "
     "client.ip}}",
     "f:9:67: 'unless before' has no 'when'"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, honey: l}",
     "f:9:59: no list is called 'l'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: client.ip, rare: 15}",
     "f:9:76: 'rare' must be a whole number from 0 to 14"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: client.ip, peers: "
     "network.name}",
     "f:9:77: 'peers' does nothing without 'rare': how many of them may show the value?"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: client.ip, rare: 1, "
     "peers: server.bytes}",
     "f:9:86: server.bytes cannot group keys: 'peers' takes a field with one value that names "
     "something, such as network.name"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: client.ip, ignore: "
     "versions}",
     "f:9:78: client.ip is no text: it has no versions"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, first: user_agent.original, "
     "ignore: case}",
     "f:9:88: 'case' is none of ignore's words (versions)"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, back after: 30m}",
     "f:9:64: 'back after' must be from 3600s to 365d"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, back after: 21d, forget: 20d}",
     "f:9:64: a key is forgotten ('forget') before it could come back"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, enumerates: client.ip}",
     "f:9:64: client.ip does not tell which values are neighbours: 'enumerates' takes "
     "subject.near"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, enumerates: subject.near, at "
     "least: 2}",
     "f:9:88: 'at least' must be a whole number from 3 to 10000"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, follows: {by: client.ip}}",
     "f:9:61: 'follows' has no 'when'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, follows: {when: user.name "
     "exists}}",
     "f:9:61: 'follows' has no 'by': what do both have in common? for example by: client.ip"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, follows: {when: user.name "
     "exists, by: client.ip, of: 3}}",
     "f:9:101: unknown key 'of' in 'follows'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, follows: {when: user.name "
     "exists, by: client.ip}, score: high}",
     "f:9:109: 'score' is a number below 1000 with up to four decimals, such as 5.5"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, rhythm: server.bytes}",
     "f:9:60: server.bytes has no values that one could go through"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, rhythm: client.ip, score: 0}",
     "f:9:78: 'score' is a number below 1000 with up to four decimals, such as 5.5"},
    {"above", "above: 10\n  - {id: b, name: b, severity: low, by: user.name, off hours: 0}",
     "f:9:63: 'off hours' must be a whole number from 1 to 10000"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: count, over: 1h, "
     "above: 1, learn: 1d}",
     "f:9:95: 'learn' does nothing without 'times own'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: share(user.name "
     "exists), over: 1h, above: 1%, times own: 2}",
     "f:9:118: a share has no own that it could be many times of"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "drift: {limit: 0}}",
     "f:9:99: 'limit' must be a number above 0, at most 1000, such as 4.4"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {score: high}}",
     "f:9:101: 'score' must be a number above 0, at most 1000, such as 4.4"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {at least: 3}}",
     "f:9:93: 'unusual' has no 'score'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {score: 3, of: part}}",
     "f:9:108: only 'unless followed by' and share(CONDITION) tell a part"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {score: 3, than: [own, pears]}}",
     "f:9:116: 'pears' is none of than's words (own, peers); did you mean 'peers'?"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {score: 3}, each: 2d}",
     "f:9:111: '2d' is none of each's words (1d, 1h); did you mean '1d'?"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {score: 3}, peers: server.bytes}",
     "f:9:112: server.bytes is nothing that peers could have in common"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "unusual: {score: 3}, new to: server.bytes}",
     "f:9:113: server.bytes is nothing that a customer could be new to"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "drift: {slack: 0.5}}",
     "f:9:91: 'drift' has no 'limit'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "drift: []}",
     "f:9:91: 'drift' takes 1 to 4 drifts"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "drift: [{limit: 3, cup: 4}]}",
     "f:9:103: unknown key 'cup' in 'drift'; did you mean 'cap'?"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "drift: {limit: 3}, unless followed by: {within: 2h}}",
     "f:9:123: 'unless followed by' has no 'when'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: "
     "distinct(subject.ids), "
     "drift: {limit: 3}, above: 4}",
     "f:9:5: this rule has 'above' and 'drift': it takes one of them"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: max(server.bytes), "
     "unusual: {score: 3}}",
     "f:9:61: what is usual is told of count, sum(F), distinct(F) and share(CONDITION)"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: count, drift: {limit: "
     "3}, "
     "unless followed by: user.name exists}",
     "f:9:107: 'unless followed by' needs distinct(FIELD): what is followed up?"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, measure: count, drift: {limit: 3, than: "
     "peers}}",
     "f:9:77: a rule without 'by' has no peers"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: count, over: 1h, "
     "above: 1, new to: network.name}",
     "f:9:88: 'new to' does nothing in a rule with 'above'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: count, over: 1h, "
     "above: 1, unless followed by: user.name exists}",
     "f:9:88: 'unless followed by' does nothing in a rule with 'above'"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: count, over: 1h, "
     "above: 1, at least: 2}",
     "f:9:98: 'at least' is the least number of transactions that a share is of"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: share, over: 1h, "
     "above: 1%}",
     "f:9:61: this measure needs a condition, such as share(event.outcome == \"failure\")"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: share(usr.name "
     "exists), over: 1h, above: 1%}",
     "f:9:67: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
    {"above",
     "above: 10\n  - {id: b, name: b, severity: low, by: user.name, measure: share(user.name "
     "exists), over: 1h, above: 1}",
     "f:9:103: 'above' does not fit share(user.name exists): write a share in percent, such as 5% "
     "or 0.5%"},
    {"above", "above: 10\n  - text", "f:9:5: a rule must be a mapping of keys to values"},
    {"above", "above: 10\nrule: []",
     "f:9:1: unknown key 'rule' in a rule file; did you mean 'rules'?"},
    {"above", "above: 10\nchange: [{id: b, above: 1}]", "f:9:15: no rule has the id 'b'"},
    {"above", "above: 10\nchange: [{above: 1}]",
     "f:9:10: this change has no 'id': which rule does it change?"},
    {"above", "above: 10\nchange: [{id: a}]", "f:9:10: this change of 'a' changes nothing"},
    {"above", "above: 10\nchange: [{id: a, abve: 1}]",
     "f:9:18: unknown key 'abve' in a rule; did you mean 'above'?"},
    {"above", "above: 10\nchange: [{id: a, above: x}]",
     "f:9:25: 'above' does not fit count: write a whole number without a unit, such as 1000"},
    {"above", "above: 10\nchange: [{id: a, first: user.name}]",
     "f:2:5: this rule has 'above' and 'first': it takes one of them"},
    {"above", "above: 10\nchange: {id: a}", "f:9:9: 'change' must be a list"},
    {"above", "above: 10\n    except: x", "f:9:13: 'except' must be a list"},
    {"above", "above: 10\n    except: [x]",
     "f:9:14: an exception must be a mapping of keys to values"},
    {"above", "above: 10\n    except: [{when: user.name exists}]",
     "f:9:14: this exception has no 'reason'"},
    {"above", "above: 10\n    except: [{reason: r}]", "f:9:14: this exception has no 'when'"},
    {"above", "above: 10\n    except: [{reason: r, when: usr.name exists}]",
     "f:9:32: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
    {"above", "above: 10\n    except: [{reason: r, when: user.name exists, til: 2026-01-01}]",
     "f:9:50: unknown key 'til' in an exception; did you mean 'until'?"},
    {"above", "above: 10\n    except: [{reason: r, when: user.name exists, until: soon}]",
     "f:9:57: 'until' is the last day of the exception, written 2026-12-31"},
};

static void write_rule(char *text, size_t at)
{
    text += sprintf(text, "rules:\n");
    const char *indent = "  - ";
    for (size_t i = 0; i < GOOD_COUNT; i++) {
        bool is_changed = strcmp(good[i].key, mistakes[at].key) == 0;
        const char *line = is_changed ? mistakes[at].text : good[i].text;
        if (!line)
            continue;
        text += sprintf(text, "%s%s\n", indent, line);
        indent = "    ";
    }
}

static void every_mistake_of_a_rule_is_told_at_its_place(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char text[1024];
        write_rule(text, i);
        struct rules *r = load(text);
        bool is_right =
            !r && problems.count == 1 && strcmp(problems.items[0], mistakes[i].problem) == 0;
        if (!is_right)
            print_error("%s\n%zu problems: %s\n", text, problems.count, problems.items[0]);
        wrong += !is_right;
        rules_close(r);
    }
    assert_int_equal(wrong, 0);
}

static void the_limit_takes_the_unit_of_the_measure(void **state)
{
    (void)state;
    static const struct {
        const char *measure, *above;
        bool is_good;
        uint64_t number;
    } cases[] = {
        {"sum(server.bytes)", "20MiB", true, 20971520},
        {"sum(server.bytes)", "5000", true, 5000},
        {"max(event.duration)", "10s", true, UINT64_C(10000000000)},
        {"max(event.duration)", "10", false, 0},
        {"max(event.duration)", "10MiB", false, 0},
        {"distinct(server.bytes)", "10", true, 10},
        {"distinct(server.bytes)", "10MiB", false, 0},
        {"sum( db.response.returned_rows )", "3000", true, 3000},
        {"sum(db.response.returned_rows)", "3KB", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "rules: [{id: a, name: n, severity: low, by: user.name, over: 1h, "
                       "measure: %s, above: %s}]",
                       cases[i].measure, cases[i].above);
        struct rules *r = load(text);
        assert_int_equal(r != NULL, cases[i].is_good);
        if (r)
            assert_int_equal(rules_at(r, 0)->above, cases[i].number);
        rules_close(r);
    }
}

/* Each step is within the bound alone, all of them are not. */
static void steps_have_no_more_comparisons_than_one_condition(void **state)
{
    (void)state;
    char text[16384];
    for (size_t comparisons = 256; comparisons <= 257; comparisons++) {
        struct text t = text_over(text, sizeof(text));
        text_add(&t, "rules:\n- {id: a, name: n, severity: low, by: user.name, within: 1h, steps: "
                     "[");
        for (size_t i = 0; i < 2; i++) {
            text_add(&t, "{when: client.bytes > 1");
            for (size_t k = 1; k < (i == 0 ? 256 : comparisons); k++)
                text_add(&t, " or client.bytes > 1");
            text_add(&t, "}, ");
        }
        text_add(&t, "]}\n");
        struct rules *r = load(text);
        assert_int_equal(r != NULL, comparisons == 256);
        if (!r)
            assert_string_equal(problems.items[0],
                                "f:2:69: more than 512 comparisons in all steps together");
        rules_close(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_have_no_more_comparisons_than_one_condition),
        cmocka_unit_test(a_rule_is_read_with_all_its_keys),
        cmocka_unit_test(what_a_rule_leaves_out_has_its_default),
        cmocka_unit_test(every_mistake_of_a_rule_is_told_at_its_place),
        cmocka_unit_test(the_limit_takes_the_unit_of_the_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
