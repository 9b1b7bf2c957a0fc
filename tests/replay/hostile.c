/*
 * Traffic made to hurt, as a capture on standard output, with an honest PostgreSQL connection in
 * the midst of it: STEPS queries of HONEST_ROWS rows each.
 *
 *   hostile KIND COUNT STEPS     a packet each microsecond; COUNT is what the kind makes many of
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HONEST_ROWS = 3,
    FIN = 1,
    SYN = 2,
    RST = 4,
    ACK = 16,
    FRAME_MAX = 70000,
    TEXT_MAX = 65000,
};

/* One end's address in a packet: IPv4 as a number, a port. */
struct end {
    uint32_t ip;
    uint16_t port;
};

/* A connection whose two directions are in order. */
struct talk {
    struct end ends[2];
    uint32_t next[2];
};

static uint64_t now_us, random_state = 1;
static uint64_t steps_every, steps_left;
static struct talk honest = {{{0x0a000001, 40000}, {0x0a000002, 5432}}, {1000, 5000}};

static uint32_t random32(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static uint8_t *put(uint8_t *at, uint32_t value, unsigned bytes)
{
    while (bytes-- > 0)
        *at++ = (uint8_t)(value >> 8 * bytes);
    return at;
}

static void write_frame(const uint8_t *frame, size_t len)
{
    const uint32_t head[4] = {1767600000u + (uint32_t)(now_us / 1000000),
                              (uint32_t)(now_us % 1000000), (uint32_t)len, (uint32_t)len};
    now_us++;
    if (fwrite(head, sizeof(head), 1, stdout) != 1 || fwrite(frame, len, 1, stdout) != 1)
        exit(1);
}

static uint8_t *put_ethernet(uint8_t *at, uint16_t type)
{
    memset(at, 2, 12);
    return put(at + 12, type, 2);
}

static uint8_t *put_ipv4(uint8_t *at, uint32_t from, uint32_t to, uint8_t protocol, size_t len,
                         uint32_t id, uint32_t fragment)
{
    at = put(at, 0x4500, 2);
    at = put(at, (uint32_t)(20 + len), 2);
    at = put(at, id, 2);
    at = put(at, fragment, 2);
    at = put(at, 64u << 8 | protocol, 2);
    at = put(at, 0, 2);
    return put(put(at, from, 4), to, 4);
}

static void segment(struct end from, struct end to, uint32_t sequence, uint32_t acknowledgment,
                    unsigned flags, uint32_t window, const void *data, size_t len)
{
    static uint8_t frame[FRAME_MAX];
    uint8_t *at = put_ethernet(frame, 0x0800);
    at = put_ipv4(at, from.ip, to.ip, 6, 20 + len, 0, 0);
    at = put(put(at, from.port, 2), to.port, 2);
    at = put(put(at, sequence, 4), acknowledgment, 4);
    at = put(put(at, 0x5000 | flags, 2), window, 2);
    at = put(at, 0, 4);
    if (len > 0)
        memcpy(at, data, len);
    write_frame(frame, (size_t)(at - frame) + len);
}

static void say(struct talk *t, int side, unsigned flags, const void *data, size_t len)
{
    segment(t->ends[side], t->ends[!side], t->next[side], t->next[!side], flags, 65535, data, len);
    t->next[side] += (uint32_t)len + (flags & (SYN | FIN) ? 1 : 0);
}

static void open_talk(struct talk *t)
{
    segment(t->ends[0], t->ends[1], t->next[0]++, 0, SYN, 65535, NULL, 0);
    say(t, 1, SYN | ACK, NULL, 0);
    say(t, 0, ACK, NULL, 0);
}

/* --- PostgreSQL ------------------------------------------------------------------------------- */

static size_t message(uint8_t *at, char kind, const void *body, size_t len)
{
    *at = (uint8_t)kind;
    (void)put(at + 1, (uint32_t)(4 + len), 4);
    memcpy(at + 5, body, len);
    return 5 + len;
}

static void login(struct talk *t, const char *user)
{
    uint8_t text[256] = {0};
    static const uint8_t good[] = {'R', 0, 0, 0, 8, 0, 0, 0, 0, 'Z', 0, 0, 0, 5, 'I'};
    size_t len = 8 + 5 + strlen(user) + 2;
    (void)put(put(text, (uint32_t)len, 4), 196608, 4);
    memcpy(text + 8, "user", 5);
    memcpy(text + 13, user, strlen(user) + 1);
    open_talk(t);
    say(t, 0, ACK, text, len);
    say(t, 1, ACK, good, sizeof(good));
}

static void query(struct talk *t, const char *sql, unsigned rows)
{
    static uint8_t text[TEXT_MAX];
    static const uint8_t row[] = {0, 1, 0, 0, 0, 4, 'm', 'a', 'd', 'e'};
    char tag[32];
    say(t, 0, ACK, text, message(text, 'Q', sql, strlen(sql) + 1));
    size_t len = 0;
    for (unsigned i = 0; i < rows; i++)
        len += message(text + len, 'D', row, sizeof(row));
    int tag_len = snprintf(tag, sizeof(tag), "SELECT %u", rows);
    len += message(text + len, 'C', tag, (size_t)tag_len + 1);
    len += message(text + len, 'Z', "I", 1);
    say(t, 1, ACK, text, len);
}

/* Called once for each hostile thing: the honest connection takes its turns between them. */
static void turn(void)
{
    static uint64_t things;
    if (things++ % steps_every == 0 && steps_left-- > 0)
        query(&honest, "select name from customers where id = 7", HONEST_ROWS);
}

/* --- the kinds -------------------------------------------------------------------------------- */

static struct end stranger(uint32_t n)
{
    return (struct end){0x0b000000 + n, (uint16_t)(1024 + random32() % 60000)};
}

static const struct end database = {0x0a000002, 5432}, web = {0x0a000003, 80};

static void syn_flood(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        turn();
        segment(stranger(i), database, random32(), 0, SYN, 65535, NULL, 0);
    }
}

