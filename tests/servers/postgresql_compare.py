"""Holds what seepwatch saw against what PostgreSQL counted.

    postgresql_compare.py FOLDER PROGRAM    replays FOLDER/all.pcap case by case; FOLDER/cases.json has the counts

Expected of a case are the server's calls and rows (pg_stat_statements) and its errors (its log), and what the server
is known not to count, or not to tell: that stands with its reason at the case, in postgresql_cases.py.
"""
import base64
import collections
import json
import struct
import subprocess
import sys

from postgresql_cases import SECRET

COUNTED = "requests", "returned_rows", "affected_rows", "failures"


def split(folder, cases):
    """Writes each case's packets, by their time, to a file of its own."""
    with open(f"{folder}/all.pcap", "rb") as capture:
        data = capture.read()
    head, at = data[:24], 24
    assert head[:4] == b"\x4d\x3c\xb2\xa1", "a capture with nanoseconds"
    outs = [open(f"{folder}/{n}.pcap", "wb") for n in range(len(cases))]
    for out in outs:
        out.write(head)
    n = 0
    while at < len(data):
        seconds, fraction, size = struct.unpack_from("<III", data, at)
        while n + 1 < len(cases) and seconds * 10**9 + fraction >= cases[n + 1]["begin"]:
            n += 1
        outs[n].write(data[at:at + 16 + size])
        at += 16 + size
    for out in outs:
        out.close()


def replay(program, folder, capture):
    """The summary of that capture, and all that was written about it."""
    files = {name: f"{folder}/out.{name}" for name in ("alerts", "transactions", "sessions", "summary")}
    options = [word for name, path in files.items() for word in (f"--{name}", path)]
    done = subprocess.run([program, "replay", "-s", "none", *options, f"{folder}/{capture}.pcap"], capture_output=True)
    written = done.stdout + done.stderr
    for path in files.values():
        with open(path, "rb") as file:
            written += file.read()
    with open(files["summary"], encoding="utf-8") as file:
        return json.load(file), written


def records(folder, name):
    with open(f"{folder}/out.{name}", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def is_about(seen, expected):
    """Up to 512 customers are counted exactly; beyond, four standard errors are allowed."""
    return seen == expected if expected <= 512 else abs(seen - expected) <= expected * 4 * 0.0082


def compare_customers(expected, folder):
    """Those of each transaction that has some, in order, and of the sessions that have some."""
    seen = {name: [record["subject"]["count"] for record in records(folder, name) if "subject" in record]
            for name in ("transactions", "sessions")}
    good = all(len(seen[name]) == len(expected[name]) and all(map(is_about, seen[name], expected[name])) for name in seen)
    told = {name: ", ".join(f"{count}" if times == 1 else f"{count} x {times}" for count, times in collections.Counter(
        counts).items()) for name, counts in seen.items()}
    return good, f"its customers: {told}" + ("" if good else f" not {expected}"[:2000])


def compare(folder, program):
    with open(f"{folder}/cases.json", encoding="utf-8") as file:
        cases = json.load(file)
    split(folder, cases)
    passed, failed, totals = 0, 0, dict.fromkeys(COUNTED, 0)

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    print(f"     {'case':56}{'requests':>14}{'rows':>18}{'errors':>10}   seen/expected")
    for n, case in enumerate(cases):
        summary, _ = replay(program, folder, n)
        seen = summary["protocols"]["postgresql"]
        rows = seen["returned_rows"] + seen["affected_rows"]
        expected = (case["calls"] + case["failures"] + case["more_requests"], case["rows"] + case["more_rows"], case["failures"])
        good = (seen["requests"], rows, seen["failures"]) == expected and summary["streams"]["gaps"] == 0
        why = f"   {case['more_requests']:+} requests, {case['more_rows']:+} rows: {case['why']}" if case["why"] else ""
        check(good, f"{case['name'][:55]:56}{seen['requests']:>7}/{expected[0]:<6}{rows:>9}/{expected[1]:<8}"
                    f"{seen['failures']:>5}/{expected[2]:<4}{why}")
        if case["customers"]:
            check(*compare_customers(case["customers"], folder))
        for name in COUNTED:
            totals[name] += seen[name]
        if not good and case["statements"]:
            print("\n".join(case["statements"]))
    summary, written = replay(program, folder, "all")
    whole = summary["protocols"]["postgresql"]
    check(all(whole[name] == totals[name] for name in COUNTED), "all cases in one capture")
    hidden = SECRET.encode(), base64.b64encode(SECRET.encode())
    check(not any(secret in written for secret in hidden), "no password and no literal in what is written")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
