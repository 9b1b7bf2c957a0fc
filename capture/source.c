/*
 * libpcap: capture files and live interfaces.  One file is read in batches, without libpcap as long
 * as all is as usual, then by pcap_dispatch; several by pcap_next_ex, a heap holding each file's
 * next frame by time stamp.  Live interfaces are non-blocking and polled together; their frames
 * come in the order of the rings.
 */
#include "capture/source.h"

#include "capture/card.h"
#include "capture/fanout.h"
#include "capture/ring.h"
#include "capture/savefile.h"
#include "capture/unpack.h"
#include "core/clock.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <time.h>

enum {
    BATCH_PACKETS = 512,
    SNAP_LEN = 262144, /* libpcap's own maximum: frames over the MTU fit */
    TIMEOUT_MS = 100,
    STREAM_BUFFER = 64 * 1024,
    NAMES_MAX = 256,
    OPENING_MAX_S = 10, /* a frame that is older than that came by a clock that was set back */
};

struct input {
    char *name;
    pcap_t *pcap;
    struct unpack *unpack;     /* outlives the pcap_t's stream; NULL: live */
    char *buffers;             /* of the file and of the stream that unpacks it */
    struct savefile *savefile; /* that reads its usual frames; NULL: libpcap does */
    int link;
    int64_t tick_ns; /* of the second half of a time stamp */
    int64_t next_ns; /* files that are merged: the next frame */
    struct pcap_pkthdr *next;
    const u_char *next_data;
    int64_t since_ns; /* live: frames of before are passed over; 0: none any more */
    struct card card;
    size_t ring_bytes;    /* that the kernel gave; 0: unknown */
    uint32_t kernel_last; /* libpcap's counter at the last look */
};

struct source {
    bool is_live, is_started, has_failed, is_cut;
    struct input *inputs;
    size_t inputs_count;
    struct input **heap; /* files that have a next frame, the earliest first */
    size_t heap_count;
    struct pollfd *polls;
    struct source_drops drops;
    struct error failure; /* told at the end of the other files */
};

/* What pcap_dispatch hands back to us. */
struct taker {
    void (*take)(void *context, const struct packet *packet);
    void *context;
    struct input *input;
};

static int64_t packet_ns(const struct input *in, const struct pcap_pkthdr *header)
{
    return header->ts.tv_sec * CLOCK_SECOND_NS + header->ts.tv_usec * in->tick_ns;
}

static void packet_give(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    const struct taker *t = (const void *)user;
    struct packet packet = {
        .ns = packet_ns(t->input, header),
        .data = {data, header->caplen},
        .wire_len = header->len,
        .link = t->input->link,
    };
    t->take(t->context, &packet);
}

/* The same until the first frame that counts. */
static void packet_give_since(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct input *in = ((struct taker *)(void *)user)->input;
    int64_t early_ns = in->since_ns - packet_ns(in, header);
    if (early_ns > 0 && early_ns < OPENING_MAX_S * CLOCK_SECOND_NS)
        return;
    in->since_ns = 0;
    packet_give(user, header, data);
}

static struct source *source_new(size_t count)
{
    struct source *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->inputs = calloc(count + 1, sizeof(*s->inputs));
    s->heap = calloc(count + 1, sizeof(struct input *));
    s->polls = calloc(count + 1, sizeof(*s->polls));
    if (!s->inputs || !s->heap || !s->polls) {
        source_close(s);
        return NULL;
    }
    return s;
}

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_WORK, "out of memory");
}

