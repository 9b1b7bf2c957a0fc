/*
 * Rules, compiled: what docs/rules.md describes.  All files are read and checked before any rule
 * counts; one mistake anywhere and there are no rules, only problems.
 */
#ifndef SEEPWATCH_RULES_RULE_H
#define SEEPWATCH_RULES_RULE_H

#include "rules/expression.h"
#include "rules/problems.h"

enum {
    RULES_MAX = 1024,
    RULE_FILES_MAX = 256,
    RULE_BY_MAX = 4,
    RULE_ID_MAX = 64,    /* bytes */
    RULE_NAME_MAX = 200, /* bytes */
    RULE_NOTE_MAX = 4000 /* bytes */
};

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

extern const char *const SEVERITY_NAMES[SEVERITY_CRITICAL + 2]; /* NULL ends them */

/* What raises the alert; each has its detector (rules/detector.h). */
enum trigger { TRIGGER_ABOVE, TRIGGER_FIRST, TRIGGERS_COUNT };

enum measure_kind { MEASURE_COUNT, MEASURE_SUM, MEASURE_MAX, MEASURE_DISTINCT };

struct measure {
    enum measure_kind kind;
    enum field field; /* FIELDS_COUNT for a count */
    const char *text; /* as in the rule: "sum(server.bytes)" */
};

/* All texts end in a zero byte and live as long as the rules. */
struct rule {
    const char *id, *name;
    const char *technique; /* MITRE ATT&CK; NULL where none is given */
    const char *note;      /* likewise */
    enum severity severity;
    bool is_enabled;
    struct expression when;     /* its `required` holds the fields of by, measure and first too */
    enum field by[RULE_BY_MAX]; /* in the order of enum field */
    size_t by_count;            /* 0: the whole mirror (rules/records.h) */
    enum trigger trigger;
    int64_t quiet_ns;
    struct { /* TRIGGER_ABOVE */
        struct measure measure;
        int64_t over_ns;
        uint64_t above;
    };
    struct { /* TRIGGER_FIRST */
        enum field first;
        int64_t learn_ns, forget_ns;
    };
};

struct rules;

/*
 * rules_load reads rule files and folders (their *.yaml in the order of their names) as one set.
 * NULL, and at least one problem more, where anything in them is wrong.
 */
struct rules *rules_load(const char *const *paths, size_t count, struct problems *problems);

/* rules_load_text does the same with one text that is called `name` in the problems. */
struct rules *rules_load_text(const char *name, struct bytes text, struct problems *problems);

void rules_close(struct rules *r);

/* The rules in the order of their files, those with `enabled: false` too. */
size_t rules_count(const struct rules *r);
/* rules_on gives how many are enabled. */
size_t rules_on(const struct rules *r);
const struct rule *rules_at(const struct rules *r, size_t i);

#endif
