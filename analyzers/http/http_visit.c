/*
 * A login is a request with a password and an account's name.  It went well where the answer is no
 * error, leads on and not back, gives a session or a token, and does not say that it failed; a page
 * without a new session is the login's form again.
 */
#include "analyzers/http/http_visit.h"

#include "analyzers/settings.h"
#include "analyzers/subject.h"
#include "core/siphash.h"

enum {
    SECRET_MIN = 16, /* bytes of a value that can be a session's, by what it looks like */
    NAME_MAX = 48,   /* bytes of a cookie's name that are looked at */
};

static const char *const session_words[] = {"sess", "sid", "auth", "token", "jwt", "login"};
static const char *const other_words[] = {"csrf", "xsrf"};
static const char *const back_words[] = {"login", "signin",  "sign-in", "sign_in", "logon",
                                         "error", "anmeld",  "fail",    "denied",  "invalid",
                                         "wrong", "expired", "locked"};
static const char *const logout_words[] = {"logout",   "log-out",  "log_out", "signout",
                                           "sign-out", "sign_out", "logoff",  "abmelden"};
static const char *const read_words[] = {"get",   "list",  "find",   "search", "read",
                                         "query", "fetch", "lookup", "count",  "load"};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Letters in lower case. */
static struct bytes lower(struct bytes text, char *out, size_t out_max)
{
    text = bytes_first(text, out_max);
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    return (struct bytes){(const uint8_t *)out, text.len};
}

static bool has_word(struct bytes text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_find(text, bytes_of(words[i])) < text.len)
            return true;
    }
    return false;
}

struct http_visit *http_visit_of(struct exchange *x, struct request *r)
{
    if (r && !r->visit)
        r->visit = pairing_room(x, r, sizeof(struct http_visit));
    return r ? r->visit : NULL;
}

static uint64_t secret_hash(const struct exchange *x, struct bytes a, struct bytes b)
{
    struct siphash s;
    siphash_begin(&s, &x->http->bodies.key);
    siphash_add(&s, a);
    siphash_add(&s, b);
    uint64_t hash = siphash_end(&s);
    return hash ? hash : 1;
}

/* Whether a cookie is a session's by its name: as the operator says, or by shape. */
static bool is_session_name(const struct exchange *x, struct bytes name)
{
    const struct http_settings *s = &x->settings->http;
    char text[NAME_MAX];
    for (size_t i = 0; i < s->cookies_count; i++) {
        if (bytes_equal(name, http_text(&s->cookies[i])))
            return true;
    }
    struct bytes small = lower(name, text, sizeof(text));
    return s->cookies_count == 0 && has_word(small, session_words, COUNT(session_words)) &&
           !has_word(small, other_words, COUNT(other_words));
}

/* A value that can be no setting such as a language: long, of letters and digits. */
static bool is_secret(struct bytes value)
{
    size_t digits = 0, letters = 0;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        digits += c >= '0' && c <= '9';
        letters += (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    }
    return value.len >= SECRET_MIN && digits > 0 && letters > 0;
}

/* One "name=value"; false where there is no value. */
static bool cookie_read(const struct exchange *x, struct bytes pair, struct visit_cookie *cookie,
                        struct bytes *value)
{
    size_t at = bytes_index(pair, '=');
    struct bytes name = bytes_trim(bytes_first(pair, at));
    *value = bytes_trim(bytes_from(pair, at + 1));
    if (name.len == 0 || value->len == 0)
        return false;
    struct bytes none = {NULL, 0};
    *cookie = (struct visit_cookie){.value = secret_hash(x, name, *value),
                                    .name = (uint32_t)secret_hash(x, name, none),
                                    .is_session = is_session_name(x, name)};
    return true;
}

void http_visit_cookie(struct exchange *x, struct request *r, struct bytes value)
{
    struct http_visit *v = http_visit_of(x, r);
    while (v && value.len > 0) {
        size_t len = bytes_index(value, ';');
        struct visit_cookie cookie;
        struct bytes secret;
        bool is_cookie = cookie_read(x, bytes_first(value, len), &cookie, &secret);
        /* a session's goes before others, where there are too many */
        size_t at = v->cookies_count < VISIT_COOKIES_MAX ? v->cookies_count : 0;
        if (is_cookie && (at == v->cookies_count || cookie.is_session)) {
            v->cookies[at] = cookie;
            if (at == v->cookies_count)
                v->cookies_count++;
        }
        value = bytes_from(value, len + 1);
    }
}

