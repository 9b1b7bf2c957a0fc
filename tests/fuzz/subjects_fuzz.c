/*
 * Any bytes as a body of every format, whole and in pieces, which must tell the same customers; and
 * as an identifier of every kind.  Input: the format and whether it is a request's, the length of
 * the pieces, then the body.
 */
#include "analyzers/http/body_subjects.h"
#include "core/cursor.h"
#include "core/transaction.h"

#include <stdlib.h>

enum { MEMORY_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Patterns take a while to compile: once for all inputs. */
static struct subjects *subjects(void)
{
    static struct subjects *s;
    if (!s) {
        s = subjects_open();
        s->recogniser = recogniser_open();
    }
    return s;
}

/* What a body told. */
struct told {
    uint64_t count, kinds[SUBJECT_KINDS_COUNT];
};

/* Each piece in memory of its own, so that a byte too far is seen. */
static void give(struct body_subjects *b, struct bytes piece)
{
    uint8_t *exact = malloc(piece.len ? piece.len : 1);
    if (piece.len > 0)
        memcpy(exact, piece.data, piece.len);
    body_subjects_take(b, (struct bytes){exact, piece.len});
    free(exact);
}

static struct told read_body(const struct body_subjects_plan *plan, struct bytes body, size_t piece)
{
    struct body_subjects b;
    struct told told = {0};
    struct transaction tx = {0};
    body_subjects_begin(&b, plan, CSV_HEADER_BY_SHAPE);
    for (; body.len > 0; body = bytes_from(body, piece))
        give(&b, bytes_first(body, piece));
    body_subjects_end(&b);
    if (b.gathered)
        world_fill(plan->world, b.gathered, &tx);
    if (transaction_has(&tx, FIELD_SUBJECT_COUNT)) {
        told.count = tx.subject_count;
        memcpy(told.kinds, tx.subject_kinds, sizeof(told.kinds));
    }
    body_subjects_clear(&b);
    if (plan->world->budget.used > 0)
        abort();
    return told;
}

static void read_identifier(struct bytes text)
{
    struct identifier id, again;
    uint64_t number;
    size_t before;
    for (unsigned kind = SUBJECT_NONE; kind < SUBJECT_KINDS_COUNT; kind++) {
        bool is_read = kind == SUBJECT_NONE
                           ? identifier_recognise(&id, &subjects()->countries, text)
                           : identifier_read(&id, &subjects()->countries, kind, text);
        if (!is_read)
            continue;
        if (id.len == 0 || id.len > IDENTIFIER_TEXT_MAX || id.check_len > id.len)
            abort();
        (void)identifier_number(&id, &number, &before);
        /* what it is alike is alike to itself */
        if (id.kind != SUBJECT_IMEI && id.kind != SUBJECT_MSISDN &&
            (!identifier_read(&again, &subjects()->countries, id.kind, identifier_text(&id)) ||
             !bytes_equal(identifier_text(&id), identifier_text(&again))))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_over((struct bytes){data, size});
    uint8_t choice = cursor_u8(&in);
    size_t piece = cursor_u8(&in) + (size_t)1;
    struct bytes body = cursor_rest(&in);
    struct subject_world *w = world_open(subjects(), MEMORY_MAX);
    if (!w)
        return 0;
    struct body_subjects_plan plan = {.world = w,
                                      .format = SUBJECTS_JSON + choice % (SUBJECTS_TEXT),
                                      .root = choice & 0x40 ? SUBJECT_CUSTOMER : SUBJECT_NONE,
                                      .is_asked = choice & 0x80,
                                      .is_recognised = true};
    struct told whole = read_body(&plan, body, body.len ? body.len : 1);
    struct told cut = read_body(&plan, body, piece);
    if (memcmp(&whole, &cut, sizeof(whole)) != 0)
        abort();
    read_identifier(bytes_first(body, IDENTIFIER_TEXT_MAX + 1));
    world_close(w);
    return 0;
}
