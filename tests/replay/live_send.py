#!/usr/bin/env python3
"""Sends the Ethernet frames of a capture as fast as they go, and prints how many.

    live_send.py INTERFACE CAPTURE.pcap.gz [--wrap KIND] [--times N] [--pid PID]

KIND is a tag or a tunnel as a mirror port or a network may put around them: qinq, mpls, gre, erspan, vxlan, geneve,
gtp.  The two ends of a tunnel change places with the direction, and UDP's source port is a hash of what is inside, as
tunnels have it: it differs by direction.  --pid names a process that is stopped until all is sent.
"""
import argparse
import gzip
import os
import signal
import socket
import struct
import zlib

NANOSECOND_MAGIC = 0xA1B23C4D
MACS = bytes.fromhex("020000000f01020000000f02")
ENDS = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def frames(path):
    with gzip.open(path) as file:
        data = file.read()
    assert struct.unpack_from("<I", data)[0] == NANOSECOND_MAGIC
    at = 24
    while at < len(data):
        captured, = struct.unpack_from("<I", data, at + 8)
        yield data[at + 16:at + 16 + captured]
        at += 16 + captured


def addresses(frame):
    """Source and destination, each with its port."""
    is_4 = frame[12:14] == b"\x08\x00"
    ip, size, ports = (26, 4, 14 + (frame[14] & 15) * 4) if is_4 else (22, 16, 54)
    return frame[ip:ip + size] + frame[ports:ports + 2], frame[ip + size:ip + 2 * size] + frame[ports + 2:ports + 4]


def outer(frame, protocol, payload):
    """An outer IPv4 datagram; its checksum is right, or the kernel would not put its fragments together."""
    source, destination = addresses(frame)
    ends = ENDS if source < destination else ENDS[::-1]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + ends[0] + ends[1]
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return MACS + b"\x08\x00" + head[:10] + struct.pack(">H", total) + head[12:] + payload


def udp(frame, port, payload):
    source, destination = addresses(frame)
    source_port = 49152 + zlib.crc32(source + destination) % 16384
    return outer(frame, 17, struct.pack(">HHHH", source_port, port, 8 + len(payload), 0) + payload)


WRAPS = {
    "none": lambda f: f,
    "qinq": lambda f: f[:12] + bytes.fromhex("88a8 0064 8100 0005") + f[12:],
    "mpls": lambda f: MACS + bytes.fromhex("8847 00010040 00010140 00000000") + f,
    "gre": lambda f: outer(f, 47, bytes(2) + f[12:]),
    "erspan": lambda f: outer(f, 47, bytes.fromhex("1000 88be 00000001 1001000a 00000000") + f),
    "vxlan": lambda f: udp(f, 4789, bytes.fromhex("08000000 00006400") + f),
    "geneve": lambda f: udp(f, 6081, bytes.fromhex("0000 6558 00006400") + f),
    "gtp": lambda f: udp(f, 2152, struct.pack(">BBHI", 0x30, 255, len(f) - 14, 1) + f[14:]),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("capture")
    parser.add_argument("--wrap", choices=WRAPS, default="none")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--pid", type=int)
    options = parser.parse_args()
    wrapped = [WRAPS[options.wrap](frame) for frame in frames(options.capture)]
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((options.interface, 0))
    if options.pid:
        os.kill(options.pid, signal.SIGSTOP)
    for _ in range(options.times):
        for frame in wrapped:
            out.send(frame)
    if options.pid:
        os.kill(options.pid, signal.SIGCONT)
    print(options.times * len(wrapped))


main()
