/*
 * Logins: saslStart and what continues it are one, told with its outcome; so is authenticate, of
 * MongoDB before 4.0.  Of what proves the account nothing is kept.
 *
 * RFC 5802 (SCRAM), section 7; RFC 4616 (PLAIN); the drivers' specification of authentication.
 */
#include "analyzers/mongodb/mongodb_state.h"

struct request *mongodb_login_find(const struct exchange *x)
{
    const struct mongodb *s = x->state;
    for (size_t n = 0; s->login.is_open && n < x->pairing.count; n++) {
        struct request *r = pairing_at(x, n);
        if (r->mark & MONGODB_LOGIN && !r->is_finished && !r->is_dropped)
            return r;
    }
    return NULL;
}

struct request *mongodb_login_open(struct exchange *x, bool is_first)
{
    struct mongodb *s = x->state;
    struct request *r = mongodb_login_find(x);
    if (r && is_first)
        pairing_finish(r);
    if (is_first)
        s->login.user_len = s->login.mechanism_len = 0;
    if (r && !is_first) {
        pairing_receive(x, SIDE_CLIENT, r);
        return r;
    }
    s->login.is_open = true;
    return pairing_open(x);
}

/* Whether what is read is for a login: a step of one, or hello with one in advance. */
static bool is_login(const struct mongodb *s)
{
    const struct bson_walk *w = &s->message[SIDE_CLIENT].walk;
    return w->frames[w->depth - 1].kind == FRAME_SASL ||
           mongodb_command_at(s->asked.command)->traits & MONGODB_IS_LOGIN;
}

void mongodb_read_mechanism(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb *s = x->state;
    if (is_login(s))
        s->login.mechanism_len = mongodb_keep(s->login.mechanism, sizeof(s->login.mechanism),
                                              bson_string(e->type, value));
}

void mongodb_read_user(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb *s = x->state;
    if (is_login(s))
        s->login.user_len =
            mongodb_keep(s->login.user, sizeof(s->login.user), bson_string(e->type, value));
}

/* SCRAM's name, in which "=2C" is a comma and "=3D" an equals sign. */
static void keep_saslname(struct mongodb_login *l, struct cursor name)
{
    for (l->user_len = 0; cursor_left(&name) > 0 && l->user_len < sizeof(l->user);) {
        char c = (char)cursor_u8(&name);
        struct bytes code = bytes_first(cursor_rest(&name), 2);
        bool is_code = c == '=' && (bytes_are(code, "2C") || bytes_are(code, "3D"));
        if (is_code) {
            c = code.data[0] == '2' ? ',' : '=';
            cursor_skip(&name, 2);
        }
        l->user[l->user_len++] = c;
    }
}

/* The client's first message of SCRAM: a channel binding flag, an account to act for, and the name:
 * "n,,n=agent,r=..". */
static void read_scram(struct mongodb_login *l, struct cursor in)
{
    struct bytes binding = cursor_until(&in, ',');
    (void)cursor_until(&in, ',');
    if (!bytes_are(binding, "n") && !bytes_are(binding, "y") && !bytes_start(binding, "p="))
        return;
    struct bytes name = cursor_until(&in, ',');
    if (bytes_start(name, "n="))
        keep_saslname(l, cursor_over(bytes_from(name, 2)));
}

/* PLAIN: an account to act for, the name, the password, with zeros between. */
static void read_plain(struct mongodb_login *l, struct cursor in)
{
    (void)cursor_text(&in);
    l->user_len = mongodb_keep(l->user, sizeof(l->user), cursor_text(&in));
}

void mongodb_read_payload(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb *s = x->state;
    struct bytes payload = bson_binary(e->type, value);
    struct bytes mechanism = {(const uint8_t *)s->login.mechanism, s->login.mechanism_len};
    if (!is_login(s) || s->login.user_len > 0)
        return;
    if (bytes_are(mechanism, "PLAIN"))
        read_plain(&s->login, cursor_over(payload));
    else
        read_scram(&s->login, cursor_over(payload));
}

bool mongodb_login_goes_on(const struct mongodb_told *told)
{
    bool is_failure = told->has_ok && !told->is_ok;
    return !is_failure && told->has_done && !told->is_done;
}

void mongodb_login_end(struct exchange *x, const struct request *r)
{
    struct mongodb *s = x->state;
    struct bytes user = {(const uint8_t *)s->login.user, s->login.user_len};
    s->login.is_open = false;
    if (r->tx.outcome != OUTCOME_SUCCESS || user.len == 0)
        return;
    user.len = mongodb_keep(s->user, sizeof(s->user), user);
    x->user = (struct bytes){(const uint8_t *)s->user, user.len};
}
