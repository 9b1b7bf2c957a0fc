/*
 * Tables with a column a printf field; what came from the wire goes through text_add_bytes.
 */
#include "survey/report.h"

#include "core/clock.h"
#include "rules/quantity.h"
#include "survey/advice.h"

enum { CELL_MAX = 80 };

/* A cell of a table. */
struct cell {
    char at[CELL_MAX];
};

static struct cell cell_number(uint64_t number, enum quantity_unit unit)
{
    struct cell c;
    struct text t = text_over(c.at, sizeof(c.at));
    quantity_print(&t, number, unit);
    return c;
}

static struct cell cell_name(const char *name, size_t width)
{
    struct cell c;
    struct text t = text_over(c.at, sizeof(c.at));
    text_add_bytes(&t, text_cut(bytes_of(*name ? name : "-"), width));
    return c;
}

static struct cell cell_end(const struct found_server *s)
{
    struct cell c;
    char address[ADDRESS_TEXT_MAX];
    (void)address_print(&s->ip, address);
    (void)snprintf(c.at, sizeof(c.at), address_is_ipv4(&s->ip) ? "%s:%u" : "[%s]:%u", address,
                   (unsigned)s->port);
    return c;
}

static struct cell cell_share(const struct transaction *t, enum field f)
{
    struct cell c = {"-"};
    if (!transaction_has(t, f))
        return c;
    double percent = (double)*(const uint64_t *)transaction_value(t, f) / (SHARE_ONE / 100);
    (void)snprintf(c.at, sizeof(c.at), percent > 0 && percent < 0.1 ? "%.4f %%" : "%.1f %%",
                   percent);
    return c;
}

static void write_seen(const struct found_totals *t, FILE *out)
{
    char from[CLOCK_TEXT_MAX] = "";
    uint64_t span_ns = t->last_ns > t->first_ns ? (uint64_t)(t->last_ns - t->first_ns) : 0;
    (void)clock_print(t->first_ns, from);
    (void)fprintf(out, "Seen: %s packets, %s, in %s",
                  cell_number(t->mirror.packets, QUANTITY_PLAIN).at,
                  cell_number(t->mirror.bytes, QUANTITY_BYTES).at,
                  span_ns > 0 ? cell_number(span_ns, QUANTITY_TIME).at : "no time");
    if (t->mirror.packets > 0)
        (void)fprintf(out, " from %.19sZ", from);
    (void)fprintf(out, "\n\n");
}

