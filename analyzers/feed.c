/*
 * Messages are parsed where they arrive; only a message cut by the end of a segment is copied. Once
 * its wanted bytes are in the buffer it is parsed there, and parsing goes back to the segment
 * behind it.
 */
#include "analyzers/feed.h"

#include "analyzers/packed/packed.h"

enum { BUFFER_FIRST = 256, COPY_AHEAD = 512 };

struct bytes feed_kept(const struct feed *f)
{
    struct bytes all = {f->buffer, f->buffer_at + f->buffer_len};
    return bytes_from(all, f->buffer_at);
}

/* What was dropped at the front makes room only when it is more than what would have to be moved,
 * so that a byte is not moved again and again. */
static bool append(struct feed *f, struct bytes data, int64_t ns)
{
    size_t size = f->buffer_size ? f->buffer_size : BUFFER_FIRST;
    if (f->buffer_at >= f->buffer_len && f->buffer_at > 0) {
        memmove(f->buffer, f->buffer + f->buffer_at, f->buffer_len);
        f->buffer_at = 0;
    }
    while (size - f->buffer_at - f->buffer_len < data.len)
        size *= 2;
    if (size > f->buffer_size && size > FEED_SOME && budget_is_tight(f->owner->budget))
        return false;
    if (size != f->buffer_size &&
        !budget_resize(f->owner->budget, &f->buffer, f->buffer_size, size))
        return false;
    f->buffer_size = size;
    if (f->buffer_len == 0)
        f->start_ns = ns;
    memcpy(f->buffer + f->buffer_at + f->buffer_len, data.data, data.len);
    f->buffer_len += data.len;
    return true;
}

static void buffer_drop(struct feed *f, size_t len)
{
    f->buffer_len -= len;
    f->buffer_at = f->buffer_len > 0 ? f->buffer_at + len : 0;
}

/* An empty buffer that grew large goes back: idle connections cost little. */
static void buffer_shrink(struct feed *f)
{
    if (f->buffer_len == 0 && f->buffer_size > 0) {
        budget_free(f->owner->budget, &f->buffer, f->buffer_size);
        f->buffer_size = f->buffer_at = 0;
    }
}

bool feed_keep(struct feed *f, struct bytes data, int64_t ns)
{
    return append(f, data, ns);
}

static void consumed(struct feed *f, uint64_t len, bool skipped)
{
    if (f->is_inner)
        return;
    pairing_count(f->x, f->side, len, skipped);
    f->x->position[f->side] += len;
}

/* The end of a message.  Of unpacked ones, the last goes on receiving: the packed bytes are its. */
static void settle(struct feed *f)
{
    if (f->is_inner)
        pairing_pass(f->x);
    else
        pairing_settle(f->x, f->side);
}

static void get_lost(struct feed *f)
{
    f->is_lost = true;
    f->searched = 0;
    f->candidates_count = 0;
    f->wanted = 0;
}

/* The end of what is passed over. */
static void passed(struct feed *f)
{
    bool is_packed = f->is_packed;
    f->is_packed = false;
    if (is_packed)
        packed_end(f);
    else
        settle(f);
}

/* Passes over what the last step said; COURSE_WAITS while that message goes on. */
static enum course pass_over(struct feed *f, struct bytes *data)
{
    uint64_t len = data->len < f->skip ? data->len : f->skip;
    struct bytes over = bytes_first(*data, (size_t)len);
    *data = bytes_from(*data, (size_t)len);
    if (f->skip != STEP_TO_END)
        f->skip -= len;
    if (f->is_packed) {
        enum course course = packed_take(f, over);
        f->is_packed = course == COURSE_WAITS;
        if (course == COURSE_OVER)
            return COURSE_OVER;
    } else if (len > 0) {
        consumed(f, len, true);
        if (f->is_watched)
            f->analyzer->watch(f->x, f->side, over, 0);
    }
    if (f->skip > 0)
        return COURSE_WAITS;
    passed(f);
    return COURSE_GOES_ON;
}

