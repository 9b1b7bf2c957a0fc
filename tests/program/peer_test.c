#include "tests/cmocka.h"

#include "peer.h"

#include "core/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND CLOCK_SECOND_NS

struct test {
    char folder[32], path[64];
    int64_t now_ns;
    int server; /* -1: none */
    struct peer *peer;
    struct peer_address address;
    uint8_t got[1 << 20];
};

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/peer_test.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof(t->path), "%s/log", t->folder);
    t->server = -1;
    t->now_ns = 100 * SECOND;
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    peer_close(t->peer);
    if (t->server >= 0)
        (void)close(t->server);
    (void)unlink(t->path);
    assert_int_equal(rmdir(t->folder), 0);
    free(t);
    return 0;
}

static int serve(const struct peer_address *a, int type)
{
    int on = 1, fd = socket(a->any.sa_family, type, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(bind(fd, &a->any, a->len), 0);
    return fd;
}

static void serve_unix(struct test *t)
{
    assert_true(peer_address_of_path(&t->address, bytes_of(t->path)));
    t->server = serve(&t->address, SOCK_DGRAM);
}

/* A server on a free port of the loopback; t->address is its address. */
static void serve_port(struct test *t, enum peer_kind kind)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(in);
    char text[64];
    t->server = socket(AF_INET, kind == PEER_TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
    assert_int_equal(bind(t->server, (struct sockaddr *)&in, len), 0);
    assert_int_equal(getsockname(t->server, (struct sockaddr *)&in, &len), 0);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
    assert_true(peer_address_parse(&t->address, bytes_of(text), kind));
    if (kind == PEER_TCP)
        assert_int_equal(listen(t->server, 4), 0);
}

static void stop_serving(struct test *t)
{
    (void)close(t->server);
    (void)unlink(t->path);
    t->server = -1;
}

static bool send_text(struct test *t, const char *text)
{
    return peer_send(t->peer, bytes_of(text));
}

static enum peer_news tick(struct test *t, int64_t after_ns)
{
    int why;
    t->now_ns += after_ns;
    return peer_tick(t->peer, t->now_ns, &why);
}

/* What arrives at fd within a second, as a text. */
static const char *receive(struct test *t, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t len = poll(&p, 1, 1000) == 1 ? recv(fd, t->got, sizeof(t->got) - 1, 0) : -1;
    t->got[len > 0 ? len : 0] = '\0';
    return len < 0 ? "(nothing)" : (const char *)t->got;
}

static void addresses_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum peer_kind kind;
        const char *name;
    } cases[] = {
        {"10.0.0.9:514", PEER_UDP, "udp 10.0.0.9:514"},
        {"[fd00::9]:601", PEER_TCP, "tcp [fd00::9]:601"},
        {"10.0.0.9", PEER_UDP, NULL},
        {"10.0.0.9:0", PEER_UDP, NULL},
        {"10.0.0.9:70000", PEER_UDP, NULL},
        {"[10.0.0.9]:514", PEER_UDP, NULL},
        {"fd00::9:514", PEER_UDP, NULL},
        {"[fd00::9]", PEER_TCP, NULL},
        {"[fd00::9", PEER_TCP, NULL},
        {"collector:514", PEER_TCP, NULL},
        {"", PEER_UDP, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct peer_address a;
        char name[PEER_NAME_MAX];
        bool is_good = peer_address_parse(&a, bytes_of(cases[i].text), cases[i].kind);
        assert_int_equal(is_good, cases[i].name != NULL);
        if (!is_good)
            continue;
        peer_address_print(&a, name);
        assert_string_equal(name, cases[i].name);
    }
    struct peer_address a;
    char name[PEER_NAME_MAX];
    assert_true(peer_address_of_path(&a, bytes_of("/dev/log")));
    peer_address_print(&a, name);
    assert_string_equal(name, "/dev/log");
    char path[200];
    memset(path, 'x', sizeof(path));
    assert_false(peer_address_of_path(&a, (struct bytes){(const uint8_t *)path, sizeof(path)}));
}