/* The client alone, as with addresses that are not its own. */
static void half_open(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct end from = stranger(i);
        uint32_t sequence = random32();
        turn();
        segment(from, database, sequence, 0, SYN, 65535, NULL, 0);
        segment(from, database, sequence + 1, 1, ACK, 65535, "\0", 1);
    }
}

/* Whole handshakes, then one byte. */
static void half_said(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct talk t = {{stranger(i), i % 2 ? database : web}, {random32(), random32()}};
        turn();
        open_talk(&t);
        say(&t, 0, ACK, "G", 1);
    }
}

/* Connections that log in and stay. */
static void stays(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct talk t = {{stranger(i), database}, {random32(), random32()}};
        char user[32];
        (void)snprintf(user, sizeof(user), "user%u", i);
        turn();
        login(&t, user);
    }
}

static void fragments(uint32_t count)
{
    static uint8_t frame[FRAME_MAX];
    for (uint32_t i = 0; i < count; i++) {
        size_t len = 8 + 8 * (random32() % 100);
        uint32_t offset = i % 3 == 0 ? 0 : random32() % 4000; /* of every third others overlap */
        uint8_t *at = put_ethernet(frame, 0x0800);
        turn();
        at = put_ipv4(at, 0x0b000001 + i / 6, 0x0a000002, 6, len, i / 2, 0x2000 | offset);
        memset(at, (int)random32(), len);
        write_frame(frame, (size_t)(at - frame) + len);
    }
}

static void fragments6(uint32_t count)
{
    static uint8_t frame[FRAME_MAX];
    for (uint32_t i = 0; i < count; i++) {
        size_t len = 8 + 8 * (random32() % 100);
        uint32_t offset = i % 3 == 0 ? 0 : random32() % 4000;
        uint8_t *at = put_ethernet(frame, 0x86dd);
        turn();
        at = put(put(at, 0x60000000, 4), (uint32_t)(8 + len), 2);
        at = put(at, 44u << 8 | 64, 2);
        for (uint32_t half = 0; half < 2; half++)
            at = put(put(at, 0x20010db8, 4), half, 4), at = put(put(at, 0, 4), i / 6, 4);
        at = put(put(at, 6u << 8, 2), offset << 3 | 1, 2);
        at = put(at, i / 2, 4);
        memset(at, (int)random32(), len);
        write_frame(frame, (size_t)(at - frame) + len);
    }
}

