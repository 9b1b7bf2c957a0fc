#!/usr/bin/env python3
"""Each shipped rule of the mirror fires on a capture that is damaged for it, and on no other.

    mirror.py PROGRAM

Damages the shipped sample, its day pressed into some minutes, as mirrors do.  Exit 0 or 1; the last line is "N passed,
N failed".
"""
import gzip
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MINUTE = 60 * 10**9


class Frame:
    """An Ethernet frame of the sample: TCP over IPv4 or IPv6, without extension headers."""

    def __init__(self, ns, data):
        self.ns, self.data, self.length = ns, bytearray(data), len(data)
        data = bytes(data)
        kind = struct.unpack(">H", data[12:14])[0]
        self.tcp = {0x0800: 14 + 4 * (data[14] & 15), 0x86DD: 54}[kind]
        self.payload = self.tcp + 4 * (data[self.tcp + 12] >> 4)
        self.ports = struct.unpack(">HH", data[self.tcp:self.tcp + 4])
        self.of_server = self.ports[0] in (80, 5432)
        self.server = self.ports[0 if self.of_server else 1]
        self.has_data = self.length > self.payload
        addresses = data[26:34] if kind == 0x0800 else data[22:54]
        half = len(addresses) // 2
        ends = (addresses[:half], self.ports[0]), (addresses[half:], self.ports[1])
        self.flow = ends if self.of_server else ends[::-1]

    def copy(self):
        return Frame(self.ns, self.data)

    def set_payload(self, change):
        """Keeps the checksum right (RFC 1624)."""
        old = bytes(self.data[self.payload:])
        new = change(old)
        at = self.tcp + 16
        total = (~struct.unpack(">H", self.data[at:at + 2])[0] & 0xFFFF) - words(old) + words(new)
        self.data[at:at + 2] = struct.pack(">H", ~(total % 0xFFFF) & 0xFFFF)
        self.data[self.payload:] = new


def words(data):
    data += bytes(len(data) % 2)
    return sum(struct.unpack(f">{len(data) // 2}H", data))


def read_sample():
    data = gzip.open(os.path.join(ROOT, "samples", "day.pcap.gz")).read()
    assert data[:4] == b"\x4d\x3c\xb2\xa1", "nanoseconds"
    frames, at = [], 24
    while at < len(data):
        seconds, ns, size = struct.unpack("<III", data[at:at + 12])
        frames.append(Frame(seconds * 10**9 + ns, data[at + 16:at + 16 + size]))
        at += 16 + size
    return frames


def pressed(frames, minutes):
    """The same frames in so much time."""
    first, span = frames[0].ns, frames[-1].ns - frames[0].ns
    copies = [f.copy() for f in frames]
    for f in copies:
        f.ns = first - first % MINUTE + (f.ns - first) * minutes * MINUTE // span
    return copies


