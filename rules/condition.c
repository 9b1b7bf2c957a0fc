/*
 * The grammar, by recursive descent that is bounded:
 *
 *   any        = all { "or" all }
 *   all        = one { "and" one }
 *   one        = "not" one | "(" any ")" | macro | field operator [ value ]
 *
 * After a mistake of grammar the rest of an expression is not read; after a wrong word it is.
 */
#include "rules/condition.h"

#include "rules/operand.h"

struct parser {
    struct vocabulary *v;
    const struct yaml_node *node;
    size_t at; /* behind `now` */
    struct token now;
    bool is_wrong; /* a problem was reported */
};

static const struct condition *parse_any(struct parser *p);
static const struct condition *macro_condition(struct vocabulary *v, struct macro *m);

static void next(struct parser *p)
{
    p->now = token_next(p->node, &p->at, p->v->arena);
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->now.kind == TOKEN_WORD && bytes_are(p->now.text, word);
}

/* A mistake of grammar, where the parser stands. */
static const struct condition *fail(struct parser *p, const char *wanted)
{
    struct bytes found = bytes_first(p->now.text, NEAREST_WORD_MAX);
    struct position at = source_position(p->now.source);
    p->is_wrong = true;
    if (p->now.kind == TOKEN_BAD)
        problems_add(p->v->problems, at, "%s", (const char *)p->now.text.data);
    else if (p->now.kind == TOKEN_END)
        problems_add(p->v->problems, at, "%s expected, but this is the end", wanted);
    else
        problems_add(p->v->problems, at, "%s expected, not '%.*s'", wanted, (int)found.len,
                     (const char *)found.data);
    return NULL;
}

static const struct condition *no_memory(struct parser *p)
{
    p->is_wrong = true;
    problems_add(p->v->problems, source_position(p->now.source), "no memory");
    return NULL;
}

/* Joins two subtrees, or turns one. */
static const struct condition *join(struct parser *p, enum condition_kind kind,
                                    const struct condition *left, const struct condition *right)
{
    if (!left || (!right && kind != CONDITION_NOT))
        return NULL;
    struct condition *c = arena_take(p->v->arena, sizeof(*c));
    if (!c)
        return no_memory(p);
    unsigned right_depth = right ? right->depth : 0;
    *c = (struct condition){.kind = kind, .left = left, .right = right};
    c->depth = (left->depth > right_depth ? left->depth : right_depth) + 1;
    c->tests = left->tests + (right ? right->tests : 0);
    c->actions = EXPRESSION_ACTIONS_ALL;
    if (kind == CONDITION_AND) {
        c->required = left->required | right->required;
        c->actions = left->actions & right->actions;
    } else if (kind == CONDITION_OR) {
        c->required = left->required & right->required;
        c->actions = left->actions | right->actions;
    }
    if (c->tests > EXPRESSION_TESTS_MAX || c->depth > EXPRESSION_DEPTH_MAX) {
        p->is_wrong = true;
        problems_add(p->v->problems, source_position(p->now.source),
                     "more than %d comparisons, macros counted with theirs: use a list",
                     EXPRESSION_TESTS_MAX);
        return NULL;
    }
    return c;
}

static const struct condition *test_new(struct parser *p, const struct test *test)
{
    struct condition *c = arena_take(p->v->arena, sizeof(*c));
    if (!c)
        return no_memory(p);
    *c = (struct condition){.kind = CONDITION_TEST, .test = *test, .tests = 1, .depth = 1};
    c->required = FIELD_BIT(test->field);
    if (test->kind == TEST_TEXT_IN_FIELD)
        c->required |= FIELD_BIT(test->in_field);
    c->actions = EXPRESSION_ACTIONS_ALL;
    if (test->field == FIELD_EVENT_ACTION && test->kind == TEST_CHOICE_IN)
        c->actions &= test->is_negated ? ~(unsigned)test->number : (unsigned)test->number;
    return c;
}

