/*
 * Redis and Valkey, what the server says: replies in the order of the commands, and the results of
 * a transaction inside the array of its EXEC.
 */
#include "analyzers/redis/redis_state.h"
#include "analyzers/subject.h"

enum {
    CODE_MAX = 32,       /* bytes of an error's code */
    BREAK_NS = 20000000, /* between values of a reply, at most, where nothing else tells its end */
};

/* The request that is being answered; NULL where it is gone. */
static struct request *reading(const struct exchange *x, const struct redis *s)
{
    if (s->reply.request > 0)
        return redis_numbered(x, s->reply.request);
    struct request *r = pairing_at(x, 0);
    for (size_t n = 1; r && (r->is_finished || r->is_dropped); n++)
        r = pairing_at(x, n);
    return r && r->mark & REDIS_MARK_ALONE ? r : NULL;
}

/* A reply to no command that was read. */
static struct request *open_alone(struct exchange *x, struct redis *s)
{
    struct request *r = pairing_reply_alone(x);
    s->reply.request = 0;
    if (!r)
        return NULL;
    r->mark = REDIS_MARK_ALONE;
    if (s->unkept == 0)
        return r;
    r->mark |= redis_unkept(s);
    r->tx.request_seen = true;
    r->tx.action = redis_command_of(r)->action;
    r->tx.db_operation = bytes_of(redis_command_of(r)->name);
    redis_set_whole(r);
    return r;
}

/*
 * The place of a command that was lost, where the reply tells that it is of a transaction: it waits
 * for EXEC, or is EXEC.  NULL where it is not.
 */
static struct request *open_missing(struct exchange *x, struct redis *s,
                                    const struct redis_token *t)
{
    bool is_of_queue = redis_is_queued(t) && (s->in_multi || s->is_unsure || x->is_midstream);
    bool is_exec = s->in_multi && t->type == '*';
    if (s->unkept > 0 || !(is_of_queue || is_exec))
        return NULL;
    struct request *receiving = x->pairing.receiving[SIDE_CLIENT], *r = pairing_join(x);
    x->pairing.receiving[SIDE_CLIENT] = receiving;
    if (!r)
        return NULL;
    r->tx.request_seen = false;
    redis_mark_partial(r);
    r->batch = ++s->opened;
    if (is_exec) {
        r->mark = redis_command_find((struct bytes){NULL, 0}, bytes_of("EXEC"));
        r->tx.db_operation = bytes_of("EXEC");
    }
    return r;
}

static void receive(struct exchange *x, struct redis *s, struct request *r)
{
    if (pairing_first(x) == r)
        (void)pairing_reply(x);
    r->tx.reply_seen = true;
    pairing_receive(x, SIDE_SERVER, r);
    s->reply.request = r->batch;
}

/*
 * Whether the first value after a loss may be an element of a reply whose own first token was lost:
 * the reply to what was asked before.  Where that alone waits, an aggregate may be one, too.
 */
static bool lacks_head(const struct exchange *x, const struct redis *s, const struct request *next,
                       const struct redis_token *t)
{
    bool is_cut = next ? s->has_lost[SIDE_SERVER] && next->batch <= s->opened_before[SIDE_SERVER]
                       : s->is_unsure || x->is_midstream;
    bool can_be_cut = !next || strchr(redis_command_of(next)->replies, 'a');
    bool is_alone = x->position[SIDE_CLIENT] == 0; /* bytes before this were of no reply's front */
    if (!is_cut || !can_be_cut || s->has_replied || (is_alone && x->position[SIDE_SERVER] == 0))
        return false;
    if (redis_is_aggregate(t) || (next && next->batch == s->opened && t->type != '-'))
        return !s->is_eager && t->type != '>' && (!next || next->batch == s->opened);
    bool is_string = redis_is_string(t) || (t->is_null && t->type == '$');
    return is_string && !(next && redis_can_answer(next, t));
}

/* As many of what was queued were executed; returns how many were queued. */
static uint64_t set_executed(const struct exchange *x, uint64_t exec, uint64_t count)
{
    uint64_t queued = 0;
    for (size_t n = 0;; n++) {
        struct request *r = pairing_at(x, n);
        if (!r || r->batch >= exec)
            return queued;
        if (r->mark & REDIS_MARK_QUEUED && !r->is_finished && queued++ < count)
            r->tx.is_apart = false;
    }
}

