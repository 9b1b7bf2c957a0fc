/*
 * JSON (RFC 8259) by its brackets: only what stands directly in the array that is counted is looked
 * at, and member names where a path is told.
 */
#include "analyzers/http/records.h"

#include "analyzers/http/json_masks.h"

/* Bytes that mean something outside of strings, anywhere. */
static const bool is_structure[256] = {
    ['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true};

/* Skips to the string's end; keeps what fits of it where it may be a name of the path. */
static struct bytes string_take(struct records_json *j, struct bytes piece, bool is_kept)
{
    size_t i = 0;
    for (; i < piece.len; i++) {
        uint8_t c = piece.data[i];
        if (!j->is_escaped && c == '"') {
            j->in_string = false;
            i++;
            break;
        }
        j->is_escaped = !j->is_escaped && c == '\\';
        if (is_kept && j->key_len < RECORDS_KEY_MAX)
            j->key[j->key_len++] = (char)c;
    }
    return bytes_from(piece, i);
}

static void array_begin(struct records_json *j)
{
    j->array_depth = j->depth;
    j->now = (struct array_count){.is_there = true};
}

static bool is_better(const struct array_count *a, const struct array_count *b)
{
    if (!b->is_there)
        return true;
    if (a->objects != b->objects)
        return a->objects > b->objects;
    if (a->arrays != b->arrays)
        return a->arrays > b->arrays;
    return a->scalars > b->scalars;
}

static void array_end(struct records_json *j)
{
    if (is_better(&j->now, &j->best))
        j->best = j->now;
    j->now = (struct array_count){0};
    j->array_depth = 0;
}

static void open(struct records *r, uint8_t bracket)
{
    struct records_json *j = &r->json;
    bool is_expected = j->is_expected || (r->path.len > 0 && j->depth == 0 && bracket == '{');
    if (j->depth == j->array_depth && j->depth > 0) {
        j->now.objects += bracket == '{';
        j->now.arrays += bracket == '[';
    }
    j->in_scalar = j->is_expected = false;
    j->key_len = 0;
    if (j->depth < UINT32_MAX)
        j->depth++;
    bool is_end = j->wanted.len == 0;
    if (bracket == '[' && j->array_depth == 0 && is_end && (r->path.len == 0 || is_expected))
        array_begin(j);
    else if (bracket == '{' && is_expected && !is_end)
        j->matched = j->depth;
}

static void close(struct records_json *j)
{
    if (j->depth == j->array_depth && j->depth > 0)
        array_end(j);
    /* what is behind the object that the path led into is not of the path any more */
    if (j->matched > 0 && j->depth == j->matched)
        j->matched = 0;
    if (j->depth > 0)
        j->depth--;
    j->in_scalar = false;
}

/* Behind a name of the object that the path led into. */
static void name_end(struct records_json *j)
{
    struct bytes part = bytes_first(j->wanted, bytes_index(j->wanted, '.'));
    struct bytes key = {(const uint8_t *)j->key, j->key_len};
    j->is_expected = part.len > 0 && bytes_equal(part, key);
    if (j->is_expected)
        j->wanted = bytes_from(j->wanted, part.len + 1);
    j->key_len = 0;
}

static void byte_take(struct records *r, uint8_t c)
{
    struct records_json *j = &r->json;
    bool is_direct = j->depth == j->array_depth && j->depth > 0;
    switch (c) {
    case '"':
        j->in_string = true;
        j->key_len = 0;
        j->now.scalars += is_direct;
        break;
    case '{':
    case '[':
        open(r, c);
        break;
    case '}':
    case ']':
        close(j);
        break;
    case ':':
        if (j->matched > 0 && j->depth == j->matched)
            name_end(j);
        break;
    case ',':
        j->in_scalar = false;
        j->is_expected = false;
        break;
    default:
        if (is_direct && !j->in_scalar && c > ' ') {
            j->in_scalar = true;
            j->now.scalars++;
        }
    }
}

static void step(struct records *r, struct bytes byte)
{
    struct records_json *j = &r->json;
    bool is_led = r->path.len > 0 && j->array_depth == 0;
    if (j->in_string)
        (void)string_take(j, byte, is_led && j->depth == j->matched);
    else
        byte_take(r, byte.data[0]);
}

static bool is_in_element(const struct records_json *j)
{
    return j->array_depth > 0 && j->depth > j->array_depth;
}

/* A block while an array is counted: in its elements only brackets are looked at; what is directly
 * in it, byte by byte. */
static void block_take(struct records *r, struct bytes block, const struct json_masks *m)
{
    struct records_json *j = &r->json;
    uint64_t strings = json_strings(m->quotes, j->in_string);
    uint64_t opens = m->opens & ~strings, brackets = opens | (m->closes & ~strings);
    for (unsigned at = 0; at < JSON_BLOCK; at++) {
        if (!is_in_element(j)) {
            step(r, bytes_first(bytes_from(block, at), 1));
            continue;
        }
        uint64_t next = brackets >> at << at;
        if (next == 0) {
            j->in_string = strings >> (JSON_BLOCK - 1);
            return;
        }
        at = (unsigned)__builtin_ctzll(next);
        j->in_string = false;
        if (opens >> at & 1)
            open(r, block.data[at]);
        else
            close(j);
    }
}

/* Takes off at most a block.  Escapes are rare: with one, it is taken byte by byte. */
static struct bytes blocks_take(struct records *r, struct bytes piece)
{
    uint8_t copy[JSON_BLOCK];
    struct bytes block = bytes_first(piece, JSON_BLOCK), whole = block;
    if (block.len < JSON_BLOCK) {
        memset(copy, ' ', sizeof(copy)); /* means nothing anywhere */
        memcpy(copy, block.data, block.len);
        whole = (struct bytes){copy, JSON_BLOCK};
    }
    struct json_masks m = json_masks_of(whole);
    if (m.backslashes == 0 && !r->json.is_escaped) {
        block_take(r, whole, &m);
    } else {
        for (size_t i = 0; i < block.len; i++)
            step(r, bytes_first(bytes_from(block, i), 1));
    }
    return bytes_from(piece, block.len);
}

void records_json_take(struct records *r, struct bytes piece)
{
    struct records_json *j = &r->json;
    while (piece.len > 0) {
        if (j->array_depth > 0) {
            piece = blocks_take(r, piece);
            continue;
        }
        if (j->in_string) {
            piece = string_take(j, piece, r->path.len > 0 && j->depth == j->matched);
            continue;
        }
        /* before the array only brackets and strings count, and where a path is told all else */
        size_t i = 0;
        while (r->path.len == 0 && i < piece.len && !is_structure[piece.data[i]])
            i++;
        if (i < piece.len)
            byte_take(r, piece.data[i++]);
        piece = bytes_from(piece, i);
    }
}

bool records_json_count(const struct records_json *j, uint64_t *count)
{
    const struct array_count *a =
        j->now.is_there && is_better(&j->now, &j->best) ? &j->now : &j->best;
    *count = a->objects + a->arrays + a->scalars;
    return a->is_there;
}