void http_visit_set_cookie(struct exchange *x, struct request *r, struct bytes value)
{
    struct http_visit *v = http_visit_of(x, r);
    struct visit_cookie cookie;
    struct bytes secret;
    if (!v || v->set_count == VISIT_SET_MAX ||
        !cookie_read(x, bytes_first(value, bytes_index(value, ';')), &cookie, &secret) ||
        bytes_are_nocase(secret, "deleted") || bytes_are(secret, "\"\""))
        return;
    bool is_free = x->settings->http.cookies_count == 0;
    cookie.is_session = cookie.is_session || (is_free && is_secret(secret));
    v->set[v->set_count++] = cookie;
}

void http_visit_location(struct exchange *x, struct request *r, struct bytes value)
{
    struct http_visit *v = http_visit_of(x, r);
    char text[256];
    if (!v)
        return;
    const struct http_login *login = http_login_find(&x->settings->http, r->tx.url_path);
    struct bytes failure = login ? http_text(&login->failure) : (struct bytes){NULL, 0};
    if (failure.len > 0 && bytes_find(value, failure) < value.len)
        v->is_told_failed = true;
    size_t scheme = bytes_find(value, bytes_of("://"));
    struct bytes path = value;
    if (scheme < bytes_index(value, '?')) {
        path = bytes_from(value, scheme + 3);
        path = bytes_from(path, bytes_index(path, '/'));
    }
    bool is_back = has_word(lower(path, text, sizeof(text)), back_words, COUNT(back_words));
    v->way = is_back ? WAY_BACK : WAY_ON;
}

void http_visit_token(struct exchange *x, struct request *r, struct bytes token)
{
    static const char *const usual[] = {"preferred_username", "email", "sub"};
    const struct http_settings *s = &x->settings->http;
    struct bytes claims[JWT_CLAIMS_MAX], none = {NULL, 0};
    struct http_visit *v = http_visit_of(x, r);
    char name[HTTP_ACCOUNT_NAME_MAX];
    size_t count = s->claims_count ? s->claims_count : COUNT(usual);
    if (!v || token.len == 0)
        return;
    for (size_t i = 0; i < count; i++)
        claims[i] = s->claims_count ? http_text(&s->claims[i]) : bytes_of(usual[i]);
    v->bearer = secret_hash(x, none, token);
    size_t len = jwt_account(token, claims, count, name, sizeof(name));
    if (len > 0)
        v->claimed = pairing_note(x, r, (struct bytes){(const uint8_t *)name, len});
}

void http_visit_soap_action(struct exchange *x, struct request *r, struct bytes value)
{
    struct http_visit *v = http_visit_of(x, r);
    if (bytes_start(value, "\""))
        value = bytes_from(value, 1);
    value = bytes_first(value, bytes_index(value, '"'));
    for (size_t i = value.len; i-- > 0;) {
        if (memchr("/#:", value.data[i], 3)) {
            value = bytes_from(value, i + 1);
            break;
        }
    }
    if (v)
        facts_operation_set(&v->asked, value, OPERATION_OTHER);
}

void http_visit_body(struct exchange *x, enum side side, struct request *r, struct http_body *body)
{
    uint64_t records;
    if (r && x->subjects)
        world_adopt(x->subjects, &r->subjects, http_body_subjects(body));
    if (r && side == SIDE_SERVER && http_body_records(body, &records)) {
        r->tx.response_records = records;
        transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_RECORDS);
    }
    if (r && side == SIDE_SERVER && http_body_is_cut(body)) {
        r->tx.partial = true;
        transaction_mark(&r->tx, FIELD_CAPTURE_PARTIAL);
    }
    struct http_visit *v = http_body_has_facts(body) ? http_visit_of(x, r) : NULL;
    const struct http_facts *facts = http_body_facts(body);
    if (!v)
        return;
    if (side == SIDE_CLIENT) {
        uint8_t operation = v->asked.operation, len = v->asked.operation_len;
        char name[FACTS_OPERATION_MAX];
        memcpy(name, v->asked.operation_name, sizeof(name));
        v->asked = *facts;
        if (len > 0) { /* the head said it already */
            v->asked.operation = operation;
            v->asked.operation_len = len;
            memcpy(v->asked.operation_name, name, sizeof(name));
        }
        return;
    }
    v->is_told_failed = v->is_told_failed || facts->has_error;
    v->token = facts->token;
}

