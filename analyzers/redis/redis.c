/*
 * Redis and Valkey, what the client says: commands, as arrays of strings or as lines of text.
 *
 * A command is a request, as the server counts them (INFO commandstats): AUTH and HELLO are
 * commands, MULTI and EXEC too, and what is between them counts once EXEC executes it, not where
 * the transaction is discarded or aborted.  Commands that the server rejects, which it counts as
 * rejected_calls or as errors only, are requests that failed.  What a script calls is not seen.
 *
 * Of arguments only those are read that tell the command, the account, the database and the
 * client's software; the others are passed over, unseen.
 *
 * https://redis.io/docs/latest/develop/reference/protocol-spec/ and
 * https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
 */
#include "analyzers/redis/redis.h"

#include "analyzers/redis/redis_state.h"
#include "core/subject.h"

enum {
    READ_MAX = 256,      /* bytes of an argument that is read */
    PASSWORD_MAX = 2048, /* bytes of HELLO's password, before a name that is read */
    ARGUMENTS_READ = 7,  /* of a command, from its name on */
    OPTION_LEN_MAX = 10  /* bytes of WITHSCORES */
};

/* The front of a command: those arguments that decide what it is. */
struct front {
    uint64_t count;                         /* of all arguments */
    struct bytes arguments[ARGUMENTS_READ]; /* empty where not read */
    uint64_t taken;                         /* arguments that the cursor stands behind */
    unsigned command;                       /* place in the table */
};

struct bytes redis_name_keep(struct redis_name *n, struct bytes text)
{
    text = bytes_first(text, sizeof(n->text));
    if (text.len > 0)
        memcpy(n->text, text.data, text.len);
    n->len = (uint8_t)text.len;
    return (struct bytes){(const uint8_t *)n->text, n->len};
}

/*
 * A request; NULL where more are open than the pairing keeps, while the server answers: that one is
 * counted by its answer; only its kind is known.
 */
static struct request *open_request(struct exchange *x, struct redis *s, unsigned command)
{
    redis_settle_doubt(x, s);
    s->has_spoken = false;
    bool is_full = s->unkept > 0 || x->pairing.count >= PAIRING_REQUESTS_MAX;
    if (is_full && x->position[SIDE_SERVER] > 0) {
        bool has_options = redis_command(command)->special == REDIS_SCORES;
        redis_unkeep(s, command | (has_options ? REDIS_MARK_DOUBT : 0));
        x->pairing.owner->overflows++;
        return NULL;
    }
    struct request *r = pairing_join(x);
    if (!r)
        return NULL;
    r->batch = ++s->opened;
    return r;
}

static void set_user(struct exchange *x, struct request *r, struct bytes user)
{
    r->tx.action = ACTION_LOGIN;
    r->tx.user_name = pairing_note(x, r, user);
    if (r->tx.user_name.len > 0)
        transaction_mark(&r->tx, FIELD_USER_NAME);
}

/* HELLO [version [AUTH user password] [SETNAME name]] */
static void hello(struct exchange *x, struct redis *s, struct request *r, const struct front *f)
{
    size_t at = 2;
    if (bytes_are_nocase(f->arguments[at], "auth")) {
        set_user(x, r, f->arguments[at + 1]);
        at += 3;
    }
    if (at + 1 >= ARGUMENTS_READ || !bytes_are_nocase(f->arguments[at], "setname"))
        return;
    redis_name_keep(&s->software, f->arguments[at + 1]);
}

/* The library, with its version, says more than the connection's name. */
static void tell_software(struct exchange *x, struct redis *s)
{
    struct redis_name *n = &s->software;
    if (s->library.len > 0) {
        redis_name_keep(n, (struct bytes){(const uint8_t *)s->library.text, s->library.len});
        for (size_t i = 0; i <= s->version.len && s->version.len > 0 && n->len < REDIS_NAME_MAX;
             i++)
            n->text[n->len++] = i == 0 ? '/' : s->version.text[i - 1];
    }
    x->software = (struct bytes){(const uint8_t *)n->text, n->len};
}

