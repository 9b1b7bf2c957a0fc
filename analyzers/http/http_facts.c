#include "analyzers/http/http_facts.h"

/* How names of fields end, without case and without what is no letter and no digit; the further to
 * the front, the surer. */
static const char *const user_ends[] = {
    "username", "userid",  "loginname", "loginid",  "useremail", "benutzername", "benutzer",
    "kennung",  "agentid", "accountid", "login",    "user",      "email",        "emailaddress",
    "mail",     "account", "uname",     "clientid", "identifier"};

static const char *const password_ends[] = {"password", "passwd",      "passwort", "kennwort",
                                            "passcode", "pass",        "pwd",      "passphrase",
                                            "pin",      "clientsecret"};

static const char *const change_words[] = {"newpass", "oldpass", "confirm", "repeat", "again"};

static const char *const token_names[] = {"accesstoken", "token",        "idtoken",   "jwt",
                                          "sessionid",   "sessiontoken", "authtoken", "bearer"};

enum { USER_ENDS_COUNT = sizeof(user_ends) / sizeof(user_ends[0]) };

/* Letters and digits, lower case. */
static struct bytes plain(struct bytes name, char out[FACTS_NAME_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < FACTS_NAME_MAX; i++) {
        char c = (char)name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[len++] = c;
    }
    return (struct bytes){(const uint8_t *)out, len};
}

static bool ends(struct bytes name, const char *text)
{
    size_t len = strlen(text);
    return name.len >= len && bytes_are(bytes_from(name, name.len - len), text);
}

static unsigned user_rank(struct bytes name)
{
    for (unsigned i = 0; i < USER_ENDS_COUNT; i++) {
        if (ends(name, user_ends[i]))
            return USER_ENDS_COUNT - i;
    }
    return 0;
}

static bool is_password(struct bytes name)
{
    for (size_t i = 0; i < sizeof(password_ends) / sizeof(password_ends[0]); i++) {
        if (ends(name, password_ends[i]))
            return true;
    }
    return false;
}

static bool is_change(struct bytes name)
{
    for (size_t i = 0; i < sizeof(change_words) / sizeof(change_words[0]); i++) {
        if (bytes_find(name, bytes_of(change_words[i])) < name.len)
            return true;
    }
    return false;
}

static void user_set(struct http_facts *f, unsigned rank, struct bytes value)
{
    value = bytes_trim(value);
    if (rank <= f->user_rank || value.len == 0 || value.len > FACTS_USER_MAX)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < ' ' || value.data[i] == 0x7f)
            return;
    }
    f->user_rank = (uint8_t)rank;
    f->user_len = (uint8_t)value.len;
    memcpy(f->user, value.data, value.len);
}

static bool is_told_failed(struct bytes name, const struct facts_field *field)
{
    bool is_no = !field->is_text && bytes_are(field->value, "false");
    if (bytes_are(name, "success") || bytes_are(name, "ok") || bytes_are(name, "authenticated") ||
        bytes_are(name, "loggedin"))
        return is_no;
    bool is_error =
        bytes_are(name, "error") || bytes_are(name, "errorcode") || bytes_are(name, "errormessage");
    return is_error && field->value.len > 0 && !is_no && !bytes_are(field->value, "null") &&
           !bytes_are(field->value, "0");
}

static void take_token(struct http_facts *f, struct bytes name, const struct facts_field *field)
{
    for (size_t i = 0; i < sizeof(token_names) / sizeof(token_names[0]) && f->token == 0; i++) {
        if (field->is_text && field->value.len > 0 && bytes_are(name, token_names[i]))
            f->token = field->hash;
    }
}

void facts_take(struct http_facts *f, const struct facts_names *names,
                const struct facts_field *field)
{
    char text[FACTS_NAME_MAX];
    struct bytes name = plain(field->name, text);
    bool is_named = names->user.len > 0 || names->password.len > 0;
    f->is_rpc = f->is_rpc || bytes_are(name, "jsonrpc");
    if (bytes_are(name, "method") && f->operation == OPERATION_NONE && field->is_text) {
        facts_operation_set(f, field->value, OPERATION_OTHER);
        f->is_method = f->operation_len > 0;
    }
    if (is_named) {
        if (names->user.len > 0 && bytes_equal(field->name, names->user))
            user_set(f, USER_ENDS_COUNT + 1, field->value);
        f->has_password = f->has_password || bytes_equal(field->name, names->password);
    } else if (is_change(name)) {
        f->is_change = true;
    } else if (is_password(name)) {
        f->has_password = f->has_password || field->value.len > 0;
    } else {
        user_set(f, user_rank(name), field->value);
    }
    f->has_error = f->has_error || is_told_failed(name, field);
    take_token(f, name, field);
}

void facts_operation_set(struct http_facts *f, struct bytes name, enum facts_operation kind)
{
    if (name.len == 0 || name.len > FACTS_OPERATION_MAX)
        return;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == ':';
        if (!is_letter && (i == 0 ? c != '_' : !is_other))
            return;
    }
    f->operation = (uint8_t)kind;
    f->operation_len = (uint8_t)name.len;
    memcpy(f->operation_name, name.data, name.len);
}

void facts_graphql(struct http_facts *f, struct bytes text)
{
    static const struct {
        const char *word;
        enum facts_operation kind;
    } words[] = {
        {"query", OPERATION_READ}, {"mutation", OPERATION_WRITE}, {"subscription", OPERATION_READ}};
    text = bytes_trim(text);
    if (bytes_start(text, "{"))
        f->operation = OPERATION_READ;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!bytes_start(text, words[i].word))
            continue;
        struct bytes name = bytes_trim(bytes_from(text, strlen(words[i].word)));
        size_t len = 0;
        while (len < name.len && name.data[len] > ' ' && !memchr("({@#", name.data[len], 4))
            len++;
        f->operation = (uint8_t)words[i].kind;
        if (f->operation_len == 0)
            facts_operation_set(f, bytes_first(name, len), words[i].kind);
    }
}
