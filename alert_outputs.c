/*
 * A notice is put in words once, in the forms that some output takes.
 */
#include "alert_outputs.h"

#include "journal.h"
#include "syslog.h"

#include <stdio.h>
#include <stdlib.h>

struct alert_output {
    struct alert_setting setting;
    struct output file;
    struct peer *peer; /* NULL: a file */
    struct syslog_sender sender;
    struct fold fold;
    uint64_t sent, untaken;
    struct peer_counters ended; /* the peer's, when it was closed */
};

struct alert_outputs {
    struct alert_outputs_notes notes;
    struct alert_output items[ALERT_OUTPUTS_ALL_MAX];
    size_t count;
    bool wants_json, wants_lines, wants_messages;
    struct json json;
};

struct alert_outputs *alert_outputs_open(const struct alert_outputs_notes *notes)
{
    struct alert_outputs *o = calloc(1, sizeof(*o));
    if (o)
        o->notes = *notes;
    return o;
}

void alert_outputs_close(struct alert_outputs *o)
{
    struct error ignored;
    if (!o)
        return;
    for (size_t i = 0; i < o->count; i++) {
        struct alert_output *out = &o->items[i];
        if (out->file.path)
            (void)output_close(&out->file, &ignored);
        peer_close(out->peer);
        fold_clear(&out->fold);
    }
    json_clear(&o->json);
    free(o);
}

bool alert_outputs_add(struct alert_outputs *o, const struct alert_setting *s, bool is_appending,
                       struct error *error)
{
    if (o->count == ALERT_OUTPUTS_ALL_MAX)
        return error_set(error, ERROR_USAGE, "more than %d outputs for alerts",
                         ALERT_OUTPUTS_ALL_MAX);
    struct alert_output *out = &o->items[o->count];
    *out = (struct alert_output){.setting = *s, .file = {.fd = -1}, .fold = {.limit = s->limit}};
    if (s->to == ALERT_TO_FILE) {
        if (!output_open(&out->file, s->path, is_appending, error))
            return false;
    } else if (!(out->peer = peer_open(&s->address))) {
        return error_set(error, ERROR_WORK, "no memory");
    }
    syslog_sender_init(&out->sender, s->facility);
    o->wants_json = o->wants_json || (s->to == ALERT_TO_FILE && s->form == ALERT_AS_JSON);
    o->wants_lines = o->wants_lines || (s->to == ALERT_TO_FILE && s->form == ALERT_AS_LINES);
    o->wants_messages = o->wants_messages || s->to != ALERT_TO_FILE;
    o->count++;
    return true;
}

static struct bytes json_bytes(const struct json *j)
{
    return (struct bytes){(const uint8_t *)j->text, j->len};
}

static struct bytes text_bytes(const char *text, size_t len)
{
    return (struct bytes){(const uint8_t *)text, len};
}

/* False, and nothing was done, where the output does not take it. */
static bool deliver(struct alert_output *out, const struct notice *n)
{
    char message[SYSLOG_MESSAGE_MAX], entry[JOURNAL_ENTRY_MAX];
    switch (out->setting.to) {
    case ALERT_TO_FILE:
        output_line(&out->file, out->setting.form == ALERT_AS_JSON ? n->json : n->line);
        output_flush(&out->file); /* alerts wait for no company */
        return true;
    case ALERT_TO_SYSLOG:
        return peer_send(out->peer, text_bytes(message, syslog_write(&out->sender, n, message)));
    case ALERT_TO_JOURNAL:
        return peer_send(out->peer, text_bytes(entry, journal_write(n, entry)));
    }
    return false;
}

static bool deliver_folded(struct alert_outputs *o, struct alert_output *out,
                           const struct folded *r)
{
    char message[FOLDED_TEXT_MAX], line[FOLDED_TEXT_MAX];
    const struct fold_limit *limit = &out->fold.limit;
    struct notice n = {.kind = NOTICE_FOLDED,
                       .severity = r->severity,
                       .time_ns = r->last_ns,
                       .rule_id = r->id,
                       .rule_name = r->name};
    json_restart(&o->json);
    folded_write_json(&o->json, r, limit);
    n.json = json_bytes(&o->json);
    n.line = text_bytes(line, folded_write_line(r, limit, line));
    n.message = text_bytes(message, folded_write_message(r, limit, message));
    return deliver(out, &n);
}

