/*
 * The messages of TTC, field by field, as the drivers that are open source (python-oracledb's and
 * node-oracledb's thin modes) send and read them; Oracle publishes no specification.
 */
#include "analyzers/tns/tns_state.h"

/* clang-format off */
#define BYTE {.kind = TNS_BYTE}
#define BYTE_TO(to) {.kind = TNS_BYTE, .place = (to)}
#define NUMBER {.kind = TNS_NUMBER}
#define NUMBER_TO(to) {.kind = TNS_NUMBER, .place = (to)}
#define TEXT {.kind = TNS_TEXT}
#define TEXT_TO(to) {.kind = TNS_TEXT, .place = (to)}
#define SIZED {.kind = TNS_SIZED}
#define KEPT {.kind = TNS_SIZED, .value = TNS_KEEP}
#define RAW(of) {.kind = TNS_RAW, .place = (of)}
#define SKIP(len) {.kind = TNS_SKIP, .count = (len)}
#define IF(of, n) {.kind = TNS_IF, .place = (of), .count = (n)}
#define IF_IS(of, is, n) {.kind = TNS_IF_IS, .place = (of), .value = (is), .count = (n)}
#define REPEAT(of, n) {.kind = TNS_REPEAT, .place = (of), .count = (n)}
#define BITS(of) {.kind = TNS_BITS, .place = (of)}
#define TELL {.kind = TNS_TELL}
#define END {.kind = TNS_END}
#define NUMBER_SINCE(version) {.kind = TNS_NUMBER, .since = (version)}
#define NUMBER_TO_SINCE(to, version) {.kind = TNS_NUMBER, .place = (to), .since = (version)}
#define BYTE_SINCE(version) {.kind = TNS_BYTE, .since = (version)}
#define SIZED_SINCE(version) {.kind = TNS_SIZED, .since = (version)}
#define IF_SINCE(of, n, version) {.kind = TNS_IF, .place = (of), .count = (n), .since = (version)}

#define ROW_ID NUMBER, NUMBER, BYTE, NUMBER, NUMBER

const struct tns_field TNS_STATUS_FIELDS[] = {
    {.kind = TNS_NUMBER, .can = TNS_CAN_CALL_STATUS},
    {.kind = TNS_NUMBER, .can = TNS_CAN_SEQUENCE},
    NUMBER_TO(TNS_ROWS),
    NUMBER_TO(TNS_ERROR),
    NUMBER, NUMBER,            /* of an array's element: warning, error */
    NUMBER_TO(TNS_CURSOR),
    NUMBER,                    /* place of the error in the statement */
    BYTE_TO(TNS_SQL_TYPE),
    BYTE, BYTE, BYTE, BYTE,    /* fatal, flags, options of the cursor, parameter */
    BYTE,                      /* warning */
    ROW_ID,
    NUMBER, BYTE, BYTE, NUMBER, NUMBER, /* system's error, statement, call, padding, iterations */
    SIZED,                     /* logical row id */
    NUMBER_TO(TNS_COUNT),      /* errors of a batch: their numbers */
    IF(TNS_COUNT, 7),
        BYTE_TO(TNS_FIRST_BYTE),
        REPEAT(TNS_COUNT, 3),
            IF_IS(TNS_FIRST_BYTE, TNS_TEXT_LONG, 1),
                NUMBER,
            NUMBER,
        IF_IS(TNS_FIRST_BYTE, TNS_TEXT_LONG, 1),
            BYTE,
    NUMBER_TO(TNS_COUNT),      /* their rows */
    IF(TNS_COUNT, 7),
        BYTE_TO(TNS_FIRST_BYTE),
        REPEAT(TNS_COUNT, 3),
            IF_IS(TNS_FIRST_BYTE, TNS_TEXT_LONG, 1),
                NUMBER,
            NUMBER,
        IF_IS(TNS_FIRST_BYTE, TNS_TEXT_LONG, 1),
            BYTE,
    NUMBER_TO(TNS_COUNT),      /* their texts */
    IF(TNS_COUNT, 5),
        BYTE,
        REPEAT(TNS_COUNT, 3),
            NUMBER, TEXT, SKIP(2),
    NUMBER_TO_SINCE(TNS_ERROR, TNS_FIELDS_12_1), /* both again, longer */
    NUMBER_TO_SINCE(TNS_ROWS, TNS_FIELDS_12_1),
    NUMBER_SINCE(TNS_FIELDS_20_1),
    NUMBER_SINCE(TNS_FIELDS_20_1),
    IF(TNS_ERROR, 1),
        TEXT,
    END,
};

