/*
 * One loop over the fields of a table.  A field that is cut by the end of the bytes leaves the
 * cursor before it; a text or a run of raw bytes is passed over as far as it goes.
 */
#include "analyzers/tns/tns_walk.h"

enum { STAGE_NEW, STAGE_LENGTH, STAGE_PIECES, STAGE_LAST_RAW };

enum { NUMBER_SIGN = 0x80 };

uint64_t tns_number(struct cursor *in)
{
    size_t len = cursor_u8(in) & ~(unsigned)NUMBER_SIGN;
    if (len > TNS_NUMBER_MAX - 1) {
        cursor_skip(in, SIZE_MAX);
        return 0;
    }
    uint64_t number = 0;
    struct bytes digits = cursor_take(in, len);
    for (size_t i = 0; i < digits.len; i++)
        number = number << 8 | digits.data[i];
    return number;
}

void tns_walk_begin(struct tns_walk *w, const struct tns_field *program)
{
    w->program = program;
    w->raw = 0;
    w->at = w->depth = w->stage = 0;
    memset(w->places, 0, sizeof(w->places));
}

/* Behind a field: to the next, or back to where a repetition begins. */
static void next(struct tns_walk *w)
{
    w->stage = STAGE_NEW;
    while (w->depth > 0 && w->at == w->loops[w->depth - 1].last) {
        struct tns_loop *loop = &w->loops[w->depth - 1];
        if (--loop->left > 0) {
            w->at = loop->begin;
            return;
        }
        w->depth--;
    }
    w->at++;
}

/* Passes by the next so many fields, and this one. */
static void pass_by(struct tns_walk *w, uint8_t count)
{
    w->at = (uint8_t)(w->at + count);
    next(w);
}

static bool repeat(struct tns_walk *w, const struct tns_field *f)
{
    uint64_t times = w->places[f->place];
    if (times == 0) {
        pass_by(w, f->count);
        return true;
    }
    if (w->depth == TNS_DEPTH_MAX)
        return false;
    w->loops[w->depth++] = (struct tns_loop){
        .left = times, .begin = (uint8_t)(w->at + 1), .last = (uint8_t)(w->at + f->count)};
    w->at++;
    return true;
}

/* Raw bytes as far as they are there.  The last of them is never passed over unseen: with it the
 * message may be at its end, and that is to be noticed. */
static enum tns_course walk_raw(struct tns_walk *w, struct cursor *in, uint64_t *skip)
{
    uint64_t here = w->raw < cursor_left(in) ? w->raw : cursor_left(in);
    cursor_skip(in, (size_t)here);
    w->raw -= here;
    if (w->raw == 0)
        return TNS_WALK_DONE;
    *skip = w->raw - 1;
    w->raw = 1;
    return *skip > 0 ? TNS_WALK_SKIPS : TNS_WALK_SHORT;
}

/* The length of a text's next piece; false where it is cut. */
static bool piece(const struct tns_terms *terms, struct cursor *in, uint64_t *len)
{
    struct cursor peek = *in;
    *len = terms->can & TNS_CAN_BIG_PIECES ? tns_number(&peek) : cursor_u8(&peek);
    if (cursor_is_short(&peek))
        return false;
    *in = peek;
    return true;
}

/* Keeps a text that is short; false where it is not there yet. */
static bool keep(struct tns_walk *w, struct cursor in)
{
    uint8_t len = cursor_u8(&in);
    w->kept_len = 0;
    if (len > TNS_KEPT_MAX)
        return true;
    struct bytes text = cursor_take(&in, len);
    if (text.len > 0)
        memcpy(w->kept, text.data, text.len);
    w->kept_len = (uint8_t)text.len;
    return !cursor_is_short(&in);
}

static enum tns_course walk_text(struct tns_walk *w, const struct tns_terms *terms,
                                 const struct tns_field *f, struct cursor *in, uint64_t *skip)
{
    uint64_t len;
    if (w->stage == STAGE_LAST_RAW)
        return walk_raw(w, in, skip);
    if (w->stage == STAGE_LENGTH) {
        if (cursor_left(in) == 0 || (f->value == TNS_KEEP && !keep(w, *in)))
            return TNS_WALK_SHORT;
        uint8_t first = cursor_u8(in);
        w->places[f->place] = first != 0 && first != TNS_TEXT_NULL;
        w->stage = first == TNS_TEXT_LONG ? STAGE_PIECES : STAGE_LAST_RAW;
        w->raw = first < TNS_TEXT_LONG ? first : 0;
        if (w->stage == STAGE_LAST_RAW)
            return walk_raw(w, in, skip);
    }
    for (;;) {
        enum tns_course course = walk_raw(w, in, skip);
        if (course != TNS_WALK_DONE)
            return course;
        if (!piece(terms, in, &len))
            return TNS_WALK_SHORT;
        if (len == 0)
            return TNS_WALK_DONE;
        w->raw = len;
    }
}

