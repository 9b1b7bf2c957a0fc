/*
 * Rows of HTML's tables, and the repeated element of XML, by their tags.
 */
#include "analyzers/http/records.h"

#include "core/hash.h"

void records_html_take(struct records_html *h, struct bytes piece)
{
    enum markup_event event;
    h->markup.is_html = true;
    while ((event = markup_next(&h->markup, &piece)) != MARKUP_NONE) {
        struct bytes name = markup_name(&h->markup);
        if (bytes_are(name, "tr")) {
            h->is_counted = false;
        } else if (event == MARKUP_OPEN && bytes_are(name, "td") && !h->is_counted) {
            h->is_counted = true;
            h->rows++;
        }
    }
}

/* An element opens as one more child at that depth. */
static void child(struct records_xml *x)
{
    if (x->depth >= RECORDS_LEVELS_MAX)
        return;
    struct records_level *level = &x->level[x->depth];
    uint64_t name = hash_bytes(markup_name(&x->markup), 0);
    level->run = level->name == name ? level->run + 1 : 1;
    level->name = name;
    level->best = level->run > level->best ? level->run : level->best;
    if (x->depth + 1 < RECORDS_LEVELS_MAX)
        x->level[x->depth + 1].run = x->level[x->depth + 1].name = 0;
}

void records_xml_take(struct records_xml *x, struct bytes piece)
{
    enum markup_event event;
    while ((event = markup_next(&x->markup, &piece)) != MARKUP_NONE) {
        if (event == MARKUP_CLOSE) {
            x->depth -= x->depth > 0;
            continue;
        }
        child(x);
        if (event == MARKUP_OPEN && x->depth < UINT32_MAX)
            x->depth++;
    }
}

bool records_xml_count(const struct records_xml *x, uint64_t *count)
{
    for (size_t i = 1; i < RECORDS_LEVELS_MAX; i++) {
        *count = x->level[i].best;
        if (*count > 1)
            return true;
    }
    return false;
}