static void a_message_to_a_path_is_one_datagram(void **state)
{
    struct test *t = *state;
    serve_unix(t);
    t->peer = peer_open(&t->address);
    assert_true(send_text(t, "one") && send_text(t, "two"));
    assert_string_equal(receive(t, t->server), "one");
    assert_string_equal(receive(t, t->server), "two");
    assert_true(peer_is_idle(t->peer));
    assert_int_equal(peer_counters(t->peer).sent, 2);
}

static void a_peer_that_comes_later_gets_what_waited(void **state)
{
    struct test *t = *state;
    assert_true(peer_address_of_path(&t->address, bytes_of(t->path)));
    t->peer = peer_open(&t->address);
    assert_true(send_text(t, "one"));
    assert_int_equal(tick(t, 0), PEER_IS_LOST);
    for (int i = 0; i < 50; i++)
        assert_int_equal(tick(t, SECOND), PEER_AS_BEFORE);
    serve_unix(t);
    assert_int_equal(tick(t, 40 * SECOND), PEER_AS_BEFORE);
    assert_int_equal(tick(t, 2 * SECOND), PEER_IS_BACK);
    assert_int_equal(tick(t, 2 * SECOND), PEER_AS_BEFORE);
    assert_string_equal(receive(t, t->server), "one");
    assert_int_equal(peer_counters(t->peer).returns, 1);
    assert_int_equal(peer_counters(t->peer).lost, 0);
}

static void a_peer_that_begins_anew_loses_nothing_that_waited(void **state)
{
    struct test *t = *state;
    serve_unix(t);
    t->peer = peer_open(&t->address);
    assert_int_equal(tick(t, SECOND), PEER_AS_BEFORE);
    stop_serving(t);
    assert_true(send_text(t, "one"));
    assert_int_equal(tick(t, SECOND / 10), PEER_IS_LOST);
    assert_false(peer_is_idle(t->peer));
    serve_unix(t);
    assert_int_equal(tick(t, SECOND), PEER_AS_BEFORE);
    assert_string_equal(receive(t, t->server), "one");
    assert_int_equal(tick(t, SECOND), PEER_IS_BACK);
}

static void on_tcp_each_message_has_its_length(void **state)
{
    struct test *t = *state;
    serve_port(t, PEER_TCP);
    t->peer = peer_open(&t->address);
    assert_true(send_text(t, "one") && send_text(t, "hello there"));
    int fd = accept(t->server, NULL, NULL);
    (void)tick(t, SECOND);
    assert_string_equal(receive(t, fd), "3 one11 hello there");
    (void)close(fd);
}

static void a_closed_connection_is_noticed_before_the_next_message(void **state)
{
    struct test *t = *state;
    serve_port(t, PEER_TCP);
    t->peer = peer_open(&t->address);
    int fd = accept(t->server, NULL, NULL);
    (void)tick(t, 2 * SECOND);
    assert_true(send_text(t, "one"));
    assert_string_equal(receive(t, fd), "3 one");
    (void)close(fd);
    (void)poll(NULL, 0, 50);
    assert_true(send_text(t, "two"));
    assert_int_equal(tick(t, 0), PEER_IS_LOST);
    (void)tick(t, SECOND);
    fd = accept(t->server, NULL, NULL);
    assert_int_equal(tick(t, 2 * SECOND), PEER_IS_BACK);
    assert_string_equal(receive(t, fd), "3 two");
    assert_int_equal(peer_counters(t->peer).lost, 0);
    (void)close(fd);
}