/* One operator, of one word, of two ("not in"), or a sign. */
static bool read_relation(struct parser *p, enum relation *relation)
{
    struct nearest nearest;
    nearest_to(&nearest, p->now.text);
    for (unsigned i = 0; i < RELATIONS_COUNT; i++) {
        struct bytes name = bytes_of(RELATION_NAMES[i]);
        size_t space = bytes_index(name, ' ');
        nearest_try(&nearest, name);
        if ((p->now.kind != TOKEN_WORD && p->now.kind != TOKEN_COMPARE) ||
            !bytes_equal(p->now.text, bytes_first(name, space)))
            continue;
        next(p);
        const char *second = (const char *)bytes_from(name, space + 1).data;
        if (second && !is_word(p, second)) {
            (void)fail(p, second[0] == 'i' ? "'in'" : "'with'");
            return false;
        }
        if (second)
            next(p);
        *relation = (enum relation)i;
        return true;
    }
    if (p->now.kind != TOKEN_WORD) {
        (void)fail(p, "an operator, such as == or exists,");
        return false;
    }
    p->is_wrong = true;
    problems_add(p->v->problems, source_position(p->now.source), "unknown operator '%.*s'%s",
                 (int)bytes_first(p->now.text, NEAREST_WORD_MAX).len,
                 (const char *)p->now.text.data, nearest_hint(&nearest));
    return false;
}

static bool is_value(const struct parser *p)
{
    return p->now.kind == TOKEN_WORD || p->now.kind == TOKEN_STRING;
}

/* "[" value { "," value } "]"; the test is filled only where `is_good`. */
static bool read_list(struct parser *p, struct test *test, bool is_good)
{
    struct token words[EXPRESSION_LIST_MAX];
    size_t count = 0;
    next(p);
    while (p->now.kind != TOKEN_CLOSE_LIST) {
        if (!is_value(p) || count == EXPRESSION_LIST_MAX) {
            (void)fail(p, is_value(p) ? "']' after so many values" : "a value or ']'");
            return false;
        }
        words[count++] = p->now;
        next(p);
        if (p->now.kind == TOKEN_COMMA)
            next(p);
        else if (p->now.kind != TOKEN_CLOSE_LIST) {
            (void)fail(p, "',' or ']'");
            return false;
        }
    }
    next(p);
    if (is_good && !operand_list(p->v, test, words, count))
        p->is_wrong = true;
    return true;
}

/* The right side; false after a mistake of grammar. */
static bool read_operand(struct parser *p, struct test *test, enum relation relation, bool is_good)
{
    bool is_member = relation == RELATION_IN || relation == RELATION_NOT_IN;
    test->is_negated = relation == RELATION_NOT_IN;
    if (relation == RELATION_EXISTS)
        return true;
    if (is_member && p->now.kind == TOKEN_OPEN_LIST)
        return read_list(p, test, is_good);
    if (!is_value(p)) {
        (void)fail(p, is_member ? "a list" : "a value");
        return false;
    }
    struct token word = p->now;
    next(p);
    if (is_good &&
        !(is_member ? operand_named(p->v, test, &word) : operand_one(p->v, test, relation, &word)))
        p->is_wrong = true;
    return true;
}

static const struct condition *parse_test(struct parser *p, enum field f)
{
    struct test test = {.kind = TEST_EXISTS, .field = (uint8_t)f};
    enum relation relation;
    next(p);
    struct source at = p->now.source;
    if (!read_relation(p, &relation))
        return NULL;
    bool is_good = operand_allows(p->v, f, relation, at);
    p->is_wrong = p->is_wrong || !is_good;
    return read_operand(p, &test, relation, is_good) ? test_new(p, &test) : NULL;
}

