/*
 * `follows`: what a key does begins, again and again, just after something else was done with the
 * same values of the fields that both have in common: connections to a destination that begin
 * within seconds of a record that the same client read.
 *
 * Each transaction of the key is held against two stories: that something of what came just before
 * was its cause (with CERTAINTY), or that it came by chance, at any time.  The logarithms of their
 * odds add up, and never fall below 0.  By chance means: at the pace at which that is done, over
 * the last half hour, or since the key's last transaction where that was later and busier.  What
 * makes few transactions tell much:
 *
 * - Persons (rules/firsts.h).  The cause is one of those persons whose doings the key followed
 *   before, or somebody new, as often as new ones came till now.  Of 45 people behind one address
 *   somebody reads a record every four seconds, but the one whom a program follows every three
 *   minutes.
 * - Delays.  A program's are alike: how dense earlier ones lie at this one counts.
 * - Newcomers.  A key that was never seen is itself as surprising as such keys are rare.
 * - Rarity.  What follows does so for each of what comes first, hence where clients do many of
 *   these and few of the others, each of the others is as much more likely to follow beforehand.
 *
 * Connections come in bursts, a page's six at once.  What begins within the same time of the
 * key's last transaction that counted, at the same client, counts nothing; the last ones of four
 * clients are remembered, since the bursts of several cross.
 *
 * Measured with simulated agents, at a score of 13, until the alert, on 479 relays that the numbers
 * above were chosen on and 175 others: 220 in shops took 2.9 records, 220 in call centres of 45
 * people behind one address 3.5 and 214 in telesales 3.4, all at most 5 but for one of the 479,
 * which took 6.  Where nobody tells the people apart they took 2.9, 5.7 and 5.0, at most 5, 13 and
 * 10.  No false alert came in 407,000 days of agents (the highest score was 10.7), nor, where
 * accounts are known, in 105,000 in which each agent's machine made hundreds of connections, in
 * bursts, to new and to known servers (12.9); where nobody tells the people apart two came in
 * 115,000 such days, both in the 31,500 that the numbers were not chosen on.  A key takes 144
 * bytes.
 */
#include "core/clock.h"
#include "core/hash.h"
#include "rules/detector.h"
#include "rules/firsts.h"

#include <math.h>
#include <stdlib.h>

enum { SUSPECTS_KEPT = 4, LASTS_KEPT = 4 };

static const double certainty = 0.9, chance_least = 0.04;
static const double memory_ns = 1800.0 * CLOCK_SECOND_NS; /* how far back chance looks */
static const double usual_ns = 5.0 * CLOCK_SECOND_NS;     /* of the usual pace, in the latest */
static const double hits_most = 1e12;

/* Whom the key followed before it is expected to follow again: these many hits beforehand. */
static const double again_before = 2, strange_before = 0.2;

/* Delays, in parts of the longest.  Before the first one they are expected to be short. */
static const double alike = 0.9; /* the rest waits for any time */
static const double delay_mean = 0.3, delay_variance = 0.06, variance_least = 0.0004;

/* Newcomers are counted among so many transactions, and never thought rarer than that. */
static const double arrivals_kept = 5000, newcomers_least = 0.005;

/* Rarity: from so many transactions on, for each that they may follow, none is more likely
 * beforehand.  Of what a client did since its last one no more than a bound counts, and as many
 * are taken for granted until it is known. */
static const double many = 2, news_most = 100, unsure = 1000;
static const double rarity_most = 3;

struct suspect {
    uint32_t person;
    float hits; /* each is shared among all who may have been its cause */
};

/* When a transaction that counted began, and whose it was. */
struct last {
    int64_t ns;
    uint32_t client;
};

struct follows_state {
    double score;
    uint64_t hits, of;
    double chance;                 /* the last hit's, for the alert */
    struct last lasts[LASTS_KEPT]; /* one of each client */
    bool is_known;
    float delays, delays_squared; /* sums over the hits */
    float strange; /* of the hits, after the first: by whom it did not follow before */
    struct suspect suspects[SUSPECTS_KEPT];
};

struct follows_whole {
    struct firsts *firsts;
    double arrivals, newcomers; /* older ones less */
    double news;                /* at the clients of those, what they may follow */
};