static void write_mirror(const struct found_totals *totals, FILE *out)
{
    static const struct {
        enum field field;
        const char *what;
    } rows[] = {
        {FIELD_MIRROR_DROPPED_SHARE, "dropped on this machine, of the packets"},
        {FIELD_MIRROR_LOST_SHARE, "lost before they came here, of the payload"},
        {FIELD_MIRROR_DUPLICATED_SHARE, "doubled, of the packets"},
        {FIELD_MIRROR_REORDERED_SHARE, "out of order, of the packets with data"},
        {FIELD_MIRROR_TRUNCATED_SHARE, "cut short, of the packets"},
        {FIELD_MIRROR_BAD_CHECKSUM_SHARE, "with a wrong checksum, of the packets looked at"},
        {FIELD_MIRROR_ONE_SIDED_SHARE, "of one direction only, of the packets with data"},
        {FIELD_MIRROR_ENCRYPTED_SHARE, "encrypted, of the payload"},
        {FIELD_MIRROR_UNDECODED_SHARE, "in clear text and not decoded, of the payload"},
    };
    struct transaction t = {0};
    t.present = mirror_figures(&t.mirror, &totals->mirror, true);
    (void)fprintf(out, "The mirror\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        (void)fprintf(out, "  %10s  %s\n", cell_share(&t, rows[i].field).at, rows[i].what);
    if (totals->mirror.undecoded > 0)
        (void)fprintf(out, "  %10s  frames of no known kind, or broken\n",
                      cell_number(totals->mirror.undecoded, QUANTITY_PLAIN).at);
}

static void write_more(uint64_t found, size_t shown, const char *what, FILE *out)
{
    if (found > shown)
        (void)fprintf(out, "  and %s %s more, with less\n",
                      cell_number(found - shown, QUANTITY_PLAIN).at, what);
}

static void write_servers(const struct findings *f, uint64_t found, FILE *out)
{
    struct found_list l = findings_servers(f);
    (void)fprintf(out, "\nServers\n  %-28s %-12s %12s %14s %10s %9s %8s %8s %10s %9s\n", "address",
                  "protocol", "requests", "rows", "bytes", "accounts", "clients", "lost",
                  "encrypted", "one-sided");
    for (size_t i = 0; i < l.count; i++) {
        const struct found_server *s = l.items[i];
        struct transaction t = {0};
        t.present = mirror_figures(&t.mirror, &s->mirror, false);
        (void)fprintf(out, "  %-28s %-12s %12s %14s %10s %9s %8s %8s %10s %9s\n", cell_end(s).at,
                      cell_name(s->protocol, 12).at,
                      cell_number(found_requests(&s->volume), QUANTITY_PLAIN).at,
                      cell_number(s->volume.returned_rows, QUANTITY_PLAIN).at,
                      cell_number(s->mirror.bytes, QUANTITY_BYTES).at,
                      cell_number(sketch_count(&s->accounts), QUANTITY_PLAIN).at,
                      cell_number(sketch_count(&s->clients), QUANTITY_PLAIN).at,
                      cell_share(&t, FIELD_MIRROR_LOST_SHARE).at,
                      cell_share(&t, FIELD_MIRROR_ENCRYPTED_SHARE).at,
                      cell_share(&t, FIELD_MIRROR_ONE_SIDED_SHARE).at);
    }
    write_more(found, l.count, "servers", out);
}

static void write_networks(const struct findings *f, uint64_t found, FILE *out)
{
    struct found_list l = findings_networks(f);
    if (l.count == 0)
        return;
    (void)fprintf(out, "\nClients, by network\n  %-28s %12s %14s %10s %9s %8s\n", "network",
                  "requests", "rows", "received", "accounts", "clients");
    for (size_t i = 0; i < l.count; i++) {
        const struct found_network *n = l.items[i];
        (void)fprintf(out, "  %-28s %12s %14s %10s %9s %8s\n", cell_name(n->name, 28).at,
                      cell_number(found_requests(&n->volume), QUANTITY_PLAIN).at,
                      cell_number(n->volume.returned_rows, QUANTITY_PLAIN).at,
                      cell_number(n->volume.server_bytes, QUANTITY_BYTES).at,
                      cell_number(sketch_count(&n->accounts), QUANTITY_PLAIN).at,
                      cell_number(sketch_count(&n->clients), QUANTITY_PLAIN).at);
    }
    write_more(found, l.count, "networks", out);
}

static void write_accounts(const struct findings *f, uint64_t found, FILE *out)
{
    struct found_list l = findings_accounts(f);
    if (l.count == 0)
        return;
    (void)fprintf(out, "\nAccounts\n  %-28s %12s %14s %10s %8s %9s  %s\n", "account", "requests",
                  "rows", "received", "clients", "failures", "software");
    for (size_t i = 0; i < l.count; i++) {
        const struct found_account *a = l.items[i];
        (void)fprintf(out, "  %-28s %12s %14s %10s %8s %9s  %s\n", cell_name(a->name, 28).at,
                      cell_number(found_requests(&a->volume), QUANTITY_PLAIN).at,
                      cell_number(a->volume.returned_rows, QUANTITY_PLAIN).at,
                      cell_number(a->volume.server_bytes, QUANTITY_BYTES).at,
                      cell_number(sketch_count(&a->clients), QUANTITY_PLAIN).at,
                      cell_number(a->volume.failures, QUANTITY_PLAIN).at,
                      cell_name(a->software, 40).at);
    }
    write_more(found, l.count, "accounts", out);
}

void report_write(const struct findings *f, FILE *out)
{
    struct found_totals totals = findings_totals(f);
    write_seen(&totals, out);
    write_mirror(&totals, out);
    (void)fprintf(out, "\nWhat is wrong, and how to mend it\n");
    if (advice_write(f, out) == 0)
        (void)fprintf(out, "  Nothing that can be seen from here.\n");
    write_servers(f, totals.servers, out);
    write_networks(f, totals.networks, out);
    write_accounts(f, totals.accounts, out);
}