#define COLUMN_LEN 39 /* fields */
#define COLUMN                                                                                    \
    BYTE_TO(TNS_TYPE),                                                                             \
    BYTE, BYTE, BYTE,          /* flags, precision, scale */                                       \
    NUMBER_TO(TNS_SIZE),                                                                           \
    NUMBER, NUMBER, SIZED,     /* elements of an array, flags, object id */                        \
    NUMBER, NUMBER, BYTE_TO(TNS_CHARSET), /* version, character set, its form */                   \
    NUMBER,                    /* characters */                                                    \
    NUMBER_SINCE(TNS_FIELDS_12_2),                                                                 \
    BYTE, BYTE,                /* may be null, length of the name */                               \
    KEPT, SIZED, SIZED,        /* names: its own, its type's schema, its type's */                 \
    NUMBER, NUMBER,            /* position, flags */                                               \
    SIZED_SINCE(TNS_FIELDS_23_1), SIZED_SINCE(TNS_FIELDS_23_1), /* names of the domain */          \
    NUMBER_TO_SINCE(TNS_INNER_COUNT, TNS_FIELDS_ANNOTATIONS),                                      \
    IF_SINCE(TNS_INNER_COUNT, 11, TNS_FIELDS_ANNOTATIONS),                                         \
        BYTE,                                                                                      \
        NUMBER_TO(TNS_INNER_COUNT),                                                                \
        BYTE,                                                                                      \
        REPEAT(TNS_INNER_COUNT, 6),                                                                \
            NUMBER, TEXT,                                                                          \
            NUMBER_TO(TNS_FIRST_BYTE),                                                             \
            IF(TNS_FIRST_BYTE, 1),                                                                 \
                TEXT,                                                                              \
            NUMBER,                                                                                \
        NUMBER,                                                                                    \
    NUMBER_SINCE(TNS_FIELDS_23_4), BYTE_SINCE(TNS_FIELDS_23_4), BYTE_SINCE(TNS_FIELDS_23_4),       \
    TELL

#define COLUMNS                                                                                   \
    NUMBER,                    /* longest row */                                                   \
    NUMBER_TO(TNS_COLUMNS),                                                                        \
    IF(TNS_COLUMNS, 1),                                                                            \
        BYTE,                                                                                      \
    REPEAT(TNS_COLUMNS, COLUMN_LEN),                                                               \
        COLUMN,                                                                                    \
    SIZED, NUMBER, NUMBER, NUMBER, NUMBER, SIZED

static const struct tns_field describe[] = {TEXT, COLUMNS, END};

static const struct tns_field row_header[] = {
    BYTE, NUMBER, NUMBER, NUMBER, NUMBER,
    NUMBER_TO(TNS_COUNT),
    IF(TNS_COUNT, 2),
        BYTE_TO(TNS_COUNT),
        BITS(TNS_COUNT),
    SIZED,
    END,
};

/* The bytes are those of all columns: set before the walk. */
static const struct tns_field bit_vector[] = {NUMBER, TELL, BITS(TNS_COUNT), END};

static const struct tns_field io_vector[] = {
    BYTE,
    NUMBER_TO(TNS_COUNT),
    NUMBER_TO(TNS_INNER_COUNT), /* times 256 */
    NUMBER, NUMBER,
    NUMBER_TO(TNS_SIZE), RAW(TNS_SIZE),
    NUMBER_TO(TNS_SIZE), RAW(TNS_SIZE),
    TELL,
    REPEAT(TNS_COUNT, 1),
        BYTE,
    END,
};

