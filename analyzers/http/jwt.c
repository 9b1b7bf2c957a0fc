#define _GNU_SOURCE /* explicit_bzero */
#include "analyzers/http/jwt.h"

#include "analyzers/http/body_fields.h"

static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* base64url without padding (RFC 4648, section 5); false where it is none, or too long. */
static bool decode(struct bytes text, uint8_t *out, size_t *len)
{
    unsigned bits = 0, word = 0;
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_value(text.data[i]);
        if (digit < 0)
            return false;
        word = (word << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (*len == JWT_PAYLOAD_MAX)
            return false;
        out[(*len)++] = (uint8_t)(word >> bits);
    }
    return true;
}

/* The claims that were found, the first wanted one first. */
struct search {
    const struct bytes *claims;
    size_t count; /* of claims that would be better than what was found */
    char *out;
    size_t out_max, len;
};

static void take(void *context, const struct facts_field *field)
{
    struct search *s = context;
    for (size_t i = 0; i < s->count; i++) {
        if (!bytes_equal(field->name, s->claims[i]) || field->value.len == 0 ||
            field->value.len > s->out_max)
            continue;
        memcpy(s->out, field->value.data, field->value.len);
        s->len = field->value.len;
        s->count = i;
        return;
    }
}

size_t jwt_account(struct bytes token, const struct bytes *claims, size_t claims_count, char *out,
                   size_t out_max)
{
    static const struct hash_key no_key;
    uint8_t json[JWT_PAYLOAD_MAX];
    size_t first = bytes_index(token, '.'), len;
    struct bytes payload = bytes_from(token, first + 1);
    size_t second = bytes_index(payload, '.');
    /* "eyJ" is what '{"' begins with in base64 */
    if (!bytes_start(token, "eyJ") || second >= payload.len ||
        !decode(bytes_first(payload, second), json, &len))
        return 0;
    struct search search = {claims, claims_count, out, out_max, 0};
    struct body_fields fields;
    body_fields_begin(&fields, FIELDS_JSON, &no_key);
    body_fields_take(&fields, (struct bytes){json, len}, &(struct fields_taker){take, &search});
    body_fields_clear(&fields);
    explicit_bzero(json, sizeof(json));
    return search.len;
}