static bool filter_set(struct input *in, const char *filter, struct error *error)
{
    struct bpf_program program;
    if (!filter)
        return true;
    if (pcap_compile(in->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return error_set(error, ERROR_USAGE, "%s: filter \"%s\": %s", in->name, filter,
                         pcap_geterr(in->pcap));
    int status = pcap_setfilter(in->pcap, &program);
    pcap_freecode(&program);
    if (status != 0)
        return error_set(error, ERROR_WORK, "%s: filter: %s", in->name, pcap_geterr(in->pcap));
    return true;
}

/* The bytes of the file, unpacked. */
static FILE *stream_open(struct input *in, const char *path, struct error *error)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *raw = is_stdin ? stdin : fopen(path, "rb");
    if (!raw) {
        (void)error_set(error, ERROR_WORK, "%s: %s", in->name, strerror(errno));
        return NULL;
    }
    if (!is_stdin) /* somebody may have looked at its first byte */
        (void)setvbuf(raw, in->buffers, _IOFBF, STREAM_BUFFER);
    errno = 0;
    in->unpack = unpack_open(raw);
    if (!in->unpack) {
        (void)error_set(error, ERROR_WORK, "%s: %s", in->name, strerror(errno ? errno : ENOMEM));
        if (!is_stdin)
            (void)fclose(raw);
        return NULL;
    }
    FILE *stream = unpack_stream(in->unpack);
    if (stream != raw)
        (void)setvbuf(stream, in->buffers + STREAM_BUFFER, _IOFBF, STREAM_BUFFER);
    (void)__fsetlocking(stream, FSETLOCKING_BYCALLER); /* one thread reads it, twice a frame */
    return stream;
}

static bool file_open(struct input *in, const char *path, const char *filter, struct error *error)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    in->name = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    in->buffers = malloc((size_t)2 * STREAM_BUFFER);
    if (!in->name || !in->buffers)
        return out_of_memory(error);
    FILE *stream = stream_open(in, path, error);
    if (!stream)
        return false;
    in->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (!in->pcap) {
        bool is_other = strstr(reason, "unknown file format") || strstr(reason, "header bytes");
        const char *problem = unpack_problem(in->unpack);
        if (!problem)
            problem = is_other ? "not a capture file (pcap or pcapng, also gzip or zstd)" : reason;
        (void)error_set(error, ERROR_WORK, "%s: %s", in->name, problem);
        (void)fclose(stream);
        return false;
    }
    in->link = pcap_datalink(in->pcap);
    in->tick_ns = 1;
    return filter_set(in, filter, error);
}

bool source_open_files(struct source **s, char *const *paths, size_t count, const char *filter,
                       struct error *error)
{
    *s = source_new(count);
    if (!*s)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++) {
        (*s)->inputs_count++;
        if (!file_open(&(*s)->inputs[i], paths[i], filter, error)) {
            source_close(*s);
            *s = NULL;
            return false;
        }
    }
    struct input *only = count == 1 && !filter ? &(*s)->inputs[0] : NULL;
    if (only)
        only->savefile = savefile_open(pcap_file(only->pcap), (size_t)pcap_snapshot(only->pcap));
    return true;
}

/* The names of the interfaces here, for the message that there is none of the name asked for. */
static void interface_names(char names[NAMES_MAX])
{
    char reason[PCAP_ERRBUF_SIZE];
    pcap_if_t *all = NULL;
    names[0] = '\0';
    if (pcap_findalldevs(&all, reason) != 0)
        return;
    size_t len = 0;
    for (pcap_if_t *i = all; i && len < NAMES_MAX; i = i->next) {
        if (!(i->flags & PCAP_IF_UP))
            continue;
        int wrote = snprintf(names + len, NAMES_MAX - len, "%s%s", len ? ", " : "", i->name);
        len += wrote > 0 ? (size_t)wrote : 0;
    }
    pcap_freealldevs(all);
}

static bool activation_failed(const struct input *in, int status, struct error *error)
{
    char names[NAMES_MAX];
    const char *reason = pcap_geterr(in->pcap);
    switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
        interface_names(names);
        return error_set(error, ERROR_WORK, "%s: no such interface (there are: %s)", in->name,
                         names);
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return error_set(error, ERROR_WORK,
                         "%s: no permission to capture: run as root, or once: "
                         "setcap cap_net_raw,cap_net_admin+ep PROGRAM",
                         in->name);
    case PCAP_ERROR_IFACE_NOT_UP:
        return error_set(error, ERROR_WORK, "%s: interface is down: ip link set %s up", in->name,
                         in->name);
    default:
        return error_set(error, ERROR_WORK, "%s: %s", in->name,
                         *reason ? reason : pcap_statustostr(status));
    }
}