static const struct tns_field implicit_results[] = {
    NUMBER_TO(TNS_COUNT),
    REPEAT(TNS_COUNT, COLUMN_LEN + 14),
        BYTE_TO(TNS_SIZE), RAW(TNS_SIZE),
        COLUMNS,
        NUMBER,
    END,
};

static const struct tns_field warning[] = {
    NUMBER_TO(TNS_FIRST_BYTE), NUMBER_TO(TNS_COUNT), NUMBER,
    IF(TNS_FIRST_BYTE, 2),
        IF(TNS_COUNT, 1),
            TEXT,
    END,
};

#define PAIR                                                                                      \
    NUMBER_TO(TNS_INNER_COUNT),                                                                    \
    IF(TNS_INNER_COUNT, 1),                                                                        \
        TEXT,                                                                                      \
    NUMBER_TO(TNS_INNER_COUNT),                                                                    \
    IF(TNS_INNER_COUNT, 1),                                                                        \
        TEXT,                                                                                      \
    NUMBER

#define EXECUTED                                                                                  \
    NUMBER_TO(TNS_COUNT),                                                                          \
    REPEAT(TNS_COUNT, 1),                                                                          \
        NUMBER,                                                                                    \
    NUMBER_TO(TNS_SIZE), RAW(TNS_SIZE),                                                            \
    NUMBER_TO(TNS_COUNT),                                                                          \
    REPEAT(TNS_COUNT, 7),                                                                          \
        PAIR,                                                                                      \
    NUMBER_TO(TNS_SIZE), RAW(TNS_SIZE)

static const struct tns_field executed[] = {EXECUTED, END};
static const struct tns_field executed_array[] = {
    EXECUTED,
    NUMBER_TO(TNS_COUNT),
    REPEAT(TNS_COUNT, 1),
        NUMBER,
    END,
};

static const struct tns_field authenticated[] = {
    NUMBER_TO(TNS_COUNT),
    REPEAT(TNS_COUNT, 6),
        NUMBER, TEXT,
        NUMBER_TO(TNS_INNER_COUNT),
        IF(TNS_INNER_COUNT, 1),
            TEXT,
        NUMBER,
    END,
};

/* What comes back of a LOB's operation: its locator, whose length the request told, and more. */
static const struct tns_field lob_locator[] = {TELL, RAW(TNS_SIZE), END};
static const struct tns_field lob_amount[] = {TELL, RAW(TNS_SIZE), NUMBER, END};
static const struct tns_field lob_created[] = {TELL, RAW(TNS_SIZE), NUMBER, BYTE, END};
static const struct tns_field lob_answer[] = {TELL, RAW(TNS_SIZE), BYTE, END};

static const struct tns_field status[] = {NUMBER, NUMBER, END};
static const struct tns_field text[] = {TEXT, END};
static const struct tns_field number[] = {NUMBER, END};
static const struct tns_field nothing[] = {END};

/* By their numbers: what the server tells of the session along with a reply. */
static const struct tns_field server_piggyback[] = {
    BYTE_TO(TNS_TYPE),
    IF_IS(TNS_TYPE, 2, 3), /* process */
        NUMBER_TO(TNS_COUNT), BYTE, RAW(TNS_COUNT),
    IF_IS(TNS_TYPE, 4, 16), /* session of a pool */
        NUMBER, BYTE,
        NUMBER_TO(TNS_COUNT),
        IF(TNS_COUNT, 9),
            BYTE,
            REPEAT(TNS_COUNT, 7),
                PAIR,
        NUMBER, NUMBER, NUMBER,
    IF_IS(TNS_TYPE, 5, 13), /* values of the session */
        NUMBER, BYTE,
        NUMBER_TO(TNS_COUNT),
        BYTE,
        REPEAT(TNS_COUNT, 7),
            PAIR,
        NUMBER,
    IF_IS(TNS_TYPE, 7, 1), /* transaction */
        SIZED,
    IF_IS(TNS_TYPE, 8, 6), /* replay */
        NUMBER, BYTE, NUMBER, NUMBER, BYTE, SIZED,
    IF_IS(TNS_TYPE, 9, 2),
        NUMBER, BYTE,
    IF_IS(TNS_TYPE, 10, 5), /* signature */
        NUMBER, BYTE, NUMBER, NUMBER, NUMBER,
    END,
};