static struct firsts_key client_of(const struct detection *d, const struct transaction *t)
{
    const struct before *b = &d->rule->follows;
    struct firsts_key key = {d->seed, ~d->seed};
    for (size_t i = 0; i < b->by_count; i++) {
        const struct bytes value = detector_value(t, b->by[i], 0);
        key.low = hash_bytes(value, key.low);
        key.high = hash_bytes(value, key.high);
    }
    return key;
}

static uint32_t person_of(const struct transaction *t, struct firsts_key client)
{
    if (transaction_has(t, FIELD_USER_NAME))
        return (uint32_t)detector_hash(t, FIELD_USER_NAME, 0, client.low);
    if (transaction_has(t, FIELD_SESSION_ID))
        return (uint32_t)detector_hash(t, FIELD_SESSION_ID, 0, client.low);
    return (uint32_t)client.low;
}

static void follows_observe(struct detection *d, const struct occurrence *o)
{
    struct follows_whole *w = d->whole;
    if (!expression_holds(&d->rule->follows.when, o->transaction))
        return;
    const struct firsts_key client = client_of(d, o->transaction);
    firsts_note(w->firsts, client, person_of(o->transaction, client), o->time_ns);
}

/* A transaction of the key, and what is known of its client. */
struct follower {
    const struct detection *detection;
    struct firsts_key client;
    struct firsts_client *firsts; /* NULL: the client did nothing before */
    int64_t begin_ns;
    int64_t last_ns;  /* the key's last one at this client, or else the oldest that is kept */
    int64_t since_ns; /* the same, but 0 where it is another client's */
};

/* The last one of that client, or else the oldest of all. */
static unsigned last_of(const struct follows_state *s, uint32_t client)
{
    unsigned oldest = 0;
    for (unsigned i = 0; i < LASTS_KEPT; i++) {
        if (s->lasts[i].ns > 0 && s->lasts[i].client == client)
            return i;
        if (s->lasts[i].ns < s->lasts[oldest].ns)
            oldest = i;
    }
    return oldest;
}

static struct follower follower_of(const struct detection *d, const struct follows_state *s,
                                   const struct transaction *t)
{
    const struct follows_whole *w = d->whole;
    const struct firsts_key client = client_of(d, t);
    const int64_t latest = INT64_MAX / 2;
    const struct last *last = &s->lasts[last_of(s, (uint32_t)client.low)];
    return (struct follower){
        .detection = d,
        .client = client,
        .firsts = firsts_find(w->firsts, client),
        .begin_ns = t->start_ns < 0        ? 0
                    : t->start_ns > latest ? latest
                                           : t->start_ns,
        .last_ns = last->ns,
        .since_ns = last->client == (uint32_t)client.low ? last->ns : 0,
    };
}

/* All that is kept of its client came after it began: nobody knows what came before. */
static bool began_too_early(const struct follower *f)
{
    if (!f->firsts || firsts_kept(f->firsts) < FIRSTS_KEPT)
        return false;
    for (unsigned i = 0; i < FIRSTS_KEPT; i++) {
        if (f->firsts->times_ns[i] <= f->begin_ns)
            return false;
    }
    return true;
}

/* So are the transactions of a client when those of several others came just now: whether it had
 * one among them is forgotten. */
static bool is_of_a_burst(const struct follower *f)
{
    int64_t apart_ns = f->begin_ns - f->last_ns, within_ns = f->detection->rule->follows.within_ns;
    return f->last_ns > 0 && apart_ns > -within_ns && apart_ns < within_ns;
}

/* How often something was done since the key's last one, a nanosecond; person NULL: by anybody.
 * Where a transaction ends such a span, half of the one that it may follow is its own doing.  Of a
 * short span little is known: some of the usual pace is added. */