static void set_user(struct exchange *x, struct request *r, struct bytes name)
{
    r->tx.user_name = pairing_note(x, r, name);
    if (r->tx.user_name.len > 0)
        transaction_mark(&r->tx, FIELD_USER_NAME);
}

/* The session that the request came with, and whose it is as far as that is known. */
static void find_session(struct exchange *x, const struct http_visit *v,
                         struct http_account *account)
{
    struct http_accounts *all = x->http->accounts;
    if (v->bearer && http_account_find(all, v->bearer, account))
        return;
    for (size_t i = 0; i < v->cookies_count; i++) {
        if (http_account_find(all, v->cookies[i].value, account))
            return;
    }
    *account = (struct http_account){.root = v->claimed.len > 0 ? 0 : v->bearer};
    for (size_t i = 0; i < v->cookies_count && account->root == 0 && v->bearer == 0; i++) {
        if (v->cookies[i].is_session)
            account->root = v->cookies[i].value;
    }
}

static enum outcome login_outcome(const struct request *r, const struct http_visit *v)
{
    uint64_t status = r->tx.http_status;
    bool has_session = v->token != 0;
    if (!transaction_has(&r->tx, FIELD_HTTP_RESPONSE_STATUS_CODE))
        return OUTCOME_UNKNOWN;
    for (size_t i = 0; i < v->set_count; i++)
        has_session = has_session || v->set[i].is_session;
    if (status >= 400 || v->is_told_failed)
        return OUTCOME_FAILURE;
    if (status >= 300)
        return v->way == WAY_ON ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
    return has_session || !v->is_html ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
}

/* All that the answer gave to be known by is the account's; where it gave nothing, the session that
 * was there already. */
static void log_in(struct exchange *x, struct request *r, const struct http_visit *v,
                   uint64_t before)
{
    struct http_account account = {.name = r->tx.user_name};
    struct http_accounts *all = x->http->accounts;
    for (size_t i = 0; i < v->set_count; i++) {
        if (!v->set[i].is_session)
            continue;
        account.root = account.root ? account.root : v->set[i].value;
        http_account_bind(all, v->set[i].value, &account);
    }
    if (v->token) {
        account.root = account.root ? account.root : v->token;
        http_account_bind(all, v->token, &account);
    }
    if (account.root == 0 && before) {
        account.root = before;
        http_account_bind(all, before, &account);
    }
    r->tx.session_hash = account.root ? account.root : before;
}

/* Servers that give a cookie again with another value go on with the same session. */
static void follow_cookies(struct exchange *x, const struct http_visit *v,
                           const struct http_account *account)
{
    struct http_account now = *account;
    for (size_t i = 0; i < v->set_count; i++) {
        for (size_t k = 0; k < v->cookies_count; k++) {
            const struct visit_cookie *old = &v->cookies[k];
            if (v->set[i].name == old->name && old->is_session && v->set[i].value != old->value &&
                now.root) {
                http_account_bind(x->http->accounts, v->set[i].value, &now);
                (void)http_account_find(x->http->accounts, v->set[i].value, &now);
            }
        }
    }
}

static void log_out(struct exchange *x, struct request *r, const struct http_visit *v)
{
    r->tx.action = ACTION_LOGOUT;
    if (!v || r->tx.outcome != OUTCOME_SUCCESS)
        return;
    if (v->bearer)
        http_account_forget(x->http->accounts, v->bearer);
    for (size_t i = 0; i < v->cookies_count; i++)
        http_account_forget(x->http->accounts, v->cookies[i].value);
}