const struct tns_field TNS_VALUE_FIELDS[TNS_VALUES][16] = {
    [TNS_VALUE_TEXT] = {TEXT, END},
    [TNS_VALUE_NONE] = {END},
    [TNS_VALUE_LONG] = {TEXT, NUMBER, NUMBER, END},
    [TNS_VALUE_ROWID] = {
        BYTE_TO(TNS_SIZE), IF_IS(TNS_SIZE, 0, 1), END,
        IF_IS(TNS_SIZE, TNS_TEXT_NULL, 1), END,
        ROW_ID, END,
    },
    [TNS_VALUE_UROWID] = {TEXT_TO(TNS_SIZE), IF(TNS_SIZE, 1), TEXT, END},
    [TNS_VALUE_LOB] = {NUMBER_TO(TNS_SIZE), IF(TNS_SIZE, 3), NUMBER, NUMBER, TEXT, END},
    [TNS_VALUE_BFILE] = {SIZED, END},
    [TNS_VALUE_DOCUMENT] = {
        NUMBER_TO(TNS_SIZE), IF(TNS_SIZE, 4), NUMBER, NUMBER, TEXT, TEXT, END,
    },
    [TNS_VALUE_OBJECT] = {
        SIZED, SIZED, SIZED, NUMBER, NUMBER_TO(TNS_SIZE), NUMBER, IF(TNS_SIZE, 1), TEXT, END,
    },
};

const struct tns_field TNS_CURSOR_FIELDS[] = {
    BYTE_TO(TNS_FIRST_BYTE), IF_IS(TNS_FIRST_BYTE, 0, 1), END,
    IF_IS(TNS_FIRST_BYTE, TNS_TEXT_NULL, 1), END,
    COLUMNS, NUMBER, END,
};

const struct tns_field TNS_DEFINE_FIELDS[] = {
    BYTE_TO(TNS_TYPE),
    BYTE_TO(TNS_FLAGS), BYTE, BYTE, /* flags, precision, scale */
    NUMBER_TO(TNS_SIZE),
    NUMBER, NUMBER, SIZED, NUMBER, NUMBER, BYTE_TO(TNS_CHARSET), NUMBER,
    NUMBER_SINCE(TNS_FIELDS_12_2),
    END,
};

/* --- what a client sends before its call */

static const struct tns_field cursors[] = {BYTE, NUMBER_TO(TNS_COUNT), REPEAT(TNS_COUNT, 1), NUMBER, END};
static const struct tns_field schema[] = {BYTE, SIZED, END};
static const struct tns_field pipeline[] = {NUMBER, BYTE, BYTE, END};

/* Each text has a flag whether it is there, and its length; then the texts that have one. */
#define TRACED(place) BYTE, NUMBER_TO(place)
static const struct tns_field traces[] = {
    BYTE, BYTE, NUMBER,
    TRACED(TNS_COUNT), TRACED(TNS_INNER_COUNT), TRACED(TNS_FIRST_BYTE), TRACED(TNS_ROWS),
    BYTE, NUMBER,
    TRACED(TNS_ERROR),
    BYTE, NUMBER, BYTE, NUMBER,
    TRACED(TNS_CURSOR),
    IF(TNS_COUNT, 1), TEXT,
    IF(TNS_INNER_COUNT, 1), TEXT,
    IF(TNS_FIRST_BYTE, 1), TEXT,
    IF(TNS_ROWS, 1), TEXT,
    IF(TNS_ERROR, 1), TEXT,
    IF(TNS_CURSOR, 1), TEXT,
    END,
};