static void tell_folded(struct alert_outputs *o, struct alert_output *out)
{
    size_t told = 0;
    while (told < out->fold.count && deliver_folded(o, out, &out->fold.rules[told]))
        told++;
    fold_forget(&out->fold, told);
}

/* Where there is no limit, what a peer did not take is told once it has taken all the rest. */
static void let_go(struct alert_outputs *o, struct alert_output *out, int64_t now_ns)
{
    bool is_behind = out->peer && out->fold.limit.alerts == 0 && !peer_is_idle(out->peer);
    if (!is_behind && fold_lets_go(&out->fold, now_ns))
        tell_folded(o, out);
}

static void take_alert(struct alert_output *out, const struct notice *n)
{
    if (!fold_admits(&out->fold, n->time_ns))
        fold_add(&out->fold, n, false);
    else if (deliver(out, n))
        out->sent++;
    else
        fold_add(&out->fold, n, true);
}

void alert_outputs_alert(struct alert_outputs *o, const struct alert *a)
{
    char line[ALERT_LINE_MAX + 1] = "", message[ALERT_MESSAGE_MAX];
    struct notice n = {.kind = NOTICE_ALERT,
                       .severity = a->rule->severity,
                       .time_ns = a->time_ns,
                       .rule_id = a->rule->id,
                       .rule_name = a->rule->name,
                       .alert = a};
    for (size_t i = 0; i < o->count; i++)
        let_go(o, &o->items[i], a->time_ns);
    if (o->wants_json) {
        json_restart(&o->json);
        alert_write_json(&o->json, a);
        n.json = json_bytes(&o->json);
    }
    if (o->wants_lines) {
        size_t len = alert_write_line(a, line);
        line[len++] = '\n';
        n.line = text_bytes(line, len);
    }
    if (o->wants_messages)
        n.message = text_bytes(message, alert_write_message(a, message));
    for (size_t i = 0; i < o->count; i++) {
        if (n.severity >= o->items[i].setting.severity)
            take_alert(&o->items[i], &n);
    }
}

/* What no rate limits, to all that take its severity. */
static void tell(struct alert_outputs *o, const struct notice *n)
{
    for (size_t i = 0; i < o->count; i++) {
        struct alert_output *out = &o->items[i];
        bool is_taken = n->severity >= out->setting.severity &&
                        !(n->kind == NOTICE_DIGEST && out->setting.takes_no_digest);
        if (is_taken && !deliver(out, n))
            out->untaken++;
    }
}

void alert_outputs_digest(struct alert_outputs *o, const struct digest_rule *r)
{
    char line[DIGEST_TEXT_MAX], message[DIGEST_TEXT_MAX];
    struct notice n = {.kind = NOTICE_DIGEST,
                       .severity = SEVERITY_INFO,
                       .time_ns = r->end_ns,
                       .rule_id = r->id,
                       .rule_name = r->name};
    json_restart(&o->json);
    digest_write_json(&o->json, r);
    n.json = json_bytes(&o->json);
    n.line = text_bytes(line, digest_write_line(r, line));
    n.message = text_bytes(message, digest_write_message(r, message));
    tell(o, &n);
}

void alert_outputs_health(struct alert_outputs *o, const struct health *h)
{
    char line[HEALTH_TEXT_MAX], message[HEALTH_TEXT_MAX];
    struct notice n = {.kind = NOTICE_HEALTH,
                       .severity = h->severity,
                       .time_ns = h->time_ns,
                       .rule_id = h->id,
                       .rule_name = h->name};
    json_restart(&o->json);
    health_write_json(&o->json, h);
    n.json = json_bytes(&o->json);
    n.line = text_bytes(line, health_write_line(h, line));
    n.message = text_bytes(message, health_write_message(h, message));
    tell(o, &n);
}

