/*
 * The least that reading a capture file takes: libpcap hands every packet over, and nothing is done
 * with it.  What the program is compared to.  Prints packets, bytes and CPU seconds.
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

struct totals {
    uint64_t packets, bytes;
};

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct totals *totals = (struct totals *)(void *)user;
    (void)data;
    totals->packets++;
    totals->bytes += header->len;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    char text[PCAP_ERRBUF_SIZE];
    struct totals totals = {0};
    struct rusage used;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bare FILE\n");
        return 2;
    }
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(argv[1], PCAP_TSTAMP_PRECISION_NANO, text);
    if (!pcap) {
        (void)fprintf(stderr, "bare: %s\n", text);
        return 1;
    }
    while (pcap_dispatch(pcap, -1, count, (u_char *)&totals) > 0)
        continue;
    pcap_close(pcap);
    (void)getrusage(RUSAGE_SELF, &used);
    (void)printf("%llu %llu %.6f\n", (unsigned long long)totals.packets,
                 (unsigned long long)totals.bytes, seconds(used.ru_utime) + seconds(used.ru_stime));
    return 0;
}
