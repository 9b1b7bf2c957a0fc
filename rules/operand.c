/*
 * Types are checked here, when the rules are loaded, so that nothing is left to check per
 * transaction.
 */
#include "rules/operand.h"

#include "core/clock.h"
#include "rules/quantity.h"

const char *const RELATION_NAMES[RELATIONS_COUNT] = {
    "==",     "!=",       "<",           "<=",        ">",       ">=",    "in",
    "not in", "contains", "starts with", "ends with", "matches", "exists"};

enum {
    SAME = 1u << RELATION_EQUAL | 1u << RELATION_NOT_EQUAL,
    ORDER = 1u << RELATION_BELOW | 1u << RELATION_AT_MOST | 1u << RELATION_ABOVE |
            1u << RELATION_AT_LEAST,
    MEMBER = 1u << RELATION_IN | 1u << RELATION_NOT_IN,
    PART = 1u << RELATION_CONTAINS | 1u << RELATION_STARTS_WITH | 1u << RELATION_ENDS_WITH |
           1u << RELATION_MATCHES,
    THERE = 1u << RELATION_EXISTS,
};

/* What a field of each type is called and takes. */
static const struct {
    const char *name;
    unsigned operators;
} types[] = {
    [FIELD_TYPE_TIME] = {"a time", SAME | ORDER | THERE},
    [FIELD_TYPE_UNSIGNED] = {"a number", SAME | ORDER | MEMBER | THERE},
    [FIELD_TYPE_SHARE] = {"a share", SAME | ORDER | THERE},
    [FIELD_TYPE_HASH] = {"a hash", SAME | MEMBER | THERE},
    [FIELD_TYPE_BOOLEAN] = {"true or false", SAME | THERE},
    [FIELD_TYPE_CHOICE] = {"one of a few words", SAME | MEMBER | THERE},
    [FIELD_TYPE_TEXT] = {"a text", SAME | MEMBER | PART | THERE},
    [FIELD_TYPE_TEXTS] = {"a list of texts", SAME | MEMBER | PART | THERE},
    [FIELD_TYPE_HASHES] = {"a list of hashes", THERE},
    [FIELD_TYPE_SKETCH] = {"a sketch", THERE},
    [FIELD_TYPE_TALLY] = {"a count by kind", THERE},
    [FIELD_TYPE_ADDRESS] = {"an address", SAME | MEMBER | THERE},
    [FIELD_TYPE_PLACE] = {"a place on earth", THERE},
};

/* A word as written, in an expression or in a list of its own. */
struct word {
    struct bytes text;
    struct source source;
    const char *in_list; /* name of the named list; NULL */
};

enum { SHOWN_MAX = 64 };

static int shown_len(struct bytes text)
{
    return (int)bytes_first(text, SHOWN_MAX).len;
}

static bool refuse(struct vocabulary *v, const struct word *w, enum field f, const char *is_no,
                   const char *advice)
{
    problems_add(v->problems, source_position(w->source), "'%.*s' %s: %s is %s%s%s%s%s",
                 shown_len(w->text), (const char *)w->text.data, is_no, FIELDS[f].name,
                 types[FIELDS[f].type].name, advice[0] == ';' ? "" : "; ", advice,
                 w->in_list ? "; the list is " : "", w->in_list ? w->in_list : "");
    return false;
}

bool operand_allows(struct vocabulary *v, enum field f, enum relation relation, struct source at)
{
    unsigned allowed = types[FIELDS[f].type].operators;
    if (allowed >> relation & 1)
        return true;
    char names[128];
    struct text t = text_over(names, sizeof(names));
    for (unsigned i = 0; i < RELATIONS_COUNT; i++) {
        if (allowed >> i & 1)
            text_add(&t, "%s%s", t.len > 0 ? ", " : "", RELATION_NAMES[i]);
    }
    problems_add(v->problems, source_position(at), "'%s' does not go with %s, which is %s: use %s",
                 RELATION_NAMES[relation], FIELDS[f].name, types[FIELDS[f].type].name, names);
    return false;
}

static bool read_number(struct vocabulary *v, const struct word *w, enum field f, uint64_t *number)
{
    enum quantity_unit unit = quantity_unit_of(f);
    enum quantity_status status = quantity_parse(number, w->text, unit);
    return status == QUANTITY_GOOD ||
           refuse(v, w, f, "does not fit", quantity_advice(status, unit));
}

