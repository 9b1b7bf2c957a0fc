"""Holds the alerts of the shipped rules against what the thieves got by then.

    thefts_compare.py FOLDER PROGRAM      replays FOLDER/weeks.pcap.gz; FOLDER/truth is thefts.py's
"""
import glob
import json
import os
import re
import subprocess
import sys
from datetime import datetime

AGENT_DAYS = 50 * 24
RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../rules")
# what may be gone before the first alert that names the thief: records, or mailboxes opened
LIMITS = {"telenor": 225, "kt": 0, "voicemail": 10}


def seconds(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (fraction or "0"))


def replay(folder, program):
    with open(f"{folder}/thefts.yaml", "w", encoding="utf-8") as file:
        file.write("http: {logins: [{path: /voicemail/login, user: mailbox, password: pin}]}\nnetworks:\n")
        for shop in range(10):
            file.write(f"  - {{name: shop-{shop}, prefixes: [10.1.{shop}.0/24]}}\n")
        file.write("  - {name: centre, prefixes: [10.3.0.0/16]}\n")
    with open(f"{folder}/local.yaml", "w", encoding="utf-8") as file:
        file.write("lists: {portals: [10.20.0.11], self_service: [10.20.0.12]}\n")
    for name in glob.glob(f"{folder}/state.db*"):
        os.remove(name)
    command = [program, "replay", "-c", f"{folder}/thefts.yaml", "-s", f"{folder}/state.db", "-r", RULES,
               "-r", f"{folder}/local.yaml", "--alerts", f"{folder}/alerts",
               "--transactions", f"{folder}/transactions", "--summary", f"{folder}/summary", f"{folder}/weeks.pcap.gz"]
    subprocess.run(command, check=True, capture_output=True)
    with open(f"{folder}/alerts", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def names(alert, thief):
    """Whether it names the thief: his accounts, addresses, networks; None where it names nobody."""
    parts = [(thief["users"], alert.get("user", {}).get("name")), (thief["addresses"], alert.get("client", {}).get("ip")),
             (thief["networks"], alert.get("network", {}).get("name"))]
    known = [value in own for own, value in parts if value]
    return any(known) if known else None


def compare(folder, program):
    alerts = [a for a in replay(folder, program) if a["event"]["dataset"] == "seepwatch.alert"]
    with open(f"{folder}/truth", encoding="utf-8") as file:
        truth = [json.loads(line) for line in file]
    guessers = {t["address"] for t in truth if t["attack"] == "voicemail"}
    thieves = {"kt": {"users": {"esb"}, "addresses": {"10.1.5.1"}, "networks": {"shop-5"}},
               "telenor": {"users": {"shop3-2"}, "addresses": set(), "networks": set()},
               "bulk": {"users": {"centre-3"}, "addresses": {"10.3.0.4"}, "networks": {"centre"}},
               "voicemail": {"users": set(), "addresses": guessers, "networks": set()}}
    passed = failed = 0

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    named = {}  # alerts by thief
    for attack, thief in thieves.items():
        began = next(t["time"] for t in truth if t["attack"] == attack) - 60
        for n, alert in enumerate(alerts):
            hit = names(alert, thief)
            # an alert that names nobody is the fleet's: only the guesser of PINs is found so
            if (hit or (hit is None and attack == "voicemail")) and seconds(alert["@timestamp"]) >= began:
                named.setdefault(attack, []).append(n)
    for attack, limit in LIMITS.items():
        taken = [t for t in truth if t["attack"] == attack]
        first = alerts[named[attack][0]] if attack in named else None
        at = seconds(first["@timestamp"]) if first else float("inf")
        gone = sum(t["took"] for t in taken if t["time"] < at)
        check(gone <= limit, f"{attack}: {gone} of {sum(t['took'] for t in taken)} gone before the first alert "
                             f"({first['rule']['id'] if first else 'none'}); at most {limit} may be")
    told = [alerts[n] for n in named.get("bulk", []) if alerts[n]["alert"].get("passing")]
    rows = told[0]["alert"]["value"] if told else 0
    check(0 < rows <= 4000, f"bulk: {rows} of 200000 gone when it was told, while they passed "
                            f"({told[0]['rule']['id'] if told else 'never'}); at most 4000 may be")
    known = {n for found in named.values() for n in found}
    wrong = [a for n, a in enumerate(alerts) if n not in known and not a["rule"]["id"].startswith("mirror-")]
    for a in wrong[:10]:
        print("     " + a["@timestamp"], a["rule"]["id"], a["message"][:150])
    check(len(wrong) <= 2, f"{len(wrong)} alerts on the others in {AGENT_DAYS} agent-days")
    written = {name: open(f"{folder}/{name}", "rb").read() for name in ("alerts", "transactions", "summary", "state.db")}
    written["transactions"] = re.sub(rb'"[0-9a-f]{16}"', b"", written["transactions"])
    leaks = [name for name, data in written.items() if re.search(rb"4670[0-9]{7}", data)]
    check(not leaks and len(written["state.db"]) > 100000, f"no customer's number in what is written, nor in the state: {leaks}")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
