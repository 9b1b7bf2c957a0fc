/*
 * Files of every kind and every kind of wrong file, written to a folder of the test's own; one live
 * look at the loopback interface where the system allows it.
 */
#include "tests/cmocka.h"

#include "capture/source.h"
#include "core/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { TAKEN_MAX = 4096, PACKET_LEN = 42, PATH_LEN = 256, FILE_MAX = 1 << 20 };

struct bench {
    char folder[PATH_LEN];
    size_t taken_count;
    int64_t ns[TAKEN_MAX];
    uint8_t mark[TAKEN_MAX]; /* the packet's last byte */
    uint32_t wire_len, captured;
    int link;
    struct error error;
};

static int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    (void)snprintf(b->folder, sizeof(b->folder), "%s/source_test.XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(b->folder));
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    char command[PATH_LEN + 16];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", b->folder);
    assert_int_equal(system(command), 0);
    free(b);
    return 0;
}

static void take(void *context, const struct packet *packet)
{
    struct bench *b = context;
    assert_true(b->taken_count < TAKEN_MAX);
    b->ns[b->taken_count] = packet->ns;
    b->mark[b->taken_count] = packet->data.data[packet->data.len - 1];
    b->wire_len = packet->wire_len;
    b->captured = (uint32_t)packet->data.len;
    b->link = packet->link;
    b->taken_count++;
}

static char *path_in(const struct bench *b, const char *name)
{
    char *path = malloc(PATH_LEN);
    assert_non_null(path);
    assert_true(snprintf(path, PATH_LEN, "%s/%s", b->folder, name) < PATH_LEN);
    return path;
}

static void bytes_write(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static size_t bytes_read(const char *path, uint8_t *data)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(data, 1, FILE_MAX, f);
    assert_int_equal(fclose(f), 0);
    return len;
}

/* A capture of UDP packets at the given times, the last byte of each telling `mark`. */
static char *capture_write(const struct bench *b, const char *name, const int64_t *ns, size_t count,
                           uint8_t mark, int link)
{
    uint8_t packet[PACKET_LEN] = {[12] = 8, [14] = 0x45, [17] = 28, [23] = 17, [39] = 8};
    char *path = path_in(b, name);
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(link, 65535, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *to = pcap_dump_open(pcap, path);
    assert_non_null(to);
    packet[PACKET_LEN - 1] = mark;
    for (size_t i = 0; i < count; i++) {
        struct pcap_pkthdr header = {.ts = {ns[i] / CLOCK_SECOND_NS, ns[i] % CLOCK_SECOND_NS},
                                     .caplen = PACKET_LEN,
                                     .len = 60};
        pcap_dump((u_char *)to, &header, packet);
    }
    pcap_dump_close(to);
    pcap_close(pcap);
    return path;
}

/* Reads all; the status at the end. */
static enum source_status read_all(struct bench *b, struct source *s)
{
    enum source_status status;
    b->taken_count = 0;
    do {
        status = source_read(s, take, b, &b->error);
    } while (status == SOURCE_PACKETS);
    source_close(s);
    return status;
}

static enum source_status files_read(struct bench *b, char **paths, size_t count,
                                     const char *filter)
{
    struct source *s;
    if (!source_open_files(&s, paths, count, filter, &b->error))
        fail_msg("%s", b->error.text);
    return read_all(b, s);
}

static void assert_refused(struct bench *b, char *path, const char *filter, const char *text)
{
    struct source *s;
    assert_false(source_open_files(&s, &path, 1, filter, &b->error));
    if (!strstr(b->error.text, text))
        fail_msg("\"%s\" instead of \"%s\"", b->error.text, text);
    assert_null(strchr(b->error.text, '\n'));
    assert_null(s);
}

static const int64_t three[] = {1000000000000000001, 1000000000000000002, 1000000005000000003};

static void assert_three(const struct bench *b)
{
    assert_int_equal(b->taken_count, 3);
    assert_memory_equal(b->ns, three, sizeof(three));
    assert_int_equal(b->mark[0], 7);
    assert_int_equal(b->wire_len, 60);
    assert_int_equal(b->captured, PACKET_LEN);
    assert_int_equal(b->link, DLT_EN10MB);
}

static void a_file_gives_nanoseconds_and_lengths(void **state)
{
    struct bench *b = *state;
    char *path = capture_write(b, "a.pcap", three, 3, 7, DLT_EN10MB);
    assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_DONE);
    assert_three(b);
    free(path);
}