static void client_software(struct exchange *x, struct redis *s, const struct front *f)
{
    if (redis_command(f->command)->special == REDIS_CLIENT_SETNAME)
        redis_name_keep(&s->software, f->arguments[2]);
    else if (bytes_are_nocase(f->arguments[2], "lib-name"))
        redis_name_keep(&s->library, f->arguments[3]);
    else if (bytes_are_nocase(f->arguments[2], "lib-ver"))
        redis_name_keep(&s->version, f->arguments[3]);
    tell_software(x, s);
}

/* Whether no answer comes to this command. */
static bool is_silent(struct redis *s, const struct front *f)
{
    bool is_skipped = s->is_skipping;
    s->is_skipping = false;
    if (redis_command(f->command)->special != REDIS_CLIENT_REPLY || s->is_asking_multi)
        return s->is_muted || is_skipped;
    if (bytes_are_nocase(f->arguments[2], "on"))
        s->is_muted = false;
    else if (bytes_are_nocase(f->arguments[2], "off"))
        s->is_muted = true;
    else if (bytes_are_nocase(f->arguments[2], "skip"))
        s->is_skipping = !s->is_muted;
    return s->is_muted || s->is_skipping || is_skipped;
}

static void set_answers(struct request *r, uint64_t channels)
{
    uint64_t answers = channels > REDIS_ANSWERS_MAX ? REDIS_ANSWERS_MAX : channels;
    r->mark |= (unsigned)(answers > 0 ? answers : 1) * REDIS_MARK_ANSWERS;
}

/* What the command changes in the connection as soon as it is sent. */
static void send_command(struct exchange *x, struct redis *s, struct request *r,
                         const struct front *f)
{
    switch (redis_command(f->command)->special) {
    case REDIS_AUTH:
        if (r)
            set_user(x, r, f->count == 3 ? f->arguments[1] : bytes_of("default"));
        break;
    case REDIS_HELLO:
        if (r)
            hello(x, s, r, f);
        tell_software(x, s);
        break;
    case REDIS_SELECT:
        if (r)
            (void)pairing_note(x, r, f->arguments[1]);
        break;
    case REDIS_SUBSCRIBE:
        if (r)
            set_answers(r, f->count - 1);
        break;
    case REDIS_MULTI:
        s->is_asking_multi = true;
        break;
    case REDIS_EXEC:
    case REDIS_DISCARD:
    case REDIS_RESET:
        s->is_asking_multi = false;
        break;
    case REDIS_CLIENT_SETINFO:
    case REDIS_CLIENT_SETNAME:
        client_software(x, s, f);
        break;
    default:
        break;
    }
}

/* A command that is in no table: its name is told if the server knows it. */
static void note_name(struct exchange *x, struct request *r, struct bytes name)
{
    uint8_t text[REDIS_COMMAND_NAME_MAX];
    if (name.len > sizeof(text))
        return;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!is_letter && (i == 0 || !strchr("0123456789._-", c) || c == 0))
            return;
        text[i] = is_letter ? (uint8_t)(c & ~32) : c;
    }
    r->tx.db_operation = pairing_note(x, r, (struct bytes){text, name.len});
}

static void begin_command(struct exchange *x, struct redis *s, const struct front *f)
{
    const struct redis_command *command = redis_command(f->command);
    struct request *r = open_request(x, s, f->command);
    bool is_unanswered = is_silent(s, f);
    s->command = (uint16_t)f->command;
    s->arguments = f->count - f->taken;
    s->argument = f->taken;
    s->field_kind = SUBJECT_NONE;
    s->request = r ? r->batch : 0;
    if (r) {
        r->mark = f->command;
        r->tx.action = command->action;
        if (f->command == REDIS_COMMAND_UNKNOWN) {
            note_name(x, r, f->arguments[0]);
        } else {
            r->tx.db_operation = bytes_of(command->name);
            transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
        }
    }
    send_command(x, s, r, f);
    if (!r)
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
    s->is_unanswered = is_unanswered;
    if (is_unanswered && !r && s->unkept > 0)
        s->runs_count = 0; /* one that gets no answer is among them: their kinds are lost */
    s->unkept -= is_unanswered && !r && s->unkept > 0;
}

