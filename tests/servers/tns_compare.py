"""Holds what seepwatch saw against what npm's oracledb was sent, case by case: each is a connection of its own.

    tns_compare.py FOLDER PROGRAM    replays FOLDER/PROFILE.pcap; FOLDER/PROFILE.json has what the driver counted
"""
import base64
import collections
import glob
import json
import subprocess
import sys

SECRET = "hunter2"
COUNTED = "statements", "rows", "changed", "errors"


def replay(program, capture):
    """The summary, and what is written of the connections, in their order."""
    out = capture.removesuffix(".pcap")
    subprocess.run([program, "replay", "-s", "none", "--summary", f"{out}.summary", "--transactions", f"{out}.transactions",
                    "--sessions", f"{out}.sessions", "--alerts", f"{out}.alerts", capture], check=True)
    connections = collections.defaultdict(list)
    written = ""
    for kind in "transactions", "sessions", "alerts":
        with open(f"{out}.{kind}", encoding="utf-8") as file:
            written += file.read()
    with open(f"{out}.transactions", encoding="utf-8") as file:
        for line in file:
            transaction = json.loads(line)
            connections[transaction["client"]["port"]].append(transaction)
    with open(f"{out}.summary", encoding="utf-8") as file:
        return json.load(file), sorted(connections.values(), key=lambda all: all[0]["@timestamp"]), written


def counts(transactions):
    """What the driver counts, of a connection."""
    seen = dict.fromkeys(COUNTED, 0)
    for transaction in transactions:
        response = transaction["db"].get("response", {})
        apart = "operation" in transaction["db"] and transaction["db"]["operation"].get("name") in (
            "FETCH", "LOB READ", "LOB", "COMMIT", "ROLLBACK", "PING", "PIPELINE END")
        seen["statements"] += not apart and transaction["event"]["action"] not in ("login", "logout")
        seen["rows"] += response.get("returned_rows", 0)
        seen["changed"] += response.get("affected_rows", 0)
        seen["errors"] += transaction["event"]["outcome"] == "failure"
    return seen


def main(folder, program):
    passed = failed = 0

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    for capture in sorted(glob.glob(f"{folder}/*.pcap")):
        profile = capture.rsplit("/", 1)[1].removesuffix(".pcap")
        with open(capture.replace(".pcap", ".json"), encoding="utf-8") as file:
            cases = [json.loads(line) for line in file]
        summary, connections, written = replay(program, capture)
        check(len(connections) == len(cases), f"{profile}: {len(connections)} connections of {len(cases)} cases")
        for case, transactions in zip(cases, connections):
            seen, should = counts(transactions), {name: case.get(name, 0) for name in COUNTED}
            check(seen == should and "broken" not in case, f"{profile}: {case['name']}: " + ", ".join(
                f"{seen[name]}/{should[name]} {name}" for name in COUNTED))
            if "customers" in case:
                shown = sum(t["subject"]["count"] for t in transactions if "subject" in t)
                check(shown == case["customers"],
                      f"{profile}: {case['name']}: {shown}/{case['customers']}, call by call")
        whole = summary["protocols"]["tns"]
        wanted = tuple(sum(case.get(name, 0) for case in cases) for name in COUNTED)
        got = whole["requests"], whole["returned_rows"], whole["affected_rows"], whole["failures"]
        check(got == wanted, f"{profile}: all together: {got}")
        users = {t["user"]["name"] for all in connections for t in all if "user" in t}
        check(users == {"agent"}, f"{profile}: the account")
        kept = [t for all in connections for t in all if t.get("capture", {}).get("estimated")]
        check(not kept, f"{profile}: no row count is an estimate")
        hidden = "467000", "07012345", "+46 70", SECRET, base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex()
        told = [secret for secret in hidden if secret.lower() in written.lower()]
        check(not told, f"{profile}: no password, no literal and no value in what is written")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if main(*sys.argv[1:]) else 1)