def write(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for f in frames:
            out.write(struct.pack("<IIII", f.ns // 10**9, f.ns % 10**9, len(f.data), f.length) + f.data)


def lost(frames):
    chance = random.Random(1)
    return [f for f in frames if not f.has_data or chance.random() > 0.05]


def one_sided(frames):
    return [f for f in frames if f.of_server]


def truncated(frames):
    for f in frames:
        f.data = f.data[:f.payload + 30]
    return frames


def doubled(frames):
    return [f for one in frames for f in (one, one)]


def reordered(frames):
    """Of two packets with data of one direction that follow each other, every fourth time the later one comes first."""
    last, turn = {}, 0
    for i, f in enumerate(frames):
        side = f.flow, f.of_server
        before = last.get(side)
        last[side] = i if f.has_data else None
        if not f.has_data or before is None:
            continue
        turn += 1
        if turn % 2 == 0:
            a, b = frames[before], f
            frames[before], frames[i] = b, a
            a.ns, b.ns = b.ns, a.ns
            last[side] = None
    return frames


def bad_checksums(frames):
    for f in frames[::5]:
        f.data[f.tcp + 16] ^= 0x55
    return frames


def clock_back(frames):
    for f in frames[len(frames) // 2:]:
        f.ns -= 3600 * 10**9
    return frames


def without_database(frames):
    start = frames[0].ns
    return [f for f in frames if f.server != 5432 or f.ns < start + 20 * MINUTE]


def without_all(frames):
    start = frames[0].ns
    return [f for f in frames if not start + 20 * MINUTE < f.ns < start + 55 * MINUTE]


def strange(frames):
    """What the database and its clients say is something else."""
    for f in frames:
        if f.server == 5432:
            f.set_payload(lambda payload: bytes(b ^ 0x5A for b in payload))
    return frames


def encrypted(frames):
    """From the middle on new connections to the database speak TLS from their first byte."""
    opened = {}
    for i, f in enumerate(frames):
        if f.data[f.tcp + 13] & 2:
            opened[f.flow] = i
        if f.server != 5432 or opened.get(f.flow, 0) < len(frames) // 2:
            continue
        f.set_payload(lambda payload: (b"\x17\x03\x03" + struct.pack(">H", max(len(payload) - 5, 1)) +
                                       bytes(b ^ 0xC3 for b in payload[5:]))[:len(payload)])
    return frames


DAMAGES = [  # minutes, what is done, the rules that fire
    (3, lambda frames: frames, set()),
    (60, lambda frames: frames, set()),
    (3, lost, {"mirror-lost"}),
    (3, one_sided, {"mirror-one-sided"}),
    (3, truncated, {"mirror-truncated", "mirror-lost"}),
    (3, doubled, {"mirror-doubled"}),
    (3, reordered, {"mirror-reordered"}),
    (3, bad_checksums, {"mirror-checksums"}),
    (3, clock_back, {"mirror-clock"}),
    (45, without_database, {"mirror-server-silent"}),
    (60, without_all, {"mirror-silent", "mirror-server-silent"}),
    (3, strange, {"mirror-undecoded"}),
    (60, encrypted, {"mirror-turned-encrypted"}),
]


def fired(program, folder, frames, workers):
    capture, alerts = os.path.join(folder, "damaged.pcap"), os.path.join(folder, "alerts.jsonl")
    write(capture, frames)
    subprocess.run([program, "replay", "-s", "none", "-r", os.path.join(ROOT, "rules"), "-w", str(workers), "--alerts", alerts,
                    "--mirror", os.path.join(folder, "mirror.jsonl"), "--summary", os.path.join(folder, "summary.json"), capture],
                   check=True)
    rules = {json.loads(line)["rule"]["id"] for line in open(alerts)}
    return {rule for rule in rules if rule.startswith("mirror-")}


def check_sums(folder, frames):
    """The records add up to the summary, and that to the capture."""
    records = [json.loads(line) for line in open(os.path.join(folder, "mirror.jsonl"))]
    mirror = json.load(open(os.path.join(folder, "summary.json")))["mirror"]
    whole = [r["mirror"] for r in records if "server" not in r]
    servers = [r["mirror"] for r in records if "server" in r]
    assert all(r["event"]["dataset"] == "seepwatch.mirror" for r in records)
    assert sum(r["packets"] for r in whole) == mirror["packets"] == len(frames)
    assert sum(r["bytes"] for r in whole) == mirror["bytes"] == sum(f.length for f in frames)
    assert sum(r["packets"] for r in servers) == sum(s["packets"] for s in mirror["servers"]) == len(frames)
    assert sum(r["lost_bytes"] for r in whole) == mirror["lost_bytes"]


def main():
    program, sample = os.path.realpath(sys.argv[1]), read_sample()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for minutes, damage, wanted in DAMAGES:
            frames = damage(pressed(sample, minutes))
            for workers in (1, 2):
                found = fired(program, folder, frames, workers)
                is_good = found == wanted
                passed, failed = passed + is_good, failed + (not is_good)
                if not is_good:
                    print(f"FAILED: {damage.__name__} in {minutes} minutes, {workers} workers: {found}, not {wanted}")
                check_sums(folder, frames)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