/* The command is there as a whole. */
static void end_command(const struct exchange *x, const struct redis *s)
{
    struct request *r = s->is_unanswered ? redis_numbered(x, s->request) : NULL;
    if (r)
        pairing_finish(r);
}

/* How many arguments tell all that is to be known of the command; never a password's. */
static size_t wanted(const struct front *f)
{
    switch (redis_command(f->command)->special) {
    case REDIS_CONTAINER:
    case REDIS_SELECT:
    case REDIS_REPLCONF:
        return 2;
    case REDIS_AUTH:
        return f->count == 3 ? 2 : 1;
    case REDIS_CLIENT_REPLY:
    case REDIS_CLIENT_SETNAME:
        return 3;
    case REDIS_CLIENT_SETINFO:
        return 4;
    case REDIS_HELLO:
        return ARGUMENTS_READ;
    default:
        return 1;
    }
}

/* Where an argument is a command's name, or the second word of one. */
static void learn_command(struct front *f, size_t n)
{
    struct bytes none = {NULL, 0};
    const struct redis_command *command = redis_command(f->command);
    if (n == 0) {
        f->command = redis_command_find(none, f->arguments[0]);
    } else if (n == 1 && command->special == REDIS_CONTAINER) {
        unsigned place = redis_command_find(bytes_of(command->name), f->arguments[1]);
        f->command = place != REDIS_COMMAND_UNKNOWN ? place : f->command;
    }
}

/* HELLO's password is not looked at. */
static bool is_password(const struct front *f, size_t n)
{
    return n == 4 && redis_command(f->command)->special == REDIS_HELLO &&
           bytes_are_nocase(f->arguments[2], "auth");
}

/* Reads the arguments that decide.  VERDICT_TAKEN: they are there. */
static struct step read_front(struct cursor *in, struct front *f)
{
    size_t whole = cursor_left(in);
    for (size_t n = 0; n < ARGUMENTS_READ && n < f->count && n < (n ? wanted(f) : 1); n++) {
        struct cursor peek = *in;
        struct redis_token t;
        enum redis_read read = redis_token_read(&peek, &t);
        if (read == REDIS_READ_SHORT)
            return step_needs(whole + 1);
        if (read == REDIS_READ_BAD || t.type != '$' || !redis_is_string(&t))
            return step_bad();
        if (t.count > (is_password(f, n) ? PASSWORD_MAX : READ_MAX))
            break;
        struct bytes text = cursor_take(&peek, (size_t)t.count);
        cursor_skip(&peek, 2);
        if (cursor_is_short(&peek))
            return step_needs(whole + 1);
        *in = peek;
        f->arguments[n] = is_password(f, n) ? (struct bytes){NULL, 0} : text;
        f->taken = n + 1;
        learn_command(f, n);
    }
    return step_taken(0);
}

/* WITHSCORES and its like change what the elements of the reply are. */
static void read_option(const struct exchange *x, const struct redis *s, struct bytes text)
{
    struct request *r = s->request ? redis_numbered(x, s->request) : NULL;
    if (!r)
        return;
    if (bytes_are_nocase(text, "withscores") || bytes_are_nocase(text, "withvalues"))
        r->mark |= REDIS_MARK_PAIRS;
    else if (bytes_are_nocase(text, "novalues"))
        r->mark |= REDIS_MARK_UNPAIRS;
}