static void a_file_without_packets_is_done(void **state)
{
    struct bench *b = *state;
    char *path = capture_write(b, "a.pcap", three, 0, 7, DLT_EN10MB);
    assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_DONE);
    assert_int_equal(b->taken_count, 0);
    free(path);
}

static void gzip_is_read_also_of_several_members(void **state)
{
    struct bench *b = *state;
    uint8_t *plain = malloc(FILE_MAX);
    char *path = capture_write(b, "a.pcap", three, 3, 7, DLT_EN10MB);
    char *packed = path_in(b, "a.pcap.gz");
    size_t len = bytes_read(path, plain);
    for (size_t split = 0; split < len; split += 40) {
        gzFile first = gzopen(packed, "wb");
        assert_int_equal(gzwrite(first, plain, (unsigned)split), split);
        assert_int_equal(gzclose(first), Z_OK);
        gzFile second = gzopen(packed, "ab");
        assert_int_equal(gzwrite(second, plain + split, (unsigned)(len - split)), len - split);
        assert_int_equal(gzclose(second), Z_OK);
        assert_int_equal(files_read(b, &packed, 1, NULL), SOURCE_DONE);
        assert_three(b);
    }
    free(plain);
    free(path);
    free(packed);
}

/* Packs the file into a zstd frame at `out`; returns its length. */
static size_t zstd_pack(const char *path, uint8_t *out)
{
    uint8_t *plain = malloc(FILE_MAX);
    size_t len = ZSTD_compress(out, FILE_MAX, plain, bytes_read(path, plain), 3);
    assert_false(ZSTD_isError(len));
    free(plain);
    return len;
}

static void zstd_is_read(void **state)
{
    struct bench *b = *state;
    uint8_t *frame = malloc(FILE_MAX);
    char *path = capture_write(b, "a.pcap", three, 3, 7, DLT_EN10MB);
    bytes_write(path, frame, zstd_pack(path, frame));
    assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_DONE);
    assert_three(b);
    free(frame);
    free(path);
}

static void a_large_packed_file_is_read_in_batches(void **state)
{
    struct bench *b = *state;
    int64_t ns[4000];
    uint8_t *frame = malloc(FILE_MAX);
    for (size_t i = 0; i < 4000; i++)
        ns[i] = (int64_t)i * 1000003;
    char *path = capture_write(b, "a.pcap", ns, 4000, 7, DLT_EN10MB);
    bytes_write(path, frame, zstd_pack(path, frame));
    assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_DONE);
    assert_int_equal(b->taken_count, 4000);
    assert_memory_equal(b->ns, ns, sizeof(ns));
    free(frame);
    free(path);
}

/* Section header, Ethernet interface with nanoseconds, one packet of a byte. */
static const uint8_t pcapng[] = {
    0x0a, 0x0d, 0x0d, 0x0a, 28,   0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a, 1,  0, 0, 0,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28,   0,    0,    0,    1,  0, 0, 0,
    32,   0,    0,    0,    1,    0,    0,    0,    0,    0,    4,    0,    9,  0, 1, 0,
    9,    0,    0,    0,    0,    0,    0,    0,    32,   0,    0,    0,    6,  0, 0, 0,
    36,   0,    0,    0,    0,    0,    0,    0,    1,    0,    0,    0,    5,  0, 0, 0,
    1,    0,    0,    0,    60,   0,    0,    0,    7,    0,    0,    0,    36, 0, 0, 0,
};

static void pcapng_is_read(void **state)
{
    struct bench *b = *state;
    char *path = path_in(b, "a.pcapng");
    bytes_write(path, pcapng, sizeof(pcapng));
    assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_DONE);
    assert_int_equal(b->taken_count, 1);
    assert_int_equal(b->ns[0], INT64_C(0x100000005));
    assert_int_equal(b->mark[0], 7);
    assert_int_equal(b->wire_len, 60);
    free(path);
}

/* Reads the file as standard input, which is put back afterwards. */
static void stdin_read(struct bench *b, const char *path)
{
    char *dash = strdup("-");
    int before = dup(STDIN_FILENO);
    assert_non_null(freopen(path, "rb", stdin));
    assert_int_equal(files_read(b, &dash, 1, NULL), SOURCE_DONE);
    clearerr(stdin);
    assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(before), 0);
    free(dash);
}