static double lately_per_ns(const struct follower *f, const uint32_t *person, double usual)
{
    const struct firsts_client *c = f->firsts;
    double span_ns = (double)(f->begin_ns - f->since_ns), count = 0;
    if (f->since_ns == 0 || span_ns <= 0 || span_ns > memory_ns)
        return 0;
    for (unsigned i = 0; i < firsts_kept(c); i++)
        count += c->times_ns[i] > f->since_ns && c->times_ns[i] <= f->begin_ns &&
                 (!person || c->persons[i] == *person);
    return count > 0 ? (count - 0.5 + usual_ns * usual) / (span_ns + usual_ns) : 0;
}

/* How many of a pace come just before by chance. */
static double chance_of(const struct follower *f, const struct pace *pace, const uint32_t *person)
{
    double usual = pace ? pace_per_ns(pace, f->begin_ns) : 0;
    double lately = lately_per_ns(f, person, usual);
    double chance =
        (usual > lately ? usual : lately) * (double)f->detection->rule->follows.within_ns;
    return chance < chance_least ? chance_least : chance;
}

/* How dense a program's delays lie here, where those that come by chance have 1. */
static double density_of(const struct follows_state *s, double delay)
{
    double count = (double)s->hits + 1;
    double mean = (delay_mean + (double)s->delays) / count;
    double squares = delay_variance + delay_mean * delay_mean + (double)s->delays_squared;
    double variance = squares / count - mean * mean;
    variance = (variance > variance_least ? variance : variance_least) * (1 + 1 / count);
    double off = delay - mean;
    return 1 - alike + alike * exp(-off * off / (2 * variance)) / sqrt(2 * M_PI * variance);
}

/* The part of the key's hits that followed a person. */
static double suspicion_of(const struct follows_state *s, uint32_t person)
{
    for (unsigned i = 0; i < SUSPECTS_KEPT; i++) {
        if (s->hits > 0 && s->suspects[i].person == person)
            return (double)s->suspects[i].hits / (double)s->hits;
    }
    return 0;
}

/* The part of the hits that will follow somebody new. */
static double strange_part(const struct follows_state *s)
{
    if (s->hits == 0)
        return 1;
    return ((double)s->strange + strange_before) /
           ((double)(s->hits - 1) + again_before + strange_before);
}

/* What came just before, and how much more often it would as a cause than by chance. */
struct cause {
    uint32_t person;
    double delay;
    double odds, strange; /* strange: those of them that take the person for somebody new */
    double chance;
};

static struct cause cause_of(const struct follower *f, const struct follows_state *s, unsigned i)
{
    const struct follows_whole *w = f->detection->whole;
    const uint32_t person = f->firsts->persons[i];
    double after_ns = (double)(f->begin_ns - f->firsts->times_ns[i]);
    struct cause c = {.person = person,
                      .delay = after_ns / (double)f->detection->rule->follows.within_ns};
    double density = density_of(s, c.delay), strange = strange_part(s);
    double anybodys = chance_of(f, &f->firsts->pace, NULL);
    double own = chance_of(f, firsts_person_pace(w->firsts, f->client, person), &person);
    double again = (1 - strange) * suspicion_of(s, person) * density / own;
    c.strange = strange * density / anybodys;
    c.odds = again + c.strange;
    c.chance = again > c.strange ? own : anybodys;
    return c;
}

/* Returns how many. */
static unsigned causes_find(const struct follower *f, const struct follows_state *s,
                            struct cause causes[FIRSTS_KEPT])
{
    int64_t within_ns = f->detection->rule->follows.within_ns;
    unsigned count = 0;
    for (unsigned i = 0; f->firsts && i < firsts_kept(f->firsts); i++) {
        int64_t after_ns = f->begin_ns - f->firsts->times_ns[i];
        if (after_ns >= 0 && after_ns <= within_ns)
            causes[count++] = cause_of(f, s, i);
    }
    return count;
}

static void suspect(struct follows_state *s, uint32_t person, double part)
{
    struct suspect *least = s->suspects;
    for (unsigned i = 0; i < SUSPECTS_KEPT; i++) {
        if (s->suspects[i].hits > 0 && s->suspects[i].person == person) {
            s->suspects[i].hits += (float)part;
            return;
        }
        if (s->suspects[i].hits < least->hits)
            least = &s->suspects[i];
    }
    if ((double)least->hits < part)
        *least = (struct suspect){person, (float)part};
}