/* The request that the reply that begins here answers. */
static struct request *answered(struct exchange *x, struct redis *s, const struct redis_token *t)
{
    struct request *next = redis_current(x, s), *r = next;
    bool is_headless = lacks_head(x, s, next, t);
    s->has_replied = true;
    if (next && s->is_unsure && !(is_headless && redis_is_aggregate(t)))
        r = redis_find_answered(x, s, next, s->opened + 1, t);
    is_headless = is_headless && (r == next || !r);
    r = is_headless ? next : r;
    r = r ? r : open_missing(x, s, t);
    if (r) {
        s->answered = r->batch;
        bool is_doubtful = redis_is_doubtful(x, s, r, t);
        r->mark |= is_doubtful ? REDIS_MARK_DOUBT : 0;
        if (is_doubtful || (s->is_unsure && x->pairing.count > 1))
            redis_mark_partial(r);
        receive(x, s, r);
    } else {
        r = open_alone(x, s);
    }
    if (!is_headless)
        return r;
    if (r && redis_command_of(r)->special == REDIS_EXEC)
        (void)set_executed(x, r->batch, UINT64_MAX);
    s->is_unsure = true;
    redis_reply_lacks_head(&s->reply);
    return r;
}

/* The next request of the transaction whose results come; NULL where there is none. */
static struct request *next_result(const struct exchange *x, struct redis *s,
                                   const struct redis_token *t)
{
    struct request *next = NULL;
    for (size_t n = 0; !next; n++) {
        struct request *r = pairing_at(x, n);
        if (!r || r->batch >= s->reply.exec)
            return NULL;
        next = r->mark & REDIS_MARK_QUEUED && !r->is_finished ? r : NULL;
    }
    return s->is_unsure ? redis_find_answered(x, s, next, s->reply.exec, t) : next;
}

/* EXEC's array begins.  Its results come one by one, unless commands of the transaction were lost,
 * or are not kept: then nobody knows which is whose. */
static void begin_results(const struct exchange *x, struct redis *s, uint64_t count)
{
    if (set_executed(x, s->reply.request, count) != count)
        return;
    s->reply.exec = s->reply.request;
    s->reply.base = 1;
}

static void set_error(struct exchange *x, struct request *r, struct bytes text)
{
    struct bytes code = bytes_first(text, bytes_index(text, ' '));
    for (size_t i = 0; i < code.len; i++) {
        uint8_t c = code.data[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return;
    }
    if (code.len == 0 || code.len > CODE_MAX)
        return;
    r->tx.db_status_code = pairing_note(x, r, code);
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE);
}

static void set_outcome(struct exchange *x, struct redis *s, struct request *r,
                        const struct redis_token *t, struct cursor after)
{
    bool is_error = t->type == '-' || t->type == '!';
    bool is_numbered = !(r->mark & REDIS_MARK_ALONE);
    if (redis_is_queued(t) && is_numbered && (s->in_multi || s->is_unsure || x->is_midstream)) {
        redis_queue(s, r);
        return;
    }
    r->tx.outcome = is_error ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
    if (is_error)
        set_error(x, r, t->type == '-' ? t->text : bytes_first(cursor_rest(&after), CODE_MAX + 1));
    else if (r->tx.db_operation.len > 0)
        transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
}

static void reset(struct exchange *x, struct redis *s)
{
    x->user = (struct bytes){NULL, 0};
    x->db_namespace = redis_name_keep(&s->database, bytes_of("0"));
    s->is_subscribed = s->is_muted = s->is_skipping = false;
    redis_end_transaction(x, s);
}