/* Whether an argument of that length is looked at: as an option, or for customers. */
static bool is_looked_at(const struct exchange *x, const struct redis *s, uint64_t len)
{
    if (redis_command(s->command)->special == REDIS_SCORES && len >= 8 && len <= OPTION_LEN_MAX)
        return true;
    return len <= REDIS_KEY_MAX && redis_looks_at(x, s);
}

static void look_at(struct exchange *x, struct redis *s, struct bytes text)
{
    if (redis_command(s->command)->special == REDIS_SCORES)
        read_option(x, s, text);
    if (redis_looks_at(x, s))
        redis_ask(x, s, s->request ? redis_numbered(x, s->request) : NULL, text);
}

static void pass_argument(const struct exchange *x, struct redis *s)
{
    s->arguments--;
    s->argument++;
    if (s->arguments == 0)
        end_command(x, s);
}

/* Passes over the arguments that are there, and the rest of one that is not all there. */
static struct step pass_arguments(struct exchange *x, struct redis *s, struct cursor *in)
{
    size_t whole = cursor_left(in);
    bool has_options = redis_command(s->command)->special == REDIS_SCORES;
    if (s->arguments == 0)
        end_command(x, s);
    while (s->arguments > 0 && cursor_left(in) > 0) {
        struct cursor peek = *in;
        struct redis_token t;
        if (!has_options && !redis_looks_at(x, s) && redis_string_skip(in)) {
            pass_argument(x, s);
            continue;
        }
        enum redis_read read = redis_token_read(&peek, &t);
        if (read == REDIS_READ_SHORT)
            break;
        if (read == REDIS_READ_BAD || t.type != '$' || !redis_is_string(&t))
            return cursor_left(in) < whole ? step_taken(0) : step_bad();
        uint64_t len = t.count + 2;
        bool is_read = is_looked_at(x, s, t.count);
        if (is_read && cursor_left(&peek) < len)
            break;
        if (is_read)
            look_at(x, s, bytes_first(cursor_rest(&peek), (size_t)t.count));
        *in = peek;
        pass_argument(x, s);
        if (cursor_left(in) < len) {
            len -= cursor_left(in);
            cursor_skip(in, cursor_left(in));
            return step_taken(len);
        }
        cursor_skip(in, (size_t)len);
    }
    return cursor_left(in) < whole || s->arguments == 0 ? step_taken(0) : step_needs(whole + 1);
}

/* What is no RESP command and reply from here on: told, then counted. */
static struct step hand_over(struct exchange *x, const char *operation)
{
    struct request *r = pairing_join(x);
    if (r) {
        r->tx.is_apart = true;
        r->tx.db_operation = bytes_of(operation);
        transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
        pairing_finish(r);
    }
    return step_hand_over();
}

/* A replica acknowledges what it was sent: the answer to its PSYNC was not seen. */
static bool is_replica(const struct front *f)
{
    return redis_command(f->command)->special == REDIS_REPLCONF &&
           bytes_are_nocase(f->arguments[1], "ack");
}

static struct step array_command(struct exchange *x, struct redis *s, struct cursor *in)
{
    struct cursor peek = *in;
    struct front f = {0};
    struct redis_token t;
    enum redis_read read = redis_token_read(&peek, &t);
    if (read == REDIS_READ_SHORT)
        return step_needs(cursor_left(in) + 1);
    if (read == REDIS_READ_BAD || t.is_streamed)
        return step_bad();
    if (t.is_null || t.count == 0) {
        *in = peek; /* the server ignores it */
        return step_taken(0);
    }
    f.count = t.count;
    struct step step = read_front(&peek, &f);
    if (step.verdict == VERDICT_NEEDS)
        return step_needs(cursor_left(in) + 1);
    if (step.verdict == VERDICT_BAD)
        return step;
    if (is_replica(&f))
        return hand_over(x, "PSYNC");
    *in = peek;
    begin_command(x, s, &f);
    step = pass_arguments(x, s, in);
    return step.verdict == VERDICT_TAKEN ? step : step_taken(0); /* the front is */
}