static bool read_time(struct vocabulary *v, const struct word *w, enum field f, uint64_t *number)
{
    int64_t ns;
    if (!clock_parse(&ns, w->text))
        return refuse(v, w, f, "is no time", "write it as \"2026-01-05T09:30:00Z\"");
    *number = expression_time(ns);
    return true;
}

static bool read_hash(struct vocabulary *v, const struct word *w, enum field f, uint64_t *number)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t value = 0;
    size_t read = 0;
    for (; w->text.len == 16 && read < 16; read++) {
        const char *digit = w->text.data[read] ? strchr(digits, w->text.data[read]) : NULL;
        if (!digit)
            break;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *number = value;
    return read == 16 || refuse(v, w, f, "is no hash", "write its 16 hexadecimal digits");
}

static bool read_choice(struct vocabulary *v, const struct word *w, enum field f, uint64_t *mask)
{
    struct nearest nearest;
    nearest_to(&nearest, w->text);
    char advice[192];
    struct text t = text_over(advice, sizeof(advice));
    for (unsigned i = 0; FIELDS[f].choices[i]; i++) {
        if (bytes_are(w->text, FIELDS[f].choices[i])) {
            *mask |= UINT64_C(1) << i;
            return true;
        }
        nearest_try(&nearest, bytes_of(FIELDS[f].choices[i]));
        text_add(&t, "%s%s", i > 0 ? ", " : "use one of ", FIELDS[f].choices[i]);
    }
    const char *hint = nearest_hint(&nearest);
    return refuse(v, w, f, "is none of its words", hint[0] ? hint : advice);
}

static bool read_network(struct vocabulary *v, const struct word *w, enum field f, struct prefix *p)
{
    return prefix_parse(p, w->text) ||
           refuse(v, w, f, "is no address or network",
                  "write it as 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32, without host bits");
}

/* Texts, dates and hashes stand in quotes; numbers, true, false do not. */
static bool check_quotes(struct vocabulary *v, enum field f, const struct token *word)
{
    enum field_type type = FIELDS[f].type;
    bool is_quoted = word->kind == TOKEN_STRING;
    bool takes_bare =
        type == FIELD_TYPE_UNSIGNED || type == FIELD_TYPE_SHARE || type == FIELD_TYPE_BOOLEAN;
    if (type == FIELD_TYPE_ADDRESS || is_quoted != takes_bare)
        return true;
    problems_add(v->problems, source_position(word->source),
                 is_quoted ? "%s is %s: write \"%.*s\" without quotes"
                           : "%s is %s: write \"%.*s\", with quotes",
                 FIELDS[f].name, types[type].name, shown_len(word->text),
                 (const char *)word->text.data);
    return false;
}

static bool one_text(struct vocabulary *v, struct test *test, enum relation relation,
                     const struct word *w)
{
    static const uint8_t kinds[RELATIONS_COUNT] = {[RELATION_EQUAL] = TEST_TEXT_EQUAL,
                                                   [RELATION_NOT_EQUAL] = TEST_TEXT_EQUAL,
                                                   [RELATION_CONTAINS] = TEST_TEXT_CONTAINS,
                                                   [RELATION_STARTS_WITH] = TEST_TEXT_STARTS,
                                                   [RELATION_ENDS_WITH] = TEST_TEXT_ENDS};
    test->kind = kinds[relation];
    test->text = arena_copy(v->arena, w->text);
    return true;
}

static bool one_pattern(struct vocabulary *v, struct test *test, const struct word *w)
{
    char why[PATTERN_WHY_MAX];
    size_t offset = 0;
    if (!v->gave_up)
        v->gave_up = arena_take(v->arena, sizeof(*v->gave_up));
    test->kind = TEST_TEXT_MATCHES;
    test->pattern = v->gave_up ? pattern_open(v->arena, w->text, v->gave_up, why, &offset) : NULL;
    if (!test->pattern)
        problems_add(v->problems, source_position(w->source),
                     "this is no regular expression: %s, at character %zu",
                     v->gave_up ? why : "no memory", offset + 1);
    return test->pattern != NULL;
}

