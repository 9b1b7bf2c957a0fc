/*
 * The patterns are simple, so that they become small automata: a token by the characters that it is
 * made of, up to the first that is not.  Where a token begins is looked for backwards from its end.
 */
#include "subjects/recogniser.h"

#include "subjects/short_text.h"

#include <hs.h>
#include <stdlib.h>

static const char *const patterns[TOKENS_COUNT] = {
    [TOKEN_NUMBER] = "[0-9+][0-9 ()./+-]{7}[0-9 ()./+-]*[^0-9 ()./+-]",
    [TOKEN_MAIL] = "@[A-Za-z0-9.-]+[^A-Za-z0-9.-]",
    [TOKEN_HETU] = "[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y][^0-9A-Za-z]",
    [TOKEN_IBAN] = "[A-Z]{2}[0-9]{2}[A-Z0-9 ]{11}[A-Z0-9 ]*[^A-Z0-9 ]",
};

/* What a byte may be part of: a bit for each token, and one for the part before an @. */
enum { PART_LOCAL = TOKENS_COUNT };

struct recogniser {
    hs_database_t *database;
    uint8_t parts[256];
};

struct scans {
    const struct recogniser *recogniser;
    struct budget *budget;
    hs_scratch_t *scratch;
    size_t stream_size;
    struct scan *spare;
    size_t count, spare_count;
};

struct scan {
    struct scans *owner;
    hs_stream_t *stream;
    uint64_t before; /* bytes that passed before the piece */
    struct bytes piece;
    const struct scan_taker *taker;
    size_t tail_len;
    uint8_t tail[TOKEN_MAX]; /* the last bytes before the piece */
    struct scan *next_spare;
};

static void parts_add(struct recogniser *r, unsigned part, const char *characters)
{
    for (; *characters; characters++)
        r->parts[(uint8_t)*characters] |= (uint8_t)(1U << part);
}

static void learn_parts(struct recogniser *r)
{
    static const char digits[] = "0123456789", capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                      letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (unsigned part = 0; part <= PART_LOCAL; part++)
        parts_add(r, part, digits);
    parts_add(r, TOKEN_NUMBER, " ()./+-");
    parts_add(r, TOKEN_HETU, capitals);
    parts_add(r, TOKEN_HETU, "-+");
    parts_add(r, TOKEN_IBAN, capitals);
    parts_add(r, TOKEN_IBAN, " ");
    parts_add(r, TOKEN_MAIL, capitals);
    parts_add(r, TOKEN_MAIL, letters);
    parts_add(r, TOKEN_MAIL, ".-");
    parts_add(r, PART_LOCAL, capitals);
    parts_add(r, PART_LOCAL, letters);
    parts_add(r, PART_LOCAL, "._%+-");
}

struct recogniser *recogniser_open(void)
{
    unsigned flags[TOKENS_COUNT], ids[TOKENS_COUNT];
    hs_compile_error_t *why = NULL;
    struct recogniser *r = calloc(1, sizeof(*r));
    for (unsigned i = 0; i < TOKENS_COUNT; i++) {
        flags[i] = HS_FLAG_DOTALL;
        ids[i] = i;
    }
    if (!r)
        return NULL;
    learn_parts(r);
    if (hs_compile_multi(patterns, flags, ids, TOKENS_COUNT, HS_MODE_STREAM, NULL, &r->database,
                         &why) == HS_SUCCESS)
        return r;
    (void)hs_free_compile_error(why);
    free(r);
    return NULL;
}

void recogniser_close(struct recogniser *r)
{
    if (!r)
        return;
    (void)hs_free_database(r->database);
    free(r);
}

struct scans *scans_open(const struct recogniser *r, struct budget *budget)
{
    struct scans *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->recogniser = r;
    s->budget = budget;
    if (hs_alloc_scratch(r->database, &s->scratch) == HS_SUCCESS &&
        hs_stream_size(r->database, &s->stream_size) == HS_SUCCESS)
        return s;
    scans_close(s);
    return NULL;
}

static void free_scan(struct scan *c)
{
    (void)hs_close_stream(c->stream, NULL, NULL, NULL);
    free(c);
}

void scans_close(struct scans *s)
{
    if (!s)
        return;
    while (s->spare) {
        struct scan *c = s->spare;
        s->spare = c->next_spare;
        free_scan(c);
    }
    (void)hs_free_scratch(s->scratch);
    free(s);
}

static size_t size_of(const struct scans *s)
{
    return sizeof(struct scan) + s->stream_size;
}

/* One that was closed, or a new one; the budget has its bytes already. */
static struct scan *make(struct scans *s)
{
    struct scan *c = s->spare;
    if (c) {
        s->spare = c->next_spare;
        s->spare_count--;
        return hs_reset_stream(c->stream, 0, NULL, NULL, NULL) == HS_SUCCESS ? c : NULL;
    }
    c = malloc(sizeof(*c));
    if (c && hs_open_stream(s->recogniser->database, 0, &c->stream) == HS_SUCCESS)
        return c;
    free(c);
    return NULL;
}