/* One byte each, in no order, every eighth missing, over a few hundred connections at once. */
static void tiny(uint32_t count)
{
    enum { TALKS = 400, WIDTH = 2048 };
    static struct talk talks[TALKS];
    for (uint32_t i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){{stranger(i), web}, {random32(), random32()}};
        open_talk(&talks[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct talk *t = &talks[i % TALKS];
        uint32_t place = 1 + i / TALKS / WIDTH * WIDTH + random32() % WIDTH;
        turn();
        if (place % 8 != 0)
            segment(t->ends[0], t->ends[1], t->next[0] + place, t->next[1], ACK, 65535, "x", 1);
    }
}

/* Whole segments behind a hole, on ever more connections. */
static void holes(uint32_t count)
{
    static uint8_t data[1400];
    for (uint32_t i = 0; i < count; i++) {
        struct talk t = {{stranger(i), web}, {random32(), random32()}};
        turn();
        open_talk(&t);
        segment(t.ends[0], t.ends[1], t.next[0] + 100, t.next[1], ACK, 65535, data, sizeof(data));
        segment(t.ends[0], t.ends[1], t.next[0] + 9000, t.next[1], ACK, 65535, data, sizeof(data));
    }
}

/* Numbers that wrap, jump and overlap with other bytes; windows of 0; resets and ends in storms. */
static void sequences(uint32_t count)
{
    enum { TALKS = 1000 };
    static struct talk talks[TALKS];
    uint8_t data[256];
    for (uint32_t i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){{stranger(i), i % 2 ? database : web}, {0xfffffff0, 0xffffff00}};
        open_talk(&talks[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct talk *t = &talks[random32() % TALKS];
        int side = (int)(random32() & 1);
        uint32_t jumps[] = {0, 1, 40, 100, 0xffffffd8, 0x40000000, 0x80000000, random32()};
        uint32_t at = t->next[side] + jumps[random32() % 8], what = random32() % 16;
        unsigned flags = what == 0 ? RST : what < 3 ? FIN | ACK : what == 3 ? SYN | ACK : ACK;
        size_t len = random32() % sizeof(data);
        turn();
        memset(data, (int)random32(), sizeof(data));
        segment(t->ends[side], t->ends[!side], at, t->next[!side] + random32() % 3000, flags,
                what < 8 ? 0 : 65535, data, len);
        t->next[side] += what == 5 ? (uint32_t)len : 0;
    }
}

static void get(struct talk *t, uint32_t i, const char *user)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "GET /p%u/%x HTTP/1.1\r\nHost: h%u.example\r\nUser-Agent: a%u\r\n%s\r\n", i,
                       random32(), i, i, user);
    say(t, 0, ACK, text, (size_t)len);
    say(t, 1, ACK, answer, sizeof(answer) - 1);
}

static void hosts(uint32_t count)
{
    struct talk t = {{stranger(0), web}, {1, 1}};
    open_talk(&t);
    for (uint32_t i = 0; i < count; i++) {
        turn();
        get(&t, i, "");
    }
}

static void users(uint32_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    struct talk t = {{stranger(0), web}, {1, 1}};
    open_talk(&t);
    for (uint32_t i = 0; i < count; i++) {
        /* Basic credentials: eight letters that are no name's, a colon, nothing */
        char header[64] = "Authorization: Basic ";
        size_t len = strlen(header);
        for (unsigned d = 0; d < 8; d++)
            header[len++] = digits[i >> 4 * d & 15];
        memcpy(header + len, "Ojo=\r\n", 7);
        turn();
        get(&t, i % 100, header);
    }
}

static void shapes(uint32_t count)
{
    struct talk t = {{stranger(0), database}, {1, 1}};
    login(&t, "busy");
    for (uint32_t i = 0; i < count; i++) {
        char sql[2200];
        int len = snprintf(sql, sizeof(sql), "select column%u from table%u where ", i, i);
        for (uint32_t n = random32() % 100; n > 0; n--)
            len += snprintf(sql + len, sizeof(sql) - (size_t)len, "a%u = b and ", n);
        (void)snprintf(sql + len, sizeof(sql) - (size_t)len, "c = 1");
        turn();
        query(&t, sql, 0);
    }
}

/* Requests without answers, on connections that are kept busy. */
static void unanswered(uint32_t count)
{
    enum { TALKS = 300 };
    static struct talk talks[TALKS];
    static const char ask[] =
        "GET /a/very/long/path/that/is/kept HTTP/1.1\r\nHost: h.example\r\n\r\n";
    for (uint32_t i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){{stranger(i), web}, {1, 1}};
        open_talk(&talks[i]);
        get(&talks[i], i, "");
    }
    for (uint32_t i = 0; i < count; i++) {
        turn();
        say(&talks[i % TALKS], 0, ACK, ask, sizeof(ask) - 1);
    }
}