/* What the server's answer changes in the connection. */
static void take_effect(struct exchange *x, struct redis *s, const struct request *r)
{
    bool is_good = r->tx.outcome == OUTCOME_SUCCESS;
    bool is_aborted = bytes_are(r->tx.db_status_code, "EXECABORT");
    switch (redis_command_of(r)->special) {
    case REDIS_AUTH:
    case REDIS_HELLO:
        if (is_good && r->tx.user_name.len > 0)
            x->user = redis_name_keep(&s->user, r->tx.user_name);
        break;
    case REDIS_SELECT:
        if (is_good)
            x->db_namespace = redis_name_keep(
                &s->database, (struct bytes){(const uint8_t *)r->notes, r->notes_len});
        break;
    case REDIS_RESET:
        if (is_good)
            reset(x, s);
        break;
    case REDIS_MULTI:
        s->in_multi = s->in_multi || is_good;
        break;
    case REDIS_EXEC:
    case REDIS_DISCARD:
        if (is_good || is_aborted)
            redis_end_transaction(x, s);
        break;
    default: /* were it in a transaction, it had been queued */
        if (is_good && s->in_multi && s->reply.base == 0)
            redis_end_transaction(x, s);
        break;
    }
}

static bool is_stream(const struct redis *s, const struct request *r)
{
    return redis_command_of(r)->special == REDIS_STREAM && s->reply.type == '+';
}

/* A reply has ended; true where no other follows. */
static bool end_reply(struct exchange *x, struct redis *s)
{
    struct request *r = reading(x, s);
    if (!r || (r->mark & REDIS_MARK_QUEUED && s->reply.base == 0))
        return false;
    if (r->mark / REDIS_MARK_ANSWERS > 1 && r->tx.outcome == OUTCOME_SUCCESS) {
        r->mark -= REDIS_MARK_ANSWERS;
        s->answered = r->batch - 1;
        return false;
    }
    take_effect(x, s, r);
    subject_end_record(x, r);
    pairing_finish(r);
    return is_stream(s, r);
}

/* EXEC's array has ended. */
static void end_results(struct exchange *x, struct redis *s)
{
    s->reply.base = s->reply.depth = 0;
    s->reply.request = s->reply.exec;
    s->reply.exec = 0;
    (void)end_reply(x, s);
}

/* A result in EXEC's array has ended. */
static void end_result(struct exchange *x, struct redis *s)
{
    struct redis_reply *p = &s->reply;
    if (p->request != p->exec)
        (void)end_reply(x, s);
    p->request = p->exec;
    p->base = 0;
    if (redis_reply_done(p))
        end_results(x, s);
    else
        p->base = 1;
}

/* A reply begins with that token.  False where what follows is needed, too. */
static bool begin_reply(struct exchange *x, struct redis *s, const struct redis_token *t,
                        struct cursor after)
{
    bool is_short = false;
    struct request *r;
    uint64_t front = t->count < CODE_MAX ? t->count : CODE_MAX;
    s->is_resp3 = s->is_resp3 || !strchr("+-:$*", t->type);
    if (t->type == '|') {
        pairing_receive(x, SIDE_SERVER, redis_current(x, s));
        return true;
    }
    if (t->type == '!' && cursor_left(&after) < front)
        return false;
    if (s->reply.base == 0 && redis_begin_message(x, s, t, after, &is_short))
        return !is_short;
    redis_reply_begin(&s->reply, t);
    if (s->reply.base == 1) {
        r = next_result(x, s, t);
        r = r ? r : redis_numbered(x, s->reply.exec);
        if (r)
            receive(x, s, r);
        if (r && r->batch == s->reply.exec)
            return true;
    } else {
        r = answered(x, s, t);
    }
    if (r)
        set_outcome(x, s, r, t, after);
    return true;
}

/* Closes what a token after a loss cannot be of. */
static void close_loose(struct exchange *x, struct redis *s, const struct redis_token *t)
{
    struct redis_reply *p = &s->reply;
    bool is_loose = p->depth == 1 && p->base == 0 && p->level[0].kind == REDIS_LEVEL_LOOSE;
    if (is_loose && t->type != '>' && x->position[SIDE_CLIENT] > 0 && !redis_current(x, s)) {
        p->level[0].left = UINT64_MAX; /* nobody else waits for what comes */
        return;
    }
    bool is_over = is_loose && p->type == 0 && s->is_late && x->position[SIDE_CLIENT] == 0;
    if (is_over || !redis_reply_goes_on(p, t)) {
        p->depth = p->base;
        if (p->base == 1)
            end_result(x, s);
        else
            (void)end_reply(x, s);
    }
    if (p->base == 1 && p->depth == 1 && !next_result(x, s, t))
        end_results(x, s);
}

