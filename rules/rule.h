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
    RULE_DRIFTS_MAX = 4,
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
    TRIGGER_BACK,
    TRIGGER_ENUMERATES,
    TRIGGER_FOLLOWS,
    TRIGGER_RHYTHM,
    TRIGGER_HOURS,
    TRIGGER_UNUSUAL,
    TRIGGER_DRIFT,
    TRIGGER_HONEY,
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

/* Small excesses that add up: rules/drift.c.  Numbers are millionths. */
struct rule_drift {
    unsigned of; /* a bit for each enum usual_score */
    uint64_t slack, cap, limit;
    uint64_t at_least; /* no millionths: with fewer in the whole an interval scores nothing */
};

/* What is counted day by day (or by the hour) and held against what is usual: rules/daily.h. */
struct rule_daily {
    struct expression counted;  /* `when` alone: the rule's own holds what follows too */
    struct expression followed; /* of `unless followed by` */
    const char *followed_text;  /* NULL: the rule has none */
    int64_t followed_ns;        /* how long that is waited for */
    int64_t each_ns;            /* a day or an hour */
    const struct zone *zone;
    bool than_own, than_peers;
    unsigned of; /* TRIGGER_UNUSUAL: as in struct rule_drift */
    bool is_new; /* only customers that are new to the value of new_to */
    enum field new_to;
    struct rule_drift drifts[RULE_DRIFTS_MAX]; /* TRIGGER_DRIFT */
    size_t drifts_count;
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
        uint64_t at_least;  /* of a share: transactions in the window before it can fire; of
                               `enumerates` identifiers, of `rhythm` gaps, of `off hours`
                               transactions */
        uint64_t times_own; /* the limit is at least so many times the key's own largest value
                               before; 0: no matter (rules/own.h) */
    };
    struct { /* TRIGGER_FIRST */
        enum field first;
        int64_t learn_ns, forget_ns; /* learn_ns: with times_own and TRIGGER_HOURS too */
        bool is_rare;                /* only what at most `rare` other keys show */
        uint64_t rare;
        bool ignores_versions; /* of texts: numbers make no difference */
    };
    const struct zone *zone; /* TRIGGER_HOURS */
    bool has_peers;          /* the others are those with the same value of `peers`; else all */
    enum field peers;        /* (rules/rare.h) */
    int64_t back_ns;         /* TRIGGER_BACK: fires after so long without a transaction */
    enum field walked; /* TRIGGER_ENUMERATES, TRIGGER_RHYTHM: the field whose values are walked
                          through, at what times */
    uint64_t score;    /* TRIGGER_FOLLOWS, TRIGGER_RHYTHM: millionths */
    struct {           /* TRIGGER_TOGETHER, within over_ns */
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
    const uint64_t *honey; /* TRIGGER_HONEY: ids of planted customers, sorted */
    size_t honey_count;
    struct rule_daily daily; /* TRIGGER_UNUSUAL, TRIGGER_DRIFT */
    struct before before;    /* narrows what counts, for every trigger */
    struct before follows;   /* TRIGGER_FOLLOWS: what comes first */
};

/* measure_is_amount tells a sum or a maximum, which has the unit of its field. */
static inline bool measure_is_amount(const struct measure *m)
{
    return m->kind == MEASURE_SUM || m->kind == MEASURE_MAX;
}

struct honey_names;
struct rules;

/*
 * rules_load reads rule files and folders (their *.yaml in the order of their names) as one set.
 * NULL, and at least one problem more, where anything in them is wrong.
 */
struct rules *rules_load(const char *const *paths, size_t count, struct problems *problems);

/* rules_load_text does the same with one text that is called `name` in the problems. */
struct rules *rules_load_text(const char *name, struct bytes text, struct problems *problems);

/* rules_load_in is rules_load where hours, weekdays and dates are those of a zone, which must
 * outlive the rules, and lists of planted customers are read by honey (rules/honey.h).  Either may
 * be NULL. */
struct rules *rules_load_in(const struct zone *zone, const struct honey_names *honey,
                            const char *const *paths, size_t count, struct problems *problems);

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
