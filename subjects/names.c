/*
 * Exact names stand in a table by their hash, at most half full.  A name may be written as an
 * array's (plural) where the list says so.  Globs are tried one after the other; what asks often
 * keeps the answer (subjects/world.c).
 */
#include "subjects/names.h"

#include "core/hash.h"
#include "subjects/names_shipped.h"

#include <stdlib.h>

enum {
    SLOTS_COUNT = 4096,
    SHIPPED_MAX = 1024,
    GLOBS_MAX = NAMES_GLOBS_MAX + 64, /* with those that ship */
};

_Static_assert(SLOTS_COUNT >= 2 * (NAMES_OWN_MAX + SHIPPED_MAX), "names are found at once");

struct name {
    uint8_t len; /* 0: none */
    uint8_t kind;
    bool is_own;
    char text[NAME_MAX_LEN];
};

struct names {
    struct name slots[SLOTS_COUNT];
    struct name globs[GLOBS_MAX]; /* the operator's first */
    size_t globs_count, own_globs, own_count, shipped_count;
};

/* Writes the name without what does not count; 0 where it is too long. */
static size_t fold(struct bytes name, char out[NAME_MAX_LEN])
{
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (c == '_' || c == '-' || c == ' ' || c == '.' || c == ':' || c == '#')
            continue;
        if (len == NAME_MAX_LEN)
            return 0;
        out[len++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return len;
}

/* Where the name is, or would be. */
static size_t slot_of(const struct names *n, struct bytes text)
{
    size_t at = hash_bytes(text, 0) % SLOTS_COUNT;
    while (n->slots[at].len > 0 &&
           !bytes_equal(text, (struct bytes){(const uint8_t *)n->slots[at].text, n->slots[at].len}))
        at = (at + 1) % SLOTS_COUNT;
    return at;
}

static void name_set(struct name *name, struct bytes text, enum subject_kind kind, bool is_own)
{
    name->len = (uint8_t)text.len;
    name->kind = (uint8_t)kind;
    name->is_own = is_own;
    memcpy(name->text, text.data, text.len);
}

static bool add_exact(struct names *n, struct bytes text, enum subject_kind kind, bool is_own)
{
    struct name *name = &n->slots[slot_of(n, text)];
    size_t *count = is_own ? &n->own_count : &n->shipped_count;
    bool is_new = name->len == 0;
    if (is_new && *count == (is_own ? NAMES_OWN_MAX : SHIPPED_MAX))
        return false;
    if (is_new || is_own)
        name_set(name, text, kind, is_own);
    *count += is_new;
    return true;
}

static bool add_glob(struct names *n, struct bytes text, enum subject_kind kind, bool is_own)
{
    if (n->globs_count == GLOBS_MAX || (is_own && n->own_globs == NAMES_GLOBS_MAX))
        return false;
    size_t at = is_own ? n->own_globs++ : n->globs_count;
    memmove(&n->globs[at + 1], &n->globs[at], (n->globs_count - at) * sizeof(n->globs[0]));
    n->globs_count++;
    name_set(&n->globs[at], text, kind, is_own);
    return true;
}

static bool add(struct names *n, struct bytes name, enum subject_kind kind, bool is_own)
{
    char text[NAME_MAX_LEN];
    struct bytes folded = {(const uint8_t *)text, fold(name, text)};
    if (folded.len == 0)
        return false;
    if (bytes_index(folded, '*') < folded.len)
        return add_glob(n, folded, kind, is_own);
    return add_exact(n, folded, kind, is_own);
}

struct names *names_open(void)
{
    struct names *n = calloc(1, sizeof(*n));
    for (size_t i = 0; n && i < SHIPPED_NAMES_COUNT; i++) {
        struct bytes rest = bytes_of(SHIPPED_NAMES[i].names);
        while (rest.len > 0) {
            size_t len = bytes_index(rest, ' ');
            if (len > 0)
                (void)add(n, bytes_first(rest, len), SHIPPED_NAMES[i].kind, false);
            rest = bytes_from(rest, len + 1);
        }
    }
    return n;
}

void names_close(struct names *n)
{
    free(n);
}

bool names_add(struct names *n, struct bytes name, enum subject_kind kind)
{
    return add(n, name, kind, true);
}

/* '*' is any text; goes back to the last one only, so the work is at most the product of both. */
static bool glob_fits(struct bytes glob, struct bytes text)
{
    size_t g = 0, t = 0, star = SIZE_MAX, behind = 0;
    while (t < text.len) {
        if (g < glob.len && glob.data[g] == '*') {
            star = g++;
            behind = t;
        } else if (g < glob.len && glob.data[g] == text.data[t]) {
            g++;
            t++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            t = ++behind;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.data[g] == '*')
        g++;
    return g == glob.len;
}

/* Most fail at an end already. */
static bool ends_fit(struct bytes glob, struct bytes text)
{
    uint8_t first = glob.data[0], last = glob.data[glob.len - 1];
    return (first == '*' || first == text.data[0]) &&
           (last == '*' || last == text.data[text.len - 1]);
}

static const struct name *glob_of(const struct names *n, struct bytes text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct bytes glob = {(const uint8_t *)n->globs[i].text, n->globs[i].len};
        if (ends_fit(glob, text) && glob_fits(glob, text))
            return &n->globs[i];
    }
    return NULL;
}

bool names_is_of_parent(struct bytes name)
{
    static const char *const names[] = {"id", "number", "value", "no", "nr", "key"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_are_nocase(name, names[i]))
            return true;
    }
    return false;
}

enum subject_kind names_find(const struct names *n, struct bytes name)
{
    char text[NAME_MAX_LEN];
    struct bytes folded = {(const uint8_t *)text, fold(name, text)};
    if (folded.len == 0)
        return SUBJECT_NONE;
    const struct name *exact = &n->slots[slot_of(n, folded)], *glob = NULL;
    if (exact->len == 0 || !exact->is_own)
        glob = glob_of(n, folded, 0, n->own_globs);
    if (glob || exact->len > 0)
        return (enum subject_kind)(glob ? glob : exact)->kind;
    glob = glob_of(n, folded, n->own_globs, n->globs_count);
    return glob ? (enum subject_kind)glob->kind : SUBJECT_NONE;
}
