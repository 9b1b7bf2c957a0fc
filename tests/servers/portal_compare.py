"""Holds what seepwatch saw of the portal against the portal's own log, request by request.

    portal_compare.py FOLDER PROGRAM      replays FOLDER/direct.pcap, FOLDER/proxied.pcap and FOLDER/front.pcap

direct is what agents asked the portal, proxied what nginx asked it for them, front what they asked nginx, which
packs what the portal did not: there the bytes are nginx's own.
"""
import glob
import json
import re
import subprocess
import sys

EXACT_MAX = 2048  # customers of one answer; more are estimated
SHOWN = {"read": None, "write": None, "other": None}


def seen(folder, program, name):
    """Transactions by user agent, sessions' ids, and everything that was written."""
    out = f"{folder}/{name}.transactions"
    config = f"{folder}/{name}.yaml"
    with open(config, "w", encoding="utf-8") as file:
        file.write("ports: {http: [80, 3000]}\nproxies: [127.0.0.2]\nsubject: {countries: [DE]}\n")
    command = [program, "replay", "-c", config, "--summary", f"{folder}/{name}.summary", "--transactions", out,
               "--sessions", f"{folder}/{name}.sessions", "--alerts", f"{folder}/{name}.alerts", f"{folder}/{name}.pcap"]
    subprocess.run(command, check=True, capture_output=True)
    written, by_agent = "", {}
    for end in "transactions", "sessions", "summary", "alerts":
        with open(f"{folder}/{name}.{end}", encoding="utf-8") as file:
            written += file.read()
    with open(out, encoding="utf-8") as file:
        for line in file:
            tx = json.loads(line)
            by_agent.setdefault(tx.get("user_agent", {}).get("original"), []).append(tx)
    return by_agent, written


def figures(tx):
    http, event = tx.get("http", {}), tx["event"]
    response = http.get("response", {})
    return {"method": http["request"]["method"], "status": response.get("status_code"),
            "user": tx.get("user", {}).get("name"), "action": event["action"], "outcome": event.get("outcome"),
            "records": response.get("records"), "bytes": response.get("body", {}).get("bytes"),
            "template": tx["url"]["template"], "customers": tx.get("subject", {}).get("count")}


def differences(own, tx, with_bytes):
    it, wrong = figures(tx), []
    estimated = own["customers"] and own["customers"] > EXACT_MAX
    if estimated and abs((it["customers"] or 0) / own["customers"] - 1) > 0.03:
        wrong.append(f"customers {it['customers']} for {own['customers']}")
    for name in ("method", "status", "user", "records", *(() if estimated else ("customers",)), *(("bytes",) if with_bytes else ())):
        if it[name] != own[name]:
            wrong.append(f"{name} {it[name]} for {own[name]}")
    if own["action"] and it["action"] != own["action"] or not own["action"] and it["action"] not in SHOWN:
        wrong.append(f"action {it['action']} for {own['action']}")
    if own["outcome"] and it["outcome"] != own["outcome"]:
        wrong.append(f"outcome {it['outcome']} for {own['outcome']}")
    if own.get("template") and it["template"] != own["template"]:
        wrong.append(f"template {it['template']}")
    return wrong


def secrets(folder):
    """Passwords, tokens, cookies and identifiers that must be nowhere."""
    found = {"geheim", "Z2VoZWlt", "100017", "0170 1", "falsch"}
    for jar in glob.glob(f"{folder}/jar*"):
        with open(jar, encoding="utf-8") as file:
            found.update(line.split("\t")[-1].strip() for line in file if "connect.sid" in line)
    with open(f"{folder}/secrets", encoding="utf-8") as file:
        found.update(file.read().split())
    found.update(part for secret in list(found) for part in re.split(r"[.%]", secret) if len(part) > 20)
    return found


def compare(folder, program):
    passed, failed = 0, 0

    def check(good, line):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(("ok   " if good else "FAIL ") + line)

    with open(f"{folder}/portal.log", encoding="utf-8") as file:
        own = [json.loads(line) for line in file]
    hidden = secrets(folder)
    for name, with_bytes in (("direct", True), ("proxied", True), ("front", False)):
        by_agent, written = seen(folder, program, name)
        asked = [o for o in own if o["agent"] in by_agent]
        expected = [o for o in own if o["agent"].startswith("agent/d") == (name == "direct")]
        check(len(asked) == len(expected) == sum(map(len, by_agent.values())), f"{name}: {len(expected)} requests")
        sessions = {tx["session"]["id"] for txs in by_agent.values() for tx in txs if "session" in tx}
        wrong = []
        for o in asked:
            tx = by_agent[o["agent"]].pop(0)  # a browser follows redirections by itself, in that order
            wrong += [(o["agent"], o, w) for w in differences(o, tx, with_bytes)]
        for agent, o, difference in wrong[:20]:
            print(f"     {agent}: {difference}   {o}")
        totals = {what: sum(1 for o in asked if o["action"] == what) for what in ("login", "logout")}
        failures = sum(1 for o in asked if o["outcome"] == "failure")
        records = sum(o["records"] or 0 for o in asked)
        customers = sum(o["customers"] or 0 for o in asked)
        check(not wrong, f"{name}: {totals['login']} logins, {failures} of them failed, {totals['logout']} logouts, "
                         f"{records} records, {customers} customers by request, {sum(o['bytes'] for o in asked)} bytes, accounts: as the portal logged")
        written = re.sub(r'"sketch":"h[^"]*"|"[0-9a-f]{16}"', '""', written)  # hashes have digits too
        leaks = sorted(s for s in hidden if s in written)
        check(not leaks, f"{name}: none of {len(hidden)} secrets in what is written" + (f": {leaks}" if leaks else ""))
        check(len(sessions) > 1, f"{name}: {len(sessions)} sessions")
    print(f"{passed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
