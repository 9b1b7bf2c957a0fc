#!/usr/bin/env python3
"""Peak memory does not depend on the size of a result.

    memory.py PROGRAM

Replays an answer of 100 MB and one of 1 GB, made here, over PostgreSQL and over HTTP; the peaks may differ by less than
1 MiB.  The counts have to be exact.  Exit 0 or 1; the last line is "N passed, N failed".
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

MTU = 60000


class Connection:
    """One TCP connection, written as frames of a pcap file."""

    def __init__(self, out, server_port):
        self.out, self.ports, self.next, self.us = out, (40000, server_port), [1000, 2000], 0
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        self.frame(0, b"", 0x02)
        self.frame(1, b"", 0x12)
        self.frame(0, b"", 0x10)

    def frame(self, side, payload, flags=0x10):
        ends = (b"\x0a\0\0\1", b"\x0a\0\0\2")
        tcp = struct.pack(">HHIIBBHHH", self.ports[side], self.ports[1 - side], self.next[side], self.next[1 - side],
                          0x50, flags, 65535, 0, 0)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0) + ends[side] + ends[1 - side]
        data = b"\x02" * 12 + b"\x08\0" + ip + tcp + payload
        self.us += 10
        self.out.write(struct.pack("<IIII", self.us // 10**6, self.us % 10**6, len(data), len(data)) + data)
        self.next[side] = (self.next[side] + len(payload) + (1 if flags & 0x03 else 0)) & 0xFFFFFFFF

    def end(self):
        self.frame(0, b"", 0x11)
        self.frame(1, b"", 0x11)


def message(kind, body):
    return kind + struct.pack(">I", 4 + len(body)) + body


def postgresql(out, size):
    c = Connection(out, 5432)
    c.frame(0, struct.pack(">II", 22, 196608) + b"user\0agent\0\0\0"[:14].ljust(14, b"\0"))
    c.frame(1, message(b"R", struct.pack(">I", 0)) + message(b"Z", b"I"))
    c.frame(0, message(b"Q", b"select * from customers\0"))
    row = message(b"D", struct.pack(">HI", 1, 190) + b"x" * 190)
    rows, left = MTU // len(row), size
    piece, total = row * rows, 0
    while left > 0:
        c.frame(1, piece)
        left, total = left - len(piece), total + rows
    c.frame(1, message(b"C", b"SELECT %d\0" % total) + message(b"Z", b"I"))
    c.end()
    return "postgresql", "returned_rows", total


def http(out, size):
    c = Connection(out, 80)
    c.frame(0, b"GET /export HTTP/1.1\r\nHost: crm.example\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    c.frame(1, head)
    piece = b"y" * MTU
    for left in range(size, 0, -MTU):
        c.frame(1, piece[:min(left, MTU)])
    c.end()
    return "http", "server_bytes", len(head) + size


def peak_of(program, make, size):
    """(peak in KiB, what was counted, what was made)"""
    with tempfile.NamedTemporaryFile() as summary:
        command = [program, "replay", "-s", "none", "--alerts", os.devnull, "--summary", summary.name, "-"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE)
        protocol, field, wanted = make(child.stdin, size)
        child.stdin.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"memory.py: seepwatch ended with status {child.returncode}")
        return usage.ru_maxrss, json.load(open(summary.name))["protocols"][protocol][field], wanted


def main():
    passed = failed = 0
    for make in (postgresql, http):
        # by then all has happened that happens once: intervals have ended, their code is read in
        small, counted, wanted = peak_of(sys.argv[1], make, 10**8)
        large, counted, wanted = peak_of(sys.argv[1], make, 10**9)
        print(f"{make.__name__}: peak {small} KiB with 100 MB, {large} KiB with 1 GB; counted {counted} of {wanted}")
        is_good = large - small < 1024 and counted == wanted
        passed, failed = passed + is_good, failed + (not is_good)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
