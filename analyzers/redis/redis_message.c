/*
 * Messages that are no replies: what a channel carries, what a cache is told, and the answers of
 * SUBSCRIBE, one a channel.  In RESP3 they have a type of their own, in RESP2 they look like
 * replies.
 */
#include "analyzers/redis/redis_state.h"

enum { WORD_MAX = 16 }; /* bytes of the word that tells a message's kind */

/* The kinds of messages that the server sends unasked. */
static const struct message {
    const char *word, *operation;
    uint64_t rows;
} messages[] = {
    {"message", "MESSAGE", 1},           {"pmessage", "PMESSAGE", 1},
    {"smessage", "SMESSAGE", 1},         {"invalidate", "INVALIDATE", 0},
    {"subscribe", "SUBSCRIBED", 0},      {"psubscribe", "SUBSCRIBED", 0},
    {"ssubscribe", "SUBSCRIBED", 0},     {"unsubscribe", "UNSUBSCRIBED", 0},
    {"punsubscribe", "UNSUBSCRIBED", 0}, {"sunsubscribe", "UNSUBSCRIBED", 0},
};

static const struct message *message_find(struct bytes word)
{
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (bytes_are(word, messages[i].word))
            return &messages[i];
    }
    return NULL;
}

/* The word that the message's first element is; false where it is not there yet. */
static bool message_word(struct cursor in, struct bytes *word)
{
    struct redis_token t;
    enum redis_read read = redis_token_read(&in, &t);
    *word = (struct bytes){NULL, 0};
    if (read != REDIS_READ)
        return read == REDIS_READ_BAD;
    if (t.type == '+')
        *word = t.text;
    if (t.type != '$' || t.count > WORD_MAX || t.is_null || t.is_streamed)
        return true;
    *word = cursor_take(&in, (size_t)t.count);
    return !cursor_is_short(&in);
}

/* Whether what begins here may be a message: in RESP2 those look like replies, which no command
 * that is allowed beside them has. */
static bool may_be_message(const struct exchange *x, struct redis *s, const struct redis_token *t)
{
    if (t->type == '>')
        return true;
    if (t->type != '*' || (t->count != 3 && t->count != 4))
        return false;
    const struct request *next = redis_current(x, s);
    enum redis_special special = next ? redis_command_of(next)->special : REDIS_SUBSCRIBE;
    return special == REDIS_SUBSCRIBE ||
           (s->is_subscribed && (special == REDIS_TALK || special == REDIS_RESET));
}

static void open_message(struct exchange *x, struct redis *s, const struct message *m)
{
    struct request *r = pairing_reply_alone(x);
    s->reply.request = 0;
    if (!r)
        return;
    r->mark = REDIS_MARK_ALONE;
    r->tx.is_apart = true;
    redis_set_whole(r);
    r->tx.action = m && m->rows ? ACTION_READ : ACTION_OTHER;
    r->tx.outcome = OUTCOME_SUCCESS;
    r->tx.db_operation = bytes_of(m ? m->operation : "PUSH");
    transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    if (!m || m->rows == 0)
        return;
    r->tx.returned_rows = m->rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

/* Whether the message answers the SUBSCRIBE, or its like, that waits. */
static bool is_confirmation(const struct request *next, struct bytes word)
{
    return next && redis_command_of(next)->special == REDIS_SUBSCRIBE &&
           bytes_are_nocase(word, redis_command_of(next)->name);
}

bool redis_begin_message(struct exchange *x, struct redis *s, const struct redis_token *t,
                         struct cursor after, bool *is_short)
{
    struct bytes word;
    if (!may_be_message(x, s, t))
        return false;
    if (!message_word(after, &word)) {
        *is_short = true;
        return true;
    }
    const struct message *m = message_find(word);
    bool is_reply = is_confirmation(redis_current(x, s), word);
    s->is_subscribed = s->is_subscribed || m;
    if (is_reply || (!m && t->type != '>'))
        return false;
    redis_reply_begin(&s->reply, t);
    open_message(x, s, m);
    return true;
}