static const char *kind_name(const struct alert_output *out)
{
    static const char *const names[] = {
        [ALERT_TO_FILE] = "file", [ALERT_TO_SYSLOG] = "syslog", [ALERT_TO_JOURNAL] = "journal"};
    return names[out->setting.to];
}

static void tell_news(struct alert_outputs *o, const struct alert_output *out, enum peer_news news,
                      int why)
{
    char name[PEER_NAME_MAX], text[PEER_NAME_MAX + 128];
    peer_address_print(&out->setting.address, name);
    if (news == PEER_IS_LOST)
        (void)snprintf(text, sizeof(text), "%s at %s cannot be reached: %s; alerts wait for it",
                       kind_name(out), name, strerror(why));
    else
        (void)snprintf(text, sizeof(text),
                       "%s at %s is reached again; %llu alerts are folded, %llu were lost",
                       kind_name(out), name, (unsigned long long)out->fold.total,
                       (unsigned long long)peer_counters(out->peer).lost);
    o->notes.note(o->notes.context, text);
}

void alert_outputs_tick(struct alert_outputs *o, int64_t now_ns, int64_t clock_ns)
{
    for (size_t i = 0; i < o->count; i++) {
        struct alert_output *out = &o->items[i];
        int why;
        enum peer_news news = out->peer ? peer_tick(out->peer, clock_ns, &why) : PEER_AS_BEFORE;
        if (news != PEER_AS_BEFORE)
            tell_news(o, out, news, why);
        let_go(o, out, now_ns);
    }
}

static void end_peer(struct alert_outputs *o, struct alert_output *out)
{
    char name[PEER_NAME_MAX], text[PEER_NAME_MAX + 128];
    if (!out->peer)
        return;
    if (peer_finish(out->peer)) {
        tell_folded(o, out);
        (void)peer_finish(out->peer);
    }
    out->ended = peer_counters(out->peer);
    uint64_t folded = 0;
    for (size_t i = 0; i < out->fold.count; i++)
        folded += out->fold.rules[i].beyond + out->fold.rules[i].untaken;
    peer_close(out->peer);
    out->peer = NULL;
    if (out->ended.lost + folded == 0)
        return;
    peer_address_print(&out->setting.address, name);
    (void)snprintf(text, sizeof(text), "%s at %s: %llu alerts were lost", kind_name(out), name,
                   (unsigned long long)(out->ended.lost + folded));
    o->notes.note(o->notes.context, text);
}

bool alert_outputs_end(struct alert_outputs *o, struct error *error)
{
    struct error ignored;
    bool is_good = true;
    for (size_t i = 0; i < o->count; i++) {
        struct alert_output *out = &o->items[i];
        end_peer(o, out);
        if (!out->file.path)
            continue;
        tell_folded(o, out);
        if (!output_close(&out->file, is_good ? error : &ignored))
            is_good = false;
    }
    return is_good;
}

size_t alert_outputs_files(struct alert_outputs *o, struct output *files[ALERT_OUTPUTS_ALL_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (o->items[i].setting.to == ALERT_TO_FILE)
            files[count++] = &o->items[i].file;
    }
    return count;
}

size_t alert_outputs_peers(const struct alert_outputs *o,
                           const struct peer_address *peers[ALERT_OUTPUTS_ALL_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (o->items[i].setting.to != ALERT_TO_FILE)
            peers[count++] = &o->items[i].setting.address;
    }
    return count;
}

bool alert_outputs_counters(const struct alert_outputs *o, size_t i,
                            struct alert_output_counters *c)
{
    if (i >= o->count)
        return false;
    const struct alert_output *out = &o->items[i];
    const struct peer_counters peer = out->peer ? peer_counters(out->peer) : out->ended;
    char name[PEER_NAME_MAX];
    *c = (struct alert_output_counters){.sent = out->sent,
                                        .folded = out->fold.total,
                                        .lost = peer.lost + out->untaken,
                                        .returns = peer.returns};
    if (out->setting.to == ALERT_TO_FILE)
        (void)snprintf(name, sizeof(name), "%s", out->setting.path);
    else
        peer_address_print(&out->setting.address, name);
    (void)snprintf(c->name, sizeof(c->name), "%s %s", kind_name(out), name);
    return true;
}
