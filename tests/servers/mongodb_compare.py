"""Holds what seepwatch saw against what MongoDB's driver and the server at the other end counted.

    mongodb_compare.py FOLDER PROGRAM    replays FOLDER/all.pcap; FOLDER/counts.json and events.json have the counts

The driver's events are of its application's commands; what it says for itself (hello, logins), what its cursors do
without it and what the old opcodes ask is in the server's counts alone.
"""
import collections
import json
import subprocess
import sys

from postgresql_compare import is_about

SECRET = b"Xq7Secret"
BY_ITSELF = {"hello", "isMaster"}
SHAPES = (
    "find customers {plan: ?, age: {$gt: ?}}",
    "find customers {$or: [{age: ?}, {age: ?}]}",
    "insert customers",
    "update customers {plan: ?}",
    "delete customers {age: {$in: ?}}",
    "findAndModify customers {_id: ?}",
    "aggregate customers [$match {plan: ?}, $lookup customers]",
    "aggregate customers [$match {plan: ?}, $out copies]",
)


def replay(folder, program):
    files = {name: f"{folder}/out.{name}" for name in ("alerts", "transactions", "sessions", "summary")}
    options = [word for name, path in files.items() for word in (f"--{name}", path)]
    done = subprocess.run([program, "replay", "-s", "none", *options, f"{folder}/all.pcap"], capture_output=True, check=True)
    written = done.stdout + done.stderr
    for path in files.values():
        with open(path, "rb") as file:
            written += file.read()
    with open(files["summary"], encoding="utf-8") as file:
        summary = json.load(file)
    with open(files["transactions"], encoding="utf-8") as file:
        return summary, [json.loads(line) for line in file], written


def tally(transactions):
    """By command: how many, their documents, what they changed, what failed."""
    by = collections.defaultdict(collections.Counter)
    for t in transactions:
        response, count = t["db"].get("response", {}), by[t["db"].get("operation", {}).get("name")]
        # what the server sent unasked is no request
        count["asked"] += t["client"]["bytes"] > 0
        count["documents"] += response.get("returned_rows", 0)
        count["changed"] += response.get("affected_rows", 0)
        count["failed"] += t["event"]["outcome"] == "failure"
    return by


def compare(folder, program):
    with open(f"{folder}/counts.json", encoding="utf-8") as file:
        server = json.load(file)
    with open(f"{folder}/events.json", encoding="utf-8") as file:
        driver = json.load(file)
    summary, transactions, written = replay(folder, program)
    seen, by = summary["protocols"]["mongodb"], tally(transactions)
    passed = failed = 0

    def check(what, is_value, should):
        nonlocal passed, failed
        good = is_value == should
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAILED: {what}: {is_value}, not {should}")

    commands = collections.Counter()
    for name, count in server["commands"].items():
        commands["isMaster" if name == "ismaster" else name] += count
    check("requests", seen["requests"], sum(commands.values()))
    check("responses", seen["responses"], server["sent"] - server["unasked"] - server["steps"])
    check("returned_rows", seen["returned_rows"], server["documents"])
    check("affected_rows", seen["affected_rows"], server["changed"])
    check("failures", seen["failures"], server["failures"] + server["refused"])
    check("client_bytes", seen["client_bytes"], server["bytes"]["client"])
    check("server_bytes", seen["server_bytes"], server["bytes"]["server"])
    check("lost_bytes", seen["lost_bytes"], 0)
    check("bytes of transactions", sum(t["server"]["bytes"] for t in transactions), server["bytes"]["server"])
    for name, count in commands.items():
        check(f"{name}: requests", by[name]["asked"], count)
    # the application's connections alone: those that told its name, or asked before it was told
    own = [t for t in transactions if t.get("user_agent", {}).get("original") == driver["software"]]
    own_by = tally(own)
    for name, count in driver["started"].items():
        if name not in BY_ITSELF:
            check(f"{name}: started", own_by[name]["asked"], count)
            # the driver does not wait for the reply to it
            waits = name != "endSessions"
            check(f"{name}: failed", own_by[name]["failed"], driver["failed"].get(name, 0) if waits else 0)
            check(f"{name}: documents", own_by[name]["documents"], driver["documents"].get(name, 0))
    for name, count in driver["changed"].items():
        # a failed write of several changed some of them all the same: the server's count above has it
        check(f"{name}: changed", own_by[name]["changed"], count)
    logins = collections.Counter(t["event"]["outcome"] for t in transactions if t["event"]["action"] == "login")
    check("logins", logins["success"], driver["logins"])
    check("logins, as the server counted", logins["success"], server["logins"])
    check("logins refused", logins["failure"], driver["refused"])
    readers = {t["user"]["name"] for t in transactions if "user" in t and t["event"]["action"] == "read"}
    check("accounts", readers, {"agent", "odd,na=me"})
    shapes = {t["db"]["query"]["text"] for t in transactions if "query" in t["db"]}
    for shape in SHAPES:
        check(f"shape {shape}", shape in shapes, True)
    people = [(t["db"]["operation"]["name"], t["subject"]["count"]) for t in transactions
              if "subject" in t and t["db"].get("collection", {}).get("name") == ["people"]]
    should = [(name, count) for name, count in driver["people"]]
    good = len(people) == len(should) and all(one[0] == two[0] and is_about(one[1], two[1]) for one, two in zip(people, should))
    check("customers", people if not good else should, should)
    check("secrets written", SECRET in written, False)
    print(f"{seen['requests']} requests, {seen['returned_rows']} documents, {seen['server_bytes']} bytes")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
