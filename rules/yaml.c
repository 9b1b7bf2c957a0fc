/*
 * libfyaml's events become nodes in an arena.  The events come without recursion and the tree is
 * built on an explicit stack, so that no file decides about the depth of ours.  An alias shares the
 * nodes of its anchor; the sizes that they stand for are added up, which is what stops a bomb.
 * libfyaml's diagnostics are collected: it prints nothing.
 */
#include "rules/yaml.h"

#include "rules/arena.h"
#include "rules/text.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>

struct yaml {
    struct arena arena;
    const char *name;
    struct bytes text;
    const struct yaml_node *root;
};

/* A collection that is open. */
struct frame {
    struct yaml_node *node;
    const struct yaml_node *key; /* waits for its value */
    struct yaml_item *items;     /* malloc */
    size_t items_size;
    struct bytes anchor;
};

struct anchor {
    struct bytes name;
    const struct yaml_node *node;
};

struct builder {
    struct yaml *yaml;
    struct problems *problems;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    struct anchor anchors[YAML_ANCHORS_MAX];
    size_t anchors_count;
    struct position last; /* where the newest token began */
    bool failed;
};

static void fail(struct builder *b, const char *what)
{
    b->failed = true;
    problems_add(b->problems, b->last, "%s", what);
}

static void fail_at(struct builder *b, struct position at, const char *what)
{
    b->last = at;
    fail(b, what);
}

static struct bytes token_text(struct fy_token *token)
{
    size_t len = 0;
    const char *text = token ? fy_token_get_text(token, &len) : NULL;
    return (struct bytes){(const uint8_t *)text, text ? len : 0};
}

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind)
{
    struct yaml_node *n = arena_take(&b->yaml->arena, sizeof(*n));
    if (!n) {
        fail(b, "no memory");
        return NULL;
    }
    *n = (struct yaml_node){.kind = kind, .at = b->last, .file = b->yaml, .size = 1, .height = 1};
    return n;
}

static void anchor_keep(struct builder *b, struct bytes name, const struct yaml_node *n)
{
    if (name.len == 0)
        return;
    if (b->anchors_count == YAML_ANCHORS_MAX) {
        fail(b, "too many anchors in one file");
        return;
    }
    b->anchors[b->anchors_count++] = (struct anchor){arena_copy(&b->yaml->arena, name), n};
}

static void item_add(struct builder *b, struct frame *f, const struct yaml_node *n)
{
    if (f->node->count == f->items_size) {
        size_t size = f->items_size ? f->items_size * 2 : 8;
        struct yaml_item *wider = realloc(f->items, size * sizeof(*wider));
        if (!wider) {
            fail(b, "no memory");
            return;
        }
        f->items = wider;
        f->items_size = size;
    }
    f->items[f->node->count++] = (struct yaml_item){f->key, n};
    f->key = NULL;
}

/* A whole node takes its place: as the root, a key, a value or an element. */
static void node_place(struct builder *b, const struct yaml_node *n)
{
    if (b->depth == 0) {
        b->yaml->root = n;
        return;
    }
    struct frame *f = &b->frames[b->depth - 1];
    f->node->size += n->size;
    if (f->node->height < n->height + 1)
        f->node->height = n->height + 1;
    if (f->node->size > YAML_NODES_MAX)
        fail(b, "too many values in one file, aliases counted");
    else if (b->depth + n->height > YAML_DEPTH_MAX + 1)
        fail(b, "nested too deep");
    else if (f->node->kind == YAML_MAPPING && !f->key && n->kind != YAML_SCALAR)
        fail_at(b, n->at, "a key must be a word, not a list or a mapping");
    else if (f->node->kind == YAML_MAPPING && !f->key)
        f->key = n;
    else
        item_add(b, f, n);
}

static void collection_open(struct builder *b, enum yaml_kind kind, struct fy_token *anchor)
{
    if (b->depth == YAML_DEPTH_MAX) {
        fail(b, "nested too deep");
        return;
    }
    struct yaml_node *n = node_new(b, kind);
    if (!n)
        return;
    b->frames[b->depth++] =
        (struct frame){.node = n, .anchor = arena_copy(&b->yaml->arena, token_text(anchor))};
}

