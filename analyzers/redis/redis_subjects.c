/*
 * The customers in Redis: those that keys name, and those in the fields of hashes.
 */
#include "analyzers/redis/redis_state.h"
#include "analyzers/subject.h"

enum { AT_FIELD = 2 /* place of the first field among a command's arguments */ };

bool redis_looks_at(const struct exchange *x, const struct redis *s)
{
    uint64_t at = s->argument;
    if (!subject_is_on(x, SIDE_CLIENT))
        return false;
    switch (redis_command(s->command)->keys) {
    case REDIS_KEYS_NONE:
        return false;
    case REDIS_KEYS_ALL:
        return at > 0;
    case REDIS_KEYS_PAIRS:
        return at % 2 == 1;
    case REDIS_KEYS_FIELD:
        return at == 1 || at == AT_FIELD;
    case REDIS_KEYS_FIELDS:
        return at > 0 && at < AT_FIELD + REDIS_FIELDS_MAX;
    case REDIS_KEYS_FIELD_PAIRS:
        return at == 1 || (at >= AT_FIELD && (at % 2 == 0 || s->field_kind != SUBJECT_NONE));
    default:
        return at == 1;
    }
}

static void ask_key(struct exchange *x, struct request *r, struct bytes key)
{
    struct bytes value;
    enum subject_kind kind = subject_of_key(x, key, &value);
    if (kind != SUBJECT_NONE && r)
        subject_ask(x, r, kind, value);
}

/* The reply will hold the value of that field. */
static void expect(struct exchange *x, struct redis *s, struct request *r, struct bytes name)
{
    enum subject_kind kind = subject_of_name(x, name);
    uint64_t at = s->argument - AT_FIELD;
    if (!r || at >= REDIS_FIELDS_MAX || (kind == SUBJECT_NONE && !r->visit))
        return;
    if (!r->visit)
        r->visit = pairing_room(x, r, sizeof(struct redis_fields));
    struct redis_fields *fields = r->visit;
    if (!fields)
        return;
    fields->kinds[at] = (uint8_t)kind;
    fields->count = (uint8_t)(at + 1);
    s->tells_customers = true;
}

void redis_ask(struct exchange *x, struct redis *s, struct request *r, struct bytes argument)
{
    enum redis_keys keys = redis_command(s->command)->keys;
    bool is_key = s->argument < AT_FIELD || keys == REDIS_KEYS_ALL || keys == REDIS_KEYS_PAIRS;
    if (keys == REDIS_KEYS_NAMED)
        s->tells_customers = true;
    if (is_key) {
        ask_key(x, r, argument);
    } else if (keys != REDIS_KEYS_FIELD_PAIRS) {
        expect(x, s, r, argument);
    } else if (s->argument % 2 == 0) {
        s->field_kind = (uint8_t)subject_of_name(x, argument);
    } else {
        if (r)
            subject_ask(x, r, (enum subject_kind)s->field_kind, argument);
        s->field_kind = SUBJECT_NONE;
    }
}

bool redis_tells(const struct exchange *x, const struct request *r)
{
    return r && subject_is_on(x, SIDE_SERVER) && !(r->mark & REDIS_MARK_DOUBT) &&
           (r->visit || redis_command_of(r)->keys == REDIS_KEYS_NAMED);
}

void redis_tell(struct exchange *x, struct redis *s, struct request *r, uint64_t n,
                struct bytes value)
{
    const struct redis_fields *fields = r->visit;
    enum subject_kind kind = SUBJECT_NONE;
    if (fields && n < fields->count)
        kind = (enum subject_kind)fields->kinds[n];
    else if (!fields && n % 2 == 0)
        s->field_kind = (uint8_t)subject_of_name(x, value);
    else if (!fields)
        kind = (enum subject_kind)s->field_kind;
    if (kind != SUBJECT_NONE)
        subject_tell(x, r, kind, value);
}
