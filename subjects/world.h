/*
 * Customers as one worker sees them: names that were asked for before, the memory for what open
 * requests gather, and what is counted.
 */
#ifndef SEEPWATCH_SUBJECTS_WORLD_H
#define SEEPWATCH_SUBJECTS_WORLD_H

#include "subjects/gathering.h"
#include "subjects/subjects.h"

enum { WORLD_NAMES_COUNT = 1024 /* names whose kind is kept; a power of two */ };

/* A name that was asked for. */
struct world_name {
    uint64_t hash;
    uint8_t kind;
    uint8_t len;          /* with a quote behind it; 0: it is too long, or not plain */
    uint16_t next;        /* place of the one that came behind it */
    uint8_t last_at;      /* its last 8 bytes, where it has so many; else 0 */
    uint64_t mask;        /* of the bytes that are its own, of 8 */
    uint64_t first, last; /* 8 bytes, of `mask` */
};

struct subject_world {
    struct subjects *subjects;
    struct budget budget; /* of what is gathered */
    struct honey_view honey;
    struct scans *scans; /* NULL: nothing is recognised in running text */
    uint64_t seed;
    uint64_t identifiers; /* that passed */
    uint64_t scanned;     /* bytes in which they were recognised */
    uint64_t unscanned;   /* bytes of bodies in which they were not: the rate, or want of memory */
    int64_t second_ns;    /* the second that passes, and how many bytes were scanned before it */
    uint64_t second_scanned;
    uint64_t denied; /* identifiers not counted for want of memory */
    struct world_name names[WORLD_NAMES_COUNT];
};

/* world_open returns NULL without memory; s lives longer. */
struct subject_world *world_open(struct subjects *s, size_t bytes_max);
void world_close(struct subject_world *w);

/* world_name gives the kind of a name; only of kinds that are looked for. */
enum subject_kind world_name(struct subject_world *w, struct bytes name);

/*
 * Names of members come in the same order, record by record.  world_name_behind is world_name, and
 * remembers that the name came behind the one at *place, which then is its own; world_name_again
 * tells whether the text, which goes on behind a quote, begins with the name that came there
 * before, and a quote, and gives its length without that: 0 where it does not.
 */
enum subject_kind world_name_behind(struct subject_world *w, uint16_t *place, struct bytes name);
size_t world_name_again(const struct subject_world *w, uint16_t *place, struct bytes text,
                        enum subject_kind *kind);

/* world_key gives the identifier that a key of a key-value store holds, and its kind: by the
 * operator's patterns, or where a part of the key, up to ':', names what the next one is. */
enum subject_kind world_key(struct subject_world *w, struct bytes key, struct bytes *value);

/*
 * world_read reads a value as an identifier of that kind, or recognises it where kind is
 * SUBJECT_NONE, and hashes it; false where it is none that is looked for.  The number of a person
 * is taken as another country's where it is not that one's.  is_asked: with its neighbourhood.
 */
bool world_read(struct subject_world *w, enum subject_kind kind, struct bytes text, bool is_asked,
                struct gathered *value);

/* world_may_scan tells whether the rate allows another body to be looked through at that time. */
bool world_may_scan(struct subject_world *w, int64_t now_ns);

/*
 * world_token takes apart a token of running text: every identifier in it is given to `take`.
 */
void world_token(struct subject_world *w, enum token kind, struct bytes token, bool is_asked,
                 void (*take)(void *context, const struct gathered *value), void *context);

/* world_gather takes over an identifier that was read: into is one of gathering.h's; *g is made
 * where it is NULL. */
enum gathered_as { GATHERED_ASKED, GATHERED_LOOSE, GATHERED_TOLD };
void world_gather(struct subject_world *w, struct gathering **g, enum gathered_as as,
                  const struct gathered *value);
/* world_gather_text reads a value as world_read does, and takes it over. */
void world_gather_text(struct subject_world *w, struct gathering **g, enum gathered_as as,
                       enum subject_kind kind, struct bytes text);
void world_end_record(struct subject_world *w, struct gathering *g);

/* world_fill sets subject.* of a transaction, which views g until more is gathered. */
void world_fill(struct subject_world *w, struct gathering *g, struct transaction *tx);

/* world_adopt moves what *from has gathered to *into; *from is NULL then. */
void world_adopt(struct subject_world *w, struct gathering **into, struct gathering **from);

/* world_drop frees what was gathered; *g is NULL then. */
void world_drop(struct subject_world *w, struct gathering **g);

#endif
