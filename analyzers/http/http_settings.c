#include "analyzers/http/http_settings.h"

_Static_assert(HTTP_TEXT_MAX <= UINT8_MAX, "a text's length is kept in 8 bits");

bool http_text_set(struct http_text *t, struct bytes text)
{
    if (text.len == 0 || text.len > HTTP_TEXT_MAX)
        return false;
    memcpy(t->text, text.data, text.len);
    t->len = (uint8_t)text.len;
    return true;
}

static bool segment_fits(struct bytes pattern, struct bytes segment)
{
    bool is_any = bytes_start(pattern, "{") && pattern.data[pattern.len - 1] == '}';
    return is_any ? segment.len > 0 : bytes_equal(pattern, segment);
}

bool http_pattern_fits(struct bytes pattern, struct bytes path)
{
    for (;;) {
        size_t pattern_len = bytes_index(pattern, '/'), path_len = bytes_index(path, '/');
        struct bytes part = bytes_first(pattern, pattern_len);
        bool is_last = pattern_len == pattern.len;
        if (is_last && bytes_are(part, "*"))
            return true;
        if (!segment_fits(part, bytes_first(path, path_len)))
            return false;
        if (is_last || path_len == path.len)
            return is_last && path_len == path.len;
        pattern = bytes_from(pattern, pattern_len + 1);
        path = bytes_from(path, path_len + 1);
    }
}

const struct http_login *http_login_find(const struct http_settings *s, struct bytes path)
{
    for (size_t i = 0; i < s->logins_count; i++) {
        if (http_pattern_fits(http_text(&s->logins[i].path), path))
            return &s->logins[i];
    }
    return NULL;
}

const struct http_list *http_list_find(const struct http_settings *s, struct bytes path)
{
    for (size_t i = 0; i < s->lists_count; i++) {
        if (http_pattern_fits(http_text(&s->lists[i].path), path))
            return &s->lists[i];
    }
    return NULL;
}

const struct http_text *http_template_find(const struct http_settings *s, struct bytes path)
{
    for (size_t i = 0; i < s->templates_count; i++) {
        if (http_pattern_fits(http_text(&s->templates[i]), path))
            return &s->templates[i];
    }
    return NULL;
}

bool http_is_logout(const struct http_settings *s, struct bytes path)
{
    for (size_t i = 0; i < s->logouts_count; i++) {
        if (http_pattern_fits(http_text(&s->logouts[i]), path))
            return true;
    }
    return false;
}
