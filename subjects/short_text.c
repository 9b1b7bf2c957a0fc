/*
 * The patterns are those of recogniser.c; here each is a set of places where a token may begin,
 * made of the sets of bytes that it consists of: a number begins where eight bytes in a row can be
 * of one, the first of them a digit or a plus.
 */
#include "subjects/short_text.h"

#include "subjects/digits.h"

enum {
    BLOCK = 64,                           /* bytes that have their bits in a word */
    WORDS = (SHORT_TEXT_MAX + 1) / BLOCK, /* with the end's bit */
    NUMBER_LEN = 8,                       /* of the shortest */
    HETU_DATE = 6,
    HETU_DAY = 3,
    HETU_LEN = 11,
    IBAN_LEN = 15,
};

/* Which of a text's bytes are of a set; a word more than it has, of zeroes. */
struct bits {
    uint64_t words[WORDS + 1];
};

struct sets {
    struct bits digits, capitals, blanks, ats, pluses;
    struct bits number; /* digits, blanks and ( ) . / + - */
};

/* The tokens of a kind. */
struct walk {
    struct bits begins;
    size_t word; /* that is looked at */
    size_t end;  /* of the next token; SIZE_MAX: there is none */
};

struct search {
    struct bytes text;
    size_t words_count;
    struct sets sets;
    struct bits account; /* digits, capitals and blanks */
    struct walk walks[TOKENS_COUNT];
};

#ifdef __SSE2__
#include <emmintrin.h>

enum { LANES = SHORT_TEXT_PADDING };

static __m128i load(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* All ones in the lanes whose bytes are in the range. */
static __m128i in_range(__m128i bytes, char first, char last)
{
    __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8((char)(last - first))), above);
}

