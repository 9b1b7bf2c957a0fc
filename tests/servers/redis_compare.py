"""Holds what seepwatch saw against what Redis counted.

    redis_compare.py FOLDER PROGRAM    replays FOLDER/all.pcap case by case; FOLDER/cases.json has the counts

Expected of a case are the server's total_commands_processed with what it rejected, the calls of each command
(INFO commandstats), its total_error_replies, and the rows that the client was sent.
"""
import base64
import collections
import json
import sys

from postgresql_compare import compare_customers, replay, split
from redis_cases import SECRET

COUNTED = "requests", "returned_rows", "failures"
MESSAGES = "MESSAGE", "PMESSAGE", "SMESSAGE", "INVALIDATE", "SUBSCRIBED", "UNSUBSCRIBED", "PUSH"


def names_seen(folder):
    """How often each command was seen, as INFO commandstats writes it."""
    seen = collections.Counter()
    with open(f"{folder}/out.transactions", encoding="utf-8") as file:
        for line in file:
            name = json.loads(line)["db"].get("operation", {}).get("name")
            if name and name not in MESSAGES:
                seen["debug" if name.startswith("DEBUG") else name.lower().replace(" ", "|")] += 1
    return dict(seen)


def compare(folder, program):
    with open(f"{folder}/cases.json", encoding="utf-8") as file:
        cases = json.load(file)
    split(folder, cases)
    passed, failed, totals = 0, 0, dict.fromkeys(COUNTED, 0)

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    print(f"     {'case':58}{'requests':>14}{'rows':>14}{'errors':>10}   seen/expected")
    for n, case in enumerate(cases):
        summary, _ = replay(program, folder, n)
        seen = summary["protocols"]["redis"]
        unknown = case["errors"] - case["rejected"] if case["unknown"] is None else case["unknown"]
        requests = case["calls"] + case["rejected"] + unknown - case["apart"]
        rows = seen["returned_rows"] if case["rows"] is None else case["rows"]
        names = names_seen(folder)
        good = (seen["requests"], seen["returned_rows"], seen["failures"]) == (requests, rows, case["errors"])
        good = good and summary["streams"]["gaps"] == 0 and (not case["names"] or names == case["commands"])
        why = f"   {case['why']}" if case["why"] else ""
        check(good, f"{case['name'][:57]:58}{seen['requests']:>7}/{requests:<6}{seen['returned_rows']:>7}/{rows:<6}"
                    f"{seen['failures']:>5}/{case['errors']:<4}{why}")
        if not good and case["names"]:
            both = set(names) | set(case["commands"])
            print({name: (names.get(name, 0), case["commands"].get(name, 0)) for name in sorted(both)
                   if names.get(name, 0) != case["commands"].get(name, 0)})
        if case["customers"]:
            check(*compare_customers(case["customers"], folder))
        for name in COUNTED:
            totals[name] += seen[name]
    summary, written = replay(program, folder, "all")
    whole = summary["protocols"]["redis"]
    check(all(whole[name] == totals[name] for name in COUNTED), "all cases in one capture")
    hidden = SECRET.encode(), base64.b64encode(SECRET.encode())
    told = any(secret.lower() in written.lower() for secret in hidden)
    check(not told, "no password, no key and no value in what is written")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