/* Long messages that come to their end slowly, on accounts that have logged in. */
static void messages(uint32_t count)
{
    enum { TALKS = 1000, LEN = 60000 };
    static struct talk talks[TALKS];
    static char text[1000];
    static const uint8_t head[] = {'Q', 0, 0, LEN >> 8, LEN & 255};
    memset(text, ' ', sizeof(text));
    for (uint32_t i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){{stranger(i), database}, {1, 1}};
        login(&talks[i], "slow");
    }
    for (uint32_t i = 0; i < count; i++) {
        struct talk *t = &talks[i % TALKS];
        turn();
        if (i / TALKS % 50 == 0)
            say(t, 0, ACK, head, sizeof(head));
        say(t, 0, ACK, text, sizeof(text));
    }
}

/* A head without an end: lines, and a line that does not end. */
static void headers(uint32_t count)
{
    struct talk lines = {{stranger(0), web}, {1, 1}}, line = {{stranger(1), web}, {1, 1}};
    static char text[1400];
    open_talk(&lines);
    open_talk(&line);
    say(&lines, 0, ACK, "GET / HTTP/1.1\r\n", 16);
    say(&line, 0, ACK, "GET / HTTP/1.1\r\nX-Long: ", 24);
    for (uint32_t i = 0; i < count; i++) {
        turn();
        memset(text, 'y', sizeof(text));
        say(&line, 0, ACK, text, sizeof(text));
        for (size_t at = 0; at + 7 < sizeof(text); at += 7)
            memcpy(text + at, "X-a:b\r\n", 7);
        say(&lines, 0, ACK, text, sizeof(text) / 7 * 7);
    }
}

static void datagrams(uint32_t count)
{
    uint8_t frame[64];
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *at = put_ethernet(frame, 0x0800);
        turn();
        at = put_ipv4(at, 0x0b000000 + i, 0x0a000002, 17, 12, 0, 0);
        at = put(put(at, random32(), 2), 53, 2);
        at = put(put(at, 12, 2), 0, 6);
        write_frame(frame, (size_t)(at - frame));
    }
}

/* A million servers. */
static void servers(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct end from = stranger(0), to = {0x0c000000 + i, (uint16_t)(random32() % 1000)};
        turn();
        segment(from, to, 1, 1, ACK, 65535, "x", 1);
    }
}

/* What no analyzer knows, both ways: nDPI looks at it. */
static void unknown(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct talk t = {{stranger(i), {0x0a000004, 7777}}, {random32(), random32()}};
        uint8_t data[64];
        turn();
        for (size_t n = 0; n < sizeof(data); n++)
            data[n] = (uint8_t)random32();
        open_talk(&t);
        say(&t, 0, ACK, data, sizeof(data));
        say(&t, 1, ACK, data, sizeof(data) / 2);
    }
}

static void everything(uint32_t count);

static const struct kind {
    const char *name;
    void (*make)(uint32_t count);
} kinds[] = {
    {"syn-flood", syn_flood},
    {"half-open", half_open},
    {"half-said", half_said},
    {"stays", stays},
    {"fragments", fragments},
    {"fragments6", fragments6},
    {"tiny", tiny},
    {"holes", holes},
    {"sequences", sequences},
    {"hosts", hosts},
    {"users", users},
    {"shapes", shapes},
    {"unanswered", unanswered},
    {"messages", messages},
    {"headers", headers},
    {"datagrams", datagrams},
    {"servers", servers},
    {"unknown", unknown},
    {"everything", everything},
};

/* One kind after the other: what one has filled stays filled while the next comes. */
static void everything(uint32_t count)
{
    enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].make != everything)
            kinds[i].make(count / (KINDS - 1));
    }
}

int main(int argc, char **argv)
{
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, figures, snap, link;
    } head = {0xa1b2c3d4, 2, 4, 0, 0, 262144, 1};
    uint32_t count = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    steps_left = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (steps_left == 0 || count < steps_left || fwrite(&head, sizeof(head), 1, stdout) != 1)
        return 2;
    steps_every = count / steps_left;
    login(&honest, "honest");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0) {
            kinds[i].make(count);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    return 2;
}