/* Learns from a hit; each of the causes by its part in the odds. */
static void learn(struct follows_state *s, const struct cause *causes, unsigned count, double odds)
{
    double delay = 0, strange = 0;
    const struct cause *best = causes;
    for (unsigned i = 0; i < count; i++) {
        suspect(s, causes[i].person, causes[i].odds / odds);
        delay += causes[i].delay * causes[i].odds / odds;
        strange += causes[i].strange / odds;
        if (causes[i].odds > best->odds)
            best = &causes[i];
    }
    if (s->hits > 0)
        s->strange += (float)strange;
    s->hits++;
    s->delays += (float)delay;
    s->delays_squared += (float)(delay * delay);
    s->chance = best->chance;
}

/* How much more often a key that follows is new than another. */
static double newcomer_odds(struct follows_whole *w, bool is_new)
{
    double part = (w->newcomers + 1) / (w->arrivals + 1);
    w->arrivals += 1 - w->arrivals / arrivals_kept;
    w->newcomers += is_new - w->newcomers / arrivals_kept;
    return !is_new ? 1 : 1 / (part > newcomers_least ? part : newcomers_least);
}

/* How much more likely than among many each transaction is beforehand to follow, where they are few
 * for what they may follow; its logarithm. */
static double rarity_of(const struct follows_whole *w)
{
    double rarity = log((w->news * many + unsure) / (w->arrivals + unsure));
    if (rarity < 0)
        return 0;
    return rarity < rarity_most ? rarity : rarity_most;
}

static void count_news(struct follows_whole *w, struct firsts_client *c)
{
    uint32_t news = c ? firsts_news(c) : 0;
    w->news += (double)news < news_most ? news : news_most;
    w->news -= w->news / arrivals_kept;
}

/* Nothing speaks for the key any more. */
static void begin_anew(struct follows_state *s)
{
    struct follows_state new = {.is_known = true};
    for (unsigned i = 0; i < LASTS_KEPT; i++)
        new.lasts[i] = s->lasts[i];
    *s = new;
}

static enum finding follows_count(struct detection *d, void *state, const struct occurrence *o,
                                  uint64_t *weight)
{
    struct follows_state *s = state;
    struct cause causes[FIRSTS_KEPT];
    const struct follower f = follower_of(d, s, o->transaction);
    s->score += log(newcomer_odds(d->whole, !s->is_known));
    s->is_known = true;
    count_news(d->whole, f.firsts);
    if (began_too_early(&f) || is_of_a_burst(&f))
        return FINDING_NONE;
    unsigned count = causes_find(&f, s, causes);
    double odds = 0;
    for (unsigned i = 0; i < count; i++)
        odds += causes[i].odds;
    s->lasts[last_of(s, (uint32_t)f.client.low)] =
        (struct last){f.begin_ns, (uint32_t)f.client.low};
    s->score += log(certainty * odds + 1 - certainty);
    if (s->score <= 0) {
        begin_anew(s);
        return FINDING_NONE;
    }
    s->of++;
    *weight = 1;
    if (count == 0)
        return FINDING_NONE;
    learn(s, causes, count, odds);
    double score = s->score + rarity_of(d->whole);
    return score * SHARE_ONE > (double)d->rule->score ? FINDING_RAISED : FINDING_NEAR;
}

static void follows_describe(const struct detection *d, void *state, const struct occurrence *o,
                             struct alert *a)
{
    const struct follows_state *s = state;
    a->score = s->score + rarity_of(d->whole);
    a->hits = s->hits;
    a->of = s->of;
    a->chance = s->chance;
    detector_name(a, o->transaction);
}

static const int64_t follows_kept_ns = 30 * INT64_C(86400) * CLOCK_SECOND_NS;

static int64_t follows_span_ns(const struct rule *rule)
{
    (void)rule;
    return follows_kept_ns;
}

static int64_t follows_keep_ns(const struct rule *rule)
{
    return follows_kept_ns > rule->quiet_ns ? follows_kept_ns : rule->quiet_ns;
}

static void follows_clear(const struct detection *d, void *state)
{
    (void)d;
    *(struct follows_state *)state = (struct follows_state){.score = 0};
}