/* sdssplitargs in Redis' sources: words, in quotes or not. */
static void inline_command(struct exchange *x, struct redis *s, struct bytes line)
{
    struct front f = {0};
    for (struct bytes word = redis_word(&line); word.len > 0 && f.count < REDIS_ARGUMENTS_MAX;
         word = redis_word(&line)) {
        if (f.count < ARGUMENTS_READ)
            f.arguments[f.count] =
                is_password(&f, (size_t)f.count) ? (struct bytes){NULL, 0} : word;
        if (f.count < 2)
            learn_command(&f, (size_t)f.count);
        f.count++;
    }
    f.taken = f.count;
    s->was_inline = true;
    begin_command(x, s, &f);
    for (s->argument = 1; s->argument < f.count && s->argument < ARGUMENTS_READ; s->argument++) {
        if (redis_looks_at(x, s))
            redis_ask(x, s, s->request ? redis_numbered(x, s->request) : NULL,
                      f.arguments[s->argument]);
    }
    end_command(x, s);
}

/* A line, or the rest of one that is too long to be read. */
static struct step line(struct exchange *x, struct redis *s, struct cursor *in)
{
    struct bytes rest = cursor_rest(in);
    size_t len = bytes_index(bytes_first(rest, REDIS_LINE_MAX), '\n');
    bool is_whole = len < rest.len && rest.data[len] == '\n', was_in_line = s->in_line[SIDE_CLIENT];
    if (!is_whole && !was_in_line && len < REDIS_LINE_MAX)
        return step_needs(rest.len + 1);
    cursor_skip(in, len + is_whole);
    s->in_line[SIDE_CLIENT] = !is_whole;
    struct bytes text = bytes_trim(bytes_first(rest, len));
    if (was_in_line)
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
    else if (text.len > 0)
        inline_command(x, s, text);
    return step_taken(0);
}

static struct step client_parse(struct exchange *x, struct cursor *in)
{
    struct redis *s = x->state;
    if (s->arguments > 0) {
        pairing_receive(x, SIDE_CLIENT,
                        s->request ? redis_numbered(x, s->request) : pairing_last(x));
        struct step step = pass_arguments(x, s, in);
        s->arguments = step.verdict == VERDICT_BAD ? 0 : s->arguments;
        return step;
    }
    if (!s->in_line[SIDE_CLIENT] && cursor_left(in) > 0 && *in->at == '*')
        return array_command(x, s, in);
    return line(x, s, in);
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct bytes rest = cursor_rest(in), signature = bytes_of(REDIS_BUS_SIGNATURE);
    if (x->position[side] == 0 && rest.len > 0 && rest.data[0] == signature.data[0]) {
        struct bytes front = bytes_first(rest, signature.len);
        bool may_be = bytes_equal(front, bytes_first(signature, front.len));
        if (may_be && front.len < signature.len)
            return step_needs(signature.len);
        if (may_be)
            return hand_over(x, "CLUSTER BUS");
    }
    return side == SIDE_CLIENT ? client_parse(x, in) : redis_server_parse(x, in);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct redis *s = x->state;
    (void)lost;
    s->is_unsure = true;
    s->in_line[side] = false;
    s->has_lost[side] = true;
    s->opened_before[side] = s->opened;
    if (side == SIDE_SERVER) {
        redis_server_gap(x);
        return;
    }
    redis_lose_requests(x, s);
    s->arguments = 0;
    s->command_before = s->command;
    s->is_skipping = s->is_asking_multi = false;
}

const struct analyzer REDIS_ANALYZER = {
    .name = "redis",
    .db_system = "redis",
    .state_size = sizeof(struct redis),
    .message_max = 4096,
    .ports = {6379, 26379, 16379},
    .parse = parse,
    .gap = gap,
    .starts_here = redis_starts_here,
};