static void standard_input_is_read_plain_and_packed(void **state)
{
    struct bench *b = *state;
    uint8_t *frame = malloc(FILE_MAX);
    char *path = capture_write(b, "a.pcap", three, 3, 7, DLT_EN10MB);
    stdin_read(b, path);
    assert_three(b);
    bytes_write(path, frame, zstd_pack(path, frame));
    stdin_read(b, path);
    assert_three(b);
    free(frame);
    free(path);
}

static void several_files_are_merged_by_time(void **state)
{
    struct bench *b = *state;
    static const int64_t times[4][3] = {{10, 40, 41}, {5, 6, 50}, {41, 42, 43}, {1, 2, 3}};
    static const int64_t merged[] = {1, 2, 3, 5, 6, 10, 40, 41, 41, 42, 43, 50};
    static const uint8_t marks[] = {3, 3, 3, 1, 1, 0, 0, 0, 2, 2, 2, 1};
    char *paths[5];
    for (uint8_t i = 0; i < 4; i++) {
        char name[] = {(char)('a' + i), '\0'};
        paths[i] = capture_write(b, name, times[i], 3, i, i == 2 ? DLT_RAW : DLT_EN10MB);
    }
    paths[4] = capture_write(b, "empty", times[0], 0, 0, DLT_EN10MB);
    assert_int_equal(files_read(b, paths, 5, NULL), SOURCE_DONE);
    assert_int_equal(b->taken_count, 12);
    assert_memory_equal(b->ns, merged, sizeof(merged));
    assert_memory_equal(b->mark, marks, sizeof(marks));
    for (size_t i = 0; i < 5; i++)
        free(paths[i]);
}

static void a_filter_holds_for_every_file(void **state)
{
    struct bench *b = *state;
    char *paths[2] = {capture_write(b, "a", three, 3, 1, DLT_EN10MB),
                      capture_write(b, "b", three, 3, 2, DLT_EN10MB)};
    assert_int_equal(files_read(b, paths, 2, "udp"), SOURCE_DONE);
    assert_int_equal(b->taken_count, 6);
    assert_int_equal(files_read(b, paths, 2, "tcp port 80"), SOURCE_DONE);
    assert_int_equal(b->taken_count, 0);
    assert_int_equal(files_read(b, paths, 1, "tcp port 80"), SOURCE_DONE);
    assert_int_equal(b->taken_count, 0);
    free(paths[0]);
    free(paths[1]);
}

static void a_wrong_filter_is_wrong_usage(void **state)
{
    struct bench *b = *state;
    char *path = capture_write(b, "a", three, 3, 1, DLT_EN10MB);
    assert_refused(b, path, "udp prot 80", "filter \"udp prot 80\": ");
    assert_int_equal(b->error.kind, ERROR_USAGE);
    free(path);
}

static void wrong_files_are_told_before_any_packet(void **state)
{
    struct bench *b = *state;
    static const char *const contents[] = {"", "x", "hello, world: no capture at all\n",
                                           "\xd4\xc3\xb2\xa1\x02"};
    char *missing = path_in(b, "missing"), *wrong = path_in(b, "wrong");
    assert_refused(b, missing, NULL, "missing: No such file or directory");
    assert_int_equal(b->error.kind, ERROR_WORK);
    assert_refused(b, b->folder, NULL, "Is a directory");
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        bytes_write(wrong, contents[i], strlen(contents[i]));
        assert_refused(b, wrong, NULL,
                       "wrong: not a capture file (pcap or pcapng, also gzip or zstd)");
    }
    struct source *s;
    char *paths[2] = {capture_write(b, "a", three, 3, 1, DLT_EN10MB), wrong};
    assert_false(source_open_files(&s, paths, 2, NULL, &b->error));
    free(paths[0]);
    free(missing);
    free(wrong);
}

static void packed_files_that_hold_something_else_are_told(void **state)
{
    struct bench *b = *state;
    char *path = path_in(b, "wrong.gz");
    gzFile to = gzopen(path, "wb");
    assert_int_equal(gzwrite(to, "hello, hello, hello, hello", 26), 26);
    assert_int_equal(gzclose(to), Z_OK);
    assert_refused(b, path, NULL, "not a capture file");
    bytes_write(path, "\x1f\x8b garbage", 10);
    assert_refused(b, path, NULL, "wrong.gz: damaged gzip data");
    bytes_write(path, "\x28\xb5\x2f\xfd garbage garbage", 20);
    assert_refused(b, path, NULL, "wrong.gz: damaged zstd data");
    free(path);
}

/* Frames of all lengths, of several pieces of the file, and one that is longer than the header
 * says; microseconds or nanoseconds. */
