/*
 * A packed run goes through an unpacker into the inner feed, which parses as any feed does.  The
 * run's bytes on the wire are counted at its end, so that they do not depend on how it was cut.
 */
#include "analyzers/packed/packed.h"

static void count(struct feed *f)
{
    struct unpacking *u = f->unpacking;
    if (u->wire_len > 0)
        pairing_count(f->x, f->side, u->wire_len, true);
    f->x->position[f->side] += u->wire_len;
    u->wire_len = 0;
}

static void stop(struct feed *f)
{
    codec_close(&f->owner->codecs, f->unpacking->unpacker);
    f->unpacking->unpacker = NULL;
}

/* The inner stream lacks bytes: so many, or (0) who knows how many. */
static void lose_inner(struct feed *f, uint64_t missing)
{
    struct feed *inner = &f->unpacking->inner;
    if (missing == 0)
        inner->skip = 0;
    f->x->is_unpacked = true;
    (void)feed_gap(inner, missing, f->x->now_ns);
    f->x->is_unpacked = false;
}

/* What the run would still become; 0: not told. */
static uint64_t missing_len(const struct unpacking *u)
{
    return u->told_len > u->made_len ? u->told_len - u->made_len : 0;
}

static void lose_run(struct feed *f)
{
    stop(f);
    f->unpacking->is_cut = true;
    lose_inner(f, missing_len(f->unpacking));
    count(f);
}

static bool make(struct feed *f)
{
    if (f->unpacking)
        return true;
    if (!budget_resize(f->owner->budget, &f->unpacking, 0, sizeof(*f->unpacking)))
        return false;
    *f->unpacking = (struct unpacking){
        .inner = {.owner = f->owner,
                  .analyzer = f->analyzer,
                  .x = f->x,
                  .side = f->side,
                  .is_inner = true,
                  .is_lost = f->x->is_midstream},
    };
    return true;
}

/* A stream of its own begins: what the one before did not end is lost, and so is nothing more. */
static void begin_apart(struct feed *f)
{
    struct feed *inner = &f->unpacking->inner;
    if (inner->skip > 0 || (inner->buffer_len > 0 && !inner->is_lost))
        lose_inner(f, 0);
    feed_clear(inner);
    inner->is_lost = false;
    inner->wanted = inner->searched = 0;
}

bool packed_begin(struct feed *f, const struct step *step, size_t header_len)
{
    if (!make(f)) {
        f->owner->denied++;
        return false;
    }
    struct unpacking *u = f->unpacking;
    bool goes_on = step->seam == SEAM_INSIDE;
    if (step->seam == SEAM_APART)
        begin_apart(f);
    if (goes_on && u->is_cut)
        return false;
    if (!goes_on)
        stop(f);
    u->codec = (enum codec)step->codec;
    u->is_cut = false;
    u->told_len = step->unpacked_len;
    u->made_len = 0;
    if (u->codec != CODEC_STORED && !u->unpacker) {
        u->unpacker = codec_open(&f->owner->codecs, u->codec);
        f->owner->denied += !u->unpacker;
    }
    if (u->codec != CODEC_STORED && !u->unpacker) {
        lose_run(f);
        return false;
    }
    u->wire_len = header_len;
    return true;
}

/* Whether so much more may come out. */
static bool is_allowed(struct feed *f, size_t len)
{
    struct unpacking *u = f->unpacking;
    u->made_len += len;
    u->unpacked_total += len;
    if (u->unpacked_total / PACKED_RATIO_MAX > u->packed_total + PACKED_FREE / PACKED_RATIO_MAX) {
        u->made_len -= len;
        f->owner->refused++;
        return false;
    }
    return true;
}

/* Gives what came out to the inner feed; false where its analyzer handed over. */
static bool give(struct feed *f, struct bytes piece)
{
    struct exchange *x = f->x;
    struct bytes rest;
    int64_t start_ns = x->start_ns;
    x->is_unpacked = true;
    bool goes_on = feed_take(&f->unpacking->inner, piece, x->now_ns, &rest);
    x->is_unpacked = false;
    x->start_ns = start_ns;
    return goes_on;
}

/* The bytes are there and cannot be unpacked: what they answer may never be known. */
static enum course lost(struct feed *f)
{
    pairing_lose(f->x, f->side, 0, false);
    lose_run(f);
    return COURSE_LOST;
}

static enum course over(struct feed *f)
{
    count(f);
    return COURSE_OVER;
}

/* What came out goes on as far as was told, also where the rest of it is broken: so it is the same
 * however the packed bytes were cut. */
static enum course pass_on(struct feed *f, struct bytes piece, bool is_broken)
{
    const struct unpacking *u = f->unpacking;
    struct bytes told = u->told_len > 0 ? bytes_first(piece, missing_len(u)) : piece;
    if (told.len > 0 && !is_allowed(f, told.len))
        return lost(f);
    if (told.len > 0 && !give(f, told))
        return over(f);
    if (!is_broken && told.len == piece.len)
        return COURSE_WAITS;
    f->owner->broken++;
    return lost(f);
}

enum course packed_take(struct feed *f, struct bytes packed)
{
    struct unpacking *u = f->unpacking;
    u->wire_len += packed.len;
    u->packed_total += packed.len;
    if (u->codec == CODEC_STORED)
        return pass_on(f, packed, false);
    enum decoded decoded = packed.len > 0 && u->unpacker ? DECODED_PIECE : DECODED_WAITS;
    while (decoded == DECODED_PIECE) {
        struct bytes piece;
        decoded = codec_take(u->unpacker, &packed, &piece);
        enum course course = pass_on(f, piece, decoded == DECODED_BROKEN);
        if (course != COURSE_WAITS)
            return course;
        if (decoded == DECODED_END && packed.len > 0)
            decoded = DECODED_PIECE; /* another stream follows */
        else if (decoded == DECODED_END)
            stop(f);
    }
    return COURSE_WAITS;
}

bool packed_lose(struct feed *f, uint64_t lost_len, bool *goes_on)
{
    struct unpacking *u = f->unpacking;
    uint64_t missing = missing_len(u);
    *goes_on = u->codec == CODEC_STORED && missing >= lost_len;
    if (*goes_on) {
        bool is_inside = u->inner.skip >= lost_len;
        pairing_lose(f->x, f->side, lost_len, is_inside);
        u->made_len += lost_len;
        lose_inner(f, lost_len);
        return !is_inside;
    }
    bool matters = missing == 0 || u->inner.skip < missing;
    pairing_lose(f->x, f->side, lost_len, !matters);
    lose_run(f);
    return matters;
}

void packed_end(struct feed *f)
{
    struct unpacking *u = f->unpacking;
    if (missing_len(u) > 0) {
        f->owner->broken++;
        (void)lost(f);
    }
    count(f);
    if (u->inner.skip == 0)
        pairing_settle(f->x, f->side);
}

void packed_gap(struct feed *f)
{
    f->unpacking->is_cut = true;
    stop(f);
    lose_inner(f, 0);
}

void packed_flush(struct feed *f)
{
    if (f->is_packed)
        count(f);
    f->x->is_unpacked = true;
    feed_end(&f->unpacking->inner);
    f->x->is_unpacked = false;
}

void packed_clear(struct feed *f)
{
    stop(f);
    feed_clear(&f->unpacking->inner);
    budget_free(f->owner->budget, &f->unpacking, sizeof(*f->unpacking));
}
