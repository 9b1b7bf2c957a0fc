#!/usr/bin/env python3
"""Moves the packets of a recording to the times that its actions stand for.

usage: stretch.py CAPTURE TIMES OUT.pcap.gz [FROM=TO...]    (by record.sh)

Between two actions time runs as it ran: only the pauses grow, so that TCP stays as it was.  FROM=TO
gives an address of a namespace the public one that it stands for (IPv4; the checksums follow): no
packet with a public address is ever sent.
"""
import bisect
import gzip
import ipaddress
import struct
import sys

NANOSECOND_MAGIC = 0xA1B23C4D


def sum16(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def adjusted(checksum, old, new):
    """RFC 1624: the checksum after old became new."""
    total = (~checksum & 0xFFFF) + (~sum16(old) & 0xFFFF) + sum16(new)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def renamed(frame, addresses):
    """An Ethernet frame of IPv4 and TCP with the other addresses."""
    if frame[12:14] != b"\x08\x00":
        return frame
    frame = bytearray(frame)
    tcp = 14 + (frame[14] & 15) * 4
    for at in (26, 30):
        old = bytes(frame[at:at + 4])
        new = addresses.get(old)
        if not new:
            continue
        frame[at:at + 4] = new
        for checksum in (24, tcp + 16):
            value, = struct.unpack_from(">H", frame, checksum)
            struct.pack_into(">H", frame, checksum, adjusted(value, old, new))
    return bytes(frame)


def main():
    capture, times, out = sys.argv[1:4]
    addresses = {}
    for pair in sys.argv[4:]:
        old, new = pair.split("=")
        addresses[ipaddress.ip_address(old).packed] = ipaddress.ip_address(new).packed
    with open(times, encoding="ascii") as file:
        real, stands_for = zip(*(map(int, line.split()) for line in file))
    with open(capture, "rb") as file:
        data = file.read()
    if struct.unpack_from("<I", data)[0] != NANOSECOND_MAGIC:
        sys.exit(f"{capture}: no capture with nanoseconds")
    moved = [data[:24]]
    at = 24
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
        now = seconds * 10**9 + fraction
        action = max(bisect.bisect_right(real, now) - 1, 0)
        now = stands_for[action] + now - real[action]
        frame = renamed(data[at + 16:at + 16 + captured], addresses)
        moved.append(struct.pack("<IIII", now // 10**9, now % 10**9, captured, length) + frame)
        at += 16 + captured
    with open(out, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(b"".join(moved))


main()