static bool is_logout(const struct exchange *x, const struct request *r)
{
    char text[256];
    struct bytes path = r->tx.url_path;
    if (!r->tx.request_seen || path.len == 0)
        return false;
    if (http_is_logout(&x->settings->http, path))
        return true;
    struct bytes small = lower(path, text, sizeof(text));
    return has_word(small, logout_words, COUNT(logout_words));
}

bool http_visit_reads(struct bytes name)
{
    char text[FACTS_OPERATION_MAX];
    struct bytes small = lower(name, text, sizeof(text));
    for (size_t i = 0; i < COUNT(read_words); i++) {
        if (bytes_start(small, read_words[i]))
            return true;
    }
    return false;
}

/* The operation goes behind the path, and tells what is done better than the method. */
static void name_operation(struct exchange *x, struct request *r, const struct http_facts *f)
{
    static const enum action actions[] = {
        [OPERATION_READ] = ACTION_READ, [OPERATION_WRITE] = ACTION_WRITE};
    struct bytes name = {(const uint8_t *)f->operation_name, f->operation_len},
                 path = r->tx.url_path;
    if (f->operation == OPERATION_READ || f->operation == OPERATION_WRITE) {
        r->tx.action = actions[f->operation];
    } else if (http_visit_reads(name)) {
        r->tx.action = ACTION_READ;
    }
    if (name.len == 0 || PAIRING_NOTES_MAX - r->notes_len < path.len + 1 + name.len)
        return;
    struct bytes whole = pairing_note(x, r, path);
    whole.len += pairing_note(x, r, bytes_of("#")).len;
    whole.len += pairing_note(x, r, name).len;
    r->tx.url_template = whole;
}

static bool is_call(const struct http_facts *f)
{
    if (f->is_method && !f->is_rpc)
        return false;
    return f->operation != OPERATION_NONE &&
           (f->operation != OPERATION_OTHER || f->operation_len > 0);
}

static void visit_conclude(struct exchange *x, struct request *r, const struct http_visit *v)
{
    struct http_account account;
    find_session(x, v, &account);
    r->tx.session_hash = account.root;
    bool is_login = v->asked.has_password && !v->asked.is_change && v->asked.user_len > 0 &&
                    r->tx.action != ACTION_READ;
    if (is_login) {
        set_user(x, r, (struct bytes){(const uint8_t *)v->asked.user, v->asked.user_len});
        r->tx.action = ACTION_LOGIN;
        r->tx.outcome = login_outcome(r, v);
        subject_forget(x, r); /* an account may be called by an address of e-mail */
        if (r->tx.outcome == OUTCOME_SUCCESS)
            log_in(x, r, v, account.root);
        return;
    }
    if (!transaction_has(&r->tx, FIELD_USER_NAME))
        set_user(x, r, account.name.len > 0 ? account.name : v->claimed);
    follow_cookies(x, v, &account);
    if (v->has_basic && r->tx.http_status == 401)
        r->tx.action = ACTION_LOGIN;
    if (is_call(&v->asked))
        name_operation(x, r, &v->asked);
}

void http_visit_glance(struct exchange *x, const struct request *r, struct transaction *t)
{
    const struct http_visit *v = r->visit;
    struct http_account account;
    if (!v)
        return;
    find_session(x, v, &account);
    t->session_hash = account.root;
    if (transaction_has(t, FIELD_USER_NAME))
        return;
    t->user_name = account.name.len > 0 ? account.name : v->claimed;
    if (t->user_name.len > 0)
        transaction_mark(t, FIELD_USER_NAME);
}

void http_visit_finish(struct exchange *x, struct request *r)
{
    static const char merged[] = "{other}";
    const struct http_visit *v = r->visit;
    if (v)
        visit_conclude(x, r, v);
    if (r->tx.action != ACTION_LOGIN && is_logout(x, r))
        log_out(x, r, v);
    if (r->tx.url_template.len > 0 &&
        !http_world_allows(x->http, r->tx.url_domain, r->tx.url_template))
        r->tx.url_template = r->tx.url_path = bytes_of(merged);
}