static __m128i equal(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static uint64_t mask(__m128i lanes)
{
    return (uint32_t)_mm_movemask_epi8(lanes);
}

/* Reads by lanes, and so a little behind the text. */
static void sort_block(struct sets *s, size_t word, struct bytes block)
{
    for (unsigned at = 0; at < block.len; at += LANES) {
        __m128i bytes = load(block.data + at), blanks = equal(bytes, ' ');
        __m128i signs = _mm_andnot_si128(_mm_or_si128(equal(bytes, '*'), equal(bytes, ',')),
                                         in_range(bytes, '(', '9'));
        s->digits.words[word] |= mask(in_range(bytes, '0', '9')) << at;
        s->capitals.words[word] |= mask(in_range(bytes, 'A', 'Z')) << at;
        s->blanks.words[word] |= mask(blanks) << at;
        s->ats.words[word] |= mask(equal(bytes, '@')) << at;
        s->pluses.words[word] |= mask(equal(bytes, '+')) << at;
        s->number.words[word] |= mask(_mm_or_si128(blanks, signs)) << at;
    }
}

/* Up to 16 bytes, with zeroes behind them. */
static __m128i load_some(struct bytes text)
{
    uint8_t copy[LANES] = {0};
    uint64_t low, high;
    if (text.len >= LANES)
        return load(text.data);
    if (text.len < sizeof(low)) {
        for (size_t i = 0; i < text.len; i++)
            copy[i] = text.data[i];
        return load(copy);
    }
    memcpy(&low, text.data, sizeof(low)); /* two loads that overlap */
    memcpy(&high, text.data + text.len - sizeof(high), sizeof(high));
    high = text.len == sizeof(low) ? 0 : high >> 8 * (LANES - text.len);
    return _mm_set_epi64x((long long)high, (long long)low);
}

struct short_text_signs short_text_signs(struct bytes text)
{
    __m128i digits = _mm_setzero_si128(), ats = digits;
    for (; text.len > 0; text = bytes_from(text, LANES)) {
        __m128i bytes = load_some(text);
        /* a lane is -1 where it is of the set; sums of 8 lanes */
        __m128i ones = _mm_and_si128(in_range(bytes, '0', '9'), _mm_set1_epi8(1));
        digits = _mm_add_epi64(digits, _mm_sad_epu8(ones, _mm_setzero_si128()));
        ats = _mm_or_si128(ats, equal(bytes, '@'));
    }
    digits = _mm_add_epi64(digits, _mm_unpackhi_epi64(digits, digits));
    return (struct short_text_signs){(size_t)_mm_cvtsi128_si64(digits), mask(ats) != 0};
}
#else
static void sort_block(struct sets *s, size_t word, struct bytes block)
{
    for (unsigned at = 0; at < block.len; at++) {
        uint8_t c = block.data[at];
        bool is_sign = c >= '(' && c <= '/' && c != '*' && c != ',';
        s->digits.words[word] |= (uint64_t)digit_is(c) << at;
        s->capitals.words[word] |= (uint64_t)(c >= 'A' && c <= 'Z') << at;
        s->blanks.words[word] |= (uint64_t)(c == ' ') << at;
        s->ats.words[word] |= (uint64_t)(c == '@') << at;
        s->pluses.words[word] |= (uint64_t)(c == '+') << at;
        s->number.words[word] |= (uint64_t)(c == ' ' || is_sign || digit_is(c)) << at;
    }
}

struct short_text_signs short_text_signs(struct bytes text)
{
    struct short_text_signs signs = {0};
    for (size_t i = 0; i < text.len; i++) {
        signs.digits += digit_is(text.data[i]);
        signs.has_at = signs.has_at || text.data[i] == '@';
    }
    return signs;
}
#endif

/* The bits from that place on. */
static uint64_t bits_from(const struct bits *b, size_t word, unsigned shift)
{
    return shift == 0 ? b->words[word]
                      : b->words[word] >> shift | b->words[word + 1] << (BLOCK - shift);
}

/* Where so many bytes in a row are of the set. */
static uint64_t runs(const struct bits *b, size_t word, unsigned len)
{
    uint64_t low = b->words[word], high = b->words[word + 1];
    for (unsigned have = 1; have < len;) {
        unsigned step = len - have < have ? len - have : have;
        low &= low >> step | high << (BLOCK - step);
        high &= high >> step; /* what is missing at its end is not asked for */
        have += step;
    }
    return low;
}

static size_t run_end(const struct bits *b, size_t at)
{
    size_t word = at / BLOCK;
    uint64_t others = ~b->words[word] >> at % BLOCK << at % BLOCK;
    while (others == 0)
        others = ~b->words[++word];
    return word * BLOCK + (size_t)__builtin_ctzll(others);
}

/* Where tokens may begin, by what is in the word. */
static void find_begins(struct search *s, size_t w)
{
    const struct sets *t = &s->sets;
    const struct bits *digits = &t->digits, *capitals = &t->capitals;
    s->walks[TOKEN_NUMBER].begins.words[w] =
        runs(&t->number, w, NUMBER_LEN) & (digits->words[w] | t->pluses.words[w]);
    s->walks[TOKEN_MAIL].begins.words[w] = t->ats.words[w];
    s->walks[TOKEN_IBAN].begins.words[w] = runs(&s->account, w, IBAN_LEN) & runs(capitals, w, 2) &
                                           bits_from(digits, w, 2) & bits_from(digits, w, 3);
    s->walks[TOKEN_HETU].begins.words[w] =
        runs(digits, w, HETU_DATE) & ~bits_from(digits, w, HETU_DATE) &
        bits_from(digits, w, HETU_DATE + 1) & bits_from(digits, w, HETU_DATE + 2) &
        bits_from(digits, w, HETU_DATE + HETU_DAY);
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hetu(struct bytes text)
{
    if (text.len < HETU_LEN)
        return false;
    uint8_t sign = text.data[HETU_DATE], check = text.data[HETU_LEN - 1];
    bool is_century =
        sign == '-' || sign == '+' || (sign >= 'A' && sign <= 'F') || (sign >= 'U' && sign <= 'Y');
    struct bytes behind = bytes_from(text, HETU_LEN);
    bool is_end = behind.len == 0 || (!is_letter(behind.data[0]) && !digit_is(behind.data[0]));
    return is_century && (digit_is(check) || (check >= 'A' && check <= 'Y')) && is_end;
}

/* Behind the domain; 0 where there is none. */
static size_t mail_end(struct bytes text, size_t at)
{
    size_t end = at + 1;
    while (end < text.len && (is_letter(text.data[end]) || digit_is(text.data[end]) ||
                              text.data[end] == '.' || text.data[end] == '-'))
        end++;
    return end == at + 1 ? 0 : end;
}

/* The end of the token that begins there; 0 where none does. */
static size_t token_end(const struct search *s, enum token kind, size_t at)
{
    switch (kind) {
    case TOKEN_NUMBER:
        return run_end(&s->sets.number, at);
    case TOKEN_MAIL:
        return mail_end(s->text, at);
    case TOKEN_HETU:
        return is_hetu(bytes_from(s->text, at)) ? at + HETU_LEN : 0;
    case TOKEN_IBAN:
        return run_end(&s->account, at);
    case TOKENS_COUNT:
        break;
    }
    return 0;
}

/* To the next token of the kind; what begins in one is a part of it. */
static void step(struct search *s, enum token kind)
{
    struct walk *w = &s->walks[kind];
    size_t passed = w->end;
    w->end = SIZE_MAX;
    for (; w->word < s->words_count; w->word++) {
        uint64_t *begins = &w->begins.words[w->word];
        while (*begins) {
            size_t at = w->word * BLOCK + (size_t)__builtin_ctzll(*begins);
            *begins &= *begins - 1;
            size_t end = at < passed ? 0 : token_end(s, kind, at);
            if (end == 0)
                continue;
            w->end = end;
            return;
        }
    }
}

static void begin(struct search *s, struct bytes text)
{
    s->text = text;
    s->words_count = text.len / BLOCK + 1;
    memset(&s->sets, 0, sizeof(s->sets));
    for (size_t word = 0; word < s->words_count; word++) {
        sort_block(&s->sets, word, bytes_first(bytes_from(text, word * BLOCK), BLOCK));
        s->account.words[word] =
            s->sets.digits.words[word] | s->sets.capitals.words[word] | s->sets.blanks.words[word];
    }
    s->account.words[s->words_count] = 0;
    for (size_t word = 0; word < s->words_count; word++)
        find_begins(s, word);
}

void short_text_find(struct bytes text, void (*found)(void *context, enum token kind, size_t end),
                     void *context)
{
    struct search s;
    begin(&s, text);
    for (unsigned kind = 0; kind < TOKENS_COUNT; kind++) {
        s.walks[kind].word = s.walks[kind].end = 0;
        step(&s, (enum token)kind);
    }
    for (;;) {
        unsigned first = 0;
        for (unsigned kind = 1; kind < TOKENS_COUNT; kind++)
            first = s.walks[kind].end < s.walks[first].end ? kind : first;
        if (s.walks[first].end == SIZE_MAX)
            return;
        found(context, (enum token)first, s.walks[first].end);
        step(&s, (enum token)first);
    }
}