/* There is no memory to keep what a message lacks: it is as good as lost. */
static enum course deny(struct feed *f)
{
    f->owner->denied++;
    if (!f->is_inner)
        pairing_lose(f->x, f->side, 0, false);
    f->analyzer->gap(f->x, f->side, 0);
    return COURSE_LOST;
}

/* One message at the front of *data, which moves behind it and what it skips. */
static enum course parse_one(struct feed *f, struct bytes *data)
{
    struct cursor in = cursor_over(*data);
    struct step step = f->analyzer->parse(f->x, f->side, &in);
    size_t used = cursor_is_short(&in) ? 0 : data->len - in.left;
    switch ((enum verdict)step.verdict) {
    case VERDICT_TAKEN:
        f->has_parsed = true;
        consumed(f, used, false);
        *data = bytes_from(*data, used);
        if (step.amount == 0) {
            settle(f);
            return COURSE_GOES_ON;
        }
        f->skip = step.amount;
        f->is_watched = step.is_watched;
        return pass_over(f, data);
    case VERDICT_UNPACK:
        if (f->is_inner)
            break;
        f->has_parsed = true;
        *data = bytes_from(*data, used);
        f->skip = step.amount;
        f->is_packed = packed_begin(f, &step, used);
        if (!f->is_packed)
            consumed(f, used, false);
        return pass_over(f, data);
    case VERDICT_NEEDS:
        if (step.amount > f->analyzer->message_max)
            return COURSE_LOST;
        f->wanted = step.amount > data->len ? (size_t)step.amount : data->len + 1;
        return COURSE_WAITS;
    case VERDICT_HAND_OVER:
        f->has_parsed = f->has_parsed || used > 0;
        consumed(f, used, false);
        settle(f);
        *data = bytes_from(*data, used);
        return COURSE_OVER;
    case VERDICT_BAD:
        break;
    }
    return COURSE_LOST;
}

enum start feed_start(const struct analyzer *a, const struct exchange *x, enum side side,
                      struct bytes data, size_t offset, size_t *need)
{
    for (int links = 0; links < FEED_CHAIN; links++) {
        uint64_t len = 0;
        enum start start = a->starts_here(x, side, cursor_over(bytes_from(data, offset)), &len);
        *need = data.len + 1;
        if (start != START_LIKELY)
            return start;
        if (len == 0 || len > UINT32_MAX / 2)
            return START_NO;
        offset += (size_t)len;
        if (links + 1 < FEED_CHAIN && offset >= data.len) {
            *need = offset > data.len ? offset : offset + 1; /* whole, it may tell by itself */
            return START_SHORT;
        }
    }
    return START_SURE;
}

/* The candidates whose bytes have come; true where one of them is a start. */
static bool search_candidates(struct feed *f, size_t *found)
{
    size_t left = 0;
    for (size_t i = 0; i < f->candidates_count; i++) {
        struct feed_candidate c = f->candidates[i];
        size_t need = c.need;
        enum start start = START_SHORT;
        if (need <= f->buffer_len)
            start = feed_start(f->analyzer, f->x, f->side, feed_kept(f), c.offset, &need);
        if (start == START_SURE) {
            *found = c.offset;
            return true;
        }
        if (start == START_SHORT && need <= UINT32_MAX)
            f->candidates[left++] = (struct feed_candidate){c.offset, (uint32_t)need};
    }
    f->candidates_count = left;
    return false;
}

static void candidate_add(struct feed *f, struct feed_candidate c)
{
    const size_t size = FEED_CANDIDATES_MAX * sizeof(c);
    if (f->candidates_count == FEED_CANDIDATES_MAX ||
        (!f->candidates && !budget_resize(f->owner->budget, &f->candidates, 0, size)))
        return;
    f->candidates[f->candidates_count++] = c;
}

