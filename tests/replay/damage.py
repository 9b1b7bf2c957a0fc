#!/usr/bin/env python3
"""What a mirror did to the packets is counted exactly as it was done, with one worker as with two.

    damage.py PROGRAM

Damages the shipped sample and compares the summary's figures.  Exit 0 or 1; the last line is "N passed, N failed".
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from mirror import ROOT, clock_back, one_sided, read_sample, truncated, write

# What does not depend on the number of workers.
ALIKE = ["capture", "tunnels", "flows", "streams", "protocols", "others", "mirror", "transactions", "sessions", "alerts"]


def summary_of(program, folder, frames, workers, config=""):
    paths = {name: os.path.join(folder, name) for name in ("damaged.pcap", "summary.json", "config.yaml")}
    write(paths["damaged.pcap"], frames)
    open(paths["config.yaml"], "w").write(config)
    subprocess.run([program, "replay", "-s", "none", "-r", os.path.join(ROOT, "rules"), "-w", str(workers), "-c", paths["config.yaml"],
                    "--alerts", os.devnull, "--summary", paths["summary.json"], paths["damaged.pcap"]], check=True)
    return json.load(open(paths["summary.json"]))


def doubled(frames, tags=b"", ttl=0):
    """Every third frame twice: the second time with a tag more, a router further, its TCP checksum rewritten."""
    out = []
    for i, f in enumerate(frames):
        out.append(f)
        if i % 3:
            continue
        again = f.copy()
        again.ns += 5000
        again.data[14 + 8] -= ttl if f.data[14] >> 4 == 4 else 0
        again.data[f.tcp + 16] ^= 0x77 if tags else 0
        again.data[12:12] = tags
        again.length += len(tags)
        out.append(again)
    return out


def reordered(frames):
    """Now and then a data packet comes before the one of its direction that it follows at once."""
    frames, done = [f.copy() for f in frames], 0
    for i in range(len(frames) - 1):
        a, b = frames[i], frames[i + 1]
        if a.has_data and b.has_data and a.flow == b.flow and a.of_server == b.of_server and i % 2 == 0:
            frames[i], frames[i + 1] = b, a
            a.ns, b.ns = b.ns, a.ns
            done += 1
    return frames, done


def lossy(frames):
    """Without one data packet in fifty, but the first of a connection; the bytes that are gone."""
    chance, seen, kept, gone = random.Random(3), set(), [], 0
    for f in frames:
        if f.has_data and f.flow in seen and chance.random() < 0.02:
            gone += f.length - f.payload
            continue
        if f.has_data:
            seen.add(f.flow)
        kept.append(f)
    return kept, gone


def tunnelled(frames):
    """VXLAN between two ends, the way back in another network's number."""
    out = []
    for f in frames:
        ends = (b"\x0a\xff\0\1", b"\x0a\xff\0\2") if f.of_server else (b"\x0a\xff\0\2", b"\x0a\xff\0\1")
        inner = struct.pack(">II", 0x08000000, (7 if f.of_server else 8) << 8) + bytes(f.data)
        udp = struct.pack(">HHHH", 50000, 4789, 8 + len(inner), 0) + inner
        outer = f.data[:12] + b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + b"".join(ends)
        wrapped = f.copy()
        wrapped.data, wrapped.length = bytearray(outer + udp), len(outer + udp)
        out.append(wrapped)
    return out


def on_port(frames, port):
    """The database on that port, every connection from its middle on."""
    out = []
    for f in copies(frames):
        if f.data[f.tcp + 13] & 2:
            continue
        at = f.tcp + (0 if f.of_server else 2)
        if f.server == 5432:
            f.data[at:at + 2] = struct.pack(">H", port)
        out.append(f)
    return out


def check_server(summary, port, is_known):
    """Where the port is not known, packets that came before the first message are counted at a client's end."""
    servers = [s for s in summary["mirror"]["servers"] if is_known or s.get("protocol") == "postgresql"]
    return [] if {s["port"] for s in servers} - {80} == {port} else [f"PostgreSQL servers: {servers}"]


def copies(frames):
    return [f.copy() for f in frames]


