#include "subjects/subjects.h"

#include "core/siphash.h"

#include <stdlib.h>

struct subjects *subjects_open(void)
{
    static const char *const countries[] = {"SE", "NO", "DK", "FI", "KR"};
    struct subjects *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->names = names_open();
    s->honey = honey_open();
    s->scope = SUBJECTS_EVERYWHERE;
    s->keys_count = 1;
    for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
        (void)countries_add(&s->countries, bytes_of(countries[i]));
    s->rank[SUBJECT_NONE] = SUBJECTS_RANK_OFF;
    for (unsigned kind = SUBJECT_NONE + 1; kind < SUBJECT_KINDS_COUNT; kind++)
        s->rank[kind] = (uint8_t)kind;
    if (s->names && s->honey)
        return s;
    subjects_close(s);
    return NULL;
}

void subjects_close(struct subjects *s)
{
    if (!s)
        return;
    names_close(s->names);
    honey_close(s->honey);
    recogniser_close(s->recogniser);
    free(s);
}

void subjects_order(struct subjects *s, const enum subject_kind *kinds, size_t count)
{
    memset(s->rank, SUBJECTS_RANK_OFF, sizeof(s->rank));
    for (size_t i = 0; i < count; i++)
        s->rank[kinds[i]] = (uint8_t)i;
}

uint64_t subjects_id(const struct subjects *s, const struct identifier *id, size_t key)
{
    uint8_t text[IDENTIFIER_TEXT_MAX + 1];
    text[0] = id->kind;
    memcpy(text + 1, id->text, sizeof(id->text)); /* of a length that is known: faster */
    return siphash_bytes((struct bytes){text, id->len + (size_t)1}, &s->keys[key]);
}

size_t subjects_ids(const struct subjects *s, enum subject_kind kind, struct bytes text,
                    uint64_t ids[SUBJECTS_IDS_MAX])
{
    size_t count = 0;
    unsigned first = kind == SUBJECT_NONE ? SUBJECT_NONE + 1 : kind;
    unsigned last = kind == SUBJECT_NONE ? SUBJECT_KINDS_COUNT - 1 : kind;
    struct identifier id;
    for (unsigned k = first; k <= last; k++) {
        if (!identifier_read(&id, &s->countries, (enum subject_kind)k, text))
            continue;
        for (size_t key = 0; key < s->keys_count; key++)
            ids[count++] = subjects_id(s, &id, key);
    }
    count += hash_parse(&ids[count], text);
    return count;
}

bool subjects_honey_publish(struct subjects *s, const uint64_t *sorted, size_t count)
{
    return honey_publish(s->honey, sorted, count);
}