static void candidates_free(struct feed *f)
{
    if (f->candidates)
        budget_free(f->owner->budget, &f->candidates, FEED_CANDIDATES_MAX * sizeof(*f->candidates));
    f->candidates_count = 0;
}

/* Each place is looked at once, and again only when it asked for more bytes: linear. */
static bool search(struct feed *f, size_t *found)
{
    if (search_candidates(f, found))
        return true;
    for (; f->searched < f->buffer_len; f->searched++) {
        size_t need = 0;
        enum start start = feed_start(f->analyzer, f->x, f->side, feed_kept(f), f->searched, &need);
        if (start == START_SURE) {
            *found = f->searched;
            return true;
        }
        if (start == START_SHORT && need <= UINT32_MAX)
            candidate_add(f, (struct feed_candidate){(uint32_t)f->searched, (uint32_t)need});
    }
    return false;
}

static void forget_searched(struct feed *f, size_t len)
{
    size_t left = 0;
    for (size_t i = 0; i < f->candidates_count; i++) {
        struct feed_candidate c = f->candidates[i];
        if (c.offset >= len)
            f->candidates[left++] =
                (struct feed_candidate){c.offset - (uint32_t)len, c.need - (uint32_t)len};
    }
    f->candidates_count = left;
    f->searched -= len < f->searched ? len : f->searched;
    consumed(f, len, false);
    buffer_drop(f, len);
}

/* Looks for a message in what is kept and in data; false while there is none: everything is kept
 * then. */
static bool find_again(struct feed *f, struct bytes *data, int64_t ns)
{
    while (data->len > 0 || f->searched < f->buffer_len) {
        size_t found;
        if (f->buffer_len >= FEED_SEARCH_MAX)
            forget_searched(f, FEED_SEARCH_MAX / 2);
        struct bytes piece = bytes_first(*data, FEED_SEARCH_MAX - f->buffer_len);
        if (piece.len > 0 && !append(f, piece, ns)) {
            f->owner->denied++;
            forget_searched(f, f->buffer_len);
            consumed(f, data->len, false);
            *data = (struct bytes){NULL, 0};
            return false;
        }
        *data = bytes_from(*data, piece.len);
        if (!search(f, &found))
            continue;
        forget_searched(f, found);
        settle(f);
        f->is_lost = false;
        candidates_free(f);
        f->owner->resyncs++;
        f->start_ns = ns;
        return true;
    }
    return false;
}

/*
 * Parses what is kept, with so much of data as the wanted bytes ask for, and a little more.  Where
 * a message ends inside that, the rest is taken from data again.
 */
static enum course parse_kept(struct feed *f, struct bytes *data, int64_t ns)
{
    size_t old = f->buffer_len;
    size_t lacks = f->wanted > old ? f->wanted - old : 0;
    struct bytes piece = bytes_first(*data, lacks > COPY_AHEAD ? lacks : COPY_AHEAD);
    if (piece.len > 0 && !append(f, piece, ns))
        return deny(f);
    if (f->buffer_len < f->wanted) {
        *data = bytes_from(*data, piece.len);
        return COURSE_WAITS;
    }
    struct bytes view = feed_kept(f);
    enum course course;
    f->x->start_ns = f->start_ns;
    f->wanted = 0;
    do
        course = parse_one(f, &view);
    while (course == COURSE_GOES_ON && f->buffer_len - view.len < old);
    size_t used = f->buffer_len - view.len;
    if (used >= old) {
        /* back to the segment */
        *data = bytes_from(*data, used - old);
        buffer_drop(f, f->buffer_len);
        return course == COURSE_WAITS && f->skip == 0 ? COURSE_GOES_ON : course;
    }
    *data = bytes_from(*data, piece.len);
    buffer_drop(f, used);
    if (used > 0)
        f->start_ns = ns;
    return course == COURSE_WAITS && data->len > 0 ? COURSE_GOES_ON : course;
}