def cases(sample):
    """A name, frames, configuration, and what the summary must say."""
    packets, thirds = len(sample), (len(sample) + 2) // 3
    data = sum(f.has_data for f in sample)
    yield "nothing", sample, "", {"packets": packets, "duplicates": 0, "reordered": 0, "truncated": 0, "bad_checksums": 0, "clock_jumps": 0,
                                  "lost_bytes": 0, "one_sided_share": 0}
    yield "doubled", doubled(sample), "", {"packets": packets + thirds, "duplicates": thirds, "reordered": 0, "lost_bytes": 0}
    yield "doubled in another VLAN", doubled(sample, b"\x81\0\0\5", 1), "", {"duplicates": thirds, "retransmitted_bytes": 0, "reordered": 0}
    frames, done = reordered(sample)
    yield "reordered", frames, "", {"reordered": done, "duplicates": 0, "lost_bytes": 0, "reordered_share": done / data}
    cut = truncated(copies(sample))
    yield "truncated", cut, "", {"truncated": sum(len(f.data) < f.length for f in cut),
                                 "lost_bytes": sum(f.length - len(f.data) for f in cut)}
    frames, gone = lossy(sample)
    yield "lossy", frames, "", {"lost_bytes": gone, "packets": len(frames)}
    yield "one side", one_sided(sample), "", {"one_sided_share": 1, "lost_bytes": 0}
    yield "the other side", [f for f in sample if not f.of_server], "", {"one_sided_share": 1, "lost_bytes": 0}
    yield "the clock set back", clock_back(copies(sample)), "", {"clock_jumps": 1}
    spoilt = copies(sample)
    for f in spoilt:
        f.data[f.tcp + 17] ^= 0x5A
    yield "bad checksums", spoilt, "", {"bad_checksum_share": 1, "lost_bytes": 0}
    yield "on a high port", on_port(sample, 65001), "", {"lost_bytes": 0}
    yield "on a high port that is known", on_port(sample, 65001), "ports: {postgresql: [65001]}\n", {"lost_bytes": 0}
    yield "tunnelled", tunnelled(sample), "", {"packets": packets, "lost_bytes": 0, "one_sided_share": 0}
    yield "networks apart", tunnelled(sample), "vni_in_flow: true\n", {"one_sided_share": 1}


def figures(summary):
    known = {**summary["mirror"], **summary["capture"], "lost_bytes": summary["streams"]["lost_bytes"]}
    known["lost_bytes_of_servers"] = summary["mirror"]["lost_bytes"]
    return known


def check(program, folder, frames, config, wanted):
    one, two = (summary_of(program, folder, frames, workers, config) for workers in (1, 2))
    wrong = [f"{part}: {one[part]}, but with two workers {two[part]}" for part in ALIKE if canonical(one[part]) != canonical(two[part])]
    found = figures(one)
    wrong += [f"{name} is {found.get(name)}, not {value}" for name, value in wanted.items()
              if found.get(name) is None or abs(found[name] - value) > 2e-6 * (name.endswith("_share"))]
    if found["lost_bytes_of_servers"] != found["lost_bytes"]:
        wrong.append(f"the servers lost {found['lost_bytes_of_servers']} bytes, the streams {found['lost_bytes']}")
    if one["mirror"]["servers_not_shown"] == 0 and sum(s["packets"] for s in one["mirror"]["servers"]) != len(frames):
        wrong.append("the servers' packets are not all")
    return one, wrong


def canonical(part):
    """Lists in an order of their own."""
    if isinstance(part, dict):
        return {name: canonical(value) for name, value in part.items()}
    return sorted(map(json.dumps, part)) if isinstance(part, list) else part


def check_tunnels(summary, sample):
    sides = [[f for f in sample if f.of_server], [f for f in sample if not f.of_server]]
    wanted = [{"type": "vxlan", "source": {"ip": f"10.255.0.{1 + n}"}, "destination": {"ip": f"10.255.0.{2 - n}"}, "id": 7 + n,
               "packets": len(side), "bytes": sum(f.length + 50 for f in side)} for n, side in enumerate(sides)]
    return [] if canonical(summary["tunnels"]) == canonical(wanted) else [f"tunnels: {summary['tunnels']}, not {wanted}"]


def main():
    program, sample = os.path.realpath(sys.argv[1]), read_sample()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, frames, config, wanted in cases(sample):
            summary, wrong = check(program, folder, frames, config, wanted)
            if "high port" in name:
                wrong += check_server(summary, 65001, "known" in name)
            if name == "tunnelled":
                wrong += check_tunnels(summary, sample)
            passed, failed = passed + (not wrong), failed + bool(wrong)
            for line in wrong:
                print(f"FAILED: {name}: {line}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
