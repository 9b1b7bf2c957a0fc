/*
 * RESP numbers nothing, so that a lost reply could shift all those behind it.  After a loss a reply
 * goes to the first command that can be answered so; what comes before it was answered by what was
 * lost.  A client that asks only when it has all its answers tells by asking that it has them; of
 * one that asks on all the time, a quiet second tells it.
 */
#include "analyzers/redis/redis_state.h"

enum {
    LOOK_MAX = 64,         /* requests that are looked at for one that a reply can be of */
    DOUBT_LOOK_MAX = 16,   /* requests behind one that are looked at for another kind */
    QUIET_NS = 1000000000, /* after which nothing comes any more of what was lost */
};

/* Nothing was seen of the server for so long, while more is asked than is kept: it is not captured
 * any more. */
static const int64_t SILENT_NS = INT64_C(10000000000);

struct request *redis_numbered(const struct exchange *x, uint64_t number)
{
    size_t n = 0;
    struct request *first = pairing_at(x, 0);
    if (first && first->batch == number && number > 0)
        return first->is_dropped ? NULL : first;
    while (first && first->mark & REDIS_MARK_ALONE)
        first = pairing_at(x, ++n);
    if (!first || number < first->batch)
        return NULL;
    /* those that found no memory are missing between */
    uint64_t place = n + (number - first->batch);
    size_t at = place < x->pairing.count ? (size_t)place : x->pairing.count - 1;
    struct request *r = pairing_at(x, at);
    while (r->batch > number && at > n)
        r = pairing_at(x, --at);
    return r->batch == number && !r->is_dropped ? r : NULL;
}

struct request *redis_current(const struct exchange *x, struct redis *s)
{
    for (; s->answered < s->opened; s->answered++) {
        struct request *r = redis_numbered(x, s->answered + 1);
        if (r && !r->is_finished)
            return r;
    }
    return NULL;
}

bool redis_is_queued(const struct redis_token *t)
{
    return t->type == '+' && bytes_are(t->text, "QUEUED");
}

bool redis_can_answer(const struct request *r, const struct redis_token *t)
{
    const struct redis_command *command = redis_command_of(r);
    const char *replies = command->replies;
    if (t->type == '-' || t->type == '!')
        return true;
    if (redis_is_queued(t))
        return command->special != REDIS_EXEC && command->special != REDIS_MULTI &&
               command->special != REDIS_DISCARD;
    if (t->is_null)
        return strchr(replies, 'b') || strchr(replies, 'a');
    if (t->type == '+')
        return strchr(replies, 's');
    if (t->type == ':')
        return strchr(replies, 'i');
    return strchr(replies, redis_is_aggregate(t) ? 'a' : 'b');
}

void redis_mark_partial(struct request *r)
{
    r->tx.partial = true;
    transaction_mark(&r->tx, FIELD_CAPTURE_PARTIAL);
}

void redis_set_whole(struct request *r)
{
    r->tx.partial = false;
    r->tx.present &= ~(UINT64_C(1) << FIELD_CAPTURE_PARTIAL);
}

void redis_end_transaction(const struct exchange *x, struct redis *s)
{
    s->in_multi = false;
    for (size_t n = 0;; n++) {
        struct request *r = pairing_at(x, n);
        if (!r)
            return;
        if (r->mark & REDIS_MARK_QUEUED && !r->is_finished)
            pairing_finish(r);
    }
}

void redis_queue(struct redis *s, struct request *r)
{
    r->mark |= REDIS_MARK_QUEUED;
    r->tx.is_apart = true;
    s->in_multi = true;
}

/* Answered, or queued, by what was lost. */
static void pass_over(const struct exchange *x, struct redis *s, struct request *r)
{
    enum redis_special special = redis_command_of(r)->special;
    bool is_end = special == REDIS_EXEC || special == REDIS_DISCARD;
    redis_mark_partial(r);
    if (s->in_multi && !is_end) {
        redis_queue(s, r);
        return;
    }
    pairing_finish(r);
    s->in_multi = s->in_multi || special == REDIS_MULTI;
    if (is_end)
        redis_end_transaction(x, s);
}

struct request *redis_find_answered(const struct exchange *x, struct redis *s, struct request *next,
                                    uint64_t end, const struct redis_token *t)
{
    struct request *found = NULL;
    end = end - next->batch < LOOK_MAX ? end : next->batch + LOOK_MAX;
    for (uint64_t number = next->batch; number < end && !found; number++) {
        struct request *r = redis_numbered(x, number);
        found = r && !r->is_finished && redis_can_answer(r, t) ? r : NULL;
    }
    for (uint64_t number = next->batch; found && number < found->batch; number++) {
        struct request *r = redis_numbered(x, number);
        if (r && !r->is_finished)
            pass_over(x, s, r);
    }
    return found;
}

