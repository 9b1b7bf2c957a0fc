#include "analyzers/subject.h"

#include "subjects/world.h"

enum { NUMBER_TEXT_MAX = 20 /* digits of a number of 64 bits */ };

bool subject_is_on(const struct exchange *x, enum side side)
{
    if (!x->subjects)
        return false;
    return x->subjects->subjects->scope >=
           (side == SIDE_CLIENT ? SUBJECTS_IN_REQUESTS : SUBJECTS_EVERYWHERE);
}

enum subject_kind subject_of_name(const struct exchange *x, struct bytes name)
{
    return x->subjects ? world_name(x->subjects, name) : SUBJECT_NONE;
}

enum subject_kind subject_of_key(const struct exchange *x, struct bytes key, struct bytes *value)
{
    return x->subjects ? world_key(x->subjects, key, value) : SUBJECT_NONE;
}

enum subject_kind subject_recognise(const struct exchange *x, struct bytes value)
{
    struct gathered gathered;
    if (!x->subjects || value.len > SUBJECT_VALUE_MAX ||
        !world_read(x->subjects, SUBJECT_NONE, value, false, &gathered))
        return SUBJECT_NONE;
    return (enum subject_kind)gathered.kind;
}

static void gather(struct exchange *x, struct request *r, enum gathered_as as,
                   enum subject_kind kind, struct bytes value)
{
    enum side side = as == GATHERED_ASKED ? SIDE_CLIENT : SIDE_SERVER;
    struct gathering **into = r ? &r->subjects : &x->held;
    if (value.len > 0 && value.len <= SUBJECT_VALUE_MAX && subject_is_on(x, side))
        world_gather_text(x->subjects, into, as, kind, value);
}

static struct bytes print(uint64_t number, char text[NUMBER_TEXT_MAX])
{
    size_t at = NUMBER_TEXT_MAX;
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return (struct bytes){(const uint8_t *)text + at, NUMBER_TEXT_MAX - at};
}

void subject_ask(struct exchange *x, struct request *r, enum subject_kind kind, struct bytes value)
{
    gather(x, r, GATHERED_ASKED, kind, value);
}

void subject_ask_number(struct exchange *x, struct request *r, enum subject_kind kind,
                        uint64_t value)
{
    char text[NUMBER_TEXT_MAX];
    gather(x, r, GATHERED_ASKED, kind, print(value, text));
}

void subject_tell(struct exchange *x, struct request *r, enum subject_kind kind, struct bytes value)
{
    gather(x, r, GATHERED_TOLD, kind, value);
}

void subject_tell_number(struct exchange *x, struct request *r, enum subject_kind kind,
                         uint64_t value)
{
    char text[NUMBER_TEXT_MAX];
    gather(x, r, GATHERED_TOLD, kind, print(value, text));
}

void subject_end_record(struct exchange *x, struct request *r)
{
    if (x->subjects && r && r->subjects)
        world_end_record(x->subjects, r->subjects);
}

void subject_forget(struct exchange *x, struct request *r)
{
    if (r->subjects)
        world_drop(x->subjects, &r->subjects);
}

void subject_drop_record(struct exchange *x, struct request *r)
{
    if (x->subjects && r && r->subjects)
        gathering_forget_record(r->subjects);
}

void subject_give(struct exchange *x, struct request *r)
{
    if (r && x->held)
        world_adopt(x->subjects, &r->subjects, &x->held);
}

void subject_release(struct exchange *x)
{
    if (x->held)
        world_drop(x->subjects, &x->held);
}

void subject_fill(struct exchange *x, const struct request *r, struct transaction *tx)
{
    if (r->subjects)
        world_fill(x->subjects, r->subjects, tx);
}
