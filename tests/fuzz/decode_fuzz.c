/*
 * Any bytes as two frames of a link layer, cut by a snap length or not, given twice over, so that
 * fragments meet and repeat.  Input: link type, bytes that were cut off, the first frame's length
 * (16 bits), then the frames.
 */
#include "capture/decode.h"
#include "capture/tcp.h"
#include "core/cursor.h"

#include <pcap/dlt.h>
#include <stdlib.h>

enum { MEMORY_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int links[] = {DLT_EN10MB,     DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW,
                            DLT_NULL,       DLT_LOOP,      DLT_IPV4,       DLT_IPV6,
                            DLT_PPP_SERIAL, DLT_PPP,       DLT_PPP_ETHER,  DLT_IEEE802_11};

/* Reads every byte of a view, so that the sanitizer sees one that is not there. */
static void touch(struct bytes b)
{
    const volatile uint8_t *bytes = b.data;
    for (size_t i = 0; i < b.len; i++)
        (void)bytes[i];
}

static void decode(struct decoder *d, const struct packet *packet)
{
    struct datagram out;
    struct tcp_header h;
    if (decode_frame(d, packet, &out) != DECODED_DATAGRAM)
        return;
    if (out.payload.len > out.payload_len)
        abort();
    touch(out.ip);
    touch(out.payload);
    if (!tcp_header_read(&out, &h))
        return;
    if (h.payload.len > h.payload_len)
        abort();
    touch(h.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_over((struct bytes){data, size});
    int link = links[cursor_u8(&in) % (sizeof(links) / sizeof(links[0]))];
    uint32_t cut = cursor_u8(&in);
    size_t first_len = cursor_be16(&in);
    struct bytes rest = cursor_rest(&in);
    struct bytes frames[] = {bytes_first(rest, first_len), bytes_from(rest, first_len)};
    struct budget budget = {.bytes_max = MEMORY_MAX};
    struct decoder *d = decoder_open(&budget);
    if (!d)
        return 0;
    for (unsigned i = 0; i < 4; i++) {
        struct bytes frame = frames[i % 2];
        uint8_t *exact = malloc(frame.len ? frame.len : 1);
        if (!exact)
            break;
        if (frame.len > 0)
            memcpy(exact, frame.data, frame.len);
        decode(d, &(struct packet){.ns = 1 + i,
                                   .data = {exact, frame.len},
                                   .wire_len = (uint32_t)frame.len + cut,
                                   .link = link});
        free(exact);
        if (budget.used > budget.bytes_max)
            abort();
    }
    decoder_close(d);
    if (budget.used != 0)
        abort();
    return 0;
}