static enum course parse_data(struct feed *f, struct bytes *data, int64_t ns)
{
    f->x->start_ns = ns;
    enum course course = COURSE_GOES_ON;
    while (data->len > 0 && course == COURSE_GOES_ON)
        course = parse_one(f, data);
    if (course == COURSE_WAITS && f->skip == 0 && data->len > 0) {
        if (!append(f, *data, ns))
            return deny(f);
        *data = (struct bytes){NULL, 0};
    }
    return course;
}

bool feed_take(struct feed *f, struct bytes data, int64_t ns, struct bytes *rest)
{
    f->x->now_ns = ns;
    enum course passed_over = f->skip > 0 ? pass_over(f, &data) : COURSE_GOES_ON;
    if (passed_over == COURSE_OVER)
        *rest = data;
    if (passed_over != COURSE_GOES_ON)
        return passed_over == COURSE_WAITS;
    for (;;) {
        if (f->is_lost && !find_again(f, &data, ns))
            return true;
        if (f->buffer_len == 0 && data.len == 0)
            break;
        enum course course =
            f->buffer_len > 0 ? parse_kept(f, &data, ns) : parse_data(f, &data, ns);
        if (course == COURSE_WAITS && f->skip > 0)
            course = pass_over(f, &data);
        if (course == COURSE_OVER) {
            *rest = data;
            return false;
        }
        if (course == COURSE_LOST) {
            get_lost(f);
            f->searched = 1; /* not here */
        }
        if (course == COURSE_WAITS)
            break;
    }
    buffer_shrink(f);
    return true;
}

void feed_drop(struct feed *f, size_t len)
{
    buffer_drop(f, len);
    buffer_shrink(f);
}

void feed_hand_over(struct feed *f, const struct analyzer *next)
{
    f->analyzer = next;
    f->is_watched = false;
    f->skip = f->skip == STEP_TO_END ? 0 : f->skip;
    f->wanted = 0;
    get_lost(f);
    f->is_lost = false;
}

/* A gap in what is passed over; true where it matters. */
static bool lose_inside(struct feed *f, uint64_t lost)
{
    bool goes_on = false;
    bool matters = f->is_packed && packed_lose(f, lost, &goes_on);
    if (!f->is_packed && !f->is_inner)
        pairing_lose(f->x, f->side, lost, true);
    if (!f->is_packed && f->is_watched)
        f->analyzer->watch(f->x, f->side, (struct bytes){NULL, 0}, lost);
    f->is_packed = goes_on;
    f->x->position[f->side] += f->is_inner ? 0 : lost;
    if (f->skip != STEP_TO_END)
        f->skip -= lost;
    if (f->skip == 0)
        passed(f);
    return matters;
}

bool feed_gap(struct feed *f, uint64_t lost, int64_t ns)
{
    f->x->now_ns = ns;
    uint64_t inside = lost < f->skip ? lost : f->skip;
    if (inside > 0) {
        bool matters = lose_inside(f, inside);
        lost -= inside;
        if (lost == 0)
            return matters;
    }
    consumed(f, f->buffer_len, false);
    f->buffer_len = 0;
    buffer_shrink(f);
    if (!f->is_inner) {
        pairing_lose(f->x, f->side, lost, false);
        f->x->position[f->side] += lost;
    }
    f->analyzer->gap(f->x, f->side, lost);
    settle(f);
    get_lost(f);
    if (f->unpacking)
        packed_gap(f);
    return true;
}

void feed_end(struct feed *f)
{
    if (f->unpacking)
        packed_flush(f);
    if (f->skip == STEP_TO_END) {
        f->skip = 0;
        passed(f);
    }
}

void feed_clear(struct feed *f)
{
    if (f->unpacking)
        packed_clear(f);
    candidates_free(f);
    f->buffer_len = 0;
    buffer_shrink(f);
}