static bool interface_open(struct input *in, const char *name, const char *filter, int ring_bytes,
                           struct error *error)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    in->name = strdup(name);
    if (!in->name)
        return out_of_memory(error);
    in->pcap = pcap_create(name, reason);
    if (!in->pcap)
        return error_set(error, ERROR_WORK, "%s: %s", name, reason);
    /* On a handle that is not active these fail for programmer errors only. */
    (void)pcap_set_snaplen(in->pcap, SNAP_LEN);
    (void)pcap_set_promisc(in->pcap, 1);
    (void)pcap_set_timeout(in->pcap, TIMEOUT_MS);
    (void)pcap_set_buffer_size(in->pcap, ring_bytes);
    (void)pcap_set_tstamp_precision(in->pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(in->pcap);
    if (status < 0)
        return activation_failed(in, status, error);
    if (pcap_setnonblock(in->pcap, 1, reason) != 0)
        return error_set(error, ERROR_WORK, "%s: %s", name, reason);
    card_open(&in->card, name);
    in->ring_bytes = ring_measure(pcap_fileno(in->pcap));
    bool is_nano = pcap_get_tstamp_precision(in->pcap) == PCAP_TSTAMP_PRECISION_NANO;
    in->tick_ns = is_nano ? 1 : 1000;
    in->link = pcap_datalink(in->pcap);
    return filter_set(in, filter, error);
}

bool source_open_live(struct source **s, char *const *interfaces, size_t count, const char *filter,
                      size_t ring_bytes, struct error *error)
{
    int ring = ring_bytes < INT32_MAX ? (int)ring_bytes : INT32_MAX;
    *s = source_new(count);
    if (!*s)
        return out_of_memory(error);
    (*s)->is_live = true;
    for (size_t i = 0; i < count; i++) {
        struct input *in = &(*s)->inputs[i];
        (*s)->inputs_count++;
        card_init(&in->card);
        if (!interface_open(in, interfaces[i], filter, ring, error)) {
            source_close(*s);
            *s = NULL;
            return false;
        }
        (*s)->polls[i] = (struct pollfd){.fd = pcap_get_selectable_fd(in->pcap), .events = POLLIN};
    }
    return true;
}

bool source_share(struct source *const *sources, size_t count, struct error *error)
{
    for (size_t i = 0; i < sources[0]->inputs_count; i++) {
        int group = -1;
        for (size_t n = 0; n < count; n++) {
            struct input *in = &sources[n]->inputs[i];
            if (n > 0)
                card_close(&in->card);
            if (!fanout_join(pcap_fileno(in->pcap), &group))
                return error_set(error, ERROR_WORK, "%s: packets cannot be spread over workers: %s",
                                 in->name, strerror(errno));
        }
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < sources[n]->inputs_count; i++)
            sources[n]->inputs[i].since_ns = now.tv_sec * CLOCK_SECOND_NS + now.tv_nsec;
    }
    return true;
}

size_t source_ring_bytes(const struct source *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->inputs_count; i++) {
        if (s->inputs[i].ring_bytes == 0)
            return 0;
        bytes += s->inputs[i].ring_bytes;
    }
    return bytes;
}

/* Keeps the first trouble; a file that is only cut short goes behind one that is damaged. */
static void failure_note(struct source *s, const struct input *in)
{
    const char *problem = in->unpack ? unpack_problem(in->unpack) : NULL;
    const char *reason = problem ? problem : pcap_geterr(in->pcap);
    bool is_cut = strstr(reason, "truncated") || strstr(reason, "ends early");
    if (s->has_failed || (is_cut && s->is_cut))
        return;
    s->has_failed = !is_cut;
    s->is_cut = s->is_cut || is_cut;
    (void)error_set(&s->failure, ERROR_WORK, "%s: %s", in->name, reason);
}

static enum source_status source_end(const struct source *s, struct error *error)
{
    if (!s->has_failed && !s->is_cut)
        return SOURCE_DONE;
    *error = s->failure;
    return s->has_failed ? SOURCE_FAILED : SOURCE_CUT;
}

/* Moves a file to its next frame; false at its end. */
static bool file_next(struct source *s, struct input *in)
{
    int status = pcap_next_ex(in->pcap, &in->next, &in->next_data);
    if (status == 1) {
        in->next_ns = packet_ns(in, in->next);
        return true;
    }
    if (status != PCAP_ERROR_BREAK)
        failure_note(s, in);
    return false;
}

/* Equal time stamps come in the order of the files. */
static bool is_earlier(const struct input *a, const struct input *b)
{
    return a->next_ns < b->next_ns || (a->next_ns == b->next_ns && a < b);
}