static char *long_capture_write(const struct bench *b, const char *name, u_int precision)
{
    static uint8_t frame[70000];
    char *path = path_in(b, name);
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, precision);
    pcap_dumper_t *to = pcap_dump_open(pcap, path);
    assert_non_null(to);
    for (bpf_u_int32 i = 0; i < 1000; i++) {
        struct pcap_pkthdr header = {.ts = {1767623400 + i, i}, .caplen = 1 + i * 7 % 1500};
        header.caplen = i == 800 ? sizeof(frame) : header.caplen;
        header.len = header.caplen + i;
        memset(frame, (int)i, sizeof(frame));
        pcap_dump((u_char *)to, &header, frame);
    }
    pcap_dump_close(to);
    pcap_close(pcap);
    return path;
}

/* A filter has libpcap read the file. */
static void a_file_reads_as_libpcap_reads_it(void **state)
{
    struct bench *b = *state;
    static struct bench other;
    static const u_int precisions[] = {PCAP_TSTAMP_PRECISION_MICRO, PCAP_TSTAMP_PRECISION_NANO};
    for (size_t i = 0; i < 2; i++) {
        char *path = long_capture_write(b, "long", precisions[i]);
        assert_int_equal(files_read(&other, &path, 1, "greater 0"), SOURCE_DONE);
        assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_DONE);
        assert_int_equal(b->taken_count, 1000);
        assert_int_equal(other.taken_count, 1000);
        assert_memory_equal(b->ns, other.ns, sizeof(b->ns));
        assert_memory_equal(b->mark, other.mark, sizeof(b->mark));
        assert_int_equal(b->wire_len, other.wire_len);
        assert_int_equal(b->captured, other.captured);
        free(path);
    }
}

static void a_truncated_file_gives_what_it_has(void **state)
{
    struct bench *b = *state;
    char *paths[2] = {capture_write(b, "a", three, 3, 7, DLT_EN10MB),
                      capture_write(b, "b", three, 3, 8, DLT_EN10MB)};
    uint8_t *plain = malloc(FILE_MAX);
    bytes_write(paths[0], plain, bytes_read(paths[0], plain) - 5);
    assert_int_equal(files_read(b, paths, 1, NULL), SOURCE_CUT);
    assert_int_equal(b->taken_count, 2);
    assert_non_null(strstr(b->error.text, "/a: truncated"));
    assert_int_equal(files_read(b, paths, 2, NULL), SOURCE_CUT);
    assert_int_equal(b->taken_count, 5);
    assert_non_null(strstr(b->error.text, "/a: truncated"));
    free(plain);
    free(paths[0]);
    free(paths[1]);
}

static void a_truncated_packed_file_gives_what_it_has(void **state)
{
    struct bench *b = *state;
    char *path = capture_write(b, "a", three, 3, 7, DLT_EN10MB);
    uint8_t *plain = malloc(FILE_MAX);
    size_t len = bytes_read(path, plain);
    gzFile to = gzopen(path, "wb0"); /* stored, so that the cut falls into the last packet */
    assert_int_equal(gzwrite(to, plain, (unsigned)len), len);
    assert_int_equal(gzclose(to), Z_OK);
    bytes_write(path, plain, bytes_read(path, plain) - 20);
    assert_int_equal(files_read(b, &path, 1, NULL), SOURCE_CUT);
    assert_int_equal(b->taken_count, 2);
    assert_non_null(strstr(b->error.text, "compressed data ends early"));
    free(plain);
    free(path);
}

static void an_unknown_interface_is_named(void **state)
{
    struct bench *b = *state;
    struct source *s;
    char name[] = "seepwatch-none";
    char *names[] = {name};
    assert_false(source_open_live(&s, names, 1, NULL, 1 << 20, &b->error));
    assert_non_null(strstr(b->error.text, "seepwatch-none: no "));
    assert_null(s);
}

/* What the kernel has for a ring, as far as this test lets libpcap see; 0: all of it. */
static size_t ring_bytes_max;