/* Whether what is read stands before the reply. */
static bool is_attribute(const struct redis_reply *p)
{
    return p->depth > p->base && p->level[p->base].kind == REDIS_LEVEL_ATTRIBUTE;
}

/* What was taken for a reply is none, or was lost in part. */
static void doubt(struct exchange *x, struct redis *s)
{
    struct redis_reply *p = &s->reply;
    if (is_attribute(p))
        p->depth = p->base;
    redis_reply_loosen(p);
    p->attributes = 0;
    subject_drop_record(x, reading(x, s));
    s->is_unsure = true;
    s->has_replied = false;
    s->ends_with_line = false;
}

void redis_server_gap(struct exchange *x)
{
    struct redis *s = x->state;
    doubt(x, s);
    s->has_spoken = true;
}

static bool begins_results(const struct redis_reply *p, const struct request *r,
                           const struct redis_token *t)
{
    return p->depth == 0 && r && t->type == '*' && !t->is_null && !t->is_streamed && t->count > 0 &&
           redis_command_of(r)->special == REDIS_EXEC;
}

/* Takes a token.  False: what follows is needed, too.  *is_done: a reply has ended, or EXEC's array
 * has begun, whose results come one by one. */
static bool take(struct exchange *x, struct redis *s, const struct redis_token *t,
                 struct cursor after, bool *is_done)
{
    struct redis_reply *p = &s->reply;
    if (s->is_unsure)
        close_loose(x, s, t);
    if (p->depth == p->base && !begin_reply(x, s, t, after))
        return false;
    struct request *r = reading(x, s);
    if (begins_results(p, r, t)) {
        (void)redis_reply_take(p, t, is_done);
        begin_results(x, s, t->count);
        return true;
    }
    if (r && (p->base == 0 || p->request != p->exec))
        redis_reply_rows(p, r, t);
    if (!redis_reply_take(p, t, is_done))
        doubt(x, s);
    return true;
}

/* A reply has ended, or, unless is_done, nothing more of it is to be had here. */
static struct step end_of(struct exchange *x, struct redis *s, bool is_done, uint64_t skip)
{
    if (!is_done)
        return step_taken(skip);
    if (s->reply.base == 1) {
        end_result(x, s);
        return step_taken(skip);
    }
    return end_reply(x, s) ? step_hand_over() : step_taken(skip);
}

/* Passes over the rest of a line that is too long to be read. */
static struct step pass_line(struct exchange *x, struct redis *s, struct cursor *in)
{
    struct bytes rest = cursor_rest(in);
    size_t len = bytes_index(rest, '\n');
    bool is_whole = len < rest.len;
    pairing_receive(x, SIDE_SERVER, reading(x, s));
    cursor_skip(in, len + is_whole);
    s->in_line[SIDE_SERVER] = !is_whole;
    return end_of(x, s, is_whole && s->ends_with_line, 0);
}

/* The bytes of a string, and the end of its line, that are not there. */
static uint64_t pass_string(const struct redis_token *t, struct cursor *in)
{
    bool has_body = redis_is_string(t) && !(t->type == ';' && t->count == 0);
    uint64_t len = has_body ? t->count + 2 : 0;
    size_t here = len < cursor_left(in) ? (size_t)len : cursor_left(in);
    cursor_skip(in, here);
    return len - here;
}

/* SYNC is answered with a file, and the stream behind it. */
static bool is_file(struct exchange *x, struct redis *s)
{
    struct request *r = s->reply.depth == 0 ? redis_current(x, s) : NULL;
    if (!r || redis_command_of(r)->special != REDIS_SYNC)
        return false;
    receive(x, s, r);
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
    return true;
}

/* A stream whose beginning was not seen: the operation that it is of; NULL: none.  MONITOR shows
 * "1339518083.1 [0 127.0.0.1:60866] "keys" "*"". */
