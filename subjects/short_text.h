/*
 * Tokens of running text (subjects/recogniser.h) in a text that is short and all there: a field, a
 * row, a cell.  What a call of Vectorscan costs by itself is more than such a text does when its
 * bytes are sorted into sets, 64 at once, a bit each.
 */
#ifndef SEEPWATCH_SUBJECTS_SHORT_TEXT_H
#define SEEPWATCH_SUBJECTS_SHORT_TEXT_H

#include "core/bytes.h"
#include "subjects/recogniser.h"

enum {
    SHORT_TEXT_MAX = 511,    /* bytes */
    SHORT_TEXT_PADDING = 16, /* likewise, of zeroes, behind it */
};

/* What a text has that an identifier needs. */
struct short_text_signs {
    size_t digits;
    bool has_at; /* an '@' */
};

/* short_text_signs looks at a text of any length. */
struct short_text_signs short_text_signs(struct bytes text);

/* short_text_find tells the end of each token, in their order; the text ends what ends with it.
 * SHORT_TEXT_PADDING zeroes stand behind it. */
void short_text_find(struct bytes text, void (*found)(void *context, enum token kind, size_t end),
                     void *context);

#endif
