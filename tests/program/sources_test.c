/*
 * What is told of the rings, where the kernel has less memory for them than was asked for.
 */
#include "tests/cmocka.h"

#include "commands/sources.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TOLD_MAX = 1000 };

/* What the kernel has for one ring. */
static size_t ring_bytes_max;

/* libpcap comes by here on its way to the kernel. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (level == SOL_PACKET && name == PACKET_RX_RING && len == sizeof(struct tpacket_req3)) {
        const struct tpacket_req3 *ring = value;
        if ((size_t)ring->tp_block_size * ring->tp_block_nr > ring_bytes_max) {
            errno = ENOMEM;
            return -1;
        }
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

/* Opens the loopback for two workers with 8 MiB each; what was told on standard error. */
static void open_and_listen(char told[TOLD_MAX])
{
    struct source *sources[PIPELINE_WORKERS_MAX] = {NULL};
    struct options o = {.command = COMMAND_WATCH, .workers = 2};
    struct config config = {.ring_bytes = 16 << 20};
    struct error error;
    char name[] = "lo";
    o.interfaces.items[0] = name;
    o.interfaces.count = 1;
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    bool is_open = sources_open(sources, &o, &config, &error);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    (void)close(before);
    rewind(file);
    told[fread(told, 1, TOLD_MAX - 1, file)] = '\0';
    (void)fclose(file);
    sources_close(sources);
    if (!is_open) {
        print_message("skipped: %s\n", error.text);
        skip();
    }
}

static void a_smaller_ring_is_told_once_for_all_workers(void **state)
{
    char told[TOLD_MAX];
    (void)state;
    ring_bytes_max = 3 << 20;
    open_and_listen(told);
    assert_string_equal(told, "seepwatch: note: the kernel gave 6.0 MiB for the ring of packets "
                              "instead of 16.0 MiB (limits.ring): it loses packets sooner\n");
}

static void a_ring_as_asked_for_is_not_told(void **state)
{
    char told[TOLD_MAX];
    (void)state;
    ring_bytes_max = 8 << 20;
    open_and_listen(told);
    assert_string_equal(told, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_smaller_ring_is_told_once_for_all_workers),
        cmocka_unit_test(a_ring_as_asked_for_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