bool redis_is_doubtful(const struct exchange *x, const struct redis *s, const struct request *r,
                       const struct redis_token *t)
{
    unsigned command = r->mark & REDIS_MARK_COMMAND;
    if (!s->is_unsure)
        return false;
    if (s->has_lost[SIDE_CLIENT] && r->batch > s->opened_before[SIDE_CLIENT] &&
        command != s->command_before)
        return true;
    for (uint64_t n = 1; n <= DOUBT_LOOK_MAX && s->has_lost[SIDE_SERVER]; n++) {
        const struct request *other = redis_numbered(x, r->batch + n);
        if (other && (other->mark & REDIS_MARK_COMMAND) != command && redis_can_answer(other, t))
            return true;
    }
    return false;
}

void redis_unkeep(struct redis *s, unsigned mark)
{
    unsigned last = (s->runs_first + s->runs_count - 1) % REDIS_RUNS_MAX;
    s->unkept++;
    if (s->runs_count > 0 && s->runs[last].mark == mark) {
        s->runs[last].count++;
        return;
    }
    if (s->runs_count == REDIS_RUNS_MAX) {
        s->runs[last].mark = REDIS_COMMAND_UNKNOWN;
        s->runs[last].count++;
        return;
    }
    last = (s->runs_first + s->runs_count++) % REDIS_RUNS_MAX;
    s->runs[last] = (struct redis_run){(uint16_t)mark, 1};
}

unsigned redis_unkept(struct redis *s)
{
    struct redis_run *run = &s->runs[s->runs_first];
    unsigned mark = run->mark;
    s->unkept--;
    if (s->runs_count > 0 && --run->count == 0) {
        s->runs_first = (s->runs_first + 1) % REDIS_RUNS_MAX;
        s->runs_count--;
    }
    return mark;
}

/* What is open is over. */
static void pass_all(const struct exchange *x, struct redis *s)
{
    for (size_t n = 0;; n++) {
        struct request *r = pairing_at(x, n);
        if (!r)
            return;
        if (r->is_finished || r->mark & REDIS_MARK_QUEUED)
            continue;
        if (!(r->mark & REDIS_MARK_ALONE) && r->batch > s->answered)
            pass_over(x, s, r);
        else
            pairing_finish(r);
    }
}

/* Those that are not kept are over as well. */
static void pass_unkept(struct exchange *x, struct redis *s)
{
    while (s->unkept > 0) {
        unsigned mark = redis_unkept(s);
        struct request *r = pairing_join(x);
        if (!r)
            continue;
        r->batch = ++s->opened;
        r->mark = mark;
        r->tx.action = redis_command_of(r)->action;
        r->tx.db_operation = bytes_of(redis_command_of(r)->name);
        if (r->tx.db_operation.len > 0)
            transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
        redis_mark_partial(r);
        pairing_finish(r);
    }
}

void redis_settle_doubt(struct exchange *x, struct redis *s)
{
    const struct request *waits = redis_current(x, s);
    int64_t quiet_ns = x->now_ns - s->spoke_ns;
    bool is_quiet =
        waits && quiet_ns >= QUIET_NS && redis_command_of(waits)->special != REDIS_BLOCKS;
    bool is_silent = s->unkept > 0 && quiet_ns >= SILENT_NS;
    if (!s->is_unsure && !is_silent) {
        s->is_eager = s->is_eager || (s->has_spoken && waits);
        return;
    }
    if (!is_silent && (!s->has_spoken || (waits && s->is_eager && !is_quiet)))
        return;
    pass_all(x, s);
    pass_unkept(x, s);
    s->answered = s->opened;
    s->runs_count = 0;
    s->reply = (struct redis_reply){0};
    s->is_unsure = s->has_lost[SIDE_CLIENT] = s->has_lost[SIDE_SERVER] = false;
    s->has_replied = true;
}

void redis_lose_requests(const struct exchange *x, struct redis *s)
{
    const struct redis_reply *p = &s->reply;
    bool is_loose = p->depth == 1 && p->base == 0 && p->level[0].kind == REDIS_LEVEL_LOOSE;
    if (!is_loose || redis_current(x, s))
        return;
    pass_all(x, s);
    s->reply = (struct redis_reply){0};
    s->has_replied = false;
}