/* `<=` is "not above", `>=` "not below". */
static uint8_t number_kind(enum relation relation)
{
    if (relation == RELATION_BELOW || relation == RELATION_AT_LEAST)
        return TEST_NUMBER_BELOW;
    return relation == RELATION_ABOVE || relation == RELATION_AT_MOST ? TEST_NUMBER_ABOVE
                                                                      : TEST_NUMBER_EQUAL;
}

static bool one_address(struct vocabulary *v, struct test *test, const struct word *w)
{
    test->kind = TEST_ADDRESS_EQUAL;
    if (address_parse(&test->address, w->text))
        return true;
    if (bytes_index(w->text, '/') < w->text.len)
        return refuse(v, w, test->field, "is a network", "write 'in' for '=='");
    return refuse(v, w, test->field, "is no address", "write it as 192.0.2.7 or 2001:db8::1");
}

static bool one_boolean(struct vocabulary *v, struct test *test, const struct word *w)
{
    test->kind = TEST_BOOLEAN_EQUAL;
    test->number = bytes_are(w->text, "true");
    return test->number || bytes_are(w->text, "false") ||
           refuse(v, w, test->field, "does not fit", "write true or false");
}

bool operand_one(struct vocabulary *v, struct test *test, enum relation relation,
                 const struct token *word)
{
    const struct word w = {word->text, word->source, NULL};
    enum field f = test->field;
    test->is_negated = relation == RELATION_NOT_EQUAL || relation == RELATION_AT_MOST ||
                       relation == RELATION_AT_LEAST;
    if (!check_quotes(v, f, word))
        return false;
    switch (FIELDS[f].type) {
    case FIELD_TYPE_TEXT:
    case FIELD_TYPE_TEXTS:
        return relation == RELATION_MATCHES ? one_pattern(v, test, &w)
                                            : one_text(v, test, relation, &w);
    case FIELD_TYPE_UNSIGNED:
    case FIELD_TYPE_SHARE:
        test->kind = number_kind(relation);
        return read_number(v, &w, f, &test->number);
    case FIELD_TYPE_TIME:
        test->kind = number_kind(relation);
        return read_time(v, &w, f, &test->number);
    case FIELD_TYPE_HASH:
        test->kind = TEST_NUMBER_EQUAL;
        return read_hash(v, &w, f, &test->number);
    case FIELD_TYPE_CHOICE:
        test->kind = TEST_CHOICE_IN;
        return read_choice(v, &w, f, &test->number);
    case FIELD_TYPE_BOOLEAN:
        return one_boolean(v, test, &w);
    case FIELD_TYPE_ADDRESS:
        return one_address(v, test, &w);
    case FIELD_TYPE_HASHES:
    case FIELD_TYPE_SKETCH:
    case FIELD_TYPE_TALLY:
    case FIELD_TYPE_PLACE:
        break;
    }
    return false;
}

static bool add_word(struct vocabulary *v, struct set *set, enum field f, const struct word *w)
{
    uint64_t number = 0;
    struct prefix network;
    switch (FIELDS[f].type) {
    case FIELD_TYPE_UNSIGNED:
        return read_number(v, w, f, &number) && set_add_number(set, v->arena, number);
    case FIELD_TYPE_HASH:
        return read_hash(v, w, f, &number) && set_add_number(set, v->arena, number);
    case FIELD_TYPE_ADDRESS:
        return read_network(v, w, f, &network) && set_add_network(set, v->arena, &network);
    default:
        set_add(set, arena_copy(v->arena, w->text));
        return true;
    }
}

static enum list_type list_type_of(enum field f)
{
    switch (FIELDS[f].type) {
    case FIELD_TYPE_UNSIGNED:
        return quantity_unit_of(f) == QUANTITY_TIME    ? LIST_OF_TIMES
               : quantity_unit_of(f) == QUANTITY_BYTES ? LIST_OF_SIZES
                                                       : LIST_OF_NUMBERS;
    case FIELD_TYPE_HASH:
        return LIST_OF_HASHES;
    case FIELD_TYPE_ADDRESS:
        return LIST_OF_ADDRESSES;
    default:
        return LIST_OF_TEXTS;
    }
}

static uint8_t set_kind(enum list_type type)
{
    if (type == LIST_OF_TEXTS)
        return TEST_TEXT_IN;
    return type == LIST_OF_ADDRESSES ? TEST_ADDRESS_IN : TEST_NUMBER_IN;
}