static int compare_items(const void *a, const void *b)
{
    const struct yaml_item *const *left = a, *const *right = b;
    struct bytes l = (*left)->key->text, r = (*right)->key->text;
    int order = memcmp(l.data, r.data, l.len < r.len ? l.len : r.len);
    if (order == 0)
        order = (l.len > r.len) - (l.len < r.len);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Sorted, so that a file of many keys costs no quadratic work. */
static void check_duplicates(struct builder *b, const struct yaml_node *n)
{
    const struct yaml_item **sorted = calloc(n->count ? n->count : 1, sizeof(*sorted));
    if (!sorted) {
        fail(b, "no memory");
        return;
    }
    for (size_t i = 0; i < n->count; i++)
        sorted[i] = &n->items[i];
    qsort(sorted, n->count, sizeof(*sorted), compare_items);
    for (size_t i = 1; i < n->count; i++) {
        const struct yaml_node *first = sorted[i - 1]->key, *second = sorted[i]->key;
        if (!bytes_equal(first->text, second->text))
            continue;
        b->failed = true;
        problems_add(b->problems, second->at, "the key '%.*s' stands here twice: see line %u",
                     (int)second->text.len, (const char *)second->text.data, first->at.line);
    }
    free(sorted);
}

static void collection_close(struct builder *b)
{
    struct frame *f = &b->frames[--b->depth];
    struct yaml_item *items =
        arena_take(&b->yaml->arena, (f->node->count + 1) * sizeof(struct yaml_item));
    if (items && f->node->count > 0)
        memcpy(items, f->items, f->node->count * sizeof(*items));
    free(f->items);
    if (!items) {
        fail(b, "no memory");
        return;
    }
    f->node->items = items;
    if (f->node->kind == YAML_MAPPING)
        check_duplicates(b, f->node);
    anchor_keep(b, f->anchor, f->node);
    node_place(b, f->node);
}

/* The text's first character: a block scalar's token begins at the indentation before it. */
static struct position scalar_position(const struct builder *b, const struct yaml_node *n)
{
    struct position at = b->last;
    for (size_t i = n->source; i < n->source_end; i++) {
        uint8_t c = b->yaml->text.data[i];
        if (c != ' ' && c != '\n' && c != '\r')
            break;
        at.column = c == ' ' ? at.column + 1 : 1;
        at.line += c == '\n';
    }
    return at;
}

static void scalar_read(struct builder *b, struct fy_event *event)
{
    struct fy_token *token = event->scalar.value;
    struct yaml_node *n = node_new(b, YAML_SCALAR);
    if (!n)
        return;
    n->text = arena_copy(&b->yaml->arena, token_text(token));
    const struct fy_mark *from = token ? fy_token_start_mark(token) : NULL;
    const struct fy_mark *to = token ? fy_token_end_mark(token) : NULL;
    if (from && to && to->input_pos <= b->yaml->text.len && from->input_pos <= to->input_pos) {
        n->source = from->input_pos;
        n->source_end = to->input_pos;
    }
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    n->is_plain = style == FYSS_PLAIN;
    n->is_block = style == FYSS_FOLDED || style == FYSS_LITERAL;
    if (n->is_block)
        n->at = scalar_position(b, n);
    anchor_keep(b, token_text(event->scalar.anchor), n);
    node_place(b, n);
}

static void alias_read(struct builder *b, struct fy_event *event)
{
    struct bytes name = token_text(event->alias.anchor);
    for (size_t i = b->anchors_count; i-- > 0;) {
        if (bytes_equal(b->anchors[i].name, name)) {
            node_place(b, b->anchors[i].node);
            return;
        }
    }
    fail(b, "this alias has no anchor before it, or stands inside of it");
}

static void event_read(struct builder *b, struct fy_event *event)
{
    struct fy_token *token = fy_event_get_token(event);
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (mark) {
        b->last.line = (unsigned)mark->line + 1;
        b->last.column = (unsigned)mark->column + 1;
    }
    if (fy_event_get_tag_token(event)) {
        fail(b, "a tag ('!...'): every value is text here, without a tag");
        return;
    }
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (b->yaml->root)
            fail(b, "a second document: one file holds one");
        break;
    case FYET_MAPPING_START:
        collection_open(b, YAML_MAPPING, event->mapping_start.anchor);
        break;
    case FYET_SEQUENCE_START:
        collection_open(b, YAML_SEQUENCE, event->sequence_start.anchor);
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        collection_close(b);
        break;
    case FYET_SCALAR:
        scalar_read(b, event);
        break;
    case FYET_ALIAS:
        alias_read(b, event);
        break;
    default:
        break;
    }
}

