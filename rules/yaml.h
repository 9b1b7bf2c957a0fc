/*
 * YAML (1.2) read into a small tree that knows where everything stands.  This is the one file
 * around libfyaml.  YAML's own guesses at types are off: every scalar is text until its reader
 * gives it a type.  Keys are scalars and unique; anchors and aliases work within bounds; tags and
 * several documents in one file are mistakes.  Used for rule files and for the configuration.
 */
#ifndef SEEPWATCH_RULES_YAML_H
#define SEEPWATCH_RULES_YAML_H

#include "rules/problems.h"

enum {
    YAML_FILE_MAX = 4 << 20, /* bytes of one file */
    YAML_NODES_MAX = 131072, /* of one file, each alias counted with all that it stands for */
    YAML_DEPTH_MAX = 32,     /* of nesting, likewise */
    YAML_ANCHORS_MAX = 64,
};

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml;
struct yaml_item;

/* All of a node lives as long as its struct yaml. */
struct yaml_node {
    enum yaml_kind kind;
    bool is_plain, is_block;       /* a scalar without quotes; one after '|' or '>' */
    struct position at;            /* of the first character */
    struct bytes text;             /* of a scalar; UTF-8, a zero byte behind it */
    const struct yaml_item *items; /* of a sequence or a mapping, in the file's order */
    size_t count;
    const struct yaml *file;
    size_t source, source_end; /* bytes of the file that a scalar was read from, without quotes */
    uint32_t size, height;     /* nodes below and this one; levels likewise */
};

struct yaml_item {
    const struct yaml_node *key; /* a scalar; NULL in a sequence */
    const struct yaml_node *value;
};

/*
 * yaml_read_file and yaml_read_text parse one file, or a text that is called `name` in the
 * problems.  NULL, and at least one problem more, where anything is wrong.  An empty file is an
 * empty mapping.
 */
struct yaml *yaml_read_file(const char *path, struct problems *problems);
struct yaml *yaml_read_text(const char *name, struct bytes text, struct problems *problems);
void yaml_close(struct yaml *y);

const struct yaml_node *yaml_root(const struct yaml *y);

/* yaml_get gives the value of a mapping's key; NULL where there is none, or no mapping. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);

/* yaml_is_nothing tells an empty value ("key:") from an empty text (""). */
bool yaml_is_nothing(const struct yaml_node *n);

/* yaml_position gives the place in the file of the byte at `offset` of a scalar's text, through
 * quotes, escapes and folded lines. */
struct position yaml_position(const struct yaml_node *n, size_t offset);

/* yaml_expect checks the node's kind: "`what` must be a list". */
bool yaml_expect(const struct yaml_node *n, enum yaml_kind kind, const char *what,
                 struct problems *problems);

/* yaml_check_keys reports every key of a mapping that is none of the words (NULL ends them), with
 * the nearest: "unknown key 'x' in `what`". */
bool yaml_check_keys(const struct yaml_node *mapping, const char *const *words, const char *what,
                     struct problems *problems);

#endif