static const char *stream_of(const struct exchange *x, struct redis *s, const struct redis_token *t)
{
    if (s->reply.depth > 0 || t->type != '+' || t->text.len == 0 || redis_current(x, s))
        return NULL;
    bool is_digit = t->text.data[0] >= '0' && t->text.data[0] <= '9';
    if (is_digit && bytes_find(t->text, bytes_of(" [")) < t->text.len)
        return "MONITOR";
    return bytes_start(t->text, "FULLRESYNC ") ? "PSYNC" : NULL;
}

static bool begins_stream(struct exchange *x, struct redis *s, const struct redis_token *t)
{
    const char *operation = stream_of(x, s, t);
    if (!operation)
        return false;
    struct request *r = open_alone(x, s);
    if (!r)
        return true;
    r->tx.is_apart = true;
    r->tx.action = ACTION_READ;
    r->tx.db_operation = bytes_of(operation);
    transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    pairing_finish(r);
    return true;
}

/* Whether the token is a value that is short enough to be a customer's, of a reply that may tell
 * some; then it has to be there as a whole. */
static bool may_tell(const struct exchange *x, const struct redis *s, const struct redis_token *t)
{
    return s->tells_customers && t->type == '$' && redis_is_string(t) &&
           t->count <= SUBJECT_VALUE_MAX && subject_is_on(x, SIDE_SERVER);
}

/* The place among a reply's values of a token that is taken next; UINT64_MAX where it has none. */
static uint64_t value_place(const struct redis_reply *p)
{
    if (p->attributes > 0 || p->depth > p->base + 1)
        return UINT64_MAX;
    if (p->depth == p->base)
        return 0;
    return p->level[p->base].kind == REDIS_LEVEL_COUNTED ? p->elements : UINT64_MAX;
}

static void tell(struct exchange *x, struct redis *s, const struct redis_token *t,
                 struct cursor after, uint64_t place)
{
    struct request *r = reading(x, s);
    if (place != UINT64_MAX && redis_tells(x, r))
        redis_tell(x, s, r, place, bytes_first(cursor_rest(&after), (size_t)t->count));
}

struct step redis_server_parse(struct exchange *x, struct cursor *in)
{
    struct redis *s = x->state;
    size_t whole = cursor_left(in);
    s->is_late = s->spoke_ns > 0 && x->now_ns - s->spoke_ns >= BREAK_NS;
    s->spoke_ns = x->now_ns;
    if (s->in_line[SIDE_SERVER])
        return pass_line(x, s, in);
    if (s->reply.depth == 0 && whole > 0 && *in->at == '\n') {
        cursor_skip(in, 1); /* the master is not ready yet */
        return step_taken(0);
    }
    if (whole > 0 && *in->at == '$' && is_file(x, s))
        return step_hand_over();
    if (s->reply.depth > s->reply.base)
        pairing_receive(x, SIDE_SERVER,
                        is_attribute(&s->reply) ? redis_current(x, s) : reading(x, s));
    while (cursor_left(in) > 0) {
        struct cursor peek = *in;
        struct redis_token t;
        bool is_done = false;
        enum redis_read read = redis_token_read(&peek, &t);
        if (read == REDIS_READ_BAD && cursor_left(in) == whole) {
            doubt(x, s);
            return step_bad();
        }
        if (read == REDIS_READ && begins_stream(x, s, &t))
            return step_hand_over();
        bool is_value = read == REDIS_READ && may_tell(x, s, &t);
        uint64_t place = value_place(&s->reply);
        if (read != REDIS_READ || (is_value && cursor_left(&peek) < t.count) ||
            !take(x, s, &t, peek, &is_done))
            break;
        if (is_value)
            tell(x, s, &t, peek, place);
        *in = peek;
        s->has_spoken = true;
        s->is_late = false;
        uint64_t skip = pass_string(&t, in);
        s->in_line[SIDE_SERVER] = t.is_long_line;
        s->ends_with_line = is_done;
        if (t.is_long_line)
            return step_taken(0);
        if (is_done || skip > 0 || s->reply.depth == s->reply.base)
            return end_of(x, s, is_done, skip);
        if (!s->tells_customers || !redis_tells(x, reading(x, s)))
            redis_reply_pass(&s->reply, reading(x, s), in);
    }
    return cursor_left(in) < whole ? step_taken(0) : step_needs(whole + 1);
}