/* libfyaml stopped: its first message, or one of ours. */
static void report(struct builder *b, struct fy_diag *diag)
{
    void *before = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &before);
    b->failed = true;
    if (e && e->line > 0)
        b->last = (struct position){b->yaml->name, (unsigned)e->line,
                                    e->column > 0 ? (unsigned)e->column : 1};
    problems_add(b->problems, b->last, "%s", e && e->msg ? e->msg : "this is not YAML");
}

static void build(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    bool is_whole = false;
    while (!b->failed && !is_whole) {
        struct fy_event *event = fy_parser_parse(parser);
        if (!event)
            break;
        is_whole = event->type == FYET_STREAM_END;
        event_read(b, event);
        fy_parser_event_free(parser, event);
    }
    if (!b->failed && (!is_whole || fy_parser_get_stream_error(parser)))
        report(b, diag);
    if (!b->failed && b->yaml->arena.failed)
        fail(b, "no memory");
    if (!b->failed && !b->yaml->root)
        b->yaml->root = node_new(b, YAML_MAPPING);
    while (b->depth > 0)
        free(b->frames[--b->depth].items);
}

/* False where it did not come about at all. */
static bool parse(struct builder *b)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.colorize = false;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    if (!diag)
        return false;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    struct bytes text = b->yaml->text;
    bool is_ready = parser && fy_parser_set_string(parser, (const char *)text.data, text.len) == 0;
    if (is_ready)
        build(b, parser, diag);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return is_ready;
}

/* Only text comes to the parser: valid UTF-8 without control characters. */
static bool check_characters(struct builder *b)
{
    struct bytes left = b->yaml->text;
    while (left.len > 0) {
        uint8_t c = left.data[0];
        size_t len = bytes_utf8_len(left);
        bool is_control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
        if (len == 0 || is_control) {
            fail(b, len == 0 ? "this byte is not UTF-8" : "a control character");
            return false;
        }
        b->last.column = c == '\n' ? 1 : b->last.column + 1;
        b->last.line += c == '\n';
        left = bytes_from(left, len);
    }
    b->last = (struct position){b->yaml->name, 1, 1};
    return true;
}

struct yaml *yaml_read_text(const char *name, struct bytes text, struct problems *problems)
{
    struct position whole = {name, 0, 0};
    if (text.len > YAML_FILE_MAX) {
        problems_add(problems, whole, "larger than %d bytes", YAML_FILE_MAX);
        return NULL;
    }
    struct yaml *y = calloc(1, sizeof(*y));
    struct builder *b = calloc(1, sizeof(*b));
    bool is_good = false;
    if (y && b) {
        y->name = (const char *)arena_copy(&y->arena, bytes_of(name)).data;
        y->text =
            arena_copy(&y->arena, bytes_from(text, bytes_start(text, "\xef\xbb\xbf") ? 3 : 0));
        *b = (struct builder){.yaml = y, .problems = problems, .last = {y->name, 1, 1}};
        is_good = check_characters(b) && parse(b) && !b->failed;
    }
    if (!is_good && (!b || !b->failed))
        problems_add(problems, whole, "no memory");
    free(b);
    if (is_good)
        return y;
    yaml_close(y);
    return NULL;
}

