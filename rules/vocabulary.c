/*
 * Reading `lists` and `macros`.
 */
#include "rules/vocabulary.h"

#include "rules/list_file.h"

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct bytes name)
{
    if (name.len == 0 || name.len >= NEAREST_WORD_MAX || !is_letter(name.data[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!is_letter(c) && c != '-' && (c < '0' || c > '9'))
            return false;
    }
    return true;
}

static bool is_reserved(struct bytes name)
{
    static const char *const words[] = {"and",    "or",      "not",  "in",     "contains",
                                        "starts", "ends",    "with", "exists", "true",
                                        "false",  "matches", "hour", "weekday"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (bytes_are(name, words[i]))
            return true;
    }
    return field_find(name) != FIELDS_COUNT;
}

static bool check_name(struct vocabulary *v, const struct yaml_node *key)
{
    if (!is_name(key->text)) {
        problems_add(
            v->problems, key->at, "'%.*s' is no name: a letter, then letters, digits, '_' or '-'",
            (int)bytes_first(key->text, NEAREST_WORD_MAX).len, (const char *)key->text.data);
        return false;
    }
    if (is_reserved(key->text)) {
        problems_add(v->problems, key->at, "'%s' is a word of the language: take another name",
                     (const char *)key->text.data);
        return false;
    }
    return true;
}

/* A list as it is, or what a file has; NULL where anything is wrong. */
static const struct yaml_node *items_of(struct vocabulary *v, const struct yaml_node *list)
{
    if (list->kind == YAML_MAPPING)
        return list_file_read(v, list);
    if (!yaml_expect(list, YAML_SEQUENCE, "a named list", v->problems))
        return NULL;
    bool is_good = true;
    for (size_t i = 0; i < list->count; i++)
        is_good =
            yaml_expect(list->items[i].value, YAML_SCALAR, "an item of a list", v->problems) &&
            is_good;
    return is_good ? list : NULL;
}

void vocabulary_read_lists(struct vocabulary *v, const struct yaml_node *lists)
{
    if (yaml_is_nothing(lists) || !yaml_expect(lists, YAML_MAPPING, "'lists'", v->problems))
        return;
    for (size_t i = 0; i < lists->count; i++) {
        const struct yaml_item *item = &lists->items[i];
        const struct yaml_node *items = NULL;
        if (check_name(v, item->key))
            items = items_of(v, item->value);
        if (!items)
            continue;
        struct named_list *list = vocabulary_list(v, item->key->text);
        if (!list && v->lists_count == LISTS_MAX) {
            problems_add(v->problems, item->key->at, "more than %d lists", LISTS_MAX);
            return;
        }
        if (!list)
            list = &v->lists[v->lists_count++];
        *list = (struct named_list){.name = item->key->text, .items = items};
    }
}

void vocabulary_read_macros(struct vocabulary *v, const struct yaml_node *macros)
{
    if (yaml_is_nothing(macros) || !yaml_expect(macros, YAML_MAPPING, "'macros'", v->problems))
        return;
    for (size_t i = 0; i < macros->count; i++) {
        const struct yaml_item *item = &macros->items[i];
        if (!check_name(v, item->key) ||
            !yaml_expect(item->value, YAML_SCALAR, "a macro", v->problems))
            continue;
        struct macro *macro = vocabulary_macro(v, item->key->text);
        if (!macro && v->macros_count == MACROS_MAX) {
            problems_add(v->problems, item->key->at, "more than %d macros", MACROS_MAX);
            return;
        }
        if (!macro)
            macro = &v->macros[v->macros_count++];
        *macro = (struct macro){.name = item->key->text, .text = item->value};
    }
}

struct named_list *vocabulary_list(struct vocabulary *v, struct bytes name)
{
    for (size_t i = 0; i < v->lists_count; i++) {
        if (bytes_equal(v->lists[i].name, name))
            return &v->lists[i];
    }
    return NULL;
}

struct macro *vocabulary_macro(struct vocabulary *v, struct bytes name)
{
    for (size_t i = 0; i < v->macros_count; i++) {
        if (bytes_equal(v->macros[i].name, name))
            return &v->macros[i];
    }
    return NULL;
}