static void a_peer_that_takes_nothing_never_makes_us_wait(void **state)
{
    struct test *t = *state;
    char message[1000];
    size_t taken = 0, total = 0;
    memset(message, 'm', sizeof(message));
    const struct bytes b = {(const uint8_t *)message, sizeof(message)};
    serve_unix(t);
    t->peer = peer_open(&t->address);
    while (taken < 100000 && peer_send(t->peer, b))
        taken++;
    assert_in_range(taken, PEER_QUEUE_MAX / 1100, 99999);
    assert_false(peer_send(t->peer, b));
    assert_int_equal(tick(t, SECOND), PEER_AS_BEFORE);
    while (total < taken && strlen(receive(t, t->server)) == sizeof(message)) {
        total++;
        (void)tick(t, 0);
    }
    assert_int_equal(total, taken);
    assert_true(peer_is_idle(t->peer));
    assert_int_equal(peer_counters(t->peer).sent, taken);
    assert_int_equal(peer_counters(t->peer).lost, 0);
}

static void a_stream_that_is_cut_begins_with_a_whole_message(void **state)
{
    struct test *t = *state;
    static char message[200001];
    memset(message, 'm', sizeof(message));
    const struct bytes b = {(const uint8_t *)message, sizeof(message)};
    serve_port(t, PEER_TCP);
    t->peer = peer_open(&t->address);
    int fd = accept(t->server, NULL, NULL);
    (void)tick(t, SECOND);
    for (int i = 0; i < 10000 && peer_send(t->peer, b); i++) {
    }
    (void)close(fd);
    (void)poll(NULL, 0, 50);
    assert_int_equal(tick(t, 0), PEER_IS_LOST);
    (void)tick(t, SECOND);
    fd = accept(t->server, NULL, NULL);
    (void)tick(t, SECOND);
    assert_memory_equal(receive(t, fd), "200001 mmm", 10);
    (void)close(fd);
}

static void a_refused_datagram_is_counted_as_lost(void **state)
{
    struct test *t = *state;
    serve_port(t, PEER_UDP);
    t->peer = peer_open(&t->address);
    assert_true(send_text(t, "one"));
    assert_string_equal(receive(t, t->server), "one");
    struct peer_address a = t->address;
    stop_serving(t);
    assert_true(send_text(t, "two"));
    (void)poll(NULL, 0, 50);
    assert_int_equal(tick(t, SECOND), PEER_IS_LOST);
    assert_int_equal(peer_counters(t->peer).lost, 1);
    assert_true(send_text(t, "three"));
    t->server = serve(&a, SOCK_DGRAM);
    (void)tick(t, SECOND);
    assert_string_equal(receive(t, t->server), "three");
    assert_int_equal(tick(t, SECOND / 2), PEER_AS_BEFORE);
    assert_int_equal(tick(t, SECOND), PEER_IS_BACK);
}

static void at_the_end_what_waits_is_sent_or_counted(void **state)
{
    struct test *t = *state;
    serve_unix(t);
    stop_serving(t);
    t->peer = peer_open(&t->address);
    assert_true(send_text(t, "one"));
    serve_unix(t);
    assert_true(peer_finish(t->peer));
    assert_string_equal(receive(t, t->server), "one");
    stop_serving(t);
    assert_true(send_text(t, "two") && send_text(t, "three"));
    assert_false(peer_finish(t->peer));
    assert_int_equal(peer_counters(t->peer).sent, 1);
    assert_int_equal(peer_counters(t->peer).lost, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_read_and_printed),
        TEST(a_message_to_a_path_is_one_datagram),
        TEST(a_peer_that_comes_later_gets_what_waited),
        TEST(a_peer_that_begins_anew_loses_nothing_that_waited),
        TEST(on_tcp_each_message_has_its_length),
        TEST(a_closed_connection_is_noticed_before_the_next_message),
        TEST(a_peer_that_takes_nothing_never_makes_us_wait),
        TEST(a_stream_that_is_cut_begins_with_a_whole_message),
        TEST(a_refused_datagram_is_counted_as_lost),
        TEST(at_the_end_what_waits_is_sent_or_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
