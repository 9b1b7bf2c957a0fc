/*
 * Any bytes of both sides through a connection, each step in memory of its own size.  What was told
 * adds up to no more than what was given, nothing is left afterwards, and where no byte was missing
 * the transactions are the same when the bytes come one by one.
 *
 * Input: the analyzer whose port it is (one past the last: a port of nobody), the setup
 * (SETUP_...), then steps: a control byte (STEP_...), a length, and, of data, so many bytes.
 */
#include "analyzers/connection.h"
#include "analyzers/registry.h"
#include "core/clock.h"
#include "core/cursor.h"
#include "subjects/subjects.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SETUP_MIDSTREAM = 1,    /* the beginning was not seen */
    SETUP_ROLES_UNSURE = 2, /* likewise */
    SETUP_LITTLE_MEMORY = 4,
    SETUP_HINT = 8,     /* the analyzer is named halfway, as nDPI would */
    STEP_DIRECTION = 1, /* of the control byte */
    STEP_LONG = 2,      /* the length has 16 bits */
    STEP_GAP = 0x30,    /* both bits: that length is missing */
    STEP_END = 0x50,    /* both bits: the direction is at its end */
    LITTLE_MEMORY = 16384,
    TABLE_MEMORY = 1 << 18, /* bytes for what connections share: made and gone with each input */
    UNKNOWN_PORT = 7,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came of a connection. */
struct result {
    struct json transactions;
    uint64_t told_bytes, told_lost;   /* of all transactions */
    uint64_t given_bytes, given_lost; /* of all steps */
    enum connection_kind kind;
    const struct analyzer *analyzer;
    bool is_flipped, had_gap, was_unknown;
    struct analysis_counters counters;
};

static void on_transaction(void *context, void *owner, struct transaction *tx)
{
    struct result *r = context;
    (void)owner;
    r->told_bytes += tx->client_bytes + tx->server_bytes;
    r->told_lost += tx->lost_bytes;
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (f == FIELD_TIMESTAMP || f == FIELD_EVENT_DURATION || !transaction_has(tx, f))
            continue;
        json_name(&r->transactions, bytes_of(FIELDS[f].name));
        field_write(&r->transactions, tx, f);
    }
    json_line(&r->transactions);
}

static void give(struct connection *c, unsigned direction, struct bytes data, size_t piece,
                 int64_t ns)
{
    while (data.len > 0) {
        struct bytes part = bytes_first(data, piece);
        uint8_t *exact = malloc(part.len);
        if (!exact)
            abort();
        memcpy(exact, part.data, part.len);
        connection_data(c, direction, (struct bytes){exact, part.len}, ns);
        free(exact);
        data = bytes_from(data, part.len);
    }
}

static void take_step(struct connection *c, struct cursor *in, size_t piece, int64_t ns,
                      struct result *r)
{
    uint8_t control = cursor_u8(in);
    unsigned direction = control & STEP_DIRECTION;
    size_t len = control & STEP_LONG ? cursor_be16(in) : cursor_u8(in);
    if ((control & STEP_GAP) == STEP_GAP) {
        r->had_gap = true;
        r->given_lost += len + 1;
        connection_gap(c, direction, len + 1, ns);
        return;
    }
    if ((control & STEP_END) == STEP_END) {
        connection_end(c, direction, ns);
        return;
    }
    struct bytes data = cursor_take(in, len < cursor_left(in) ? len : cursor_left(in));
    r->given_bytes += data.len;
    give(c, direction, data, piece, ns);
}

static struct connection_facts facts_of(size_t n, uint8_t setup)
{
    static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
    return (struct connection_facts){
        .ip = {address_from_ipv4(client), address_from_ipv4(server)},
        .port = {40000, n < ANALYZERS_COUNT ? ANALYZERS[n]->ports[0] : UNKNOWN_PORT},
        .is_midstream = setup & SETUP_MIDSTREAM,
        .roles_sure = !(setup & (SETUP_MIDSTREAM | SETUP_ROLES_UNSURE))};
}

