/*
 * Addresses, ports and our own names become settings.  What came from the wire as text, names of
 * accounts, stands in comments only, cleaned of control characters.
 */
#include "survey/starter.h"

#include "core/clock.h"
#include "rules/text.h"

enum {
    TEXT_MAX = 256,
    PROGRAM_REQUESTS_MIN = 60,  /* of an account that works like a program, */
    PROGRAM_PER_SECOND_MIN = 1, /* at such a pace */
};

/* "net-10-1-2-0" of 10.1.2.0/24 */
static void write_name(const char *prefix, FILE *out)
{
    bool wants_dash = true;
    (void)fputs("net", out);
    for (const char *c = prefix; *c && *c != '/'; c++) {
        bool is_digit = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f');
        if (is_digit && wants_dash)
            (void)fputc('-', out);
        if (is_digit)
            (void)fputc(*c, out);
        wants_dash = !is_digit;
    }
}

static void write_networks(const struct findings *f, FILE *out)
{
    struct found_list l = findings_networks(f);
    size_t written = 0;
    for (size_t i = 0; i < l.count; i++) {
        const struct found_network *n = l.items[i];
        if (n->is_configured)
            continue;
        if (written++ == 0)
            (void)fprintf(out,
                          "# Where people work.  Give each its agency's name, and the countries "
                          "that it is expected in\n# (countries: [SE]).\nnetworks:\n");
        (void)fprintf(out, "  - name: ");
        write_name(n->name, out);
        (void)fprintf(out, "\n    prefixes: [\"%s\"] # %llu clients, %llu accounts\n", n->name,
                      (unsigned long long)sketch_count(&n->clients),
                      (unsigned long long)sketch_count(&n->accounts));
    }
    (void)fputs(written > 0 ? "\n" : "", out);
}

static bool is_decoded(const struct found_server *s)
{
    return found_requests(&s->volume) > 0 && s->protocol[0];
}

/* Whether a server before this one in the list has its protocol, and its port where asked. */
static bool is_known(const struct found_list *l, size_t at, bool with_port)
{
    const struct found_server *s = l->items[at];
    for (size_t i = 0; i < at; i++) {
        const struct found_server *before = l->items[i];
        if (is_decoded(before) && strcmp(before->protocol, s->protocol) == 0 &&
            (!with_port || before->port == s->port))
            return true;
    }
    return false;
}

static void write_ports_of(const struct found_list *l, size_t at, FILE *out)
{
    const struct found_server *first = l->items[at];
    (void)fprintf(out, "  %s: [%u", first->protocol, (unsigned)first->port);
    for (size_t i = at + 1; i < l->count; i++) {
        const struct found_server *s = l->items[i];
        if (is_decoded(s) && strcmp(s->protocol, first->protocol) == 0 && !is_known(l, i, true))
            (void)fprintf(out, ", %u", (unsigned)s->port);
    }
    (void)fprintf(out, "]\n");
}

static void write_ports(const struct findings *f, FILE *out)
{
    struct found_list l = findings_servers(f);
    size_t written = 0;
    for (size_t i = 0; i < l.count; i++) {
        if (!is_decoded(l.items[i]) || is_known(&l, i, false))
            continue;
        if (written++ == 0)
            (void)fprintf(out,
                          "# The servers' ports: a connection that began before the capture is "
                          "known by them at once.\nports:\n");
        write_ports_of(&l, i, out);
    }
    (void)fputs(written > 0 ? "\n" : "", out);
}

static void write_servers(const struct findings *f, FILE *out)
{
    struct found_list l = findings_servers(f);
    (void)fprintf(out, "# The servers that were found:\n");
    for (size_t i = 0; i < l.count; i++) {
        const struct found_server *s = l.items[i];
        char address[ADDRESS_TEXT_MAX];
        if (!is_decoded(s))
            continue;
        (void)address_print(&s->ip, address);
        (void)fprintf(out, "#   %s port %u, %s: %llu requests, %llu rows, %llu accounts\n", address,
                      (unsigned)s->port, s->protocol,
                      (unsigned long long)found_requests(&s->volume),
                      (unsigned long long)s->volume.returned_rows,
                      (unsigned long long)sketch_count(&s->accounts));
    }
    (void)fputs("\n", out);
}

static bool is_like_a_program(const struct found_account *a)
{
    int64_t seconds = (a->last_ns - a->first_ns) / CLOCK_SECOND_NS;
    return found_requests(&a->volume) >= PROGRAM_REQUESTS_MIN &&
           (int64_t)found_requests(&a->volume) >= seconds * PROGRAM_PER_SECOND_MIN;
}

static void write_roles(const struct findings *f, FILE *out)
{
    struct found_list l = findings_accounts(f);
    size_t written = 0;
    for (size_t i = 0; i < l.count; i++) {
        const struct found_account *a = l.items[i];
        char line[TEXT_MAX];
        struct text t = text_over(line, sizeof(line));
        if (!is_like_a_program(a))
            continue;
        if (written++ == 0)
            (void)fprintf(out,
                          "# These accounts work at a program's pace.  Those that are programs "
                          "belong into the list\n# service_accounts, in a rule file of your "
                          "own that is read after the shipped ones:\n");
        text_add_bytes(&t, bytes_of(a->name));
        (void)fprintf(out, "#   %s: %llu requests from %llu clients\n", line,
                      (unsigned long long)found_requests(&a->volume),
                      (unsigned long long)sketch_count(&a->clients));
    }
}

void starter_write(const struct findings *f, FILE *out)
{
    struct found_totals totals = findings_totals(f);
    char from[CLOCK_TEXT_MAX] = "", to[CLOCK_TEXT_MAX] = "";
    (void)clock_print(totals.first_ns, from);
    (void)clock_print(totals.last_ns, to);
    (void)fprintf(out,
                  "# Made from a survey of the traffic from %.19sZ to %.19sZ.\n# Try it: "
                  "seepwatch check -c THIS_FILE\n\n",
                  from, to);
    write_networks(f, out);
    write_ports(f, out);
    write_servers(f, out);
    write_roles(f, out);
}
