/*
 * Troubles that a share tells stand in one table; those that take a look at servers have a function
 * each.
 */
#include "survey/advice.h"

#include "core/clock.h"
#include "rules/quantity.h"

enum {
    LINE_MAX = 512,
    SERVERS_SHOWN_MAX = 3, /* of one trouble */
    CLOCK_JUMP_MIN_NS = 1000000000,
    PEOPLE_MIN = 5,    /* accounts behind one address that make it a proxy or pool */
    REQUESTS_MIN = 20, /* before missing logins are told */
};

/* A share that is too high is a trouble; where one server is worse than the whole, it is named. */
static const struct trouble {
    enum field share;
    uint64_t limit; /* millionths */
    const char *what, *of, *mend;
} troubles[] = {
    {FIELD_MIRROR_DROPPED_SHARE, 0, "were dropped on this machine", "of the packets",
     "Give it more processors (--workers 2), a larger ring (limits.ring), or less to do "
     "(--filter)."},
    {FIELD_MIRROR_LOST_SHARE, 1000, "never came, though the servers sent them",
     "of the payload bytes",
     "The mirror drops: its port is slower than what it copies (both directions of a port go into "
     "one), or its session is of low priority. Take a faster port, or mirror fewer ports or "
     "VLANs."},
    {FIELD_MIRROR_ONE_SIDED_SHARE, 20000, "belong to connections of which one direction is missing",
     "of the packets with data",
     "Mirror both directions (\"both\", not only \"rx\" or \"tx\"), and every path that answers "
     "can "
     "take. Rows are counted from answers, statements and accounts from questions."},
    {FIELD_MIRROR_TRUNCATED_SHARE, 0, "are cut short", "of the packets",
     "Mirror whole packets: no \"truncate\" or \"mtu\" limit at the mirror session, no snap length "
     "(tcpdump -s 0). Rows in the bytes that are cut off cannot be counted."},
    {FIELD_MIRROR_DUPLICATED_SHARE, 10000, "come twice", "of the packets",
     "Nothing is counted twice, but it takes up the mirror's room: two ports or VLANs of the same "
     "path are mirrored. Mirror one of them."},
    {FIELD_MIRROR_REORDERED_SHARE, 50000, "come after later ones", "of the packets with data",
     "Harmless as long as few bytes are lost: several mirror ports or a bundle of links are merged "
     "without keeping the order."},
    {FIELD_MIRROR_BAD_CHECKSUM_SHARE, 1000, "have a wrong checksum", "of the packets looked at",
     "A bad cable, a bad port, or a device between that changes packets. Where it is one server, "
     "look at its own network card."},
};

static uint64_t value_of(const struct mirror_counters *c, enum field f, bool is_whole)
{
    struct transaction t = {0};
    t.present = mirror_figures(&t.mirror, c, is_whole);
    return transaction_has(&t, f) ? *(const uint64_t *)transaction_value(&t, f) : 0;
}

/* 12 %, 0.3 %, 0.02 % */
static void add_share(struct text *t, uint64_t millionths)
{
    double percent = (double)millionths / (SHARE_ONE / 100);
    text_add(t, percent >= 10 ? "%.0f %%" : percent >= 0.1 ? "%.1f %%" : "%.4f %%", percent);
}

static void add_end(struct text *t, const struct address *ip, uint16_t port)
{
    char address[ADDRESS_TEXT_MAX];
    (void)address_print(ip, address);
    text_add(t, address_is_ipv4(ip) ? "%s:%u" : "[%s]:%u", address, port);
}

/* A paragraph of lines that fit a terminal, behind a mark of two columns. */
static void write_paragraph(const char *mark, const char *words, FILE *out)
{
    enum { COLUMNS = 98 };
    (void)fputs(mark, out);
    size_t column = 2;
    while (*words) {
        size_t len = strcspn(words, " "), blank = column > 2;
        if (column + blank + len > COLUMNS) {
            (void)fputs("\n  ", out);
            column = 2;
            blank = 0;
        }
        (void)fprintf(out, "%s%.*s", blank ? " " : "", (int)len, words);
        column += blank + len;
        words += len + (words[len] == ' ');
    }
    (void)fputc('\n', out);
}

static void write_trouble(const struct text *what, const char *mend, FILE *out)
{
    write_paragraph("* ", what->at, out);
    write_paragraph("  ", mend, out);
}

/* The servers of which it is truer than of the whole. */
static void add_worst(struct text *t, const struct findings *f, const struct trouble *trouble,
                      uint64_t whole)
{
    struct found_list servers = findings_servers(f);
    unsigned shown = 0;
    for (size_t i = 0; i < servers.count && shown < SERVERS_SHOWN_MAX; i++) {
        const struct found_server *s = servers.items[i];
        uint64_t share = value_of(&s->mirror, trouble->share, false);
        if (share <= whole || share <= trouble->limit)
            continue;
        text_add(t, "%s", shown++ == 0 ? "; most of all: " : ", ");
        add_end(t, &s->ip, s->port);
        text_add(t, " ");
        add_share(t, share);
    }
}

/* A trouble of the whole mirror, or of a single server that the whole hides. */
static size_t tell_share(const struct findings *f, const struct trouble *trouble, FILE *out)
{
    char line[LINE_MAX];
    struct text t = text_over(line, sizeof(line));
    struct found_totals totals = findings_totals(f);
    struct found_list servers = findings_servers(f);
    uint64_t whole = value_of(&totals.mirror, trouble->share, true), worst = whole;
    for (size_t i = 0; i < servers.count; i++) {
        const struct found_server *s = servers.items[i];
        uint64_t share = value_of(&s->mirror, trouble->share, false);
        worst = share > worst && s->mirror.packets >= REQUESTS_MIN ? share : worst;
    }
    /* bytes that are cut off are lost as well */
    bool is_by_cuts = trouble->share == FIELD_MIRROR_LOST_SHARE && totals.mirror.truncated > 0;
    if (worst <= trouble->limit || is_by_cuts)
        return 0;
    add_share(&t, whole);
    text_add(&t, " %s %s", trouble->of, trouble->what);
    add_worst(&t, f, trouble, whole);
    text_add(&t, ".");
    write_trouble(&t, trouble->mend, out);
    return 1;
}