static void follows_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct follows_state *s = state;
    (void)d;
    pack_double(p, s->score);
    pack_number(p, s->hits);
    pack_number(p, s->of);
    pack_double(p, s->chance);
    for (unsigned i = 0; i < LASTS_KEPT; i++) {
        pack_signed(p, s->lasts[i].ns);
        pack_u32(p, s->lasts[i].client);
    }
    pack_flag(p, s->is_known);
    pack_float(p, s->delays);
    pack_float(p, s->delays_squared);
    pack_float(p, s->strange);
    for (unsigned i = 0; i < SUSPECTS_KEPT; i++) {
        pack_u32(p, s->suspects[i].person);
        pack_float(p, s->suspects[i].hits);
    }
}

/* A number of hits, or what they add up to. */
static float load_hits(struct cursor *c)
{
    float hits = unpack_float(c);
    if (!(hits >= 0 && (double)hits <= hits_most))
        unpack_fail(c);
    return hits;
}

static struct last load_last(struct cursor *c)
{
    struct last last = {.ns = unpack_signed(c)};
    last.client = cursor_le32(c);
    if (last.ns < 0 || last.ns > INT64_MAX / 2)
        unpack_fail(c);
    return last;
}

static bool follows_load(struct detection *d, void *state, struct cursor *c)
{
    struct follows_state *s = state;
    (void)d;
    s->score = unpack_double(c);
    s->hits = unpack_number(c);
    s->of = unpack_number(c);
    s->chance = unpack_double(c);
    for (unsigned i = 0; i < LASTS_KEPT; i++)
        s->lasts[i] = load_last(c);
    s->is_known = unpack_flag(c);
    s->delays = load_hits(c);
    s->delays_squared = load_hits(c);
    s->strange = load_hits(c);
    for (unsigned i = 0; i < SUSPECTS_KEPT; i++) {
        s->suspects[i].person = cursor_le32(c);
        s->suspects[i].hits = load_hits(c);
    }
    return !cursor_is_short(c) && s->score >= 0 && isfinite(s->score) && isfinite(s->chance) &&
           (double)s->strange <= (double)s->hits;
}

static bool follows_open_whole(struct detection *d, size_t entries_max, size_t bytes_max)
{
    struct follows_whole *w = calloc(1, sizeof(*w));
    if (!w)
        return false;
    w->firsts = firsts_open(entries_max, bytes_max, d->seed);
    if (!w->firsts) {
        free(w);
        return false;
    }
    d->whole = w;
    return true;
}

static void follows_close_whole(struct detection *d)
{
    struct follows_whole *w = d->whole;
    if (w)
        firsts_close(w->firsts);
    free(w);
    d->whole = NULL;
}

static void follows_save_whole(const struct detection *d, struct pack *p)
{
    const struct follows_whole *w = d->whole;
    pack_double(p, w->arrivals);
    pack_double(p, w->newcomers);
    pack_double(p, w->news);
    firsts_save(w->firsts, p);
}

static bool follows_load_whole(struct detection *d, struct cursor *c)
{
    struct follows_whole *w = d->whole;
    double arrivals = unpack_double(c), newcomers = unpack_double(c), news = unpack_double(c);
    bool is_good = newcomers >= 0 && newcomers <= arrivals && arrivals <= arrivals_kept * 2 &&
                   news >= 0 && news <= arrivals_kept * news_most;
    if (!is_good || !firsts_load(w->firsts, c))
        return false;
    w->arrivals = arrivals;
    w->newcomers = newcomers;
    w->news = news;
    return true;
}

const struct detector DETECTOR_FOLLOWS = {.state_size = sizeof(struct follows_state),
                                          .count = follows_count,
                                          .describe = follows_describe,
                                          .span_ns = follows_span_ns,
                                          .keep_ns = follows_keep_ns,
                                          .clear = follows_clear,
                                          .open_whole = follows_open_whole,
                                          .close_whole = follows_close_whole,
                                          .observe = follows_observe,
                                          .version = 3,
                                          .save = follows_save,
                                          .load = follows_load,
                                          .save_whole = follows_save_whole,
                                          .load_whole = follows_load_whole};
