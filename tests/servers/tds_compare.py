"""Holds what seepwatch saw against what the clients of a TDS server were answered, connection by connection.

    tds_compare.py FOLDER PROGRAM    FOLDER/all.pcap was recorded; FOLDER/server.json has what the server counted, and
                                     FOLDER/cases.json what the clients that tell were told
"""
import collections
import json
import subprocess
import sys

SECRET = "hunter2"
COUNTED = "requests", "rows", "changes", "errors"
APART = "PRELOGIN", "LOGIN7", "ATTENTION", "INSERT BULK", "BEGIN TRANSACTION", "COMMIT", "ROLLBACK"


def replay(folder, program):
    """The summary, the transactions by the client's port, and all that is written."""
    files = {kind: f"{folder}/{kind}.out" for kind in ("summary", "transactions", "sessions", "alerts")}
    subprocess.run([program, "replay", "-s", "none", f"{folder}/all.pcap"] + [
        part for kind, path in files.items() for part in (f"--{kind}", path)], check=True)
    connections, written = collections.defaultdict(list), ""
    for path in files.values():
        with open(path, encoding="utf-8") as file:
            written += file.read()
    with open(files["transactions"], encoding="utf-8") as file:
        for line in file:
            transaction = json.loads(line)
            connections[transaction["client"]["port"]].append(transaction)
    with open(files["summary"], encoding="utf-8") as file:
        return json.load(file), connections, written


def counts(transactions):
    seen = dict.fromkeys(COUNTED, 0)
    for transaction in transactions:
        database = transaction["db"]
        response = database.get("response", {})
        operation = database.get("operation", {}).get("name", "")
        is_apart = operation.startswith(APART) and ("query" not in database or operation == "INSERT BULK")
        seen["requests"] += not is_apart
        seen["rows"] += response.get("returned_rows", 0)
        seen["changes"] += response.get("affected_rows", 0)
        seen["errors"] += transaction["event"]["outcome"] == "failure"
    return seen


def main(folder, program):
    passed = failed = 0

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    def lines(name):
        with open(f"{folder}/{name}.json", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    summary, connections, written = replay(folder, program)
    whole, all_counts = summary["protocols"]["tds"], collections.Counter()
    for n, told in enumerate(lines("server")):
        transactions = connections.get(told["port"], [])
        users = {t["user"]["name"] for t in transactions if "user" in t}
        if told["encryption"] == 1:
            check(counts(transactions)["requests"] == 1 and not users, f"connection {n}: encrypted, and only counted")
            continue
        seen = counts(transactions)
        should = dict(requests=told["batches"] + told["calls"], rows=told["rows"], changes=told["changes"],
                      errors=told["errors"])
        all_counts.update(should)
        is_named = users == (set() if told["encryption"] == 0 else {told["user"]})
        is_exact = not any("capture" in t for t in transactions)
        check(seen == should and is_named and is_exact, f"connection {n}: version {told['version']:#x}, " + ", ".join(
            f"{seen[name]}/{should[name]} {name}" for name in COUNTED) + (", MARS" if told["mars"] else ""))
    got = whole["requests"], whole["returned_rows"], whole["affected_rows"], whole["failures"]
    check(got == tuple(all_counts[name] for name in COUNTED), f"all together: {got}")
    cases = [case for case in lines("cases") if "hidden" not in case]
    by_order = [told for told in lines("server") if told["encryption"] != 1]
    for case, told in zip(cases, by_order if cases and not cases[0]["name"].startswith("odbc") else []):
        wrong = [name for name in ("rows", "changes", "errors") if name in case and case[name] != told[name]]
        check(not wrong or case["name"] == "cancelled", f"the driver was told the same: {case['name']}")
        if "customers" in case:
            seen = sum(t["subject"]["count"] for t in connections[told["port"]] if "subject" in t)
            check(seen == case["customers"], f"{case['name']}: {seen}/{case['customers']}, statement by statement")
        if case["name"] == "a refused login":
            break
    streams = summary["streams"]
    check(not any(streams[name] for name in ("gaps", "resyncs", "unread", "rows_disagreed")), "nothing was lost or not read")
    told = SECRET.lower() in written.lower() or SECRET.encode("utf-16-le").decode() in written
    told = told or any(part in written for part in ("467012345", "07012345", "example.org", "+46 70"))
    check(not told, "no password, no literal and no value in what is written")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if main(*sys.argv[1:]) else 1)