static enum tns_course walk_sized(struct tns_walk *w, const struct tns_terms *terms,
                                  const struct tns_field *f, struct cursor *in, uint64_t *skip)
{
    if (w->stage == STAGE_NEW) {
        struct cursor peek = *in;
        uint64_t len = tns_number(&peek);
        if (cursor_is_short(&peek))
            return TNS_WALK_SHORT;
        *in = peek;
        if (len == 0) {
            w->places[f->place] = 0;
            w->kept_len = f->value == TNS_KEEP ? 0 : w->kept_len;
            return TNS_WALK_DONE;
        }
        w->stage = STAGE_LENGTH;
    }
    return walk_text(w, terms, f, in, skip);
}

static enum tns_course walk_bits(struct tns_walk *w, const struct tns_field *f, struct cursor *in)
{
    uint64_t len = w->places[f->place];
    if (len > TNS_BITS_MAX)
        return TNS_WALK_BAD;
    if (cursor_left(in) < len)
        return TNS_WALK_SHORT;
    struct bytes bits = cursor_take(in, (size_t)len);
    if (len > 0)
        memcpy(w->bits, bits.data, bits.len);
    w->bits_len = (uint8_t)len;
    return TNS_WALK_DONE;
}

static enum tns_course walk_number(struct tns_walk *w, const struct tns_field *f, struct cursor *in)
{
    struct cursor peek = *in;
    uint64_t number = tns_number(&peek);
    if (cursor_is_short(&peek)) {
        /* cut, or none */
        struct cursor first = *in;
        size_t len = cursor_u8(&first) & ~(unsigned)NUMBER_SIGN;
        return len > TNS_NUMBER_MAX - 1 ? TNS_WALK_BAD : TNS_WALK_SHORT;
    }
    w->places[f->place] = number;
    *in = peek;
    return TNS_WALK_DONE;
}

static enum tns_course walk_field(struct tns_walk *w, const struct tns_terms *terms,
                                  const struct tns_field *f, struct cursor *in, uint64_t *skip)
{
    switch ((enum tns_field_kind)f->kind) {
    case TNS_BYTE:
        if (cursor_left(in) == 0)
            return TNS_WALK_SHORT;
        w->places[f->place] = cursor_u8(in);
        return TNS_WALK_DONE;
    case TNS_NUMBER:
        return walk_number(w, f, in);
    case TNS_TEXT:
        w->stage = w->stage == STAGE_NEW ? STAGE_LENGTH : w->stage;
        return walk_text(w, terms, f, in, skip);
    case TNS_SIZED:
        return walk_sized(w, terms, f, in, skip);
    case TNS_RAW:
    case TNS_SKIP:
        if (w->stage == STAGE_NEW)
            w->raw = f->kind == TNS_RAW ? w->places[f->place] : f->count;
        w->stage = STAGE_LAST_RAW;
        return walk_raw(w, in, skip);
    case TNS_BITS:
        return walk_bits(w, f, in);
    default:
        return TNS_WALK_BAD;
    }
}

/* Whether the field is one that moves without bytes; it is done then. */
static bool steer(struct tns_walk *w, const struct tns_field *f, bool *is_bad)
{
    switch ((enum tns_field_kind)f->kind) {
    case TNS_IF:
    case TNS_IF_IS: {
        uint64_t value = w->places[f->place];
        bool holds = f->kind == TNS_IF ? value != 0 : value == f->value;
        pass_by(w, holds ? 0 : f->count);
        return true;
    }
    case TNS_REPEAT:
        *is_bad = !repeat(w, f);
        return true;
    case TNS_BEGIN:
        w->places[f->place] = f->value;
        next(w);
        return true;
    default:
        return false;
    }
}

enum tns_course tns_walk(struct tns_walk *w, const struct tns_terms *terms, struct cursor *in,
                         uint64_t *skip)
{
    for (;;) {
        const struct tns_field *f = &w->program[w->at];
        bool is_bad = false;
        if (f->kind == TNS_END) {
            w->program = NULL;
            return TNS_WALK_DONE;
        }
        if (f->since > terms->version || (f->can && !(f->can & terms->can))) {
            pass_by(w, f->kind == TNS_IF || f->kind == TNS_REPEAT ? f->count : 0);
            continue;
        }
        if (steer(w, f, &is_bad)) {
            if (is_bad)
                return TNS_WALK_BAD;
            continue;
        }
        if (f->kind == TNS_TELL) {
            next(w);
            return TNS_WALK_TOLD;
        }
        enum tns_course course = walk_field(w, terms, f, in, skip);
        if (course != TNS_WALK_DONE)
            return course;
        next(w);
    }
}

bool tns_walk_whole(struct tns_walk *w, const struct tns_field *program,
                    const struct tns_terms *terms, struct cursor *in)
{
    uint64_t skip;
    tns_walk_begin(w, program);
    enum tns_course course = TNS_WALK_TOLD;
    while (course == TNS_WALK_TOLD)
        course = tns_walk(w, terms, in, &skip);
    return course == TNS_WALK_DONE;
}