static const struct tns_field lobs_freed[] = {
    BYTE, NUMBER_TO(TNS_SIZE), BYTE, NUMBER, NUMBER, NUMBER, BYTE, BYTE, BYTE, NUMBER,
    BYTE, NUMBER, NUMBER, NUMBER, BYTE,
    BYTE, NUMBER, BYTE, NUMBER, BYTE, NUMBER,
    RAW(TNS_SIZE),
    END,
};

static const struct tns_field altered[] = {
    NUMBER, BYTE, NUMBER_TO(TNS_COUNT),
    REPEAT(TNS_COUNT, 3), SIZED, SIZED, NUMBER,
    END,
};

static const struct tns_field context[] = {
    BYTE_TO(TNS_FIRST_BYTE),
    IF(TNS_FIRST_BYTE, 1), NUMBER,
    BYTE,
    NUMBER_TO(TNS_COUNT),
    NUMBER, BYTE, TEXT,
    REPEAT(TNS_COUNT, 3), SIZED, SIZED, NUMBER,
    END,
};

static const struct tns_field security[] = {
    NUMBER, BYTE, NUMBER_TO(TNS_COUNT),
    REPEAT(TNS_COUNT, 4), NUMBER, SIZED, SIZED, SIZED,
    END,
};
/* clang-format on */

static const struct tns_field *parameter_fields(const struct request *r)
{
    switch (r->mark & TNS_FUNCTION_MASK) {
    case TTC_EXECUTE:
    case TTC_REEXECUTE:
    case TTC_REEXECUTE_AND_FETCH:
    case TTC_FETCH:
        return r->mark & TNS_COUNTS ? executed_array : executed;
    case TTC_AUTHENTICATE:
    case TTC_AUTHENTICATE_FIRST:
        return authenticated;
    case TTC_LOB:
        return r->mark & TNS_LOB_CREATED  ? lob_created
               : r->mark & TNS_LOB_ANSWER ? lob_answer
               : r->mark & TNS_LOB_AMOUNT ? lob_amount
                                          : lob_locator;
    default:
        return NULL;
    }
}

const struct tns_field *tns_message_fields(uint8_t type, const struct request *r)
{
    static const struct tns_field *const fields[TTC_TOKEN + 1] = {
        [TTC_ERROR] = TNS_STATUS_FIELDS,
        [TTC_ROW_HEADER] = row_header,
        [TTC_STATUS] = status,
        [TTC_IO_VECTOR] = io_vector,
        [TTC_LOB_DATA] = text,
        [TTC_WARNING] = warning,
        [TTC_DESCRIBE] = describe,
        [TTC_FLUSH_OUT_BINDS] = nothing,
        [TTC_BIT_VECTOR] = bit_vector,
        [TTC_SERVER_PIGGYBACK] = server_piggyback,
        [TTC_IMPLICIT_RESULTS] = implicit_results,
        [TTC_RENEGOTIATE] = nothing,
        [TTC_END_OF_RESPONSE] = nothing,
        [TTC_TOKEN] = number,
    };
    if (type == TTC_PARAMETER)
        return parameter_fields(r);
    return type <= TTC_TOKEN ? fields[type] : NULL;
}

const struct tns_field *tns_piggyback_fields(uint8_t function)
{
    switch (function) {
    case 105: /* close cursors */
    case 120: /* cancel them */
        return cursors;
    case 135:
        return traces;
    case 152:
        return schema;
    case 154:
        return context;
    case 199: /* a pipeline begins */
        return pipeline;
    case 204: /* the session is altered */
        return altered;
    case 205:
        return security;
    case TTC_LOB: /* temporary LOBs are freed */
        return lobs_freed;
    default:
        return NULL;
    }
}