static size_t tell_nothing_seen(const struct findings *f, FILE *out)
{
    char line[LINE_MAX];
    struct text t = text_over(line, sizeof(line));
    struct found_totals totals = findings_totals(f);
    if (totals.mirror.packets == 0) {
        text_add(&t, "No packet came.");
        write_trouble(
            &t,
            "Is the mirror session up, its cable in this interface, and the interface up? "
            "A filter (--filter) may leave nothing, too: tagged packets need \"vlan and "
            "...\".",
            out);
        return 1;
    }
    if (found_requests(&totals.volume) > 0)
        return 0;
    text_add(&t, "None of it is traffic that is decoded.");
    write_trouble(&t,
                  "The mirror may show other ports or VLANs than those of the databases and "
                  "portals; or they use ports or encryption that hide what they are: see the "
                  "servers above, and name their ports in the configuration (ports).",
                  out);
    return 1;
}

static size_t tell_clock(const struct findings *f, FILE *out)
{
    char line[LINE_MAX];
    struct text t = text_over(line, sizeof(line));
    struct found_totals totals = findings_totals(f);
    if (totals.clock_jump_ns < CLOCK_JUMP_MIN_NS)
        return 0;
    text_add(&t, "The packets' clock jumped by ");
    quantity_print(&t, (uint64_t)totals.clock_jump_ns, QUANTITY_TIME);
    text_add(&t, ".");
    write_trouble(&t, "Keep this machine's clock by NTP (chrony), which slews it.", out);
    return 1;
}

static size_t tell_encrypted(const struct findings *f, FILE *out)
{
    struct found_list servers = findings_servers(f);
    size_t told = 0;
    for (size_t i = 0; i < servers.count; i++) {
        char line[LINE_MAX];
        struct text t = text_over(line, sizeof(line));
        const struct found_server *s = servers.items[i];
        if (s->mirror.encrypted == 0 || s->mirror.clear == 0)
            continue;
        add_end(&t, &s->ip, s->port);
        text_add(&t, " speaks %s in clear text to some clients and encrypted to others.",
                 s->protocol[0] ? s->protocol : "its protocol");
        write_trouble(
            &t, "Encrypted connections are counted in bytes only, with no account or row.", out);
        told++;
    }
    return told;
}

/* A connection that began before the survey shows no login. */
static const char nameless_stays[] =
    "Rules by session, client and network count them; rules by account do not.";
static const char nameless_database[] =
    "The server asks for no login, or their connections began before the survey did: let the "
    "clients connect anew, or name the account of a pool in the configuration (accounts).";

static bool is_of_http(const char *protocol)
{
    return strncmp(protocol, "http", strlen("http")) == 0 || strcmp(protocol, "websocket") == 0;
}

static size_t tell_nameless(const struct findings *f, bool is_http, FILE *out)
{
    struct found_list servers = findings_servers(f);
    char line[LINE_MAX];
    struct text t = text_over(line, sizeof(line));
    uint64_t found = 0;
    for (size_t i = 0; i < servers.count; i++) {
        const struct found_server *s = servers.items[i];
        uint64_t requests = found_requests(&s->volume);
        if (requests < REQUESTS_MIN || s->nameless * 2 < requests ||
            is_of_http(s->protocol) != is_http)
            continue;
        if (found++ >= SERVERS_SHOWN_MAX)
            continue;
        text_add(&t, "%s", found == 1 ? "No account is known for most requests to " : ", ");
        add_end(&t, &s->ip, s->port);
        text_add(&t, " (%s)", s->protocol);
    }
    if (found == 0)
        return 0;
    if (found > SERVERS_SHOWN_MAX)
        text_add(&t, " and %llu more", (unsigned long long)found - SERVERS_SHOWN_MAX);
    text_add(&t, ".");
    write_trouble(&t, is_http ? nameless_stays : nameless_database, out);
    return 1;
}

static size_t tell_proxies(const struct findings *f, FILE *out)
{
    struct found_list servers = findings_servers(f);
    size_t told = 0;
    for (size_t i = 0; i < servers.count; i++) {
        char line[LINE_MAX];
        struct text t = text_over(line, sizeof(line));
        const struct found_server *s = servers.items[i];
        if (s->forwarded > 0 || sketch_count(&s->sources) != 1 ||
            sketch_count(&s->accounts) < PEOPLE_MIN)
            continue;
        add_end(&t, &s->ip, s->port);
        text_add(&t, " is used by %llu accounts from one address.",
                 (unsigned long long)sketch_count(&s->accounts));
        write_trouble(&t,
                      "A proxy, a pool or a terminal server stands between. Where it is a proxy "
                      "that tells the real client (X-Forwarded-For), name it in the configuration "
                      "(proxies).",
                      out);
        told++;
    }
    return told;
}

size_t advice_write(const struct findings *f, FILE *out)
{
    size_t told = tell_nothing_seen(f, out);
    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
        told += tell_share(f, &troubles[i], out);
    return told + tell_clock(f, out) + tell_encrypted(f, out) + tell_nameless(f, true, out) +
           tell_nameless(f, false, out) + tell_proxies(f, out);
}