static struct yaml *read_stream(const char *path, FILE *file, struct problems *problems)
{
    uint8_t *text = malloc(YAML_FILE_MAX + 1);
    struct yaml *y = NULL;
    size_t len = text ? fread(text, 1, YAML_FILE_MAX + 1, file) : 0;
    if (!text)
        problems_add(problems, (struct position){path, 0, 0}, "no memory");
    else if (ferror(file))
        problems_add(problems, (struct position){path, 0, 0}, "%s", strerror(errno));
    else
        y = yaml_read_text(path, (struct bytes){text, len}, problems);
    free(text);
    return y;
}

struct yaml *yaml_read_file(const char *path, struct problems *problems)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        problems_add(problems, (struct position){path, 0, 0}, "%s", strerror(errno));
        return NULL;
    }
    struct yaml *y = read_stream(path, file, problems);
    (void)fclose(file);
    return y;
}

void yaml_close(struct yaml *y)
{
    if (!y)
        return;
    arena_clear(&y->arena);
    free(y);
}

const struct yaml_node *yaml_root(const struct yaml *y)
{
    return y->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    if (mapping->kind != YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        if (bytes_are(mapping->items[i].key->text, key))
            return mapping->items[i].value;
    }
    return NULL;
}

bool yaml_is_nothing(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR && n->is_plain && n->text.len == 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What stands for one byte of the text at this place of the source: its length there, and whether
 * it is a blank, which folding may have changed. */
static size_t unit_len(const struct yaml_node *n, struct bytes source, bool *blank)
{
    uint8_t quote = n->source > 0 ? n->file->text.data[n->source - 1] : 0;
    uint8_t c = source.data[0], next = source.len > 1 ? source.data[1] : 0;
    *blank = is_blank(c);
    if (n->is_plain || next == 0)
        return 1;
    if (quote == '\'' && c == '\'' && next == '\'')
        return 2;
    if (quote == '"' && c == '\\') {
        *blank = is_blank(next) || next == 't' || next == 'n' || next == 'r';
        return 2;
    }
    return 1;
}

static size_t count_letters(struct bytes b)
{
    size_t count = 0;
    for (size_t i = 0; i < b.len; i++)
        count += !is_blank(b.data[i]);
    return count;
}

/* Blanks may be folded, the other bytes come through as they are: so count those. */
struct position yaml_position(const struct yaml_node *n, size_t offset)
{
    struct position at = n->at;
    size_t before = count_letters(bytes_first(n->text, offset));
    bool is_end = count_letters(bytes_from(n->text, offset)) == 0;
    struct bytes source = bytes_from(bytes_first(n->file->text, n->source_end), n->source);
    bool has_begun = !n->is_block; /* n->at is a block's first letter, not its indentation */
    while (source.len > 0) {
        bool blank;
        size_t len = unit_len(n, source, &blank);
        uint8_t c = source.data[len - 1];
        if (before == 0 && (is_end || !blank))
            break;
        has_begun = has_begun || !blank;
        before -= !blank;
        if (c == '\n' && has_begun) {
            at.line++;
            at.column = 1;
        } else if (has_begun) {
            at.column += (unsigned)(len - ((c & 0xc0) == 0x80));
        }
        source = bytes_from(source, len);
    }
    return at;
}

bool yaml_expect(const struct yaml_node *n, enum yaml_kind kind, const char *what,
                 struct problems *problems)
{
    static const char *const kinds[] = {"one value", "a list", "a mapping of keys to values"};
    if (n->kind == kind)
        return true;
    problems_add(problems, n->at, "%s must be %s", what, kinds[kind]);
    return false;
}

bool yaml_check_keys(const struct yaml_node *mapping, const char *const *words, const char *what,
                     struct problems *problems)
{
    bool is_good = true;
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_node *key = mapping->items[i].key;
        struct nearest nearest;
        nearest_to(&nearest, key->text);
        bool is_known = false;
        for (const char *const *word = words; *word; word++) {
            is_known = is_known || bytes_are(key->text, *word);
            nearest_try(&nearest, bytes_of(*word));
        }
        if (is_known)
            continue;
        is_good = false;
        problems_add(problems, key->at, "unknown key '%.*s' in %s%s",
                     (int)bytes_first(key->text, NEAREST_WORD_MAX).len,
                     (const char *)key->text.data, what, nearest_hint(&nearest));
    }
    return is_good;
}