/* libpcap comes by here on its way to the kernel. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (level == SOL_PACKET && name == PACKET_RX_RING && len == sizeof(struct tpacket_req3)) {
        const struct tpacket_req3 *ring = value;
        size_t bytes = (size_t)ring->tp_block_size * ring->tp_block_nr;
        if (ring_bytes_max != 0 && bytes > ring_bytes_max) {
            errno = ENOMEM;
            return -1;
        }
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

static struct source *loopback_open(struct bench *b, size_t ring_bytes)
{
    struct source *s;
    char name[] = "lo";
    char *names[] = {name};
    if (!source_open_live(&s, names, 1, "udp port 9", ring_bytes, &b->error)) {
        print_message("skipped: %s\n", b->error.text);
        skip();
    }
    return s;
}

/* From 127.0.0.HOST; the last byte is the mark. */
static void datagram_send(uint8_t host, const char *mark)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(9);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&from, sizeof(from)), 0);
    assert_int_equal(sendto(fd, mark, 1, 0, (const struct sockaddr *)(const void *)&to, sizeof(to)),
                     1);
    assert_int_equal(close(fd), 0);
}

static void the_loopback_interface_is_seen_live(void **state)
{
    struct bench *b = *state;
    struct source *s = loopback_open(b, 1 << 20);
    datagram_send(1, "k");
    for (unsigned i = 0; i < 50 && b->taken_count == 0; i++)
        assert_int_not_equal(source_read(s, take, b, &b->error), SOURCE_FAILED);
    assert_true(b->taken_count > 0);
    assert_int_equal(b->mark[0], 'k');
    assert_true(b->ns[0] > 1700000000 * CLOCK_SECOND_NS);
    b->taken_count = 0;
    assert_int_equal(source_read(s, take, b, &b->error), SOURCE_QUIET);
    assert_int_equal(source_drops(s).kernel, 0);
    source_close(s);
}

/* How many frames of that mark a source has, until it is quiet. */
static size_t marks_read(struct bench *b, struct source *s, char mark)
{
    size_t count = 0;
    unsigned quiet = 0;
    b->taken_count = 0;
    while (quiet < 3)
        quiet += source_read(s, take, b, &b->error) == SOURCE_QUIET;
    for (size_t i = 0; i < b->taken_count; i++)
        count += b->mark[i] == mark;
    return count;
}

static void sources_that_share_have_each_frame_once(void **state)
{
    enum { HOSTS = 200, SOURCES = 2 };
    struct bench *b = *state;
    struct source *sources[SOURCES];
    size_t counts[SOURCES];
    sources[0] = loopback_open(b, 1 << 20);
    datagram_send(1, "a");
    sources[1] = loopback_open(b, 1 << 20);
    datagram_send(1, "a"); /* now both have it */
    if (!source_share(sources, SOURCES, &b->error))
        fail_msg("%s", b->error.text);
    for (uint8_t host = 1; host <= HOSTS; host++)
        datagram_send(host, "b");
    for (size_t i = 0; i < SOURCES; i++) {
        counts[i] = marks_read(b, sources[i], 'b');
        assert_int_equal(counts[i], b->taken_count); /* what came before is passed over */
        assert_true(counts[i] > HOSTS / 4);
    }
    assert_int_equal(counts[0] + counts[1], HOSTS);
    source_close(sources[0]);
    source_close(sources[1]);
}

static void a_ring_that_the_kernel_made_smaller_is_measured(void **state)
{
    enum { ASKED = 16 << 20, THERE = 9 << 20 };
    struct bench *b = *state;
    struct source *s = loopback_open(b, ASKED);
    assert_int_equal(source_ring_bytes(s), ASKED);
    source_close(s);
    ring_bytes_max = THERE;
    s = loopback_open(b, ASKED);
    ring_bytes_max = 0;
    assert_in_range(source_ring_bytes(s), THERE / 2, THERE);
    source_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_gives_nanoseconds_and_lengths),
        TEST(a_file_without_packets_is_done),
        TEST(gzip_is_read_also_of_several_members),
        TEST(zstd_is_read),
        TEST(a_large_packed_file_is_read_in_batches),
        TEST(pcapng_is_read),
        TEST(standard_input_is_read_plain_and_packed),
        TEST(several_files_are_merged_by_time),
        TEST(a_filter_holds_for_every_file),
        TEST(a_wrong_filter_is_wrong_usage),
        TEST(wrong_files_are_told_before_any_packet),
        TEST(packed_files_that_hold_something_else_are_told),
        TEST(a_file_reads_as_libpcap_reads_it),
        TEST(a_truncated_file_gives_what_it_has),
        TEST(a_truncated_packed_file_gives_what_it_has),
        TEST(an_unknown_interface_is_named),
        TEST(the_loopback_interface_is_seen_live),
        TEST(sources_that_share_have_each_frame_once),
        TEST(a_ring_that_the_kernel_made_smaller_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