/* An hour or a day of the week; UINT32_MAX where it is none, which is reported. */
static uint32_t read_hour(struct parser *p, bool is_hour, const struct token *word)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    uint64_t hour;
    if (is_hour && bytes_number(word->text, &hour) && hour < 24)
        return (uint32_t)hour;
    for (uint32_t i = 0; !is_hour && i < 7; i++) {
        if (bytes_are(word->text, days[i]))
            return i;
    }
    p->is_wrong = true;
    problems_add(p->v->problems, source_position(word->source), "'%.*s' is no %s: use %s",
                 (int)bytes_first(word->text, NEAREST_WORD_MAX).len, (const char *)word->text.data,
                 is_hour ? "hour" : "day of the week",
                 is_hour ? "0 to 23" : "mon, tue, wed, thu, fri, sat, sun");
    return UINT32_MAX;
}

/* The hours or days that stand in such a relation to one. */
static uint32_t related_hours(enum relation relation, uint32_t hour)
{
    uint32_t below = (1u << hour) - 1, same = 1u << hour;
    switch (relation) {
    case RELATION_BELOW:
        return below;
    case RELATION_AT_MOST:
        return below | same;
    case RELATION_ABOVE:
        return ~(below | same);
    case RELATION_AT_LEAST:
        return ~below;
    case RELATION_NOT_EQUAL:
    case RELATION_NOT_IN:
        return ~same;
    default:
        return same;
    }
}

/* "[" hour { "," hour } "]", or one; false after a mistake of grammar. */
static bool read_hours(struct parser *p, bool is_hour, enum relation relation, uint32_t *hours)
{
    bool is_list = p->now.kind == TOKEN_OPEN_LIST;
    bool is_not = relation == RELATION_NOT_IN || relation == RELATION_NOT_EQUAL;
    *hours = is_not ? UINT32_MAX : 0;
    if (is_list)
        next(p);
    do {
        if (!is_value(p)) {
            (void)fail(p, is_hour ? "an hour" : "a day of the week");
            return false;
        }
        uint32_t hour = read_hour(p, is_hour, &p->now);
        uint32_t related = hour < UINT32_MAX ? related_hours(relation, hour) : 0;
        *hours = is_not ? *hours & related : *hours | related;
        next(p);
        bool goes_on = is_list && p->now.kind == TOKEN_COMMA;
        if (is_list && !goes_on && p->now.kind != TOKEN_CLOSE_LIST) {
            (void)fail(p, "',' or ']'");
            return false;
        }
        if (is_list)
            next(p);
        is_list = goes_on;
    } while (is_list);
    return true;
}

/* `hour` and `weekday`: of @timestamp, in the configured time zone. */
static const struct condition *parse_hours(struct parser *p, bool is_hour)
{
    struct test test = {.kind = is_hour ? TEST_HOUR_IN : TEST_WEEKDAY_IN, .field = FIELD_TIMESTAMP};
    enum relation relation;
    uint32_t hours;
    next(p);
    struct source at = p->now.source;
    if (!read_relation(p, &relation))
        return NULL;
    bool is_member = relation == RELATION_IN || relation == RELATION_NOT_IN;
    bool is_good = relation <= (is_hour ? RELATION_AT_LEAST : RELATION_NOT_EQUAL) || is_member;
    if (!is_good || is_member != (p->now.kind == TOKEN_OPEN_LIST)) {
        p->is_wrong = true;
        problems_add(p->v->problems, source_position(at),
                     is_hour ? "hour takes ==, !=, <, <=, >, >= and a number, or in, not in and a "
                               "list such as [0, 1, 2]"
                             : "weekday takes == or != and a day, or in, not in and a list such as "
                               "[sat, sun]");
        return NULL;
    }
    if (!read_hours(p, is_hour, relation, &hours))
        return NULL;
    test.zone = p->v->zone;
    test.hours = hours;
    return test_new(p, &test);
}

static bool ends_comparison(const struct parser *p)
{
    return p->now.kind == TOKEN_END || p->now.kind == TOKEN_CLOSE || is_word(p, "and") ||
           is_word(p, "or");
}

/* An unknown name: the comparison after it is read over, so that the mistakes behind it are found
 * too. */