static struct set *set_new(struct vocabulary *v, size_t count)
{
    struct set *set = arena_take(v->arena, sizeof(*set));
    return set && set_open(set, v->arena, count) ? set : NULL;
}

bool operand_list(struct vocabulary *v, struct test *test, const struct token *words, size_t count)
{
    bool is_good = true;
    bool is_choice = FIELDS[test->field].type == FIELD_TYPE_CHOICE;
    struct set *set = is_choice ? NULL : set_new(v, count);
    test->kind = is_choice ? TEST_CHOICE_IN : set_kind(list_type_of(test->field));
    for (size_t i = 0; i < count; i++) {
        const struct word w = {words[i].text, words[i].source, NULL};
        if (is_choice)
            is_good = read_choice(v, &w, test->field, &test->number) && is_good;
        else
            is_good = set && add_word(v, set, test->field, &w) && is_good;
    }
    if (!is_choice)
        test->set = set;
    return is_good && (is_choice || set);
}

static bool list_compile(struct vocabulary *v, struct named_list *list, enum field f)
{
    enum list_type type = list_type_of(f);
    if (list->made[type] != PROGRESS_NONE)
        return list->made[type] == PROGRESS_GOOD;
    struct set *set = set_new(v, list->items->count);
    bool is_good = set != NULL;
    for (size_t i = 0; set && i < list->items->count; i++) {
        const struct yaml_node *item = list->items->items[i].value;
        const struct word w = {item->text, {item, 0}, (const char *)list->name.data};
        is_good = add_word(v, set, f, &w) && is_good;
    }
    list->sets[type] = set;
    list->made[type] = is_good ? PROGRESS_GOOD : PROGRESS_BAD;
    return is_good;
}

static bool named_choice(struct vocabulary *v, struct test *test, const struct named_list *list)
{
    bool is_good = true;
    test->kind = TEST_CHOICE_IN;
    for (size_t i = 0; i < list->items->count; i++) {
        const struct yaml_node *item = list->items->items[i].value;
        const struct word w = {item->text, {item, 0}, (const char *)list->name.data};
        is_good = read_choice(v, &w, test->field, &test->number) && is_good;
    }
    return is_good;
}

static bool in_field(struct vocabulary *v, struct test *test, enum field other,
                     const struct token *word)
{
    enum field_type type = FIELDS[test->field].type;
    test->kind = TEST_TEXT_IN_FIELD;
    test->in_field = (uint8_t)other;
    if (FIELDS[other].type == FIELD_TYPE_TEXTS &&
        (type == FIELD_TYPE_TEXT || type == FIELD_TYPE_TEXTS))
        return true;
    problems_add(v->problems, source_position(word->source),
                 "%s is %s and %s is %s: 'in' takes a text on its left and a field with a list of "
                 "texts on its right",
                 FIELDS[test->field].name, types[type].name, FIELDS[other].name,
                 types[FIELDS[other].type].name);
    return false;
}

static bool no_list(struct vocabulary *v, const struct token *word)
{
    struct nearest nearest;
    nearest_to(&nearest, word->text);
    for (size_t i = 0; i < v->lists_count; i++)
        nearest_try(&nearest, v->lists[i].name);
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (FIELDS[f].type == FIELD_TYPE_TEXTS)
            nearest_try(&nearest, bytes_of(FIELDS[f].name));
    }
    problems_add(v->problems, source_position(word->source), "no list is called '%.*s'%s",
                 shown_len(word->text), (const char *)word->text.data, nearest_hint(&nearest));
    return false;
}

bool operand_named(struct vocabulary *v, struct test *test, const struct token *word)
{
    enum field other = field_find(word->text);
    struct prefix network;
    if (FIELDS[test->field].type == FIELD_TYPE_ADDRESS && prefix_parse(&network, word->text))
        return operand_list(v, test, word, 1);
    if (word->kind == TOKEN_STRING)
        return no_list(v, word);
    if (other != FIELDS_COUNT)
        return in_field(v, test, other, word);
    struct named_list *list = vocabulary_list(v, word->text);
    if (!list)
        return no_list(v, word);
    if (FIELDS[test->field].type == FIELD_TYPE_CHOICE)
        return named_choice(v, test, list);
    if (!list_compile(v, list, test->field))
        return false;
    enum list_type type = list_type_of(test->field);
    test->kind = set_kind(type);
    test->set = list->sets[type];
    return true;
}
