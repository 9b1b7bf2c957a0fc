/*
 * The tags of HTML and XML, as they pass; text, attributes, comments, CDATA and scripts are
 * skipped.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_MARKUP_H
#define SEEPWATCH_ANALYZERS_HTTP_MARKUP_H

#include "core/bytes.h"

enum { MARKUP_NAME_MAX = 48 /* bytes; of a longer name only these are kept */ };

struct markup {
    uint8_t state;    /* enum markup_state */
    uint8_t quote;    /* of an attribute's value that is open; 0: none */
    uint8_t last;     /* the byte before */
    uint8_t before;   /* and the one before that */
    uint8_t name_len; /* bytes */
    bool is_close;    /* of the tag: </name> */
    bool is_html;     /* scripts and styles have no tags in them */
    char name[MARKUP_NAME_MAX];
    char raw[8]; /* name of the element whose text ends only with its own tag; empty: none */
};

enum markup_event {
    MARKUP_NONE,  /* all was taken and nothing came */
    MARKUP_OPEN,  /* <name ...> */
    MARKUP_CLOSE, /* </name> */
    MARKUP_EMPTY, /* <name ... /> */
};

/* markup_next takes off *piece up to the end of the next tag, whose name is then markup_name. */
enum markup_event markup_next(struct markup *m, struct bytes *piece);

/* markup_name views the name of the last tag; of HTML in lower case. */
struct bytes markup_name(const struct markup *m);

/* markup_local_name views it without the prefix of its namespace. */
struct bytes markup_local_name(const struct markup *m);

#endif
