#!/usr/bin/env python3
"""Hostile traffic stays within the memory budget, costs linear time, and hides no honest connection.

    hostile.py PROGRAM GENERATOR [KIND...]

Replays captures that GENERATOR (hostile.c) makes, with a budget of 64 MiB.  Of each kind: the peak of the whole process
stays under the budget and what code, libraries and nDPI's tables take; four times the traffic costs about four times the
time; what was forgotten is counted; and the honest connection in the midst of it is counted exactly.  Exit 0 or 1; the
last line is "N passed, N failed".
"""
import json
import os
import subprocess
import sys
import tempfile

BUDGET = 64 << 20
CODE = 20 << 20  # code, libraries, nDPI's own tables, buffers of files
ROWS = 3  # of an honest query
STEPS = 200  # honest queries
SELDOM = {"syn-flood": 20, "half-open": 20}  # likewise: quiet for longer than a full table lasts by order of use

# kind: (how many, where evictions are counted, requests of its own by protocol or None: any)
KINDS = {
    "syn-flood": (1000000, ("flows", "evicted"), {}),
    "half-open": (1000000, ("flows", "evicted"), {}),
    "half-said": (300000, ("flows", "evicted"), {}),
    "stays": (200000, ("flows", "evicted"), {}),
    "fragments": (500000, ("capture", "fragments_dropped"), {}),
    "fragments6": (500000, ("capture", "fragments_dropped"), {}),
    "tiny": (1000000, ("streams", "gaps"), {}),
    "holes": (200000, ("streams", "gaps"), {}),
    "sequences": (500000, ("streams", "gaps"), {}),
    "hosts": (1000000, ("limits", "sessions_forgotten"), {"http": 1000000}),
    "users": (1000000, ("limits", "rule_keys_forgotten"), {"http": 1000000}),
    "shapes": (200000, ("limits", "statements_forgotten"), {"postgresql": 200000}),
    "unanswered": (1000000, ("limits", "requests_pushed_out"), {}),
    "messages": (300000, ("limits", "messages_denied"), None),
    "headers": (100000, None, {}),
    "datagrams": (1000000, ("flows", "evicted"), {}),
    "servers": (1000000, ("flows", "evicted"), {}),
    "unknown": (200000, ("flows", "evicted"), {}),
    "everything": (900000, ("flows", "evicted"), None),
}

CONFIG = "limits: {memory: 64MiB}\n"
RULES = """
rules:
  - id: rows
    name: Rows of an account
    severity: low
    by: user.name
    measure: sum(db.response.returned_rows)
    over: 1h
    above: %d
  - id: accounts
    name: Accounts of an address
    severity: low
    by: client.ip
    measure: distinct(user.name)
    over: 1h
    above: 100000000
  - id: agents
    name: A new agent of an account
    severity: low
    by: user.name
    first: user_agent.original
    learn: 30d
"""


def steps_of(kind):
    return SELDOM.get(kind, STEPS)


def run(program, generator, folder, kind, count):
    """(summary, alerts, peak in bytes, seconds of processor time)"""
    path = {name: os.path.join(folder, name) for name in ("config.yaml", "rules.yaml", "alerts", "summary")}
    for name, text in (("config.yaml", CONFIG), ("rules.yaml", RULES % (ROWS * steps_of(kind) - 1))):
        with open(path[name], "w") as file:
            file.write(text)
    make = subprocess.Popen([generator, kind, str(count), str(steps_of(kind))], stdout=subprocess.PIPE)
    command = [program, "replay", "-s", "none", "-c", path["config.yaml"], "-r", path["rules.yaml"], "--alerts",
               path["alerts"], "--sessions", os.devnull, "--summary", path["summary"], "-"]
    child = subprocess.Popen(command, stdin=make.stdout)
    make.stdout.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode or make.wait():
        sys.exit(f"hostile.py: {kind}: status {child.returncode}")
    with open(path["summary"]) as summary, open(path["alerts"]) as alerts:
        return json.load(summary), [json.loads(line) for line in alerts], usage.ru_maxrss << 10, \
            usage.ru_utime + usage.ru_stime


def faults(kind, small, large):
    """What does not hold, in words."""
    count, evicted, own = KINDS[kind]
    summary, alerts, peak, seconds = large
    if peak > BUDGET + CODE:
        yield f"peak {peak >> 20} MiB is over {BUDGET + CODE >> 20} MiB"
    if seconds > 4 * 1.5 * small[3] + 0.2:
        yield f"{seconds:.2f} s, and {small[3]:.2f} s for a quarter of it"
    if evicted and not summary[evicted[0]][evicted[1]]:
        yield f"{'.'.join(evicted)} counts nothing"
    for protocol in ("postgresql", "http") if own is not None else ():
        have = summary["protocols"].get(protocol, {"requests": 0})["requests"]
        want = own.get(protocol, 0) + (steps_of(kind) if protocol == "postgresql" else 0)
        if have != want and (protocol == "postgresql" or own):
            yield f"{have} requests of {protocol}, not {want}"
    rows = summary["protocols"].get("postgresql", {"returned_rows": 0})["returned_rows"]
    if rows != ROWS * steps_of(kind):
        yield f"{rows} rows, not {ROWS * steps_of(kind)}"
    told = [a["alert"]["value"] for a in alerts if a["rule"]["id"] == "rows" and a["user"]["name"] == "honest"]
    # all of it together pushes out who is quiet for longest: rows still count, for nobody
    if kind != "everything" and told != [ROWS * steps_of(kind)]:
        yield f"alerts on the honest account: {told}"


def main():
    program, generator, kinds = sys.argv[1], sys.argv[2], sys.argv[3:] or list(KINDS)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            count = KINDS[kind][0]
            small, large = (run(program, generator, folder, kind, n) for n in (count // 4, count))
            wrong = list(faults(kind, small, large))
            print(f"{kind}: peak {large[2] >> 20} MiB, {large[3]:.2f} s for {count}"
                  + "".join(f"\n    FAILED: {fault}" for fault in wrong), flush=True)
            passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
