/*
 * Where identifiers may be in running text.  Vectorscan finds tokens as the bytes pass, however
 * they are cut: runs of digits with what stands between digits, addresses of e-mail, and the like.
 * What a token is, its taker finds out.  This is the one file around Vectorscan;
 * short texts go without it (subjects/short_text.h).
 */
#ifndef SEEPWATCH_SUBJECTS_RECOGNISER_H
#define SEEPWATCH_SUBJECTS_RECOGNISER_H

#include "core/budget.h"
#include "core/bytes.h"

enum {
    TOKEN_MAX = 128,  /* bytes; of a longer token only the last ones are looked at */
    SCANS_MAX = 4096, /* texts that pass at the same time */
    SCANS_SPARE_MAX = 64,
};

enum token {
    TOKEN_NUMBER, /* digits, blanks and ( ) . / + - */
    TOKEN_MAIL,   /* from the first character before the @ that can be part of it */
    TOKEN_HETU,
    TOKEN_IBAN, /* capitals, digits and blanks */
    TOKENS_COUNT
};

struct recogniser; /* of all workers */
struct scans;      /* of one worker */
struct scan;       /* of one text */

/* recogniser_open compiles the patterns; NULL where Vectorscan cannot: no memory, or a processor
 * that it does not know. */
struct recogniser *recogniser_open(void);
void recogniser_close(struct recogniser *r);

/* scans_open returns NULL without memory; r and budget live longer. */
struct scans *scans_open(const struct recogniser *r, struct budget *budget);
/* scans_close needs all scans closed. */
void scans_close(struct scans *s);

/* What is done with a token; it is a view that lives during the call. */
struct scan_taker {
    void (*take)(void *context, enum token kind, struct bytes token);
    void *context;
};

/* scan_open begins a text; NULL without memory, or where SCANS_MAX are open. */
struct scan *scan_open(struct scans *s);
/* scan_take takes the next bytes of the text; a token is told once what follows it was seen. */
void scan_take(struct scan *c, struct bytes piece, const struct scan_taker *taker);
/* scan_whole takes a text that is there as a whole, while no other one passes. */
void scan_whole(struct scan *c, struct bytes text, const struct scan_taker *taker);
/* scan_break ends the text there, and with it the token that passes; another text may follow. */
void scan_break(struct scan *c, const struct scan_taker *taker);
/* scan_close(NULL) does nothing; a token that is not at its end is forgotten. */
void scan_close(struct scan *c);

#endif