static const struct condition *parse_unknown(struct parser *p)
{
    struct test test = {.kind = TEST_EXISTS};
    enum relation relation;
    struct nearest nearest;
    nearest_to(&nearest, p->now.text);
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        nearest_try(&nearest, bytes_of(FIELDS[f].name));
    for (size_t i = 0; i < p->v->macros_count; i++)
        nearest_try(&nearest, p->v->macros[i].name);
    p->is_wrong = true;
    problems_add(p->v->problems, source_position(p->now.source),
                 "no field and no macro is called '%.*s'%s",
                 (int)bytes_first(p->now.text, NEAREST_WORD_MAX).len,
                 (const char *)p->now.text.data, nearest_hint(&nearest));
    next(p);
    if (ends_comparison(p))
        return test_new(p, &test);
    if (!read_relation(p, &relation) || !read_operand(p, &test, relation, false))
        return NULL;
    return test_new(p, &test);
}

static const struct condition *parse_name(struct parser *p)
{
    enum field f = field_find(p->now.text);
    if (f != FIELDS_COUNT)
        return parse_test(p, f);
    if (is_word(p, "hour") || is_word(p, "weekday"))
        return parse_hours(p, is_word(p, "hour"));
    struct macro *m = vocabulary_macro(p->v, p->now.text);
    if (!m)
        return parse_unknown(p);
    if (m->made == PROGRESS_UNDERWAY) {
        p->is_wrong = true;
        problems_add(p->v->problems, source_position(p->now.source),
                     "the macro '%s' stands for itself here, in a circle",
                     (const char *)m->name.data);
        return NULL;
    }
    static const struct test any = {.kind = TEST_EXISTS};
    const struct condition *c = macro_condition(p->v, m);
    p->is_wrong = p->is_wrong || !c;
    next(p);
    return c ? c : test_new(p, &any);
}

static const struct condition *parse_one(struct parser *p)
{
    if (is_word(p, "not")) {
        next(p);
        if (p->v->nesting == EXPRESSION_NESTING_MAX)
            return fail(p, "less nesting");
        p->v->nesting++;
        const struct condition *turned = parse_one(p);
        p->v->nesting--;
        return join(p, CONDITION_NOT, turned, NULL);
    }
    if (p->now.kind == TOKEN_OPEN) {
        next(p);
        const struct condition *inside = parse_any(p);
        if (!inside)
            return NULL;
        if (p->now.kind != TOKEN_CLOSE)
            return fail(p, "'and', 'or' or ')'");
        next(p);
        return inside;
    }
    if (p->now.kind != TOKEN_WORD || is_word(p, "and") || is_word(p, "or"))
        return fail(p, "a field or a macro");
    return parse_name(p);
}

static const struct condition *parse_all(struct parser *p)
{
    const struct condition *left = parse_one(p);
    while (left && is_word(p, "and")) {
        next(p);
        left = join(p, CONDITION_AND, left, parse_one(p));
    }
    return left;
}

static const struct condition *parse_any(struct parser *p)
{
    if (p->v->nesting == EXPRESSION_NESTING_MAX)
        return fail(p, "less nesting");
    p->v->nesting++;
    const struct condition *left = parse_all(p);
    while (left && is_word(p, "or")) {
        next(p);
        left = join(p, CONDITION_OR, left, parse_all(p));
    }
    p->v->nesting--;
    return left;
}

const struct condition *condition_parse(struct vocabulary *v, const struct yaml_node *text)
{
    return condition_parse_from(v, text, 0);
}

const struct condition *condition_parse_from(struct vocabulary *v, const struct yaml_node *text,
                                             size_t at)
{
    struct parser p = {.v = v, .node = text, .at = at};
    if (text->text.len > EXPRESSION_TEXT_MAX) {
        problems_add(v->problems, text->at, "longer than %d bytes", EXPRESSION_TEXT_MAX);
        return NULL;
    }
    next(&p);
    const struct condition *c = parse_any(&p);
    if (c && p.now.kind != TOKEN_END)
        c = fail(&p, "'and', 'or' or the end");
    return p.is_wrong ? NULL : c;
}

