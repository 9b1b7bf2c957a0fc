"""Holds what seepwatch saw of HTTP/2, gRPC, WebSocket and the PROXY protocol against what the servers counted.

    http2_compare.py FOLDER PROGRAM      replays the captures of FOLDER, which http2.sh made
"""
import collections
import json
import re
import subprocess
import sys

SECRETS = "geheim", "0123456789abcdef0123", "49170555012345"


def seen(folder, program, name):
    """The transactions, the summary, and everything that was written."""
    out = f"{folder}/{name}.transactions"
    with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as file:
        file.write("proxies: [127.0.0.2]\n")
    subprocess.run([program, "replay", "-s", "none", "-c", f"{folder}/{name}.yaml", "--transactions", out, "--alerts",
                    f"{folder}/{name}.alerts", "--summary", f"{folder}/{name}.summary", f"{folder}/{name}.pcap"],
                   check=True, capture_output=True)
    with open(out, encoding="utf-8") as file:
        written = file.read()
    with open(f"{folder}/{name}.summary", encoding="utf-8") as file:
        summary = file.read()
    return [json.loads(line) for line in written.splitlines()], json.loads(summary), written + summary


def body(tx):
    return tx.get("http", {}).get("response", {}).get("body", {}).get("bytes", 0)


def records(tx):
    return tx.get("http", {}).get("response", {}).get("records", 0)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, good, line):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(("ok   " if good else "FAIL ") + line)


def access_log(folder):
    with open(f"{folder}/nginx.log", encoding="utf-8") as file:
        for line in file:
            port, method, status, size, uri, address, _, real, real_port = line.split()
            yield port, (method, int(status), int(size), uri.split("?")[0]), (real, real_port, address)


def whole(check, name, transactions, summary, protocol, written):
    """What holds for each capture."""
    figures, limits = summary["protocols"][protocol], summary["limits"]
    partial = sum(1 for tx in transactions if "capture" in tx)
    lost = limits["header_tables_lost"] + limits["header_blocks_denied"] + limits["requests_pushed_out"]
    check(partial == 0 and lost == 0 and summary["streams"]["resyncs"] == 0 and summary["streams"]["unread"] == 0,
          f"{name}: {figures['connections']} connections, nothing partial, no table lost, nothing unread")
    leaks = [secret for secret in SECRETS if secret in written]
    check(not leaks, f"{name}: no cookie, password or identifier in what is written {leaks or ''}")


def compare_nginx(check, folder, program):
    transactions, summary, written = seen(folder, program, "nginx")
    own = collections.Counter(line for port, line, _ in access_log(folder) if port == "8081")
    theirs = collections.Counter((tx["http"]["request"]["method"], tx["http"].get("response", {}).get("status_code"), body(tx),
                                  tx["url"]["path"]) for tx in transactions if tx["network"]["protocol"] == "http2")
    for line in list((own - theirs).items())[:5] + [(k, -v) for k, v in (theirs - own).items()][:5]:
        print("    ", line)
    check(own == theirs, f"nginx: {sum(own.values())} requests of HTTP/2 with method, status, bytes and path, "
                         f"{sum(k[2] * n for k, n in own.items())} bytes: as nginx logged")
    lists = {int(m[1]) for tx in transactions if (m := re.search(r"list(\d+)", tx["url"]["path"])) and records(tx) != int(m[1])
             and body(tx) > 0}
    counted = sum(records(tx) for tx in transactions)
    check(not lists and counted > 0, f"nginx: {counted} records in lists, plain and packed")
    logins = [tx for tx in transactions if tx["event"]["action"] == "login"]
    check(len(logins) == 1 and logins[0]["user"]["name"] == "anna", "nginx: one login, its account")
    whole(check, "nginx", transactions, summary, "http2", written)


def compare_nghttpd(check, folder, program):
    transactions, summary, written = seen(folder, program, "nghttpd")
    with open(f"{folder}/h2load.out", encoding="utf-8") as file:
        told = file.read()
    good = int(re.search(r"status codes: (\d+) 2xx", told)[1])
    size = int(re.search(r"traffic: .*\((\d+)\) data", told)[1])
    loaded = [tx for tx in transactions if tx.get("user_agent", {}).get("original", "").startswith("h2load")]
    check(len(loaded) == good == 4000 and sum(map(body, loaded)) == size,
          f"nghttpd: {len(loaded)} requests, {size} bytes: as h2load counted")
    whole(check, "nghttpd", transactions, summary, "http2", written)


