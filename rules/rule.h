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
    RULE_ID_MAX = 64,     /* bytes */
    RULE_NAME_MAX = 200,  /* bytes */
    RULE_NOTE_MAX = 4000, /* bytes */
    RULE_STEPS_MAX = 4,
    RULE_TOGETHER_MAX = 32,
    RULE_CHANGES_MAX = 8, /* of one rule whose places are kept */
    EXCEPTIONS_MAX = 64   /* of one rule */
};

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

extern const char *const SEVERITY_NAMES[SEVERITY_CRITICAL + 2]; /* NULL ends them */

/* What raises the alert; each has its detector (rules/detector.h). */
enum trigger {
    TRIGGER_ABOVE,
    TRIGGER_FIRST,
    TRIGGER_TOGETHER,
    TRIGGER_TRAVEL,
    TRIGGER_STEPS,
    TRIGGER_EACH, /* every transaction that is left, of `unless before` */
    TRIGGERS_COUNT
};

enum measure_kind { MEASURE_COUNT, MEASURE_SUM, MEASURE_MAX, MEASURE_DISTINCT, MEASURE_SHARE };

struct measure {
    enum measure_kind kind;
    enum field field;              /* FIELDS_COUNT for a count and a share */
    const char *text;              /* as in the rule: "sum(server.bytes)" */
    const struct expression *part; /* of a share: what is counted of all */
};

/* One of several that follow each other; rules/steps.c. */
struct rule_step {
    struct expression when;
    const char *when_text;
    struct measure measure;
    uint64_t above; /* or, with `of`, millionths of the value of an earlier step */
    size_t of;      /* number of that step, from 1; 0: none */
};

/* What `unless before` looks for; rules/before.h. */
struct before {
    struct expression when;
    const char *when_text;
    enum field by[RULE_BY_MAX];
    size_t by_count; /* 0: the rule has none */
    int64_t within_ns;
};

/* What a rule does not count although it would: rules/exception.h. */
struct exception {
    struct expression when;
    const char *text; /* of when, as written */
    const char *reason;
    int64_t until_ns; /* holds for what happens before that */
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
    struct exception *exceptions;
    size_t exceptions_count;
    struct position defined, changed[RULE_CHANGES_MAX];
    size_t changes_count;  /* may be more than are kept */
    const char *when_text; /* as written, without comments; NULL: every transaction */
    enum trigger trigger;
    int64_t quiet_ns;
    struct { /* TRIGGER_ABOVE */
        struct measure measure;
        int64_t over_ns;
        uint64_t above;
        uint64_t at_least; /* of a share: transactions in the window before it can fire */
    };
    struct { /* TRIGGER_FIRST */
        enum field first;
        int64_t learn_ns, forget_ns;
    };
    struct { /* TRIGGER_TOGETHER, within over_ns */
        enum field of;
        uint64_t together;
    };
    struct { /* TRIGGER_TRAVEL */
        uint64_t faster_kmh, farther_km;
    };
    struct { /* TRIGGER_STEPS */
        struct rule_step *steps;
        size_t steps_count;
        int64_t within_ns;
    };
    struct before before; /* narrows what counts, for every trigger */
};

/* measure_is_amount tells a sum or a maximum, which has the unit of its field. */
static inline bool measure_is_amount(const struct measure *m)
{
    return m->kind == MEASURE_SUM || m->kind == MEASURE_MAX;
}

struct rules;

/*
 * rules_load reads rule files and folders (their *.yaml in the order of their names) as one set.
 * NULL, and at least one problem more, where anything in them is wrong.
 */
struct rules *rules_load(const char *const *paths, size_t count, struct problems *problems);

/* rules_load_text does the same with one text that is called `name` in the problems. */
struct rules *rules_load_text(const char *name, struct bytes text, struct problems *problems);

/* rules_load_in is rules_load where hours, weekdays and dates are those of a zone, which must
 * outlive the rules. */
struct rules *rules_load_in(const struct zone *zone, const char *const *paths, size_t count,
                            struct problems *problems);

/* rules_alone gives a set of that rule alone, a copy; the set that the rule came from must outlive
 * it.  NULL without memory. */
struct rules *rules_alone(const struct rule *rule);

void rules_close(struct rules *r);

/* rules_undecided counts texts that a pattern of `matches` did not decide within its bounds. */
uint64_t rules_undecided(const struct rules *r);

/* The rules in the order of their files, those with `enabled: false` too. */
size_t rules_count(const struct rules *r);
/* rules_on gives how many are enabled. */
size_t rules_on(const struct rules *r);
const struct rule *rules_at(const struct rules *r, size_t i);

/* rules_list_files gives the paths of the files that lists were read from, at most LIST_FILES_MAX.
 */
const char *const *rules_list_files(const struct rules *r, size_t *count);

/* rules_trials gives the tests of all files. */
struct trial;
struct trial *const *rules_trials(const struct rules *r, size_t *count);

/* rule_fields gives every field that a rule reads. */
field_set rule_fields(const struct rule *rule);

#endif