static const struct condition *macro_condition(struct vocabulary *v, struct macro *m)
{
    if (m->made == PROGRESS_NONE) {
        m->made = PROGRESS_UNDERWAY;
        m->condition = condition_parse(v, m->text);
        m->made = m->condition ? PROGRESS_GOOD : PROGRESS_BAD;
    }
    return m->condition;
}

void condition_check_macros(struct vocabulary *v)
{
    for (size_t i = 0; i < v->macros_count; i++)
        (void)macro_condition(v, &v->macros[i]);
}

struct layout {
    struct test *tests;
    unsigned at; /* filled from here on: the array is filled from its end */
};

/* Lays the subtree out before what is there already and returns the index where it begins. */
static uint16_t lay_out(struct layout *l, const struct condition *c, uint16_t then,
                        uint16_t otherwise)
{
    uint16_t right;
    switch (c->kind) {
    case CONDITION_NOT:
        return lay_out(l, c->left, otherwise, then);
    case CONDITION_AND:
        right = lay_out(l, c->right, then, otherwise);
        return lay_out(l, c->left, right, otherwise);
    case CONDITION_OR:
        right = lay_out(l, c->right, then, otherwise);
        return lay_out(l, c->left, then, right);
    case CONDITION_TEST:
        break;
    }
    l->tests[--l->at] = c->test;
    l->tests[l->at].then = then;
    l->tests[l->at].otherwise = otherwise;
    return (uint16_t)l->at;
}

bool condition_compile(struct expression *e, const struct condition *c, struct vocabulary *v)
{
    struct layout l = {arena_take(v->arena, c->tests * sizeof(struct test)), c->tests};
    if (!l.tests)
        return false;
    (void)lay_out(&l, c, EXPRESSION_TRUE, EXPRESSION_FALSE);
    *e = (struct expression){
        .tests = l.tests, .count = c->tests, .required = c->required, .actions = c->actions};
    return true;
}

/* Where a jump of one of several goes on in all of them. */
static uint16_t moved(uint16_t at, unsigned first, uint16_t if_true, uint16_t if_false)
{
    if (at == EXPRESSION_TRUE)
        return if_true;
    return at == EXPRESSION_FALSE ? if_false : (uint16_t)(at + first);
}

bool condition_join(struct expression *e, const struct expression *const *list, size_t count,
                    bool is_any, struct vocabulary *v)
{
    struct expression all = {.required = is_any ? ~(field_set)0 : 0,
                             .actions = is_any ? 0 : EXPRESSION_ACTIONS_ALL};
    bool is_always = false;
    for (size_t i = 0; i < count; i++) {
        all.count += list[i]->count;
        all.required = is_any ? all.required & list[i]->required : all.required | list[i]->required;
        all.actions = is_any ? all.actions | list[i]->actions : all.actions & list[i]->actions;
        is_always = is_always || list[i]->count == 0;
    }
    struct test *tests = NULL;
    if (all.count <= EXPRESSION_TESTS_MAX)
        tests = arena_take(v->arena, all.count * sizeof(*tests) + 1);
    if (!tests)
        return false;
    unsigned first = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned next = first + list[i]->count;
        uint16_t after = (uint16_t)next;
        for (unsigned k = 0; k < list[i]->count; k++) {
            struct test *t = &tests[first + k];
            *t = list[i]->tests[k];
            bool is_last = next == all.count;
            uint16_t if_true = is_any || is_last ? EXPRESSION_TRUE : after;
            uint16_t if_false = !is_any || is_last ? EXPRESSION_FALSE : after;
            t->then = moved(t->then, first, if_true, if_false);
            t->otherwise = moved(t->otherwise, first, if_true, if_false);
        }
        first = next;
    }
    all.tests = tests;
    all.count = is_any && is_always ? 0 : all.count;
    *e = all;
    return true;
}