def compare_upgraded(check, folder, program):
    transactions, summary, written = seen(folder, program, "upgraded")
    asked = [tx for tx in transactions if tx["network"]["protocol"] == "http"]
    answered = [tx for tx in transactions if tx["network"]["protocol"] == "http2"]
    with open(f"{folder}/upgraded.log", encoding="utf-8") as file:
        logged = [line.split() for line in file]
    own = collections.Counter((int(status), int(size), path) for status, size, _, path, _ in logged)
    theirs = collections.Counter((tx["http"]["response"]["status_code"], body(tx), tx["url"]["path"]) for tx in answered)
    figures = summary["protocols"]
    check(own == theirs and len(asked) == 6 and all(tx["http"]["response"]["status_code"] == 101 for tx in asked),
          f"upgraded: {len(asked)} upgrades, {len(answered)} answers by HTTP/2 with path and bytes: as nghttpx logged")
    check(figures["http"]["requests"] + figures["http2"]["requests"] == len(logged) == figures["http2"]["responses"],
          f"upgraded: {len(logged)} requests, each counted once")
    whole(check, "upgraded", transactions, summary, "http2", written)


def compare_proxied(check, folder, program):
    transactions, summary, written = seen(folder, program, "proxied")
    own = collections.Counter((line[1:], *ends) for port, line, ends in access_log(folder) if port in ("8084", "8085"))
    theirs = collections.Counter(
        ((tx["http"]["response"]["status_code"], body(tx), tx["url"]["path"]), tx["client"]["ip"],
         str(tx["client"]["port"]), tx["source"]["ip"]) for tx in transactions)
    check(own == theirs and sum(own.values()) >= 15,
          f"proxied: {sum(own.values())} requests of {len({k[1] for k in own})} clients behind haproxy, PROXY v1 and v2")
    whole(check, "proxied", transactions, summary, "http2", written)


def compare_grpc(check, folder, program):
    transactions, summary, written = seen(folder, program, "grpc")
    own = collections.Counter((f"/crm.v1.Customers2024/{call['name']}", {0: "success", -1: "unknown"}.get(call["status"], "failure"),
                               call["asked"], call["answers"]) for call in lines(f"{folder}/grpc.log"))
    theirs = collections.Counter((tx["url"]["template"], tx["event"]["outcome"], tx["http"]["request"]["records"], records(tx)) for tx in transactions)
    for line in list((own - theirs).items())[:5] + [(k, -v) for k, v in (theirs - own).items()][:5]:
        print("    ", line)
    check(own == theirs, f"grpc: {sum(own.values())} calls, their outcomes, {sum(k[2] * n for k, n in own.items())} messages in and "
                         f"{sum(k[3] * n for k, n in own.items())} out: as the server logged")
    whole(check, "grpc", transactions, summary, "http2", written)


def compare_websocket(check, folder, program):
    transactions, summary, written = seen(folder, program, "websocket")
    spoken = [tx for tx in transactions if tx["network"]["protocol"] == "websocket"]
    own = lines(f"{folder}/websocket.log")
    by_end = collections.defaultdict(lambda: [0, 0, 0, 0])
    for tx in spoken:
        end = by_end[tx["client"]["port"]]
        end[0] += tx["http"]["request"].get("records", 0)
        end[1] += records(tx)
        end[2] += tx["http"]["request"]["body"]["bytes"]
        end[3] += body(tx)
    figures = summary["protocols"]["websocket"]
    check(figures["requests"] == sum(c["in"] for c in own) and sum(map(records, spoken)) == sum(c["out"] for c in own) and
          figures["connections"] == len(own),
          f"websocket: {figures['connections']} connections, {figures['requests']} messages in, "
          f"{sum(map(records, spoken))} out: as the server counted")
    plain = sorted((c["in"], c["out"], c["in_bytes"], c["out_bytes"]) for c in own if not c["packed"])
    told = sorted(tuple(end) for end in by_end.values())
    check(all(line in told for line in plain), f"websocket: bytes both ways of {len(plain)} connections that do not pack")
    check(all(tx["url"]["path"] in ("/agent/{id}", "/push") for tx in spoken), "websocket: the path of the Upgrade")
    whole(check, "websocket", transactions, summary, "websocket", written)


def compare(folder, program):
    check = Checks()
    for one in compare_nginx, compare_nghttpd, compare_upgraded, compare_proxied, compare_grpc, compare_websocket:
        one(check, folder, program)
    print(f"{check.passed} passed, {check.failed} failed")
    return check.failed == 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(0 if compare(*sys.argv[1:]) else 1)