struct scan *scan_open(struct scans *s)
{
    if (s->count == SCANS_MAX || !budget_charge(s->budget, size_of(s)))
        return NULL;
    struct scan *c = make(s);
    if (!c) {
        budget_refund(s->budget, size_of(s));
        return NULL;
    }
    c->owner = s;
    c->before = c->tail_len = 0;
    s->count++;
    return c;
}

void scan_close(struct scan *c)
{
    if (!c)
        return;
    struct scans *s = c->owner;
    budget_refund(s->budget, size_of(s));
    s->count--;
    if (s->spare_count == SCANS_SPARE_MAX) {
        free_scan(c);
        return;
    }
    c->next_spare = s->spare;
    s->spare = c;
    s->spare_count++;
}

/* The byte so far before the end of what passed up to `end` bytes of the piece. */
static uint8_t byte_before(const struct scan *c, size_t end, size_t back)
{
    return back <= end ? c->piece.data[end - back] : c->tail[c->tail_len - (back - end)];
}

/* How many bytes before that place may be of the part, with `len` behind them a token. */
static size_t reach(const struct scan *c, size_t end, unsigned part, size_t len)
{
    size_t there = end + c->tail_len;
    while (len < there && len < TOKEN_MAX &&
           (c->owner->recogniser->parts[byte_before(c, end, len + 1)] >> part & 1))
        len++;
    return len;
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* What touches a letter is part of a word, up to the next blank; so is what has no beginning. */
static struct bytes without_words(const struct scan *c, size_t end, struct bytes token)
{
    bool is_cut = token.len == TOKEN_MAX;
    if (is_cut || (token.len < end + c->tail_len && is_letter(byte_before(c, end, token.len + 1))))
        token = bytes_from(token, bytes_index(token, ' '));
    if (is_letter(c->piece.data[end])) {
        while (token.len > 0 && token.data[token.len - 1] != ' ')
            token.len--;
    }
    return token;
}

/* A token ends there in the piece, before the byte that is none of it. */
static void tell(void *context, enum token id, size_t end)
{
    struct scan *c = context;
    uint8_t copy[TOKEN_MAX];
    size_t len = reach(c, end, id, 0);
    if (id == TOKEN_MAIL && len < TOKEN_MAX && len < end + c->tail_len &&
        byte_before(c, end, len + 1) == '@')
        len = reach(c, end, PART_LOCAL, len + 1);
    struct bytes token = {copy, len};
    if (len <= end) {
        token = bytes_first(bytes_from(c->piece, end - len), len);
    } else {
        for (size_t i = 0; i < len; i++)
            copy[i] = byte_before(c, end, len - i);
    }
    if (id == TOKEN_NUMBER)
        token = without_words(c, end, token);
    if (token.len > 0)
        c->taker->take(c->taker->context, id, token);
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    const struct scan *c = context;
    (void)from;
    (void)flags;
    tell(context, (enum token)id, (size_t)(to - 1 - c->before));
    return 0;
}

static void keep_tail(struct scan *c)
{
    size_t len = c->piece.len;
    if (len >= TOKEN_MAX) {
        memcpy(c->tail, c->piece.data + (len - TOKEN_MAX), TOKEN_MAX);
        c->tail_len = TOKEN_MAX;
        return;
    }
    size_t kept = c->tail_len < TOKEN_MAX - len ? c->tail_len : TOKEN_MAX - len;
    memmove(c->tail, c->tail + (c->tail_len - kept), kept);
    memcpy(c->tail + kept, c->piece.data, len);
    c->tail_len = kept + len;
}

void scan_take(struct scan *c, struct bytes piece, const struct scan_taker *taker)
{
    while (piece.len > 0) {
        c->piece = bytes_first(piece, UINT32_MAX / 2);
        c->taker = taker;
        (void)hs_scan_stream(c->stream, (const char *)c->piece.data, (unsigned)c->piece.len, 0,
                             c->owner->scratch, on_match, c);
        keep_tail(c);
        c->before += c->piece.len;
        piece = bytes_from(piece, c->piece.len);
    }
    c->piece = (struct bytes){NULL, 0};
}

void scan_break(struct scan *c, const struct scan_taker *taker)
{
    scan_take(c, (struct bytes){(const uint8_t *)"\n", 1}, taker);
}

void scan_whole(struct scan *c, struct bytes text, const struct scan_taker *taker)
{
    uint8_t copy[SHORT_TEXT_MAX + SHORT_TEXT_PADDING];
    if (text.len > SHORT_TEXT_MAX) {
        scan_take(c, text, taker);
        scan_break(c, taker);
        return;
    }
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    memset(copy + text.len, 0, SHORT_TEXT_PADDING);
    c->piece = (struct bytes){copy, text.len + 1}; /* with the byte that ends it */
    c->tail_len = 0;
    c->taker = taker;
    short_text_find((struct bytes){copy, text.len}, tell, c);
    c->piece = (struct bytes){NULL, 0};
}