static void heap_sink(struct source *s, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < s->heap_count; child++) {
            if (is_earlier(s->heap[child], s->heap[least]))
                least = child;
        }
        if (least == at)
            return;
        struct input *up = s->heap[least];
        s->heap[least] = s->heap[at];
        s->heap[at] = up;
        at = least;
    }
}

static void heap_start(struct source *s)
{
    for (size_t i = 0; i < s->inputs_count; i++) {
        if (file_next(s, &s->inputs[i]))
            s->heap[s->heap_count++] = &s->inputs[i];
    }
    for (size_t i = s->heap_count; i-- > 0;)
        heap_sink(s, i);
    s->is_started = true;
}

static enum source_status files_read(struct source *s, struct taker *t, struct error *error)
{
    if (!s->is_started)
        heap_start(s);
    if (s->heap_count == 0)
        return source_end(s, error);
    for (unsigned i = 0; i < BATCH_PACKETS && s->heap_count > 0; i++) {
        struct input *in = s->heap[0];
        t->input = in;
        packet_give((u_char *)t, in->next, in->next_data);
        if (!file_next(s, in))
            s->heap[0] = s->heap[--s->heap_count];
        heap_sink(s, 0);
    }
    return SOURCE_PACKETS;
}

/* Frames that need no libpcap; false where none is left. */
static bool savefile_read(const struct taker *t)
{
    const struct input *in = t->input;
    struct savefile_frame frame;
    unsigned count = 0;
    for (; count < BATCH_PACKETS && savefile_next(in->savefile, &frame); count++) {
        struct packet packet = {
            .ns = frame.ns, .data = frame.data, .wire_len = frame.wire_len, .link = in->link};
        t->take(t->context, &packet);
    }
    return count > 0;
}

static enum source_status file_read(struct source *s, struct taker *t, struct error *error)
{
    struct input *in = t->input = &s->inputs[0];
    if (in->savefile && savefile_read(t))
        return SOURCE_PACKETS;
    savefile_close(in->savefile);
    in->savefile = NULL;
    int count =
        s->has_failed ? 0 : pcap_dispatch(t->input->pcap, BATCH_PACKETS, packet_give, (u_char *)t);
    if (count > 0)
        return SOURCE_PACKETS;
    if (count < 0)
        failure_note(s, t->input);
    return source_end(s, error);
}

static enum source_status live_read(struct source *s, struct taker *t, struct error *error)
{
    enum source_status status = SOURCE_QUIET;
    if (poll(s->polls, s->inputs_count, TIMEOUT_MS) <= 0)
        return SOURCE_QUIET; /* or a signal: the caller looks for those */
    for (size_t i = 0; i < s->inputs_count; i++) {
        struct input *in = t->input = &s->inputs[i];
        pcap_handler give = in->since_ns != 0 ? packet_give_since : packet_give;
        int count =
            s->polls[i].revents ? pcap_dispatch(in->pcap, BATCH_PACKETS, give, (u_char *)t) : 0;
        if (count < 0) {
            failure_note(s, t->input);
            return source_end(s, error);
        }
        if (count > 0)
            status = SOURCE_PACKETS;
    }
    return status;
}

enum source_status source_read(struct source *s,
                               void (*take)(void *context, const struct packet *packet),
                               void *context, struct error *error)
{
    struct taker t = {.take = take, .context = context};
    if (s->is_live)
        return live_read(s, &t, error);
    return s->inputs_count == 1 ? file_read(s, &t, error) : files_read(s, &t, error);
}

struct source_drops source_drops(struct source *s)
{
    struct pcap_stat now;
    for (size_t i = 0; s->is_live && i < s->inputs_count; i++) {
        struct input *in = &s->inputs[i];
        s->drops.interface += card_lost(&in->card);
        if (pcap_stats(in->pcap, &now) != 0)
            continue;
        s->drops.kernel += (uint32_t)(now.ps_drop - in->kernel_last);
        in->kernel_last = now.ps_drop;
    }
    return s->drops;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->inputs && i < s->inputs_count; i++) {
        if (s->inputs[i].pcap)
            pcap_close(s->inputs[i].pcap);
        if (s->is_live)
            card_close(&s->inputs[i].card);
        unpack_close(s->inputs[i].unpack);
        savefile_close(s->inputs[i].savefile);
        free(s->inputs[i].buffers);
        free(s->inputs[i].name);
    }
    free(s->inputs);
    free(s->heap);
    free(s->polls);
    free(s);
}