/* How customers are known: the same for all inputs. */
static struct subjects *all_subjects(void)
{
    static struct subjects *subjects;
    subjects = subjects ? subjects : subjects_open();
    if (!subjects)
        abort();
    return subjects;
}

static void run(struct bytes input, size_t piece, struct result *r)
{
    struct cursor in = cursor_over(input);
    size_t n = cursor_u8(&in) % (ANALYZERS_COUNT + 1);
    uint8_t setup = cursor_u8(&in);
    struct settings settings = {.memory_max =
                                    setup & SETUP_LITTLE_MEMORY ? LITTLE_MEMORY : SIZE_MAX / 2,
                                .statements_bytes_max = TABLE_MEMORY,
                                .prepared_bytes_max = TABLE_MEMORY,
                                .http.accounts_bytes_max = TABLE_MEMORY,
                                .subjects = all_subjects()};
    struct analysis_events events = {.transaction = on_transaction};
    struct connection_facts facts = facts_of(n, setup);
    struct analysis *a = analysis_open(&settings, &events, r);
    if (!a)
        abort();
    struct connection *c = connection_open(a, &facts, NULL);
    for (int64_t ns = CLOCK_SECOND_NS; c && cursor_left(&in) > 0; ns += CLOCK_SECOND_NS) {
        take_step(c, &in, piece, ns, r);
        r->was_unknown = r->was_unknown || connection_kind(c) == CONNECTION_UNKNOWN ||
                         (connection_kind(c) == CONNECTION_UNDECIDED && r->given_bytes > 0);
        if (setup & SETUP_HINT && n < ANALYZERS_COUNT && cursor_left(&in) < input.len / 2)
            (void)connection_hint(c, bytes_of(ANALYZERS[n]->name));
    }
    if (c) {
        r->kind = connection_kind(c);
        r->analyzer = connection_analyzer(c);
        r->is_flipped = connection_facts(c)->port[SIDE_CLIENT] != facts.port[SIDE_CLIENT];
    }
    connection_close(c);
    r->counters = analysis_counters(a);
    const struct budget *customers = analysis_subjects_budget(a);
    if (analysis_budget(a)->used != 0 || (customers && customers->used != 0))
        abort();
    analysis_close(a);
    if (r->told_bytes > r->given_bytes || r->told_lost > r->given_lost)
        abort();
}

/*
 * Where a message was searched for, or the protocol guessed, the end of a segment is a sign, so
 * that the law of pieces holds only where both were clear from the start.
 */
static bool is_clear(const struct result *r, uint8_t setup)
{
    return r->analyzer && !r->had_gap && !r->was_unknown && r->counters.resyncs == 0 &&
           r->counters.denied == 0 && !(setup & (SETUP_MIDSTREAM | SETUP_LITTLE_MEMORY));
}

static void compare(const struct result *whole, const struct result *pieces, uint8_t setup)
{
    if (!is_clear(whole, setup) || !is_clear(pieces, setup) ||
        whole->analyzer != pieces->analyzer || whole->is_flipped != pieces->is_flipped)
        return;
    const struct json *a = &whole->transactions, *b = &pieces->transactions;
    if (whole->kind == pieces->kind && a->len == b->len &&
        (a->len == 0 || memcmp(a->text, b->text, a->len) == 0))
        return;
    (void)fprintf(stderr, "whole:\n%.*s\nin single bytes:\n%.*s\n", (int)a->len, a->text,
                  (int)b->len, b->text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct result whole = {0}, pieces = {0};
    if (size < 2)
        return 0;
    run(input, SIZE_MAX, &whole);
    run(input, 1, &pieces);
    compare(&whole, &pieces, data[1]);
    json_clear(&whole.transactions);
    json_clear(&pieces.transactions);
    return 0;
}
